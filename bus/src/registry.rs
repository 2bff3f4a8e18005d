//! The services of a bus, as files of its directory.
//!
//! ```text
//! DIR/<stem>.lock   the owner's pid, the service's name and its instance; locked by the owner for life
//! DIR/<stem>.sock   the control socket; there once the service is ready
//! ```
//!
//! Data has no name in the file system, so these two files are all that a killed owner can leave. Whoever
//! reads the directory next finds its lock free, never lists it, and sweeps both.
//!
//! **Claiming and sweeping never race.** Two locks on the lock file: byte 0 is the owner's for life, byte 1
//! is held for a moment by whoever changes the files. An owner starts, and a sweeper sweeps, under byte 1;
//! listing only *asks* about byte 0 and takes nothing. A lock file that was unlinked while one waited for
//! it is recognised by its inode, and opened anew. All of it ends with the process that holds it.
//!
//! **What is listed is there.** A service is listed where byte 0 is held *and* there is a socket. So an owner
//! removes a dead one's socket before it takes byte 0, and its own appears, listening, in one step.
//!
//! **Nobody tidies an idle bus away.** A shared flock(2) on the directory keeps systemd-tmpfiles(8) from
//! removing files that look old: a lock file is written once and may be locked for months.
//!
//! **A life is told from the next one.** Each has a random number, its *instance*, which the file names and the service
//! says in its hello; so whoever looks twice sees a service that returned meanwhile, also where the same process has it.
//!
//! # Shared by several users
//!
//! A directory that others may write to is a place where names can be taken, links laid, and locks held against one. What is
//! believed there, and why that is enough:
//!
//! - **The directory** belongs to root, this user, or one whom this program trusts, and whoever else may write to it cannot
//!   remove what is not his: it is sticky. It is opened without following a link, and kept open.
//! - **Lock files** are their owner's alone (mode 600), so that nobody else can hold a lock on one: a read lock, for which
//!   reading would be enough, keeps a new owner out. All that is said above goes on among the processes of one user. A lock
//!   file that is another user's, a link, or has a second name, is not written: the name is taken.
//! - **Others' services are asked, and not looked up.** A socket is held by its inode, not being a link and having one name,
//!   before it is connected to by that; its file and whoever listens must be the same, trusted user's. It answers as long as
//!   its process lives. So whoever lays a socket, or a link to another service, where a name is expected, is not talked to. He
//!   can keep the name from others, which is for the directory's owner to prevent: by who may write there.
//! - **What a dead service leaves** is swept by processes of its own user.
//! - **Sockets** are for their user alone, until an access list allows others something. The lists decide; the mode only
//!   keeps those from asking who need not.
//!
//! The stem is the service's name where that makes a fine file name, and `~` with its fingerprint otherwise;
//! the lock file holds the name itself.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags};

use crate::access::{how_to_trust, is_own};
use crate::error::{Error, Result};
use crate::message;
use crate::name;
use crate::sys::lock::{self, Byte};
use crate::sys::socket::{self, Credentials};
use crate::sys::users::{self, Kind};

/// How long to wait for another process that is changing the same service's files, which takes it
/// microseconds unless it was stopped in the middle.
const FILES_LOCK_TIMEOUT: Duration = Duration::from_secs(2);

const LOCK: &str = "lock";
const SOCKET: &str = "sock";

/// A live service found in the directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct ServiceInfo {
    /// The service's name.
    pub name: String,
    /// The process that owns it, by the number that it has for itself; of a service that is connected to, the number that it
    /// has here, by the kernel's word. The two differ in another pid namespace only.
    pub pid: u32,
    /// Which life of the service it is: another number each time that the name is claimed. The same as the
    /// [`epoch`](crate::Update::epoch) of what it publishes. 0 for another user's service, which tells it to who connects.
    pub instance: u64,
}

impl ServiceInfo {
    /// Whether both tell of the same life, as far as they know. The process has another number in another pid namespace, so
    /// that tells lives apart only where their own number is not known.
    pub(crate) fn is_same_life(&self, other: &ServiceInfo) -> bool {
        let unknown = self.instance == 0 || other.instance == 0;
        let same = if unknown { self.pid == other.pid } else { self.instance == other.instance };
        self.name == other.name && same
    }
}

/// The directory of one bus.
#[derive(Debug)]
pub(crate) struct Registry {
    path: PathBuf,
    /// Open for as long as the registry lives, so that socket paths stay short whatever `path` is, and locked
    /// against tidying.
    directory: File,
    /// Whether other users may be here.
    shared: bool,
    /// Users whose services are connected to, besides root and this program's own.
    trusted: Vec<u32>,
}

/// Why a service was not connected to.
#[derive(Debug)]
pub(crate) enum NotConnected {
    /// `NotFound` or `ConnectionRefused` if there is no such service, `WouldBlock` if it is swamped.
    Io(io::Error),
    /// It is this user's, who is not trusted.
    Untrusted(u32),
    /// Its socket is not for this program's user.
    Denied,
}

impl From<io::Error> for NotConnected {
    fn from(error: io::Error) -> Self {
        NotConnected::Io(error)
    }
}

/// A service's name, taken; given back when dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    stem: String,
    lock: File,
}

impl Registry {
    /// Opens the directory, creating it for this user only if it is not there.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::open_private(path, OFlags::DIRECTORY)
    }

    /// As [`open`](Self::open), in a directory where others may lay links: one by its name is not followed.
    pub(crate) fn open_among_others(path: &Path) -> Result<Self> {
        Self::open_private(path, OFlags::DIRECTORY | OFlags::NOFOLLOW)
    }

    fn open_private(path: &Path, flags: OFlags) -> Result<Self> {
        let doing = || format!("opening the bus directory {}", path.display());
        let failed = |error: io::Error| {
            let is_link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
            Error::os(doing())(if is_link && flags.contains(OFlags::NOFOLLOW) {
                let why = "it is a symbolic link, which anybody could have laid there: remove it, or choose another directory, by \
                           `$BUS_DIR` or `Bus::builder().directory(path)`";
                io::Error::new(io::ErrorKind::PermissionDenied, why)
            } else {
                explain(error)
            })
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let opened = File::options().read(true).custom_flags(flags.bits() as i32).open(path);
        let directory = opened.map_err(failed)?;
        let metadata = directory.metadata().map_err(Error::os(doing()))?;
        let ours = rustix::process::geteuid().as_raw();
        if metadata.uid() != ours || metadata.permissions().mode() & 0o077 != 0 {
            let found =
                format!("uid {} and mode {:o}", metadata.uid(), metadata.permissions().mode() & 0o7777);
            let expected = format!(
                "uid {ours} and mode 700: chown and chmod it, choose another directory, or open it as one that several users \
                 share, with `Bus::builder().shared(mode)` or `.trust(uid)`"
            );
            return Err(Error::Os {
                doing: doing(),
                source: io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    format!("it has {found}, expected {expected}"),
                ),
            });
        }
        keep_from_tidying(&directory, path);
        Ok(Registry { path: path.to_owned(), directory, shared: false, trusted: Vec::new() })
    }

    /// Opens a directory that several users share. With a mode it is created where it is not there, and has that mode
    /// afterwards where it is this user's.
    pub(crate) fn open_shared(path: &Path, mode: Option<u32>, trusted: Vec<u32>) -> Result<Self> {
        let doing = || format!("opening the shared bus directory {}", path.display());
        let failed = |error: io::Error| Error::os(doing())(explain(error));
        if mode.is_some() {
            create_above(path).map_err(failed)?;
            match fs::DirBuilder::new().mode(0o700).create(path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
                _ => {}
            }
        }
        let flags = (OFlags::DIRECTORY | OFlags::NOFOLLOW).bits() as i32;
        let directory = File::options().read(true).custom_flags(flags).open(path).map_err(failed)?;
        let mut metadata = directory.metadata().map_err(failed)?;
        let ours = rustix::process::geteuid().as_raw();
        if let Some(mode) = mode
            && metadata.uid() == ours
            && metadata.permissions().mode() & 0o7777 != mode
        {
            // Whatever the umask says, and also where whoever created it died before it came to this.
            directory.set_permissions(fs::Permissions::from_mode(mode)).map_err(failed)?;
            metadata = directory.metadata().map_err(failed)?;
        }
        let registry = Registry { path: path.to_owned(), directory, shared: true, trusted };
        let (owner, mode) = (metadata.uid(), metadata.permissions().mode() & 0o7777);
        let wrong = if !registry.trusts(owner) {
            format!(
                "it belongs to user {owner}, {}; expected root, this program's user {ours}, or one that it trusts",
                how_to_trust(owner)
            )
        } else if mode & 0o022 != 0 && mode & 0o1000 == 0 {
            format!(
                "it has mode {mode:o}, by which users remove each other's files, expected the sticky bit: `chmod +t`"
            )
        } else {
            keep_from_tidying(&registry.directory, path);
            return Ok(registry);
        };
        Err(failed(io::Error::new(io::ErrorKind::PermissionDenied, wrong)))
    }

    /// Whether services of this user are connected to.
    fn trusts(&self, uid: u32) -> bool {
        // Nobody else's can be where the bus is not shared.
        let known = !self.shared || users::known(uid, Kind::User) == uid;
        known && (is_own(uid) || self.trusted.contains(&uid))
    }

    /// Whether other users may be here.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the path still leads to the directory that was opened: files are looked for by the one and sockets by the other.
    pub(crate) fn check_is_there(&self) -> io::Result<()> {
        let (opened, named) = (self.directory.metadata()?, fs::metadata(&self.path));
        let same = |named: fs::Metadata| (opened.dev(), opened.ino()) == (named.dev(), named.ino());
        match named.map(same) {
            Ok(true) => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(false) | Err(_) => Err(io::Error::new(
                io::ErrorKind::NotFound,
                "it was removed, or another is in its place, since this program opened the bus: open the bus anew",
            )),
        }
    }

    fn set_mode(&self, file: &str, mode: u32) -> io::Result<()> {
        let mode = Mode::from_raw_mode(mode);
        Ok(rustix::fs::chmodat(&self.directory, file, mode, AtFlags::empty())?)
    }

    fn file(&self, stem: &str, kind: &str) -> PathBuf {
        self.path.join(format!("{stem}.{kind}"))
    }

    /// A path to a socket that fits in a socket address, however long the directory's own path is.
    fn socket(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{file}", self.directory.as_raw_fd()))
    }

    /// Connects to a service's control socket; also who listens there.
    pub(crate) fn connect(&self, service: &str) -> Result<(OwnedFd, Credentials), NotConnected> {
        self.connect_to(&format!("{}.{SOCKET}", stem(service)))
    }

    fn connect_to(&self, file: &str) -> Result<(OwnedFd, Credentials), NotConnected> {
        if !self.shared {
            let socket = socket::connect(&self.socket(file))?;
            let listener = socket::credentials(&socket)?;
            let trusted = self.trusts(listener.uid);
            return if trusted { Ok((socket, listener)) } else { Err(NotConnected::Untrusted(listener.uid)) };
        }
        // From here on it is this inode, whatever happens to its name.
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let inode =
            rustix::fs::openat(&self.directory, file, flags, Mode::empty()).map_err(io::Error::from)?;
        let found = rustix::fs::fstat(&inode).map_err(io::Error::from)?;
        if !self.trusts(found.st_uid) {
            return Err(NotConnected::Untrusted(found.st_uid));
        }
        if FileType::from_raw_mode(found.st_mode) != FileType::Socket || found.st_nlink != 1 {
            return Err(io::Error::from(io::ErrorKind::NotFound).into());
        }
        let socket = match socket::connect(Path::new(&format!("/proc/self/fd/{}", inode.as_raw_fd()))) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(NotConnected::Denied);
            }
            socket => socket?,
        };
        let listener = socket::credentials(&socket)?;
        if listener.uid != found.st_uid {
            return Err(NotConnected::Untrusted(listener.uid));
        }
        Ok((socket, listener))
    }

    /// Takes the name for this process. The service is not visible before [`Claim::announce`].
    ///
    /// # Errors
    /// [`Error::AlreadyServed`] if a live process has it.
    pub(crate) fn claim(&self, service: &str, instance: u64) -> Result<Claim> {
        let stem = stem(service);
        let path = self.file(&stem, LOCK);
        let doing = || format!("claiming the name `{service}` with {}", path.display());
        let deadline = Instant::now() + FILES_LOCK_TIMEOUT;
        self.check_is_there().map_err(Error::os(doing()))?;
        let mut lock = loop {
            // A link, or a pipe, may have been laid where others may write.
            let flags = if self.shared { OFlags::NOFOLLOW | OFlags::NONBLOCK } else { OFlags::empty() };
            let lock = File::options()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .mode(0o600)
                .custom_flags(flags.bits() as i32)
                .open(&path)
                .map_err(|error| self.taken(service, &path, Error::os(doing())(error)))?;
            if self.shared && !is_private(&lock) {
                let why = "it is no plain file of this user's that nobody else may open";
                let error = io::Error::new(io::ErrorKind::PermissionDenied, why);
                return Err(self.taken(service, &path, Error::os(doing())(error)));
            }
            if !lock::try_lock(&lock, Byte::Files).map_err(Error::os(doing()))? {
                // Only an owner that starts or a sweeper holds it.
                if Instant::now() >= deadline {
                    return Err(Error::Timeout {
                        verb: "claim",
                        what: service.to_owned(),
                        after: FILES_LOCK_TIMEOUT,
                        hint: format!("another process holds {} and does not move", path.display()),
                    });
                }
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
            if lock::is_held(&lock, Byte::Owner).map_err(Error::os(doing()))? {
                return Err(already_served(service, &lock));
            }
            // A sweeper may have unlinked the file between our open and our lock.
            if is_at(&lock, &path) {
                break lock;
            }
        };
        // While there is no owner nobody is listed, and when there is one there is no socket: not the dead
        // owner's any more, and ours not yet. So the file may be half written meanwhile.
        for extension in ["new", SOCKET] {
            let left = path.with_extension(extension);
            match fs::remove_file(&left) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(self.taken(service, &left, Error::os(doing())(error)));
                }
                _ => {}
            }
        }
        lock.set_len(0)
            .and_then(|()| {
                let text = format!("{}\n{service}\n{instance:016x}\n", std::process::id());
                lock.write_all(text.as_bytes())
            })
            .map_err(Error::os(doing()))?;
        // Nobody can have taken it since we asked, for that takes the lock of the files.
        if !lock::try_lock(&lock, Byte::Owner).map_err(Error::os(doing()))? {
            return Err(already_served(service, &lock));
        }
        lock::unlock(&lock, Byte::Files).map_err(Error::os(doing()))?;
        Ok(Claim { stem, lock })
    }

    /// That a service's name was taken by another user, where `file` is his, and otherwise the error that this is about.
    fn taken(&self, service: &str, file: &Path, error: Error) -> Error {
        match fs::symlink_metadata(file) {
            Ok(there) if self.shared && there.uid() != rustix::process::geteuid().as_raw() => {
                Error::NameTaken {
                    service: service.to_owned(),
                    file: file.display().to_string(),
                    uid: there.uid(),
                }
            }
            _ => error,
        }
    }

    /// The live services, by name. Sweeps what dead ones left.
    pub(crate) fn services(&self) -> Result<Vec<ServiceInfo>> {
        let doing = || format!("reading the bus directory {}", self.path.display());
        let mut services = Vec::new();
        self.check_is_there().map_err(Error::os(doing()))?;
        for entry in fs::read_dir(&self.path).map_err(Error::os(doing()))? {
            let path = entry.map_err(Error::os(doing()))?.path();
            if self.shared && path.extension().is_some_and(|extension| extension == SOCKET) {
                services.extend(self.of_another_user(&path));
            }
            if path.extension().is_none_or(|extension| extension != LOCK) {
                continue;
            }
            // Anything may happen to a file of the directory meanwhile: one that cannot be read is not a service.
            let flags = if self.shared { OFlags::NOFOLLOW | OFlags::NONBLOCK } else { OFlags::empty() };
            let Ok(lock) = File::options().read(true).custom_flags(flags.bits() as i32).open(&path) else {
                continue;
            };
            if self.shared && !is_private(&lock) {
                continue;
            }
            match lock::is_held(&lock, Byte::Owner) {
                Ok(true) if self.is_announced(&path.with_extension(SOCKET)) => services.extend(read(&lock)),
                Ok(true) | Err(_) => {}
                Ok(false) => sweep(&path),
            }
        }
        services.sort();
        Ok(services)
    }

    /// Whether a service of this user's has its socket: on a shared bus another's may be where its own will be.
    fn is_announced(&self, socket: &Path) -> bool {
        let ours = rustix::process::geteuid().as_raw();
        let found = fs::symlink_metadata(socket);
        found.is_ok_and(|found| !self.shared || (found.file_type().is_socket() && found.uid() == ours))
    }

    /// The service that listens on this socket, if that is another user's, whom this program trusts, and who lets it connect.
    fn of_another_user(&self, socket: &Path) -> Option<ServiceInfo> {
        let file = socket.file_name()?.to_str()?;
        let owner = fs::symlink_metadata(socket).ok()?.uid();
        // Those of this user are known by their locks.
        if owner == rustix::process::geteuid().as_raw() {
            return None;
        }
        let name = name::check("service", file.strip_suffix(SOCKET)?.strip_suffix('.')?).ok()?;
        let (_, listener) = self.connect_to(file).ok().filter(|_| stem(name) == name)?;
        // Its lock file, which names the life, is not for others to read.
        Some(ServiceInfo { name: name.to_owned(), pid: listener.pid, instance: 0 })
    }
}

impl Claim {
    /// Makes the service visible: its socket appears in one step, listening already, on a shared bus to other users too if it
    /// is for them.
    pub(crate) fn announce(&self, registry: &Registry, for_others: bool) -> Result<OwnedFd> {
        let doing = || format!("announcing the service in {}", registry.path.display());
        let unready = registry.file(&self.stem, "new");
        let ready = registry.file(&self.stem, SOCKET);
        let taken =
            |file: &Path, error: io::Error| registry.taken(&self.stem, file, Error::os(doing())(error));
        registry.check_is_there().map_err(Error::os(doing()))?;
        let _ = fs::remove_file(&unready);
        let socket = socket::listen(&registry.socket(&format!("{}.new", self.stem)))
            .map_err(|error| taken(&unready, error))?;
        if registry.shared {
            let mode = if for_others { 0o666 } else { 0o600 };
            registry.set_mode(&format!("{}.new", self.stem), mode).map_err(Error::os(doing()))?;
        }
        fs::rename(&unready, &ready).map_err(|error| taken(&ready, error))?;
        Ok(socket)
    }

    /// Lets other users of a shared bus connect to a service that was for its own user alone.
    pub(crate) fn open_to_others(&self, registry: &Registry) {
        if registry.shared
            && let Err(error) = registry.set_mode(&format!("{}.{SOCKET}", self.stem), 0o666)
        {
            tracing::error!(service = self.stem, %error, "other users cannot connect");
        }
    }

    /// Makes the service invisible; the name stays taken.
    pub(crate) fn hide(&self, registry: &Registry) {
        // Whoever removed our lock file made the name free, and the socket may be another owner's now.
        if is_at(&self.lock, &registry.file(&self.stem, LOCK)) {
            let _ = fs::remove_file(registry.file(&self.stem, SOCKET));
        }
    }

    /// Gives the name back: the files go first, the lock last.
    pub(crate) fn release(self, registry: &Registry) {
        let path = registry.file(&self.stem, LOCK);
        if is_at(&self.lock, &path) {
            remove_files(&path);
        }
    }
}

/// Creates what is not there of the directories above a shared one, for all to go through, whatever the umask says.
fn create_above(path: &Path) -> io::Result<()> {
    let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) else { return Ok(()) };
    if above.is_dir() {
        return Ok(());
    }
    create_above(above)?;
    match fs::DirBuilder::new().mode(0o755).create(above) {
        Ok(()) => {
            // It is this one, and nothing that was laid there since.
            let flags = (OFlags::DIRECTORY | OFlags::NOFOLLOW).bits() as i32;
            let created = File::options().read(true).custom_flags(flags).open(above)?;
            created.set_permissions(fs::Permissions::from_mode(0o755))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Says of a directory that cannot be opened what is needed.
fn explain(error: io::Error) -> io::Error {
    if error.kind() != io::ErrorKind::PermissionDenied || error.raw_os_error().is_none() {
        return error;
    }
    let ours = rustix::process::geteuid().as_raw();
    let needed = format!(
        "{error}: user {ours} has to be able to read and search it, and to search those above it; a bus of another user has to be \
         shared by him"
    );
    io::Error::new(io::ErrorKind::PermissionDenied, needed)
}

/// Not all file systems have such locks, and those that are tidied do.
fn keep_from_tidying(directory: &File, path: &Path) {
    if let Err(error) = rustix::fs::flock(directory, FlockOperation::NonBlockingLockShared) {
        tracing::debug!(directory = %path.display(), %error, "not locked against tidying");
    }
}

/// Whether this is a plain file of this user's that nobody else may open, by this name and no other.
fn is_private(file: &File) -> bool {
    file.metadata().is_ok_and(|found| {
        let ours = found.uid() == rustix::process::geteuid().as_raw();
        found.is_file() && ours && found.nlink() <= 1 && found.permissions().mode() & 0o077 == 0
    })
}

fn already_served(service: &str, lock: &File) -> Error {
    Error::AlreadyServed { service: service.to_owned(), pid: read(lock).map_or(0, |info| info.pid) }
}

/// Removes what a dead owner left. Failing is no harm: the next process that looks tries again.
fn sweep(path: &Path) {
    let Ok(lock) = File::options().read(true).write(true).open(path) else { return };
    let free = matches!(lock::try_lock(&lock, Byte::Files), Ok(true))
        && matches!(lock::is_held(&lock, Byte::Owner), Ok(false));
    if free && is_at(&lock, path) {
        tracing::info!(lock = %path.display(), "swept a dead service");
        remove_files(path);
    }
}

fn remove_files(lock: &Path) {
    for extension in ["new", SOCKET, LOCK] {
        let _ = fs::remove_file(lock.with_extension(extension));
    }
}

/// Whether `file` is still what `path` names.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// What a lock file says; `None` where it is not written yet or is no lock file of ours.
fn read(mut lock: &File) -> Option<ServiceInfo> {
    let mut text = String::new();
    lock.rewind().ok()?;
    lock.take(1024).read_to_string(&mut text).ok()?;
    let (pid, rest) = text.strip_suffix('\n')?.split_once('\n')?;
    let (service, instance) = rest.split_once('\n')?;
    Some(ServiceInfo {
        name: name::check("service", service).ok()?.to_owned(),
        pid: pid.parse().ok()?,
        instance: u64::from_str_radix(instance, 16).ok()?,
    })
}

fn stem(service: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if service.len() <= 64 && service.bytes().all(plain) && !service.starts_with('.') {
        service.to_owned()
    } else {
        format!("~{:032x}", message::hash_text(service))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn open() -> (tempfile::TempDir, Registry) {
        let directory = tempfile::tempdir().unwrap();
        let registry = Registry::open(&directory.path().join("bus")).unwrap();
        (directory, registry)
    }

    fn files(registry: &Registry) -> Vec<String> {
        let names = fs::read_dir(registry.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn a_service_is_listed_from_announce_to_release() {
        let (_directory, registry) = open();
        // Names that are no good file names too.
        for name in ["market", "Ünïcode", ".", &"x".repeat(255), "a b", "~market", "a.lock"] {
            let claim = registry.claim(name, 7).unwrap();
            assert_eq!(registry.services().unwrap(), [], "not ready yet");
            let _socket = claim.announce(&registry, false).unwrap();
            let services = registry.services().unwrap();
            let info = ServiceInfo { name: name.to_owned(), pid: std::process::id(), instance: 7 };
            assert_eq!(services, [info]);
            registry.connect(name).unwrap();
            claim.release(&registry);
            assert_eq!(registry.services().unwrap(), []);
            assert_eq!(files(&registry), [""; 0]);
        }
    }

    #[test]
    fn a_name_has_one_owner_and_what_a_dead_one_leaves_is_swept() {
        let (_directory, registry) = open();
        let claim = registry.claim("market", 7).unwrap();
        match registry.claim("market", 8) {
            Err(Error::AlreadyServed { service, pid }) => {
                assert_eq!((service.as_str(), pid), ("market", std::process::id()));
            }
            other => panic!("{other:?}"),
        }
        let socket = claim.announce(&registry, false).unwrap();
        // Dropped without release: as if the process had died.
        drop((claim, socket));
        assert_eq!(files(&registry).len(), 2);
        assert_eq!(registry.services().unwrap(), []);
        assert_eq!(files(&registry), [""; 0]);
    }

    #[test]
    fn owners_and_sweepers_race_and_there_is_one_owner_at_a_time() {
        let (_directory, registry) = open();
        let owners = AtomicU32::new(0);
        let claimed = AtomicU32::new(0);
        // Lives of the service that began, counted before it is announced, and that ended, counted after.
        let (begun, ended) = (AtomicU32::new(0), AtomicU32::new(0));
        let list = || {
            let ended_before = ended.load(Ordering::SeqCst);
            let listed = registry.services().unwrap();
            let announced = begun.load(Ordering::SeqCst) > ended_before;
            assert!(listed.is_empty() || announced, "listed, and nobody had announced it");
            listed
        };
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..2000).for_each(|_| drop(list())));
            }
            for seed in 0..4u32 {
                let (registry, owners, claimed) = (&registry, &owners, &claimed);
                let (begun, ended, list) = (&begun, &ended, &list);
                scope.spawn(move || {
                    for round in 0..100 {
                        match registry.claim("market", 8) {
                            Ok(claim) => {
                                assert_eq!(owners.fetch_add(1, Ordering::SeqCst), 0, "two owners");
                                claimed.fetch_add(1, Ordering::SeqCst);
                                std::thread::yield_now();
                                begun.fetch_add(1, Ordering::SeqCst);
                                let socket = claim.announce(registry, false).unwrap();
                                let listed = list();
                                assert_eq!(listed.len(), 1, "a live service was not listed");
                                owners.fetch_sub(1, Ordering::SeqCst);
                                // Every other owner "dies".
                                if (seed + round) % 2 == 0 {
                                    claim.release(registry);
                                } else {
                                    drop(claim);
                                }
                                ended.fetch_add(1, Ordering::SeqCst);
                                drop(socket);
                            }
                            Err(Error::AlreadyServed { .. }) => drop(list()),
                            Err(error) => panic!("{error}"),
                        }
                    }
                });
            }
        });
        assert_ne!(claimed.load(Ordering::SeqCst), 0);
        assert_eq!(registry.services().unwrap(), []);
        assert_eq!(files(&registry), [""; 0]);
    }

    #[test]
    fn whose_lock_file_was_removed_takes_nothing_from_the_next_owner() {
        let (_directory, registry) = open();
        let robbed = registry.claim("market", 7).unwrap();
        let _socket = robbed.announce(&registry, false).unwrap();
        fs::remove_file(registry.file("market", LOCK)).unwrap();
        let next = registry.claim("market", 7).unwrap();
        let _next_socket = next.announce(&registry, false).unwrap();
        robbed.hide(&registry);
        registry.connect("market").unwrap();
        robbed.release(&registry);
        registry.connect("market").unwrap();
        assert_eq!(registry.services().unwrap().len(), 1);
    }

    #[test]
    fn the_directory_is_locked_against_tidying_for_as_long_as_it_is_open() {
        let (_directory, registry) = open();
        let path = registry.path().to_owned();
        let second = Registry::open(&path).unwrap();
        let tidier = File::open(&path).unwrap();
        let free = || rustix::fs::flock(&tidier, FlockOperation::NonBlockingLockExclusive).is_ok();
        assert!(!free());
        drop(registry);
        assert!(!free());
        drop(second);
        assert!(free());
    }

    #[test]
    fn a_directory_that_others_may_write_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("open");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let error = Registry::open(&path).unwrap_err().to_string();
        assert!(error.contains("mode 755") && error.contains("chmod"), "{error}");
    }
}
