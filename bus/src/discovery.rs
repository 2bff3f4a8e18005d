//! Finding services and their topics, and being told when services come and go.

use crossbeam::channel;

use crate::client::control::Command;
use crate::client::conversation::DEFAULT_TIMEOUT;
use crate::error::{Error, Result};
use crate::message::Fingerprint;
use crate::name;
use crate::namespace::Bus;
use crate::registry::ServiceInfo;
use crate::sys::watch::DirectoryWatch;
use crate::watch::Watch;

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
        Watch::new(self.core.clone(), watch)
    }
}
