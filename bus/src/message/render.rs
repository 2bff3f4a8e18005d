//! Schemas as people read them.
//!
//! Each named type is printed once, the message first, however often it is used, so the output is as long as
//! the table and not as the tree. Only names with generic arguments are trees; they are cut at a length.

use core::fmt::{self, Write};

use super::descriptor::Bounds;
use super::schema::{Schema, SchemaArgument, SchemaField, SchemaKind, SchemaType, SchemaVariant};

/// The longest name of a type, in bytes, before it is cut with `…`.
const LONGEST_NAME: usize = 120;

impl Schema {
    /// The full name of a type of this schema as Rust writes it: `[Pair<f64, 3>; 4]`. Cut with `…` if very
    /// long.
    ///
    /// # Panics
    ///
    /// If `index` is not less than the number of [`types`](Self::types).
    pub fn type_name(&self, index: usize) -> String {
        let mut name = Cut(String::new());
        // An error means that the name was cut.
        let _ = self.write_name(&self.types()[index], &mut name);
        name.0
    }

    /// The recursion is bounded by the depth of the schema, and its work by `name`: each step writes a
    /// character.
    fn write_name(&self, r#type: &SchemaType, name: &mut Cut) -> fmt::Result {
        match &r#type.kind {
            SchemaKind::Array { element, len } => {
                name.write_char('[')?;
                self.write_name(&self.types()[*element], name)?;
                return write!(name, "; {len}]");
            }
            SchemaKind::Str { capacity } | SchemaKind::Bytes { capacity } => {
                return write!(name, "{}<{capacity}>", r#type.name);
            }
            SchemaKind::List { element, capacity } => {
                write!(name, "{}<", r#type.name)?;
                self.write_name(&self.types()[*element], name)?;
                return write!(name, ", {capacity}>");
            }
            SchemaKind::Map { entry, capacity } => {
                write!(name, "{}<", r#type.name)?;
                for field in self.types()[*entry].fields() {
                    self.write_name(&self.types()[field.type_index], name)?;
                    name.write_str(", ")?;
                }
                return write!(name, "{capacity}>");
            }
            _ => name.write_str(&r#type.name)?,
        }
        for (index, argument) in r#type.arguments.iter().enumerate() {
            name.write_str(if index == 0 { "<" } else { ", " })?;
            match argument {
                SchemaArgument::Type(index) => self.write_name(&self.types()[*index], name)?,
                SchemaArgument::Value(value) => write!(name, "{value}")?,
            }
        }
        if r#type.arguments.is_empty() { Ok(()) } else { name.write_char('>') }
    }
}

/// A string that stops growing.
struct Cut(String);

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = LONGEST_NAME - self.0.len().min(LONGEST_NAME);
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        self.0.push('…');
        Err(fmt::Error)
    }
}

/// Prints the message and then each type that it is made of; `{:#}` prints the documentation too.
impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = self.types().len() - 1;
        for (index, r#type) in self.types().iter().enumerate().rev() {
            let name = self.type_name(index);
            let before = if index == root { "" } else { "\n" };
            let SchemaType { docs: of_type, size, align, version, .. } = r#type;
            let version = if *version == 1 { String::new() } else { format!(", version {version}") };
            let layout = format!("{{ // size {size}, align {align}{version}");
            match &r#type.kind {
                SchemaKind::Struct { fields } => {
                    f.write_str(before)?;
                    docs(f, "", of_type)?;
                    writeln!(f, "{name} {layout}")?;
                    self.write_fields(f, "    ", fields)?;
                    f.write_char('}')?;
                }
                SchemaKind::Union { fields } => {
                    f.write_str(before)?;
                    docs(f, "", of_type)?;
                    writeln!(f, "union {name} {layout}")?;
                    self.write_fields(f, "    ", fields)?;
                    f.write_char('}')?;
                }
                SchemaKind::Enum { tag, variants } => {
                    f.write_str(before)?;
                    docs(f, "", of_type)?;
                    // Of one that is its tag and no more, the layout goes without saying.
                    let bare = *size == tag.size() as u64 && r#type.version == 1;
                    writeln!(f, "{name}: {tag} {}", if bare { "{" } else { &layout })?;
                    for SchemaVariant { name, docs: of_variant, value, fields } in variants {
                        docs(f, "    ", of_variant)?;
                        if fields.is_empty() {
                            writeln!(f, "    {name} = {value},")?;
                        } else {
                            writeln!(f, "    {name} = {value} {{")?;
                            self.write_fields(f, "        ", fields)?;
                            f.write_str("    },\n")?;
                        }
                    }
                    f.write_char('}')?;
                }
                _ if index == root => f.write_str(&name)?,
                _ => {}
            }
        }
        Ok(())
    }
}

impl Schema {
    /// One line for each field, as `speed: f64 in m/s at 8, // since 2, 0.0 to 70.0`.
    fn write_fields(&self, f: &mut fmt::Formatter<'_>, indent: &str, fields: &[SchemaField]) -> fmt::Result {
        for SchemaField { name, docs: of_field, offset, type_index, unit, since, bounds } in fields {
            docs(f, indent, of_field)?;
            write!(f, "{indent}{name}: {}", self.type_name(*type_index))?;
            if !unit.is_empty() {
                write!(f, " in {unit}")?;
            }
            write!(f, " at {offset},")?;
            if *since != 1 {
                write!(f, " // since {since}")?;
            }
            let mark = if *since == 1 { " //" } else { "," };
            match bounds {
                None => {}
                Some(Bounds::Integer { low, high }) => write!(f, "{mark} {low} to {high}")?,
                Some(Bounds::Float { low, high }) => write!(f, "{mark} {low:?} to {high:?}")?,
            }
            f.write_char('\n')?;
        }
        Ok(())
    }
}

/// Documentation as comments before an item.
fn docs(f: &mut fmt::Formatter<'_>, indent: &str, docs: &str) -> fmt::Result {
    if f.alternate() {
        for line in docs.lines() {
            writeln!(f, "{indent}/// {line}")?;
        }
    }
    Ok(())
}
