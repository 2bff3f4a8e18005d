//! A topic's memory by hand, for those who look behind the library.
//!
//! Offsets are computed here from the description in the library's `segment`, in words of 64 bits:
//!
//! ```text
//! header     0 magic  1 version  2–3 fingerprint  4 epoch  5 message size  6 alignment  7 depth
//!            8 journal slots  9 schema bytes  10 first item  11 items  12 words for names
//!            13 whether values lie in pool memory  14 flags: 1 for stamps  15 ready
//! then       journal (head line, slots of 2 words) | count line | schema | directory | names | items
//! item       head line of 16 words {head, wakes} | `depth` slots {mark, stamp, length in the low half, message}
//! bells      a line of 8 words for the topic, one for each item
//! ```

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The descriptors of a segment.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) segment: OwnedFd,
    pub(crate) bells: OwnedFd,
}

impl Segment {
    /// Maps it as a client does.
    pub(crate) fn view(&self) -> View {
        View {
            words: Mapping::new(&self.segment, ProtFlags::READ),
            bells: Mapping::new(&self.bells, ProtFlags::READ | ProtFlags::WRITE),
        }
    }
}

/// A shared mapping of a whole file, as words.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: *mut AtomicU64,
    words: usize,
}

impl Mapping {
    pub(crate) fn new(fd: impl AsFd, access: ProtFlags) -> Self {
        let bytes = rustix::fs::fstat(&fd).unwrap().st_size as usize;
        // SAFETY: a new mapping at an address that the kernel chooses touches no other memory.
        let start = unsafe { mmap(core::ptr::null_mut(), bytes, access, MapFlags::SHARED, fd, 0) }.unwrap();
        Mapping { start: start.cast(), words: bytes / 8 }
    }

    pub(crate) fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is of so many words, page-aligned, initialised by the kernel, and alive as long as
        // `self`. What maps it read-only only loads from it, with `Relaxed`.
        unsafe { core::slice::from_raw_parts(self.start, self.words) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this is the whole of a mapping of ours, to which nobody refers any longer.
        unsafe { munmap(self.start.cast(), self.words * 8) }.unwrap();
    }
}

/// Where the parts of a segment are, in words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) journal: usize,
    pub(crate) count: usize,
    pub(crate) schema: usize,
    pub(crate) directory: usize,
    pub(crate) names: usize,
    pub(crate) items: usize,
    pub(crate) item_words: usize,
    /// Words of a slot.
    pub(crate) stride: usize,
    /// Word of a slot at which the message starts.
    pub(crate) payload: usize,
    /// Words of the whole segment.
    pub(crate) words: usize,
}

/// What a header says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameters {
    pub(crate) message_size: usize,
    pub(crate) message_align: usize,
    pub(crate) depth: usize,
    pub(crate) journal: usize,
    pub(crate) schema: usize,
    pub(crate) first_item: usize,
    pub(crate) items: usize,
    pub(crate) name_words: usize,
    /// 1 where values lie in pool memory, and slots have references to them.
    pub(crate) pooled: usize,
}

impl Parameters {
    pub(crate) fn layout(&self) -> Layout {
        let (size, align) = if self.pooled == 1 { (8, 8) } else { (self.message_size, self.message_align) };
        let item_align = 16.max(align / 8);
        let align = align.div_ceil(8);
        let payload = 3usize.next_multiple_of(align);
        let stride = (payload + size.div_ceil(8)).next_multiple_of(align.max(8));
        let item_words = (16 + stride * self.depth).next_multiple_of(item_align);
        let journal = 16;
        let count = if self.journal > 0 { journal + 16 + 2 * self.journal } else { journal };
        let count = count.next_multiple_of(16);
        let schema = count + 16;
        let directory = (schema + self.schema.div_ceil(8)).next_multiple_of(8);
        let names = (directory + self.items).next_multiple_of(8);
        // The slots, which follow an item's head line, lie at multiples of the alignment.
        let items = (names + self.name_words).next_multiple_of(item_align) + item_align - 16;
        let words = items + self.items * item_words;
        Layout { journal, count, schema, directory, names, items, item_words, stride, payload, words }
    }

    /// Bytes of the bells that go with it.
    pub(crate) fn bell_bytes(&self) -> usize {
        (1 + self.items) * 64
    }
}

/// A mapped segment with its bells.
#[derive(Debug)]
pub(crate) struct View {
    words: Mapping,
    pub(crate) bells: Mapping,
}

impl View {
    pub(crate) fn word(&self, index: usize) -> &AtomicU64 {
        &self.words.words()[index]
    }

    pub(crate) fn parameters(&self) -> Parameters {
        let word = |index: usize| self.word(index).load(Ordering::Relaxed) as usize;
        Parameters {
            message_size: word(5),
            message_align: word(6),
            depth: word(7),
            journal: word(8),
            schema: word(9),
            first_item: word(10),
            items: word(11),
            name_words: word(12),
            pooled: word(13),
        }
    }

    /// The bytes of the message in a slot of an item.
    pub(crate) fn message(&self, item: usize, slot: usize) -> Vec<u8> {
        let (parameters, layout) = (self.parameters(), self.parameters().layout());
        let start = layout.items + item * layout.item_words + 16 + slot * layout.stride + layout.payload;
        let words = start..start + parameters.message_size.div_ceil(8);
        let mut bytes: Vec<u8> =
            words.flat_map(|word| self.word(word).load(Ordering::Relaxed).to_ne_bytes()).collect();
        bytes.truncate(parameters.message_size);
        bytes
    }

    /// The head and the count of wakes of an item.
    pub(crate) fn item_head(&self, item: usize) -> (&AtomicU64, &AtomicU64) {
        let layout = self.parameters().layout();
        let head = layout.items + item * layout.item_words;
        (self.word(head), self.word(head + 1))
    }

    /// The head and the count of wakes of the topic.
    pub(crate) fn topic_head(&self) -> (&AtomicU64, &AtomicU64) {
        let head = self.parameters().layout().journal;
        (self.word(head), self.word(head + 1))
    }

    /// The bell of an item.
    pub(crate) fn item_bell(&self, item: usize) -> &AtomicU64 {
        &self.bells.words()[8 * (1 + item)]
    }

    /// The flag of those who sleep by doorbell, in the bell of an item.
    pub(crate) fn item_doorbell(&self, item: usize) -> &AtomicU64 {
        &self.bells.words()[8 * (1 + item) + 1]
    }

    /// The flag of those who sleep by doorbell, in the bell of the topic.
    pub(crate) fn topic_doorbell(&self) -> &AtomicU64 {
        &self.bells.words()[1]
    }

    /// The bell of the topic.
    pub(crate) fn topic_bell(&self) -> &AtomicU64 {
        &self.bells.words()[0]
    }
}

/// The half of a word that futex(2) compares, as an address for the kernel only.
pub(crate) fn futex_half(word: &AtomicU64) -> &AtomicU32 {
    let halves = core::ptr::from_ref(word).cast::<AtomicU32>();
    let index = usize::from(cfg!(target_endian = "big"));
    // SAFETY: both halves are inside the word; no code accesses it at this size, the kernel excepted.
    unsafe { &*halves.add(index) }
}
