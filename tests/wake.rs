//! A reader that sleeps is woken by the next publish, and a sleep that nobody ends does not last.
//!
//! That a reader wakes up eventually would be little: its sleeps are bounded, so it looks again whether or not it
//! was woken. These tests show without a clock that the wake-up itself arrives, from both ends. A sleeper by hand
//! that follows the protocol, but without a bound, is woken by a publish; and a link that sleeps has done what that
//! protocol asks: it has set the bell of what it waits for, and sleeps on the word on which the publisher wakes.

mod support;

use std::sync::atomic::{AtomicU64, Ordering};

use bus::Wait;
use rustix::thread::futex;
use support::segment::{View, futex_half};
use support::wire::Client;
use support::{LIMIT, Place, Process, Publisher, Setup, Test, connect, proc, publisher, roles, until};

roles!(publisher, sleeper);

const SETUP: Setup = Setup { history: 4, journal: 8, items: 2 };

/// Follows what it is told to, and sleeps until there is something, again and again.
fn sleeper(test: &mut Test) {
    let target = test.hear();
    let wait = if test.hear() == "park" { Wait::Park } else { Wait::SpinThenPark };
    let topic = connect(&test.bus());
    let advise = match &*target {
        "several" => topic.advise_items(["1"]),
        one_or_all => topic.advise(one_or_all),
    };
    let mut link = advise.strategy(wait).hot().unwrap();
    test.say(proc::thread());
    loop {
        let (item, number) = link.recv().unwrap().value.check();
        test.say(format!("{item} {number}"));
    }
}

fn start(place: &Place, target: &str, wait: &str) -> (Process, i32) {
    let mut sleeper = place.start("sleeper");
    sleeper.say(target);
    sleeper.say(wait);
    let thread = sleeper.hear_number();
    (sleeper, thread)
}

fn await_sleep(sleeper: &Process, thread: i32) {
    until("the reader sleeps", || proc::sleeps_on_futex(sleeper.pid(), thread));
}

#[test]
fn a_sleeping_reader_gets_the_next_value() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let mut sleepers: Vec<_> = ["1", "*", "several"]
        .into_iter()
        .flat_map(|target| ["park", "spin then park"].map(|wait| start(&place, target, wait)))
        .collect();
    for number in 1..=30 {
        for (sleeper, thread) in &sleepers {
            await_sleep(sleeper, *thread);
        }
        publisher.publish(1, 1);
        for (sleeper, _) in &mut sleepers {
            sleeper.await_line(&format!("1 {number}"));
        }
    }
}

#[test]
fn a_reader_sleeps_where_the_publisher_wakes() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let view = Client::greeted(&place, "service").connect("topic").view();
    for (number, target) in [(1, "1"), (2, "*"), (3, "several")] {
        let (mut sleeper, thread) = start(&place, target, "park");
        if number > 1 {
            sleeper.await_line(&format!("1 {}", number - 1));
        }
        let (bell, wakes) = match target {
            "1" => (view.item_bell(1), view.item_head(1).1),
            _ => (view.topic_bell(), view.topic_head().1),
        };
        await_sleep(&sleeper, thread);
        // The kernel says how many it woke, who then look, find nothing, and sleep again.
        until("one sleeps on the word of what it waits for", || wake(wakes) == 1);
        await_sleep(&sleeper, thread);
        until("the bell is set again", || bell.load(Ordering::Relaxed) == 1);
        let before = wakes.load(Ordering::Relaxed);
        publisher.publish(1, 1);
        sleeper.await_line(&format!("1 {number}"));
        assert_eq!(wakes.load(Ordering::Relaxed), before + 1, "the publisher saw the bell");
        sleeper.kill();
    }
}

#[test]
fn whoever_sleeps_by_the_protocol_is_woken_without_any_bound() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let view = Client::greeted(&place, "service").connect("topic").view();
    for round in 0..100 {
        let (bell, (head, wakes)) = match round % 2 {
            0 => (view.item_bell(0), view.item_head(0)),
            _ => (view.topic_bell(), view.topic_head()),
        };
        let known = head.load(Ordering::Relaxed);
        let seen = wakes.load(Ordering::Relaxed) as u32;
        bell.store(1, Ordering::SeqCst);
        publisher.begin_publish(0, 1);
        while head.load(Ordering::SeqCst) == known {
            match sleep(wakes, seen) {
                Ok(()) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
                Err(error) => panic!("published, but the sleeper was not woken: {error}"),
            }
        }
        publisher.done();
        assert_eq!(bell.load(Ordering::Relaxed), 0, "the bell was answered");
    }
}

#[test]
fn nobody_is_woken_while_nobody_sleeps() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let view = Client::greeted(&place, "service").connect("topic").view();
    let mut link = connect(&place.bus()).advise("*").hot().unwrap();
    publisher.publish(0, 1000);
    while link.try_recv().unwrap().is_some() {}
    assert_eq!(wakes_of(&view), [0, 0]);
}

fn wakes_of(view: &View) -> [u64; 2] {
    [view.item_head(0).1, view.topic_head().1].map(|wakes| wakes.load(Ordering::Relaxed))
}

/// Wakes all who sleep on a word; how many.
fn wake(word: &AtomicU64) -> usize {
    futex::wake(futex_half(word), futex::Flags::empty(), i32::MAX as u32).unwrap()
}

fn sleep(word: &AtomicU64, seen: u32) -> rustix::io::Result<()> {
    let limit = rustix::time::Timespec { tv_sec: LIMIT.as_secs() as i64, tv_nsec: 0 };
    futex::wait(futex_half(word), futex::Flags::empty(), seen, Some(&limit))
}
