//! The pool of a topic whose values links may hold: which memory is a value's, which is free, and which is neither.
//!
//! ```text
//!            loan, publish                 overwritten in the ring                nobody holds it
//!   free  ──────────────────►  a value's  ─────────────────────────►  retired  ────────────────────►  free
//! ```
//!
//! All of this is the writer's own, and private. What readers hold is in credit memory ([`crate::credit::hold`]), and is
//! looked at only when nothing is free: then for everything that was retired since the last time. As many values can
//! be retired, held or lent at once as the topic has memory for beyond its history; so the price of a look is shared by
//! as many publishes, and does not grow with links that hold nothing for long.

use std::collections::HashSet;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::tracked::Tracked;
use crate::copy::LINE_WORDS;
use crate::credit::hold;
use crate::segment::mapping::Words;
use crate::segment::pool::{self, MAX_MEMORIES, Reference};
use crate::sync::AtomicU64;

/// The memory of a topic's values.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Words of a value, rounded up so that the next is aligned as well.
    stride: usize,
    /// Words of a value.
    len: usize,
    memories: Vec<Words>,
    /// Values that there is memory for.
    total: usize,
    free: Vec<Reference>,
    retired: Vec<Reference>,
    /// What each ring has in its slots, by item.
    rings: Vec<Box<[Option<Reference>]>>,
}

/// Who keeps a publisher from publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The process; the publisher's own where these are loans.
    pub(crate) pid: u32,
    /// The link; 0 where these are loans.
    pub(crate) link: u64,
    /// How many values it holds.
    pub(crate) held: usize,
}

impl Pool {
    /// A pool for values of so many bytes at this alignment; there is no memory in it yet.
    pub(crate) fn new(size: usize, align: usize) -> Self {
        let stride = size.next_multiple_of(align.max(LINE_WORDS * 8)).max(LINE_WORDS * 8) / 8;
        Pool {
            stride,
            len: size.div_ceil(8),
            memories: Vec::new(),
            total: 0,
            free: Vec::new(),
            retired: Vec::new(),
            rings: Vec::new(),
        }
    }

    /// Bytes that memory for so many values has; `None` where that overflows.
    pub(crate) fn bytes_for(&self, values: usize) -> Option<usize> {
        values.checked_mul(self.stride)?.checked_mul(8)
    }

    /// Whether the pool has memory for so many values.
    pub(crate) fn has(&self, values: usize) -> bool {
        self.total >= values
    }

    /// Values that there is memory for.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Adds memory for so many values; its descriptor, for clients.
    ///
    /// # Errors
    /// `OutOfMemory` where there is no room; the system's error otherwise. The pool is as it was.
    pub(crate) fn grow(&mut self, label: &str, values: usize) -> io::Result<Arc<OwnedFd>> {
        let refuse = |why| io::Error::new(io::ErrorKind::OutOfMemory, why);
        if self.memories.len() >= MAX_MEMORIES {
            return Err(refuse("the topic grew too often; give it more `capacity`"));
        }
        let bytes = self.bytes_for(values).ok_or_else(|| refuse("more than any machine has"))?;
        let (words, fd) = pool::create(label, bytes)?;
        let memory = self.memories.len();
        // Below what is free already: the longer it takes until the new memory is used, the likelier it is that all
        // clients have been sent it by then.
        let new = (0..values).rev().map(|value| Reference::new(memory, value * self.stride));
        self.free.splice(..0, new);
        self.retired.reserve(self.total + values);
        self.memories.push(words);
        self.total += values;
        Ok(fd)
    }

    /// Adds an item whose ring has `depth` slots.
    pub(crate) fn add_ring(&mut self, depth: usize) {
        self.rings.push(vec![None; depth].into());
    }

    /// Memory for a value, which nobody else reads or writes until it is [put](Self::put) or [given back](Self::give_back);
    /// `None` where nothing is free.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Reference> {
        self.free.pop()
    }

    /// Gives memory back that was taken, and that nobody was told of.
    pub(crate) fn give_back(&mut self, reference: Reference) {
        self.free.push(reference);
    }

    /// The words of a value.
    #[inline]
    pub(crate) fn words(&self, reference: Reference) -> &[AtomicU64] {
        let memory = &self.memories[reference.memory()];
        reference.of(memory, self.len).expect("a reference of this pool is inside its memory")
    }

    /// Notes that the value `number` of an item is at `reference`, and what its slot had before is not.
    #[inline]
    pub(crate) fn put(&mut self, item: usize, number: u64, reference: Reference) {
        let ring = &mut self.rings[item];
        let slot = number as usize & (ring.len() - 1);
        self.retired.extend(ring[slot].replace(reference));
    }

    /// Frees what was retired and none of `links` holds. To be called after [`hold::look`] and after learning which links
    /// there are.
    pub(crate) fn reclaim(&mut self, links: &[Arc<Tracked>]) {
        let held: HashSet<u64> = links.iter().flat_map(|link| link.held()).collect();
        hold::looked();
        let free = &mut self.free;
        self.retired.retain(|&reference| {
            let keep = held.contains(&reference.0);
            if !keep {
                free.push(reference);
            }
            keep
        });
    }

    /// Who holds most of what is in nobody's slot any longer.
    pub(crate) fn greatest_holder(&self, links: &[Arc<Tracked>]) -> Holder {
        let in_rings: usize = self.rings.iter().map(|ring| ring.iter().flatten().count()).sum();
        let lent = self.total - in_rings - self.retired.len() - self.free.len();
        let ours = Holder { pid: std::process::id(), link: 0, held: lent };
        // Sets, so that a client which fills all words that it has with one value neither costs much nor counts for much.
        let retired: HashSet<u64> = self.retired.iter().map(|reference| reference.0).collect();
        let theirs = links.iter().map(|link| {
            let held: HashSet<u64> = link.held().filter(|held| retired.contains(held)).collect();
            Holder { pid: link.pid, link: link.link, held: held.len() }
        });
        theirs.chain([ours]).max_by_key(|holder| holder.held).unwrap_or(ours)
    }
}
