//! Schemas as people read them.
//!
//! Each named type is printed once, the message first, however often it is used, so the output is as long as
//! the table and not as the tree. Only names with generic arguments are trees; they are cut at a length.

use core::fmt::{self, Write};

use super::schema::{Schema, SchemaArgument, SchemaKind, SchemaType};

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
            match &r#type.kind {
                SchemaKind::Struct { fields } => {
                    f.write_str(before)?;
                    docs(f, "", &r#type.docs)?;
                    writeln!(f, "{name} {{ // size {}, align {}", r#type.size, r#type.align)?;
                    for field in fields {
                        docs(f, "    ", &field.docs)?;
                        let of = self.type_name(field.type_index);
                        writeln!(f, "    {}: {of} at {},", field.name, field.offset)?;
                    }
                    f.write_char('}')?;
                }
                SchemaKind::Enum { tag: repr, variants } => {
                    f.write_str(before)?;
                    docs(f, "", &r#type.docs)?;
                    writeln!(f, "{name}: {repr} {{")?;
                    for variant in variants {
                        docs(f, "    ", &variant.docs)?;
                        writeln!(f, "    {} = {},", variant.name, variant.value)?;
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

/// Documentation as comments before an item.
fn docs(f: &mut fmt::Formatter<'_>, indent: &str, docs: &str) -> fmt::Result {
    if f.alternate() {
        for line in docs.lines() {
            writeln!(f, "{indent}/// {line}")?;
        }
    }
    Ok(())
}
