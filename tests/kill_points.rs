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
//! lost; another process does all that the dead one was to do; no file is left; and whoever was there has at the end no
//! descriptor and no mapping more than without the dead one.
//!
//! Each death has to come: a process goes on, and clients come and go, until it does. How often those steps come that do not come
//! with every value is written down below ([`FEW`]), so that what is gone through is the same on any machine.
#![cfg(kill_points)]

mod support;
#[path = "kill_points/transactions.rs"]
mod transactions;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bus::{Conversation, Deliver, Error, Hot, Link, Sample, Samples, Topic, Update, Wait, WaitSet};
use support::{Checked, LIMIT, Place, Process, Test, proc, roles, until};
use transactions::{answerer, asker};

roles!(publisher, reader, staller, answerer, asker);

/// At which passings of a step to die.
const PASSINGS: [u64; 4] = [1, 2, 5, 40];
/// Steps that do not come again and again as long as values do, and how often they come for sure.
const FEW: &[(&str, u64)] = &[
    ("EvictionMarked", 1),
    ("EvictionQueued", 1),
    ("EvictionSent", 1),
    ("PoolGrown", 5),
    ("PoolAdded", 5),
    ("PoolSent", 5),
    ("SegmentSent", 5),
    ("CreditsTaken", 5),
    ("CreditsSent", 5),
    ("EnrolFloored", 5),
    ("EnrolEntered", 5),
    ("EnrolAttended", 5),
    ("Enrolled", 5),
    ("GrantedSent", 5),
    ("Withdrawn", 5),
    ("Released", 5),
    ("HungUp", 2),
    ("CreditsMapped", 2),
    ("GrantTaken", 2),
    ("Attached", 2),
    ("PoolMapped", 2),
    ("UnadviseSent", 2),
];
/// How long the first visitor stays with a publisher that is to die; each later one stays a quarter longer.
const STAY: Duration = Duration::from_millis(250);
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
    // What it has without clients, and the socket at which they will find it.
    let own = proc::descriptors_but_memory() + 1;
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
            "left" => {
                // Its topic that grows has more memory meanwhile, which is its own.
                let clients = service.clients();
                let links: usize = clients.iter().map(|client| client.links).sum();
                let descriptors = proc::descriptors_but_memory() as isize - own as isize;
                test.say(format!("{} {links} {descriptors} {}", clients.len(), proc::credit_mappings()));
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
    let before = (proc::descriptors(), proc::mappings());
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
    until("nothing of it is left", || (proc::descriptors(), proc::mappings()) == before);
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
                Err(
                    Error::NoValue { .. }
                    | Error::NoSuchItem { .. }
                    | Error::Stale { .. }
                    | Error::Overrun { .. },
                ) => {}
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
fn check_publisher(place: &Place, publisher: &mut Process) {
    publisher.say("stop");
    publisher.await_line("stopped");
    until("all clients are forgotten", || {
        // It learns of what is gone when it publishes.
        assert_eq!(publisher.ask("one"), "published");
        publisher.ask("left") == "0 0 0 0"
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

/// Kills a publisher at a step.
fn kill_publisher(kill_at: &str) {
    let place = Place::new();
    let mut doomed = start_publisher(place.start_doomed("publisher", kill_at), 1);
    let mut survivor = start_reader(place.start("reader"), 2, 50);
    let staller = place.start("staller");
    if doomed.hear_or_end().is_some() {
        // Not before the survivor has its three links, and the staller two.
        doomed.say_if_there("await links");
        doomed.say_if_there("go");
        visit_until_killed(&place, &mut doomed, kill_at);
    } else {
        assert!(doomed.is_killed_within(LIMIT), "{kill_at}");
    }
    drop(staller);
    let mut next = start_publisher(place.start("publisher"), 2);
    next.await_line("ready");
    next.say("go");
    assert_eq!(survivor.hear(), "done", "{kill_at}");
    survivor.finish();
    check_publisher(&place, &mut next);
}

/// Has one client after another come, read, and be killed, so that all that clients make a publisher do is done again and
/// again; until it is dead.
fn visit_until_killed(place: &Place, doomed: &mut Process, kill_at: &str) {
    let (start, mut stay) = (Instant::now(), STAY);
    loop {
        let _visitor = start_reader(place.start("reader"), 1, 20);
        if doomed.is_killed_within(stay) {
            return;
        }
        assert!(start.elapsed() < LIMIT, "a publisher never comes to {kill_at}");
        stay += stay / 4;
    }
}

/// Kills a client at a step, which is one of those that come while it reads, if it does so for ever.
fn kill_client(kill_at: &str, for_ever: bool) {
    let place = Place::new();
    let mut publisher = start_publisher(place.start("publisher"), 1);
    publisher.await_line("ready");
    publisher.say("go");
    let mut witness = start_reader(place.start("reader"), 1, 1000);
    let count = if for_ever { u64::MAX } else { 200 };
    let mut doomed = start_reader(place.start_doomed("reader", kill_at), 1, count);
    if doomed.hear_or_end().is_some() {
        // It has done what it was to do, and some steps come when it lets go.
        doomed.say_if_there("end");
    }
    assert!(doomed.is_killed_within(LIMIT), "a client never comes to {kill_at}");
    assert_eq!(witness.hear(), "done", "{kill_at}");
    witness.finish();
    // Another does all that the dead one was to do.
    let mut other = start_reader(place.start("reader"), 1, 200);
    assert_eq!(other.hear(), "done", "{kill_at}");
    other.finish();
    check_publisher(&place, &mut publisher);
}

#[test]
fn whoever_is_killed_at_whatever_step_harms_nobody() {
    let named = |few: &str| bus::KILL_POINTS.iter().any(|&(step, _)| step == few);
    let all = FEW.iter().map(|&(step, _)| step).chain(transactions::STEPS.iter().copied());
    assert!(all.into_iter().all(named), "a step is not named any longer");
    let only = std::env::var("BUS_TEST_STEP").ok();
    let steps = bus::KILL_POINTS.iter().filter(|(step, _)| only.as_deref().is_none_or(|only| only == *step));
    for &(step, party) in steps {
        let few = FEW.iter().find(|&&(few, _)| few == step).map(|&(_, times)| times);
        let passings = PASSINGS.into_iter().filter(|&passing| few.is_none_or(|times| passing <= times));
        for passing in passings.clone() {
            let kill_at = format!("{step}:{passing}");
            match party {
                "Publisher" if transactions::STEPS.contains(&step) => transactions::kill_service(&kill_at),
                _ if transactions::STEPS.contains(&step) => transactions::kill_client(&kill_at),
                "Publisher" => kill_publisher(&kill_at),
                _ => kill_client(&kill_at, few.is_none()),
            }
        }
        println!("{party} {step}: killed at passing {:?}", passings.collect::<Vec<_>>());
    }
}
