//! What people read when two programs do not agree.

#![allow(dead_code, reason = "the types are described and not used")]

use super::*;
use crate::message::schema::SchemaArgument;
use crate::message::test_support::{self, field, fields_of, variant, variants_of};
use crate::message::{Message, Primitive, SchemaError};

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

/// A table of types as a peer could send it, for what no derive here would produce. The byte order is the native one.
fn table(types: Vec<SchemaType>) -> Schema {
    let mut schema = Schema::empty(Schema::of::<u8>().big_endian());
    for r#type in types {
        schema.push(r#type);
    }
    schema
}

fn of_kind(name: &str, size: u64, kind: SchemaKind) -> SchemaType {
    test_support::of_kind(name, size, 8, kind)
}

/// Types of all the kinds, the last made of all of them.
fn every_kind() -> Vec<SchemaType> {
    let fields = vec![field("key", 0, 0), field("value", 8, 1)];
    let entry = of_kind("Entry", 16, SchemaKind::Struct { fields });
    let moved = variant("Move", 1, vec![field("x", 8, 1), field("y", 16, 1)]);
    let variants = vec![variant("Stop", 0, Vec::new()), moved];
    let bits = SchemaKind::Union { fields: vec![field("whole", 0, 1), field("parts", 0, 4)] };
    let mut fields = vec![field("bytes", 0, 2), field("list", 24, 3), field("map", 56, 6)];
    fields.extend([
        field("bits", 96, 7),
        field("command", 104, 8),
        field("text", 128, 9),
        field("v", 136, 1),
    ]);
    vec![
        of_kind("u64", 8, SchemaKind::Primitive(Primitive::U64)),
        of_kind("f64", 8, SchemaKind::Primitive(Primitive::F64)),
        of_kind("FixedBytes", 18, SchemaKind::Bytes { capacity: 16 }),
        of_kind("FixedVec", 32, SchemaKind::List { element: 1, capacity: 3 }),
        of_kind("", 8, SchemaKind::Array { element: 0, len: 1 }),
        entry,
        of_kind("FixedMap", 40, SchemaKind::Map { entry: 5, capacity: 2 }),
        of_kind("Bits", 8, bits),
        of_kind("Command", 24, SchemaKind::Enum { tag: Primitive::U8, variants }),
        of_kind("FixedStr", 6, SchemaKind::Str { capacity: 4 }),
        of_kind("All", 144, SchemaKind::Struct { fields }),
    ]
}

/// How `every_kind` differs from itself after `change`.
fn changed(change: impl FnOnce(&mut [SchemaType])) -> Difference {
    let mut types = every_kind();
    change(&mut types);
    table(every_kind()).difference(&table(types))
}

fn rows(change: impl FnOnce(&mut [SchemaType])) -> Vec<String> {
    changed(change).differing().map(Row::to_string).collect()
}

#[test]
fn fields_of_variants_are_compared_by_name() {
    assert_eq!(
        rows(|types| {
            let moved = &mut variants_of(&mut types[8])[1];
            moved.fields[0].type_index = 0;
            moved.fields[1].name = "z".to_owned();
        }),
        [
            "All.command::Move.x: f64 at 8 here, u64 at 8 there",
            "All.command::Move.y: f64 at 16 here, missing there",
            "All.command::Move.z: missing here, f64 at 16 there",
        ]
    );
    assert_eq!(
        rows(|types| variants_of(&mut types[8]).truncate(1)),
        ["All.command::Move: 1 here, missing there"]
    );
    assert_eq!(
        rows(|types| variants_of(&mut types[8])[1].fields.swap(0, 1)),
        ["All.command: in the order Stop, Move { x, y } here, in the order Stop, Move { y, x } there"]
    );
}

#[test]
fn a_unit_is_part_of_what_a_field_means() {
    assert_eq!(
        rows(|types| fields_of(&mut types[10])[6].unit = "m/s".to_owned()),
        ["All.v: f64 at 136 here, f64 in m/s at 136 there"]
    );
    assert_eq!(
        rows(|types| variants_of(&mut types[8])[1].fields[0].unit = "mm".to_owned()),
        ["All.command::Move.x: f64 at 8 here, f64 in mm at 8 there"]
    );
}

#[test]
fn capacities_show_in_names() {
    use SchemaKind::{Bytes, List, Map, Str};
    for (index, kind, expected) in [
        (2, Bytes { capacity: 15 }, "All.bytes: FixedBytes<16> at 0 here, FixedBytes<15> at 0 there"),
        (
            3,
            List { element: 1, capacity: 2 },
            "All.list: FixedVec<f64, 3> at 24 here, FixedVec<f64, 2> at 24 there",
        ),
        (
            3,
            List { element: 0, capacity: 3 },
            "All.list: FixedVec<f64, 3> at 24 here, FixedVec<u64, 3> at 24 there",
        ),
        (
            6,
            Map { entry: 5, capacity: 1 },
            "All.map: FixedMap<u64, f64, 2> at 56 here, FixedMap<u64, f64, 1> at 56 there",
        ),
        (9, Str { capacity: 3 }, "All.text: FixedStr<4> at 128 here, FixedStr<3> at 128 there"),
    ] {
        assert_eq!(rows(|types| types[index].kind = kind), [expected]);
    }
}

#[test]
fn what_lists_maps_and_unions_consist_of_is_entered() {
    assert_eq!(
        rows(|types| fields_of(&mut types[5])[1].offset = 0),
        ["All.map[].value: f64 at 8 here, f64 at 0 there"]
    );
    assert_eq!(
        rows(|types| fields_of(&mut types[7])[1].name = "half".to_owned()),
        [
            "All.bits.parts: [u64; 1] at 0 here, missing there",
            "All.bits.half: missing here, [u64; 1] at 0 there"
        ]
    );
    assert_eq!(
        rows(|types| {
            let of_list = of_kind("Cell", 8, SchemaKind::Struct { fields: vec![field("a", 0, 0)] });
            types[4] = of_list;
            types[7].kind = SchemaKind::List { element: 4, capacity: 1 };
        })[0],
        "All.bits: Bits at 96 here, Bits<Cell, 1> at 96 there"
    );
    let lists = |fields: Vec<SchemaField>| {
        let list = SchemaKind::List { element: 1, capacity: 1 };
        let cell = of_kind("Cell", 8, SchemaKind::Struct { fields });
        let byte = of_kind("u64", 8, SchemaKind::Primitive(Primitive::U64));
        table(vec![byte, cell, of_kind("FixedVec", 16, list)])
    };
    let difference = lists(vec![field("a", 0, 0)]).difference(&lists(vec![field("b", 0, 0)]));
    assert_eq!(
        difference.differing().map(Row::to_string).collect::<Vec<_>>(),
        [
            "FixedVec<Cell, 1>[].a: u64 at 0 here, missing there",
            "FixedVec<Cell, 1>[].b: missing here, u64 at 0 there",
        ]
    );
}

#[test]
fn kinds_of_one_name_are_told_apart() {
    assert_eq!(
        rows(|types| types[9].kind = SchemaKind::Bytes { capacity: 4 }),
        ["All.text: string, size 6, align 8 here, bytes, size 6, align 8 there"]
    );
    let fields = || vec![field("whole", 0, 1), field("parts", 0, 4)];
    assert_eq!(
        rows(|types| types[7].kind = SchemaKind::Struct { fields: fields() }),
        ["All.bits: union, size 8, align 8 here, struct, size 8, align 8 there"]
    );
}

#[test]
fn versions_are_shown_and_make_no_difference() {
    let evolved = |types: &mut [SchemaType]| {
        types[10].version = 2;
        fields_of(&mut types[10])[6].since = 2;
    };
    assert!(changed(evolved).is_empty(), "they are the same type");
    let difference = changed(|types| {
        evolved(types);
        fields_of(&mut types[10]).swap(0, 1);
        fields_of(&mut types[10]).truncate(6);
        fields_of(&mut types[10]).push(field("w", 136, 1));
        fields_of(&mut types[10])[6].since = 2;
    });
    let text = difference.to_string();
    for line in [
        "  All           struct, size 144, align 8     struct, size 144, align 8, version 2",
        "! All.v         f64 at 136                    missing",
        "! All.w         missing                       f64 at 136 since 2",
    ] {
        assert!(text.lines().any(|found| found == line), "{line:?} is missing in\n{text}");
    }
    // A version that differs must not pass for the reason.
    assert_eq!(
        rows(|types| {
            evolved(types);
            fields_of(&mut types[10]).swap(0, 1);
        }),
        ["All: in the order bytes, list, map, bits, command, text, v here, \
          in the order list, bytes, map, bits, command, text, v there"]
    );
}

#[test]
fn ranges_and_documentation_make_no_difference() {
    use crate::message::Bounds;
    assert!(
        changed(|types| {
            fields_of(&mut types[10])[6].bounds = Some(Bounds::Float { low: 0.0, high: 1.0 });
            fields_of(&mut types[10])[6].docs = "How fast.".to_owned();
            variants_of(&mut types[8])[0].docs = "At once.".to_owned();
            types[8].docs = "What to do.".to_owned();
        })
        .is_empty()
    );
}

/// Everything in a table that may be another, one after the other; `false` when there is nothing more.
fn alter(types: &mut [SchemaType], mut number: usize) -> bool {
    let mut here = || {
        number = number.wrapping_sub(1);
        number == usize::MAX
    };
    for r#type in types {
        if here() {
            r#type.name.push('_');
            return true;
        }
        if here() {
            r#type.size += 8;
            return true;
        }
        if here() {
            r#type.align *= 2;
            return true;
        }
        if here() {
            r#type.arguments.push(SchemaArgument::Value(1));
            return true;
        }
        let change = |field: &mut SchemaField, here: &mut dyn FnMut() -> bool| {
            if here() {
                field.name.push('_');
            } else if here() {
                field.unit.push('m');
            } else if here() {
                field.offset += 1;
            } else if here() {
                field.type_index = usize::from(field.type_index == 0);
            } else {
                return false;
            }
            true
        };
        let altered = match &mut r#type.kind {
            SchemaKind::Primitive(_) => false,
            SchemaKind::Array { element, len: count }
            | SchemaKind::List { element, capacity: count }
            | SchemaKind::Map { entry: element, capacity: count } => {
                if here() {
                    *count += 1;
                    true
                } else if here() {
                    *element = usize::from(*element == 0);
                    true
                } else {
                    false
                }
            }
            SchemaKind::Str { capacity } | SchemaKind::Bytes { capacity } => {
                let altered = here();
                *capacity += u64::from(altered);
                altered
            }
            SchemaKind::Struct { fields } | SchemaKind::Union { fields } => {
                if here() {
                    fields.swap(0, 1);
                    true
                } else if here() {
                    fields.pop();
                    true
                } else {
                    fields.iter_mut().any(|field| change(field, &mut here))
                }
            }
            SchemaKind::Enum { tag, variants } => {
                if here() {
                    *tag = Primitive::I8;
                    true
                } else if here() {
                    variants.swap(0, 1);
                    true
                } else {
                    variants.iter_mut().any(|variant| {
                        if here() {
                            variant.name.push('_');
                            true
                        } else if here() {
                            variant.value += 10;
                            true
                        } else {
                            variant.fields.iter_mut().any(|field| change(field, &mut here))
                        }
                    })
                }
            }
        };
        if altered {
            return true;
        }
    }
    false
}

#[test]
fn whatever_changes_a_fingerprint_is_in_a_row() {
    let mut number = 0;
    loop {
        let mut types = every_kind();
        if !alter(&mut types, number) {
            break;
        }
        let (here, there) = (table(every_kind()), table(types));
        assert_ne!(here.fingerprint(), there.fingerprint(), "{number}: {there}");
        for difference in [here.difference(&there), there.difference(&here)] {
            assert!(!difference.is_empty(), "{number}: {there}");
            for row in difference.differing() {
                let same = row.here() == row.there();
                assert!(!same || row.here().is_some_and(|side| side.starts_with("differs as")), "{row}");
            }
        }
        number += 1;
    }
    assert!(number > 90, "only {number} changes were tried");
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
