//! The reference for large messages: copied into plain shared memory on one side, and read there on the other.

use std::path::Path;
use std::sync::atomic::Ordering;

use crate::figure::LARGE;
use crate::shared::{LINES, Shared, await_at_least};
use crate::support::Failure;

/// Messages that have a place of their own.
pub(crate) const BUFFERS: usize = 4;

/// Pairs of lines of the counts.
const SENT: usize = 0;
const READ: usize = 1;
/// And of the buffers.
const FIRST: usize = 2;

/// One side.
pub(crate) struct RawLarge {
    shared: Shared,
    here: u64,
    message: Vec<u64>,
}

impl RawLarge {
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        Ok(Self::new(Shared::create(path, FIRST * LINES + BUFFERS * LARGE)?))
    }

    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        Ok(Self::new(Shared::open(path)?))
    }

    fn new(shared: Shared) -> Self {
        RawLarge { shared, here: 0, message: vec![0; LARGE / 8] }
    }

    fn buffer(&self, number: u64) -> *mut u64 {
        let lines = FIRST + number as usize % BUFFERS * (LARGE / LINES);
        self.shared.part(lines, LARGE).cast()
    }

    /// Sends one message, and waits until it was read.
    pub(crate) fn lead(&mut self) {
        self.here += 1;
        self.message[0] = self.here;
        // SAFETY: a buffer has so many words, and the other side does not look at it before it is told.
        unsafe { self.buffer(self.here).copy_from_nonoverlapping(self.message.as_ptr(), LARGE / 8) };
        self.shared.word(SENT).store(self.here, Ordering::Release);
        await_at_least(self.shared.word(READ), self.here);
    }

    /// Waits for one message, and reads every word of it.
    pub(crate) fn follow(&mut self) {
        self.here += 1;
        await_at_least(self.shared.word(SENT), self.here);
        // SAFETY: a buffer has so many words, and the other side does not touch it before it is told.
        let words = unsafe { core::slice::from_raw_parts(self.buffer(self.here), LARGE / 8) };
        assert_eq!(sum(words), self.here, "a message arrived torn");
        self.shared.word(READ).store(self.here, Ordering::Release);
    }
}

/// Reads every word; their sum is what the first one is, as all others are zero.
pub(crate) fn sum(words: &[u64]) -> u64 {
    words.iter().fold(0, |sum, &word| sum.wrapping_add(word))
}
