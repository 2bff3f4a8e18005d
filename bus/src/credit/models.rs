//! Loom models of floors: nothing is overwritten that was not read, nobody sleeps for ever, and a link that is
//! enrolled while the publisher publishes loses nothing.

use core::cell::Cell;
use core::time::Duration;
use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::sync::{Condvar, Mutex};
use loom::thread;

use super::{Floor, RELEASED, hold};
use crate::ring::models::{ModelFutex, ModelRing, check, holds_and_needs, load, put, put_two, ring, ring_of};
use crate::ring::{Cursor, Taken};
use crate::server::shared::CLOSED;
use crate::server::tracked::{begin, enrol, learn};
use crate::sync::{AtomicU64, Ordering, Site};

/// A ring of two slots with a lossless reader. Each slot has a cell beside it which the writer writes and the reader
/// reads plainly: loom finds any access that is not ordered after the other side's.
struct World {
    ring: ModelRing,
    beside: [UnsafeCell<u64>; 2],
    words: [AtomicU64; 2],
    futex: ModelFutex,
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(World {
            ring: ring(),
            beside: [UnsafeCell::new(0), UnsafeCell::new(0)],
            words: [AtomicU64::new(1), AtomicU64::new(0)],
            futex: ModelFutex::default(),
        })
    }

    fn floor(&self) -> Floor<'_> {
        Floor { floor: &self.words[0], awaited: &self.words[1] }
    }

    /// Publishes, after waiting for room.
    fn publish(&self, number: u64) {
        while number > 2 {
            let floor = self.floor().get();
            if floor > number - 2 {
                break;
            }
            self.floor().wait(floor, false, &self.futex, Duration::MAX);
        }
        // SAFETY: loom checks that nobody else has it.
        self.beside[number as usize & 1].with_mut(|cell| unsafe { *cell = number });
        put(&self.ring, number);
    }

    /// Takes value `number` if it is there.
    fn take(&self, cursor: &mut Cursor, number: u64) -> bool {
        let Some(Taken { number: taken, missed, value }) = cursor.next(&self.ring, load) else {
            return false;
        };
        assert_eq!((taken, missed, value), (number, 0, [number; 2]), "lost or torn");
        // SAFETY: as above.
        self.beside[number as usize & 1].with(|cell| assert_eq!(unsafe { *cell }, number));
        true
    }
}

fn lossless() {
    let world = World::new();
    let writer = {
        let world = world.clone();
        thread::spawn(move || (1..=3).for_each(|number| world.publish(number)))
    };
    let mut cursor = Cursor::at(1);
    let mut number = 1;
    while number <= 3 {
        if world.take(&mut cursor, number) {
            number += 1;
            assert!(
                world.floor().raise(number - 1, number, &world.futex, || {}),
                "nobody else says anything"
            );
        } else {
            thread::yield_now();
        }
    }
    writer.join().unwrap();
}

#[test]
fn nothing_is_overwritten_that_was_not_read() {
    holds_and_needs(lossless, &[Site::FloorStore, Site::FloorFence]);
}

/// As [`lossless`], where the reader follows a journal, and says which of its entries it wants next.
fn lossless_by_journal() {
    let (world, journal) = (World::new(), Arc::new(ring()));
    let writer = {
        let (world, journal) = (world.clone(), journal.clone());
        thread::spawn(move || {
            for number in 1..=3 {
                world.publish(number);
                put(&journal, number);
            }
        })
    };
    let (mut entries, mut values) = (Cursor::at(1), Cursor::at(1));
    let mut number = 1;
    while number <= 3 {
        let Some(Taken { number: entry, missed, .. }) = entries.next(&journal, load) else {
            thread::yield_now();
            continue;
        };
        assert_eq!((entry, missed), (number, 0), "an entry was lost");
        assert!(world.take(&mut values, number), "what the journal names is there");
        number += 1;
        assert!(world.floor().raise(entry, number, &world.futex, || {}), "nobody else says anything");
    }
    writer.join().unwrap();
}

#[test]
fn nothing_is_overwritten_that_the_journal_names_and_was_not_read() {
    holds_and_needs(lossless_by_journal, &[Site::FloorStore, Site::FloorFence]);
}

/// A publisher sleeps until the floor is raised, by a reader that does so once.
fn awaited() {
    let world = World::new();
    let publisher = {
        let world = world.clone();
        thread::spawn(move || {
            while world.floor().get() < 2 {
                world.floor().wait(1, false, &world.futex, Duration::MAX);
            }
        })
    };
    assert!(world.floor().raise(1, 2, &world.futex, || {}));
    publisher.join().unwrap();
}

#[test]
fn a_publisher_that_waits_is_always_woken() {
    holds_and_needs(awaited, &[Site::FloorRaiseFence, Site::FloorAwaitFence]);
}

/// A task waits until the floor is raised. What wakes it stays until it looks, as a frame does.
fn awaited_by_task() {
    let world = World::new();
    let frames = Arc::new((Mutex::new(false), Condvar::new()));
    let task = {
        let (world, frames) = (world.clone(), frames.clone());
        thread::spawn(move || {
            while world.floor().get() < 2 {
                if world.floor().ask(1, false) {
                    let mut woken = frames.0.lock().unwrap();
                    while !core::mem::take(&mut *woken) {
                        woken = frames.1.wait(woken).unwrap();
                    }
                }
            }
            world.floor().stop();
        })
    };
    world.floor().raise(1, 2, &world.futex, || {
        *frames.0.lock().unwrap() = true;
        frames.1.notify_all();
    });
    task.join().unwrap();
}

#[test]
fn a_task_that_waits_for_room_is_always_woken() {
    holds_and_needs(awaited_by_task, &[Site::FloorRaiseFence, Site::FloorAwaitFence]);
}

/// The control thread releases a link whose connection is lost, while its reader reads on.
fn released() {
    let world = World::new();
    let reader = {
        let world = world.clone();
        thread::spawn(move || {
            let mut told = 1;
            for number in [2, 3] {
                if world.floor().raise(told, number, &world.futex, || {}) {
                    told = number;
                }
            }
        })
    };
    world.floor().release(&world.futex, || {});
    reader.join().unwrap();
    assert_eq!(world.floor().get(), RELEASED, "the publisher waits for a link that is gone");
}

#[test]
fn a_link_that_was_released_stays_that() {
    check(released);
}

/// A link is enrolled while values are published, and reads from the head that it sees then.
fn enrolled() {
    let shared = Arc::new((ring(), [AtomicU64::new(RELEASED), AtomicU64::new(0)], AtomicU64::new(0)));
    put(&shared.0, 1);
    let writer = {
        let shared = shared.clone();
        thread::spawn(move || {
            let (ring, [floor, _], attention) = &*shared;
            for number in 2..=4 {
                // As a publish does: an untracked ring is written without a look at floors.
                let tracked = attention.load(Ordering::Acquire) != 0;
                if tracked && number > 2 && floor.load(Ordering::Acquire) <= number - 2 {
                    return;
                }
                put(ring, number);
                crate::bell::published();
            }
        })
    };
    let (ring, [floor, _], attention) = &*shared;
    enrol(floor, ring, |head| begin(head, ring.depth(), 0), attention, || ());
    let start = ring.latest();
    let mut cursor = Cursor::at(start);
    let taken = cursor.next(ring, load);
    assert!(taken.is_some_and(|taken| taken.missed == 0 && taken.number == start), "lost {start}: {taken:?}");
    writer.join().unwrap();
}

/// The same while values are published two at a time.
fn enrolled_among_batches() {
    let shared = Arc::new((ring_of(4), [AtomicU64::new(RELEASED), AtomicU64::new(0)], AtomicU64::new(0)));
    put(&shared.0, 1);
    let writer = {
        let shared = shared.clone();
        thread::spawn(move || {
            let (ring, [floor, _], attention) = &*shared;
            for first in [2, 4] {
                let tracked = attention.load(Ordering::Acquire) != 0;
                if tracked && first > 3 && floor.load(Ordering::Acquire) <= first - 3 {
                    return;
                }
                put_two(ring, first);
                crate::bell::published();
            }
        })
    };
    let (ring, [floor, _], attention) = &*shared;
    enrol(floor, ring, |head| begin(head, ring.depth(), 0), attention, || ());
    let start = ring.latest();
    let taken = Cursor::at(start).next(ring, load);
    assert!(taken.is_some_and(|taken| taken.missed == 0 && taken.number == start), "lost {start}: {taken:?}");
    writer.join().unwrap();
}

/// A link that was at value 2 of a ring of four is enrolled anew while values are published.
fn enrolled_again() {
    const UNREAD: u64 = 2;
    let shared = Arc::new((ring_of(4), [AtomicU64::new(RELEASED), AtomicU64::new(0)], AtomicU64::new(0)));
    (1..=4).for_each(|number| put(&shared.0, number));
    let writer = {
        let shared = shared.clone();
        thread::spawn(move || {
            let (ring, [floor, _], attention) = &*shared;
            for number in 5..=6 {
                let tracked = attention.load(Ordering::Acquire) != 0;
                if tracked && floor.load(Ordering::Acquire) <= number - 4 {
                    return;
                }
                put(ring, number);
                crate::bell::published();
            }
        })
    };
    let (ring, [floor, _], attention) = &*shared;
    let head = Cell::new(0);
    let begin = |latest| {
        head.set(latest);
        begin(latest, ring.depth(), UNREAD)
    };
    enrol(floor, ring, begin, attention, || ());
    let taken = Cursor::at(UNREAD).next(ring, load).expect("there is a value");
    // The publish that overwrites it may have begun already where the one before is all there was to see.
    let overwritten = head.get() >= UNREAD + 3;
    assert!(overwritten || (taken.number, taken.missed) == (UNREAD, 0), "{taken:?} at {head:?}");
    writer.join().unwrap();
}

#[test]
fn a_link_that_is_enrolled_again_keeps_what_is_still_there() {
    holds_and_needs(enrolled_again, &[Site::EnrolFence, Site::BellRingFence]);
}

#[test]
fn a_link_loses_nothing_while_it_is_enrolled_among_batches() {
    holds_and_needs(enrolled_among_batches, &[Site::EnrolFence, Site::BellRingFence]);
}

#[test]
fn a_link_loses_nothing_while_it_is_enrolled() {
    check(enrolled);
    holds_and_needs(enrolled, &[Site::EnrolFence, Site::BellRingFence]);
}

/// Values at changing places, one reader that pins, and a publisher that writes only where nobody holds anything.
fn pinned() {
    struct Pool {
        ring: ModelRing,
        places: [UnsafeCell<u64>; 4],
        hold: AtomicU64,
    }
    let pool = Arc::new(Pool {
        ring: ring(),
        places: core::array::from_fn(|_| UnsafeCell::new(0)),
        hold: AtomicU64::new(0),
    });
    let writer = {
        let pool = pool.clone();
        thread::spawn(move || {
            // Where values 1 and 2 were, values 5 and 4 would come next, unless they are held: then nothing does.
            let (mut slots, mut free, mut retired) = ([None, None], vec![0, 1, 2], Vec::new());
            for number in 1..=4_u64 {
                if free.is_empty() {
                    hold::look();
                    let held = hold::held(&pool.hold);
                    hold::looked();
                    let (kept, freed) = retired.drain(..).partition(|&place| held == Some(place));
                    (retired, free) = (kept, freed);
                }
                let Some(place) = free.pop() else { return };
                // SAFETY: loom checks that nobody else has it.
                pool.places[place as usize].with_mut(|cell| unsafe { *cell = number });
                pool.ring.write(number, |body| body[0].store(place, Ordering::Relaxed));
                retired.extend(slots[number as usize & 1].replace(place));
            }
        })
    };
    for number in [1, 2] {
        let place = pool.ring.read(number, |body| {
            let place = body[0].load(Ordering::Relaxed);
            hold::announce(&pool.hold, place);
            place
        });
        if let Ok(place) = place {
            // SAFETY: as above.
            let value = pool.places[place as usize].with(|cell| unsafe { *cell });
            assert_eq!(value, number, "what was pinned is another value");
        }
        hold::unpin(&pool.hold);
    }
    writer.join().unwrap();
}

#[test]
fn what_is_held_is_not_written() {
    holds_and_needs(pinned, &[Site::PinFence, Site::PinLookFence, Site::UnpinStore, Site::UnpinFence]);
}

/// A service closes while its publisher looks for memory, and a client goes on reading what it holds.
fn closed() {
    struct Service {
        attention: AtomicU64,
        /// The holds of the links that there are.
        tracked: Mutex<Vec<Arc<AtomicU64>>>,
        place: UnsafeCell<u64>,
    }
    const PLACE: u64 = 0;
    let hold = Arc::new(AtomicU64::new(0));
    hold::announce(&hold, PLACE);
    let service = Arc::new(Service {
        attention: AtomicU64::new(0),
        tracked: Mutex::new(vec![hold]),
        place: UnsafeCell::new(1),
    });
    let publisher = {
        let service = service.clone();
        thread::spawn(move || {
            hold::look();
            // It has not learned of the link before.
            let Some(links) = learn(&service.attention, || service.tracked.lock().unwrap().clone()) else {
                return;
            };
            let held = links.iter().any(|hold| hold::held(hold) == Some(PLACE));
            hold::looked();
            if !held {
                // SAFETY: loom checks that nobody else has it.
                service.place.with_mut(|cell| unsafe { *cell = 2 });
            }
        })
    };
    let control = {
        let service = service.clone();
        thread::spawn(move || {
            if service.attention.load(Ordering::Relaxed) & CLOSED != 0 {
                service.tracked.lock().unwrap().clear();
            }
        })
    };
    service.attention.fetch_or(CLOSED, Ordering::Relaxed);
    // SAFETY: as above.
    service.place.with(|cell| assert_eq!(unsafe { *cell }, 1, "what is held is another value"));
    publisher.join().unwrap();
    control.join().unwrap();
}

#[test]
fn what_is_held_is_not_written_while_a_service_closes() {
    check(closed);
}
