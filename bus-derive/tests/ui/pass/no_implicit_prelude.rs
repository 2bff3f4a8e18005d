//! The expansion finds everything it needs by absolute paths.
#![no_implicit_prelude]
#![deny(warnings)]

#[derive(::bus::Message)]
#[repr(C)]
struct Order<T, const N: usize> {
    prices: [T; N],
    side: Side,
    urgent: bool,
}

#[derive(::bus::Message)]
#[repr(u8)]
enum Side {
    Buy,
    Sell,
}

#[derive(::bus::Message)]
#[repr(u8)]
enum Command<T> {
    Halt,
    Move { to: T, fast: bool },
    Turn(#[message(range = 0..=359, unit = "deg")] u16),
}

#[derive(::bus::Message)]
#[repr(C, u16)]
enum Either<L, R> {
    Left(L),
    Right(R, Side) = 4,
}

#[derive(::bus::Message)]
#[message(unsafe_any_bits)]
#[repr(C)]
union Word {
    whole: u32,
    halves: [u16; 2],
}

#[derive(::bus::Message, ::core::clone::Clone, ::core::marker::Copy)]
#[message(name = "Sample", version = 4, invariant = Reading::check)]
#[message(deny_padding, bytemuck(NoUninit, CheckedBitPattern))]
#[repr(C)]
struct Reading {
    #[message(unit = "m/s", range = -10.0..=10.0)]
    speed: f32,
    #[message(range = 1.., rename = "counted")]
    counts: [u16; 2],
    #[message(since = 2, default = 2.5)]
    gain: f32,
    #[message(since = 4, invariant = even)]
    last: u32,
}

#[derive(::bus::Message, ::core::clone::Clone, ::core::marker::Copy)]
#[message(no_tokens, bytemuck(Zeroable, AnyBitPattern))]
#[repr(transparent)]
struct Price(i64);

impl Reading {
    fn check(&self) -> ::core::result::Result<(), &'static str> {
        if self.counts[0] == self.counts[1] { ::core::result::Result::Err("") } else { ::core::result::Result::Ok(()) }
    }
}

fn even(number: &u32) -> bool {
    *number % 2 == 0
}

fn main() {
    let order = Order { prices: [1_u64, 2], side: Side::Buy, urgent: true };
    let _ = (order.prices, order.urgent, Side::Sell, order.side);
    let bytes = [0_u8; ::core::mem::size_of::<Order<u64, 2>>()];
    ::core::assert!(<Order<u64, 2> as ::bus::Message>::validate(&bytes).is_ok());
    ::core::assert!(<Command<u32> as ::bus::Message>::validate(&[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]).is_err());
    ::core::assert!(<Either<u8, u8> as ::bus::Message>::validate(&[0; 4]).is_ok());
    ::core::assert!(<Reading as ::bus::Message>::validate(&[0; 16]).is_err());
    ::core::assert!(<Word as ::bus::Message>::ANY_BITS && <Price as ::bus::Message>::ANY_BITS);
    let _ = (Command::Move { to: 1_u8, fast: true }, Command::<u8>::Halt, Command::<u8>::Turn(7));
    let _ = (Either::<u8, u8>::Left(1), Either::<u8, u8>::Right(1, Side::Buy), Price(1).0);
    let reading = Reading { speed: 1.0, counts: [1, 2], gain: 1.0, last: 2 };
    let _ = (reading.speed, reading.counts, reading.gain, reading.last);
    let word = Word { whole: 1 };
    let _ = |word: Word| unsafe { (word.whole, word.halves) };
    let _ = (word, Reading::SPEED.offset(), Order::<u8, 2>::URGENT);
}
