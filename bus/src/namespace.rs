//! The bus: a namespace of services on one machine.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{self, Receiver, Sender};

use crate::client::connect::ConnectBuilder;
use crate::client::control::{Command, Control, ControlShared};
use crate::client::reactor::Reactor;
use crate::client::service::ClientBuilder;
use crate::client::spy::SpyBuilder;
use crate::client::system::SystemBuilder;
use crate::error::{Error, Result};
use crate::name;
use crate::payload::Payload;
use crate::registry::Registry;
use crate::server::service::Service;
use crate::sys::wake::Waker;
use crate::tasks::Deadline;

/// A namespace of services on one machine: a directory that holds a socket for each.
///
/// Cheap to clone; all clones share one control thread, which runs only while this process has something
/// to ask of others.
#[derive(Debug, Clone)]
pub struct Bus {
    pub(crate) core: Arc<BusCore>,
}

/// Where a bus is to be found.
#[derive(Debug, Clone, Default)]
#[must_use = "a bus is opened by `open`"]
pub struct BusBuilder {
    directory: Option<PathBuf>,
    /// The mode of the directory, where several users share it.
    shared: Option<u32>,
    /// Users whose services are connected to.
    trusted: Vec<u32>,
}

/// Name and directory of a bus.
#[derive(Debug)]
pub(crate) struct BusPlace {
    pub(crate) name: String,
    pub(crate) registry: Registry,
}

/// What all clones of a bus, its services and its conversations share.
#[derive(Debug)]
pub(crate) struct BusCore {
    place: Arc<BusPlace>,
    control: Arc<ControlShared>,
    commands: Sender<Command>,
    thread: Mutex<Thread>,
}

#[derive(Debug)]
struct Thread {
    /// Taken by the thread when it starts.
    commands: Option<Receiver<Command>>,
    handle: Option<JoinHandle<()>>,
}

impl Bus {
    /// Opens the bus of this name, for this user, in `$BUS_DIR`, else `$XDG_RUNTIME_DIR/bus`, else
    /// `/tmp/bus-UID`. There is nothing to start first: a bus is where its services are.
    ///
    /// ```no_run
    /// let bus = bus::Bus::open("lab")?;
    /// for service in bus.services()? {
    ///     println!("{} is served by process {}", service.name, service.pid);
    /// }
    /// # Ok::<(), bus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidName`]; [`Error::Os`] where the directory cannot be created, or others may write it.
    pub fn open(name: &str) -> Result<Bus> {
        Bus::builder().open(name)
    }

    /// A builder, to choose the directory.
    pub fn builder() -> BusBuilder {
        BusBuilder::default()
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.core.name
    }

    /// The directory with the services' sockets. One that is removed, by hand, takes the bus with it: what is connected stays so,
    /// and to see or have others the bus is opened anew.
    pub fn directory(&self) -> &Path {
        self.core.registry.path()
    }

    /// Takes a service's name for this process; see [`Service`] for what to do next.
    ///
    /// # Errors
    /// [`Error::AlreadyServed`] with the process that has it; [`Error::InvalidName`]; [`Error::Os`].
    pub fn service(&self, name: &str) -> Result<Service> {
        Service::claim(self.core.clone(), name)
    }

    /// Begins a conversation with a topic, by its address `service/topic`; finish with
    /// [`open`](ConnectBuilder::open). `T` must be the topic's message type.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("thermometer")?;
    /// # let rooms = service.topic::<f64>("rooms").open()?;
    /// # let kitchen = rooms.item("kitchen")?;
    /// # let bath = rooms.item("bath")?;
    /// # kitchen.publish(&21.5)?;
    /// # service.ready()?;
    /// let rooms = bus.connect::<f64>("thermometer/rooms").open()?;
    /// assert_eq!(rooms.request("kitchen")?.value, 21.5);
    ///
    /// // Another type than the service publishes is refused, and explained.
    /// let error = bus.connect::<f32>("thermometer/rooms").open().unwrap_err();
    /// assert!(matches!(error, bus::Error::TypeMismatch { .. }));
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect<T: Payload + ?Sized>(&self, address: &str) -> ConnectBuilder<'_, T> {
        ConnectBuilder::new(&self.core, address)
    }

    /// Begins a conversation with a service as a whole, for its commands; finish with [`open`](ClientBuilder::open).
    pub fn client(&self, service: &str) -> ClientBuilder<'_> {
        ClientBuilder::new(&self.core, service)
    }

    /// Begins a conversation with what a service tells of itself; finish with [`open`](SystemBuilder::open).
    pub fn system(&self, service: &str) -> SystemBuilder<'_> {
        SystemBuilder::new(&self.core, service)
    }

    /// Begins to spy on a service: to see what happens there as it does; finish with [`open`](SpyBuilder::open).
    pub fn spy(&self, service: &str) -> SpyBuilder<'_> {
        SpyBuilder::new(&self.core, service)
    }
}

impl BusBuilder {
    /// The directory that holds the buses, instead of the default one. Created if it is not there.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Shares the bus with other users: its directory is created with this mode where it is not there, and is given it where
    /// it is this user's, whatever the umask; the directories above it that are not there are created for all to go through.
    /// Default: a bus is one user's own, and nobody else may look into its directory.
    ///
    /// - `0o755`: others may connect to this user's services, and cannot have any here. The safest choice.
    /// - `0o750`: likewise, for members of the directory's group.
    /// - `0o1777`, `0o1770`: others may have services of their own here. Whoever may, may also take a name that another counts
    ///   on: it will not be [served](Error::NameTaken), nor will [clients be fooled](Self::trust), but it is taken.
    ///
    /// The directory may as well be made by an administrator, as root, with one of these modes. Two conditions are checked
    /// each time: its owner is root, this user, or [trusted](Self::trust); and where others may write to it, it is sticky, so
    /// that they cannot remove what is not theirs.
    ///
    /// What others may do with a service is said by its access lists, see [`Access`](crate::Access); by default,
    /// nothing.
    ///
    /// ```no_run
    /// use bus::{Access, Bus, Verbs, Who};
    ///
    /// // A service, run by user 990 …
    /// let bus = Bus::builder().directory("/run/weather").shared(0o755).open("main")?;
    /// let service = bus.service("weather")?;
    /// let now = service.topic::<f64>("now").access(Access::same_user().allow(Who::Anyone, Verbs::READ)).open()?;
    /// service.ready()?;
    ///
    /// // … and a client, of whatever user.
    /// let bus = Bus::builder().directory("/run/weather").trust(990).open("main")?;
    /// let now = bus.connect::<f64>("weather/now").open()?;
    /// # Ok::<(), bus::Error>(())
    /// ```
    pub fn shared(mut self, mode: u32) -> Self {
        self.shared = Some(mode);
        self
    }

    /// Trusts a user, by number, to run services that this program connects to, and to own the directory of a shared bus.
    /// Default: this program's own user, and root.
    ///
    /// On a shared bus a name proves nothing: whoever may create files in the directory may take it first, and would be told
    /// what was meant for another, and believed what he says. What the kernel tells of whoever listens on a socket does prove
    /// something, so that is what is checked, at each connect; a service of somebody else is
    /// [`Untrusted`](Error::Untrusted), and is not listed either.
    ///
    /// Of other users those services are listed whose names are up to 64 ASCII letters, digits, `-`, `_` and `.`: what else a service
    /// is called is in a file of its own user's. Such a one is connected to by its name, and is in no list of many.
    ///
    /// A bus that is opened with this and without [`shared`](Self::shared) is another user's: its directory has to be there.
    pub fn trust(mut self, uid: u32) -> Self {
        self.trusted.push(uid);
        self
    }

    /// Opens the bus; see [`Bus::open`].
    ///
    /// # Errors
    /// As [`Bus::open`]; [`Error::InvalidOption`] for a [mode](Self::shared) by which users could remove each other's files,
    /// and for a shared bus without a directory that was chosen for it.
    pub fn open(self, name: &str) -> Result<Bus> {
        name::check("bus", name)?;
        if name == "." || name == ".." {
            return Err(Error::InvalidName {
                what: "bus",
                name: name.to_owned(),
                reason: "it is a directory",
            });
        }
        let shared = self.shared.is_some() || !self.trusted.is_empty();
        if let Some(mode) = self.shared {
            check_mode(mode)?;
        }
        let root = match self.directory {
            Some(directory) => directory,
            None if shared => set("BUS_DIR").ok_or_else(|| Error::InvalidOption {
                option: "directory",
                found: "not given for a bus that several users share".to_owned(),
                expected: "one that all of them name, here or in `$BUS_DIR`".to_owned(),
            })?,
            None => default_directory()?,
        };
        let path = root.join(name);
        let registry = if shared {
            Registry::open_shared(&path, self.shared, self.trusted)?
        } else {
            Registry::open(&path)?
        };
        let waker = Waker::new().map_err(Error::os("creating an eventfd"))?;
        let (commands, received) = channel::unbounded();
        Ok(Bus {
            core: Arc::new(BusCore {
                place: Arc::new(BusPlace { name: name.to_owned(), registry }),
                control: Arc::new(ControlShared::new(waker)),
                commands,
                thread: Mutex::new(Thread { commands: Some(received), handle: None }),
            }),
        })
    }
}

impl core::ops::Deref for BusCore {
    type Target = BusPlace;

    fn deref(&self) -> &BusPlace {
        &self.place
    }
}

impl BusPlace {
    pub(crate) fn no_such_service(&self, service: &str) -> Error {
        if let Err(error) = self.registry.check_is_there() {
            let directory = self.registry.path().display();
            return Error::os(format!("looking for service `{service}` in the bus directory {directory}"))(
                error,
            );
        }
        Error::NoSuchService {
            bus: self.name.clone(),
            directory: self.registry.path().display().to_string(),
            service: service.to_owned(),
        }
    }
}

impl BusCore {
    /// A number that no conversation or link of this bus has had.
    pub(crate) fn number(&self) -> u64 {
        self.control.number()
    }

    /// Starts the clients' control thread, if it does not run yet.
    pub(crate) fn start(&self) -> Result<()> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(commands) = thread.commands.take() {
            let control = Control::new(self.place.clone(), self.control.clone(), commands.clone());
            let spawned = std::thread::Builder::new()
                .name(format!("bus client {}", self.place.name))
                .spawn(move || control.run());
            match spawned {
                Ok(handle) => thread.handle = Some(handle),
                Err(source) => {
                    thread.commands = Some(commands);
                    return Err(Error::Os { doing: "starting the bus's control thread".to_owned(), source });
                }
            }
        }
        Ok(())
    }

    /// Has the control thread look at what tasks wait for.
    pub(crate) fn wake_control(&self) {
        self.control.waker.wake();
    }

    /// What this bus's tasks wait by, which the control thread serves.
    pub(crate) fn reactor(&self) -> Result<Arc<Reactor>> {
        if let Some(reactor) = self.control.reactor.get() {
            return Ok(reactor.clone());
        }
        self.start()?;
        let reactor = Reactor::new().map_err(Error::os("creating what tasks wait by"))?;
        let reactor = self.control.reactor.get_or_init(|| Arc::new(reactor)).clone();
        self.wake_control();
        Ok(reactor)
    }

    /// A point in time that the control thread tells a task of.
    pub(crate) fn deadline(&self, delay: Duration) -> Deadline {
        Deadline::after(self.control.timers.clone(), delay)
    }

    /// As [`deadline`](Self::deadline).
    pub(crate) fn deadline_at(&self, at: Option<Instant>) -> Deadline {
        Deadline::at(self.control.timers.clone(), at)
    }

    /// Hands a command to the control thread.
    pub(crate) fn command(&self, command: Command) {
        // Fails only when the thread is gone, and then there is nothing left to be commanded.
        let _ = self.commands.send(command);
        self.control.waker.wake();
    }
}

impl Drop for BusCore {
    fn drop(&mut self) {
        self.control.closed.store(true, Ordering::SeqCst);
        self.control.waker.wake();
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner);
        // The last handle may go with a task that the control thread itself drops, as it wakes it: then it ends by itself.
        if let Some(handle) = thread.handle.take()
            && handle.thread().id() != std::thread::current().id()
            && handle.join().is_err()
        {
            tracing::error!(bus = self.place.name, "the clients' control thread panicked");
        }
    }
}

/// Whether a directory that several users share may have this mode.
fn check_mode(mode: u32) -> Result<()> {
    let by_others = mode & 0o022 != 0 && mode & 0o1000 == 0;
    if mode & !0o1777 == 0 && mode & 0o700 == 0o700 && !by_others {
        return Ok(());
    }
    Err(Error::InvalidOption {
        option: "shared",
        found: format!("{mode:o}"),
        expected: "a mode by which the owner may do everything, and which is sticky if others may write: as 755 or 1777"
            .to_owned(),
    })
}

/// A path that the environment names.
fn set(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Where buses are, if nobody says otherwise.
fn default_directory() -> Result<PathBuf> {
    if let Some(directory) = set("BUS_DIR") {
        return Ok(directory);
    }
    if let Some(directory) = set("XDG_RUNTIME_DIR") {
        return Ok(directory.join("bus"));
    }
    let directory = PathBuf::from(format!("/tmp/bus-{}", rustix::process::geteuid().as_raw()));
    // Anyone may create names in /tmp: make sure that this one is ours before using anything in it, and no link to what is.
    Registry::open_among_others(&directory)?;
    Ok(directory)
}
