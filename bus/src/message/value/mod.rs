//! Messages without their type: what a tool holds that knows a message by its schema alone.
//!
//! A command line that pokes a value, a spy and a recorder have no Rust type to decode into. They have a
//! [`Schema`](super::Schema), which came with the data, and bytes:
//!
//! ```text
//!                       read                        to_json
//!    bytes of a message ────► Value, a tree ─────────────────► JSON     (feature `json`)
//!                       ◄────               ◄─────────────────
//!                       write                  value_from_json
//! ```
//!
//! [`locate`](super::Schema::locate) finds a part by its path, [`read_part`](super::Schema::read_part) and
//! [`set`](super::Schema::set) read and change one part in place.
//!
//! What may go wrong: the schema and the bytes come from a peer, who may be hostile. The depth of every
//! recursion is bounded by that of a schema (64); [`MAX_PARTS`] bounds the tree, whatever the schema says;
//! no slice leaves the bytes, since a schema's rules place every part inside its whole. What a schema cannot
//! say is not checked: a condition that a program's own function decides.

mod decode;
mod display;
mod encode;
mod error;
#[cfg(feature = "json")]
mod json;
mod leaf;
mod order;
mod path;
#[cfg(feature = "json")]
mod schema_json;

pub use decode::MAX_PARTS;
pub use encode::MAX_WRITTEN;
pub use error::{PartError, PathError, ValueError};
pub use path::Located;

use super::FixedStr;

/// A value of any message type, as a tree.
///
/// A struct does not name its type; its [`Schema`](super::Schema) does.
///
/// ```
/// use bus::Message;
/// use bus::message::{Schema, Value};
///
/// let schema = Schema::of::<[f32; 2]>();
/// let value = Value::from(vec![Value::from(0.1_f32), Value::from(7)]);
/// let bytes = schema.write(&value)?;
/// assert_eq!(schema.read(&bytes)?.to_string(), "[0.1, 7.0]");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A `bool`.
    Bool(bool),
    /// An integer, of any width, up to `i128::MAX`.
    Integer(i128),
    /// An integer that is larger than `i128::MAX`; smaller ones are an [`Integer`](Self::Integer).
    Unsigned(u128),
    /// An `f32`, told apart from `f64` so that 0.1 prints as 0.1.
    F32(f32),
    /// An `f64`.
    Float(f64),
    /// A `char`.
    Char(char),
    /// Text.
    Text(String),
    /// Inline bytes.
    Bytes(Vec<u8>),
    /// The elements of an array or a list.
    List(Vec<Value>),
    /// Keys and values, in the order of the keys when read from a message, in any order to be written.
    Map(Vec<(Value, Value)>),
    /// Fields with their names, in the order of their declaration; those of a tuple struct are `0`, `1`, ….
    Struct(Vec<(String, Value)>),
    /// One variant of an enum.
    Variant {
        /// The variant's name.
        name: String,
        /// Its fields as in a struct; none for a plain one.
        fields: Vec<(String, Value)>,
    },
    /// `None`, of an optional number.
    Absent,
    /// The bytes of a union, of which nothing says what they mean.
    Raw(Vec<u8>),
}

impl Value {
    /// A variant without fields.
    pub fn unit_variant(name: impl Into<String>) -> Self {
        Self::Variant { name: name.into(), fields: Vec::new() }
    }

    /// The `bool`, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if it is one up to `i128::MAX`.
    pub fn as_i128(&self) -> Option<i128> {
        match self {
            Self::Integer(value) => Some(*value),
            Self::Unsigned(value) => i128::try_from(*value).ok(),
            _ => None,
        }
    }

    /// The integer, if it is one and not negative.
    pub fn as_u128(&self) -> Option<u128> {
        match self {
            Self::Integer(value) => u128::try_from(*value).ok(),
            Self::Unsigned(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if it is one and fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_i128().and_then(|value| value.try_into().ok())
    }

    /// The integer, if it is one and fits.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_u128().and_then(|value| value.try_into().ok())
    }

    /// The number, if it is one; an integer beyond 2⁵³ is rounded.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::F32(value) => Some(f64::from(*value)),
            Self::Float(value) => Some(*value),
            Self::Integer(value) => Some(*value as f64),
            Self::Unsigned(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// The `char`, if it is one.
    pub fn as_char(&self) -> Option<char> {
        match self {
            Self::Char(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes, if it is inline bytes or those of a union.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) | Self::Raw(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The elements, if it is an array or a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// The entries, if it is a map.
    pub fn as_map(&self) -> Option<&[(Value, Value)]> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The fields, if it is a struct or a variant.
    pub fn fields(&self) -> Option<&[(String, Value)]> {
        match self {
            Self::Struct(fields) | Self::Variant { fields, .. } => Some(fields),
            _ => None,
        }
    }

    /// The name of the variant, if it is one.
    pub fn variant(&self) -> Option<&str> {
        match self {
            Self::Variant { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Whether it is the `None` of an optional number.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

macro_rules! from {
    ($($variant:ident: $($from:ty),*;)*) => {$($(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*)*};
}

from! {
    Bool: bool;
    Integer: u8, u16, u32, u64, i8, i16, i32, i64, i128;
    F32: f32;
    Float: f64;
    Char: char;
    Text: &str, String;
    Bytes: Vec<u8>, &[u8];
    List: Vec<Value>;
    Map: Vec<(Value, Value)>;
    Struct: Vec<(String, Value)>;
}

impl From<u128> for Value {
    fn from(value: u128) -> Self {
        i128::try_from(value).map_or(Self::Unsigned(value), Self::Integer)
    }
}

impl<const N: usize> From<FixedStr<N>> for Value {
    fn from(text: FixedStr<N>) -> Self {
        Self::Text(text.as_str().to_owned())
    }
}

/// `None` is [`Value::Absent`].
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Into::into)
    }
}

/// Whether fields are those of a tuple, named `0`, `1`, …; of no fields, no.
fn is_tuple<'a>(names: impl Iterator<Item = &'a str>) -> bool {
    let mut count = 0_usize;
    for name in names {
        if *name != *count.to_string() {
            return false;
        }
        count += 1;
    }
    count > 0
}

#[cfg(test)]
mod tests;
