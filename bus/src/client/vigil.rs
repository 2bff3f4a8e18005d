//! What a link shares with those who wait for it by descriptor: a wait set, or the bus's tasks.
//!
//! A link is read by its own handle, which nobody else can look into. So a link that is waited for says after each
//! look where it stands, in words that a waiter reads: which number it wants next, or that it wants none until it is
//! due ([`Vigil::report`]). A link is waited for in one place at a time; each time it is waited for anew it gets another
//! *ticket*, by which an earlier waiter sees that it is no longer the one. Who waits changes under one mutex, with the
//! ticket: an earlier waiter that ends late takes nothing from the one that has begun meanwhile.
//!
//! What concerns a link and is not published, such as memory that came, is told by a count, a *nudge*. The link
//! takes the count before each look, so that a look answers for the nudges before it, and for no other:
//!
//! ```text
//! control thread:  what is new              link:    nudges taken = nudges
//!                  fence         Release             fence         Acquire
//!                  nudges += 1                       look
//!                  hail                      waiter: nudges taken ≠ nudges ?  the link is ready
//! ```
//!
//! The models are at the end of this file. A link that nobody waits for in this way does nothing of this.

use std::sync::{Arc, OnceLock};
use std::task;
use std::time::{Duration, Instant};

use super::link_state::LinkShared;
use super::waiter::Waiter;
use crate::bell;
use crate::sync::{AtomicU64, Mutex, Ordering, Site};

/// No ticket.
pub(crate) const NOBODY: u64 = 0;
/// A time that does not come.
const NEVER: u64 = u64::MAX;

/// Where a link stands, for whoever waits for it.
#[derive(Debug)]
pub(crate) struct Vigil {
    post: Post<Arc<Waiter>, task::Waker>,
    nudges: Nudges,
    /// The number that the link wants next.
    wanted: AtomicU64,
    /// Not 0 where it wants none before it is due.
    rests: AtomicU64,
    /// The version of the link's state that it has seen.
    seen: AtomicU64,
    /// When to look at the link whatever is published, in nanoseconds of [`clock`].
    due: AtomicU64,
}

/// Who waits.
#[derive(Debug)]
struct Post<W, T> {
    /// The ticket of who waits, or [`NOBODY`]: to be seen without the lock, changed under it.
    ticket: AtomicU64,
    held: Mutex<Held<W, T>>,
}

/// What is left with a link by who waits for it. All of it changes together with the ticket.
#[derive(Debug)]
struct Held<W, T> {
    waiter: Option<W>,
    /// The task to wake, while one waits.
    task: Option<T>,
}

/// A count of what a link has to look for, and up to where it has.
#[derive(Debug)]
struct Nudges {
    given: AtomicU64,
    /// By the link, before its latest look.
    taken: AtomicU64,
}

/// When a link has to be looked at although nothing was published that it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// It has something to do.
    Now,
    /// Then.
    At(Instant),
    Never,
}

/// What a waiter has seen: other than before where there is something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct News {
    /// The version of the link's state.
    version: u64,
    /// How often it was nudged.
    nudges: u64,
    /// The latest number.
    head: u64,
    /// When it was to be looked at, whatever is published.
    due: u64,
}

impl News {
    /// Of what is news once.
    pub(crate) fn once() -> Self {
        News { version: 0, nudges: 0, head: 0, due: 0 }
    }

    /// Of requests in this version of a service's lanes: how often other things have changed, and how many there were.
    pub(crate) fn of_requests(version: u64, nudges: u64, head: u64) -> Self {
        News { version, nudges, head, due: 0 }
    }
}

impl<W, T> Post<W, T> {
    fn new() -> Self {
        Post { ticket: AtomicU64::new(NOBODY), held: Mutex::new(Held { waiter: None, task: None }) }
    }

    /// Whoever waits is relieved by `waiter` under this ticket; who waited until now.
    #[must_use = "who waited has to be told, and foreign wakers are dropped with no lock held"]
    fn relieve(&self, ticket: u64, waiter: Option<W>) -> Held<W, T> {
        let mut held = self.held.lock();
        self.ticket.store(ticket, Ordering::Release);
        core::mem::replace(&mut *held, Held { waiter, task: None })
    }

    /// As [`relieve`](Self::relieve), by nobody, and only where the one with this ticket still waits.
    #[must_use = "as above"]
    fn relieve_of(&self, ticket: u64) -> Option<Held<W, T>> {
        let mut held = self.held.lock();
        (ticket != NOBODY && self.ticket.load(Ordering::Relaxed) == ticket).then(|| {
            self.ticket.store(NOBODY, Ordering::Release);
            core::mem::replace(&mut *held, Held { waiter: None, task: None })
        })
    }
}

impl Nudges {
    fn new() -> Self {
        Nudges { given: AtomicU64::new(0), taken: AtomicU64::new(0) }
    }

    /// After there is something new.
    fn give(&self) {
        Site::NudgeFence.fence(Ordering::Release);
        self.given.fetch_add(1, Ordering::Relaxed);
    }

    /// Before a look.
    fn take(&self) {
        let given = self.given.load(Ordering::Relaxed);
        Site::NudgeTakenFence.fence(Ordering::Acquire);
        self.taken.store(given, Ordering::Relaxed);
    }

    /// How many there were, and whether some came since the latest look began.
    fn look(&self) -> (u64, bool) {
        let given = self.given.load(Ordering::Relaxed);
        (given, given != self.taken.load(Ordering::Relaxed))
    }
}

impl Vigil {
    pub(crate) fn new() -> Self {
        Vigil {
            post: Post::new(),
            nudges: Nudges::new(),
            wanted: AtomicU64::new(0),
            rests: AtomicU64::new(0),
            seen: AtomicU64::new(0),
            due: AtomicU64::new(NEVER),
        }
    }

    /// Has `waiter` wait for the link from now on; its ticket.
    pub(crate) fn begin(&self, waiter: Arc<Waiter>) -> u64 {
        static NEXT: core::sync::atomic::AtomicU64 = core::sync::atomic::AtomicU64::new(NOBODY + 1);
        let ticket = NEXT.fetch_add(1, Ordering::Relaxed);
        dismiss(self.post.relieve(ticket, Some(waiter)));
        ticket
    }

    /// Nobody waits for the link any longer.
    pub(crate) fn end(&self) {
        dismiss(self.post.relieve(NOBODY, None));
    }

    /// The one with this ticket waits no longer; whether it did until now.
    pub(crate) fn end_of(&self, ticket: u64) -> bool {
        self.post.relieve_of(ticket).map(dismiss).is_some()
    }

    /// Whether anybody waits.
    pub(crate) fn is_held(&self) -> bool {
        self.post.ticket.load(Ordering::Relaxed) != NOBODY
    }

    /// Whether the one with this ticket still waits.
    pub(crate) fn is_held_by(&self, ticket: u64) -> bool {
        ticket != NOBODY && self.post.ticket.load(Ordering::Acquire) == ticket
    }

    /// Who waits.
    pub(crate) fn waiter(&self) -> Option<Arc<Waiter>> {
        self.post.held.lock().waiter.clone()
    }

    /// Tells whoever waits that the link's state has changed.
    pub(crate) fn hail(&self) {
        if let Some(waiter) = self.waiter() {
            waiter.hail();
        }
    }

    /// Has the link looked at once, whatever is published.
    pub(crate) fn nudge(&self) {
        self.nudges.give();
        self.hail();
    }

    /// A look begins, which answers for the nudges until now.
    pub(crate) fn take_nudges(&self) {
        self.nudges.take();
    }

    /// Says where the link stands: which number it wants next, `None` if none before it is `due`; and which version of its
    /// state it has seen.
    pub(crate) fn report(&self, wanted: Option<u64>, seen: u64, due: Due) {
        let due = match due {
            Due::Now => 0,
            Due::At(at) => clock(at),
            Due::Never => NEVER,
        };
        self.due.store(due, Ordering::Relaxed);
        if let Some(wanted) = wanted {
            self.wanted.store(wanted, Ordering::Relaxed);
        }
        let rests = u64::from(wanted.is_none());
        let rested = self.rests.swap(rests, Ordering::Release);
        if self.seen.swap(seen, Ordering::Release) != seen || rested > rests {
            // A waiter on another thread may sleep on what the link wanted before, or without having asked for it.
            self.hail();
        }
    }

    /// Has a task woken when the link is ready.
    pub(crate) fn set_task(&self, waker: &task::Waker) {
        let wakes = |task: &task::Waker| task.will_wake(waker);
        if self.post.held.lock().task.as_ref().is_some_and(wakes) {
            return;
        }
        // Foreign code, which runs with no lock held: so does what drops the one before.
        let waker = waker.clone();
        let before = self.post.held.lock().task.replace(waker);
        drop(before);
    }

    /// The task that waits, which is to be woken, or waits no longer.
    pub(crate) fn take_task(&self) -> Option<task::Waker> {
        self.post.held.lock().task.take()
    }

    /// Whether a task waits.
    pub(crate) fn has_task(&self) -> bool {
        self.post.held.lock().task.is_some()
    }

    /// When the link has to be looked at whatever is published; how long that is from `now`.
    pub(crate) fn left(&self, now: Instant) -> Option<Duration> {
        match self.due.load(Ordering::Acquire) {
            NEVER => None,
            due => Some(Duration::from_nanos(due.saturating_sub(clock(now)))),
        }
    }
}

/// Lets those go who waited.
fn dismiss(held: Held<Arc<Waiter>, task::Waker>) {
    if let Some(waiter) = &held.waiter {
        // So that it lets go of the link.
        waiter.hail();
    }
}

impl Vigil {
    /// Whether there is something to look at, of something that is no link.
    pub(crate) fn news(&self, now: Instant) -> Option<News> {
        let due = self.due.load(Ordering::Acquire);
        is_due(due, now).then_some(News { version: 0, nudges: 0, head: 0, due })
    }
}

impl LinkShared {
    /// Whether there is something for the link to look at, and what there is.
    pub(crate) fn news(&self, now: Instant) -> Option<News> {
        let vigil = &self.vigil;
        let version = self.state.version();
        let changed = version != vigil.seen.load(Ordering::Acquire);
        let (nudges, nudged) = vigil.nudges.look();
        let rests = vigil.rests.load(Ordering::Acquire) != 0;
        let (reached, head) = self.parker.head_for(vigil.wanted.load(Ordering::Relaxed));
        let due = vigil.due.load(Ordering::Acquire);
        let ready = changed || nudged || (reached && !rests) || is_due(due, now);
        ready.then_some(News { version, nudges, head, due })
    }

    /// Asks the publisher for the doorbell, unless the link wants nothing yet. Then comes [`bell::asked`], and then a look at
    /// the [`news`](Self::news).
    pub(crate) fn ask(&self, now: Instant) {
        let vigil = &self.vigil;
        if vigil.rests.load(Ordering::Acquire) == 0 || is_due(vigil.due.load(Ordering::Acquire), now) {
            self.parker.with_bell(bell::ask);
        }
    }
}

fn is_due(due: u64, now: Instant) -> bool {
    due != NEVER && due <= clock(now)
}

/// A point in time as a number that is not 0 for what is yet to come.
fn clock(at: Instant) -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = *START.get_or_init(Instant::now);
    u64::try_from(at.saturating_duration_since(start).as_nanos()).unwrap_or(NEVER - 1).clamp(1, NEVER - 1)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use core::ptr;
    use std::task::{RawWaker, RawWakerVTable, Waker};

    use super::*;

    /// A waker of which a clone, and the end of a clone, ask the vigil whose address is its data.
    static ASKS: RawWakerVTable = RawWakerVTable::new(clone, ask, ask, ask);

    fn clone(vigil: *const ()) -> RawWaker {
        ask(vigil);
        RawWaker::new(vigil, &ASKS)
    }

    fn ask(vigil: *const ()) {
        // SAFETY: it is the vigil of the test, which outlives all of its wakers.
        let vigil = unsafe { &*vigil.cast::<Vigil>() };
        assert!(vigil.post.held.try_lock().is_some(), "foreign code runs with the lock held");
    }

    #[test]
    fn wakers_are_cloned_and_dropped_with_no_lock_held() {
        let vigil = Vigil::new();
        // SAFETY: the functions keep nothing and free nothing.
        let waker = unsafe { Waker::from_raw(RawWaker::new(ptr::from_ref(&vigil).cast(), &ASKS)) };
        for _ in 0..2 {
            vigil.set_task(&waker);
            assert!(vigil.has_task());
            vigil.set_task(Waker::noop());
        }
        vigil.set_task(&waker);
        vigil.end();
        assert!(!vigil.has_task());
    }
}

#[cfg(all(test, loom))]
mod models {
    use loom::thread;

    use super::*;
    use crate::ring::models::{check, holds_and_needs};

    /// One waiter ends late, while another has begun, with a task.
    fn relief() {
        let post = Arc::new(Post::new());
        drop(post.relieve(1, Some(1)));
        let first = {
            let post = post.clone();
            thread::spawn(move || post.relieve_of(1))
        };
        let relieved = post.relieve(2, Some(2)).waiter;
        post.held.lock().task.replace("task");
        let first = first.join().unwrap().and_then(|held| held.waiter);
        assert!(relieved.xor(first) == Some(1), "the first was told once that it waits no longer");
        let held = post.held.lock();
        assert_eq!((held.waiter, held.task), (Some(2), Some("task")), "the second waits still");
        assert_eq!(post.ticket.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn who_ends_late_relieves_nobody_else() {
        check(relief);
    }

    /// Something comes while the link looks.
    fn nudge() {
        let world = Arc::new((Nudges::new(), AtomicU64::new(0)));
        let control = {
            let world = world.clone();
            thread::spawn(move || {
                world.1.store(1, Ordering::Relaxed);
                world.0.give();
            })
        };
        let (nudges, new) = &*world;
        nudges.take();
        let seen = new.load(Ordering::Relaxed) != 0;
        control.join().unwrap();
        assert!(seen || nudges.look().1, "neither seen nor told of");
    }

    #[test]
    fn what_a_look_has_not_seen_is_told_of() {
        holds_and_needs(nudge, &[Site::NudgeFence, Site::NudgeTakenFence]);
    }
}
