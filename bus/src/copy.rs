//! Many words at once, into shared memory and out of it.
//!
//! What the language sees is a sequence of `Relaxed` loads or stores of 64-bit atomics, in no particular
//! order, and that is all that a slot's readers and writers rely on. A loop says just that, but no compiler
//! joins atomic accesses, so a loop moves eight bytes at a time. On x86-64 an assembly block moves sixteen.
//!
//! Why that is the same thing: a block of assembly may do whatever a sequence of operations of the language
//! could do. Shared memory is accessed here by `movdqa` at multiples of sixteen bytes, which processors with
//! AVX do in one piece (Intel SDM vol. 3A, "Guaranteed Atomic Operations"; AMD APM vol. 1, "Access
//! Atomicity"): so in particular each of its two words is loaded or stored whole. Processors without AVX
//! take the loop. Loads are not reordered with other loads, nor stores with other stores, on x86-64, so the
//! fences around a slot hold for these accesses as for any.

use crate::sync::{AtomicU64, Ordering};

/// Words of a 64-byte line.
pub(crate) const LINE_WORDS: usize = 8;

/// From so many words on, the assembly is worth its setting up.
#[cfg(all(target_arch = "x86_64", not(loom), not(miri), not(tsan)))]
const MANY: usize = 16;

/// Words that one turn of the assembly moves.
#[cfg(all(target_arch = "x86_64", not(loom), not(miri), not(tsan)))]
const TURN: usize = 8;

/// Copies all of `words` to `out`.
///
/// # Safety
/// `out` is valid for writes of as many words, aligned for them, and private.
#[inline(always)]
pub(crate) unsafe fn load(words: &[AtomicU64], out: *mut u64) {
    #[cfg(all(target_arch = "x86_64", not(loom), not(miri), not(tsan)))]
    if words.len() >= MANY && std::arch::is_x86_feature_detected!("avx") {
        // SAFETY: as this function's.
        return unsafe { load_many(words, out) };
    }
    // SAFETY: as this function's.
    unsafe { load_each(words, out) };
}

/// Copies bytes of `words`, beginning with byte `from`, as many as `out` has; there must be as many.
pub(crate) fn load_bytes(words: &[AtomicU64], from: usize, mut out: &mut [u8]) {
    let (mut index, within) = (from / 8, from % 8);
    if within != 0 {
        let bytes = words[index].load(Ordering::Relaxed).to_ne_bytes();
        let (head, rest) = out.split_at_mut(out.len().min(8 - within));
        head.copy_from_slice(&bytes[within..][..head.len()]);
        (out, index) = (rest, index + 1);
    }
    let words = &words[index..];
    let whole = out.len() / 8;
    let (body, tail) = out.split_at_mut(whole * 8);
    if body.as_ptr().addr().is_multiple_of(align_of::<u64>()) {
        // SAFETY: `body` is as many words long, aligned for them as was just asked, and borrowed alone.
        unsafe { load(&words[..whole], body.as_mut_ptr().cast()) };
    } else {
        for (bytes, word) in body.chunks_exact_mut(8).zip(&words[..whole]) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
    }
    if !tail.is_empty() {
        let bytes = words[whole].load(Ordering::Relaxed).to_ne_bytes();
        tail.copy_from_slice(&bytes[..tail.len()]);
    }
}

/// Copies as many words as there are in `words` from `from`.
///
/// # Safety
/// `from` is valid for reads of as many words, at any alignment, all of them initialised, and private.
#[inline(always)]
pub(crate) unsafe fn store(from: *const u64, words: &[AtomicU64]) {
    #[cfg(all(target_arch = "x86_64", not(loom), not(miri), not(tsan)))]
    if words.len() >= MANY && std::arch::is_x86_feature_detected!("avx") {
        // SAFETY: as this function's.
        return unsafe { store_many(from, words) };
    }
    // SAFETY: as this function's.
    unsafe { store_each(from, words) };
}

/// Defines a hint to the cache about one word's line. Hints change nothing but when things happen.
macro_rules! hint {
    ($(#[$doc:meta])* $name:ident, $x86_64:literal, $aarch64:literal) => {
        $(#[$doc])*
        #[inline(always)]
        pub(crate) fn $name(word: &AtomicU64) {
            #[cfg(all(target_arch = "x86_64", not(loom), not(miri), not(tsan)))]
            // SAFETY: a prefetch reads and writes nothing, and a processor that has not this one does nothing.
            unsafe {
                core::arch::asm!($x86_64, in(reg) word, options(nostack, preserves_flags, readonly));
            }
            #[cfg(all(target_arch = "aarch64", not(loom), not(miri), not(tsan)))]
            // SAFETY: as above.
            unsafe {
                core::arch::asm!($aarch64, in(reg) word, options(nostack, preserves_flags, readonly));
            }
            #[cfg(any(loom, miri, tsan, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
            let _ = word;
        }
    };
}

hint! {
    /// Asks for the line of a word that is going to be loaded.
    expect_load, "prefetcht0 [{}]", "prfm pldl1keep, [{}]"
}

hint! {
    /// Asks for the line of a word that is going to be stored to, to have it alone.
    expect_store, "prefetchw [{}]", "prfm pstl1keep, [{}]"
}

/// # Safety
/// As [`load`].
#[inline(always)]
unsafe fn load_each(words: &[AtomicU64], out: *mut u64) {
    for (index, word) in words.iter().enumerate() {
        // SAFETY: `index` is less than the number of words that `out` is valid for.
        unsafe { out.add(index).write(word.load(Ordering::Relaxed)) };
    }
}

/// # Safety
/// As [`store`].
#[inline(always)]
unsafe fn store_each(from: *const u64, words: &[AtomicU64]) {
    for (index, word) in words.iter().enumerate() {
        // SAFETY: `index` is less than the number of words that `from` is valid for.
        word.store(unsafe { from.add(index).read_unaligned() }, Ordering::Relaxed);
    }
}

/// The first word if the second lies at a multiple of sixteen bytes, then whole turns, then the rest.
#[cfg(all(target_arch = "x86_64", not(loom), not(miri), not(tsan)))]
#[inline(always)]
fn split(words: &[AtomicU64]) -> (&[AtomicU64], &[AtomicU64], &[AtomicU64]) {
    let first = usize::from(!words.as_ptr().addr().is_multiple_of(16));
    let (first, rest) = words.split_at(first);
    let (turns, last) = rest.split_at(rest.len() / TURN * TURN);
    (first, turns, last)
}

/// Moves `$turns` times [`TURN`] words, loading and storing by these instructions.
#[cfg(all(target_arch = "x86_64", not(loom), not(miri), not(tsan)))]
macro_rules! move_turns {
    ($load:literal, $store:literal, $from:expr, $to:expr, $turns:expr) => {
        core::arch::asm!(
            "2:",
            concat!($load, " {a}, [{from}]"),
            concat!($load, " {b}, [{from} + 16]"),
            concat!($load, " {c}, [{from} + 32]"),
            concat!($load, " {d}, [{from} + 48]"),
            concat!($store, " [{to}], {a}"),
            concat!($store, " [{to} + 16], {b}"),
            concat!($store, " [{to} + 32], {c}"),
            concat!($store, " [{to} + 48], {d}"),
            "add {from}, 64",
            "add {to}, 64",
            "dec {turns}",
            "jnz 2b",
            from = inout(reg) $from => _,
            to = inout(reg) $to => _,
            turns = inout(reg) $turns => _,
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            c = out(xmm_reg) _,
            d = out(xmm_reg) _,
            options(nostack),
        )
    };
}

/// # Safety
/// As [`load`], and there are at least [`MANY`] words, and the processor has AVX.
#[cfg(all(target_arch = "x86_64", not(loom), not(miri), not(tsan)))]
unsafe fn load_many(words: &[AtomicU64], out: *mut u64) {
    let (first, turns, last) = split(words);
    // SAFETY: `out` is valid for all words, of which these are the first.
    unsafe { load_each(first, out) };
    // SAFETY: the block reads the words of `turns`, at multiples of sixteen bytes, and writes as many words
    // from `first.len()` on, for which `out` is valid. At least one turn is there, since there are `MANY`
    // words. It touches no other memory and not the stack. For the atomicity see this file's head.
    unsafe { move_turns!("movdqa", "movdqu", turns.as_ptr(), out.add(first.len()), turns.len() / TURN) };
    // SAFETY: `out` is valid for all words, of which these are the last.
    unsafe { load_each(last, out.add(first.len() + turns.len())) };
}

/// # Safety
/// As [`store`], and there are at least [`MANY`] words, and the processor has AVX.
#[cfg(all(target_arch = "x86_64", not(loom), not(miri), not(tsan)))]
unsafe fn store_many(from: *const u64, words: &[AtomicU64]) {
    let (first, turns, last) = split(words);
    // SAFETY: `from` is valid for all words, of which these are the first.
    unsafe { store_each(from, first) };
    // SAFETY: the block writes the words of `turns`, at multiples of sixteen bytes, and reads as many words
    // from `first.len()` on, for which `from` is valid. At least one turn is there, since there are `MANY`
    // words. It touches no other memory and not the stack. For the atomicity see this file's head.
    unsafe { move_turns!("movdqu", "movdqa", from.add(first.len()), turns.as_ptr(), turns.len() / TURN) };
    // SAFETY: `from` is valid for all words, of which these are the last.
    unsafe { store_each(from.add(first.len() + turns.len()), last) };
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_bytes_are_copied() {
        let bytes: Vec<u8> = (0..=255).collect();
        let word = |chunk: &[u8]| AtomicU64::new(u64::from_ne_bytes(chunk.try_into().unwrap()));
        let words: Vec<AtomicU64> = bytes.chunks_exact(8).map(word).collect();
        for from in 0..24 {
            for len in 0..=bytes.len() - from {
                for shift in [0, 1] {
                    let mut out = vec![7; len + 2];
                    load_bytes(&words, from, &mut out[shift..][..len]);
                    assert_eq!(out[shift..][..len], bytes[from..][..len]);
                    assert!(out[..shift].iter().chain(&out[shift + len..]).all(|&byte| byte == 7));
                }
            }
        }
    }

    /// Every length around the turns, at both alignments, with words beside that must stay as they are.
    #[test]
    fn exactly_the_words_are_copied() {
        for len in (0..70).chain([512, 1023, 8192]) {
            for shift in [0, 1] {
                let from: Vec<u64> = (1..=len as u64).map(|value| value * 0x0101_0101_0101).collect();
                let shared: Vec<AtomicU64> = (0..len + 3).map(|_| AtomicU64::new(7)).collect();
                // SAFETY: `from` has `len` initialised words.
                unsafe { store(from.as_ptr(), &shared[shift..shift + len]) };
                let all: Vec<u64> = shared.iter().map(|word| word.load(Ordering::Relaxed)).collect();
                assert_eq!(all[..shift], [7; 2][..shift]);
                assert_eq!(all[shift..shift + len], from);
                assert!(all[shift + len..].iter().all(|&word| word == 7));
                let mut back = vec![9; len + 1];
                // SAFETY: `back` has room for `len` words.
                unsafe { load(&shared[shift..shift + len], back.as_mut_ptr()) };
                assert_eq!(back[..len], from);
                assert_eq!(back[len], 9);
            }
        }
    }
}
