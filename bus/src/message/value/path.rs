//! Parts of a message by their path.
//!
//! ```text
//! path    = [name | bracket] ( `.` name | bracket )…           empty: the message itself
//! bracket = `[` number `]`  |  `[` `"` text, `\` before `"` and `\` `"` `]`  |  `[` name `]`
//! ```
//!
//! A name is a field, of a tuple its number; after an enum, it is the variant, which its fields follow:
//! `command.Move.x`. A bracket is an index of an array or list, or a key of a map. These are the paths that
//! errors print.
//!
//! Where a field lies in a struct or an element in an array, the schema says. What is in a list, a map or an
//! enum depends on the message: [`Schema::locate`] stops there, [`Schema::locate_in`] looks.

use super::Value;
use super::decode::ENTRIES as IN_ERRORS;
use super::error::{PartError, PathError, did_you_mean, listed, nearest};
use crate::message::Invalid;
use crate::message::schema::{Schema, SchemaField, SchemaKind, SchemaType, SchemaVariant};

/// Where a part of a message lies, and of what type it is.
#[derive(Clone, Copy, Debug)]
pub struct Located<'a> {
    pub(super) schema: &'a Schema,
    pub(super) type_index: usize,
    pub(super) offset: u64,
    /// The innermost field on the way, through arrays and lists.
    pub(super) field: Option<&'a SchemaField>,
    /// The variant, if the path ends with its name or goes on with its fields.
    variant: Option<&'a SchemaVariant>,
}

impl<'a> Located<'a> {
    /// The distance in bytes from the beginning of the message.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        self.r#type().size()
    }

    /// The index of the type in [`Schema::types`].
    pub fn type_index(&self) -> usize {
        self.type_index
    }

    /// The type.
    pub fn r#type(&self) -> &'a SchemaType {
        &self.schema.types()[self.type_index]
    }

    /// The full name of the type, as [`Schema::type_name`].
    pub fn type_name(&self) -> String {
        self.schema.type_name(self.type_index)
    }

    /// The field that the part is, or is an element of: it has the unit, the range and the documentation.
    pub fn field(&self) -> Option<&'a SchemaField> {
        self.field
    }

    /// The bytes of the part in those of a message, of which there are as many as the schema says.
    fn range(&self) -> core::ops::Range<usize> {
        self.offset as usize..(self.offset + self.size()) as usize
    }

    /// An error inside of this part, which is at `path`.
    fn under(&self, path: &str, invalid: Invalid) -> Invalid {
        // The name of the variant is in the error already.
        let variant = self.variant.map_or("", SchemaVariant::name);
        let of = path.strip_suffix(variant).unwrap_or(path);
        at_path(invalid, if variant.is_empty() { path } else { of.strip_suffix('.').unwrap_or(of) })
    }

    fn to_field(self, field: &'a SchemaField) -> Self {
        let offset = self.offset + field.offset;
        Self { type_index: field.type_index, offset, field: Some(field), variant: None, ..self }
    }

    fn to_element(self, element: usize, start: u64, at: u64) -> Self {
        let offset = self.offset + start + at * self.schema.types()[element].size;
        Self { type_index: element, offset, variant: None, ..self }
    }
}

impl Schema {
    /// Where a part lies that every message of this type has at the same place: a field of structs, an
    /// element of arrays, `pose.position[2]`.
    ///
    /// # Errors
    ///
    /// [`PathError`] if there is no such part, or if its place depends on the message: see
    /// [`locate_in`](Self::locate_in).
    pub fn locate(&self, path: &str) -> Result<Located<'_>, PathError> {
        match self.walk(None, path) {
            Ok(located) => Ok(located),
            Err(PartError::Path(error)) => Err(error),
            // Only bytes are invalid.
            Err(other) => Err(error(path, "", other.to_string(), None)),
        }
    }

    /// Where a part lies in a message with these bytes, which may come from anyone: also an element of lists,
    /// a field of the variant that an enum has, `command.Move.x`, or the value of a key, `limits["axis"]`.
    ///
    /// # Errors
    ///
    /// [`PartError`] if there is no such part in this message, or if the bytes on the way are not valid.
    pub fn locate_in(&self, bytes: &[u8], path: &str) -> Result<Located<'_>, PartError> {
        self.check_len(bytes)?;
        self.walk(Some(bytes), path)
    }

    /// Reads one part of a message.
    ///
    /// # Errors
    ///
    /// [`PartError`] if there is no such part, or if it is not valid. Other parts are not looked at.
    pub fn read_part(&self, bytes: &[u8], path: &str) -> Result<Value, PartError> {
        let located = self.locate_in(bytes, path)?;
        let bounds = located.field.and_then(SchemaField::bounds);
        let value = self.read_type(located.type_index, bounds, &bytes[located.range()]);
        value.map_err(|invalid| located.under(path, invalid).into())
    }

    /// Changes one part of a message in place: `pose.position[2] = 3.5`.
    ///
    /// # Errors
    ///
    /// [`PartError`] if there is no such part or `value` is not one of its type; `bytes` are then unchanged.
    pub fn set(&self, bytes: &mut [u8], path: &str, value: &Value) -> Result<(), PartError> {
        let located = self.locate_in(bytes, path)?;
        let mut part = vec![0; located.range().len()];
        let bounds = located.field.and_then(SchemaField::bounds);
        let written = self.write_type(located.type_index, bounds, value, &mut part);
        written.map_err(|invalid| PartError::Value(located.under(path, invalid).into()))?;
        bytes[located.range()].copy_from_slice(&part);
        Ok(())
    }

    /// Follows `path`, with the bytes of a message if there are any. Each step consumes some of the path.
    fn walk<'a>(&'a self, bytes: Option<&[u8]>, path: &str) -> Result<Located<'a>, PartError> {
        let type_index = self.types().len() - 1;
        let mut located = Located { schema: self, type_index, offset: 0, field: None, variant: None };
        let mut steps = Steps { path, rest: path };
        while let Some(step) = steps.next()? {
            let of = bytes.map(|bytes| &bytes[located.range()]);
            located = self.step(located, of, path, &step)?;
        }
        Ok(located)
    }

    /// One step from `at`, which has the given bytes.
    fn step<'a>(
        &'a self,
        at: Located<'a>,
        bytes: Option<&[u8]>,
        path: &str,
        step: &Step,
    ) -> Result<Located<'a>, PartError> {
        let fail = |why: String| Err(error(path, &step.text, why, None).into());
        let name = at.type_name();
        let depends = |what: &str| {
            let why = format!("{what} of `{name}` depends on the message, and there is none to look at");
            Err(error(path, &step.text, why, None).into())
        };
        match (at.variant, &at.r#type().kind, &step.to) {
            (Some(variant), _, To::Name(of)) => match variant.fields.iter().find(|field| field.name == *of) {
                Some(field) => Ok(at.to_field(field)),
                None => {
                    let within = format!("the variant `{}` of `{name}`", variant.name);
                    Err(no_field(path, step, &within, variant.fields.iter().map(SchemaField::name)))
                }
            },
            (Some(variant), ..) => fail(format!("the variant `{}` has fields and no index", variant.name)),
            (None, SchemaKind::Struct { fields } | SchemaKind::Union { fields }, To::Name(of)) => {
                match fields.iter().find(|field| field.name == *of) {
                    Some(field) => Ok(at.to_field(field)),
                    None => {
                        Err(no_field(path, step, &format!("`{name}`"), fields.iter().map(SchemaField::name)))
                    }
                }
            }
            (None, SchemaKind::Enum { tag, variants }, To::Name(of)) => {
                let Some(variant) = variants.iter().find(|variant| variant.name == *of) else {
                    let names = variants.iter().map(SchemaVariant::name);
                    return Err(no_field(path, step, &format!("the enum `{name}`"), names));
                };
                let Some(bytes) = bytes else { return depends("the variant") };
                let active = self.active(at.type_index, *tag, variants, bytes);
                let active = active.map_err(|invalid| at_path(invalid, before(path, step)))?;
                if active.name != variant.name {
                    return fail(other_variant(&active.name));
                }
                Ok(Located { variant: Some(variant), ..at })
            }
            (None, SchemaKind::Array { element, len }, To::Index(index)) => {
                match u64::try_from(*index).ok().filter(|index| index < len) {
                    Some(index) => Ok(at.to_element(*element, 0, index)),
                    None => fail(format!("`{name}` has the elements from 0 to {len}, {len} excluded")),
                }
            }
            (None, SchemaKind::List { element, capacity }, To::Index(index)) => {
                let Some(bytes) = bytes else { return depends("the length") };
                let len = self.checked_list_len(at.type_index, *capacity, bytes);
                let len = len.map_err(|invalid| at_path(invalid, before(path, step)))?;
                match u64::try_from(*index).ok().filter(|index| *index < len) {
                    Some(index) => Ok(at.to_element(*element, self.list_start(*element) as u64, index)),
                    None => fail(format!("the list has now {len} elements")),
                }
            }
            (None, SchemaKind::Map { entry, capacity }, To::Index(_) | To::Text(_) | To::Bare(_)) => {
                let Some(bytes) = bytes else { return depends("the place of a key") };
                let [key, value] = self.types()[*entry].fields() else { return fail(NO_KEY.to_owned()) };
                let len = self.checked_list_len(at.type_index, *capacity, bytes);
                let len = len.map_err(|invalid| at_path(invalid, before(path, step)))?;
                let size = self.types()[*entry].size as usize;
                let elements = self.elements(*entry, bytes);
                if size == 0 {
                    return fail(NO_KEY.to_owned());
                }
                for (number, of) in elements.chunks_exact(size).enumerate().take(len as usize) {
                    let of = self.field_bytes(key, of);
                    let found = self.read_type(key.type_index, key.bounds, of).map_err(|invalid| {
                        at_path(
                            invalid.within(&key.name).within_index(number).within(IN_ERRORS),
                            before(path, step),
                        )
                    })?;
                    if step.to.is_key(&found) {
                        let entry = at.to_element(*entry, self.list_start(*entry) as u64, number as u64);
                        return Ok(entry.to_field(value));
                    }
                }
                fail(format!("the map has now {len} keys, and not this one"))
            }
            (None, kind, _) => fail(format!("`{name}` {}", parts_of(kind))),
        }
    }
}

impl Value {
    /// The part at `path`: `pose.position[2].x`, `limits["axis"]`, `command.Move.x`.
    ///
    /// # Errors
    ///
    /// [`PathError`] with the step that failed and what there is instead.
    pub fn get(&self, path: &str) -> Result<&Value, PathError> {
        let mut value = self;
        // Whether the name of the variant was passed, so that its fields follow.
        let mut within_variant = false;
        let mut steps = Steps { path, rest: path };
        while let Some(step) = steps.next()? {
            let fail = |why: String| error(path, &step.text, why, None);
            let found = match (value, &step.to) {
                (Value::Variant { name, .. }, To::Name(of)) if !within_variant => {
                    if name != of {
                        return Err(fail(other_variant(name)));
                    }
                    within_variant = true;
                    continue;
                }
                (Value::Struct(fields) | Value::Variant { fields, .. }, To::Name(of)) => {
                    let found = fields.iter().find(|(name, _)| name == of);
                    let names = fields.iter().map(|(name, _)| name.as_str());
                    &found.ok_or_else(|| no_field_of(path, &step, "the value", names))?.1
                }
                (Value::List(elements), To::Index(index)) => {
                    let found = usize::try_from(*index).ok().and_then(|index| elements.get(index));
                    found.ok_or_else(|| fail(format!("the list has {} elements", elements.len())))?
                }
                (Value::Map(entries), To::Index(_) | To::Text(_) | To::Bare(_)) => {
                    let found = entries.iter().find(|(key, _)| step.to.is_key(key));
                    let len = entries.len();
                    &found.ok_or_else(|| fail(format!("the map has {len} keys, and not this one")))?.1
                }
                (value, _) => {
                    return Err(fail(match value {
                        Value::Struct(_) | Value::Variant { .. } => FIELDS.to_owned(),
                        Value::List(_) => ELEMENTS.to_owned(),
                        Value::Map(_) => ENTRIES.to_owned(),
                        _ => format!("{} has no parts", super::encode::sort_of(value)),
                    }));
                }
            };
            value = found;
            within_variant = false;
        }
        Ok(value)
    }
}

const FIELDS: &str = "has fields, which are named after a dot";
const ELEMENTS: &str = "has elements, which are numbered in brackets";
const ENTRIES: &str = "has entries, whose key stands in brackets";
const NO_KEY: &str = "a map of this type has no keys that a path can name";

fn parts_of(kind: &SchemaKind) -> &'static str {
    match kind {
        SchemaKind::Struct { .. } | SchemaKind::Union { .. } => FIELDS,
        SchemaKind::Enum { .. } => "has variants, which are named after a dot",
        SchemaKind::Array { .. } | SchemaKind::List { .. } => ELEMENTS,
        SchemaKind::Map { .. } => ENTRIES,
        SchemaKind::Primitive(_) | SchemaKind::Str { .. } | SchemaKind::Bytes { .. } => "has no parts",
    }
}

fn other_variant(active: &str) -> String {
    format!("it is now the variant `{active}`; to change that, set the whole of it")
}

fn error(path: &str, part: &str, why: String, nearest: Option<&str>) -> PathError {
    let nearest = nearest.map(str::to_owned);
    PathError { path: path.to_owned(), part: part.to_owned(), why, nearest }
}

fn no_field<'a>(
    path: &str,
    step: &Step,
    within: &str,
    names: impl ExactSizeIterator<Item = &'a str> + Clone,
) -> PartError {
    no_field_of(path, step, within, names).into()
}

fn no_field_of<'a>(
    path: &str,
    step: &Step,
    within: &str,
    names: impl ExactSizeIterator<Item = &'a str> + Clone,
) -> PathError {
    if names.len() == 0 {
        return error(path, &step.text, format!("{within} has no parts"), None);
    }
    let To::Name(name) = &step.to else {
        return error(path, &step.text, format!("{within} {FIELDS}"), None);
    };
    let nearest = nearest(name, names.clone());
    let why = format!("{within} has {}{}", listed(names), did_you_mean(nearest));
    error(path, &step.text, why, nearest)
}

/// The path up to a step.
fn before<'a>(path: &'a str, step: &Step) -> &'a str {
    &path[..step.at]
}

/// The same error, seen from the message that has the part at `path`.
fn at_path(invalid: Invalid, path: &str) -> Invalid {
    if path.is_empty() { invalid } else { invalid.within(path) }
}

/// One step of a path.
struct Step {
    /// The step as it was written, without its dot.
    text: String,
    /// Where it begins in the path, its dot included.
    at: usize,
    to: To,
}

enum To {
    Name(String),
    Index(i128),
    Text(String),
    /// A word in brackets: a `bool`, a variant, or a character.
    Bare(String),
}

impl To {
    /// Whether a key is the one that is meant.
    fn is_key(&self, key: &Value) -> bool {
        let mut buffer = [0; 4];
        match (self, key) {
            (Self::Index(index), Value::Integer(key)) => index == key,
            (Self::Text(text), Value::Text(key)) => text == key,
            (Self::Text(text) | Self::Bare(text), Value::Char(key)) => text == key.encode_utf8(&mut buffer),
            (Self::Bare(word), Value::Bool(key)) => word == if *key { "true" } else { "false" },
            (Self::Bare(word), Value::Variant { name, fields }) => word == name && fields.is_empty(),
            _ => false,
        }
    }
}

/// The steps of a path that are left.
struct Steps<'a> {
    path: &'a str,
    rest: &'a str,
}

impl Steps<'_> {
    fn next(&mut self) -> Result<Option<Step>, PathError> {
        let at = self.path.len() - self.rest.len();
        let rest = self.rest;
        if rest.is_empty() {
            return Ok(None);
        }
        let syntax = |part: &str, why: &str| error(self.path, part, why.to_owned(), None);
        if let Some(inside) = rest.strip_prefix('[') {
            let (to, len) = bracket(inside).map_err(|why| syntax(rest, why))?;
            let (text, rest) = rest.split_at(1 + len);
            self.rest = rest;
            return Ok(Some(Step { text: text.to_owned(), at, to }));
        }
        let named = match rest.strip_prefix('.') {
            Some(named) if at > 0 => named,
            None if at == 0 => rest,
            _ => return Err(syntax(rest, "a `.` or a `[` is expected between two names, and none before")),
        };
        let (name, rest) = named.split_at(named.find(['.', '[']).unwrap_or(named.len()));
        if name.is_empty() {
            return Err(syntax(named, "a name is expected after a `.`"));
        }
        self.rest = rest;
        Ok(Some(Step { text: name.to_owned(), at, to: To::Name(name.to_owned()) }))
    }
}

/// What follows a `[`, and how many bytes that are, the `]` included.
fn bracket(inside: &str) -> Result<(To, usize), &'static str> {
    const OPEN: &str = "the bracket has no end: write `]` after the index or key";
    if let Some(quoted) = inside.strip_prefix('"') {
        let mut text = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' if quoted[at + 1..].starts_with(']') => return Ok((To::Text(text), 1 + at + 2)),
                '"' => return Err("a `]` is expected after the closing `\"`"),
                '\\' => match characters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                    _ => return Err("a `\\` in a key stands before `\"` or `\\`"),
                },
                other => text.push(other),
            }
        }
        return Err("the key has no end: write `\"]` after it");
    }
    let end = inside.find(']').ok_or(OPEN)?;
    let word = &inside[..end];
    let to = match word.parse() {
        Ok(index) => To::Index(index),
        Err(_) if word.is_empty() => return Err("an index or a key is expected in the brackets"),
        Err(_) => To::Bare(word.to_owned()),
    };
    Ok((to, end + 1))
}
