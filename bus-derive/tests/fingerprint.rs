//! Definitions that mean the same have one fingerprint, and any change that matters makes another.

#![allow(dead_code, reason = "the types are described and not used")]

use bus::Message;
use bus::message::{Declaration, FieldDescriptor, Fingerprint, FixedStr, Name, Schema, TypeDescriptor};

/// The fingerprint of a type that is defined in a block of its own, perhaps after others that it is made of.
macro_rules! fingerprint {
    ($name:ident $([$($arguments:tt)*])?: $($definition:item)*) => {{
        $($definition)*
        type Defined = $name $(<$($arguments)*>)?;
        assert_eq!(Schema::of::<Defined>().fingerprint(), Defined::FINGERPRINT);
        Defined::FINGERPRINT
    }};
}

/// The definition that the others are variations of.
fn quote() -> Fingerprint {
    fingerprint!(Quote: #[derive(Message)] #[repr(C)] struct Quote { bid: f64, size: u32, lot: u32 })
}

fn side() -> Fingerprint {
    fingerprint!(Side: #[derive(Message)] #[repr(u8)] enum Side { Buy, Sell })
}

#[test]
fn the_module_visibility_and_documentation_do_not_matter() {
    mod elsewhere {
        /// Documented.
        #[derive(Debug, Clone, bus::Message)]
        #[repr(C, align(8))]
        pub(super) struct Quote {
            /// Documented too.
            pub(super) bid: f64,
            size: u32,
            lot: u32,
        }

        #[derive(Debug, bus::Message)]
        #[repr(u8)]
        pub(super) enum Side {
            /// Documented.
            Buy = 1 >> 1,
            Sell = 1,
        }
    }
    assert_eq!(quote(), elsewhere::Quote::FINGERPRINT);
    assert_eq!(side(), elsewhere::Side::FINGERPRINT);
}

#[test]
fn an_alias_is_the_type_it_stands_for() {
    let other = fingerprint!(Quote:
        type Price = f64;
        #[derive(Message)] #[repr(C)] struct Quote { bid: Price, size: u32, lot: u32 }
    );
    assert_eq!(quote(), other);
}

#[test]
fn a_raw_identifier_is_its_word() {
    let raw = fingerprint!(A: #[derive(Message)] #[repr(C)] struct A { r#size: u32 });
    assert_eq!(raw, fingerprint!(A: #[derive(Message)] #[repr(C)] struct A { size: u32 }));
}

#[test]
fn every_change_of_a_struct_matters() {
    let changed = [
        fingerprint!(Quotes: #[derive(Message)] #[repr(C)] struct Quotes { bid: f64, size: u32, lot: u32 }),
        fingerprint!(Quote: #[derive(Message)] #[repr(C)] struct Quote { ask: f64, size: u32, lot: u32 }),
        fingerprint!(Quote: #[derive(Message)] #[repr(C)] struct Quote { bid: f64, lot: u32, size: u32 }),
        fingerprint!(Quote: #[derive(Message)] #[repr(C)] struct Quote { bid: u64, size: u32, lot: u32 }),
        fingerprint!(Quote: #[derive(Message)] #[repr(C)] struct Quote { bid: f64, size: u32, lot: i32 }),
        fingerprint!(Quote: #[derive(Message)] #[repr(C)] struct Quote { bid: f64, size: u32 }),
        fingerprint!(Quote:
            #[derive(Message)] #[repr(C)] struct Quote { bid: f64, size: u32, lot: u32, none: [u8; 0] }
        ),
        fingerprint!(Quote:
            #[derive(Message)] #[repr(C, align(16))] struct Quote { bid: f64, size: u32, lot: u32 }
        ),
        fingerprint!(Quote: #[derive(Message)] #[repr(C)] struct Quote(f64, u32, u32);),
        fingerprint!(Quote: #[derive(Message)] #[repr(C)] struct Quote;),
    ];
    all_differ(quote(), &changed);
}

#[test]
fn every_change_of_an_enum_matters() {
    let changed = [
        fingerprint!(Sides: #[derive(Message)] #[repr(u8)] enum Sides { Buy, Sell }),
        fingerprint!(Side: #[derive(Message)] #[repr(i8)] enum Side { Buy, Sell }),
        fingerprint!(Side: #[derive(Message)] #[repr(u16)] enum Side { Buy, Sell }),
        fingerprint!(Side: #[derive(Message)] #[repr(u8)] enum Side { Buy, Sold }),
        fingerprint!(Side: #[derive(Message)] #[repr(u8)] enum Side { Buy = 1, Sell = 0 }),
        fingerprint!(Side: #[derive(Message)] #[repr(u8)] enum Side { Buy, Sell = 2 }),
        fingerprint!(Side: #[derive(Message)] #[repr(u8)] enum Side { Buy, Sell, Hold }),
        fingerprint!(Side: #[derive(Message)] #[repr(u8)] enum Side { Sell = 1, Buy = 0 }),
    ];
    all_differ(side(), &changed);
}

#[test]
fn every_change_of_the_data_of_a_variant_matters() {
    let command = || {
        fingerprint!(Command:
            #[derive(Message)] #[repr(u8)] enum Command { Halt, Move { x: u32, y: u32 } }
        )
    };
    let changed = [
        fingerprint!(Command: #[derive(Message)] #[repr(u8)] enum Command { Halt, Move { x: u32, z: u32 } }),
        fingerprint!(Command: #[derive(Message)] #[repr(u8)] enum Command { Halt, Move { y: u32, x: u32 } }),
        fingerprint!(Command: #[derive(Message)] #[repr(u8)] enum Command { Halt, Move { x: u32, y: i32 } }),
        fingerprint!(Command: #[derive(Message)] #[repr(u8)] enum Command { Halt, Move(u32, u32) }),
        fingerprint!(Command: #[derive(Message)] #[repr(u8)] enum Command { Halt, Move }),
        fingerprint!(Command: #[derive(Message)] #[repr(u8)] enum Command { Halt { x: u32, y: u32 }, Move }),
    ];
    all_differ(command(), &changed);
    // Where the tag has gaps behind it, the other representation puts the fields elsewhere.
    all_differ(
        fingerprint!(A: #[derive(Message)] #[repr(u8)] enum A { A(u8, u32) }),
        &[fingerprint!(A: #[derive(Message)] #[repr(C, u8)] enum A { A(u8, u32) })],
    );
}

#[test]
fn names_and_units_matter_and_versions_and_ranges_do_not() {
    macro_rules! quote {
        ($(#[$type:meta])* $(@ $field:meta)*) => {
            fingerprint!(Quote:
                #[derive(Message)] #[repr(C)] $(#[$type])* struct Quote { $(#[$field])* bid: f64, size: u32, lot: u32 }
            )
        };
    }
    assert_eq!(quote(), quote!(#[message(version = 3)]));
    assert_eq!(quote(), quote!(@ message(range = 0.0..)));
    assert_eq!(
        quote(),
        fingerprint!(Other: #[derive(Message)] #[repr(C)] #[message(name = "Quote")]
        struct Other { #[message(rename = "bid")] price: f64, size: u32, lot: u32 })
    );
    all_differ(
        quote(),
        &[quote!(#[message(name = "Q")]), quote!(@ message(rename = "b")), quote!(@ message(unit = "EUR"))],
    );
}

#[test]
fn a_change_deep_inside_matters() {
    macro_rules! pose {
        ($x:ident: $type:ty) => {
            fingerprint!(Pose:
                #[derive(Message)] #[repr(C)] struct Position { $x: $type }
                #[derive(Message)] #[repr(C)] struct Step { positions: [Position; 2] }
                #[derive(Message)] #[repr(C)] struct Pose { steps: [Step; 3] }
            )
        };
    }
    assert_eq!(pose!(x: f32), pose!(x: f32));
    all_differ(pose!(x: f32), &[pose!(y: f32), pose!(x: u32)]);
}

/// No definition in Rust moves a field and changes nothing else, so these are described by hand.
#[test]
fn the_offset_matters_where_all_else_is_equal() {
    const fn at(offset: usize) -> Fingerprint {
        let fields: &'static [FieldDescriptor] = match offset {
            0 => const { &[FieldDescriptor::of::<u8>(Name::new("byte"), 0, "")] },
            _ => const { &[FieldDescriptor::of::<u8>(Name::new("byte"), 1, "")] },
        };
        TypeDescriptor::structure::<[u8; 2]>(Declaration::new(Name::new("Moved")), fields).fingerprint()
    }
    assert_eq!(at(0), at(0));
    assert_ne!(at(0), at(1));
}

#[test]
fn generic_arguments_matter() {
    macro_rules! window {
        ($($arguments:tt)*) => {
            fingerprint!(Window[$($arguments)*]:
                #[derive(Message)] #[repr(C)] struct Window<T, const N: i16> { value: T }
            )
        };
    }
    assert_eq!(window!(u32, 1), window!(u32, 1));
    all_differ(window!(u32, 1), &[window!(i32, 1), window!(u32, 2), window!(u32, { -1 })]);
}

#[test]
fn lengths_and_capacities_matter() {
    all_differ(<[u8; 4]>::FINGERPRINT, &[<[u8; 5]>::FINGERPRINT, <[i8; 4]>::FINGERPRINT, u32::FINGERPRINT]);
    all_differ(FixedStr::<4>::FINGERPRINT, &[FixedStr::<5>::FINGERPRINT, <[u8; 6]>::FINGERPRINT]);
    // The same size, and other elements inside.
    assert_ne!(<[[u8; 2]; 3]>::FINGERPRINT, <[[u8; 3]; 2]>::FINGERPRINT);
}

/// Each fingerprint is unlike all others.
#[track_caller]
fn all_differ(first: Fingerprint, others: &[Fingerprint]) {
    let mut all = vec![first];
    for (index, other) in others.iter().enumerate() {
        assert!(!all.contains(other), "variation {index} has the fingerprint of another");
        all.push(*other);
    }
}
