//! Loans: values that are built where they are published from.
//!
//! A [`Loan`] is memory that nobody else reads. What is in it is some earlier value of the topic, or zeroes, and so it is no
//! value yet for most types: [`write`](Loan::write) makes it one, field by field with zeroes between them, and for types
//! that any bytes without padding are, [`in_place`](Loan::in_place) takes it as it is. Then it is a [`Draft`], which can be
//! changed, and published without a copy. Dropping either gives the memory back, and nothing has happened.

use core::fmt;
use core::ops::Deref;
use std::time::{Duration, Instant};

use super::flow::Patience;
use super::pool::Piece;
use super::topic::Item;
use crate::error::{Error, Result};
use crate::mark::Mark;
use crate::message::{Field, Message};
use crate::payload::{Payload, WithHeader};
use crate::sync::step;

/// Memory for one value of an item, from [`Item::loan`].
#[must_use = "a loan that is dropped publishes nothing"]
pub struct Loan<'t, T: Payload + ?Sized> {
    item: Item<'t, T>,
    /// `None` once it is the item's.
    piece: Option<Piece>,
    value: *mut T,
    bytes: usize,
}

/// A value that is being built where it will be published from, from [`Loan`].
#[must_use = "a draft that is dropped publishes nothing"]
pub struct Draft<'t, T: Payload + ?Sized>(Loan<'t, T>);

impl<T: Payload + ?Sized> fmt::Debug for Loan<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loan({:?})", self.item.id())
    }
}

impl<T: Payload + fmt::Debug + ?Sized> fmt::Debug for Draft<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Draft").field(&&**self).finish()
    }
}

impl<'t, T: Payload + ?Sized> Loan<'t, T> {
    /// # Safety
    /// `value` is where `piece` is, of so many bytes, and the topic's pool gave the piece out for this loan alone.
    pub(crate) unsafe fn new(item: Item<'t, T>, piece: Piece, value: *mut T, bytes: usize) -> Self {
        Loan { item, piece: Some(piece), value, bytes }
    }

    /// Takes what is there for a value: an earlier one of this topic, or zeroes.
    ///
    /// Only for types that any bytes are, and that have no padding; another does not compile.
    pub fn in_place(self) -> Draft<'t, T> {
        const {
            assert!(
                T::ANY_BITS && T::PADDING_FREE,
                "only a type that any bytes are, and that has no padding, can be taken as it is: use `write`"
            );
        }
        Draft(self)
    }
}

impl<'t, T: Message> Loan<'t, T> {
    /// Writes a value there, padding as zeroes.
    pub fn write(self, value: &T) -> Draft<'t, T> {
        // SAFETY: there is room for a `T`, and it is this loan's alone.
        unsafe { value.write_out(self.value.cast()) };
        step!(DraftWritten);
        Draft(self)
    }
}

impl<'t, E: Message> Loan<'t, [E]> {
    /// Writes all elements there, each as `element` makes it of its index, padding as zeroes.
    pub fn fill_with(self, element: impl FnMut(usize) -> E) -> Draft<'t, [E]> {
        // SAFETY: there is room for so many elements, and it is this loan's alone.
        unsafe { fill(self.value.cast(), self.value.len(), element) };
        Draft(self)
    }
}

impl<'t, H: Message, E: Message> Loan<'t, WithHeader<H, [E]>> {
    /// Writes the header, and all elements, each as `element` makes it of its index, padding as zeroes.
    pub fn fill_with(self, header: &H, element: impl FnMut(usize) -> E) -> Draft<'t, WithHeader<H, [E]>> {
        let start = self.value.cast::<u8>();
        let elements_at = <WithHeader<H, [E]>>::ELEMENTS_AT;
        let len = (self.bytes - elements_at) / size_of::<E>();
        // SAFETY: the header and what is between it and the elements come first, and this is the loan's alone.
        unsafe { start.write_bytes(0, elements_at) };
        // SAFETY: as above.
        unsafe { header.write_fields(start) };
        // SAFETY: so many elements come then.
        unsafe { fill(start.add(elements_at), len, element) };
        Draft(self)
    }
}

/// Writes so many elements.
///
/// # Safety
/// `out` is valid for writes of them.
unsafe fn fill<E: Message>(out: *mut u8, len: usize, mut element: impl FnMut(usize) -> E) {
    for index in 0..len {
        // SAFETY: there is room for `len` elements, of which this is one.
        unsafe { element(index).write_out(out.add(index * size_of::<E>())) };
    }
}

impl<T: Payload + ?Sized> Drop for Loan<'_, T> {
    fn drop(&mut self) {
        if let Some(piece) = self.piece {
            self.item.give_back(piece);
        }
    }
}

impl<T: Message> Draft<'_, T> {
    /// Sets one field. Its padding is written as zeroes.
    pub fn set<F: Message>(&mut self, field: Field<T, F>, value: &F) {
        // SAFETY: the field lies at its offset in a `T`, for which there is room.
        let place = unsafe { self.0.value.cast::<u8>().add(field.offset()) };
        // SAFETY: there is room for an `F`, in memory that is this loan's alone.
        unsafe { value.write_out(place) };
    }
}

impl<'t, T: Payload + ?Sized> Draft<'t, T> {
    /// The value, to be changed in any way. Only for types without padding, since the language may leave anything in
    /// padding; another does not compile, and is changed [field by field](Self::set).
    pub fn get_mut(&mut self) -> &mut T {
        const { assert!(T::PADDING_FREE, "the type has padding: change it field by field, with `set`") };
        // SAFETY: it points to a valid `T` in memory that is this loan's alone, and is borrowed as long as `self`.
        unsafe { &mut *self.0.value }
    }

    /// The same value, marked, as [`Item::marked`] has it.
    pub fn marked(mut self, mark: Mark) -> Self {
        self.0.item = self.0.item.marked(mark);
        self
    }

    /// Publishes the value, without a copy, and returns its sequence number; waits for lossless links as
    /// [`Item::publish`] does.
    ///
    /// # Errors
    /// As [`Item::publish`]; the value is lost then.
    pub fn publish(self) -> Result<u64> {
        self.publish_within(Patience::Full)
    }

    /// As [`publish`](Self::publish), but never waits.
    ///
    /// # Errors
    /// As [`Item::try_publish`]; the value is lost then.
    pub fn try_publish(self) -> Result<u64> {
        self.publish_within(Patience::None)
    }

    /// As [`publish`](Self::publish), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`Item::try_publish`]; the value is lost then.
    pub fn publish_timeout(self, timeout: Duration) -> Result<u64> {
        let patience = Instant::now().checked_add(timeout).map_or(Patience::Full, Patience::Until);
        self.publish_within(patience)
    }

    pub(crate) fn item(&self) -> Item<'t, T> {
        self.0.item
    }

    fn publish_within(mut self, patience: Patience) -> Result<u64> {
        self.hand_over(patience)
    }

    /// Publishes the value, if it has not been. It is not this draft's then, and is not to be looked at.
    pub(crate) fn hand_over(&mut self, patience: Patience) -> Result<u64> {
        let Loan { item, piece, bytes, .. } = &mut self.0;
        let lent = piece.ok_or(Error::Closed("the draft"))?;
        let number = item.publish_at(lent, *bytes, patience)?;
        // Its memory is the published value's now.
        *piece = None;
        Ok(number)
    }
}

impl<T: Payload + ?Sized> Deref for Draft<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: it points to a valid `T` in memory that is this loan's alone, and is borrowed as long as `self`.
        unsafe { &*self.0.value }
    }
}
