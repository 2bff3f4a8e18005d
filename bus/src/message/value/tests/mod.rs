//! Values of random types go through every form and come back; hostile bytes end in an error; each error says
//! what is wrong.

mod hostile;
#[cfg(feature = "json")]
mod json;
mod paths;
mod properties;
mod random;
mod typed;
mod writing;

use super::*;
use crate::message::schema::{Schema, SchemaField, SchemaKind, SchemaType};
use crate::message::test_support::{field, of_kind, primitive, variant};
use crate::message::{Bounds, Primitive};

/// A schema of the given types, which passed the rules.
fn schema(big_endian: bool, types: impl IntoIterator<Item = SchemaType>) -> Schema {
    let mut schema = Schema::empty(big_endian);
    types.into_iter().for_each(|r#type| {
        schema.push(r#type);
    });
    assert_eq!(Schema::decode(&schema.encode()).as_ref(), Ok(&schema), "the test obeys the rules");
    schema
}

fn fields(fields: &[(&str, Value)]) -> Vec<(String, Value)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn structure(of: &[(&str, Value)]) -> Value {
    Value::Struct(fields(of))
}

fn list<T: Into<Value> + Clone>(elements: &[T]) -> Value {
    Value::List(elements.iter().cloned().map(Into::into).collect())
}

/// ```text
/// struct Robot {
///     pose: Pose { position: [f32; 3] within -10 to 10, frame: u16 },      // frame from 1 to 9
///     command: enum u8 { Stop = 1, Move { x: i16, y: i16 } = 4, Both(i16, i16) = 9 },
///     limits: FixedMap<FixedStr<6>, i16, 3>,
///     path: FixedVec<Pose, 2>,
///     ports: FixedMap<u8, bool, 2>,
/// }
/// ```
fn robot(big_endian: bool) -> Schema {
    let integer = |low, high| Some(Bounds::Integer { low, high });
    let of_position = Some(Bounds::Float { low: -10.0, high: 10.0 });
    let number = |name: &str, offset| field(name, offset, 4);
    let variants = vec![
        variant("Stop", 1, vec![]),
        variant("Move", 4, vec![number("x", 2), number("y", 4)]),
        variant("Both", 9, vec![number("0", 2), number("1", 4)]),
    ];
    let map = |entry, capacity| SchemaKind::Map { entry, capacity };
    let structure = |fields| SchemaKind::Struct { fields };
    schema(
        big_endian,
        [
            primitive(Primitive::F32),
            of_kind("", 12, 4, SchemaKind::Array { element: 0, len: 3 }),
            primitive(Primitive::U16),
            of_kind(
                "Pose",
                16,
                4,
                structure(vec![
                    SchemaField { bounds: of_position, ..field("position", 0, 1) },
                    SchemaField { bounds: integer(1, 9), ..field("frame", 12, 2) },
                ]),
            ),
            primitive(Primitive::I16),
            of_kind("Command", 6, 2, SchemaKind::Enum { tag: Primitive::U8, variants }),
            of_kind("FixedStr", 8, 1, SchemaKind::Str { capacity: 6 }),
            of_kind("Entry", 10, 2, structure(vec![field("key", 0, 6), field("value", 8, 4)])),
            of_kind("FixedMap", 38, 2, map(7, 3)),
            of_kind("FixedVec", 40, 4, SchemaKind::List { element: 3, capacity: 2 }),
            primitive(Primitive::U8),
            primitive(Primitive::Bool),
            of_kind("Entry", 2, 1, structure(vec![field("key", 0, 10), field("value", 1, 11)])),
            of_kind("FixedMap", 12, 1, map(12, 2)),
            of_kind(
                "Robot",
                112,
                4,
                structure(vec![
                    field("pose", 0, 3),
                    field("command", 16, 5),
                    field("limits", 22, 8),
                    field("path", 60, 9),
                    field("ports", 100, 13),
                ]),
            ),
        ],
    )
}

fn pose(x: f32, frame: u16) -> Value {
    structure(&[("position", list(&[x, 0.0, 0.5])), ("frame", frame.into())])
}

/// A value of [`robot`].
fn sample() -> Value {
    let moving =
        Value::Variant { name: "Move".to_owned(), fields: fields(&[("x", 7.into()), ("y", (-7).into())]) };
    structure(&[
        ("pose", pose(0.1, 3)),
        ("command", moving),
        ("limits", Value::Map(vec![("axis".into(), (-2).into()), ("b".into(), 300.into())])),
        ("path", Value::List(vec![pose(1.5, 1), pose(-1.5, 9)])),
        ("ports", Value::Map(vec![(7.into(), true.into()), (80.into(), false.into())])),
    ])
}

/// The sample as bytes.
fn sample_bytes() -> Vec<u8> {
    robot(false).write(&sample()).unwrap()
}

#[test]
fn values_read_as_rust() {
    assert_eq!(
        sample().to_string(),
        "{pose: {position: [0.1, 0.0, 0.5], frame: 3}, command: Move { x: 7, y: -7 }, \
         limits: {\"axis\": -2, \"b\": 300}, path: [{position: [1.5, 0.0, 0.5], frame: 1}, \
         {position: [-1.5, 0.0, 0.5], frame: 9}], ports: {7: true, 80: false}}"
    );
    let both = Value::Variant { name: "Both".into(), fields: fields(&[("0", 1.into()), ("1", 'ö'.into())]) };
    assert_eq!(both.to_string(), "Both(1, 'ö')");
    assert_eq!(structure(&[("0", Value::Absent)]).to_string(), "(None,)");
    assert_eq!(Value::unit_variant("Stop").to_string(), "Stop");
    assert_eq!(Value::from(vec![b'a', 0]).to_string(), "b\"a\\x00\"");
    assert_eq!(Value::Raw(vec![1, 0xfe]).to_string(), "raw(01fe)");
    assert_eq!(Value::from("a\x1b[2J").to_string(), "\"a\\u{1b}[2J\"");
    assert_eq!(Value::from(u128::MAX).to_string(), u128::MAX.to_string());
    assert_eq!(
        format!("{:#}", structure(&[("a", list(&[1, 2]))])),
        "{\n    a: [\n        1,\n        2,\n    ],\n}"
    );
}

#[test]
fn values_convert() {
    assert_eq!(Value::from(u128::MAX).as_u128(), Some(u128::MAX));
    assert_eq!(Value::from(u128::MAX).as_i128(), None);
    assert_eq!(Value::from(7_u128), Value::from(7_u8));
    assert_eq!(Value::from(-1).as_u128(), None);
    assert_eq!((Value::from(-1).as_i64(), Value::from(u64::MAX).as_i64()), (Some(-1), None));
    assert_eq!(Value::from(u64::MAX).as_u64(), Some(u64::MAX));
    assert_eq!((Value::from(0.5_f32).as_f64(), Value::from(2).as_f64()), (Some(0.5), Some(2.0)));
    assert_eq!((Value::from("a").as_str(), Value::from('a').as_str()), (Some("a"), None));
    assert_eq!(Value::from(Some(3)), Value::from(3));
    assert!(Value::from(None::<u8>).is_absent());
    assert_eq!(Value::from(FixedStr::<4>::truncated("abcdef")), Value::from("abcd"));
    let stop = Value::unit_variant("Stop");
    assert_eq!((stop.variant(), stop.fields()), (Some("Stop"), Some(&[][..])));
}
