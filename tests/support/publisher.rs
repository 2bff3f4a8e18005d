//! A publisher in another process, which does what it is told.
//!
//! It serves one topic of [`Checked`] messages. Its items are numbered, "0", "1", …; value `n` of item `i` is
//! `Checked::new(i, n)`, and `n` is also its sequence number, so that a reader can check everything it is told.

use std::collections::BTreeMap;

use bus::{Bus, Conversation, Topic};

use super::{Checked, Place, Process, Random, Test, proc};

/// The address of the topic.
pub(crate) const ADDRESS: &str = "service/topic";

/// How a publisher sets its topic up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    /// Values kept for each item.
    pub(crate) history: usize,
    /// Publishes whose order is kept.
    pub(crate) journal: usize,
    /// Items that exist from the beginning.
    pub(crate) items: u64,
}

/// How a publisher stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status {
    /// Connected clients.
    pub(crate) clients: u64,
    /// Their links.
    pub(crate) links: u64,
    /// Descriptors that the process has open.
    pub(crate) descriptors: u64,
    /// Mappings of the bus's memory that it has.
    pub(crate) mappings: u64,
}

/// The test's end of a publisher.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) process: Process,
}

impl Publisher {
    /// Starts one, in the role [`publisher`], and waits until its service is ready.
    pub(crate) fn start(place: &Place, setup: Setup) -> Self {
        let mut process = place.start("publisher");
        process.say(format!("{} {} {}", setup.history, setup.journal, setup.items));
        process.await_line("ready");
        Publisher { process }
    }

    /// Publishes the next `values` values of an item.
    #[track_caller]
    pub(crate) fn publish(&mut self, item: u64, values: u64) {
        self.begin_publish(item, values);
        self.done();
    }

    /// Begins to publish; [`done`](Self::done) waits for the end of it.
    #[track_caller]
    pub(crate) fn begin_publish(&mut self, item: u64, values: u64) {
        self.process.say(format!("publish {item} {values}"));
    }

    /// Begins to publish `values` values of the items below `items`, each chosen at random.
    #[track_caller]
    pub(crate) fn begin_mixed(&mut self, seed: u64, items: usize, values: u64) {
        self.process.say(format!("mixed {seed} {items} {values}"));
    }

    /// Waits until it has published.
    #[track_caller]
    pub(crate) fn done(&mut self) {
        self.process.await_line("done");
    }

    /// How the publisher stands: the clients and links that it knows of, and what it has open and mapped.
    #[track_caller]
    pub(crate) fn status(&mut self) -> Status {
        let [clients, links, descriptors, mappings] = numbers(&self.process.ask("status"))[..] else {
            panic!("a status is four numbers");
        };
        Status { clients, links, descriptors, mappings }
    }

    /// How many values each item has.
    #[track_caller]
    pub(crate) fn published(&mut self) -> Vec<u64> {
        let line = self.process.ask("published");
        line.split_whitespace().map(|count| count.parse().unwrap()).collect()
    }
}

/// Connects to the topic.
#[track_caller]
pub(crate) fn connect(bus: &Bus) -> Conversation<Checked> {
    bus.connect(ADDRESS).open().unwrap()
}

/// The role of the publisher.
pub(crate) fn publisher(test: &mut Test) {
    let setup = test.hear();
    let [history, journal, items] = numbers(&setup)[..] else { panic!("a setup of {setup:?}") };
    let bus = test.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic("topic").history(history as usize).journal(journal as usize).open().unwrap();
    let mut counts = BTreeMap::new();
    for item in 0..items {
        topic.item(&item.to_string()).unwrap();
        counts.insert(item, 0);
    }
    service.ready().unwrap();
    test.say("ready");
    loop {
        let line = test.hear();
        let (command, arguments) = line.split_once(' ').unwrap_or((&line, ""));
        match (command, &numbers(arguments)[..]) {
            ("publish", &[item, values]) => {
                (0..values).for_each(|_| publish(&topic, &mut counts, item));
                test.say("done");
            }
            ("mixed", &[seed, items, values]) => {
                let mut random = Random::new(seed);
                (0..values).for_each(|_| publish(&topic, &mut counts, random.below(items as usize) as u64));
                test.say("done");
            }
            ("status", []) => {
                let clients = service.clients();
                let links: usize = clients.iter().map(|client| client.links).sum();
                let (descriptors, mappings) = (proc::descriptors(), proc::mappings());
                test.say(format!("{} {links} {descriptors} {mappings}", clients.len()));
            }
            ("published", []) => {
                let counts: Vec<String> = counts.values().map(u64::to_string).collect();
                test.say(counts.join(" "));
            }
            _ => panic!("a publisher does not understand {line:?}"),
        }
    }
}

fn publish(topic: &Topic<Checked>, counts: &mut BTreeMap<u64, u64>, item: u64) {
    let number = counts.entry(item).or_default();
    *number += 1;
    let seq = topic.item(&item.to_string()).unwrap().publish(&Checked::new(item, *number)).unwrap();
    assert_eq!(seq, *number);
}

fn numbers(text: &str) -> Vec<u64> {
    text.split_whitespace().map(|number| number.parse().unwrap()).collect()
}
