//! A publisher in another process that publishes the very numbers that it is told.
//!
//! It serves one topic of [`Reading`]s, whose items are numbered, "0", "1", …. The test knows what was published, in what
//! order and with what numbers, and can say for any link what it has to deliver.

use core::fmt::Write;

use bus::{Bus, Conversation, Mark, Message, Severity};

use super::{Place, Process, Test};

/// The address of the topic.
pub(crate) const READINGS: &str = "meter/readings";

/// What is published: a level, beside its number in its item.
#[derive(Message, Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub(crate) struct Reading {
    pub(crate) number: u64,
    pub(crate) level: f64,
    pub(crate) count: i32,
    /// What makes it too long for one line.
    pub(crate) rest: [u32; 9],
}

/// The test's end of a publisher.
#[derive(Debug)]
pub(crate) struct Teller {
    pub(crate) process: Process,
}

impl Teller {
    /// Starts one, in the role [`teller`], and waits until its service is ready.
    pub(crate) fn start(place: &Place, history: usize, journal: usize, items: usize) -> Self {
        let mut process = place.start("teller");
        process.say(format!("{history} {journal} {items}"));
        process.await_line("ready");
        Teller { process }
    }

    /// Publishes levels in this order, each of an item.
    #[track_caller]
    pub(crate) fn publish(&mut self, levels: &[(usize, f64)]) {
        self.publish_marked(levels, Mark::GOOD);
    }

    /// Publishes levels with a mark.
    #[track_caller]
    pub(crate) fn publish_marked(&mut self, levels: &[(usize, f64)], mark: Mark) {
        let severity = match mark.severity() {
            Severity::Good => 0,
            Severity::Uncertain => 1,
            _ => 2,
        };
        let mut line = format!("{severity} {}", mark.code());
        for (item, level) in levels {
            write!(line, " {item} {level}").unwrap();
        }
        assert_eq!(self.process.ask(line), "done");
    }

    /// Publishes levels of item 0.
    #[track_caller]
    pub(crate) fn tell(&mut self, levels: impl IntoIterator<Item = f64>) {
        let levels: Vec<_> = levels.into_iter().map(|level| (0, level)).collect();
        self.publish(&levels);
    }
}

/// Connects to the topic.
#[track_caller]
pub(crate) fn readings(bus: &Bus) -> Conversation<Reading> {
    bus.connect(READINGS).open().unwrap()
}

/// The role of the publisher.
pub(crate) fn teller(test: &mut Test) {
    let setup = test.hear();
    let setup: Vec<usize> = setup.split(' ').map(|number| number.parse().unwrap()).collect();
    let [history, journal, items] = setup[..] else { panic!("a setup of {setup:?}") };
    let bus = test.bus();
    let service = bus.service("meter").unwrap();
    let topic = service.topic("readings").history(history).journal(journal).open().unwrap();
    let items: Vec<_> = (0..items).map(|item| topic.item(&item.to_string()).unwrap()).collect();
    let mut numbers = vec![0; items.len()];
    service.ready().unwrap();
    test.say("ready");
    loop {
        let line = test.hear();
        let mut words = line.split(' ');
        let mut word = || words.next();
        let severity = word().unwrap();
        let code = word().unwrap().parse().unwrap();
        let mark = match severity {
            "0" => Mark::good(code),
            "1" => Mark::uncertain(code),
            _ => Mark::bad(code),
        };
        while let Some(item) = word() {
            let item: usize = item.parse().unwrap();
            let level: f64 = word().unwrap().parse().unwrap();
            numbers[item] += 1;
            let reading = Reading { number: numbers[item], level, count: level as i32, rest: [7; 9] };
            assert_eq!(items[item].marked(mark).publish(&reading).unwrap(), numbers[item]);
        }
        test.say("done");
    }
}
