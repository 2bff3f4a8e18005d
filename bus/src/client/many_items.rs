//! The place of a link to several items: in the topic's journal, and in each item's ring.
//!
//! The journal's entries say "item i has number n now", in publish order. For each item there is a cursor:
//!
//! - *in order*: entry (i, n) delivers exactly value n of item i, or counts it as missed if it was
//!   overwritten meanwhile; so the order across items is the order of publishing;
//! - *latest*: entry (i, n) delivers the newest value of item i, and later entries that it has overtaken
//!   deliver nothing.
//!
//! A reader that falls so far behind that the journal's entries are overwritten makes a *sweep*: it visits
//! every item and takes from it what it still holds. The order across items is lost for that stretch, but no
//! value that is still there is, no item's last value is ever missed, and the counts stay exact for each
//! item. A sweep also gives a late joiner the present values: it *primes*.
//!
//! An entry may name an item whose segment has not come yet, since segments travel by the control plane. It
//! is kept until the segment is there, for at most [`SEGMENT_BOUND`]: a hostile publisher may name what does
//! not exist. Entries that were overwritten may have named such items too, and a sweep cannot visit them; so
//! once entries were lost, each segment that comes later is swept when it does.
//!
//! A value may lie in pool memory that has not come yet. Then the entry, or the sweep, stays at it.
//!
//! A lossless link tells its publisher which entry it wants next, and nothing before it has the present values.

use core::cell::Cell;
use core::ops::Range;
use core::time::Duration;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use super::credit_memory::{Account, Credit};
use super::link_state::Wanted;
use super::names::Names;
use super::reader::{Delivery, Look, Start};
use super::session::Session;
use crate::bell::PARK_BOUND;
use crate::name;
use crate::ring::{Copied, Cursor};
use crate::segment::ItemMemory;
use crate::sync::{AtomicU64, Ordering};
use crate::update::ItemId;

/// How long to wait for a segment that was announced.
const SEGMENT_BOUND: Duration = Duration::from_secs(1);

/// Journal entries that a look passes over without delivering before it asks how many there are at all.
const MANY_ENTRIES: u32 = 64;

/// A place in a topic's journal.
#[derive(Debug)]
pub(crate) struct ManyItems {
    session: Arc<Session>,
    names: Arc<Names>,
    choice: Choice,
    delivery: Delivery,
    /// How many values of an item to deliver at most of those that it has, if not all.
    most: Option<u64>,
    /// Where to begin with an item that is met.
    start: Start,
    journal: Cursor,
    /// The entry that is being worked on.
    entry: Option<Entry>,
    /// Since when `entry` waits for its item's segment.
    missing_since: Option<Instant>,
    /// Whether further segments may come.
    more_segments: bool,
    /// Indices of items that a sweep has still to visit.
    sweep: Range<u32>,
    /// Whether the sweep is for the present values only.
    priming: bool,
    /// Up to which number the sweep takes values from the item that it is at.
    sweep_to: Option<u64>,
    /// How many sweeps for lost entries have begun.
    sweeps: u64,
    /// Once entries were lost: how many items, and of how many segments, were swept for what those named.
    swept: Option<(u32, usize)>,
    /// What is known of each item by index; `None` for one not met yet.
    items: Vec<Option<Followed>>,
    /// What the publisher is told, if it is to lose nothing.
    account: Option<Account>,
}

/// The items that are wanted, by name.
#[derive(Debug)]
enum Choice {
    These(HashSet<String>),
    Matching(String),
}

impl Choice {
    fn of(wanted: &Wanted) -> Self {
        match wanted {
            Wanted::These(names) => Choice::These(names.iter().cloned().collect()),
            Wanted::Matching(pattern) => Choice::Matching(pattern.clone()),
        }
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Choice::These(names) => names.contains(name),
            Choice::Matching(pattern) => name::matches(pattern, name),
        }
    }
}

/// An item that was met.
#[derive(Debug)]
struct Followed {
    id: ItemId,
    memory: ItemMemory,
    cursor: Cursor,
    /// Number of the latest value when it was met.
    met_at: u64,
    wanted: bool,
}

/// A journal entry: this item has this number, of which the low half is known.
#[derive(Debug, Clone, Copy)]
struct Entry {
    item: u32,
    low: u32,
}

impl ManyItems {
    pub(crate) fn new(
        session: Arc<Session>,
        names: Arc<Names>,
        wanted: &Wanted,
        delivery: Delivery,
        start: Start,
    ) -> Self {
        let head = session.journal.ring.latest();
        let mut many = ManyItems {
            journal: match start {
                // What is published from here on comes by the journal, what was before by the sweep.
                Start::Present | Start::Next => Cursor::at(head.wrapping_add(1)),
                Start::First => Cursor::at(1),
            },
            session,
            names,
            choice: Choice::of(wanted),
            delivery,
            most: None,
            start,
            entry: None,
            missing_since: None,
            more_segments: true,
            sweep: 0..0,
            priming: start == Start::Present,
            sweep_to: None,
            sweeps: 0,
            swept: None,
            items: Vec::new(),
            account: None,
        };
        many.meet_all();
        if start == Start::Present {
            many.sweep = 0..many.items.len() as u32;
        }
        // An item that appears from here on is new: all that it ever publishes is wanted.
        many.start = Start::First;
        many
    }

    /// See [`Reader::look`](super::reader::Reader::look). Ends, since a sweep is finite and the journal is
    /// followed only to where it was.
    pub(crate) fn look<R: Copied>(&mut self, copy: impl FnMut(&[AtomicU64]) -> R) -> Look<R> {
        let look = self.look_on(copy);
        self.keep_account(look.is_none());
        look
    }

    /// Tells the publisher where this stands, if it waits for that.
    fn keep_account(&mut self, idle: bool) {
        let Some(account) = &mut self.account else { return };
        // Not before it has the present values, and not while it makes up for what was lost.
        if self.sweep.is_empty() {
            let unread = u64::from(self.entry.is_some());
            account.keep(self.journal.wanted().wrapping_sub(unread), idle);
        }
    }

    fn look_on<R: Copied>(&mut self, mut copy: impl FnMut(&[AtomicU64]) -> R) -> Look<R> {
        // Whether the value that was copied last was not here.
        let elsewhere = Cell::new(false);
        let mut copy = |body: &[AtomicU64]| {
            let copied = copy(body);
            elsewhere.set(!copied.is_here());
            copied
        };
        let mut passed_over = 0;
        let mut end = None;
        loop {
            while !self.sweep.is_empty() {
                if let Some(taken) = self.sweep_one(&mut copy, &elsewhere) {
                    return Some(taken);
                }
                if elsewhere.get() {
                    return None;
                }
            }
            if self.swept.is_some_and(|(_, segments)| self.session.segment_count() > segments) {
                self.sweep_for_lost_entries();
                continue;
            }
            let Some(entry) = self.entry.or_else(|| self.next_entry()) else {
                if self.sweep.is_empty() {
                    return None;
                }
                continue;
            };
            if !self.meet(entry.item) && !self.give_up() {
                self.entry = Some(entry);
                return None;
            }
            self.entry = None;
            self.missing_since = None;
            elsewhere.set(false);
            if let Some(taken) = self.follow(entry, &mut copy) {
                return Some(taken);
            }
            if elsewhere.get() {
                self.entry = Some(entry);
                return None;
            }
            passed_over += 1;
            if passed_over >= MANY_ENTRIES {
                let end = *end.get_or_insert_with(|| self.session.journal.ring.latest());
                if (self.journal.wanted().wrapping_sub(end) as i64) > 0 {
                    return None;
                }
            }
        }
    }

    /// Tells its publisher where it stands by this, if the link is tracked and waited for.
    pub(crate) fn tell_by(&mut self, credit: Option<Credit>) {
        let credit = credit.filter(|_| self.delivery == Delivery::Lossless);
        self.account = credit.map(|credit| Account::new(credit, self.session.journal.ring.depth()));
    }

    pub(crate) fn account_mut(&mut self) -> &mut Option<Account> {
        &mut self.account
    }

    /// What a sleeper waits for.
    pub(crate) fn awaited(&self) -> (&ItemMemory, u64) {
        (&self.session.journal, self.journal.wanted())
    }

    /// Whether there is something to do besides the journal's next entries.
    pub(crate) fn is_busy(&self) -> bool {
        self.entry.is_some() || !self.sweep.is_empty()
    }

    /// Whether it waits for a segment, and when to see whether it still has to.
    pub(crate) fn missing_segment(&self) -> Option<Instant> {
        self.entry.and(self.missing_since).map(|_| Instant::now() + PARK_BOUND)
    }

    /// Whether there are items that a sweep has still to visit.
    pub(crate) fn is_sweeping(&self) -> bool {
        !self.sweep.is_empty()
    }

    /// How many sweeps for lost entries have begun.
    pub(crate) fn sweeps(&self) -> u64 {
        self.sweeps
    }

    /// Says whether further segments may come.
    pub(crate) fn expect_segments(&mut self, more: bool) {
        self.more_segments = more;
    }

    /// Delivers so from now on.
    pub(crate) fn deliver(&mut self, delivery: Delivery) {
        self.delivery = delivery;
    }

    /// Delivers at most so many values of those that an item has.
    pub(crate) fn keep(&mut self, most: Option<u64>) {
        self.most = most;
    }

    /// If a segment is missing: waits for it, at most `bound`.
    pub(crate) fn wait_for_segment(&mut self, bound: Duration) -> bool {
        match self.entry {
            Some(entry) => self.session.wait_for(entry.item, bound.min(SEGMENT_BOUND)),
            None => return false,
        }
        true
    }

    /// Whether to give up an entry whose segment is missing.
    fn give_up(&mut self) -> bool {
        let since = *self.missing_since.get_or_insert_with(Instant::now);
        let give_up = !self.more_segments || since.elapsed() >= SEGMENT_BOUND;
        if give_up {
            tracing::warn!(pid = self.session.pid, "the journal names an item whose segment did not come");
        }
        give_up
    }

    /// Takes the next entry of the journal. Where entries were lost, begins a sweep, and keeps the entry for
    /// after it.
    fn next_entry(&mut self) -> Option<Entry> {
        let taken = self.journal.next(&self.session.journal.ring, |body| body[0].load(Ordering::Relaxed))?;
        let entry = Entry { item: (taken.value >> 32) as u32, low: taken.value as u32 };
        if taken.missed == 0 {
            return Some(entry);
        }
        self.swept = None;
        self.sweep_for_lost_entries();
        self.entry = Some(entry);
        None
    }

    /// Begins a sweep of all items that may have been named by entries that were lost, and were not swept since.
    fn sweep_for_lost_entries(&mut self) {
        let segments = self.session.segment_count();
        self.meet_all();
        let items = self.items.len() as u32;
        self.sweep = self.swept.map_or(0, |(swept, _)| swept)..items;
        self.swept = Some((items, segments));
        self.sweeps += 1;
        self.priming = false;
        self.sweep_to = None;
    }

    /// Delivers what an entry announces, unless it was delivered already or is gone.
    fn follow<R: Copied>(&mut self, entry: Entry, copy: impl FnMut(&[AtomicU64]) -> R) -> Look<R> {
        let item = self.items.get_mut(entry.item as usize)?.as_mut().filter(|item| item.wanted)?;
        if let Some(most) = self.most {
            item.cursor.keep(most, &item.memory.ring);
        }
        let wanted = item.cursor.wanted();
        let number = wanted.wrapping_add(i64::from(entry.low.wrapping_sub(wanted as u32) as i32) as u64);
        if (number.wrapping_sub(wanted) as i64) < 0 {
            return None;
        }
        let taken = match self.delivery {
            Delivery::Queue | Delivery::Lossless => item.cursor.exactly(number, &item.memory.ring, copy),
            Delivery::Latest => item.cursor.newest(&item.memory.ring, copy),
        };
        taken.map(|taken| (item.id, taken))
    }

    /// Delivers from the item that the sweep is at, and moves on when that has no more of what it had when
    /// the sweep came to it; what is published meanwhile comes by the journal. It stays where a value is `elsewhere`.
    fn sweep_one<R: Copied>(
        &mut self,
        copy: impl FnMut(&[AtomicU64]) -> R,
        elsewhere: &Cell<bool>,
    ) -> Look<R> {
        elsewhere.set(false);
        let index = self.sweep.start as usize;
        let item = self.items.get_mut(index).and_then(Option::as_mut).filter(|item| item.wanted);
        let taken = item.and_then(|item| {
            let ring = &item.memory.ring;
            let last =
                *self.sweep_to.get_or_insert_with(|| if self.priming { item.met_at } else { ring.latest() });
            if let Some(most) = self.most {
                item.cursor.keep(most, ring);
            }
            let passed_over = item.cursor.wanted().wrapping_sub(last) as i64 > 0;
            let taken = match self.delivery {
                // Later values come by the journal, in their order.
                Delivery::Queue | Delivery::Lossless if self.priming && (last == 0 || passed_over) => None,
                Delivery::Queue | Delivery::Lossless if self.priming => item.cursor.exactly(last, ring, copy),
                Delivery::Queue | Delivery::Lossless => item.cursor.next(ring, copy),
                Delivery::Latest => item.cursor.newest(ring, copy),
            }?;
            Some((taken.number.wrapping_sub(last) as i64 >= 0, item.id, taken))
        });
        if taken.as_ref().map_or(!elsewhere.get(), |&(done, ..)| done) {
            self.sweep.start += 1;
            self.sweep_to = None;
        }
        taken.map(|(_, id, taken)| (id, taken))
    }

    /// Meets every item that there is now.
    fn meet_all(&mut self) {
        for index in 0..self.session.item_count() {
            self.meet(index);
        }
    }

    /// Looks an item up when it is first met; whether it is here.
    fn meet(&mut self, index: u32) -> bool {
        if self.items.get(index as usize).is_some_and(Option::is_some) {
            return true;
        }
        let Some((name, memory)) = self.session.item(index) else { return false };
        let wanted = self.choice.has(&name);
        let met_at = memory.ring.latest();
        let cursor = self.start.cursor(met_at);
        let id = self.names.id(&name);
        if self.items.len() <= index as usize {
            self.items.resize_with(index as usize + 1, || None);
        }
        self.items[index as usize] = Some(Followed { id, memory, cursor, met_at, wanted });
        true
    }
}
