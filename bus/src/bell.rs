//! The bell: how a publisher learns, at the price of one load, whether anybody sleeps.
//!
//! An eventcount whose "someone waits" is a flag, not a count: a sleeper that is killed leaves the flag
//! set, which costs the next publish one needless wake, where a count would be wrong for ever.
//!
//! Three words: the ring's `head`, which the publisher counts up; the `bell`, which a sleeper sets and the
//! publisher clears; and `wakes`, beside the head, which the publisher counts up whenever it clears the
//! bell, and on which sleepers sleep.
//!
//! ```text
//! publish:  head = k                         sleep:  seen = wakes
//!           fence       SeqCst  (1)                  fence       Acquire (5)
//!           bell == 0 ? done                         bell = 1            (6)
//!           bell = 0            (2)                  fence       SeqCst  (7)
//!           wakes += 1          (3)                  head reached ? done
//!           futex wake (wakes)  (4)                  futex wait (wakes == seen)
//! ```
//!
//! - (1) and (7) are Dekker's pattern: either the publisher sees the flag or the sleeper sees the head.
//! - A flag set before (2) was set by a sleeper whose `seen` is older than (3). It either sleeps already
//!   and is woken by (4), or the kernel, which compares under its own lock, finds `wakes` changed.
//! - A flag set after (2) stands until the next publish. That a sleeper which has seen (3) sets the flag
//!   after (2) is what (3) releasing and (5) acquiring are for; that the publisher which has seen (6)
//!   counts up only after `seen` was read is what (6) releasing and (2) acquiring are for.
//!
//! Why not sleep on the head itself, as a plain eventcount would? Because the flag may be set again by a
//! sleeper that has already seen this head, between the publisher's look and its clearing: the flag is
//! lost, the head does not move, and the sleeper misses the *next* value. The loom model
//! `several_sleepers_and_values` finds that; it is why `wakes` exists.
//!
//! The bell lies in memory that every client may write. A client that clears it at the wrong moment can
//! delay another's wake-up by the park bound ([`PARK_BOUND`]) and no more; one that keeps setting it
//! costs the publisher needless wakes.

use core::time::Duration;

use crate::sync::{AtomicU64, Ordering, Site};

/// The longest single sleep: what a lost wake-up can cost at most.
pub(crate) const PARK_BOUND: Duration = Duration::from_millis(100);

/// What a publisher counts and sleepers watch: two words of a ring's head line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watched<'m> {
    /// Number of the latest value.
    pub(crate) head: &'m AtomicU64,
    /// How often sleepers were woken; its low half is the futex word.
    pub(crate) wakes: &'m AtomicU64,
}

/// A word one can sleep on: in the product a futex on the word's low half, in the models loom's.
pub(crate) trait Futex {
    /// Sleeps until woken, at most `bound`, unless the word's low half is no longer `seen`.
    fn wait(&self, word: &AtomicU64, seen: u32, bound: Duration);
    /// Wakes all who sleep on the word.
    fn wake_all(&self, word: &AtomicU64);
}

/// Orders the heads stored before against the bells looked at after. Once per publish, whatever the
/// number of bells.
#[inline(always)]
pub(crate) fn published() {
    Site::BellRingFence.fence(Ordering::SeqCst);
}

/// Wakes those who sleep, if any. After [`published`].
#[inline(always)]
pub(crate) fn ring(bell: &AtomicU64, watched: Watched<'_>, futex: &impl Futex) {
    if bell.load(Ordering::Relaxed) != 0 {
        wake(bell, watched.wakes, futex);
    }
}

#[cold]
#[inline(never)]
fn wake(bell: &AtomicU64, wakes: &AtomicU64, futex: &impl Futex) {
    bell.swap(0, Ordering::Acquire);
    let count = wakes.load(Ordering::Relaxed).wrapping_add(1);
    Site::BellWakeStore.store(wakes, count, Ordering::Release);
    futex.wake_all(wakes);
}

/// Sleeps until the head reaches `wanted`, at most `bound`; may return early, so the caller looks again.
pub(crate) fn sleep(
    bell: &AtomicU64,
    watched: Watched<'_>,
    wanted: u64,
    futex: &impl Futex,
    bound: Duration,
) {
    let seen = watched.wakes.load(Ordering::Relaxed);
    Site::BellSeenFence.fence(Ordering::Acquire);
    bell.store(1, Ordering::Release);
    Site::BellSleepFence.fence(Ordering::SeqCst);
    if (watched.head.load(Ordering::Relaxed).wrapping_sub(wanted) as i64) < 0 {
        futex.wait(watched.wakes, seen as u32, bound);
    }
}
