//! Room: what a publisher looks at before it overwrites a value.
//!
//! Value `k` goes into the slot of value `k - depth`. Where lossless links follow the item, that one must have been read
//! by each of them. The writer keeps for each item the number up to which there is [room](Room::limit) for sure, so that
//! a publish compares two of its own words, and comes here when it gets to that number: with readers that keep up once in
//! `depth` values, and for an item without such links never again.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::tracked::Tracked;
use crate::bell::PARK_BOUND;
use crate::credit::RELEASED;
use crate::sys::futex::SharedFutex;

/// How far an item without lossless links may be written on: for ever, by any measure.
const UNLIMITED: u64 = 1 << 61;

/// How long a publisher spins for a reader before it sleeps: about what a sleep and a wake-up cost.
const SPIN: Duration = Duration::from_micros(20);
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

/// The lossless links of a topic, by item.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    items: HashMap<u32, Vec<Gate>>,
}

/// A lossless link, as the writer sees it.
#[derive(Debug)]
struct Gate {
    link: Arc<Tracked>,
    /// The highest floor that was seen. What a client says below that is not believed.
    floor: u64,
    /// Since when a publish has wanted a higher one.
    stalled_since: Option<Instant>,
}

/// What a look at an item's links found.
#[derive(Debug)]
pub(crate) enum Room {
    /// Values can be written up to this number without another look.
    Until(u64),
    /// This link has not read what has to be overwritten; it stands in the way since then.
    Blocked { link: Arc<Tracked>, floor: u64, since: Instant },
}

impl Flow {
    /// Takes over which links there are; the items for which that has changed something.
    pub(crate) fn refresh(&mut self, links: &[Arc<Tracked>]) -> Vec<u32> {
        let mut before = core::mem::take(&mut self.items);
        let mut changed: Vec<u32> = before.keys().copied().collect();
        for link in links.iter().filter(|link| link.is_awaited()) {
            let gates = before.get_mut(&link.item);
            let known = gates.and_then(|gates| {
                let position = gates.iter().position(|gate| Arc::ptr_eq(&gate.link, link))?;
                Some(gates.swap_remove(position))
            });
            changed.push(link.item);
            let gates = self.items.entry(link.item).or_default();
            gates.push(known.unwrap_or_else(|| Gate { link: link.clone(), floor: 0, stalled_since: None }));
        }
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// Whether value `number` of `item` can be written, where it overwrites value `number - depth`.
    pub(crate) fn room(&mut self, item: u32, number: u64, depth: u64) -> Room {
        let Some(gates) = self.items.get_mut(&item) else { return Room::Until(number + UNLIMITED) };
        // Nobody needs more than what there is.
        let mut least = number;
        let mut slowest = None;
        for (index, gate) in gates.iter_mut().enumerate() {
            gate.floor = gate.floor.max(gate.link.floor().get().min(RELEASED));
            if gate.floor < least {
                (least, slowest) = (gate.floor, Some(index));
            }
        }
        let limit = (least + depth).saturating_sub(1);
        let blocking = slowest.filter(|_| number > limit);
        gates.iter_mut().for_each(|gate| {
            // Whoever lets this value pass has read something since it was last in the way.
            if gate.floor + depth > number && gate.stalled_since.take().is_some() {
                gate.link.floor().stop_urging();
            }
        });
        match blocking {
            None => Room::Until(limit),
            Some(index) => {
                let gate = &mut gates[index];
                let since = *gate.stalled_since.get_or_insert_with(Instant::now);
                Room::Blocked { link: gate.link.clone(), floor: gate.floor, since }
            }
        }
    }
}

/// How long a link may stand in the way before it is urged to tell of every value that it reads. Well before its
/// deadline, so that one that reads at all is seen to.
pub(crate) fn urgent_after(link: &Tracked) -> Duration {
    link.deadline.map_or(PARK_BOUND, |deadline| (deadline / 4).min(PARK_BOUND))
}

/// Waits until `link` has read on from `floor`, or is gone; at most `bound`, and may return early. It has been in the way
/// for `stalled`.
pub(crate) fn wait_for(link: &Tracked, floor: u64, stalled: Duration, bound: Duration) {
    let calm = urgent_after(link).saturating_sub(stalled);
    let urgent = calm.is_zero();
    let bound = if urgent { bound } else { bound.min(calm) };
    let start = Instant::now();
    loop {
        // What is said now may be less than was seen, which is not believed but slept on.
        let mut said = floor;
        for _ in 0..LOOKS_A_CLOCK {
            said = link.floor().get();
            if said > floor {
                return;
            }
            core::hint::spin_loop();
        }
        let spun = start.elapsed();
        if spun >= bound {
            return;
        }
        if spun >= SPIN {
            return link.floor().wait(said, urgent, &SharedFutex, (bound - spun).min(PARK_BOUND));
        }
    }
}
