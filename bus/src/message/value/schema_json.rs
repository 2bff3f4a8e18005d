//! A schema as JSON, for tools that are not written in Rust.
//!
//! It is the table of the schema: `types`, each after those that it is made of, the message last; a type
//! refers to another by its index. What an item does not have is left out.

use serde_json::{Value as Json, json};

use crate::message::descriptor::Bounds;
use crate::message::schema::{Schema, SchemaArgument, SchemaField, SchemaKind, SchemaType};

impl Schema {
    /// The schema as JSON; not to be read back, [`encode`](Self::encode) is for that.
    pub fn to_json(&self) -> Json {
        json!({
            "name": self.type_name(self.types().len() - 1),
            "fingerprint": self.fingerprint().to_string(),
            "byte_order": if self.big_endian() { "big" } else { "little" },
            "types": (0..self.types().len()).map(|index| self.type_json(index)).collect::<Vec<_>>(),
        })
    }

    fn type_json(&self, index: usize) -> Json {
        let r#type = &self.types()[index];
        let SchemaType { docs, version, size, align, arguments, kind, .. } = r#type;
        let (name, fingerprint) = (self.type_name(index), r#type.fingerprint().to_string());
        let (kind, of) = match kind {
            SchemaKind::Primitive(_) => ("primitive", json!({})),
            SchemaKind::Array { element, len } => ("array", json!({"element": element, "len": len})),
            SchemaKind::Str { capacity } => ("str", json!({"capacity": capacity})),
            SchemaKind::Bytes { capacity } => ("bytes", json!({"capacity": capacity})),
            SchemaKind::List { element, capacity } => {
                ("list", json!({"element": element, "capacity": capacity}))
            }
            SchemaKind::Map { entry, capacity } => ("map", json!({"entry": entry, "capacity": capacity})),
            SchemaKind::Struct { fields } => ("struct", json!({"fields": fields_json(fields)})),
            SchemaKind::Union { fields } => ("union", json!({"fields": fields_json(fields)})),
            SchemaKind::Enum { tag, variants } => {
                let variants = variants.iter().map(|variant| {
                    // A tag has at most 64 bits.
                    let value = super::Value::from(variant.value).to_json();
                    let fields = fields_json(&variant.fields);
                    with(
                        json!({"name": variant.name, "value": value, "fields": fields}),
                        "docs",
                        &variant.docs,
                    )
                });
                ("enum", json!({"tag": tag.name(), "variants": variants.collect::<Vec<_>>()}))
            }
        };
        let mut json = json!({
            "name": name, "kind": kind, "size": size, "align": align, "version": version,
            "fingerprint": fingerprint,
        });
        let argument = |argument: &SchemaArgument| match argument {
            SchemaArgument::Type(index) => json!({"type": index}),
            SchemaArgument::Value(value) => json!({"value": super::Value::from(*value).to_json()}),
        };
        if !arguments.is_empty() {
            json["arguments"] = arguments.iter().map(argument).collect();
        }
        if let (Json::Object(json), Json::Object(of)) = (&mut json, of) {
            json.extend(of);
        }
        with(json, "docs", docs)
    }
}

fn fields_json(fields: &[SchemaField]) -> Json {
    let of = |field: &SchemaField| {
        let SchemaField { name, docs, offset, type_index, unit, since, bounds } = field;
        let mut json = json!({"name": name, "offset": offset, "type": type_index});
        if *since != 1 {
            json["since"] = json!(since);
        }
        let range: Option<[super::Value; 2]> = bounds.map(|bounds| match bounds {
            Bounds::Integer { low, high } => [low.into(), high.into()],
            Bounds::Float { low, high } => [low.into(), high.into()],
        });
        if let Some(range) = range {
            json["range"] = range.iter().map(super::Value::to_json).collect();
        }
        with(with(json, "unit", unit), "docs", docs)
    };
    fields.iter().map(of).collect()
}

/// The object with `text` under `name`, unless it is empty.
fn with(mut json: Json, name: &str, text: &str) -> Json {
    if !text.is_empty() {
        json[name] = text.into();
    }
    json
}
