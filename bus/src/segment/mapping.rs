//! Mapped memory, and owned views of parts of it.

use core::ops::{Deref, Range};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use memmap2::{MmapOptions, MmapRaw};

use crate::sync::AtomicU64;

/// Mappings up to this size get their page tables at once, so that the first use does not fault.
const POPULATE_AT_MOST: usize = 1 << 20;

/// A range of words in a mapping, which lives as long as any range of it.
///
/// Dereferences to atomics, because other processes store while we load. Of memory that was mapped
/// read-only only loads may be made, and only with `Relaxed`, which the language guarantees there.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    start: *const AtomicU64,
    len: usize,
    mapping: Arc<MmapRaw>,
}

// SAFETY: a `Words` is a range of a mapping that it keeps alive, reachable only as `&[AtomicU64]`, and
// atomics may be used from any thread. `MmapRaw` itself is `Send` and `Sync`.
unsafe impl Send for Words {}
// SAFETY: as above; no method gives out anything that is not `Sync`.
unsafe impl Sync for Words {}

impl Words {
    /// Maps `bytes` of `fd`, to load from and store to.
    pub(crate) fn map_writable(fd: &OwnedFd, bytes: usize) -> io::Result<Self> {
        Self::map(fd, || options(bytes).map_raw(fd.as_raw_fd()))
    }

    /// Maps `bytes` of `fd`, to load from only.
    pub(crate) fn map_read_only(fd: &OwnedFd, bytes: usize) -> io::Result<Self> {
        Self::map(fd, || options(bytes).map_raw_read_only(fd.as_raw_fd()))
    }

    #[cfg(not(tsan))]
    fn map(_: &OwnedFd, map: impl FnOnce() -> io::Result<MmapRaw>) -> io::Result<Self> {
        Ok(Self::whole(Arc::new(map()?)))
    }

    /// One mapping of each memory for all of the process, since the thread sanitizer tells memory by its address.
    #[cfg(tsan)]
    fn map(fd: &OwnedFd, map: impl FnOnce() -> io::Result<MmapRaw>) -> io::Result<Self> {
        use std::collections::BTreeMap;
        use std::sync::{Mutex, Weak};
        static MAPPINGS: Mutex<BTreeMap<(u64, u64), Weak<MmapRaw>>> = Mutex::new(BTreeMap::new());
        let stat = rustix::fs::fstat(fd)?;
        let mut mappings = MAPPINGS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let known = mappings.entry((stat.st_dev, stat.st_ino)).or_default();
        if let Some(mapping) = known.upgrade() {
            return Ok(Self::whole(mapping));
        }
        let mapping = Arc::new(map()?);
        *known = Arc::downgrade(&mapping);
        Ok(Self::whole(mapping))
    }

    fn whole(mapping: Arc<MmapRaw>) -> Self {
        Words { start: mapping.as_ptr().cast(), len: mapping.len() / 8, mapping }
    }

    /// The words of `range`.
    ///
    /// # Panics
    /// If the range is not inside this one.
    pub(crate) fn part(&self, range: Range<usize>) -> Self {
        let words = &self[range];
        Words { start: words.as_ptr(), len: words.len(), mapping: self.mapping.clone() }
    }
}

impl Deref for Words {
    type Target = [AtomicU64];

    #[inline(always)]
    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: `start` and `len` describe a range of `mapping`, which is alive as long as `self`: `whole`
        // takes all of it and `part` a checked part. A mapping starts at a page, so its words are aligned,
        // and every byte of it is initialised by the kernel. It is sealed or checked to be sealed against
        // shrinking, so the pages stay. All accesses in all processes that follow the protocol are atomic
        // and of this size; one that does not follow it can make a load see any value, which atomics allow.
        unsafe { core::slice::from_raw_parts(self.start, self.len) }
    }
}

fn options(bytes: usize) -> MmapOptions {
    let mut options = MmapOptions::new();
    options.len(bytes);
    if bytes <= POPULATE_AT_MOST {
        options.populate();
    }
    options
}
