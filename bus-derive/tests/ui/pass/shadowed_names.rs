//! Names that the expansion could mean are taken by something else.
#![allow(dead_code, non_camel_case_types)]

macro_rules! shadow {
    ($($name:ident)*) => { $(struct $name;)* };
}

shadow!(Result Option Some Ok Err None Self_ Drop Sized u8 i128 core std Invalid TypeDescriptor FieldDescriptor);

trait Message {}

#[derive(bus::Message)]
#[repr(C)]
struct Order {
    price: f64,
    side: Side,
}

#[derive(bus::Message)]
#[repr(i16)]
enum Side {
    Buy = -1,
    Sell = 1,
}

fn main() {
    assert!(<Order as bus::Message>::validate(&[1; 16]).is_err());
}
