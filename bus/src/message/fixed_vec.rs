//! A list inside a message.
//!
//! A `Vec` is a pointer to the heap of one process. [`FixedVec<T, N>`] keeps up to `N` elements in place:
//!
//! ```text
//!    ┌───────────────┬─────┬──────────────┬─────────────┐
//!    │ len: 8 bytes  │ gap │ len elements │ zeroes      │    aligned as `T`;
//!    │ little endian │     │              │             │    a gap only where that is more than 8
//!    └───────────────┴─────┴──────────────┴─────────────┘
//! ```
//!
//! What is a value? The length, clamped to `N`, says how many elements there are, and each of these is a valid
//! `T`; the bytes behind them mean nothing and are never looked at. Three ways lead to one:
//!
//! - It was built here. The methods write an element before they count it.
//! - It was received. `validate` refuses a length of more than `N`, and checks as many elements as are counted.
//!   A length that a peer raised therefore counts elements that were checked, though nobody meant them.
//! - It is seen in place, where its writer may change it. That is for types of which any bits are a value;
//!   then any elements are, and the clamped length keeps every access inside the list.
//!
//! So a corrupt length cannot expose a zero that is no `T`, and nothing here can panic or read out of bounds
//! because of what the bytes are.
//!
//! The methods keep the tail zero: what is removed is overwritten, for a peer to find nothing of it.

use core::borrow::{Borrow, BorrowMut};
use core::cmp::Ordering;
use core::hash::{Hash, Hasher};
use core::iter::FusedIterator;
use core::mem::{MaybeUninit, offset_of};
use core::ops::{Deref, DerefMut};
use core::{fmt, slice};

use super::__private::{head, write_field, write_whole};
use super::overflow::{Container, Full, TooLong};
use super::{Invalid, Message, Name, TypeDescriptor};

/// Bytes that hold the length.
const LEN_BYTES: usize = 8;

/// Up to `N` elements, stored in place.
///
/// It behaves like a `Vec` that cannot grow beyond its capacity: it dereferences to a `[T]`, and compares and
/// hashes as one. Where a `Vec` would allocate, methods return an error; none panics for want of room.
///
/// ```
/// use bus::message::FixedVec;
///
/// let mut depths: FixedVec<f64, 4> = [10.5, 11.0].into();
/// depths.push(12.5)?;
/// depths.insert(0, 9.0)?;
/// assert_eq!(depths, [9.0, 10.5, 11.0, 12.5]);
/// assert_eq!(depths.push(13.0).unwrap_err().value, 13.0, "what does not fit is given back");
/// depths.retain(|depth| *depth < 11.0);
/// assert_eq!(depths.iter().sum::<f64>(), 19.5);
/// # Ok::<(), bus::message::Full<f64>>(())
/// ```
///
/// An array that is too long is refused when the program is built:
///
/// ```compile_fail,E0080
/// let depths = bus::message::FixedVec::<f64, 1>::from([10.5, 11.0]);
/// ```
#[repr(C)]
pub struct FixedVec<T, const N: usize> {
    /// How many elements there are, little endian; at most `N`, unless a peer wrote it. Bytes, so that the list
    /// is aligned as its elements and needs no gap for those that are aligned to less than eight.
    len: [u8; LEN_BYTES],
    /// The elements, then zeroes.
    elements: [MaybeUninit<T>; N],
}

impl<T: Message, const N: usize> FixedVec<T, N> {
    /// The empty list.
    pub const fn new() -> Self {
        Self::zeroed()
    }

    /// As many of the elements of `elements` as there are.
    ///
    /// # Errors
    ///
    /// [`Full`] with the first element that does not fit; no further ones are taken.
    pub fn try_from_iter(elements: impl IntoIterator<Item = T>) -> Result<Self, Full<T>> {
        let mut list = Self::new();
        list.try_extend(elements)?;
        Ok(list)
    }
}

/// What needs nothing of `T`: only messages get in, through the constructors.
impl<T, const N: usize> FixedVec<T, N> {
    const fn zeroed() -> Self {
        // SAFETY: All bytes zero are an empty list: a length of zero, and elements that need not be initialised.
        unsafe { MaybeUninit::zeroed().assume_init() }
    }

    /// How many elements it holds.
    pub const fn len(&self) -> usize {
        let len = u64::from_le_bytes(self.len);
        if len < N as u64 { len as usize } else { N }
    }

    /// Whether it holds no elements.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it has no room for another element.
    pub const fn is_full(&self) -> bool {
        self.len() == N
    }

    /// How many elements it can hold: `N`.
    pub const fn capacity(&self) -> usize {
        N
    }

    /// For how many more elements it has room.
    pub const fn remaining_capacity(&self) -> usize {
        N - self.len()
    }

    /// The elements.
    pub const fn as_slice(&self) -> &[T] {
        // SAFETY: The first `len` of the `N` elements are initialised and valid, see this file's head.
        unsafe { slice::from_raw_parts(self.elements.as_ptr().cast(), self.len()) }
    }

    /// The elements, to be changed in place.
    pub const fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as above, and they are borrowed from `self`, which is borrowed mutably.
        unsafe { slice::from_raw_parts_mut(self.elements.as_mut_ptr().cast(), self.len()) }
    }

    /// Appends an element.
    ///
    /// # Errors
    ///
    /// [`Full`] with the element if there is no room for it.
    pub fn push(&mut self, element: T) -> Result<(), Full<T>> {
        if self.is_full() {
            return Err(Full::new(Container::Vec, element, N));
        }
        self.append(element);
        Ok(())
    }

    /// Removes the last element and returns it; `None` if there is none.
    pub fn pop(&mut self) -> Option<T> {
        let last = self.len().checked_sub(1)?;
        // SAFETY: It is one of the first `len` elements, hence a `T`. It is read once: the list forgets it.
        let element = unsafe { self.elements[last].assume_init_read() };
        self.truncate(last);
        Some(element)
    }

    /// Puts an element before that at `index`, which moves up with all behind it.
    ///
    /// # Errors
    ///
    /// [`Full`] with the element if there is no room for it.
    ///
    /// # Panics
    ///
    /// If `index` is more than the length, as [`Vec::insert`] does.
    pub fn insert(&mut self, index: usize, element: T) -> Result<(), Full<T>> {
        let len = self.len();
        assert!(index <= len, "nothing can be inserted at {index} into a list of {len} elements");
        self.push(element)?;
        self.as_mut_slice()[index..].rotate_right(1);
        Ok(())
    }

    /// Removes the element at `index` and returns it; those behind it move down.
    ///
    /// # Panics
    ///
    /// If there is no such element, as [`Vec::remove`] does.
    pub fn remove(&mut self, index: usize) -> T {
        self.assert_holds(index);
        self.as_mut_slice()[index..].rotate_left(1);
        self.pop().expect("the list holds the element at `index`")
    }

    /// Removes the element at `index` and returns it; the last one takes its place.
    ///
    /// # Panics
    ///
    /// If there is no such element, as [`Vec::swap_remove`] does.
    pub fn swap_remove(&mut self, index: usize) -> T {
        self.assert_holds(index);
        let last = self.len() - 1;
        self.as_mut_slice().swap(index, last);
        self.pop().expect("the list holds the element at `index`")
    }

    /// Keeps the first `len` elements; does nothing if there are no more.
    pub fn truncate(&mut self, len: usize) {
        let before = self.len();
        if len < before {
            self.set_len(len);
            let removed = &mut self.elements[len..before];
            // SAFETY: A slice is valid for writes of as many elements as it has, and elements that are not
            // counted may have any bytes. Messages have no `Drop` that would have to run.
            unsafe { removed.as_mut_ptr().write_bytes(0, removed.len()) };
        }
    }

    /// Removes all elements.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Removes the elements of which `keep` is false.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.retain_mut(|element| keep(element));
    }

    /// Removes the elements of which `keep`, which may change them, is false.
    pub fn retain_mut(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        let elements = self.as_mut_slice();
        let mut kept = 0;
        for index in 0..elements.len() {
            if keep(&mut elements[index]) {
                elements.swap(kept, index);
                kept += 1;
            }
        }
        self.truncate(kept);
    }

    /// Appends elements, until there are no more or there is no room.
    ///
    /// # Errors
    ///
    /// [`Full`] with the first element that does not fit; those before it were appended, and no further ones
    /// are taken.
    pub fn try_extend(&mut self, elements: impl IntoIterator<Item = T>) -> Result<(), Full<T>> {
        elements.into_iter().try_for_each(|element| self.push(element))
    }

    /// Appends clones of `elements`.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if not all of them fit; the list is then unchanged.
    pub fn extend_from_slice(&mut self, elements: &[T]) -> Result<(), TooLong>
    where
        T: Clone,
    {
        if elements.len() > self.remaining_capacity() {
            return Err(TooLong::new(Container::Vec, self.len().saturating_add(elements.len()), N));
        }
        // One by one, so that nothing is left behind the length if a `clone` panics.
        elements.iter().for_each(|element| self.append(element.clone()));
        Ok(())
    }

    /// Makes the list `len` elements long: cuts it, or appends clones of `element`.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if `len` is more than `N`; the list is then unchanged.
    pub fn resize(&mut self, len: usize, element: T) -> Result<(), TooLong>
    where
        T: Clone,
    {
        if len > N {
            return Err(TooLong::new(Container::Vec, len, N));
        }
        self.truncate(len);
        (self.len()..len).for_each(|_| self.append(element.clone()));
        Ok(())
    }

    /// Writes an element, for which there must be room, and then counts it.
    fn append(&mut self, element: T) {
        let len = self.len();
        self.elements[len].write(element);
        self.set_len(len + 1);
    }

    fn assert_holds(&self, index: usize) {
        let len = self.len();
        assert!(index < len, "there is no element {index} in a list of {len}");
    }

    /// Says that the first `len` elements, at most `N`, are initialised.
    const fn set_len(&mut self, len: usize) {
        self.len = (len as u64).to_le_bytes();
    }
}

/// Where the elements of a list begin in its bytes.
pub(super) const fn elements_at<T, const N: usize>() -> usize {
    offset_of!(FixedVec<T, N>, elements)
}

/// The length in the `bytes` of a list of at most `capacity` elements.
///
/// # Errors
///
/// If it is more than `capacity`.
#[inline]
pub(super) fn validate_len(bytes: &[u8], capacity: usize, container: Container) -> Result<usize, Invalid> {
    let len = u64::from_le_bytes(head(bytes));
    match usize::try_from(len) {
        Ok(len) if len <= capacity => Ok(len),
        _ => {
            let expected = format_args!("a length of at most {capacity} (`{}`)", container.of(capacity));
            Err(Invalid::new(expected, len))
        }
    }
}

// SAFETY: A list in `repr(C)` of eight bytes and elements that are messages, hence nothing owned and nothing
// pointed to; the layout is that which `TypeDescriptor::list` describes, and asserts. It says that not all bits
// are a value. It says that there is no padding only if the elements have none and no gap precedes them: then
// all bytes of a value built here are initialised, since it was zeroed as a whole, elements are written over
// that, and a move of `MaybeUninit<T>` keeps all bytes that are not padding of `T`; those of a received value
// are so as they came. If there is padding, all bytes behind the counted elements count as such, and
// `write_fields` leaves them alone. `validate` checks what makes a value, see this file's head.
unsafe impl<T: Message, const N: usize> Message for FixedVec<T, N> {
    const TYPE: &'static TypeDescriptor = &TypeDescriptor::list::<Self, T>(Name::new("FixedVec"), N);

    #[inline]
    unsafe fn write_fields(&self, out: *mut u8) {
        if Self::PADDING_FREE {
            // SAFETY: No byte of this type is padding; `out` is valid for writes of this size, says the caller.
            return unsafe { write_whole(self, out) };
        }
        // SAFETY: The list begins with its length, so that `out` is valid for writes of it.
        unsafe { write_field(&(self.len() as u64).to_le_bytes(), out, offset_of!(Self, len)) };
        for (index, element) in self.as_slice().iter().enumerate() {
            let offset = elements_at::<T, N>() + index * size_of::<T>();
            // SAFETY: The offset is that of element `index` of this type, for all of which the caller vouches.
            unsafe { write_field(element, out, offset) };
        }
    }

    /// For each element that there is room for, since it is not known how many there will be.
    unsafe fn write_absent(out: *mut u8) {
        for index in 0..if size_of::<T>() == 0 { 0 } else { N } {
            let offset = elements_at::<T, N>() + index * size_of::<T>();
            // SAFETY: The offset is that of element `index` of this type, for all of which the caller vouches.
            unsafe { T::write_absent(out.add(offset)) };
        }
    }

    #[inline]
    fn validate(bytes: &[u8]) -> Result<(), Invalid> {
        let mut len = validate_len(bytes, N, Container::Vec)?;
        if T::ANY_BITS {
            return Ok(());
        }
        if size_of::<T>() == 0 {
            // They are all the same, and a peer can claim very many of them.
            len = len.min(1);
        }
        for index in 0..len {
            let element = &bytes[elements_at::<T, N>() + index * size_of::<T>()..][..size_of::<T>()];
            T::validate(element).map_err(|invalid| invalid.within_index(index))?;
        }
        Ok(())
    }
}

impl<T: Clone, const N: usize> Clone for FixedVec<T, N> {
    fn clone(&self) -> Self {
        let mut list = Self::zeroed();
        list.extend_from_slice(self).expect("a list fits into one of its own capacity");
        list
    }
}

impl<T: Copy, const N: usize> Copy for FixedVec<T, N> {}

impl<T: Message, const N: usize> Default for FixedVec<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

/// Does not compile if `M` is more than `N`.
impl<T: Message, const N: usize, const M: usize> From<[T; M]> for FixedVec<T, N> {
    fn from(elements: [T; M]) -> Self {
        const { assert!(M <= N, "the array has more elements than the FixedVec has room for") };
        let mut list = Self::new();
        for (place, element) in list.elements.iter_mut().zip(elements) {
            place.write(element);
        }
        list.set_len(M);
        list
    }
}

impl<T: Message + Clone, const N: usize> TryFrom<&[T]> for FixedVec<T, N> {
    type Error = TooLong;

    fn try_from(elements: &[T]) -> Result<Self, TooLong> {
        let mut list = Self::new();
        list.extend_from_slice(elements)?;
        Ok(list)
    }
}

impl<T, const N: usize> Deref for FixedVec<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.as_slice()
    }
}

impl<T, const N: usize> DerefMut for FixedVec<T, N> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.as_mut_slice()
    }
}

impl<T, const N: usize> AsRef<[T]> for FixedVec<T, N> {
    fn as_ref(&self) -> &[T] {
        self
    }
}

impl<T, const N: usize> AsMut<[T]> for FixedVec<T, N> {
    fn as_mut(&mut self) -> &mut [T] {
        self
    }
}

impl<T, const N: usize> Borrow<[T]> for FixedVec<T, N> {
    fn borrow(&self) -> &[T] {
        self
    }
}

impl<T, const N: usize> BorrowMut<[T]> for FixedVec<T, N> {
    fn borrow_mut(&mut self) -> &mut [T] {
        self
    }
}

impl<T: fmt::Debug, const N: usize> fmt::Debug for FixedVec<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_slice(), f)
    }
}

impl<T: PartialEq, const N: usize> PartialEq for FixedVec<T, N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<T: Eq, const N: usize> Eq for FixedVec<T, N> {}

macro_rules! equals {
    ($([$($generics:tt)*] $other:ty),* $(,)?) => {$(
        impl<T: PartialEq, const N: usize, $($generics)*> PartialEq<$other> for FixedVec<T, N> {
            fn eq(&self, other: &$other) -> bool {
                self.as_slice() == &other[..]
            }
        }

        impl<T: PartialEq, const N: usize, $($generics)*> PartialEq<FixedVec<T, N>> for $other {
            fn eq(&self, other: &FixedVec<T, N>) -> bool {
                &self[..] == other.as_slice()
            }
        }
    )*};
}

equals!([] [T], [] &[T], [const M: usize] [T; M], [const M: usize] &[T; M], [] Vec<T>);

impl<T: PartialOrd, const N: usize> PartialOrd for FixedVec<T, N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.as_slice().partial_cmp(other.as_slice())
    }
}

impl<T: Ord, const N: usize> Ord for FixedVec<T, N> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl<T: Hash, const N: usize> Hash for FixedVec<T, N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl<'a, T, const N: usize> IntoIterator for &'a FixedVec<T, N> {
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T, const N: usize> IntoIterator for &'a mut FixedVec<T, N> {
    type Item = &'a mut T;
    type IntoIter = slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<T, const N: usize> IntoIterator for FixedVec<T, N> {
    type Item = T;
    type IntoIter = IntoIter<T, N>;

    fn into_iter(self) -> IntoIter<T, N> {
        IntoIter { next: 0, end: self.len(), elements: self.elements }
    }
}

/// The elements of a [`FixedVec`], taken out of it.
pub struct IntoIter<T, const N: usize> {
    elements: [MaybeUninit<T>; N],
    /// The elements from `next` to before `end` are initialised and were not given out.
    next: usize,
    /// At most `N`.
    end: usize,
}

impl<T, const N: usize> IntoIter<T, N> {
    /// What is left.
    pub fn as_slice(&self) -> &[T] {
        let left = &self.elements[self.next..self.end];
        // SAFETY: These are initialised, and `MaybeUninit<T>` has the layout of `T`.
        unsafe { slice::from_raw_parts(left.as_ptr().cast(), left.len()) }
    }

    /// Gives out the element at `index`.
    ///
    /// # Safety
    ///
    /// It was among those from `next` to before `end` and now is not.
    unsafe fn give_out(&self, index: usize) -> T {
        // SAFETY: It is initialised and was not given out before, says the caller.
        unsafe { self.elements[index].assume_init_read() }
    }
}

impl<T, const N: usize> Iterator for IntoIter<T, N> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.next == self.end {
            return None;
        }
        self.next += 1;
        // SAFETY: It was the first of those that are left.
        Some(unsafe { self.give_out(self.next - 1) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end - self.next;
        (left, Some(left))
    }
}

impl<T, const N: usize> DoubleEndedIterator for IntoIter<T, N> {
    fn next_back(&mut self) -> Option<T> {
        if self.next == self.end {
            return None;
        }
        self.end -= 1;
        // SAFETY: It was the last of those that are left.
        Some(unsafe { self.give_out(self.end) })
    }
}

impl<T, const N: usize> ExactSizeIterator for IntoIter<T, N> {}

impl<T, const N: usize> FusedIterator for IntoIter<T, N> {}

impl<T: Clone, const N: usize> Clone for IntoIter<T, N> {
    fn clone(&self) -> Self {
        let mut left = FixedVec::<T, N>::zeroed();
        left.extend_from_slice(self.as_slice()).expect("what is left of a list fits into it");
        left.into_iter()
    }
}

impl<T: fmt::Debug, const N: usize> fmt::Debug for IntoIter<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IntoIter").field(&self.as_slice()).finish()
    }
}

#[cfg(test)]
#[path = "fixed_vec_tests.rs"]
pub(super) mod tests;
