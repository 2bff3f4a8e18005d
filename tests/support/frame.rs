//! A large message that shows by itself whether it is whole.

use bus::Message;

const WORDS: usize = 2048;

/// 16 KiB that all follow from two numbers. Any bytes are one, and it has no padding, so that it can be built in place.
#[derive(Message, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Frame {
    words: [u64; WORDS],
}

impl core::fmt::Debug for Frame {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Frame({} … {})", self.words[0], self.words[WORDS - 1])
    }
}

impl Frame {
    /// Value `number` of `item`.
    pub(crate) fn new(item: u64, number: u64) -> Self {
        let mut frame = Frame { words: [0; WORDS] };
        frame.fill(item, number);
        frame
    }

    /// Becomes value `number` of `item`, from the last word to the first.
    pub(crate) fn fill(&mut self, item: u64, number: u64) {
        for (index, word) in self.words.iter_mut().enumerate().rev() {
            *word = word_of(item, number, index as u64);
        }
    }

    /// The item and the number, if the message is whole.
    ///
    /// # Panics
    /// If it is torn.
    #[track_caller]
    pub(crate) fn check(&self) -> (u64, u64) {
        let (item, number) = (self.words[0], self.words[WORDS - 1]);
        let torn = self.words.iter().enumerate().find(|&(index, &word)| {
            // Read now, whatever the compiler knows of it from before.
            core::hint::black_box(word) != word_of(item, number, index as u64)
        });
        assert_eq!(torn, None, "a torn value, between {number} of {item} and another");
        (item, number)
    }
}

fn word_of(item: u64, number: u64, index: u64) -> u64 {
    match index {
        0 => item,
        _ if index == WORDS as u64 - 1 => number,
        _ => number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ item << 48 ^ index,
    }
}
