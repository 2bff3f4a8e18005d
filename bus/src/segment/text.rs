//! Bytes in shared words: names and schemas.

use crate::sync::{AtomicU64, Ordering};

/// Words that so many bytes need.
pub(crate) fn words_for(bytes: usize) -> usize {
    bytes.div_ceil(8)
}

/// Stores `bytes` into as many words as they need, the last one filled up with zeros.
///
/// # Panics
/// If there are fewer words.
pub(crate) fn store(bytes: &[u8], words: &[AtomicU64]) {
    let mut values = vec![0u64; words_for(bytes.len())];
    bytemuck::cast_slice_mut(&mut values)[..bytes.len()].copy_from_slice(bytes);
    for (word, value) in words[..values.len()].iter().zip(values) {
        word.store(value, Ordering::Relaxed);
    }
}

/// Copies `len` bytes out of as many words as they need.
///
/// # Panics
/// If there are fewer words.
pub(crate) fn load(words: &[AtomicU64], len: usize) -> Vec<u8> {
    let words = &words[..words_for(len)];
    let values: Vec<u64> = words.iter().map(|word| word.load(Ordering::Relaxed)).collect();
    bytemuck::cast_slice(&values)[..len].to_vec()
}
