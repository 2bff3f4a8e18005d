//! Definitions that mean the same have one fingerprint, and any change that matters makes another.

#![allow(dead_code, reason = "the types are described and not used")]

use bus::message::{FieldDescriptor, Fingerprint, FixedStr, Message as _, Schema, TypeDescriptor};

/// The fingerprint of a type that is defined in a module of its own.
macro_rules! fingerprint {
    ($name:ident $([$($arguments:tt)*])?: $($definition:tt)*) => {{
        #[allow(unused_imports)]
        mod definition {
            use bus::Message;
            $($definition)*
        }
        type Defined = definition::$name $(<$($arguments)*>)?;
        assert_eq!(Schema::of::<Defined>().fingerprint(), Defined::FINGERPRINT);
        Defined::FINGERPRINT
    }};
}

/// The definition that the others are variations of.
fn quote() -> Fingerprint {
    fingerprint!(Quote: #[derive(Message)] #[repr(C)] pub(super) struct Quote { bid: f64, size: u32, lot: u32 })
}

fn side() -> Fingerprint {
    fingerprint!(Side: #[derive(Message)] #[repr(u8)] pub(super) enum Side { Buy, Sell })
}

#[test]
fn the_module_visibility_and_documentation_do_not_matter() {
    let other = fingerprint!(Quote:
        /// Documented.
        #[derive(Debug, Clone, Message)]
        #[repr(C, align(8))]
        pub(super) struct Quote {
            /// Documented too.
            pub bid: f64,
            pub(super) size: u32,
            lot: u32,
        }
    );
    assert_eq!(quote(), other);
    assert_eq!(
        side(),
        fingerprint!(Side: #[derive(Message)] #[repr(u8)] pub(super) enum Side { #[doc = "x"] Buy = 1 - 1, Sell = 1 })
    );
}

#[test]
fn an_alias_is_the_type_it_stands_for() {
    let other = fingerprint!(Quote:
        type Price = f64;
        #[derive(Message)] #[repr(C)] pub(super) struct Quote { bid: Price, size: u32, lot: u32 }
    );
    assert_eq!(quote(), other);
}

#[test]
fn a_raw_identifier_is_its_word() {
    let raw = fingerprint!(A: #[derive(Message)] #[repr(C)] pub(super) struct A { r#size: u32 });
    assert_eq!(raw, fingerprint!(A: #[derive(Message)] #[repr(C)] pub(super) struct A { size: u32 }));
}

#[test]
fn every_change_of_a_struct_matters() {
    let changed = [
        fingerprint!(Quotes: #[derive(Message)] #[repr(C)] pub(super) struct Quotes { bid: f64, size: u32, lot: u32 }),
        fingerprint!(Quote: #[derive(Message)] #[repr(C)] pub(super) struct Quote { ask: f64, size: u32, lot: u32 }),
        fingerprint!(Quote: #[derive(Message)] #[repr(C)] pub(super) struct Quote { bid: f64, lot: u32, size: u32 }),
        fingerprint!(Quote: #[derive(Message)] #[repr(C)] pub(super) struct Quote { bid: u64, size: u32, lot: u32 }),
        fingerprint!(Quote: #[derive(Message)] #[repr(C)] pub(super) struct Quote { bid: f64, size: u32, lot: i32 }),
        fingerprint!(Quote: #[derive(Message)] #[repr(C)] pub(super) struct Quote { bid: f64, size: u32 }),
        fingerprint!(Quote: #[derive(Message)] #[repr(C)] pub(super) struct Quote { bid: f64, size: u32, lot: u32, none: [u8; 0] }),
        fingerprint!(Quote: #[derive(Message)] #[repr(C, align(16))] pub(super) struct Quote { bid: f64, size: u32, lot: u32 }),
        fingerprint!(Quote: #[derive(Message)] #[repr(C)] pub(super) struct Quote(f64, u32, u32);),
        fingerprint!(Quote: #[derive(Message)] #[repr(C)] pub(super) struct Quote;),
    ];
    all_differ(quote(), &changed);
}

#[test]
fn every_change_of_an_enum_matters() {
    let changed = [
        fingerprint!(Sides: #[derive(Message)] #[repr(u8)] pub(super) enum Sides { Buy, Sell }),
        fingerprint!(Side: #[derive(Message)] #[repr(i8)] pub(super) enum Side { Buy, Sell }),
        fingerprint!(Side: #[derive(Message)] #[repr(u16)] pub(super) enum Side { Buy, Sell }),
        fingerprint!(Side: #[derive(Message)] #[repr(u8)] pub(super) enum Side { Buy, Sold }),
        fingerprint!(Side: #[derive(Message)] #[repr(u8)] pub(super) enum Side { Buy = 1, Sell = 0 }),
        fingerprint!(Side: #[derive(Message)] #[repr(u8)] pub(super) enum Side { Buy, Sell = 2 }),
        fingerprint!(Side: #[derive(Message)] #[repr(u8)] pub(super) enum Side { Buy, Sell, Hold }),
        fingerprint!(Side: #[derive(Message)] #[repr(u8)] pub(super) enum Side { Sell = 1, Buy = 0 }),
    ];
    all_differ(side(), &changed);
}

#[test]
fn a_change_deep_inside_matters() {
    macro_rules! pose {
        ($x:ident: $type:ty) => {
            fingerprint!(Pose:
                #[derive(Message)] #[repr(C)] pub(super) struct Position { $x: $type }
                #[derive(Message)] #[repr(C)] pub(super) struct Step { positions: [Position; 2] }
                #[derive(Message)] #[repr(C)] pub(super) struct Pose { steps: [Step; 3] }
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
            0 => const { &[FieldDescriptor::of::<u8>("byte", 0, "")] },
            _ => const { &[FieldDescriptor::of::<u8>("byte", 1, "")] },
        };
        TypeDescriptor::structure::<[u8; 2]>("Moved", "", &[], fields).fingerprint()
    }
    assert_eq!(at(0), at(0));
    assert_ne!(at(0), at(1));
}

#[test]
fn generic_arguments_matter() {
    macro_rules! window {
        ($($arguments:tt)*) => {
            fingerprint!(Window[$($arguments)*]:
                #[derive(Message)] #[repr(C)] pub(super) struct Window<T, const N: i16> { value: T }
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
