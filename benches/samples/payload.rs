//! What is sent: words, and what both sides do with them.

use bus::Message;

/// Bytes of the small and of the large payload.
pub(crate) const SMALL: usize = 64;
pub(crate) const LARGE: usize = 1 << 20;

/// A payload of `N` words.
#[derive(Message)]
#[repr(C, align(64))]
pub(crate) struct Payload<const N: usize> {
    pub(crate) words: [u64; N],
}

pub(crate) type Small = Payload<{ SMALL / 8 }>;
pub(crate) type Large = Payload<{ LARGE / 8 }>;

/// A private payload to copy from.
pub(crate) struct Source(Vec<u64>);

impl Source {
    pub(crate) fn new() -> Self {
        Source((0..LARGE as u64 / 8).collect())
    }

    /// Its words, for message `number`.
    pub(crate) fn words(&mut self, number: u64) -> &[u64] {
        let last = self.0.len() - 1;
        (self.0[0], self.0[last]) = (number, number);
        &self.0
    }
}

/// Reads every word of a copy of what was sent as `number`.
pub(crate) fn check(words: &[u64], number: u64) {
    let sum = words.iter().fold(0_u64, |sum, &word| sum.wrapping_add(word));
    let last = words.len() as u64 - 1;
    // What is between the first and the last word counts up.
    let between = last * (last - 1) / 2;
    assert_eq!(sum, between.wrapping_add(number.wrapping_mul(2)), "a payload arrived torn");
}
