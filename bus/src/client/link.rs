//! Links: live subscriptions.

use core::fmt;
use core::marker::PhantomData;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::control::Command;
use super::conversation::{Conversation, ConversationHandle, ConversationShared, DEFAULT_TIMEOUT, stamp_of};
use super::parking::{Parker, Versioned};
use super::reader::{Delivery, Look, MISSING_BOUND, ManyItems, OneItem, Reader, Start};
use super::session::Session;
use crate::bell::PARK_BOUND;
use crate::error::{Ended, Error, Result};
use crate::image::Image;
use crate::message::Message;
use crate::name;
use crate::sync::{AtomicU64, Ordering};
use crate::update::{ItemId, Notice, Update};

/// How long [`Wait::SpinThenPark`] spins before it sleeps: about what a sleep and a wake-up cost.
const SPIN: Duration = Duration::from_micros(20);
/// Looks between two looks at the clock while spinning.
const LOOKS_A_CLOCK: u32 = 64;

/// Looks at a session that has ended, in search of what it still holds: enough for any journal, and an end to
/// it where a hostile publisher goes on publishing.
const FINAL_LOOKS: u32 = 1 << 14;

/// How a blocking receive waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Wait {
    /// Looks all the time: the lowest latency, at the price of a processor.
    Spin,
    /// Looks for some microseconds, then sleeps. On a machine with one processor it sleeps at
    /// once.
    #[default]
    SpinThenPark,
    /// Sleeps at once: the least processor time.
    Park,
}

/// Whether the machine has one processor: while one spins there, nobody publishes. What this process may run
/// on does not matter, since the publisher may run elsewhere.
fn one_processor() -> bool {
    static ONE: OnceLock<bool> = OnceLock::new();
    // SAFETY: `sysconf` only returns a number.
    *ONE.get_or_init(|| unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) } == 1)
}

/// What a link is to.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    One(String),
    /// These items, or all.
    Many(Option<Vec<String>>),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::One(item) => f.write_str(item),
            Target::Many(None) => f.write_str(name::ANY),
            Target::Many(Some(items)) => f.write_str(&items.join(", ")),
        }
    }
}

/// A link, as its handle and the control thread see it.
#[derive(Debug)]
pub(crate) struct LinkShared {
    pub(crate) number: u64,
    pub(crate) target: Target,
    pub(crate) warm: bool,
    /// Whether the first advise waits for the item to appear; later ones always do.
    pub(crate) wait: bool,
    pub(crate) state: Versioned<Attachment>,
    pub(crate) parker: Parker,
}

impl LinkShared {
    /// Why the service is gone, if it is.
    pub(crate) fn ended(&self) -> Option<Ended> {
        match &*self.state.lock() {
            Attachment::Ended(reason) => Some(reason.clone()),
            _ => None,
        }
    }
}

/// What a link is attached to.
#[derive(Debug)]
pub(crate) enum Attachment {
    /// Nothing yet.
    Asked,
    /// An item of a session, or the whole of it.
    Attached { session: Arc<Session>, index: u32 },
    /// Nothing any longer.
    Ended(Ended),
    /// Nothing, since the service said no.
    Refused(Option<Error>),
}

/// A link that is being set up.
#[derive(Debug)]
#[must_use = "a link begins by `hot` or `warm`"]
pub struct AdviseBuilder<'c, T> {
    conversation: &'c Conversation<T>,
    target: Target,
    delivery: Delivery,
    start: Start,
    wait: Wait,
    appear: Option<Duration>,
}

impl<'c, T: Message> AdviseBuilder<'c, T> {
    pub(crate) fn new(conversation: &'c Conversation<T>, target: Target) -> Self {
        AdviseBuilder {
            conversation,
            target,
            delivery: Delivery::Queue,
            start: Start::Present,
            wait: Wait::default(),
            appear: None,
        }
    }

    /// Delivers every value that is still in the item's history, in order, and counts those that are not.
    /// The default of hot links.
    pub fn queue(mut self) -> Self {
        self.delivery = Delivery::Queue;
        self
    }

    /// Delivers always the newest value, and counts those passed over. Warm links always do this.
    pub fn latest(mut self) -> Self {
        self.delivery = Delivery::Latest;
        self
    }

    /// Whether to begin with the present value, at once and even if the publisher is silent, or with the
    /// next one. Default: yes.
    pub fn prime(mut self, prime: bool) -> Self {
        self.start = if prime { Start::Present } else { Start::Next };
        self
    }

    /// How receives wait. Default: [`Wait::SpinThenPark`].
    pub fn strategy(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }

    /// Waits up to `timeout` for the item to appear, instead of failing at once where it does not exist.
    pub fn wait(mut self, timeout: Duration) -> Self {
        self.appear = Some(timeout);
        self
    }

    /// A link that delivers values.
    ///
    /// # Errors
    /// [`Error::NoSuchItem`], [`Error::InvalidName`], [`Error::Refused`], [`Error::Stale`] while the service
    /// is gone; [`Error::Timeout`] if it does not answer, or the item does not appear in time.
    pub fn hot(self) -> Result<Link<Hot<T>>> {
        self.open(false)
    }

    /// A link that delivers notices that items changed, without values. Each stands for all changes since
    /// the one before.
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
    /// let mut changes = rooms.advise("kitchen").prime(false).warm()?;
    /// kitchen.publish(&22.0)?;
    /// kitchen.publish(&22.5)?;
    /// assert_eq!(changes.recv()?.missed, 1); // one notice stands for both
    /// assert_eq!(rooms.request("kitchen")?.value, 22.5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`hot`](Self::hot).
    pub fn warm(mut self) -> Result<Link<Warm>> {
        self.delivery = Delivery::Latest;
        self.open(true)
    }

    fn open<D: Deliver>(self, warm: bool) -> Result<Link<D>> {
        match &self.target {
            Target::One(item) => {
                name::check("item", item)?;
            }
            Target::Many(items) => {
                for item in items.iter().flatten() {
                    name::check("item", item)?;
                }
            }
        }
        let handle = self.conversation.handle.clone();
        let shared = Arc::new(LinkShared {
            number: handle.bus.number(),
            target: self.target,
            warm,
            wait: self.appear.is_some(),
            state: Versioned::new(Attachment::Asked),
            parker: Parker::new(),
        });
        handle.bus.command(Command::Advise { conversation: handle.shared.clone(), link: shared.clone() });
        let mut link = Link {
            conversation: handle,
            shared,
            delivery: self.delivery,
            start: self.start,
            wait: if self.wait == Wait::SpinThenPark && one_processor() { Wait::Park } else { self.wait },
            reader: None,
            payload: 0,
            seen: 0,
            gap: false,
            ended: None,
            deliver: PhantomData,
        };
        link.attach(self.appear.unwrap_or(DEFAULT_TIMEOUT))?;
        Ok(link)
    }
}

/// What a link delivers: [`Hot`] values or [`Warm`] notices.
pub trait Deliver: sealed::Sealed {
    /// What `recv` returns.
    type Item;

    #[doc(hidden)]
    fn look(link: &mut Link<Self>) -> Result<Option<Self::Item>>
    where
        Self: Sized;
}

mod sealed {
    pub trait Sealed {}
    impl<T> Sealed for super::Hot<T> {}
    impl Sealed for super::Warm {}
}

/// Delivers an [`Update`] with the value.
#[derive(Debug)]
pub struct Hot<T>(PhantomData<fn() -> T>);

/// Delivers a [`Notice`] that there is a new value.
#[derive(Debug)]
pub struct Warm(());

impl<T: Message> Deliver for Hot<T> {
    type Item = Update<T>;

    #[inline(always)]
    fn look(link: &mut Link<Self>) -> Result<Option<Update<T>>> {
        let mut image = Image::<T>::new();
        let payload = link.payload;
        let look = link.look_with(|body| {
            image.load(&body[payload..]);
            body[0].load(Ordering::Relaxed)
        })?;
        let Some((item, taken)) = look else { return Ok(None) };
        let gap = core::mem::take(&mut link.gap);
        // SAFETY: a value was taken, so `load` has been called.
        let value =
            unsafe { image.decode() }.map_err(|invalid| link.conversation.shared.invalid(item, invalid))?;
        let (seq, missed, stamp) = (taken.number, taken.missed, stamp_of(taken.value));
        Ok(Some(Update { value, item, seq, missed, stamp, gap, stale: false }))
    }
}

impl Deliver for Warm {
    type Item = Notice;

    #[inline(always)]
    fn look(link: &mut Link<Self>) -> Result<Option<Notice>> {
        let Some((item, taken)) = link.look_with(|_| ())? else { return Ok(None) };
        let gap = core::mem::take(&mut link.gap);
        Ok(Some(Notice { item, seq: taken.number, missed: taken.missed, gap }))
    }
}

/// A live subscription to an item, to several, or to a whole topic.
///
/// When the service goes, what it still published is delivered first; then one [`Error::Stale`] says why,
/// and the next receive waits for the service's return, of which [`Update::gap`] tells. As an iterator a
/// link is an endless series of [`recv`](Link::recv)s.
///
/// A link is `Send`, and is read from one thread at a time.
pub struct Link<D> {
    conversation: Arc<ConversationHandle>,
    shared: Arc<LinkShared>,
    delivery: Delivery,
    /// Where to begin in the next session.
    start: Start,
    wait: Wait,
    reader: Option<Reader>,
    payload: usize,
    /// Version of the shared state that `reader` is of.
    seen: u64,
    gap: bool,
    ended: Option<Ended>,
    deliver: PhantomData<fn() -> D>,
}

impl<D> fmt::Debug for Link<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.conversation.shared.address();
        write!(f, "Link({address}/{}, {:?}, ended: {:?})", self.shared.target, self.delivery, self.ended)
    }
}

impl<D: Deliver> Link<D> {
    /// The next update, if there is one now.
    ///
    /// # Errors
    /// [`Error::Stale`], once, when the service is gone and all it published is delivered;
    /// [`Error::InvalidValue`] where the bytes are no value of the type, and the link goes on after it.
    #[inline(always)]
    pub fn try_recv(&mut self) -> Result<Option<D::Item>> {
        D::look(self)
    }

    /// Waits for the next update, however long.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv).
    #[inline]
    pub fn recv(&mut self) -> Result<D::Item> {
        let looks = self.looks();
        let mut spin_until = None;
        loop {
            for _ in 0..looks {
                if let Some(item) = D::look(self)? {
                    return Ok(item);
                }
            }
            self.rest(&mut spin_until, None);
        }
    }

    /// Waits for the next update, at most `timeout`.
    ///
    /// # Errors
    /// [`Error::Timeout`], and as [`try_recv`](Self::try_recv).
    #[inline]
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<D::Item> {
        let looks = self.looks();
        let mut spin_until = None;
        let mut deadline = None;
        loop {
            for _ in 0..looks {
                if let Some(item) = D::look(self)? {
                    return Ok(item);
                }
            }
            // The clock is first read when nothing was there.
            let now = Instant::now();
            let deadline = *deadline.get_or_insert_with(|| now.checked_add(timeout));
            if deadline.is_some_and(|deadline| now >= deadline) {
                return Err(self.timed_out("recv", timeout));
            }
            self.rest(&mut spin_until, deadline);
        }
    }

    /// Looks between two rests.
    #[inline(always)]
    fn looks(&self) -> u32 {
        if self.wait == Wait::Park { 1 } else { LOOKS_A_CLOCK }
    }

    /// Between looks: decides whether to go on spinning, or sleeps.
    #[cold]
    #[inline(never)]
    fn rest(&mut self, spin_until: &mut Option<Instant>, deadline: Option<Instant>) {
        if self.reader.is_some() {
            match self.wait {
                Wait::Spin => return,
                Wait::SpinThenPark => {
                    let now = Instant::now();
                    if now < *spin_until.get_or_insert(now + SPIN) {
                        return;
                    }
                    *spin_until = None;
                }
                Wait::Park => {}
            }
        }
        let left =
            deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        if !left.is_zero() {
            self.park(left);
        }
    }

    /// Sleeps until there is something to look at, at most `bound`; may return early.
    fn park(&mut self, bound: Duration) {
        let state = &self.shared.state;
        match &mut self.reader {
            Some(reader) => match reader.look_for_missing() {
                Some(index) => reader.wait_for_missing(index, bound.min(MISSING_BOUND)),
                None if reader.has_more() => {}
                None => {
                    let (place, wanted) = reader.awaited();
                    self.shared.parker.sleep(place, wanted, state, self.seen, bound);
                }
            },
            None => state.wait(self.seen, bound.min(PARK_BOUND * 10)),
        }
    }
}

impl<D: Deliver> Iterator for Link<D> {
    type Item = Result<D::Item>;

    fn next(&mut self) -> Option<Result<D::Item>> {
        Some(self.recv())
    }
}

impl<D> Link<D> {
    /// Why the service is gone; `None` while it is live. What it published is still delivered.
    pub fn ended(&self) -> Option<Ended> {
        self.shared.ended()
    }

    /// The name behind an [`ItemId`] of an update.
    pub fn name(&self, item: ItemId) -> Arc<str> {
        self.conversation.shared.names.name(item).unwrap_or_else(|| "".into())
    }

    #[inline(always)]
    fn look_with<R>(&mut self, mut copy: impl FnMut(&[AtomicU64]) -> R) -> Result<Look<R>> {
        let mut changed = false;
        let mut final_looks = 0;
        loop {
            if let Some(reader) = &mut self.reader
                && let Some(taken) = reader.look(&mut copy)
            {
                return Ok(Some(taken));
            }
            if changed {
                // All that the old session holds is delivered before anything else.
                final_looks += 1;
                if final_looks > FINAL_LOOKS || !self.reader.as_mut().is_some_and(Reader::has_more) {
                    self.adopt()?;
                    changed = false;
                }
            } else if self.shared.state.version() == self.seen {
                return Ok(None);
            } else {
                // The session has ended, and what it holds now is all that it ever will: look once more.
                changed = true;
            }
        }
    }

    /// Takes over what the control thread changed.
    #[cold]
    fn adopt(&mut self) -> Result<()> {
        let shared = self.shared.clone();
        let mut state = shared.state.lock();
        self.seen = shared.state.version();
        match &mut *state {
            Attachment::Asked => {}
            Attachment::Attached { session, index } => {
                let (session, index) = (session.clone(), *index);
                drop(state);
                self.read_from(session, index);
            }
            Attachment::Ended(reason) => {
                let reason = reason.clone();
                self.reader = None;
                self.shared.parker.move_to(None);
                self.ended = Some(reason.clone());
                return Err(self.conversation.shared.stale(reason));
            }
            Attachment::Refused(error) => {
                return Err(error.take().unwrap_or(Error::Closed("the link")));
            }
        }
        Ok(())
    }

    fn read_from(&mut self, session: Arc<Session>, index: u32) {
        let conversation: &ConversationShared = &self.conversation.shared;
        let names = &conversation.names;
        self.payload = session.payload;
        let reader = match &self.shared.target {
            Target::One(item) => session.item(index).map(|(_, memory)| {
                Reader::One(OneItem::new(names.id(item), memory, self.delivery, self.start))
            }),
            Target::Many(only) => {
                let many = ManyItems::new(session, names.clone(), only.clone(), self.delivery, self.start);
                Some(Reader::Many(Box::new(many)))
            }
        };
        self.shared.parker.move_to(reader.as_ref().map(|reader| reader.awaited().0.clone()));
        // A new life of the service is followed from its beginning, so that nothing of it goes uncounted.
        self.gap = self.start == Start::First;
        self.start = Start::First;
        self.reader = reader;
        self.ended = None;
    }

    /// Waits for the service's answer to the advise.
    fn attach(&mut self, limit: Duration) -> Result<()> {
        let deadline = Instant::now().checked_add(limit);
        while self.reader.is_none() {
            let seen = self.seen;
            if self.shared.state.version() != seen {
                self.adopt()?;
                continue;
            }
            let left =
                deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Err(self.timed_out("advise", limit));
            }
            self.shared.state.wait(seen, left.min(Duration::from_secs(3600)));
        }
        Ok(())
    }

    #[cold]
    fn timed_out(&self, verb: &'static str, after: Duration) -> Error {
        let hint = match (verb, &self.ended) {
            (_, Some(reason)) => format!("the service is gone ({reason}) and has not returned"),
            ("recv", None) => "nothing was published meanwhile".to_owned(),
            _ => "no such item appeared, or the service does not answer".to_owned(),
        };
        let what = format!("{}/{}", self.conversation.shared.address(), self.shared.target);
        Error::Timeout { verb, what, after, hint }
    }
}

impl<D> Drop for Link<D> {
    fn drop(&mut self) {
        let conversation = self.conversation.shared.clone();
        self.conversation.bus.command(Command::Unadvise { conversation, link: self.shared.number });
    }
}
