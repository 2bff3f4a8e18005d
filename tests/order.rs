//! A link to several items delivers their values in the order in which they were published.
//!
//! That is what makes one such link more than a link to each item: the reader sees the topic's history as it was,
//! however the publisher jumped between items. Where a reader was so slow that the order itself was overwritten, it
//! gets what is left item by item, and what is published after that in order again.

mod support;

use bus::{Hot, Link, Message};
use support::{LIMIT, Place, Random, Test, roles};

roles!(publisher);

/// Items of the topic, named "0", "1", ….
const ITEMS: usize = 6;
/// Publishes whose order is kept, and values that each item keeps.
const DEPTH: usize = 64;

#[derive(Message, Debug, Clone, Copy, PartialEq)]
#[repr(C)]
struct Step {
    /// The how-manieth publish of the topic this is.
    number: u64,
}

/// Publishes as many steps as it is told, each on an item that the generator chooses.
fn publisher(test: &mut Test) {
    let (seed, history, journal) = (test.hear_number(), test.hear_number(), test.hear_number());
    let bus = test.bus();
    let service = bus.service("walk").unwrap();
    let topic = service.topic::<Step>("steps").history(history).journal(journal).open().unwrap();
    for item in 0..ITEMS {
        topic.item(&item.to_string()).unwrap();
    }
    service.ready().unwrap();
    test.say("ready");
    let mut random = Random::new(seed);
    let mut number = 0;
    loop {
        for _ in 0..test.hear_number() {
            number += 1;
            topic.item(&random.below(ITEMS).to_string()).unwrap().publish(&Step { number }).unwrap();
        }
        test.say("done");
    }
}

fn start(place: &Place, seed: u64, history: usize, journal: usize) -> support::Process {
    let mut publisher = place.start("publisher");
    publisher.say(seed);
    publisher.say(history);
    publisher.say(journal);
    publisher.await_line("ready");
    publisher
}

/// The next so many steps, by item.
fn walk(random: &mut Random, from: u64, steps: u64) -> Vec<(usize, u64)> {
    (from..from + steps).map(|number| (random.below(ITEMS), number)).collect()
}

#[track_caller]
fn expect(link: &mut Link<Hot<Step>>, steps: impl IntoIterator<Item = (usize, u64)>) {
    for (item, number) in steps {
        let update = link.recv_timeout(LIMIT).unwrap();
        let got = (link.name(update.item).to_string(), update.value.number, update.missed);
        assert_eq!(got, (item.to_string(), number, 0));
    }
}

#[test]
fn values_of_different_items_come_as_they_were_published() {
    let mut random = Random::seeded();
    let seed = random.next();
    let place = Place::new();
    let mut publisher = start(&place, seed, DEPTH, DEPTH);
    let topic = place.bus().connect::<Step>("walk/steps").open().unwrap();
    let mut all = topic.advise("*").hot().unwrap();
    let mut some = topic.advise_items(["4", "1"]).hot().unwrap();
    let mut chosen = Random::new(seed);
    for round in 0..20 {
        publisher.say(DEPTH);
        publisher.await_line("done");
        let steps = walk(&mut chosen, round * DEPTH as u64 + 1, DEPTH as u64);
        expect(&mut all, steps.iter().copied());
        expect(&mut some, steps.iter().copied().filter(|(item, _)| [1, 4].contains(item)));
        assert_eq!((all.try_recv().unwrap(), some.try_recv().unwrap()), (None, None));
    }
}

#[test]
fn order_holds_among_what_is_left_where_items_keep_less_than_the_journal() {
    let seed = Random::seeded().next();
    let place = Place::new();
    let mut publisher = start(&place, seed, 2, DEPTH);
    let topic = place.bus().connect::<Step>("walk/steps").open().unwrap();
    let mut all = topic.advise("*").hot().unwrap();
    publisher.say(DEPTH);
    publisher.await_line("done");
    let steps = walk(&mut Random::new(seed), 1, DEPTH as u64);
    for (at, &(item, number)) in steps.iter().enumerate() {
        let later = steps[at + 1..].iter().filter(|(later, _)| *later == item).count();
        if later < 2 {
            let update = all.try_recv().unwrap().unwrap();
            assert_eq!((&*topic.name(update.item), update.value.number), (&*item.to_string(), number));
        }
    }
    assert_eq!(all.try_recv().unwrap(), None);
}

#[test]
fn order_holds_while_the_publisher_is_at_work() {
    const STEPS: u64 = 50_000;
    let seed = Random::seeded().next();
    let place = Place::new();
    // Room for all, so that whatever the speed of either side nothing is lost.
    let room = STEPS.next_power_of_two() as usize;
    let mut publisher = start(&place, seed, room, room);
    let topic = place.bus().connect::<Step>("walk/steps").open().unwrap();
    let mut all = topic.advise("*").hot().unwrap();
    publisher.say(STEPS);
    expect(&mut all, walk(&mut Random::new(seed), 1, STEPS));
    publisher.await_line("done");
}

#[test]
fn order_returns_after_a_reader_was_too_slow_for_it() {
    let seed = Random::seeded().next();
    let place = Place::new();
    let mut publisher = start(&place, seed, DEPTH, DEPTH);
    let topic = place.bus().connect::<Step>("walk/steps").open().unwrap();
    let mut all = topic.advise("*").hot().unwrap();
    let mut chosen = Random::new(seed);
    let lost = 10 * DEPTH as u64;
    publisher.say(lost);
    publisher.await_line("done");
    walk(&mut chosen, 1, lost);
    let mut last = [0; ITEMS];
    while let Some(update) = all.try_recv().unwrap() {
        let item: usize = topic.name(update.item).parse().unwrap();
        assert!(update.value.number > last[item], "in order within the item");
        last[item] = update.value.number;
    }
    publisher.say(DEPTH);
    publisher.await_line("done");
    expect(&mut all, walk(&mut chosen, lost + 1, DEPTH as u64));
}
