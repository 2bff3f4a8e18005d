//! A process that stands still holds nobody up.
//!
//! A service that is stopped (SIGSTOP) has a socket and a live process, but answers nothing: connecting to it ends
//! in time with an error that says who does not answer and why that may be, while every other service answers as if
//! nothing were. Its last values stay readable meanwhile, for they are memory, and when it goes on, so do all who
//! wait for it. A reader that is stopped delays neither the publisher nor other readers, and accounts for what it
//! slept through when it goes on.

mod support;

use std::time::Duration;

use bus::{Error, Result};
use support::desk::Add;
use support::{Account, Checked, LIMIT, Place, Publisher, Setup, Test, connect, publisher, roles, until};

roles!(publisher, bystander, reader);

const SETUP: Setup = Setup { history: 4, journal: 8, items: 2 };

/// Another service on the same bus.
fn bystander(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("bystander").unwrap();
    let topic = service.topic("topic").open().unwrap();
    topic.item("0").unwrap().publish(&Checked::new(0, 1)).unwrap();
    service.ready().unwrap();
    test.say("ready");
    test.await_line("end");
}

#[track_caller]
fn timed_out<T>(result: Result<T>) -> String {
    match result {
        Err(error @ Error::Timeout { .. }) => error.to_string(),
        Err(error) => panic!("expected a timeout, got {error}"),
        Ok(_) => panic!("expected a timeout"),
    }
}

#[test]
fn connecting_to_a_stopped_service_ends_in_time_while_others_answer() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    publisher.publish(0, 3);
    let mut bystander = place.start("bystander");
    bystander.await_line("ready");
    publisher.process.stop();
    let bus = place.bus();

    let error = timed_out(bus.connect::<Checked>("service/topic").timeout(Duration::from_millis(100)).open());
    for part in ["connect `service/topic`", "100ms", &publisher.process.pid().to_string(), "stopped"] {
        assert!(error.contains(part), "{part:?} is missing in {error:?}");
    }
    let error = timed_out(bus.connect::<Checked>("service/topic").wait(Duration::from_millis(100)).open());
    assert!(error.contains(&publisher.process.pid().to_string()), "{error}");
    let error = timed_out(bus.topics("service"));
    assert!(error.contains("`service`") && error.contains("stopped"), "{error}");

    // The very same bus, while connections to the stopped service are pending in it.
    let other = bus.connect::<Checked>("bystander/topic").open().unwrap();
    assert_eq!(other.request("0").unwrap().value.check(), (0, 1));
    assert_eq!(bus.topics("bystander").unwrap().len(), 1);
    let names: Vec<_> = bus.services().unwrap().into_iter().map(|service| service.name).collect();
    assert_eq!(names, ["bystander", "service"], "it is stopped, not gone");
    let found = bus.discover("*/topic").unwrap();
    assert_eq!(found.topics.iter().map(|topic| &*topic.service).collect::<Vec<_>>(), ["bystander"]);
    assert_eq!(found.silent.iter().map(|service| &*service.name).collect::<Vec<_>>(), ["service"]);
    let Err(Error::AlreadyServed { pid, .. }) = bus.service("service") else { panic!("it has the name") };
    assert_eq!(pid, publisher.process.pid());

    // A connect that waits is answered when the service goes on.
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| bus.connect::<Checked>("service/topic").wait(LIMIT).open());
        publisher.process.resume();
        assert_eq!(waiting.join().unwrap().unwrap().request("0").unwrap().value.check(), (0, 3));
    });
    bystander.say("end");
    bystander.finish();
}

#[test]
fn what_a_stopped_service_published_stays_readable() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    publisher.publish(0, 3);
    let topic = connect(&place.bus());
    let mut link = topic.advise("*").hot().unwrap();
    publisher.process.stop();
    let update = topic.request("0").unwrap();
    assert_eq!((update.value.check(), update.stale), ((0, 3), false));
    assert_eq!(link.recv_timeout(LIMIT).unwrap().value.check(), (0, 3));
    let error = timed_out(link.recv_timeout(Duration::from_millis(10)));
    assert!(error.contains("service/topic/*") && error.contains("nothing was published"), "{error}");
    let error = timed_out(topic.advise("0").wait(Duration::from_millis(10)).hot());
    assert!(error.contains("advise `service/topic/0`"), "{error}");
    let error = timed_out(topic.request("unknown"));
    assert!(error.contains("service/topic/unknown") && error.contains("stopped"), "{error}");
    // What it offers is memory too: nothing, so that it need not be asked.
    assert!(matches!(topic.request("1"), Err(Error::NoValue { .. })));
    assert!(matches!(topic.request_as::<u64>("0"), Err(Error::NotSupported { .. })));
    assert!(matches!(topic.poke("0", &Checked::new(0, 4)), Err(Error::NotSupported { .. })));
    assert!(matches!(topic.execute(&Add(1, 2)), Err(Error::NotSupported { .. })));

    publisher.process.resume();
    publisher.publish(1, 1);
    assert_eq!(link.recv_timeout(LIMIT).unwrap().value.check(), (1, 1));
    assert_eq!(topic.advise("0").hot().unwrap().recv().unwrap().value.check(), (0, 3));
}

/// Follows the topic until the last value that it is told of.
fn reader(test: &mut Test) {
    let mut link = connect(&test.bus()).advise("*").hot().unwrap();
    let mut account = Account::default();
    test.say("ready");
    let last: u64 = test.hear_number();
    account.enter_until(&mut link, &[last, last]);
    test.say(format!("{} {}", account.of(0).delivered, account.of(0).missed));
    test.await_line("end");
}

#[test]
fn a_stopped_reader_delays_nobody_and_accounts_for_everything() {
    const VALUES: u64 = 20_000;
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic("topic").history(4).journal(8).open().unwrap();
    let items = [topic.item("0").unwrap(), topic.item("1").unwrap()];
    service.ready().unwrap();
    let mut readers = [place.start("reader"), place.start("reader")];
    readers.iter_mut().for_each(|reader| reader.await_line("ready"));
    let [stopped, awake] = &mut readers;
    stopped.stop();
    // It is told to read while it cannot.
    stopped.say(VALUES);
    awake.say(VALUES);
    for number in 1..=VALUES {
        for (index, item) in items.iter().enumerate() {
            item.publish(&Checked::new(index as u64, number)).unwrap();
        }
    }
    // The other reader has all while the first still stands.
    let counts = numbers(&awake.hear());
    assert_eq!(counts[0] + counts[1], VALUES);
    assert_eq!(service.clients().len(), 2, "a stopped client is not a dead one");
    stopped.resume();
    assert_eq!(
        numbers(&stopped.hear()),
        [4, VALUES - 4],
        "what the item still holds, and the count of the rest"
    );
    for mut reader in readers {
        reader.say("end");
        reader.finish();
    }
    until("both are gone", || service.clients().is_empty());
}

fn numbers(line: &str) -> Vec<u64> {
    line.split(' ').map(|number| number.parse().unwrap()).collect()
}
