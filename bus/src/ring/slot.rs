//! One cell of a ring: a seqlock with its history number in the sequence word.
//!
//! ```text
//! slot = [ mark u64 | body: u64 … ]
//!
//! mark = 0                 never written
//!      = k << 2 | BUSY     value k is being written
//!      = k << 2 | READY    value k is there
//! ```
//!
//! The algorithm is the seqlock of Boehm, "Can seqlocks get along with programming language memory
//! models?" (MSPC 2012), with one change: the mark names the value, so that a reader that wants value `k`
//! tells "not yet" from "already overwritten" without reading anything else.
//!
//! ```text
//! write k:  mark = BUSY(k)   Relaxed        read k:  mark == READY(k)?  Relaxed
//!           fence            Release  (1)            fence              Acquire  (3)
//!           body …           Relaxed                 body …             Relaxed
//!           mark = READY(k)  Release  (2)            fence              Acquire  (4)
//!                                                    mark unchanged?    Relaxed
//! ```
//!
//! - (2) with (3): a reader that sees READY(k) sees the body of k, or of a later value.
//! - (1) with (4): a reader that saw any word of a later body sees, at its second look, a mark at least
//!   as late as that body's BUSY, and drops what it copied.
//!
//! Every word is an `AtomicU64` accessed at that size only: a torn copy is thrown away, but a plain read
//! that races with a write would be undefined behaviour even so, and mixed sizes are too. There is one
//! writer. A writer killed between (1) and (2) leaves BUSY for ever: readers see "not yet", and the value
//! before it is in another slot, since a ring has at least two.

use crate::copy::{self, LINE_WORDS};
use crate::sync::{AtomicU64, Ordering, Site, step};

/// The most words that a writer asks for ahead: about as many lines as a core can wait for at once.
const PREPARED: usize = 32 * LINE_WORDS;

const STATE_BITS: u32 = 2;
const BUSY: u64 = 1;
const READY: u64 = 2;

const fn busy(number: u64) -> u64 {
    number << STATE_BITS | BUSY
}

const fn ready(number: u64) -> u64 {
    number << STATE_BITS | READY
}

/// Why a slot does not hold the value that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Miss {
    /// The value is not published yet.
    NotYet,
    /// The value was overwritten by a later one, or is being overwritten.
    Lapped,
}

/// A view of one slot. The sequence word comes first, the body after it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot<'m> {
    mark: &'m AtomicU64,
    body: &'m [AtomicU64],
}

impl<'m> Slot<'m> {
    #[inline(always)]
    pub(crate) fn new(words: &'m [AtomicU64]) -> Self {
        Slot { mark: &words[0], body: &words[1..] }
    }

    /// Begins value `number`: the body, which is nobody's until [`finish`](Self::finish), and is to be stored now. Only the
    /// ring's one writer may call this.
    ///
    /// Two calls and not one that takes a closure, since a closure is not always inlined; a value that then goes through
    /// the stack takes a third longer to publish.
    #[inline(always)]
    pub(crate) fn begin(self, number: u64) -> &'m [AtomicU64] {
        self.mark.store(busy(number), Ordering::Relaxed);
        step!(SlotBusy);
        Site::SlotBusyFence.fence(Ordering::Release);
        self.body
    }

    /// Publishes value `number`, whose body was stored since [`begin`](Self::begin).
    #[inline(always)]
    pub(crate) fn finish(self, number: u64) {
        step!(SlotFilled);
        Site::SlotReadyStore.store(self.mark, ready(number), Ordering::Release);
        step!(SlotReady);
    }

    /// Asks for the lines of the first `words` words of the body, before the writer comes to write them.
    ///
    /// What is there now was read by others a round ago: they have the lines, and a write waits until each has
    /// been taken from them. A writer calls this for its next slot when it has published, so that the wait
    /// falls between two values and not into one. The first line is left to those who look at its mark all the
    /// time, and a slot of two lines altogether, since they look at [both](Self::is_awaited_whole).
    #[inline(always)]
    pub(crate) fn prepare(self, words: usize) {
        if self.is_awaited_whole() {
            return;
        }
        let words = words.min(PREPARED);
        let Some(body) = self.body.get(..words) else { return };
        for line in (LINE_WORDS - 1..words).step_by(LINE_WORDS) {
            copy::expect_store(&body[line]);
        }
    }

    /// Asks for the first line, before the writer comes to write it. Not for a slot whose value is awaited now: who
    /// waits for it looks at that line all the time.
    #[inline(always)]
    pub(crate) fn claim(self) {
        copy::expect_store(self.mark);
    }

    /// Asks for the first two lines, before a reader comes to read them. Only for a value that is there.
    #[inline(always)]
    pub(crate) fn expect(self) {
        copy::expect_load(self.mark);
        if let Some(second) = self.body.get(LINE_WORDS - 1) {
            copy::expect_load(second);
        }
    }

    /// Asks for the first two lines, before the writer comes to write them. As for [`claim`](Self::claim), not for a slot
    /// whose value is awaited now.
    #[inline(always)]
    pub(crate) fn claim_pair(self) {
        self.claim();
        if let Some(second) = self.body.get(LINE_WORDS - 1) {
            copy::expect_store(second);
        }
    }

    /// Whether who waits for a value looks at all of the slot's lines, and not at the mark's alone.
    ///
    /// With two lines, the second then comes while the first does, instead of after it. With more, readers
    /// would take lines from a writer that is in the middle of them.
    #[inline(always)]
    fn is_awaited_whole(self) -> bool {
        self.body.len() == 2 * LINE_WORDS - 1
    }

    /// Copies value `number` out with `copy`, whose result is dropped if the copy may be torn.
    ///
    /// `copy` must take any words: what it sees may be a mix of several values.
    #[inline(always)]
    pub(crate) fn read<R>(self, number: u64, copy: impl FnOnce(&'m [AtomicU64]) -> R) -> Result<R, Miss> {
        if let Err(miss) = self.state(number) {
            if miss == Miss::NotYet && self.is_awaited_whole() {
                copy::expect_load(&self.body[LINE_WORDS - 1]);
            }
            return Err(miss);
        }
        Site::SlotReadyFence.fence(Ordering::Acquire);
        let copied = copy(self.body);
        Site::SlotRecheckFence.fence(Ordering::Acquire);
        if self.mark.load(Ordering::Relaxed) == ready(number) { Ok(copied) } else { Err(Miss::Lapped) }
    }

    /// Whether value `number` is here now. Compares by signed difference, so that numbers may wrap: of one
    /// number BUSY is below READY, so one subtraction tells all three cases apart.
    #[inline(always)]
    pub(crate) fn state(self, number: u64) -> Result<(), Miss> {
        let ahead = self.mark.load(Ordering::Relaxed).wrapping_sub(ready(number)) as i64;
        if ahead < 0 {
            return Err(Miss::NotYet);
        }
        if ahead > 0 {
            return Err(Miss::Lapped);
        }
        Ok(())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn words() -> Vec<AtomicU64> {
        (0..3).map(|_| AtomicU64::new(0)).collect()
    }

    fn body(slot: Slot<'_>, number: u64) -> Result<[u64; 2], Miss> {
        slot.read(number, |body| [body[0].load(Ordering::Relaxed), body[1].load(Ordering::Relaxed)])
    }

    fn put(slot: Slot<'_>, number: u64) {
        slot.begin(number).iter().for_each(|word| word.store(number, Ordering::Relaxed));
        slot.finish(number);
    }

    #[test]
    fn a_value_is_not_yet_then_there_then_lapped() {
        let words = words();
        let slot = Slot::new(&words);
        assert_eq!(body(slot, 1), Err(Miss::NotYet));
        put(slot, 1);
        assert_eq!(body(slot, 1), Ok([1, 1]));
        assert_eq!(body(slot, 3), Err(Miss::NotYet));
        put(slot, 3);
        assert_eq!(body(slot, 1), Err(Miss::Lapped));
        assert_eq!(body(slot, 3), Ok([3, 3]));
    }

    #[test]
    fn a_writer_that_died_inside_a_write_hides_only_that_value() {
        let words = words();
        let slot = Slot::new(&words);
        put(slot, 1);
        words[0].store(busy(3), Ordering::Relaxed);
        assert_eq!(body(slot, 3), Err(Miss::NotYet));
        assert_eq!(body(slot, 1), Err(Miss::Lapped));
    }

    #[test]
    fn a_copy_made_while_the_slot_was_overwritten_is_dropped() {
        let words = words();
        let slot = Slot::new(&words);
        put(slot, 1);
        let torn = slot.read(1, |_| put(slot, 3));
        assert_eq!(torn, Err(Miss::Lapped));
    }

    #[test]
    fn numbers_wrap() {
        let words = words();
        let slot = Slot::new(&words);
        let last = u64::MAX >> STATE_BITS;
        put(slot, last);
        assert_eq!(body(slot, last), Ok([last, last]));
        assert_eq!(body(slot, last.wrapping_add(2)), Err(Miss::NotYet));
        put(slot, last.wrapping_add(2));
        assert_eq!(body(slot, last), Err(Miss::Lapped));
    }
}
