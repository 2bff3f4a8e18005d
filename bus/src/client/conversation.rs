//! A conversation: a client's session with one topic of one service.

use core::marker::PhantomData;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam::channel;

use super::control::Command;
use super::link::{AdviseBuilder, Target};
use super::parking::Versioned;
use super::session::{Expected, Session};
use crate::error::{Ended, Error, Result};
use crate::image::Image;
use crate::message::{Message, Schema};
use crate::name;
use crate::namespace::BusCore;
use crate::ring::Miss;
use crate::segment::ItemMemory;
use crate::stamp::Stamp;
use crate::sync::Ordering;
use crate::update::{ItemId, Update};

/// How long to wait for an answer of a service that is there, if nothing else is said.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2);

/// A conversation, as its handles and the control thread see it.
#[derive(Debug)]
pub(crate) struct ConversationShared {
    pub(crate) number: u64,
    pub(crate) service: String,
    pub(crate) topic: String,
    /// Whether the first connect waits for service and topic to appear; later ones always do.
    pub(crate) wait: bool,
    pub(crate) expected: Expected,
    pub(crate) names: Arc<Names>,
    pub(crate) state: Versioned<State>,
}

/// How a conversation stands.
#[derive(Debug)]
pub(crate) struct State {
    /// The mapped topic of the service's present or last life.
    pub(crate) session: Option<Arc<Session>>,
    pub(crate) status: Status,
}

/// Whether there is a service at the other end.
#[derive(Debug)]
pub(crate) enum Status {
    /// There has been none yet.
    Absent,
    /// The process `pid` owns it, but has not answered yet.
    Unanswered { pid: u32 },
    /// It is live.
    Live,
    /// It was live, and is gone.
    Ended(Ended),
    /// The first connect failed.
    Failed(Option<Error>),
}

/// The names of items, with ids that stay the same when a service returns.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<NameTable>);

#[derive(Debug, Default)]
struct NameTable {
    ids: HashMap<Arc<str>, ItemId>,
    names: Vec<Arc<str>>,
}

impl Names {
    /// The id of a name.
    pub(crate) fn id(&self, name: &str) -> ItemId {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&id) = table.ids.get(name) {
            return id;
        }
        let (id, name) = (ItemId::new(table.names.len() as u32), Arc::<str>::from(name));
        table.ids.insert(name.clone(), id);
        table.names.push(name);
        id
    }

    /// The name of an id.
    pub(crate) fn name(&self, id: ItemId) -> Option<Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).names.get(id.index()).cloned()
    }
}

impl ConversationShared {
    pub(crate) fn address(&self) -> String {
        format!("{}/{}", self.service, self.topic)
    }

    pub(crate) fn no_such_item(&self, item: &str) -> Error {
        Error::NoSuchItem { service: self.service.clone(), topic: self.topic.clone(), item: item.to_owned() }
    }

    pub(crate) fn stale(&self, reason: Ended) -> Error {
        Error::Stale { service: self.service.clone(), reason }
    }

    /// Reads the present value of an item of a session.
    #[inline]
    fn read<T: Message>(
        &self,
        memory: &ItemMemory,
        payload: usize,
        id: ItemId,
        stale: bool,
    ) -> Result<Update<T>> {
        let mut image = Image::<T>::new();
        let read = memory.ring.read_latest(|body| {
            image.load(&body[payload..]);
            body[0].load(Ordering::Relaxed)
        });
        match read {
            Ok(Some((seq, stamp))) => {
                // SAFETY: the read succeeded, so `load` has been called.
                let value = unsafe { image.decode() }.map_err(|invalid| self.invalid(id, invalid))?;
                Ok(Update { value, item: id, seq, missed: 0, stamp: stamp_of(stamp), gap: false, stale })
            }
            Ok(None) => Err(Error::NoValue {
                service: self.service.clone(),
                topic: self.topic.clone(),
                item: self.item_name(id),
            }),
            Err(Miss::Lapped | Miss::NotYet) => Err(Error::Overrun { item: self.item_name(id) }),
        }
    }

    #[cold]
    pub(crate) fn invalid(&self, id: ItemId, invalid: crate::message::Invalid) -> Error {
        Error::InvalidValue {
            service: self.service.clone(),
            topic: self.topic.clone(),
            item: self.item_name(id),
            invalid,
        }
    }

    fn item_name(&self, id: ItemId) -> String {
        self.names.name(id).map_or_else(String::new, |name| name.to_string())
    }
}

/// What a slot's stamp word means.
#[inline(always)]
pub(crate) fn stamp_of(word: u64) -> Option<Stamp> {
    (word != 0).then(|| Stamp::from_nanoseconds(word))
}

/// A conversation's registration with the control thread; ends with the last handle that needs it.
#[derive(Debug)]
pub(crate) struct ConversationHandle {
    pub(crate) bus: Arc<BusCore>,
    pub(crate) shared: Arc<ConversationShared>,
}

impl Drop for ConversationHandle {
    fn drop(&mut self) {
        self.bus.command(Command::Close(self.shared.clone()));
    }
}

/// A connect that is being set up.
#[derive(Debug)]
#[must_use = "a conversation begins by `open`"]
pub struct ConnectBuilder<'b, T> {
    bus: &'b Arc<BusCore>,
    address: String,
    wait: Option<Duration>,
    timeout: Duration,
    message: PhantomData<fn() -> T>,
}

impl<'b, T: Message> ConnectBuilder<'b, T> {
    pub(crate) fn new(bus: &'b Arc<BusCore>, address: &str) -> Self {
        ConnectBuilder {
            bus,
            address: address.to_owned(),
            wait: None,
            timeout: DEFAULT_TIMEOUT,
            message: PhantomData,
        }
    }

    /// Waits up to `timeout` for the service and the topic to appear, instead of failing at once where they
    /// are not there.
    pub fn wait(mut self, timeout: Duration) -> Self {
        self.wait = Some(timeout);
        self
    }

    /// How long a service that is there may take to answer, before the connect fails. Default: 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Connects.
    ///
    /// # Errors
    /// [`Error::InvalidName`], [`Error::NoSuchService`], [`Error::NoSuchTopic`]; [`Error::TypeMismatch`] with
    /// both types field by field; [`Error::Timeout`] where the service is stopped or does not appear in time;
    /// [`Error::Version`], [`Error::Refused`], [`Error::Protocol`].
    pub fn open(self) -> Result<Conversation<T>> {
        let (service, topic) = name::service_and_topic(&self.address)?;
        let limit = self.wait.unwrap_or(self.timeout);
        let shared = Arc::new(ConversationShared {
            number: self.bus.number(),
            service: service.to_owned(),
            topic: topic.to_owned(),
            wait: self.wait.is_some(),
            expected: Expected {
                fingerprint: T::FINGERPRINT,
                size: size_of::<T>(),
                align: align_of::<T>(),
                schema: Schema::of::<T>,
            },
            names: Arc::default(),
            state: Versioned::new(State { session: None, status: Status::Absent }),
        });
        self.bus.start()?;
        let handle = Arc::new(ConversationHandle { bus: self.bus.clone(), shared: shared.clone() });
        self.bus.command(Command::Open(shared));
        handle.wait_until_live(limit)?;
        Ok(Conversation { handle, message: PhantomData })
    }
}

impl ConversationHandle {
    fn wait_until_live(&self, limit: Duration) -> Result<()> {
        let shared = &self.shared;
        let deadline = Instant::now().checked_add(limit);
        loop {
            let seen = shared.state.version();
            let left =
                deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
            let hint = match &mut shared.state.lock().status {
                Status::Live | Status::Ended(_) => return Ok(()),
                Status::Failed(error) => {
                    return Err(error.take().unwrap_or(Error::Closed("the conversation")));
                }
                Status::Absent => format!(
                    "no such service appeared on bus `{}` ({})",
                    self.bus.name,
                    self.bus.registry.path().display()
                ),
                Status::Unanswered { pid } => format!(
                    "process {pid} serves it but does not answer, or has no such topic yet; is it stopped?"
                ),
            };
            if left.is_zero() {
                return Err(Error::Timeout { verb: "connect", what: shared.address(), after: limit, hint });
            }
            shared.state.wait(seen, left.min(Duration::from_secs(3600)));
        }
    }
}

/// A client's session with one topic of one service.
///
/// It outlives the service: when the service dies or closes, the last values stay readable, marked as
/// stale, and when a service of that name with the same message type returns, the conversation and its
/// links go on with it by themselves.
#[derive(Debug)]
pub struct Conversation<T> {
    pub(crate) handle: Arc<ConversationHandle>,
    message: PhantomData<fn() -> T>,
}

impl<T> Clone for Conversation<T> {
    fn clone(&self) -> Self {
        Conversation { handle: self.handle.clone(), message: PhantomData }
    }
}

impl<T: Message> Conversation<T> {
    /// The service's name.
    pub fn service(&self) -> &str {
        &self.handle.shared.service
    }

    /// The topic's name.
    pub fn topic(&self) -> &str {
        &self.handle.shared.topic
    }

    /// Why the service is gone; `None` while it is live.
    pub fn ended(&self) -> Option<Ended> {
        match &self.handle.shared.state.lock().status {
            Status::Ended(reason) => Some(reason.clone()),
            _ => None,
        }
    }

    /// The process that owns, or last owned, the service.
    pub fn pid(&self) -> u32 {
        self.handle.shared.state.lock().session.as_ref().map_or(0, |session| session.pid)
    }

    /// The names of the topic's items, in the order in which they were added.
    pub fn items(&self) -> Vec<Arc<str>> {
        let session = self.handle.shared.state.lock().session.clone();
        session.map_or_else(Vec::new, |session| session.names())
    }

    /// The name behind an [`ItemId`] that this conversation or one of its links gave; empty for another's.
    pub fn name(&self, item: ItemId) -> Arc<str> {
        self.handle.shared.names.name(item).unwrap_or_else(|| "".into())
    }

    /// Reads the present value of an item, from memory. To read one item often, hold an
    /// [`item`](Conversation::item).
    ///
    /// # Errors
    /// As [`item`](Conversation::item) and [`RemoteItem::request`].
    pub fn request(&self, item: &str) -> Result<Update<T>> {
        self.item(item)?.request()
    }

    /// An item, to request again and again.
    ///
    /// # Errors
    /// [`Error::NoSuchItem`], [`Error::InvalidName`]; [`Error::Timeout`] if the item is not known here and
    /// the service does not answer.
    pub fn item(&self, item: &str) -> Result<RemoteItem<T>> {
        name::check("item", item)?;
        let shared = &self.handle.shared;
        let id = shared.names.id(item);
        let mut remote = RemoteItem {
            conversation: self.handle.clone(),
            name: item.to_owned(),
            id,
            seen: u64::MAX,
            place: None,
            message: PhantomData,
        };
        remote.find();
        if remote.place.is_none() {
            self.ask_for(item)?;
            remote.find();
        }
        if remote.place.is_none() { Err(shared.no_such_item(item)) } else { Ok(remote) }
    }

    /// Asks the service whether an item exists that is not known here: it may have been added just now.
    fn ask_for(&self, item: &str) -> Result<()> {
        let (handle, shared) = (&self.handle, &self.handle.shared);
        if let Status::Ended(_) = shared.state.lock().status {
            return Err(shared.no_such_item(item));
        }
        let (answer, answered) = channel::bounded(1);
        handle.bus.command(Command::Find { conversation: shared.clone(), item: item.to_owned(), answer });
        answered.recv_timeout(DEFAULT_TIMEOUT).unwrap_or_else(|_| {
            Err(Error::Timeout {
                verb: "find",
                what: format!("{}/{item}", shared.address()),
                after: DEFAULT_TIMEOUT,
                hint: format!("process {} does not answer; is it stopped?", self.pid()),
            })
        })
    }

    /// Begins a link to the item of this name, or to all items for `"*"`; finish with
    /// [`hot`](AdviseBuilder::hot) or [`warm`](AdviseBuilder::warm).
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
    /// let mut kitchen_link = rooms.advise("kitchen").hot()?;
    /// assert_eq!(kitchen_link.recv()?.value, 21.5); // the present value, at once
    ///
    /// kitchen.publish(&22.0)?;
    /// let update = kitchen_link.recv()?;
    /// assert_eq!((update.value, update.seq, update.missed), (22.0, 2, 0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn advise(&self, item: &str) -> AdviseBuilder<'_, T> {
        let target = if item == name::ANY { Target::Many(None) } else { Target::One(item.to_owned()) };
        AdviseBuilder::new(self, target)
    }

    /// Begins a link to several items, whose updates come in the order of publishing. Items that do not
    /// exist yet are followed from when they appear.
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
    /// let mut link = rooms.advise_items(["kitchen", "bath"]).prime(false).hot()?;
    /// bath.publish(&24.0)?;
    /// kitchen.publish(&22.0)?;
    /// let update = link.recv()?;
    /// assert_eq!((&*link.name(update.item), update.value), ("bath", 24.0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn advise_items<N: Into<String>>(&self, items: impl IntoIterator<Item = N>) -> AdviseBuilder<'_, T> {
        AdviseBuilder::new(self, Target::Many(Some(items.into_iter().map(Into::into).collect())))
    }
}

/// An item of another program, to request again and again: the shortest way to its present value.
#[derive(Debug)]
pub struct RemoteItem<T> {
    conversation: Arc<ConversationHandle>,
    name: String,
    id: ItemId,
    /// Version of the conversation's state that `place` is of.
    seen: u64,
    place: Option<Place>,
    message: PhantomData<fn() -> T>,
}

/// Where an item is in the present session.
#[derive(Debug)]
struct Place {
    memory: ItemMemory,
    payload: usize,
    stale: bool,
}

impl<T: Message> RemoteItem<T> {
    /// Reads the present value, from memory: no system call, no lock, whatever the service does. Where the
    /// service is gone, the last value, marked as [`stale`](Update::stale).
    ///
    /// # Errors
    /// [`Error::NoValue`] before the first publish; [`Error::InvalidValue`] where the bytes are no `T`;
    /// [`Error::Overrun`] where the writer overtakes every attempt to copy it; [`Error::NoSuchItem`] where
    /// the service returned without this item.
    #[inline]
    pub fn request(&mut self) -> Result<Update<T>> {
        let shared = &self.conversation.shared;
        if shared.state.version() != self.seen {
            self.find();
        }
        let shared = &self.conversation.shared;
        match &self.place {
            Some(place) => shared.read(&place.memory, place.payload, self.id, place.stale),
            None => self.find_again(),
        }
    }

    /// The item's id in its conversation.
    pub fn id(&self) -> ItemId {
        self.id
    }

    /// The item's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    #[cold]
    fn find_again(&mut self) -> Result<Update<T>> {
        self.find();
        let shared = &self.conversation.shared;
        match &self.place {
            Some(place) => shared.read(&place.memory, place.payload, self.id, place.stale),
            None => Err(shared.no_such_item(&self.name)),
        }
    }

    /// Looks the item up in the present session.
    #[cold]
    fn find(&mut self) {
        let shared = &self.conversation.shared;
        let (session, stale, seen) = {
            let state = shared.state.lock();
            (state.session.clone(), !matches!(state.status, Status::Live), shared.state.version())
        };
        self.seen = seen;
        self.place = session.and_then(|session| {
            let (_, memory) = session.item(session.find(&self.name)?)?;
            Some(Place { memory, payload: session.payload, stale })
        });
    }
}
