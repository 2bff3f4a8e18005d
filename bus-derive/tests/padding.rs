//! What a process had in memory does not leak through the padding of its messages.

#![allow(dead_code, reason = "most fields are read as bytes only")]

mod support;

use core::num::NonZero;

use bus::Message;
use bus::message::FixedStr;
use support::{JUNK, UNTOUCHED, occupied, with_junk, written};

#[derive(Message)]
#[repr(u16)]
enum Side {
    Buy,
    Sell = 0x0101,
}

#[derive(Message)]
#[repr(C)]
struct Gaps {
    a: u8,
    b: u64,
    c: bool,
    d: u16,
    e: u8,
}

#[derive(Message)]
#[repr(C)]
struct Nested {
    flag: bool,
    gaps: Gaps,
    sides: [Side; 3],
    many: [Gaps; 2],
}

#[derive(Message)]
#[repr(C)]
struct EveryKind {
    u8: u8,
    u16: u16,
    u32: u32,
    u64: u64,
    u128: u128,
    i8: i8,
    i16: i16,
    i32: i32,
    i64: i64,
    i128: i128,
    f32: f32,
    f64: f64,
    bool: bool,
    char: char,
    non_zero: NonZero<u8>,
    non_zero_wide: NonZero<i128>,
    side: Side,
    array: [u16; 3],
    no_text: FixedStr<0>,
}

#[derive(Message)]
#[repr(C, align(32))]
struct Aligned(u8, u32);

#[derive(Message)]
#[repr(C)]
struct Pair<T, const N: usize> {
    first: T,
    rest: [T; N],
    last: u8,
}

#[derive(Message)]
#[repr(transparent)]
struct Only<T>(T);

#[derive(Message)]
#[repr(C)]
struct Nothing;

/// Writes `value` and checks that its bytes arrive, and nothing of its padding.
#[track_caller]
fn check<T: Message>(value: &T, padding: usize) {
    let occupied = occupied::<T>();
    assert_eq!(occupied.iter().filter(|byte| !**byte).count(), padding, "the test knows the type");
    assert_eq!(T::PADDING_FREE, padding == 0);
    let (over_zeroes, over_marks) = (written(value, 0), written(value, UNTOUCHED));
    for (index, &is_value) in occupied.iter().enumerate() {
        if is_value {
            assert_eq!(over_zeroes[index], over_marks[index], "byte {index} of the value is not written");
        } else {
            assert_eq!(over_zeroes[index], 0, "byte {index} is padding and leaks");
            assert_eq!(over_marks[index], UNTOUCHED, "byte {index} is padding and is written");
        }
    }
    T::validate(&over_zeroes).expect("what was written is valid");
}

/// As `check`, of a value that is junk throughout.
#[track_caller]
fn check_junk<T: Message>(padding: usize) {
    let value = with_junk::<T>(|_| {});
    check(&*value, padding);
    let values = written(&*value, 0).iter().filter(|&&byte| byte == JUNK).count();
    assert_eq!(values, size_of::<T>() - padding, "each byte of the value arrives");
}

#[test]
fn of_structs() {
    check_junk::<Gaps>(7 + 1 + 3);
    check_junk::<Nested>(7 + 11 + 2 + 22);
    check_junk::<Aligned>(3 + 24);
}

#[test]
fn of_arrays() {
    check_junk::<[Gaps; 3]>(33);
    check_junk::<[[Aligned; 2]; 2]>(4 * 27);
    check_junk::<[Gaps; 0]>(0);
}

#[test]
fn of_generic_types() {
    check_junk::<Pair<u32, 2>>(3);
    check_junk::<Pair<u8, 2>>(0);
    check_junk::<Pair<Gaps, 1>>(22 + 7);
    check_junk::<Only<Gaps>>(11);
    check_junk::<Only<u64>>(0);
}

#[test]
fn of_nothing() {
    check_junk::<Nothing>(0);
    check_junk::<[Nothing; 4]>(0);
}

#[test]
fn of_a_field_of_every_kind() {
    let value = with_junk::<EveryKind>(|value| {
        // SAFETY: `value` points to memory for an `EveryKind`, of which this is a field.
        unsafe { (&raw mut (*value).char).write('ß') };
        // SAFETY: As above.
        unsafe { (&raw mut (*value).no_text).write(FixedStr::new()) };
    });
    let fields: usize = 31 + 31 + 12 + 1 + 4 + 1 + 16 + 2 + 6 + 2;
    check(&*value, size_of::<EveryKind>() - fields);
}

#[test]
fn the_bytes_are_those_of_the_values() {
    let gaps = Gaps { a: 1, b: 0x0203_0405_0607_0809, c: true, d: 0x0a0b, e: 0x0c };
    let mut expected = [0; 24];
    expected[0] = 1;
    expected[8..16].copy_from_slice(&0x0203_0405_0607_0809_u64.to_ne_bytes());
    expected[16] = 1;
    expected[18..20].copy_from_slice(&0x0a0b_u16.to_ne_bytes());
    expected[20] = 0x0c;
    assert_eq!(written(&gaps, 0), expected);
    assert_eq!(written(&Side::Sell, 0), 0x0101_u16.to_ne_bytes());
    assert_eq!(written(&FixedStr::<4>::truncated("ab"), 0), *b"\x02\0ab\0\0");
}

#[test]
fn values_need_no_alignment_where_they_are_written() {
    let mut bytes = [UNTOUCHED; 26];
    // SAFETY: A `Gaps` is 24 bytes, which fit behind the first.
    unsafe { with_junk::<Gaps>(|_| {}).write_fields(bytes.as_mut_ptr().add(1)) };
    assert_eq!((bytes[0], bytes[1], bytes[9], bytes[25]), (UNTOUCHED, JUNK, JUNK, UNTOUCHED));
}
