//! Text inside a message.
//!
//! A `String` is a pointer to the heap of one process. [`FixedStr<N>`] keeps up to `N` bytes of UTF-8 in
//! place:
//!
//! ```text
//!    ┌───────────────┬──────────────────────────┬─────────────┐
//!    │ len: 2 bytes  │ len bytes of UTF-8       │ zeroes      │    align 1, no padding
//!    │ little endian │                          │             │
//!    └───────────────┴──────────────────────────┴─────────────┘
//! ```
//!
//! The methods here keep the tail zero, so that a shortened text leaves nothing of the longer one behind for
//! a peer to read.
//!
//! A value that was validated is what it says. A value seen in place, in memory that its writer may still
//! change, is only as good as that writer: hence every access clamps the length and checks the text again,
//! and yields the valid beginning of what it finds. Nothing here can panic or read out of bounds because of
//! what the bytes are.

use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;
use core::str::FromStr;

use bytemuck::{CheckedBitPattern, NoUninit, Zeroable};

use super::__private::{head, write_whole};
use super::overflow::{Container, TooLong};
use super::{FixedBits, Invalid, Message, Name, TypeDescriptor};

/// Bytes before the text.
const LEN_BYTES: usize = 2;

/// Up to `N` bytes of UTF-8 text, stored in place; `N` is at most 65535.
///
/// It behaves like a `str`: it dereferences to one, and compares, hashes and displays as one.
///
/// ```
/// use bus::message::FixedStr;
///
/// let mut name: FixedStr<8> = "axis".try_into()?;
/// name.push_str("-x")?;
/// assert_eq!(name, "axis-x");
/// assert!(name.push_str("yz!").is_err(), "eight bytes hold no nine");
/// assert_eq!(FixedStr::<4>::truncated("temperature"), "temp");
/// # Ok::<(), bus::message::TooLong>(())
/// ```
#[derive(Clone, Copy)]
#[repr(C)]
pub struct FixedStr<const N: usize> {
    /// How many bytes of text there are, little endian; at most `N`, unless a peer wrote it.
    len: [u8; LEN_BYTES],
    /// The text, then zeroes.
    bytes: [u8; N],
}

impl<const N: usize> FixedStr<N> {
    /// The empty text.
    pub const fn new() -> Self {
        const { assert!(N <= u16::MAX as usize, "a FixedStr holds at most 65535 bytes") };
        Self { len: [0; LEN_BYTES], bytes: [0; N] }
    }

    /// As much of the beginning of `text` as fits, cut between characters.
    pub fn truncated(text: &str) -> Self {
        let mut fixed = Self::new();
        fixed.put(&text[..text.floor_char_boundary(N)], 0);
        fixed
    }

    /// The text. If the bytes are corrupt, the longest valid beginning of it.
    pub fn as_str(&self) -> &str {
        let bytes = &self.bytes[..self.stored_len().min(N)];
        match str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        }
    }

    /// How many bytes of text it holds.
    pub fn len(&self) -> usize {
        self.as_str().len()
    }

    /// Whether it holds no text.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes of text it can hold: `N`.
    pub const fn capacity(&self) -> usize {
        N
    }

    /// Appends `text`.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if the whole does not fit; the value is then unchanged.
    pub fn push_str(&mut self, text: &str) -> Result<(), TooLong> {
        let len = self.len();
        match len.checked_add(text.len()) {
            Some(whole) if whole <= N => {
                self.put(text, len);
                Ok(())
            }
            whole => Err(TooLong::new(Container::Str, whole.unwrap_or(usize::MAX), N)),
        }
    }

    /// Appends one character.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if it does not fit; the value is then unchanged.
    pub fn push(&mut self, character: char) -> Result<(), TooLong> {
        self.push_str(character.encode_utf8(&mut [0; 4]))
    }

    /// Removes the last character and returns it; `None` if there is none.
    pub fn pop(&mut self) -> Option<char> {
        let character = self.as_str().chars().next_back()?;
        self.truncate(self.len() - character.len_utf8());
        Some(character)
    }

    /// Shortens the text to `len` bytes; does nothing if it has no more.
    ///
    /// # Panics
    ///
    /// If `len` lies inside of a character, as [`String::truncate`] does.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len() {
            assert!(self.is_char_boundary(len), "the text can be cut between characters only, not at {len}");
            self.put("", len);
        }
    }

    /// Removes all text.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Puts `text`, which must fit, at `at`; what follows it becomes zero.
    fn put(&mut self, text: &str, at: usize) {
        const { assert!(N <= u16::MAX as usize, "a FixedStr holds at most 65535 bytes") };
        let end = at + text.len();
        self.bytes[at..end].copy_from_slice(text.as_bytes());
        self.bytes[end..].fill(0);
        self.len = u16::try_from(end).expect("N is at most 65535").to_le_bytes();
    }

    /// The length as it is stored, which a peer may have written.
    fn stored_len(&self) -> usize {
        usize::from(u16::from_le_bytes(self.len))
    }
}

// SAFETY: Two arrays of bytes in `repr(C)`: nothing owned, nothing pointed to, align 1 and so no padding,
// which is the layout that `TypeDescriptor::string` describes. Every bit pattern can be accessed; `validate`
// refuses those that are no text, and accepts all that the methods build.
unsafe impl<const N: usize> Message for FixedStr<N> {
    const TYPE: &'static TypeDescriptor = {
        assert!(N <= u16::MAX as usize, "a FixedStr holds at most 65535 bytes");
        &TypeDescriptor::string::<Self>(Name::new("FixedStr"), N)
    };

    #[inline]
    unsafe fn write_fields(&self, out: *mut u8) {
        // SAFETY: The caller promises that `out` is valid for writes of this size.
        unsafe { write_whole(self, out) }
    }

    fn validate(bytes: &[u8]) -> Result<(), Invalid> {
        let len = usize::from(u16::from_le_bytes(head(bytes)));
        let Some(text) = bytes[LEN_BYTES..][..N].get(..len) else {
            return Err(Invalid::new(format_args!("a length of at most {N} (`FixedStr<{N}>`)"), len));
        };
        match str::from_utf8(text) {
            Ok(_) => Ok(()),
            Err(error) => {
                let at = error.valid_up_to();
                let found = format_args!("the byte {:#04x} at {at}", text[at]);
                Err(Invalid::new(format_args!("UTF-8 (`FixedStr<{N}>`)"), found))
            }
        }
    }
}

// SAFETY: Two arrays of bytes in `repr(C)`: align 1, hence no padding.
unsafe impl<const N: usize> NoUninit for FixedStr<N> {}

// SAFETY: Zeroes are the empty text.
unsafe impl<const N: usize> Zeroable for FixedStr<N> {}

// SAFETY: `FixedBits` has the same two arrays in the same layout and accepts all bits; no bits are an invalid
// `FixedStr` for the compiler, and those that are no text are refused.
unsafe impl<const N: usize> CheckedBitPattern for FixedStr<N> {
    type Bits = FixedBits<N>;

    fn is_valid_bit_pattern(bits: &Self::Bits) -> bool {
        Self::validate(bytemuck::bytes_of(bits)).is_ok()
    }
}

impl<const N: usize> TryFrom<&str> for FixedStr<N> {
    type Error = TooLong;

    fn try_from(text: &str) -> Result<Self, TooLong> {
        let mut fixed = Self::new();
        fixed.push_str(text)?;
        Ok(fixed)
    }
}

impl<const N: usize> FromStr for FixedStr<N> {
    type Err = TooLong;

    fn from_str(text: &str) -> Result<Self, TooLong> {
        text.try_into()
    }
}

impl<const N: usize> fmt::Write for FixedStr<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text).map_err(|_: TooLong| fmt::Error)
    }
}

impl<const N: usize> Default for FixedStr<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Deref for FixedStr<N> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl<const N: usize> AsRef<str> for FixedStr<N> {
    fn as_ref(&self) -> &str {
        self
    }
}

impl<const N: usize> AsRef<[u8]> for FixedStr<N> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl<const N: usize> Borrow<str> for FixedStr<N> {
    fn borrow(&self) -> &str {
        self
    }
}

impl<const N: usize> fmt::Display for FixedStr<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl<const N: usize> fmt::Debug for FixedStr<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const N: usize> PartialEq for FixedStr<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl<const N: usize> Eq for FixedStr<N> {}

impl<const N: usize> PartialEq<str> for FixedStr<N> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl<const N: usize> PartialEq<&str> for FixedStr<N> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl<const N: usize> PartialEq<FixedStr<N>> for str {
    fn eq(&self, other: &FixedStr<N>) -> bool {
        self == other.as_str()
    }
}

impl<const N: usize> PartialEq<FixedStr<N>> for &str {
    fn eq(&self, other: &FixedStr<N>) -> bool {
        *self == other.as_str()
    }
}

impl<const N: usize> PartialEq<String> for FixedStr<N> {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl<const N: usize> PartialOrd for FixedStr<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const N: usize> Ord for FixedStr<N> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl<const N: usize> Hash for FixedStr<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

#[cfg(test)]
#[path = "fixed_str_tests.rs"]
mod tests;
