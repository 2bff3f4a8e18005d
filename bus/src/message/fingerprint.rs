//! The 128-bit identity of a type's definition.
//!
//! Two programs that compute the same fingerprint agree on everything that decides how bytes are read: the
//! names of the type and its fields, their types, offsets, sizes and alignment, the values of enums, generic
//! arguments, array lengths, and the byte order. Documentation, visibility and the module in which the type
//! lives are left out. It detects accidents, not adversaries: anyone can construct a collision, and
//! everything that depends on a peer's data is checked besides.
//!
//! # The algorithm
//!
//! `LAYOUT.md`, at the root of the repository, publishes it with test vectors, so that other languages can
//! compute it. In short: words of 64 bits are mixed into a state of 128; names enter as the FNV-1a-128 of
//! their UTF-8 bytes, which the derive computes, so that the compiler only ever mixes words of a fixed width.

use core::fmt;

/// The 128-bit fingerprint of a type's definition; equal fingerprints mean the same type.
///
/// ```
/// use bus::message::{Fingerprint, Message};
///
/// assert_eq!(u32::FINGERPRINT, u32::FINGERPRINT);
/// assert_ne!(u32::FINGERPRINT, i32::FINGERPRINT);
/// assert_eq!(Fingerprint::from_words(u32::FINGERPRINT.to_words()), u32::FINGERPRINT);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// A fingerprint of the given bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The 128 bits.
    pub const fn to_bits(self) -> u128 {
        self.0
    }

    /// A fingerprint from its two halves, the low one first, as they stand in a segment's header.
    pub const fn from_words([low, high]: [u64; 2]) -> Self {
        Self(low as u128 | (high as u128) << 64)
    }

    /// The two halves, the low one first.
    pub const fn to_words(self) -> [u64; 2] {
        [self.0 as u64, (self.0 >> 64) as u64]
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::LowerHex for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// The byte order of this program, as it enters fingerprints and schemas.
pub(super) const NATIVE_BIG_ENDIAN: bool = cfg!(target_endian = "big");

/// The version of the algorithm, its first word.
const VERSION: u64 = 1;

/// 2¹²⁸ divided by the golden ratio, made odd: what the state is multiplied by after each word.
const MULTIPLIER: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

const FNV_OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const FNV_PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// One step of FNV-1a.
const fn absorb(state: u128, byte: u8) -> u128 {
    (state ^ byte as u128).wrapping_mul(FNV_PRIME)
}

/// FNV-1a-128 over the UTF-8 bytes of `text`.
pub(crate) const fn hash_text(text: &str) -> u128 {
    let bytes = text.as_bytes();
    let mut state = FNV_OFFSET;
    let mut index = 0;
    while index < bytes.len() {
        state = absorb(state, bytes[index]);
        index += 1;
    }
    state
}

/// The kinds of types, by their number in fingerprints and encoded schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum KindCode {
    Primitive = 0,
    Array = 1,
    Str = 2,
    Struct = 3,
    Enum = 4,
    Bytes = 5,
    List = 6,
    Map = 7,
    Union = 8,
}

/// The head of a type's definition: everything but what its kind adds.
pub(super) struct Head {
    pub(super) kind: KindCode,
    pub(super) big_endian: bool,
    /// Hash of the name.
    pub(super) name: u128,
    pub(super) size: u64,
    pub(super) align: u64,
    pub(super) arguments: usize,
}

/// A fingerprint in the making. A compile-time descriptor and a schema that arrived from elsewhere take the
/// same steps, so their fingerprints agree.
pub(super) struct Mixer(u128);

impl Mixer {
    /// Begins a type; its `arguments` follow.
    pub(super) const fn begin(head: Head) -> Self {
        Self(FNV_OFFSET)
            .number(VERSION)
            .number(head.kind as u64)
            .number(head.big_endian as u64)
            .wide(head.name)
            .number(head.size)
            .number(head.align)
            .number(head.arguments as u64)
    }

    /// A generic argument that is a type.
    pub(super) const fn type_argument(self, argument: Fingerprint) -> Self {
        self.number(0).wide(argument.0)
    }

    /// A generic argument that is a constant.
    pub(super) const fn value_argument(self, value: i128) -> Self {
        self.number(1).wide(value as u128)
    }

    /// The type that an array, a list or a map consists of, and how many of it.
    pub(super) const fn elements(self, element: Fingerprint, count: u64) -> Self {
        self.wide(element.0).number(count)
    }

    /// A word: how many fields or variants follow, or a capacity.
    pub(super) const fn number(self, word: u64) -> Self {
        let state = (self.0 ^ word as u128).wrapping_mul(MULTIPLIER);
        Self(state ^ state >> 64)
    }

    /// One field, with the hashes of its name and unit.
    pub(super) const fn field(self, name: u128, unit: u128, r#type: Fingerprint, offset: u64) -> Self {
        self.wide(name).wide(unit).wide(r#type.0).number(offset)
    }

    /// One variant of an enum, with the hash of its name; its `fields` follow.
    pub(super) const fn variant(self, name: u128, value: i128, fields: usize) -> Self {
        self.wide(name).wide(value as u128).number(fields as u64)
    }

    /// A number of 128 bits, or the hash of a text.
    pub(super) const fn wide(self, number: u128) -> Self {
        self.number(number as u64).number((number >> 64) as u64)
    }

    /// The fingerprint of all that was mixed in.
    pub(super) const fn finish(self) -> Fingerprint {
        Fingerprint(self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(dead_code, reason = "the types are described and not used")]

    use core::num::NonZero;

    use super::*;
    use crate::message::{FixedStr, Message, Schema};

    #[derive(bus_derive::Message)]
    #[repr(i8)]
    enum Side {
        Buy = 1,
        Sell = -1,
    }

    #[derive(bus_derive::Message)]
    #[repr(C)]
    struct Quote {
        bid: f64,
        size: u32,
        side: Side,
    }

    #[derive(bus_derive::Message)]
    #[repr(C)]
    struct Window<T, const N: usize> {
        values: [T; N],
    }

    /// Computed from LAYOUT.md by another program, in another language.
    #[test]
    #[cfg(target_endian = "little")]
    fn test_vectors() {
        for (fingerprint, expected) in [
            (u8::FINGERPRINT, 0x2e5728c5111103818c998372a19c5c74),
            (NonZero::<u32>::FINGERPRINT, 0x55611adf50be4de2681a4576799d64f8),
            (<[u16; 3]>::FINGERPRINT, 0x594cd687807bf7911bca86b3a57edffc),
            (FixedStr::<8>::FINGERPRINT, 0x173f647d06814d76a5d4e801fac1be37),
            (Side::FINGERPRINT, 0x76588993fb75a1b0d7a6232aa4744b30),
            (Quote::FINGERPRINT, 0xa86474c7356eb0ae69e4dc50c53680d0),
            (Window::<u16, 3>::FINGERPRINT, 0x928fef16be04f38296760a67eccdb008),
        ] {
            assert_eq!(fingerprint, Fingerprint::from_bits(expected));
        }
    }

    /// The vector for `a` is the one published with FNV; the others are from the same program as above.
    #[test]
    fn text_is_hashed_as_fnv_1a() {
        assert_eq!(hash_text(""), FNV_OFFSET);
        assert_eq!(hash_text("a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        assert_eq!(hash_text("größe"), 0x4ff7_d779_e74f_f78d_9f77_d772_6426_4aaa);
    }

    #[test]
    fn a_schema_computes_the_fingerprint_of_its_type() {
        assert_eq!(Schema::of::<u8>().fingerprint(), u8::FINGERPRINT);
        assert_eq!(Schema::of::<NonZero<u32>>().fingerprint(), NonZero::<u32>::FINGERPRINT);
        assert_eq!(Schema::of::<[[u16; 3]; 2]>().fingerprint(), <[[u16; 3]; 2]>::FINGERPRINT);
        assert_eq!(Schema::of::<FixedStr<8>>().fingerprint(), FixedStr::<8>::FINGERPRINT);
        assert_eq!(Schema::of::<Quote>().fingerprint(), Quote::FINGERPRINT);
        assert_eq!(Schema::of::<Window<Quote, 4>>().fingerprint(), Window::<Quote, 4>::FINGERPRINT);
    }

    #[test]
    fn words_and_digits_are_the_same_number() {
        let fingerprint = Fingerprint::from_words([0x0123, 0xab00_0000_0000_0000]);
        assert_eq!(fingerprint.to_words(), [0x0123, 0xab00_0000_0000_0000]);
        assert_eq!(fingerprint.to_string(), "ab000000000000000000000000000123");
        assert_eq!(format!("{fingerprint:x}"), fingerprint.to_string());
        assert_eq!(format!("{fingerprint:?}"), "Fingerprint(ab000000000000000000000000000123)");
    }
}
