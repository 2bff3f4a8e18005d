//! Links: live subscriptions.

use core::fmt;
use core::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::advise::Wait;
use super::control::Command;
use super::conversation::{ConversationHandle, stamp_of};
use super::credit_memory::Credit;
use super::link_state::{Attachment, LinkShared, Target};
use super::many_items::ManyItems;
use super::reader::{Delivery, Look, OneItem, Reader, Start};
use super::sample::{Pin, Pins, Sample};
use super::session::Session;
use super::values::Values;
use super::vigil::{Due, NOBODY};
use crate::bell::PARK_BOUND;
use crate::error::{Ended, Error, Result};
use crate::image::Image;
use crate::message::{Conversion, Message};
use crate::ring::Taken;
use crate::segment::pool::Reference;
use crate::sync::{AtomicU64, Ordering, step};
use crate::update::{ItemId, Notice, Update};

/// How long [`Wait::SpinThenPark`] spins before it sleeps: about what a sleep and a wake-up cost.
const SPIN: Duration = Duration::from_micros(20);
/// Looks between two looks at the clock while spinning.
const LOOKS_A_CLOCK: u32 = 64;

/// What a link delivers: [`Hot`] values or [`Warm`] notices.
pub trait Deliver: sealed::Sealed {
    /// What `recv` returns.
    type Item;

    /// What is there now, if it is to be read plainly.
    #[doc(hidden)]
    fn look(link: &mut Link<Self>) -> Result<Option<Self::Item>>
    where
        Self: Sized;

    /// What is there now, if [`look`](Self::look) is not for it.
    #[doc(hidden)]
    fn look_apart(link: &mut Link<Self>) -> Result<Option<Self::Item>>
    where
        Self: Sized;
}

mod sealed {
    pub trait Sealed {}
    impl<T> Sealed for super::Hot<T> {}
    impl<T> Sealed for super::Samples<T> {}
    impl Sealed for super::Warm {}
}

/// Delivers an [`Update`] with the value.
#[derive(Debug)]
pub struct Hot<T>(PhantomData<fn() -> T>);

/// Delivers an [`Update`] with a [`Sample`]: the value where it is, without a copy.
#[derive(Debug)]
pub struct Samples<T>(PhantomData<fn() -> T>);

/// Delivers a [`Notice`] that there is a new value.
#[derive(Debug)]
pub struct Warm(());

impl<T: Message> Deliver for Hot<T> {
    type Item = Update<T>;

    #[inline(always)]
    fn look(link: &mut Link<Self>) -> Result<Option<Update<T>>> {
        let mut image = Image::<T>::new();
        let payload = link.payload;
        let look = link.reader.as_mut().and_then(|reader| {
            reader.look(|body| {
                image.load(&body[payload..]);
                body[0].load(Ordering::Relaxed)
            })
        });
        // SAFETY: where a value was taken, the image was loaded.
        unsafe { update(link, look, &image) }
    }

    #[cold]
    #[inline(never)]
    fn look_apart(link: &mut Link<Self>) -> Result<Option<Update<T>>> {
        let mut image = Image::<T>::new();
        let mut lost = false;
        let look = link.look_with(|values, conversion, body| {
            match values.of(body) {
                Some(words) => image.load_by(conversion, words),
                None => lost = true,
            }
            body[0].load(Ordering::Relaxed)
        })?;
        if lost && look.is_some() {
            return Err(link.conversation.shared.astray());
        }
        // SAFETY: as above.
        unsafe { update(link, look, &image) }
    }
}

impl<T: Message> Deliver for Samples<T> {
    type Item = Update<Sample<T>>;

    fn look(link: &mut Link<Self>) -> Result<Option<Self::Item>> {
        Self::look_apart(link)
    }

    #[inline]
    fn look_apart(link: &mut Link<Self>) -> Result<Option<Self::Item>> {
        let look = link.look_pinned();
        if link.is_watched() {
            link.report();
        }
        let Some((pin, (item, taken))) = look? else { return Ok(None) };
        let (stamp, reference) = taken.value;
        let memory = link.values.as_mut().and_then(|values| values.memory(reference).cloned());
        let Some((memory, value)) = memory.and_then(|memory| {
            let value = reference.of(&memory, size_of::<T>().div_ceil(8))?.as_ptr().cast::<T>();
            value.is_aligned().then_some((memory, value))
        }) else {
            return Err(link.conversation.shared.astray());
        };
        if !T::ANY_BITS {
            // SAFETY: so many bytes are there, in memory that is mapped as long as `memory`, and which the publisher does
            // not write, since the value is held.
            let bytes = unsafe { core::slice::from_raw_parts(value.cast::<u8>(), size_of::<T>()) };
            T::validate(bytes).map_err(|invalid| {
                link.conversation.shared.invalid(item, taken.number, taken.missed, invalid)
            })?;
        }
        // SAFETY: the bytes are a valid `T`, aligned, and held by `pin`.
        let value = unsafe { Sample::new(pin, value, memory) };
        let gap = core::mem::take(&mut link.gap);
        let (seq, missed) = (taken.number, taken.missed);
        Ok(Some(Update { value, item, seq, missed, stamp: stamp_of(stamp), gap, stale: false }))
    }
}

impl Deliver for Warm {
    type Item = Notice;

    #[inline(always)]
    fn look(link: &mut Link<Self>) -> Result<Option<Notice>> {
        Ok(notice(link.look_now(|_, _, _| ()), &mut link.gap))
    }

    #[cold]
    #[inline(never)]
    fn look_apart(link: &mut Link<Self>) -> Result<Option<Notice>> {
        Ok(notice(link.look_with(|_, _, _| ())?, &mut link.gap))
    }
}

/// The update with a value that was taken, which is in the image.
///
/// # Safety
/// Where a value was taken, the image was loaded.
#[inline(always)]
unsafe fn update<T: Message>(
    link: &mut Link<Hot<T>>,
    look: Look<u64>,
    image: &Image<T>,
) -> Result<Option<Update<T>>> {
    let Some((item, taken)) = look else { return Ok(None) };
    let (seq, missed, stamp) = (taken.number, taken.missed, stamp_of(taken.value));
    // SAFETY: a value was taken, so the image was loaded, says the caller.
    let value = unsafe { image.decode() }
        .map_err(|invalid| link.conversation.shared.invalid(item, seq, missed, invalid))?;
    let gap = core::mem::take(&mut link.gap);
    Ok(Some(Update { value, item, seq, missed, stamp, gap, stale: false }))
}

/// The notice of a value that was seen.
#[inline(always)]
fn notice(look: Look<()>, gap: &mut bool) -> Option<Notice> {
    let (item, taken) = look?;
    Some(Notice { item, seq: taken.number, missed: taken.missed, gap: core::mem::take(gap) })
}

/// A live subscription to an item, to several, or to a whole topic.
///
/// When the service goes, what it still published is delivered first; then one [`Error::Stale`] says why,
/// and the next receive waits for the service's return, of which [`Update::gap`] tells. As an iterator a
/// link is an endless series of [`recv`](Link::recv)s.
///
/// A link is `Send`, and is read from one thread at a time.
pub struct Link<D> {
    pub(super) conversation: Arc<ConversationHandle>,
    pub(super) shared: Arc<LinkShared>,
    delivery: Delivery,
    /// Where to begin in the next session.
    start: Start,
    wait: Wait,
    /// What is read now; `None` while the service is gone.
    reader: Option<Reader>,
    /// What was read when the connection ended, with its session: it may be had again.
    before: Option<(Arc<Session>, Reader)>,
    session: Option<Arc<Session>>,
    payload: usize,
    /// Where the values of the session are, for the way apart.
    values: Option<Values>,
    /// What the link may hold.
    pins: Option<Arc<Pins>>,
    registration: Arc<Registration>,
    /// How the session's values become ours, where its publisher has another version of the type.
    conversion: Option<Arc<Conversion>>,
    /// Whether values are converted, or somebody waits for this link by descriptor.
    pub(super) apart: bool,
    /// The ticket by which the bus's tasks wait for this link.
    pub(super) ticket: u64,
    /// Whether a task's waker may still be with the vigil.
    pub(super) pending: bool,
    /// Version of the shared state that `reader` is of.
    seen: u64,
    /// Where the state has changed: up to which number the reader is read on.
    last: Option<u64>,
    gap: bool,
    ended: Option<Ended>,
    deliver: PhantomData<fn() -> D>,
}

impl<D> fmt::Debug for Link<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.conversation.shared.address();
        write!(f, "Link({address}/{}, {:?}, ended: {:?})", self.shared.target, self.delivery, self.ended)
    }
}

impl<D: Deliver> Link<D> {
    /// The next update, if there is one now.
    ///
    /// # Errors
    /// [`Error::Stale`], once, when the service is gone and all it published is delivered;
    /// [`Error::InvalidValue`] where the bytes are no value of the type, and the link goes on after it.
    #[inline(always)]
    pub fn try_recv(&mut self) -> Result<Option<D::Item>> {
        if self.is_apart() {
            return D::look_apart(self);
        }
        D::look(self)
    }

    /// Waits for the next update, however long.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv).
    #[inline]
    pub fn recv(&mut self) -> Result<D::Item> {
        let looks = self.looks();
        let mut spin_until = None;
        loop {
            for _ in 0..looks {
                if self.is_apart() {
                    return self.recv_apart(None, None);
                }
                if let Some(item) = D::look(self)? {
                    return Ok(item);
                }
            }
            self.rest(&mut spin_until, None);
        }
    }

    /// Waits for the next update, at most `timeout`.
    ///
    /// # Errors
    /// [`Error::Timeout`], and as [`try_recv`](Self::try_recv).
    #[inline]
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<D::Item> {
        let looks = self.looks();
        let mut spin_until = None;
        let mut deadline = None;
        loop {
            for _ in 0..looks {
                if self.is_apart() {
                    return self.recv_apart(Some(timeout), deadline);
                }
                if let Some(item) = D::look(self)? {
                    return Ok(item);
                }
            }
            // The clock is first read when nothing was there.
            let now = Instant::now();
            let deadline = *deadline.get_or_insert_with(|| now.checked_add(timeout));
            if deadline.is_some_and(|deadline| now >= deadline) {
                return Err(self.timed_out("recv", timeout));
            }
            self.rest(&mut spin_until, deadline);
        }
    }

    /// Waits for the next update on the way [apart](Self::is_apart), which is a function of its own from the first
    /// look to the value: with one that has two ways out, a long value would be copied once more on its way.
    #[cold]
    #[inline(never)]
    fn recv_apart(
        &mut self,
        timeout: Option<Duration>,
        mut deadline: Option<Option<Instant>>,
    ) -> Result<D::Item> {
        let looks = self.looks();
        let mut spin_until = None;
        loop {
            for _ in 0..looks {
                if let Some(item) = D::look_apart(self)? {
                    return Ok(item);
                }
            }
            if let Some(timeout) = timeout {
                let now = Instant::now();
                let end = *deadline.get_or_insert_with(|| now.checked_add(timeout));
                if end.is_some_and(|end| now >= end) {
                    return Err(self.timed_out("recv", timeout));
                }
            }
            self.rest(&mut spin_until, deadline.flatten());
        }
    }

    /// Looks between two rests.
    #[inline(always)]
    fn looks(&self) -> u32 {
        if self.wait == Wait::Park { 1 } else { LOOKS_A_CLOCK }
    }

    /// Between looks: decides whether to go on spinning, or sleeps.
    #[cold]
    #[inline(never)]
    fn rest(&mut self, spin_until: &mut Option<Instant>, deadline: Option<Instant>) {
        if self.reader.is_some() {
            match self.wait {
                Wait::Spin => return,
                Wait::SpinThenPark => {
                    let now = Instant::now();
                    if now < *spin_until.get_or_insert(now + SPIN) {
                        return;
                    }
                    *spin_until = None;
                }
                Wait::Park => {}
            }
        }
        let left =
            deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        if !left.is_zero() {
            self.park(left);
        }
    }

    /// Sleeps until there is something to look at, at most `bound`; may return early.
    fn park(&mut self, bound: Duration) {
        let state = &self.shared.state;
        match &mut self.reader {
            Some(reader) => {
                if !reader.wait_for_segment(bound) {
                    let (place, wanted) = reader.awaited();
                    self.shared.parker.sleep(place, wanted, state, self.seen, bound);
                }
            }
            None => state.wait(self.seen, bound.min(PARK_BOUND * 10)),
        }
    }
}

impl<D: Deliver> Iterator for Link<D> {
    type Item = Result<D::Item>;

    fn next(&mut self) -> Option<Result<D::Item>> {
        Some(self.recv())
    }
}

impl<D> Link<D> {
    pub(crate) fn new(
        conversation: Arc<ConversationHandle>,
        shared: Arc<LinkShared>,
        delivery: Delivery,
        start: Start,
        wait: Wait,
    ) -> Self {
        let registration =
            Arc::new(Registration { conversation: conversation.clone(), shared: shared.clone() });
        Link {
            conversation,
            shared,
            registration,
            values: None,
            pins: None,
            delivery,
            start,
            wait,
            reader: None,
            before: None,
            session: None,
            payload: 0,
            conversion: None,
            apart: false,
            ticket: NOBODY,
            pending: false,
            seen: 0,
            last: None,
            gap: false,
            ended: None,
            deliver: PhantomData,
        }
    }

    /// The link's number in its process, by which a publisher names it in its errors.
    pub fn number(&self) -> u64 {
        self.shared.number
    }

    /// Why the service is gone; `None` while it is live. What it published is still delivered.
    pub fn ended(&self) -> Option<Ended> {
        self.shared.ended()
    }

    /// The name behind an [`ItemId`] of an update.
    pub fn name(&self, item: ItemId) -> Arc<str> {
        self.conversation.shared.names.name(item).unwrap_or_else(|| "".into())
    }

    /// Whether the control thread changed what `reader` is of.
    #[inline(always)]
    fn has_changed(&self) -> bool {
        self.shared.state.version() != self.seen
    }

    /// Whether this is a time, or a session, for the way apart: something has changed, values are converted, or
    /// somebody waits for the link by descriptor, and is told where it stands. The plain way knows of none of these, so
    /// that its copy stays in registers.
    #[inline(always)]
    fn is_apart(&self) -> bool {
        self.has_changed() || self.apart
    }

    /// Whether the present session and those who wait for this link want the way apart.
    fn is_to_go_apart(&self) -> bool {
        self.conversion.is_some()
            || self.is_watched()
            || self.session.as_ref().is_some_and(|session| session.pooled)
    }

    /// Whether somebody waits for this link by descriptor.
    fn is_watched(&self) -> bool {
        self.shared.vigil.is_held()
    }

    /// Tells whoever waits for the link by descriptor where it stands.
    pub(super) fn report(&self) {
        let (wanted, due) = match &self.reader {
            Some(reader) => (reader.awaited().1, reader.due()),
            None => (0, Due::Never),
        };
        self.shared.vigil.report(wanted, self.seen, due);
    }

    /// Looks with `copy`, which is told at which word a slot's message starts, and how it is converted.
    fn look_with<R>(
        &mut self,
        copy: impl FnMut(&mut Values, Option<&Conversion>, &[AtomicU64]) -> R,
    ) -> Result<Look<R>> {
        let look = if self.has_changed() { self.look_after_change(copy) } else { Ok(self.look_now(copy)) };
        if self.is_watched() {
            self.report();
        }
        look
    }

    /// Looks into the session that `reader` is of.
    #[inline(always)]
    fn look_now<R>(
        &mut self,
        mut copy: impl FnMut(&mut Values, Option<&Conversion>, &[AtomicU64]) -> R,
    ) -> Look<R> {
        let Link { reader, values, conversion, .. } = self;
        let (reader, values) = (reader.as_mut()?, values.as_mut()?);
        reader.look(|body| copy(values, conversion.as_deref(), body))
    }

    /// Delivers what the old session held when its end was learned of, then takes over what changed.
    #[cold]
    #[inline(never)]
    fn look_after_change<R>(
        &mut self,
        mut copy: impl FnMut(&mut Values, Option<&Conversion>, &[AtomicU64]) -> R,
    ) -> Result<Look<R>> {
        if let Some(taken) = self.look_before_change(&mut copy) {
            return Ok(Some(taken));
        }
        self.last = None;
        self.adopt()?;
        Ok(self.look_now(copy))
    }

    /// Looks into the old session once more, as long as it has what it had when its end was learned of.
    fn look_before_change<R>(
        &mut self,
        copy: impl FnMut(&mut Values, Option<&Conversion>, &[AtomicU64]) -> R,
    ) -> Look<R> {
        let reader = self.reader.as_mut()?;
        let last = *self.last.get_or_insert_with(|| reader.conclude());
        if reader.is_past(last) { None } else { self.look_now(copy) }
    }

    /// Takes over what the control thread changed.
    fn adopt(&mut self) -> Result<()> {
        let shared = self.shared.clone();
        let mut state = shared.state.lock();
        if let Some(reason) = state.untold.take() {
            // What the attachment is now comes with the next look.
            self.ended = Some(reason.clone());
            if let (Some(session), Some(reader)) = (self.session.take(), self.reader.take()) {
                self.before = Some((session, reader));
            }
            self.shared.parker.move_to(None);
            return Err(self.conversation.shared.stale(reason));
        }
        self.seen = shared.state.version();
        match &mut state.attachment {
            Attachment::Asked | Attachment::Ended(_) => Ok(()),
            Attachment::Attached { session, .. }
                if self.shared.samples > 0 && session.conversion.is_some() =>
            {
                drop(state);
                let why = "its publisher has another version of the message type, so its values have to be converted and \
                     cannot be held; advise with `hot`";
                let reason = Ended::Changed(why.to_owned());
                self.ended = Some(reason.clone());
                Err(self.conversation.shared.stale(reason))
            }
            Attachment::Attached { session, index, credit } => {
                let (session, index, credit) = (session.clone(), *index, credit.clone());
                drop(state);
                self.read_from(session, index, credit);
                Ok(())
            }
            Attachment::Revoked(reason) => {
                let reason = reason.clone();
                self.reader = None;
                self.ended = Some(reason.clone());
                // Said again at each look.
                self.seen = self.seen.wrapping_sub(1);
                Err(self.conversation.shared.stale(reason))
            }
            Attachment::Refused(error) => Err(error.take().unwrap_or(Error::Closed("the link"))),
        }
    }

    fn read_from(&mut self, session: Arc<Session>, index: u32, credit: Option<Credit>) {
        self.pins = credit.as_ref().and_then(|credit| Pins::new(credit, self.registration.clone()));
        let now = self.session.take().zip(self.reader.take());
        let reader = match now.or_else(|| self.before.take()) {
            // The same life of the service as before: the connection was lost, the values were not.
            Some((before, reader)) if Arc::ptr_eq(&before, &session) => Some(reader.resume(credit)),
            _ => {
                let reader = self.reader_of(&session, index, credit);
                // A new life is followed from its beginning, so that nothing of it goes uncounted.
                self.gap = self.start == Start::First;
                self.start = Start::First;
                reader
            }
        };
        self.shared.parker.move_to(reader.as_ref().map(|reader| reader.awaited().0.clone()));
        self.payload = session.payload;
        self.values = Some(Values::new(session.clone()));
        self.conversion = session.conversion.clone();
        self.reader = reader;
        self.session = Some(session);
        self.apart = self.is_to_go_apart();
        self.ended = None;
    }

    /// Looks for the next value and holds it: where it is, with its stamp.
    #[allow(clippy::type_complexity, reason = "a look with the hold that belongs to it")]
    fn look_pinned(&mut self) -> Result<Option<(Pin, (ItemId, Taken<(u64, Reference)>))>> {
        loop {
            let changed = self.has_changed();
            if let Some(pins) = self.pins.clone() {
                let Some(pin) = pins.begin() else {
                    return if self.reader.as_ref().is_some_and(Reader::has_more) {
                        Err(self.holds_all(&pins))
                    } else {
                        Ok(None)
                    };
                };
                let copy = |values: &mut Values, _: Option<&Conversion>, body: &[AtomicU64]| {
                    let reference = values.reference(body);
                    pin.announce(reference);
                    (body[0].load(Ordering::Relaxed), reference)
                };
                let look = if changed { self.look_before_change(copy) } else { self.look_now(copy) };
                if let Some(taken) = look {
                    step!(Pinned);
                    return Ok(Some((pin, taken)));
                }
            }
            if !changed {
                return Ok(None);
            }
            // What comes now is of another session, with other holds.
            self.last = None;
            self.adopt()?;
        }
    }

    #[cold]
    fn holds_all(&self, pins: &Pins) -> Error {
        let what = format!("{}/{}", self.conversation.shared.address(), self.shared.target);
        Error::HoldsAll { what, samples: pins.most() }
    }

    /// A reader that begins in `session` where this link is to begin.
    fn reader_of(&self, session: &Arc<Session>, index: u32, credit: Option<Credit>) -> Option<Reader> {
        let names = &self.conversation.shared.names;
        match &self.shared.target {
            Target::One(item) => {
                let (_, memory) = session.item(index)?;
                let id = names.id(item);
                Some(Reader::One(OneItem::new(id, memory, self.delivery, self.start, credit)))
            }
            Target::Many(only) => {
                let (session, only) = (session.clone(), only.as_deref());
                let many = ManyItems::new(session, names.clone(), only, self.delivery, self.start);
                Some(Reader::Many(Box::new(many)))
            }
        }
    }

    /// As [`attach`](Self::attach), without a thread.
    pub(crate) async fn attach_async(&mut self, limit: Duration) -> Result<()> {
        let mut deadline = self.conversation.bus.deadline(limit);
        while self.reader.is_none() {
            let shared = self.shared.clone();
            if !shared.state.change(self.seen, &mut deadline).await {
                return Err(self.timed_out("advise", limit));
            }
            self.adopt()?;
        }
        Ok(())
    }

    /// Waits for the service's answer to the advise.
    pub(crate) fn attach(&mut self, limit: Duration) -> Result<()> {
        let deadline = Instant::now().checked_add(limit);
        while self.reader.is_none() {
            let seen = self.seen;
            if self.shared.state.version() != seen {
                self.adopt()?;
                continue;
            }
            let left =
                deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Err(self.timed_out("advise", limit));
            }
            self.shared.state.wait(seen, left.min(Duration::from_secs(3600)));
        }
        Ok(())
    }

    #[cold]
    fn timed_out(&self, verb: &'static str, after: Duration) -> Error {
        let conversation = &self.conversation.shared;
        let hint = match (&self.ended, conversation.trouble()) {
            (None, None) if verb == "recv" => "nothing was published meanwhile".to_owned(),
            (None, None) if self.shared.wait => "no such item appeared".to_owned(),
            (None, None) => "the service does not answer; is its process stopped?".to_owned(),
            (Some(reason), None) if conversation.is_live() => {
                format!("the service was gone ({reason}) and has returned, but without this item")
            }
            (Some(reason), None) => format!("the service is gone ({reason}) and has not returned"),
            (_, Some(trouble)) => format!("the service cannot be talked to: {trouble}"),
        };
        let what = format!("{}/{}", conversation.address(), self.shared.target);
        Error::Timeout { verb, what, after, hint }
    }
}

impl<D> Drop for Link<D> {
    fn drop(&mut self) {
        self.shared.vigil.end();
    }
}

/// A link, as the service knows it; it ends when the link is gone, and all that is held of it.
#[derive(Debug)]
pub(crate) struct Registration {
    conversation: Arc<ConversationHandle>,
    shared: Arc<LinkShared>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let conversation = self.conversation.shared.clone();
        self.conversation.bus.command(Command::Unadvise { conversation, link: self.shared.number });
    }
}
