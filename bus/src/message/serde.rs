//! The containers and times in the data model of `serde` (feature `serde`).
//!
//! They look there as what they stand for: a text is a string, a list a sequence, a map a map, a time a number of
//! nanoseconds. So data written from a `Vec` is read into a `FixedVec`, if it fits; if not, the error names the
//! capacity.

use core::fmt;
use core::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::{FixedBytes, FixedMap, FixedStr, FixedVec, Maybe, Message, Nanoseconds};
use crate::Stamp;

/// As an `Option`.
impl<T: Serialize> Serialize for Maybe<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_option().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Maybe::from)
    }
}

impl<const N: usize> Serialize for FixedStr<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de, const N: usize> Deserialize<'de> for FixedStr<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<const N: usize>;

        impl<const N: usize> Visitor<'_> for Text<N> {
            type Value = FixedStr<N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a text of at most {N} bytes")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                text.try_into().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

impl<const N: usize> Serialize for FixedBytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self)
    }
}

impl<'de, const N: usize> Deserialize<'de> for FixedBytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes<const N: usize>;

        impl<'de, const N: usize> Visitor<'de> for Bytes<N> {
            type Value = FixedBytes<N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {N} bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                bytes.try_into().map_err(E::custom)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                self.visit_bytes(text.as_bytes())
            }

            /// Formats without bytes, such as JSON, write them as a sequence of numbers.
            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
                let mut bytes = FixedBytes::new();
                while let Some(byte) = elements.next_element()? {
                    bytes.push(byte).map_err(A::Error::custom)?;
                }
                Ok(bytes)
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}

impl<T: Serialize, const N: usize> Serialize for FixedVec<T, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl<'de, T: Message + Deserialize<'de>, const N: usize> Deserialize<'de> for FixedVec<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T, const N: usize>(PhantomData<T>);

        impl<'de, T: Message + Deserialize<'de>, const N: usize> Visitor<'de> for List<T, N> {
            type Value = FixedVec<T, N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a sequence of at most {N} elements")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
                let mut list = FixedVec::new();
                while let Some(element) = elements.next_element()? {
                    list.push(element).map_err(A::Error::custom)?;
                }
                Ok(list)
            }
        }

        deserializer.deserialize_seq(List(PhantomData))
    }
}

impl<K: Serialize, V: Serialize, const N: usize> Serialize for FixedMap<K, V, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

/// Of entries with the same key, the last counts.
impl<'de, K, V, const N: usize> Deserialize<'de> for FixedMap<K, V, N>
where
    K: Message + Ord + Deserialize<'de>,
    V: Message + Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map<K, V, const N: usize>(PhantomData<(K, V)>);

        impl<'de, K, V, const N: usize> Visitor<'de> for Map<K, V, N>
        where
            K: Message + Ord + Deserialize<'de>,
            V: Message + Deserialize<'de>,
        {
            type Value = FixedMap<K, V, N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a map of at most {N} entries")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut map = FixedMap::new();
                while let Some((key, value)) = entries.next_entry()? {
                    map.insert(key, value).map_err(A::Error::custom)?;
                }
                Ok(map)
            }
        }

        deserializer.deserialize_map(Map(PhantomData))
    }
}

impl Serialize for Nanoseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.get())
    }
}

impl<'de> Deserialize<'de> for Nanoseconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self::new)
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.nanoseconds())
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self::from_nanoseconds)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde::de::value::{BytesDeserializer, Error as ValueError};

    use super::*;

    /// It is written as `json`, and read back as it was.
    fn both_ways<T: Serialize + DeserializeOwned + PartialEq + fmt::Debug>(value: T, json: &str) {
        assert_eq!(serde_json::to_string(&value).unwrap(), json);
        assert_eq!(serde_json::from_str::<T>(json).unwrap(), value);
    }

    fn refusal<T: DeserializeOwned + fmt::Debug>(json: &str) -> String {
        let error = serde_json::from_str::<T>(json).unwrap_err().to_string();
        error.split(" at line").next().unwrap().to_owned()
    }

    type Map = FixedMap<FixedStr<2>, u8, 2>;

    #[test]
    fn they_are_what_they_stand_for() {
        both_ways(FixedStr::<4>::truncated("ä\"b"), r#""ä\"b""#);
        both_ways(FixedBytes::<4>::from([1, 2, 255]), "[1,2,255]");
        both_ways(FixedVec::<FixedVec<u8, 2>, 3>::from([[1, 2].into(), [].into()]), "[[1,2],[]]");
        both_ways(
            Map::try_from([(FixedStr::truncated("b"), 1), (FixedStr::truncated("a"), 2)]).unwrap(),
            r#"{"a":2,"b":1}"#,
        );
        both_ways([Maybe::Some(1), Maybe::None], "[1,null]");
        both_ways(Nanoseconds::MAX, "18446744073709551615");
        both_ways(Stamp::from_nanoseconds(5), "5");
        assert_eq!(serde_json::from_str::<Map>(r#"{"a":1,"a":2}"#).unwrap()["a"], 2);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_capacity() {
        assert_eq!(
            refusal::<FixedStr<2>>(r#""abc""#),
            "a text of 3 bytes does not fit into FixedStr<2>: shorten it, or raise the capacity"
        );
        let bytes = "3 bytes do not fit into FixedBytes<2>: shorten them, or raise the capacity";
        assert_eq!(refusal::<FixedBytes<2>>("[1,2,3]"), bytes);
        assert_eq!(refusal::<FixedBytes<2>>(r#""abc""#), bytes);
        let full = "is full with 2";
        let hint = "remove one, or raise the capacity";
        assert_eq!(refusal::<FixedVec<u8, 2>>("[1,2,3]"), format!("FixedVec<_, 2> {full} elements: {hint}"));
        assert_eq!(
            refusal::<Map>(r#"{"a":1,"b":2,"c":3}"#),
            format!("FixedMap<_, _, 2> {full} entries: {hint}")
        );
    }

    #[test]
    fn what_is_something_else_is_refused_with_what_was_expected() {
        assert_eq!(
            refusal::<FixedStr<2>>("1"),
            "invalid type: integer `1`, expected a text of at most 2 bytes"
        );
        assert_eq!(
            refusal::<FixedBytes<2>>("true"),
            "invalid type: boolean `true`, expected at most 2 bytes"
        );
        assert_eq!(
            refusal::<FixedVec<u8, 2>>("1"),
            "invalid type: integer `1`, expected a sequence of at most 2 elements"
        );
        assert_eq!(refusal::<Map>("[]"), "invalid type: sequence, expected a map of at most 2 entries");
        assert!(refusal::<Nanoseconds>("-1").contains("expected u64"));
        assert!(refusal::<Stamp>("1.5").contains("expected u64"));
    }

    #[test]
    fn bytes_are_read_from_formats_that_have_them() {
        let of = |bytes| FixedBytes::<2>::deserialize(BytesDeserializer::<ValueError>::new(bytes));
        assert_eq!(of(b"ab"), Ok(b"ab".into()));
        assert!(of(b"abc").unwrap_err().to_string().contains("FixedBytes<2>"));
    }
}
