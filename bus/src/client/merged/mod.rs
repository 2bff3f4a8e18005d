//! A link to all members of a list, merged.
//!
//! ```text
//!   member ──► Link ──┐
//!   member ──► Link ──┼──► looked at in turn, a row of values from each ──► Merged { member, update }
//!   member ──► Link ──┘
//!   list   ──► members that joined and left, before each look where it has changed
//! ```
//!
//! It is a link for each life of each member, with all that such a link has: order, exact counts, options, holds, credit. What is
//! here is whose turn it is, and which members there are; [`waits`] is how to wait for all of them, [`options`] what they are
//! asked for.
//!
//! **Turns.** The one whose turn it is delivers up to [`ROW`] values in a row, then, or when it has none, it is
//! the next one's turn. So a member that floods holds the others up by so many values, and a look that finds nothing costs a
//! look at each member, which is a few loads; no system call.
//!
//! **Lives.** A link here is of one life of a service and goes with it: when the list has it no longer, and all that there was has
//! been delivered and its end told of. Only then the next life of that name is taken in, so that they never
//! mix; it is followed from its first value on, and marked as coming after a gap. So nothing is kept of members that are
//! gone, but the names of the last [`REMEMBERED`].

mod options;
mod waits;

use core::fmt;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

pub(super) use self::options::Steps;
use self::waits::Station;
use super::advise::LinkTerms;
use super::conversation_state::ConversationHandle;
use super::conversations::ListHandle;
use super::deliver::Deliver;
use super::gate::{Counts, Passing};
use super::link::Link;
use super::reactor::Watched;
use super::reader::Start;
use super::vigil::Vigil;
use crate::error::{Error, Result};
use crate::registry::ServiceInfo;
use crate::spin::SpinBudget;
use crate::update::ItemId;

/// The most values of one member in a row while others may have some.
const ROW: u32 = 32;

/// Members that left whose names are remembered, so that the gap before their return is marked.
const REMEMBERED: usize = 1024;

/// What a [`MergedLink`] delivers: an update, or a notice, and the member that it is of.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Merged<U> {
    /// The service, in the life that published it.
    pub member: Arc<ServiceInfo>,
    /// What its link delivers.
    pub update: U,
}

/// What became of the values of a [`MergedLink`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MergedCounts {
    /// Delivered.
    pub delivered: u64,
    /// The sum of [`Update::missed`](crate::Update::missed).
    pub missed: u64,
    /// The sum of [`Update::suppressed`](crate::Update::suppressed).
    pub suppressed: u64,
}

impl MergedCounts {
    fn add(&mut self, Counts { missed, suppressed }: Counts) {
        self.delivered += 1;
        // Numbers of a hostile publisher may be any.
        self.missed = self.missed.wrapping_add(missed);
        self.suppressed = self.suppressed.wrapping_add(suppressed);
    }
}

/// One link to all members of a list of conversations: their links, merged; see
/// [`Conversations::advise`](crate::Conversations::advise).
///
/// Members that join the list are advised on by themselves; of one that leaves, what it still published is delivered, then one
/// [`Error::Stale`] says of which service and why. All values of a member come in the order in which it published them, and
/// are counted exactly, in [`Update::missed`](crate::Update::missed) of each and in [`counts`](Self::counts) of all. There is no order
/// across members, but none is passed over for long: at most 32 values of one come in a row while another has some.
///
/// A member is one life of a service. One that returns is a new member, whose first update has a
/// [`gap`](crate::Update::gap), and whose values before that one are counted as missed. A life that begins and ends between
/// two looks at this link is not seen.
///
/// An [`ItemId`] means the item of the same name with all members; [`name`](Self::name) says which.
///
/// Receives, waits, `for`, streams and wait sets are those of a [`Link`]. Each of these sleeps in a
/// [`WaitSet`](crate::WaitSet) of the link's own, with its limits. In a wait set of the user's it is added by
/// [`add`](crate::WaitSet::add), and not by `add_edge`.
pub struct MergedLink<D: Deliver> {
    list: Arc<ListHandle>,
    /// The number by which the list wakes this.
    number: u64,
    terms: LinkTerms,
    steps: Steps<D::Value>,
    /// Where to begin with members that were there when the link was advised.
    start: Start,
    /// [`ListState::begun`](super::list::ListState::begun) then.
    born: u64,
    /// Version of the list's state that was followed last; `None` where it has to be in any case.
    seen: Option<u64>,
    parts: Vec<Part<D>>,
    /// Whose turn it is, and how many values it has delivered in a row.
    turn: usize,
    row: u32,
    /// The names of members that left, the last one last.
    departed: VecDeque<String>,
    counts: MergedCounts,
    station: Option<Station>,
    /// What a wait set sees of this.
    vigil: Arc<Vigil>,
    /// What a task waits by.
    watched: Option<Watched>,
    budget: SpinBudget,
    paused: bool,
    stopped: bool,
    /// Whether nobody keeps the list any longer.
    closed: bool,
}

/// One life of a member.
struct Part<D: Deliver> {
    info: Arc<ServiceInfo>,
    link: Link<D>,
    counts: MergedCounts,
    /// Whether the list has it no longer.
    gone: bool,
    /// Whether the link is in the set.
    attended: bool,
}

impl<D: Deliver> Part<D> {
    /// Whether nothing will come any longer: after a look that brought nothing.
    fn is_over(&self) -> bool {
        self.gone && (self.link.is_done() || (self.link.reader.is_none() && !self.link.has_changed()))
    }
}

impl<D: Deliver> fmt::Debug for MergedLink<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MergedLink({}, {} members)", self.address(), self.parts.len())
    }
}

impl<D: Deliver> MergedLink<D> {
    pub(super) fn new(list: Arc<ListHandle>, terms: LinkTerms, steps: Steps<D::Value>, start: Start) -> Self {
        let number = list.bus.number();
        let born = list.shared.state.lock().begun;
        let mut link = MergedLink {
            list,
            number,
            terms,
            steps,
            start,
            born,
            seen: None,
            parts: Vec::new(),
            turn: 0,
            row: 0,
            departed: VecDeque::new(),
            counts: MergedCounts::default(),
            station: None,
            vigil: Arc::new(Vigil::new()),
            watched: None,
            budget: SpinBudget::new(),
            paused: false,
            stopped: false,
            closed: false,
        };
        link.follow(link.list.shared.state.version());
        link
    }

    /// Stops the link: the services are told, and nothing that is published from now on is delivered, nor are members
    /// taken in. What options held back comes before the end where [`data_on_stop`](crate::Options::data_on_stop)
    /// says so.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.parts.iter_mut().for_each(|part| part.link.stop());
        if let Some(station) = &self.station {
            station.waker.wake();
        }
    }

    /// What became of all values so far, of members that have left too.
    pub fn counts(&self) -> MergedCounts {
        self.counts
    }

    /// The members that this link has now, and what became of the values of each.
    ///
    /// These are those of the list as of the last look, and those that have left and of which there was something to deliver.
    pub fn members(&self) -> Vec<(Arc<ServiceInfo>, MergedCounts)> {
        self.parts.iter().map(|part| (part.info.clone(), part.counts)).collect()
    }

    /// The name behind an [`ItemId`] of an update.
    pub fn name(&self, item: ItemId) -> Arc<str> {
        self.list.shared.names.name(item).unwrap_or_else(|| "".into())
    }

    fn address(&self) -> String {
        format!("{}/{}", self.list.address(), self.terms.target)
    }

    /// Whether nothing will ever be delivered again.
    pub(super) fn is_done(&self) -> bool {
        (self.stopped || self.closed) && self.parts.iter().all(|part| part.link.is_done())
    }

    /// That it is at its end, where it is and nothing was found.
    fn check_not_done(&self) -> Result<()> {
        if self.is_done() { Err(Error::Closed("the link")) } else { Ok(()) }
    }

    /// Looks at one after the other, beginning with the one whose turn it is.
    #[inline(always)]
    fn look(&mut self) -> Result<Option<Merged<D::Item>>> {
        self.look_by::<false>()
    }

    /// As [`look`](Self::look), where each is in the set; with `REPORTING`, each says where it stands.
    ///
    /// What is found is returned from within, and is part of the functions that return it, as far as they are on a value's way:
    /// each time that it is handed on, it is copied, and costs more than all else here.
    #[inline(always)]
    fn look_by<const REPORTING: bool>(&mut self) -> Result<Option<Merged<D::Item>>> {
        loop {
            self.follow_if_changed();
            if REPORTING {
                self.station()?;
            }
            let mut others = self.parts.len();
            while others > 0 {
                if self.turn >= self.parts.len() {
                    (self.turn, self.row) = (0, 0);
                }
                let part = &mut self.parts[self.turn];
                // A link that is done says so whenever it is asked.
                let look = if part.link.is_done() {
                    Ok(None)
                } else if REPORTING {
                    part.link.try_recv_reporting()
                } else {
                    part.link.try_recv()
                };
                match look {
                    Ok(Some(update)) => {
                        let counts = update.counts();
                        part.counts.add(counts);
                        self.counts.add(counts);
                        let member = part.info.clone();
                        self.row += 1;
                        if self.row >= ROW {
                            self.pass_on();
                        }
                        return Ok(Some(Merged { member, update }));
                    }
                    Ok(None) if part.is_over() => self.part_from(self.turn),
                    Ok(None) => self.pass_on(),
                    Err(error) => {
                        self.pass_on();
                        return Err(error);
                    }
                }
                others -= 1;
            }
            // Where a part has just made room for the next life of its name, nothing else tells of that life.
            if self.seen.is_some() {
                return Ok(None);
            }
        }
    }

    /// It is the next one's turn.
    fn pass_on(&mut self) {
        (self.turn, self.row) = (self.turn + 1, 0);
    }

    /// Nothing more comes of a part; the next one takes its place.
    #[cold]
    fn part_from(&mut self, index: usize) {
        let part = self.parts.remove(index);
        self.row = 0;
        if self.departed.len() == REMEMBERED {
            self.departed.pop_front();
        }
        self.departed.push_back(part.info.name.clone());
        // Another life of that name may have waited for the end of this one.
        self.seen = None;
    }

    #[inline(always)]
    fn follow_if_changed(&mut self) {
        let version = self.list.shared.state.version();
        if self.seen != Some(version) {
            self.follow(version);
        }
    }

    /// Takes over which members there are.
    #[cold]
    fn follow(&mut self, version: u64) {
        self.seen = Some(version);
        let list = self.list.clone();
        let state = list.shared.state.lock();
        self.closed = state.closed;
        for part in &mut self.parts {
            let number = part.link.conversation.shared.number;
            let known = state.entries.get(&part.info.name);
            part.gone = known.is_none_or(|entry| entry.conversation.number != number);
        }
        if self.stopped {
            return;
        }
        let known: HashSet<&str> = self.parts.iter().map(|part| &*part.info.name).collect();
        let new: Vec<_> = state
            .members()
            .filter(|entry| !known.contains(&*entry.info.name))
            .map(|entry| (entry.info.clone(), list.conversation(entry), entry.born))
            .collect();
        drop(state);
        for (info, conversation, born) in new {
            self.take_in(info, conversation, born);
        }
    }

    /// Advises on a member that has joined.
    fn take_in(&mut self, info: Arc<ServiceInfo>, conversation: Arc<ConversationHandle>, born: u64) {
        let returns = self.departed.iter().rposition(|name| *name == info.name);
        if let Some(index) = returns {
            self.departed.remove(index);
        }
        // All of what came since this link was advised is followed from its beginning, so that nothing of it goes uncounted.
        let start = if born > self.born { Start::First } else { self.start };
        let terms = LinkTerms { life: Some(info.instance), ..self.terms.clone() };
        let mut link = terms.begin::<D>(conversation, start);
        link.follows = returns.is_some();
        if let Some(options) = self.steps.options() {
            // They were checked before. What a member has less of is granted as far as it goes.
            link.change(options);
        }
        if self.paused {
            link.pause();
        }
        self.parts.push(Part { info, link, counts: MergedCounts::default(), gone: false, attended: false });
    }
}

impl<D: Deliver> Drop for MergedLink<D> {
    fn drop(&mut self) {
        self.list.shared.cease(self.number);
        self.vigil.end();
    }
}
