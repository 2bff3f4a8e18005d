//! Plain shared memory for the references, and the words by which the two processes keep in step.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::MmapRaw;

use crate::support::Failure;

/// Bytes of a cache line, twice: neighbours come in pairs.
pub(crate) const LINES: usize = 128;

/// Memory that both processes map, zeroed when it is created.
pub(crate) struct Shared(MmapRaw);

impl Shared {
    pub(crate) fn create(path: &Path, bytes: usize) -> Result<Self, Failure> {
        let file = File::options().create_new(true).read(true).write(true).open(path)?;
        file.set_len(bytes as u64)?;
        Ok(Shared(MmapRaw::map_raw(&file)?))
    }

    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        Ok(Shared(MmapRaw::map_raw(&File::options().read(true).write(true).open(path)?)?))
    }

    /// The word at the start of this pair of lines.
    #[inline(always)]
    pub(crate) fn word(&self, lines: usize) -> &AtomicU64 {
        let at = lines * LINES;
        assert!(at < self.0.len());
        // SAFETY: inside the mapping, aligned, and only ever accessed as an atomic of this size.
        unsafe { &*self.0.as_mut_ptr().add(at).cast::<AtomicU64>() }
    }

    /// Where the memory at this pair of lines starts; so many bytes from there are in the mapping.
    pub(crate) fn part(&self, lines: usize, bytes: usize) -> *mut u8 {
        let at = lines * LINES;
        assert!(at + bytes <= self.0.len());
        // SAFETY: inside the mapping.
        unsafe { self.0.as_mut_ptr().add(at) }
    }
}

/// Waits until a word has reached a number.
#[inline(always)]
pub(crate) fn await_at_least(word: &AtomicU64, number: u64) {
    while word.load(Ordering::Acquire) < number {
        std::hint::spin_loop();
    }
}
