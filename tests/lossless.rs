//! Lossless links lose nothing, whatever happens beside them.
//!
//! Messages that check themselves pass to one, two and eight lossless readers, each a process of its own. One of these
//! is stopped (SIGSTOP) again and again and goes on before its deadline. Beside them others follow without being waited
//! for, and lag behind; others are lossless and killed; others again are lossless, stopped for longer than their
//! deadline, and evicted. Whoever is not evicted has got every value at the end, once, in order and whole.
//!
//! `BUS_TEST_MESSAGES` says how many messages at least; without it there are ten million in a release build, and fewer
//! in a debug build, which is slower by far.

mod support;

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::time::Duration;

use bus::{Error, EvictedLink, Hot, Item, Link, Topic};
use support::{LIMIT, Place, Process, Random, Small, Test, proc, roles, until};

roles!(reader, laggard, stalled);

/// Values that the item keeps.
const HISTORY: u64 = 256;
/// A deadline that nobody here reaches who goes on.
const PATIENCE: Duration = LIMIT.saturating_mul(4);
/// The deadline of who is to be evicted.
const SHORT: Duration = Duration::from_millis(20);
/// In the place of the item's number: this is the last message.
const LAST: u64 = 1;
/// How often the others are disturbed at least.
const ROUNDS: u64 = 4;

/// How many messages are sent at least.
fn messages() -> u64 {
    let default = if cfg!(debug_assertions) { 200_000 } else { 10_000_000 };
    std::env::var("BUS_TEST_MESSAGES").map_or(default, |count| count.parse().expect("a number of messages"))
}

fn advise(test: &Test, deadline: Duration) -> bus::Result<Link<Hot<Small>>> {
    let topic = test.bus().connect::<Small>("service/topic").open().unwrap();
    topic.advise("item").lossless(deadline).hot()
}

/// Follows without loss, from the first message that it sees to the last one.
fn reader(test: &mut Test) {
    let mut link = advise(test, PATIENCE).unwrap();
    test.say("ready");
    let first = link.recv().unwrap();
    let (mut last, mut number) = (first.value.check(), first.seq);
    assert_eq!((last.1, first.missed), (number, 0));
    while last.0 != LAST {
        let update = link.recv_timeout(PATIENCE).unwrap();
        number += 1;
        last = update.value.check();
        assert_eq!((update.seq, update.missed, last.1), (number, 0, number));
    }
    assert_eq!(link.try_recv().unwrap(), None);
    test.say(first.seq);
    test.say(number);
    test.await_line("end");
}

/// Follows more slowly than it could, and without being waited for.
fn laggard(test: &mut Test) {
    let topic = test.bus().connect::<Small>("service/topic").open().unwrap();
    let mut link = topic.advise("item").hot().unwrap();
    test.say("ready");
    let (mut number, mut missed) = (0, 0);
    loop {
        let update = link.recv_timeout(PATIENCE).unwrap();
        number += 1 + update.missed;
        missed += update.missed;
        let (kind, checked) = update.value.check();
        assert_eq!((update.seq, checked), (number, number));
        if kind == LAST {
            break;
        }
        std::thread::yield_now();
    }
    test.say(missed);
    test.await_line("end");
}

/// Is stopped until it is evicted, and when it goes on has an account of every value up to then.
fn stalled(test: &mut Test) {
    // On a busy machine it may be evicted before it has begun.
    let mut link = loop {
        match advise(test, SHORT) {
            Ok(link) => break link,
            Err(Error::Evicted { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    };
    test.say(link.number());
    test.await_line("go on");
    let mut next = None;
    let error = loop {
        match link.recv_timeout(PATIENCE) {
            Ok(update) => {
                // The values before the first were nobody's to deliver.
                assert!(next.is_none_or(|next: u64| update.seq == next + update.missed), "{update:?}");
                assert_eq!(update.value.check().1, update.seq);
                next = Some(update.seq + 1);
            }
            Err(error) => break error,
        }
    };
    let Error::Evicted { reason, .. } = &error else { panic!("{error}") };
    assert!(reason.contains("waited") && reason.contains("values behind"), "{reason}");
    assert!(matches!(link.try_recv(), Err(Error::Closed("the link"))), "it is said once");
    test.say("evicted");
    test.await_line("end");
}

/// What the publisher and those who disturb its readers know of each other.
#[derive(Default)]
struct Progress {
    published: AtomicU64,
    /// The publisher's thread.
    thread: AtomicI32,
    /// That it has been disturbed enough.
    disturbed: AtomicBool,
}

impl Progress {
    fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }

    /// Waits until the publisher has gone on by so many values that nobody who stands still can be in its way.
    fn passes(&self) {
        let end = self.published() + 2 * HISTORY + MOST;
        until("the publisher goes on", || self.published() >= end);
    }

    /// Waits until the publisher waits.
    fn waits(&self) {
        until("the publisher waits", || {
            proc::sleeps_on_futex(std::process::id(), self.thread.load(Ordering::Relaxed))
        });
    }
}

/// The most values that are published at once.
const MOST: u64 = 3 * HISTORY;

/// Publishes in every way there is, until there were enough messages and disturbances; how many messages there were,
/// and whom it has evicted.
fn publish_all(topic: &Topic<Small>, progress: &Progress, seed: u64) -> (u64, Vec<EvictedLink>) {
    progress.thread.store(proc::thread(), Ordering::Relaxed);
    let item = topic.item("item").unwrap();
    let (mut random, mut published, messages) = (Random::new(seed), 0, messages());
    let mut evictions = Vec::new();
    while published < messages || !progress.disturbed.load(Ordering::Relaxed) {
        let values: Vec<Small> =
            (1..=1 + random.below_u64(MOST)).map(|more| Small::new(0, published + more)).collect();
        match random.below(4) {
            0 => item.publish_batch(&values).unwrap(),
            1 => {
                for value in &values {
                    item.publish(value).unwrap();
                }
            }
            2 => values.iter().for_each(|value| publish_at_last(&item, value)),
            _ => {
                let mut rest = &values[..];
                while let [first, others @ ..] = rest {
                    rest = match item.try_publish_batch(rest) {
                        Ok(count) => &rest[count..],
                        Err(Error::Full { .. }) => {
                            publish_at_last(&item, first);
                            others
                        }
                        Err(error) => panic!("{error}"),
                    };
                }
            }
        }
        published += values.len() as u64;
        progress.published.store(published, Ordering::Relaxed);
        evictions.extend(topic.evictions());
    }
    published += 1;
    assert_eq!(item.publish(&Small::new(LAST, published)).unwrap(), published);
    (published, evictions)
}

/// Publishes without waiting, or else after waiting.
fn publish_at_last(item: &Item<'_, Small>, value: &Small) {
    let published = match item.try_publish(value) {
        Err(Error::Full { .. }) => item.publish_timeout(value, PATIENCE),
        result => result,
    };
    published.unwrap();
}

/// Stops and goes on with one reader, kills others, and has others evicted, until there were enough messages; the
/// processes and links that were evicted.
fn disturb(place: &Place, reader: &Process, progress: &Progress) -> Vec<(u32, u64)> {
    let mut evicted = Vec::new();
    let mut round = 0;
    while round < ROUNDS || progress.published() < messages() {
        round += 1;
        reader.stop();
        progress.waits();
        reader.resume();
        let mut killed = place.start("reader");
        killed.await_line("ready");
        killed.stop();
        progress.waits();
        killed.kill();
        let mut stalled = place.start("stalled");
        let link = stalled.hear_number();
        stalled.stop();
        progress.passes();
        stalled.resume();
        stalled.say("go on");
        stalled.await_line("evicted");
        evicted.push((stalled.pid(), link));
        stalled.say("end");
        stalled.finish();
        progress.passes();
    }
    evicted
}

/// Sends all messages to so many readers.
fn pass_to(count: usize) {
    let seed = Random::seeded().next();
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic("topic").history(HISTORY as usize).lossless(PATIENCE).open().unwrap();
    topic.item("item").unwrap();
    service.ready().unwrap();
    let start = |role, count| -> Vec<Process> {
        let mut processes: Vec<_> = (0..count).map(|_| place.start(role)).collect();
        processes.iter_mut().for_each(|process| process.await_line("ready"));
        processes
    };
    let (mut readers, mut laggards) = (start("reader", count), start("laggard", 2));
    let progress = Progress::default();
    let ((published, evictions), evicted) = std::thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            let topic = topic;
            publish_all(&topic, &progress, seed)
        });
        let enough = Set(&progress.disturbed);
        let evicted = disturb(&place, &readers[0], &progress);
        drop(enough);
        (publisher.join().unwrap(), evicted)
    });
    for reader in &mut readers {
        assert_eq!((reader.hear_number(), reader.hear_number()), (1, published), "the first and the last");
    }
    let missed: Vec<u64> = laggards.iter_mut().map(Process::hear_number).collect();
    println!("{published} messages, laggards missed {missed:?}, evicted {evicted:?}");
    let mut told: Vec<_> = evictions.iter().map(|eviction| (eviction.pid, eviction.link)).collect();
    let is_stalled = |pid| evicted.iter().any(|&(stalled, _)| stalled == pid);
    assert!(told.iter().all(|&(pid, _)| is_stalled(pid)), "nobody else was evicted: {told:?}");
    told.retain(|link| evicted.contains(link));
    assert_eq!(told, evicted);
    for mut process in readers.into_iter().chain(laggards) {
        process.say("end");
        process.finish();
    }
    until("all are gone", || service.clients().is_empty());
}

/// Sets the flag also when a test fails, so that nobody waits for it.
struct Set<'a>(&'a AtomicBool);

impl Drop for Set<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn every_message_reaches_one_lossless_reader() {
    pass_to(1);
}

#[test]
fn every_message_reaches_two_lossless_readers() {
    pass_to(2);
}

#[test]
fn every_message_reaches_eight_lossless_readers() {
    pass_to(8);
}
