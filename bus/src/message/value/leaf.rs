//! The leaves of a message: how the bits of each primitive are read and written.
//!
//! All of them are at most sixteen bytes, so they pass through one `u128`, whatever the byte order.

use crate::message::Primitive;

/// What the bits of a primitive mean.
#[derive(Clone, Copy)]
pub(super) struct Leaf {
    pub(super) form: Form,
    /// Whether it cannot be zero.
    pub(super) non_zero: bool,
    /// Whether zero means `None`; only where `non_zero`.
    pub(super) optional: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Unsigned,
    Signed,
    F32,
    F64,
    Bool,
    Char,
}

impl Leaf {
    /// The name of a primitive is what Rust calls it, and says all: `Option<NonZero<u8>>`.
    pub(super) fn of(primitive: Primitive) -> Self {
        let name = primitive.name();
        let strip = |name: &'static str, around| {
            name.strip_prefix(around)
                .and_then(|name: &str| name.strip_suffix('>'))
                .map_or((name, false), |of| (of, true))
        };
        let (name, optional) = strip(name, "Option<");
        let (name, non_zero) = strip(name, "NonZero<");
        let form = match name {
            "f32" => Form::F32,
            "f64" => Form::F64,
            "bool" => Form::Bool,
            "char" => Form::Char,
            _ if name.starts_with('i') => Form::Signed,
            _ => Form::Unsigned,
        };
        Self { form, non_zero, optional }
    }
}

/// The least and the most of an integer of `size` bytes; the most of an unsigned one of sixteen is more.
pub(super) fn signed_range(size: usize) -> (i128, i128) {
    let most = i128::MAX >> (128 - 8 * size.clamp(1, 16));
    (-most - 1, most)
}

/// The most of an unsigned integer of `size` bytes.
pub(super) fn unsigned_most(size: usize) -> u128 {
    u128::MAX >> (128 - 8 * size.clamp(1, 16))
}

/// The bits of a number; of more than sixteen bytes, the first sixteen.
pub(super) fn load(bytes: &[u8], big_endian: bool) -> u128 {
    let push = |bits: u128, byte: &u8| bits << 8 | u128::from(*byte);
    let bytes = &bytes[..bytes.len().min(16)];
    if big_endian { bytes.iter().fold(0, push) } else { bytes.iter().rev().fold(0, push) }
}

/// The bits of a number with its sign.
pub(super) fn load_signed(bytes: &[u8], big_endian: bool) -> i128 {
    let unused = 128 - 8 * bytes.len().clamp(1, 16) as u32;
    (load(bytes, big_endian) << unused) as i128 >> unused
}

/// Puts the lowest bits, as many as `out` has.
pub(super) fn store(out: &mut [u8], bits: u128, big_endian: bool) {
    let (size, bytes) = (out.len().min(16), bits.to_le_bytes());
    for (index, byte) in bytes[..size].iter().enumerate() {
        out[if big_endian { size - 1 - index } else { index }] = *byte;
    }
}
