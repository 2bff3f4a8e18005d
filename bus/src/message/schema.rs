//! The description of a type as data that can travel.
//!
//! A [`TypeDescriptor`] is a tree in the memory of one program. A [`Schema`] is the same description as a
//! table:
//!
//! ```text
//!    0  f64
//!    1  u32
//!    2  Position { x: #0 at 0, y: #0 at 8 }
//!    3  Pose     { position: #2 at 0, frame: #1 at 16 }        the last entry is the message itself
//! ```
//!
//! Each entry refers only to earlier ones, so a schema from a hostile peer can have no cycle, and a type used
//! twice stands in the table once, so that walking the table is linear where walking the tree could be
//! exponential. The fingerprint of each entry is computed from its content and never taken from outside: a
//! decoded schema cannot claim to be a type that it does not describe.

use std::collections::HashMap;

use super::descriptor::{Argument, Bounds, FieldDescriptor, Kind, TypeDescriptor};
use super::fingerprint::{Fingerprint, Head, KindCode, Mixer, NATIVE_BIG_ENDIAN, hash_text};
use super::limits::{MAX_DOCS, allowed_in_docs};
use super::{Message, Primitive};

/// The self-description of a message: its types, names, offsets, values and documentation.
///
/// ```
/// use bus::Message;
/// use bus::message::Schema;
///
/// #[derive(Message)]
/// #[repr(C)]
/// struct Quote {
///     bid: f64,
///     size: u32,
/// }
///
/// let schema = Schema::of::<Quote>();
/// assert_eq!(schema.to_string(), "Quote { // size 16, align 8\n    bid: f64 at 0,\n    size: u32 at 8,\n}");
/// assert_eq!(Schema::decode(&schema.encode())?, schema);
/// # Ok::<(), bus::message::SchemaError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// The byte order of the program that made the schema.
    big_endian: bool,
    /// Never empty; indices in an entry are less than its own; the last entry is the message.
    types: Vec<SchemaType>,
}

/// One type of a [`Schema`].
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaType {
    pub(super) name: String,
    pub(super) docs: String,
    pub(super) version: u32,
    pub(super) size: u64,
    pub(super) align: u64,
    pub(super) arguments: Vec<SchemaArgument>,
    pub(super) kind: SchemaKind,
    /// Computed when the type enters a table.
    fingerprint: Fingerprint,
}

/// What a [`SchemaType`] is made of. Types are indices into [`Schema::types`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SchemaKind {
    /// A number, `bool`, `char` or `NonZero`.
    Primitive(Primitive),
    /// `len` elements without gaps.
    Array {
        /// The index of the element's type.
        element: usize,
        /// How many elements there are.
        len: u64,
    },
    /// Inline text: a length of two bytes, little endian, then `capacity` bytes of UTF-8.
    Str {
        /// The most bytes of text.
        capacity: u64,
    },
    /// Inline bytes: a length of two bytes, little endian, then `capacity` bytes.
    Bytes {
        /// The most bytes.
        capacity: u64,
    },
    /// Inline list: a length of eight bytes, little endian, then, at a multiple of their alignment, `capacity`
    /// elements.
    List {
        /// The index of the element's type.
        element: usize,
        /// The most elements.
        capacity: u64,
    },
    /// Inline map: as a list of entries, sorted by key, each key once.
    Map {
        /// The index of the entry's type: a struct of two fields, `key` and `value`.
        entry: usize,
        /// The most entries.
        capacity: u64,
    },
    /// Fields at fixed offsets.
    Struct {
        /// The fields in the order of their declaration.
        fields: Vec<SchemaField>,
    },
    /// One of several variants; which one, an integer at the beginning says.
    Enum {
        /// The integer.
        tag: Primitive,
        /// The variants in the order of their declaration.
        variants: Vec<SchemaVariant>,
    },
    /// Fields in the same place; nothing says which of them is meant, and each accepts all bits.
    Union {
        /// The fields in the order of their declaration.
        fields: Vec<SchemaField>,
    },
}

/// A generic argument of a [`SchemaType`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SchemaArgument {
    /// The index of a type in [`Schema::types`].
    Type(usize),
    /// A constant.
    Value(i128),
}

/// A field of a struct, a union or a variant in a [`Schema`].
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaField {
    pub(super) name: String,
    pub(super) docs: String,
    pub(super) offset: u64,
    pub(super) type_index: usize,
    pub(super) unit: String,
    pub(super) since: u32,
    pub(super) bounds: Option<Bounds>,
}

/// A variant of an enum in a [`Schema`].
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaVariant {
    pub(super) name: String,
    pub(super) docs: String,
    pub(super) value: i128,
    /// Their offsets count from the beginning of the enum.
    pub(super) fields: Vec<SchemaField>,
}

/// The descriptors that stand in a table already. Two may have one fingerprint and yet differ in what does not
/// enter it, such as ranges and documentation; and one type may have descriptors at several addresses.
#[derive(Default)]
struct Described {
    by_address: HashMap<*const TypeDescriptor, usize>,
    by_fingerprint: HashMap<Fingerprint, Vec<usize>>,
}

impl Schema {
    /// The schema of the message type `T`.
    pub fn of<T: Message>() -> Self {
        Self::from_descriptor(T::TYPE)
    }

    /// The schema of a described type.
    pub fn from_descriptor(descriptor: &TypeDescriptor) -> Self {
        let mut schema = Self::empty(NATIVE_BIG_ENDIAN);
        schema.describe(descriptor, &mut Described::default());
        schema
    }

    /// A table without types, not yet a schema; `push` makes it one.
    pub(super) const fn empty(big_endian: bool) -> Self {
        Self { big_endian, types: Vec::new() }
    }

    /// Appends a type, whose indices must be those of types already here, and returns its index.
    pub(super) fn push(&mut self, mut r#type: SchemaType) -> usize {
        r#type.fingerprint = self.fingerprint_of(&r#type);
        self.types.push(r#type);
        self.types.len() - 1
    }

    /// The identity of the type: equal to [`Message::FINGERPRINT`] of the type that it describes.
    pub fn fingerprint(&self) -> Fingerprint {
        self.root().fingerprint
    }

    /// The type's own name; empty for an array.
    pub fn name(&self) -> &str {
        &self.root().name
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        self.root().size
    }

    /// The alignment in bytes.
    pub fn align(&self) -> u64 {
        self.root().align
    }

    /// The fields of the message, if it is a struct; else none.
    pub fn fields(&self) -> &[SchemaField] {
        self.root().fields()
    }

    /// The entry of the message itself.
    pub fn root(&self) -> &SchemaType {
        self.types.last().expect("a schema has at least one type")
    }

    /// All types, each after those it is made of; the last is the message itself.
    pub fn types(&self) -> &[SchemaType] {
        &self.types
    }

    /// Whether the multi-byte numbers of the message begin with their most significant byte.
    pub fn big_endian(&self) -> bool {
        self.big_endian
    }

    /// Adds what `descriptor` is made of and then itself. The recursion is as deep as the descriptor, at most
    /// 64.
    fn describe(&mut self, descriptor: &TypeDescriptor, known: &mut Described) -> usize {
        let address: *const TypeDescriptor = descriptor;
        if let Some(&index) = known.by_address.get(&address) {
            return index;
        }
        let arguments = descriptor
            .arguments()
            .iter()
            .map(|argument| match argument {
                Argument::Type(argument) => SchemaArgument::Type(self.describe(argument, known)),
                Argument::Value(value) => SchemaArgument::Value(*value),
            })
            .collect();
        let kind = match descriptor.kind() {
            Kind::Primitive(primitive) => SchemaKind::Primitive(*primitive),
            Kind::Array { element, len } => {
                SchemaKind::Array { element: self.describe(element, known), len: *len as u64 }
            }
            Kind::Str { capacity } => SchemaKind::Str { capacity: *capacity as u64 },
            Kind::Bytes { capacity } => SchemaKind::Bytes { capacity: *capacity as u64 },
            Kind::List { element, capacity } => {
                SchemaKind::List { element: self.describe(element, known), capacity: *capacity as u64 }
            }
            Kind::Map { entry, capacity } => {
                SchemaKind::Map { entry: self.describe(entry, known), capacity: *capacity as u64 }
            }
            Kind::Struct { fields } => SchemaKind::Struct { fields: self.describe_fields(fields, known) },
            Kind::Union { fields } => SchemaKind::Union { fields: self.describe_fields(fields, known) },
            Kind::Enum { tag, variants } => {
                let variant = |variant: &super::VariantDescriptor| SchemaVariant {
                    name: variant.name().to_owned(),
                    docs: presentable(variant.docs()),
                    value: variant.value(),
                    fields: self.describe_fields(variant.fields(), known),
                };
                SchemaKind::Enum { tag: *tag, variants: variants.iter().map(variant).collect() }
            }
        };
        let (size, align) = (descriptor.size() as u64, descriptor.align() as u64);
        let docs = presentable(descriptor.docs());
        let mut r#type = SchemaType::new(descriptor.name().to_owned(), docs, size, align, arguments, kind);
        r#type.version = descriptor.version();
        r#type.fingerprint = descriptor.fingerprint();
        let alike = known.by_fingerprint.entry(r#type.fingerprint).or_default();
        let index = match alike.iter().find(|index| self.types[**index] == r#type) {
            Some(&index) => index,
            None => {
                alike.push(self.types.len());
                self.push(r#type)
            }
        };
        known.by_address.insert(address, index);
        index
    }

    fn describe_fields(&mut self, fields: &[FieldDescriptor], known: &mut Described) -> Vec<SchemaField> {
        let field = |field: &FieldDescriptor| SchemaField {
            name: field.name().to_owned(),
            docs: presentable(field.docs()),
            offset: field.offset() as u64,
            type_index: self.describe(field.descriptor(), known),
            unit: field.unit().to_owned(),
            since: field.since(),
            bounds: field.bounds(),
        };
        fields.iter().map(field).collect()
    }

    /// The algorithm of `fingerprint`, over a type that refers into this table.
    fn fingerprint_of(&self, r#type: &SchemaType) -> Fingerprint {
        let of = |index: usize| self.types[index].fingerprint;
        let mix_fields = |mixer: Mixer, fields: &[SchemaField]| {
            fields.iter().fold(mixer, |mixer, field| {
                let (name, unit) = (hash_text(&field.name), hash_text(&field.unit));
                mixer.field(name, unit, of(field.type_index), field.offset)
            })
        };
        let mut mixer = Mixer::begin(Head {
            kind: r#type.kind.code(),
            big_endian: self.big_endian,
            name: hash_text(&r#type.name),
            size: r#type.size,
            align: r#type.align,
            arguments: r#type.arguments.len(),
        });
        for argument in &r#type.arguments {
            mixer = match *argument {
                SchemaArgument::Type(index) => mixer.type_argument(of(index)),
                SchemaArgument::Value(value) => mixer.value_argument(value),
            };
        }
        match &r#type.kind {
            SchemaKind::Primitive(_) => mixer.finish(),
            SchemaKind::Array { element, len: count }
            | SchemaKind::List { element, capacity: count }
            | SchemaKind::Map { entry: element, capacity: count } => {
                mixer.elements(of(*element), *count).finish()
            }
            SchemaKind::Str { capacity } | SchemaKind::Bytes { capacity } => mixer.number(*capacity).finish(),
            SchemaKind::Struct { fields } | SchemaKind::Union { fields } => {
                mix_fields(mixer.number(fields.len() as u64), fields).finish()
            }
            SchemaKind::Enum { tag, variants } => variants
                .iter()
                .fold(mixer.number(tag.code().into()).number(variants.len() as u64), |mixer, variant| {
                    let SchemaVariant { name, value, fields, .. } = variant;
                    mix_fields(mixer.variant(hash_text(name), *value, fields.len()), fields)
                })
                .finish(),
        }
    }
}

impl SchemaType {
    /// A type that is not yet in a table.
    pub(super) const fn new(
        name: String,
        docs: String,
        size: u64,
        align: u64,
        arguments: Vec<SchemaArgument>,
        kind: SchemaKind,
    ) -> Self {
        let fingerprint = Fingerprint::from_bits(0);
        Self { name, docs, version: 1, size, align, arguments, kind, fingerprint }
    }

    /// The type's own name; empty for an array.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The documentation comment, cut at 4096 bytes.
    pub fn docs(&self) -> &str {
        &self.docs
    }

    /// The version of the definition, from 1.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The alignment in bytes.
    pub fn align(&self) -> u64 {
        self.align
    }

    /// The generic arguments, lifetimes excluded.
    pub fn arguments(&self) -> &[SchemaArgument] {
        &self.arguments
    }

    /// What the type is made of.
    pub fn kind(&self) -> &SchemaKind {
        &self.kind
    }

    /// The fields, if it is a struct; else none.
    pub fn fields(&self) -> &[SchemaField] {
        match &self.kind {
            SchemaKind::Struct { fields } => fields,
            _ => &[],
        }
    }

    /// The identity of this type.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Calls `refer` with the index of each type that this one is made of, until it fails.
    pub(super) fn references<E>(&self, mut refer: impl FnMut(usize) -> Result<(), E>) -> Result<(), E> {
        for argument in &self.arguments {
            if let SchemaArgument::Type(index) = argument {
                refer(*index)?;
            }
        }
        let mut fields = |fields: &[SchemaField]| fields.iter().try_for_each(|field| refer(field.type_index));
        match &self.kind {
            SchemaKind::Primitive(_) | SchemaKind::Str { .. } | SchemaKind::Bytes { .. } => Ok(()),
            SchemaKind::Array { element, .. }
            | SchemaKind::List { element, .. }
            | SchemaKind::Map { entry: element, .. } => refer(*element),
            SchemaKind::Struct { fields: of } | SchemaKind::Union { fields: of } => fields(of),
            SchemaKind::Enum { variants, .. } => {
                variants.iter().try_for_each(|variant| fields(&variant.fields))
            }
        }
    }
}

impl SchemaKind {
    /// The number of this kind in fingerprints and encoded schemas.
    pub(super) fn code(&self) -> KindCode {
        match self {
            Self::Primitive(_) => KindCode::Primitive,
            Self::Array { .. } => KindCode::Array,
            Self::Str { .. } => KindCode::Str,
            Self::Bytes { .. } => KindCode::Bytes,
            Self::List { .. } => KindCode::List,
            Self::Map { .. } => KindCode::Map,
            Self::Struct { .. } => KindCode::Struct,
            Self::Enum { .. } => KindCode::Enum,
            Self::Union { .. } => KindCode::Union,
        }
    }
}

impl SchemaField {
    /// The name; of a field in a tuple struct, its number.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The documentation comment, cut at 4096 bytes.
    pub fn docs(&self) -> &str {
        &self.docs
    }

    /// The distance in bytes from the beginning of the struct.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The index of the field's type in [`Schema::types`].
    pub fn type_index(&self) -> usize {
        self.type_index
    }

    /// The unit of measurement; empty if it has none.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The version of the type that had this field first; 1 if it was always there.
    pub fn since(&self) -> u32 {
        self.since
    }

    /// The values that its number, or each of its numbers, may have, if not all.
    pub fn bounds(&self) -> Option<Bounds> {
        self.bounds
    }
}

impl SchemaVariant {
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The documentation comment, cut at 4096 bytes.
    pub fn docs(&self) -> &str {
        &self.docs
    }

    /// The number that its tag has.
    pub fn value(&self) -> i128 {
        self.value
    }

    /// What it holds besides; offsets count from the beginning of the enum.
    pub fn fields(&self) -> &[SchemaField] {
        &self.fields
    }
}

/// Documentation as a schema holds it: within its limit, and without control characters.
fn presentable(docs: &str) -> String {
    let cut = &docs[..docs.floor_char_boundary(MAX_DOCS)];
    cut.chars().map(|character| if allowed_in_docs(character) { character } else { ' ' }).collect()
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
