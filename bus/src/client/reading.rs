//! Reading an item's present value from memory.

use core::cell::Cell;

use super::boxed::Draw;
use super::conversation_state::ConversationShared;
use super::remote_item::Place;
use super::values::{Found, Values};
use crate::envelope::Envelope;
use crate::error::{Error, Result};
use crate::image::Image;
use crate::message::{Field, Invalid, Message};
use crate::payload::Payload;
use crate::ring::Miss;
use crate::segment::ItemMemory;
use crate::sync::AtomicU64;
use crate::update::{ItemId, Update};

impl ConversationShared {
    /// Reads the present value of an item of a session that is live, whose publisher has this version of `T`.
    #[inline(always)]
    pub(crate) fn read<T: Message>(
        &self,
        Place { memory, payload, epoch, .. }: &Place,
        id: ItemId,
    ) -> Result<Update<T>> {
        let payload = *payload;
        let load = |image: &mut Image<T>, body: &[AtomicU64]| image.load(&body[payload..]);
        // SAFETY: `load` has loaded the image.
        self.read_with::<_, _, false>(memory, *epoch, id, Image::new(), load, |image| unsafe {
            image.decode()
        })
    }

    /// As [`read`](Self::read), of one field of the message.
    #[inline(always)]
    pub(crate) fn read_field<T: Message, F: Message>(
        &self,
        Place { memory, payload, epoch, .. }: &Place,
        id: ItemId,
        field: Field<T, F>,
    ) -> Result<Update<F>> {
        let payload = *payload;
        let load = |image: &mut Image<F>, body: &[AtomicU64]| {
            image.load_part(&body[payload..], field.offset());
        };
        let decode = |image: Image<F>| {
            // SAFETY: `load` has loaded the image, and the field's check is as strict as its type.
            unsafe { image.decode_by(|bytes| field.check(bytes)) }
        };
        self.read_with::<_, _, false>(memory, *epoch, id, Image::new(), load, decode)
    }

    /// As [`read`](Self::read), or the last value of a session that is stale; of another version of `T` by way of
    /// the place's conversion.
    pub(crate) fn read_apart<T: Message, const STALE: bool>(
        &self,
        place: &mut Place,
        id: ItemId,
    ) -> Result<Update<T>> {
        let conversion = place.conversion.clone();
        let load = |image: &mut Image<T>, values: &mut Values, body: &[AtomicU64]| {
            let words = values.of(body);
            match &words {
                Found::Here(words) => image.load_by(conversion.as_deref(), words),
                Found::OnItsWay | Found::Nowhere => image.clear(),
            }
            words.is_here()
        };
        // SAFETY: `load` has loaded the image, or cleared it.
        let decode = |image: Image<T>| unsafe { image.decode() }.map(Some);
        self.read_there::<_, _, STALE>(place, id, Image::new, load, decode)
    }

    /// As [`read_apart`](Self::read_apart), into a box, where a slice has no more than so many bytes.
    pub(crate) fn read_boxed<T: Payload + ?Sized, const STALE: bool>(
        &self,
        place: &mut Place,
        id: ItemId,
        most: usize,
    ) -> Result<Update<Box<T>>> {
        let conversion = place.conversion.clone();
        // What a torn look found is found anew.
        let over = Cell::new(None);
        let load = |draw: &mut Draw<T>, values: &mut Values, body: &[AtomicU64]| {
            let bytes = if T::ELEMENT > 0 { Envelope::load(body).size() } else { 0 };
            over.set((bytes > most).then_some(bytes));
            bytes > most || draw.load(values, conversion.as_deref(), body).is_here()
        };
        match (self.read_there::<_, _, STALE>(place, id, Draw::new, load, Draw::into_box), over.get()) {
            (Ok(_), Some(bytes)) => Err(Error::Protocol {
                peer: format!("service `{}`", self.service),
                detail: format!("a value of it has {bytes} bytes, expected at most {most}"),
            }),
            (read, _) => read,
        }
    }

    /// Reads a value that may be in memory on its way: as [`read_with`](Self::read_with), where `load` also says whether it
    /// found the value, and `decode` may find that there is none of this length.
    fn read_there<S, V, const STALE: bool>(
        &self,
        Place { memory, values, epoch, .. }: &mut Place,
        id: ItemId,
        start: impl Fn() -> S,
        load: impl Fn(&mut S, &mut Values, &[AtomicU64]) -> bool,
        decode: impl Fn(S) -> core::result::Result<Option<V>, Invalid>,
    ) -> Result<Update<V>> {
        loop {
            values.begin_look();
            // What was torn may have been anywhere.
            let mut astray = false;
            let load = |state: &mut S, body: &[AtomicU64]| astray = !load(state, values, body);
            let read = self.read_with::<_, _, STALE>(memory, *epoch, id, start(), load, &decode);
            if !astray {
                let update = read?;
                let (value, others) = update.take_value();
                return value.map(|value| others.with(value)).ok_or_else(|| self.astray());
            }
            let awaited = values.awaited();
            // Nothing more comes of a service that is gone.
            if STALE || awaited.is_none_or(|memory| !values.session().has_pool_soon(memory)) {
                // It may have been about to send it.
                let gone = awaited.and_then(|_| self.ended());
                return Err(gone.map_or_else(|| self.astray(), |reason| self.stale(reason)));
            }
        }
    }

    /// A value whose memory is not there.
    #[cold]
    pub(crate) fn astray(&self) -> Error {
        Error::Protocol {
            peer: format!("service `{}`", self.service),
            detail: "a value of it is said to be where there is no memory".to_owned(),
        }
    }

    /// Reads a value: has `load` put it somewhere from the body of a slot, and then, if the copy was not torn, `decode` take
    /// it from there.
    #[inline(always)]
    fn read_with<S, V, const STALE: bool>(
        &self,
        memory: &ItemMemory,
        epoch: u64,
        id: ItemId,
        mut state: S,
        mut load: impl FnMut(&mut S, &[AtomicU64]),
        decode: impl FnOnce(S) -> core::result::Result<V, Invalid>,
    ) -> Result<Update<V>> {
        let copy = |body: &[AtomicU64]| {
            load(&mut state, body);
            Envelope::load(body)
        };
        let read = if STALE { memory.ring.read_last(copy) } else { memory.ring.read_latest(copy) };
        match read {
            Ok(Some((seq, envelope))) => {
                let value = decode(state).map_err(|invalid| self.invalid(id, seq, 0, invalid))?;
                Ok(Update {
                    value,
                    item: id,
                    seq,
                    missed: 0,
                    suppressed: 0,
                    epoch,
                    stamp: envelope.stamp(),
                    gap: false,
                    stale: STALE,
                    mark: envelope.mark(),
                })
            }
            Ok(None) => Err(Error::NoValue {
                service: self.service.clone(),
                topic: self.topic.clone(),
                item: self.item_name(id),
            }),
            Err(Miss::Lapped | Miss::NotYet) => Err(Error::Overrun { item: self.item_name(id) }),
        }
    }

    #[cold]
    pub(crate) fn invalid(&self, id: ItemId, seq: u64, missed: u64, invalid: Invalid) -> Error {
        Error::InvalidValue {
            service: self.service.clone(),
            topic: self.topic.clone(),
            item: self.item_name(id),
            seq,
            missed,
            invalid,
        }
    }

    fn item_name(&self, id: ItemId) -> String {
        self.names.name(id).map_or_else(String::new, |name| name.to_string())
    }
}
