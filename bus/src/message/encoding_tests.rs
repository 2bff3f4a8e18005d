//! Whatever the bytes, decoding ends, in bounded memory, with a schema that is consistent or with an error.

#![allow(dead_code, reason = "the types are described and not used")]

use super::*;
use crate::message::test_support::{self, Random, field, fields_of, of_kind, primitive, variants_of};
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

fn members(fields: &[(&str, u64, usize)]) -> Vec<SchemaField> {
    fields.iter().map(|&(name, offset, type_index)| field(name, offset, type_index)).collect()
}

fn structure(name: &str, size: u64, align: u64, fields: &[(&str, u64, usize)]) -> SchemaType {
    of_kind(name, size, align, SchemaKind::Struct { fields: members(fields) })
}

fn union(size: u64, align: u64, fields: Vec<SchemaField>) -> SchemaType {
    of_kind("U", size, align, SchemaKind::Union { fields })
}

fn variant(name: &str, value: i128, fields: &[(&str, u64, usize)]) -> SchemaVariant {
    test_support::variant(name, value, members(fields))
}

fn enumeration(tag: Primitive, size: u64, variants: &[(&str, i128)]) -> SchemaType {
    let variants = variants.iter().map(|&(name, value)| variant(name, value, &[])).collect();
    of_kind("E", size, size, SchemaKind::Enum { tag, variants })
}

fn byte() -> SchemaType {
    primitive(Primitive::U8)
}

/// A schema with types of all the kinds, and fields with everything that a field may have.
fn every_kind() -> Vec<SchemaType> {
    let entry = structure("Entry", 16, 8, &[("key", 0, 0), ("value", 8, 1)]);
    let parts = of_kind("", 8, 1, SchemaKind::Array { element: 0, len: 8 });
    let variants = vec![variant("Stop", -2, &[]), variant("Move", 7, &[("x", 8, 1), ("how", 16, 0)])];
    let mut fields = members(&[("bytes", 0, 2), ("list", 8, 3), ("map", 40, 5), ("bits", 80, 7)]);
    fields.extend(members(&[("command", 88, 8), ("text", 112, 9), ("level", 118, 0), ("speed", 120, 1)]));
    fields[6].since = 2;
    fields[6].bounds = Some(Bounds::Integer { low: 3, high: 200 });
    fields[7].since = 3;
    fields[7].unit = "m/s".to_owned();
    fields[7].bounds = Some(Bounds::Float { low: -1.5, high: 70.0 });
    let mut all = of_kind("All", 128, 8, SchemaKind::Struct { fields });
    all.version = 3;
    all.arguments = vec![SchemaArgument::Type(8), SchemaArgument::Value(-1)];
    vec![
        byte(),
        primitive(Primitive::F64),
        of_kind("FixedBytes", 7, 1, SchemaKind::Bytes { capacity: 5 }),
        of_kind("FixedVec", 32, 8, SchemaKind::List { element: 1, capacity: 3 }),
        entry,
        of_kind("FixedMap", 40, 8, SchemaKind::Map { entry: 4, capacity: 2 }),
        parts,
        union(8, 8, members(&[("whole", 0, 1), ("parts", 0, 6)])),
        of_kind("Command", 24, 8, SchemaKind::Enum { tag: Primitive::I16, variants }),
        of_kind("FixedStr", 6, 1, SchemaKind::Str { capacity: 4 }),
        all,
    ]
}

/// What is said of `every_kind` after `change`, which makes it one that nobody may send.
fn refused(change: impl FnOnce(&mut [SchemaType])) -> String {
    let mut types = every_kind();
    change(&mut types);
    malformed(&encoded(&types))
}

#[test]
fn what_was_encoded_is_decoded() {
    for schema in [Schema::of::<Sample>(), Schema::of::<u128>(), Schema::of::<[Side; 0]>()] {
        assert_eq!(Schema::decode(&schema.encode()), Ok(schema));
    }
    assert_eq!(Schema::decode(&Schema::of::<Sample>().encode()).unwrap().fingerprint(), Sample::FINGERPRINT);
    let schema = Schema::decode(&encoded(&every_kind())).unwrap();
    let fields = schema.fields();
    assert_eq!((fields[7].unit(), fields[7].since(), schema.root().version()), ("m/s", 3, 3));
    assert_eq!(fields[6].bounds(), Some(Bounds::Integer { low: 3, high: 200 }));
    assert_eq!(fields[7].bounds(), Some(Bounds::Float { low: -1.5, high: 70.0 }));
    for (sent, received) in every_kind().iter().zip(schema.types()) {
        assert_eq!(
            (&sent.name, &sent.kind, &sent.arguments),
            (&received.name, &received.kind, &received.arguments)
        );
    }
    assert_eq!(Schema::decode(&schema.encode()), Ok(schema));
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
    for bytes in [Schema::of::<Sample>().encode(), encoded(&every_kind())] {
        for len in 0..bytes.len() {
            let error = Schema::decode(&bytes[..len]).expect_err("a part is not the whole");
            assert!(matches!(error, SchemaError::Truncated { at, .. } if at == len), "{len}: {error}");
        }
    }
}

/// How many mutations of a byte are schemas too.
fn mutations_that_are_schemas(bytes: &[u8]) -> usize {
    let schema = Schema::decode(bytes).unwrap();
    let mut decoded = 0;
    for index in 0..bytes.len() {
        for value in (0..=u8::MAX).filter(|&value| value != bytes[index]) {
            let mut mutated = bytes.to_vec();
            mutated[index] = value;
            if let Ok(other) = Schema::decode(&mutated) {
                // One schema, one encoding; and whatever came in can be shown and compared.
                assert_eq!(other.encode(), mutated);
                assert_ne!(other, schema);
                assert_eq!(schema.difference(&other).is_empty(), schema.fingerprint() == other.fingerprint());
                assert!(!format!("{other:#}").is_empty());
                decoded += 1;
            }
        }
    }
    decoded
}

#[test]
fn every_mutation_of_a_byte_is_decoded_or_refused() {
    for bytes in [Schema::of::<Sample>().encode(), encoded(&every_kind())] {
        let decoded = mutations_that_are_schemas(&bytes);
        assert!(decoded > 1000, "names can change without harm, or the test tests nothing: {decoded}");
    }
}

#[test]
fn random_bytes_are_an_error() {
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    for len in 0..2000 {
        let mut bytes = vec![FORMAT, 0];
        for _ in 0..len % 200 {
            bytes.push(random.next() as u8);
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
    assert!(with(&[("a", 1, 0), ("b", 1, 0)]).contains("`S.b` overlaps"));
    assert!(with(&[("a", 1, 0), ("b", 0, 0)]).contains("`S.b` overlaps"));
    let word = primitive(Primitive::U16);
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

#[test]
fn a_field_without_bytes_overlaps_nothing() {
    let nothing = of_kind("", 0, 1, SchemaKind::Array { element: 0, len: 0 });
    let fields = [("a", 0, 0), ("nothing", 0, 1), ("b", 1, 0)];
    assert!(Schema::decode(&encoded(&[byte(), nothing.clone(), structure("S", 2, 1, &fields)])).is_ok());
    let fields = [("a", 1, 0), ("nothing", 0, 1), ("b", 1, 0)];
    let overlapping = [byte(), nothing, structure("S", 2, 1, &fields)];
    assert!(malformed(&encoded(&overlapping)).contains("`S.b` overlaps"));
}

#[test]
fn what_a_field_has_besides_is_said_once() {
    let with = |extras: &[u8]| {
        let mut bytes = encoded(&[byte(), structure("S", 1, 1, &[("a", 0, 0)])]);
        assert_eq!(bytes.pop(), Some(0), "the field has no extras and is the last thing");
        bytes.extend_from_slice(extras);
        Schema::decode(&bytes)
    };
    let why = |extras: &[u8]| match with(extras) {
        Err(SchemaError::Malformed { why, .. }) => why,
        other => panic!("not refused as malformed: {other:?}"),
    };
    assert!(with(b"\x01\x01s").is_ok());
    assert!(why(b"\x01\0").contains("`a` says what goes without saying"));
    assert!(why(b"\x02\x01").contains("`a` says what goes without saying"));
    assert!(why(b"\x10").contains("cannot have the extras 0x10"));
    assert!(why(b"\x0c\0\0").contains("cannot have the extras 0x0c"));
    assert!(why(b"\x80").contains("cannot have the extras 0x80"));
    assert!(why(b"\x01\x01\n").contains("control character"));
    assert!(why(&[&b"\x01\x80\x02"[..], &[b'm'; 256]].concat()).contains("more than 255"));
    assert!(why(b"\x02\x81\0").contains("needless zeroes"));
    assert!(why(b"\x02\x80\x80\x80\x80\x10").contains("too large"));
    let cut = with(&[&[8][..], &[0; 15]].concat()).unwrap_err();
    assert!(matches!(cut, SchemaError::Truncated { what: "the end of a range", .. }), "{cut}");
}

#[test]
fn ranges_have_values() {
    let of = |field: usize, bounds| refused(|types| fields_of(&mut types[10])[field].bounds = Some(bounds));
    let float = |low, high| of(7, Bounds::Float { low, high });
    assert!(of(6, Bounds::Integer { low: 2, high: 1 }).contains("`All.level` has a range without values"));
    assert!(float(1.0, 0.0).contains("`All.speed` has a range without values"));
    assert!(float(f64::NAN, 1.0).contains("range without values"));
    assert!(float(0.0, f64::NAN).contains("range without values"));
    assert!(float(f64::NAN, f64::NAN).contains("range without values"));
}

#[test]
fn versions_count_from_one_and_fields_come_in_one_that_there_is() {
    assert!(refused(|types| types[10].version = 0).contains("`All` has no version"));
    assert!(refused(|types| fields_of(&mut types[10])[7].since = 0).contains("since version 0 of 3"));
    assert!(refused(|types| fields_of(&mut types[10])[7].since = 4).contains("since version 4 of 3"));
    assert!(refused(|types| types[10].version = 2).contains("`All.speed` is there since version 3 of 2"));
    assert!(refused(|types| variants_of(&mut types[8])[1].fields[0].since = 2).contains("`Command::Move.x`"));
}

#[test]
fn only_what_somebody_declared_has_arguments_and_versions() {
    for index in [0, 2, 3, 5, 6, 9] {
        assert!(refused(|types| types[index].version = 2).contains("declared by nobody"), "{index}");
        let argued = refused(|types| types[index].arguments.push(SchemaArgument::Value(0)));
        assert!(argued.contains("declared by nobody"), "{index}");
    }
}

#[test]
fn texts_lists_and_maps_have_the_size_of_their_capacity() {
    let text = |index: usize| refused(|types| types[index].size += 1);
    assert!(text(2).contains("the text `FixedBytes` has not the size"));
    assert!(text(9).contains("the text `FixedStr` has not the size"));
    let bytes = |size, align, capacity| {
        malformed(&encoded(&[of_kind("B", size, align, SchemaKind::Bytes { capacity })]))
    };
    assert!(bytes(70_002, 1, 70_000).contains("has not the size of its capacity"));
    assert!(bytes(1, 1, u64::MAX).contains("has not the size of its capacity"));
    assert!(bytes(4, 2, 2).contains("has not the size of its capacity"));

    let list = |size, align, element, capacity| {
        let list = of_kind("L", size, align, SchemaKind::List { element, capacity });
        malformed(&encoded(&[byte(), primitive(Primitive::U128), list]))
    };
    let wrong = "the list `L` has not the size and alignment of its capacity";
    assert!(list(12, 1, 0, 5).contains(wrong));
    assert!(list(16, 8, 0, 8).contains(wrong));
    assert!(list(8, 1, 0, u64::MAX).contains(wrong));
    assert!(list(8 + 2 * 16, 8, 1, 2).contains(wrong));
    assert!(list(16, 16, 1, 1 << 60).contains(wrong), "the product is 2⁶⁴");
    assert!(list(0, 16, 1, (1 << 60) - 1).contains(wrong), "the sum is 2⁶⁴");
    assert!(list(0, 1, 2, 0).contains("does not precede"));
    assert!(list(0, 1, usize::MAX, 0).contains("does not precede"));
    // As strictly aligned as anything can be, so that eight bytes of length become 2²⁹.
    let (strict, huge) = (1 << 29, i64::MAX as u64 - ((1 << 29) - 1));
    let wide = structure("S", strict, strict, &[]);
    let list = |size, capacity| {
        let list = of_kind("L", size, strict, SchemaKind::List { element: 0, capacity });
        encoded(&[wide.clone(), list])
    };
    assert!(malformed(&list(huge, u64::MAX >> 29)).contains(wrong));
    assert!(Schema::decode(&list(huge, (huge >> 29) - 1)).is_ok());
}

#[test]
fn maps_have_entries_of_a_key_and_a_value() {
    let wrong = "the entries of the map `FixedMap` have not a key and a value";
    assert!(refused(|types| fields_of(&mut types[4])[0].name = "kay".to_owned()).contains(wrong));
    assert!(refused(|types| fields_of(&mut types[4]).swap(0, 1)).contains("overlaps"));
    assert!(refused(|types| fields_of(&mut types[4]).truncate(1)).contains(wrong));
    assert!(refused(|types| types[5].kind = SchemaKind::Map { entry: 0, capacity: 32 }).contains(wrong));
    let pair = vec![field("key", 0, 0), field("value", 0, 1)];
    assert!(refused(|types| types[4].kind = SchemaKind::Union { fields: pair }).contains(wrong));
    assert!(
        refused(|types| types[5].kind = SchemaKind::Map { entry: 4, capacity: 3 })
            .contains("list `FixedMap`")
    );
    assert!(
        refused(|types| types[5].kind = SchemaKind::Map { entry: 5, capacity: 3 }).contains("not precede")
    );
}

#[test]
fn fields_of_variants_follow_the_tag() {
    let with = |change: fn(&mut Vec<SchemaVariant>)| refused(|types| change(variants_of(&mut types[8])));
    assert!(with(|variants| variants[1].fields[0].offset = 0).contains("`Command::Move.x` overlaps"));
    assert!(with(|variants| variants[1].fields[1].offset = 1).contains("`Command::Move.how` overlaps"));
    assert!(with(|variants| variants[1].fields[1].offset = 15).contains("`Command::Move.how` overlaps"));
    assert!(with(|variants| variants[1].fields[1].offset = 24).contains("does not lie inside"));
    assert!(with(|variants| variants[1].fields[0].offset = 4).contains("not aligned"));
    assert!(with(|variants| variants[1].fields[0].name = "how".to_owned()).contains("two members `how`"));
    assert!(with(|variants| variants[1].fields[0].name.clear()).contains("without a name"));
    assert!(with(|variants| variants[1].name.clear()).contains("without a name"));
    assert!(with(|variants| variants[1].value = 1 << 15).contains("is no i16"));
    assert!(refused(|types| types[8].align = 1).contains("has no room for i16"));
}

#[test]
fn whatever_the_bits_each_field_of_a_union_is_a_value() {
    let with = |of: SchemaType| {
        let (size, align) = (of.size, of.align);
        let types = [byte(), of, union(size, align, members(&[("whole", 0, 1)]))];
        encoded(&types)
    };
    let wrong = "`U.whole` in a union has a type or range that does not accept all bits";
    for leaf in [Primitive::Bool, Primitive::Char, Primitive::NonZeroU8, Primitive::NonZeroI128] {
        assert!(malformed(&with(primitive(leaf))).contains(wrong), "{leaf}");
    }
    assert!(malformed(&with(enumeration(Primitive::U8, 1, &[("A", 0)]))).contains(wrong));
    assert!(malformed(&with(of_kind("S", 2, 1, SchemaKind::Str { capacity: 0 }))).contains(wrong));
    assert!(malformed(&with(of_kind("B", 3, 1, SchemaKind::Bytes { capacity: 1 }))).contains(wrong));
    assert!(
        malformed(&with(of_kind("L", 9, 1, SchemaKind::List { element: 0, capacity: 1 }))).contains(wrong)
    );
    assert!(Schema::decode(&with(primitive(Primitive::U8))).is_ok());

    // However deep it lies.
    let inside = |leaf: Primitive, len: u64| {
        let array = of_kind("", len, 1, SchemaKind::Array { element: 0, len });
        let outer = structure("S", 1 + len, 1, &[("a", 0, 1), ("b", len, 2)]);
        let union = union(1 + len, 1, members(&[("all", 0, 3)]));
        Schema::decode(&encoded(&[primitive(leaf), array, primitive(Primitive::I8), outer, union]))
    };
    assert!(inside(Primitive::U8, 3).is_ok());
    assert!(inside(Primitive::Bool, 3).unwrap_err().to_string().contains("`U.all` in a union"));
    assert!(inside(Primitive::Bool, 0).is_ok(), "an array of none has no bits");

    let mut ranged = union(1, 1, members(&[("a", 0, 0)]));
    fields_of(&mut ranged)[0].bounds = Some(Bounds::Integer { low: 0, high: 1 });
    assert!(malformed(&encoded(&[byte(), ranged])).contains("`U.a` in a union"));
    let mut ranged = structure("S", 1, 1, &[("a", 0, 0)]);
    fields_of(&mut ranged)[0].bounds = Some(Bounds::Integer { low: 0, high: 1 });
    assert!(malformed(&encoded(&[byte(), ranged, union(1, 1, members(&[("s", 0, 1)]))])).contains("`U.s`"));
    let nested = [byte(), union(1, 1, members(&[("a", 0, 0)])), union(1, 1, members(&[("b", 0, 1)]))];
    assert!(Schema::decode(&encoded(&nested)).is_ok());
}

#[test]
fn fields_of_a_union_share_their_beginning() {
    let with = |fields: &[_]| malformed(&encoded(&[byte(), union(2, 1, members(fields))]));
    assert!(with(&[("a", 0, 0), ("b", 1, 0)]).contains("`U.b` is not at the beginning"));
    assert!(with(&[("a", 0, 0), ("a", 0, 0)]).contains("two members `a`"));
    assert!(with(&[("", 0, 0)]).contains("without a name"));
    assert!(malformed(&encoded(&[byte(), union(0, 1, members(&[("a", 0, 0)]))])).contains("not lie inside"));
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
    let signed = primitive(Primitive::I8);
    let difference = schema.difference(&Schema::decode(&nested(signed, 60, 2)).unwrap());
    assert!(!difference.is_empty());
    assert!(difference.to_string().len() < 100_000);
}
