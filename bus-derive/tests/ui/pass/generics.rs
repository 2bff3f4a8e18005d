//! Bounds, where clauses and defaults are kept; parameters become messages; associated types too.
#![allow(dead_code)]

use bus::Message;

trait Sensor: Copy {
    type Value;
}

impl Sensor for u32 {
    type Value = f64;
}

#[derive(Message)]
#[repr(C)]
struct Window<T: Copy = f32, const N: usize = 4>
where
    T: PartialOrd,
{
    values: [T; N],
    latest: Reading<u32>,
}

#[derive(Message)]
#[repr(C)]
struct Reading<S: Sensor> {
    sensor: S,
    value: S::Value,
}

#[derive(Message)]
#[repr(transparent)]
struct Only<T>(T);

#[derive(Message)]
#[repr(u8)]
enum Level<const DEFAULT: char> {
    Low,
    High,
}

#[derive(Message)]
#[repr(C)]
struct Flags<const STRICT: bool, const OFFSET: i8>(Level<'x'>);

fn message<T: Message>() {}

fn main() {
    message::<Window>();
    message::<Window<u8, 9>>();
    message::<Only<Only<[bool; 3]>>>();
    message::<Level<'a'>>();
    message::<Flags<true, -3>>();
    assert_ne!(<Level<'a'>>::FINGERPRINT, <Level<'b'>>::FINGERPRINT);
    assert_ne!(<Flags<true, 0>>::FINGERPRINT, <Flags<false, 0>>::FINGERPRINT);
    assert_ne!(<Flags<true, 3>>::FINGERPRINT, <Flags<true, -3>>::FINGERPRINT);
}
