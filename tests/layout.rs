//! LAYOUT.md is enough to write another implementation, and says what this one does.
//!
//! The first part is such an implementation (`layout/independent.rs`), held against the published vectors and then
//! against the library on schemas that nobody published. The second part holds the library against the vectors.

#[path = "layout/document.rs"]
mod document;
#[path = "layout/independent.rs"]
mod independent;

use bus::message::{Fingerprint, Schema};
use document::Vector;

/// How many vectors are published: fewer would mean that some were not found.
const VECTORS: usize = 14;

#[test]
fn the_published_hashes_and_states_are_those_of_the_algorithm() {
    let text = document::text();
    let hashes = document::block(&text, "hashes");
    assert_eq!(hashes.len(), 4);
    for line in hashes {
        let (name, digits) = line.rsplit_once(' ').expect("a text and its hash");
        assert_eq!(independent::hash(name.trim().trim_matches('"')), document::number(digits), "{line}");
    }
    let states = document::block(&text, "states");
    assert_eq!(states.len(), 9);
    let mut state = independent::State::start();
    for line in states {
        let [word, digits] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{line}") };
        if word != "start" {
            state.word(u64::try_from(document::number(word)).expect("a word has 64 bits"));
        }
        assert_eq!(state.0, document::number(digits), "after {word}");
    }
    let vectors = document::vectors();
    assert_eq!((vectors[0].name.as_str(), vectors[0].fingerprint), ("u8", state.0));
}

#[test]
fn the_published_vectors_are_those_of_an_independent_implementation() {
    let vectors = document::vectors();
    assert_eq!(vectors.len(), VECTORS);
    for Vector { name, schema, fingerprint, .. } in vectors {
        assert_eq!(independent::fingerprint(&schema), Some(fingerprint), "{name}");
    }
}

#[test]
fn the_library_reads_the_published_vectors() {
    for Vector { name, definition, schema: bytes, fingerprint, value } in document::vectors() {
        let schema = Schema::decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(schema.fingerprint(), Fingerprint::from_bits(fingerprint), "{name}");
        assert_eq!(schema.encode(), bytes, "{name}");
        assert_eq!(schema.size(), value.len() as u64, "{name}");
        assert_eq!(format!("{schema:#}"), definition, "{name}");
        assert_eq!(schema.type_name(schema.types().len() - 1), name.trim_end_matches(", big endian"));
    }
}

/// Every schema that differs from a published one in a byte, as far as it is one.
#[test]
fn both_implementations_agree_on_schemas_that_nobody_published() {
    let mut compared = 0;
    for Vector { name, schema, .. } in document::vectors() {
        for index in 0..schema.len() {
            let mut bytes = schema.clone();
            for value in 0..=u8::MAX {
                bytes[index] = value;
                if let Ok(decoded) = Schema::decode(&bytes) {
                    let fingerprint = independent::fingerprint(&bytes).map(Fingerprint::from_bits);
                    assert_eq!(fingerprint, Some(decoded.fingerprint()), "{name} with {value} at {index}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 20_000, "only {compared} schemas were compared");
}

/// What the library makes of the same types, declared in Rust.
#[cfg(target_endian = "little")]
mod declared {
    #![allow(dead_code, reason = "some types are described and not used")]

    use core::num::NonZero;

    use bus::Message;
    use bus::message::Schema;
    use bus::{FixedBytes, FixedMap, FixedStr, FixedVec};

    use super::document;

    /// Which way.
    #[derive(Message)]
    #[repr(i8)]
    enum Side {
        Buy = 1,
        /// Away.
        Sell = -1,
    }

    #[derive(Message)]
    #[repr(C)]
    struct Window<T, const N: usize> {
        values: [T; N],
    }

    #[derive(Message)]
    #[repr(C)]
    struct Level {
        #[message(unit = "EUR")]
        price: f64,
        orders: u32,
    }

    #[derive(Message)]
    #[repr(C)]
    struct Book {
        side: Side,
        levels: [Level; 2],
        depth: u16,
    }

    /// One measurement.
    #[derive(Message)]
    #[repr(C)]
    struct Reading {
        #[message(unit = "ns")]
        time: u64,
        valid: bool,
        /// Over ground.
        #[message(since = 2, default = 0.0, unit = "m/s", range = -1.5..=70.0)]
        speed: f64,
    }

    #[derive(Message)]
    #[repr(u8)]
    enum Command {
        Stop,
        Move {
            #[message(unit = "m")]
            x: f64,
            #[message(range = 1..=1000)]
            steps: u16,
        },
        Say(FixedStr<5>) = 200,
    }

    #[derive(Message, Clone, Copy)]
    #[repr(C)]
    #[message(unsafe_any_bits)]
    union Bits {
        whole: f32,
        parts: [u8; 4],
    }

    fn published(name: &str) -> document::Vector {
        let vectors = document::vectors();
        vectors
            .into_iter()
            .find(|vector| vector.name == name)
            .unwrap_or_else(|| panic!("no vector of {name}"))
    }

    /// The bytes of `value` as a peer would see them.
    fn image<T: Message>(value: &T) -> Vec<u8> {
        let mut bytes = vec![0; size_of::<T>()];
        // SAFETY: The vector has as many bytes as the type, and is no part of `value`.
        unsafe { value.write_fields(bytes.as_mut_ptr()) };
        bytes
    }

    fn is_published<T: Message>(name: &str, value: &T) {
        let vector = published(name);
        assert_eq!(T::FINGERPRINT.to_bits(), vector.fingerprint, "{name}");
        assert_eq!(Schema::of::<T>().encode(), vector.schema, "{name}");
        assert_eq!(image(value), vector.value, "{name}");
        assert_eq!(T::validate(&vector.value), Ok(()), "{name}");
    }

    #[test]
    fn types_have_their_published_schemas_fingerprints_and_values() {
        is_published("u8", &7_u8);
        is_published("NonZero<u32>", &NonZero::<u32>::new(1_000_000).expect("it is not zero"));
        is_published("[u16; 3]", &[1_u16, 2, 0x1234]);
        is_published::<FixedStr<8>>("FixedStr<8>", &"größe".try_into().expect("seven bytes"));
        is_published("Side", &Side::Sell);
        is_published("Window<u16, 3>", &Window { values: [1_u16, 2, 3] });
        is_published("Reading", &Reading { time: 1, valid: true, speed: 2.5 });
        is_published("Command", &Command::Move { x: 0.5, steps: 300 });
        let levels = [Level { price: 1.5, orders: 3 }, Level { price: 1.25, orders: 70_000 }];
        is_published("Book", &Book { side: Side::Buy, levels, depth: 2 });
        is_published("Bits", &Bits { whole: 1.0 });
        is_published("FixedBytes<9>", &FixedBytes::<9>::from([0xff, 0, 1]));
        is_published("FixedVec<f32, 5>", &FixedVec::<f32, 5>::from([1.0, -2.0]));
        let text = |text: &str| FixedStr::<4>::try_from(text).expect("four bytes");
        let map =
            FixedMap::<u32, _, 3>::try_from([(300, text("x")), (5, text("five"))]).expect("two entries");
        is_published("FixedMap<u32, FixedStr<4>, 3>", &map);
    }
}
