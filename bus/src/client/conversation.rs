//! A conversation: a client's session with one topic of one service.

use core::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::advise::AdviseBuilder;
use super::control::Command;
use super::conversation_state::ConversationHandle;
use super::link_state::{Target, Wanted};
use super::remote_item::RemoteItem;
use super::transact::Terms;
use crate::error::{Ended, Error, Result};
use crate::mark::Mark;
use crate::message::Message;
use crate::name;
use crate::payload::Payload;
use crate::tasks::{Answer, Answered};
use crate::update::{ItemId, Update};

/// How long to wait for an answer of a service that is there, if nothing else is said.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2);

/// A client's session with one topic of one service.
///
/// It outlives the service: when the service dies or closes, the last values stay readable, marked as
/// stale, and when a service of that name with the same message type, or another version of it, returns, the conversation and its
/// links go on with it by themselves.
pub struct Conversation<T: ?Sized> {
    pub(crate) handle: Arc<ConversationHandle>,
    /// How it waits for its transactions.
    pub(super) terms: Terms,
    pub(super) message: PhantomData<fn() -> T>,
}

impl<T: ?Sized> Clone for Conversation<T> {
    fn clone(&self) -> Self {
        Conversation { handle: self.handle.clone(), terms: self.terms, message: PhantomData }
    }
}

// Messages need not be `Debug`, which a derive would ask of them.
impl<T: ?Sized> core::fmt::Debug for Conversation<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Conversation").field("handle", &self.handle).field("terms", &self.terms).finish()
    }
}

impl<T: Payload + ?Sized> Conversation<T> {
    /// The service's name.
    pub fn service(&self) -> &str {
        &self.handle.shared.service
    }

    /// The topic's name.
    pub fn topic(&self) -> &str {
        &self.handle.shared.topic
    }

    /// Ends the conversation, for all clones of it, with its links and transactions: receives say that it is
    /// [`Closed`](Ended::Closed), and so do transactions that are not answered. The service learns that its client has closed it.
    /// Samples that are held stay valid. Dropping the last handle and link of a conversation ends it too.
    pub fn close(self) {
        self.handle.close();
    }

    /// Why the service is gone; `None` while it is live.
    pub fn ended(&self) -> Option<Ended> {
        self.handle.shared.ended()
    }

    /// The process that owns, or last owned, the service.
    pub fn pid(&self) -> u32 {
        self.handle.shared.state.lock().life.0
    }

    /// Which life of the service this is with, or was last: another number for each, as
    /// [`ServiceInfo::instance`](crate::ServiceInfo::instance) and [`Update::epoch`] tell.
    pub fn instance(&self) -> u64 {
        self.handle.shared.state.lock().life.1
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

    /// Begins a link to the item of this name, to all items for `"*"`, or to all whose names begin so for a pattern like
    /// `"AA*"`; finish with [`hot`](AdviseBuilder::hot) or [`warm`](AdviseBuilder::warm). Items that a pattern matches are
    /// followed from when they appear.
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
        AdviseBuilder::new(self, Target::of(item))
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
        AdviseBuilder::new(self, Target::Many(Wanted::These(items.into_iter().map(Into::into).collect())))
    }
}

impl<T: Message> Conversation<T> {
    /// Reads the present value of an item, from memory; where it has none, the service is asked to
    /// [compute](crate::Handlers::compute) one, whose `seq` is 0. To read one item often, hold an [`item`](Conversation::item).
    ///
    /// # Errors
    /// As [`item`](Conversation::item) and [`RemoteItem::request`]; as [`request_as`](Self::request_as) where it is computed.
    pub fn request(&self, item: &str) -> Result<Update<T>> {
        match self.item(item).and_then(|mut item| item.request()) {
            Err(error) if is_without_value(&error) => self.computed(item, error, self.request_as::<T>(item)),
            read => read,
        }
    }

    /// What was computed where there is no value, as `error` says: as an update.
    fn computed(&self, item: &str, error: Error, answer: Result<T>) -> Result<Update<T>> {
        let value = match answer {
            Ok(value) => value,
            Err(other) if is_not_computed::<T>(&error, &other) => return Err(error),
            Err(other) => return Err(other),
        };
        let shared = &self.handle.shared;
        let epoch = shared.state.lock().session.as_ref().map_or(0, |session| session.epoch);
        let item = shared.names.id(item);
        let (mark, stamp) = (Mark::GOOD, None);
        Ok(Update {
            value,
            item,
            seq: 0,
            missed: 0,
            suppressed: 0,
            epoch,
            stamp,
            gap: false,
            stale: false,
            mark,
        })
    }

    /// As [`request`](Self::request), without blocking a thread where the service has to be asked whether the item
    /// exists.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub async fn request_async(&self, item: &str) -> Result<Update<T>> {
        match self.item_async(item).await.and_then(|mut item| item.request()) {
            Err(error) if is_without_value(&error) => {
                self.computed(item, error, self.request_as_async::<T>(item).await)
            }
            read => read,
        }
    }
}

impl<T: Payload + ?Sized> Conversation<T> {
    /// Copies the present value of an item into a box; for slices, which have no fixed size, and for messages that are too
    /// large for a stack. To read one item often, hold an [`item`](Conversation::item).
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("lidar")?;
    /// # service.ready()?;
    /// let clouds = service.topic::<[f32]>("clouds").open()?;
    /// clouds.item("front")?.publish(&[1.5, 2.5])?;
    ///
    /// let lidar = bus.connect::<[f32]>("lidar/clouds").open()?;
    /// assert_eq!(*lidar.request_boxed("front")?.value, [1.5, 2.5]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`item`](Conversation::item) and [`RemoteItem::request_boxed`].
    pub fn request_boxed(&self, item: &str) -> Result<Update<Box<T>>> {
        self.item(item)?.request_boxed()
    }

    /// As [`request_boxed`](Self::request_boxed), without blocking a thread where the service has to be asked whether the
    /// item exists.
    ///
    /// # Errors
    /// As [`request_boxed`](Self::request_boxed).
    pub async fn request_boxed_async(&self, item: &str) -> Result<Update<Box<T>>> {
        self.item_async(item).await?.request_boxed()
    }

    /// An item, to request again and again.
    ///
    /// # Errors
    /// [`Error::NoSuchItem`], [`Error::InvalidName`]; [`Error::Timeout`] if the item is not known here and
    /// the service does not answer.
    pub fn item(&self, item: &str) -> Result<RemoteItem<T>> {
        name::check("item", item)?;
        if let Some(found) = RemoteItem::find(&self.handle, item) {
            return Ok(found);
        }
        self.ask_for(item)?;
        RemoteItem::find(&self.handle, item).ok_or_else(|| self.handle.shared.no_such_item(item))
    }

    /// Asks the service whether an item exists that is not known here: it may have been added just now.
    fn ask_for(&self, item: &str) -> Result<()> {
        let answer = self.ask(item)?.wait(DEFAULT_TIMEOUT);
        answer.unwrap_or_else(|| Err(self.no_answer(item)))
    }

    /// As [`item`](Self::item), without blocking a thread where the service has to be asked whether the item exists.
    ///
    /// # Errors
    /// As [`item`](Self::item).
    pub async fn item_async(&self, item: &str) -> Result<RemoteItem<T>> {
        name::check("item", item)?;
        if let Some(found) = RemoteItem::find(&self.handle, item) {
            return Ok(found);
        }
        let answered = self.ask(item)?;
        let deadline = self.handle.bus.deadline(DEFAULT_TIMEOUT);
        answered.wait_async(deadline).await.unwrap_or_else(|| Err(self.no_answer(item)))?;
        RemoteItem::find(&self.handle, item).ok_or_else(|| self.handle.shared.no_such_item(item))
    }

    fn ask(&self, item: &str) -> Result<Answered<Result<()>>> {
        let (handle, shared) = (&self.handle, &self.handle.shared);
        if let Some(reason) = self.ended() {
            return Err(shared.stale(reason));
        }
        if !shared.is_readable() {
            return Err(shared.unreadable("request", &item));
        }
        let (answer, answered) = Answer::new();
        handle.bus.command(Command::Find { conversation: shared.clone(), item: item.to_owned(), answer });
        Ok(answered)
    }

    fn no_answer(&self, item: &str) -> Error {
        Error::Timeout {
            verb: "find",
            what: format!("{}/{item}", self.handle.shared.address()),
            after: DEFAULT_TIMEOUT,
            hint: format!("process {} does not answer; is it stopped?", self.pid()),
        }
    }
}

/// Whether that there is no value, as `error` says, is all there is to say: nobody computes it, or nobody is there who could. Where it
/// is computed in another version of its type, that is to be said. That an item is not there is not known of a service that is gone.
fn is_not_computed<T: Message>(error: &Error, computing: &Error) -> bool {
    match computing {
        Error::NotSupported { supported, .. } => !supported.contains(&format!("`{}`", T::TYPE.name())),
        Error::Denied { .. } => true,
        Error::Stale { .. } => !matches!(error, Error::NoSuchItem { .. }),
        _ => false,
    }
}

/// Whether an item may have a value for all that, which the service computes.
fn is_without_value(error: &Error) -> bool {
    matches!(error, Error::NoValue { .. } | Error::NoSuchItem { .. } | Error::Denied { .. })
}
