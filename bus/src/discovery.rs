//! Finding services and their topics, and being told when services come and go.

use std::time::{Duration, Instant};

use crate::client::control::Command;
use crate::client::conversation::DEFAULT_TIMEOUT;
use crate::error::{Error, Result};
use crate::message::Fingerprint;
use crate::name;
use crate::namespace::Bus;
use crate::registry::ServiceInfo;
use crate::sys::watch::DirectoryWatch;
use crate::tasks::{Answer, Answered};
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

/// What was found on a bus; see [`Bus::discover`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Discovery {
    /// The live services that match, by name.
    pub services: Vec<ServiceInfo>,
    /// The topics that match, by service and name; empty where the pattern says nothing of topics.
    pub topics: Vec<TopicInfo>,
    /// Those of the services that did not say which topics they have: stopped, most likely, or they allow this user nothing.
    /// [`Bus::topics`] says of one of them why.
    pub silent: Vec<ServiceInfo>,
}

impl Discovery {
    /// Takes what a service answered about its topics.
    fn add(
        &mut self,
        info: ServiceInfo,
        topic: &str,
        answer: Option<Result<Vec<TopicInfo>>>,
        after: Duration,
    ) {
        match answer {
            Some(Ok(topics)) => {
                self.topics.extend(topics.into_iter().filter(|info| name::matches(topic, &info.topic)));
            }
            Some(Err(Error::NoSuchService { .. } | Error::Stale { .. })) => {
                self.services.retain(|other| *other != info);
            }
            Some(Err(error)) => {
                tracing::debug!(service = info.name, %error, "did not say its topics");
                self.silent.push(info);
            }
            None => {
                tracing::debug!(service = info.name, ?after, "does not answer");
                self.silent.push(info);
            }
        }
    }
}

/// A service that was asked for its topics, and the pattern for these.
struct Asked<'p> {
    info: ServiceInfo,
    topic: &'p str,
    answered: Answered<Result<Vec<TopicInfo>>>,
}

/// A wait that every clock can count.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

fn no_topics(service: &str, after: Duration) -> Error {
    Error::Timeout {
        verb: "list the topics of",
        what: service.to_owned(),
        after,
        hint: "the service does not answer; is its process stopped?".to_owned(),
    }
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
    /// [`Error::NoSuchService`]; [`Error::Timeout`] where it does not answer within 2 s; [`Error::Denied`] where it allows this
    /// user nothing, and [`Error::Untrusted`] where its user is not trusted; [`Error::Version`], [`Error::Protocol`];
    /// [`Error::InvalidName`].
    pub fn topics(&self, service: &str) -> Result<Vec<TopicInfo>> {
        name::check("service", service)?;
        self.core.start()?;
        let answer = self.ask_for_topics(service).wait(DEFAULT_TIMEOUT);
        answer.unwrap_or_else(|| Err(no_topics(service, DEFAULT_TIMEOUT)))
    }

    /// As [`topics`](Self::topics), without blocking a thread. Dropping the future gives the question up.
    ///
    /// # Errors
    /// As [`topics`](Self::topics).
    pub async fn topics_async(&self, service: &str) -> Result<Vec<TopicInfo>> {
        name::check("service", service)?;
        self.core.start()?;
        let answer = self.ask_for_topics(service).wait_async(self.core.deadline(DEFAULT_TIMEOUT)).await;
        answer.unwrap_or_else(|| Err(no_topics(service, DEFAULT_TIMEOUT)))
    }

    /// What matches a pattern now: services for `"md-*"`, and with a second pattern, as in `"md-*/quotes"`, also the topics
    /// that match that. Each part is a name, or the beginning of names and `*`, or `*` alone for all.
    ///
    /// Services are found in the bus's directory, and nobody is asked. For topics all services that match are asked at
    /// once. One that does not answer within 2 s, since its process is stopped, delays the answer by that and is named as
    /// [silent](Discovery::silent), as is one that says no; the others' topics are there. Services that go meanwhile are left
    /// out.
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
    /// let found = bus.discover("thermo*")?;
    /// assert_eq!(found.services[0].name, "thermometer");
    ///
    /// let found = bus.discover("*/rooms")?;
    /// assert_eq!((found.topics[0].service.as_str(), found.topics[0].items), ("thermometer", 2));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidName`] for what is not one or two patterns; [`Error::Os`] where the bus directory cannot be read.
    pub fn discover(&self, pattern: &str) -> Result<Discovery> {
        self.discover_timeout(pattern, DEFAULT_TIMEOUT)
    }

    /// As [`discover`](Self::discover), where services have this long to answer, all of them together.
    ///
    /// # Errors
    /// As [`discover`](Self::discover).
    pub fn discover_timeout(&self, pattern: &str, timeout: Duration) -> Result<Discovery> {
        let (mut found, asked) = self.begin_discovery(pattern)?;
        let deadline = Instant::now().checked_add(timeout);
        for Asked { info, topic, answered } in asked {
            // A further one than the clock goes is none, and an answer comes or its service goes.
            let left = deadline.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()));
            let answer = answered.wait(left.min(LONGEST_WAIT));
            found.add(info, topic, answer, timeout);
        }
        Ok(found)
    }

    /// As [`discover`](Self::discover), without blocking a thread. Dropping the future gives the discovery up.
    ///
    /// # Errors
    /// As [`discover`](Self::discover).
    pub async fn discover_async(&self, pattern: &str) -> Result<Discovery> {
        let (mut found, asked) = self.begin_discovery(pattern)?;
        let deadline = Instant::now().checked_add(DEFAULT_TIMEOUT);
        for Asked { info, topic, answered } in asked {
            let answer = answered.wait_async(self.core.deadline_at(deadline)).await;
            found.add(info, topic, answer, DEFAULT_TIMEOUT);
        }
        Ok(found)
    }

    /// Finds the services, and asks them for their topics where the pattern is about these.
    fn begin_discovery<'p>(&self, pattern: &'p str) -> Result<(Discovery, Vec<Asked<'p>>)> {
        let (service, topic) = match pattern.split_once('/') {
            Some((service, topic)) => (service, Some(name::check_pattern("topic", topic)?)),
            None => (pattern, None),
        };
        name::check_pattern("service", service)?;
        let mut services = self.services()?;
        services.retain(|info| name::matches(service, &info.name));
        let mut asked = Vec::new();
        if let Some(topic) = topic {
            self.core.start()?;
            asked.extend(services.iter().map(|info| Asked {
                info: info.clone(),
                topic,
                answered: self.ask_for_topics(&info.name),
            }));
        }
        Ok((Discovery { services, topics: Vec::new(), silent: Vec::new() }, asked))
    }

    fn ask_for_topics(&self, service: &str) -> Answered<Result<Vec<TopicInfo>>> {
        let (answer, answered) = Answer::new();
        self.core.command(Command::Topics { service: service.to_owned(), answer });
        answered
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
        let there = self.core.registry.check_is_there();
        let watch = there.and_then(|()| DirectoryWatch::new(self.directory())).map_err(Error::os(doing))?;
        Watch::new(self.core.clone(), watch)
    }
}
