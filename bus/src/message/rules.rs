//! What a type in a schema must obey, checked when it arrives from elsewhere.
//!
//! A tool that decodes data by a schema reads the field at `offset` without a second thought. So these rules
//! make every offset lie inside its struct, every struct inside its array, and every walk end: whoever holds
//! a [`Schema`](super::Schema) relies on them. They are the rules of Rust's `repr(C)`; a schema made from a
//! descriptor obeys them by construction.

use std::collections::HashSet;

use super::fingerprint::KindCode;
use super::limits::MAX_DEPTH;
use super::schema::{SchemaArgument, SchemaKind, SchemaType};

/// The largest type that Rust lays out, and the strictest alignment.
const MAX_SIZE: u64 = i64::MAX as u64;
const MAX_ALIGN: u64 = 1 << 29;

/// The checks, and what they remember of the types already in the table.
#[derive(Default)]
pub(super) struct Rules {
    /// Per type of the table, how many types lie on the longest way down, itself included.
    depths: Vec<usize>,
}

impl Rules {
    /// Checks the type that is to follow `earlier`, of which each passed before.
    pub(super) fn check(&mut self, earlier: &[SchemaType], r#type: &SchemaType) -> Result<(), String> {
        let mut depth = 1;
        let mut refer = |index: usize| match earlier.get(index) {
            Some(target) => {
                depth = depth.max(1 + self.depths[index]);
                Ok(target)
            }
            None => Err(format!("type {} refers to type {index}, which does not precede it", earlier.len())),
        };
        for argument in &r#type.arguments {
            if let SchemaArgument::Type(index) = argument {
                refer(*index)?;
            }
        }
        check_layout(r#type)?;
        let subject = &r#type.name;
        match &r#type.kind {
            SchemaKind::Primitive(primitive) => {
                require(r#type.name == primitive.name(), || {
                    format!("`{subject}` is not the primitive {primitive}")
                })?;
                require(r#type.size == primitive.size() as u64, || format!("{primitive} has another size"))?;
            }
            SchemaKind::Array { element, len } => {
                let element = refer(*element)?;
                let fits =
                    element.size.checked_mul(*len) == Some(r#type.size) && element.align == r#type.align;
                require(fits, || "an array has not the size and alignment of its elements".to_owned())?;
            }
            SchemaKind::Str { capacity } => {
                let fits =
                    *capacity <= u64::from(u16::MAX) && r#type.size == capacity + 2 && r#type.align == 1;
                require(fits, || format!("the string `{subject}` has not the size of its capacity"))?;
            }
            SchemaKind::Struct { fields } => {
                for field in fields {
                    let target = refer(field.type_index)?;
                    let end = field.offset.checked_add(target.size);
                    let inside = end.is_some_and(|end| end <= r#type.size);
                    let aligned = target.align <= r#type.align && field.offset % target.align == 0;
                    let name = &field.name;
                    require(inside, || format!("`{subject}.{name}` does not lie inside its struct"))?;
                    require(aligned, || format!("`{subject}.{name}` is not aligned"))?;
                }
                distinct(subject, fields.iter().map(|field| &field.name))?;
                named(subject, fields.iter().map(|field| &field.name))?;
            }
            SchemaKind::Enum { repr, variants } => {
                let Some((least, most)) = repr.enum_range() else {
                    return Err(format!("the enum `{subject}` cannot be stored as {repr}"));
                };
                require(r#type.size == repr.size() as u64, || {
                    format!("the enum `{subject}` has not the size of {repr}")
                })?;
                for variant in variants {
                    let (name, value) = (&variant.name, variant.value);
                    require((least..=most).contains(&value), || {
                        format!("`{subject}::{name}` = {value} is no {repr}")
                    })?;
                }
                distinct(subject, variants.iter().map(|variant| &variant.name))?;
                distinct(subject, variants.iter().map(|variant| variant.value))?;
                named(subject, variants.iter().map(|variant| &variant.name))?;
            }
        }
        require(depth <= MAX_DEPTH, || format!("its types nest more than {MAX_DEPTH} deep"))?;
        self.depths.push(depth);
        Ok(())
    }
}

/// What holds for a type of any kind.
fn check_layout(r#type: &SchemaType) -> Result<(), String> {
    let SchemaType { name, size, align, .. } = r#type;
    require(align.is_power_of_two() && *align <= MAX_ALIGN, || {
        format!("`{name}` has an alignment of {align}")
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
