//! A client may lose its connection while it and the service live: here, because it has no descriptors left for what the
//! service sends.
//!
//! A publisher does not wait for the links of a connection that is lost, also where what they hold keeps the client's end of
//! it open; and a lossless link that is back keeps all that it has not read and that is still there, from the moment on that
//! the service knows of it again.

mod support;

use std::fs::File;
use std::time::Duration;

use bus::{Ended, Error, Item, Service, Topic};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{LIMIT, Place, Process, Small, Test, roles, until};

roles!(client);

const HISTORY: u64 = 8;
/// A deadline that nobody here reaches.
const PATIENCE: Duration = LIMIT.saturating_mul(4);

/// Has a lossless link to item `a`, and another one, if it is told to, that may hold a value and does. Says of each value that
/// it takes its number, and how many were missed before it.
fn client(test: &mut Test) {
    let topic = test.bus().connect::<Small>("service/topic").open().unwrap();
    let mut link = topic.advise("a").lossless(PATIENCE).hot().unwrap();
    let mut holding = match &*test.hear() {
        "holding" => Some(topic.advise("a").lossless(PATIENCE).samples(1).unwrap()),
        _ => None,
    };
    let held = holding.as_mut().map(|link| link.recv().unwrap().value);
    test.say("ready");
    let limits = getrlimit(Resource::Nofile);
    let mut files = Vec::new();
    loop {
        match &*test.hear() {
            "starve" => {
                setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..limits }).unwrap();
                while let Ok(file) = File::open("/dev/null") {
                    files.push(file);
                }
                test.say("starves");
                let all_ended =
                    || link.ended().is_some() && holding.iter().all(|link| link.ended().is_some());
                until("the connection is lost", all_ended);
                assert!(matches!(link.ended(), Some(Ended::Exhausted(_))), "{:?}", link.ended());
                test.say("lost");
            }
            "feed" => {
                files.clear();
                setrlimit(Resource::Nofile, limits).unwrap();
                let none_ended =
                    || link.ended().is_none() && holding.iter().all(|link| link.ended().is_none());
                until("the connection is back", none_ended);
                test.say("back");
            }
            "take" => {
                let update = loop {
                    match link.recv_timeout(LIMIT) {
                        Ok(update) => break update,
                        Err(Error::Stale { reason: Ended::Exhausted(_), .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                };
                assert_eq!((update.value.check().1, update.gap), (update.seq, false));
                test.say(format!("{} {}", update.seq, update.missed));
            }
            "drain" => {
                while !matches!(link.try_recv(), Ok(None)) {}
                for (link, held) in holding.iter_mut().zip(&held) {
                    assert_eq!(held.check(), (0, 1), "what is held is not written");
                    while !matches!(link.try_recv(), Ok(None) | Err(Error::HoldsAll { .. })) {}
                }
                test.say("drained");
            }
            line => panic!("a client does not understand {line:?}"),
        }
    }
}

struct Served {
    topic: Topic<Small>,
    client: Process,
    next: u64,
    service: Service,
}

impl Served {
    fn new(place: &Place, links: &str) -> Self {
        let service = place.bus().service("service").unwrap();
        let topic = service.topic("topic").history(HISTORY as usize).capacity(1);
        let topic = topic.lossless(PATIENCE).samples(1).open().unwrap();
        topic.item("a").unwrap();
        service.ready().unwrap();
        let mut served = Served { topic, client: place.start("client"), next: 1, service };
        served.publish(1);
        served.client.say(links);
        served.client.await_line("ready");
        served
    }

    fn item(&self) -> Item<'_, Small> {
        self.topic.item("a").unwrap()
    }

    fn try_publish(&mut self) -> Result<(), Error> {
        self.item().try_publish(&Small::new(0, self.next))?;
        self.next += 1;
        Ok(())
    }

    #[track_caller]
    fn publish(&mut self, to: u64) {
        while self.next <= to {
            self.try_publish().unwrap();
        }
    }

    /// Publishes as long as there is room; the number of the last value.
    fn fill(&mut self) -> u64 {
        while self.try_publish().is_ok() {}
        self.next - 1
    }

    /// Takes the client's connection away, by memory that it has no descriptors for.
    fn lose(&mut self) {
        assert_eq!(self.client.ask("starve"), "starves");
        self.topic.item("in further memory").unwrap();
        self.client.await_line("lost");
    }

    #[track_caller]
    fn take(&mut self) -> (u64, u64) {
        let line = self.client.ask("take");
        let (number, missed) = line.split_once(' ').unwrap();
        (number.parse().unwrap(), missed.parse().unwrap())
    }
}

#[test]
fn links_of_a_lost_connection_are_not_waited_for_whatever_they_hold() {
    let place = Place::new();
    let mut served = Served::new(&place, "holding");
    served.publish(3);
    served.lose();
    served.publish(100);
    assert_eq!(served.topic.evictions(), [], "nobody is waited for until a deadline");
    assert_eq!(served.client.ask("feed"), "back");
    assert_eq!(served.client.ask("drain"), "drained");
    until("the old connection is over", || served.service.clients().len() <= 2);
}

#[test]
fn a_link_that_is_back_loses_nothing_that_is_still_there() {
    let place = Place::new();
    let mut served = Served::new(&place, "plain");
    served.publish(5);
    assert_eq!((served.take(), served.take()), ((1, 0), (2, 0)));
    served.lose();
    served.publish(7);
    assert_eq!(served.client.ask("feed"), "back");
    // Nobody has looked at the link since, and what it has not read is kept.
    assert_eq!(served.fill(), 2 + HISTORY);
    for number in 3..=2 + HISTORY {
        assert_eq!(served.take(), (number, 0));
    }
    assert_eq!(served.client.ask("drain"), "drained");
    served.publish(12);
    assert_eq!((served.take(), served.take()), ((11, 0), (12, 0)));
}

#[test]
fn a_link_that_is_back_late_counts_what_is_gone_and_keeps_the_rest() {
    let place = Place::new();
    let mut served = Served::new(&place, "plain");
    served.publish(5);
    assert_eq!(served.take(), (1, 0));
    served.lose();
    served.publish(30);
    assert_eq!(served.client.ask("feed"), "back");
    assert_eq!(served.fill(), 30, "all that is there is unread");
    assert_eq!(served.take(), (23, 21));
    for number in 24..=30 {
        assert_eq!(served.take(), (number, 0));
    }
}
