//! The types that have no parts: what every description ends in.
//!
//! A tool that decodes a message without having its type needs to know how to read each leaf; the enum here
//! is that knowledge. The codes are part of the schema's binary form and never change their meaning.

use core::fmt;

macro_rules! primitives {
    ($($variant:ident = $code:literal, $name:literal, $size:literal, $any_bits:literal;)*) => {
        /// A type without parts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Primitive {
            $(#[doc = concat!("`", $name, "`.")] $variant,)*
        }

        impl Primitive {
            /// The name as it is written in Rust.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The size in bytes, the same on every machine.
            pub const fn size(self) -> usize {
                match self { $(Self::$variant => $size,)* }
            }

            /// Whether every bit pattern is a value.
            pub const fn any_bits(self) -> bool {
                match self { $(Self::$variant => $any_bits,)* }
            }

            /// The number of this primitive in an encoded schema.
            pub(super) const fn code(self) -> u8 {
                match self { $(Self::$variant => $code,)* }
            }

            /// The primitive of a number that [`code`](Self::code) gave.
            pub(super) const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

primitives! {
    U8 = 1, "u8", 1, true;
    U16 = 2, "u16", 2, true;
    U32 = 3, "u32", 4, true;
    U64 = 4, "u64", 8, true;
    U128 = 5, "u128", 16, true;
    I8 = 6, "i8", 1, true;
    I16 = 7, "i16", 2, true;
    I32 = 8, "i32", 4, true;
    I64 = 9, "i64", 8, true;
    I128 = 10, "i128", 16, true;
    F32 = 11, "f32", 4, true;
    F64 = 12, "f64", 8, true;
    Bool = 13, "bool", 1, false;
    Char = 14, "char", 4, false;
    NonZeroU8 = 15, "NonZero<u8>", 1, false;
    NonZeroU16 = 16, "NonZero<u16>", 2, false;
    NonZeroU32 = 17, "NonZero<u32>", 4, false;
    NonZeroU64 = 18, "NonZero<u64>", 8, false;
    NonZeroU128 = 19, "NonZero<u128>", 16, false;
    NonZeroI8 = 20, "NonZero<i8>", 1, false;
    NonZeroI16 = 21, "NonZero<i16>", 2, false;
    NonZeroI32 = 22, "NonZero<i32>", 4, false;
    NonZeroI64 = 23, "NonZero<i64>", 8, false;
    NonZeroI128 = 24, "NonZero<i128>", 16, false;
    OptionNonZeroU8 = 25, "Option<NonZero<u8>>", 1, true;
    OptionNonZeroU16 = 26, "Option<NonZero<u16>>", 2, true;
    OptionNonZeroU32 = 27, "Option<NonZero<u32>>", 4, true;
    OptionNonZeroU64 = 28, "Option<NonZero<u64>>", 8, true;
    OptionNonZeroU128 = 29, "Option<NonZero<u128>>", 16, true;
    OptionNonZeroI8 = 30, "Option<NonZero<i8>>", 1, true;
    OptionNonZeroI16 = 31, "Option<NonZero<i16>>", 2, true;
    OptionNonZeroI32 = 32, "Option<NonZero<i32>>", 4, true;
    OptionNonZeroI64 = 33, "Option<NonZero<i64>>", 8, true;
    OptionNonZeroI128 = 34, "Option<NonZero<i128>>", 16, true;
}

impl Primitive {
    /// The values that an enum of this representation can have; `None` if enums cannot have it.
    pub(super) const fn enum_range(self) -> Option<(i128, i128)> {
        match self {
            Self::U8 => Some((0, u8::MAX as i128)),
            Self::U16 => Some((0, u16::MAX as i128)),
            Self::U32 => Some((0, u32::MAX as i128)),
            Self::U64 => Some((0, u64::MAX as i128)),
            Self::I8 => Some((i8::MIN as i128, i8::MAX as i128)),
            Self::I16 => Some((i16::MIN as i128, i16::MAX as i128)),
            Self::I32 => Some((i32::MIN as i128, i32::MAX as i128)),
            Self::I64 => Some((i64::MIN as i128, i64::MAX as i128)),
            _ => None,
        }
    }
}

impl fmt::Display for Primitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
