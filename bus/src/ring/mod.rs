//! The ring: the last `depth` values of one item, behind a head that counts them.
//!
//! ```text
//! block = [ head u64, wakes u64, alone on 128 B | slot 0 | slot 1 | … | slot depth-1 ]
//! ```
//!
//! Values are numbered from 1; value `k` lives in slot `k mod depth`. The head holds the number of the
//! latest value, 0 before the first, and is stored after the slot is ready. Beside it stands the count of
//! wakes, on which sleepers wait ([`crate::bell`]).
//!
//! A reader that follows the stream looks only at the mark of the slot it wants next, never at the head:
//! the writer's stores to that one line are then all that crosses between the cores. The head is for those
//! who come from outside: a request, a late joiner, a reader that was lapped.
//!
//! An item is such a ring; so is a topic's journal, whose values are one word each.
//!
//! Files: [`slot`] is the seqlock, [`cursor`] a reader's place in a ring.

pub(crate) mod cursor;
#[cfg(all(test, loom))]
pub(crate) mod models;
pub(crate) mod slot;

pub(crate) use cursor::{Cursor, Taken};
pub(crate) use slot::{Miss, Slot};

use core::ops::Deref;

use crate::bell::Watched;
use crate::sync::{AtomicU64, Ordering, Site, step};

/// Words before the first slot: the head, alone on 128 bytes, since neighbouring lines come in pairs.
pub(crate) const HEAD_WORDS: usize = 16;

/// Words of the values that are written together at most: half of a small first-level cache would be much too long for
/// the first of them to wait, and a few lines too few to be worth it.
const TOGETHER_WORDS: usize = 512;

/// How many slots ahead a reader or a writer of many values asks for lines: as many as are on their way at once, where a
/// slot has two. Less leaves a core waiting for each; more changes nothing, since it has no more to wait with.
const AHEAD: u64 = 8;

/// How many times a reader tries again when a writer overtakes it, before it lets its caller look around.
const RETRIES: usize = 64;

/// The shape of a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RingShape {
    /// Words from one slot to the next, mark included.
    pub(crate) stride: usize,
    /// Number of slots: a power of two, at least 2.
    pub(crate) depth: usize,
}

impl RingShape {
    /// Words of the whole block, head included; `None` where that overflows.
    pub(crate) fn words(self) -> Option<usize> {
        self.stride.checked_mul(self.depth)?.checked_add(HEAD_WORDS)
    }
}

/// A ring in memory that `W` lends: a mapped segment, or the model checker's own atomics.
///
/// Invariants: `words.len() == shape.words()`; `shape.depth` is a power of two and at least 2.
#[derive(Debug, Clone)]
pub(crate) struct Ring<W> {
    words: W,
    shape: RingShape,
}

impl<W: Deref<Target = [AtomicU64]>> Ring<W> {
    /// # Panics
    /// If the words do not have the shape; both come from a geometry that was checked.
    pub(crate) fn new(words: W, shape: RingShape) -> Self {
        assert!(shape.depth.is_power_of_two() && shape.depth >= 2 && shape.stride >= 2);
        assert_eq!(Some(words.len()), shape.words(), "a ring's words have its shape");
        Ring { words, shape }
    }

    /// The number of the latest value.
    #[inline(always)]
    fn head(&self) -> &AtomicU64 {
        &self.words[0]
    }

    /// The words that a publisher counts and sleepers watch.
    #[inline(always)]
    pub(crate) fn watched(&self) -> Watched<'_> {
        Watched { head: self.head(), wakes: &self.words[1] }
    }

    pub(crate) fn depth(&self) -> u64 {
        self.shape.depth as u64
    }

    #[inline(always)]
    fn slot(&self, number: u64) -> Slot<'_> {
        let index = (number as usize) & (self.shape.depth - 1);
        let start = HEAD_WORDS + index * self.shape.stride;
        debug_assert!(start + self.shape.stride <= self.words.len());
        // SAFETY: `index < depth`, so `start + stride <= HEAD_WORDS + depth * stride`, which is the length
        // of `words` by the invariant of the type; both were checked in `new` and never change.
        Slot::new(unsafe { self.words.get_unchecked(start..start + self.shape.stride) })
    }

    /// Begins value `number`, the one after the head: the body to store it in. Only the ring's one writer may call this, and
    /// calls [`finish`](Self::finish) then.
    #[inline(always)]
    pub(crate) fn begin(&self, number: u64) -> &[AtomicU64] {
        self.slot(number).begin(number)
    }

    /// Publishes value `number`, whose body was stored since [`begin`](Self::begin).
    #[inline(always)]
    pub(crate) fn finish(&self, number: u64) {
        self.slot(number).finish(number);
        Site::HeadStore.store(self.head(), number, Ordering::Release);
        step!(HeadStored);
    }

    /// Publishes value `number`, which `fill` stores.
    #[cfg(test)]
    pub(crate) fn write(&self, number: u64, fill: impl FnOnce(&[AtomicU64])) {
        fill(self.begin(number));
        self.finish(number);
    }

    /// How many values can be [written together](Self::write_together): never more than leave the present value where it
    /// is, and few enough that the first is not held back for long.
    pub(crate) fn most_together(&self) -> usize {
        let few = TOGETHER_WORDS / self.shape.stride;
        few.min(self.shape.depth / 2).max(1)
    }

    /// Publishes `count` values from `first` on, the one after the head, which appear all at once; `fill` is told which
    /// of them it stores. At most [so many](Self::most_together), and by the ring's one writer.
    ///
    /// A reader that keeps up looks at the mark of the first. Were that ready first, the reader would be right behind the
    /// writer, and each line of the rest would go there and back while it is written. So the marks are set from the last
    /// to the first: nobody comes near the lines until all of them are done.
    #[inline(always)]
    pub(crate) fn write_together(&self, first: u64, count: usize, mut fill: impl FnMut(usize, &[AtomicU64])) {
        debug_assert!((1..=self.most_together()).contains(&count));
        let numbers = |index: usize| first.wrapping_add(index as u64);
        let last = numbers(count - 1);
        for index in 0..count {
            let ahead = numbers(index).wrapping_add(AHEAD);
            if is_up_to(ahead, last) {
                self.slot(ahead).claim_pair();
            }
            fill(index, self.slot(numbers(index)).begin(numbers(index)));
        }
        for index in (0..count).rev() {
            self.slot(numbers(index)).finish(numbers(index));
        }
        Site::HeadStore.store(self.head(), last, Ordering::Release);
    }

    /// Asks for the lines that value `number` will be written to, while there is time; see [`Slot::prepare`].
    #[inline(always)]
    pub(crate) fn prepare(&self, number: u64, words: usize) {
        self.slot(number).prepare(words);
    }

    /// Asks for the first line of the slot after the next, when `number` was written: a writer that goes on does not wait
    /// until readers of a round ago give it up, and readers look at the next one meanwhile. In a ring of two slots that
    /// would be the one that was just written, which they have still to read.
    #[inline(always)]
    pub(crate) fn claim_after(&self, number: u64) {
        if self.depth() > 2 {
            self.slot(number.wrapping_add(2)).claim();
        }
    }

    /// Asks for the lines of the value some places after `number`, which is going to be read, where there is one up to `last`,
    /// the latest: who reads many values waits for the lines of several at once.
    #[inline(always)]
    pub(crate) fn expect_after(&self, number: u64, last: u64) {
        let ahead = number.wrapping_add(AHEAD);
        if is_up_to(ahead, last) {
            self.slot(ahead).expect();
        }
    }

    /// Copies value `number` out; see [`Slot::read`].
    #[inline(always)]
    pub(crate) fn read<R>(&self, number: u64, copy: impl FnOnce(&[AtomicU64]) -> R) -> Result<R, Miss> {
        self.slot(number).read(number, copy)
    }

    /// Whether value `number` is there, from its own slot's line alone.
    #[inline(always)]
    pub(crate) fn state(&self, number: u64) -> Result<(), Miss> {
        self.slot(number).state(number)
    }

    /// The number of the latest value, 0 before the first. What it counts can be read after this.
    #[inline(always)]
    pub(crate) fn latest(&self) -> u64 {
        let latest = self.head().load(Ordering::Relaxed);
        Site::HeadFence.fence(Ordering::Acquire);
        latest
    }

    /// Copies the latest value out with its number; `Ok(None)` before the first.
    ///
    /// # Errors
    /// [`Miss::Lapped`] where a writer overtook every one of a bounded number of attempts.
    #[inline(always)]
    pub(crate) fn read_latest<R>(
        &self,
        mut copy: impl FnMut(&[AtomicU64]) -> R,
    ) -> Result<Option<(u64, R)>, Miss> {
        for _ in 0..RETRIES {
            let latest = self.latest();
            if latest == 0 {
                return Ok(None);
            }
            if let Ok(value) = self.read(latest, &mut copy) {
                return Ok(Some((latest, value)));
            }
        }
        Err(Miss::Lapped)
    }

    /// As [`read_latest`](Self::read_latest), of a ring whose writer is gone: it may have died between values and
    /// the head that counts them, and those who follow the slots have got these values.
    #[cold]
    pub(crate) fn read_last<R>(
        &self,
        mut copy: impl FnMut(&[AtomicU64]) -> R,
    ) -> Result<Option<(u64, R)>, Miss> {
        let latest = self.latest();
        let mut last = latest;
        while last.wrapping_sub(latest) < self.depth() && self.state(last.wrapping_add(1)).is_ok() {
            last = last.wrapping_add(1);
        }
        if last != latest
            && let Ok(value) = self.read(last, &mut copy)
        {
            return Ok(Some((last, value)));
        }
        self.read_latest(copy)
    }
}

/// Whether a number, which may wrap, is not past another.
#[inline(always)]
fn is_up_to(number: u64, last: u64) -> bool {
    (last.wrapping_sub(number) as i64) >= 0
}
