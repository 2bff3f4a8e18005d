//! Random types and values of them.

use super::*;
use crate::message::test_support::Random;

impl Random {
    /// Bits of which often all, or all but a few, are zero or one.
    fn bits(&mut self) -> u128 {
        let wide = u128::from(self.next()) << 64 | u128::from(self.next());
        match self.below_u64(4) {
            0 => wide >> self.below_u64(128),
            1 => !(wide >> self.below_u64(128)),
            2 => self.below_u64(3).into(),
            _ => wide,
        }
    }

    fn text(&mut self, most: u64) -> String {
        const CHARACTERS: [char; 9] = ['a', 'b', '"', '\\', 'ö', '€', '\u{1f600}', '0', '\n'];
        let mut text = String::new();
        for _ in 0..self.below_u64(most + 1) {
            let character = CHARACTERS[self.below_u64(9) as usize];
            if text.len() as u64 + character.len_utf8() as u64 <= most {
                text.push(character);
            }
        }
        text
    }

    /// A schema that obeys the rules.
    pub(super) fn schema(&mut self) -> Schema {
        let mut types = Vec::new();
        self.r#type(&mut types, 4);
        schema(self.below_u64(2) == 0, types)
    }

    /// Adds a type, after those that it is made of, and returns its index.
    fn r#type(&mut self, types: &mut Vec<SchemaType>, depth: u64) -> usize {
        let kind = if depth == 0 { self.below_u64(3) } else { self.below_u64(9) };
        let r#type = match kind {
            0 => self.primitive(),
            1 => {
                let capacity = self.below_u64(12);
                of_kind("FixedStr", capacity + 2, 1, SchemaKind::Str { capacity })
            }
            2 => {
                let capacity = self.below_u64(12);
                of_kind("FixedBytes", capacity + 2, 1, SchemaKind::Bytes { capacity })
            }
            3 => {
                let (element, len) = (self.r#type(types, depth - 1), self.below_u64(4));
                let SchemaType { size, align, .. } = types[element];
                of_kind("", size * len, align, SchemaKind::Array { element, len })
            }
            4 => {
                let (element, capacity) = (self.r#type(types, depth - 1), self.below_u64(4));
                let (size, align) = list_layout(&types[element], capacity);
                of_kind("FixedVec", size, align, SchemaKind::List { element, capacity })
            }
            5 => {
                let (key, value) = (self.r#type(types, depth - 1), self.r#type(types, depth - 1));
                let mut layout = Layout::new(0, 1);
                let fields = vec![layout.add("key", key, types), layout.add("value", value, types)];
                types.push(layout.finish("Entry", SchemaKind::Struct { fields }));
                let (entry, capacity) = (types.len() - 1, self.below_u64(4));
                let (size, align) = list_layout(&types[entry], capacity);
                of_kind("FixedMap", size, align, SchemaKind::Map { entry, capacity })
            }
            6 => {
                let mut layout = Layout::new(0, 1);
                let fields = self.fields(types, depth, &mut layout);
                layout.finish("Struct", SchemaKind::Struct { fields })
            }
            7 => {
                const TAGS: [Primitive; 4] = [Primitive::U8, Primitive::I8, Primitive::U32, Primitive::I64];
                let tag = TAGS[self.below_u64(4) as usize];
                let (least, _) = tag.enum_range().unwrap();
                let mut whole = Layout::new(tag.size() as u64, tag.size() as u64);
                let variants = (0..1 + self.below_u64(3)).map(|number| {
                    let mut layout = Layout::new(tag.size() as u64, tag.size() as u64);
                    let fields = self.fields(types, depth, &mut layout);
                    whole = Layout::new(whole.end.max(layout.end), whole.align.max(layout.align));
                    variant(&format!("V{number}"), least + 3 * i128::from(number), fields)
                });
                let variants = variants.collect();
                whole.finish("Enum", SchemaKind::Enum { tag, variants })
            }
            _ => {
                types.push(primitive(
                    [Primitive::U32, Primitive::F64, Primitive::I8][self.below_u64(3) as usize],
                ));
                let (of, SchemaType { size, align, .. }) = (types.len() - 1, types[types.len() - 1].clone());
                of_kind("Union", size, align, SchemaKind::Union { fields: vec![field("of", 0, of)] })
            }
        };
        types.push(r#type);
        types.len() - 1
    }

    fn primitive(&mut self) -> SchemaType {
        loop {
            if let Some(of) = Primitive::from_code(self.below_u64(40) as u8) {
                return primitive(of);
            }
        }
    }

    /// A few fields, of a struct or of a tuple, some of them with a range.
    fn fields(&mut self, types: &mut Vec<SchemaType>, depth: u64, layout: &mut Layout) -> Vec<SchemaField> {
        let (is_tuple, count) = (self.below_u64(2) == 0, self.below_u64(4));
        let field = |number: u64| {
            let index = self.r#type(types, depth - 1);
            let name = if is_tuple { number.to_string() } else { format!("f{number}") };
            let mut field = layout.add(&name, index, types);
            if self.below_u64(2) == 0
                && let SchemaKind::Primitive(of) = types[index].kind
            {
                field.bounds = match of.name() {
                    "f32" | "f64" => Some(Bounds::Float { low: -1.5, high: 2.0 }),
                    "u8" | "u16" | "u128" | "i8" | "i64" => Some(Bounds::Integer { low: 3, high: 100 }),
                    _ => None,
                };
            }
            field
        };
        (0..count).map(field).collect()
    }

    /// A value of a type of a schema.
    pub(super) fn value(&mut self, schema: &Schema, index: usize, bounds: Option<Bounds>) -> Value {
        let r#type = &schema.types()[index];
        match &r#type.kind {
            SchemaKind::Primitive(primitive) => self.leaf(*primitive, bounds),
            SchemaKind::Array { element, len } => {
                (0..*len).map(|_| self.value(schema, *element, bounds)).collect::<Vec<_>>().into()
            }
            SchemaKind::Str { capacity } => self.text(*capacity).into(),
            SchemaKind::Bytes { capacity } => {
                (0..self.below_u64(capacity + 1)).map(|_| self.next() as u8).collect::<Vec<_>>().into()
            }
            SchemaKind::List { element, capacity } => {
                let len = self.below_u64(capacity + 1);
                (0..len).map(|_| self.value(schema, *element, bounds)).collect::<Vec<_>>().into()
            }
            SchemaKind::Map { entry, capacity } => {
                let [key, value] = schema.types()[*entry].fields() else { panic!("a key and a value") };
                let mut entries = Vec::new();
                for _ in 0..self.below_u64(capacity + 1) {
                    let of_key = self.value(schema, key.type_index, key.bounds);
                    let mut bytes = vec![0; schema.types()[key.type_index].size as usize];
                    schema.write_type(key.type_index, key.bounds, &of_key, &mut bytes).unwrap();
                    entries.push((bytes, (of_key, self.value(schema, value.type_index, value.bounds))));
                }
                entries.sort_by(|(a, _), (b, _)| schema.order(key.type_index, a, b));
                entries.dedup_by(|(a, _), (b, _)| schema.order(key.type_index, a, b).is_eq());
                Value::Map(entries.into_iter().map(|(_, entry)| entry).collect())
            }
            SchemaKind::Struct { fields } => Value::Struct(self.values(schema, fields)),
            SchemaKind::Union { .. } => Value::Raw((0..r#type.size).map(|_| self.next() as u8).collect()),
            SchemaKind::Enum { variants, .. } => {
                let variant = &variants[self.below_u64(variants.len() as u64) as usize];
                let fields = self.values(schema, &variant.fields);
                Value::Variant { name: variant.name.clone(), fields }
            }
        }
    }

    fn values(&mut self, schema: &Schema, fields: &[SchemaField]) -> Vec<(String, Value)> {
        let value =
            |field: &SchemaField| (field.name.clone(), self.value(schema, field.type_index, field.bounds));
        fields.iter().map(value).collect()
    }

    fn leaf(&mut self, primitive: Primitive, bounds: Option<Bounds>) -> Value {
        let bits = self.bits();
        match (primitive, bounds) {
            (_, Some(Bounds::Integer { low, high })) => {
                (low + i128::from(self.below_u64((high - low + 1) as u64))).into()
            }
            (Primitive::F32, Some(Bounds::Float { low, .. })) => {
                (low as f32 + self.below_u64(64) as f32 / 32.0).into()
            }
            (Primitive::F64, Some(Bounds::Float { low, .. })) => {
                (low + self.below_u64(64) as f64 / 32.0).into()
            }
            (Primitive::F32, _) if bits & 1 == 0 => (bits as i8 as f32 / 10.0).into(),
            (Primitive::F32, _) => f32::from_bits(bits as u32).into(),
            (Primitive::F64, _) => f64::from_bits(bits as u64).into(),
            (Primitive::Bool, _) => (bits & 1 == 1).into(),
            (Primitive::Char, _) => char::from_u32(bits as u32 % 0x11_0000).unwrap_or('x').into(),
            _ => {
                let name = primitive.name();
                let (unused, optional) = (128 - 8 * primitive.size() as u32, name.starts_with("Option"));
                let value = match name.contains('i') && !name.contains('u') || name.contains("<i") {
                    true => Value::from((bits << unused) as i128 >> unused),
                    false => Value::from(bits << unused >> unused),
                };
                match name.contains("NonZero") && value == Value::from(0) {
                    true if optional => Value::Absent,
                    true => Value::from(1),
                    false => value,
                }
            }
        }
    }
}

/// The layout of fields one after the other.
struct Layout {
    end: u64,
    align: u64,
}

impl Layout {
    fn new(end: u64, align: u64) -> Self {
        Self { end, align }
    }

    fn add(&mut self, name: &str, index: usize, types: &[SchemaType]) -> SchemaField {
        let SchemaType { size, align, .. } = types[index];
        let offset = self.end.next_multiple_of(align);
        (self.end, self.align) = (offset + size, self.align.max(align));
        field(name, offset, index)
    }

    fn finish(self, name: &str, kind: SchemaKind) -> SchemaType {
        of_kind(name, self.end.next_multiple_of(self.align), self.align, kind)
    }
}

fn list_layout(element: &SchemaType, capacity: u64) -> (u64, u64) {
    (8_u64.next_multiple_of(element.align) + capacity * element.size, element.align)
}
