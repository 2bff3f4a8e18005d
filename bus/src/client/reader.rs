//! Where a link stands in a session, and how it moves on.
//!
//! A link to one item follows that item's ring. A link to several follows the journal, whose entries say
//! "item i has number n now", in publish order, and keeps a cursor for each item:
//!
//! - *in order*: entry (i, n) delivers exactly value n of item i, or counts it as missed if it was
//!   overwritten meanwhile; so the order across items is the order of publishing;
//! - *latest*: entry (i, n) delivers the newest value of item i, and later entries that it has overtaken
//!   deliver nothing.
//!
//! A reader that falls so far behind that the journal's entries are overwritten makes a *sweep*: it visits
//! every item and takes from it what it still holds. The order across items is lost for that stretch, but no
//! value that is still there is, no item's last value is ever missed, and the counts stay exact for each
//! item. The same sweep gives a late joiner the present values.

use core::ops::Range;
use core::time::Duration;
use std::sync::Arc;

use super::conversation::Names;
use super::session::Session;
use crate::ring::{Cursor, Miss, Taken};
use crate::segment::ItemMemory;
use crate::sync::{AtomicU64, Ordering};
use crate::update::ItemId;

/// Journal entries that a single look may pass over without delivering, so that it stays bounded.
const ENTRIES_A_LOOK: usize = 4096;

/// How long to wait for a segment that was announced.
pub(crate) const MISSING_BOUND: Duration = Duration::from_secs(1);

/// Which values a link delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Every value that is still in the ring, in order.
    Queue,
    /// Always the newest.
    Latest,
}

/// Where a link begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// With the present value.
    Present,
    /// With the next value published.
    Next,
    /// With the first value of this life of the service, as far as it is still there.
    First,
}

/// A value that a look brought, with the item it is of.
pub(crate) type Look<R> = Option<(ItemId, Taken<R>)>;

/// A link's place in a session.
#[derive(Debug)]
pub(crate) enum Reader {
    One(OneItem),
    Many(Box<ManyItems>),
}

/// A place in one item's ring.
#[derive(Debug)]
pub(crate) struct OneItem {
    id: ItemId,
    memory: ItemMemory,
    cursor: Cursor,
    delivery: Delivery,
}

/// A place in a topic's journal.
#[derive(Debug)]
pub(crate) struct ManyItems {
    session: Arc<Session>,
    names: Arc<Names>,
    /// The names that are wanted; `None` for all.
    only: Option<Vec<String>>,
    delivery: Delivery,
    start: Start,
    journal: Cursor,
    /// The entry that is being worked on.
    entry: Option<Entry>,
    /// Indices of items that a sweep has still to visit.
    sweep: Range<u32>,
    /// Whether the sweep is for the values that were present when this reader began, and for no later ones.
    priming: bool,
    /// Up to which number the sweep takes values from the item that it is at.
    sweep_to: Option<u64>,
    /// What is known of each item by index; `None` for one not met yet.
    items: Vec<Option<Followed>>,
}

/// An item that a journal's reader has met.
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

fn start(head: u64, start: Start) -> Cursor {
    Cursor::at(match start {
        Start::Present => head.max(1),
        Start::Next => head.wrapping_add(1),
        Start::First => 1,
    })
}

impl OneItem {
    pub(crate) fn new(id: ItemId, memory: ItemMemory, delivery: Delivery, from: Start) -> Self {
        let cursor = start(memory.ring.latest(), from);
        OneItem { id, memory, cursor, delivery }
    }

    #[inline(always)]
    fn look<R>(&mut self, copy: impl FnMut(&[AtomicU64]) -> R) -> Look<R> {
        let taken = match self.delivery {
            Delivery::Queue => self.cursor.next(&self.memory.ring, copy),
            Delivery::Latest => self.cursor.newest(&self.memory.ring, copy),
        };
        taken.map(|taken| (self.id, taken))
    }
}

impl Reader {
    /// The next value, copied with `copy`, if there is one now and a bounded look finds it; see
    /// [`has_more`](Self::has_more).
    #[inline(always)]
    pub(crate) fn look<R>(&mut self, copy: impl FnMut(&[AtomicU64]) -> R) -> Look<R> {
        match self {
            Reader::One(one) => one.look(copy),
            Reader::Many(many) => many.look(copy),
        }
    }

    /// Whether another look may bring something although the last one did not: each look is bounded.
    pub(crate) fn has_more(&mut self) -> bool {
        match self {
            Reader::One(one) => one.memory.ring.state(one.cursor.wanted()) != Err(Miss::NotYet),
            Reader::Many(many) => many.has_more(),
        }
    }

    /// The item whose segment has to come before this reader can go on, if that is so.
    pub(crate) fn look_for_missing(&mut self) -> Option<u32> {
        match self {
            Reader::One(_) => None,
            Reader::Many(many) => {
                let missing = many.entry?.item;
                (!many.meet(missing)).then_some(missing)
            }
        }
    }

    /// Waits for a missing item's segment, at most `bound`, and gives the item up if it does not come.
    pub(crate) fn wait_for_missing(&mut self, index: u32, bound: Duration) {
        if let Reader::Many(many) = self {
            many.session.wait_for(index, bound);
            if bound >= MISSING_BOUND && !many.meet(index) {
                tracing::warn!(
                    pid = many.session.pid,
                    index,
                    "the journal names an item that does not exist"
                );
                many.entry = None;
            }
        }
    }

    /// What this reader sleeps on, and the number it waits for there.
    #[inline]
    pub(crate) fn awaited(&self) -> (&ItemMemory, u64) {
        match self {
            Reader::One(one) => (&one.memory, one.cursor.wanted()),
            Reader::Many(many) => (&many.session.journal, many.journal.wanted()),
        }
    }
}

impl ManyItems {
    pub(crate) fn new(
        session: Arc<Session>,
        names: Arc<Names>,
        only: Option<Vec<String>>,
        delivery: Delivery,
        from: Start,
    ) -> Self {
        let head = session.journal.ring.latest();
        let mut many = ManyItems {
            journal: match from {
                // What is published from here on comes by the journal, what was before by the sweep.
                Start::Present | Start::Next => Cursor::at(head.wrapping_add(1)),
                Start::First => Cursor::at(1),
            },
            session,
            names,
            only,
            delivery,
            start: from,
            entry: None,
            sweep: 0..0,
            priming: from == Start::Present,
            sweep_to: None,
            items: Vec::new(),
        };
        many.meet_all();
        if from == Start::Present {
            many.sweep = 0..many.items.len() as u32;
        }
        // An item that appears from here on is new: all that it ever publishes is wanted.
        many.start = Start::First;
        many
    }

    fn look<R>(&mut self, mut copy: impl FnMut(&[AtomicU64]) -> R) -> Look<R> {
        for _ in 0..ENTRIES_A_LOOK {
            if !self.sweep.is_empty() {
                match self.sweep_one(&mut copy) {
                    Some(taken) => return Some(taken),
                    None => continue,
                }
            }
            let Some(entry) = self.entry.or_else(|| self.next_entry()) else {
                // Entries were lost and nothing came after them: the sweep that began is next.
                if self.sweep.is_empty() {
                    return None;
                }
                continue;
            };
            self.entry = Some(entry);
            if !self.meet(entry.item) {
                return None;
            }
            self.entry = None;
            if let Some(taken) = self.follow(entry, &mut copy) {
                return Some(taken);
            }
        }
        None
    }

    fn has_more(&mut self) -> bool {
        match self.entry {
            // Without its segment it cannot be had, and what follows comes after it.
            Some(entry) => self.meet(entry.item),
            None => {
                let journal = &self.session.journal.ring;
                !self.sweep.is_empty() || journal.state(self.journal.wanted()) != Err(Miss::NotYet)
            }
        }
    }

    /// Takes the next entry of the journal. Where entries were lost, begins a sweep.
    fn next_entry(&mut self) -> Option<Entry> {
        let taken = self.journal.next(&self.session.journal.ring, |body| body[0].load(Ordering::Relaxed))?;
        if taken.missed > 0 {
            self.meet_all();
            self.sweep = 0..self.items.len() as u32;
            self.priming = false;
            self.sweep_to = None;
        }
        Some(Entry { item: (taken.value >> 32) as u32, low: taken.value as u32 })
    }

    /// Delivers what an entry announces, unless it was delivered already or is gone.
    fn follow<R>(&mut self, entry: Entry, copy: impl FnMut(&[AtomicU64]) -> R) -> Option<(ItemId, Taken<R>)> {
        let item = self.items[entry.item as usize].as_mut().filter(|item| item.wanted)?;
        let wanted = item.cursor.wanted();
        let number = wanted.wrapping_add(i64::from(entry.low.wrapping_sub(wanted as u32) as i32) as u64);
        if (number.wrapping_sub(wanted) as i64) < 0 {
            return None;
        }
        let taken = match self.delivery {
            Delivery::Queue => item.cursor.exactly(number, &item.memory.ring, copy),
            Delivery::Latest => item.cursor.newest(&item.memory.ring, copy),
        };
        taken.map(|taken| (item.id, taken))
    }

    /// Delivers from the item that the sweep is at, and moves on when that has no more of what it had when
    /// the sweep came to it; what is published meanwhile comes by the journal.
    fn sweep_one<R>(&mut self, copy: impl FnMut(&[AtomicU64]) -> R) -> Option<(ItemId, Taken<R>)> {
        let index = self.sweep.start as usize;
        let taken = self.items[index].as_mut().filter(|item| item.wanted).and_then(|item| {
            let ring = &item.memory.ring;
            let last =
                *self.sweep_to.get_or_insert_with(|| if self.priming { item.met_at } else { ring.latest() });
            let taken = match self.delivery {
                // Later values come by the journal, in their order.
                Delivery::Queue if self.priming && last == 0 => None,
                Delivery::Queue if self.priming => item.cursor.exactly(last, ring, copy),
                Delivery::Queue => item.cursor.next(ring, copy),
                Delivery::Latest => item.cursor.newest(ring, copy),
            }?;
            Some((taken.number.wrapping_sub(last) as i64 >= 0, item.id, taken))
        });
        if taken.as_ref().is_none_or(|&(done, ..)| done) {
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
        let wanted = self.only.as_ref().is_none_or(|only| only.iter().any(|wanted| **wanted == *name));
        let met_at = memory.ring.latest();
        let cursor = start(met_at, self.start);
        let id = self.names.id(&name);
        if self.items.len() <= index as usize {
            self.items.resize_with(index as usize + 1, || None);
        }
        self.items[index as usize] = Some(Followed { id, memory, cursor, met_at, wanted });
        true
    }
}
