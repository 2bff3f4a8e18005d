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
use super::topic::Item;
use crate::error::Result;
use crate::message::{Field, Message};
use crate::segment::pool::Reference;
use crate::sync::step;

/// Memory for one value of an item, from [`Item::loan`].
#[must_use = "a loan that is dropped publishes nothing"]
pub struct Loan<'t, T: Message> {
    item: Item<'t, T>,
    reference: Reference,
    value: *mut T,
}

/// A value that is being built where it will be published from, from [`Loan`].
#[must_use = "a draft that is dropped publishes nothing"]
pub struct Draft<'t, T: Message>(Loan<'t, T>);

impl<T: Message> fmt::Debug for Loan<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loan({:?})", self.item.id())
    }
}

impl<T: Message + fmt::Debug> fmt::Debug for Draft<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Draft").field(&**self).finish()
    }
}

impl<'t, T: Message> Loan<'t, T> {
    /// # Safety
    /// `value` is where `reference` is in the topic's pool, which gave it out for this loan alone.
    pub(crate) unsafe fn new(item: Item<'t, T>, reference: Reference, value: *mut T) -> Self {
        Loan { item, reference, value }
    }

    /// Writes a value there, padding as zeroes.
    pub fn write(self, value: &T) -> Draft<'t, T> {
        let place = self.value.cast::<u8>();
        if !T::PADDING_FREE {
            // SAFETY: there is room for a `T`, and it is this loan's alone.
            unsafe { place.write_bytes(0, size_of::<T>()) };
        }
        // SAFETY: as above; `value` is a reference to other memory.
        unsafe { value.write_fields(place) };
        step!(DraftWritten);
        Draft(self)
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

impl<T: Message> Drop for Loan<'_, T> {
    fn drop(&mut self) {
        self.item.give_back(self.reference);
    }
}

impl<T: Message> Draft<'_, T> {
    /// The value, to be changed in any way. Only for types without padding, since the language may leave anything in
    /// padding; another does not compile, and is changed [field by field](Self::set).
    pub fn get_mut(&mut self) -> &mut T {
        const { assert!(T::PADDING_FREE, "the type has padding: change it field by field, with `set`") };
        // SAFETY: it points to a valid `T` in memory that is this loan's alone, and is borrowed as long as `self`.
        unsafe { &mut *self.0.value }
    }

    /// Sets one field. Its padding is written as zeroes.
    pub fn set<F: Message>(&mut self, field: Field<T, F>, value: &F) {
        // SAFETY: the field lies at its offset in a `T`, for which there is room.
        let place = unsafe { self.0.value.cast::<u8>().add(field.offset()) };
        // SAFETY: there is room for an `F`, in memory that is this loan's alone.
        unsafe { place.write_bytes(0, size_of::<F>()) };
        // SAFETY: as above; `value` is a reference to other memory.
        unsafe { value.write_fields(place) };
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
        self.publish_within(Instant::now().checked_add(timeout).map_or(Patience::Full, Patience::Until))
    }

    fn publish_within(self, patience: Patience) -> Result<u64> {
        let (item, reference) = (self.0.item, self.0.reference);
        let number = item.publish_at(reference, patience)?;
        // Its memory is the published value's now.
        core::mem::forget(self);
        Ok(number)
    }
}

impl<T: Message> Deref for Draft<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: it points to a valid `T` in memory that is this loan's alone, and is borrowed as long as `self`.
        unsafe { &*self.0.value }
    }
}
