//! Requests: a ring that the client writes and the service reads.
//!
//! ```text
//! slot = [ mark u64 | what u64 | size u64 | deadline u64 | type u64 u64 | payload … | name … ]
//!
//! mark = the number of the request that lies here, counted from 1; 0 before the first
//! what = kind, low 8 bits | bytes of the name, 8 bits | cell for the answer, high 32 bits
//! size = bytes of the payload, low 32 bits | index of the item, high 32 bits; NO_ITEM where it is named
//! ```
//!
//! The payload begins at the seventh word, so that 64 bytes of it make two lines with all that comes before.
//!
//! ```text
//! post n:  words …       Relaxed            take n:  mark == n ?     Relaxed
//!          mark = n      Release  (1)                fence           Acquire (2)
//!                                                    words …         Relaxed
//! ```
//!
//! (1) with (2): who sees the mark sees the request. No second look is needed as in a history, since nobody overwrites a
//! request that was not answered ([`super`]); where a client does so all the same, what it garbles is its own.

use core::ops::Deref;

use super::{Lane, REQUEST_WORDS};
use crate::message::Fingerprint;
use crate::sync::{AtomicU64, Ordering, Site, step};

/// In place of an item's index: it is named, or there is none.
pub(crate) const NO_ITEM: u32 = u32::MAX;

/// The longest name of an item.
pub(crate) const MAX_NAME: usize = 255;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Take this value for an item.
    Poke = 1,
    /// Carry this command out.
    Execute = 2,
    /// Compute the value of an item.
    Request = 3,
}

impl Kind {
    /// All, in the order of their numbers, from 1.
    pub(crate) const ALL: [Kind; 3] = [Kind::Poke, Kind::Execute, Kind::Request];

    /// What is done with an item or a command, in a word.
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Kind::Poke => "poke",
            Kind::Execute => "execute",
            Kind::Request => "request",
        }
    }

    /// Why nothing of this kind is done where there is no handler for any.
    pub(crate) fn why_unsupported(self) -> &'static str {
        match self {
            Kind::Poke => "the topic takes no pokes",
            Kind::Execute => "the service has no commands",
            Kind::Request => "no item of the topic is computed",
        }
    }

    fn from_bits(bits: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|&kind| kind as u8 == bits)
    }
}

/// What a request says before what it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    /// In which cell the answer is wanted.
    pub(crate) cell: u32,
    /// The item's index, or [`NO_ITEM`].
    pub(crate) item: u32,
    /// Bytes of the payload.
    pub(crate) payload: u32,
    /// Bytes of the name, which follows the payload.
    pub(crate) name: u8,
    /// Until when it is to be carried out, on the monotonic clock, in nanoseconds; `u64::MAX` for ever.
    pub(crate) deadline: u64,
    /// Of which type the payload is, and the answer.
    pub(crate) of: Fingerprint,
}

impl Header {
    /// Words of payload and name.
    pub(crate) fn words(&self) -> usize {
        (self.payload as usize).div_ceil(8) + usize::from(self.name).div_ceil(8)
    }
}

/// What a client that breaks the protocol has posted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadRequest {
    #[error("a request of unknown kind {0}")]
    Kind(u8),
    #[error("a request whose answer goes to cell {found}, expected below {expected}")]
    Cell { found: u32, expected: u32 },
    #[error("a request that carries {found} words, expected at most {expected}")]
    Size { found: usize, expected: usize },
}

impl<W: Deref<Target = [AtomicU64]>> Lane<W> {
    /// Posts request `number`, the one after the last: `fill` stores the payload. Only one thread of the one client may
    /// be in here, and what the request carries must fit the lane.
    #[inline(always)]
    pub(crate) fn post(&self, number: u64, header: Header, name: &str, fill: impl FnOnce(&[AtomicU64])) {
        debug_assert!(header.words() <= self.shape.request as usize && name.len() <= MAX_NAME);
        let slot = self.slot(number);
        let what = u64::from(header.kind as u8) | u64::from(header.name) << 8 | u64::from(header.cell) << 32;
        let size = u64::from(header.payload) | u64::from(header.item) << 32;
        let [low, high] = header.of.to_words();
        for (word, value) in slot[1..REQUEST_WORDS].iter().zip([what, size, header.deadline, low, high]) {
            word.store(value, Ordering::Relaxed);
        }
        step!(RequestHalf);
        let (payload, rest) = slot[REQUEST_WORDS..].split_at((header.payload as usize).div_ceil(8));
        fill(payload);
        for (word, bytes) in rest.iter().zip(name.as_bytes().chunks(8)) {
            let mut last = [0; 8];
            last[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_ne_bytes(last), Ordering::Relaxed);
        }
        step!(RequestFilled);
        Site::RequestStore.store(&slot[0], number, Ordering::Release);
        step!(RequestPosted);
    }

    /// Takes request `number`, if it is there: what it says, and the words of its payload and of its name, which are the
    /// client's to change at any time.
    #[inline(always)]
    pub(crate) fn take(&self, number: u64) -> Option<Result<(Header, &[AtomicU64]), BadRequest>> {
        let slot = self.slot(number);
        if slot[0].load(Ordering::Relaxed) != number {
            return None;
        }
        Site::RequestFence.fence(Ordering::Acquire);
        Some(self.read(slot))
    }

    #[inline(always)]
    fn read<'l>(&self, slot: &'l [AtomicU64]) -> Result<(Header, &'l [AtomicU64]), BadRequest> {
        // Each word is loaded once: what was checked cannot change then.
        let word = |index: usize| slot[index].load(Ordering::Relaxed);
        let (what, size) = (word(1), word(2));
        let kind = Kind::from_bits(what as u8).ok_or(BadRequest::Kind(what as u8))?;
        let (payload, item) = (size as u32, (size >> 32) as u32);
        let (cell, name) = ((what >> 32) as u32, (what >> 8) as u8);
        let of = Fingerprint::from_words([word(4), word(5)]);
        let header = Header { kind, cell, item, payload, name, deadline: word(3), of };
        if cell >= self.shape.depth {
            return Err(BadRequest::Cell { found: cell, expected: self.shape.depth });
        }
        let (found, expected) = (header.words(), self.shape.request as usize);
        if found > expected {
            return Err(BadRequest::Size { found, expected });
        }
        Ok((header, &slot[REQUEST_WORDS..REQUEST_WORDS + found]))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::LaneShape;
    use super::*;

    fn lane() -> Lane<Vec<AtomicU64>> {
        let shape = LaneShape { depth: 4, request: 8, reply: 0 };
        Lane::new((0..shape.words()).map(|_| AtomicU64::new(0)).collect(), shape).unwrap()
    }

    fn header() -> Header {
        let of = Fingerprint::from_words([5, 6]);
        Header { kind: Kind::Poke, cell: 3, item: NO_ITEM, payload: 16, name: 9, deadline: 77, of }
    }

    fn post(lane: &Lane<Vec<AtomicU64>>, number: u64, header: Header) {
        lane.post(number, header, "a kitchen", |words| {
            words.iter().for_each(|word| word.store(number, Ordering::Relaxed));
        });
    }

    #[test]
    fn a_request_is_taken_as_it_was_posted_and_once_a_lap() {
        let lane = lane();
        for number in 1..=9 {
            assert!(lane.take(number).is_none() && !lane.has(number));
            post(&lane, number, header());
            assert!(lane.has(number));
            let (taken, words) = lane.take(number).unwrap().unwrap();
            assert_eq!(taken, header());
            let words: Vec<u64> = words.iter().map(|word| word.load(Ordering::Relaxed)).collect();
            assert_eq!(words[..2], [number; 2]);
            assert_eq!(&bytemuck::cast_slice::<u64, u8>(&words[2..])[..9], b"a kitchen");
        }
    }

    #[test]
    fn what_a_lying_client_posts_is_named() {
        let (lane, of) = (lane(), header());
        let lie = |index: usize, value: u64| {
            post(&lane, 1, of);
            lane.slot(1)[index].store(value, Ordering::Relaxed);
            lane.take(1).unwrap().unwrap_err()
        };
        assert_eq!(lie(1, 9 | 3 << 32), BadRequest::Kind(9));
        assert_eq!(lie(1, 1 | 4 << 32), BadRequest::Cell { found: 4, expected: 4 });
        assert_eq!(lie(2, u64::MAX), BadRequest::Size { found: (1 << 29) + 2, expected: 8 });
        assert_eq!(lie(1, 1 | 255 << 8 | 3 << 32), BadRequest::Size { found: 34, expected: 8 });
    }
}
