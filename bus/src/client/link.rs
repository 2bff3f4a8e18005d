//! Links: live subscriptions.

use core::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::advise::Wait;
use super::attach::Registration;
use super::conversation_state::ConversationHandle;
use super::deliver::{Deliver, Pinned, Seen, here};
use super::gate::Gate;
use super::link_state::LinkShared;
use super::reader::{Delivery, Look, Reader, Start};
use super::sample::{Pin, Pins};
use super::session::Session;
use super::values::{Found, Values};
use super::vigil::NOBODY;
use crate::bell::PARK_BOUND;
use crate::envelope::Envelope;
use crate::error::{Ended, Error, Result};
use crate::message::Conversion;
use crate::ring::Copied;
use crate::spin::{SpinBudget, Waiting};
use crate::sync::{AtomicU64, step};
use crate::update::{ItemId, Update};

/// The longest sleep between two values of a link with an interval: what a condition variable takes for sure.
const LONGEST_REST: Duration = Duration::from_secs(3600);
/// Looks between two looks at the clock while spinning.
const LOOKS_A_CLOCK: u32 = 64;

/// A live subscription to an item, to several, or to a whole topic.
///
/// When the service goes, what it still published is delivered first; then one [`Error::Stale`] says why,
/// and the next receive waits for the service's return, of which [`Update::gap`] tells. In a `for`
/// a link is a series of [`recv`](Link::recv)s, and as a [`Stream`](crate::Stream) one of [`recv_async`](Link::recv_async)s;
/// it ends only where the link does: after [`stop`](Link::stop), an [eviction](Error::Evicted), or the one update of a link
/// that was advised [`once`](crate::AdviseBuilder::once).
///
/// A link is `Send`, and is read from one thread at a time.
pub struct Link<D: Deliver> {
    pub(super) conversation: Arc<ConversationHandle>,
    pub(super) shared: Arc<LinkShared>,
    /// As it was asked for; an interval may have the reader do otherwise.
    pub(super) delivery: Delivery,
    /// How many values of an item to deliver at most of those that it has, if not all.
    pub(super) most: Option<u64>,
    /// What its options let through, if it has any.
    pub(super) gate: Option<Box<Gate<D>>>,
    /// Where to begin in the next session.
    pub(super) start: Start,
    pub(super) wait: Wait,
    /// How long to spin, where this link may.
    budget: SpinBudget,
    /// Whether spinning is in vain, since the publisher can run only where this thread does.
    pub(super) shares_processor: bool,
    /// What is read now; `None` while the service is gone.
    pub(super) reader: Option<Reader>,
    /// What was read when the connection ended, with its session: it may be had again.
    pub(super) before: Option<(Arc<Session>, Reader)>,
    pub(super) session: Option<Arc<Session>>,
    pub(super) payload: usize,
    /// Which life of the service `reader` is of.
    pub(super) epoch: u64,
    /// Where the values of the session are, for the way apart.
    pub(super) values: Option<Values>,
    /// What the link may hold.
    pub(super) pins: Option<Arc<Pins>>,
    /// One of them for the next value, taken while there was time.
    pub(super) spare: Option<Pin>,
    /// `None` once the link is stopped.
    pub(super) registration: Option<Arc<Registration>>,
    /// How the session's values become ours, where its publisher has another version of the type.
    pub(super) conversion: Option<Arc<Conversion>>,
    /// Whether the plain way is not for this link: see [`is_apart`](Self::is_apart).
    pub(super) apart: bool,
    /// Whether somebody has begun to wait for this link by descriptor, and was not yet found to have ended.
    pub(super) watched: bool,
    /// Whether it says where it stands only [when asked](Self::try_recv_reporting), and not with each look.
    reports_when_asked: bool,
    /// The ticket by which the bus's tasks wait for this link.
    pub(super) ticket: u64,
    /// Whether a task's waker may still be with the vigil.
    pub(super) pending: bool,
    /// Looks since a task has polled this link.
    pub(super) looks: u32,
    /// Version of the shared state that `reader` is of.
    pub(super) seen: u64,
    /// Where the state has changed: up to which number the reader is read on.
    pub(super) last: Option<u64>,
    pub(super) gap: bool,
    /// Whether there was a life of the service before the one that is read next, and something of it was to be had.
    pub(super) follows: bool,
    pub(super) ended: Option<Ended>,
}

impl<D: Deliver> fmt::Debug for Link<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.conversation.shared.address();
        write!(f, "Link({address}/{}, {:?}, ended: {:?})", self.shared.target, self.delivery, self.ended)
    }
}

impl<D: Deliver> Link<D> {
    /// The next update, if there is one now.
    ///
    /// # Errors
    /// [`Error::Stale`], once, when the service is gone and all it published is delivered; [`Error::Refused`], once, where it
    /// came back and no longer grants what this link was advised with; [`Error::Evicted`], once, where the publisher no longer
    /// waits for this lossless link, which is at its end then;
    /// [`Error::InvalidValue`] where the bytes are no value of the type, and the link goes on after it;
    /// [`Error::HoldsAll`] while as many samples are kept as the link may hold, and there is another value;
    /// [`Error::Closed`] where the link was stopped or evicted, or has delivered its one update.
    #[inline(always)]
    pub fn try_recv(&mut self) -> Result<Option<D::Item>> {
        if self.is_apart() {
            return self.look_apart();
        }
        D::look(self)
    }

    /// Waits for the next update, however long.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv); [`Error::Paused`] where the link is paused.
    #[inline]
    pub fn recv(&mut self) -> Result<D::Item> {
        let looks = self.looks();
        let mut waiting = Waiting::default();
        loop {
            for _ in 0..looks {
                if self.is_apart() {
                    return self.recv_apart(None, None);
                }
                if let Some(item) = D::look(self)? {
                    return Ok(item);
                }
            }
            self.rest(&mut waiting, None);
        }
    }

    /// Waits for the next update, at most `timeout`.
    ///
    /// # Errors
    /// [`Error::Timeout`], and as [`recv`](Self::recv).
    #[inline]
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<D::Item> {
        let looks = self.looks();
        let mut waiting = Waiting::default();
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
                waiting.give_up(&mut self.budget);
                return Err(self.timed_out("recv", timeout));
            }
            self.rest(&mut waiting, deadline);
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
        self.check_not_paused()?;
        let looks = self.looks();
        let mut waiting = Waiting::default();
        loop {
            for _ in 0..looks {
                if let Some(item) = self.look_apart()? {
                    return Ok(item);
                }
                if self.rests().is_some() {
                    break;
                }
            }
            if let Some(timeout) = timeout {
                let now = Instant::now();
                let end = *deadline.get_or_insert_with(|| now.checked_add(timeout));
                if end.is_some_and(|end| now >= end) {
                    waiting.give_up(&mut self.budget);
                    return Err(self.timed_out("recv", timeout));
                }
            }
            self.rest(&mut waiting, deadline.flatten());
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
    fn rest(&mut self, waiting: &mut Waiting, deadline: Option<Instant>) {
        let rests = self.rests();
        if self.reader.is_some() && rests.is_none() {
            match self.wait {
                Wait::Spin => return,
                Wait::SpinThenPark if !self.shares_processor && waiting.spins(&mut self.budget) => return,
                Wait::SpinThenPark | Wait::Park => {}
            }
        }
        let left =
            deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return;
        }
        match rests {
            // The service's end is told of at once, and nothing else.
            Some(rests) => self.shared.state.wait(self.seen, rests.min(left).min(LONGEST_REST)),
            None => self.park(left),
        }
        waiting.woke(&mut self.budget);
    }

    /// Sleeps until there is something to look at, at most `bound`; may return early.
    fn park(&mut self, bound: Duration) {
        if let Some((session, memory)) = self.awaited_memory() {
            // The value is there, so nothing rings for it. Whether the service is gone is looked at now and then.
            return session.wait_for_pool(memory, bound.min(PARK_BOUND));
        }
        let state = &self.shared.state;
        match &mut self.reader {
            // A look was cut short, and nobody rings for what it left.
            Some(reader) if reader.is_sweeping() => {}
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

impl<D: Deliver> Link<D> {
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
            registration: Some(registration),
            values: None,
            pins: None,
            spare: None,
            delivery,
            most: None,
            gate: None,
            start,
            wait,
            budget: SpinBudget::new(),
            shares_processor: false,
            reader: None,
            before: None,
            session: None,
            payload: 0,
            epoch: 0,
            conversion: None,
            apart: false,
            watched: false,
            reports_when_asked: false,
            ticket: NOBODY,
            pending: false,
            looks: 0,
            seen: 0,
            last: None,
            gap: false,
            follows: false,
            ended: None,
        }
    }

    /// The link's number in its process, by which a publisher names it in its errors.
    pub fn number(&self) -> u64 {
        self.shared.number
    }

    /// Why the service is gone, or refuses this link since it is back; `None` while the link is live. What was published
    /// before is still delivered.
    pub fn ended(&self) -> Option<Ended> {
        self.shared.ended()
    }

    /// The name behind an [`ItemId`] of an update.
    pub fn name(&self, item: ItemId) -> Arc<str> {
        self.conversation.shared.names.name(item).unwrap_or_else(|| "".into())
    }

    /// The pool memory of the session that the next value lies in, where that has not come yet.
    pub(super) fn awaited_memory(&self) -> Option<(&Session, usize)> {
        let values = self.values.as_ref().filter(|_| self.reader.is_some())?;
        Some((values.session(), values.awaited()?))
    }

    /// Whether the control thread changed what `reader` is of.
    #[inline(always)]
    pub(super) fn has_changed(&self) -> bool {
        self.shared.state.version() != self.seen
    }

    /// Whether this is a time, or a link, for the way apart: something has changed, values are converted or lie
    /// elsewhere, the link has options, or somebody waits for it by descriptor, and is told where it stands. The plain way
    /// knows of none of these, so that its copy stays in registers.
    #[inline(always)]
    pub(super) fn is_apart(&self) -> bool {
        self.has_changed() || self.apart
    }

    /// An update with a value of the present session.
    #[inline(always)]
    pub(super) fn update_of<V>(
        &self,
        value: V,
        item: ItemId,
        seq: u64,
        missed: u64,
        gap: bool,
        envelope: Envelope,
    ) -> Update<V> {
        let (epoch, stamp, mark) = (self.epoch, envelope.stamp(), envelope.mark());
        Update { value, item, seq, missed, suppressed: 0, epoch, stamp, gap, stale: false, mark }
    }

    /// Whether there was a gap before the update that is made now.
    #[inline(always)]
    pub(super) fn take_gap(&mut self) -> bool {
        core::mem::take(&mut self.gap)
    }

    /// After a change of what that depends on.
    pub(super) fn choose_way(&mut self) {
        self.apart = self.conversion.is_some()
            || self.gate.is_some()
            || self.reports()
            || self.session.as_ref().is_some_and(|session| session.pooled);
    }

    /// What is there now, on the way apart.
    pub(super) fn look_apart(&mut self) -> Result<Option<D::Item>> {
        if self.reports() {
            self.shared.vigil.take_nudges();
            self.count_look();
        } else if core::mem::take(&mut self.watched) {
            // Nobody waits for it any longer: it may be for the plain way again.
            self.choose_way();
        }
        let look = if self.gate.is_none() { D::take(self) } else { self.look_through_gate() };
        if self.reports() {
            self.report();
        }
        look
    }

    /// From now on whoever waits for it by descriptor, and it is read by nobody else, asks it where it stands before each wait.
    pub(super) fn report_when_asked(&mut self) {
        self.reports_when_asked = true;
    }

    /// As [`try_recv`](Self::try_recv), and says where the link stands then.
    pub(super) fn try_recv_reporting(&mut self) -> Result<Option<D::Item>> {
        self.shared.vigil.take_nudges();
        let look = if self.gate.is_none() { D::take(self) } else { self.look_through_gate() };
        self.report();
        look
    }

    /// Whether each look says where the link stands.
    fn reports(&self) -> bool {
        self.is_watched() && !self.reports_when_asked
    }

    /// Whether somebody waits for this link by descriptor.
    pub(super) fn is_watched(&self) -> bool {
        self.shared.vigil.is_held()
    }

    /// Tells whoever waits for the link by descriptor where it stands.
    pub(super) fn report(&self) {
        let (wanted, due) = self.stands();
        // What a paused link has not seen is for it to look at when it goes on.
        let seen = if self.is_paused() { self.shared.state.version() } else { self.seen };
        self.shared.vigil.report(wanted, seen, due);
    }

    /// Looks with `copy`, which is told at which word a slot's message starts, and how it is converted.
    pub(super) fn look_with<R: Copied>(
        &mut self,
        copy: impl FnMut(&mut Values, Option<&Conversion>, &[AtomicU64]) -> R,
    ) -> Result<Look<R>> {
        self.values.iter_mut().for_each(Values::begin_look);
        if self.has_changed() { self.look_after_change(copy) } else { Ok(self.look_now(copy)) }
    }

    /// Looks into the session that `reader` is of.
    #[inline(always)]
    pub(super) fn look_now<R: Copied>(
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
    fn look_after_change<R: Copied>(
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
    fn look_before_change<R: Copied>(
        &mut self,
        copy: impl FnMut(&mut Values, Option<&Conversion>, &[AtomicU64]) -> R,
    ) -> Look<R> {
        let reader = self.reader.as_mut()?;
        let last = *self.last.get_or_insert_with(|| reader.conclude());
        if reader.is_past(last) { None } else { self.look_now(copy) }
    }

    /// Looks for the next value and holds it: where it is, with its stamp.
    pub(super) fn look_pinned(&mut self) -> Result<Option<(Pin, Seen<Pinned>)>> {
        self.values.iter_mut().for_each(Values::begin_look);
        loop {
            let changed = self.has_changed();
            if self.spare.is_none() {
                self.spare = self.pins.as_ref().and_then(Pins::begin);
            }
            // Who spins comes by here all the time.
            if !changed && self.reader.as_mut().is_none_or(Reader::is_idle) {
                if let Some(pin) = &self.spare {
                    pin.prepare();
                }
                return Ok(None);
            }
            if self.pins.is_some() && self.spare.is_none() {
                if self.has_more(changed) {
                    return Err(self.holds_all());
                }
            } else if let Some(pin) = self.spare.take() {
                let copy = |values: &mut Values, _: Option<&Conversion>, body: &[AtomicU64]| {
                    let reference = values.reference(body);
                    if let Found::OnItsWay = values.memory(reference) {
                        return None;
                    }
                    pin.announce(reference);
                    Some(Pinned { envelope: Envelope::load(body), reference })
                };
                let look = if changed { self.look_before_change(copy) } else { self.look_now(copy) };
                if let Some(taken) = here(look) {
                    step!(Pinned);
                    return Ok(Some((pin, taken)));
                }
                pin.withdraw();
                self.spare = Some(pin);
            }
            if !changed {
                return Ok(None);
            }
            // What comes now is of another session, with other holds.
            self.last = None;
            self.adopt()?;
        }
    }

    /// Whether there is a value that could be taken; of a session that has `changed`, one that comes before its end.
    fn has_more(&mut self, changed: bool) -> bool {
        let Some(reader) = &mut self.reader else { return false };
        let is_over = changed && {
            let last = *self.last.get_or_insert_with(|| reader.conclude());
            reader.is_past(last)
        };
        !is_over && reader.has_more()
    }

    #[cold]
    fn holds_all(&self) -> Error {
        let samples = self.pins.as_ref().map_or(0, |pins| pins.most());
        Error::HoldsAll { what: self.address(), samples }
    }

    /// What this link is to, in full.
    pub(super) fn address(&self) -> String {
        format!("{}/{}", self.conversation.shared.address(), self.shared.target)
    }

    #[cold]
    pub(super) fn timed_out(&self, verb: &'static str, after: Duration) -> Error {
        let conversation = &self.conversation.shared;
        let hint = match (&self.ended, conversation.trouble()) {
            (None, None) if verb == "recv" && self.awaited_memory().is_some() => {
                "the next value is in memory that the service has not sent yet; is its process stopped?"
                    .to_owned()
            }
            (None, None) if verb == "recv" && self.gate.is_some() => {
                "nothing was published meanwhile that the link's options let through".to_owned()
            }
            (None, None) if verb == "recv" => "nothing was published meanwhile".to_owned(),
            (None, None) if self.shared.wait => "no such item appeared".to_owned(),
            (None, None) => "the service does not answer; is its process stopped?".to_owned(),
            (Some(Ended::Refused(reason)), None) => {
                format!("the service was gone and has returned, but said no: {reason}")
            }
            (Some(reason), None) if conversation.is_live() => {
                format!("the service was gone ({reason}) and has returned, but without this item")
            }
            (Some(reason), None) => format!("the service is gone ({reason}) and has not returned"),
            (_, Some(trouble)) => format!("the service cannot be talked to: {trouble}"),
        };
        let what = self.address();
        Error::Timeout { verb, what, after, hint }
    }
}

impl<D: Deliver> Drop for Link<D> {
    fn drop(&mut self) {
        self.shared.vigil.end();
        self.reader.iter_mut().for_each(Reader::release);
    }
}
