//! A conversation: a client's session with one topic of one service.

use core::cell::Cell;
use core::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::advise::AdviseBuilder;
use super::boxed::Draw;
use super::control::Command;
use super::lanes::Lanes;
use super::link_state::{Target, Wanted};
use super::names::Names;
use super::parking::Versioned;
use super::remote_item::{Place, RemoteItem};
use super::session::{Expected, Session};
use super::transact::Terms;
use super::values::{Found, Values};
use crate::access::{self, Verbs};
use crate::envelope::Envelope;
use crate::error::{Ended, Error, Result};
use crate::image::Image;
use crate::mark::Mark;
use crate::message::{Field, Invalid, Message};
use crate::name;
use crate::namespace::BusCore;
use crate::payload::Payload;
use crate::ring::Miss;
use crate::segment::ItemMemory;
use crate::sync::AtomicU64;
use crate::tasks::{Answer, Answered};
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
    /// Whether it is one of a [list](super::list), which wants to know whether the topic is there, and waits for it anyway.
    pub(crate) listed: bool,
    /// Handles, and the list that it is in: whoever is the last to let go closes it.
    holders: AtomicUsize,
    pub(crate) expected: Expected,
    pub(crate) names: Arc<Names>,
    pub(crate) lanes: Lanes,
    pub(crate) state: Versioned<State>,
}

/// How a conversation stands.
#[derive(Debug)]
pub(crate) struct State {
    /// The mapped topic of the service's present or last life.
    pub(crate) session: Option<Arc<Session>>,
    pub(crate) status: Status,
    /// What went wrong when the service was last connected to; `None` once it is live.
    pub(crate) trouble: Option<String>,
    /// The process, and the life of the service, that it is live with, or was last.
    pub(crate) life: (u32, u64),
}

/// Whether there is a service at the other end.
#[derive(Debug)]
pub(crate) enum Status {
    /// There has been none yet.
    Absent,
    /// The process `pid` owns it, but has not answered yet.
    Unanswered { pid: u32 },
    /// The process `pid` owns it, and has no such topic; it will say when it has. Of conversations of a list only.
    WithoutTopic { pid: u32 },
    /// It is live.
    Live,
    /// It was live, and is gone.
    Ended(Ended),
    /// The first connect failed.
    Failed(Option<Error>),
}

impl ConversationShared {
    /// A conversation that nobody holds yet, nor has been begun.
    pub(crate) fn new(
        number: u64,
        (service, topic): (&str, &str),
        (wait, listed): (bool, bool),
        expected: Expected,
        names: Arc<Names>,
    ) -> Self {
        let state = State { session: None, status: Status::Absent, trouble: None, life: (0, 0) };
        ConversationShared {
            number,
            service: service.to_owned(),
            topic: topic.to_owned(),
            wait,
            listed,
            holders: AtomicUsize::new(0),
            expected,
            names,
            lanes: Lanes::default(),
            state: Versioned::new(state),
        }
    }

    /// One more holds it: as the first, or where another surely does.
    pub(crate) fn hold(&self) {
        self.holders.fetch_add(1, Ordering::Relaxed);
    }

    /// One holds it no longer; whether that was the last.
    #[must_use = "the last one has to close it"]
    pub(crate) fn let_go(&self) -> bool {
        self.holders.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Whether the service is there now.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.state.lock().status, Status::Live)
    }

    /// What went wrong when the service was last connected to.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.state.lock().trouble.clone()
    }

    /// Why the service is gone, if it is.
    pub(crate) fn ended(&self) -> Option<Ended> {
        match &self.state.lock().status {
            Status::Ended(reason) => Some(reason.clone()),
            _ => None,
        }
    }

    pub(crate) fn address(&self) -> String {
        match self.topic.as_str() {
            "" => self.service.clone(),
            topic => format!("{}/{topic}", self.service),
        }
    }

    pub(crate) fn no_such_item(&self, item: &str) -> Error {
        Error::NoSuchItem { service: self.service.clone(), topic: self.topic.clone(), item: item.to_owned() }
    }

    /// Whether the service let this program have the topic's memory; not known before the conversation is live.
    pub(crate) fn is_readable(&self) -> bool {
        let state = self.state.lock();
        state.session.is_some() || !matches!(state.status, Status::Live)
    }

    /// That it did not.
    pub(crate) fn unreadable(&self, verb: &'static str, item: &dyn core::fmt::Display) -> Error {
        let (uid, needed) = (rustix::process::geteuid().as_raw(), Verbs::READ);
        let (service, what) = (self.service.clone(), format!("{}/{item}", self.address()));
        Error::Denied { service, verb, what, uid, needed, reason: access::remedy(uid, needed) }
    }

    pub(crate) fn stale(&self, reason: Ended) -> Error {
        Error::Stale { service: self.service.clone(), reason }
    }

    /// Reads the present value of an item of a session that is live, whose publisher has this version of `T`.
    #[inline(always)]
    pub(crate) fn read<T: Message>(
        &self,
        Place { memory, payload, epoch, .. }: &Place,
        id: ItemId,
    ) -> Result<Update<T>> {
        let payload = *payload;
        let load = |image: &mut Image<T>, body: &[AtomicU64]| image.load(&body[payload..]);
        // SAFETY: `load` has loaded the image.
        self.read_with::<_, _, false>(memory, *epoch, id, Image::new(), load, |image| unsafe {
            image.decode()
        })
    }

    /// As [`read`](Self::read), of one field of the message.
    #[inline(always)]
    pub(crate) fn read_field<T: Message, F: Message>(
        &self,
        Place { memory, payload, epoch, .. }: &Place,
        id: ItemId,
        field: Field<T, F>,
    ) -> Result<Update<F>> {
        let payload = *payload;
        let load = |image: &mut Image<F>, body: &[AtomicU64]| {
            image.load_part(&body[payload..], field.offset());
        };
        let decode = |image: Image<F>| {
            // SAFETY: `load` has loaded the image, and the field's check is as strict as its type.
            unsafe { image.decode_by(|bytes| field.check(bytes)) }
        };
        self.read_with::<_, _, false>(memory, *epoch, id, Image::new(), load, decode)
    }

    /// As [`read`](Self::read), or the last value of a session that is stale; of another version of `T` by way of
    /// the place's conversion.
    pub(crate) fn read_apart<T: Message, const STALE: bool>(
        &self,
        place: &mut Place,
        id: ItemId,
    ) -> Result<Update<T>> {
        let conversion = place.conversion.clone();
        let load = |image: &mut Image<T>, values: &mut Values, body: &[AtomicU64]| {
            let words = values.of(body);
            match &words {
                Found::Here(words) => image.load_by(conversion.as_deref(), words),
                Found::OnItsWay | Found::Nowhere => image.clear(),
            }
            words.is_here()
        };
        // SAFETY: `load` has loaded the image, or cleared it.
        let decode = |image: Image<T>| unsafe { image.decode() }.map(Some);
        self.read_there::<_, _, STALE>(place, id, Image::new, load, decode)
    }

    /// As [`read_apart`](Self::read_apart), into a box, where a slice has no more than so many bytes.
    pub(crate) fn read_boxed<T: Payload + ?Sized, const STALE: bool>(
        &self,
        place: &mut Place,
        id: ItemId,
        most: usize,
    ) -> Result<Update<Box<T>>> {
        let conversion = place.conversion.clone();
        // What a torn look found is found anew.
        let over = Cell::new(None);
        let load = |draw: &mut Draw<T>, values: &mut Values, body: &[AtomicU64]| {
            let bytes = if T::ELEMENT > 0 { Envelope::load(body).size() } else { 0 };
            over.set((bytes > most).then_some(bytes));
            bytes > most || draw.load(values, conversion.as_deref(), body).is_here()
        };
        match (self.read_there::<_, _, STALE>(place, id, Draw::new, load, Draw::into_box), over.get()) {
            (Ok(_), Some(bytes)) => Err(Error::Protocol {
                peer: format!("service `{}`", self.service),
                detail: format!("a value of it has {bytes} bytes, expected at most {most}"),
            }),
            (read, _) => read,
        }
    }

    /// Reads a value that may be in memory on its way: as [`read_with`](Self::read_with), where `load` also says whether it
    /// found the value, and `decode` may find that there is none of this length.
    fn read_there<S, V, const STALE: bool>(
        &self,
        Place { memory, values, epoch, .. }: &mut Place,
        id: ItemId,
        start: impl Fn() -> S,
        load: impl Fn(&mut S, &mut Values, &[AtomicU64]) -> bool,
        decode: impl Fn(S) -> core::result::Result<Option<V>, Invalid>,
    ) -> Result<Update<V>> {
        loop {
            values.begin_look();
            // What was torn may have been anywhere.
            let mut astray = false;
            let load = |state: &mut S, body: &[AtomicU64]| astray = !load(state, values, body);
            let read = self.read_with::<_, _, STALE>(memory, *epoch, id, start(), load, &decode);
            if !astray {
                let update = read?;
                let (value, others) = update.take_value();
                return value.map(|value| others.with(value)).ok_or_else(|| self.astray());
            }
            // Nothing more comes of a service that is gone.
            if STALE || values.awaited().is_none_or(|memory| !values.session().has_pool_soon(memory)) {
                return Err(self.astray());
            }
        }
    }

    /// A value whose memory is not there.
    #[cold]
    pub(crate) fn astray(&self) -> Error {
        Error::Protocol {
            peer: format!("service `{}`", self.service),
            detail: "a value of it is said to be where there is no memory".to_owned(),
        }
    }

    /// Reads a value: has `load` put it somewhere from the body of a slot, and then, if the copy was not torn, `decode` take
    /// it from there.
    #[inline(always)]
    fn read_with<S, V, const STALE: bool>(
        &self,
        memory: &ItemMemory,
        epoch: u64,
        id: ItemId,
        mut state: S,
        mut load: impl FnMut(&mut S, &[AtomicU64]),
        decode: impl FnOnce(S) -> core::result::Result<V, Invalid>,
    ) -> Result<Update<V>> {
        let copy = |body: &[AtomicU64]| {
            load(&mut state, body);
            Envelope::load(body)
        };
        let read = if STALE { memory.ring.read_last(copy) } else { memory.ring.read_latest(copy) };
        match read {
            Ok(Some((seq, envelope))) => {
                let value = decode(state).map_err(|invalid| self.invalid(id, seq, 0, invalid))?;
                Ok(Update {
                    value,
                    item: id,
                    seq,
                    missed: 0,
                    suppressed: 0,
                    epoch,
                    stamp: envelope.stamp(),
                    gap: false,
                    stale: STALE,
                    mark: envelope.mark(),
                })
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
    pub(crate) fn invalid(&self, id: ItemId, seq: u64, missed: u64, invalid: Invalid) -> Error {
        Error::InvalidValue {
            service: self.service.clone(),
            topic: self.topic.clone(),
            item: self.item_name(id),
            seq,
            missed,
            invalid,
        }
    }

    fn item_name(&self, id: ItemId) -> String {
        self.names.name(id).map_or_else(String::new, |name| name.to_string())
    }
}

/// Whether that there is no value, as `error` says, is all there is to say: nobody computes it, or nobody is there who could. That an
/// item is not there is not known of a service that is gone.
fn is_not_computed(error: &Error, computing: &Error) -> bool {
    match computing {
        Error::NotSupported { .. } | Error::Denied { .. } => true,
        Error::Stale { .. } => !matches!(error, Error::NoSuchItem { .. }),
        _ => false,
    }
}

/// Whether an item may have a value for all that, which the service computes.
fn is_without_value(error: &Error) -> bool {
    matches!(error, Error::NoValue { .. } | Error::NoSuchItem { .. } | Error::Denied { .. })
}

/// A conversation's registration with the control thread; ends with the last handle that needs it.
#[derive(Debug)]
pub(crate) struct ConversationHandle {
    pub(crate) bus: Arc<BusCore>,
    pub(crate) shared: Arc<ConversationShared>,
}

impl ConversationHandle {
    /// As the first handle, or where somebody surely holds the conversation.
    pub(crate) fn new(bus: Arc<BusCore>, shared: Arc<ConversationShared>) -> Self {
        shared.hold();
        ConversationHandle { bus, shared }
    }

    /// Ends the conversation for all its handles, with its links and transactions; returns when that is so.
    pub(super) fn close(&self) {
        self.bus.command(Command::Leave(self.shared.clone()));
        let is_live = || matches!(self.shared.state.lock().status, Status::Live);
        loop {
            let seen = self.shared.state.version();
            // It is ended by the control thread, also where that thread itself ends.
            if !is_live() {
                break;
            }
            self.shared.state.wait(seen, Duration::from_secs(1));
        }
        // Where the service was gone already, for this side it is closed from now on.
        self.shared.state.update(|state| {
            if let Status::Ended(reason) = &mut state.status {
                *reason = Ended::Closed;
            }
        });
    }
}

impl Drop for ConversationHandle {
    fn drop(&mut self) {
        if self.shared.let_go() {
            self.bus.command(Command::Close(self.shared.clone()));
        }
    }
}

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
            Err(other) if is_not_computed(&error, &other) => return Err(error),
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
