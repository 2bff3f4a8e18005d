//! The reference: a ring of one producer and one consumer in plain shared memory.
//!
//! Lamport's ring ("Proving the correctness of multiprocess programs", 1977), with what made it fast since: each index is
//! on a line of its own, and each side keeps what it last saw of the other's and looks again only when that says that the
//! ring is full or empty (as in MCRingBuffer: Lee, Bu, Chandranmenon, "A lock-free, cache-efficient shared ring buffer",
//! 2009). Sixty-four bytes a message: a line for each, and nothing besides.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::figure::{BATCH, SLOTS};
use crate::shared::{LINES, Shared};
use crate::support::Failure;

/// A message: a line.
pub(crate) type Words = [u64; 8];

/// Pairs of lines of the indices.
const TAIL: usize = 0;
const HEAD: usize = 1;
/// And of the slots.
const RING: usize = 2;

/// One side of the ring.
pub(crate) struct RawRing {
    shared: Shared,
    slots: *mut Words,
    /// Our own index.
    here: u64,
    /// The other side's, as it was last seen.
    there: u64,
}

impl RawRing {
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        Ok(Self::new(Shared::create(path, RING * LINES + SLOTS * size_of::<Words>())?))
    }

    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        Ok(Self::new(Shared::open(path)?))
    }

    fn new(shared: Shared) -> Self {
        let slots = shared.part(RING, SLOTS * size_of::<Words>()).cast();
        RawRing { shared, slots, here: 0, there: 0 }
    }

    /// Values produced.
    fn tail(&self) -> &AtomicU64 {
        self.shared.word(TAIL)
    }

    /// Values consumed.
    fn head(&self) -> &AtomicU64 {
        self.shared.word(HEAD)
    }

    #[inline(always)]
    fn slot(&self, index: u64) -> *mut Words {
        // SAFETY: less than the number of slots, all of which are mapped.
        unsafe { self.slots.add(index as usize % SLOTS) }
    }

    /// Waits until there is room for so many.
    #[inline(always)]
    fn await_room(&mut self, messages: u64) {
        while self.here + messages > self.there + SLOTS as u64 {
            self.there = self.head().load(Ordering::Acquire);
        }
    }

    #[inline(always)]
    pub(crate) fn send(&mut self, message: Words) {
        self.await_room(1);
        // SAFETY: the consumer has read this slot and does not look at it before `tail` says so.
        unsafe { self.slot(self.here).write(message) };
        self.here += 1;
        self.tail().store(self.here, Ordering::Release);
    }

    #[inline(always)]
    pub(crate) fn send_batch(&mut self, messages: &[Words; BATCH]) {
        self.await_room(BATCH as u64);
        for (index, message) in (self.here..).zip(messages) {
            // SAFETY: as in `send`.
            unsafe { self.slot(index).write(*message) };
        }
        self.here += BATCH as u64;
        self.tail().store(self.here, Ordering::Release);
    }

    /// Waits until there is something, and gives up to so many to `each`; how many.
    #[inline(always)]
    pub(crate) fn receive(&mut self, most: u64, mut each: impl FnMut(Words)) -> u64 {
        while self.there == self.here {
            self.there = self.tail().load(Ordering::Acquire);
        }
        let messages = most.min(self.there - self.here);
        for index in self.here..self.here + messages {
            // SAFETY: the producer has written this slot and does not touch it before `head` says so.
            each(unsafe { self.slot(index).read() });
        }
        self.here += messages;
        self.head().store(self.here, Ordering::Release);
        messages
    }
}
