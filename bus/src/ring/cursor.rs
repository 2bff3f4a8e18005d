//! A reader's place in a ring, and the exact count of what it did not get.
//!
//! Two ways to move, chosen per link:
//!
//! - *in order* ([`Cursor::next`]): every value that is still in the ring, one by one;
//! - *latest* ([`Cursor::newest`]): always the newest value.
//!
//! Either way each value is accounted for once: delivered, or counted as missed with the next one that is
//! delivered. So `number of the last delivered = first number - 1 + delivered + missed`, always.

use core::ops::Deref;

use super::{Miss, RETRIES, Ring};
use crate::sync::AtomicU64;

/// A value taken from a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken<R> {
    /// The value's number in its ring.
    pub(crate) number: u64,
    /// Values between the one delivered before and this one that were not delivered.
    pub(crate) missed: u64,
    pub(crate) value: R,
}

/// What a reader copies out of a slot.
///
/// A slot may say where the value is, and that may be memory which this process has not been sent yet. Then there is nothing
/// to copy, and a cursor stays before the value as if it were not published.
pub(crate) trait Copied {
    /// Whether there was something to copy.
    #[inline(always)]
    fn is_here(&self) -> bool {
        true
    }
}

impl Copied for () {}
impl Copied for u64 {}
impl<const N: usize> Copied for [u64; N] {}

impl<R> Copied for Option<R> {
    #[inline(always)]
    fn is_here(&self) -> bool {
        self.is_some()
    }
}

/// The number of the next value wanted, and how many were missed since the last delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    next: u64,
    missed: u64,
}

impl Cursor {
    /// A cursor whose next value is `next`.
    pub(crate) fn at(next: u64) -> Self {
        Cursor { next, missed: 0 }
    }

    /// The number of the value wanted next.
    #[inline(always)]
    pub(crate) fn wanted(&self) -> u64 {
        self.next
    }

    /// The next value in order, or `None` where it is not published yet.
    ///
    /// May also answer `None` when a fast writer overtook it many times in a row; the caller then finds
    /// the head at or past [`wanted`](Self::wanted) and asks again. So it does where the value is not [here](Copied).
    #[inline(always)]
    pub(crate) fn next<W, R: Copied>(
        &mut self,
        ring: &Ring<W>,
        mut copy: impl FnMut(&[AtomicU64]) -> R,
    ) -> Option<Taken<R>>
    where
        W: Deref<Target = [AtomicU64]>,
    {
        for _ in 0..RETRIES {
            match ring.read(self.next, &mut copy) {
                Ok(value) if value.is_here() => return Some(self.deliver(self.next, value)),
                Ok(_) | Err(Miss::NotYet) => return None,
                Err(Miss::Lapped) => {
                    // The oldest that may still be there; the wanted one is gone in any case.
                    let oldest = ring.latest().wrapping_sub(ring.depth()).wrapping_add(1);
                    self.skip_to(later(oldest, self.next.wrapping_add(1)));
                }
            }
        }
        None
    }

    /// Value `number` itself, not before the wanted one; `None` if it is gone, and then it is missed.
    /// What lies between the wanted one and `number` is missed too. Where it is not [here](Copied), it is wanted still.
    #[inline(always)]
    pub(crate) fn exactly<W, R: Copied>(
        &mut self,
        number: u64,
        ring: &Ring<W>,
        copy: impl FnMut(&[AtomicU64]) -> R,
    ) -> Option<Taken<R>>
    where
        W: Deref<Target = [AtomicU64]>,
    {
        self.skip_to(number);
        match ring.read(number, copy) {
            Ok(value) if value.is_here() => Some(self.deliver(number, value)),
            Ok(_) => None,
            Err(_) => {
                self.skip_to(number.wrapping_add(1));
                None
            }
        }
    }

    /// The newest value, or `None` where nothing newer than the last delivery is published, or it is not [here](Copied).
    ///
    /// The head is read only when the slot after the wanted one shows that there is more: a reader that
    /// keeps up touches no line but the slots'.
    #[inline(always)]
    pub(crate) fn newest<W, R: Copied>(
        &mut self,
        ring: &Ring<W>,
        mut copy: impl FnMut(&[AtomicU64]) -> R,
    ) -> Option<Taken<R>>
    where
        W: Deref<Target = [AtomicU64]>,
    {
        for _ in 0..RETRIES {
            match ring.state(self.next) {
                Err(Miss::NotYet) => return None,
                Ok(()) if ring.state(self.next.wrapping_add(1)) == Err(Miss::NotYet) => {}
                Ok(()) | Err(Miss::Lapped) => self.skip_to(later(ring.latest(), self.next)),
            }
            if let Ok(value) = ring.read(self.next, &mut copy) {
                return value.is_here().then(|| self.deliver(self.next, value));
            }
        }
        None
    }

    /// Passes over the oldest values, as missed, where more than `most` are published and not taken; at least 1.
    ///
    /// The head is read only when the slot so many ahead shows that there are more, as in [`newest`](Self::newest).
    pub(crate) fn keep<W>(&mut self, most: u64, ring: &Ring<W>)
    where
        W: Deref<Target = [AtomicU64]>,
    {
        // The ring itself keeps no more than its depth.
        if most < ring.depth() && ring.state(self.next.wrapping_add(most)) != Err(Miss::NotYet) {
            let oldest = ring.latest().wrapping_sub(most).wrapping_add(1);
            self.skip_to(later(oldest, self.next));
        }
    }

    #[inline(always)]
    fn deliver<R>(&mut self, number: u64, value: R) -> Taken<R> {
        self.next = number.wrapping_add(1);
        Taken { number, missed: core::mem::take(&mut self.missed), value }
    }

    fn skip_to(&mut self, next: u64) {
        self.missed = self.missed.wrapping_add(next.wrapping_sub(self.next));
        self.next = next;
    }
}

/// The later of two numbers that may wrap.
fn later(a: u64, b: u64) -> u64 {
    if (a.wrapping_sub(b) as i64) > 0 { a } else { b }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::ring::{HEAD_WORDS, RingShape};
    use crate::sync::Ordering;

    const SHAPE: RingShape = RingShape { stride: 2, depth: 4 };

    fn ring() -> Ring<Vec<AtomicU64>> {
        Ring::new((0..HEAD_WORDS + 8).map(|_| AtomicU64::new(0)).collect(), SHAPE)
    }

    fn put(ring: &Ring<Vec<AtomicU64>>, numbers: core::ops::RangeInclusive<u64>) {
        for number in numbers {
            ring.write(number, |body| body[0].store(number * 10, Ordering::Relaxed));
        }
    }

    fn load(body: &[AtomicU64]) -> u64 {
        body[0].load(Ordering::Relaxed)
    }

    fn taken(number: u64, missed: u64) -> Option<Taken<u64>> {
        Some(Taken { number, missed, value: number * 10 })
    }

    #[test]
    fn in_order_delivers_each_value_once() {
        let ring = ring();
        let mut cursor = Cursor::at(1);
        assert_eq!(cursor.next(&ring, load), None);
        put(&ring, 1..=3);
        assert_eq!(cursor.next(&ring, load), taken(1, 0));
        assert_eq!(cursor.next(&ring, load), taken(2, 0));
        assert_eq!(cursor.next(&ring, load), taken(3, 0));
        assert_eq!(cursor.next(&ring, load), None);
    }

    #[test]
    fn in_order_counts_exactly_what_was_overwritten() {
        let ring = ring();
        let mut cursor = Cursor::at(1);
        put(&ring, 1..=11);
        assert_eq!(cursor.next(&ring, load), taken(8, 7));
        for number in 9..=11 {
            assert_eq!(cursor.next(&ring, load), taken(number, 0));
        }
        assert_eq!(cursor.next(&ring, load), None);
    }

    #[test]
    fn in_order_counts_a_value_that_is_being_overwritten() {
        let ring = ring();
        let mut cursor = Cursor::at(1);
        put(&ring, 1..=4);
        // The writer is inside value 5, in the slot of value 1; the head still says 4.
        ring.slot(5).begin(5);
        assert_eq!(cursor.next(&ring, load), taken(2, 1));
    }

    #[test]
    fn latest_passes_over_and_counts() {
        let ring = ring();
        let mut cursor = Cursor::at(1);
        put(&ring, 1..=1);
        assert_eq!(cursor.newest(&ring, load), taken(1, 0));
        put(&ring, 2..=4);
        assert_eq!(cursor.newest(&ring, load), taken(4, 2));
        put(&ring, 5..=20);
        assert_eq!(cursor.newest(&ring, load), taken(20, 15));
        assert_eq!(cursor.newest(&ring, load), None);
    }

    #[test]
    fn keeping_the_newest_counts_the_others() {
        let ring = ring();
        let mut cursor = Cursor::at(1);
        cursor.keep(2, &ring);
        put(&ring, 1..=2);
        cursor.keep(2, &ring);
        assert_eq!(cursor.next(&ring, load), taken(1, 0), "no more than two behind");
        put(&ring, 3..=4);
        cursor.keep(2, &ring);
        assert_eq!(cursor.next(&ring, load), taken(3, 1));
        put(&ring, 5..=30);
        cursor.keep(2, &ring);
        assert_eq!(cursor.next(&ring, load), taken(29, 25));
        cursor.keep(1, &ring);
        assert_eq!(cursor.next(&ring, load), taken(30, 0));
        put(&ring, 31..=36);
        cursor.keep(4, &ring);
        assert_eq!(cursor.next(&ring, load), taken(33, 2), "the ring has no more");
    }

    #[test]
    fn exactly_one_value_or_a_miss() {
        let ring = ring();
        let mut cursor = Cursor::at(1);
        put(&ring, 1..=6);
        assert_eq!(cursor.exactly(1, &ring, load), None, "overwritten by 5");
        assert_eq!(cursor.exactly(3, &ring, load), taken(3, 2));
        assert_eq!(cursor.exactly(4, &ring, load), taken(4, 0));
    }

    #[test]
    fn a_value_that_is_not_here_is_wanted_until_it_is_overwritten() {
        let ring = ring();
        put(&ring, 1..=3);
        let not_here = |_: &[AtomicU64]| None::<u64>;
        let mut cursor = Cursor::at(1);
        assert_eq!(cursor.exactly(2, &ring, not_here), None);
        assert_eq!(cursor.next(&ring, not_here), None);
        assert_eq!(cursor.next(&ring, load), taken(2, 1));
        assert_eq!(cursor.newest(&ring, not_here), None);
        assert_eq!(cursor.newest(&ring, load), taken(3, 0));
        put(&ring, 4..=4);
        assert_eq!(cursor.next(&ring, not_here), None);
        put(&ring, 5..=9);
        assert_eq!(cursor.next(&ring, load), taken(6, 2));
    }

    #[test]
    fn the_last_value_of_a_dead_writer_is_read_although_its_head_does_not_count_it() {
        let ring = ring();
        assert_eq!(ring.read_last(load), Ok(None));
        ring.slot(1).begin(1)[0].store(10, Ordering::Relaxed);
        ring.slot(1).finish(1);
        assert_eq!((ring.read_latest(load), ring.read_last(load)), (Ok(None), Ok(Some((1, 10)))));
        put(&ring, 1..=6);
        assert_eq!(ring.read_last(load), Ok(Some((6, 60))));
        ring.slot(7).begin(7);
        assert_eq!(ring.read_last(load), Ok(Some((6, 60))));
        ring.slot(7).finish(7);
        // Of several that were written together, all are there or none.
        ring.slot(8).begin(8)[0].store(80, Ordering::Relaxed);
        ring.slot(8).finish(8);
        assert_eq!(ring.read_last(load), Ok(Some((8, 80))));
    }

    #[test]
    fn values_written_together_appear_at_once() {
        let ring = ring();
        let mut cursor = Cursor::at(1);
        assert_eq!(ring.most_together(), 2);
        for first in [1, 3, 5] {
            ring.write_together(first, 2, |index, body| {
                let mut other = Cursor::at(first);
                assert_eq!(other.next(&ring, load), None, "none is there before all are");
                body[0].store((first + index as u64) * 10, Ordering::Relaxed);
            });
            assert_eq!(ring.latest(), first + 1);
            for number in [first, first + 1] {
                assert_eq!(cursor.next(&ring, load), taken(number, 0));
            }
        }
    }

    #[test]
    fn a_head_that_lies_neither_hangs_nor_panics() {
        let ring = ring();
        put(&ring, 1..=9);
        for lie in [0, 1, u64::MAX, 1 << 63, 5] {
            ring.head().store(lie, Ordering::Relaxed);
            let mut cursor = Cursor::at(1);
            let _ = cursor.next(&ring, load);
            let mut cursor = Cursor::at(1);
            let _ = cursor.newest(&ring, load);
            let mut cursor = Cursor::at(1);
            cursor.keep(2, &ring);
            let _ = ring.read_latest(load);
        }
    }
}
