//! The static description of a type, built while the program is compiled.
//!
//! Everything here is `const`: a descriptor is a tree of `&'static` data that costs nothing at run time, for
//! generic types too, where each instance has its own. The constructors take size and alignment from the type
//! itself and compute the fingerprint, so that neither can disagree with the rest.
//!
//! A type cannot contain itself without a pointer, hence descriptors have no cycles; their depth is bounded
//! (64) at compile time.

use super::Message;
use super::fingerprint::{Fingerprint, Head, KindCode, Mixer, NATIVE_BIG_ENDIAN, hash_text};
use super::limits::{MAX_DEPTH, MAX_MEMBERS, MAX_NAME};
use super::primitive::Primitive;

/// Bytes before the content of a [`Kind::Str`] and a [`Kind::Bytes`].
pub(super) const TEXT_LEN_BYTES: usize = 2;

/// Bytes before the elements of a [`Kind::List`] and a [`Kind::Map`], unless they are aligned to more.
pub(super) const LIST_LEN_BYTES: usize = 8;

/// The description of a type: its name, layout, parts and documentation.
#[derive(Debug)]
pub struct TypeDescriptor {
    name: Name,
    docs: &'static str,
    version: u32,
    size: usize,
    align: usize,
    arguments: &'static [Argument],
    kind: Kind,
    fingerprint: Fingerprint,
    any_bits: bool,
    padding_free: bool,
    /// Whether a field, in this type or in what it consists of, was not there in the first version.
    grown: bool,
    /// How many types lie on the longest way down, this one included; at most `MAX_DEPTH`.
    depth: usize,
}

/// What a type is made of.
#[derive(Debug)]
#[non_exhaustive]
pub enum Kind {
    /// A number, `bool`, `char`, `NonZero` or an option of that.
    Primitive(Primitive),
    /// `len` elements without gaps.
    Array {
        /// The type of each element.
        element: &'static TypeDescriptor,
        /// How many there are.
        len: usize,
    },
    /// Inline text: a length of two bytes, little endian, then `capacity` bytes of UTF-8.
    Str {
        /// The most bytes of text.
        capacity: usize,
    },
    /// Inline bytes: a length of two bytes, little endian, then `capacity` bytes.
    Bytes {
        /// The most bytes.
        capacity: usize,
    },
    /// Inline list: a length of eight bytes, little endian, then `capacity` elements.
    List {
        /// The type of each element.
        element: &'static TypeDescriptor,
        /// The most elements.
        capacity: usize,
    },
    /// Inline map: as a list of entries, sorted by key, each key once.
    Map {
        /// The type of each entry: a struct of two fields, `key` and `value`.
        entry: &'static TypeDescriptor,
        /// The most entries.
        capacity: usize,
    },
    /// Fields at fixed offsets.
    Struct {
        /// The fields in the order of their declaration.
        fields: &'static [FieldDescriptor],
    },
    /// One of several variants; which one, an integer at the beginning says.
    Enum {
        /// The integer.
        tag: Primitive,
        /// The variants in the order of their declaration.
        variants: &'static [VariantDescriptor],
    },
    /// Fields in the same place; nothing says which of them is meant, and each accepts all bits.
    Union {
        /// The fields in the order of their declaration.
        fields: &'static [FieldDescriptor],
    },
}

/// A generic argument of a type.
#[derive(Debug)]
#[non_exhaustive]
pub enum Argument {
    /// A type.
    Type(&'static TypeDescriptor),
    /// A constant: an integer, or a `bool` or `char` as its number. Values of `u128` beyond `i128::MAX` wrap.
    Value(i128),
}

impl Argument {
    /// The argument that is the type `T`.
    pub const fn of<T: Message>() -> Self {
        Self::Type(T::TYPE)
    }
}

/// A name with its hash, which enters fingerprints.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    text: &'static str,
    hash: u128,
}

impl Name {
    /// A name; its hash is computed where this is evaluated.
    pub const fn new(text: &'static str) -> Self {
        Self { text, hash: hash_text(text) }
    }

    /// A name whose hash, FNV-1a-128 over its bytes, was computed before: the derive does that, since it is much
    /// faster than the compiler's evaluation of constants.
    pub const fn hashed(text: &'static str, hash: u128) -> Self {
        Self { text, hash }
    }

    /// The name itself.
    pub const fn text(&self) -> &'static str {
        self.text
    }

    const fn assert(&self) {
        assert!(
            !self.text.is_empty() && self.text.len() <= MAX_NAME,
            "names in a message have 1 to 255 bytes"
        );
    }
}

/// The values that a number may have, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Bounds {
    /// Of an integer.
    Integer {
        /// The least.
        low: i128,
        /// The most.
        high: i128,
    },
    /// Of a floating point number; never NaN.
    Float {
        /// The least.
        low: f64,
        /// The most.
        high: f64,
    },
}

/// One field of a struct, a union, or a variant.
#[derive(Debug)]
pub struct FieldDescriptor {
    name: Name,
    docs: &'static str,
    offset: usize,
    r#type: &'static TypeDescriptor,
    unit: Name,
    since: u32,
    bounds: Option<Bounds>,
    checked: bool,
}

impl FieldDescriptor {
    /// A field of type `T` at `offset` bytes from the beginning of the message that it is a field of.
    pub const fn of<T: Message>(name: Name, offset: usize, docs: &'static str) -> Self {
        name.assert();
        let (unit, since, bounds, checked) = (Name::hashed("", hash_text("")), 1, None, false);
        Self { name, docs, offset, r#type: T::TYPE, unit, since, bounds, checked }
    }

    /// The same field, measured in `unit`.
    #[must_use]
    pub const fn with_unit(mut self, unit: Name) -> Self {
        unit.assert();
        self.unit = unit;
        self
    }

    /// The same field, there from version `since` of the type on.
    #[must_use]
    pub const fn with_since(mut self, since: u32) -> Self {
        self.since = since;
        self
    }

    /// The same field, whose number, or each of whose numbers in an array, must be within `bounds`.
    ///
    /// # Panics
    ///
    /// If there are no values within them.
    #[must_use]
    pub const fn with_bounds(mut self, bounds: Bounds) -> Self {
        let has_values = match bounds {
            Bounds::Integer { low, high } => low <= high,
            Bounds::Float { low, high } => low <= high,
        };
        assert!(has_values, "a range has at least one value: its end is not less than its beginning");
        self.bounds = Some(bounds);
        self.checked = true;
        self
    }

    /// The same field, of which a function of the program says whether it is valid.
    #[must_use]
    pub const fn with_invariant(mut self) -> Self {
        self.checked = true;
        self
    }

    /// The name; of a field in a tuple struct, its number.
    pub const fn name(&self) -> &'static str {
        self.name.text
    }

    /// The documentation comment.
    pub const fn docs(&self) -> &'static str {
        self.docs
    }

    /// The distance in bytes from the beginning of the message that it is a field of.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The description of the field's type.
    pub const fn descriptor(&self) -> &'static TypeDescriptor {
        self.r#type
    }

    /// The unit of measurement; empty if it has none.
    pub const fn unit(&self) -> &'static str {
        self.unit.text
    }

    /// The version of the type that had this field first; 1 if it was always there.
    pub const fn since(&self) -> u32 {
        self.since
    }

    /// The values that its numbers may have, if not all.
    pub const fn bounds(&self) -> Option<Bounds> {
        self.bounds
    }
}

/// One variant of an enum.
#[derive(Debug)]
pub struct VariantDescriptor {
    name: Name,
    docs: &'static str,
    value: i128,
    fields: &'static [FieldDescriptor],
}

impl VariantDescriptor {
    /// A variant whose tag is `value`. The offsets of its fields count from the beginning of the enum.
    pub const fn new(
        name: Name,
        value: i128,
        docs: &'static str,
        fields: &'static [FieldDescriptor],
    ) -> Self {
        name.assert();
        Self { name, docs, value, fields }
    }

    /// The name.
    pub const fn name(&self) -> &'static str {
        self.name.text
    }

    /// The documentation comment.
    pub const fn docs(&self) -> &'static str {
        self.docs
    }

    /// The number that its tag has.
    pub const fn value(&self) -> i128 {
        self.value
    }

    /// What it holds besides.
    pub const fn fields(&self) -> &'static [FieldDescriptor] {
        self.fields
    }
}

/// What is said of a named type before its members.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    name: Name,
    docs: &'static str,
    version: u32,
    arguments: &'static [Argument],
    checked: bool,
}

impl Declaration {
    /// The first version of a type, without documentation and arguments.
    pub const fn new(name: Name) -> Self {
        Self { name, docs: "", version: 1, arguments: &[], checked: false }
    }

    /// The same type with documentation.
    #[must_use]
    pub const fn with_docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }

    /// The same type with generic arguments, lifetimes excluded.
    #[must_use]
    pub const fn with_arguments(mut self, arguments: &'static [Argument]) -> Self {
        self.arguments = arguments;
        self
    }

    /// The same type in another version.
    #[must_use]
    pub const fn with_version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// The same type, of which a function of the program says whether a value is valid.
    #[must_use]
    pub const fn with_invariant(mut self) -> Self {
        self.checked = true;
        self
    }
}

/// What follows from the parts of a type.
struct Parts {
    any_bits: bool,
    padding_free: bool,
    grown: bool,
    /// Of the deepest part; 0 without parts.
    depth: usize,
}

impl Parts {
    const fn leaf(any_bits: bool) -> Self {
        Self { any_bits, padding_free: true, grown: false, depth: 0 }
    }

    /// Of `count` elements that begin `before` bytes after the beginning of `T`, and fill the rest.
    const fn elements<T>(element: &TypeDescriptor, count: usize, before: usize) -> Self {
        assert!(size_of::<T>() == before + count * element.size, "not the layout of a list of its elements");
        Self {
            any_bits: count == 0 || element.any_bits,
            padding_free: count == 0 || element.padding_free,
            grown: element.grown,
            depth: element.depth,
        }
    }

    /// Of fields that lie one after the other, in a type of `size` bytes of which `occupied` are not theirs.
    const fn fields(fields: &[FieldDescriptor], size: usize, mut occupied: usize) -> Self {
        assert!(fields.len() <= MAX_MEMBERS, "a message has at most 65536 fields");
        let mut parts = Self::leaf(true);
        let mut index = 0;
        while index < fields.len() {
            let field = &fields[index];
            assert!(field.offset + field.r#type.size <= size, "a field does not lie inside its struct");
            parts = parts.and(Self {
                any_bits: field.r#type.any_bits && !field.checked,
                padding_free: field.r#type.padding_free,
                grown: field.r#type.grown || field.since > 1,
                depth: field.r#type.depth,
            });
            occupied += field.r#type.size;
            index += 1;
        }
        parts.padding_free &= occupied == size;
        parts
    }

    /// Of all of `variants`, whose tag has `tag` bytes.
    const fn variants(variants: &[VariantDescriptor], size: usize, tag: usize) -> Self {
        assert!(variants.len() <= MAX_MEMBERS, "a message has at most 65536 variants");
        let mut parts = Self::leaf(false);
        let mut index = 0;
        while index < variants.len() {
            parts = parts.and(Self::fields(variants[index].fields, size, tag));
            index += 1;
        }
        parts
    }

    const fn and(self, other: Self) -> Self {
        Self {
            any_bits: self.any_bits && other.any_bits,
            padding_free: self.padding_free && other.padding_free,
            grown: self.grown || other.grown,
            depth: if other.depth > self.depth { other.depth } else { self.depth },
        }
    }
}

impl TypeDescriptor {
    /// Describes the primitive type `T`.
    ///
    /// # Panics
    ///
    /// If `T` does not have the size of `primitive`; at compile time, as in all these constructors.
    pub const fn primitive<T>(primitive: Primitive) -> Self {
        assert!(size_of::<T>() == primitive.size(), "the primitive has another size than its type");
        let declaration = Declaration::new(Name::new(primitive.name()));
        Self::build::<T>(declaration, Kind::Primitive(primitive), Parts::leaf(primitive.any_bits()))
    }

    /// Describes the array `[T; N]`.
    ///
    /// # Panics
    ///
    /// If `T` nests too deeply.
    pub const fn array<T: Message, const N: usize>() -> Self {
        let parts = Parts::elements::<[T; N]>(T::TYPE, N, 0);
        let kind = Kind::Array { element: T::TYPE, len: N };
        Self::build::<[T; N]>(Declaration::new(Name::new("")), kind, parts)
    }

    /// Describes the inline string `T` of `capacity` bytes: two bytes of length, then the text.
    ///
    /// # Panics
    ///
    /// If `T` is not two bytes larger than `capacity`, or is aligned.
    pub const fn string<T>(name: Name, capacity: usize) -> Self {
        assert_text::<T>(capacity);
        Self::build::<T>(Declaration::new(name), Kind::Str { capacity }, Parts::leaf(false))
    }

    /// Describes the inline bytes `T`, at most `capacity` of them: two bytes of length, then the content.
    ///
    /// # Panics
    ///
    /// If `T` is not two bytes larger than `capacity`, or is aligned.
    pub const fn bytes<T>(name: Name, capacity: usize) -> Self {
        assert_text::<T>(capacity);
        Self::build::<T>(Declaration::new(name), Kind::Bytes { capacity }, Parts::leaf(false))
    }

    /// Describes the inline list `T` of at most `capacity` elements `E`: eight bytes of length, then the elements,
    /// at a multiple of their alignment.
    ///
    /// # Panics
    ///
    /// If `T` has another size, or is not aligned as `E`.
    pub const fn list<T, E: Message>(name: Name, capacity: usize) -> Self {
        let kind = Kind::List { element: E::TYPE, capacity };
        Self::build::<T>(Declaration::new(name), kind, list_parts::<T>(E::TYPE, capacity))
    }

    /// Describes the inline map `T` of at most `capacity` entries `E`, each a struct of `key` and `value`: a list
    /// that is sorted by key.
    ///
    /// # Panics
    ///
    /// If `T` has another size, or is not aligned as `E`, or `E` is no such struct.
    pub const fn map<T, E: Message>(name: Name, capacity: usize) -> Self {
        assert!(
            matches!(&E::TYPE.kind, Kind::Struct { fields } if fields.len() == 2),
            "the entries of a map are structs of a key and a value"
        );
        let kind = Kind::Map { entry: E::TYPE, capacity };
        Self::build::<T>(Declaration::new(name), kind, list_parts::<T>(E::TYPE, capacity))
    }

    /// Describes the struct `T`.
    ///
    /// # Panics
    ///
    /// If a field does not lie inside `T`, or a limit on names, members and nesting is exceeded.
    pub const fn structure<T>(declaration: Declaration, fields: &'static [FieldDescriptor]) -> Self {
        let parts = Parts::fields(fields, size_of::<T>(), 0);
        Self::build::<T>(declaration, Kind::Struct { fields }, parts)
    }

    /// Describes the enum `T`, which begins with its tag.
    ///
    /// # Panics
    ///
    /// If a field does not lie inside `T`, or a limit on names, members and nesting is exceeded.
    pub const fn enumeration<T>(
        declaration: Declaration,
        tag: Primitive,
        variants: &'static [VariantDescriptor],
    ) -> Self {
        assert!(size_of::<T>() >= tag.size(), "the enum is smaller than its tag");
        let parts = Parts::variants(variants, size_of::<T>(), tag.size());
        Self::build::<T>(declaration, Kind::Enum { tag, variants }, parts)
    }

    /// Describes the union `T`, all of whose bytes are initialised in every value, as its author promised.
    ///
    /// # Panics
    ///
    /// If a field does not accept all bits or does not lie at the beginning of `T`, no field fills `T`, or a limit is
    /// exceeded.
    pub const fn overlay<T>(declaration: Declaration, fields: &'static [FieldDescriptor]) -> Self {
        let mut parts = Parts::fields(fields, size_of::<T>(), 0);
        assert!(parts.any_bits, "each field of a union in a message accepts all bits");
        let (mut filled, mut index) = (false, 0);
        while index < fields.len() {
            let FieldDescriptor { offset, r#type, .. } = &fields[index];
            assert!(*offset == 0, "the fields of a union lie at its beginning");
            filled |= r#type.size == size_of::<T>() && r#type.padding_free;
            index += 1;
        }
        assert!(
            filled,
            "a union in a message has a field without padding that fills all of it: \
             what is padding in every field cannot be initialised; add an array of bytes as long as the union"
        );
        parts.padding_free = true;
        Self::build::<T>(declaration, Kind::Union { fields }, parts)
    }

    const fn build<T>(declaration: Declaration, kind: Kind, parts: Parts) -> Self {
        let Declaration { name, docs, version, arguments, checked } = declaration;
        if !matches!(kind, Kind::Array { .. }) {
            name.assert();
        }
        let mut depth = 1 + parts.depth;
        assert!(arguments.len() <= MAX_MEMBERS, "a message type has at most 65536 generic arguments");
        let mut index = 0;
        while index < arguments.len() {
            if let Argument::Type(argument) = &arguments[index]
                && argument.depth >= depth
            {
                depth = argument.depth + 1;
            }
            index += 1;
        }
        assert!(depth <= MAX_DEPTH, "message types nest at most 64 deep");
        let (size, align) = (size_of::<T>(), align_of::<T>());
        let fingerprint = fingerprint(name, size, align, arguments, &kind);
        let Parts { padding_free, grown, .. } = parts;
        let any_bits = parts.any_bits && !checked;
        Self {
            name,
            docs,
            version,
            size,
            align,
            arguments,
            kind,
            fingerprint,
            any_bits,
            padding_free,
            grown,
            depth,
        }
    }

    /// The type's own name, without its module and generic arguments; empty for an array.
    pub const fn name(&self) -> &'static str {
        self.name.text
    }

    /// The documentation comment.
    pub const fn docs(&self) -> &'static str {
        self.docs
    }

    /// The version of the definition, from 1.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The size in bytes.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// The alignment in bytes.
    pub const fn align(&self) -> usize {
        self.align
    }

    /// The generic arguments, lifetimes excluded.
    pub const fn arguments(&self) -> &'static [Argument] {
        self.arguments
    }

    /// What the type is made of.
    pub const fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The identity of this definition.
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Whether every bit pattern is a value.
    pub const fn any_bits(&self) -> bool {
        self.any_bits
    }

    /// Whether a field, in this type or in what it consists of, was not there in the first version: whether messages of
    /// an earlier one lack something.
    pub const fn grown(&self) -> bool {
        self.grown
    }

    /// Whether no byte is padding.
    pub const fn padding_free(&self) -> bool {
        self.padding_free
    }
}

impl Kind {
    /// The number of this kind in fingerprints and encoded schemas.
    const fn code(&self) -> KindCode {
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

const fn assert_text<T>(capacity: usize) {
    assert!(
        size_of::<T>() == capacity + TEXT_LEN_BYTES && align_of::<T>() == 1,
        "not the layout of inline text"
    );
}

const fn list_parts<T>(element: &TypeDescriptor, capacity: usize) -> Parts {
    assert!(align_of::<T>() == element.align, "a list is aligned as its elements");
    let before = LIST_LEN_BYTES.next_multiple_of(element.align);
    let mut parts = Parts::elements::<T>(element, capacity, before);
    // Not every length is one.
    parts.any_bits = false;
    parts.padding_free &= before == LIST_LEN_BYTES;
    parts
}

const fn fingerprint(
    name: Name,
    size: usize,
    align: usize,
    arguments: &[Argument],
    kind: &Kind,
) -> Fingerprint {
    let mut mixer = Mixer::begin(Head {
        kind: kind.code(),
        big_endian: NATIVE_BIG_ENDIAN,
        name: name.hash,
        size: size as u64,
        align: align as u64,
        arguments: arguments.len(),
    });
    let mut index = 0;
    while index < arguments.len() {
        mixer = match &arguments[index] {
            Argument::Type(argument) => mixer.type_argument(argument.fingerprint),
            Argument::Value(value) => mixer.value_argument(*value),
        };
        index += 1;
    }
    match kind {
        Kind::Primitive(_) => mixer.finish(),
        Kind::Array { element, len: count }
        | Kind::List { element, capacity: count }
        | Kind::Map { entry: element, capacity: count } => {
            mixer.elements(element.fingerprint, *count as u64).finish()
        }
        Kind::Str { capacity } | Kind::Bytes { capacity } => mixer.number(*capacity as u64).finish(),
        Kind::Struct { fields } | Kind::Union { fields } => {
            mix_fields(mixer.number(fields.len() as u64), fields).finish()
        }
        Kind::Enum { tag, variants } => {
            mix_variants(mixer.number(tag.code() as u64).number(variants.len() as u64), variants).finish()
        }
    }
}

const fn mix_fields(mut mixer: Mixer, fields: &[FieldDescriptor]) -> Mixer {
    let mut index = 0;
    while index < fields.len() {
        let FieldDescriptor { name, unit, r#type, offset, .. } = &fields[index];
        mixer = mixer.field(name.hash, unit.hash, r#type.fingerprint, *offset as u64);
        index += 1;
    }
    mixer
}

const fn mix_variants(mut mixer: Mixer, variants: &[VariantDescriptor]) -> Mixer {
    let mut index = 0;
    while index < variants.len() {
        let VariantDescriptor { name, value, fields, .. } = &variants[index];
        mixer = mix_fields(mixer.variant(name.hash, *value, fields.len()), fields);
        index += 1;
    }
    mixer
}
