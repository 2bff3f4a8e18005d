//! Messages that show by themselves whether they are whole.

use bus::Message;

/// `WORDS` words that all follow from two numbers: a copy that is torn between two values cannot pass for one.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Words<const WORDS: usize> {
    words: [u64; WORDS],
}

/// 256 bytes: more than a line or two.
pub(crate) type Checked = Words<32>;
/// 64 bytes, where many are to be sent.
pub(crate) type Small = Words<8>;

impl<const WORDS: usize> Words<WORDS> {
    /// Value `number` of `item`.
    pub(crate) fn new(item: u64, number: u64) -> Self {
        let mut words = core::array::from_fn(|index| mix(item, number, index as u64));
        words[0] = item;
        words[WORDS - 1] = number;
        Words { words }
    }

    /// The item and the number, if the message is whole.
    ///
    /// # Panics
    /// If it is torn.
    #[track_caller]
    pub(crate) fn check(&self) -> (u64, u64) {
        let (item, number) = (self.words[0], self.words[WORDS - 1]);
        assert_eq!(*self, Words::new(item, number), "a torn value");
        (item, number)
    }
}

fn mix(item: u64, number: u64, index: u64) -> u64 {
    let mut word = item.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number.rotate_left(17) ^ (index << 56);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word ^ (word >> 27)
}
