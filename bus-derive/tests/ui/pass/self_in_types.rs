//! Types of fields may speak of the type itself, and parameters may be relaxed.
#![allow(dead_code)]

use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Trace {
    points: [Point; Self::LEN],
    bytes: [u8; Self::LEN],
}

impl Trace {
    const LEN: usize = 4;
}

#[derive(Message)]
#[repr(C)]
struct Point(f32, f32);

#[derive(Message)]
#[repr(C)]
struct Relaxed<T: ?Sized>
where
    Self: Sized,
    T: Sized,
{
    value: T,
}

fn main() {
    assert_eq!(Trace::TYPE.size(), 36);
    assert_eq!(<Relaxed<Point>>::TYPE.size(), 8);
}
