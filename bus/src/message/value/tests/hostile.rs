//! Whatever a peer sends, reading ends, in bounded time and memory.

use super::*;
use crate::message::test_support::Random;

/// Everything that a tool would do with a message of a peer.
fn exercise(schema: &Schema, bytes: &[u8]) {
    match schema.read(bytes) {
        Ok(value) => {
            assert!(!value.to_string().is_empty());
            let again = schema.write(&value).unwrap_or_else(|error| panic!("{error}\n{value}\n{schema}"));
            assert!(again.iter().zip(bytes).all(|(written, found)| written == found || *written == 0));
            #[cfg(feature = "json")]
            schema.value_from_json(&value.to_json()).unwrap();
        }
        Err(invalid) => assert!(!invalid.to_string().is_empty()),
    }
}

#[test]
fn random_bytes_are_read_or_refused() {
    let mut random = Random::seeded();
    for _ in 0..2000 {
        let schema = random.schema();
        let few = random.below_u64(2) == 0;
        let bytes: Vec<u8> =
            (0..schema.size()).map(|_| random.next() as u8 & if few { 1 } else { 255 }).collect();
        exercise(&schema, &bytes);
    }
}

#[test]
fn a_damaged_schema_is_refused_or_reads() {
    let mut random = Random::seeded();
    let mut damaged = 0;
    for _ in 0..3000 {
        let mut bytes = random.schema().encode();
        for _ in 0..1 + random.below_u64(3) {
            let at = random.below_u64(bytes.len() as u64) as usize;
            bytes[at] = random.next() as u8;
        }
        if let Ok(schema) = Schema::decode(&bytes)
            && schema.size() < 1 << 16
        {
            let zeroes = vec![0; schema.size() as usize];
            exercise(&schema, &zeroes);
            let noise: Vec<u8> = zeroes.iter().map(|_| random.next() as u8).collect();
            exercise(&schema, &noise);
            damaged += 1;
        }
    }
    assert!(damaged > 100);
}

/// A struct without fields, and arrays of it, one in the other.
fn nothings(lens: &[u64]) -> Schema {
    let unit = of_kind("Unit", 0, 1, SchemaKind::Struct { fields: Vec::new() });
    let array = |(element, len): (usize, &u64)| of_kind("", 0, 1, SchemaKind::Array { element, len: *len });
    schema(false, core::iter::once(unit).chain(lens.iter().enumerate().map(array)))
}

#[test]
fn very_many_of_nothing_are_refused() {
    for lens in [&[1 << 60][..], &[u64::MAX], &[2; 40]] {
        let invalid = nothings(lens).read(&[]).unwrap_err();
        assert!(invalid.expected().contains("at most 4194304 parts"), "{invalid}");
        nothings(lens).locate(&"[0]".repeat(lens.len())).unwrap();
    }
    assert_eq!(nothings(&[3]).read(&[]).unwrap().to_string(), "[{}, {}, {}]");
    let list = SchemaKind::List { element: 0, capacity: u64::MAX };
    let unit = of_kind("Unit", 0, 1, SchemaKind::Struct { fields: Vec::new() });
    let list = schema(false, [unit, of_kind("FixedVec", 8, 1, list)]);
    assert!(list.read(&[0xff; 8]).unwrap_err().expected().contains("parts"));
    assert_eq!(list.read(&[1, 0, 0, 0, 0, 0, 0, 0]).unwrap().to_string(), "[{}]");
}

#[test]
fn long_names_count() {
    let name = "n".repeat(255);
    let fields = vec![field(&name, 0, 0)];
    let unit = of_kind("Unit", 0, 1, SchemaKind::Struct { fields: Vec::new() });
    let named = of_kind("S", 0, 1, SchemaKind::Struct { fields });
    let array = of_kind("", 0, 1, SchemaKind::Array { element: 1, len: 1 << 19 });
    let schema = schema(false, [unit, named, array]);
    assert!(schema.read(&[]).unwrap_err().expected().contains("parts"));
}

#[test]
fn nesting_to_the_limit_is_read() {
    let mut types = vec![primitive(Primitive::U8)];
    for element in 0..63 {
        types.push(of_kind("", 1, 1, SchemaKind::Array { element, len: 1 }));
    }
    let schema = schema(false, types);
    let value = schema.read(&[7]).unwrap();
    assert_eq!(value.to_string(), format!("{}7{}", "[".repeat(63), "]".repeat(63)));
    assert_eq!(schema.write(&value).unwrap(), [7]);
}

#[test]
fn a_schema_larger_than_memory_is_no_reason_to_reserve() {
    let array = of_kind("", i64::MAX as u64, 1, SchemaKind::Array { element: 0, len: i64::MAX as u64 });
    let schema = schema(false, [primitive(Primitive::U8), array]);
    let error = schema.write(&list(&[1_u8])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "found one of 9223372036854775807 bytes, expected a message of at most 268435456 bytes"
    );
    assert_eq!(schema.read(&[1]).unwrap_err().found(), "1 bytes");
    assert_eq!(schema.locate("[9223372036854775806]").unwrap().offset(), (1 << 63) - 2);
}
