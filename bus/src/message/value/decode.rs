//! A message's bytes become a tree.
//!
//! An invalid part is reported as the type's own [`validate`](crate::Message::validate) reports it, with the
//! same path in the same words.

use core::cmp::Ordering;
use core::fmt::Display;

use super::Value;
use super::leaf::{Form, Leaf, load, load_signed, signed_range, unsigned_most};
use super::order::text;
use crate::message::descriptor::{Bounds, TEXT_LEN_BYTES};
use crate::message::schema::{Schema, SchemaField, SchemaKind, SchemaType, SchemaVariant};
use crate::message::{Invalid, Primitive};

/// The most parts that a tree is made of, which is what a tool's memory pays for: each number, text, list,
/// map, struct and variant is one, and a name counts as one more per 32 bytes. About four million.
///
/// A message that has more, such as an image, is no matter for a tree; [`Schema::read_part`] reads one part
/// of it.
pub const MAX_PARTS: usize = 1 << 22;

/// How many variants an error lists before it stops; as the error of a type that is known.
const LISTED_VARIANTS: usize = 8;

/// What a map calls its entries in the path of an error.
pub(super) const ENTRIES: &str = "entries";

impl Schema {
    /// Reads a message of this type. `bytes` may come from anyone.
    ///
    /// What a part that is unused holds is not looked at: padding, and what follows the content of a text or
    /// list.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if `bytes` are not [`size`](Self::size) many, if a part of them is not valid, or if they
    /// have more than [`MAX_PARTS`] parts.
    pub fn read(&self, bytes: &[u8]) -> Result<Value, Invalid> {
        self.check_len(bytes)?;
        self.read_type(self.types().len() - 1, None, bytes)
    }

    /// Reads one type of this schema from the bytes that it occupies.
    pub(super) fn read_type(
        &self,
        index: usize,
        bounds: Option<Bounds>,
        bytes: &[u8],
    ) -> Result<Value, Invalid> {
        Reader { schema: self, left: MAX_PARTS }.value(index, bounds, bytes)
    }

    /// Whether `bytes` have the length of a message.
    pub(super) fn check_len(&self, bytes: &[u8]) -> Result<(), Invalid> {
        if bytes.len() as u64 == self.size() {
            return Ok(());
        }
        let name = self.type_name(self.types().len() - 1);
        let expected = format_args!("{} bytes (`{name}`)", self.size()).to_string();
        Err(Invalid::new(expected, format_args!("{} bytes", bytes.len())))
    }

    /// The length of a list or a map, if it is one.
    pub(super) fn checked_list_len(&self, index: usize, capacity: u64, bytes: &[u8]) -> Result<u64, Invalid> {
        let len = self.list_len(bytes);
        if len > capacity { Err(self.too_long(index, capacity, len)) } else { Ok(len) }
    }

    /// A length that is more than the capacity of a text, a list or a map.
    #[cold]
    pub(super) fn too_long(&self, index: usize, capacity: u64, found: impl Display) -> Invalid {
        let of = self.container_name(index, capacity);
        Invalid::new(format_args!("a length of at most {capacity} (`{of}`)"), found)
    }

    /// A type of fixed capacity as errors name it: `FixedVec<_, 4>`.
    fn container_name(&self, index: usize, capacity: u64) -> String {
        let SchemaType { name, kind, .. } = &self.types()[index];
        match kind {
            SchemaKind::List { .. } => format!("{name}<_, {capacity}>"),
            SchemaKind::Map { .. } => format!("{name}<_, _, {capacity}>"),
            _ => format!("{name}<{capacity}>"),
        }
    }

    /// The variant that an enum has.
    pub(super) fn active<'a>(
        &self,
        index: usize,
        tag: Primitive,
        variants: &'a [SchemaVariant],
        bytes: &[u8],
    ) -> Result<&'a SchemaVariant, Invalid> {
        let found = self.tag(tag, bytes);
        let variant = variants.iter().find(|variant| variant.value == found);
        variant.ok_or_else(|| no_variant(self.types()[index].name(), variants, found))
    }
}

struct Reader<'a> {
    schema: &'a Schema,
    /// How many parts the tree may still have.
    left: usize,
}

impl Reader<'_> {
    /// `bytes` are as many as the type has. The recursion is as deep as the schema, at most 64.
    fn value(&mut self, index: usize, bounds: Option<Bounds>, bytes: &[u8]) -> Result<Value, Invalid> {
        let schema = self.schema;
        let r#type = &schema.types()[index];
        match &r#type.kind {
            SchemaKind::Primitive(primitive) => leaf(*primitive, bounds, bytes, schema.big_endian()),
            SchemaKind::Array { element, len } => self.list(*element, *len, bounds, bytes),
            SchemaKind::Str { capacity } => {
                let content = self.content(index, *capacity, bytes)?;
                match str::from_utf8(content) {
                    Ok(text) => Ok(Value::Text(text.to_owned())),
                    Err(error) => {
                        let at = error.valid_up_to();
                        let of = schema.container_name(index, *capacity);
                        let expected = format_args!("UTF-8 (`{of}`)").to_string();
                        Err(Invalid::new(expected, format_args!("the byte {:#04x} at {at}", content[at])))
                    }
                }
            }
            SchemaKind::Bytes { capacity } => {
                Ok(Value::Bytes(self.content(index, *capacity, bytes)?.to_owned()))
            }
            SchemaKind::List { element, capacity } => {
                let len = schema.checked_list_len(index, *capacity, bytes)?;
                self.list(*element, len, bounds, schema.elements(*element, bytes))
            }
            SchemaKind::Map { entry, capacity } => {
                let len = schema.checked_list_len(index, *capacity, bytes)?;
                self.map(index, *entry, *capacity, len, schema.elements(*entry, bytes))
            }
            SchemaKind::Struct { fields } => Ok(Value::Struct(self.fields(fields, bytes)?)),
            SchemaKind::Union { .. } => Ok(Value::Raw(bytes.to_owned())),
            SchemaKind::Enum { tag, variants } => {
                let SchemaVariant { name, fields, .. } = schema.active(index, *tag, variants, bytes)?;
                // The variant was searched for.
                self.charge(1 + name.len() as u64 / 32 + variants.len() as u64 / 32)?;
                let fields = self.fields(fields, bytes).map_err(|invalid| invalid.within(name))?;
                Ok(Value::Variant { name: name.clone(), fields })
            }
        }
    }

    /// The content of a text or of inline bytes.
    fn content<'a>(&self, index: usize, capacity: u64, bytes: &'a [u8]) -> Result<&'a [u8], Invalid> {
        let len = load(&bytes[..TEXT_LEN_BYTES], false) as u64;
        if len > capacity {
            return Err(self.schema.too_long(index, capacity, len));
        }
        Ok(text(bytes))
    }

    fn list(
        &mut self,
        element: usize,
        len: u64,
        bounds: Option<Bounds>,
        bytes: &[u8],
    ) -> Result<Value, Invalid> {
        self.charge(len)?;
        let size = self.schema.types()[element].size as usize;
        let read = |at: usize| {
            let element = self.value(element, bounds, &bytes[at * size..][..size]);
            element.map_err(|invalid| invalid.within_index(at))
        };
        (0..len as usize).map(read).collect::<Result<_, _>>().map(Value::List)
    }

    fn map(
        &mut self,
        index: usize,
        entry: usize,
        capacity: u64,
        len: u64,
        bytes: &[u8],
    ) -> Result<Value, Invalid> {
        self.charge(len.saturating_mul(2))?;
        let schema = self.schema;
        let size = schema.types()[entry].size as usize;
        let [key, value] = schema.types()[entry].fields() else { return Ok(Value::Map(Vec::new())) };
        let mut entries = Vec::with_capacity(len as usize);
        let mut before: Option<&[u8]> = None;
        for at in 0..len as usize {
            let bytes = &bytes[at * size..][..size];
            let within = |field: &SchemaField, invalid: Invalid| {
                invalid.within(&field.name).within_index(at).within(ENTRIES)
            };
            let mut part = |field: &SchemaField| {
                let part = self.value(field.type_index, field.bounds, schema.field_bytes(field, bytes));
                part.map_err(|invalid| within(field, invalid))
            };
            entries.push((part(key)?, part(value)?));
            let this = schema.field_bytes(key, bytes);
            let order = before.map_or(Ordering::Less, |before| schema.order(key.type_index, before, this));
            let found = match order {
                Ordering::Less => "",
                Ordering::Equal => "the same key again",
                Ordering::Greater => "a lesser key",
            };
            if !found.is_empty() {
                let of = schema.container_name(index, capacity);
                let expected = format_args!("a key greater than the one before (`{of}`)").to_string();
                return Err(within(key, Invalid::new(expected, found)));
            }
            before = Some(this);
        }
        Ok(Value::Map(entries))
    }

    /// The fields of a struct or a variant.
    fn fields(&mut self, fields: &[SchemaField], bytes: &[u8]) -> Result<Vec<(String, Value)>, Invalid> {
        self.charge(fields.iter().map(|field| 1 + field.name.len() as u64 / 32).sum())?;
        let read = |field: &SchemaField| {
            let bytes = self.schema.field_bytes(field, bytes);
            let value = self.value(field.type_index, field.bounds, bytes);
            Ok((field.name.clone(), value.map_err(|invalid| invalid.within(&field.name))?))
        };
        fields.iter().map(read).collect()
    }

    /// Takes `parts` from what the tree may still have, before anything is reserved for them.
    fn charge(&mut self, parts: u64) -> Result<(), Invalid> {
        match usize::try_from(parts).ok().and_then(|parts| self.left.checked_sub(parts)) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                let most = format!("a message of at most {MAX_PARTS} parts: read one part of it instead");
                Err(Invalid::new(most, "more"))
            }
        }
    }
}

fn leaf(
    primitive: Primitive,
    bounds: Option<Bounds>,
    bytes: &[u8],
    big_endian: bool,
) -> Result<Value, Invalid> {
    let bits = load(bytes, big_endian);
    let Leaf { form, non_zero, optional } = Leaf::of(primitive);
    if non_zero && bits == 0 {
        return if optional { Ok(Value::Absent) } else { Err(Invalid::new("a value other than 0", 0)) };
    }
    let value = match form {
        Form::Unsigned => bits.into(),
        Form::Signed => load_signed(bytes, big_endian).into(),
        Form::F32 => f32::from_bits(bits as u32).into(),
        Form::F64 => f64::from_bits(bits as u64).into(),
        Form::Bool if bits > 1 => return Err(Invalid::new("0 or 1 (`bool`)", bits)),
        Form::Bool => Value::Bool(bits == 1),
        Form::Char => match char::from_u32(bits as u32) {
            Some(character) => character.into(),
            None => {
                let found = format_args!("{bits:#x}").to_string();
                return Err(Invalid::new("a Unicode scalar value (`char`)", found));
            }
        },
    };
    within_bounds(primitive, &value, bounds)?;
    Ok(value)
}

/// Whether a number is within the range of its field. A range of another kind than the number says nothing.
pub(super) fn within_bounds(
    primitive: Primitive,
    value: &Value,
    bounds: Option<Bounds>,
) -> Result<(), Invalid> {
    let within = match (value, bounds) {
        (Value::Integer(value), Some(Bounds::Integer { low, high })) => (low..=high).contains(value),
        (Value::Unsigned(_), Some(Bounds::Integer { .. })) => false,
        (Value::F32(value), Some(Bounds::Float { low, high })) => (low..=high).contains(&f64::from(*value)),
        (Value::Float(value), Some(Bounds::Float { low, high })) => (low..=high).contains(value),
        _ => true,
    };
    match bounds {
        Some(bounds) if !within => Err(out_of_bounds(primitive, value, bounds)),
        _ => Ok(()),
    }
}

/// As a type with that range says it: numbers print as they do in Rust, an end that is the type's own is left
/// out.
#[cold]
fn out_of_bounds(primitive: Primitive, found: &Value, bounds: Bounds) -> Invalid {
    let float = |number: f64| match Leaf::of(primitive).form {
        Form::F32 => (number as f32).to_string(),
        _ => number.to_string(),
    };
    let (low, high, open_below, open_above) = match bounds {
        Bounds::Integer { low, high } => {
            let (least, most) = match Leaf::of(primitive).form {
                Form::Signed => signed_range(primitive.size()),
                _ => (0, i128::try_from(unsigned_most(primitive.size())).unwrap_or(i128::MAX)),
            };
            (low.to_string(), high.to_string(), low == least, high == most)
        }
        Bounds::Float { low, high } => {
            (float(low), float(high), low == f64::NEG_INFINITY, high == f64::INFINITY)
        }
    };
    let expected = match (open_below, open_above) {
        (true, _) => format!("at most {high}"),
        (_, true) => format!("at least {low}"),
        _ => format!("{low} to {high}"),
    };
    match found {
        Value::F32(number) => Invalid::new(expected, number),
        Value::Float(number) => Invalid::new(expected, number),
        other => Invalid::new(expected, other),
    }
}

/// The words of `Invalid::variant`.
fn no_variant(name: &str, variants: &[SchemaVariant], found: i128) -> Invalid {
    let mut values: Vec<String> =
        variants.iter().take(LISTED_VARIANTS).map(|variant| variant.value.to_string()).collect();
    if variants.len() > LISTED_VARIANTS {
        values.push(format!("… ({} in all)", variants.len()));
    }
    let quantity = if variants.len() == 1 { "" } else { "one of " };
    Invalid::new(format_args!("{quantity}{} (enum `{name}`)", values.join(", ")), found)
}
