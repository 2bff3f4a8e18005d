//! Everything at once: a growing topic, published as fast as it goes, followed by processes and threads, by links that
//! live long and links that come and go.
//!
//! What each must have received follows from a seed that all of them know, so that each checks for itself: every
//! value is whole, every value of every item is delivered or counted as missed, and the last one arrives. It is bounded
//! by a count of values, not by time; `BUS_TEST_SEED` repeats the choices.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use bus::{Conversation, Hot, Link, Service, Wait};
use support::{Account, Checked, LIMIT, Place, Random, Test, connect, roles, until};

roles!(reader);

const VALUES: u64 = 60_000;
const ITEMS: u64 = 400;

/// The items that are published, one after the other: more and more of them.
fn schedule(seed: u64) -> impl Iterator<Item = u64> {
    let mut random = Random::new(seed);
    (0..VALUES).map(move |step| random.below((1 + step * ITEMS / VALUES) as usize) as u64)
}

/// How many values each item gets.
fn published(seed: u64) -> Vec<u64> {
    let mut published = vec![0; ITEMS as usize];
    schedule(seed).for_each(|item| published[item as usize] += 1);
    published
}

/// A link, and which items it is to.
type Follower = (Link<Hot<Checked>>, fn(usize) -> bool);

/// Opens the `way`th of several kinds of links, and says which items it follows.
fn link(topic: &Conversation<Checked>, way: usize) -> Follower {
    let third = || topic.advise_items((0..ITEMS).step_by(3).map(|item| item.to_string()));
    let (advise, wanted): (_, fn(usize) -> bool) = match way {
        0 => (topic.advise("*"), |_| true),
        1 => (topic.advise("*").latest(), |_| true),
        2 => (topic.advise("*").strategy(Wait::Park), |_| true),
        3 => (third(), |item| item.is_multiple_of(3)),
        4 => (third().latest().strategy(Wait::Park), |item| item.is_multiple_of(3)),
        _ => (topic.advise("0"), |item| item == 0),
    };
    (advise.hot().unwrap(), wanted)
}

/// Receives until all that the link follows is accounted for.
fn follow(seed: u64, (mut link, wanted): Follower) {
    let mut last = published(seed);
    last.iter_mut().enumerate().filter(|(item, _)| !wanted(*item)).for_each(|(_, last)| *last = 0);
    let mut account = Account::default();
    account.enter_until(&mut link, &last);
    assert_eq!(link.try_recv().unwrap(), None);
    for (item, &last) in last.iter().enumerate() {
        let entry = account.of(item as u64);
        assert_eq!(entry.delivered + entry.missed, last, "item {item}: {entry:?}");
    }
}

fn reader(test: &mut Test) {
    let (seed, way) = (test.hear_number(), test.hear_number());
    let topic = connect(&test.bus());
    let link = link(&topic, way);
    test.say("ready");
    follow(seed, link);
    test.say("done");
}

/// Comes and goes until the end: connects, requests, advises, receives a little, and drops it all.
fn come_and_go(place: &Place, mut random: Random, end: &AtomicBool) -> u64 {
    let mut rounds = 0;
    while !end.load(Ordering::Relaxed) {
        let bus = place.bus();
        let topic = connect(&bus);
        for _ in 0..random.below(4) {
            let (mut link, _) = link(&topic, random.below(6));
            for _ in 0..random.below(20) {
                if let Some(update) = link.try_recv().unwrap() {
                    update.value.check();
                }
            }
        }
        for name in topic.items().iter().take(random.below(50)) {
            // A new item may not have its first value yet.
            if let Ok(update) = topic.request(name) {
                assert_eq!(update.value.check(), (name.parse().unwrap(), update.seq));
            }
        }
        rounds += 1;
    }
    rounds
}

/// Tells the guests to go, also when the test fails: nobody is waited for then.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn publish_all(seed: u64, service: &Service, followers: usize, arrivals: &mpsc::Receiver<()>) {
    let topic = service.topic("topic").history(4).journal(256).capacity(4).open().unwrap();
    topic.item("0").unwrap();
    service.ready().unwrap();
    // All who follow are here, and stand at the beginning.
    (0..followers).for_each(|_| arrivals.recv_timeout(LIMIT).unwrap());
    let mut numbers = vec![0; ITEMS as usize];
    for item in schedule(seed) {
        let number = &mut numbers[item as usize];
        *number += 1;
        topic.item(&item.to_string()).unwrap().publish(&Checked::new(item, *number)).unwrap();
    }
    assert_eq!(numbers, published(seed));
}

#[test]
fn everything_at_once() {
    let mut random = Random::seeded();
    let seed = random.next();
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let end = AtomicBool::new(false);
    let (arrive, arrivals) = mpsc::channel();
    std::thread::scope(|scope| {
        // Of this process's threads each has a bus of its own, as it would have in a process of its own.
        for way in [0, 1] {
            let (place, arrive) = (&place, arrive.clone());
            scope.spawn(move || {
                let topic = place.bus().connect("service/topic").wait(LIMIT).open().unwrap();
                let link = link(&topic, way);
                arrive.send(()).unwrap();
                follow(seed, link);
            });
        }
        let publisher = scope.spawn({
            let service = &service;
            move || publish_all(seed, service, 2 + 6, &arrivals)
        });
        until("the service is ready", || bus.services().unwrap().len() == 1);
        let mut readers: Vec<_> = (0..6).map(|_| place.start("reader")).collect();
        for (way, reader) in readers.iter_mut().enumerate() {
            reader.say(seed);
            reader.say(way);
        }
        for reader in &mut readers {
            reader.await_line("ready");
            arrive.send(()).unwrap();
        }
        let last_orders = End(&end);
        let guests = [random.next(), random.next()].map(|seed| {
            let (place, end) = (&place, &end);
            scope.spawn(move || come_and_go(place, Random::new(seed), end))
        });
        publisher.join().unwrap();
        for mut reader in readers {
            reader.await_line("done");
            reader.finish();
        }
        drop(last_orders);
        let rounds = guests.map(|guest| guest.join().unwrap());
        println!("guests came and went {rounds:?} times");
    });
    until("all are gone", || service.clients().is_empty());
}
