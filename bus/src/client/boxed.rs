//! Copies in boxes: of slices, which have no fixed size, and of messages that are too large for a stack.
//!
//! A copy is made as any other, between two looks at the slot's mark, and what is torn is dropped; so how long a slice is
//! has to be taken from the slot at each attempt, and may be anything then. It is believed as far as there is memory that
//! the publisher has made and this process has mapped, and what is allocated for it is no larger.
//!
//! Who does not want a copy holds values where they are ([`samples`](crate::AdviseBuilder::samples)).

use core::alloc::Layout;
use core::marker::PhantomData;
use core::ptr::NonNull;
use std::alloc::{self, handle_alloc_error};

use super::deliver::{Deliver, here};
use super::link::Link;
use super::values::{Found, Values};
use crate::copy;
use crate::envelope::Envelope;
use crate::error::Result;
use crate::message::{Conversion, Invalid};
use crate::payload::Payload;
use crate::sync::AtomicU64;
use crate::update::Update;

/// Memory for the copy of one `T`, made for as many bytes as it needs.
pub(super) struct Draw<T: Payload + ?Sized> {
    start: NonNull<u8>,
    /// Bytes of the value.
    bytes: usize,
    layout: Layout,
    payload: PhantomData<Box<T>>,
}

impl<T: Payload + ?Sized> Draw<T> {
    /// Memory for nothing.
    pub(super) fn new() -> Self {
        let layout = Layout::new::<T::Fixed>();
        let layout =
            Layout::from_size_align(0, layout.align()).expect("no bytes are no more than there may be");
        Draw { start: Self::nowhere(layout), bytes: 0, layout, payload: PhantomData }
    }

    /// Where what has no bytes is: anywhere that is aligned.
    fn nowhere(layout: Layout) -> NonNull<u8> {
        NonNull::without_provenance(
            core::num::NonZeroUsize::new(layout.align()).expect("no alignment is zero"),
        )
    }

    /// Copies the value that a slot with this `body` has, by a conversion to `T` that there is.
    pub(super) fn load(
        &mut self,
        values: &mut Values,
        conversion: Option<&Conversion>,
        body: &[AtomicU64],
    ) -> Found<()> {
        // The length of a message is its type's.
        let (words, bytes) = match T::ELEMENT {
            0 => (values.of(body), T::ELEMENTS_AT),
            _ => {
                let bytes = Envelope::load(body).size();
                (values.of_bytes(body, bytes), bytes)
            }
        };
        words.map(|words| {
            let out = self.bytes(bytes);
            match conversion {
                None => copy::load_bytes(words, 0, out),
                Some(conversion) => conversion.make(words, out),
            }
        })
    }

    /// Copies a value of so many bytes from these words, of which there are as many at least.
    pub(super) fn load_words(&mut self, words: &[AtomicU64], bytes: usize) {
        copy::load_bytes(words, 0, self.bytes(bytes));
    }

    /// So many bytes, of which anything can be made.
    fn bytes(&mut self, bytes: usize) -> &mut [u8] {
        // The language takes a value to be a multiple of its alignment long.
        let size = bytes.next_multiple_of(self.layout.align());
        if size != self.layout.size() {
            self.resize(size);
        }
        self.bytes = bytes;
        // SAFETY: so many bytes are there, initialised when they were allocated, and this one's alone.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), bytes) }
    }

    fn resize(&mut self, size: usize) {
        let align = self.layout.align();
        *self = Draw::new();
        // What is copied is mapped, so that its size is one that memory can have.
        let layout = Layout::from_size_align(size, align).expect("a size of mapped memory");
        if size > 0 {
            // SAFETY: the layout has bytes.
            let start = unsafe { alloc::alloc_zeroed(layout) };
            self.start = NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout));
            self.layout = layout;
        }
    }

    /// The value, if what was loaded is one; `None` where none has so many bytes.
    ///
    /// # Errors
    /// The field that is not valid.
    pub(super) fn into_box(self) -> core::result::Result<Option<Box<T>>, Invalid> {
        let Some(value) = T::of_bytes(self.start.as_ptr(), self.bytes) else { return Ok(None) };
        if !T::ANY_BITS {
            // SAFETY: so many bytes are there and initialised.
            T::check(unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.bytes) })?;
        }
        core::mem::forget(self);
        // SAFETY: the memory was allocated with the layout of this value: its size, rounded up to its alignment. Its bytes are
        // a valid `T`, aligned, and nobody else's now.
        Ok(Some(unsafe { Box::from_raw(value) }))
    }
}

impl<T: Payload + ?Sized> Drop for Draw<T> {
    fn drop(&mut self) {
        if self.layout.size() > 0 {
            // SAFETY: it was allocated with this layout.
            unsafe { alloc::dealloc(self.start.as_ptr(), self.layout) };
        }
    }
}

/// Delivers an [`Update`] with the value in a box.
#[derive(Debug)]
pub struct Boxed<T: ?Sized>(PhantomData<fn() -> T>);

impl<T: Payload + ?Sized> Deliver for Boxed<T> {
    type Item = Update<Box<T>>;
    type Value = T;

    fn value(update: &Self::Item) -> &T {
        &update.value
    }

    fn look(link: &mut Link<Self>) -> Result<Option<Self::Item>> {
        Self::take(link)
    }

    fn take(link: &mut Link<Self>) -> Result<Option<Self::Item>> {
        let mut draw = Draw::<T>::new();
        let mut astray = false;
        let look = link.look_with(|values, conversion, body| {
            let found = draw.load(values, conversion, body);
            // What was torn may have been anywhere.
            astray = matches!(found, Found::Nowhere);
            (!matches!(found, Found::OnItsWay)).then(|| Envelope::load(body))
        })?;
        let Some((item, taken)) = here(look) else { return Ok(None) };
        let (seq, missed, envelope) = (taken.number, taken.missed, taken.value);
        let conversation = link.conversation.shared.clone();
        if astray {
            return Err(conversation.astray());
        }
        let value = draw.into_box().map_err(|invalid| conversation.invalid(item, seq, missed, invalid))?;
        let value = value.ok_or_else(|| conversation.astray())?;
        let gap = link.take_gap();
        Ok(Some(link.update_of(value, item, seq, missed, gap, envelope)))
    }
}
