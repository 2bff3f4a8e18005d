//! In a data enum, `Self` is the enum, wherever it stands.
#![allow(dead_code)]

use bus::Message;

trait Sized2 {
    const LEN: usize;
}

impl<T> Sized2 for Trace<T>
where
    T: Copy,
{
    const LEN: usize = 4;
}

#[derive(Message, Clone, Copy)]
#[repr(u8)]
enum Plain {
    First([u8; Self::LEN]) = Self::FIRST,
    Second { bytes: [[u8; 2]; Self::LEN] },
}

impl Plain {
    const LEN: usize = 3;
    const FIRST: u8 = 9;
}

#[derive(Message, Clone, Copy)]
#[repr(C, u8)]
enum Trace<T>
where
    Self: Sized2,
    T: Copy,
{
    Point(T),
    Nothing,
}

#[derive(Message, Clone, Copy)]
#[repr(u8)]
enum Bounded<T: Into<Self> + Copy> {
    Value(T),
    Nothing,
}

impl From<u8> for Bounded<u8> {
    fn from(value: u8) -> Self {
        Bounded::Value(value)
    }
}

fn main() {
    assert_eq!(Plain::TYPE.size(), 7);
    assert!(Plain::validate(&[10, 0, 0, 0, 0, 0, 0]).is_ok());
    assert!(Plain::validate(&[0; 7]).is_err());
    assert_eq!(<Trace<u32>>::TYPE.size(), 8);
    assert_eq!(<Bounded<u8>>::TYPE.size(), 2);
}
