//! Bytes that are not a value are refused, with the way to them.

#![allow(dead_code, reason = "fields are read as bytes only")]

use core::mem::offset_of;
use core::num::NonZero;

use bus::Message;
use bus::message::{FixedStr, Invalid};

#[derive(Message)]
#[repr(u8)]
enum Kind {
    Market,
    Limit,
    Stop,
}

#[derive(Message)]
#[repr(i16)]
enum Offset {
    Least = i16::MIN,
    Down = -300,
    None = 0,
    Shifted = 1 << 9,
    Next,
}

#[derive(Message)]
#[repr(C)]
struct Leg {
    quantity: u32,
    kind: Kind,
    armed: bool,
}

#[derive(Message)]
#[repr(C)]
struct Order {
    id: NonZero<u64>,
    legs: [Leg; 3],
    name: FixedStr<4>,
    symbol: char,
    extra: Extra,
}

#[derive(Message)]
#[repr(C)]
struct Extra(f64, [bool; 2]);

#[derive(Message)]
#[repr(C)]
struct Plain {
    number: i32,
    ratio: f32,
    array: [u8; 7],
    inner: Inner,
}

#[derive(Message)]
#[repr(transparent)]
struct Inner(u128);

#[derive(Message)]
#[repr(C)]
struct Generic<T> {
    before: u8,
    value: T,
}

/// The bytes of a valid order, with `bytes` put at `offset`.
fn order_with(offset: usize, bytes: &[u8]) -> Vec<u8> {
    let mut order = vec![0; size_of::<Order>()];
    order[offset_of!(Order, id)] = 7;
    assert_eq!(Order::validate(&order), Ok(()), "the order is valid before the change");
    order[offset..][..bytes.len()].copy_from_slice(bytes);
    order
}

#[track_caller]
fn refused(result: Result<(), Invalid>, expected: &str) {
    assert_eq!(result.expect_err("not refused").to_string(), expected);
}

#[test]
fn a_bool_is_zero_or_one() {
    let armed = offset_of!(Order, legs) + size_of::<Leg>() + offset_of!(Leg, armed);
    assert_eq!(Order::validate(&order_with(armed, &[1])), Ok(()));
    refused(Order::validate(&order_with(armed, &[2])), "`legs[1].armed`: found 2, expected 0 or 1 (`bool`)");
    refused(
        Order::validate(&order_with(offset_of!(Order, extra) + offset_of!(Extra, 1) + 1, &[255])),
        "`extra.1[1]`: found 255, expected 0 or 1 (`bool`)",
    );
}

#[test]
fn an_enum_is_one_of_its_variants() {
    let kind = offset_of!(Order, legs) + 2 * size_of::<Leg>() + offset_of!(Leg, kind);
    assert_eq!(Order::validate(&order_with(kind, &[2])), Ok(()));
    refused(
        Order::validate(&order_with(kind, &[7])),
        "`legs[2].kind`: found 7, expected one of 0, 1, 2 (enum `Kind`)",
    );
}

#[test]
fn an_enum_may_have_negative_and_computed_values() {
    let valid: Vec<i16> =
        (i16::MIN..=i16::MAX).filter(|value| Offset::validate(&value.to_ne_bytes()).is_ok()).collect();
    assert_eq!(valid, [i16::MIN, -300, 0, 512, 513]);
    refused(
        Offset::validate(&(-1_i16).to_ne_bytes()),
        "found -1, expected one of -32768, -300, 0, 512, 513 (enum `Offset`)",
    );
}

#[test]
fn a_char_is_a_scalar_value() {
    let symbol = |code: u32| Order::validate(&order_with(offset_of!(Order, symbol), &code.to_ne_bytes()));
    assert_eq!(symbol('€'.into()), Ok(()));
    refused(symbol(0xd800), "`symbol`: found 0xd800, expected a Unicode scalar value (`char`)");
    refused(symbol(0x11_0000), "`symbol`: found 0x110000, expected a Unicode scalar value (`char`)");
}

#[test]
fn a_non_zero_number_is_not_zero() {
    refused(
        Order::validate(&order_with(offset_of!(Order, id), &[0; 8])),
        "`id`: found 0, expected a value other than 0",
    );
    // A single bit anywhere makes it valid.
    for byte in 0..16 {
        let mut bytes = [0; 16];
        assert!(NonZero::<i128>::validate(&bytes).is_err());
        bytes[byte] = 0x10;
        assert_eq!(NonZero::<i128>::validate(&bytes), Ok(()));
    }
}

#[test]
fn text_is_utf_8_within_its_capacity() {
    let name = offset_of!(Order, name);
    assert_eq!(Order::validate(&order_with(name, b"\x04\0abcd")), Ok(()));
    refused(
        Order::validate(&order_with(name, b"\x05\0")),
        "`name`: found 5, expected a length of at most 4 (`FixedStr<4>`)",
    );
    refused(
        Order::validate(&order_with(name, b"\x02\0a\xff")),
        "`name`: found the byte 0xff at 1, expected UTF-8 (`FixedStr<4>`)",
    );
}

#[test]
fn padding_may_be_anything() {
    let after_armed = offset_of!(Order, legs) + offset_of!(Leg, armed) + 1;
    assert_eq!(Order::validate(&order_with(after_armed, &[0xff, 0xff])), Ok(()));
}

#[test]
fn numbers_may_be_anything() {
    const { assert!(Plain::ANY_BITS && <[Plain; 3]>::ANY_BITS && Generic::<f64>::ANY_BITS) };
    assert_eq!(Plain::validate(&[0xff; size_of::<Plain>()]), Ok(()), "a NaN is a number too");
    const { assert!(!Order::ANY_BITS && !Kind::ANY_BITS && !Generic::<Kind>::ANY_BITS) };
    const { assert!(!bool::ANY_BITS && !char::ANY_BITS && !NonZero::<u8>::ANY_BITS) };
    const { assert!(!FixedStr::<0>::ANY_BITS) };
    // No elements, nothing to be wrong.
    const { assert!(<[bool; 0]>::ANY_BITS) };
}

#[test]
fn generic_fields_are_checked_as_what_they_are() {
    refused(
        Generic::<[Kind; 2]>::validate(&[0, 1, 9]),
        "`value[1]`: found 9, expected one of 0, 1, 2 (enum `Kind`)",
    );
    assert_eq!(Generic::<[u8; 2]>::validate(&[9; 3]), Ok(()));
}

#[test]
fn bytes_need_no_alignment() {
    let bytes = [vec![0], order_with(0, &[])].concat();
    assert_eq!(Order::validate(&bytes[1..]), Ok(()));
}

#[test]
fn a_long_list_of_variants_is_cut() {
    #[derive(Message)]
    #[repr(u8)]
    enum Letter {
        A,
        B,
        C,
        D,
        E,
        F,
        G,
        H,
        I,
    }
    refused(
        Letter::validate(&[9]),
        "found 9, expected one of 0, 1, 2, 3, 4, 5, 6, 7, … (9 in all) (enum `Letter`)",
    );
}
