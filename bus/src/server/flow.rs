//! Room: what a publisher looks at before it overwrites a value.
//!
//! Value `k` goes into the slot of value `k - depth`. Where lossless links follow the item, that one must have been read
//! by each of them. The writer keeps for each item the number up to which there is room for sure, so that
//! a publish compares two of its own words, and comes here when it gets to that number: with readers that keep up once in
//! `depth` values, and for an item without such links never again.
//!
//! Every link that is in the way is so since the same moment, when a publish first wanted its room; so links that stall
//! together are given up together, and a publish waits for the longest deadline among them, and not for the sum.

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
    /// How long to spin for room.
    budget: SpinBudget,
}

impl Default for Flow {
    fn default() -> Self {
        Flow { items: HashMap::new(), budget: SpinBudget::new() }
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

/// What a look at an item's links found.
#[derive(Debug)]
pub(crate) enum Room {
    /// Values can be written up to this number without another look.
    Until(u64),
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

    /// That the link is in the way, at this time.
    fn block(&mut self, now: Instant) -> Blocked {
        let since = *self.stalled_since.get_or_insert(now);
        let stalled = now.saturating_duration_since(since);
        let left = self.link.deadline.unwrap_or(Duration::ZERO).saturating_sub(stalled);
        let shares_processor = self.shares_processor;
        Blocked { link: self.link.clone(), floor: self.floor, stalled, left, shares_processor }
    }
}

impl Flow {
    /// Takes over which links there are; the items for which that has changed something.
    pub(crate) fn refresh(&mut self, links: &[Arc<Tracked>]) -> Vec<u32> {
        let before = core::mem::take(&mut self.items);
        let mut changed: Vec<u32> = before.keys().copied().collect();
        let mut known: HashMap<*const Tracked, Gate> =
            before.into_values().flatten().map(|gate| (Arc::as_ptr(&gate.link), gate)).collect();
        for link in links.iter().filter(|link| link.is_awaited()) {
            changed.push(link.item);
            let gate = known.remove(&Arc::as_ptr(link)).unwrap_or_else(|| Gate::new(link.clone()));
            self.items.entry(link.item).or_default().push(gate);
        }
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// Whether value `number` of `item` can be written, where it overwrites value `number - depth`.
    pub(crate) fn room(&mut self, item: u32, number: u64, depth: u64) -> Room {
        let Some(gates) = self.items.get_mut(&item) else { return Room::Until(number + UNLIMITED) };
        gates.iter_mut().for_each(Gate::look);
        // Nobody needs more than what there is.
        let least = gates.iter().map(|gate| gate.floor).min().map_or(number, |least| least.min(number));
        let limit = (least + depth).saturating_sub(1);
        if number <= limit {
            gates.iter_mut().for_each(Gate::let_go);
            return Room::Until(limit);
        }
        let now = Instant::now();
        let in_the_way = gates.iter_mut().filter(|gate| gate.floor + depth <= number);
        let (overdue, waiting): (Vec<_>, Vec<_>) =
            in_the_way.map(|gate| gate.block(now)).partition(|blocked| blocked.left.is_zero());
        let left = waiting.iter().map(|blocked| blocked.left).min();
        match (left, waiting.into_iter().min_by_key(|blocked| blocked.floor)) {
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
