//! What one version wrote is what the other reads, and what is no other version is refused with the reason.

use super::super::Primitive;
use super::super::schema::SchemaVariant;
use super::*;
use crate::image::{self, Image};
use crate::message::test_support::Random;
use crate::message::{Declaration, FieldDescriptor, Invalid, Message, Name, SchemaError, TypeDescriptor};

/// A type, of which a test makes two versions.
#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Number(Primitive),
    Text(u64),
    Enum(Vec<&'static str>),
    Union(Vec<Shape>),
    Array(Box<Shape>, u64),
    List(Box<Shape>, u64),
    Map(Primitive, Box<Shape>, u64),
    Struct { name: String, version: u32, fields: Vec<Member> },
}

#[derive(Debug, Clone, PartialEq)]
struct Member {
    name: String,
    shape: Shape,
    since: u32,
    unit: &'static str,
}

use Primitive::{F64, U8, U16, U32, U64};
use Shape::{Array, Enum, List, Map, Number, Struct, Text, Union};

fn member(name: &str, shape: Shape) -> Member {
    Member { name: name.to_owned(), shape, since: 1, unit: "" }
}

fn new_member(name: &str, shape: Shape, since: u32) -> Member {
    Member { since, ..member(name, shape) }
}

fn structure(name: &str, version: u32, fields: impl IntoIterator<Item = Member>) -> Shape {
    Struct { name: name.to_owned(), version, fields: fields.into_iter().collect() }
}

/// The struct that the entries of a map are.
fn entry(key: Primitive, value: &Shape) -> Shape {
    structure("Entry", 1, [member("key", Number(key)), member("value", value.clone())])
}

impl Shape {
    /// Size and alignment, as `repr(C)` has them.
    fn layout(&self) -> (u64, u64) {
        match self {
            Number(primitive) => (primitive.size() as u64, primitive.size() as u64),
            Text(capacity) => (2 + capacity, 1),
            Enum(_) => (1, 1),
            Array(element, len) => (element.layout().0 * len, element.layout().1),
            List(element, capacity) => {
                let (size, align) = element.layout();
                (first_element(align) + size * capacity, align)
            }
            Map(key, value, capacity) => List(Box::new(entry(*key, value)), *capacity).layout(),
            Union(fields) => {
                let layouts = || fields.iter().map(Shape::layout);
                let align = layouts().map(|(_, align)| align).max().unwrap_or(1);
                (layouts().map(|(size, _)| size).max().unwrap_or(0).next_multiple_of(align), align)
            }
            Struct { fields, .. } => {
                let align = fields.iter().map(|field| field.shape.layout().1).max().unwrap_or(1);
                let end = self.offsets().last().copied().zip(fields.last());
                let end = end.map_or(0, |(offset, last)| offset + last.shape.layout().0);
                (end.next_multiple_of(align), align)
            }
        }
    }

    /// The offsets of a struct's fields.
    fn offsets(&self) -> Vec<u64> {
        let Struct { fields, .. } = self else { panic!("only structs have offsets") };
        let mut end = 0_u64;
        let offset = |field: &Member| {
            let (size, align) = field.shape.layout();
            let offset = end.next_multiple_of(align);
            end = offset + size;
            offset
        };
        fields.iter().map(offset).collect()
    }

    /// Adds the type to a schema.
    fn describe(&self, schema: &mut Schema) -> usize {
        let field = |name: &str, unit: &str, offset, type_index, since| SchemaField {
            name: name.to_owned(),
            docs: String::new(),
            offset,
            type_index,
            unit: unit.to_owned(),
            since,
            bounds: None,
        };
        let (mut of, mut at_version) = (String::new(), 1);
        let kind = match self {
            Number(primitive) => {
                of = primitive.name().to_owned();
                SchemaKind::Primitive(*primitive)
            }
            Text(capacity) => {
                of = "Text".to_owned();
                SchemaKind::Str { capacity: *capacity }
            }
            Enum(names) => {
                of = "Enum".to_owned();
                let variant = |(value, name): (usize, &&str)| SchemaVariant {
                    name: (*name).to_owned(),
                    docs: String::new(),
                    value: value as i128,
                    fields: Vec::new(),
                };
                SchemaKind::Enum { tag: U8, variants: names.iter().enumerate().map(variant).collect() }
            }
            Union(shapes) => {
                of = "Union".to_owned();
                let of = |(index, shape): (usize, &Shape)| {
                    field(&index.to_string(), "", 0, shape.describe(schema), 1)
                };
                SchemaKind::Union { fields: shapes.iter().enumerate().map(of).collect() }
            }
            Array(element, len) => SchemaKind::Array { element: element.describe(schema), len: *len },
            List(element, capacity) => {
                of = "List".to_owned();
                SchemaKind::List { element: element.describe(schema), capacity: *capacity }
            }
            Map(key, value, capacity) => {
                of = "Map".to_owned();
                SchemaKind::Map { entry: entry(*key, value).describe(schema), capacity: *capacity }
            }
            Struct { name, version, fields } => {
                (of, at_version) = (name.clone(), *version);
                let of = |(member, offset): (&Member, u64)| {
                    field(&member.name, member.unit, offset, member.shape.describe(schema), member.since)
                };
                SchemaKind::Struct { fields: fields.iter().zip(self.offsets()).map(of).collect() }
            }
        };
        let (size, align) = self.layout();
        let mut r#type = SchemaType::new(of, String::new(), size, align, Vec::new(), kind);
        r#type.version = at_version;
        schema.push(r#type)
    }

    /// The schema, as a peer gets it, and so in keeping with the rules.
    fn schema(&self) -> Schema {
        let mut schema = Schema::empty(cfg!(target_endian = "big"));
        self.describe(&mut schema);
        let received: Result<Schema, SchemaError> = Schema::decode(&schema.encode());
        received.unwrap()
    }
}

fn first_element(align: u64) -> u64 {
    8_u64.next_multiple_of(align)
}

fn conversion(here: &Shape, there: &Shape) -> Result<Conversion, Unconvertible> {
    Conversion::new(&here.schema(), &there.schema(), None)
}

/// Why values of `there` are not taken for values of `here`.
#[track_caller]
fn reasons(here: &Shape, there: &Shape) -> Vec<String> {
    let refused = conversion(here, there).expect_err("these types differ");
    assert!(!refused.difference.is_empty());
    refused.reasons
}

/// The bytes of a value of `here` that began as `template`, made of `bytes`.
fn convert(conversion: &Conversion, bytes: &[u8], template: &[u8], shift: usize) -> Vec<u8> {
    let words: Vec<AtomicU64> = bytes
        .chunks(8)
        .map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            AtomicU64::new(u64::from_ne_bytes(word))
        })
        .collect();
    let mut out = vec![0; shift + template.len()];
    out[shift..].copy_from_slice(template);
    conversion.apply(&words, &mut out[shift..]);
    out.split_off(shift)
}

fn level(version: u32) -> Shape {
    let all = [
        member("price", Number(F64)),
        member("count", Number(U32)),
        new_member("venue", Number(U16), 2),
        new_member("time", Number(U64), 3),
    ];
    structure("Level", version, all.into_iter().filter(|member| member.since <= version))
}

fn quote(version: u32) -> Shape {
    let fields = [
        member("bid", level(version)),
        member("asks", Array(Box::new(level(version)), 3)),
        member("size", Number(U32)),
        member("lot", Number(U32)),
    ];
    structure("Quote", version, fields)
}

#[test]
fn what_grew_in_the_middle_is_copied_piece_by_piece() {
    let elements =
        |from_stride, to_stride| Elements { from: from_stride, to: to_stride, from_stride, to_stride };
    let conversion = conversion(&quote(3), &quote(1)).unwrap();
    assert_eq!(
        *conversion.operations,
        [
            Operation::Copy { from: 0, to: 0, bytes: 12 },
            Operation::Repeat { count: 3, elements: elements(16, 24), body: 1 },
            Operation::Copy { from: 0, to: 0, bytes: 12 },
            // Both numbers at once, and not together with the last level.
            Operation::Copy { from: 64, to: 96, bytes: 8 },
        ]
    );
}

#[test]
fn versions_that_are_not_neighbours_are_converted_too() {
    for (here, there) in [(1, 2), (2, 1), (1, 3), (3, 1), (2, 3), (3, 2)] {
        conversion(&quote(here), &quote(there)).unwrap();
    }
}

#[test]
fn a_list_is_converted_as_far_as_it_goes_and_its_length_is_believed_as_far_as_its_capacity() {
    let list = |version| {
        structure("L", 1, [member("list", List(Box::new(level(version)), 4)), member("end", Number(U64))])
    };
    let (here, there) = (list(2), list(1));
    let conversion = conversion(&here, &there).unwrap();
    let size = there.layout().0 as usize;
    for (len, converted) in [(0, 0), (2, 2), (4, 4), (5, 4), (u64::MAX, 4)] {
        let mut bytes = vec![7; size];
        bytes[..8].copy_from_slice(&len.to_le_bytes());
        let out = convert(&conversion, &bytes, &[9; 80], 0);
        assert_eq!(out[..8], len.to_le_bytes());
        let expected = [[7; 12].as_slice(), &[9; 4]].concat();
        for (index, element) in out[8..72].chunks(16).enumerate() {
            assert_eq!(element, if index < converted { &expected } else { &[0; 16][..] }, "{index} of {len}");
        }
        assert_eq!(out[72..], [7; 8]);
    }
}

#[test]
fn a_field_that_is_not_said_to_be_new_is_refused() {
    let with = |version, fields: &[(&str, u32)]| {
        let old = [member("bid", Number(F64)), member("ask", Number(F64))];
        let new = fields.iter().map(|&(name, since)| new_member(name, Number(U32), since));
        structure("Quote", version, old.into_iter().chain(new))
    };
    assert_eq!(
        reasons(&with(1, &[]), &with(2, &[("venue", 1), ("lot", 2)])),
        [
            "`Quote.venue`: it was appended there without `since`; mark it `since = 2` and `Quote` `version = 2`"
        ]
    );
    assert_eq!(
        reasons(&with(3, &[("venue", 1)]), &with(2, &[])),
        [
            "`Quote.venue`: it was appended here without `since`; mark it `since = 3` and `Quote` `version = 3`"
        ]
    );
    assert_eq!(
        reasons(&with(2, &[]), &with(2, &[("venue", 2)])),
        [
            "`Quote.venue`: it is new there since version 2, but `Quote` here has version 2 and not this field; \
         mark it `since = 3` and `Quote` `version = 3`"
        ]
    );
}

#[test]
fn what_evolution_does_not_allow_is_named() {
    let with = |fields: &[Member]| structure("T", 2, fields.to_vec());
    let (a, b) = (member("a", Number(U32)), member("b", Number(U32)));
    let new = new_member("new", Number(U32), 2);
    let moved = |here: &[Member], there: &[Member], expected: &[&str]| {
        assert_eq!(reasons(&with(here), &with(there)), expected);
    };
    moved(
        &[a.clone(), b.clone()],
        &[a.clone(), new.clone(), b.clone()],
        &["`T`: fields can only be appended, but `b` here stands where `new` does there"],
    );
    moved(
        core::slice::from_ref(&a),
        &[Member { unit: "m", ..a.clone() }],
        &["`T.a`: it is without unit here and in `m` there"],
    );
    let of = |shape: Shape| [member("x", shape)];
    moved(
        &of(Enum(vec!["A"])),
        &of(Enum(vec!["A", "B"])),
        &["`T.x`: an enum cannot change between versions, nor can what its variants hold"],
    );
    moved(
        &of(Union(vec![level(1)])),
        &of(Union(vec![level(2)])),
        &["`T.x`: a union cannot change between versions"],
    );
    let map = |key| of(Map(key, Box::new(level(1)), 4));
    let unmarked =
        |count| structure("Level", 1, ["p", "q", "r"][..count].iter().map(|name| member(name, Number(U8))));
    let array = |count| of(Array(Box::new(unmarked(count)), 2));
    moved(
        &array(3),
        &array(1),
        &[
            "`T.x[].q`: it was appended here without `since`; mark it `since = 2` and `Level` `version = 2`",
            "`T.x[].r`: it was appended here without `since`; mark it `since = 2` and `Level` `version = 2`",
        ],
    );
    // Here the rows of the difference say it all.
    moved(&map(U16), &map(U32), &[]);
    moved(&of(Number(U32)), &of(Number(U64)), &[]);
    moved(&of(Text(4)), &of(Text(5)), &[]);
    moved(&of(Array(Box::new(level(1)), 2)), &of(Array(Box::new(level(2)), 3)), &[]);
    moved(&of(List(Box::new(level(1)), 2)), &of(List(Box::new(level(2)), 3)), &[]);
    moved(&of(Map(U8, Box::new(level(1)), 2)), &of(Map(U8, Box::new(level(2)), 3)), &[]);
    moved(&of(level(1)), &of(structure("Depth", 2, [])), &[]);
}

#[test]
fn another_byte_order_is_refused() {
    let mut bytes = quote(1).schema().encode();
    bytes[1] ^= 1;
    let swapped = Schema::decode(&bytes).unwrap();
    Conversion::new(&quote(1).schema(), &swapped, None).unwrap_err();
    Conversion::new(&quote(2).schema(), &swapped, None).unwrap_err();
    // Not even where there is no number to get wrong.
    let empty = structure("Empty", 1, []).schema().encode();
    let swapped = Schema::decode(&[&empty[..1], &[empty[1] ^ 1], &empty[2..]].concat()).unwrap();
    Conversion::new(&structure("Empty", 1, []).schema(), &swapped, None).unwrap_err();
}

#[test]
fn types_that_are_made_to_keep_a_reader_busy_are_refused() {
    let too_large = ["the types are too large to be converted into each other"];
    // Each level twice in the next: 2⁶⁰ of the innermost, which need no operation.
    let bomb = |innermost: Shape| {
        let mut schema = Schema::empty(cfg!(target_endian = "big"));
        let mut below = innermost.describe(&mut schema);
        for depth in 0..60 {
            let SchemaType { size, align, .. } = schema.types()[below];
            let field = |name: &str, offset| SchemaField {
                name: name.to_owned(),
                docs: String::new(),
                offset,
                type_index: below,
                unit: String::new(),
                since: 1,
                bounds: None,
            };
            let kind = SchemaKind::Struct { fields: vec![field("a", 0), field("b", size)] };
            let (name, docs) = (format!("D{depth}"), String::new());
            below = schema.push(SchemaType::new(name, docs, 2 * size, align, Vec::new(), kind));
        }
        Schema::decode(&schema.encode()).unwrap()
    };
    let innermost = |version, fields: &[Member]| structure("E", version, fields.to_vec());
    let (here, there) = (bomb(innermost(1, &[])), bomb(innermost(2, &[new_member("x", Number(U8), 2)])));
    for (here, there) in [(&here, &there), (&there, &here)] {
        assert_eq!(Conversion::new(here, there, None).unwrap_err().reasons, too_large);
    }
    // More operations than there may be; and as many as there may be.
    let wide = |version, fields: usize| {
        structure("Wide", 1, (0..fields).map(|index| member(&index.to_string(), level(version))))
    };
    assert_eq!(conversion(&wide(2, 4096), &wide(1, 4096)).unwrap().operations.len(), 4096);
    for (fields, after) in [(4097, 0), (4096, 1), (4095, 1), (4095, 2)] {
        let with = |version| {
            let mut wide = wide(version, fields);
            let Struct { fields, .. } = &mut wide else { panic!() };
            for index in 0..after {
                fields.push(member(&format!("a{index}"), Array(Box::new(level(version)), 2)));
            }
            wide
        };
        assert_eq!(reasons(&with(2), &with(1)), too_large);
    }
    // An array of what has no bytes is no work, however long it is.
    let long = |version, fields: &[Member]| Array(Box::new(innermost(version, fields)), u64::MAX >> 2);
    let none = long(1, &[]);
    let there = long(2, &[new_member("x", Array(Box::new(Number(U8)), 0), 2)]);
    assert_eq!(*conversion(&none, &there).unwrap().operations, []);
}

impl Random {
    fn shape(&mut self, depth: u32) -> Shape {
        let kinds = if depth == 0 { 4 } else { 10 };
        match self.below_u64(kinds) {
            0..2 => Number([U8, U16, U32, U64, F64, Primitive::U128][self.below_u64(6) as usize]),
            2 => Text(self.below_u64(6)),
            3 => Enum(vec!["A", "B"]),
            4 => Array(Box::new(self.shape(depth - 1)), self.below_u64(4)),
            5 => List(Box::new(self.shape(depth - 1)), self.below_u64(4)),
            6 => Map(U16, Box::new(self.shape(depth - 1)), self.below_u64(4)),
            _ => self.structure(depth),
        }
    }

    fn structure(&mut self, depth: u32) -> Shape {
        let name = format!("S{}", self.next());
        let fields = (0..self.below_u64(4)).map(|index| member(&format!("f{index}"), self.shape(depth - 1)));
        structure(&name, 1, fields.collect::<Vec<_>>())
    }

    /// The same type as it may be later.
    fn grown(&mut self, shape: &Shape) -> Shape {
        match shape {
            Number(_) | Text(_) | Enum(_) | Union(_) => shape.clone(),
            Array(element, len) => Array(Box::new(self.grown(element)), *len),
            List(element, capacity) => List(Box::new(self.grown(element)), *capacity),
            Map(key, value, capacity) => Map(*key, Box::new(self.grown(value)), *capacity),
            Struct { name, version, fields } => {
                let grown = |field: &Member| Member { shape: self.grown(&field.shape), ..field.clone() };
                let mut fields: Vec<Member> = fields.iter().map(grown).collect();
                let later = version + 1 + self.below_u64(3) as u32;
                for index in 0..self.below_u64(3) {
                    let since = version + 1 + self.below_u64(u64::from(later - version)) as u32;
                    fields.push(new_member(&format!("n{version}_{index}"), self.shape(1), since));
                }
                structure(name, later, fields)
            }
        }
    }

    /// Fills the fields of a type, and leaves padding zero.
    fn fill(&mut self, shape: &Shape, bytes: &mut [u8]) {
        match shape {
            Number(_) | Text(_) | Enum(_) | Union(_) => bytes.fill_with(|| self.next() as u8),
            Array(element, len) => {
                let size = element.layout().0 as usize;
                (0..*len as usize).for_each(|index| self.fill(element, &mut bytes[index * size..][..size]));
            }
            List(element, capacity) => {
                let (size, align) = element.layout();
                let len = if self.below_u64(8) == 0 { self.next() } else { self.below_u64(capacity + 2) };
                bytes[..8].copy_from_slice(&len.to_le_bytes());
                let elements = &mut bytes[first_element(align) as usize..];
                self.fill(&Array(element.clone(), *capacity), &mut elements[..(size * capacity) as usize]);
            }
            Map(key, value, capacity) => self.fill(&List(Box::new(entry(*key, value)), *capacity), bytes),
            Struct { fields, .. } => {
                for (field, offset) in fields.iter().zip(shape.offsets()) {
                    let size = field.shape.layout().0 as usize;
                    self.fill(&field.shape, &mut bytes[offset as usize..][..size]);
                }
            }
        }
    }
}

/// What [`Conversion`] is to do, field by field.
fn by_hand(here: &Shape, there: &Shape, from: &[u8], to: &mut [u8]) {
    if here.schema().fingerprint() == there.schema().fingerprint() {
        let size = here.layout().0 as usize;
        return to[..size].copy_from_slice(&from[..size]);
    }
    match (here, there) {
        (Array(here, len), Array(there, _)) => {
            let (stride, peer_stride) = (here.layout().0 as usize, there.layout().0 as usize);
            for index in 0..*len as usize {
                by_hand(here, there, &from[index * peer_stride..], &mut to[index * stride..]);
            }
        }
        (List(here, capacity), List(there, _)) => {
            to[..8].copy_from_slice(&from[..8]);
            let len = u64::from_le_bytes(from[..8].try_into().unwrap()).min(*capacity);
            let ((size, align), (_, peer_align)) = (here.layout(), there.layout());
            let (first, peer_first) = (first_element(align) as usize, first_element(peer_align) as usize);
            let used = Array(here.clone(), len);
            by_hand_array(&used, &Array(there.clone(), len), &from[peer_first..], &mut to[first..]);
            to[first + (size * len) as usize..first + (size * capacity) as usize].fill(0);
        }
        (Map(key, here, capacity), Map(_, there, _)) => {
            let list = |value| List(Box::new(entry(*key, value)), *capacity);
            by_hand(&list(here), &list(there), from, to);
        }
        (Struct { fields, .. }, Struct { fields: peers, .. }) => {
            let (offsets, peer_offsets) = (here.offsets(), there.offsets());
            for (index, (field, peer)) in fields.iter().zip(peers).enumerate() {
                let (at, peer_at) = (offsets[index] as usize, peer_offsets[index] as usize);
                by_hand(&field.shape, &peer.shape, &from[peer_at..], &mut to[at..]);
            }
        }
        _ => panic!("these do not evolve"),
    }
}

fn by_hand_array(here: &Shape, there: &Shape, from: &[u8], to: &mut [u8]) {
    if !matches!(here, Array(_, 0)) {
        by_hand(here, there, from, to);
    }
}

#[test]
fn any_value_of_any_version_is_converted_as_by_hand() {
    let mut random = Random::new(0x5eed_0f17);
    let mut conversions = 0;
    for round in 0..if cfg!(miri) { 20 } else { 400 } {
        let first = random.structure(4);
        let second = random.grown(&first);
        let third = random.grown(&second);
        for (here, there) in [(&second, &first), (&first, &second), (&third, &first), (&second, &third)] {
            if here.schema().fingerprint() == there.schema().fingerprint() {
                continue;
            }
            conversions += 1;
            let conversion = conversion(here, there).unwrap_or_else(|refused| {
                panic!("round {round}: {here:?}\n{there:?}\n{:?}", refused.reasons)
            });
            for shift in [0, 1, 4] {
                let mut value = vec![0; there.layout().0 as usize];
                random.fill(there, &mut value);
                let mut expected = vec![0; here.layout().0 as usize];
                random.fill(here, &mut expected);
                let converted = convert(&conversion, &value, &expected, shift);
                by_hand(here, there, &value, &mut expected);
                assert_eq!(converted, expected, "round {round}: {here:?}\n{there:?}\n{conversion:?}");
            }
        }
    }
    assert!(cfg!(miri) || conversions > 800, "{conversions} conversions show little");
}

mod old {
    #[derive(bus_derive::Message, Clone, Copy, Debug, PartialEq)]
    #[repr(C)]
    pub(super) struct Reading {
        pub(super) number: u64,
        pub(super) valid: bool,
    }
}

/// Version 2 of `old::Reading`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(16))]
struct Reading {
    number: u64,
    valid: bool,
    precise: bool,
    scale: f64,
}

// SAFETY: the type owns and points to nothing; the descriptor names its fields and their offsets, and each is
// written, checked and defaulted at its offset as what it is.
unsafe impl Message for Reading {
    const TYPE: &'static TypeDescriptor = &TypeDescriptor::structure::<Self>(
        Declaration::new(Name::new("Reading")).with_version(2),
        &[
            FieldDescriptor::of::<u64>(Name::new("number"), 0, ""),
            FieldDescriptor::of::<bool>(Name::new("valid"), 8, ""),
            FieldDescriptor::of::<bool>(Name::new("precise"), 9, "").with_since(2),
            FieldDescriptor::of::<f64>(Name::new("scale"), 16, "").with_since(2),
        ],
    );

    unsafe fn write_fields(&self, out: *mut u8) {
        // SAFETY: the caller vouches for `out`; these are the offsets of the fields.
        unsafe {
            self.number.write_fields(out);
            self.valid.write_fields(out.add(8));
            self.precise.write_fields(out.add(9));
            self.scale.write_fields(out.add(16));
        }
    }

    unsafe fn write_absent(out: *mut u8) {
        // SAFETY: as above.
        unsafe {
            true.write_fields(out.add(9));
            1.5_f64.write_fields(out.add(16));
        }
    }

    fn validate(bytes: &[u8]) -> Result<(), Invalid> {
        bool::validate(&bytes[8..9]).map_err(|invalid| invalid.within("valid"))?;
        bool::validate(&bytes[9..10]).map_err(|invalid| invalid.within("precise"))
    }
}

fn read<T: Message, S: Message>(value: &S) -> Result<T, Invalid> {
    let conversion = Conversion::new(&Schema::of::<T>(), &Schema::of::<S>(), image::template::<T>()).unwrap();
    let words: Vec<AtomicU64> = (0..4).map(|_| AtomicU64::new(u64::MAX)).collect();
    image::store(value, &words);
    let mut image = Image::<T>::new();
    image.load_by(Some(&conversion), &words);
    // SAFETY: the image was just loaded.
    unsafe { image.decode() }
}

#[test]
fn a_value_of_another_version_is_a_value_with_defaults() {
    let (number, valid) = (7, true);
    assert_eq!(
        read::<Reading, _>(&old::Reading { number, valid }),
        Ok(Reading { number, valid, precise: true, scale: 1.5 })
    );
    let new = Reading { number, valid, precise: false, scale: 0.0 };
    assert_eq!(read::<old::Reading, _>(&new), Ok(old::Reading { number, valid }));
}

#[test]
fn what_was_converted_is_validated() {
    let conversion = Conversion::new(
        &Schema::of::<Reading>(),
        &Schema::of::<old::Reading>(),
        image::template::<Reading>(),
    )
    .unwrap();
    let words = [AtomicU64::new(1), AtomicU64::new(u64::MAX)];
    let mut image = Image::<Reading>::new();
    image.load_by(Some(&conversion), &words);
    // SAFETY: the image was just loaded.
    let invalid = unsafe { image.decode() }.unwrap_err();
    assert_eq!(invalid.to_string(), "`valid`: found 255, expected 0 or 1 (`bool`)");
}
