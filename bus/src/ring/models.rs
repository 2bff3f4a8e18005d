//! Loom models of the slot, the ring's head and the bell, and for each ordering a proof that it is needed:
//! the model with that one ordering weakened must fail.
//!
//! Run with `RUSTFLAGS="--cfg loom" cargo test -p bus --lib --release`.

use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use loom::sync::{Condvar, Mutex};
use loom::thread;

use super::{Cursor, HEAD_WORDS, Miss, Ring, RingShape};
use crate::bell::{self, Bell, Doorbells, Futex};
use crate::sync::{AtomicU64, Ordering, Site, weaken};

/// Two slots with a body of two words: the smallest ring in which a copy can be torn.
const SHAPE: RingShape = RingShape { stride: 3, depth: 2 };

pub(crate) type ModelRing = Ring<Vec<AtomicU64>>;

pub(crate) fn ring() -> ModelRing {
    ring_of(SHAPE.depth)
}

/// A ring of so many slots.
pub(crate) fn ring_of(depth: usize) -> ModelRing {
    let words = HEAD_WORDS + depth * SHAPE.stride;
    Ring::new((0..words).map(|_| AtomicU64::new(0)).collect(), RingShape { depth, ..SHAPE })
}

/// Publishes value `first` and the one after it together.
pub(crate) fn put_two(ring: &ModelRing, first: u64) {
    ring.write_together(first, 2, |index, body| {
        body.iter().for_each(|word| word.store(first + index as u64, Ordering::Relaxed));
    });
}

pub(crate) fn put(ring: &ModelRing, number: u64) {
    ring.write(number, |body| body.iter().for_each(|word| word.store(number, Ordering::Relaxed)));
}

pub(crate) fn load(body: &[AtomicU64]) -> [u64; 2] {
    [body[0].load(Ordering::Relaxed), body[1].load(Ordering::Relaxed)]
}

pub(crate) fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// Asserts that `model` holds as shipped, and fails with any one of `sites` weakened.
pub(crate) fn holds_and_needs(model: fn(), sites: &'static [Site]) {
    check(model);
    sites.chunks(1).for_each(|site| fails_without(site, model));
}

/// Asserts that `model` fails with all of `sites` weakened at once.
fn fails_without(sites: &'static [Site], model: fn()) {
    let weakened = weaken(sites, || catch_unwind(AssertUnwindSafe(|| check(model))));
    assert!(weakened.is_err(), "the model does not notice the loss of {sites:?}");
}

/// A slot is overwritten while it is read: never a mix, never another value than the one asked for.
fn slot() {
    let ring = Arc::new(ring());
    put(&ring, 1);
    let writer = {
        let ring = ring.clone();
        // Value 3 shares its slot with value 1.
        thread::spawn(move || put(&ring, 3))
    };
    for number in [1, 3] {
        match ring.read(number, load) {
            Ok(body) => assert_eq!(body, [number; 2], "torn"),
            Err(Miss::Lapped) => assert_eq!(number, 1, "value 3 is the last"),
            Err(Miss::NotYet) => assert_eq!(number, 3, "value 1 was there"),
        }
    }
    writer.join().unwrap();
}

#[test]
fn a_read_slot_is_never_torn() {
    holds_and_needs(
        slot,
        &[Site::SlotBusyFence, Site::SlotReadyStore, Site::SlotReadyFence, Site::SlotRecheckFence],
    );
}

/// What the head counts can be read, or was overwritten: it is never "not yet".
fn head() {
    let ring = Arc::new(ring());
    let writer = {
        let ring = ring.clone();
        thread::spawn(move || (1..=2).for_each(|number| put(&ring, number)))
    };
    let latest = ring.latest();
    if latest > 0 {
        assert_eq!(ring.read(latest, load), Ok([latest; 2]), "nothing overwrites two values here");
    }
    writer.join().unwrap();
}

#[test]
fn what_the_head_counts_is_there() {
    holds_and_needs(head, &[Site::HeadStore, Site::HeadFence]);
}

/// A cursor accounts for each value exactly once, while the writer laps it.
fn accounts() {
    let ring = Arc::new(ring());
    let writer = {
        let ring = ring.clone();
        thread::spawn(move || (1..=3).for_each(|number| put(&ring, number)))
    };
    let mut cursor = Cursor::at(1);
    let (mut delivered, mut missed, mut last) = (0, 0, 0);
    let mut account = |taken: super::Taken<[u64; 2]>| {
        assert_eq!(taken.value, [taken.number; 2], "torn");
        assert!(taken.number > last, "twice or out of order");
        (delivered, missed, last) = (delivered + 1, missed + taken.missed, taken.number);
    };
    for _ in 0..2 {
        if let Some(taken) = cursor.next(&ring, load) {
            account(taken);
        }
    }
    writer.join().unwrap();
    while let Some(taken) = cursor.next(&ring, load) {
        account(taken);
    }
    assert_eq!((last, delivered + missed), (3, 3), "the final value arrives and the sum is exact");
}

#[test]
fn every_value_is_delivered_or_counted() {
    holds_and_needs(accounts, &[Site::SlotReadyStore, Site::SlotReadyFence]);
}

/// Values that are written together appear all at once, to those who follow and in the head.
fn together() {
    let ring = Arc::new(ring_of(4));
    let writer = {
        let ring = ring.clone();
        thread::spawn(move || put_two(&ring, 1))
    };
    let counted = ring.latest();
    assert!(counted == 0 || counted == 2, "the head counts one of two");
    let mut cursor = Cursor::at(1);
    match cursor.next(&ring, load) {
        Some(first) => {
            assert_eq!((first.number, first.value), (1, [1; 2]));
            let second = cursor.next(&ring, load).expect("the second is there when the first is");
            assert_eq!((second.number, second.value), (2, [2; 2]));
        }
        None => assert_eq!(counted, 0, "what is counted is there"),
    }
    writer.join().unwrap();
}

#[test]
fn values_that_are_written_together_appear_at_once() {
    holds_and_needs(together, &[Site::SlotReadyStore, Site::SlotReadyFence]);
}

/// The order across items: who reads a journal entry finds the value it names.
fn journal() {
    let item = Arc::new(ring());
    let journal = Arc::new(ring());
    let writer = {
        let (item, journal) = (item.clone(), journal.clone());
        thread::spawn(move || {
            put(&item, 1);
            put(&journal, 1);
        })
    };
    if journal.read(1, load).is_ok() {
        assert_eq!(item.read(1, load), Ok([1, 1]), "the journal names a value that is not there");
    }
    writer.join().unwrap();
}

#[test]
fn what_the_journal_names_is_there() {
    check(journal);
    // Each side has two edges of which either suffices: the journal's own busy fence releases the item
    // too, and the fence before the second look acquires it too. Without both, the order is lost.
    fails_without(&[Site::SlotReadyFence, Site::SlotRecheckFence], journal);
    fails_without(&[Site::SlotBusyFence, Site::SlotReadyStore], journal);
}

/// The kernel's futex: the comparison and the sleep are one step under the lock that a wake takes too.
#[derive(Default)]
pub(crate) struct ModelFutex {
    lock: Mutex<()>,
    woken: Condvar,
}

impl Futex for ModelFutex {
    fn wait(&self, word: &AtomicU64, seen: u32, _bound: Duration) {
        // No bound: a lost wake-up must be a deadlock that loom reports.
        let guard = self.lock.lock().unwrap();
        // The kernel reads the word's present value. In the model a load may be stale, a compare-exchange
        // is not, and one that fails stores nothing.
        let present = word.compare_exchange(u64::MAX, u64::MAX, Ordering::Relaxed, Ordering::Relaxed);
        if present.unwrap_err() as u32 == seen {
            drop(self.woken.wait(guard).unwrap());
        }
    }

    fn wake_all(&self, _word: &AtomicU64) {
        let _guard = self.lock.lock().unwrap();
        self.woken.notify_all();
    }
}

/// The flags of a bell.
#[derive(Default)]
struct ModelBell([AtomicU64; 2]);

impl ModelBell {
    fn flags(&self) -> Bell<'_> {
        Bell { by_futex: &self.0[0], by_doorbell: &self.0[1] }
    }
}

/// No doorbell hangs anywhere.
pub(crate) struct NoDoorbells;

impl Doorbells for NoDoorbells {
    fn ring(self) {}
}

/// Sleepers on one bell while two values are published: nobody sleeps for ever.
fn bell_with(sleepers: usize, values: u64) {
    let shared = Arc::new((ring(), ModelBell::default(), ModelFutex::default()));
    let handles: Vec<_> = (0..sleepers)
        .map(|_| {
            let shared = shared.clone();
            thread::spawn(move || {
                let (ring, bell, futex) = &*shared;
                loop {
                    let latest = ring.latest();
                    if latest >= values {
                        break;
                    }
                    bell::sleep(bell.flags(), ring.watched(), latest + 1, futex, Duration::MAX);
                }
            })
        })
        .collect();
    let (ring, bell, futex) = &*shared;
    for number in 1..=values {
        put(ring, number);
        bell::published();
        bell::ring(bell.flags(), ring.watched(), futex, NoDoorbells);
    }
    for handle in handles {
        handle.join().unwrap();
    }
}

#[test]
fn a_sleeper_is_always_woken() {
    holds_and_needs(|| bell_with(1, 1), &[Site::BellRingFence, Site::BellSleepFence]);
}

#[test]
fn several_sleepers_and_values() {
    check(|| bell_with(2, 1));
    holds_and_needs(|| bell_with(1, 2), &[Site::BellWakeStore, Site::BellSeenFence]);
}

/// A doorbell: a socket with room for one ring, and whether it hangs at the bell.
#[derive(Default)]
struct ModelDoorbell {
    rung: Mutex<bool>,
    readable: Condvar,
    hangs: Mutex<bool>,
}

impl ModelDoorbell {
    fn ring_once(&self) {
        *self.rung.lock().unwrap() = true;
        self.readable.notify_all();
    }

    fn empty(&self) {
        *self.rung.lock().unwrap() = false;
    }

    /// Without a bound, as in the model of the futex.
    fn wait(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.readable.wait(rung).unwrap();
        }
    }
}

impl Doorbells for &ModelDoorbell {
    fn ring(self) {
        if *self.hangs.lock().unwrap() {
            self.ring_once();
        }
    }
}

#[derive(Default)]
struct Door {
    ring: Option<ModelRing>,
    bell: ModelBell,
    futex: ModelFutex,
    doorbell: ModelDoorbell,
}

impl Door {
    fn new(hangs: bool) -> Arc<Self> {
        let doorbell = ModelDoorbell { hangs: Mutex::new(hangs), ..ModelDoorbell::default() };
        Arc::new(Door { ring: Some(ring()), doorbell, ..Door::default() })
    }

    fn ring(&self) -> &ModelRing {
        self.ring.as_ref().unwrap()
    }

    fn publish(&self, values: u64) {
        for number in 1..=values {
            put(self.ring(), number);
            bell::published();
            bell::ring(self.bell.flags(), self.ring().watched(), &self.futex, &self.doorbell);
        }
    }

    /// Sleeps by doorbell until all are there.
    fn await_values(&self, values: u64) {
        loop {
            self.doorbell.empty();
            let latest = self.ring().latest();
            if latest >= values {
                return;
            }
            bell::ask(self.bell.flags());
            bell::asked();
            if !self.ring().watched().has_reached(latest + 1) {
                self.doorbell.wait();
            }
        }
    }
}

/// One sleeps by doorbell while values are published.
fn doorbell(values: u64) {
    let door = Door::new(true);
    let sleeper = {
        let door = door.clone();
        thread::spawn(move || door.await_values(values))
    };
    door.publish(values);
    sleeper.join().unwrap();
}

#[test]
fn a_doorbell_is_always_rung() {
    holds_and_needs(|| doorbell(1), &[Site::BellRingFence, Site::BellAskFence]);
    check(|| doorbell(2));
}

#[test]
fn both_ways_of_sleeping_are_woken() {
    check(|| {
        let door = Door::new(true);
        let by_doorbell = {
            let door = door.clone();
            thread::spawn(move || door.await_values(1))
        };
        let by_futex = {
            let door = door.clone();
            thread::spawn(move || {
                while door.ring().latest() < 1 {
                    bell::sleep(door.bell.flags(), door.ring().watched(), 1, &door.futex, Duration::MAX);
                }
            })
        };
        door.publish(1);
        by_doorbell.join().unwrap();
        by_futex.join().unwrap();
    });
}

/// A task waits by way of a reactor, which empties the doorbell and asks on its behalf, or does not.
fn task(values: u64, asks: bool) {
    #[derive(Default)]
    struct Executor {
        /// What the task wants, while it waits.
        waker: Mutex<Option<u64>>,
        woken: Mutex<bool>,
        wake: Condvar,
        done: Mutex<bool>,
    }
    let world = Arc::new((Door::new(true), Executor::default()));
    let task = {
        let world = world.clone();
        thread::spawn(move || {
            let (door, executor) = &*world;
            loop {
                let latest = door.ring().latest();
                if latest >= values {
                    break;
                }
                *executor.waker.lock().unwrap() = Some(latest + 1);
                bell::ask(door.bell.flags());
                bell::asked();
                if door.ring().watched().has_reached(latest + 1) {
                    continue;
                }
                let mut woken = executor.woken.lock().unwrap();
                while !*woken {
                    woken = executor.wake.wait(woken).unwrap();
                }
                *woken = false;
            }
            *executor.done.lock().unwrap() = true;
            door.doorbell.ring_once();
        })
    };
    let reactor = {
        let world = world.clone();
        thread::spawn(move || {
            let (door, executor) = &*world;
            loop {
                door.doorbell.wait();
                door.doorbell.empty();
                if *executor.done.lock().unwrap() {
                    return;
                }
                let wanted = *executor.waker.lock().unwrap();
                let Some(wanted) = wanted else { continue };
                let ready = || door.ring().watched().has_reached(wanted);
                let is_ready = ready()
                    || asks && {
                        bell::ask(door.bell.flags());
                        bell::asked();
                        ready()
                    };
                if is_ready {
                    *executor.waker.lock().unwrap() = None;
                    *executor.woken.lock().unwrap() = true;
                    executor.wake.notify_one();
                }
            }
        })
    };
    world.0.publish(values);
    task.join().unwrap();
    reactor.join().unwrap();
}

#[test]
fn a_task_is_always_woken() {
    check(|| task(1, true));
    check(|| task(2, true));
    assert!(catch_unwind(|| check(|| task(2, false))).is_err(), "the reactor has to ask again");
}

/// The service hangs the doorbell up while its owner sleeps already, and the value comes before or after; whoever
/// hangs it up rings it, or does not.
fn hung_late(rings: bool) {
    let door = Door::new(false);
    let sleeper = {
        let door = door.clone();
        thread::spawn(move || door.await_values(1))
    };
    let control = {
        let door = door.clone();
        thread::spawn(move || {
            *door.doorbell.hangs.lock().unwrap() = true;
            if rings {
                door.doorbell.ring_once();
            }
        })
    };
    door.publish(1);
    control.join().unwrap();
    sleeper.join().unwrap();
}

#[test]
fn a_doorbell_that_is_hung_up_late_is_rung() {
    check(|| hung_late(true));
    assert!(catch_unwind(|| check(|| hung_late(false))).is_err(), "the first ring is needed");
}
