//! Items of other programs, to request.

use core::marker::PhantomData;
use std::sync::Arc;

use super::conversation_state::{ConversationHandle, Status};
use super::values::Values;
use crate::error::Result;
use crate::message::{Conversion, Field, Message};
use crate::payload::Payload;
use crate::segment::ItemMemory;
use crate::update::{ItemId, Update};

/// An item of another program, to request again and again: the shortest way to its present value.
#[derive(Debug)]
pub struct RemoteItem<T: ?Sized> {
    conversation: Arc<ConversationHandle>,
    name: String,
    id: ItemId,
    /// Version of the conversation's state that `place` is of.
    seen: u64,
    /// Where the item is; `None` where the service returned without it.
    place: Option<Place>,
    message: PhantomData<fn() -> T>,
}

/// Where an item is in the present session.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) memory: ItemMemory,
    pub(crate) payload: usize,
    pub(crate) values: Values,
    /// Which life of the service this is of.
    pub(crate) epoch: u64,
    /// Whether the value is read as it is: the service is live, has this program's version of the type, and keeps
    /// values in their slots.
    plain: bool,
    stale: bool,
    pub(crate) conversion: Option<Arc<Conversion>>,
}

/// Looks an item up in the present session; also the version of the state that this is of.
fn look_up(conversation: &ConversationHandle, name: &str) -> (u64, Option<Place>) {
    let (session, stale, seen) = {
        let state = conversation.shared.state.lock();
        let stale = !matches!(state.status, Status::Live);
        (state.session.clone(), stale, conversation.shared.state.version())
    };
    let place = session.and_then(|session| {
        let (_, memory) = session.item(session.find(name)?)?;
        let conversion = session.conversion.clone();
        let plain = !stale && conversion.is_none() && !session.pooled;
        let (payload, epoch) = (session.payload, session.epoch);
        Some(Place { memory, payload, values: Values::new(session), epoch, plain, stale, conversion })
    });
    (seen, place)
}

impl<T: Payload + ?Sized> RemoteItem<T> {
    /// The item of this name, if it is known here.
    pub(crate) fn find(conversation: &Arc<ConversationHandle>, name: &str) -> Option<Self> {
        let (seen, place) = look_up(conversation, name);
        let place = Some(place?);
        let id = conversation.shared.names.id(name);
        let (conversation, name) = (conversation.clone(), name.to_owned());
        Some(RemoteItem { conversation, name, id, seen, place, message: PhantomData })
    }

    /// The item's id in its conversation.
    pub fn id(&self) -> ItemId {
        self.id
    }

    /// The item's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Copies the present value into a box; for slices, which have no fixed size, and for messages that are too large for a
    /// stack. Otherwise as [`request`](RemoteItem::request).
    ///
    /// # Errors
    /// As [`request`](RemoteItem::request).
    pub fn request_boxed(&mut self) -> Result<Update<Box<T>>> {
        self.request_boxed_up_to(usize::MAX)
    }

    /// As [`request_boxed`](Self::request_boxed), of a slice of no more than so many bytes: for one from a service that is not
    /// to say how much is allocated here.
    pub(crate) fn request_boxed_up_to(&mut self, most: usize) -> Result<Update<Box<T>>> {
        self.refresh();
        let shared = &self.conversation.shared;
        match &mut self.place {
            None => Err(shared.no_such_item(&self.name)),
            Some(place) if place.stale => shared.read_boxed::<T, true>(place, self.id, most),
            Some(place) => shared.read_boxed::<T, false>(place, self.id, most),
        }
    }

    /// Looks the item up again where the conversation has changed.
    #[inline(always)]
    fn refresh(&mut self) {
        if self.conversation.shared.state.version() != self.seen || self.place.is_none() {
            self.find_again();
        }
    }

    #[cold]
    #[inline(never)]
    fn find_again(&mut self) {
        (self.seen, self.place) = look_up(&self.conversation, &self.name);
    }
}

impl<T: Message> RemoteItem<T> {
    /// Reads the present value, from memory: no system call, no lock, whatever the service does. Where the
    /// service is gone, the last value, marked as [`stale`](Update::stale).
    ///
    /// # Errors
    /// [`Error::NoValue`](crate::Error::NoValue) before the first publish;
    /// [`Error::InvalidValue`](crate::Error::InvalidValue) where the bytes are no `T`;
    /// [`Error::Overrun`](crate::Error::Overrun) where the writer overtakes every attempt to copy it;
    /// [`Error::NoSuchItem`](crate::Error::NoSuchItem) where the service returned without this item.
    #[inline]
    pub fn request(&mut self) -> Result<Update<T>> {
        self.refresh();
        match &self.place {
            Some(place) if place.plain => self.conversation.shared.read(place, self.id),
            _ => self.request_apart(),
        }
    }

    /// Reads one field of the present value, and copies nothing else of it; otherwise as
    /// [`request`](Self::request).
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("market")?;
    /// #[derive(bus::Message)]
    /// #[repr(C)]
    /// struct Book {
    ///     bid: f64,
    ///     depth: [u64; 1000],
    /// }
    /// # let quotes = service.topic::<Book>("quotes").open()?;
    /// # quotes.item("ACME")?.publish(&Book { bid: 7.5, depth: [0; 1000] })?;
    /// # service.ready()?;
    ///
    /// let mut acme = bus.connect::<Book>("market/quotes").open()?.item("ACME")?;
    /// assert_eq!(acme.request_field(Book::BID)?.value, 7.5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`request`](Self::request), but only the field is checked: its type, its range and its invariant. Where the
    /// service is gone, or has another version of the type, all of the message is.
    #[inline]
    pub fn request_field<F: Message>(&mut self, field: Field<T, F>) -> Result<Update<F>> {
        self.refresh();
        match &self.place {
            Some(place) if place.plain => self.conversation.shared.read_field(place, self.id, field),
            _ => {
                let update = self.request_apart()?;
                let value: *const F = field.of(&update.value);
                // SAFETY: a valid `F` lies there. A message owns nothing, so that a copy duplicates nothing.
                let value = unsafe { value.read() };
                Ok(update.with(value))
            }
        }
    }

    /// The last value of a service that is gone, and a value of another version. Apart, so that the plain copy
    /// stays in registers.
    #[cold]
    #[inline(never)]
    fn request_apart(&mut self) -> Result<Update<T>> {
        let shared = &self.conversation.shared;
        let Some(place) = &mut self.place else { return Err(shared.no_such_item(&self.name)) };
        if place.stale {
            shared.read_apart::<T, true>(place, self.id)
        } else {
            shared.read_apart::<T, false>(place, self.id)
        }
    }
}
