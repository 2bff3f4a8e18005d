//! What may travel through shared memory, and how two programs agree on it.
//!
//! A [`Message`] is a type whose bytes mean the same in every process: no pointers, no hidden state, a layout
//! that the compiler is not free to choose. `#[derive(Message)]` proves this for a user's type and generates
//! four things:
//!
//! - a static [`TypeDescriptor`] with the names, types and offsets, and a [`Fingerprint`] computed from them
//!   at compile time, so that two programs compare sixteen bytes to know that they mean the same type;
//! - [`write_fields`](Message::write_fields), which copies a value without its padding: padding holds
//!   whatever the process had in that memory before, and a peer must not read it;
//! - [`validate`](Message::validate), which checks received bytes before they are called a value. A `bool` of
//!   2 is undefined behaviour the moment it exists, so the check is made on bytes and not on the type;
//! - from the descriptor, a [`Schema`]: the same description as owned data, which travels with the data and
//!   lets tools decode any message, and lets a mismatch be explained by a [`Difference`] instead of two
//!   hashes.
//!
//! ```text
//!    the user's type ──derive──► TypeDescriptor (static) ──────► Fingerprint (compile time)
//!                                      │ Schema::of                  ▲ the same function
//!                                      ▼                             │
//!                                    Schema ──encode──► bytes ──decode──► Schema (a peer's)
//!                                      └───────────── difference ───────────┘
//! ```
//!
//! # What a message can hold
//!
//! - the fixed-width integers, `f32`, `f64`, `bool` and `char`;
//! - [`NonZero`](core::num::NonZero) integers and `Option`s of them, where 0 is `None`;
//! - arrays, and types that derive [`Message`];
//! - what grows within a capacity: [`FixedStr`], [`FixedBytes`], [`FixedVec`] and [`FixedMap`], in place of `String`,
//!   `Vec<u8>`, `Vec` and `BTreeMap`;
//! - [`Maybe`], in place of `Option`;
//! - [`Stamp`](crate::Stamp) and [`Nanoseconds`], in place of `SystemTime` and `Duration`;
//! - [`PhantomData`](core::marker::PhantomData) of a message.
//!
//! # Types of other crates
//!
//! Features of this crate make messages of types whose own crate promises their layout:
//!
//! | feature | messages |
//! |---|---|
//! | `glam` | `Vec2` to `Vec4`, the same with `D`, `I` and `U`; `Quat`, `DQuat`; `Mat2` to `Mat4`, `DMat2` to `DMat4` |
//! | `half` | `f16`, `bf16` |
//! | `uuid` | `Uuid` |
//!
//! Not those of `glam` with padding, which holds whatever was there before: `Vec3A`, `Mat3A`, `Affine3A`, and on some
//! targets `Affine2`; nor its other affine transformations and its `BVec`s, of which no trait promises what their
//! bytes are. Send `Vec3`, `Mat3`, `Mat4` or `[bool; N]` instead. How `Vec4`, `Quat`, `Mat2` and `Mat4` are aligned
//! depends on `glam`'s own features, on which programs that share them must agree; if they do not, their messages
//! have different fingerprints.
//!
//! The feature `serde` goes the other way: the containers and times here implement `Serialize` and `Deserialize`.
//!
//! For any other type, **hold its parts**, and convert:
//!
//! ```
//! use std::net::Ipv4Addr;
//!
//! use bus::Message;
//!
//! /// A host. The layout of an `Ipv4Addr` is not documented, its octets are.
//! #[derive(Message, Clone, Copy)]
//! #[repr(C)]
//! struct Host {
//!     octets: [u8; 4],
//! }
//!
//! impl From<Ipv4Addr> for Host {
//!     fn from(address: Ipv4Addr) -> Self {
//!         Self { octets: address.octets() }
//!     }
//! }
//!
//! impl From<Host> for Ipv4Addr {
//!     fn from(host: Host) -> Self {
//!         host.octets.into()
//!     }
//! }
//! ```
//!
//! If its crate documents the layout, it can also be sent as it is, in a **newtype** for which `Message` is
//! implemented by hand. Then it is for you to promise what the trait asks; here `bytemuck::Pod` of the foreign type
//! stands for most of it:
//!
//! ```
//! use bus::Message;
//! use bus::message::{Declaration, FieldDescriptor, Invalid, Name, TypeDescriptor};
//! # mod colours {
//! #     #[derive(Clone, Copy)]
//! #     #[repr(C)]
//! #     pub struct Rgb { pub r: u8, pub g: u8, pub b: u8 }
//! #     unsafe impl bytemuck::Zeroable for Rgb {}
//! #     unsafe impl bytemuck::Pod for Rgb {}
//! # }
//!
//! /// A colour of the crate `colours`, which says that it is `repr(C)`.
//! #[derive(Clone, Copy)]
//! #[repr(transparent)]
//! struct Colour(colours::Rgb);
//!
//! // SAFETY: `Rgb` is `Pod`: it owns and points to nothing, no byte is padding, and any bits are a value. Its layout
//! // is described field by field.
//! unsafe impl Message for Colour {
//!     const TYPE: &'static TypeDescriptor = &TypeDescriptor::structure::<Self>(
//!         Declaration::new(Name::new("Colour")),
//!         const {
//!             &[
//!                 FieldDescriptor::of::<u8>(Name::new("r"), std::mem::offset_of!(colours::Rgb, r), ""),
//!                 FieldDescriptor::of::<u8>(Name::new("g"), std::mem::offset_of!(colours::Rgb, g), ""),
//!                 FieldDescriptor::of::<u8>(Name::new("b"), std::mem::offset_of!(colours::Rgb, b), ""),
//!             ]
//!         },
//!     );
//!
//!     unsafe fn write_fields(&self, out: *mut u8) {
//!         let bytes = bytemuck::bytes_of(&self.0);
//!         // SAFETY: The caller promises that `out` is valid for writes of so many bytes.
//!         unsafe { out.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
//!     }
//!
//!     fn validate(_: &[u8]) -> Result<(), Invalid> {
//!         Ok(())
//!     }
//! }
//!
//! assert!(Colour::ANY_BITS && Colour::PADDING_FREE);
//! ```
//!
//! # What may go wrong
//!
//! A descriptor that lies about its type, which is why the trait is `unsafe`; bytes from a hostile peer, which is
//! why every decoder in this module is bounded by its input and refuses what it does not know.

mod builtin;
mod conversion;
mod descriptor;
mod difference;
mod encoding;
mod field;
mod fingerprint;
mod fixed_bits;
mod fixed_bytes;
mod fixed_map;
mod fixed_str;
mod fixed_vec;
#[cfg(any(feature = "glam", feature = "half", feature = "uuid"))]
mod foreign;
mod invalid;
mod limits;
mod maybe;
mod nanoseconds;
mod overflow;
mod padding;
mod phantom;
pub(crate) mod plain;
mod primitive;
mod render;
mod rules;
mod schema;
mod schema_error;
#[cfg(feature = "serde")]
mod serde;
#[cfg(test)]
mod test_support;
mod value;

#[doc(hidden)]
pub mod __private;

pub(crate) use conversion::{Conversion, Unconvertible};
pub use descriptor::{
    Argument, Bounds, Declaration, FieldDescriptor, Kind, Name, TypeDescriptor, VariantDescriptor,
};
pub use difference::{Difference, Row};
pub use field::Field;
pub use fingerprint::Fingerprint;
pub(crate) use fingerprint::hash_text;
pub use fixed_bits::FixedBits;
pub use fixed_bytes::FixedBytes;
pub use fixed_map::{Entry, FixedMap};
pub use fixed_str::FixedStr;
pub use fixed_vec::FixedVec;
pub use invalid::Invalid;
pub use maybe::Maybe;
pub use nanoseconds::{Nanoseconds, OutOfRange};
pub use overflow::{Full, TooLong};
pub use primitive::Primitive;
pub use schema::{Schema, SchemaArgument, SchemaField, SchemaKind, SchemaType, SchemaVariant};
pub use schema_error::SchemaError;
pub use value::{Located, MAX_PARTS, MAX_WRITTEN, PartError, PathError, Value, ValueError};

/// A type whose values can be placed in memory that other processes read.
///
/// Derive it; an `unsafe impl` by hand is seldom needed:
///
/// ```
/// use bus::Message;
///
/// /// The best bid of one instrument.
/// #[derive(Message)]
/// #[repr(C)]
/// struct Quote {
///     bid: f64,
///     size: u32,
/// }
///
/// assert_eq!(Quote::TYPE.name(), "Quote");
/// assert!(Quote::ANY_BITS, "every bit pattern of an f64 and a u32 is a value");
/// assert!(!Quote::PADDING_FREE, "four bytes of padding follow `size`");
/// ```
///
/// Implemented for what [the module](self#what-a-message-can-hold) lists. Not for `usize` and `isize`, whose width
/// differs between programs, nor for anything that holds an address.
///
/// # Safety
///
/// Safe code of the bus turns bytes written by another process into `Self`, and hands the bytes of `Self` to
/// other processes. An implementation promises that
///
/// - `Self` owns nothing and points to nothing: no `Drop`, no pointer or reference, no interior mutability,
///   so a bitwise copy of a value is a value, wherever it lies;
/// - [`TYPE`](Self::TYPE) describes the layout of `Self` as the compiler lays it out;
/// - if [`ANY_BITS`](Self::ANY_BITS) holds, every `size_of::<Self>()` initialised bytes are a valid `Self`;
/// - if [`PADDING_FREE`](Self::PADDING_FREE) holds, no byte of any `Self` is padding (uninitialised);
/// - [`write_fields`](Self::write_fields) initialises every byte that is not padding and writes no other;
/// - [`write_absent`](Self::write_absent) writes values of the fields that it writes;
/// - [`validate`](Self::validate) returns `Ok` for `size_of::<Self>()` bytes only if they are a valid `Self`,
///   and does return `Ok` for what `write_fields` wrote over zeroes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message: it cannot be placed in shared memory",
    label = "does not implement `Message`",
    note = "for your own type, add `#[derive(Message)]` and `#[repr(C)]` (enums: `#[repr(u8)]`) \
            to its definition",
    note = "for a type of another crate, hold its parts: fixed-width numbers, `bool`, `char`, arrays, \
            `FixedStr<N>` for text"
)]
pub unsafe trait Message: Sized + Send + Sync + 'static {
    /// The description of this type, built at compile time.
    const TYPE: &'static TypeDescriptor;

    /// What two programs compare to know that they mean the same type.
    const FINGERPRINT: Fingerprint = Self::TYPE.fingerprint();

    /// Whether every bit pattern is a value, so that validation costs nothing.
    const ANY_BITS: bool = Self::TYPE.any_bits();

    /// Whether no byte of the type is padding, so that a value can be copied in one piece.
    const PADDING_FREE: bool = Self::TYPE.padding_free();

    /// Writes every byte of `self` that is not padding to `out`, at its offset, and leaves padding bytes
    /// alone.
    ///
    /// The caller zeroes the memory first, or padding shows what was there before.
    ///
    /// # Safety
    ///
    /// `out` must be valid for writes of `size_of::<Self>()` bytes, which must not overlap `self`. No
    /// alignment is needed.
    unsafe fn write_fields(&self, out: *mut u8);

    /// Writes to `out` what the fields that were added in later versions have where a value comes from a program
    /// that did not know them: their `default`s. Leaves all other bytes alone.
    ///
    /// A type without such fields, in itself and in what it consists of, writes nothing. A list writes those of every
    /// element that it has room for, since it is not known how many there will be; the others are cleared later.
    ///
    /// # Safety
    ///
    /// `out` must be valid for writes of `size_of::<Self>()` bytes. No alignment is needed.
    unsafe fn write_absent(out: *mut u8) {
        let _ = out;
    }

    /// Checks that `bytes` are a valid value of this type; the error names the field that is not.
    ///
    /// `bytes` are `size_of::<Self>()` bytes at any alignment. With another length the answer means nothing.
    ///
    /// # Errors
    ///
    /// [`Invalid`] with the path, what was found and what was expected.
    ///
    /// # Panics
    ///
    /// May panic if `bytes` are fewer than `size_of::<Self>()`.
    fn validate(bytes: &[u8]) -> Result<(), Invalid>;
}
