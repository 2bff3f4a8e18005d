//! A schema says of a type what its definition says.

#![allow(dead_code, reason = "the types are described and not used")]

use super::*;
use crate::message::FixedStr;

/// A place in the plane.
///
/// In metres.
#[derive(bus_derive::Message)]
#[repr(C)]
struct Position {
    x: f64,
    /// To the north.
    y: f64,
}

/// How sure one is.
#[derive(bus_derive::Message)]
#[repr(i16)]
enum Trust {
    None = -1,
    /// Enough.
    Full = 300,
}

#[derive(bus_derive::Message)]
#[repr(C)]
struct Pair<T, const N: usize>(T, [T; N]);

#[derive(bus_derive::Message)]
#[repr(C)]
struct Pose {
    position: Position,
    history: [Position; 2],
    trust: Trust,
    name: FixedStr<5>,
    pair: Pair<Trust, 2>,
}

const POSE: &str = "\
Pose { // size 64, align 8
    position: Position at 0,
    history: [Position; 2] at 16,
    trust: Trust at 48,
    name: FixedStr<5> at 50,
    pair: Pair<Trust, 2> at 58,
}
Pair<Trust, 2> { // size 6, align 2
    0: Trust at 0,
    1: [Trust; 2] at 2,
}
Trust: i16 {
    None = -1,
    Full = 300,
}
Position { // size 16, align 8
    x: f64 at 0,
    y: f64 at 8,
}";

#[test]
fn it_displays_as_definitions_each_once() {
    assert_eq!(Schema::of::<Pose>().to_string(), POSE);
    assert_eq!(Schema::of::<[u8; 3]>().to_string(), "[u8; 3]");
    assert_eq!(
        Schema::of::<[Position; 2]>().to_string().lines().collect::<Vec<_>>(),
        ["[Position; 2]", "Position { // size 16, align 8", "    x: f64 at 0,", "    y: f64 at 8,", "}"]
    );
}

#[test]
fn documentation_is_part_of_it() {
    assert_eq!(
        format!("{:#}", Schema::of::<Position>()),
        "/// A place in the plane.\n/// \n/// In metres.\n\
         Position { // size 16, align 8\n    x: f64 at 0,\n    \
         /// To the north.\n    y: f64 at 8,\n}"
    );
    let SchemaKind::Enum { variants, .. } = Schema::of::<Trust>().root().kind().clone() else { panic!() };
    assert_eq!(variants[1].docs(), "Enough.");
}

#[test]
fn a_type_used_often_stands_in_the_table_once() {
    let schema = Schema::of::<Pose>();
    let names: Vec<String> = (0..schema.types().len()).map(|index| schema.type_name(index)).collect();
    assert_eq!(
        names,
        ["f64", "Position", "[Position; 2]", "Trust", "FixedStr<5>", "[Trust; 2]", "Pair<Trust, 2>", "Pose"]
    );
}

#[test]
fn the_accessors_are_about_the_message_itself() {
    let schema = Schema::of::<Pose>();
    assert_eq!((schema.name(), schema.size(), schema.align()), ("Pose", 64, 8));
    assert_eq!(schema.fingerprint(), Pose::FINGERPRINT);
    let trust = &schema.fields()[2];
    assert_eq!((trust.name(), trust.offset()), ("trust", 48));
    assert_eq!(schema.types()[trust.type_index()].fingerprint(), Trust::FINGERPRINT);
    assert!(Schema::of::<u8>().fields().is_empty());
}

#[test]
fn documentation_that_is_too_long_or_unprintable_is_made_fit() {
    assert_eq!(presentable("a\tb\x1b[0m\nc"), "a b [0m\nc");
    let long = "ö".repeat(MAX_DOCS);
    assert_eq!(presentable(&long).len(), MAX_DOCS);
}
