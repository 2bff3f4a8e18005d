//! Values as JSON, as `serde_json` and people write it.
//!
//! | value                   | JSON                                                                    |
//! |-------------------------|-------------------------------------------------------------------------|
//! | integer                 | a number if it fits `i64` or `u64`, else a string of its digits         |
//! | floating point number   | a number; `"NaN"`, `"inf"`, `"-inf"`                                     |
//! | `bool`, text            | as they are                                                             |
//! | `char`                  | a string                                                                |
//! | `None`                  | `null`                                                                  |
//! | bytes, union            | a string of hexadecimal digits, two per byte                            |
//! | array, list             | an array                                                                |
//! | struct                  | an object; a tuple struct an array                                      |
//! | variant                 | `"Stop"`, `{"Move": {"x": 1}}`, `{"Both": [1, 2]}`                        |
//! | map                     | an object, if all keys are text, integers, `char`, `bool` or variants   |
//! |                         | without fields; else an array of `[key, value]`                         |
//!
//! JSON does not say of a string whether it is text or bytes: reading needs the [`Schema`]. The bits of a NaN
//! are lost; all else comes back, floating point numbers to the bit if the text is parsed so (`serde_json`'s
//! `float_roundtrip`, which the feature `json` turns on). A map that has NaN as keys, which differ in their bits
//! alone, may thus come back in another order, or be refused for keys that are equal. The order of fields in an object is `serde_json`'s.

use core::fmt::Display;

use serde_json::{Map, Number, Value as Json};

use super::encode::check_names;
use super::error::ValueError;
use super::leaf::{Form, Leaf};
use super::path::Located;
use super::{Value, is_tuple};
use crate::message::schema::{Schema, SchemaField, SchemaKind};
use crate::message::{Invalid, Primitive};

impl Value {
    /// The value as JSON.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Bool(value) => Json::Bool(*value),
            Self::Integer(value) => integer(*value),
            Self::Unsigned(value) => Json::String(value.to_string()),
            Self::F32(value) => number(shortest(*value)),
            Self::Float(value) => number(*value),
            Self::Char(value) => Json::String(value.to_string()),
            Self::Text(text) => Json::String(text.clone()),
            Self::Bytes(bytes) | Self::Raw(bytes) => Json::String(hexadecimal(bytes)),
            Self::List(elements) => elements.iter().map(Value::to_json).collect(),
            Self::Map(entries) => of_entries(entries),
            Self::Struct(fields) => of_fields(fields),
            Self::Variant { name, fields } if fields.is_empty() => Json::String(name.clone()),
            Self::Variant { name, fields } => {
                Json::Object(Map::from_iter([(name.clone(), of_fields(fields))]))
            }
            Self::Absent => Json::Null,
        }
    }
}

impl Schema {
    /// The value of this type that JSON, as [`Value::to_json`] makes it, describes.
    ///
    /// Whether numbers are in range and lists not too long, [`write`](Self::write) says.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if the JSON is of another kind than the type, or has a field too many or too few.
    pub fn value_from_json(&self, json: &Json) -> Result<Value, ValueError> {
        Ok(self.type_from_json(self.types().len() - 1, json)?)
    }

    /// The recursion is as deep as the schema, at most 64.
    fn type_from_json(&self, index: usize, json: &Json) -> Result<Value, Invalid> {
        let mismatch = |expected: &str| Err(self.mismatch(index, expected, json));
        match (&self.types()[index].kind, json) {
            (SchemaKind::Primitive(primitive), _) => leaf(*primitive, json),
            (SchemaKind::Array { element, .. } | SchemaKind::List { element, .. }, Json::Array(elements)) => {
                let read = |(at, json)| {
                    self.type_from_json(*element, json).map_err(|invalid| invalid.within_index(at))
                };
                elements.iter().enumerate().map(read).collect::<Result<_, _>>().map(Value::List)
            }
            (SchemaKind::Array { .. } | SchemaKind::List { .. }, _) => mismatch("an array"),
            (SchemaKind::Str { .. }, Json::String(text)) => Ok(Value::Text(text.clone())),
            (SchemaKind::Str { .. }, _) => mismatch("a string"),
            (SchemaKind::Bytes { .. } | SchemaKind::Union { .. }, _) => {
                let Some(bytes) = json.as_str().and_then(from_hexadecimal) else {
                    return mismatch("a string of hexadecimal digits, two per byte");
                };
                let is_union = matches!(self.types()[index].kind, SchemaKind::Union { .. });
                Ok(if is_union { Value::Raw(bytes) } else { Value::Bytes(bytes) })
            }
            (SchemaKind::Map { entry, .. }, json) => self.map_from_json(index, *entry, json),
            (SchemaKind::Struct { fields }, json) => {
                let name = self.types()[index].name();
                Ok(Value::Struct(self.fields_from_json(index, name, fields, json)?))
            }
            (SchemaKind::Enum { variants, .. }, json) => {
                let (name, content) = match json {
                    Json::String(name) => (name, None),
                    Json::Object(object) if object.len() == 1 => match object.iter().next() {
                        Some((name, content)) => (name, Some(content)),
                        None => return mismatch("a variant"),
                    },
                    _ => return mismatch("the name of a variant, or an object of it and its fields"),
                };
                let variant = self.variant(index, variants, name)?;
                let of = format!("{}::{name}", self.types()[index].name());
                let none = Json::Object(Map::new());
                let content = content.unwrap_or(&none);
                let fields = self.fields_from_json(index, &of, &variant.fields, content);
                let fields = fields.map_err(|invalid| invalid.within(name))?;
                Ok(Value::Variant { name: name.clone(), fields })
            }
        }
    }

    fn fields_from_json(
        &self,
        index: usize,
        of: &str,
        fields: &[SchemaField],
        json: &Json,
    ) -> Result<Vec<(String, Value)>, Invalid> {
        let read = |field: &SchemaField, json: &Json| {
            let value = self.type_from_json(field.type_index, json);
            Ok((field.name.clone(), value.map_err(|invalid| invalid.within(&field.name))?))
        };
        if is_tuple(fields.iter().map(SchemaField::name))
            && !matches!(json, Json::Object(none) if none.is_empty())
        {
            return match json {
                Json::Array(values) if values.len() == fields.len() => {
                    fields.iter().zip(values).map(|(field, json)| read(field, json)).collect()
                }
                _ => {
                    let expected = format!("an array of {} (`{of}`)", fields.len());
                    Err(Invalid::new(expected, sort_of(json)))
                }
            };
        }
        let Json::Object(object) = json else { return Err(self.mismatch(index, "an object", json)) };
        check_names(of, fields, object.keys().map(String::as_str), |name| object.contains_key(name))?;
        fields.iter().map(|field| read(field, &object[&field.name])).collect()
    }

    fn map_from_json(&self, index: usize, entry: usize, json: &Json) -> Result<Value, Invalid> {
        let [key, value] = self.types()[entry].fields() else { return Ok(Value::Map(Vec::new())) };
        match json {
            Json::Object(object) => {
                let read = |(name, json): (&String, &Json)| {
                    let within = |invalid: Invalid| invalid.within(&format!("[{name:?}]"));
                    let key = self.key_from_json(key.type_index, name).map_err(within)?;
                    Ok((key, self.type_from_json(value.type_index, json).map_err(within)?))
                };
                object.iter().map(read).collect::<Result<_, _>>().map(Value::Map)
            }
            Json::Array(pairs) => {
                let read = |(at, pair): (usize, &Json)| {
                    let within = |invalid: Invalid| invalid.within_index(at);
                    let Some([of_key, of_value]) = pair.as_array().map(Vec::as_slice) else {
                        return Err(within(Invalid::new("an array of a key and a value", sort_of(pair))));
                    };
                    let part = |field: &SchemaField, json| {
                        let part = self.type_from_json(field.type_index, json);
                        part.map_err(|invalid| within(invalid.within(&field.name)))
                    };
                    Ok((part(key, of_key)?, part(value, of_value)?))
                };
                pairs.iter().enumerate().map(read).collect::<Result<_, _>>().map(Value::Map)
            }
            _ => Err(self.mismatch(index, "an object, or an array of keys and values", json)),
        }
    }

    /// The key that stands as a name in an object.
    fn key_from_json(&self, index: usize, name: &str) -> Result<Value, Invalid> {
        let json = match (&self.types()[index].kind, name) {
            (SchemaKind::Primitive(Primitive::Bool), "true") => Json::Bool(true),
            (SchemaKind::Primitive(Primitive::Bool), "false") => Json::Bool(false),
            // Integers may be strings, and so may the rest.
            _ => Json::String(name.to_owned()),
        };
        self.type_from_json(index, &json)
    }

    fn mismatch(&self, index: usize, expected: &str, found: &Json) -> Invalid {
        Invalid::new(format_args!("{expected} (`{}`)", self.type_name(index)), sort_of(found))
    }
}

impl Located<'_> {
    /// The value of the type that is here, as [`Schema::value_from_json`].
    ///
    /// # Errors
    ///
    /// [`ValueError`] if the JSON does not describe one.
    pub fn value_from_json(&self, json: &Json) -> Result<Value, ValueError> {
        Ok(self.schema.type_from_json(self.type_index, json)?)
    }
}

fn leaf(primitive: Primitive, json: &Json) -> Result<Value, Invalid> {
    let Leaf { form, optional, .. } = Leaf::of(primitive);
    let value = match (form, json) {
        (_, Json::Null) if optional => Some(Value::Absent),
        (Form::Bool, Json::Bool(value)) => Some(Value::Bool(*value)),
        (Form::Unsigned | Form::Signed, Json::Number(number)) => {
            number.as_i64().map(Value::from).or_else(|| number.as_u64().map(Value::from))
        }
        (Form::Unsigned | Form::Signed, Json::String(digits)) => {
            digits.parse::<i128>().map(Value::from).or_else(|_| digits.parse::<u128>().map(Value::from)).ok()
        }
        (Form::Char, Json::String(text)) => {
            let mut characters = text.chars();
            characters.next().filter(|_| characters.next().is_none()).map(Value::Char)
        }
        (Form::F32 | Form::F64, json) => float(json).map(|number| match form {
            // Out of range becomes infinite; `write` is to refuse it.
            Form::F32 if number.is_finite() && (number as f32).is_infinite() => Value::Float(number),
            Form::F32 => Value::F32(number as f32),
            _ => Value::Float(number),
        }),
        _ => None,
    };
    value.ok_or_else(|| {
        let expected = match form {
            Form::Unsigned | Form::Signed if optional => "an integer or null",
            Form::Unsigned | Form::Signed => "an integer",
            Form::F32 | Form::F64 => "a number, \"NaN\", \"inf\" or \"-inf\"",
            Form::Bool => "true or false",
            Form::Char => "a string of one character",
        };
        Invalid::new(format_args!("{expected} (`{primitive}`)"), sort_of(json))
    })
}

fn float(json: &Json) -> Option<f64> {
    match json {
        Json::Number(number) => number.as_f64(),
        Json::String(name) => match name.as_str() {
            "NaN" => Some(f64::NAN),
            "inf" => Some(f64::INFINITY),
            "-inf" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

fn integer(value: i128) -> Json {
    match (i64::try_from(value), u64::try_from(value)) {
        (Ok(value), _) => value.into(),
        (_, Ok(value)) => value.into(),
        _ => Json::String(value.to_string()),
    }
}

fn number(value: f64) -> Json {
    match Number::from_f64(value) {
        Some(number) => Json::Number(number),
        None if value.is_nan() => Json::String("NaN".to_owned()),
        None => Json::String(if value > 0.0 { "inf" } else { "-inf" }.to_owned()),
    }
}

/// The `f64` that prints as short as the `f32` does, if it is the same `f32`.
fn shortest(value: f32) -> f64 {
    match format!("{value:e}").parse::<f64>() {
        Ok(short) if short as f32 == value => short,
        _ => f64::from(value),
    }
}

fn of_fields(fields: &[(String, Value)]) -> Json {
    if is_tuple(fields.iter().map(|(name, _)| name.as_str())) {
        return fields.iter().map(|(_, value)| value.to_json()).collect();
    }
    Json::Object(fields.iter().map(|(name, value)| (name.clone(), value.to_json())).collect())
}

fn of_entries(entries: &[(Value, Value)]) -> Json {
    // Keys of one type only: 1 and "1" would be one name.
    let kind = entries.first().map(|(key, _)| core::mem::discriminant(key));
    let name = |key: &Value| match key {
        _ if Some(core::mem::discriminant(key)) != kind => None,
        Value::Text(text) => Some(text.clone()),
        Value::Integer(value) => Some(value.to_string()),
        Value::Char(value) => Some(value.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Variant { name, fields } if fields.is_empty() => Some(name.clone()),
        _ => None,
    };
    let object: Option<Map<String, Json>> =
        entries.iter().map(|(key, value)| Some((name(key)?, value.to_json()))).collect();
    match object {
        Some(object) => Json::Object(object),
        None => {
            entries.iter().map(|(key, value)| Json::Array(vec![key.to_json(), value.to_json()])).collect()
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let pair = |pair: &[u8]| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8);
    text.len().is_multiple_of(2).then(|| text.as_bytes().chunks_exact(2).map(pair).collect())?
}

/// What JSON there is, in a word.
fn sort_of(json: &Json) -> impl Display + use<> {
    const LONGEST: usize = 60;
    match json {
        Json::Null => "null".to_owned(),
        Json::Bool(_) | Json::Number(_) => json.to_string(),
        Json::String(text) => {
            let cut = &text[..text.floor_char_boundary(LONGEST)];
            format!("the string {cut:?}{}", if cut.len() < text.len() { "…" } else { "" })
        }
        Json::Array(elements) => format!("an array of {}", elements.len()),
        Json::Object(members) => format!("an object with {} members", members.len()),
    }
}
