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
//! The stem is the service's name where that makes a fine file name, and `~` with its fingerprint otherwise;
//! the lock file holds the name itself.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;

use crate::error::{Error, Result};
use crate::message;
use crate::name;
use crate::sys::lock::{self, Byte};
use crate::sys::socket;

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
    /// The process that owns it.
    pub pid: u32,
    /// Which life of the service it is: another number each time that the name is claimed. The same as the
    /// [`epoch`](crate::Update::epoch) of what it publishes.
    pub instance: u64,
}

/// The directory of one bus.
#[derive(Debug)]
pub(crate) struct Registry {
    path: PathBuf,
    /// Open for as long as the registry lives, so that socket paths stay short whatever `path` is, and locked
    /// against tidying.
    directory: File,
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
        let doing = || format!("opening the bus directory {}", path.display());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Error::os(doing()))?;
        let directory = File::open(path).map_err(Error::os(doing()))?;
        let metadata = directory.metadata().map_err(Error::os(doing()))?;
        let ours = rustix::process::geteuid().as_raw();
        if metadata.uid() != ours || metadata.permissions().mode() & 0o077 != 0 {
            let found =
                format!("uid {} and mode {:o}", metadata.uid(), metadata.permissions().mode() & 0o7777);
            let expected =
                format!("uid {ours} and mode 700: chown and chmod it, or choose another directory");
            return Err(Error::Os {
                doing: doing(),
                source: io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    format!("it has {found}, expected {expected}"),
                ),
            });
        }
        // Not all file systems have such locks, and those that are tidied do.
        if let Err(error) = rustix::fs::flock(&directory, FlockOperation::NonBlockingLockShared) {
            tracing::debug!(directory = %path.display(), %error, "not locked against tidying");
        }
        Ok(Registry { path: path.to_owned(), directory })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self, stem: &str, kind: &str) -> PathBuf {
        self.path.join(format!("{stem}.{kind}"))
    }

    /// A path to a socket that fits in a socket address, however long the directory's own path is.
    fn socket(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{file}", self.directory.as_raw_fd()))
    }

    /// Connects to a service's control socket.
    ///
    /// # Errors
    /// `NotFound` or `ConnectionRefused` if there is no such service, `WouldBlock` if it is swamped.
    pub(crate) fn connect(&self, service: &str) -> io::Result<OwnedFd> {
        socket::connect(&self.socket(&format!("{}.{SOCKET}", stem(service))))
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
        let mut lock = loop {
            let lock = File::options()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .mode(0o600)
                .open(&path)
                .map_err(Error::os(doing()))?;
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
            match fs::remove_file(path.with_extension(extension)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::os(doing())(error));
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

    /// The live services, by name. Sweeps what dead ones left.
    pub(crate) fn services(&self) -> Result<Vec<ServiceInfo>> {
        let doing = || format!("reading the bus directory {}", self.path.display());
        let mut services = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(Error::os(doing()))? {
            let path = entry.map_err(Error::os(doing()))?.path();
            if path.extension().is_none_or(|extension| extension != LOCK) {
                continue;
            }
            // Anything may happen to a file of the directory meanwhile: one that cannot be read is not a service.
            let Ok(lock) = File::open(&path) else { continue };
            match lock::is_held(&lock, Byte::Owner) {
                Ok(true) if path.with_extension(SOCKET).exists() => services.extend(read(&lock)),
                Ok(true) | Err(_) => {}
                Ok(false) => sweep(&path),
            }
        }
        services.sort();
        Ok(services)
    }
}

impl Claim {
    /// Makes the service visible: its socket appears in one step, listening already.
    pub(crate) fn announce(&self, registry: &Registry) -> Result<OwnedFd> {
        let doing = || format!("announcing the service in {}", registry.path.display());
        let unready = format!("{}.new", self.stem);
        let _ = fs::remove_file(registry.path.join(&unready));
        let socket = socket::listen(&registry.socket(&unready)).map_err(Error::os(doing()))?;
        fs::rename(registry.path.join(&unready), registry.file(&self.stem, SOCKET))
            .map_err(Error::os(doing()))?;
        Ok(socket)
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
            let _socket = claim.announce(&registry).unwrap();
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
        let socket = claim.announce(&registry).unwrap();
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
                                let socket = claim.announce(registry).unwrap();
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
        let _socket = robbed.announce(&registry).unwrap();
        fs::remove_file(registry.file("market", LOCK)).unwrap();
        let next = registry.claim("market", 7).unwrap();
        let _next_socket = next.announce(&registry).unwrap();
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
