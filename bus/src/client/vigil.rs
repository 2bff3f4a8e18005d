//! What a link shares with those who wait for it by descriptor: a wait set, or the bus's tasks.
//!
//! A link is read by its own handle, which nobody else can look into. So a link that is waited for says after each
//! look where it stands, in words that a waiter reads: which number it wants next ([`Vigil::report`]). A link is waited
//! for in one place at a time; each time it is waited for anew it gets another *ticket*, by which an earlier waiter
//! sees that it is no longer the one.
//!
//! A link that nobody waits for in this way does nothing of this.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task;
use std::time::{Duration, Instant};

use super::link_state::LinkShared;
use super::waiter::Waiter;
use crate::bell;

/// No ticket.
pub(crate) const NOBODY: u64 = 0;
/// A time that does not come.
const NEVER: u64 = u64::MAX;

/// Where a link stands, for whoever waits for it.
#[derive(Debug)]
pub(crate) struct Vigil {
    /// Who waits now; [`NOBODY`] if nobody does.
    ticket: AtomicU64,
    waiter: Mutex<Option<Arc<Waiter>>>,
    /// The task to wake, while one waits.
    task: Mutex<Option<task::Waker>>,
    /// The number that the link wants next.
    wanted: AtomicU64,
    /// The version of the link's state that it has seen.
    seen: AtomicU64,
    /// When to look at the link whatever is published, in nanoseconds of [`clock`].
    due: AtomicU64,
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
    /// The latest number.
    head: u64,
    /// When it was to be looked at, whatever is published.
    due: u64,
}

impl Vigil {
    pub(crate) fn new() -> Self {
        Vigil {
            ticket: AtomicU64::new(NOBODY),
            waiter: Mutex::new(None),
            task: Mutex::new(None),
            wanted: AtomicU64::new(0),
            seen: AtomicU64::new(0),
            due: AtomicU64::new(NEVER),
        }
    }

    /// Has `waiter` wait for the link from now on; its ticket.
    pub(crate) fn begin(&self, waiter: Arc<Waiter>) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(NOBODY + 1);
        let ticket = NEXT.fetch_add(1, Ordering::Relaxed);
        self.ticket.store(ticket, Ordering::Release);
        let (before, task) = (lock(&self.waiter).replace(waiter), lock(&self.task).take());
        if let Some(before) = before {
            // So that it lets go of the link.
            before.hail();
        }
        // Whatever this drops, it finds no lock held.
        drop(task);
        ticket
    }

    /// Nobody waits for the link any longer.
    pub(crate) fn end(&self) {
        self.ticket.store(NOBODY, Ordering::Release);
        let (waiter, task) = (lock(&self.waiter).take(), lock(&self.task).take());
        if let Some(waiter) = waiter {
            // So that it lets go of the link.
            waiter.hail();
        }
        // Whatever this drops, it finds no lock held.
        drop(task);
    }

    /// The one with this ticket waits no longer; whether it did until now.
    pub(crate) fn end_of(&self, ticket: u64) -> bool {
        let held = self.is_held_by(ticket);
        if held {
            self.end();
        }
        held
    }

    /// Whether anybody waits.
    pub(crate) fn is_held(&self) -> bool {
        self.ticket.load(Ordering::Relaxed) != NOBODY
    }

    /// Whether the one with this ticket still waits.
    pub(crate) fn is_held_by(&self, ticket: u64) -> bool {
        ticket != NOBODY && self.ticket.load(Ordering::Acquire) == ticket
    }

    /// Who waits.
    pub(crate) fn waiter(&self) -> Option<Arc<Waiter>> {
        lock(&self.waiter).clone()
    }

    /// Tells whoever waits that the link's state has changed.
    pub(crate) fn hail(&self) {
        if let Some(waiter) = self.waiter() {
            waiter.hail();
        }
    }

    /// Has the link looked at once, whatever is published.
    pub(crate) fn nudge(&self) {
        if let Some(waiter) = self.waiter() {
            self.due.store(0, Ordering::Release);
            waiter.hail();
        }
    }

    /// Says where the link stands.
    pub(crate) fn report(&self, wanted: u64, seen: u64, due: Due) {
        let due = match due {
            Due::Now => 0,
            Due::At(at) => clock(at),
            Due::Never => NEVER,
        };
        self.due.store(due, Ordering::Relaxed);
        self.wanted.store(wanted, Ordering::Relaxed);
        if self.seen.swap(seen, Ordering::Release) != seen {
            // A waiter on another thread may sleep on what the link wanted before.
            self.hail();
        }
    }

    /// Has a task woken when the link is ready.
    pub(crate) fn set_task(&self, waker: &task::Waker) {
        let mut task = lock(&self.task);
        if task.as_ref().is_none_or(|task| !task.will_wake(waker)) {
            let before = task.replace(waker.clone());
            drop(task);
            drop(before);
        }
    }

    /// The task that waits, which is to be woken, or waits no longer.
    pub(crate) fn take_task(&self) -> Option<task::Waker> {
        lock(&self.task).take()
    }

    /// Whether a task waits.
    pub(crate) fn has_task(&self) -> bool {
        lock(&self.task).is_some()
    }

    /// When the link has to be looked at whatever is published; how long that is from `now`.
    pub(crate) fn left(&self, now: Instant) -> Option<Duration> {
        match self.due.load(Ordering::Acquire) {
            NEVER => None,
            due => Some(Duration::from_nanos(due.saturating_sub(clock(now)))),
        }
    }
}

impl Vigil {
    /// Whether there is something to look at, of something that is no link.
    pub(crate) fn news(&self, now: Instant) -> Option<News> {
        let due = self.due.load(Ordering::Acquire);
        is_due(due, now).then_some(News { version: 0, head: 0, due })
    }
}

impl LinkShared {
    /// Whether there is something for the link to look at, and what there is.
    pub(crate) fn news(&self, now: Instant) -> Option<News> {
        let vigil = &self.vigil;
        let version = self.state.version();
        let changed = version != vigil.seen.load(Ordering::Acquire);
        let wanted = vigil.wanted.load(Ordering::Relaxed);
        let (reached, head) = self.parker.head_for(wanted);
        let due = vigil.due.load(Ordering::Acquire);
        (changed || reached || is_due(due, now)).then_some(News { version, head, due })
    }

    /// Asks the publisher for the doorbell. Then comes [`bell::asked`], and then a look at the [`news`](Self::news).
    pub(crate) fn ask(&self) {
        self.parker.with_bell(bell::ask);
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
