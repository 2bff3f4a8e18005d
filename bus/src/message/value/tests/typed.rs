//! What a type says of bytes, and what its schema says of them, is the same.

#![allow(dead_code, reason = "the types are described and not used")]

use core::num::NonZero;

use super::*;
use crate::message::Message;
use crate::message::test_support::Random;

#[derive(bus_derive::Message)]
#[repr(C)]
struct Everything {
    flags: [bool; 3],
    letter: char,
    count: NonZero<i16>,
    text: FixedStr<5>,
    sides: [Side; 2],
    one: One,
    many: Many,
    number: f64,
}

#[derive(bus_derive::Message)]
#[repr(i8)]
enum Side {
    Buy = 1,
    Sell = -1,
}

#[derive(bus_derive::Message)]
#[repr(u16)]
enum One {
    Only = 7,
}

#[derive(bus_derive::Message)]
#[repr(u8)]
enum Many {
    A,
    B,
    C,
    D,
    E,
    F,
    G,
    H,
    I,
    J,
}

/// Bytes of a value, and then each byte replaced: both sides agree on all.
#[track_caller]
fn assert_agreement<T: Message>(valid: &[u8]) {
    let (schema, mut random) = (Schema::of::<T>(), Random::seeded());
    assert_eq!((T::validate(valid), schema.read(valid).map(drop)), (Ok(()), Ok(())));
    let mut refused = 0;
    for at in 0..valid.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff, random.next() as u8] {
            let mut bytes = valid.to_vec();
            bytes[at] = value;
            let typed = T::validate(&bytes);
            assert_eq!(schema.read(&bytes).map(drop), typed, "byte {at} = {value}");
            refused += usize::from(typed.is_err());
        }
    }
    assert!(refused > 0 || T::ANY_BITS);
}

#[test]
fn both_refuse_the_same_in_the_same_words() {
    let schema = Schema::of::<Everything>();
    let value = structure(&[
        ("flags", list(&[true, false, true])),
        ("letter", 'ö'.into()),
        ("count", (-3).into()),
        ("text", "größ".chars().take(3).collect::<String>().into()),
        ("sides", Value::List(vec![Value::unit_variant("Buy"), Value::unit_variant("Sell")])),
        ("one", Value::unit_variant("Only")),
        ("many", Value::unit_variant("J")),
        ("number", 0.5.into()),
    ]);
    let bytes = schema.write(&value).unwrap();
    assert_eq!(schema.read(&bytes).unwrap(), value);
    assert_agreement::<Everything>(&bytes);
    assert_agreement::<[bool; 2]>(&[0, 1]);
    assert_agreement::<char>(&u32::from('x').to_ne_bytes());
    assert_agreement::<NonZero<u8>>(&[1]);
    assert_agreement::<FixedStr<300>>(&schema_of_text("ä".repeat(100)));
    assert_agreement::<u128>(&[7; 16]);
}

fn schema_of_text(text: String) -> Vec<u8> {
    Schema::of::<FixedStr<300>>().write(&text.into()).unwrap()
}

#[test]
fn a_wrong_length_is_named() {
    let error = Schema::of::<[u16; 3]>().read(&[0; 5]).unwrap_err();
    assert_eq!(error.to_string(), "found 5 bytes, expected 6 bytes (`[u16; 3]`)");
}

/// What the types without a definition here say, in the words of theirs.
#[test]
fn each_invalid_part_is_named() {
    let (schema, bytes) = (robot(false), sample_bytes());
    let refused = |at: usize, replaced: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..][..replaced.len()].copy_from_slice(replaced);
        schema.read(&bytes).unwrap_err().to_string()
    };
    assert_eq!(refused(4, &10.5_f32.to_le_bytes()), "`pose.position[1]`: found 10.5, expected -10 to 10");
    assert_eq!(refused(4, &f32::NAN.to_le_bytes()), "`pose.position[1]`: found NaN, expected -10 to 10");
    assert_eq!(refused(12, &[0]), "`pose.frame`: found 0, expected 1 to 9");
    assert_eq!(refused(16, &[2]), "`command`: found 2, expected one of 1, 4, 9 (enum `Command`)");
    let limits = "a length of at most 3 (`FixedMap<_, _, 3>`)";
    assert_eq!(refused(22, &[4]), format!("`limits`: found 4, expected {limits}"));
    let text = "a length of at most 6 (`FixedStr<6>`)";
    assert_eq!(refused(40, &[7]), format!("`limits.entries[1].key`: found 7, expected {text}"));
    let greater = "expected a key greater than the one before (`FixedMap<_, _, 3>`)";
    assert_eq!(refused(42, b"a"), format!("`limits.entries[1].key`: found a lesser key, {greater}"));
    assert_eq!(refused(60, &[3]), "`path`: found 3, expected a length of at most 2 (`FixedVec<_, 2>`)");
    assert_eq!(refused(60 + 8 + 16 + 12, &[10]), "`path[1].frame`: found 10, expected 1 to 9");
    assert!(refused(110, &[7]).starts_with("`ports.entries[1].key`: found the same key again"));
    assert_eq!(refused(109, &[2]), "`ports.entries[0].value`: found 2, expected 0 or 1 (`bool`)");
}

#[test]
fn a_range_without_an_end_says_so() {
    let refused = |of, low, high, bytes: &[u8]| {
        let bounds = Some(Bounds::Integer { low, high });
        let size = Primitive::size(of) as u64;
        let kind = SchemaKind::Struct { fields: vec![SchemaField { bounds, ..field("n", 0, 0) }] };
        schema(false, [primitive(of), of_kind("S", size, size, kind)]).read(bytes).unwrap_err().to_string()
    };
    assert_eq!(refused(Primitive::U8, 3, 255, &[1]), "`n`: found 1, expected at least 3");
    assert_eq!(refused(Primitive::I8, -128, 3, &[4]), "`n`: found 4, expected at most 3");
    assert!(refused(Primitive::U128, 0, 3, &[0xff; 16]).ends_with("expected at most 3"));
}

#[test]
fn both_byte_orders_are_read() {
    let [little, big] = [robot(false), robot(true)];
    let of_big = big.write(&sample()).unwrap();
    assert_eq!(of_big[..4], 0.1_f32.to_be_bytes());
    assert_eq!(of_big[12..14], [0, 3]);
    assert_eq!(of_big[22..30], [2, 0, 0, 0, 0, 0, 0, 0], "a length is little endian");
    assert_eq!(big.read(&of_big).unwrap(), sample());
    assert_eq!(little.read(&sample_bytes()).unwrap(), sample());
}
