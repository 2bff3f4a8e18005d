//! Sleeping until a publisher publishes, and being woken when it dies.
//!
//! A sleeper waits on a word of the publisher's memory, which this process cannot change; so when the
//! control thread learns that the publisher is gone, it cannot make that word differ, only wake who sleeps
//! on it. A sleeper that is between its last look at the world and its sleep would miss that. Therefore the
//! sleeper announces itself first, and the control thread goes on waking until the announcement is gone:
//!
//! ```text
//! sleeper:  parked = true  SeqCst              control:  version += 1  SeqCst
//!           version unchanged ?  SeqCst                  parked ?      SeqCst
//!           futex wait                                   futex wake, again soon until not parked
//!           parked = false
//! ```
//!
//! Either the sleeper sees the new version and does not sleep, or the control thread sees it parked.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::bell::{self, Futex};
use crate::segment::ItemMemory;
use crate::sys::futex::SharedFutex;

/// A value of the control thread's, with a version that its readers poll for nothing but a load.
#[derive(Debug)]
pub(crate) struct Versioned<S> {
    version: AtomicU64,
    state: Mutex<S>,
    changed: std::sync::Condvar,
}

impl<S> Versioned<S> {
    pub(crate) fn new(state: S) -> Self {
        Versioned { version: AtomicU64::new(0), state: Mutex::new(state), changed: std::sync::Condvar::new() }
    }

    /// The version of the state; changes with every [`update`](Self::update).
    #[inline(always)]
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    /// The state, locked.
    pub(crate) fn lock(&self) -> MutexGuard<'_, S> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and tells who waits.
    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut S) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state);
        self.version.fetch_add(1, Ordering::SeqCst);
        drop(state);
        self.changed.notify_all();
        result
    }

    /// Waits until the version is no longer `seen`, at most `bound`.
    pub(crate) fn wait(&self, seen: u64, bound: Duration) {
        let state = self.lock();
        if self.version() == seen {
            drop(self.changed.wait_timeout(state, bound));
        }
    }
}

/// The place where one link sleeps.
#[derive(Debug, Default)]
pub(crate) struct Parker {
    parked: AtomicBool,
    /// What it sleeps on; set before it is announced.
    place: Mutex<Option<ItemMemory>>,
}

impl Parker {
    /// Says what this link sleeps on from now on.
    pub(crate) fn move_to(&self, place: Option<ItemMemory>) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// Sleeps until the head of `place` reaches `wanted`, or `state` has another version than `seen`, at
    /// most `bound`; may return early.
    pub(crate) fn sleep<S>(
        &self,
        place: &ItemMemory,
        wanted: u64,
        state: &Versioned<S>,
        seen: u64,
        bound: Duration,
    ) {
        self.parked.store(true, Ordering::SeqCst);
        if state.version() == seen {
            bell::sleep(
                &place.bell[0],
                place.ring.watched(),
                wanted,
                &SharedFutex,
                bound.min(bell::PARK_BOUND),
            );
        }
        self.parked.store(false, Ordering::SeqCst);
    }

    /// Wakes the link if it sleeps; whether it may still be asleep, so that this must be done again.
    pub(crate) fn wake(&self) -> bool {
        if !self.parked.load(Ordering::SeqCst) {
            return false;
        }
        if let Some(place) = &*self.place.lock().unwrap_or_else(PoisonError::into_inner) {
            SharedFutex.wake_all(place.ring.watched().wakes);
        }
        true
    }
}
