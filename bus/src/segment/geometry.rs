//! Where everything is in a segment, computed from a few parameters by both sides.

use core::ops::Range;

use super::text::words_for;
use crate::copy::LINE_WORDS;
use crate::ring::{HEAD_WORDS, RingShape};

/// Words of a bell: a flag for each way to sleep.
const BELL_WORDS: usize = 2;

/// The most bytes of one segment: far above any memory, far below where offsets could overflow.
const MAX_BYTES: usize = 1 << 46;

/// The most items of a topic: an item's index has to fit a journal entry beside its number.
pub(crate) const MAX_ITEMS: u64 = 1 << 32;

/// The largest alignment of a message: what a mapping is aligned to.
pub(crate) const MAX_ALIGN: usize = 4096;

/// The largest schema: a client's only thread reads it.
pub(crate) const MAX_SCHEMA_BYTES: usize = 1 << 20;

/// Words before a message in its slot: mark, stamp, and length with flags.
const SLOT_HEADER_WORDS: usize = 3;

/// Words of the header.
pub(crate) const HEADER_WORDS: usize = 16;

/// Words of a slot of the journal.
const JOURNAL_STRIDE: usize = 2;

/// What a segment's header says about its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// Bytes of a message.
    pub(crate) message_size: u64,
    /// Alignment of a message.
    pub(crate) message_align: u64,
    /// Slots of each item.
    pub(crate) depth: u64,
    /// Slots of the journal; 0 in an extent.
    pub(crate) journal: u64,
    /// Bytes of the schema; 0 in an extent.
    pub(crate) schema: u64,
    /// Index of the first item of this segment in its topic.
    pub(crate) first_item: u64,
    /// Items that this segment has room for.
    pub(crate) items: u64,
    /// Words for their names.
    pub(crate) name_words: u64,
    /// 1 where the values lie in [pool memory](super::pool) and slots say where, 0 where they lie in the slots.
    pub(crate) pooled: u64,
}

/// How one item lies in memory, the same in all segments of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ItemShape {
    pub(crate) ring: RingShape,
    /// Word of the slot's body, that is after the mark, at which the message starts.
    pub(crate) payload: usize,
    /// Words of the message.
    pub(crate) message_words: usize,
}

/// Word of a slot, its mark included, at which a message of this alignment starts.
const fn payload_word(align: usize) -> usize {
    SLOT_HEADER_WORDS.next_multiple_of(align.div_ceil(8))
}

impl ItemShape {
    /// The shape of items of a message type; `None` for sizes that cannot be.
    pub(crate) fn new(size: u64, align: u64, depth: u64) -> Option<Self> {
        let (size, align, depth) =
            (usize::try_from(size).ok()?, usize::try_from(align).ok()?, usize::try_from(depth).ok()?);
        let possible = size <= MAX_BYTES
            && align.is_power_of_two()
            && align <= MAX_ALIGN
            && size.is_multiple_of(align)
            && depth.is_power_of_two()
            && depth >= 2;
        if !possible {
            return None;
        }
        let align_words = align.div_ceil(8);
        let payload = payload_word(align);
        let message_words = size.div_ceil(8);
        let stride = (payload + message_words).next_multiple_of(align_words.max(LINE_WORDS));
        let ring = RingShape { stride, depth };
        ring.words()?;
        Some(ItemShape { ring, payload: payload - 1, message_words })
    }

    /// Words of a slot's body that hold something where the messages are `T`.
    pub(crate) const fn body_words<T>() -> usize {
        payload_word(align_of::<T>()) - 1 + size_of::<T>().div_ceil(8)
    }

    /// Words of one item.
    pub(crate) fn words(self) -> usize {
        self.ring.stride * self.ring.depth + HEAD_WORDS
    }
}

/// Where the parts of a segment are, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) parameters: Parameters,
    pub(crate) item: ItemShape,
    /// Shape and place of the journal; `None` in an extent.
    pub(crate) journal: Option<(RingShape, Range<usize>)>,
    pub(crate) count: usize,
    pub(crate) schema: Range<usize>,
    pub(crate) directory: Range<usize>,
    pub(crate) names: Range<usize>,
    items: Range<usize>,
    /// Bytes of the segment.
    pub(crate) bytes: usize,
}

impl Geometry {
    /// The geometry of `parameters`; `None` if there cannot be such a segment.
    pub(crate) fn new(parameters: Parameters) -> Option<Self> {
        let item = match parameters.pooled {
            0 => ItemShape::new(parameters.message_size, parameters.message_align, parameters.depth)?,
            1 => {
                // The message itself must be possible too.
                ItemShape::new(parameters.message_size, parameters.message_align, parameters.depth)?;
                ItemShape::new(8, 8, parameters.depth)?
            }
            _ => return None,
        };
        let words = |count: u64| usize::try_from(count).ok().filter(|&count| count <= MAX_BYTES / 8);
        let items = words(parameters.items)?;
        if items == 0 || parameters.first_item.checked_add(parameters.items)? > MAX_ITEMS {
            return None;
        }
        let mut end = HEADER_WORDS;
        let mut take = |words: usize, align: usize| {
            let start = end.checked_next_multiple_of(align)?;
            end = start.checked_add(words).filter(|&end| end <= MAX_BYTES / 8)?;
            Some(start..end)
        };
        let journal = match words(parameters.journal)? {
            0 => None,
            depth if depth.is_power_of_two() && depth >= 2 => {
                let ring = RingShape { stride: JOURNAL_STRIDE, depth };
                Some((ring, take(ring.words()?, HEAD_WORDS)?))
            }
            _ => return None,
        };
        let count = take(HEAD_WORDS, HEAD_WORDS)?.start;
        let schema = take(words_for(words(parameters.schema)?), LINE_WORDS)?;
        let directory = take(items, LINE_WORDS)?;
        let names = take(words(parameters.name_words)?, LINE_WORDS)?;
        // An item's head is alone on its pair of lines, and its slots, which follow, lie where any message would.
        let align =
            if parameters.pooled == 0 { parameters.message_align as usize / 8 } else { 1 }.max(HEAD_WORDS);
        let item_words = item.words().checked_next_multiple_of(align)?;
        let before = (align - HEAD_WORDS % align) % align;
        let items = take(items.checked_mul(item_words)?.checked_add(before)?, align)?;
        let items = items.start + before..items.end;
        Some(Geometry {
            parameters,
            item,
            journal,
            count,
            schema,
            directory,
            names,
            bytes: items.end.checked_mul(8)?,
            items,
        })
    }

    /// The words of this segment's `index`th item, `index < parameters.items`.
    pub(crate) fn item(&self, index: usize) -> Range<usize> {
        let stride = self.items.len() / self.parameters.items as usize;
        let start = self.items.start + index * stride;
        start..start + self.item.words()
    }

    /// Bytes of the bell segment that goes with this one.
    pub(crate) fn bell_bytes(&self) -> usize {
        (1 + self.parameters.items as usize) * LINE_WORDS * 8
    }

    /// Where a first segment says what the service offers on the topic: beside the count, which changes as seldom.
    pub(crate) fn offers(&self) -> Range<usize> {
        self.count + 1..self.count + 2
    }

    /// The bell of the topic.
    pub(crate) fn topic_bell() -> Range<usize> {
        0..BELL_WORDS
    }

    /// The bell of this segment's `index`th item.
    pub(crate) fn item_bell(index: usize) -> Range<usize> {
        let start = (1 + index) * LINE_WORDS;
        start..start + BELL_WORDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: Parameters = Parameters {
        message_size: 40,
        message_align: 8,
        depth: 16,
        journal: 1024,
        schema: 100,
        first_item: 0,
        items: 7,
        name_words: 30,
        pooled: 0,
    };

    #[test]
    fn a_message_of_40_bytes_fits_one_line_with_its_header() {
        let shape = ItemShape::new(40, 8, 2).unwrap();
        assert_eq!((shape.ring.stride, shape.payload, shape.message_words), (8, 2, 5));
        assert_eq!(ItemShape::new(41, 1, 2).unwrap().ring.stride, 16);
    }

    #[test]
    fn a_message_lies_where_its_alignment_says() {
        for align in [1, 2, 4, 8, 16, 64, 128, 256, 4096] {
            let geometry =
                Geometry::new(Parameters { message_size: align * 3, message_align: align, ..PARAMETERS });
            let geometry = geometry.unwrap();
            for index in 0..7 {
                let slots = geometry.item(index).start + HEAD_WORDS;
                for slot in 0..16 {
                    let message = slots + slot * geometry.item.ring.stride + 1 + geometry.item.payload;
                    // Slots follow the head line; the mapping is aligned to a page.
                    assert_eq!(message as u64 * 8 % align, 0, "align {align}");
                }
            }
        }
    }

    #[test]
    fn parts_follow_each_other_and_fill_the_segment() {
        let geometry = Geometry::new(PARAMETERS).unwrap();
        let (_, journal) = geometry.journal.clone().unwrap();
        let mut parts = vec![
            0..HEADER_WORDS,
            journal,
            geometry.count..geometry.count + HEAD_WORDS,
            geometry.schema.clone(),
            geometry.directory.clone(),
            geometry.names.clone(),
        ];
        parts.extend((0..7).map(|index| geometry.item(index)));
        for pair in parts.windows(2) {
            assert!(pair[0].end <= pair[1].start, "{pair:?}");
        }
        assert_eq!(parts.last().unwrap().end * 8, geometry.bytes);
    }

    #[test]
    fn impossible_parameters_are_refused() {
        let mut impossible = Vec::new();
        for huge in [u64::MAX, u64::MAX / 8, 1 << 47, 1 << 61] {
            impossible.extend([
                Parameters { message_size: huge & !7, ..PARAMETERS },
                Parameters { message_align: huge, ..PARAMETERS },
                Parameters { depth: huge, ..PARAMETERS },
                Parameters { journal: huge, ..PARAMETERS },
                Parameters { schema: huge, ..PARAMETERS },
                Parameters { first_item: huge, ..PARAMETERS },
                Parameters { items: huge, ..PARAMETERS },
                Parameters { name_words: huge, ..PARAMETERS },
            ]);
        }
        impossible.extend([
            Parameters { depth: 0, ..PARAMETERS },
            Parameters { depth: 1, ..PARAMETERS },
            Parameters { depth: 3, ..PARAMETERS },
            Parameters { journal: 1, ..PARAMETERS },
            Parameters { items: 0, ..PARAMETERS },
            Parameters { message_align: 0, ..PARAMETERS },
            Parameters { message_size: 16384, message_align: 8192, ..PARAMETERS },
            Parameters { message_size: 41, ..PARAMETERS },
            Parameters { message_size: 41, pooled: 1, ..PARAMETERS },
            Parameters { pooled: 2, ..PARAMETERS },
        ]);
        for parameters in impossible {
            assert_eq!(Geometry::new(parameters), None, "{parameters:?}");
        }
    }
}
