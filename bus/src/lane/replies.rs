//! Replies: a cell for each transaction that is not answered.
//!
//! ```text
//! cell = [ mark u64 | status and size u64 | detail u64 | answer … ]      and a word elsewhere: who waits
//!
//! mark   = the number of the request that is answered here; with ENDED where the client gave all of the lane up
//! status = low 32 bits | bytes of the answer, high 32 bits
//! waits  = 0 nobody sleeps | BY_FUTEX a thread, on the low half of the mark | BY_FRAME a task
//!        | BY_DOORBELL a thread with a wait set, by the doorbell whose number is in the upper 56 bits
//! ```
//!
//! The word that says who waits is the client's, and lies apart from the cell, so that looking at it costs the service
//! no line of the client's while nobody sleeps.
//!
//! ```text
//! answer n:  words …         Relaxed            sleep:  waits = BY_FUTEX  Relaxed
//!            mark = n        Release (1)                fence             SeqCst  (4)
//!            fence           SeqCst  (2)                mark == n ?       Relaxed    there: done
//!            waits == 0 ?    Relaxed    done            futex wait (mark unchanged)
//!            futex wake, frame, or ring         take:   mark == n ?       Relaxed
//!                                                       fence             Acquire (3)
//!                                                       words …           Relaxed
//! ```
//!
//! - (1) with (3): who sees the mark sees the answer.
//! - (2) with (4) is Dekker's pattern: either the service sees who waits, or the client sees the mark.
//! - A task and a set ask once: the word stays as it is until the cell is another transaction's. A doorbell remembers that it was
//!   rung until it is emptied, and whoever empties it looks at the mark after that.
//! - A mark changes once while it is waited for, and the kernel compares it under its own lock; so it can be what is
//!   slept on, and nothing has to be counted.
//! - The service may end. Then the client's own control thread sets the mark, with [`ENDED`], by a compare-exchange, so that
//!   an answer which has come stays: the transaction has one outcome. It turns the low half over too, which is all that the
//!   kernel compares: with that left as it was, who is just going to sleep would not wake (the model
//!   `a_transaction_has_one_outcome` found it). A service whose process lives may set the mark to something else after that; so
//!   who waits looks now and then whether the lane has ended, in memory that is the client's alone.

use core::time::Duration;

use super::REPLY_WORDS;
use crate::bell::Futex;
use crate::sync::{AtomicU64, Ordering, Site, step};

/// In a mark: there will be no answer. No request's number has it.
const ENDED: u64 = 1 << 63;

/// How often it is tried to set a mark that a service goes on changing.
const TRIES: usize = 64;

/// Who waits for an answer.
const BY_FUTEX: u64 = 1;
const BY_FRAME: u64 = 2;
const BY_DOORBELL: u64 = 3;
/// Bits of a word that say in which of these ways.
const WAY: u64 = 0xff;

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Status {
    /// As it was to: with an answer.
    Done = 1,
    /// The handler said no: a code, and a text.
    Refused = 2,
    /// Not now; later, after as many nanoseconds as the detail says.
    Busy = 3,
    /// There is no handler for it: a text that says what there is.
    NotSupported = 4,
    /// The handler failed: a text.
    Failed = 5,
    /// Its deadline had passed before it was begun.
    Expired = 6,
    /// It carries another type than the handler takes: a text.
    OtherType = 7,
    /// There is no such item.
    NoSuchItem = 8,
    /// This client may not: a text.
    Denied = 9,
    /// What it carries is no value of its type: a text.
    Invalid = 10,
    /// The answer is longer than a cell of this lane has room for: so many bytes, as the detail says.
    TooLong = 11,
}

impl Status {
    /// All, in the order of their numbers, from 1.
    pub(crate) const ALL: [Status; 11] = [
        Status::Done,
        Status::Refused,
        Status::Busy,
        Status::NotSupported,
        Status::Failed,
        Status::Expired,
        Status::OtherType,
        Status::NoSuchItem,
        Status::Denied,
        Status::Invalid,
        Status::TooLong,
    ];

    fn from_bits(bits: u32) -> Option<Self> {
        Self::ALL.get((bits as usize).checked_sub(1)?).copied()
    }
}

/// What an answer says besides what it carries: a code, a time, or a size.
pub(crate) type Detail = u64;

/// How a look at a cell ended.
#[derive(Debug)]
pub(crate) enum Look<'l> {
    /// There is no answer yet.
    NotYet,
    /// There will be none.
    Ended,
    /// It is there: how the transaction ended, and what the answer carries, which is the service's to change at any time.
    Answered { status: Status, detail: Detail, bytes: usize, words: &'l [AtomicU64] },
    /// The service broke the protocol.
    Broken,
}

/// Who is to be told of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nobody, or a thread, which was woken.
    Done,
    /// A task, by a frame that is to be sent.
    ByFrame,
    /// A wait set, by the client's doorbell of this number.
    ByDoorbell(u64),
}

/// One cell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell<'l> {
    words: &'l [AtomicU64],
    waits: &'l AtomicU64,
}

impl<'l> Cell<'l> {
    #[inline(always)]
    pub(super) fn new(words: &'l [AtomicU64], waits: &'l AtomicU64) -> Self {
        Cell { words, waits }
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn into_words(self) -> (&'l [AtomicU64], &'l AtomicU64) {
        (self.words, self.waits)
    }

    /// The mark that is to change.
    #[inline(always)]
    fn mark(self) -> &'l AtomicU64 {
        &self.words[0]
    }

    /// The most bytes of an answer.
    pub(crate) fn room(self) -> usize {
        (self.words.len() - REPLY_WORDS) * 8
    }

    /// Answers request `number` with so many bytes, which `fill` stores; there must be room for them. Only whoever was
    /// given the request may, and once.
    #[inline(always)]
    pub(crate) fn answer(
        self,
        number: u64,
        status: Status,
        detail: Detail,
        bytes: usize,
        fill: impl FnOnce(&[AtomicU64]),
        futex: &impl Futex,
    ) -> Told {
        let carried = bytes.div_ceil(8);
        self.words[1].store(u64::from(status as u32) | (bytes as u64) << 32, Ordering::Relaxed);
        self.words[2].store(detail, Ordering::Relaxed);
        step!(ReplyHalf);
        fill(&self.words[REPLY_WORDS..REPLY_WORDS + carried]);
        step!(ReplyFilled);
        Site::ReplyStore.store(self.mark(), number, Ordering::Release);
        step!(ReplyPosted);
        Site::ReplyRingFence.fence(Ordering::SeqCst);
        match self.waits.load(Ordering::Relaxed) {
            0 => Told::Done,
            BY_FRAME => Told::ByFrame,
            by if by & WAY == BY_DOORBELL => Told::ByDoorbell(by >> 8),
            _ => {
                futex.wake_all(self.mark());
                step!(ReplyRung);
                Told::Done
            }
        }
    }

    /// Looks for the answer to request `number`.
    #[inline(always)]
    pub(crate) fn look(self, number: u64) -> Look<'l> {
        let mark = self.mark().load(Ordering::Relaxed);
        if mark != number {
            return if mark & ENDED != 0 { Look::Ended } else { Look::NotYet };
        }
        Site::ReplyFence.fence(Ordering::Acquire);
        let word = self.words[1].load(Ordering::Relaxed);
        let (bytes, carried) = ((word >> 32) as usize, (word >> 32).div_ceil(8) as usize);
        match (Status::from_bits(word as u32), self.words.get(REPLY_WORDS..REPLY_WORDS + carried)) {
            (Some(status), Some(words)) => {
                Look::Answered { status, detail: self.words[2].load(Ordering::Relaxed), bytes, words }
            }
            _ => Look::Broken,
        }
    }

    /// Whether request `number` is answered, or will not be.
    #[inline(always)]
    pub(crate) fn is_over(self, number: u64) -> bool {
        is_over(self.mark().load(Ordering::Relaxed), number)
    }

    /// Sleeps until request `number` is answered, or will not be, at most `bound`; may return early, so the caller looks
    /// again.
    pub(crate) fn sleep(self, number: u64, futex: &impl Futex, bound: Duration) {
        let seen = self.mark().load(Ordering::Relaxed);
        self.waits.store(BY_FUTEX, Ordering::Relaxed);
        step!(ReplyAwaited);
        Site::ReplySleepFence.fence(Ordering::SeqCst);
        if !is_over(seen, number) && self.mark().load(Ordering::Relaxed) == seen {
            futex.wait(self.mark(), seen as u32, bound);
        }
        self.waits.store(0, Ordering::Relaxed);
    }

    /// Has whoever answers send a frame. What is waited for must be looked at after this.
    pub(crate) fn ask_for_frame(self) {
        self.waits.store(BY_FRAME, Ordering::Relaxed);
        Site::ReplySleepFence.fence(Ordering::SeqCst);
    }

    /// Has whoever answers ring the doorbell of this number, below 2⁵⁶. What is waited for must be looked at after this.
    pub(crate) fn ask_for_doorbell(self, number: u64) {
        self.waits.store(BY_DOORBELL | number << 8, Ordering::Relaxed);
        Site::ReplySleepFence.fence(Ordering::SeqCst);
    }

    /// Nobody waits any longer: before the cell is another transaction's.
    pub(crate) fn cease(self) {
        if self.waits.load(Ordering::Relaxed) != 0 {
            self.waits.store(0, Ordering::Relaxed);
        }
    }

    /// There will be no answer to request `number`, unless it is there already. Wakes who sleeps.
    pub(crate) fn end(self, number: u64, futex: &impl Futex) {
        let mut mark = self.mark().load(Ordering::Relaxed);
        // An honest service changes it once. One that goes on and on holds nobody up here, and who waits does not rely on the mark.
        for _ in 0..TRIES {
            if is_over(mark, number) {
                break;
            }
            let ended = ENDED | u64::from(!(mark as u32));
            match self.mark().compare_exchange(mark, ended, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => mark = now,
            }
        }
        futex.wake_all(self.mark());
    }
}

/// Whether a cell with this mark waits no longer for the answer to request `number`.
#[inline(always)]
fn is_over(mark: u64, number: u64) -> bool {
    mark == number || mark & ENDED != 0
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::{Lane, LaneShape};
    use super::*;
    use crate::sys::futex::SharedFutex;

    fn lane() -> Lane<Vec<AtomicU64>> {
        let shape = LaneShape { depth: 2, request: 0, reply: 0 };
        Lane::new((0..shape.words()).map(|_| AtomicU64::new(0)).collect(), shape).unwrap()
    }

    fn answer(cell: Cell<'_>, number: u64) -> Told {
        let fill = |words: &[AtomicU64]| words[0].store(number, Ordering::Relaxed);
        cell.answer(number, Status::Done, 7, 5, fill, &SharedFutex)
    }

    #[test]
    fn an_answer_is_there_for_the_request_that_it_is_to() {
        let lane = lane();
        let cell = lane.cell(1);
        assert!(matches!(cell.look(3), Look::NotYet));
        assert_eq!(answer(cell, 3), Told::Done);
        match cell.look(3) {
            Look::Answered { status: Status::Done, detail: 7, bytes: 5, words } => {
                assert_eq!((words.len(), words[0].load(Ordering::Relaxed)), (1, 3));
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(cell.look(5), Look::NotYet), "that was to another");
    }

    #[test]
    fn what_has_ended_stays_so_and_what_was_answered_is_not_ended() {
        let lane = lane();
        answer(lane.cell(0), 1);
        for (index, number) in [(0, 1), (1, 2)] {
            lane.cell(index).end(number, &SharedFutex);
            assert!(lane.cell(index).is_over(number));
        }
        assert!(matches!(lane.cell(0).look(1), Look::Answered { .. }));
        assert!(matches!(lane.cell(1).look(2), Look::Ended));
    }

    #[test]
    fn who_waits_by_descriptor_is_told_so_until_it_ceases_to_wait() {
        let lane = lane();
        lane.cell(0).ask_for_frame();
        assert_eq!(answer(lane.cell(0), 1), Told::ByFrame);
        lane.cell(0).ask_for_doorbell((1 << 56) - 1);
        assert_eq!(answer(lane.cell(0), 3), Told::ByDoorbell((1 << 56) - 1));
        lane.cell(0).cease();
        assert_eq!(answer(lane.cell(0), 5), Told::Done);
    }

    #[test]
    fn what_a_lying_service_answers_is_broken_and_not_followed() {
        let lane = lane();
        let (cell, most) = (lane.cell(0), lane.cell(0).room() as u64);
        for word in [0, 12, u64::from(u32::MAX), 1 | (most + 1) << 32, 1 | u64::from(u32::MAX) << 32] {
            answer(cell, 1);
            cell.into_words().0[1].store(word, Ordering::Relaxed);
            assert!(matches!(cell.look(1), Look::Broken), "{word:#x}");
        }
    }

    #[test]
    fn statuses_are_numbered_in_their_order() {
        for (index, status) in Status::ALL.into_iter().enumerate() {
            assert_eq!(status as usize, index + 1);
            assert_eq!(Status::from_bits(status as u32), Some(status));
        }
        assert_eq!([Status::from_bits(0), Status::from_bits(12)], [None, None]);
    }
}
