//! `FixedMap` behaves like a `BTreeMap`, and survives bytes that are none.

use std::collections::BTreeMap;

use super::*;
use crate::message::test_support::{Random, read, written};
use crate::message::{FixedStr, Kind, Schema};

type Limits = FixedMap<FixedStr<6>, u32, 3>;

fn key(text: &str) -> FixedStr<6> {
    text.try_into().unwrap()
}

fn limits() -> Limits {
    [(key("b"), 2), (key("d"), 4), (key("a"), 1)].try_into().unwrap()
}

#[test]
fn keys_map_to_values_in_their_order() {
    let mut map = limits();
    assert_eq!((map.len(), map.capacity(), map.is_full(), map.remaining_capacity()), (3, 3, true, 0));
    assert!(map.iter().eq([(&key("a"), &1), (&key("b"), &2), (&key("d"), &4)]));
    assert!(map.keys().eq(["a", "b", "d"]) && map.values().copied().eq([1, 2, 4]));
    assert_eq!(map.as_slice()[1], Entry { key: key("b"), value: 2 });
    assert_eq!((map.get("b"), map.get("c"), map["d"]), (Some(&2), None, 4));
    assert_eq!(map.get_key_value("b"), Some((&key("b"), &2)));
    assert!(map.contains_key("a") && !map.contains_key("e"));
    *map.get_mut("a").unwrap() = 9;
    assert!(map.get_mut("c").is_none());
    assert_eq!((map.first_key_value(), map.last_key_value()), (Some((&key("a"), &9)), Some((&key("d"), &4))));
    for (_, value) in &mut map {
        *value += 1;
    }
    map.iter_mut().rev().for_each(|(_, value)| *value *= 2);
    map.values_mut().for_each(|value| *value -= 1);
    assert_eq!(format!("{map:?}"), r#"{"a": 19, "b": 5, "d": 9}"#);
    assert!(map.into_iter().eq([(key("a"), 19), (key("b"), 5), (key("d"), 9)]));
    assert!((&map).into_iter().rev().map(|(key, _)| key.as_str()).eq(["d", "b", "a"]));
}

#[test]
fn entries_go_in_and_come_out() {
    let mut map = Limits::new();
    assert!(
        map.is_empty() && map == Limits::default() && map.pop_first().is_none() && map.pop_last().is_none()
    );
    assert!(map.first_key_value().is_none() && map.last_key_value().is_none());
    assert_eq!(map.insert(key("b"), 1), Ok(None));
    assert_eq!(map.insert(key("b"), 2), Ok(Some(1)));
    assert_eq!(map.try_extend([(key("a"), 1), (key("d"), 4)]), Ok(()));
    assert_eq!(map, limits());
    assert_eq!((map.remove("c"), map.remove("b"), map.remove("b")), (None, Some(2), None));
    assert_eq!(map.remove_entry("d"), Some((key("d"), 4)));
    assert_eq!((map.len(), map.pop_first()), (1, Some((key("a"), 1))));
    let mut map = limits();
    assert_eq!((map.pop_last(), map.pop_first()), (Some((key("d"), 4)), Some((key("a"), 1))));
    map.clear();
    assert_eq!(map, Limits::new());
    let mut map = limits();
    map.retain(|key, value| {
        *value += 1;
        *key != "b"
    });
    assert!(map.iter().eq([(&key("a"), &2), (&key("d"), &5)]));
    assert!(written(&map)[8 + 2 * 12..].iter().all(|byte| *byte == 0), "nothing stays behind");
}

#[test]
fn an_entry_that_does_not_fit_is_given_back() {
    let mut map = limits();
    let full = map.insert(key("c"), 3).unwrap_err();
    assert_eq!(full.value, (key("c"), 3));
    assert_eq!(
        full.to_string(),
        "FixedMap<_, _, 3> is full with 3 entries: remove one, or raise the capacity"
    );
    assert_eq!(map, limits());
    assert_eq!(map.insert(key("b"), 7), Ok(Some(2)), "a key that is there fits");
    assert_eq!(FixedMap::<u8, u8, 2>::try_from_iter((0..).map(|n| (n % 3, n))).unwrap_err().value, (2, 2));
    assert_eq!(FixedMap::<u8, u8, 2>::try_from([(1, 1), (2, 2), (1, 3)]).unwrap()[&1], 3, "the last counts");
    assert_eq!(FixedMap::<u8, u8, 1>::try_from([(1, 1), (2, 2)]).unwrap_err().value, (2, 2));
}

#[test]
#[should_panic(expected = "has the key")]
fn an_index_that_is_not_there_panics() {
    let _ = limits()["c"];
}

#[test]
fn ranges_are_those_of_a_btree_map_and_never_panic() {
    let mut map = FixedMap::<u32, u32, 8>::try_from_iter((0..8).map(|n| (n * 10, n))).unwrap();
    let model: BTreeMap<u32, u32> = (0..8).map(|n| (n * 10, n)).collect();
    let bounds = |key| [Bound::Included(key), Bound::Excluded(key), Bound::Unbounded];
    for (start, end) in (0..80).flat_map(|start| (0..80).map(move |end| (start, end))) {
        for (start, end) in
            bounds(start).into_iter().flat_map(|start| bounds(end).map(move |end| (start, end)))
        {
            let panics = match (start, end) {
                (Bound::Excluded(start), Bound::Excluded(end)) => start >= end,
                (
                    Bound::Included(start) | Bound::Excluded(start),
                    Bound::Included(end) | Bound::Excluded(end),
                ) => start > end,
                _ => false,
            };
            if panics {
                assert_eq!(map.range((start, end)).count(), 0);
                assert_eq!(map.range_mut((start, end)).count(), 0);
            } else {
                assert!(map.range((start, end)).eq(model.range((start, end))));
                assert!(
                    map.range_mut((start, end))
                        .map(|(key, _)| key)
                        .eq(model.range((start, end)).map(|(key, _)| key))
                );
            }
            if cfg!(miri) {
                return;
            }
        }
    }
    assert_eq!(limits().range::<str, _>((Bound::Included("b"), Bound::Unbounded)).count(), 2);
}

#[test]
fn it_compares_and_hashes_as_its_entries() {
    let (small, large) = (limits(), limits().tap(|map| map.insert(key("b"), 3).unwrap()));
    assert!(small < large && small != large && small == limits());
    assert!(limits().tap(|map| map.remove("d").unwrap()) < small);
    let hashes = std::collections::HashSet::from([small, large, limits()]);
    assert_eq!(hashes.len(), 2);
}

trait Tap: Sized {
    /// Itself after a change.
    fn tap<R>(mut self, change: impl FnOnce(&mut Self) -> R) -> Self {
        change(&mut self);
        self
    }
}

impl Tap for Limits {}

#[test]
fn iterators_know_their_length_and_can_be_shown() {
    let mut map = limits();
    let mut entries = map.iter();
    entries.next();
    assert_eq!((entries.len(), entries.clone().count(), map.keys().len(), map.values().len()), (2, 2, 3, 3));
    let rest = r#"[Entry { key: "b", value: 2 }, Entry { key: "d", value: 4 }]"#;
    assert_eq!(format!("{entries:?}"), format!("Iter({rest})"));
    let mut entries = map.iter_mut();
    entries.next();
    assert_eq!(format!("{entries:?}"), format!("IterMut({rest})"));
    let mut entries = map.into_iter();
    entries.next();
    assert_eq!(format!("{entries:?}"), format!("IntoIter({rest})"));
    assert_eq!(
        (entries.next_back(), entries.next(), entries.next()),
        (Some((key("d"), 4)), Some((key("b"), 2)), None)
    );
}

#[test]
fn it_is_described_as_a_map() {
    assert!(matches!(Limits::TYPE.kind(), Kind::Map { capacity: 3, entry } if entry.name() == "Entry"));
    let schema = Schema::of::<Limits>();
    assert_eq!((schema.name(), schema.size(), schema.align()), ("FixedMap", 8 + 3 * 12, 4));
    assert_eq!(Schema::decode(&schema.encode()), Ok(schema));
    const { assert!(FixedMap::<u32, u32, 3>::PADDING_FREE && !FixedMap::<u32, u8, 3>::PADDING_FREE) };
    assert_ne!(Limits::FINGERPRINT, FixedMap::<FixedStr<6>, i32, 3>::FINGERPRINT);
    assert_ne!(Limits::FINGERPRINT, FixedVec::<Entry<FixedStr<6>, u32>, 3>::FINGERPRINT);
    let bytes = written(&limits());
    assert_eq!(bytes[..12], *b"\x03\0\0\0\0\0\0\0\x01\0a\0");
    assert_eq!(Limits::validate(&bytes), Ok(()));
    // SAFETY: It was validated.
    assert_eq!(unsafe { read::<Limits>(&bytes) }, limits());
}

#[test]
fn what_is_wrong_is_named() {
    type Map = FixedMap<u8, bool, 4>;
    let bytes = |len: u64, entries: [[u8; 2]; 4]| [&len.to_le_bytes()[..], entries.as_flattened()].concat();
    let refusal =
        |bytes: Vec<u8>| Map::validate(&bytes).map_err(|invalid| invalid.within("limits").to_string());
    let sorted = [[1, 1], [2, 0], [3, 1], [9, 9]];
    assert_eq!(refusal(bytes(3, sorted)), Ok(()));
    assert_eq!(
        refusal(bytes(4, sorted)),
        Err("`limits.entries[3].value`: found 9, expected 0 or 1 (`bool`)".into())
    );
    assert_eq!(
        refusal(bytes(5, sorted)),
        Err("`limits`: found 5, expected a length of at most 4 (`FixedMap<_, _, 4>`)".into())
    );
    for (key, found) in [(2, "the same key again"), (1, "a lesser key"), (0, "a lesser key")] {
        assert_eq!(
            refusal(bytes(3, [[1, 1], [2, 0], [key, 1], [9, 9]])),
            Err(format!(
                "`limits.entries[2].key`: found {found}, expected a key greater than the one before \
                 (`FixedMap<_, _, 4>`)"
            ))
        );
    }
    let error = FixedMap::<bool, u8, 4>::validate(&bytes(2, [[0, 7], [2, 7], [0; 2], [0; 2]])).unwrap_err();
    assert_eq!(error.to_string(), "`entries[1].key`: found 2, expected 0 or 1 (`bool`)");
    // Keys without bytes are all the same.
    type Unit = FixedMap<core::marker::PhantomData<u8>, core::marker::PhantomData<u8>, { usize::MAX }>;
    assert_eq!(Unit::validate(&1u64.to_le_bytes()), Ok(()));
    assert_eq!(Unit::validate(&[0xff; 8]).unwrap_err().path(), "entries[1].key");
}

/// Every value of every byte, one at a time; maps of any bits are used whatever `validate` says.
#[test]
fn each_one_byte_corruption_is_a_value_or_refused() {
    fn access<K: Message + Ord + Clone + fmt::Debug, const N: usize>(
        mut map: FixedMap<K, u32, N>,
        spare: &K,
    ) {
        assert!(map.len() <= N && map.iter().count() == map.len());
        let _ =
            (format!("{map:?}"), map.get(spare), map.contains_key(spare), map.range(spare.clone()..).count());
        let _ =
            (map.range(..=spare.clone()).count(), map.range_mut::<K, _>(..).count(), map.first_key_value());
        let keys: Vec<K> = map.keys().cloned().collect();
        for key in &keys {
            let _ = map.get_mut(key).is_some();
            let _ = map.insert(key.clone(), 7);
        }
        for key in &keys {
            let _ = map.remove(key);
        }
        let _ = (map.insert(spare.clone(), 1), map.pop_first(), map.pop_last());
        map.retain(|_, value| *value == 0);
        map.clear();
        assert_eq!(map.insert(spare.clone(), 1).ok(), Some(None));
        assert_eq!(map.get(spare), Some(&1));
    }

    fn each<K: Message + Ord + Clone + fmt::Debug, const N: usize>(
        good: &FixedMap<K, u32, N>,
    ) -> (usize, usize) {
        let good_bytes = written(good);
        let (mut accepted, mut refused) = (0, 0);
        for at in 0..good_bytes.len() {
            for byte in (0..=u8::MAX).step_by(if cfg!(miri) { 51 } else { 1 }) {
                let mut bytes = good_bytes.clone();
                bytes[at] = byte;
                let verdict = FixedMap::<K, u32, N>::validate(&bytes);
                if K::ANY_BITS || verdict.is_ok() {
                    // SAFETY: It was validated, or its elements accept any bits.
                    access(unsafe { read::<FixedMap<K, u32, N>>(&bytes) }, good.keys().next().unwrap());
                }
                match verdict {
                    Ok(()) => {
                        // SAFETY: It was validated.
                        let map = unsafe { read::<FixedMap<K, u32, N>>(&bytes) };
                        assert!(map.keys().is_sorted_by(|before, after| before < after));
                        accepted += 1;
                    }
                    Err(invalid) => {
                        assert!(!invalid.expected().is_empty() && !invalid.found().is_empty());
                        assert!(invalid.path().starts_with("entries[") || at < 8, "{invalid}");
                        refused += 1;
                    }
                }
            }
        }
        (accepted, refused)
    }

    let numbers = each(&FixedMap::<u16, u32, 4>::try_from([(3, 1), (5, 2), (600, 3)]).unwrap());
    let texts = each(&limits());
    if !cfg!(miri) {
        assert!(numbers.0 > 4 * 256 && numbers.1 > 7 * 255, "{numbers:?}");
        assert!(texts.0 > 4 * 256 && texts.1 > 7 * 255, "{texts:?}");
    }
}

/// Random operations do to it what they do to a `BTreeMap`.
#[test]
fn it_does_what_a_btree_map_does() {
    const N: usize = 8;
    type Map = FixedMap<u16, bool, N>;
    let mut random = Random::new(0x2545_f491_4f6c_dd1d);
    let (mut map, mut model) = (Map::new(), BTreeMap::new());
    for step in 0..if cfg!(miri) { 300 } else { 50_000 } {
        let (key, value) = (random.below(24) as u16, random.below(2) == 1);
        match random.below(11) {
            0..4 => match map.insert(key, value) {
                Ok(before) => assert_eq!(before, model.insert(key, value)),
                Err(full) => {
                    assert!(model.len() == N && !model.contains_key(&key) && full.value == (key, value));
                }
            },
            4 => assert_eq!(map.remove(&key), model.remove(&key)),
            5 => assert_eq!(map.remove_entry(&key), model.remove_entry(&key)),
            6 if value => assert_eq!(map.pop_first(), model.pop_first()),
            6 => assert_eq!(map.pop_last(), model.pop_last()),
            7 => {
                if let Some(found) = map.get_mut(&key) {
                    *found = value;
                    model.insert(key, value);
                }
            }
            8 if key == 0 => {
                map.clear();
                model.clear();
            }
            9 if value => {
                map.retain(|key, value| key % 5 != 0 || *value);
                model.retain(|key, value| key % 5 != 0 || *value);
            }
            _ => {
                assert_eq!(
                    (map.get(&key), map.contains_key(&key)),
                    (model.get(&key), model.contains_key(&key))
                );
                assert!(map.range(key..).eq(model.range(key..)) && map.range(..key).eq(model.range(..key)));
            }
        }
        assert!(map.iter().eq(&model), "after step {step}: {map:?} and {model:?}");
        assert_eq!(
            (map.first_key_value(), map.last_key_value()),
            (model.first_key_value(), model.last_key_value())
        );
        assert_eq!(Map::validate(&written(&map)), Ok(()));
    }
}
