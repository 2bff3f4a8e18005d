//! A tree becomes a message's bytes.
//!
//! The bytes are those that the type itself would write: padding and unused capacity are zero, maps are
//! sorted, numbers have the byte order of the schema. `write(read(bytes))` is `bytes`, except that what is
//! unused becomes zero.

use std::collections::HashMap;

use super::Value;
use super::decode::within_bounds;
use super::error::{ValueError, did_you_mean, listed, nearest};
use super::leaf::{Form, Leaf, signed_range, store, unsigned_most};
use crate::message::descriptor::{Bounds, LIST_LEN_BYTES, TEXT_LEN_BYTES};
use crate::message::schema::{Schema, SchemaField, SchemaKind, SchemaVariant};
use crate::message::{Invalid, Primitive};

/// The largest message that [`Schema::write`] makes room for, in bytes; a schema from a peer may promise more
/// than there is memory. [`Schema::write_into`] writes larger ones.
pub const MAX_WRITTEN: u64 = 1 << 28;

impl Schema {
    /// The bytes of a message of this type with the given value.
    ///
    /// An integer may stand for a floating point number, which is then the nearest to it, and an `f64` for an
    /// `f32`; nothing else is converted.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if `value` is not one of this type: of another kind, with a field too many or too few,
    /// out of range, too long; or if the message is larger than [`MAX_WRITTEN`].
    pub fn write(&self, value: &Value) -> Result<Vec<u8>, ValueError> {
        if self.size() > MAX_WRITTEN {
            let expected = format_args!("a message of at most {MAX_WRITTEN} bytes").to_string();
            return Err(Invalid::new(expected, format_args!("one of {} bytes", self.size())).into());
        }
        let mut bytes = vec![0; self.size() as usize];
        self.write_into(value, &mut bytes)?;
        Ok(bytes)
    }

    /// As [`write`](Self::write), into bytes that there are already. Their content is replaced; after an
    /// error it is unspecified.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if `value` is not one of this type, or `bytes` are not [`size`](Self::size) many.
    pub fn write_into(&self, value: &Value, bytes: &mut [u8]) -> Result<(), ValueError> {
        self.check_len(bytes)?;
        bytes.fill(0);
        Ok(self.write_type(self.types().len() - 1, None, value, bytes)?)
    }

    /// Writes one type of this schema to `out`: as many bytes as it has, all zero. The recursion is as deep
    /// as the schema, at most 64.
    pub(super) fn write_type(
        &self,
        index: usize,
        bounds: Option<Bounds>,
        value: &Value,
        out: &mut [u8],
    ) -> Result<(), Invalid> {
        let mismatch = |expected: &str| {
            let name = self.type_name(index);
            Err(Invalid::new(format_args!("{expected} (`{name}`)"), sort_of(value)))
        };
        match (&self.types()[index].kind, value) {
            (SchemaKind::Primitive(primitive), value) => {
                store(out, bits(*primitive, bounds, value)?, self.big_endian());
                Ok(())
            }
            (SchemaKind::Array { element, len }, Value::List(elements)) => {
                if elements.len() as u64 != *len {
                    let name = self.type_name(index);
                    return Err(Invalid::new(
                        format_args!("{len} elements (`{name}`)"),
                        format_args!("{} elements", elements.len()),
                    ));
                }
                self.write_elements(*element, bounds, elements, out)
            }
            (SchemaKind::Array { .. }, _) => mismatch("an array"),
            (SchemaKind::Str { capacity }, Value::Text(text)) => {
                self.write_content(index, *capacity, text.as_bytes(), out)
            }
            (SchemaKind::Str { .. }, _) => mismatch("text"),
            (SchemaKind::Bytes { capacity }, Value::Bytes(bytes)) => {
                self.write_content(index, *capacity, bytes, out)
            }
            (SchemaKind::Bytes { .. }, _) => mismatch("bytes"),
            (SchemaKind::List { element, capacity }, Value::List(elements)) => {
                self.write_list_len(index, *capacity, elements.len(), out)?;
                self.write_elements(*element, bounds, elements, &mut out[self.list_start(*element)..])
            }
            (SchemaKind::List { .. }, _) => mismatch("a list"),
            (SchemaKind::Map { entry, capacity }, Value::Map(entries)) => {
                self.write_list_len(index, *capacity, entries.len(), out)?;
                self.write_entries(*entry, entries, &mut out[self.list_start(*entry)..])
            }
            (SchemaKind::Map { .. }, _) => mismatch("a map"),
            (SchemaKind::Struct { fields: of }, Value::Struct(fields)) => {
                self.write_members(self.types()[index].name(), of, fields, out)
            }
            (SchemaKind::Struct { .. }, _) => mismatch("a struct"),
            (SchemaKind::Enum { tag, variants }, Value::Variant { name, fields }) => {
                let variant = self.variant(index, variants, name)?;
                store(&mut out[..tag.size()], variant.value as u128, self.big_endian());
                let of = format!("{}::{name}", self.types()[index].name());
                let written = self.write_members(&of, &variant.fields, fields, out);
                written.map_err(|invalid| invalid.within(name))
            }
            (SchemaKind::Enum { variants, .. }, _) => {
                let names = listed(variants.iter().map(SchemaVariant::name));
                mismatch(&format!("a variant, one of {names}"))
            }
            (SchemaKind::Union { .. }, Value::Raw(bytes)) => {
                if bytes.len() != out.len() {
                    let expected = format!("{} raw bytes (`{}`)", out.len(), self.type_name(index));
                    return Err(Invalid::new(expected, format_args!("{} raw bytes", bytes.len())));
                }
                out.copy_from_slice(bytes);
                Ok(())
            }
            (SchemaKind::Union { .. }, _) => mismatch("the raw bytes of a union"),
        }
    }

    /// The variant of that name.
    pub(super) fn variant<'a>(
        &self,
        index: usize,
        variants: &'a [SchemaVariant],
        name: &str,
    ) -> Result<&'a SchemaVariant, Invalid> {
        variants.iter().find(|variant| variant.name == name).ok_or_else(|| {
            let names = || variants.iter().map(SchemaVariant::name);
            let meant = did_you_mean(nearest(name, names()));
            let of = self.types()[index].name();
            Invalid::new(
                format_args!("one of {} (enum `{of}`){meant}", listed(names())),
                format_args!("the variant `{}`", name.escape_debug()),
            )
        })
    }

    fn write_content(
        &self,
        index: usize,
        capacity: u64,
        content: &[u8],
        out: &mut [u8],
    ) -> Result<(), Invalid> {
        if content.len() as u64 > capacity {
            return Err(self.too_long(index, capacity, format_args!("{} bytes", content.len())));
        }
        let (len, room) = out.split_at_mut(TEXT_LEN_BYTES);
        store(len, content.len() as u128, false);
        room[..content.len()].copy_from_slice(content);
        Ok(())
    }

    fn write_list_len(&self, index: usize, capacity: u64, len: usize, out: &mut [u8]) -> Result<(), Invalid> {
        if len as u64 > capacity {
            return Err(self.too_long(index, capacity, len));
        }
        store(&mut out[..LIST_LEN_BYTES], len as u128, false);
        Ok(())
    }

    fn write_elements(
        &self,
        element: usize,
        bounds: Option<Bounds>,
        elements: &[Value],
        out: &mut [u8],
    ) -> Result<(), Invalid> {
        let size = self.types()[element].size as usize;
        for (at, value) in elements.iter().enumerate() {
            let written = self.write_type(element, bounds, value, &mut out[at * size..][..size]);
            written.map_err(|invalid| invalid.within_index(at))?;
        }
        Ok(())
    }

    /// Writes the entries of a map in the order of their keys.
    fn write_entries(&self, entry: usize, entries: &[(Value, Value)], out: &mut [u8]) -> Result<(), Invalid> {
        let size = self.types()[entry].size as usize;
        let [key, value] = self.types()[entry].fields() else { return Ok(()) };
        let mut written = Vec::with_capacity(entries.len());
        for (of_key, of_value) in entries {
            let mut bytes = vec![0; size];
            for (field, part) in [(key, of_key), (value, of_value)] {
                let out = self.field_bytes_mut(field, &mut bytes);
                let written = self.write_type(field.type_index, field.bounds, part, out);
                written.map_err(|invalid| invalid.within(&format!("[{}]", Brief(of_key))))?;
            }
            written.push((of_key, bytes));
        }
        let order = |a: &[u8], b: &[u8]| {
            self.order(key.type_index, self.field_bytes(key, a), self.field_bytes(key, b))
        };
        written.sort_by(|(_, a), (_, b)| order(a, b));
        if let Some(pair) = written.windows(2).find(|pair| order(&pair[0].1, &pair[1].1).is_eq()) {
            return Err(Invalid::new("each key once", format_args!("the key {} twice", Brief(pair[0].0))));
        }
        for (at, (_, bytes)) in written.iter().enumerate() {
            out[at * size..][..size].copy_from_slice(bytes);
        }
        Ok(())
    }

    /// Writes the fields of a struct, or of a variant; `of` is its name.
    fn write_members(
        &self,
        of: &str,
        fields: &[SchemaField],
        values: &[(String, Value)],
        out: &mut [u8],
    ) -> Result<(), Invalid> {
        let in_order = fields.len() == values.len()
            && fields.iter().zip(values).all(|(field, (name, _))| field.name == *name);
        let by_name = if in_order { HashMap::new() } else { pair(of, fields, values)? };
        for (at, field) in fields.iter().enumerate() {
            let value = if in_order { &values[at].1 } else { by_name[field.name.as_str()] };
            let out = self.field_bytes_mut(field, out);
            let written = self.write_type(field.type_index, field.bounds, value, out);
            written.map_err(|invalid| invalid.within(&field.name))?;
        }
        Ok(())
    }

    fn field_bytes_mut<'a>(&self, field: &SchemaField, bytes: &'a mut [u8]) -> &'a mut [u8] {
        // The rules place the field inside, so that both numbers fit a `usize`.
        &mut bytes[field.offset as usize..][..self.types()[field.type_index].size as usize]
    }
}

/// The values of fields by name: each of `fields` has one, and there are no others.
fn pair<'a, T>(
    of: &str,
    fields: &[SchemaField],
    values: &'a [(String, T)],
) -> Result<HashMap<&'a str, &'a T>, Invalid> {
    let mut by_name = HashMap::with_capacity(values.len());
    for (name, value) in values {
        if by_name.insert(name.as_str(), value).is_some() {
            return Err(Invalid::new(
                "each field once",
                format_args!("the field `{}` twice", name.escape_debug()),
            ));
        }
    }
    check_names(of, fields, values.iter().map(|(name, _)| name.as_str()), |name| by_name.contains_key(name))?;
    Ok(by_name)
}

/// Checks that `names` are those of `fields`; `has` says whether a name is among them.
pub(super) fn check_names<'a>(
    of: &str,
    fields: &[SchemaField],
    mut names: impl Iterator<Item = &'a str>,
    has: impl Fn(&str) -> bool,
) -> Result<(), Invalid> {
    let known: HashMap<&str, ()> = fields.iter().map(|field| (field.name(), ())).collect();
    let all = || fields.iter().map(SchemaField::name);
    if let Some(name) = names.find(|name| !known.contains_key(name)) {
        let meant = did_you_mean(nearest(name, all()));
        let expected = match fields {
            [] => format!("no fields (`{of}`)"),
            _ => format!("only the fields {} (`{of}`){meant}", listed(all())),
        };
        return Err(Invalid::new(expected, format_args!("the field `{}`", name.escape_debug())));
    }
    let missing: Vec<&str> = all().filter(|name| !has(name)).collect();
    if !missing.is_empty() {
        let found = format!("nothing for {}", listed(missing.into_iter()));
        return Err(Invalid::new(format_args!("all fields: {} (`{of}`)", listed(all())), found));
    }
    Ok(())
}

/// The bits of a leaf with the given value.
fn bits(primitive: Primitive, bounds: Option<Bounds>, value: &Value) -> Result<u128, Invalid> {
    let Leaf { form, non_zero, optional } = Leaf::of(primitive);
    let size = primitive.size();
    let other = || {
        let expected = match form {
            Form::Unsigned | Form::Signed if optional => "an integer or nothing",
            Form::Unsigned | Form::Signed => "an integer",
            Form::F32 | Form::F64 => "a number",
            Form::Bool => "true or false",
            Form::Char => "a character",
        };
        Invalid::new(format_args!("{expected} (`{primitive}`)"), sort_of(value))
    };
    if optional && value.is_absent() {
        return Ok(0);
    }
    let stored = match form {
        Form::Unsigned | Form::Signed => {
            let (Value::Integer(_) | Value::Unsigned(_)) = value else { return Err(other()) };
            integer_bits(form, size, value).ok_or_else(|| {
                let (low, high) = signed_range(size);
                let expected = match form {
                    Form::Signed => format!("{low} to {high} (`{primitive}`)"),
                    _ => format!("0 to {} (`{primitive}`)", unsigned_most(size)),
                };
                Invalid::new(expected, value)
            })?
        }
        Form::F32 => match value {
            Value::F32(number) => number.to_bits().into(),
            _ => {
                let wide = value.as_f64().ok_or_else(other)?;
                if wide.is_finite() && (wide as f32).is_infinite() {
                    return Err(Invalid::new(
                        format_args!("{:?} to {:?} (`f32`)", f32::MIN, f32::MAX),
                        value,
                    ));
                }
                (wide as f32).to_bits().into()
            }
        },
        Form::F64 => match value {
            Value::F32(number) => f64::from(*number).to_bits().into(),
            _ => value.as_f64().ok_or_else(other)?.to_bits().into(),
        },
        Form::Bool => u128::from(value.as_bool().ok_or_else(other)?),
        Form::Char => u128::from(u32::from(value.as_char().ok_or_else(other)?)),
    };
    if non_zero && stored == 0 {
        return Err(match optional {
            true => Invalid::new("a value other than 0, or nothing", 0),
            false => Invalid::new("a value other than 0", 0),
        });
    }
    // As it will be read: an `f64` was perhaps rounded.
    match form {
        Form::F32 => within_bounds(primitive, &Value::F32(f32::from_bits(stored as u32)), bounds),
        Form::F64 => within_bounds(primitive, &Value::Float(f64::from_bits(stored as u64)), bounds),
        _ => within_bounds(primitive, value, bounds),
    }?;
    Ok(stored)
}

/// An integer in `size` bytes, if it fits.
fn integer_bits(form: Form, size: usize, value: &Value) -> Option<u128> {
    if form == Form::Signed {
        let (low, high) = signed_range(size);
        value.as_i128().filter(|value| (low..=high).contains(value)).map(|value| value as u128)
    } else {
        value.as_u128().filter(|value| *value <= unsigned_most(size))
    }
}

/// What a value is, in a word and without the rest of its tree.
pub(super) fn sort_of(value: &Value) -> String {
    match value {
        Value::Bool(_) | Value::Integer(_) | Value::Unsigned(_) | Value::F32(_) | Value::Float(_) => {
            value.to_string()
        }
        Value::Char(character) => format!("the character {character:?}"),
        Value::Text(_) => format!("the text {}", Brief(value)),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Value::List(elements) => format!("a list of {}", elements.len()),
        Value::Map(entries) => format!("a map of {}", entries.len()),
        Value::Struct(fields) => format!("a struct with {} fields", fields.len()),
        Value::Variant { name, .. } => format!("the variant `{name}`"),
        Value::Absent => "nothing".to_owned(),
        Value::Raw(bytes) => format!("{} raw bytes", bytes.len()),
    }
}

/// A value, cut if it is long.
struct Brief<'a>(&'a Value);

impl core::fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        const LONGEST: usize = 60;
        let shown = self.0.to_string();
        let cut = shown.floor_char_boundary(LONGEST);
        f.write_str(&shown[..cut])?;
        if cut < shown.len() { f.write_str("…") } else { Ok(()) }
    }
}
