//! Private memory for what a request carries: copied out of the lane before it is looked at, so that a client which
//! changes it meanwhile changes nothing.

use crate::copy;
use crate::message::Invalid;
use crate::payload::Payload;
use crate::segment::geometry::MAX_ALIGN;
use crate::sync::AtomicU64;

/// As much as any message is aligned to.
#[repr(C, align(4096))]
#[derive(Debug, Clone)]
struct Page([u64; MAX_ALIGN / 8]);

const _: () = assert!(align_of::<Page>() == MAX_ALIGN && size_of::<Page>() == MAX_ALIGN);

/// Memory that is as large as the largest request so far.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pages: Vec<Page>,
}

impl Scratch {
    /// Copies these words in.
    #[inline]
    pub(super) fn fill(&mut self, words: &[AtomicU64]) {
        let pages = words.len().div_ceil(MAX_ALIGN / 8);
        if pages > self.pages.len() {
            self.pages.resize(pages, Page([0; MAX_ALIGN / 8]));
        }
        // SAFETY: the pages have as many words, are aligned for them, and are ours alone.
        unsafe { copy::load(words, self.pages.as_mut_ptr().cast()) };
    }

    /// Bytes of what was copied in.
    pub(super) fn bytes(&self, range: core::ops::Range<usize>) -> &[u8] {
        // SAFETY: all pages are initialised words, and borrowed as long as these bytes are.
        let all = unsafe {
            core::slice::from_raw_parts(self.pages.as_ptr().cast::<u8>(), self.pages.len() * MAX_ALIGN)
        };
        &all[range]
    }

    /// The `T` that the first so many bytes are.
    ///
    /// # Errors
    /// The field that is not valid; `None` where no `T` has so many bytes.
    #[inline]
    pub(super) fn value<T: Payload + ?Sized>(&mut self, bytes: usize) -> Result<&T, Option<Invalid>> {
        if self.pages.is_empty() {
            // Also what has no bytes lies somewhere that is aligned.
            self.pages.push(Page([0; MAX_ALIGN / 8]));
        }
        if !T::ANY_BITS {
            let found = self.bytes(0..bytes);
            // As many as it has: what it is asked to check is a value's length.
            if T::of_bytes(found.as_ptr().cast_mut(), bytes).is_none() {
                return Err(None);
            }
            T::check(found)?;
        }
        let value = T::of_bytes(self.pages.as_mut_ptr().cast(), bytes).ok_or(None)?;
        // SAFETY: so many bytes are there, initialised, aligned for every message, and a value of `T`: any are, or `check` said
        // so. They are borrowed for as long as the reference lives, and nobody else has them.
        Ok(unsafe { &*value })
    }
}
