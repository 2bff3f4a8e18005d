//! The gate of a link with options: what the reader takes from memory passes here, or does not.
//!
//! For each item the gate keeps the *candidate*, which is the newest value that the filter accepted and that was not
//! delivered, and the counts of what came before it. A newer value takes the candidate's place, and counts it:
//!
//! ```text
//! take ─► filter ─► candidate of its item ─► (interval over) ─► deadband ─► delivered
//!            │          │ newer one                                │
//!            └──────────┴────────────── suppressed ◄──────────────┘  kept as the candidate if the link
//!                                                                    has `data_on_stop`
//! ```
//!
//! Without an interval a value is judged when it is taken, and becomes a candidate only where the link has `data_on_stop`
//! and the deadband holds it. With one, a *round* begins when it is over: all that there is then is taken, and then every item's candidate delivered.
//! So each item comes at most once in a round, with its newest value; and between two rounds nothing is looked at,
//! no bell is set, and the publisher wakes nobody.
//!
//! What a candidate missed and suppressed is settled in it when it becomes one, since values that come after it are
//! counted before it is delivered.
//!
//! What may go wrong: the filter is the user's own and may panic. A value is counted as suppressed before it is shown to
//! the filter, and again as the candidate if it is accepted, so that the account holds whoever catches the panic.
//! What the gate holds is bounded by one value for each item that the link has met.

use core::fmt;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::deadband::Band;
use super::deliver::Deliver;
use super::options::{Filter, Options};
use super::vigil::Due;
use crate::error::Error;
use crate::mark::Mark;
use crate::update::{ItemId, Notice, Update};

/// What a gate looks at, in what a link delivers.
pub trait Passing {
    /// Which item it is of.
    #[doc(hidden)]
    fn id(&self) -> ItemId;

    #[doc(hidden)]
    fn marked(&self) -> Mark;

    /// What was not delivered before it.
    #[doc(hidden)]
    fn counts(&self) -> Counts;

    #[doc(hidden)]
    fn settle(&mut self, counts: Counts);

    /// Which life of the service it is of.
    #[doc(hidden)]
    fn life(&self) -> u64;

    /// Whether there was a gap before it.
    #[doc(hidden)]
    fn gap_mut(&mut self) -> &mut bool;
}

/// Values that were not delivered, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub(crate) missed: u64,
    pub(crate) suppressed: u64,
}

impl Counts {
    fn plus(self, other: Counts) -> Counts {
        // Numbers of a hostile publisher may be any.
        Counts {
            missed: self.missed.wrapping_add(other.missed),
            suppressed: self.suppressed.wrapping_add(other.suppressed),
        }
    }

    /// With one more that was suppressed.
    fn and_one(self) -> Counts {
        self.plus(Counts { missed: 0, suppressed: 1 })
    }
}

impl<V> Passing for Update<V> {
    fn id(&self) -> ItemId {
        self.item
    }

    fn marked(&self) -> Mark {
        self.mark
    }

    fn counts(&self) -> Counts {
        Counts { missed: self.missed, suppressed: self.suppressed }
    }

    fn settle(&mut self, counts: Counts) {
        (self.missed, self.suppressed) = (counts.missed, counts.suppressed);
    }

    fn life(&self) -> u64 {
        self.epoch
    }

    fn gap_mut(&mut self) -> &mut bool {
        &mut self.gap
    }
}

/// A notice stands for all changes since the one before, for whatever reason that did not tell of them.
impl Passing for Notice {
    fn id(&self) -> ItemId {
        self.item
    }

    fn marked(&self) -> Mark {
        Mark::GOOD
    }

    fn counts(&self) -> Counts {
        Counts { missed: self.missed, suppressed: 0 }
    }

    fn settle(&mut self, counts: Counts) {
        self.missed = counts.missed.wrapping_add(counts.suppressed);
    }

    fn life(&self) -> u64 {
        self.epoch
    }

    fn gap_mut(&mut self) -> &mut bool {
        &mut self.gap
    }
}

/// What a gate lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// What the options let.
    Open,
    /// Nothing for now.
    Paused,
    /// Nothing but what is in the round already.
    Finished,
}

/// The gate of one link.
pub(crate) struct Gate<D: Deliver> {
    pub(crate) filter: Option<Filter<D::Value>>,
    pub(crate) band: Option<Box<dyn Band<D::Value>>>,
    pub(crate) interval: Duration,
    pub(crate) once: bool,
    pub(crate) data_on_stop: bool,
    state: State,
    /// When the link delivered last, if it has an interval.
    delivered_at: Option<Instant>,
    /// What is known of each item that was met. Ids are dense in a conversation, and not in each of its links.
    items: BTreeMap<ItemId, PerItem<D::Item>>,
    /// Items with a candidate that is to be judged, in the order in which they got it.
    round: VecDeque<ItemId>,
    /// What is to be said after the round.
    error: Option<Error>,
    /// Whether there was a gap before what is delivered next.
    gap: bool,
}

/// An item at the gate.
struct PerItem<P> {
    /// The newest value that was accepted, and neither delivered nor dropped.
    candidate: Option<Box<P>>,
    /// Whether it is in the round.
    queued: bool,
    /// What came after the candidate, or else after what was delivered last.
    counts: Counts,
}

impl<P> Default for PerItem<P> {
    fn default() -> Self {
        PerItem { candidate: None, queued: false, counts: Counts::default() }
    }
}

impl<D: Deliver> Gate<D> {
    /// A gate that lets everything through.
    pub(crate) fn new() -> Self {
        Gate {
            filter: None,
            band: None,
            interval: Duration::ZERO,
            once: false,
            data_on_stop: false,
            state: State::Open,
            delivered_at: None,
            items: BTreeMap::new(),
            round: VecDeque::new(),
            error: None,
            gap: false,
        }
    }

    pub(crate) fn change(&mut self, options: Options<D::Value>) {
        options.filter.apply(&mut self.filter);
        options.band.apply(&mut self.band);
        self.interval = options.interval.unwrap_or(self.interval);
        self.once = options.once.unwrap_or(self.once);
        self.data_on_stop = options.data_on_stop.unwrap_or(self.data_on_stop);
    }

    /// Whether there is an option to apply.
    pub(crate) fn has_options(&self) -> bool {
        self.filter.is_some()
            || self.band.is_some()
            || !self.interval.is_zero()
            || self.once
            || self.data_on_stop
    }

    /// Whether the link would do as well without a gate.
    pub(crate) fn is_idle(&self) -> bool {
        !self.has_options()
            && self.state == State::Open
            && self.error.is_none()
            && !self.gap
            && self.items.values().all(|item| item.candidate.is_none() && item.counts == Counts::default())
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Lets nothing through for now, or does so again; a gate that is finished stays that.
    pub(crate) fn pause(&mut self, pause: bool) {
        if self.state != State::Finished {
            self.state = if pause { State::Paused } else { State::Open };
        }
    }

    /// Whether rounds are collected.
    pub(crate) fn collects(&self) -> bool {
        !self.interval.is_zero()
    }

    /// How long nothing is to be looked at; `None` if it is time. Reads the clock only within an interval.
    pub(crate) fn rests(&mut self) -> Option<Duration> {
        let delivered_at = self.delivered_at?;
        if self.state != State::Open || !self.round.is_empty() {
            return None;
        }
        let left = self.interval.saturating_sub(delivered_at.elapsed());
        if left.is_zero() {
            self.delivered_at = None;
            return None;
        }
        Some(left)
    }

    /// When to look at the link although nothing was published; `None` if that is for its reader to say.
    pub(crate) fn due(&self) -> Option<Due> {
        if self.state == State::Paused {
            return Some(Due::Never);
        }
        if !self.round.is_empty() || self.error.is_some() {
            return Some(Due::Now);
        }
        if self.state == State::Finished {
            return Some(Due::Never);
        }
        // An interval that ends after all time does not.
        Some(self.delivered_at?.checked_add(self.interval).map_or(Due::Never, Due::At))
    }

    /// Whether nothing waits to be judged.
    pub(crate) fn is_round_empty(&self) -> bool {
        self.round.is_empty()
    }

    /// Whether nothing will ever be delivered again.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Finished && self.round.is_empty() && self.error.is_none()
    }

    /// An error, to be said when the round has been delivered.
    pub(crate) fn fail(&mut self, error: Error) {
        self.error = Some(error);
    }

    pub(crate) fn take_error(&mut self) -> Option<Error> {
        self.error.take()
    }

    /// Another life of the service begins: its values are counted anew, and compared with nothing of the last.
    pub(crate) fn new_life(&mut self) {
        self.items.clear();
        self.round.clear();
        self.delivered_at = None;
        if let Some(band) = &mut self.band {
            band.forget();
        }
    }

    /// A value was taken: what passes at once, where nothing is collected.
    pub(crate) fn consider(&mut self, taken: D::Item) -> Option<D::Item> {
        if self.collects() {
            self.collect(taken);
            return None;
        }
        let id = taken.id();
        let accepted = self.accept(taken)?;
        self.judge(id, accepted)
    }

    /// A value was taken, and is judged in the round.
    pub(crate) fn collect(&mut self, taken: D::Item) {
        let id = taken.id();
        let Some(accepted) = self.accept(taken) else { return };
        let item = self.items.entry(id).or_default();
        item.candidate = Some(Box::new(accepted));
        if !item.queued {
            item.queued = true;
            self.round.push_back(id);
        }
    }

    /// The value with its counts, in the place of the item's candidate, if the filter accepts it.
    fn accept(&mut self, mut taken: D::Item) -> Option<D::Item> {
        self.gap |= core::mem::take(taken.gap_mut());
        let (id, collects) = (taken.id(), self.collects());
        let item = self.items.entry(id).or_default();
        let mut here = taken.counts();
        if collects {
            here = Counts { missed: 0, suppressed: here.missed.wrapping_add(here.suppressed) };
        }
        let before = item.counts.plus(here);
        item.counts = before.and_one();
        if self.filter.as_mut().is_some_and(|filter| !filter.accepts(D::value(&taken))) {
            return None;
        }
        let before = match item.candidate.as_deref() {
            Some(older) => older.counts().and_one().plus(before),
            None => before,
        };
        item.counts = Counts::default();
        taken.settle(before);
        item.candidate = None;
        Some(taken)
    }

    /// The next of the round that passes.
    pub(crate) fn next(&mut self) -> Option<D::Item> {
        while let Some(id) = self.round.pop_front() {
            let item = self.items.entry(id).or_default();
            item.queued = false;
            let Some(candidate) = item.candidate.take() else { continue };
            if let Some(passed) = self.judge(id, *candidate) {
                return Some(passed);
            }
        }
        None
    }

    /// Whether an accepted value passes the deadband; what does not is counted, or stays the item's candidate.
    fn judge(&mut self, id: ItemId, mut accepted: D::Item) -> Option<D::Item> {
        let held = self.state != State::Finished
            && self.band.as_ref().is_some_and(|band| band.holds(id, D::value(&accepted), accepted.marked()));
        if held {
            let item = self.items.entry(id).or_default();
            if self.data_on_stop {
                item.candidate = Some(Box::new(accepted));
            } else {
                item.counts = accepted.counts().and_one().plus(item.counts);
            }
            return None;
        }
        if let Some(band) = &mut self.band {
            band.delivered(id, D::value(&accepted), accepted.marked());
        }
        *accepted.gap_mut() = core::mem::take(&mut self.gap);
        if !self.interval.is_zero() {
            self.delivered_at = Some(Instant::now());
        }
        if self.once {
            self.finish(false);
        }
        Some(accepted)
    }

    /// Ends the link: the round becomes every item's candidate, or nothing.
    pub(crate) fn finish(&mut self, with_candidates: bool) {
        self.state = State::Finished;
        self.round.clear();
        if !with_candidates {
            self.items.clear();
            self.error = None;
            return;
        }
        for (&id, item) in &mut self.items {
            item.queued = item.candidate.is_some();
            if item.queued {
                self.round.push_back(id);
            }
        }
    }
}

impl<D: Deliver> fmt::Debug for Gate<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gate({:?}, {} in the round)", self.state, self.round.len())
    }
}
