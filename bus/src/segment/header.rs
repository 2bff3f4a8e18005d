//! The header of a segment: 16 words, the last of which says that the others are there.

use super::geometry::{HEADER_WORDS, Parameters};
use crate::message::Fingerprint;
use crate::sync::{AtomicU64, Ordering};

/// "bus segm" in memory, whatever the byte order.
const MAGIC: u64 = u64::from_ne_bytes(*b"bus segm");

/// Version of the layout, below a mark that reads differently on a machine of the other byte order.
const VERSION: u64 = 1 | 0x0102_0304 << 32;

const READY: u64 = u64::from_ne_bytes(*b"is ready");

/// Flag in the word after the parameters: values carry the time of their publish.
const STAMPS: u64 = 1;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The message type.
    pub(crate) fingerprint: Fingerprint,
    /// Which life of the service this is: a random number.
    pub(crate) epoch: u64,
    /// Whether values carry the time of their publish.
    pub(crate) stamps: bool,
    pub(crate) parameters: Parameters,
}

impl Header {
    /// Stores the header; readers may trust the segment after this.
    pub(crate) fn write(&self, words: &[AtomicU64]) {
        let [low, high] = self.fingerprint.to_words();
        let Parameters {
            message_size,
            message_align,
            depth,
            journal,
            schema,
            first_item,
            items,
            name_words,
            pooled,
        } = self.parameters;
        let header = [
            MAGIC,
            VERSION,
            low,
            high,
            self.epoch,
            message_size,
            message_align,
            depth,
            journal,
            schema,
            first_item,
            items,
            name_words,
            pooled,
            if self.stamps { STAMPS } else { 0 },
        ];
        for (word, value) in words.iter().zip(header) {
            word.store(value, Ordering::Relaxed);
        }
        words[HEADER_WORDS - 1].store(READY, Ordering::Release);
    }

    /// Copies the header out.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(words: &[AtomicU64]) -> Result<Self, String> {
        if words.len() < HEADER_WORDS {
            return Err(format!("it has {} words, expected at least {HEADER_WORDS}", words.len()));
        }
        let word = |index: usize| words[index].load(Ordering::Relaxed);
        if word(HEADER_WORDS - 1) != READY {
            return Err("it is not marked as ready".to_owned());
        }
        core::sync::atomic::fence(Ordering::Acquire);
        if word(0) != MAGIC {
            return Err(format!("its magic word is {:#x}, expected {MAGIC:#x}", word(0)));
        }
        if word(1) != VERSION {
            return Err(format!("its layout version is {:#x}, expected {VERSION:#x}", word(1)));
        }
        Ok(Header {
            fingerprint: Fingerprint::from_words([word(2), word(3)]),
            epoch: word(4),
            stamps: word(14) & STAMPS != 0,
            parameters: Parameters {
                message_size: word(5),
                message_align: word(6),
                depth: word(7),
                journal: word(8),
                schema: word(9),
                first_item: word(10),
                items: word(11),
                name_words: word(12),
                pooled: word(13),
            },
        })
    }
}
