//! The bytes of a text or of bytes, before anybody has looked at them.
//!
//! `bytemuck` checks a pattern of bits by way of a type that accepts them all; here it is.

use bytemuck::{Pod, Zeroable};

/// Any bytes in the place of a [`FixedStr<N>`](super::FixedStr) or a [`FixedBytes<N>`](super::FixedBytes): what
/// [`bytemuck::checked`] looks at before it calls them one.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct FixedBits<const N: usize> {
    len: [u8; 2],
    bytes: [u8; N],
}

// SAFETY: Two arrays of bytes, for which all zeroes are a value.
unsafe impl<const N: usize> Zeroable for FixedBits<N> {}

// SAFETY: Two arrays of bytes in `repr(C)`: align 1 and so no padding; any bits are a value.
unsafe impl<const N: usize> Pod for FixedBits<N> {}
