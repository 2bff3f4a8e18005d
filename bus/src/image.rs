//! A message as words: into a slot, and out of it.
//!
//! A slot is written and read in whole `u64` atomics, while a message is a Rust value that may have padding,
//! which must be neither read (it is uninitialised) nor sent (it would leak what was there before). So:
//!
//! - a type without padding is read as words straight from the value;
//! - a type with padding is first laid out in zeroed memory, field by field;
//! - coming back, the words land in an [`Image`], private memory where they are validated at leisure and
//!   only then called a `T`; words of another version of `T` are converted on the way there.

use core::mem::MaybeUninit;
use core::ptr;
use std::sync::Arc;

use crate::copy;
use crate::message::{Conversion, Invalid, Message};
use crate::sync::{AtomicU64, Ordering};

/// Private memory for the words of one `T`: at least as aligned as `T` and as `u64`, and a whole number of
/// words long.
#[repr(C, align(8))]
pub(crate) struct Image<T> {
    bytes: MaybeUninit<T>,
}

impl<T: Message> Image<T> {
    const WORDS: usize = size_of::<Self>() / 8;

    /// Memory that holds nothing yet.
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Image { bytes: MaybeUninit::uninit() }
    }

    /// Copies the words of a slot in; there must be at least as many as `T` has.
    #[inline(always)]
    pub(crate) fn load(&mut self, words: &[AtomicU64]) {
        // SAFETY: the image is `WORDS` words long and aligned for them, and it is ours.
        unsafe { copy::load(&words[..Self::WORDS], ptr::from_mut(self).cast()) };
    }

    /// The memory of a `T` that is yet to be, as an image; `None` where an image takes more room.
    ///
    /// # Safety
    /// `place` is valid for writes of a `T` and aligned for it, and is used through the image alone as long as that lives.
    #[inline(always)]
    pub(crate) unsafe fn at<'p>(place: *mut T) -> Option<&'p mut Self> {
        let fits = const { size_of::<Self>() == size_of::<T>() && align_of::<Self>() == align_of::<T>() };
        // SAFETY: as large and as aligned, and any bytes are an image, also uninitialised ones. The rest says the caller.
        fits.then(|| unsafe { &mut *place.cast() })
    }

    /// Zeroes.
    pub(crate) fn clear(&mut self) {
        // SAFETY: all of the image, which is ours, is zeroed.
        unsafe { ptr::from_mut(self).write_bytes(0, 1) };
    }

    /// Copies a `T` in that lies at byte `offset` of the message in `words`.
    #[inline(always)]
    pub(crate) fn load_part(&mut self, words: &[AtomicU64], offset: usize) {
        if offset.is_multiple_of(8) {
            return self.load(&words[offset / 8..]);
        }
        let start = ptr::from_mut(self).cast::<u8>();
        // SAFETY: all of the image, which is ours, is zeroed.
        unsafe { start.write_bytes(0, size_of::<Self>()) };
        // SAFETY: so many bytes are initialised, and are the beginning of the image, which is borrowed for as long.
        let bytes = unsafe { core::slice::from_raw_parts_mut(start, size_of::<T>()) };
        copy::load_bytes(words, offset, bytes);
    }

    /// Copies the words of a slot in, as [`load`](Self::load) does, or by a conversion to `T` that there is; the
    /// words must be at least as many as the writer's type has.
    #[inline]
    pub(crate) fn load_by(&mut self, conversion: Option<&Conversion>, words: &[AtomicU64]) {
        match conversion {
            None => self.load(words),
            Some(conversion) => self.convert(conversion, words),
        }
    }

    fn convert(&mut self, conversion: &Conversion, words: &[AtomicU64]) {
        let start = ptr::from_mut(self);
        // SAFETY: all of the image, which is ours, is zeroed.
        unsafe { start.write_bytes(0, 1) };
        // SAFETY: all bytes of the image have just been initialised, and it is borrowed for as long as these are.
        let bytes = unsafe { core::slice::from_raw_parts_mut(start.cast::<u8>(), size_of::<Self>()) };
        conversion.make(words, bytes);
    }

    /// The message, if the words that were loaded are one.
    ///
    /// # Safety
    /// [`load`](Self::load) or one of its like has been called.
    ///
    /// # Errors
    /// The field that is not valid.
    #[inline(always)]
    pub(crate) unsafe fn decode(&self) -> Result<T, Invalid> {
        // SAFETY: says the caller.
        unsafe { self.check()? };
        // SAFETY: all bytes are initialised, and they are a valid `T`: any are, or `validate` said so, which is the contract
        // of `Message`. A message owns nothing, so making one of bytes duplicates nothing.
        Ok(unsafe { self.bytes.assume_init_read() })
    }

    /// Whether the words that were loaded are a `T`.
    ///
    /// # Safety
    /// As for [`decode`](Self::decode).
    ///
    /// # Errors
    /// The field that is not valid.
    #[inline(always)]
    pub(crate) unsafe fn check(&self) -> Result<(), Invalid> {
        if T::ANY_BITS {
            return Ok(());
        }
        // SAFETY: loading initialised all words of the image, of which `T` is a prefix.
        T::validate(unsafe { core::slice::from_raw_parts(self.bytes.as_ptr().cast::<u8>(), size_of::<T>()) })
    }

    /// As [`decode`](Self::decode), with another `check` than the type's own.
    ///
    /// # Safety
    /// As for [`decode`](Self::decode), and `check` accepts only bytes that are a `T`.
    ///
    /// # Errors
    /// Those of `check`.
    #[inline(always)]
    pub(crate) unsafe fn decode_by(
        &self,
        check: impl FnOnce(&[u8]) -> Result<(), Invalid>,
    ) -> Result<T, Invalid> {
        // SAFETY: loading initialised all words of the image, of which `T` is a prefix.
        check(unsafe { core::slice::from_raw_parts(self.bytes.as_ptr().cast::<u8>(), size_of::<T>()) })?;
        // SAFETY: all bytes are initialised, and they are a valid `T`, as `check` said. A message owns nothing, so
        // making one of bytes duplicates nothing.
        Ok(unsafe { self.bytes.assume_init_read() })
    }
}

/// What an image holds before another version's value is converted into it: the values of fields that this may
/// lack, and zeroes. `None` if it is all zeroes, as for a type that has no such fields.
pub(crate) fn template<T: Message>() -> Option<Arc<[u64]>> {
    if !T::TYPE.grown() {
        return None;
    }
    let mut words = vec![0_u64; Image::<T>::WORDS];
    // SAFETY: the words have room for an image, of which `T` is a prefix.
    unsafe { T::write_absent(words.as_mut_ptr().cast()) };
    words.iter().any(|&word| word != 0).then(|| words.into())
}

/// Stores `value` into the words of a slot, padding as zero; there must be at least as many as `T` has.
#[inline(always)]
pub(crate) fn store<T: Message>(value: &T, words: &[AtomicU64]) {
    let words = &words[..Image::<T>::WORDS];
    if T::PADDING_FREE {
        let bytes = ptr::from_ref(value).cast::<u8>();
        let whole = size_of::<T>() / 8;
        // SAFETY: so many words are inside `value`, and without padding all of their bytes are initialised.
        unsafe { copy::store(bytes.cast(), &words[..whole]) };
        let tail = size_of::<T>() % 8;
        if tail != 0 {
            let mut last = [0u8; 8];
            // SAFETY: the last `tail` bytes of `value`, initialised as above; `last` is larger and apart.
            unsafe { ptr::copy_nonoverlapping(bytes.add(whole * 8), last.as_mut_ptr(), tail) };
            words[whole].store(u64::from_ne_bytes(last), Ordering::Relaxed);
        }
    } else {
        let mut image = Image::<T>::new();
        let start = ptr::from_mut(&mut image);
        // SAFETY: all of the image, which is ours, is zeroed.
        unsafe { start.write_bytes(0, 1) };
        // SAFETY: the image has room for a `T` at its start; `write_fields` leaves padding as it is.
        unsafe { value.write_fields(start.cast()) };
        // SAFETY: the image is as many words long; every byte of it was zeroed and has been zero or a field's
        // byte since, as it is only ever written through `start` and never moved as a `T`.
        unsafe { copy::store(start.cast_const().cast(), words) };
    }
}
