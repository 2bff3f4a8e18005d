//! Finding services and their topics, and being told when services come and go.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::client::control::Command;
use crate::client::conversation::DEFAULT_TIMEOUT;
use crate::error::{Error, Result};
use crate::message::Fingerprint;
use crate::name;
use crate::namespace::{Bus, BusCore};
use crate::registry::ServiceInfo;
use crate::sys::watch::DirectoryWatch;

/// A topic of a live service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct TopicInfo {
    /// The service's name.
    pub service: String,
    /// The topic's name.
    pub topic: String,
    /// The name of its message type.
    pub type_name: String,
    /// The fingerprint of its message type.
    pub fingerprint: Fingerprint,
    /// How many items it has.
    pub items: u64,
}

/// A service came or went.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServiceEvent {
    /// The service is ready.
    Appeared(ServiceInfo),
    /// The service was closed, or its process died.
    Vanished(ServiceInfo),
}

impl Bus {
    /// The live services, by name. What a dead one left behind is swept on the way.
    ///
    /// # Errors
    /// [`Error::Os`] where the bus directory cannot be read.
    pub fn services(&self) -> Result<Vec<ServiceInfo>> {
        self.core.registry.services()
    }

    /// The topics of a service, by name.
    ///
    /// # Errors
    /// [`Error::NoSuchService`]; [`Error::Timeout`] where it does not answer; [`Error::InvalidName`].
    pub fn topics(&self, service: &str) -> Result<Vec<TopicInfo>> {
        name::check("service", service)?;
        self.core.start()?;
        let (answer, answered) = channel::bounded(1);
        self.core.command(Command::Topics { service: service.to_owned(), answer });
        answered.recv_timeout(DEFAULT_TIMEOUT).unwrap_or_else(|_| {
            Err(Error::Timeout {
                verb: "list the topics of",
                what: service.to_owned(),
                after: DEFAULT_TIMEOUT,
                hint: "the service does not answer; is its process stopped?".to_owned(),
            })
        })
    }

    /// The topics that match an address of two patterns, each a name or `*`, as in `"*/nyse"`. A service
    /// that goes or does not answer meanwhile is left out.
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
    /// let found = bus.discover("*/rooms")?;
    /// assert_eq!((found[0].service.as_str(), found[0].items), ("thermometer", 2));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidName`] for an address that is not two names or `*`; [`Error::Os`].
    pub fn discover(&self, pattern: &str) -> Result<Vec<TopicInfo>> {
        let Some((service, topic)) = pattern.split_once('/') else {
            return Err(Error::InvalidName {
                what: "pattern",
                name: pattern.to_owned(),
                reason: "expected `service/topic`, where each may be `*`",
            });
        };
        for (what, part) in [("service", service), ("topic", topic)] {
            if part != name::ANY {
                name::check(what, part)?;
            }
        }
        let mut found = Vec::new();
        for info in self.services()?.into_iter().filter(|info| name::matches(service, &info.name)) {
            match self.topics(&info.name) {
                Ok(topics) => {
                    found.extend(topics.into_iter().filter(|info| name::matches(topic, &info.topic)))
                }
                Err(error) => tracing::debug!(service = info.name, %error, "left out of the discovery"),
            }
        }
        Ok(found)
    }

    /// Watches services come and go: first those that are there, then each change as it happens.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// use bus::ServiceEvent;
    ///
    /// let mut watch = bus.watch()?;
    /// let service = bus.service("thermometer")?;
    /// service.ready()?;
    /// assert!(matches!(watch.recv()?, ServiceEvent::Appeared(info) if info.name == "thermometer"));
    /// service.close();
    /// assert!(matches!(watch.recv()?, ServiceEvent::Vanished(_)));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Os`] where the bus directory cannot be watched.
    pub fn watch(&self) -> Result<Watch> {
        let doing = format!("watching the bus directory {}", self.directory().display());
        let watch = DirectoryWatch::new(self.directory()).map_err(Error::os(doing))?;
        let mut watch = Watch {
            bus: self.core.clone(),
            watch,
            known: Vec::new(),
            events: VecDeque::new(),
            unexplained: false,
        };
        watch.look()?;
        Ok(watch)
    }
}

/// An endless series of services that appear and vanish; see [`Bus::watch`].
#[derive(Debug)]
pub struct Watch {
    bus: Arc<BusCore>,
    watch: DirectoryWatch,
    known: Vec<ServiceInfo>,
    events: VecDeque<ServiceEvent>,
    /// Whether something changed that no event explained yet.
    unexplained: bool,
}

impl Watch {
    /// After a lock file was closed its lock goes, but an instant later: how often and how long to look again …
    const LOOKS: u32 = 8;
    const BETWEEN_LOOKS: Duration = Duration::from_millis(1);
    /// … and when to look once more where that explained nothing: an exiting process may be held up.
    const LAST_LOOK: Duration = Duration::from_secs(1);

    /// Waits for the next event, however long.
    ///
    /// # Errors
    /// [`Error::Os`] where the bus directory cannot be read.
    pub fn recv(&mut self) -> Result<ServiceEvent> {
        loop {
            if let Some(event) = self.next_before(None)? {
                return Ok(event);
            }
        }
    }

    /// Waits for the next event, at most `timeout`; `None` if there was none.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<ServiceEvent>> {
        match Instant::now().checked_add(timeout) {
            Some(deadline) => self.next_before(Some(deadline)),
            None => self.recv().map(Some),
        }
    }

    fn next_before(&mut self, deadline: Option<Instant>) -> Result<Option<ServiceEvent>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let wait = if self.unexplained {
                Some(left.unwrap_or(Self::LAST_LOOK).min(Self::LAST_LOOK))
            } else {
                left
            };
            let timeout = wait.map(|left| Timespec {
                tv_sec: left.as_secs() as i64,
                tv_nsec: i64::from(left.subsec_nanos()) as _,
            });
            let mut fds = [PollFd::from_borrowed_fd(self.watch.as_fd(), PollFlags::IN)];
            // An error is an interruption: look, and wait again.
            let _ = poll(&mut fds, timeout.as_ref());
            if self.watch.clear() {
                for look in 0..Self::LOOKS {
                    if look > 0 {
                        std::thread::sleep(Self::BETWEEN_LOOKS * look);
                    }
                    self.look()?;
                    if !self.events.is_empty() {
                        break;
                    }
                }
                self.unexplained = self.events.is_empty();
            } else if core::mem::take(&mut self.unexplained) {
                self.look()?;
            } else if left.is_some_and(|left| left.is_zero()) {
                self.look()?;
                return Ok(self.events.pop_front());
            }
        }
    }

    /// Compares what is there with what was known.
    fn look(&mut self) -> Result<()> {
        let now = self.bus.registry.services()?;
        let gone = self.known.iter().filter(|info| !now.contains(info));
        self.events.extend(gone.cloned().map(ServiceEvent::Vanished));
        let new = now.iter().filter(|info| !self.known.contains(info));
        self.events.extend(new.cloned().map(ServiceEvent::Appeared));
        self.known = now;
        Ok(())
    }
}

impl Iterator for Watch {
    type Item = Result<ServiceEvent>;

    fn next(&mut self) -> Option<Result<ServiceEvent>> {
        Some(self.recv())
    }
}
