//! What people read when two programs do not agree.

#![allow(dead_code, reason = "the types are described and not used")]

use super::*;
use crate::message::{Message, SchemaError};

/// Two versions of a type, as they would stand in two programs.
macro_rules! versions {
    ($here:ident { $($one:tt)* } $there:ident { $($other:tt)* }) => {
        mod $here { $($one)* }
        mod $there { $($other)* }
    };
}

fn difference<H: Message, T: Message>() -> String {
    Schema::of::<H>().difference(&Schema::of::<T>()).to_string()
}

fn differing<H: Message, T: Message>() -> Vec<String> {
    Schema::of::<H>().difference(&Schema::of::<T>()).differing().map(Row::to_string).collect()
}

versions! {
    fields {
        #[derive(bus_derive::Message)]
        #[repr(C)]
        pub(super) struct Quote {
            bid: f64,
            size: u32,
            gone: u8,
        }
    }
    fields_there {
        #[derive(bus_derive::Message)]
        #[repr(C)]
        pub(super) struct Quote {
            bid: f64,
            size: u64,
            venue: u16,
        }
    }
}

#[test]
fn fields_are_compared_by_name() {
    assert_eq!(
        format!("\n{}", difference::<fields::Quote, fields_there::Quote>()),
        "
                here                       there
! Quote         struct, size 16, align 8   struct, size 24, align 8
  Quote.bid     f64 at 0                   f64 at 0
! Quote.size    u32 at 8                   u64 at 8
! Quote.gone    u8 at 12                   missing
! Quote.venue   missing                    u16 at 16"
    );
    assert_eq!(
        differing::<fields::Quote, fields_there::Quote>(),
        [
            "Quote: struct, size 16, align 8 here, struct, size 24, align 8 there",
            "Quote.size: u32 at 8 here, u64 at 8 there",
            "Quote.gone: u8 at 12 here, missing there",
            "Quote.venue: missing here, u16 at 16 there",
        ]
    );
}

versions! {
    nested {
        #[derive(bus_derive::Message)]
        #[repr(C)]
        pub(super) struct Position { x: f32, y: f32 }

        #[derive(bus_derive::Message)]
        #[repr(C)]
        pub(super) struct Pose { position: Position, former: Position, path: [Position; 2] }
    }
    nested_there {
        #[derive(bus_derive::Message)]
        #[repr(C)]
        pub(super) struct Position { x: f32, z: f32 }

        #[derive(bus_derive::Message)]
        #[repr(C)]
        pub(super) struct Pose { position: Position, former: Position, path: [Position; 2] }
    }
}

#[test]
fn nested_types_are_entered_once() {
    assert_eq!(
        format!("\n{}", difference::<nested::Pose, nested_there::Pose>()),
        "
                    here                              there
  Pose              struct, size 32, align 4          struct, size 32, align 4
  Pose.position     Position at 0                     Position at 0
  Pose.position.x   f32 at 0                          f32 at 0
! Pose.position.y   f32 at 4                          missing
! Pose.position.z   missing                           f32 at 4
  Pose.former       Position at 8                     Position at 8
! Pose.former       differs as `Pose.position` does   differs as `Pose.position` does
  Pose.path         [Position; 2] at 16               [Position; 2] at 16
! Pose.path[]       differs as `Pose.position` does   differs as `Pose.position` does"
    );
}

versions! {
    enums {
        #[derive(bus_derive::Message)]
        #[repr(u8)]
        pub(super) enum Side { Buy, Sell, Hold }

        #[derive(bus_derive::Message)]
        #[repr(C)]
        pub(super) struct Order { side: Side }
    }
    enums_there {
        #[derive(bus_derive::Message)]
        #[repr(i16)]
        pub(super) enum Side { Buy, Sell = -1, Short = 5 }

        #[derive(bus_derive::Message)]
        #[repr(C)]
        pub(super) struct Order { side: Side }
    }
}

#[test]
fn enums_are_compared_by_variant() {
    assert_eq!(
        differing::<enums::Order, enums_there::Order>(),
        [
            "Order: struct, size 1, align 1 here, struct, size 2, align 2 there",
            "Order.side: enum of u8, size 1, align 1 here, enum of i16, size 2, align 2 there",
            "Order.side::Sell: 1 here, -1 there",
            "Order.side::Hold: 2 here, missing there",
            "Order.side::Short: missing here, 5 there",
        ]
    );
}

versions! {
    order {
        #[derive(bus_derive::Message)]
        #[repr(u8)]
        pub(super) enum Side { Buy = 0, Sell = 1 }
    }
    order_there {
        #[derive(bus_derive::Message)]
        #[repr(u8)]
        pub(super) enum Side { Sell = 1, Buy = 0 }
    }
}

#[test]
fn the_order_of_declaration_shows() {
    assert_eq!(
        differing::<order::Side, order_there::Side>(),
        ["Side: in the order Buy, Sell here, in the order Sell, Buy there"]
    );
}

#[derive(bus_derive::Message)]
#[repr(C)]
struct Tagged<const VERSION: u8> {
    value: u32,
}

#[test]
fn types_of_another_name_or_kind_are_said_to_be() {
    assert_eq!(differing::<Tagged<1>, Tagged<2>>(), ["Tagged<1>: Tagged<1> here, Tagged<2> there"]);
    assert_eq!(differing::<u32, enums::Side>(), ["u32: u32 here, Side there"]);
    assert_eq!(differing::<[u8; 2], [i8; 2]>(), ["[u8; 2]: [u8; 2] here, [i8; 2] there"]);
}

#[test]
fn equal_types_have_no_difference() {
    let difference = Schema::of::<nested::Pose>().difference(&Schema::of::<nested::Pose>());
    assert!(difference.is_empty());
    assert_eq!(difference.to_string(), "no difference");
}

#[test]
fn byte_order_is_one_difference_and_not_one_of_each_field() -> Result<(), SchemaError> {
    let mut bytes = Schema::of::<nested::Pose>().encode();
    bytes[1] ^= 1;
    let swapped = Schema::decode(&bytes)?;
    let rows: Vec<_> =
        Schema::of::<nested::Pose>().difference(&swapped).differing().map(Row::to_string).collect();
    #[cfg(target_endian = "little")]
    assert_eq!(rows, ["Pose: little endian here, big endian there"]);
    #[cfg(target_endian = "big")]
    assert_eq!(rows, ["Pose: big endian here, little endian there"]);
    Ok(())
}

#[test]
fn long_texts_and_paths_are_cut() {
    let long = "ö".repeat(1000);
    assert_eq!(cut(long.clone()), format!("{}…", "ö".repeat(MAX_TEXT)));
    assert_eq!(cut("ö".repeat(MAX_TEXT)).chars().count(), MAX_TEXT);
    assert_eq!(end_of_path(&format!("{long}.x")), format!("…{}.x", "ö".repeat(MAX_PATH - 3)));
    assert_eq!(end_of_path("a.b"), "a.b");
}

versions! {
    kinds {
        #[derive(bus_derive::Message)]
        #[repr(u8)]
        pub(super) enum Side { Buy }

        #[derive(bus_derive::Message)]
        #[repr(C)]
        pub(super) struct Order { side: Side, next: Side }
    }
    kinds_there {
        #[derive(bus_derive::Message)]
        #[repr(C)]
        pub(super) struct Side { buy: u8 }

        #[derive(bus_derive::Message)]
        #[repr(C)]
        pub(super) struct Order { side: Side, next: Side }
    }
}

#[test]
fn types_of_one_name_and_two_kinds_are_told_apart() {
    assert_eq!(
        differing::<kinds::Order, kinds_there::Order>(),
        [
            "Order.side: enum of u8, size 1, align 1 here, struct, size 1, align 1 there",
            "Order.next: differs as `Order.side` does",
        ]
    );
}

versions! {
    many {
        #[derive(bus_derive::Message)]
        #[repr(C)]
        pub(super) struct Wide(Ten<0>, Ten<1>, Ten<2>, Ten<3>, Ten<4>, Ten<5>, Ten<6>, Ten<7>);

        #[derive(bus_derive::Message)]
        #[repr(C)]
        pub(super) struct Ten<const N: u8>(u8, u8, u8, u8, u8, u8, u8, u8, u8, u8);
    }
    many_there {
        #[derive(bus_derive::Message)]
        #[repr(C)]
        pub(super) struct Wide(Ten<0>, Ten<1>, Ten<2>, Ten<3>, Ten<4>, Ten<5>, Ten<6>, Ten<7>);

        #[derive(bus_derive::Message)]
        #[repr(C)]
        pub(super) struct Ten<const N: u8>(i8, i8, i8, i8, i8, i8, i8, i8, i8, i8);
    }
}

#[test]
fn a_long_list_is_cut() {
    let difference = Schema::of::<many::Wide>().difference(&Schema::of::<many_there::Wide>());
    assert_eq!((difference.differing().count(), difference.omitted()), (64, 16));
    let text = difference.to_string();
    assert!(text.ends_with("\n… and 16 more"), "{text}");
    assert_eq!(text.lines().count(), 1 + 64 + 1, "with so many differences, only they are shown");
}
