//! A process is killed at every step that others can see, and whoever is left goes on as if nothing were.
//!
//! The library names these steps (`bus/src/sync/steps.rs`) and, built with `--cfg kill_points`, dies at the one that the
//! environment says. This goes through all that there are, so that none can be added and not be tested, and at each through
//! some passings: the first, which may be in the middle of a connect, and later ones. In a normal build there is nothing here to
//! be run:
//!
//! ```text
//! RUSTFLAGS="--cfg kill_points" CARGO_TARGET_DIR=target/kill_points cargo test --test kill_points
//! ```
//!
//! After each death: values that are held are what they were; every link accounts for every value, says once that the service
//! is gone, if it is, and follows the next one; the last value can be read; the publisher publishes on, and no memory of it is
//! lost; another process does all that the dead one was to do; and no file, descriptor or mapping is left.
#![cfg(kill_points)]

mod support;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bus::{Conversation, Deliver, Error, Hot, Link, Sample, Samples, Topic, Update, Wait, WaitSet};
use support::{Checked, LIMIT, Place, Process, Test, proc, roles, until};

roles!(publisher, reader, staller);

/// At which passings of a step to die.
const PASSINGS: [u64; 4] = [1, 2, 5, 40];
/// How long a process may take to come to its step, if it does not have to come there at all.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How many values links may hold: what is the whole of the memory that is not in the history.
const SAMPLES: usize = 24;
const HISTORY: usize = 2;

/// Publishes in all ways, in a life of the service that each value names, as it is told.
fn publisher(test: &mut Test) {
    let life: u64 = test.hear_number();
    let bus = test.bus();
    let service = bus.service("service").unwrap();
    let patience = Duration::from_millis(3000);
    let topic: Topic<Checked> =
        service.topic("topic").history(HISTORY).samples(SAMPLES).lossless(patience).open().unwrap();
    topic.item("item").unwrap();
    let growing: Topic<Checked> = service.topic("growing").history(2).samples(1).capacity(1).open().unwrap();
    growing.item("0").unwrap().publish(&Checked::new(life, 1)).unwrap();
    service.ready().unwrap();
    test.say("ready");
    let mut number = 0;
    loop {
        match &*test.hear() {
            "await links" => until("those who follow are there", || {
                let clients = service.clients();
                clients.iter().map(|client| client.links).sum::<usize>() >= 5
            }),
            "go" => {
                let end = AtomicU64::new(0);
                std::thread::scope(|scope| {
                    scope.spawn(|| {
                        assert_eq!(test.hear(), "stop");
                        end.store(1, Ordering::Relaxed);
                    });
                    while end.load(Ordering::Relaxed) == 0 {
                        publish(&topic, life, &mut number);
                        if number.is_multiple_of(64) && growing.len() < 200 {
                            let item = growing.item(&growing.len().to_string()).unwrap();
                            item.publish(&Checked::new(life, 1)).unwrap();
                        }
                    }
                });
                test.say("stopped");
            }
            "one" => {
                publish(&topic, life, &mut number);
                test.say("published");
            }
            "status" => {
                let clients = service.clients();
                let links: usize = clients.iter().map(|client| client.links).sum();
                test.say(format!("{} {links} {} {}", clients.len(), proc::descriptors(), proc::mappings()));
            }
            line => panic!("a publisher does not understand {line:?}"),
        }
    }
}

/// Publishes the next value: copied, written, or built in place; and lets a loan go now and then.
fn publish(topic: &Topic<Checked>, life: u64, number: &mut u64) {
    let item = topic.item("item").unwrap();
    let value = Checked::new(life, *number + 1);
    if number.is_multiple_of(7) {
        drop(item.loan().unwrap());
    }
    let published = match *number % 3 {
        0 => item.publish(&value),
        1 => item.loan().unwrap().write(&value).publish(),
        _ => {
            let mut draft = item.loan().unwrap().in_place();
            *draft.get_mut() = value;
            draft.publish()
        }
    };
    *number += 1;
    assert_eq!(published.unwrap(), *number);
}

/// A link, and what it has delivered.
struct Follower<D: Deliver> {
    link: Link<D>,
    /// The life and the number of the last value; nothing before the first.
    last: Option<(u64, u64)>,
    /// Values of the last life.
    count: u64,
    lossless: bool,
}

/// What an update has in common, whatever it brings.
struct Entry {
    life: u64,
    number: u64,
    missed: u64,
}

impl<D: Deliver> Follower<D> {
    fn new(link: Link<D>, lossless: bool) -> Self {
        Follower { link, last: None, count: 0, lossless }
    }

    /// Enters an update, which must continue exactly where the one before it ended.
    fn enter(&mut self, Entry { life, number, missed }: Entry) {
        match self.last {
            Some((before, last)) if before == life => {
                assert_eq!(number, last + missed + 1, "after {last}, {missed} missed");
                assert!(!self.lossless || missed == 0, "{missed} lost before {number}");
            }
            // Another life is followed from its beginning.
            Some(_) => assert_eq!(number, missed + 1, "the first of life {life}"),
            None => {}
        }
        if self.last.is_none_or(|(before, _)| before != life) {
            self.count = 0;
        }
        self.count += 1;
        self.last = Some((life, number));
    }

    fn has_done(&self, life: u64, count: u64) -> bool {
        self.last.is_some_and(|(last, _)| last == life) && self.count >= count
    }
}

fn entry<V>(update: &Update<V>, value: &Checked) -> Entry {
    let (life, number) = value.check();
    assert_eq!(number, update.seq);
    Entry { life, number, missed: update.missed }
}

/// What comes; nothing where the service is gone, which is said once.
fn survive<T>(received: Result<T, Error>) -> Option<T> {
    match received {
        Ok(update) => Some(update),
        Err(Error::Stale { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Reads in all ways until it has had so many values of a life by each, and lets all go.
fn reader(test: &mut Test) {
    let (life, count) = (test.hear_number(), test.hear_number());
    let bus = test.bus();
    // Until the service has stayed long enough for all of them.
    let (topic, held, followed, waited) = loop {
        let Ok(topic) = bus.connect::<Checked>("service/topic").wait(LIMIT).open() else { continue };
        let Ok(held) = topic.advise("item").strategy(Wait::Park).wait(LIMIT).samples(3) else { continue };
        let lossless = topic.advise("item").lossless(LIMIT).strategy(Wait::Park).wait(LIMIT);
        let Ok(followed) = lossless.hot() else { continue };
        let Ok(waited) = topic.advise("item").wait(LIMIT).hot() else { continue };
        break (topic, held, followed, waited);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| hold(&topic, Follower::new(held, false), life, count));
        scope.spawn(|| follow(Follower::new(followed, true), life, count));
        scope.spawn(|| wait(Follower::new(waited, false), life, count));
    });
    let growing = bus.connect::<Checked>("service/growing").wait(LIMIT).open().unwrap();
    for item in growing.items() {
        match growing.request(&item) {
            Ok(update) => assert_eq!(update.value.check(), (life, 1)),
            Err(Error::NoValue { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    drop((topic, growing, bus));
    test.say("done");
    test.hear();
}

/// Holds two values most of the time, and lets their last clones go on another thread.
fn hold(topic: &Conversation<Checked>, mut follower: Follower<Samples<Checked>>, life: u64, count: u64) {
    let mut held: VecDeque<(u64, u64, Sample<Checked>)> = VecDeque::new();
    while !follower.has_done(life, count) {
        let Some(update) = survive(follower.link.recv_timeout(LIMIT)) else {
            // What is held is what it was, and the last value can be read, or there is none, or there is another life.
            held.iter().for_each(|(life, number, sample)| assert_eq!(sample.check(), (*life, *number)));
            match topic.request("item") {
                Ok(update) => assert_eq!(update.value.check().1, update.seq),
                Err(Error::NoValue { .. } | Error::NoSuchItem { .. } | Error::Overrun { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            continue;
        };
        let entry = entry(&update, &update.value);
        held.push_back((entry.life, entry.number, update.value.clone()));
        follower.enter(entry);
        if held.len() > 2
            && let Some((life, number, sample)) = held.pop_front()
        {
            assert_eq!(sample.check(), (life, number));
            if number.is_multiple_of(16) {
                std::thread::scope(|scope| drop(scope.spawn(move || drop(sample))));
            }
        }
    }
}

fn follow(mut follower: Follower<Hot<Checked>>, life: u64, count: u64) {
    while !follower.has_done(life, count) {
        if let Some(update) = survive(follower.link.recv_timeout(LIMIT)) {
            follower.enter(entry(&update, &update.value));
            if follower.count.is_multiple_of(16) {
                // Now and then its publisher comes to sleep, and has to be woken.
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

fn wait(mut follower: Follower<Hot<Checked>>, life: u64, count: u64) {
    let mut set = WaitSet::new().unwrap();
    set.add(&mut follower.link, ()).unwrap();
    while !follower.has_done(life, count) {
        set.wait_timeout(LIMIT).unwrap();
        while let Some(Some(update)) = survive(follower.link.try_recv()) {
            follower.enter(entry(&update, &update.value));
        }
    }
}

/// Has publishers wait for it, reads nothing, and holds something.
fn staller(test: &mut Test) {
    let bus = test.bus();
    loop {
        let Ok(topic) = bus.connect::<Checked>("service/topic").wait(LIMIT).open() else { continue };
        let stall = Duration::from_millis(2);
        let Ok(_stalled) = topic.advise("item").lossless(stall).wait(LIMIT).hot() else { continue };
        let Ok(mut held) = topic.advise("item").wait(LIMIT).samples(3) else { continue };
        let Some(_held) = survive(held.recv_timeout(LIMIT)) else { continue };
        test.say("stalled");
        test.hear();
    }
}

fn start_publisher(mut process: Process, life: u64) -> Process {
    process.say_if_there(life);
    process
}

fn start_reader(mut process: Process, life: u64, count: u64) -> Process {
    process.say(life);
    process.say(count);
    process
}

/// What remains when all clients are gone: nothing, and no memory is lost.
fn check_publisher(place: &Place, publisher: &mut Process, alone: &str) {
    publisher.say("stop");
    publisher.await_line("stopped");
    until("all clients are forgotten", || {
        // It learns of what is gone when it publishes.
        assert_eq!(publisher.ask("one"), "published");
        let (now, alone) = (publisher.ask("status"), alone.split(' ').collect::<Vec<_>>());
        let now: Vec<_> = now.split(' ').collect();
        // Its other topic has grown meanwhile: by mappings, and by descriptors for clients.
        now[..2] == alone[..2]
    });
    // All that there is beyond the history can be held, and there is still room for another value, and another.
    let topic = place.bus().connect::<Checked>("service/topic").open().unwrap();
    let mut link = topic.advise("item").samples(SAMPLES).unwrap();
    let held: Vec<_> = (0..SAMPLES)
        .map(|_| {
            let update = link.recv_timeout(LIMIT).unwrap();
            assert_eq!(publisher.ask("one"), "published");
            update
        })
        .collect();
    for _ in 0..10 {
        assert_eq!(publisher.ask("one"), "published");
    }
    held.iter().for_each(|update| assert_eq!(update.value.check().1, update.seq));
}

/// Kills a publisher at a step; whether it came there.
fn kill_publisher(kill_at: &str, must: bool) -> bool {
    let place = Place::new();
    let mut doomed = start_publisher(place.start_doomed("publisher", kill_at), 1);
    let mut survivor = start_reader(place.start("reader"), 2, 50);
    let _staller = place.start("staller");
    let _visitors = if doomed.hear_or_end().is_some() {
        // Not before the survivor has its three links, and the staller two.
        doomed.say_if_there("await links");
        doomed.say_if_there("go");
        let mut visitor = start_reader(place.start("reader"), 1, 20);
        // It comes, reads and goes, while the service is there for it.
        let deadline = if must { LIMIT / 4 } else { PATIENCE };
        let came = doomed.is_killed_within(deadline / 3) || {
            visitor.kill();
            doomed.is_killed_within(deadline)
        };
        if !came {
            assert!(!must, "a publisher never comes to {kill_at}");
            return false;
        }
        Some(visitor)
    } else {
        assert!(doomed.is_killed_within(LIMIT));
        None
    };
    drop(_visitors);
    drop(_staller);
    let mut next = start_publisher(place.start("publisher"), 2);
    next.await_line("ready");
    let alone = next.ask("status").replacen(|c: char| c != ' ', "0", 2);
    next.say("go");
    assert_eq!(survivor.hear(), "done", "{kill_at}");
    survivor.finish();
    check_publisher(&place, &mut next, &alone);
    true
}

/// Kills a client at a step; whether it came there.
fn kill_client(kill_at: &str, must: bool) -> bool {
    let place = Place::new();
    let mut publisher = start_publisher(place.start("publisher"), 1);
    publisher.await_line("ready");
    let alone = publisher.ask("status");
    publisher.say("go");
    let mut witness = start_reader(place.start("reader"), 1, 1000);
    let mut doomed = start_reader(place.start_doomed("reader", kill_at), 1, 200);
    let came = doomed.hear_or_end().is_none();
    if came {
        assert!(doomed.is_killed_within(LIMIT));
    } else {
        // It has done what it was to do, and some steps come when it lets go.
        doomed.say_if_there("end");
        if !doomed.is_killed_within(PATIENCE / 10) {
            assert!(!must, "a client never comes to {kill_at}");
            return false;
        }
    }
    assert_eq!(witness.hear(), "done", "{kill_at}");
    witness.finish();
    // Another does all that the dead one was to do.
    let mut other = start_reader(place.start("reader"), 1, 200);
    assert_eq!(other.hear(), "done", "{kill_at}");
    other.finish();
    check_publisher(&place, &mut publisher, &alone);
    true
}

#[test]
fn whoever_is_killed_at_whatever_step_harms_nobody() {
    let only = std::env::var("BUS_TEST_STEP").ok();
    let steps = bus::KILL_POINTS.iter().filter(|(step, _)| only.as_deref().is_none_or(|only| only == *step));
    for &(step, party) in steps {
        let mut deaths = Vec::new();
        for passing in PASSINGS {
            let kill = if party == "Publisher" { kill_publisher } else { kill_client };
            if !kill(&format!("{step}:{passing}"), passing == 1) {
                break;
            }
            deaths.push(passing);
        }
        println!("{party} {step}: killed at passing {deaths:?}");
    }
}
