//! Messages that are all value: no byte is padding, and any bits will do.
//!
//! Of such a type the whole is written in one piece, and nothing is ever refused, whatever it is made of. So one
//! piece of code implements them all, and asserts for each that its description says so.

use super::TypeDescriptor;

/// Implements `Message` for types with a description each.
///
/// What is `unsafe` about it is the caller's promise that each type owns and points to nothing, and is what is
/// described.
macro_rules! plain_messages {
    ($(unsafe $type:ty = $described:expr;)*) => {$(
        // SAFETY: Nothing is owned or pointed to, and the description is true, says who called the macro. By it no byte
        // is padding and any bits are a value, as `plain` asserts: so `write_whole` writes exactly its bytes.
        unsafe impl $crate::message::Message for $type {
            const TYPE: &'static $crate::message::TypeDescriptor = &$crate::message::plain::plain($described);

            #[inline]
            unsafe fn write_fields(&self, out: *mut u8) {
                // SAFETY: The caller promises that `out` is valid for writes of this size.
                unsafe { $crate::message::__private::write_whole(self, out) }
            }

            #[inline]
            fn validate(_: &[u8]) -> Result<(), $crate::message::Invalid> {
                Ok(())
            }
        }
    )*};
}

pub(crate) use plain_messages;

/// The same description, of a type whose parts leave nothing out and accept all bits.
pub(crate) const fn plain(described: TypeDescriptor) -> TypeDescriptor {
    assert!(described.padding_free() && described.any_bits(), "the fields are not the whole type");
    described
}
