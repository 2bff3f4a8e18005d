//! Sleeping until a publisher publishes, and being woken when it dies.
//!
//! A sleeper waits on a word of the publisher's memory, which this process cannot change; so when the
//! control thread learns that the publisher is gone, it cannot make that word differ, only wake who sleeps
//! on it. A sleeper that is between its last look at the world and its sleep would miss that. Therefore the
//! sleeper announces itself first, and the control thread goes on waking until the announcement is gone:
//!
//! ```text
//! sleeper:  parked = 1                    control:  version += 1
//!           fence               SeqCst              fence           SeqCst
//!           version unchanged ?                     parked == 0 ?   done
//!           futex wait                              futex wake, and again soon
//!           parked = 0
//! ```
//!
//! Dekker's pattern again: either the sleeper sees the new version and does not sleep, or the control thread
//! sees it parked. The model is at the end of this file.

use core::time::Duration;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use crate::bell::{self, Bell, Futex};
use crate::segment::ItemMemory;
use crate::sync::{AtomicU64, Ordering, Site};
use crate::sys::futex::SharedFutex;
use crate::tasks::{Deadline, Tasks};

/// A value of the control thread's, with a version that its readers poll for nothing but a load.
#[derive(Debug)]
pub(crate) struct Versioned<S> {
    version: AtomicU64,
    state: Mutex<S>,
    changed: Condvar,
    /// Those who wait without a thread.
    tasks: Tasks,
}

impl<S> Versioned<S> {
    pub(crate) fn new(state: S) -> Self {
        Versioned {
            version: AtomicU64::new(0),
            state: Mutex::new(state),
            changed: Condvar::new(),
            tasks: Tasks::default(),
        }
    }

    /// The version of the state; changes with every [`update`](Self::update).
    #[inline(always)]
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The state, locked.
    pub(crate) fn lock(&self) -> MutexGuard<'_, S> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and tells who waits.
    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut S) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state);
        self.version.fetch_add(1, Ordering::Release);
        drop(state);
        self.changed.notify_all();
        self.tasks.wake_all();
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

impl<S> Versioned<S> {
    /// As [`wait`](Self::wait), without a thread and until `deadline`: whether the version is no longer `seen`.
    pub(crate) async fn change(&self, seen: u64, deadline: &mut Deadline) -> bool {
        let mut place = self.tasks.registration();
        poll_fn(|context| {
            place.wait(context);
            if self.version() != seen {
                return Poll::Ready(true);
            }
            Pin::new(&mut *deadline).poll(context).map(|()| false)
        })
        .await
    }
}

/// Says that somebody sleeps, or is about to.
#[derive(Debug)]
struct Announcement(AtomicU64);

impl Announcement {
    fn new() -> Self {
        Announcement(AtomicU64::new(0))
    }

    /// Sleeps with `sleep`, unless the world has `changed`.
    fn sleep_unless(&self, changed: impl FnOnce() -> bool, sleep: impl FnOnce()) {
        self.0.store(1, Ordering::Relaxed);
        Site::ParkFence.fence(Ordering::SeqCst);
        if !changed() {
            sleep();
        }
        self.0.store(0, Ordering::Relaxed);
    }

    /// After changing the world: whether somebody may sleep who has not seen that.
    fn is_made(&self) -> bool {
        Site::UnparkFence.fence(Ordering::SeqCst);
        self.0.load(Ordering::Relaxed) != 0
    }
}

/// The place where one link sleeps.
#[derive(Debug)]
pub(crate) struct Parker {
    parked: Announcement,
    /// What it sleeps on.
    place: Mutex<Option<ItemMemory>>,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Parker { parked: Announcement::new(), place: Mutex::new(None) }
    }

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
        let bound = bound.min(bell::PARK_BOUND);
        self.parked.sleep_unless(
            || state.version() != seen,
            || bell::sleep(place.bell(), place.ring.watched(), wanted, &SharedFutex, bound),
        );
    }

    /// Where the link waits: whether the head has reached `wanted`, and the head.
    pub(crate) fn head_for(&self, wanted: u64) -> (bool, u64) {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.as_ref().map_or((false, 0), |place| {
            let watched = place.ring.watched();
            (watched.has_reached(wanted), watched.head.load(Ordering::Relaxed))
        })
    }

    /// Does something with the bell of what the link waits for.
    pub(crate) fn with_bell(&self, act: impl FnOnce(Bell<'_>)) {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = &*place {
            act(place.bell());
        }
    }

    /// After a change of the state: wakes the link if it sleeps; whether it may still be asleep, so that this
    /// must be done again.
    pub(crate) fn wake(&self) -> bool {
        let parked = self.parked.is_made();
        if parked && let Some(place) = &*self.place.lock().unwrap_or_else(PoisonError::into_inner) {
            SharedFutex.wake_all(place.ring.watched().wakes);
        }
        parked
    }
}

#[cfg(all(test, loom))]
mod models {
    use std::sync::Arc;

    use loom::thread;

    use super::*;
    use crate::bell::Watched;
    use crate::ring::models::{ModelFutex, holds_and_needs};

    /// A publisher is dead, and a link goes to sleep on its words while the control thread learns of it.
    fn death() {
        struct World {
            version: AtomicU64,
            announcement: Announcement,
            words: [AtomicU64; 4],
            futex: ModelFutex,
        }
        let world = Arc::new(World {
            version: AtomicU64::new(0),
            announcement: Announcement::new(),
            words: [0; 4].map(AtomicU64::new),
            futex: ModelFutex::default(),
        });
        let sleeper = {
            let world = world.clone();
            thread::spawn(move || {
                let World { version, announcement, words: [by_futex, by_doorbell, head, wakes], futex } =
                    &*world;
                let bell = Bell { by_futex, by_doorbell };
                while version.load(Ordering::Acquire) == 0 {
                    announcement.sleep_unless(
                        || version.load(Ordering::Acquire) != 0,
                        || bell::sleep(bell, Watched { head, wakes }, 1, futex, Duration::MAX),
                    );
                }
            })
        };
        world.version.fetch_add(1, Ordering::Release);
        while world.announcement.is_made() {
            world.futex.wake_all(&world.words[3]);
            thread::yield_now();
        }
        sleeper.join().unwrap();
    }

    #[test]
    fn a_sleeper_learns_of_its_publishers_death() {
        holds_and_needs(death, &[Site::ParkFence, Site::UnparkFence]);
    }
}
