//! A map inside a message.
//!
//! A `BTreeMap` is a tree of pointers. [`FixedMap<K, V, N>`] keeps up to `N` entries in place, as a list that is
//! sorted by key and has each key once:
//!
//! ```text
//!    ┌───────────────┬─────┬───────────────────────────────────────────┬────────┐
//!    │ len: 8 bytes  │ gap │ len entries: key, value │ key, value │ …  │ zeroes │
//!    │ little endian │     │                                           │        │
//!    └───────────────┴─────┴───────────────────────────────────────────┴────────┘
//! ```
//!
//! A key is found in about log₂ `N` comparisons; to insert or remove one moves the entries behind it.
//!
//! The order is that of `K: Ord` in this program, and `validate` checks it: a peer that sorts otherwise is told so
//! by an error, instead of by keys that are not found. Where a map is seen in place and its writer breaks the
//! order, a look-up finds some entry or none, and changes put entries somewhere; nothing panics or leaves the
//! map, since no result of a comparison is trusted as an index.

use core::borrow::Borrow;
use core::cmp::Ordering;
use core::iter::FusedIterator;
use core::mem::offset_of;
use core::ops::{Bound, Index, RangeBounds};
use core::{fmt, slice};

use super::fixed_vec::{self, FixedVec, elements_at, validate_len};
use super::overflow::{Container, Full};
use super::{Invalid, Name, TypeDescriptor};
use crate::Message;

/// One key of a [`FixedMap`] and what it maps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Message)]
#[message(crate = "crate", no_docs)]
#[repr(C)]
pub struct Entry<K, V> {
    /// What the map is sorted by.
    pub key: K,
    /// What the key maps to.
    pub value: V,
}

/// Up to `N` keys with a value each, sorted by key, stored in place.
///
/// It behaves like a `BTreeMap` that cannot grow beyond its capacity. A program that reads one must order keys as
/// the program that wrote it.
///
/// ```
/// use bus::message::{FixedMap, FixedStr};
///
/// let mut limits = FixedMap::<FixedStr<16>, f64, 3>::new();
/// limits.insert("pressure".parse()?, 4.5)?;
/// limits.insert("current".parse()?, 12.0)?;
/// assert_eq!(limits.get("current"), Some(&12.0));
/// assert_eq!(limits.insert("current".parse()?, 16.0)?, Some(12.0));
/// assert!(limits.keys().eq(["current", "pressure"]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct FixedMap<K, V, const N: usize> {
    /// Sorted by key, each key once, unless a peer wrote it.
    entries: FixedVec<Entry<K, V>, N>,
}

impl<K: Message, V: Message, const N: usize> FixedMap<K, V, N> {
    /// The empty map.
    pub const fn new() -> Self {
        Self { entries: FixedVec::new() }
    }

    /// A map of the entries of `entries`; of those with the same key, the last.
    ///
    /// # Errors
    ///
    /// [`Full`] with the first entry that does not fit; no further ones are taken.
    pub fn try_from_iter(entries: impl IntoIterator<Item = (K, V)>) -> Result<Self, Full<(K, V)>>
    where
        K: Ord,
    {
        let mut map = Self::new();
        map.try_extend(entries)?;
        Ok(map)
    }
}

/// What needs nothing of the types: only messages get in, through the constructors.
impl<K, V, const N: usize> FixedMap<K, V, N> {
    /// How many entries it holds.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds no entries.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether it has no room for another key.
    pub const fn is_full(&self) -> bool {
        self.entries.is_full()
    }

    /// How many entries it can hold: `N`.
    pub const fn capacity(&self) -> usize {
        N
    }

    /// For how many more entries it has room.
    pub const fn remaining_capacity(&self) -> usize {
        self.entries.remaining_capacity()
    }

    /// The entries, sorted by key.
    pub const fn as_slice(&self) -> &[Entry<K, V>] {
        self.entries.as_slice()
    }

    /// The keys with their values, sorted by key.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter(self.entries.iter())
    }

    /// The keys with their values, which can be changed, sorted by key.
    pub fn iter_mut(&mut self) -> IterMut<'_, K, V> {
        IterMut(self.entries.iter_mut())
    }

    /// The keys in their order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator + FusedIterator + Clone {
        self.entries.iter().map(|entry| &entry.key)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator + FusedIterator + Clone {
        self.entries.iter().map(|entry| &entry.value)
    }

    /// The values, which can be changed, in the order of their keys.
    pub fn values_mut(
        &mut self,
    ) -> impl DoubleEndedIterator<Item = &mut V> + ExactSizeIterator + FusedIterator {
        self.entries.iter_mut().map(|entry| &mut entry.value)
    }

    /// The least key with its value.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.entries.first().map(|Entry { key, value }| (key, value))
    }

    /// The greatest key with its value.
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.entries.last().map(|Entry { key, value }| (key, value))
    }

    /// Removes the least key and returns it with its value.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        if self.is_empty() {
            return None;
        }
        let Entry { key, value } = self.entries.remove(0);
        Some((key, value))
    }

    /// Removes the greatest key and returns it with its value.
    pub fn pop_last(&mut self) -> Option<(K, V)> {
        self.entries.pop().map(|Entry { key, value }| (key, value))
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Removes the entries of which `keep`, which may change the values, is false.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.entries.retain_mut(|Entry { key, value }| keep(key, value));
    }
}

/// What compares keys.
impl<K: Ord, V, const N: usize> FixedMap<K, V, N> {
    /// The value of `key`.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.get_key_value(key).map(|(_, value)| value)
    }

    /// The key that equals `key`, with its value.
    pub fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let Entry { key, value } = self.entries.get(self.find(key).ok()?)?;
        Some((key, value))
    }

    /// The value of `key`, which can be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let index = self.find(key).ok()?;
        Some(&mut self.entries.get_mut(index)?.value)
    }

    /// Whether there is a value for `key`.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Maps `key` to `value`, and returns the value that it mapped to before. A key that is there stays as it is.
    ///
    /// # Errors
    ///
    /// [`Full`] with both if the key is new and there is no room for it; the map is then unchanged.
    pub fn insert(&mut self, key: K, value: V) -> Result<Option<V>, Full<(K, V)>> {
        match self.find(&key) {
            Ok(index) => Ok(Some(core::mem::replace(&mut self.entries[index].value, value))),
            Err(index) => match self.entries.insert(index, Entry { key, value }) {
                Ok(()) => Ok(None),
                Err(Full { value: Entry { key, value }, .. }) => {
                    Err(Full::new(Container::Map, (key, value), N))
                }
            },
        }
    }

    /// Inserts entries, until there are no more or there is no room.
    ///
    /// # Errors
    ///
    /// [`Full`] with the first entry that does not fit; those before it were inserted, and no further ones are
    /// taken.
    pub fn try_extend(&mut self, entries: impl IntoIterator<Item = (K, V)>) -> Result<(), Full<(K, V)>> {
        entries.into_iter().try_for_each(|(key, value)| self.insert(key, value).map(drop))
    }

    /// Removes `key` and returns its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.remove_entry(key).map(|(_, value)| value)
    }

    /// Removes `key` and returns it with its value.
    pub fn remove_entry<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        let index = self.find(key).ok()?;
        let Entry { key, value } = self.entries.remove(index);
        Some((key, value))
    }

    /// The entries whose keys lie in `range`. None if it ends before it begins; a `BTreeMap` panics there.
    pub fn range<Q: Ord + ?Sized, R: RangeBounds<Q>>(&self, range: R) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let (start, end) = self.find_range(range);
        Iter(self.entries.get(start..end).unwrap_or_default().iter())
    }

    /// As [`range`](Self::range), with values that can be changed.
    pub fn range_mut<Q: Ord + ?Sized, R: RangeBounds<Q>>(&mut self, range: R) -> IterMut<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let (start, end) = self.find_range(range);
        IterMut(self.entries.get_mut(start..end).unwrap_or_default().iter_mut())
    }

    /// The index of `key`, or else where it belongs.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.entries.binary_search_by(|entry| entry.key.borrow().cmp(key))
    }

    /// The indices from which and up to which keys lie in `range`; the second may be less than the first.
    fn find_range<Q: Ord + ?Sized, R: RangeBounds<Q>>(&self, range: R) -> (usize, usize)
    where
        K: Borrow<Q>,
    {
        let before = |key: &Q| self.entries.partition_point(|entry| entry.key.borrow() < key);
        let through = |key: &Q| self.entries.partition_point(|entry| entry.key.borrow() <= key);
        let start = match range.start_bound() {
            Bound::Included(key) => before(key),
            Bound::Excluded(key) => through(key),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(key) => through(key),
            Bound::Excluded(key) => before(key),
            Bound::Unbounded => self.len(),
        };
        (start, end)
    }
}

// SAFETY: A list of messages, and all that is said of `FixedVec` holds. That the keys are in order is not needed
// for a value to be one, since nothing relies on it for more than what it finds; `validate` checks it all the
// same, and the methods keep it.
unsafe impl<K: Message + Ord, V: Message, const N: usize> Message for FixedMap<K, V, N> {
    const TYPE: &'static TypeDescriptor = &TypeDescriptor::map::<Self, Entry<K, V>>(Name::new("FixedMap"), N);

    #[inline]
    unsafe fn write_fields(&self, out: *mut u8) {
        // SAFETY: The map is its list; the caller vouches for `out`.
        unsafe { self.entries.write_fields(out) }
    }

    unsafe fn write_absent(out: *mut u8) {
        // SAFETY: as above.
        unsafe { FixedVec::<Entry<K, V>, N>::write_absent(out) }
    }

    fn validate(bytes: &[u8]) -> Result<(), Invalid> {
        let len = validate_len(bytes, N, Container::Map)?;
        let mut previous: Option<K> = None;
        for index in 0..len {
            let at = elements_at::<Entry<K, V>, N>() + index * size_of::<Entry<K, V>>();
            let entry = &bytes[at..][..size_of::<Entry<K, V>>()];
            let seen_from_map = |invalid: Invalid| invalid.within_index(index).within("entries");
            Entry::<K, V>::validate(entry).map_err(seen_from_map)?;
            let key = &entry[offset_of!(Entry<K, V>, key)..][..size_of::<K>()];
            // SAFETY: These are as many initialised bytes as a `K` has, and they were found to be one. A message
            // owns nothing, so making one of bytes duplicates nothing.
            let key = unsafe { key.as_ptr().cast::<K>().read_unaligned() };
            let found = match previous.as_ref().map(|previous| previous.cmp(&key)) {
                None | Some(Ordering::Less) => None,
                Some(Ordering::Equal) => Some("the same key again"),
                Some(Ordering::Greater) => Some("a lesser key"),
            };
            if let Some(found) = found {
                let map = Container::Map.of(N);
                let expected = format_args!("a key greater than the one before (`{map}`)");
                return Err(seen_from_map(Invalid::new(expected, found).within("key")));
            }
            previous = Some(key);
        }
        Ok(())
    }
}

impl<K: Message, V: Message, const N: usize> Default for FixedMap<K, V, N> {
    fn default() -> Self {
        Self::new()
    }
}

/// Of entries with the same key, the last counts.
impl<K: Message + Ord, V: Message, const N: usize, const M: usize> TryFrom<[(K, V); M]>
    for FixedMap<K, V, N>
{
    type Error = Full<(K, V)>;

    fn try_from(entries: [(K, V); M]) -> Result<Self, Full<(K, V)>> {
        Self::try_from_iter(entries)
    }
}

/// # Panics
///
/// If the key is not there, as that of a `BTreeMap` does; [`get`](FixedMap::get) does not.
impl<K: Borrow<Q> + Ord, V, Q: Ord + ?Sized, const N: usize> Index<&Q> for FixedMap<K, V, N> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("the map has the key that it is indexed by")
    }
}

impl<K: fmt::Debug, V: fmt::Debug, const N: usize> fmt::Debug for FixedMap<K, V, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

/// Defines the iterator `$name` over what another iterator gives, each entry taken apart into `$item`.
macro_rules! iterator {
    ($(#[$doc:meta])* $name:ident<$($lifetime:lifetime,)? K, V $(, const $n:ident)?>, $inner:ty, $item:ty) => {
        $(#[$doc])*
        pub struct $name<$($lifetime,)? K, V $(, const $n: usize)?>($inner);

        impl<$($lifetime,)? K, V $(, const $n: usize)?> Iterator for $name<$($lifetime,)? K, V $(, $n)?> {
            type Item = $item;

            fn next(&mut self) -> Option<Self::Item> {
                self.0.next().map(|Entry { key, value }| -> $item { (key, value) })
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                self.0.size_hint()
            }
        }

        impl<$($lifetime,)? K, V $(, const $n: usize)?> DoubleEndedIterator for $name<$($lifetime,)? K, V $(, $n)?> {
            fn next_back(&mut self) -> Option<Self::Item> {
                self.0.next_back().map(|Entry { key, value }| -> $item { (key, value) })
            }
        }

        impl<$($lifetime,)? K, V $(, const $n: usize)?> ExactSizeIterator for $name<$($lifetime,)? K, V $(, $n)?> {}

        impl<$($lifetime,)? K, V $(, const $n: usize)?> FusedIterator for $name<$($lifetime,)? K, V $(, $n)?> {}

        impl<$($lifetime,)? K: fmt::Debug, V: fmt::Debug $(, const $n: usize)?> fmt::Debug
            for $name<$($lifetime,)? K, V $(, $n)?>
        {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.0.as_slice()).finish()
            }
        }
    };
}

iterator! {
    /// The keys of a [`FixedMap`] with their values, sorted by key.
    Iter<'a, K, V>, slice::Iter<'a, Entry<K, V>>, (&'a K, &'a V)
}

iterator! {
    /// The keys of a [`FixedMap`] with their values, which can be changed, sorted by key.
    IterMut<'a, K, V>, slice::IterMut<'a, Entry<K, V>>, (&'a K, &'a mut V)
}

iterator! {
    /// The keys of a [`FixedMap`] with their values, taken out of it, sorted by key.
    IntoIter<K, V, const N>, fixed_vec::IntoIter<Entry<K, V>, N>, (K, V)
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<'a, K, V, const N: usize> IntoIterator for &'a FixedMap<K, V, N> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<'a, K, V, const N: usize> IntoIterator for &'a mut FixedMap<K, V, N> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = IterMut<'a, K, V>;

    fn into_iter(self) -> IterMut<'a, K, V> {
        self.iter_mut()
    }
}

impl<K, V, const N: usize> IntoIterator for FixedMap<K, V, N> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V, N>;

    fn into_iter(self) -> IntoIter<K, V, N> {
        IntoIter(self.entries.into_iter())
    }
}

#[cfg(test)]
#[path = "fixed_map_tests.rs"]
mod tests;
