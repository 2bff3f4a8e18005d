//! What a definition says in words flows into the description.

#![allow(dead_code, reason = "the types are described and not used")]

use bus::Message;
use bus::message::{Argument, Kind, Primitive, Schema, SchemaKind};

/// A quote of one instrument.
///
///   Indented.
#[derive(Message)]
#[repr(C)]
struct Quote<T, const DEPTH: usize> {
    /// In ticks.
    bid: [T; DEPTH],
    #[doc = "Of the venue."]
    #[doc = include_str!("support/mod.rs")]
    side: Side,
}

/** Which way. */
#[derive(Message)]
#[repr(i8)]
enum Side {
    /// To own.
    Buy = -1,
    Sell = 1,
}

#[test]
fn names_and_documentation() {
    let quote = Quote::<u32, 3>::TYPE;
    assert_eq!(quote.name(), "Quote");
    assert_eq!(quote.docs(), "A quote of one instrument.\n\n  Indented.");
    let Kind::Struct { fields } = quote.kind() else { panic!("a struct") };
    assert_eq!((fields[0].name(), fields[0].docs(), fields[0].offset()), ("bid", "In ticks.", 0));
    assert_eq!((fields[1].name(), fields[1].docs(), fields[1].offset()), ("side", "Of the venue.", 12));
    let Kind::Enum { tag: repr, variants } = fields[1].descriptor().kind() else { panic!("an enum") };
    assert_eq!((*repr, fields[1].descriptor().docs()), (Primitive::I8, "Which way."));
    assert_eq!((variants[0].name(), variants[0].docs(), variants[0].value()), ("Buy", "To own.", -1));
    assert_eq!((variants[1].name(), variants[1].docs(), variants[1].value()), ("Sell", "", 1));
}

#[test]
fn sizes_and_arguments() {
    let quote = Quote::<u32, 3>::TYPE;
    assert_eq!((quote.size(), quote.align()), (16, 4));
    let [Argument::Type(of), Argument::Value(depth)] = quote.arguments() else { panic!("two arguments") };
    assert_eq!((of.name(), *depth), ("u32", 3));
    assert!(matches!(Schema::of::<Side>().root().kind(), SchemaKind::Enum { tag: Primitive::I8, .. }));
}

#[test]
fn an_enum_of_every_width() {
    macro_rules! widths {
        ($($repr:ident $primitive:ident),*) => {$({
            #[derive(Message)]
            #[repr($repr)]
            enum Extreme {
                Least = $repr::MIN,
                Most = $repr::MAX,
            }
            let Kind::Enum { tag: repr, variants } = Extreme::TYPE.kind() else { panic!("an enum") };
            assert_eq!(*repr, Primitive::$primitive);
            assert_eq!(variants[0].value(), i128::from($repr::MIN));
            assert_eq!(variants[1].value(), i128::from($repr::MAX));
            assert_eq!(Extreme::validate(&$repr::MAX.to_ne_bytes()), Ok(()));
            assert!(Extreme::validate(&[1; size_of::<$repr>()]).is_err());
        })*};
    }
    widths!(u8 U8, u16 U16, u32 U32, u64 U64, i8 I8, i16 I16, i32 I32, i64 I64);
}
