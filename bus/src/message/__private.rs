//! What the expansion of `#[derive(Message)]` calls, so that the expansion itself stays short.
//!
//! Public because expansions live in other crates; not part of the interface.

use super::{Invalid, Message};

/// Writes all of `value` in one piece.
///
/// # Safety
///
/// `out` must be valid for writes of `size_of::<T>()` bytes that do not overlap `value`, and `T` must have no
/// padding: what the padding of `value` holds would become readable.
#[inline]
pub unsafe fn write_whole<T: Message>(value: &T, out: *mut u8) {
    debug_assert!(T::PADDING_FREE, "a type with padding is written field by field");
    let source: *const T = value;
    // SAFETY: `source` comes from a reference and the caller vouches for `out`; bytes need no alignment.
    unsafe { core::ptr::copy_nonoverlapping(source.cast::<u8>(), out, size_of::<T>()) }
}

/// Writes the field of a struct that lies at `offset` in it to its place behind `out`.
///
/// # Safety
///
/// `out` must be valid for writes of the whole struct, which must not overlap `field`.
#[inline]
pub unsafe fn write_field<T: Message>(field: &T, out: *mut u8, offset: usize) {
    // SAFETY: The field lies inside the struct, for all of which the caller vouches.
    let at = unsafe { out.add(offset) };
    // SAFETY: What lies at `at` is the field's own part of the struct, and so valid for writes of its size.
    unsafe { field.write_fields(at) }
}

/// Checks the field of type `T` that lies at `offset` in `bytes`.
///
/// # Errors
///
/// What the field's type says, with `name` put before its path.
#[inline]
pub fn validate_field<T: Message>(bytes: &[u8], offset: usize, name: &str) -> Result<(), Invalid> {
    if T::ANY_BITS {
        return Ok(());
    }
    T::validate(&bytes[offset..][..size_of::<T>()]).map_err(|invalid| invalid.within(name))
}

/// The first `N` bytes, for `from_ne_bytes`.
///
/// # Panics
///
/// If there are fewer.
#[inline]
pub fn head<const N: usize>(bytes: &[u8]) -> [u8; N] {
    *bytes.first_chunk().expect("as many bytes to validate as the type has")
}
