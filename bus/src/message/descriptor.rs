//! The static description of a type, built while the program is compiled.
//!
//! Everything here is `const`: a descriptor is a tree of `&'static` data that costs nothing at run time, for
//! generic types too, where each instance has its own. The constructors take size and alignment from the type
//! itself and compute the fingerprint, so that neither can disagree with the rest.
//!
//! A type cannot contain itself without a pointer, hence descriptors have no cycles; their depth is bounded
//! (64) at compile time.

use super::Message;
use super::fingerprint::{Fingerprint, Head, KindCode, Mixer, NATIVE_BIG_ENDIAN};
use super::limits::{MAX_DEPTH, MAX_MEMBERS, MAX_NAME};
use super::primitive::Primitive;

/// The description of a type: its name, layout, parts and documentation.
#[derive(Debug)]
pub struct TypeDescriptor {
    name: &'static str,
    docs: &'static str,
    size: usize,
    align: usize,
    arguments: &'static [Argument],
    kind: Kind,
    fingerprint: Fingerprint,
    any_bits: bool,
    padding_free: bool,
    /// How many types lie on the longest way down, this one included; at most `MAX_DEPTH`.
    depth: usize,
}

/// What a type is made of.
#[derive(Debug)]
#[non_exhaustive]
pub enum Kind {
    /// A number, `bool`, `char` or `NonZero`.
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
    /// Fields at fixed offsets.
    Struct {
        /// The fields in the order of their declaration.
        fields: &'static [FieldDescriptor],
    },
    /// One of several named values of an integer.
    Enum {
        /// The integer.
        repr: Primitive,
        /// The variants in the order of their declaration.
        variants: &'static [VariantDescriptor],
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

/// One field of a struct.
#[derive(Debug)]
pub struct FieldDescriptor {
    name: &'static str,
    docs: &'static str,
    offset: usize,
    r#type: &'static TypeDescriptor,
}

impl FieldDescriptor {
    /// A field of type `T` at `offset` bytes from the beginning of its struct.
    pub const fn of<T: Message>(name: &'static str, offset: usize, docs: &'static str) -> Self {
        assert_name(name);
        Self { name, docs, offset, r#type: T::TYPE }
    }

    /// The name; of a field in a tuple struct, its number.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The documentation comment.
    pub const fn docs(&self) -> &'static str {
        self.docs
    }

    /// The distance in bytes from the beginning of the struct.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The description of the field's type.
    pub const fn descriptor(&self) -> &'static TypeDescriptor {
        self.r#type
    }
}

/// One variant of an enum.
#[derive(Debug)]
pub struct VariantDescriptor {
    name: &'static str,
    docs: &'static str,
    value: i128,
}

impl VariantDescriptor {
    /// A variant that is stored as `value`.
    pub const fn new(name: &'static str, value: i128, docs: &'static str) -> Self {
        assert_name(name);
        Self { name, docs, value }
    }

    /// The name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The documentation comment.
    pub const fn docs(&self) -> &'static str {
        self.docs
    }

    /// The number it is stored as.
    pub const fn value(&self) -> i128 {
        self.value
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
        let kind = Kind::Primitive(primitive);
        Self::build::<T>(primitive.name(), "", &[], kind, primitive.any_bits(), true, 1)
    }

    /// Describes the array `[T; N]`.
    ///
    /// # Panics
    ///
    /// If `T` nests too deeply.
    pub const fn array<T: Message, const N: usize>() -> Self {
        let kind = Kind::Array { element: T::TYPE, len: N };
        let any_bits = N == 0 || T::ANY_BITS;
        let padding_free = N == 0 || T::PADDING_FREE;
        Self::build::<[T; N]>("", "", &[], kind, any_bits, padding_free, 1 + T::TYPE.depth)
    }

    /// Describes the inline string `T` of `capacity` bytes: two bytes of length, then the text.
    ///
    /// # Panics
    ///
    /// If `T` is not two bytes larger than `capacity`, or is aligned.
    pub const fn string<T>(name: &'static str, capacity: usize) -> Self {
        assert!(size_of::<T>() == capacity + 2 && align_of::<T>() == 1, "not the layout of an inline string");
        Self::build::<T>(name, "", &[], Kind::Str { capacity }, false, true, 1)
    }

    /// Describes the struct `T`.
    ///
    /// # Panics
    ///
    /// If a field does not lie inside `T`, or a limit on names, members and nesting is exceeded.
    pub const fn structure<T>(
        name: &'static str,
        docs: &'static str,
        arguments: &'static [Argument],
        fields: &'static [FieldDescriptor],
    ) -> Self {
        let (mut any_bits, mut padding_free) = (true, true);
        let (mut occupied, mut depth) = (0, 0);
        let mut index = 0;
        while index < fields.len() {
            let FieldDescriptor { offset, r#type, .. } = fields[index];
            assert!(offset + r#type.size <= size_of::<T>(), "a field does not lie inside its struct");
            any_bits &= r#type.any_bits;
            padding_free &= r#type.padding_free;
            occupied += r#type.size;
            depth = if r#type.depth > depth { r#type.depth } else { depth };
            index += 1;
        }
        padding_free &= occupied == size_of::<T>();
        Self::build::<T>(name, docs, arguments, Kind::Struct { fields }, any_bits, padding_free, 1 + depth)
    }

    /// Describes the enum `T`, whose variants have no data.
    ///
    /// # Panics
    ///
    /// If `T` does not have the size of `repr`, or a limit on names and members is exceeded.
    pub const fn enumeration<T>(
        name: &'static str,
        docs: &'static str,
        arguments: &'static [Argument],
        repr: Primitive,
        variants: &'static [VariantDescriptor],
    ) -> Self {
        assert!(size_of::<T>() == repr.size(), "the enum has another size than its representation");
        Self::build::<T>(name, docs, arguments, Kind::Enum { repr, variants }, false, true, 1)
    }

    const fn build<T>(
        name: &'static str,
        docs: &'static str,
        arguments: &'static [Argument],
        kind: Kind,
        any_bits: bool,
        padding_free: bool,
        mut depth: usize,
    ) -> Self {
        if !matches!(kind, Kind::Array { .. }) {
            assert_name(name);
        }
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
        Self { name, docs, size, align, arguments, kind, fingerprint, any_bits, padding_free, depth }
    }

    /// The type's own name, without its module and generic arguments; empty for an array.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The documentation comment.
    pub const fn docs(&self) -> &'static str {
        self.docs
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
            Self::Struct { .. } => KindCode::Struct,
            Self::Enum { .. } => KindCode::Enum,
        }
    }
}

const fn assert_name(name: &str) {
    assert!(!name.is_empty() && name.len() <= MAX_NAME, "names in a message have 1 to 255 bytes");
}

const fn fingerprint(
    name: &str,
    size: usize,
    align: usize,
    arguments: &[Argument],
    kind: &Kind,
) -> Fingerprint {
    let mut mixer = Mixer::begin(Head {
        kind: kind.code(),
        big_endian: NATIVE_BIG_ENDIAN,
        name,
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
        Kind::Array { element, len } => mixer.array(element.fingerprint, *len as u64).finish(),
        Kind::Str { capacity } => mixer.number(*capacity as u64).finish(),
        Kind::Struct { fields } => mix_fields(mixer, fields).finish(),
        Kind::Enum { repr, variants } => mix_variants(mixer.text(repr.name()), variants).finish(),
    }
}

const fn mix_fields(mixer: Mixer, fields: &[FieldDescriptor]) -> Mixer {
    assert!(fields.len() <= MAX_MEMBERS, "a message has at most 65536 fields");
    let mut mixer = mixer.number(fields.len() as u64);
    let mut index = 0;
    while index < fields.len() {
        let field = &fields[index];
        mixer = mixer.field(field.name, field.r#type.fingerprint, field.offset as u64);
        index += 1;
    }
    mixer
}

const fn mix_variants(mixer: Mixer, variants: &[VariantDescriptor]) -> Mixer {
    assert!(variants.len() <= MAX_MEMBERS, "a message has at most 65536 variants");
    let mut mixer = mixer.number(variants.len() as u64);
    let mut index = 0;
    while index < variants.len() {
        mixer = mixer.variant(variants[index].name, variants[index].value);
        index += 1;
    }
    mixer
}
