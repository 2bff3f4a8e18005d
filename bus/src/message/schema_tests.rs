//! A schema says of a type what its definition says.

#![allow(dead_code, reason = "the types are described and not used")]

use super::*;
use crate::message::{Declaration, FixedStr, Name, VariantDescriptor};

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

/// So many bytes, eight aligned, in place of the types whose descriptors are written by hand here.
#[repr(C, align(8))]
struct Room<const N: usize>([u8; N]);

#[derive(bus_derive::Message)]
#[repr(C)]
struct Entry {
    key: u64,
    value: f32,
}

static COMMAND: TypeDescriptor = TypeDescriptor::enumeration::<Room<24>>(
    Declaration::new(Name::new("Command")).with_docs("What to do.").with_version(2),
    Primitive::U8,
    &[
        VariantDescriptor::new(Name::new("Stop"), 0, "At once.", &[]),
        VariantDescriptor::new(
            Name::new("Move"),
            1,
            "",
            &[
                FieldDescriptor::of::<f64>(Name::new("x"), 8, "To the east.").with_unit(Name::new("m")),
                FieldDescriptor::of::<f64>(Name::new("speed"), 16, "")
                    .with_unit(Name::new("m/s"))
                    .with_since(2)
                    .with_bounds(Bounds::Float { low: 0.0, high: 70.5 }),
            ],
        ),
    ],
);

static GAUGE: TypeDescriptor = TypeDescriptor::structure::<Room<16>>(
    Declaration::new(Name::new("Gauge")),
    &[
        FieldDescriptor::of::<u64>(Name::new("at"), 0, "").with_unit(Name::new("ns")),
        FieldDescriptor::of::<[i8; 4]>(Name::new("levels"), 8, "")
            .with_bounds(Bounds::Integer { low: -3, high: 100 }),
    ],
);

static BITS: TypeDescriptor = TypeDescriptor::overlay::<Room<8>>(
    Declaration::new(Name::new("Bits")),
    &[
        FieldDescriptor::of::<f64>(Name::new("whole"), 0, "As a number."),
        FieldDescriptor::of::<[u8; 8]>(Name::new("parts"), 0, ""),
    ],
);

static LIST: TypeDescriptor = TypeDescriptor::list::<Room<40>, Position>(Name::new("FixedVec"), 2);
static MAP: TypeDescriptor = TypeDescriptor::map::<Room<56>, Entry>(Name::new("FixedMap"), 3);
static BYTES: TypeDescriptor = TypeDescriptor::bytes::<[u8; 18]>(Name::new("FixedBytes"), 16);

#[test]
fn every_kind_is_described_by_what_its_definition_says() {
    for descriptor in [&COMMAND, &GAUGE, &BITS, &LIST, &MAP, &BYTES] {
        let schema = Schema::from_descriptor(descriptor);
        assert_eq!(schema.fingerprint(), descriptor.fingerprint(), "{schema}");
        assert_eq!(schema.root().version(), descriptor.version());
        assert_eq!(Schema::decode(&schema.encode()), Ok(schema));
    }
}

#[test]
fn every_kind_displays_as_people_write_it() {
    let shown = |descriptor| Schema::from_descriptor(descriptor).to_string();
    assert_eq!(
        shown(&COMMAND),
        "Command: u8 { // size 24, align 8, version 2\n    Stop = 0,\n    Move = 1 {\n        x: f64 in m at 8,\n        \
         speed: f64 in m/s at 16, // since 2, 0.0 to 70.5\n    },\n}"
    );
    assert_eq!(
        format!("{:#}", Schema::from_descriptor(&COMMAND)),
        "/// What to do.\nCommand: u8 { // size 24, align 8, version 2\n    /// At once.\n    Stop = 0,\n    \
         Move = 1 {\n        /// To the east.\n        x: f64 in m at 8,\n        \
         speed: f64 in m/s at 16, // since 2, 0.0 to 70.5\n    },\n}"
    );
    assert_eq!(
        shown(&GAUGE),
        "Gauge { // size 16, align 8\n    at: u64 in ns at 0,\n    levels: [i8; 4] at 8, // -3 to 100\n}"
    );
    assert_eq!(
        format!("{:#}", Schema::from_descriptor(&BITS)),
        "union Bits { // size 8, align 8\n    /// As a number.\n    whole: f64 at 0,\n    parts: [u8; 8] at 0,\n}"
    );
    assert_eq!(
        shown(&LIST),
        "FixedVec<Position, 2>\nPosition { // size 16, align 8\n    x: f64 at 0,\n    y: f64 at 8,\n}"
    );
    assert_eq!(
        shown(&MAP),
        "FixedMap<u64, f32, 3>\nEntry { // size 16, align 8\n    key: u64 at 0,\n    value: f32 at 8,\n}"
    );
    assert_eq!(shown(&BYTES), "FixedBytes<16>");
}

/// Another type with the fingerprint of `Position`.
mod elsewhere {
    /// A place on the screen.
    #[derive(bus_derive::Message)]
    #[repr(C)]
    pub(super) struct Position {
        x: f64,
        y: f64,
    }
}

#[derive(bus_derive::Message)]
#[repr(C)]
struct Both {
    here: Position,
    there: elsewhere::Position,
    again: Position,
}

#[test]
fn types_of_one_fingerprint_keep_what_is_said_of_each() {
    assert_eq!(Position::FINGERPRINT, elsewhere::Position::FINGERPRINT);
    let schema = Schema::of::<Both>();
    let docs_of = |field: usize| schema.types()[schema.fields()[field].type_index()].docs().to_owned();
    assert!(docs_of(0).starts_with("A place in the plane."));
    assert_eq!(docs_of(1), "A place on the screen.");
    assert_eq!(schema.fields()[2].type_index(), schema.fields()[0].type_index());
    assert_eq!(schema.types().len(), 4, "f64, two places, and both");
    assert_eq!(schema.fingerprint(), Both::FINGERPRINT);
    assert_eq!(Schema::decode(&schema.encode()), Ok(schema));
}

#[test]
fn one_type_may_have_descriptors_at_several_addresses() {
    let descriptor = || TypeDescriptor::structure::<Room<8>>(Declaration::new(Name::new("Same")), &[]);
    let (mut schema, mut known) = (Schema::empty(false), Described::default());
    let copies = [descriptor(), descriptor()];
    assert_eq!(copies.each_ref().map(|copy| schema.describe(copy, &mut known)), [0, 0]);
    assert_eq!(schema.types().len(), 1);
}

#[test]
fn a_tree_of_exponential_size_is_described_in_linear_time() {
    const NAMED: Declaration = Declaration::new(Name::new("Twice"));
    let mut tree = u8::TYPE;
    for _ in 0..50 {
        let arguments = Box::leak(Box::new([Argument::Type(tree), Argument::Type(tree)]));
        tree = Box::leak(Box::new(TypeDescriptor::structure::<()>(NAMED.with_arguments(arguments), &[])));
    }
    assert_eq!(Schema::from_descriptor(tree).types().len(), 51);
}
