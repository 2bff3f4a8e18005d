//! Whatever the bytes, decoding ends, in bounded memory, with a schema that is consistent or with an error.

#![allow(dead_code, reason = "the types are described and not used")]

use super::*;
use crate::message::{FixedStr, Message};

/// A struct with a part of every kind.
#[derive(bus_derive::Message)]
#[repr(C)]
struct Everything<T, const N: i8> {
    /// A number.
    number: u64,
    side: Side,
    sides: [Side; 3],
    text: FixedStr<7>,
    inner: T,
}

#[derive(bus_derive::Message)]
#[repr(i32)]
enum Side {
    /// Up.
    Buy = -7,
    Sell = 1_000_000,
}

type Sample = Everything<[f32; 2], -3>;

fn malformed(bytes: &[u8]) -> String {
    match Schema::decode(bytes) {
        Err(SchemaError::Malformed { why, .. }) => why,
        other => panic!("not refused as malformed: {other:?}"),
    }
}

/// An encoded schema of the given types, for what no descriptor would produce.
fn encoded(types: &[SchemaType]) -> Vec<u8> {
    let mut writer = Writer(vec![FORMAT, 0]);
    writer.count(types);
    types.iter().for_each(|r#type| writer.r#type(r#type));
    writer.0
}

fn structure(name: &str, size: u64, align: u64, fields: &[(&str, u64, usize)]) -> SchemaType {
    let field = |&(name, offset, type_index): &(&str, u64, usize)| SchemaField {
        name: name.to_owned(),
        docs: String::new(),
        offset,
        type_index,
        unit: String::new(),
        since: 1,
        bounds: None,
    };
    let kind = SchemaKind::Struct { fields: fields.iter().map(field).collect() };
    SchemaType::new(name.to_owned(), String::new(), size, align, Vec::new(), kind)
}

fn enumeration(tag: Primitive, size: u64, variants: &[(&str, i128)]) -> SchemaType {
    let variant = |&(name, value): &(&str, i128)| SchemaVariant {
        name: name.to_owned(),
        docs: String::new(),
        value,
        fields: Vec::new(),
    };
    let kind = SchemaKind::Enum { tag, variants: variants.iter().map(variant).collect() };
    SchemaType::new("E".to_owned(), String::new(), size, size, Vec::new(), kind)
}

fn of_kind(name: &str, size: u64, align: u64, kind: SchemaKind) -> SchemaType {
    SchemaType::new(name.to_owned(), String::new(), size, align, Vec::new(), kind)
}

fn byte() -> SchemaType {
    of_kind("u8", 1, 1, SchemaKind::Primitive(Primitive::U8))
}

#[test]
fn what_was_encoded_is_decoded() {
    for schema in [Schema::of::<Sample>(), Schema::of::<u128>(), Schema::of::<[Side; 0]>()] {
        assert_eq!(Schema::decode(&schema.encode()), Ok(schema));
    }
    assert_eq!(Schema::decode(&Schema::of::<Sample>().encode()).unwrap().fingerprint(), Sample::FINGERPRINT);
}

#[test]
fn the_format_does_not_change_unnoticed() {
    assert_eq!(
        Schema::of::<[u16; 300]>().encode(),
        *b"\x01\0\x02\0\x03u16\0\x01\x02\x02\0\x02\x01\0\0\x01\xd8\x04\x02\0\0\xac\x02"
    );
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = Schema::of::<Sample>().encode();
    for len in 0..bytes.len() {
        let error = Schema::decode(&bytes[..len]).expect_err("a part is not the whole");
        assert!(matches!(error, SchemaError::Truncated { at, .. } if at == len), "{len}: {error}");
    }
}

#[test]
fn every_mutation_of_a_byte_is_decoded_or_refused() {
    let schema = Schema::of::<Sample>();
    let bytes = schema.encode();
    let mut decoded = 0;
    for index in 0..bytes.len() {
        for value in (0..=u8::MAX).filter(|&value| value != bytes[index]) {
            let mut mutated = bytes.clone();
            mutated[index] = value;
            if let Ok(other) = Schema::decode(&mutated) {
                // One schema, one encoding; and whatever came in can be shown and compared.
                assert_eq!(other.encode(), mutated);
                assert_ne!(other, schema);
                assert_eq!(schema.difference(&other).is_empty(), schema.fingerprint() == other.fingerprint());
                assert!(!other.to_string().is_empty());
                decoded += 1;
            }
        }
    }
    assert!(decoded > 1000, "names can change without harm, or the test tests nothing");
}

#[test]
fn random_bytes_are_an_error() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64; // xorshift64
    for len in 0..2000 {
        let mut bytes = vec![FORMAT, 0];
        for _ in 0..len % 200 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.push(state as u8);
        }
        assert!(Schema::decode(&bytes).is_err());
    }
}

#[test]
fn a_count_is_not_believed() {
    // 65,535 types, in a schema of five bytes.
    assert_eq!(Schema::decode(b"\x01\0\xff\xff\x03"), Err(SchemaError::Truncated { at: 5, what: "types" }));
    assert!(malformed(b"\x01\0\xff\xff\x7f").contains("more than 65536"));
    assert!(malformed(b"\x01\0\0").contains("no types"));
}

#[test]
fn what_follows_the_end_is_an_error() {
    let mut bytes = Schema::of::<u8>().encode();
    bytes.push(0);
    assert_eq!(Schema::decode(&bytes), Err(SchemaError::TrailingBytes { at: 13, excess: 1 }));
}

#[test]
fn another_format_is_named() {
    let error = Schema::decode(b"\x02").unwrap_err();
    assert_eq!(error, SchemaError::Format { found: 2, known: 1 });
    assert!(malformed(b"\x01\x02").contains("byte order 2"));
}

#[test]
fn numbers_have_one_form() {
    assert!(malformed(b"\x01\0\x81\0").contains("needless zeroes"));
    let too_long = [&b"\x01\0"[..], &[0xff; 18], b"\x04"].concat();
    assert!(malformed(&too_long).contains("more than 128 bits"));
}

#[test]
fn names_are_text_that_can_be_shown() {
    assert!(malformed(&encoded(&[structure("a\x1b[2J", 0, 1, &[])])).contains("control character"));
    assert!(malformed(&encoded(&[structure(&"a".repeat(256), 0, 1, &[])])).contains("more than 255"));
    assert!(malformed(&encoded(&[structure("", 0, 1, &[])])).contains("no name"));
    assert!(malformed(&encoded(&[byte(), structure("S", 1, 1, &[("", 0, 0)])])).contains("without a name"));
    assert!(malformed(b"\x01\0\x01\x03\x01\xff\0\0\0\0\0").contains("UTF-8"));
}

#[test]
fn a_type_refers_to_earlier_ones_only() {
    assert!(malformed(&encoded(&[structure("S", 8, 1, &[("itself", 0, 0)])])).contains("does not precede"));
    let array = |element| of_kind("", 1, 1, SchemaKind::Array { element, len: 1 });
    assert!(malformed(&encoded(&[array(1), byte()])).contains("does not precede"));
    let mut generic = structure("S", 0, 1, &[]);
    generic.arguments.push(SchemaArgument::Type(usize::MAX));
    assert!(malformed(&encoded(&[generic])).contains("does not precede"));
}

#[test]
fn parts_lie_inside_the_whole() {
    let with = |fields: &[_]| malformed(&encoded(&[byte(), structure("S", 2, 1, fields)]));
    assert!(with(&[("a", 2, 0)]).contains("`S.a` does not lie inside"));
    assert!(with(&[("a", u64::MAX, 0)]).contains("`S.a` does not lie inside"));
    assert!(with(&[("a", 0, 0), ("a", 1, 0)]).contains("two members `a`"));
    let word = of_kind("u16", 2, 2, SchemaKind::Primitive(Primitive::U16));
    let aligned =
        |align, offset| malformed(&encoded(&[word.clone(), structure("S", 4, align, &[("a", offset, 0)])]));
    assert!(aligned(2, 1).contains("not aligned"));
    assert!(aligned(1, 0).contains("not aligned"));
    let array = |size, len| of_kind("", size, 1, SchemaKind::Array { element: 0, len });
    assert!(malformed(&encoded(&[byte(), array(2, 3)])).contains("size and alignment of its elements"));
    let shifted = of_kind("", 2, 2, SchemaKind::Array { element: 0, len: 2 });
    assert!(malformed(&encoded(&[byte(), shifted])).contains("size and alignment of its elements"));
    let huge = [byte(), array(1 << 62, 1 << 62), of_kind("", 0, 1, SchemaKind::Array { element: 1, len: 4 })];
    assert!(malformed(&encoded(&huge)).contains("size and alignment of its elements"));
}

#[test]
fn layouts_are_those_of_rust() {
    assert!(malformed(&encoded(&[structure("S", 3, 2, &[])])).contains("a size of 3"));
    assert!(malformed(&encoded(&[structure("S", 1 << 63, 1, &[])])).contains("a size of"));
    assert!(malformed(&encoded(&[structure("S", 3, 3, &[])])).contains("an alignment of 3"));
    assert!(malformed(&encoded(&[structure("S", 0, 0, &[])])).contains("an alignment of 0"));
    let primitive = |name: &str, size| of_kind(name, size, 1, SchemaKind::Primitive(Primitive::U8));
    assert!(malformed(&encoded(&[primitive("u16", 1)])).contains("not the primitive u8"));
    assert!(malformed(&encoded(&[primitive("u8", 2)])).contains("another size"));
    let string = |size, capacity| of_kind("FixedStr", size, 1, SchemaKind::Str { capacity });
    assert!(malformed(&encoded(&[string(8, 7)])).contains("size of its capacity"));
    assert!(malformed(&encoded(&[string(70_002, 70_000)])).contains("size of its capacity"));
}

#[test]
fn enums_are_those_of_rust() {
    use Primitive::{F32, I8, I16, U8};
    let refused = |r#type: SchemaType| malformed(&encoded(&[r#type]));
    assert!(refused(enumeration(F32, 4, &[])).contains("cannot be stored as f32"));
    assert!(refused(enumeration(I16, 1, &[("A", 0)])).contains("no room for i16"));
    assert!(refused(enumeration(U8, 1, &[("A", 256)])).contains("`E::A` = 256 is no u8"));
    assert!(refused(enumeration(I8, 1, &[("A", -129)])).contains("is no i8"));
    assert!(refused(enumeration(U8, 1, &[("A", 1), ("B", 1)])).contains("two members `1`"));
    assert!(refused(enumeration(U8, 1, &[("A", 1), ("A", 2)])).contains("two members `A`"));
}

/// Types that nest as a chain, or that double with each step as a tree.
fn nested(leaf: SchemaType, depth: usize, references: usize) -> Vec<u8> {
    let mut types = vec![leaf];
    for level in 1..depth {
        let name = format!("T{level}");
        let size = 1 << (level * (references - 1));
        let fields: Vec<(String, u64)> = (0..references)
            .map(|field| (format!("f{field}"), field as u64 * (size / references as u64)))
            .collect();
        let fields: Vec<_> =
            fields.iter().map(|(name, offset)| (name.as_str(), *offset, level - 1)).collect();
        let mut r#type = structure(&name, size, 1, &fields);
        r#type.arguments = vec![SchemaArgument::Type(level - 1); references];
        types.push(r#type);
    }
    encoded(&types)
}

#[test]
fn nesting_is_bounded() {
    assert!(Schema::decode(&nested(byte(), 64, 1)).is_ok());
    assert!(malformed(&nested(byte(), 65, 1)).contains("more than 64 deep"));
}

#[test]
fn a_tree_of_exponential_size_is_walked_in_linear_time() {
    let schema = Schema::decode(&nested(byte(), 60, 2)).unwrap();
    assert_eq!(schema.size(), 1 << 59);
    assert!(schema.to_string().len() < 60 * 600);
    let signed = of_kind("i8", 1, 1, SchemaKind::Primitive(Primitive::I8));
    let difference = schema.difference(&Schema::decode(&nested(signed, 60, 2)).unwrap());
    assert!(!difference.is_empty());
    assert!(difference.to_string().len() < 100_000);
}
