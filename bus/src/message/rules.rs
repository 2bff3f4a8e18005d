//! What a type in a schema must obey, checked when it arrives from elsewhere.
//!
//! A tool that decodes data by a schema reads the field at `offset` without a second thought. So these rules
//! make every offset lie inside its struct, every struct inside its array, and every walk end: whoever holds
//! a [`Schema`](super::Schema) relies on them. They are the rules of Rust's `repr(C)`; a schema made from a
//! descriptor obeys them by construction.

use core::slice;
use std::collections::HashSet;

use super::Primitive;
use super::descriptor::{Bounds, LIST_LEN_BYTES, TEXT_LEN_BYTES};
use super::fingerprint::KindCode;
use super::limits::MAX_DEPTH;
use super::schema::{SchemaField, SchemaKind, SchemaType, SchemaVariant};

/// The largest type that Rust lays out, and the strictest alignment.
const MAX_SIZE: u64 = i64::MAX as u64;
const MAX_ALIGN: u64 = 1 << 29;

/// The checks, and what they remember of the types already in the table.
#[derive(Default)]
pub(super) struct Rules {
    /// Per type of the table, how many types lie on the longest way down, itself included.
    depths: Vec<usize>,
    /// Per type of the table, whether every bit pattern is a value, as far as a schema can say.
    any_bits: Vec<bool>,
}

/// A type that is being checked, and those before it.
struct Subject<'a> {
    earlier: &'a [SchemaType],
    r#type: &'a SchemaType,
    /// Of the earlier ones.
    any_bits: &'a [bool],
}

impl Rules {
    /// Checks the type that is to follow `earlier`, of which each passed before.
    pub(super) fn check(&mut self, earlier: &[SchemaType], r#type: &SchemaType) -> Result<(), String> {
        let subject = Subject { earlier, r#type, any_bits: &self.any_bits };
        let mut depth = 1;
        r#type.references(|index| {
            subject.refer(index)?;
            depth = depth.max(1 + self.depths[index]);
            Ok::<(), String>(())
        })?;
        subject.check()?;
        require(depth <= MAX_DEPTH, || format!("its types nest more than {MAX_DEPTH} deep"))?;
        let any_bits = subject.accepts_any_bits();
        self.depths.push(depth);
        self.any_bits.push(any_bits);
        Ok(())
    }
}

impl Subject<'_> {
    fn refer(&self, index: usize) -> Result<&SchemaType, String> {
        let number = self.earlier.len();
        self.earlier
            .get(index)
            .ok_or_else(|| format!("type {number} refers to type {index}, which does not precede it"))
    }

    fn check(&self) -> Result<(), String> {
        let r#type = self.r#type;
        check_layout(r#type)?;
        let subject = &r#type.name;
        match &r#type.kind {
            SchemaKind::Primitive(primitive) => {
                require(r#type.name == primitive.name(), || {
                    format!("`{subject}` is not the primitive {primitive}")
                })?;
                require(r#type.size == primitive.size() as u64, || format!("{primitive} has another size"))
            }
            SchemaKind::Array { element, len } => {
                let element = self.refer(*element)?;
                let fits =
                    element.size.checked_mul(*len) == Some(r#type.size) && element.align == r#type.align;
                require(fits, || "an array has not the size and alignment of its elements".to_owned())
            }
            SchemaKind::Str { capacity } | SchemaKind::Bytes { capacity } => {
                let fits = *capacity <= u64::from(u16::MAX)
                    && r#type.size == capacity + TEXT_LEN_BYTES as u64
                    && r#type.align == 1;
                require(fits, || format!("the text `{subject}` has not the size of its capacity"))
            }
            SchemaKind::List { element, capacity } => self.check_list(*element, *capacity),
            SchemaKind::Map { entry, capacity } => {
                let fields = self.refer(*entry)?.fields();
                let is_entry = matches!(fields, [key, value] if key.name == "key" && value.name == "value");
                require(is_entry, || {
                    format!("the entries of the map `{subject}` have not a key and a value")
                })?;
                self.check_list(*entry, *capacity)
            }
            SchemaKind::Struct { fields } => self.check_fields(subject, fields, 0),
            SchemaKind::Union { fields } => fields
                .iter()
                .try_for_each(|field| self.check_overlaid(field))
                .and_then(|()| distinct(subject, fields.iter().map(|field| &field.name))),
            SchemaKind::Enum { tag, variants } => self.check_enum(*tag, variants),
        }
    }

    /// The layout of a list of at most `capacity` elements of a type.
    fn check_list(&self, element: usize, capacity: u64) -> Result<(), String> {
        let SchemaType { name, size, align, .. } = self.r#type;
        let element = self.refer(element)?;
        let before = (LIST_LEN_BYTES as u64).next_multiple_of(element.align);
        let elements = element.size.checked_mul(capacity);
        let fits = elements.and_then(|elements| elements.checked_add(before)) == Some(*size);
        require(fits && *align == element.align, || {
            format!("the list `{name}` has not the size and alignment of its capacity")
        })
    }

    /// One field of a union: nothing says which of them a value has, so each must be one whatever the bits.
    fn check_overlaid(&self, field: &SchemaField) -> Result<(), String> {
        let (union, SchemaField { name, offset, .. }) = (&self.r#type.name, field);
        self.check_fields(union, slice::from_ref(field), 0)?;
        require(*offset == 0, || format!("`{union}.{name}` is not at the beginning of its union"))?;
        require(self.field_accepts_any_bits(field), || {
            format!("`{union}.{name}` in a union has a type or range that does not accept all bits")
        })
    }

    /// Fields that follow one another from `start` on. One without bytes may lie anywhere, as it overlaps nothing.
    fn check_fields(&self, subject: &str, fields: &[SchemaField], start: u64) -> Result<(), String> {
        let mut free = start;
        for SchemaField { name, offset, type_index, bounds, since, .. } in fields {
            let target = self.refer(*type_index)?;
            let end = offset.checked_add(target.size).filter(|end| *end <= self.r#type.size);
            let aligned = target.align <= self.r#type.align && offset % target.align == 0;
            require(end.is_some(), || format!("`{subject}.{name}` does not lie inside its struct"))?;
            require(aligned, || format!("`{subject}.{name}` is not aligned"))?;
            let apart = target.size == 0 || *offset >= free;
            require(apart, || format!("`{subject}.{name}` overlaps what is before it"))?;
            let ordered = match bounds {
                None => true,
                Some(Bounds::Integer { low, high }) => low <= high,
                Some(Bounds::Float { low, high }) => low <= high,
            };
            require(ordered, || format!("`{subject}.{name}` has a range without values"))?;
            let version = self.r#type.version;
            require((1..=version).contains(since), || {
                format!("`{subject}.{name}` is there since version {since} of {version}")
            })?;
            free = free.max(end.unwrap_or(free));
        }
        distinct(subject, fields.iter().map(|field| &field.name))?;
        named(subject, fields.iter().map(|field| &field.name))
    }

    fn check_enum(&self, tag: Primitive, variants: &[SchemaVariant]) -> Result<(), String> {
        let subject = &self.r#type.name;
        let Some((least, most)) = tag.enum_range() else {
            return Err(format!("the enum `{subject}` cannot be stored as {tag}"));
        };
        let size = tag.size() as u64;
        let fits = self.r#type.size >= size && self.r#type.align >= size;
        require(fits, || format!("the enum `{subject}` has no room for {tag}"))?;
        for SchemaVariant { name, value, fields, .. } in variants {
            require((least..=most).contains(value), || format!("`{subject}::{name}` = {value} is no {tag}"))?;
            self.check_fields(&format!("{subject}::{name}"), fields, size)?;
        }
        distinct(subject, variants.iter().map(|variant| &variant.name))?;
        distinct(subject, variants.iter().map(|variant| variant.value))?;
        named(subject, variants.iter().map(|variant| &variant.name))
    }

    /// Whether the type, which passed, has no bits that are no value. Its parts are not entered: of them it is
    /// known.
    fn accepts_any_bits(&self) -> bool {
        match &self.r#type.kind {
            SchemaKind::Primitive(primitive) => primitive.any_bits(),
            SchemaKind::Array { element, len } => *len == 0 || self.any_bits[*element],
            SchemaKind::Struct { fields } => fields.iter().all(|field| self.field_accepts_any_bits(field)),
            SchemaKind::Union { .. } => true,
            // Not every length and not every tag is one.
            SchemaKind::Str { .. }
            | SchemaKind::Bytes { .. }
            | SchemaKind::List { .. }
            | SchemaKind::Map { .. }
            | SchemaKind::Enum { .. } => false,
        }
    }

    fn field_accepts_any_bits(&self, field: &SchemaField) -> bool {
        field.bounds.is_none() && self.any_bits[field.type_index]
    }
}

/// What holds for a type of any kind.
fn check_layout(r#type: &SchemaType) -> Result<(), String> {
    let SchemaType { name, size, align, .. } = r#type;
    require(align.is_power_of_two() && *align <= MAX_ALIGN, || {
        format!("`{name}` has an alignment of {align}")
    })?;
    require(r#type.version > 0, || format!("`{name}` has no version"))?;
    let declared =
        matches!(r#type.kind, SchemaKind::Struct { .. } | SchemaKind::Enum { .. } | SchemaKind::Union { .. });
    require(declared || r#type.version == 1 && r#type.arguments.is_empty(), || {
        format!("`{name}` is declared by nobody, and so has no generic arguments and one version")
    })?;
    require(*size <= MAX_SIZE && size % align == 0, || format!("`{name}` has a size of {size}"))?;
    let is_array = r#type.kind.code() == KindCode::Array;
    require(name.is_empty() == is_array, || format!("only arrays have no name, and only they: `{name}`"))
}

/// Two members of one type must differ in `key`.
fn distinct<K: Eq + core::hash::Hash + core::fmt::Display>(
    subject: &str,
    keys: impl Iterator<Item = K>,
) -> Result<(), String> {
    let mut seen = HashSet::new();
    for key in keys {
        require(!seen.contains(&key), || format!("`{subject}` has two members `{key}`"))?;
        seen.insert(key);
    }
    Ok(())
}

/// Members must have names.
fn named<'a>(subject: &str, mut names: impl Iterator<Item = &'a String>) -> Result<(), String> {
    require(names.all(|name| !name.is_empty()), || format!("`{subject}` has a member without a name"))
}

fn require(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}
