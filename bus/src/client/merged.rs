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
//! here is whose turn it is, which members there are, and how to wait for all of them.
//!
//! **Turns.** The one whose turn it is delivers up to [`ROW`] values in a row, then, or when it has none, it is
//! the next one's turn. So a member that floods holds the others up by so many values, and a look that finds nothing costs a
//! look at each member, which is a few loads; no system call.
//!
//! **Lives.** A link here is of one life of a service and goes with it: when the list has it no longer, and all that there was has
//! been delivered and its end told of. Only then the next life of that name is taken in, so that they never
//! mix; it is followed from its first value on, and marked as coming after a gap. So nothing is kept of members that are
//! gone, but the names of the last [`REMEMBERED`].
//!
//! **Waiting.** All links are in a [`WaitSet`] of this link's own, with a descriptor that the list makes readable; it is made
//! when somebody first waits. A thread waits by it; a task, and a set of the user's, by its descriptor. A sleep takes as
//! many system calls for hundreds of members as for one.

use core::fmt;
use std::collections::{HashSet, VecDeque};
use std::future::poll_fn;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_core::Stream;

use super::advise::{LinkTerms, Wait};
use super::conversation_state::ConversationHandle;
use super::conversations::ListHandle;
use super::deliver::Deliver;
use super::gate::{Counts, Passing};
use super::link::Link;
use super::options::Options;
use super::reactor::Watched;
use super::reader::Start;
use super::received::Received;
use super::vigil::Vigil;
use super::wait_set::{Interest, WaitSet};
use super::waiter::Waiter;
use crate::error::{Error, Result};
use crate::registry::ServiceInfo;
use crate::spin::{SpinBudget, Waiting};
use crate::sys::processors;
use crate::sys::wake::Waker;
use crate::update::ItemId;

/// The most values of one member in a row while others may have some.
const ROW: u32 = 32;

/// Members that left whose names are remembered, so that the gap before their return is marked.
const REMEMBERED: usize = 1024;

/// Looks of one poll, or of one that a set waits for, at what turned out to be nothing, before others get their turn.
const LOOKS_A_POLL: usize = 64;

/// Makes a member's options.
pub(super) type MakeOptions<V> = Arc<dyn Fn() -> Options<V> + Send + Sync>;

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
/// [`add`](crate::WaitSet::add), and not by `add_edge`. To change its options, advise anew.
pub struct MergedLink<D: Deliver> {
    list: Arc<ListHandle>,
    /// The number by which the list wakes this.
    number: u64,
    terms: LinkTerms,
    options: Option<MakeOptions<D::Value>>,
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

/// Where this link waits.
struct Station {
    set: WaitSet<()>,
    /// What the list wakes.
    waker: Waker,
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
    pub(super) fn new(
        list: Arc<ListHandle>,
        terms: LinkTerms,
        options: Option<MakeOptions<D::Value>>,
        start: Start,
    ) -> Self {
        let number = list.bus.number();
        let born = list.shared.state.lock().begun;
        let mut link = MergedLink {
            list,
            number,
            terms,
            options,
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
            stopped: false,
            closed: false,
        };
        link.follow(link.list.shared.state.version());
        link
    }

    /// The next update of any member, if there is one now.
    ///
    /// # Errors
    /// Those of [`Link::try_recv`], of the member that they name, which for the others change nothing: [`Error::Stale`] for
    /// each that leaves, [`Error::Refused`] for each that does not grant what the link was advised with, and so on.
    /// [`Error::Closed`] where the link was stopped.
    pub fn try_recv(&mut self) -> Result<Option<Merged<D::Item>>> {
        let found = self.look()?;
        if found.is_some() || !self.vigil.is_held() {
            return self.or_closed(found);
        }
        // Somebody waits for this by its set, which is to be ready no longer.
        for _ in 0..LOOKS_A_POLL {
            if !self.arm()? {
                break;
            }
            if let Some(found) = self.look()? {
                return Ok(Some(found));
            }
        }
        self.or_closed(None)
    }

    /// Waits for the next update of any member, however long.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv); [`Error::Os`] where the process has no descriptors left to wait by.
    pub fn recv(&mut self) -> Result<Merged<D::Item>> {
        self.recv_within(None)
    }

    /// Waits for the next update of any member, at most `timeout`.
    ///
    /// # Errors
    /// [`Error::Timeout`], and as [`recv`](Self::recv).
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Merged<D::Item>> {
        self.recv_within(Some(timeout))
    }

    fn recv_within(&mut self, timeout: Option<Duration>) -> Result<Merged<D::Item>> {
        let mut waiting = Waiting::default();
        let mut deadline = None;
        loop {
            let found = self.look()?;
            if let Some(found) = self.or_closed(found)? {
                return Ok(found);
            }
            let mut left = None;
            if let Some(timeout) = timeout {
                let now = Instant::now();
                let end: Option<Instant> = *deadline.get_or_insert_with(|| now.checked_add(timeout));
                left = end.map(|end| end.saturating_duration_since(now));
                if left.is_some_and(|left| left.is_zero()) {
                    waiting.give_up(&mut self.budget);
                    return Err(self.timed_out(timeout));
                }
            }
            match self.terms.wait {
                Wait::Spin => continue,
                Wait::SpinThenPark if !processors::only_one() && waiting.spins(&mut self.budget) => continue,
                Wait::SpinThenPark | Wait::Park => {}
            }
            let station = self.station()?;
            match left {
                Some(left) => drop(station.set.wait_timeout(left)?),
                None => drop(station.set.wait()?),
            }
            station.waker.clear();
            waiting.woke(&mut self.budget);
        }
    }

    /// As [`recv`](Self::recv), without blocking a thread. To be dropped at any time: no update is lost with it.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub async fn recv_async(&mut self) -> Result<Merged<D::Item>> {
        let guard = Receiving(self);
        poll_fn(|context| guard.0.poll_recv(context)).await
    }

    /// The next update of any member, if there is one now; otherwise has the task woken when there may be.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Result<Merged<D::Item>>> {
        for _ in 0..LOOKS_A_POLL {
            let found = match self.look() {
                Ok(found) => self.or_closed(found),
                Err(error) => Err(error),
            };
            if let Some(found) = found.transpose() {
                return Poll::Ready(found);
            }
            if !self.arm()? {
                self.wait_by_tasks(context)?;
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn wait_by_tasks(&mut self, context: &Context<'_>) -> Result<()> {
        if self.watched.is_none() {
            self.watched = Some(Watched::new(self.list.bus.reactor()?));
        }
        let (Some(watched), Some(station)) = (&mut self.watched, &self.station) else { return Ok(()) };
        watched.wait(&station.set, context.waker()).map_err(Error::os("waiting for a merged link"))
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

    fn or_closed(&self, found: Option<Merged<D::Item>>) -> Result<Option<Merged<D::Item>>> {
        if found.is_none() && self.is_done() { Err(Error::Closed("the link")) } else { Ok(found) }
    }

    /// Looks at one after the other, beginning with the one whose turn it is.
    fn look(&mut self) -> Result<Option<Merged<D::Item>>> {
        loop {
            let version = self.list.shared.state.version();
            if self.seen != Some(version) {
                self.follow(version);
            }
            let found = self.look_at_parts()?;
            // Where a part has just made room for the next life of its name, nothing else tells of that life.
            if found.is_some() || self.seen.is_some() {
                return Ok(found);
            }
        }
    }

    /// Looks at each part once.
    fn look_at_parts(&mut self) -> Result<Option<Merged<D::Item>>> {
        let mut others = self.parts.len();
        while others > 0 {
            if self.turn >= self.parts.len() {
                (self.turn, self.row) = (0, 0);
            }
            let part = &mut self.parts[self.turn];
            // A link that is done says so whenever it is asked.
            let look = if part.link.is_done() { Ok(None) } else { part.link.try_recv() };
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
        Ok(None)
    }

    /// It is the next one's turn.
    fn pass_on(&mut self) {
        (self.turn, self.row) = (self.turn + 1, 0);
    }

    /// Nothing more comes of a part; the next one takes its place.
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
        if let Some(make) = &self.options {
            // They were checked when the link was advised. What a member has less of is granted as far as it goes.
            if let Err(error) = link.update(make()) {
                tracing::error!(%error, "options that were accepted before");
            }
        }
        self.parts.push(Part { info, link, counts: MergedCounts::default(), gone: false, attended: false });
    }

    /// Where this link waits, with all that it has.
    fn station(&mut self) -> Result<&mut Station> {
        let station = match &mut self.station {
            Some(station) => station,
            vacant => {
                let mut set = WaitSet::new()?;
                let waker = Waker::new().map_err(Error::os("creating an eventfd"))?;
                set.add_descriptor(&waker, Interest::Readable, ())?;
                self.list.shared.hail(self.number, waker.clone());
                // What came before it was hung up.
                waker.wake();
                vacant.insert(Station { set, waker })
            }
        };
        for part in self.parts.iter_mut().filter(|part| !part.attended && !part.link.is_done()) {
            // A link leaves the set by itself when it is dropped.
            station.set.add(&mut part.link, ())?;
            part.attended = true;
        }
        Ok(station)
    }

    /// Asks all publishers to ring; whether there is something to look at already.
    fn arm(&mut self) -> Result<bool> {
        let station = self.station()?;
        let ready = !station.set.wait_timeout(Duration::ZERO)?.is_empty();
        if ready {
            station.waker.clear();
        }
        Ok(ready)
    }

    /// Has a wait set wait for this; its ticket, and what it sees of this.
    pub(super) fn begin_to_wait(&mut self, waiter: Arc<Waiter>) -> Result<(u64, Arc<Vigil>, OwnedFd)> {
        let station = self.station()?;
        let descriptor = station.set.as_fd().try_clone_to_owned();
        let descriptor = descriptor.map_err(Error::os("duplicating a descriptor for a wait set"))?;
        // There may be something unread.
        station.waker.wake();
        Ok((self.vigil.begin(waiter), self.vigil.clone(), descriptor))
    }

    #[cold]
    fn timed_out(&self, after: Duration) -> Error {
        let members = self.parts.len();
        let hint = match members {
            0 => "the list has no members; its `troubles` say which services match and why they are none"
                .to_owned(),
            _ => format!(
                "none of {members} members published anything meanwhile that the link's options let through"
            ),
        };
        Error::Timeout { verb: "recv", what: self.address(), after, hint }
    }
}

impl<D: Deliver> Drop for MergedLink<D> {
    fn drop(&mut self) {
        self.list.shared.cease(self.number);
        self.vigil.end();
    }
}

/// A future that waits for the next update, and leaves no waker behind.
struct Receiving<'m, D: Deliver>(&'m mut MergedLink<D>);

impl<D: Deliver> Drop for Receiving<'_, D> {
    fn drop(&mut self) {
        if let Some(watched) = &self.0.watched {
            watched.cease();
        }
    }
}

/// A series of [`recv_async`](MergedLink::recv_async)s, which ends only where the link was [stopped](MergedLink::stop).
impl<D: Deliver> Stream for MergedLink<D> {
    type Item = Result<Merged<D::Item>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_done() {
            return Poll::Ready(None);
        }
        self.poll_recv(context).map(Some)
    }
}

/// Ends where the link was [stopped](MergedLink::stop).
impl<D: Deliver> Iterator for Received<&mut MergedLink<D>> {
    type Item = Result<Merged<D::Item>>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.0.is_done()).then(|| self.0.recv())
    }
}

/// Ends where the link was [stopped](MergedLink::stop).
impl<D: Deliver> Iterator for Received<MergedLink<D>> {
    type Item = Result<Merged<D::Item>>;

    fn next(&mut self) -> Option<Self::Item> {
        Received(&mut self.0).next()
    }
}

impl<D: Deliver> IntoIterator for MergedLink<D> {
    type Item = Result<Merged<D::Item>>;
    type IntoIter = Received<Self>;

    fn into_iter(self) -> Received<Self> {
        Received(self)
    }
}

impl<'m, D: Deliver> IntoIterator for &'m mut MergedLink<D> {
    type Item = Result<Merged<D::Item>>;
    type IntoIter = Received<Self>;

    fn into_iter(self) -> Received<&'m mut MergedLink<D>> {
        Received(self)
    }
}
