//! What holds for every type and value.

use super::*;
use crate::message::test_support::Random;

const ROUNDS: usize = 400;

/// The same value, NaN included.
#[track_caller]
fn assert_same(a: &Value, b: &Value) {
    assert_eq!(format!("{a:?}"), format!("{b:?}"));
}

fn random_message(random: &mut Random) -> (Schema, Value, Vec<u8>) {
    let schema = random.schema();
    let value = random.value(&schema, schema.types().len() - 1, None);
    let bytes = schema.write(&value).unwrap_or_else(|error| panic!("{error}\n{value}\n{schema}"));
    (schema, value, bytes)
}

#[test]
fn what_is_written_is_read() {
    let mut random = Random::seeded();
    for _ in 0..ROUNDS {
        let (schema, value, bytes) = random_message(&mut random);
        let read = schema.read(&bytes).unwrap_or_else(|error| panic!("{error}\n{value}\n{schema}"));
        assert_same(&read, &value);
        assert_eq!(schema.write(&read).unwrap(), bytes);
    }
}

/// As a topic carries it: described in a sealed segment, published in a slot, mapped anew by a reader.
#[test]
#[cfg(not(loom))]
fn what_is_published_through_a_segment_is_read() {
    use crate::segment::geometry::{Geometry, Parameters};
    use crate::segment::{SegmentView, text};

    let mut random = Random::seeded();
    for number in 1..=100 {
        let (schema, value, bytes) = random_message(&mut random);
        let encoded = schema.encode();
        let parameters = Parameters {
            message_size: schema.size(),
            message_align: schema.align(),
            depth: 2,
            journal: 2,
            schema: encoded.len() as u64,
            first_item: 0,
            items: 1,
            name_words: 32,
            pooled: 0,
        };
        let geometry = Geometry::new(parameters).unwrap();
        let fingerprint = schema.fingerprint();
        let (publisher, fds) =
            SegmentView::create("random", geometry, fingerprint, 1, false, &encoded).unwrap();
        let payload = publisher.geometry.item.payload;
        let item = publisher.item(0).unwrap();
        item.ring.write(number, |body| text::store(&bytes, &body[payload..]));

        let reader = SegmentView::open(&fds.segment, &fds.bells).unwrap();
        let described = Schema::decode(&reader.schema()).unwrap();
        assert_eq!((reader.header.fingerprint, &described), (described.fingerprint(), &schema));
        let item = reader.item(0).unwrap();
        let copy = |body: &[_]| text::load(&body[payload..], bytes.len());
        let (latest, arrived) = item.ring.read_latest(copy).unwrap().unwrap();
        assert_eq!((latest, &arrived), (number, &bytes));
        assert_same(&described.read(&arrived).unwrap(), &value);
    }
}

/// Maps are sorted and fields are put in order by whoever writes.
#[test]
fn the_order_of_entries_and_fields_is_no_matter() {
    fn reversed(value: &Value) -> Value {
        let of_fields = |fields: &[(String, Value)]| {
            fields.iter().rev().map(|(name, of)| (name.clone(), reversed(of))).collect()
        };
        match value {
            Value::Map(entries) => {
                Value::Map(entries.iter().rev().map(|(key, of)| (reversed(key), reversed(of))).collect())
            }
            Value::List(elements) => Value::List(elements.iter().map(reversed).collect()),
            Value::Struct(fields) => Value::Struct(of_fields(fields)),
            Value::Variant { name, fields } => {
                Value::Variant { name: name.clone(), fields: of_fields(fields) }
            }
            other => other.clone(),
        }
    }
    let mut random = Random::seeded();
    for _ in 0..ROUNDS {
        let (schema, value, bytes) = random_message(&mut random);
        assert_eq!(schema.write(&reversed(&value)).unwrap(), bytes, "{value}\n{schema}");
    }
}

#[test]
#[cfg(feature = "json")]
fn what_becomes_json_comes_back() {
    let mut random = Random::seeded();
    for _ in 0..ROUNDS {
        let (schema, value, _) = random_message(&mut random);
        let text = value.to_json().to_string();
        let debug = format!("{value:?}");
        if debug.contains("NaN") && debug.contains("Map(") {
            continue; // keys, perhaps, whose bits are their order
        }
        let back = schema.value_from_json(&serde_json::from_str(&text).unwrap());
        let back = back.unwrap_or_else(|error| panic!("{error}\n{text}\n{schema}"));
        // Through bytes, since an object does not keep the order of a map.
        assert_same(&schema.read(&schema.write(&back).unwrap()).unwrap(), &value);
    }
}

#[test]
fn every_bit_changes_the_value_or_is_refused_or_is_unused() {
    let mut random = Random::seeded();
    let (mut read, mut refused) = (0, 0);
    for _ in 0..ROUNDS {
        let (schema, _, bytes) = random_message(&mut random);
        for _ in 0..(bytes.len() * 8).min(64) {
            let mut corrupt = bytes.clone();
            let bit = random.below_u64(bytes.len() as u64 * 8);
            corrupt[bit as usize / 8] ^= 1 << (bit % 8);
            match schema.read(&corrupt) {
                Ok(value) => {
                    let again =
                        schema.write(&value).unwrap_or_else(|error| panic!("{error}\n{value}\n{schema}"));
                    for (written, found) in again.iter().zip(&corrupt) {
                        assert!(written == found || *written == 0, "{value}\n{schema}");
                    }
                    assert_same(&schema.read(&again).unwrap(), &value);
                    read += 1;
                }
                Err(invalid) => {
                    assert!(!invalid.expected().is_empty() && !invalid.found().is_empty(), "{invalid}");
                    refused += 1;
                }
            }
        }
    }
    assert!(read > 100 && refused > 100, "{read} read, {refused} refused");
}

/// Every part of a value that has a path, with that path.
fn parts(value: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    found.push((path.to_owned(), value.clone()));
    let name =
        |path: &str, name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Struct(fields) => fields.iter().for_each(|(of, value)| parts(value, &name(path, of), found)),
        Value::Variant { name: variant, fields } => {
            let path = name(path, variant);
            fields.iter().for_each(|(of, value)| parts(value, &name(&path, of), found));
        }
        Value::List(elements) => {
            elements.iter().enumerate().for_each(|(at, value)| parts(value, &format!("{path}[{at}]"), found));
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                let key = match key {
                    Value::Integer(key) => key.to_string(),
                    Value::Bool(key) => key.to_string(),
                    Value::Text(key) => format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\"")),
                    Value::Variant { name, fields } if fields.is_empty() => name.clone(),
                    _ => continue,
                };
                parts(value, &format!("{path}[{key}]"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn each_part_is_found_by_its_path_and_can_be_set() {
    let mut random = Random::seeded();
    let mut count = 0;
    for _ in 0..ROUNDS {
        let (schema, value, bytes) = random_message(&mut random);
        let mut found = Vec::new();
        parts(&value, "", &mut found);
        for (path, part) in found {
            assert_same(value.get(&path).unwrap(), &part);
            assert_same(&schema.read_part(&bytes, &path).unwrap(), &part);
            let located = schema.locate_in(&bytes, &path).unwrap();
            if let Ok(fixed) = schema.locate(&path) {
                assert_eq!((fixed.offset(), fixed.type_index()), (located.offset(), located.type_index()));
            }
            let (start, end) = (located.offset() as usize, (located.offset() + located.size()) as usize);
            let mut changed = bytes.clone();
            changed[start..end].fill(0);
            // Where the path leads is needed to get there again: tags and keys are outside of the part.
            if !path.ends_with(|character: char| character.is_alphabetic()) || part.variant().is_none() {
                schema.set(&mut changed, &path, &part).unwrap_or_else(|error| panic!("{error}\n{schema}"));
                assert_eq!(changed, bytes, "{path}\n{value}\n{schema}");
            }
            count += 1;
        }
    }
    assert!(count > ROUNDS);
}
