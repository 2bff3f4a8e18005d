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
//! as many publishes, and does not grow with links that hold nothing for long. What a client writes where its holds are
//! costs a search among what was retired for each word that is not zero, and is kept nowhere.
//!
//! How many values there may be is counted apart from the memory that there is: where lengths differ, memory that was made
//! for some is free while as many values as there may be have other lengths.

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
/// It grows by so many parts of what there is of a class, where they are large: each memory is a descriptor, and a mapping
/// for every client, so that there should be few; and what is not in use is at most one part.
const GROWTH_PART: usize = 4;

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
    classes: Vec<Class>,
    retired: Vec<Retired>,
    /// The references of what was retired, in order, and where it stands there: filled for a look that meets something held,
    /// and kept for its room.
    sought: Vec<(u64, u32)>,
    /// What each ring has in its slots, by item.
    rings: Vec<Box<[Option<Piece>]>>,
}

/// All pieces of one size.
#[derive(Debug, Default)]
struct Class {
    /// How many there are.
    pieces: usize,
    free: Vec<Piece>,
}

/// A piece of pool memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) reference: Reference,
    class: u8,
}

/// A piece that is in no slot any longer.
#[derive(Debug, Clone, Copy)]
struct Retired {
    piece: Piece,
    /// Whether the present look has found it held.
    held: bool,
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
            classes: Vec::new(),
            retired: Vec::new(),
            sought: Vec::new(),
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
        self.sought.reserve(values.saturating_sub(self.sought.len()));
    }

    /// How many values of so many bytes to make memory for, where none is free; 0 where there may be no more.
    pub(crate) fn growth(&self, bytes: usize) -> usize {
        let piece = self.bytes_for(bytes, 1).unwrap_or(usize::MAX);
        let made = self.classes.get(self.class(bytes)).map_or(0, |class| class.pieces);
        (GROWTH_BYTES / piece).max(made / GROWTH_PART).max(1).min(self.most.saturating_sub(self.live))
    }

    /// Makes memory for so many values of so many bytes; its descriptor, for clients.
    ///
    /// # Errors
    /// `OutOfMemory` where there is no room; the system's error otherwise. The pool is as it was.
    pub(crate) fn grow(&mut self, label: &str, bytes: usize, values: usize) -> io::Result<Arc<OwnedFd>> {
        let refuse = |why| io::Error::new(io::ErrorKind::OutOfMemory, why);
        if self.memories.len() >= MAX_MEMORIES {
            return Err(refuse("its values are in as many memories already as a topic may have"));
        }
        let class = self.class(bytes);
        let (Some(stride), Some(bytes)) = (self.stride(class), self.bytes_for(bytes, values)) else {
            return Err(refuse("more than any machine has"));
        };
        let (words, fd) = pool::create(label, bytes)?;
        let memory = self.memories.len();
        if self.classes.len() <= class {
            self.classes.resize_with(class + 1, Class::default);
        }
        // Below what is free already: the longer it takes until the new memory is used, the likelier it is that all
        // clients have been sent it by then.
        let pieces = (0..values).rev().map(|value| Reference::new(memory, value * stride));
        let pieces = pieces.map(|reference| Piece { reference, class: class as u8 });
        self.classes[class].free.splice(..0, pieces);
        self.classes[class].pieces += values;
        self.memories.push(words);
        Ok(fd)
    }

    /// Adds an item whose ring has `depth` slots.
    pub(crate) fn add_ring(&mut self, depth: usize) {
        self.rings.push(vec![None; depth].into());
    }

    /// Memory for a value of so many bytes, which nobody else reads or writes until it is [put](Self::put) or
    /// [given back](Self::give_back); `None` where nothing is free, or there are as many values as there may be.
    #[inline]
    pub(crate) fn take(&mut self, bytes: usize) -> Option<Piece> {
        if self.live >= self.most {
            return None;
        }
        let class = self.class(bytes);
        let mut classes = self.classes.iter_mut().skip(class).take(LOOSE + 1);
        let piece = classes.find_map(|class| class.free.pop())?;
        self.live += 1;
        Some(piece)
    }

    /// Gives memory back that was taken, and that nobody was told of.
    pub(crate) fn give_back(&mut self, piece: Piece) {
        self.live -= 1;
        self.classes[usize::from(piece.class)].free.push(piece);
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
        self.retired.extend(ring[slot].replace(piece).map(|piece| Retired { piece, held: false }));
    }

    /// Frees what was retired and none of `links` holds. To be called after [`hold::look`] and after learning which links
    /// there are.
    pub(crate) fn reclaim(&mut self, links: &[Arc<Tracked>]) {
        // All lines are on their way at once, and not one after the other.
        links.iter().for_each(|link| link.expect_held());
        let Pool { classes, live, retired, sought, .. } = self;
        sought.clear();
        for held in links.iter().flat_map(|link| link.held()) {
            if sought.is_empty() {
                sought.extend(
                    retired.iter().zip(0..).map(|(retired, place)| (retired.piece.reference.0, place)),
                );
                sought.sort_unstable();
            }
            // What is not among these is garbage, or a value that is in a slot.
            if let Ok(at) = sought.binary_search_by_key(&held, |&(reference, _)| reference) {
                retired[sought[at].1 as usize].held = true;
            }
        }
        hold::looked();
        retired.retain_mut(|Retired { piece, held }| {
            let keep = core::mem::take(held);
            if !keep {
                *live -= 1;
                classes[usize::from(piece.class)].free.push(*piece);
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
        let retired: HashSet<u64> = self.retired.iter().map(|retired| retired.piece.reference.0).collect();
        let theirs = links.iter().map(|link| {
            let held: HashSet<u64> = link.held().filter(|held| retired.contains(held)).collect();
            Holder { pid: link.pid, link: link.link, held: held.len() }
        });
        theirs.chain([ours]).max_by_key(|holder| holder.held).unwrap_or(ours)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Memory for a value, as a publish comes by it.
    fn get(pool: &mut Pool, bytes: usize) -> Option<Piece> {
        if let Some(piece) = pool.take(bytes) {
            return Some(piece);
        }
        pool.reclaim(&[]);
        if let Some(piece) = pool.take(bytes) {
            return Some(piece);
        }
        let values = pool.growth(bytes);
        (values > 0).then(|| {
            pool.grow("test", bytes, values).unwrap();
            pool.take(bytes).expect("memory was made for this")
        })
    }

    #[test]
    fn there_are_no_more_values_than_allowed_whatever_their_lengths() {
        let mut pool = Pool::new(0, 8, false);
        pool.allow(11);
        for bytes in [1, 4096, 100, 1] {
            let taken: Vec<_> =
                (0..11).map(|_| get(&mut pool, bytes).expect("there may be eleven")).collect();
            for other in [1, 4096, 100_000] {
                assert_eq!((get(&mut pool, other), pool.growth(other)), (None, 0));
            }
            taken.into_iter().for_each(|piece| pool.give_back(piece));
        }
        let small: Vec<_> = (0..6).map(|_| get(&mut pool, 1).unwrap()).collect();
        let large: Vec<_> = (0..5).map(|_| get(&mut pool, 4096).unwrap()).collect();
        assert_eq!(get(&mut pool, 1), None);
        small.into_iter().chain(large).for_each(|piece| pool.give_back(piece));
        assert_eq!(pool.live, 0);
    }

    #[test]
    fn what_is_overwritten_is_free_again_and_nothing_twice() {
        let mut pool = Pool::new(8, 8, true);
        pool.allow(5);
        pool.grow("test", 8, 5).unwrap();
        pool.add_ring(2);
        for number in 1..100 {
            let piece = get(&mut pool, 8).unwrap();
            assert!(
                !pool.rings[0].contains(&Some(piece))
                    && pool.retired.iter().all(|retired| retired.piece != piece),
                "it is in use"
            );
            pool.put(0, number, piece);
        }
        assert_eq!(pool.memories.len(), 1);
    }

    #[test]
    fn memories_are_few_where_values_are_large_and_many() {
        let (bytes, most) = (40_000, 200);
        let mut pool = Pool::new(0, 8, false);
        pool.allow(most);
        let taken: Vec<_> = (0..most).map(|_| get(&mut pool, bytes).unwrap()).collect();
        assert_eq!((taken.len(), get(&mut pool, bytes)), (most, None));
        assert!(pool.memories.len() < 30, "{} memories for {most} values", pool.memories.len());
        // By a part of what there is, and not of what there may be.
        let mut pool = Pool::new(0, 8, false);
        pool.allow(1 << 20);
        let taken: Vec<_> = (0..100).map(|_| get(&mut pool, bytes).unwrap()).collect();
        let made = pool.classes.iter().map(|class| class.pieces).sum::<usize>();
        assert!((taken.len()..=taken.len() + taken.len() / GROWTH_PART).contains(&made), "{made} for 100");
    }
}
