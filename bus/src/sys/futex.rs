//! futex(2) on a word that processes share.
//!
//! Not `PRIVATE`, so that the kernel finds the sleepers of all processes by the page, not by the address.
//! Waiting works on memory mapped read-only, and so does waking.

use core::sync::atomic::AtomicU32;
use core::time::Duration;

use rustix::thread::futex;

use crate::bell::Futex;
use crate::sync::AtomicU64;
use crate::sys::time::timespec;

/// The kernel's futex on the low half of a shared word.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SharedFutex;

/// The half of `word` that holds the value's low 32 bits, which is where the kernel compares.
fn low_half(word: &AtomicU64) -> &AtomicU32 {
    let halves = core::ptr::from_ref(word).cast::<AtomicU32>();
    let index = if cfg!(target_endian = "little") { 0 } else { 1 };
    // SAFETY: an `AtomicU64` is eight bytes, so both halves are inside it, aligned to four and alive as
    // long as `word`. The reference is only handed to the kernel as an address: no Rust code accesses the
    // word at this size, so there is no mixed-size access.
    unsafe { &*halves.add(index) }
}

impl Futex for SharedFutex {
    fn wait(&self, word: &AtomicU64, seen: u32, bound: Duration) {
        // Woken, changed meanwhile, interrupted or timed out: the caller looks again in every case.
        let _ = futex::wait(low_half(word), futex::Flags::empty(), seen, Some(&timespec(bound)));
    }

    fn wake_all(&self, word: &AtomicU64) {
        // Fails only for an address that is not mapped, which a reference is.
        let _ = futex::wake(low_half(word), futex::Flags::empty(), i32::MAX as u32);
    }
}
