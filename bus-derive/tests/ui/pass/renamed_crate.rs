//! The crate goes by another name, and is reached through another module.
#![allow(dead_code)]

extern crate bus as vehicle;

/// What is called `bus` is something else.
mod bus {}

mod transport {
    pub mod road {
        pub use vehicle::*;
    }
}

use transport::road::Message;

#[derive(Message)]
#[message(crate = "crate::transport::road")]
#[repr(C)]
struct Order {
    price: f64,
    side: Side,
}

#[derive(Message)]
#[message(crate = "transport::road")]
#[repr(u8)]
enum Side {
    Buy,
    Sell,
}

#[derive(Message)]
#[message(crate = "vehicle")]
#[repr(u8)]
enum Command<T> {
    Halt,
    Move { to: T, fast: bool },
}

#[derive(Message)]
#[message(crate = "vehicle")]
#[repr(C, u16)]
enum Either<L, R> {
    Left(L),
    Right(R, #[message(range = 1..=9)] u8),
}

#[derive(Message)]
#[message(crate = "vehicle", unsafe_any_bits)]
#[repr(C)]
union Word {
    whole: u32,
    halves: [u16; 2],
}

#[derive(Message, Clone, Copy)]
#[message(crate = "self::transport::road", version = 4, invariant = check)]
#[message(deny_padding, bytemuck(NoUninit, CheckedBitPattern))]
#[repr(C)]
struct Reading {
    #[message(unit = "m/s", range = -10.0..=10.0)]
    speed: f32,
    #[message(range = 1.., invariant = rises)]
    counts: [u16; 2],
    #[message(since = 2, default = 2.5)]
    gain: f32,
    #[message(since = 4)]
    last: u32,
}

#[derive(Message, Clone, Copy)]
#[message(crate = "transport::road", bytemuck(Zeroable, AnyBitPattern))]
#[repr(transparent)]
struct Price(i64);

fn check(_: &Reading) -> bool {
    true
}

fn rises(counts: &[u16; 2]) -> bool {
    counts[0] <= counts[1]
}

mod inner {
    #[derive(super::Message)]
    #[message(crate = "super::transport::road")]
    #[repr(C)]
    pub struct Order {
        pub price: f64,
    }
}

fn main() {
    let order = Order { price: 1.0, side: Side::Buy };
    let _ = (order.price, order.side, Side::Sell, inner::Order::PRICE, Reading::GAIN, Price::FIELD_0);
    assert_eq!(Order::TYPE.name(), "Order");
    assert!(<Command<u8>>::validate(&[2, 0, 0]).is_err());
    assert!(<Either<u8, u8>>::validate(&[1, 0, 1, 9]).is_ok());
    assert!(Reading::validate(&[0; 16]).is_err());
}
