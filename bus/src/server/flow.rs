//! Room: what a publisher looks at before it overwrites a value.
//!
//! Value `k` goes into the slot of value `k - depth`. Where lossless links follow the item, that one must have been read
//! by each of them. The writer keeps for each item the number up to which there is room for sure, so that
//! a publish compares two of its own words, and comes here when it gets to that number: with readers that keep up once in
//! `depth` values, and for an item without such links never again.
//!
//! A link to several items says which entry of the journal it wants next. Value `k` may then be overwritten if it was
//! published by an entry before that; the writer notes for each slot which one that was. The journal is a ring itself, whose
//! entries have to have been read. Such a link begins with the present values, and its floor is 0 until it has taken them. Until
//! then what is kept for it are the values from the entry on that was the latest [when it began](Tracked::begun), and of
//! those before the last one of each item.
//!
//! Every link that is in the way is so since the same moment, when a publish first wanted its room; so links that stall
//! together are given up together, and a publish waits for the longest deadline among them, and not for the sum.

use core::cell::Cell;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::tracked::Tracked;
use crate::bell::PARK_BOUND;
use crate::credit::RELEASED;
use crate::spin::{SpinBudget, Waiting};
use crate::sys::futex::SharedFutex;
use crate::sys::processors;

/// How far an item without lossless links may be written on: for ever, by any measure.
const UNLIMITED: u64 = 1 << 61;

/// Looks between two looks at the clock while spinning.
const LOOKS_A_CLOCK: u32 = 64;

/// How long a publish waits for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Not at all.
    None,
    /// Until then.
    Until(Instant),
    /// As long as the links' deadlines allow.
    Full,
}

impl Patience {
    /// How long is left, at this time.
    pub(crate) fn left(self, now: Instant) -> Duration {
        match self {
            Patience::None => Duration::ZERO,
            Patience::Until(end) => end.saturating_duration_since(now),
            Patience::Full => Duration::MAX,
        }
    }
}

/// The lossless links of a topic, by item.
#[derive(Debug)]
pub(crate) struct Flow {
    items: HashMap<u32, Vec<Gate>>,
    /// Those to several items.
    several: Vec<Gate>,
    /// How long to spin for room.
    budget: SpinBudget,
}

impl Default for Flow {
    fn default() -> Self {
        Flow { items: HashMap::new(), several: Vec::new(), budget: SpinBudget::new() }
    }
}

/// A lossless link, as the writer sees it.
#[derive(Debug)]
struct Gate {
    link: Arc<Tracked>,
    /// The highest floor that was seen. What a client says below that is not believed.
    floor: u64,
    /// Since when a publish has wanted a higher one.
    stalled_since: Option<Instant>,
    /// Whether spinning for it is in vain, since it can run only where this thread does.
    shares_processor: bool,
}

/// The value that is to be written next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Next<'w> {
    pub(crate) item: u32,
    pub(crate) number: u64,
    /// Values that the item's ring keeps.
    pub(crate) depth: u64,
    /// The number of its entry in the journal.
    pub(crate) entry: u64,
    /// Entries that the journal keeps.
    pub(crate) journal: u64,
    /// By which entry the value in each slot of the item was published; as many as there are slots, or none.
    pub(crate) entries: &'w [Cell<u64>],
}

impl Next<'_> {
    /// By which entry a value was published that is still there.
    fn entry_of(&self, number: u64) -> u64 {
        match self.entries.len() {
            0 => 0,
            slots => self.entries[number as usize & (slots - 1)].get(),
        }
    }
}

/// For which items there may be other room than before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    Items(Vec<u32>),
    All,
}

/// What a look at the links found.
#[derive(Debug)]
pub(crate) enum Room {
    /// The item's values can be written up to this number, and the journal up to this entry, without another look.
    Until { number: u64, entry: u64 },
    /// There is none before this link has read what has to be overwritten, which is the slowest one.
    Blocked(Blocked),
    /// These links are in the way, and past their deadlines.
    Overdue(Vec<Blocked>),
}

/// A link that is in the way.
#[derive(Debug)]
pub(crate) struct Blocked {
    pub(crate) link: Arc<Tracked>,
    /// The number that it wants next, as far as that is believed.
    pub(crate) floor: u64,
    /// How many values it has not read.
    pub(crate) behind: u64,
    /// For how long it has read nothing that was wanted.
    pub(crate) stalled: Duration,
    /// How long the first of those in the way has until its deadline.
    pub(crate) left: Duration,
    shares_processor: bool,
}

impl Gate {
    fn new(link: Arc<Tracked>) -> Self {
        let shares_processor = processors::shared_with(link.pid);
        Gate { link, floor: 0, stalled_since: None, shares_processor }
    }

    /// Takes over what the link says. Whoever has read something since it was last in the way is so anew.
    fn look(&mut self) {
        let said = self.link.floor().get().min(RELEASED);
        if said > self.floor {
            self.floor = said;
            self.let_go();
        }
    }

    fn let_go(&mut self) {
        if self.stalled_since.take().is_some() {
            self.link.floor().stop();
        }
    }

    /// Of a link to several: whether value `number` of an item, which is not the next one, may be overwritten.
    fn has_read(&self, next: &Next<'_>, number: u64) -> bool {
        let (entry, begun) = (next.entry_of(number), self.link.begun);
        if entry > begun {
            return entry < self.floor;
        }
        // It was there when the link began, and is wanted if there was none after it.
        self.floor > 0 || (number + 1 < next.number && next.entry_of(number + 1) <= begun)
    }

    /// Of a link to several: up to which number the item's values can be written, if the next one can.
    fn limit(&self, next: &Next<'_>) -> Option<u64> {
        let Some(oldest) = next.number.checked_sub(next.depth).filter(|&oldest| oldest > 0) else {
            return Some(next.depth);
        };
        let unread =
            (oldest..next.number).find(|&number| !self.has_read(next, number)).unwrap_or(next.number);
        (unread > oldest).then(|| unread + next.depth - 1)
    }

    /// Of a link to several: up to which entry the journal can be written.
    fn journal_limit(&self, next: &Next<'_>) -> u64 {
        self.floor.max(self.link.begun + 1).saturating_add(next.journal - 1)
    }

    /// That the link is in the way, at this time, by so many values.
    fn block(&mut self, behind: u64, now: Instant) -> Blocked {
        let since = *self.stalled_since.get_or_insert(now);
        let stalled = now.saturating_duration_since(since);
        let left = self.link.deadline.unwrap_or(Duration::ZERO).saturating_sub(stalled);
        let shares_processor = self.shares_processor;
        Blocked { link: self.link.clone(), floor: self.floor, behind, stalled, left, shares_processor }
    }
}

impl Flow {
    /// Takes over which links there are; for which items that has changed something.
    pub(crate) fn refresh(&mut self, links: &[Arc<Tracked>]) -> Changed {
        let (before, several) = (core::mem::take(&mut self.items), core::mem::take(&mut self.several));
        let mut all = !several.is_empty();
        let mut changed: Vec<u32> = before.keys().copied().collect();
        let before = before.into_values().flatten().chain(several);
        let mut known: HashMap<*const Tracked, Gate> =
            before.map(|gate| (Arc::as_ptr(&gate.link), gate)).collect();
        for link in links.iter().filter(|link| link.is_awaited()) {
            let gate = known.remove(&Arc::as_ptr(link)).unwrap_or_else(|| Gate::new(link.clone()));
            match link.item {
                Some(item) => {
                    changed.push(item);
                    self.items.entry(item).or_default().push(gate);
                }
                None => {
                    all = true;
                    self.several.push(gate);
                }
            }
        }
        if all {
            return Changed::All;
        }
        changed.sort_unstable();
        changed.dedup();
        Changed::Items(changed)
    }

    /// Whether the next value can be written, where it overwrites the one a depth before it.
    pub(crate) fn room(&mut self, next: Next<'_>) -> Room {
        let Next { number, depth, entry, .. } = next;
        let (mut until, mut until_entry) = (number + UNLIMITED, entry + UNLIMITED);
        let mut blocked = false;
        let gates = self.items.get_mut(&next.item).map_or(&mut [][..], Vec::as_mut_slice);
        for gate in &mut *gates {
            gate.look();
            // Nobody needs more than what there is.
            until = until.min((gate.floor.min(number) + depth).saturating_sub(1));
        }
        blocked |= until < number;
        for gate in &mut self.several {
            gate.look();
            until_entry = until_entry.min(gate.journal_limit(&next));
            let limit = gate.limit(&next);
            blocked |= limit.is_none();
            until = until.min(limit.unwrap_or(until));
        }
        blocked |= until_entry < entry;
        if !blocked {
            gates.iter_mut().chain(&mut self.several).for_each(Gate::let_go);
            return Room::Until { number: until, entry: until_entry };
        }
        let now = Instant::now();
        let to_one = gates.iter_mut().filter(|gate| gate.floor + depth <= number);
        let to_one = to_one.map(|gate| gate.block(number - gate.floor, now));
        let several = self.several.iter_mut();
        let several = several.filter(|gate| gate.limit(&next).is_none() || gate.journal_limit(&next) < entry);
        let several =
            several.map(|gate| gate.block(entry - gate.floor.clamp(gate.link.begun + 1, entry), now));
        let (overdue, waiting): (Vec<_>, Vec<_>) =
            to_one.chain(several).partition(|blocked| blocked.left.is_zero());
        let left = waiting.iter().map(|blocked| blocked.left).min();
        match (left, waiting.into_iter().max_by_key(|blocked| blocked.behind)) {
            (Some(left), Some(slowest)) if overdue.is_empty() => Room::Blocked(Blocked { left, ..slowest }),
            _ => Room::Overdue(overdue),
        }
    }

    /// Waits until the link has read on, or is gone; at most `bound`, and may return early.
    pub(crate) fn wait(&mut self, blocked: &Blocked, waiting: &mut Waiting, bound: Duration) {
        let Blocked { link, floor, .. } = blocked;
        let bound = blocked.bound(bound);
        let looks = if blocked.shares_processor { 1 } else { LOOKS_A_CLOCK };
        let start = Instant::now();
        loop {
            // What is said now may be less than was seen, which is not believed but slept on.
            let mut said = *floor;
            for _ in 0..looks {
                said = link.floor().get();
                if said > *floor {
                    return;
                }
                core::hint::spin_loop();
            }
            let spun = start.elapsed();
            if spun >= bound {
                return;
            }
            if blocked.shares_processor || !waiting.spins(&mut self.budget) {
                link.floor().wait(said, blocked.is_urgent(), &SharedFutex, (bound - spun).min(PARK_BOUND));
                return waiting.woke(&mut self.budget);
            }
        }
    }

    /// What was waited for did not come in time.
    pub(crate) fn give_up(&mut self, waiting: &Waiting) {
        waiting.give_up(&mut self.budget);
    }
}

impl Blocked {
    /// How long the link may stand in the way before it is urged to tell of every value that it reads. Well before its
    /// deadline, so that one that reads at all is seen to.
    fn calm(&self) -> Duration {
        let calm = self.link.deadline.map_or(PARK_BOUND, |deadline| (deadline / 4).min(PARK_BOUND));
        calm.saturating_sub(self.stalled)
    }

    /// Whether the link is to tell of every value that it reads.
    pub(crate) fn is_urgent(&self) -> bool {
        self.calm().is_zero()
    }

    /// How long to wait for the link at most before the next look at all of them, where `bound` is how long to wait at all.
    pub(crate) fn bound(&self, bound: Duration) -> Duration {
        let bound = bound.min(self.left);
        if self.is_urgent() { bound } else { bound.min(self.calm()) }
    }
}
