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

/// The smallest piece of memory for values of no fixed size, in bytes.
const SMALLEST: usize = LINE_WORDS * 8;
/// A value may have a piece so many times doubled beyond what it needs, where that one is free.
const LOOSE: usize = 2;
/// Memory for values of no fixed size is made for so many bytes at once, where they are small.
const GROWTH_BYTES: usize = 64 << 10;

/// The memory of a topic's values.
///
/// It is in pieces. Where values have one size all pieces have it; otherwise sizes double from class to class, and memory is
/// made for a class when it is first needed, or when all of it is in use.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Words of the smallest pieces.
    smallest: usize,
    /// Whether values have one size.
    uniform: bool,
    memories: Vec<Words>,
    /// Values that may be in rings, lent or held at once.
    most: usize,
    /// Values that are.
    live: usize,
    /// Pieces of each class that are free.
    free: Vec<Vec<Piece>>,
    retired: Vec<Piece>,
    /// What is held, in order: filled for each look, and kept for its room.
    held: Vec<u64>,
    /// What each ring has in its slots, by item.
    rings: Vec<Box<[Option<Piece>]>>,
}

/// A piece of pool memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) reference: Reference,
    class: u8,
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
    /// A pool for values of `size` bytes at this alignment; of at least so many if not `uniform`. There is no memory in it
    /// yet.
    pub(crate) fn new(size: usize, align: usize, uniform: bool) -> Self {
        let align = align.max(SMALLEST);
        let smallest = if uniform { size.next_multiple_of(align).max(align) } else { align };
        Pool {
            smallest: smallest / 8,
            uniform,
            memories: Vec::new(),
            most: 0,
            live: 0,
            free: Vec::new(),
            retired: Vec::new(),
            held: Vec::new(),
            rings: Vec::new(),
        }
    }

    /// The class of pieces that so many bytes need.
    fn class(&self, bytes: usize) -> usize {
        if self.uniform {
            return 0;
        }
        let times = bytes.div_ceil(self.smallest * 8).max(1);
        times.next_power_of_two().trailing_zeros() as usize
    }

    /// Words of a piece; `None` where that overflows.
    fn stride(&self, class: usize) -> Option<usize> {
        self.smallest.checked_mul(1_usize.checked_shl(class as u32)?)
    }

    /// Bytes of memory for so many values of so many bytes; `None` where that overflows.
    pub(crate) fn bytes_for(&self, bytes: usize, values: usize) -> Option<usize> {
        self.stride(self.class(bytes))?.checked_mul(values)?.checked_mul(8)
    }

    /// How many values may be in rings, lent or held at once.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Allows so many values.
    pub(crate) fn allow(&mut self, values: usize) {
        self.most = values;
        self.retired.reserve(values.saturating_sub(self.retired.len()));
    }

    /// How many values of so many bytes to make memory for, where none is free; 0 where there may be no more.
    pub(crate) fn growth(&self, bytes: usize) -> usize {
        let piece = self.bytes_for(bytes, 1).unwrap_or(usize::MAX);
        (GROWTH_BYTES / piece).clamp(1, self.most).min(self.most - self.live)
    }

    /// Makes memory for so many values of so many bytes; its descriptor, for clients.
    ///
    /// # Errors
    /// `OutOfMemory` where there is no room; the system's error otherwise. The pool is as it was.
    pub(crate) fn grow(&mut self, label: &str, bytes: usize, values: usize) -> io::Result<Arc<OwnedFd>> {
        let refuse = |why| io::Error::new(io::ErrorKind::OutOfMemory, why);
        if self.memories.len() >= MAX_MEMORIES {
            return Err(refuse("the topic grew too often; give it more `capacity`"));
        }
        let class = self.class(bytes);
        let (Some(stride), Some(bytes)) = (self.stride(class), self.bytes_for(bytes, values)) else {
            return Err(refuse("more than any machine has"));
        };
        let (words, fd) = pool::create(label, bytes)?;
        let memory = self.memories.len();
        if self.free.len() <= class {
            self.free.resize_with(class + 1, Vec::new);
        }
        // Below what is free already: the longer it takes until the new memory is used, the likelier it is that all
        // clients have been sent it by then.
        let pieces = (0..values).rev().map(|value| Reference::new(memory, value * stride));
        self.free[class].splice(..0, pieces.map(|reference| Piece { reference, class: class as u8 }));
        self.memories.push(words);
        Ok(fd)
    }

    /// Adds an item whose ring has `depth` slots.
    pub(crate) fn add_ring(&mut self, depth: usize) {
        self.rings.push(vec![None; depth].into());
    }

    /// Memory for a value of so many bytes, which nobody else reads or writes until it is [put](Self::put) or
    /// [given back](Self::give_back); `None` where nothing is free.
    #[inline]
    pub(crate) fn take(&mut self, bytes: usize) -> Option<Piece> {
        let class = self.class(bytes);
        let piece = self.free.iter_mut().skip(class).take(LOOSE + 1).find_map(Vec::pop)?;
        self.live += 1;
        Some(piece)
    }

    /// Gives memory back that was taken, and that nobody was told of.
    pub(crate) fn give_back(&mut self, piece: Piece) {
        self.live -= 1;
        self.free[usize::from(piece.class)].push(piece);
    }

    /// All words of a piece.
    #[inline]
    pub(crate) fn words(&self, piece: Piece) -> &[AtomicU64] {
        let memory = &self.memories[piece.reference.memory()];
        let words = self.smallest << piece.class;
        piece.reference.of(memory, words).expect("a piece of this pool is inside its memory")
    }

    /// Notes that the value `number` of an item is in `piece`, and what its slot had before is not.
    #[inline]
    pub(crate) fn put(&mut self, item: usize, number: u64, piece: Piece) {
        let ring = &mut self.rings[item];
        let slot = number as usize & (ring.len() - 1);
        self.retired.extend(ring[slot].replace(piece));
    }

    /// Frees what was retired and none of `links` holds. To be called after [`hold::look`] and after learning which links
    /// there are.
    pub(crate) fn reclaim(&mut self, links: &[Arc<Tracked>]) {
        let Pool { free, live, retired, held, .. } = self;
        held.clear();
        held.extend(links.iter().flat_map(|link| link.held()));
        hold::looked();
        held.sort_unstable();
        retired.retain(|&piece| {
            let keep = held.binary_search(&piece.reference.0).is_ok();
            if !keep {
                *live -= 1;
                free[usize::from(piece.class)].push(piece);
            }
            keep
        });
    }

    /// Who holds most of what is in nobody's slot any longer.
    pub(crate) fn greatest_holder(&self, links: &[Arc<Tracked>]) -> Holder {
        let in_rings: usize = self.rings.iter().map(|ring| ring.iter().flatten().count()).sum();
        let lent = self.live - in_rings - self.retired.len();
        let ours = Holder { pid: std::process::id(), link: 0, held: lent };
        // Sets, so that a client which fills all words that it has with one value neither costs much nor counts for much.
        let retired: HashSet<u64> = self.retired.iter().map(|piece| piece.reference.0).collect();
        let theirs = links.iter().map(|link| {
            let held: HashSet<u64> = link.held().filter(|held| retired.contains(held)).collect();
            Holder { pid: link.pid, link: link.link, held: held.len() }
        });
        theirs.chain([ours]).max_by_key(|holder| holder.held).unwrap_or(ours)
    }
}
