//! Copies of values that have no fixed size: slices, and slices with a header, each in a box of its own.
//!
//! A copy is made as any other, between two looks at the slot's mark, and what is torn is dropped; so how long the value is
//! has to be taken from the slot at each attempt, and may be anything then. It is believed as far as there is memory that
//! the publisher has made and this process has mapped, and what is allocated for it is no larger.
//!
//! Who does not want a copy holds values where they are ([`samples`](crate::AdviseBuilder::samples)).

use core::alloc::Layout;
use core::marker::PhantomData;
use core::ptr::NonNull;
use std::alloc::{self, handle_alloc_error};

use super::conversation::Conversation;
use super::link::{Deliver, Hot, Link};
use super::remote_item::RemoteItem;
use super::values::Found;
use crate::copy;
use crate::envelope::Envelope;
use crate::error::Result;
use crate::message::{Invalid, Message};
use crate::payload::{Payload, WithHeader};
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

    /// Copies so many bytes of `words`, which are as many at least.
    pub(super) fn load(&mut self, words: &[AtomicU64], bytes: usize) {
        // The language takes a value to be a multiple of its alignment long.
        let size = bytes.next_multiple_of(self.layout.align());
        if size != self.layout.size() {
            self.resize(size);
        }
        self.bytes = bytes;
        // SAFETY: so many bytes are there, initialised when they were allocated, and this one's alone.
        let out = unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), bytes) };
        copy::load_bytes(words, 0, out);
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

impl<T: Payload + ?Sized> Link<Hot<T>>
where
    Hot<T>: Deliver,
{
    /// A copy of what is there now.
    fn take_boxed(&mut self) -> Result<Option<Update<Box<T>>>> {
        let mut draw = Draw::<T>::new();
        let mut astray = false;
        let look = self.look_with(|values, _, body| {
            let envelope = Envelope::load(body);
            let words = values.of_bytes(body, envelope.size());
            // What was torn may have been anywhere.
            astray = matches!(words, Found::Nowhere);
            match words {
                Found::Here(words) => draw.load(words, envelope.size()),
                Found::Nowhere => {}
                Found::OnItsWay => return None,
            }
            Some(envelope)
        })?;
        let Some((item, taken)) = super::link::here(look) else { return Ok(None) };
        let (seq, missed, envelope) = (taken.number, taken.missed, taken.value);
        if astray {
            return Err(self.conversation.shared.astray());
        }
        let value = draw
            .into_box()
            .map_err(|invalid| self.conversation.shared.invalid(item, seq, missed, invalid))?
            .ok_or_else(|| self.conversation.shared.astray())?;
        let gap = self.take_gap();
        Ok(Some(self.update_of(value, item, seq, missed, gap, envelope)))
    }
}

/// What copies of such a payload are, once for each kind.
macro_rules! boxed {
    ([$($generics:tt)*] $payload:ty) => {
        impl<$($generics)*> Deliver for Hot<$payload> {
            type Item = Update<Box<$payload>>;
            type Value = $payload;

            fn value(update: &Self::Item) -> &$payload {
                &update.value
            }

            fn look(link: &mut Link<Self>) -> Result<Option<Self::Item>> {
                Self::take(link)
            }

            fn take(link: &mut Link<Self>) -> Result<Option<Self::Item>> {
                link.take_boxed()
            }
        }

        impl<$($generics)*> RemoteItem<$payload> {
            /// Copies the present value, from memory: no system call, no lock, whatever the service does. Where the service is
            /// gone, the last value, marked as [`stale`](Update::stale).
            ///
            /// # Errors
            /// As for [messages](RemoteItem::request).
            pub fn request(&mut self) -> Result<Update<Box<$payload>>> {
                self.request_boxed()
            }
        }

        impl<$($generics)*> Conversation<$payload> {
            /// Copies the present value of an item, from memory. To read one item often, hold an
            /// [`item`](Conversation::item).
            ///
            /// # Errors
            /// As [`item`](Conversation::item) and [`RemoteItem::request`].
            pub fn request(&self, item: &str) -> Result<Update<Box<$payload>>> {
                self.item(item)?.request()
            }

            /// As [`request`](Self::request), without blocking a thread where the service has to be asked whether the item
            /// exists.
            ///
            /// # Errors
            /// As [`request`](Self::request).
            pub async fn request_async(&self, item: &str) -> Result<Update<Box<$payload>>> {
                self.item_async(item).await?.request()
            }
        }
    };
}

boxed!([E: Message] [E]);
boxed!([H: Message, E: Message] WithHeader<H, [E]>);
