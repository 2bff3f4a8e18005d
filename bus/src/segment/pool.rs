//! Pool memory: values that do not lie in slots, because somebody may hold them.
//!
//! A slot of a pooled topic says where its value is: a *reference*, which names a pool memory and a line in it. Where a
//! value lies is the writer's affair; a reader only checks that all of it is inside the memory that is named.
//!
//! ```text
//! reference = memory << 40 | first line        of 64 bytes
//! ```

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::OpenError;
use super::mapping::Words;
use crate::copy::LINE_WORDS;
use crate::sync::AtomicU64;
use crate::sys::memory::{self, Writable};

/// Bits of a reference that say which line.
const LINE_BITS: u32 = 40;

/// The most pool memories of a topic: each is a descriptor, and a mapping for every client.
pub(crate) const MAX_MEMORIES: usize = 1 << 10;

/// Where a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Reference(pub(crate) u64);

impl Reference {
    pub(crate) fn new(memory: usize, word: usize) -> Self {
        Reference((memory as u64) << LINE_BITS | (word / LINE_WORDS) as u64)
    }

    /// Which pool memory.
    #[inline]
    pub(crate) fn memory(self) -> usize {
        (self.0 >> LINE_BITS) as usize
    }

    /// The `words` words from here on, if the memory has as many.
    #[inline]
    pub(crate) fn of(self, memory: &[AtomicU64], words: usize) -> Option<&[AtomicU64]> {
        let start = ((self.0 & ((1 << LINE_BITS) - 1)) as usize).checked_mul(LINE_WORDS)?;
        memory.get(start..start.checked_add(words)?)
    }
}

/// Creates pool memory: reserved, mapped, and then sealed.
///
/// # Errors
/// `OutOfMemory` where there is no room; the system's error otherwise.
pub(crate) fn create(label: &str, bytes: usize) -> io::Result<(Words, Arc<OwnedFd>)> {
    let fd = memory::create(label, bytes as u64)?;
    let words = Words::map_writable(&fd, bytes)?;
    memory::seal(&fd, Writable::ByCreator)?;
    Ok((words, Arc::new(fd)))
}

/// Maps pool memory that a peer sent, after checking it.
///
/// # Errors
/// What is wrong with it, or why this process cannot have it.
pub(crate) fn open(fd: &OwnedFd) -> Result<Words, OpenError> {
    let broken = |detail: String| OpenError::Broken(format!("pool memory: {detail}"));
    let bytes = memory::check(fd, Writable::ByCreator).map_err(broken)?;
    match usize::try_from(bytes) {
        Ok(bytes) if bytes > 0 && bytes.is_multiple_of(LINE_WORDS * 8) => {
            Words::map_read_only(fd, bytes).map_err(OpenError::Os)
        }
        _ => Err(broken(format!("it has {bytes} bytes, expected whole lines"))),
    }
}
