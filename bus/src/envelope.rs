//! What lies before a message in its slot: when it was published, how long it is, and its mark.
//!
//! Two words, in the line that every reader of the slot has anyway.
//!
//! ```text
//! body = [ stamp u64, 0 without one | size u32 in the low half, mark u32 in the high half | … message ]
//! ```

use crate::mark::Mark;
use crate::ring::Copied;
use crate::stamp::Stamp;
use crate::sync::{AtomicU64, Ordering};

/// The words before a message, as they were copied out of a slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope {
    stamp: u64,
    size_and_mark: u64,
}

impl Copied for Envelope {}

impl Envelope {
    /// Of a message of so many bytes; `stamp` is in nanoseconds, 0 where there is none.
    #[inline(always)]
    pub(crate) fn new(stamp: u64, size: usize, mark: Mark) -> Self {
        Envelope { stamp, size_and_mark: size as u64 & 0xffff_ffff | u64::from(mark.to_bits()) << 32 }
    }

    /// Stores it at the beginning of a slot's body.
    #[inline(always)]
    pub(crate) fn store(self, body: &[AtomicU64]) {
        body[0].store(self.stamp, Ordering::Relaxed);
        body[1].store(self.size_and_mark, Ordering::Relaxed);
    }

    /// Copies it from the beginning of a slot's body.
    #[inline(always)]
    pub(crate) fn load(body: &[AtomicU64]) -> Self {
        Envelope { stamp: body[0].load(Ordering::Relaxed), size_and_mark: body[1].load(Ordering::Relaxed) }
    }

    /// Bytes of the message.
    #[inline(always)]
    pub(crate) fn size(self) -> usize {
        self.size_and_mark as u32 as usize
    }

    /// When the message was published, where its topic has stamps.
    #[inline(always)]
    pub(crate) fn stamp(self) -> Option<Stamp> {
        (self.stamp != 0).then(|| Stamp::from_nanoseconds(self.stamp))
    }

    /// What its publisher says of it.
    #[inline(always)]
    pub(crate) fn mark(self) -> Mark {
        Mark::from_bits((self.size_and_mark >> 32) as u32)
    }
}
