//! The binary form of a schema.
//!
//! ```text
//! schema    = format:byte(1)  order:byte(0 little, 1 big)  count(types)  type…
//! type      = kind:byte  text(name)  text(docs)  number(version)  number(size)  number(align)
//!             count(arguments)  argument…  body
//! argument  = byte(0) index  |  byte(1) signed
//! body      = primitive   code:byte
//!           | array       element:index  number(length)
//!           | string      number(capacity)
//!           | bytes       number(capacity)
//!           | list        element:index  number(capacity)
//!           | map         entry:index  number(capacity)
//!           | struct      count(fields)  field…
//!           | union       count(fields)  field…
//!           | enum        tag:byte  count(variants)  variant…
//! field     = text(name)  text(docs)  number(offset)  type:index  extras:byte
//!             text(unit) if extras & 1   number(since) if extras & 2
//!             signed(low) signed(high) if extras & 4   float(low) float(high) if extras & 8
//! variant   = text(name)  text(docs)  signed(value)  count(fields)  field…
//! float     = IEEE 754 binary64, eight bytes, little endian
//! text      = number(length in bytes)  UTF-8
//! number    = LEB128, shortest form;  signed = zigzag, then number;  count, index = number
//! ```
//!
//! Fingerprints are not sent; the receiver computes them. A schema has exactly one encoding.
//!
//! The decoder trusts nothing. A count is held against the bytes that are left before anything is reserved
//! for it, so memory is bounded by a multiple of the input; every loop consumes input; there is no recursion;
//! and each type is checked against its predecessors (`rules`) before it enters the table.

use super::descriptor::Bounds;
use super::fingerprint::KindCode;
use super::limits::{MAX_DOCS, MAX_MEMBERS, MAX_NAME, MAX_TYPES, allowed_in_docs, allowed_in_name};
use super::primitive::Primitive;
use super::rules::Rules;
use super::schema::{Schema, SchemaArgument, SchemaField, SchemaKind, SchemaType, SchemaVariant};
use super::schema_error::SchemaError;

/// The format that this file describes.
const FORMAT: u8 = 1;

/// The tags of generic arguments.
const TYPE_ARGUMENT: u8 = 0;
const VALUE_ARGUMENT: u8 = 1;

/// What a field has besides what all have.
const UNIT: u8 = 1;
const SINCE: u8 = 2;
const INTEGER_BOUNDS: u8 = 4;
const FLOAT_BOUNDS: u8 = 8;

impl Schema {
    /// The schema as bytes, to be sent along with the data.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer(vec![FORMAT, u8::from(self.big_endian())]);
        writer.count(self.types());
        for r#type in self.types() {
            writer.r#type(r#type);
        }
        writer.0
    }

    /// Reads what [`encode`](Self::encode) wrote. The bytes may come from anyone.
    ///
    /// # Errors
    ///
    /// [`SchemaError`] if the bytes are anything else: too short, too long, of another format, or
    /// contradictory.
    pub fn decode(bytes: &[u8]) -> Result<Self, SchemaError> {
        let mut reader = Reader { bytes, at: 0 };
        let format = reader.byte("the format")?;
        if format != FORMAT {
            return Err(SchemaError::Format { found: format, known: FORMAT });
        }
        let big_endian = match reader.byte("the byte order")? {
            0 => false,
            1 => true,
            other => return Err(reader.malformed(format!("byte order {other} is neither 0 nor 1"))),
        };
        let mut schema = Self::empty(big_endian);
        let mut rules = Rules::default();
        let count = reader.count("types", MAX_TYPES)?;
        if count == 0 {
            return Err(reader.malformed("it has no types".to_owned()));
        }
        for _ in 0..count {
            let r#type = reader.r#type()?;
            rules.check(schema.types(), &r#type).map_err(|why| reader.malformed(why))?;
            schema.push(r#type);
        }
        match bytes.len() - reader.at {
            0 => Ok(schema),
            excess => Err(SchemaError::TrailingBytes { at: reader.at, excess }),
        }
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn r#type(&mut self, r#type: &SchemaType) {
        self.byte(r#type.kind.code() as u8);
        self.text(&r#type.name);
        self.text(&r#type.docs);
        self.number(r#type.version);
        self.number(r#type.size);
        self.number(r#type.align);
        self.count(&r#type.arguments);
        for argument in &r#type.arguments {
            match *argument {
                SchemaArgument::Type(index) => {
                    self.byte(TYPE_ARGUMENT);
                    self.number(index as u64);
                }
                SchemaArgument::Value(value) => {
                    self.byte(VALUE_ARGUMENT);
                    self.signed(value);
                }
            }
        }
        match &r#type.kind {
            SchemaKind::Primitive(primitive) => self.byte(primitive.code()),
            SchemaKind::Array { element, len } => {
                self.number(*element as u64);
                self.number(*len);
            }
            SchemaKind::Str { capacity } | SchemaKind::Bytes { capacity } => self.number(*capacity),
            SchemaKind::List { element, capacity } | SchemaKind::Map { entry: element, capacity } => {
                self.number(*element as u64);
                self.number(*capacity);
            }
            SchemaKind::Struct { fields } | SchemaKind::Union { fields } => self.fields(fields),
            SchemaKind::Enum { tag, variants } => {
                self.byte(tag.code());
                self.count(variants);
                for variant in variants {
                    self.text(&variant.name);
                    self.text(&variant.docs);
                    self.signed(variant.value);
                    self.fields(&variant.fields);
                }
            }
        }
    }

    fn fields(&mut self, fields: &[SchemaField]) {
        self.count(fields);
        for SchemaField { name, docs, offset, type_index, unit, since, bounds } in fields {
            self.text(name);
            self.text(docs);
            self.number(*offset);
            self.number(*type_index as u64);
            let of_bounds = match bounds {
                None => 0,
                Some(Bounds::Integer { .. }) => INTEGER_BOUNDS,
                Some(Bounds::Float { .. }) => FLOAT_BOUNDS,
            };
            let of_unit = if unit.is_empty() { 0 } else { UNIT };
            let of_since = if *since == 1 { 0 } else { SINCE };
            self.byte(of_unit | of_since | of_bounds);
            if !unit.is_empty() {
                self.text(unit);
            }
            if *since != 1 {
                self.number(*since);
            }
            match bounds {
                None => {}
                Some(Bounds::Integer { low, high }) => {
                    [low, high].into_iter().for_each(|end| self.signed(*end))
                }
                Some(Bounds::Float { low, high }) => {
                    [low, high].into_iter().for_each(|end| self.0.extend_from_slice(&end.to_le_bytes()));
                }
            }
        }
    }

    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn number(&mut self, number: impl Into<u128>) {
        let mut rest = number.into();
        while rest >= 0x80 {
            self.0.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push(rest as u8);
    }

    fn signed(&mut self, value: i128) {
        self.number(((value << 1) ^ (value >> 127)) as u128);
    }

    fn count<T>(&mut self, items: &[T]) {
        self.number(items.len() as u64);
    }

    fn text(&mut self, text: &str) {
        self.count(text.as_bytes());
        self.0.extend_from_slice(text.as_bytes());
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    /// How many have been read; at most `bytes.len()`.
    at: usize,
}

impl<'a> Reader<'a> {
    fn r#type(&mut self) -> Result<SchemaType, SchemaError> {
        let kind = self.byte("the kind of a type")?;
        let name = self.text("the name of a type", MAX_NAME, allowed_in_name)?;
        let docs = self.text("documentation", MAX_DOCS, allowed_in_docs)?;
        let version = self.number("the version of a type")?;
        let size = self.number("the size of a type")?;
        let align = self.number("the alignment of a type")?;
        let arguments = self.items("generic arguments", Self::argument)?;
        let kind = self.kind(kind)?;
        let mut r#type = SchemaType::new(name, docs, size, align, arguments, kind);
        r#type.version = version;
        Ok(r#type)
    }

    fn kind(&mut self, code: u8) -> Result<SchemaKind, SchemaError> {
        const PRIMITIVE: u8 = KindCode::Primitive as u8;
        const ARRAY: u8 = KindCode::Array as u8;
        const STR: u8 = KindCode::Str as u8;
        const STRUCT: u8 = KindCode::Struct as u8;
        const ENUM: u8 = KindCode::Enum as u8;
        const BYTES: u8 = KindCode::Bytes as u8;
        const LIST: u8 = KindCode::List as u8;
        const MAP: u8 = KindCode::Map as u8;
        const UNION: u8 = KindCode::Union as u8;
        match code {
            PRIMITIVE => Ok(SchemaKind::Primitive(self.primitive()?)),
            ARRAY => {
                Ok(SchemaKind::Array { element: self.index()?, len: self.number("the length of an array")? })
            }
            STR => Ok(SchemaKind::Str { capacity: self.number("the capacity of a string")? }),
            BYTES => Ok(SchemaKind::Bytes { capacity: self.number("the capacity of bytes")? }),
            LIST => Ok(SchemaKind::List {
                element: self.index()?,
                capacity: self.number("the capacity of a list")?,
            }),
            MAP => {
                Ok(SchemaKind::Map { entry: self.index()?, capacity: self.number("the capacity of a map")? })
            }
            UNION => Ok(SchemaKind::Union { fields: self.items("fields", Self::field)? }),
            STRUCT => Ok(SchemaKind::Struct { fields: self.items("fields", Self::field)? }),
            ENUM => Ok(SchemaKind::Enum {
                tag: self.primitive()?,
                variants: self.items("variants", Self::variant)?,
            }),
            other => Err(self.malformed(format!("there is no kind of type {other}"))),
        }
    }

    fn argument(&mut self) -> Result<SchemaArgument, SchemaError> {
        match self.byte("a generic argument")? {
            TYPE_ARGUMENT => Ok(SchemaArgument::Type(self.index()?)),
            VALUE_ARGUMENT => Ok(SchemaArgument::Value(self.signed()?)),
            other => Err(self.malformed(format!("there is no kind of generic argument {other}"))),
        }
    }

    fn field(&mut self) -> Result<SchemaField, SchemaError> {
        let mut field = SchemaField {
            name: self.text("the name of a field", MAX_NAME, allowed_in_name)?,
            docs: self.text("documentation", MAX_DOCS, allowed_in_docs)?,
            offset: self.number("the offset of a field")?,
            type_index: self.index()?,
            unit: String::new(),
            since: 1,
            bounds: None,
        };
        let extras = self.byte("what else a field has")?;
        if extras & UNIT != 0 {
            field.unit = self.text("the unit of a field", MAX_NAME, allowed_in_name)?;
        }
        if extras & SINCE != 0 {
            field.since = self.number("the version of a field")?;
        }
        field.bounds = match extras & !(UNIT | SINCE) {
            0 => None,
            INTEGER_BOUNDS => Some(Bounds::Integer { low: self.signed()?, high: self.signed()? }),
            FLOAT_BOUNDS => Some(Bounds::Float { low: self.float()?, high: self.float()? }),
            _ => return Err(self.malformed(format!("a field cannot have the extras {extras:#04x}"))),
        };
        let needless = extras & UNIT != 0 && field.unit.is_empty() || extras & SINCE != 0 && field.since == 1;
        if needless {
            return Err(self.malformed(format!("the field `{}` says what goes without saying", field.name)));
        }
        Ok(field)
    }

    fn variant(&mut self) -> Result<SchemaVariant, SchemaError> {
        Ok(SchemaVariant {
            name: self.text("the name of a variant", MAX_NAME, allowed_in_name)?,
            docs: self.text("documentation", MAX_DOCS, allowed_in_docs)?,
            value: self.signed()?,
            fields: self.items("fields", Self::field)?,
        })
    }

    fn float(&mut self) -> Result<f64, SchemaError> {
        let bytes = self.take(8, "the end of a range")?;
        Ok(f64::from_le_bytes(bytes.try_into().expect("eight bytes were taken")))
    }

    /// A counted list; each item consumes at least a byte.
    fn items<T>(
        &mut self,
        what: &'static str,
        item: fn(&mut Self) -> Result<T, SchemaError>,
    ) -> Result<Vec<T>, SchemaError> {
        let count = self.count(what, MAX_MEMBERS)?;
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// A count of things that are at least one byte each, so that more than there are bytes left is a lie.
    fn count(&mut self, what: &'static str, most: usize) -> Result<usize, SchemaError> {
        let count: usize = self.number(what)?;
        let left = self.bytes.len() - self.at;
        if count > most {
            return Err(self.malformed(format!("{count} {what} are more than {most}")));
        }
        if count > left {
            return Err(SchemaError::Truncated { at: self.bytes.len(), what });
        }
        Ok(count)
    }

    fn primitive(&mut self) -> Result<Primitive, SchemaError> {
        let code = self.byte("a primitive type")?;
        Primitive::from_code(code).ok_or_else(|| self.malformed(format!("there is no primitive type {code}")))
    }

    fn index(&mut self) -> Result<usize, SchemaError> {
        self.number("the index of a type")
    }

    fn text(
        &mut self,
        what: &'static str,
        most: usize,
        allowed: fn(char) -> bool,
    ) -> Result<String, SchemaError> {
        let len: usize = self.number(what)?;
        if len > most {
            return Err(self.malformed(format!("{what} has {len} bytes, more than {most}")));
        }
        let bytes = self.take(len, what)?;
        let text = str::from_utf8(bytes).map_err(|_| self.malformed(format!("{what} is not UTF-8")))?;
        if !text.chars().all(allowed) {
            return Err(self.malformed(format!("{what} contains a control character")));
        }
        Ok(text.to_owned())
    }

    fn signed(&mut self) -> Result<i128, SchemaError> {
        let zigzag: u128 = self.number("a value")?;
        Ok((zigzag >> 1) as i128 ^ -((zigzag & 1) as i128))
    }

    fn number<N: TryFrom<u128>>(&mut self, what: &'static str) -> Result<N, SchemaError> {
        let mut number = 0_u128;
        for shift in (0..u128::BITS).step_by(7) {
            let byte = self.byte(what)?;
            let digit = u128::from(byte & 0x7f);
            number |= digit << shift;
            if number >> shift != digit {
                break; // bits were shifted out
            }
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(self.malformed(format!("{what} is a number with needless zeroes")));
                }
                return N::try_from(number)
                    .map_err(|_| self.malformed(format!("{what} is too large: {number}")));
            }
        }
        Err(self.malformed(format!("{what} is a number of more than 128 bits")))
    }

    fn byte(&mut self, what: &'static str) -> Result<u8, SchemaError> {
        Ok(self.take(1, what)?[0])
    }

    fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], SchemaError> {
        let rest = &self.bytes[self.at..];
        let Some(taken) = rest.get(..len) else {
            return Err(SchemaError::Truncated { at: self.bytes.len(), what });
        };
        self.at += len;
        Ok(taken)
    }

    #[cold]
    fn malformed(&self, why: String) -> SchemaError {
        SchemaError::Malformed { at: self.at, why }
    }
}

#[cfg(test)]
#[path = "encoding_tests.rs"]
mod tests;
