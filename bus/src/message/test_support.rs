//! What the tests of several files use: values as bytes, types of schemas by hand, and random numbers.

#![allow(dead_code, reason = "not every build has all of the tests")]

use super::schema::{SchemaField, SchemaKind, SchemaType, SchemaVariant};
use super::{Message, Primitive};

// One generator for all tests of the workspace.
#[path = "../../../tests/support/random.rs"]
mod random;

pub(crate) use random::Random;

/// What a message writes over zeroes.
pub(super) fn written<T: Message>(value: &T) -> Vec<u8> {
    let mut bytes = vec![0; size_of::<T>()];
    // SAFETY: there are as many bytes as the type has.
    unsafe { value.write_fields(bytes.as_mut_ptr()) };
    bytes
}

/// The value that `bytes` are.
///
/// # Safety
///
/// They are one.
pub(super) unsafe fn read<T>(bytes: &[u8]) -> T {
    assert_eq!(bytes.len(), size_of::<T>());
    // SAFETY: as many bytes as the type has, which are a value, says the caller.
    unsafe { bytes.as_ptr().cast::<T>().read_unaligned() }
}

/// A type without documentation and arguments.
pub(super) fn of_kind(name: &str, size: u64, align: u64, kind: SchemaKind) -> SchemaType {
    SchemaType::new(name.to_owned(), String::new(), size, align, Vec::new(), kind)
}

pub(super) fn primitive(primitive: Primitive) -> SchemaType {
    let size = primitive.size() as u64;
    of_kind(primitive.name(), size, size, SchemaKind::Primitive(primitive))
}

/// A field of the first version, without documentation, unit and range.
pub(super) fn field(name: &str, offset: u64, type_index: usize) -> SchemaField {
    let (docs, unit, since, bounds) = (String::new(), String::new(), 1, None);
    SchemaField { name: name.to_owned(), docs, offset, type_index, unit, since, bounds }
}

pub(super) fn variant(name: &str, value: i128, fields: Vec<SchemaField>) -> SchemaVariant {
    SchemaVariant { name: name.to_owned(), docs: String::new(), value, fields }
}

pub(super) fn fields_of(r#type: &mut SchemaType) -> &mut Vec<SchemaField> {
    match &mut r#type.kind {
        SchemaKind::Struct { fields } | SchemaKind::Union { fields } => fields,
        _ => panic!("a type with fields"),
    }
}

pub(super) fn variants_of(r#type: &mut SchemaType) -> &mut Vec<SchemaVariant> {
    match &mut r#type.kind {
        SchemaKind::Enum { variants, .. } => variants,
        _ => panic!("a type with variants"),
    }
}
