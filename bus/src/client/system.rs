//! What a service tells of itself, read: its topic `system`, whose items are texts of rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::connect::ConnectBuilder;
use super::conversation::Conversation;
use super::table::{Row, Table, text_of};
use crate::error::{Error, Result};
use crate::message::{Fingerprint, Schema};
use crate::name;
use crate::namespace::BusCore;
use crate::printable::printable;
use crate::server::system::{LIST, MOST_BYTES, NAME};
use crate::stamp::Stamp;

/// A conversation with what a service tells of itself.
///
/// A service begins to tell when the first client asks, and what it tells is as of then: each of these reads the present text
/// from memory. While anybody has such a conversation, changes are told within some milliseconds, and counts and what waits
/// four times a second; to follow them, advise by the [`conversation`](Self::conversation), whose items are the texts.
///
/// ```
/// # fn main() -> Result<(), bus::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
/// # let service = bus.service("thermometer")?;
/// # let rooms = service.topic::<f64>("rooms").open()?;
/// # rooms.item("kitchen")?.publish(&21.5)?;
/// # service.set_help("Temperatures by room, in degrees Celsius.");
/// # service.ready()?;
/// let system = bus.system("thermometer").open()?;
/// assert_eq!(system.help()?, "Temperatures by room, in degrees Celsius.");
/// assert_eq!(system.topics()?[0].topic, "rooms");
/// assert_eq!(system.items("rooms")?, ["kitchen"]);
/// assert!(system.status()?.pid == std::process::id());
///
/// // The same as it is told, each time that it changes.
/// let mut counters = system.conversation().advise("Counters").boxed()?;
/// let text = counters.recv()?.value;
/// assert!(text.starts_with(b"counter\tof\tvalue\n"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct System {
    conversation: Conversation<[u8]>,
}

/// A conversation with what a service tells of itself, that is being set up.
#[derive(Debug)]
#[must_use = "the conversation begins by `open`"]
pub struct SystemBuilder<'b> {
    connect: ConnectBuilder<'b, [u8]>,
    /// Of the service, which is checked before it is part of an address.
    service: String,
}

/// A topic, as its service tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SystemTopic {
    /// Its name.
    pub topic: String,
    /// The name of its message type.
    pub type_name: String,
    /// The type's fingerprint.
    pub fingerprint: Fingerprint,
    /// How many items it has.
    pub items: u64,
    /// Whether pokes are handled.
    pub takes_pokes: bool,
    /// Whether items are computed.
    pub computes: bool,
    /// Whether it grants lossless links.
    pub lossless: bool,
    /// The most values that a link may hold.
    pub samples: u32,
    /// The item of the system topic that lists its items.
    pub list: String,
}

/// What a message type is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FormatUse {
    /// Items of the topic hold it.
    Holds,
    /// Items of the topic are computed in it.
    Computes,
    /// It is a command.
    Executes,
}

/// A message type that a service uses.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SystemFormat {
    /// The topic; empty for a command.
    pub topic: String,
    /// What it is used for.
    pub used: FormatUse,
    /// The type's name.
    pub type_name: String,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Of a command: the name of its reply's type.
    pub reply: String,
    /// That type's fingerprint; that of no type where there is no reply.
    pub reply_fingerprint: Fingerprint,
    /// The type's fields; nothing where the service had no memory to look for them.
    pub schema: Option<Schema>,
    /// Those of the reply's type, of a command.
    pub reply_schema: Option<Schema>,
}

/// How a service does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceStatus {
    /// Whether requests wait that no handler has begun.
    pub busy: bool,
    /// What the program says, by [`set_status`](crate::Service::set_status).
    pub text: String,
    /// The service's process, as it says itself.
    pub pid: u32,
    /// Which life of the service this is.
    pub epoch: u64,
    /// When the service was created.
    pub since: Stamp,
    /// Whether the program has [handlers](crate::Service::handlers).
    pub handlers: bool,
    /// Connected clients.
    pub connections: u64,
    /// Their conversations.
    pub conversations: u64,
    /// Their links.
    pub links: u64,
    /// Conversations by which somebody [spies](crate::Spy).
    pub spies: u64,
    /// Texts that were longer than 16 MiB and lack their last rows, by item, with `, ` between; empty where all are whole.
    pub cut: String,
}

/// A client's link.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SystemLink {
    /// Its conversation's number in the service.
    pub conversation: u64,
    /// Its number in its client.
    pub link: u64,
    /// Its topic.
    pub topic: String,
    /// Its item; `*` for several.
    pub item: String,
    /// `plain`, `lossless`, `samples`, `lossless samples`, or `evicted`. Whether it is hot or warm the service does not know.
    pub kind: String,
    /// Whether its item is not there yet.
    pub waiting: bool,
    /// Its client's process, by the kernel's word; 0 where that is in another pid namespace.
    pub pid: u32,
}

/// A client's conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SystemConversation {
    /// Its number in the service, which no other has or has had.
    pub conversation: u64,
    /// The client's process, by the kernel's word; 0 where that is in another pid namespace.
    pub pid: u32,
    /// The client's user.
    pub uid: u32,
    /// The client's group.
    pub gid: u32,
    /// The topic; empty for a conversation with the service as a whole.
    pub topic: String,
    /// Its links.
    pub links: u64,
    /// Memories for its transactions.
    pub lanes: u64,
    /// Requests that wait to be begun.
    pub waiting: u64,
    /// Whether it is paused.
    pub paused: bool,
}

/// What is counted, and of what.
///
/// Of each topic: `published` values; wake-ups of who waits for its items together (`topic_wakes`) and for single ones
/// (`item_wakes`, not of topics with more than 65 536 items); `evicted_links`, lossless ones that its publisher gave up, and what those had not
/// read (`evicted_unread`); `bytes` of its memory. What readers lose otherwise is theirs to count.
///
/// Of the service: `transactions` by verb and outcome, as in `poke done`; `connections` that were `accepted` and `refused`;
/// `topic_bytes`, `lane_bytes` and `credit_bytes` of memory, which may fall. All others only rise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Counter {
    /// What is counted.
    pub counter: String,
    /// Of what.
    pub of: String,
}

impl Counter {
    /// The counter of this name, of a topic or whatever it is that is counted.
    pub fn new(counter: impl Into<String>, of: impl Into<String>) -> Self {
        Counter { counter: counter.into(), of: of.into() }
    }
}

impl<'b> SystemBuilder<'b> {
    pub(crate) fn new(bus: &'b Arc<BusCore>, service: &str) -> Self {
        let connect = ConnectBuilder::new(bus, &format!("{service}/{NAME}"));
        SystemBuilder { connect, service: service.to_owned() }
    }

    /// Waits up to `timeout` for the service to appear, instead of failing at once where it is not there.
    pub fn wait(self, timeout: Duration) -> Self {
        SystemBuilder { connect: self.connect.wait(timeout), ..self }
    }

    /// How long a service that is there may take to answer, before the connect fails. Default: 2 s.
    pub fn timeout(self, timeout: Duration) -> Self {
        SystemBuilder { connect: self.connect.timeout(timeout), ..self }
    }

    /// Connects.
    ///
    /// # Errors
    /// [`Error::InvalidName`], [`Error::NoSuchService`]; [`Error::NoSuchTopic`] where the service is of a version that does not
    /// tell; [`Error::Timeout`] where it is stopped or does not appear in time; [`Error::Version`], [`Error::Refused`],
    /// [`Error::Protocol`].
    pub fn open(self) -> Result<System> {
        name::check("service", &self.service)?;
        Ok(System { conversation: self.connect.open()? })
    }

    /// As [`open`](Self::open), without blocking a thread. Dropping the future gives the connect up.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_async(self) -> Result<System> {
        name::check("service", &self.service)?;
        Ok(System { conversation: self.connect.open_async().await? })
    }
}

impl System {
    /// The conversation with the topic, to advise on its items. Their texts are rows of fields between tabs, the first of them the names of the
    /// columns; new columns may come.
    pub fn conversation(&self) -> &Conversation<[u8]> {
        &self.conversation
    }

    /// The service's name.
    pub fn service(&self) -> &str {
        self.conversation.service()
    }

    /// What the service is for, in its own words: lines of text, without other control characters than tabs and ends of lines.
    ///
    /// # Errors
    /// [`Error::Protocol`] where what the service says is not what it has to be; [`Error::Stale`] where it is gone.
    pub fn help(&self) -> Result<String> {
        self.read("Help", |text| {
            let shown = |c: char| if c == '\n' || c == '\t' { c } else { printable(c) };
            Ok(text_of(text)?.replace("\r\n", "\n").chars().map(shown).collect())
        })
    }

    /// How the service does.
    ///
    /// # Errors
    /// As [`help`](Self::help).
    pub fn status(&self) -> Result<ServiceStatus> {
        let mut rows = self.rows("Status", |row| {
            Ok(ServiceStatus {
                busy: match row.text("state")? {
                    "ready" => false,
                    "busy" => true,
                    other => return Err(row.wrong("state", other)),
                },
                text: row.text("text")?.to_owned(),
                pid: row.parse("pid")?,
                epoch: row.parse("epoch")?,
                since: Stamp::from_nanoseconds(row.parse("since")?),
                handlers: row.flag("handlers")?,
                connections: row.parse("connections")?,
                conversations: row.parse("conversations")?,
                links: row.parse("links")?,
                spies: row.parse("spies")?,
                cut: row.text("cut")?.to_owned(),
            })
        })?;
        match rows.pop() {
            Some(status) if rows.is_empty() => Ok(status),
            _ => Err(self.broken("Status", "it has not one row")),
        }
    }

    /// The service's topics, by name, but this one.
    ///
    /// # Errors
    /// As [`help`](Self::help).
    pub fn topics(&self) -> Result<Vec<SystemTopic>> {
        self.rows("Topics", |row| {
            Ok(SystemTopic {
                topic: row.text("topic")?.to_owned(),
                type_name: row.text("type")?.to_owned(),
                fingerprint: Fingerprint::from_bits(row.bits("fingerprint")?),
                items: row.parse("items")?,
                takes_pokes: row.flag("pokes")?,
                computes: row.flag("computes")?,
                lossless: row.flag("lossless")?,
                samples: row.parse("samples")?,
                list: row.text("list")?.to_owned(),
            })
        })
    }

    /// The names of a topic's items, in the order in which they were added.
    ///
    /// # Errors
    /// As [`help`](Self::help); [`Error::NoSuchTopic`].
    pub fn items(&self, topic: &str) -> Result<Vec<String>> {
        name::check("topic", topic)?;
        let mut list = format!("{LIST}{topic}");
        if list.len() > name::MAX_BYTES {
            // The service has another name for the list then, and tells it.
            let found = self.topics()?.into_iter().find(|told| told.topic == topic);
            list = found.ok_or_else(|| self.no_such_topic(topic))?.list;
        }
        match self.rows(&list, |row| Ok(row.text("item")?.to_owned())) {
            Err(Error::NoSuchItem { .. }) => Err(self.no_such_topic(topic)),
            items => items,
        }
    }

    /// The message types of topics, the richest first for each, and of commands.
    ///
    /// # Errors
    /// As [`help`](Self::help).
    pub fn formats(&self) -> Result<Vec<SystemFormat>> {
        self.rows("Formats", |row| {
            let schema = |column| {
                let bytes = row.bytes(column)?;
                let decoded = || Schema::decode(&bytes).map_err(|error| format!("a schema: {error}"));
                if bytes.is_empty() { Ok(None) } else { decoded().map(Some) }
            };
            Ok(SystemFormat {
                topic: row.text("topic")?.to_owned(),
                used: match row.text("use")? {
                    "holds" => FormatUse::Holds,
                    "computes" => FormatUse::Computes,
                    "executes" => FormatUse::Executes,
                    other => return Err(row.wrong("use", other)),
                },
                type_name: row.text("type")?.to_owned(),
                fingerprint: Fingerprint::from_bits(row.bits("fingerprint")?),
                reply: row.text("reply")?.to_owned(),
                reply_fingerprint: Fingerprint::from_bits(row.bits("reply_fingerprint")?),
                schema: schema("schema")?,
                reply_schema: schema("reply_schema")?,
            })
        })
    }

    /// The clients' links, by conversation.
    ///
    /// # Errors
    /// As [`help`](Self::help).
    pub fn links(&self) -> Result<Vec<SystemLink>> {
        self.rows("Links", |row| {
            Ok(SystemLink {
                conversation: row.parse("conversation")?,
                link: row.parse("link")?,
                topic: row.text("topic")?.to_owned(),
                item: row.text("item")?.to_owned(),
                kind: row.text("kind")?.to_owned(),
                waiting: row.flag("waiting")?,
                pid: row.parse("pid")?,
            })
        })
    }

    /// The clients' conversations, this one too, in the order in which they began.
    ///
    /// # Errors
    /// As [`help`](Self::help).
    pub fn conversations(&self) -> Result<Vec<SystemConversation>> {
        self.rows("Conversations", |row| {
            Ok(SystemConversation {
                conversation: row.parse("conversation")?,
                pid: row.parse("pid")?,
                uid: row.parse("uid")?,
                gid: row.parse("gid")?,
                topic: row.text("topic")?.to_owned(),
                links: row.parse("links")?,
                lanes: row.parse("lanes")?,
                waiting: row.parse("waiting")?,
                paused: row.flag("paused")?,
            })
        })
    }

    /// What the service has counted so far, whether anybody looked or not.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("thermometer")?;
    /// # let rooms = service.topic::<f64>("rooms").open()?;
    /// # rooms.item("kitchen")?.publish(&21.5)?;
    /// # service.ready()?;
    /// use bus::Counter;
    ///
    /// let counters = bus.system("thermometer").open()?.counters()?;
    /// assert_eq!(counters[&Counter::new("published", "rooms")], 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`help`](Self::help).
    pub fn counters(&self) -> Result<BTreeMap<Counter, u64>> {
        let read = |row: &Row<'_, '_>| {
            Ok((Counter::new(row.text("counter")?, row.text("of")?), row.parse("value")?))
        };
        Ok(self.rows("Counters", read)?.into_iter().collect())
    }

    fn rows<R>(
        &self,
        item: &str,
        read: impl FnMut(&Row<'_, '_>) -> core::result::Result<R, String>,
    ) -> Result<Vec<R>> {
        self.read(item, |text| Table::new(text)?.read(read))
    }

    fn read<R>(&self, item: &str, read: impl FnOnce(&[u8]) -> core::result::Result<R, String>) -> Result<R> {
        let text = self.conversation.item(item)?.request_boxed_up_to(MOST_BYTES)?.value;
        read(&text).map_err(|detail| self.broken(item, &detail))
    }

    fn broken(&self, item: &str, detail: &str) -> Error {
        Error::Protocol {
            peer: format!("service `{}`", self.service()),
            detail: format!("item `{item}` of its system topic: {detail}"),
        }
    }

    fn no_such_topic(&self, topic: &str) -> Error {
        Error::NoSuchTopic { service: self.service().to_owned(), topic: topic.to_owned() }
    }
}
