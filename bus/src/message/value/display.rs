//! Values as people read them: as Rust and JSON5 would have them.
//!
//! ```text
//!    {bid: 189.98, venue: Exchange { code: "N" }, sizes: [100, 300], limits: {"axis": (0.0, 1.5)}}
//! ```
//!
//! `{:#}` prints a part per line. Text is escaped, so that it cannot rewrite the terminal that shows it.

use core::fmt::{self, Debug, Display, Formatter};

use super::{Value, is_tuple};

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => Display::fmt(value, f),
            // Not with the flags of `f`: the `#` of the whole is no wish for hexadecimals.
            Self::Integer(value) => write!(f, "{value}"),
            Self::Unsigned(value) => write!(f, "{value}"),
            Self::F32(value) => write!(f, "{value:?}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Char(value) => write!(f, "{value:?}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Bytes(bytes) => write!(f, "b\"{}\"", bytes.escape_ascii()),
            Self::List(elements) => f.debug_list().entries(elements.iter().map(Shown)).finish(),
            Self::Map(entries) => {
                f.debug_map().entries(entries.iter().map(|(key, value)| (Shown(key), Shown(value)))).finish()
            }
            Self::Struct(fields) => members(f, "", fields),
            Self::Variant { name, fields } if fields.is_empty() => f.write_str(name),
            Self::Variant { name, fields } => members(f, name, fields),
            Self::Absent => f.write_str("None"),
            Self::Raw(bytes) => {
                f.write_str("raw(")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str(")")
            }
        }
    }
}

fn members(f: &mut Formatter<'_>, name: &str, fields: &[(String, Value)]) -> fmt::Result {
    if is_tuple(fields.iter().map(|(name, _)| name.as_str())) {
        let mut tuple = f.debug_tuple(name);
        fields.iter().for_each(|(_, value)| {
            tuple.field(&Shown(value));
        });
        return tuple.finish();
    }
    if name.is_empty() {
        return f.debug_map().entries(fields.iter().map(|(name, value)| (Name(name), Shown(value)))).finish();
    }
    let mut of = f.debug_struct(name);
    fields.iter().for_each(|(name, value)| {
        of.field(name, &Shown(value));
    });
    of.finish()
}

/// Lends the helpers of `Debug` to `Display`.
struct Shown<'a>(&'a Value);

impl Debug for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self.0, f)
    }
}

/// A name without the quotation marks that `Debug` puts around text.
struct Name<'a>(&'a str);

impl Debug for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
