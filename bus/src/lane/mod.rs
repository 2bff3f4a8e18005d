//! The lane: memory by which a conversation's transactions go to the service and their answers come back.
//!
//! ```text
//! lane = [ head, 128 B | request slot 0 … depth-1 | reply cell 0 … depth-1 | a word for each cell: who waits for it ]
//! ```
//!
//! There are two ways in it, and no word has more than one writer at a time:
//!
//! - **Requests** ([`requests`]) are a ring: the client writes them one after the other, the service takes them in this
//!   order. A slot's mark says which request lies there, so that the service, which looks for the next one, shares no
//!   other line with the client.
//! - **Replies** ([`replies`]) are cells and no ring, since answers come in any order and from any thread: each request
//!   names the cell in which it wants its answer. Whoever answers writes there, without a lock, and whoever waits
//!   looks there and nowhere else.
//!
//! **Room.** A client has at most `depth` transactions that are not answered, each with a cell of its own. So a slot that is
//! written for the second time has been read for sure: requests are taken in order, and of the `depth` before this
//! one at least one was answered. Neither side ever waits for room, and no word says how far the other has read.
//!
//! **Trust.** Both sides can write all of it, and nobody else can: a client that lies spoils its own transactions. What is
//! taken from a lane is copied to private memory before it is looked at, every length and index is bounded, and each
//! side keeps its own account of what is in flight. The service never waits for anything in a lane.
//!
//! **Death.** A request appears by one store and so does an answer. Who dies before that store has not asked, or not answered;
//! what the other side then reports comes from the connection, which the kernel closes.
//!
//! How a service sleeps until any of its lanes has a request is the [`inbox`].

pub(crate) mod inbox;
#[cfg(all(test, loom))]
mod models;
pub(crate) mod replies;
pub(crate) mod requests;

use core::ops::{Deref, Range};

use crate::copy::LINE_WORDS;
use crate::sync::{AtomicU64, Ordering};

pub(crate) use self::replies::{Cell, Detail, Status};
pub(crate) use self::requests::{Header, Kind};

/// Words of the head, alone on 128 bytes, since neighbouring lines come in pairs.
const HEAD_WORDS: usize = 16;
/// Words of a request slot before what the request carries.
const REQUEST_WORDS: usize = 6;
/// Words of a reply cell before what the answer carries.
const REPLY_WORDS: usize = 3;
/// The longest text of an answer: a reason, or what is supported instead.
pub(crate) const MAX_TEXT: usize = 256;
/// The most transactions of a lane that are not answered.
pub(crate) const MAX_DEPTH: u32 = 1 << 12;

/// The shape of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LaneShape {
    /// Number of slots and of cells: a power of two, at least 2.
    pub(crate) depth: u32,
    /// The most words that a request carries: payload and name.
    pub(crate) request: u32,
    /// The most words that an answer carries.
    pub(crate) reply: u32,
}

impl LaneShape {
    /// Words from one slot to the next.
    fn slot_stride(self) -> usize {
        (REQUEST_WORDS + self.request as usize).next_multiple_of(LINE_WORDS)
    }

    /// Words from one cell to the next; there is room for a text in each.
    fn cell_stride(self) -> usize {
        (REPLY_WORDS + (self.reply as usize).max(MAX_TEXT / 8)).next_multiple_of(LINE_WORDS)
    }

    fn cells_at(self) -> usize {
        HEAD_WORDS + self.depth as usize * self.slot_stride()
    }

    fn waits_at(self) -> usize {
        self.cells_at() + self.depth as usize * self.cell_stride()
    }

    /// Words of the whole lane. The numbers are 32 bits each, so that nothing overflows.
    pub(crate) fn words(self) -> usize {
        (self.waits_at() + self.depth as usize).next_multiple_of(LINE_WORDS)
    }

    /// Whether a lane can have this shape.
    pub(crate) fn is_valid(self) -> bool {
        self.depth.is_power_of_two() && (2..=MAX_DEPTH).contains(&self.depth)
    }
}

/// A lane in memory that `W` lends: a mapping, or the model checker's own atomics.
///
/// Invariants: `shape.is_valid()` and `words.len() >= shape.words()`.
#[derive(Debug, Clone)]
pub(crate) struct Lane<W> {
    words: W,
    shape: LaneShape,
}

impl<W: Deref<Target = [AtomicU64]>> Lane<W> {
    /// The lane of this shape in these words; `None` where they have not this shape.
    pub(crate) fn new(words: W, shape: LaneShape) -> Option<Self> {
        (shape.is_valid() && words.len() >= shape.words()).then_some(Lane { words, shape })
    }

    pub(crate) fn shape(&self) -> LaneShape {
        self.shape
    }

    /// What the service says of itself: a word that it alone writes, and that means something to its clients.
    pub(crate) fn offers(&self) -> &AtomicU64 {
        &self.words[0]
    }

    /// The slot of request `number`.
    #[inline(always)]
    fn slot(&self, number: u64) -> &[AtomicU64] {
        let (index, stride) = (number as usize & (self.shape.depth as usize - 1), self.shape.slot_stride());
        self.part(HEAD_WORDS + index * stride..HEAD_WORDS + (index + 1) * stride)
    }

    /// A cell; its index is below the depth.
    #[inline(always)]
    pub(crate) fn cell(&self, index: u32) -> Cell<'_> {
        let (index, stride) = (index as usize & (self.shape.depth as usize - 1), self.shape.cell_stride());
        let start = self.shape.cells_at() + index * stride;
        Cell::new(self.part(start..start + stride), &self.words[self.shape.waits_at() + index])
    }

    #[inline(always)]
    fn part(&self, range: Range<usize>) -> &[AtomicU64] {
        &self.words[range]
    }

    /// Whether request `number` is there.
    #[inline(always)]
    pub(crate) fn has(&self, number: u64) -> bool {
        self.slot(number)[0].load(Ordering::Relaxed) == number
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::message::Fingerprint;
    use crate::sys::futex::SharedFutex;

    #[test]
    fn parts_of_a_lane_do_not_overlap_and_fill_it() {
        for shape in [
            LaneShape { depth: 2, request: 0, reply: 0 },
            LaneShape { depth: 64, request: 26, reply: 32 },
            LaneShape { depth: 8, request: 1000, reply: 77 },
        ] {
            let words: Vec<AtomicU64> = (0..shape.words()).map(|_| AtomicU64::new(0)).collect();
            let lane = Lane::new(words, shape).unwrap();
            lane.offers().store(1, Ordering::Relaxed);
            for number in 0..u64::from(shape.depth) {
                let slot = lane.slot(number);
                assert!(slot.len() >= REQUEST_WORDS + shape.request as usize);
                slot.iter().for_each(|word| assert_eq!(word.swap(1, Ordering::Relaxed), 0));
            }
            for index in 0..shape.depth {
                let (words, wait) = lane.cell(index).into_words();
                assert!(words.len() >= REPLY_WORDS + (shape.reply as usize).max(MAX_TEXT / 8));
                words.iter().chain([wait]).for_each(|word| assert_eq!(word.swap(1, Ordering::Relaxed), 0));
            }
            let unused = lane.words.iter().filter(|word| word.load(Ordering::Relaxed) == 0).count();
            assert!(unused < HEAD_WORDS + LINE_WORDS, "{unused}");
        }
    }

    #[test]
    fn numbers_pass_the_wrap_of_their_half() {
        let shape = LaneShape { depth: 4, request: 1, reply: 1 };
        let lane =
            Lane::new((0..shape.words()).map(|_| AtomicU64::new(0)).collect::<Vec<_>>(), shape).unwrap();
        let of = Fingerprint::from_words([0, 0]);
        for wrap in [1 << 31, 1 << 32, 1 << 48] {
            for number in wrap - 6..wrap + 6 {
                let cell = number as u32 % 4;
                let (kind, item) = (Kind::Execute, requests::NO_ITEM);
                let header = Header { kind, cell, item, payload: 8, name: 0, deadline: number, of };
                let store = |words: &[AtomicU64]| words[0].store(number, Ordering::Relaxed);
                assert!(!lane.has(number) && !lane.cell(cell).is_over(number));
                lane.post(number, header, "", store);
                assert!(lane.has(number) && !lane.has(number + 4) && !lane.has(number.wrapping_sub(4)));
                assert_eq!(lane.take(number).unwrap().unwrap().0, header);
                lane.cell(cell).answer(number, Status::Done, number, 8, store, &SharedFutex);
                assert!(lane.cell(cell).is_over(number) && !lane.cell(cell).is_over(number + 4));
                assert!(
                    matches!(lane.cell(cell).look(number), replies::Look::Answered { detail, .. } if detail == number)
                );
                // What is answered stays so.
                lane.cell(cell).end(number, &SharedFutex);
                assert!(matches!(lane.cell(cell).look(number), replies::Look::Answered { .. }));
            }
        }
    }

    #[test]
    fn a_shape_that_cannot_be_or_does_not_fit_is_refused() {
        let words = || (0..1000).map(|_| AtomicU64::new(0)).collect::<Vec<_>>();
        for depth in [0, 1, 3, MAX_DEPTH * 2, u32::MAX] {
            assert!(Lane::new(words(), LaneShape { depth, request: 0, reply: 0 }).is_none(), "{depth}");
        }
        assert!(Lane::new(words(), LaneShape { depth: 2, request: u32::MAX, reply: u32::MAX }).is_none());
        assert!(Lane::new(words(), LaneShape { depth: 2, request: 10, reply: 10 }).is_some());
    }
}
