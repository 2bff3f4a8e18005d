//! What links deliver, and how each of it is taken from where it lies: values as copies, values in place, or notices.
//!
//! There are two ways for each. The plain one, [`Deliver::look`], is for a value as it was published, in its slot: it
//! stays in registers and knows nothing else. Everything else, values that lie elsewhere or are converted, options,
//! and changes of the service, takes the way apart, [`Deliver::take`].

use core::marker::PhantomData;

use super::gate::Passing;
use super::link::Link;
use super::reader::Look;
use super::sample::Sample;
use super::values::Found;
use crate::envelope::Envelope;
use crate::error::Result;
use crate::image::Image;
use crate::message::Message;
use crate::payload::Payload;
use crate::ring::Taken;
use crate::segment::pool::Reference;
use crate::update::{ItemId, Notice, Update};

/// What a link delivers: [`Hot`] values or [`Warm`] notices.
pub trait Deliver: sealed::Sealed {
    /// What `recv` returns.
    type Item: Passing;

    /// What filters and deadbands are about.
    type Value: ?Sized + 'static;

    /// What filters and deadbands look at.
    #[doc(hidden)]
    fn value(item: &Self::Item) -> &Self::Value;

    /// What is there now, if it is to be read plainly.
    #[doc(hidden)]
    fn look(link: &mut Link<Self>) -> Result<Option<Self::Item>>
    where
        Self: Sized;

    /// As [`look`](Self::look), for one of many: appends what is there, and says whether there was something.
    #[doc(hidden)]
    #[inline(always)]
    fn look_into(link: &mut Link<Self>, updates: &mut Vec<Self::Item>) -> Result<bool>
    where
        Self: Sized,
    {
        Ok(Self::look(link)?.map(|update| updates.push(update)).is_some())
    }

    /// What is there now, if [`look`](Self::look) is not for it; before the link's options are applied.
    #[doc(hidden)]
    fn take(link: &mut Link<Self>) -> Result<Option<Self::Item>>
    where
        Self: Sized;
}

mod sealed {
    pub trait Sealed {}
    impl<T> Sealed for super::Hot<T> {}
    impl<T: ?Sized> Sealed for super::Samples<T> {}
    impl<T: ?Sized> Sealed for super::super::boxed::Boxed<T> {}
    impl Sealed for super::Warm {}
}

/// Delivers an [`Update`] with the value.
#[derive(Debug)]
pub struct Hot<T>(PhantomData<fn() -> T>);

/// Delivers an [`Update`] with a [`Sample`]: the value where it is, without a copy.
#[derive(Debug)]
pub struct Samples<T: ?Sized>(PhantomData<fn() -> T>);

/// Delivers a [`Notice`] that there is a new value.
#[derive(Debug)]
pub struct Warm(());

impl<T: Message> Deliver for Hot<T> {
    type Item = Update<T>;
    type Value = T;

    fn value(update: &Update<T>) -> &T {
        &update.value
    }

    #[inline(always)]
    fn look(link: &mut Link<Self>) -> Result<Option<Update<T>>> {
        let mut image = Image::<T>::new();
        let look = link.look_plainly(&mut image);
        // SAFETY: where a value was taken, the image was loaded.
        unsafe { update(link, look, &image) }
    }

    #[inline(always)]
    fn look_into(link: &mut Link<Self>, updates: &mut Vec<Update<T>>) -> Result<bool> {
        updates.reserve(1);
        let place = updates.spare_capacity_mut()[0].as_mut_ptr();
        // SAFETY: the value of an update that is yet to be, in memory which the vector lends alone.
        let Some(image) = (unsafe { Image::at(&raw mut (*place).value) }) else {
            return Ok(Self::look(link)?.map(|update| updates.push(update)).is_some());
        };
        let Some((item, taken)) = link.look_plainly(image) else { return Ok(false) };
        let (seq, missed, envelope) = (taken.number, taken.missed, taken.value);
        // SAFETY: a value was taken, so the image was loaded.
        unsafe { image.check() }
            .map_err(|invalid| link.conversation.shared.invalid(item, seq, missed, invalid))?;
        let gap = link.take_gap();
        let others = link.update_of((), item, seq, missed, gap, envelope);
        // SAFETY: with the value, which is there and valid, these are all fields of the update after the last one, for
        // which there is room.
        unsafe {
            Update::write_around(place, others);
            updates.set_len(updates.len() + 1);
        }
        Ok(true)
    }

    #[cold]
    #[inline(never)]
    fn take(link: &mut Link<Self>) -> Result<Option<Update<T>>> {
        let mut image = Image::<T>::new();
        let mut astray = false;
        let look = link.look_with(|values, conversion, body| {
            let words = values.of(body);
            // What was torn may have been anywhere.
            astray = matches!(words, Found::Nowhere);
            match words {
                Found::Here(words) => image.load_by(conversion, words),
                Found::Nowhere => {}
                Found::OnItsWay => return None,
            }
            Some(Envelope::load(body))
        })?;
        let look = here(look);
        if astray && look.is_some() {
            return Err(link.conversation.shared.astray());
        }
        // SAFETY: as above.
        unsafe { update(link, look, &image) }
    }
}

impl<T: Payload + ?Sized> Deliver for Samples<T> {
    type Item = Update<Sample<T>>;
    type Value = T;

    fn value(update: &Self::Item) -> &T {
        &update.value
    }

    fn look(link: &mut Link<Self>) -> Result<Option<Self::Item>> {
        Self::take(link)
    }

    #[inline]
    fn take(link: &mut Link<Self>) -> Result<Option<Self::Item>> {
        let Some((pin, (item, taken))) = link.look_pinned()? else { return Ok(None) };
        let Pinned { envelope, reference } = taken.value;
        let bytes = envelope.size();
        let memory = link.values.as_mut().and_then(|values| match values.memory(reference) {
            Found::Here(memory) => Some(memory.clone()),
            Found::OnItsWay | Found::Nowhere => None,
        });
        let place = memory.and_then(|memory| {
            let align = align_of::<T::Fixed>();
            // The language takes a value to be a multiple of its alignment long.
            let words = bytes.next_multiple_of(align).div_ceil(8);
            let start = reference.of(&memory, words)?.as_ptr().cast_mut().cast::<u8>();
            let value = T::of_bytes(start, bytes).filter(|_| start.addr().is_multiple_of(align))?;
            Some((memory, start, value))
        });
        let Some((memory, start, value)) = place else {
            return Err(link.conversation.shared.astray());
        };
        if !T::ANY_BITS {
            // SAFETY: so many bytes are there, in memory that is mapped as long as `memory`, and which the publisher does
            // not write, since the value is held.
            let bytes = unsafe { core::slice::from_raw_parts(start, bytes) };
            T::check(bytes).map_err(|invalid| {
                link.conversation.shared.invalid(item, taken.number, taken.missed, invalid)
            })?;
        }
        // SAFETY: the bytes are a valid `T`, aligned, and held by `pin`.
        let value = unsafe { Sample::new(pin, value, memory) };
        let gap = link.take_gap();
        let (seq, missed) = (taken.number, taken.missed);
        Ok(Some(link.update_of(value, item, seq, missed, gap, envelope)))
    }
}

impl Deliver for Warm {
    type Item = Notice;
    type Value = ();

    fn value(_: &Notice) -> &() {
        &()
    }

    #[inline(always)]
    fn look(link: &mut Link<Self>) -> Result<Option<Notice>> {
        let look = link.look_now(|_, _, _| ());
        Ok(notice(link, look))
    }

    #[cold]
    #[inline(never)]
    fn take(link: &mut Link<Self>) -> Result<Option<Notice>> {
        let look = link.look_with(|_, _, _| ())?;
        Ok(notice(link, look))
    }
}

impl<T: Message> Link<Hot<T>> {
    /// Looks for a value that is as it was published, in its slot.
    #[inline(always)]
    fn look_plainly(&mut self, image: &mut Image<T>) -> Look<Envelope> {
        let payload = self.payload;
        self.reader.as_mut()?.look(|body| {
            image.load(&body[payload..]);
            Envelope::load(body)
        })
    }
}

/// What a look brought: a value that is not here is not delivered.
#[inline(always)]
pub(super) fn here<R>(look: Look<Option<R>>) -> Look<R> {
    let (item, Taken { number, missed, value }) = look?;
    Some((item, Taken { number, missed, value: value? }))
}

/// The update with a value that was taken, which is in the image.
///
/// # Safety
/// Where a value was taken, the image was loaded.
#[inline(always)]
unsafe fn update<T: Message>(
    link: &mut Link<Hot<T>>,
    look: Look<Envelope>,
    image: &Image<T>,
) -> Result<Option<Update<T>>> {
    let Some((item, taken)) = look else { return Ok(None) };
    let (seq, missed, envelope) = (taken.number, taken.missed, taken.value);
    // SAFETY: a value was taken, so the image was loaded, says the caller.
    let value = unsafe { image.decode() }
        .map_err(|invalid| link.conversation.shared.invalid(item, seq, missed, invalid))?;
    let gap = link.take_gap();
    Ok(Some(link.update_of(value, item, seq, missed, gap, envelope)))
}

/// The notice of a value that was seen.
#[inline(always)]
fn notice(link: &mut Link<Warm>, look: Look<()>) -> Option<Notice> {
    let (item, taken) = look?;
    let (seq, missed, epoch) = (taken.number, taken.missed, link.epoch);
    Some(Notice { item, seq, missed, epoch, gap: link.take_gap() })
}

/// A value that was seen, with the item it is of.
pub(super) type Seen<R> = (ItemId, Taken<R>);

/// Where a value is that is held.
pub(super) struct Pinned {
    pub(super) envelope: Envelope,
    pub(super) reference: Reference,
}
