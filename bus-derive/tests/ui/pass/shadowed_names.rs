//! Names that the expansion could mean are taken by something else.
#![allow(dead_code, non_camel_case_types, unused_macros)]

macro_rules! shadow {
    ($($name:ident)*) => { $(struct $name;)* };
}

shadow!(Result Option Some Ok Err None Self_ Drop Sized u8 u16 u32 i16 i128 bool core std alloc bus bytemuck);
shadow!(Invalid TypeDescriptor FieldDescriptor VariantDescriptor Declaration Name Argument Bounds Primitive Field);
shadow!(String Default Clone Copy Vec Box PhantomData ManuallyDrop Send Sync T f32);

macro_rules! unreachable { () => { compile_error!("not this one") }; }
macro_rules! compile_error_ { () => {}; }
macro_rules! offset_of { ($($any:tt)*) => { compile_error!("not this one") }; }

trait Message {}

#[derive(::bus::Message)]
#[repr(C)]
struct Order {
    price: f64,
    side: Side,
}

#[derive(::bus::Message)]
#[repr(i16)]
enum Side {
    Buy = -1,
    Sell = 1,
}

#[derive(::bus::Message)]
#[repr(u8)]
enum Command<X> {
    Halt,
    Move { to: X, side: Side },
    Turn(#[message(range = 1..=2)] i64),
}

#[derive(::bus::Message)]
#[repr(C, u32)]
enum Either<L, R> {
    Left(L),
    Right(R),
}

#[derive(::bus::Message)]
#[message(unsafe_any_bits)]
#[repr(C)]
union Word {
    whole: u64,
    halves: [i32; 2],
}

#[derive(::bus::Message, ::core::clone::Clone, ::core::marker::Copy)]
#[message(name = "Sample", version = 4, invariant = check, deny_padding)]
#[message(bytemuck(NoUninit, CheckedBitPattern))]
#[repr(C)]
struct Reading {
    #[message(unit = "m/s", range = -10.0..=10.0)]
    speed: f64,
    #[message(since = 2, default = [1, 2], range = 1..)]
    counts: [u64; 2],
    #[message(since = 4)]
    late: i64,
}

#[derive(::bus::Message, ::core::clone::Clone, ::core::marker::Copy)]
#[message(bytemuck(Zeroable, AnyBitPattern))]
#[repr(transparent)]
struct Price(i64);

fn check(_: &Reading) -> ::core::primitive::bool {
    true
}

fn main() {
    assert!(<Order as ::bus::Message>::validate(&[1; 16]).is_err());
    assert!(<Reading as ::bus::Message>::validate(&[0; 32]).is_err());
    assert!(<Command<i64> as ::bus::Message>::validate(&[0; 24]).is_ok());
    let _ = (Reading::SPEED, Price::FIELD_0);
}
