//! A publisher of large messages in another process, which does what it is told.
//!
//! As [`publisher`](super::publisher), but its messages are [`Frame`]s, its topic grants links that hold values, and may
//! grant lossless ones. It builds every other value in place and copies the rest.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bus::{Conversation, Error, Service, Topic};

use super::{Frame, Place, Process, Test, proc};

/// The address of the topic.
const ADDRESS: &str = "studio/frames";

/// How many values each item has.
type Counts = BTreeMap<u64, u64>;

/// How its topic is set up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) history: usize,
    pub(crate) items: u64,
    pub(crate) samples: usize,
    /// For how long it waits for lossless links, in milliseconds; 0 for none of them.
    pub(crate) patience: u64,
}

/// How a publish, or several, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The number of the last value.
    Done(u64),
    /// Nothing more, since somebody holds too much.
    Exhausted { pid: u32, link: u64, held: u64 },
}

/// The test's end of a studio.
#[derive(Debug)]
pub(crate) struct Studio {
    pub(crate) process: Process,
}

impl Studio {
    /// Starts one, in the role [`studio`], and waits until its service is ready.
    pub(crate) fn start(place: &Place, plan: Plan) -> Self {
        let mut process = place.start("studio");
        Self::begin(&mut process, plan);
        Studio { process }
    }

    /// Tells a process in this role how to begin, and waits until its service is ready.
    pub(crate) fn begin(process: &mut Process, plan: Plan) {
        process.say(format!("{} {} {} {}", plan.history, plan.items, plan.samples, plan.patience));
        process.await_line("ready");
    }

    /// Publishes the next `values` values of an item, or as many as it can.
    #[track_caller]
    pub(crate) fn try_publish(&mut self, item: u64, values: u64) -> Outcome {
        self.begin_publish(item, values);
        self.outcome()
    }

    /// Publishes the next `values` values of an item; the number of the last one.
    #[track_caller]
    pub(crate) fn publish(&mut self, item: u64, values: u64) -> u64 {
        match self.try_publish(item, values) {
            Outcome::Done(last) => last,
            exhausted => panic!("{exhausted:?}"),
        }
    }

    /// Begins to publish; [`outcome`](Self::outcome) waits for the end of it.
    #[track_caller]
    pub(crate) fn begin_publish(&mut self, item: u64, values: u64) {
        self.process.say(format!("publish {item} {values}"));
    }

    #[track_caller]
    pub(crate) fn outcome(&mut self) -> Outcome {
        let line = self.process.hear();
        let (word, rest) = line.split_once(' ').expect("a word and numbers");
        match (word, &numbers(rest)[..]) {
            ("done", &[last]) => Outcome::Done(last),
            ("exhausted", &[pid, link, held]) => Outcome::Exhausted { pid: pid as u32, link, held },
            _ => panic!("an outcome of {line:?}"),
        }
    }

    /// Has it publish all items in turn without pause, until it is told [to stop](Self::stop_flow).
    #[track_caller]
    pub(crate) fn flow(&mut self) {
        self.process.say("flow");
        self.process.await_line("flowing");
    }

    /// How many values each item had at the end of the flow.
    #[track_caller]
    pub(crate) fn stop_flow(&mut self) -> u64 {
        self.process.say("stop");
        self.process.hear_number()
    }

    /// Adds items.
    #[track_caller]
    pub(crate) fn add(&mut self, items: u64) {
        assert_eq!(self.process.ask(format!("add {items}")), "added");
    }

    /// Closes its service in order.
    #[track_caller]
    pub(crate) fn close(mut self) {
        assert_eq!(self.process.ask("close"), "closed");
        self.process.finish();
    }

    /// Clients, their links, and what the process has open and mapped.
    #[track_caller]
    pub(crate) fn status(&mut self) -> [u64; 4] {
        numbers(&self.process.ask("status")).try_into().expect("four numbers")
    }
}

/// Connects to the topic.
#[track_caller]
pub(crate) fn visit(bus: &bus::Bus) -> Conversation<Frame> {
    bus.connect(ADDRESS).timeout(super::LIMIT).open().unwrap()
}

/// The role of the studio.
pub(crate) fn studio(test: &mut Test) {
    let [history, items, samples, patience] = numbers(&test.hear())[..] else { panic!("no setup") };
    let bus = test.bus();
    let service = bus.service("studio").unwrap();
    let mut topic = service.topic("frames").history(history as usize).samples(samples as usize);
    if patience > 0 {
        topic = topic.lossless(Duration::from_millis(patience));
    }
    let topic = topic.open().unwrap();
    for item in 0..items {
        topic.item(&item.to_string()).unwrap();
    }
    service.ready().unwrap();
    test.say("ready");
    let mut counts = BTreeMap::new();
    loop {
        let line = test.hear();
        let (command, arguments) = line.split_once(' ').unwrap_or((&line, ""));
        match (command, &numbers(arguments)[..]) {
            ("publish", &[item, values]) => match publish(&topic, &mut counts, item, values) {
                Ok(last) => test.say(format!("done {last}")),
                Err(Error::Exhausted { pid, link, held, .. }) => {
                    test.say(format!("exhausted {pid} {link} {held}"));
                }
                Err(error) => panic!("{error}"),
            },
            ("flow", []) => flow(test, &topic, &mut counts),
            ("add", &[items]) => {
                let names = topic.len() as u64..topic.len() as u64 + items;
                for item in names {
                    topic.item(&item.to_string()).unwrap();
                }
                test.say("added");
            }
            ("close", []) => break,
            ("status", []) => test.say(Status(&service)),
            _ => panic!("a studio does not understand {line:?}"),
        }
    }
    drop(topic);
    drop(service);
    test.say("closed");
    test.hear();
}

/// Publishes the next values of an item; the number of the last.
fn publish(topic: &Topic<Frame>, counts: &mut Counts, item: u64, values: u64) -> Result<u64, Error> {
    let of = topic.item(&item.to_string())?;
    let count = counts.entry(item).or_default();
    for _ in 0..values {
        let next = *count + 1;
        let number = if next.is_multiple_of(2) {
            of.publish(&Frame::new(item, next))?
        } else {
            let mut draft = of.loan()?.in_place();
            draft.get_mut().fill(item, next);
            draft.publish()?
        };
        assert_eq!(number, next, "the number that the value was made for");
        *count = number;
    }
    Ok(*count)
}

fn flow(test: &mut Test, topic: &Topic<Frame>, counts: &mut Counts) {
    test.say("flowing");
    let end = AtomicBool::new(false);
    let last = std::thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(test.hear(), "stop");
            end.store(true, Ordering::Relaxed);
        });
        loop {
            let last = (0..topic.len() as u64).map(|item| publish(topic, counts, item, 1).unwrap()).max();
            if end.load(Ordering::Relaxed) {
                break last.unwrap_or(0);
            }
        }
    });
    test.say(last);
}

struct Status<'s>(&'s Service);

impl fmt::Display for Status<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clients = self.0.clients();
        let links: usize = clients.iter().map(|client| client.links).sum();
        write!(f, "{} {links} {} {}", clients.len(), proc::descriptors(), proc::mappings())
    }
}

fn numbers(text: &str) -> Vec<u64> {
    text.split_whitespace().map(|number| number.parse().unwrap()).collect()
}
