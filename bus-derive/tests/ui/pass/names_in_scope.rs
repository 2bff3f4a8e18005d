//! What the expansion names is not confused with what the user names so: constants, statics, functions, unit
//! structs and parameters in scope; types and constants of fields, discriminants, ranges, defaults and invariants.
#![allow(dead_code, non_camel_case_types, non_upper_case_globals)]

use bus::Message;

/// Names of bindings: a pattern that is a constant's name would match instead of bind.
mod constants {
    pub const field_0: u32 = 1;
    pub const field_1: bool = true;
    pub const out: u8 = 1;
    pub const bytes: u8 = 2;
    pub const bits: u8 = 2;
    pub const low: f32 = 1.5;
    pub const end: u16 = 9;
    pub const default: u32 = 77;
    pub const found: u8 = 2;
    pub const tag: u8 = 5;
    pub const DISCRIMINANT_0: u8 = 40;
    pub const DISCRIMINANT_1: usize = 3;
}

mod with_constants {
    use super::constants::*;
    use bus::Message;

    #[derive(Message, Clone, Copy, Debug, PartialEq)]
    #[message(bytemuck(NoUninit, CheckedBitPattern), invariant = Order::check)]
    #[repr(C)]
    pub struct Order {
        #[message(range = low..=6.5)]
        pub price: f32,
        #[message(range = ..=end, invariant = nonzero)]
        pub out: [u16; DISCRIMINANT_1],
        pub tag: u16,
        #[message(since = 2, default = default + field_0)]
        pub size: u32,
    }

    fn nonzero(numbers: &[u16; DISCRIMINANT_1]) -> bool {
        numbers[0] > 0
    }

    impl Order {
        fn check(&self) -> bool {
            self.tag != u16::from(found)
        }
    }

    #[derive(Message, Clone, Copy, Debug, PartialEq)]
    #[repr(u8)]
    pub enum Command {
        Halt,
        Move([u8; DISCRIMINANT_1], bool) = DISCRIMINANT_0,
        Turn = tag + found,
    }

    #[derive(Message, Clone, Copy, Debug, PartialEq)]
    #[repr(C, u8)]
    pub enum WithPayload<T> {
        Halt = DISCRIMINANT_0,
        Move(#[message(range = bytes..)] u8, [T; DISCRIMINANT_1]),
    }
}

/// Statics and unit structs cannot be shadowed by bindings at all.
mod with_statics {
    use bus::Message;

    static field_0: u32 = 1;
    static field_1: u32 = 1;
    static out: u32 = 1;
    static bytes: u32 = 1;
    static default: u32 = 1;
    static found: u32 = 1;
    struct end;
    struct low;
    struct bits;

    #[derive(Message, Clone, Copy)]
    #[message(bytemuck(NoUninit, CheckedBitPattern))]
    #[repr(C)]
    pub struct Order {
        #[message(range = 0.5..=6.5)]
        price: f32,
        #[message(since = 2, default = 8)]
        size: u32,
    }

    #[derive(Message)]
    #[repr(u8)]
    enum Command {
        Halt,
        Move(u8, bool),
    }
}

/// The user's expressions see the user's functions, and not our variables.
mod with_functions {
    use bus::Message;

    fn out() -> u32 {
        1
    }
    fn default() -> u32 {
        2
    }
    const fn end() -> u16 {
        3
    }
    const fn low() -> u16 {
        2
    }
    fn field_0(_: &u16) -> bool {
        true
    }
    fn bytes(_: &u32) -> bool {
        true
    }
    fn found(_: &Order) -> bool {
        true
    }

    #[derive(Message, Clone, Copy, Debug, PartialEq)]
    #[message(invariant = found)]
    #[repr(C)]
    pub struct Order {
        #[message(range = low()..=end(), invariant = field_0)]
        pub count: u16,
        #[message(since = 2, default = out(), invariant = bytes)]
        pub size: u32,
        #[message(since = 3, default = default())]
        pub more: u32,
    }
}

/// The user's types have the names of ours.
mod with_types {
    use bus::Message;

    #[derive(Message, Clone, Copy, Debug, PartialEq)]
    #[repr(C)]
    pub struct Variant0(pub u32);
    #[derive(Message, Clone, Copy, Debug, PartialEq)]
    #[repr(C)]
    pub struct Variant1(pub u16);
    #[derive(Message, Clone, Copy, Debug, PartialEq)]
    #[repr(u8)]
    pub enum Payload {
        Variant0(Variant0),
        Variant1([Variant1; 2]),
    }
    #[derive(Message, Clone, Copy, Debug, PartialEq)]
    #[repr(C, u8)]
    pub enum Whole {
        Variant0(Variant1, Variant0),
        Payload(Payload),
        Whole,
    }
    #[derive(Message, Clone, Copy, Debug, PartialEq)]
    #[repr(C)]
    pub struct Bits {
        pub bits: u32,
        pub urgent: bool,
    }
    #[derive(Message, Clone, Copy)]
    #[message(bytemuck(CheckedBitPattern))]
    #[repr(C)]
    pub struct Of {
        pub bits: Bits,
    }
    #[derive(Message, Clone, Copy)]
    #[message(bytemuck(CheckedBitPattern))]
    #[repr(u8)]
    pub enum Several {
        Variant0(Variant0),
        Bits(Bits),
        Whole([Payload; 2]),
    }
}

/// So do their parameters.
#[derive(Message, Clone, Copy)]
#[repr(C, u8)]
enum Parameters<Variant0, Payload, Whole, const out: usize, const field_0: u8> {
    Variant0(Variant0, [Payload; out]),
    Variant1 { field_0: Whole },
}

#[derive(Message, Clone, Copy)]
#[repr(C)]
struct LowerCase<const out: usize, const field_0: u8, const bytes: u8, const end: bool> {
    #[message(range = 1..=4)]
    items: [u8; out],
    #[message(since = 2, default = field_0)]
    late: u8,
}

/// A `return` in a default is the default's own, and leaves out no field that follows.
#[derive(Message, Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Returns {
    first: u8,
    #[message(since = 2, default = {
        if size_of::<Self>() == 3 {
            return 5;
        }
        6
    })]
    second: u8,
    #[message(since = 3, default = 7)]
    third: u8,
}

fn bytes_of<T: Message>(value: &T) -> Vec<u8> {
    let mut bytes = vec![0; size_of::<T>()];
    // SAFETY: The vector has as many bytes as a `T`.
    unsafe { value.write_fields(bytes.as_mut_ptr()) };
    bytes
}

fn absent<T: Message + Copy>(value: T) -> T {
    let mut bytes = bytes_of(&value);
    // SAFETY: as above.
    unsafe { T::write_absent(bytes.as_mut_ptr()) };
    T::validate(&bytes).unwrap();
    // SAFETY: They are valid, as many as a `T` has.
    unsafe { bytes.as_ptr().cast::<T>().read_unaligned() }
}

fn main() {
    let order = with_constants::Order { price: 2.0, out: [1, 2, 3], tag: 7, size: 0 };
    assert_eq!(absent(order).size, 78);
    assert!(with_constants::Order::validate(&bytes_of(&with_constants::Order { price: 1.0, ..order })).is_err());
    assert!(with_constants::Order::validate(&bytes_of(&with_constants::Order { tag: 2, ..order })).is_err());
    assert!(with_constants::Order::validate(&bytes_of(&with_constants::Order { out: [0; 3], ..order })).is_err());
    assert_eq!(absent(with_constants::Command::Move([1, 2, 3], true)), with_constants::Command::Move([1, 2, 3], true));
    assert_eq!(bytes_of(&with_constants::Command::Turn)[0], 7);
    assert_eq!(bytes_of(&with_constants::WithPayload::Move(2, [1_u8; 3]))[..2], [41, 2]);
    assert!(<with_constants::WithPayload<u8>>::validate(&[41, 1, 0, 0, 0]).is_err());
    let order = with_functions::Order { count: 2, size: 0, more: 0 };
    assert_eq!(absent(order), with_functions::Order { count: 2, size: 1, more: 2 });
    use with_types::{Payload, Variant0, Variant1, Whole};
    for value in [
        Whole::Variant0(Variant1(3), Variant0(4)),
        Whole::Payload(Payload::Variant1([Variant1(5), Variant1(6)])),
        Whole::Whole,
    ] {
        assert_eq!(absent(value), value);
    }
    assert_eq!(absent(Returns { first: 1, second: 0, third: 0 }), Returns { first: 1, second: 5, third: 7 });
    let late: LowerCase<1, 7, 0, true> = absent(LowerCase { items: [1], late: 0 });
    assert_eq!(late.late, 7);
    assert_eq!(Parameters::<u8, u16, u32, 2, 0>::TYPE.size(), 12);
    let bits = bus::message::__private::bytemuck::checked::try_from_bytes::<with_types::Of>(&[0, 0, 0, 0, 2, 0, 0, 0]);
    let _ = bits.is_err();
}
