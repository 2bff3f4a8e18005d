//! The order of keys in a map, found on their bytes.
//!
//! It is the order that Rust derives: numbers by value, `false` before `true`, `None` before all, text and
//! bytes bytewise, arrays, lists and structs lexicographically, enums by their tag and then by their fields.
//! Floating point numbers, which no key in Rust can be, follow IEEE 754's total order; unions their bytes.

use core::cmp::Ordering;

use super::leaf::{Form, Leaf, load, load_signed};
use crate::message::Primitive;
use crate::message::descriptor::{LIST_LEN_BYTES, TEXT_LEN_BYTES};
use crate::message::schema::{Schema, SchemaField, SchemaKind};

impl Schema {
    /// Compares two valid values of a type of this schema. The work is bounded by their parts, which were
    /// counted when they were read: what has no bytes is not entered.
    pub(super) fn order(&self, index: usize, a: &[u8], b: &[u8]) -> Ordering {
        if a.is_empty() || b.is_empty() {
            return Ordering::Equal;
        }
        match &self.types()[index].kind {
            SchemaKind::Primitive(primitive) => self.order_of_leaves(*primitive, a, b),
            SchemaKind::Array { element, .. } => self.order_of_elements(*element, a, b),
            SchemaKind::Str { .. } | SchemaKind::Bytes { .. } => text(a).cmp(text(b)),
            SchemaKind::List { element, .. } | SchemaKind::Map { entry: element, .. } => {
                let (of_a, of_b) = (self.elements(*element, a), self.elements(*element, b));
                let by_len = || self.list_len(a).cmp(&self.list_len(b));
                self.order_of_elements(*element, of_a, of_b).then_with(by_len)
            }
            SchemaKind::Struct { fields } => self.order_of_fields(fields, a, b),
            SchemaKind::Union { .. } => a.cmp(b),
            SchemaKind::Enum { tag, variants } => self.order_of_leaves(*tag, a, b).then_with(|| {
                let value = self.tag(*tag, a);
                let variant = variants.iter().find(|variant| variant.value == value);
                self.order_of_fields(variant.map_or(&[][..], |it| it.fields()), a, b)
            }),
        }
    }

    fn order_of_fields(&self, fields: &[SchemaField], a: &[u8], b: &[u8]) -> Ordering {
        fields
            .iter()
            .map(|field| self.order(field.type_index, self.field_bytes(field, a), self.field_bytes(field, b)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    fn order_of_elements(&self, element: usize, a: &[u8], b: &[u8]) -> Ordering {
        let Ok(size @ 1..) = usize::try_from(self.types()[element].size) else { return Ordering::Equal };
        let of_both = a.chunks_exact(size).zip(b.chunks_exact(size));
        of_both
            .map(|(a, b)| self.order(element, a, b))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| a.len().cmp(&b.len()))
    }

    fn order_of_leaves(&self, primitive: Primitive, a: &[u8], b: &[u8]) -> Ordering {
        let size = primitive.size();
        let (a, b, big_endian) = (&a[..size], &b[..size], self.big_endian());
        let bits = (load(a, big_endian), load(b, big_endian));
        let Leaf { form, optional, .. } = Leaf::of(primitive);
        let order = match form {
            Form::Unsigned | Form::Bool | Form::Char => bits.0.cmp(&bits.1),
            Form::Signed => load_signed(a, big_endian).cmp(&load_signed(b, big_endian)),
            Form::F32 => f32::from_bits(bits.0 as u32).total_cmp(&f32::from_bits(bits.1 as u32)),
            Form::F64 => f64::from_bits(bits.0 as u64).total_cmp(&f64::from_bits(bits.1 as u64)),
        };
        if optional { (bits.0 != 0).cmp(&(bits.1 != 0)).then(order) } else { order }
    }

    /// The bytes of a field in those of what it is a field of.
    pub(super) fn field_bytes<'a>(&self, field: &SchemaField, bytes: &'a [u8]) -> &'a [u8] {
        // The rules place the field inside, so that both numbers fit a `usize`.
        &bytes[field.offset as usize..][..self.types()[field.type_index].size as usize]
    }

    /// The tag of an enum.
    pub(super) fn tag(&self, tag: Primitive, bytes: &[u8]) -> i128 {
        let bytes = &bytes[..tag.size()];
        match Leaf::of(tag).form {
            Form::Signed => load_signed(bytes, self.big_endian()),
            // At most 64 bits, say the rules.
            _ => load(bytes, self.big_endian()) as i128,
        }
    }

    /// The length of a list or a map, as it is stored.
    pub(super) fn list_len(&self, bytes: &[u8]) -> u64 {
        load(&bytes[..LIST_LEN_BYTES], false) as u64
    }

    /// Where the elements of a list of `element` begin.
    pub(super) fn list_start(&self, element: usize) -> usize {
        LIST_LEN_BYTES.next_multiple_of(self.types()[element].align as usize)
    }

    /// The elements that are in a list, if its length is one; else all.
    pub(super) fn elements<'a>(&self, element: usize, bytes: &'a [u8]) -> &'a [u8] {
        let all = &bytes[self.list_start(element)..];
        let size = self.list_len(bytes).checked_mul(self.types()[element].size);
        size.and_then(|size| all.get(..usize::try_from(size).ok()?)).unwrap_or(all)
    }
}

/// The content of valid text or bytes; of an invalid length, all there is.
pub(super) fn text(bytes: &[u8]) -> &[u8] {
    let (len, all) = bytes.split_at(TEXT_LEN_BYTES);
    all.get(..load(len, false) as usize).unwrap_or(all)
}
