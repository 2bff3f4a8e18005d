//! The messages that need no derive: numbers, `bool`, `char`, `NonZero`, options of that, and arrays.
//!
//! A primitive has no padding, so writing it is one copy of its bytes, and reading it needs a check only
//! where some bit patterns are no value. Received bytes are in the byte order of this machine: a peer of
//! another order has another fingerprint.

use core::num::NonZero;

use super::__private::{head, write_whole};
use super::plain::plain_messages;
use super::{Invalid, Message, Primitive, TypeDescriptor};

macro_rules! any_bits {
    ($($primitive:ty: $variant:ident),*) => {
        plain_messages! {
            $(unsafe $primitive = TypeDescriptor::primitive::<Self>(Primitive::$variant);)*
        }
    };
}

// SAFETY: A number owns and points to nothing, and its size is asserted. So is an option of a `NonZero`: the
// documentation of `Option` ("Representation") guarantees that it has the size and alignment of `NonZero` and
// that all zeroes are `None`; that of `NonZero`, that it has those of the number and that every other pattern is
// a value, here of `Some`.
any_bits! {
    u8: U8, u16: U16, u32: U32, u64: U64, u128: U128,
    i8: I8, i16: I16, i32: I32, i64: I64, i128: I128,
    f32: F32, f64: F64,
    Option<NonZero<u8>>: OptionNonZeroU8, Option<NonZero<u16>>: OptionNonZeroU16,
    Option<NonZero<u32>>: OptionNonZeroU32, Option<NonZero<u64>>: OptionNonZeroU64,
    Option<NonZero<u128>>: OptionNonZeroU128,
    Option<NonZero<i8>>: OptionNonZeroI8, Option<NonZero<i16>>: OptionNonZeroI16,
    Option<NonZero<i32>>: OptionNonZeroI32, Option<NonZero<i64>>: OptionNonZeroI64,
    Option<NonZero<i128>>: OptionNonZeroI128
}

macro_rules! non_zero {
    ($($primitive:ident $variant:ident),*) => {$(
        // SAFETY: As for the number itself, except that the bit pattern of zero is no value, and is refused.
        unsafe impl Message for NonZero<$primitive> {
            const TYPE: &'static TypeDescriptor = &TypeDescriptor::primitive::<Self>(Primitive::$variant);

            #[inline]
            unsafe fn write_fields(&self, out: *mut u8) {
                // SAFETY: The caller promises that `out` is valid for writes of this size.
                unsafe { write_whole(self, out) }
            }

            #[inline]
            fn validate(bytes: &[u8]) -> Result<(), Invalid> {
                match $primitive::from_ne_bytes(head(bytes)) {
                    0 => Err(Invalid::new("a value other than 0", 0)),
                    _ => Ok(()),
                }
            }
        }
    )*};
}

non_zero! {
    u8 NonZeroU8, u16 NonZeroU16, u32 NonZeroU32, u64 NonZeroU64, u128 NonZeroU128,
    i8 NonZeroI8, i16 NonZeroI16, i32 NonZeroI32, i64 NonZeroI64, i128 NonZeroI128
}

// SAFETY: A `bool` is one byte without padding, 0 or 1; all others are refused.
unsafe impl Message for bool {
    const TYPE: &'static TypeDescriptor = &TypeDescriptor::primitive::<Self>(Primitive::Bool);

    #[inline]
    unsafe fn write_fields(&self, out: *mut u8) {
        // SAFETY: The caller promises that `out` is valid for writes of one byte.
        unsafe { write_whole(self, out) }
    }

    #[inline]
    fn validate(bytes: &[u8]) -> Result<(), Invalid> {
        match bytes[0] {
            0 | 1 => Ok(()),
            other => Err(Invalid::new("0 or 1 (`bool`)", other)),
        }
    }
}

// SAFETY: A `char` has the layout of `u32` and no padding; what is not a Unicode scalar value is refused.
unsafe impl Message for char {
    const TYPE: &'static TypeDescriptor = &TypeDescriptor::primitive::<Self>(Primitive::Char);

    #[inline]
    unsafe fn write_fields(&self, out: *mut u8) {
        // SAFETY: The caller promises that `out` is valid for writes of four bytes.
        unsafe { write_whole(self, out) }
    }

    #[inline]
    fn validate(bytes: &[u8]) -> Result<(), Invalid> {
        let code = u32::from_ne_bytes(head(bytes));
        match char::from_u32(code) {
            Some(_) => Ok(()),
            None => Err(Invalid::new("a Unicode scalar value (`char`)", format_args!("{code:#x}"))),
        }
    }
}

// SAFETY: The elements of an array follow each other at multiples of their size, which is their stride, so
// that an array owns, pads and accepts exactly what its elements do. An array of none has no bytes to get
// wrong.
unsafe impl<T: Message, const N: usize> Message for [T; N] {
    const TYPE: &'static TypeDescriptor = &TypeDescriptor::array::<T, N>();

    #[inline]
    unsafe fn write_fields(&self, out: *mut u8) {
        if Self::PADDING_FREE {
            // SAFETY: No byte of this type is padding; `out` is valid for writes of this size, says the
            // caller.
            return unsafe { write_whole(self, out) };
        }
        for (index, element) in self.iter().enumerate() {
            // SAFETY: `index < N`, so the offset lies within the `N * size_of::<T>()` bytes behind `out`.
            let at = unsafe { out.add(index * size_of::<T>()) };
            // SAFETY: The bytes from `at` hold element `index`, so they are valid for writes of its size.
            unsafe { element.write_fields(at) };
        }
    }

    unsafe fn write_absent(out: *mut u8) {
        for index in 0..N {
            // SAFETY: as above.
            let at = unsafe { out.add(index * size_of::<T>()) };
            // SAFETY: as above.
            unsafe { T::write_absent(at) };
        }
    }

    #[inline]
    fn validate(bytes: &[u8]) -> Result<(), Invalid> {
        if !Self::ANY_BITS {
            for index in 0..N {
                let element = &bytes[index * size_of::<T>()..][..size_of::<T>()];
                T::validate(element).map_err(|invalid| invalid.within_index(index))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that `value` writes.
    fn written<T: Message, const N: usize>(value: &T) -> [u8; N] {
        assert_eq!(N, size_of::<T>());
        let mut bytes = [0xee; N];
        // SAFETY: `bytes` has as many bytes as the type.
        unsafe { value.write_fields(bytes.as_mut_ptr()) };
        bytes
    }

    macro_rules! options_are_numbers {
        ($($primitive:ident),*) => {$({
            type Of = Option<NonZero<$primitive>>;
            let name = concat!("Option<NonZero<", stringify!($primitive), ">>");
            assert_eq!((Of::TYPE.name(), Of::TYPE.size()), (name, size_of::<$primitive>()));
            assert_eq!(Of::TYPE.align(), align_of::<$primitive>());
            assert!(Of::ANY_BITS && Of::PADDING_FREE, "{name}");
            assert_ne!(Of::FINGERPRINT, <$primitive>::FINGERPRINT);
            assert_ne!(Of::FINGERPRINT, NonZero::<$primitive>::FINGERPRINT);
            for number in [0, 1, <$primitive>::MIN, <$primitive>::MAX] {
                assert_eq!(written(&NonZero::new(number)), number.to_ne_bytes());
                assert_eq!(Of::validate(&number.to_ne_bytes()), Ok(()));
            }
            let crate::message::Kind::Primitive(primitive) = Of::TYPE.kind() else { panic!("{name}") };
            assert_eq!(Primitive::from_code(primitive.code()), Some(*primitive));
        })*};
    }

    #[test]
    fn an_option_of_a_number_other_than_0_is_the_number() {
        options_are_numbers!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128);
        assert_eq!(Primitive::OptionNonZeroU8.code(), 25);
        assert_eq!(Primitive::OptionNonZeroI128.code(), 34);
    }
}
