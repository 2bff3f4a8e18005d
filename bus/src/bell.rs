//! The bell: how a publisher learns, at the price of one load, whether anybody sleeps.
//!
//! An eventcount whose "someone waits" is a flag, not a count: a sleeper that is killed leaves the flag
//! set, which costs the next publish one needless wake, where a count would be wrong for ever.
//!
//! There are two ways to sleep, and the bell has a flag for each: by futex, which wakes a thread that waits for
//! this item alone, and by doorbell, a descriptor that becomes readable, so that one thread or one task can wait for
//! many items, and for other descriptors with them. The flags are words of one line.
//!
//! Besides them there are two words: the ring's `head`, which the publisher counts up; and `wakes`, beside the head,
//! which the publisher counts up whenever it clears the flag of the futex, and on which those sleep who set it.
//!
//! ```text
//! publish:  head = k                         by futex:     seen = wakes
//!           fence       SeqCst  (1)                        fence       Acquire (5)
//!           both flags 0 ? done                            by_futex = 1        (6)
//!           by_futex ?                                     fence       SeqCst  (7)
//!               by_futex = 0    (2)                        head reached ? done
//!               wakes += 1      (3)                        futex wait (wakes == seen)
//!               futex wake (wakes) (4)
//!           by_doorbell ?                    by doorbell:  empty the doorbell  (10)
//!               by_doorbell = 0 (8)                        by_doorbell = 1, unless it is (11)
//!               ring the doorbells (9)                     fence       SeqCst  (12)
//!                                                          head reached ? done
//!                                                          wait for the doorbell
//! ```
//!
//! - (1) with (7) or (12) is Dekker's pattern: either the publisher sees the flag or the sleeper sees the head.
//! - A flag set before (2) was set by a sleeper whose `seen` is older than (3). It either sleeps already
//!   and is woken by (4), or the kernel, which compares under its own lock, finds `wakes` changed.
//! - A flag set after (2) stands until the next publish. That a sleeper which has seen (3) sets the flag
//!   after (2) is what (3) releasing and (5) acquiring are for; that the publisher which has seen (6)
//!   counts up only after `seen` was read is what (6) releasing and (2) acquiring are for.
//! - A doorbell remembers: what rings it stays in it until it is emptied. So a flag that (8) clears leads to a ring
//!   (9), which either comes after (10), and ends the wait; or was emptied by (10), and then the kernel has ordered
//!   the two, and (11) sees that the flag is gone. That is also why (11) may leave a flag that is set, which keeps
//!   the line with all who read it. A doorbell that is full is not rung: it ends the wait already, or whoever is
//!   emptying it sees the head after (12).
//! - A doorbell that is hung up while its owner sleeps is rung once then ([`crate::server::doorbells`]), since a flag
//!   that it set before may have led to no ring.
//!
//! Why two flags, and not two bits of one? Sleepers would have to add theirs, which is a locked operation on a line
//! that the publisher reads; and no model could show any longer what (3) and (5) are for, since such an operation
//! always acts on the newest value. The second look at the line costs a publish nothing that could be measured.
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

use crate::sync::{AtomicU64, Ordering, Site, step};

/// The longest single sleep: what a lost wake-up can cost at most.
pub(crate) const PARK_BOUND: Duration = Duration::from_millis(100);

/// The flags of one item, or of one topic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bell<'m> {
    /// Not 0 where somebody may sleep on the count of wakes.
    pub(crate) by_futex: &'m AtomicU64,
    /// Not 0 where somebody may wait for a doorbell.
    pub(crate) by_doorbell: &'m AtomicU64,
}

/// What a publisher counts and sleepers watch: two words of a ring's head line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watched<'m> {
    /// Number of the latest value.
    pub(crate) head: &'m AtomicU64,
    /// How often sleepers were woken; its low half is the futex word.
    pub(crate) wakes: &'m AtomicU64,
}

impl Watched<'_> {
    /// Whether value `wanted`, or a later one, was published.
    pub(crate) fn has_reached(self, wanted: u64) -> bool {
        (self.head.load(Ordering::Relaxed).wrapping_sub(wanted) as i64) >= 0
    }
}

/// A word one can sleep on: in the product a futex on the word's low half, in the models loom's.
pub(crate) trait Futex {
    /// Sleeps until woken, at most `bound`, unless the word's low half is no longer `seen`.
    fn wait(&self, word: &AtomicU64, seen: u32, bound: Duration);
    /// Wakes all who sleep on the word.
    fn wake_all(&self, word: &AtomicU64);
}

/// What rings for those who sleep by doorbell.
pub(crate) trait Doorbells {
    /// Rings every doorbell that hangs at this bell; never waits.
    fn ring(self);
}

/// Orders the heads stored before against the bells looked at after. Once per publish, whatever the
/// number of bells.
#[inline(always)]
pub(crate) fn published() {
    Site::BellRingFence.fence(Ordering::SeqCst);
    step!(Published);
}

/// Wakes those who sleep, if any. After [`published`].
#[inline(always)]
pub(crate) fn ring(bell: Bell<'_>, watched: Watched<'_>, futex: &impl Futex, doorbells: impl Doorbells) {
    if bell.by_futex.load(Ordering::Relaxed) | bell.by_doorbell.load(Ordering::Relaxed) != 0 {
        wake(bell, watched.wakes, futex, doorbells);
    }
}

#[cold]
#[inline(never)]
fn wake(bell: Bell<'_>, wakes: &AtomicU64, futex: &impl Futex, doorbells: impl Doorbells) {
    step!(BellSeen);
    if bell.by_futex.load(Ordering::Relaxed) != 0 {
        bell.by_futex.swap(0, Ordering::Acquire);
        step!(BellCleared);
        let count = wakes.load(Ordering::Relaxed).wrapping_add(1);
        Site::BellWakeStore.store(wakes, count, Ordering::Release);
        step!(WakeCounted);
        futex.wake_all(wakes);
        step!(Woken);
    }
    if bell.by_doorbell.load(Ordering::Relaxed) != 0 {
        bell.by_doorbell.swap(0, Ordering::Acquire);
        step!(DoorbellCleared);
        doorbells.ring();
        step!(DoorbellRung);
    }
}

/// Sleeps until the head reaches `wanted`, at most `bound`; may return early, so the caller looks again.
pub(crate) fn sleep(bell: Bell<'_>, watched: Watched<'_>, wanted: u64, futex: &impl Futex, bound: Duration) {
    let seen = watched.wakes.load(Ordering::Relaxed);
    Site::BellSeenFence.fence(Ordering::Acquire);
    bell.by_futex.store(1, Ordering::Release);
    step!(SleepAsked);
    Site::BellSleepFence.fence(Ordering::SeqCst);
    step!(SleepFenced);
    if !watched.has_reached(wanted) {
        futex.wait(watched.wakes, seen as u32, bound);
        step!(Slept);
    }
}

/// Asks for the doorbell, which was emptied before. Then comes [`asked`], and then a look at the head.
pub(crate) fn ask(bell: Bell<'_>) {
    if bell.by_doorbell.load(Ordering::Relaxed) == 0 {
        bell.by_doorbell.store(1, Ordering::Release);
        step!(DoorbellAsked);
    }
}

/// Orders the bells that were asked before against the heads looked at after. Once, whatever the number of bells.
pub(crate) fn asked() {
    Site::BellAskFence.fence(Ordering::SeqCst);
}
