//! Bytes inside a message: a digest, a datagram, a key.
//!
//! A `Vec<u8>` is a pointer to the heap of one process. [`FixedBytes<N>`] keeps up to `N` bytes in place:
//!
//! ```text
//!    ┌───────────────┬──────────────────────────┬─────────────┐
//!    │ len: 2 bytes  │ len bytes                │ zeroes      │    align 1, no padding
//!    │ little endian │                          │             │
//!    └───────────────┴──────────────────────────┴─────────────┘
//! ```
//!
//! The methods here keep the tail zero, so that nothing of a longer content stays behind for a peer to read.
//! The length, which a peer may have written, is clamped wherever it is used: nothing here can panic or read out
//! of bounds because of what the bytes are.

use core::borrow::{Borrow, BorrowMut};
use core::cmp::Ordering;
use core::hash::{Hash, Hasher};
use core::iter::Take;
use core::ops::{Deref, DerefMut};
use core::{array, fmt, slice};
use std::io;

use bytemuck::{CheckedBitPattern, NoUninit, Zeroable};

use super::__private::{head, write_whole};
use super::overflow::{Container, TooLong};
use super::{FixedBits, Invalid, Message, Name, TypeDescriptor};

/// Bytes before the content.
const LEN_BYTES: usize = 2;

/// Up to `N` bytes, stored in place; `N` is at most 65535.
///
/// It behaves like a `[u8]`: it dereferences to one, and compares and hashes as one.
///
/// ```
/// use bus::message::FixedBytes;
///
/// let mut packet: FixedBytes<8> = b"head".into();
/// packet.extend_from_slice(&[1, 2])?;
/// assert_eq!(packet, b"head\x01\x02");
/// assert!(packet.extend_from_slice(&[3, 4, 5]).is_err(), "eight bytes hold no nine");
/// packet.truncate(4);
/// assert_eq!(packet.first(), Some(&b'h'));
/// # Ok::<(), bus::message::TooLong>(())
/// ```
///
/// An array that is too long is refused when the program is built:
///
/// ```compile_fail,E0080
/// let packet = bus::message::FixedBytes::<2>::from(b"head");
/// ```
#[derive(Clone, Copy)]
#[repr(C)]
pub struct FixedBytes<const N: usize> {
    /// How many bytes there are, little endian; at most `N`, unless a peer wrote it.
    len: [u8; LEN_BYTES],
    /// The content, then zeroes.
    bytes: [u8; N],
}

impl<const N: usize> FixedBytes<N> {
    /// No bytes.
    pub const fn new() -> Self {
        const { assert!(N <= u16::MAX as usize, "a FixedBytes holds at most 65535 bytes") };
        Self { len: [0; LEN_BYTES], bytes: [0; N] }
    }

    /// As much of the beginning of `bytes` as fits.
    pub fn truncated(bytes: &[u8]) -> Self {
        let mut fixed = Self::new();
        fixed.put(&bytes[..bytes.len().min(N)]);
        fixed
    }

    /// How many bytes it holds.
    pub const fn len(&self) -> usize {
        let len = u16::from_le_bytes(self.len) as usize;
        if len < N { len } else { N }
    }

    /// Whether it holds no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it has no room for another byte.
    pub const fn is_full(&self) -> bool {
        self.len() == N
    }

    /// How many bytes it can hold: `N`.
    pub const fn capacity(&self) -> usize {
        N
    }

    /// For how many more bytes it has room.
    pub const fn remaining_capacity(&self) -> usize {
        N - self.len()
    }

    /// The bytes.
    pub const fn as_slice(&self) -> &[u8] {
        self.bytes.split_at(self.len()).0
    }

    /// The bytes, to be changed in place.
    pub const fn as_mut_slice(&mut self) -> &mut [u8] {
        let len = self.len();
        self.bytes.split_at_mut(len).0
    }

    /// Appends one byte.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if it does not fit; the value is then unchanged.
    pub fn push(&mut self, byte: u8) -> Result<(), TooLong> {
        self.extend_from_slice(&[byte])
    }

    /// Removes the last byte and returns it; `None` if there is none.
    pub fn pop(&mut self) -> Option<u8> {
        let byte = *self.as_slice().last()?;
        self.truncate(self.len() - 1);
        Some(byte)
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if the whole does not fit; the value is then unchanged.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if bytes.len() > self.remaining_capacity() {
            return Err(TooLong::new(Container::Bytes, self.len().saturating_add(bytes.len()), N));
        }
        self.put(bytes);
        Ok(())
    }

    /// Makes it `len` bytes long: cuts it, or appends copies of `byte`.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if `len` is more than `N`; the value is then unchanged.
    pub fn resize(&mut self, len: usize, byte: u8) -> Result<(), TooLong> {
        let before = self.len();
        if len > N {
            return Err(TooLong::new(Container::Bytes, len, N));
        }
        if len > before {
            self.bytes[before..len].fill(byte);
            self.set_len(len);
        } else {
            self.truncate(len);
        }
        Ok(())
    }

    /// Keeps the first `len` bytes; does nothing if there are no more.
    pub fn truncate(&mut self, len: usize) {
        let before = self.len();
        if len < before {
            self.bytes[len..before].fill(0);
            self.set_len(len);
        }
    }

    /// Removes all bytes.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Appends `bytes`, for which there must be room.
    fn put(&mut self, bytes: &[u8]) {
        let at = self.len();
        self.bytes[at..][..bytes.len()].copy_from_slice(bytes);
        self.set_len(at + bytes.len());
    }

    fn set_len(&mut self, len: usize) {
        const { assert!(N <= u16::MAX as usize, "a FixedBytes holds at most 65535 bytes") };
        debug_assert!(len <= N);
        self.len = (len as u16).to_le_bytes();
    }
}

// SAFETY: Two arrays of bytes in `repr(C)`: nothing owned, nothing pointed to, align 1 and so no padding,
// which is the layout that `TypeDescriptor::bytes` describes. Every bit pattern can be accessed; `validate`
// refuses a length beyond the capacity, which the methods never build.
unsafe impl<const N: usize> Message for FixedBytes<N> {
    const TYPE: &'static TypeDescriptor = {
        assert!(N <= u16::MAX as usize, "a FixedBytes holds at most 65535 bytes");
        &TypeDescriptor::bytes::<Self>(Name::new("FixedBytes"), N)
    };

    #[inline]
    unsafe fn write_fields(&self, out: *mut u8) {
        // SAFETY: The caller promises that `out` is valid for writes of this size.
        unsafe { write_whole(self, out) }
    }

    #[inline]
    fn validate(bytes: &[u8]) -> Result<(), Invalid> {
        let len = usize::from(u16::from_le_bytes(head(bytes)));
        if len <= N {
            return Ok(());
        }
        Err(Invalid::new(format_args!("a length of at most {N} (`{}`)", Container::Bytes.of(N)), len))
    }
}

// SAFETY: Two arrays of bytes in `repr(C)`: align 1, hence no padding.
unsafe impl<const N: usize> NoUninit for FixedBytes<N> {}

// SAFETY: Zeroes are no bytes.
unsafe impl<const N: usize> Zeroable for FixedBytes<N> {}

// SAFETY: `FixedBits` has the same two arrays in the same layout and accepts all bits; no bits are an invalid
// `FixedBytes` for the compiler, and a length beyond the capacity is refused.
unsafe impl<const N: usize> CheckedBitPattern for FixedBytes<N> {
    type Bits = FixedBits<N>;

    fn is_valid_bit_pattern(bits: &Self::Bits) -> bool {
        Self::validate(bytemuck::bytes_of(bits)).is_ok()
    }
}

impl<const N: usize> TryFrom<&[u8]> for FixedBytes<N> {
    type Error = TooLong;

    fn try_from(bytes: &[u8]) -> Result<Self, TooLong> {
        let mut fixed = Self::new();
        fixed.extend_from_slice(bytes)?;
        Ok(fixed)
    }
}

/// Does not compile if `M` is more than `N`.
impl<const N: usize, const M: usize> From<[u8; M]> for FixedBytes<N> {
    fn from(bytes: [u8; M]) -> Self {
        Self::from(&bytes)
    }
}

/// Does not compile if `M` is more than `N`.
impl<const N: usize, const M: usize> From<&[u8; M]> for FixedBytes<N> {
    fn from(bytes: &[u8; M]) -> Self {
        const { assert!(M <= N, "the array has more bytes than the FixedBytes has room for") };
        let mut fixed = Self::new();
        fixed.put(bytes);
        fixed
    }
}

/// Appends as much as fits; `write_all` appends all or nothing, and its error names the capacity.
impl<const N: usize> io::Write for FixedBytes<N> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fits = bytes.len().min(self.remaining_capacity());
        self.put(&bytes[..fits]);
        Ok(fits)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.extend_from_slice(bytes).map_err(|error| io::Error::new(io::ErrorKind::WriteZero, error))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<const N: usize> Default for FixedBytes<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Deref for FixedBytes<N> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl<const N: usize> DerefMut for FixedBytes<N> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.as_mut_slice()
    }
}

impl<const N: usize> AsRef<[u8]> for FixedBytes<N> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl<const N: usize> AsMut<[u8]> for FixedBytes<N> {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl<const N: usize> Borrow<[u8]> for FixedBytes<N> {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl<const N: usize> BorrowMut<[u8]> for FixedBytes<N> {
    fn borrow_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl<const N: usize> fmt::Debug for FixedBytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_slice(), f)
    }
}

impl<const N: usize> IntoIterator for FixedBytes<N> {
    type Item = u8;
    type IntoIter = Take<array::IntoIter<u8, N>>;

    fn into_iter(self) -> Self::IntoIter {
        let len = self.len();
        self.bytes.into_iter().take(len)
    }
}

impl<'a, const N: usize> IntoIterator for &'a FixedBytes<N> {
    type Item = &'a u8;
    type IntoIter = slice::Iter<'a, u8>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, const N: usize> IntoIterator for &'a mut FixedBytes<N> {
    type Item = &'a mut u8;
    type IntoIter = slice::IterMut<'a, u8>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<const N: usize> PartialEq for FixedBytes<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<const N: usize> Eq for FixedBytes<N> {}

macro_rules! equals {
    ($([$($generics:tt)*] $other:ty),* $(,)?) => {$(
        impl<const N: usize, $($generics)*> PartialEq<$other> for FixedBytes<N> {
            fn eq(&self, other: &$other) -> bool {
                self.as_slice() == &other[..]
            }
        }

        impl<const N: usize, $($generics)*> PartialEq<FixedBytes<N>> for $other {
            fn eq(&self, other: &FixedBytes<N>) -> bool {
                &self[..] == other.as_slice()
            }
        }
    )*};
}

equals!([] [u8], [] &[u8], [const M: usize] [u8; M], [const M: usize] &[u8; M], [] Vec<u8>);

impl<const N: usize> PartialOrd for FixedBytes<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const N: usize> Ord for FixedBytes<N> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl<const N: usize> Hash for FixedBytes<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

#[cfg(test)]
#[path = "fixed_bytes_tests.rs"]
mod tests;
