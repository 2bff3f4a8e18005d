//! Waiting for many things at once: links, services, answers, requests, timers, events of other threads, and foreign
//! descriptors.
//!
//! A [`WaitSet`] owns nothing of what it waits for. Links and watches stay with the user, who reads them as always, and
//! tell the set where they stand ([`super::vigil`]); the set looks into their memory, which is a few loads for each.
//! One round of a wait:
//!
//! ```text
//!   take from the kernel what is readable, and empty what rang
//!   look at every member          some are ready ?      done
//!   ask the publishers to ring; fence
//!   look at every link again      some are ready ?      done
//!   sleep until something is readable, at most until the next timer, and at most the park bound
//! ```
//!
//! So nothing is lost between a look and the sleep, by the protocol of [`crate::bell`]; and a wake-up is one hop, from
//! the publisher to this thread. What is ready is returned and never waited for again inside, so that a member that
//! stays unread costs its user's own loop, not one in here. A member that is told of once for each change stays out of
//! everything, the bound of the sleep included, from when it was told until there is something else to tell.
//!
//! [`Waitable`] is the seam for what else can be waited for: whatever has a [`Vigil`], and perhaps a descriptor.
//!
//! [`member`] is what a set has, and what can become that; [`answer`] is a transaction there, and [`requests`] are what a service
//! is asked, each with a [`seat`].

mod answer;
mod member;
mod requests;
pub(crate) mod seat;

use core::fmt;
use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rustix::event::epoll::EventFlags;

use self::answer::Answer;
pub use self::member::{Event, Interest, Token, Waitable};
use self::member::{Kind, Member, Raised, duplicate, sealed};
use super::control::Command;
use super::vigil::News;
use super::waiter::Waiter;
use crate::bell::{self, PARK_BOUND};
use crate::error::{Error, Result};
use crate::namespace::BusCore;
use crate::sys::timer::Timer;

/// In the kernel's note of a descriptor: it is the timer. Tokens are smaller.
const TIMER: u64 = (1 << 62) - 1;

/// Waits for many things at once, and says which are ready.
///
/// Members have keys of the user's choosing: numbers, names, an enum. Links, watches, [transactions](crate::Pending) and
/// [handlers](crate::Handlers) are added by a borrow that ends at once: they stay where they are, are read as always, and may move.
/// Dropped, they leave the set by themselves. A set is used by one thread at a time; links that it waits for may come from any number of buses,
/// services and topics.
///
/// ```
/// # fn main() -> Result<(), bus::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
/// # let service = bus.service("thermometer")?;
/// # let rooms = service.topic::<f64>("rooms").open()?;
/// # rooms.item("kitchen")?.publish(&21.5)?;
/// # rooms.item("bath")?.publish(&24.0)?;
/// # service.ready()?;
/// use std::time::Duration;
/// use bus::WaitSet;
///
/// #[derive(Clone)]
/// enum Ready {
///     Room(usize),
///     Tick,
///     Stop,
/// }
///
/// let topic = bus.connect::<f64>("thermometer/rooms").open()?;
/// let mut rooms = vec![topic.advise("kitchen").hot()?, topic.advise("bath").hot()?];
///
/// let mut set = WaitSet::new()?;
/// for (index, link) in rooms.iter_mut().enumerate() {
///     set.add(link, Ready::Room(index))?;
/// }
/// set.every(Duration::from_secs(1), Ready::Tick)?;
/// let stop = set.event(Ready::Stop);
/// # stop.raise();
///
/// // Another thread may call `stop.raise()`.
/// 'running: loop {
///     for ready in set.wait()? {
///         match ready {
///             // Until nothing is there: what stays unread is ready again at once.
///             Ready::Room(index) => while let Some(update) = rooms[index].try_recv()? {
///                 println!("{} °C", update.value);
///             },
///             Ready::Tick => println!("a second has passed"),
///             Ready::Stop => break 'running,
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// # What is ready
///
/// *Ready* says that it is worth a look with `try_recv`, which may still find nothing: what a link to several items was
/// woken by may concern others of the topic. A link is ready while it has something unread, and when its service went,
/// returned, or refused it: errors come by its `try_recv` as always.
///
/// A transaction is ready when it has an outcome, its deadline and the end of its service included, and leaves the set when
/// [`try_wait`](crate::Pending::try_wait) has given that out. Handlers are ready while there are requests that may be taken, which
/// [`poll`](crate::Handlers::poll) answers, with a timeout of zero; and once more when their service is closed, when they leave the set. So one
/// thread can serve, ask others, and follow links:
///
/// ```
/// # fn main() -> Result<(), bus::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
/// # use std::time::Duration;
/// # use bus::WaitSet;
/// #[derive(bus::Message)]
/// #[message(reply = u64)]
/// #[repr(C)]
/// struct Double(u64);
///
/// let service = bus.service("doubler")?;
/// service.ready()?;
/// let mut handlers = service.handlers()?;
/// handlers.execute(|_, double: &Double, _| Ok(double.0 * 2))?;
/// let doubler = bus.client("doubler").open()?;
/// let mut doubled = doubler.begin_execute(&Double(21))?;
///
/// let mut set = WaitSet::new()?;
/// set.add(&mut handlers, "asked")?;
/// set.add(&mut doubled, "answered")?;
/// let answer = 'answered: loop {
///     for ready in set.wait()? {
///         match ready {
///             "asked" => _ = handlers.poll(&mut (), Duration::ZERO)?,
///             _ => if let Some(answer) = doubled.try_wait()? {
///                 break 'answered answer;
///             },
///         }
///     }
/// };
/// assert_eq!(answer, 42);
/// # Ok(())
/// # }
/// ```
///
/// Members are told of as long as they are ready. A loop that leaves something unread, because it has no use for it
/// now, is called again at once, and would run without pause: read it, take it out ([`remove`](Self::remove)), or add
/// it by [`add_edge`](Self::add_edge), so that it is told of once for each change.
///
/// # In another event loop
///
/// A set is a descriptor itself ([`AsFd`]), which polls as readable when something may be ready; then ask
/// [`wait_timeout`](Self::wait_timeout) with [`Duration::ZERO`]. It stays readable until that has answered that
/// nothing is ready. It may be readable, now and then, without anything being ready. With the `AsyncFd` of tokio, which
/// remembers that it was: `clear_ready` when nothing is ready, and not before.
///
/// # Cost
///
/// A wake-up is one hop from the publisher, from whoever answers, or from the client that asks, to the thread that waits; it costs
/// them one system call for each set that sleeps, and none while it does not. What else clients say to a service whose handlers
/// are in a set costs the set a look in vain. A wait looks at each member, which is some loads: a set is for hundreds.
///
/// # Limits
///
/// What a publisher wakes a set by is a socket for each set and service. A service keeps at most 64 of them for one
/// [`Bus`](crate::Bus) of a client, the one for all its tasks included, and for all clients together a quarter of the
/// descriptors that its process may open (`RLIMIT_NOFILE`). A set that gets none, or whose own process has no descriptor
/// left, finds what is published at most 100 ms late. A warning of [tracing](https://docs.rs/tracing) says so, and the set
/// asks again twice a second, so that it needs no help once there is room. Answers do not depend on that: without one, the control
/// thread tells of them, which is a hop more.
pub struct WaitSet<K> {
    waiter: Arc<Waiter>,
    members: BTreeMap<u64, Member<K>>,
    next: u64,
    /// Buses that links came from, to be told when this set is dropped.
    buses: Vec<Weak<BusCore>>,
    /// For those who wait by the descriptor of the set.
    timer: Timer,
    /// Whether somebody does.
    is_descriptor: AtomicBool,
}

impl<K> fmt::Debug for WaitSet<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WaitSet({} members)", self.members.len())
    }
}

impl<K: Clone> WaitSet<K> {
    /// A set without members.
    ///
    /// # Errors
    /// [`Error::Os`] where the process has no descriptors left.
    pub fn new() -> Result<Self> {
        let doing = "creating a wait set";
        let waiter = Arc::new(Waiter::new().map_err(Error::os(doing))?);
        let timer = Timer::new().map_err(Error::os(doing))?;
        waiter.add(&timer, TIMER, EventFlags::IN).map_err(Error::os(doing))?;
        let (members, buses) = (BTreeMap::new(), Vec::new());
        Ok(WaitSet { waiter, members, next: 0, buses, timer, is_descriptor: AtomicBool::new(false) })
    }

    /// Waits for a link, a watch, a transaction, or a service's handlers from now on. It is told of as long as it is ready.
    ///
    /// It is waited for in one place at a time: where it is in another set, or a task has waited for it, it leaves
    /// there.
    ///
    /// # Errors
    /// [`Error::Os`] where the process has no descriptors left; [`Error::Closed`] for a transaction whose outcome was given out.
    pub fn add(&mut self, what: &mut (impl Waitable + ?Sized), key: K) -> Result<Token> {
        self.join(what, key, None)
    }

    /// As [`add`](Self::add), but it is told of once for each change, whether it is read or not: where it stays unread,
    /// with the next value that is published.
    ///
    /// # Errors
    /// As [`add`](Self::add); [`Error::InvalidOption`] for a [merged link](crate::MergedLink).
    pub fn add_edge(&mut self, what: &mut (impl Waitable + ?Sized), key: K) -> Result<Token> {
        what.check_edges()?;
        self.join(what, key, Some(None))
    }

    fn join(
        &mut self,
        what: &mut (impl Waitable + ?Sized),
        key: K,
        told: Option<Option<News>>,
    ) -> Result<Token> {
        let sealed::Joined(kind) = what.join(sealed::Door(&self.waiter))?;
        match &kind {
            Kind::Link { bus, .. } | Kind::Answer(Answer { bus, .. })
                if !self.buses.iter().any(|known| known.ptr_eq(bus)) =>
            {
                self.buses.retain(|bus| bus.strong_count() > 0);
                self.buses.push(bus.clone());
            }
            Kind::Watch { descriptor, .. } => {
                let flags = if told.is_some() { EventFlags::IN | EventFlags::ET } else { EventFlags::IN };
                if let Err(error) = self.watch(descriptor, flags) {
                    self.leave(kind);
                    return Err(error);
                }
            }
            _ => {}
        }
        Ok(self.insert(key, kind, told))
    }

    /// Waits for a foreign descriptor: a socket, a pipe, a terminal. It is told of as long as it is ready.
    ///
    /// The set keeps a duplicate of the descriptor until it is [removed](Self::remove); what it refers to stays open
    /// that long.
    ///
    /// # Errors
    /// [`Error::Os`] where it cannot be polled, as regular files cannot, or no descriptors are left.
    pub fn add_descriptor(&mut self, descriptor: impl AsFd, interest: Interest, key: K) -> Result<Token> {
        let descriptor = duplicate(descriptor.as_fd())?;
        let flags = match interest {
            Interest::Readable => EventFlags::IN,
            Interest::Writable => EventFlags::OUT,
            Interest::Both => EventFlags::IN | EventFlags::OUT,
        };
        self.watch(&descriptor, flags)?;
        Ok(self.insert(key, Kind::Descriptor(descriptor), None))
    }

    /// Is ready once, when `delay` has passed, and leaves the set then.
    pub fn after(&mut self, delay: Duration, key: K) -> Token {
        let now = Instant::now();
        // Further than the clock goes is never.
        let at = now.checked_add(delay).unwrap_or(now + Duration::from_secs(1 << 32));
        self.insert(key, Kind::Timer { at, period: None }, None)
    }

    /// Is ready each time that `period` has passed. Periods that pass while nobody waits are told of together, once.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a period of zero.
    pub fn every(&mut self, period: Duration, key: K) -> Result<Token> {
        if period.is_zero() {
            let (found, expected) = ("0 s".to_owned(), "more than that".to_owned());
            return Err(Error::InvalidOption { option: "period", found, expected });
        }
        let now = Instant::now();
        let at = now.checked_add(period).unwrap_or(now + Duration::from_secs(1 << 32));
        Ok(self.insert(key, Kind::Timer { at, period: Some(period) }, None))
    }

    /// An event that any thread can raise, and which ends a wait so.
    pub fn event(&mut self, key: K) -> Event {
        let raised = Arc::new(Raised { raised: AtomicBool::new(false), waiter: self.waiter.clone() });
        let token = self.insert(key, Kind::Event(raised.clone()), None);
        Event { raised, token }
    }

    /// Takes a member out; whether it was in.
    pub fn remove(&mut self, token: Token) -> bool {
        let member = self.members.remove(&token.0);
        let removed = member.is_some();
        if let Some(member) = member {
            self.leave(member.kind);
        }
        removed
    }

    /// Number of members; those count that have left since the last wait.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Waits until members are ready, however long; their keys, in the order in which they were added.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] where the set is empty, and would wait for ever; [`Error::Os`].
    pub fn wait(&mut self) -> Result<Vec<K>> {
        self.wait_until(None)
    }

    /// As [`wait`](Self::wait), at most `timeout`: no keys where nothing was ready until then.
    ///
    /// # Errors
    /// [`Error::Os`].
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<Vec<K>> {
        let deadline = Instant::now().checked_add(timeout);
        self.wait_until(Some(deadline))
    }

    /// The outer `None`: with no deadline at all; the inner: with one further than the clock goes.
    fn wait_until(&mut self, deadline: Option<Option<Instant>>) -> Result<Vec<K>> {
        let mut timeout = Some(Duration::ZERO);
        loop {
            let mut ready = Vec::new();
            // The timer has ended the sleep of whoever polls the set, and is set anew before the next one.
            let others = |note| {
                if note != TIMER {
                    ready.push(note)
                }
            };
            self.waiter.wait(timeout, others).map_err(Error::os("waiting for members of a wait set"))?;
            let now = Instant::now();
            self.look(now, &mut ready);
            if ready.is_empty() {
                self.ask(now);
                self.look(now, &mut ready);
            }
            if !ready.is_empty() {
                let keys = self.tell(now, ready);
                if !keys.is_empty() {
                    if self.is_descriptor.load(Ordering::Relaxed) {
                        // Until a wait has found nothing.
                        self.waiter.hail();
                    }
                    return Ok(keys);
                }
                timeout = Some(Duration::ZERO);
                continue;
            }
            if self.members.is_empty() && deadline.is_none() {
                let (found, expected) =
                    ("empty".to_owned(), "one with members: it would wait for ever".to_owned());
                return Err(Error::InvalidOption { option: "the wait set", found, expected });
            }
            let left = deadline.flatten().map(|deadline| deadline.saturating_duration_since(now));
            let bound = self.bound(now);
            if self.is_descriptor.load(Ordering::Relaxed) {
                self.timer.set(bound).map_err(Error::os("setting the timer of a wait set"))?;
            }
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(Vec::new());
            }
            timeout = left.into_iter().chain(bound).min();
        }
    }

    /// Adds the tokens of members that are ready; lets go of those that have left.
    fn look(&mut self, now: Instant, ready: &mut Vec<u64>) {
        let mut left = Vec::new();
        for (&token, member) in &mut self.members {
            let is_ready = match &member.kind {
                Kind::Link { ticket, link, .. } if link.vigil.is_held_by(*ticket) => {
                    let news = link.news(now);
                    member.is_new(news)
                }
                Kind::Watch { ticket, vigil, .. } if vigil.is_held_by(*ticket) => {
                    let news = vigil.news(now);
                    member.is_new(news)
                }
                Kind::Answer(answer) if !answer.seat.is_left() => {
                    let news = answer.news(now);
                    member.is_new(news)
                }
                Kind::Requests(requests) if !requests.seat.is_left() => {
                    let news = requests.news();
                    member.is_new(news)
                }
                Kind::Link { .. } | Kind::Watch { .. } | Kind::Answer(_) | Kind::Requests(_) => {
                    left.push(token);
                    false
                }
                Kind::Timer { at, .. } => *at <= now,
                Kind::Event(event) => event.raised.load(Ordering::Acquire),
                // The kernel says it.
                Kind::Descriptor(_) => false,
            };
            if is_ready {
                ready.push(token);
            }
        }
        for token in left {
            self.remove(Token(token));
        }
    }

    /// Asks the publishers of all links that want something to ring, and the others of transactions.
    fn ask(&mut self, now: Instant) {
        for member in self.members.values_mut() {
            match &mut member.kind {
                Kind::Link { link, .. } => link.ask(now),
                Kind::Answer(answer) => answer.ask(),
                Kind::Requests(requests) => requests.ask(),
                _ => {}
            }
        }
        bell::asked();
    }

    /// The keys of those that are ready, each once; notes that they were told of.
    fn tell(&mut self, now: Instant, mut ready: Vec<u64>) -> Vec<K> {
        ready.sort_unstable();
        ready.dedup();
        let mut keys = Vec::with_capacity(ready.len());
        for token in ready {
            let Some(member) = self.members.get_mut(&token) else { continue };
            keys.push(member.key.clone());
            match &mut member.kind {
                Kind::Link { link, .. } => {
                    if let Some(told) = &mut member.told {
                        *told = link.news(now);
                    }
                }
                Kind::Watch { vigil, .. } => {
                    if let Some(told) = &mut member.told {
                        *told = vigil.news(now);
                    }
                }
                Kind::Answer(answer) => {
                    if let Some(told) = &mut member.told {
                        *told = answer.news(now);
                    }
                }
                Kind::Requests(requests) if requests.is_over() => {
                    self.remove(Token(token));
                }
                Kind::Requests(requests) => {
                    if let Some(told) = &mut member.told {
                        *told = requests.news();
                    }
                }
                // Also acquires what was written before it was raised again since the look.
                Kind::Event(event) => drop(event.raised.swap(false, Ordering::AcqRel)),
                Kind::Timer { at, period: Some(period) } => {
                    // As many as have passed.
                    let late = now.saturating_duration_since(*at).as_nanos() / period.as_nanos();
                    let periods = u32::try_from(late).unwrap_or(u32::MAX).saturating_add(1);
                    *at = at.checked_add(period.saturating_mul(periods)).unwrap_or(now + *period);
                }
                Kind::Timer { period: None, .. } => {
                    self.members.remove(&token);
                }
                Kind::Descriptor(_) => {}
            }
        }
        keys
    }

    /// How long nobody has to look, unless something rings. A member whose news it was told of is not looked at for their
    /// sake once more: what it is due for stays with whoever leaves it unread.
    fn bound(&self, now: Instant) -> Option<Duration> {
        let left = |member: &Member<K>| match &member.kind {
            Kind::Link { link, .. } if member.was_told(link.news(now)) => Some(PARK_BOUND),
            Kind::Link { link, .. } => {
                Some(link.vigil.left(now).map_or(PARK_BOUND, |left| left.min(PARK_BOUND)))
            }
            Kind::Watch { vigil, .. } if member.was_told(vigil.news(now)) => None,
            Kind::Watch { vigil, .. } => vigil.left(now),
            Kind::Answer(answer) if member.was_told(answer.news(now)) => None,
            Kind::Answer(answer) => Some(answer.left(now)),
            Kind::Requests(_) => Some(PARK_BOUND),
            Kind::Timer { at, .. } => Some(at.saturating_duration_since(now)),
            Kind::Event(_) | Kind::Descriptor(_) => None,
        };
        self.members.values().filter_map(left).min()
    }

    fn insert(&mut self, key: K, kind: Kind, told: Option<Option<News>>) -> Token {
        self.members.insert(self.next, Member { key, kind, told });
        self.next += 1;
        Token(self.next - 1)
    }

    /// Has the kernel tell of a descriptor by the token of the next member.
    fn watch(&self, descriptor: &OwnedFd, flags: EventFlags) -> Result<()> {
        self.waiter.add(descriptor, self.next, flags).map_err(Error::os("adding a descriptor to a wait set"))
    }
}

impl<K> WaitSet<K> {
    /// Lets go of what was a member.
    fn leave(&self, kind: Kind) {
        match kind {
            Kind::Link { ticket, link, conversation, bus } => {
                if link.vigil.end_of(ticket)
                    && let Some(bus) = bus.upgrade()
                {
                    bus.command(Command::Attend { conversation, link });
                }
            }
            Kind::Watch { ticket, vigil, descriptor } => {
                vigil.end_of(ticket);
                self.waiter.remove(descriptor);
            }
            Kind::Descriptor(descriptor) => self.waiter.remove(descriptor),
            Kind::Answer(answer) => answer.seat.leave(),
            Kind::Requests(requests) => requests.leave(&self.waiter),
            Kind::Timer { .. } | Kind::Event(_) => {}
        }
    }
}

impl<K> Drop for WaitSet<K> {
    fn drop(&mut self) {
        for (_, member) in core::mem::take(&mut self.members) {
            self.leave(member.kind);
        }
        for bus in self.buses.iter().filter_map(Weak::upgrade) {
            bus.command(Command::Forget { waiter: self.waiter.number });
        }
    }
}

/// Polls as readable when something may be ready; see [In another event loop](WaitSet#in-another-event-loop).
impl<K> AsFd for WaitSet<K> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        if !self.is_descriptor.swap(true, Ordering::Relaxed) {
            // What happened until now was perhaps not asked for.
            self.waiter.hail();
        }
        self.waiter.as_fd()
    }
}

/// As [`AsFd`], for what takes only this: the `AsyncFd` of tokio, for one.
impl<K> AsRawFd for WaitSet<K> {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}
