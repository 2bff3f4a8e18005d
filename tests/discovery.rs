//! Services are found when they are ready, never before, and are gone the moment they are.
//!
//! A service that is being built is invisible: it is not listed, not watched, and cannot be connected to, until it is
//! `ready`. From then on it is listed with its process and its topics, and `watch` tells of it; when it closes or is
//! killed it is no longer listed and `watch` tells of that. Who comes before a service, a topic or an item may wait
//! for it.

mod support;

use core::fmt::Debug;
use std::time::{Duration, Instant};

use bus::{Bus, Error, Message, Result, ServiceEvent, Watch};
use support::{Checked, LIMIT, Place, Process, Test, roles};

roles!(builder);

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Other<const N: usize> {
    values: [f32; N],
}

/// A service that is built step by step, as the test says.
fn builder(test: &mut Test) {
    let name = test.hear();
    let bus = test.bus();
    let service = bus.service(&name).unwrap();
    let mut topics = Vec::new();
    test.say("claimed");
    loop {
        let line = test.hear();
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("topic", topic) => topics.push(service.topic::<Checked>(topic).open().unwrap()),
            ("other", topic) => drop(service.topic::<Other<3>>(topic).open().unwrap()),
            ("item", item) => {
                let item = topics.last().unwrap().item(item).unwrap();
                item.publish(&Checked::new(0, 1)).unwrap();
            }
            ("ready", "") => service.ready().unwrap(),
            ("close", "") => break service.close(),
            _ => panic!("a builder does not understand {line:?}"),
        }
        test.say("done");
    }
    test.say("done");
    test.await_line("end");
}

fn claim(place: &Place, name: &str) -> Process {
    let mut builder = place.start("builder");
    builder.say(name);
    builder.await_line("claimed");
    builder
}

#[track_caller]
fn tell(builder: &mut Process, lines: &[&str]) {
    for line in lines {
        assert_eq!(builder.ask(line), "done");
    }
}

fn listed(bus: &Bus) -> Vec<(String, u32)> {
    bus.services().unwrap().into_iter().map(|service| (service.name, service.pid)).collect()
}

fn discovered(bus: &Bus, pattern: &str) -> Vec<String> {
    let found = bus.discover(pattern).unwrap();
    assert_eq!(found.silent, []);
    found.topics.into_iter().map(|topic| format!("{}/{}", topic.service, topic.topic)).collect()
}

/// The next event of a watch: whether the service appeared, and which.
#[track_caller]
fn event(watch: &mut Watch) -> (bool, String, u32) {
    let start = Instant::now();
    let event = watch.recv_timeout(LIMIT).unwrap();
    // At its end a wait looks by itself; but a watch is told.
    assert!(start.elapsed() < LIMIT, "nobody told the watch of {event:?}");
    match event {
        ServiceEvent::Appeared(info) => (true, info.name, info.pid),
        ServiceEvent::Vanished(info) => (false, info.name, info.pid),
        other => panic!("{other:?}"),
    }
}

/// That nothing has happened, as far as can be known.
#[track_caller]
fn no_event(watch: &mut Watch) {
    assert_eq!(watch.try_recv().unwrap(), None);
    let error = watch.recv_timeout(Duration::ZERO).unwrap_err();
    assert!(matches!(error, Error::Timeout { after: Duration::ZERO, .. }), "{error}");
}

#[test]
fn a_half_built_service_is_invisible() {
    let place = Place::new();
    let bus = place.bus();
    let mut watch = bus.watch().unwrap();
    let mut builder = claim(&place, "service");
    tell(&mut builder, &["topic topic", "item 0"]);
    assert_eq!((listed(&bus), discovered(&bus, "*/*")), (vec![], vec![]));
    no_event(&mut watch);
    let not_there = |result: Result<()>| assert!(matches!(result, Err(Error::NoSuchService { .. })));
    not_there(bus.connect::<Checked>("service/topic").open().map(drop));
    not_there(bus.topics("service").map(drop));
    assert!(matches!(bus.service("service"), Err(Error::AlreadyServed { .. })), "but its name is taken");

    tell(&mut builder, &["ready"]);
    let known = ("service".to_owned(), builder.pid());
    assert_eq!(listed(&bus), std::slice::from_ref(&known));
    assert_eq!(event(&mut watch), (true, known.0.clone(), known.1));
    let topic = bus.connect::<Checked>("service/topic").open().unwrap();
    assert_eq!(topic.request("0").unwrap().value.check(), (0, 1));

    tell(&mut builder, &["close"]);
    assert_eq!(place.files(), [""; 0], "a service that closes leaves nothing, and needs nobody to look");
    assert_eq!(listed(&bus), []);
    assert_eq!(event(&mut watch), (false, known.0, known.1));
    not_there(bus.connect::<Checked>("service/topic").open().map(drop));
    no_event(&mut watch);
}

#[test]
fn a_service_that_is_killed_vanishes_ready_or_not() {
    let place = Place::new();
    let bus = place.bus();
    let mut watch = bus.watch().unwrap();
    let mut builder = claim(&place, "service");
    tell(&mut builder, &["topic topic"]);
    builder.kill();
    assert_eq!(listed(&bus), []);
    no_event(&mut watch);

    let mut builder = claim(&place, "service");
    tell(&mut builder, &["ready"]);
    assert_eq!(event(&mut watch), (true, "service".to_owned(), builder.pid()));
    builder.kill();
    assert_eq!(event(&mut watch), (false, "service".to_owned(), builder.pid()));
    assert_eq!(listed(&bus), []);
    assert!(bus.service("service").is_ok(), "the name is free at once");
}

#[test]
fn a_watch_begins_with_what_is_there_and_misses_no_life() {
    let place = Place::new();
    let mut first = claim(&place, "a");
    tell(&mut first, &["ready"]);
    let mut watch = place.bus().watch().unwrap();
    assert_eq!(event(&mut watch), (true, "a".to_owned(), first.pid()));
    let mut second = claim(&place, "b");
    tell(&mut second, &["ready"]);
    assert_eq!(event(&mut watch), (true, "b".to_owned(), second.pid()));
    for _ in 0..10 {
        let dead = first.pid();
        first.kill();
        first = claim(&place, "a");
        tell(&mut first, &["ready"]);
        assert_eq!(event(&mut watch), (false, "a".to_owned(), dead));
        assert_eq!(event(&mut watch), (true, "a".to_owned(), first.pid()));
    }
    no_event(&mut watch);
}

#[test]
fn topics_are_listed_with_what_they_are() {
    let place = Place::new();
    let bus = place.bus();
    let mut a = claim(&place, "a");
    tell(&mut a, &["topic x", "item 0", "item 1", "topic z", "other y", "ready"]);
    let mut b = claim(&place, "b");
    tell(&mut b, &["topic x", "ready"]);
    let mut c = claim(&place, "a name with spaces, ünïcode and a * in it");
    tell(&mut c, &["topic x", "ready"]);
    let _half_built = claim(&place, "d");

    let topics = bus.topics("a").unwrap();
    let listed: Vec<_> =
        topics.iter().map(|topic| (&*topic.service, &*topic.topic, &*topic.type_name, topic.items)).collect();
    assert_eq!(listed, [("a", "x", "Words", 2), ("a", "y", "Other", 0), ("a", "z", "Words", 0)]);
    assert_eq!(topics[0].fingerprint, Checked::FINGERPRINT);
    assert_eq!(topics[1].fingerprint, Other::<3>::FINGERPRINT);

    let c = "a name with spaces, ünïcode and a * in it";
    assert_eq!(discovered(&bus, "*/x"), ["a/x".to_owned(), format!("{c}/x"), "b/x".to_owned()]);
    assert_eq!(discovered(&bus, "a/*"), ["a/x", "a/y", "a/z"]);
    assert_eq!(discovered(&bus, "b/x"), ["b/x"]);
    assert_eq!(discovered(&bus, "*/*").len(), 5);
    assert_eq!(discovered(&bus, "b/y"), [""; 0]);
    assert_eq!(discovered(&bus, "nobody/*"), [""; 0]);
    bus.connect::<Checked>(&format!("{c}/x")).open().unwrap();

    tell(&mut a, &["topic later"]);
    assert_eq!(discovered(&bus, "a/*"), ["a/later", "a/x", "a/y", "a/z"]);
}

/// Starts to wait for something, and lets it happen while it waits.
#[track_caller]
fn meanwhile<T: Send>(wait: impl FnOnce() -> Result<T> + Send, happen: impl FnOnce()) -> T {
    std::thread::scope(|scope| {
        let (say, thread) = std::sync::mpsc::channel();
        let waiting = scope.spawn(move || {
            say.send(support::proc::thread()).unwrap();
            wait()
        });
        let thread = thread.recv().unwrap();
        support::until("it waits", || support::proc::sleeps_on_futex(std::process::id(), thread));
        happen();
        waiting.join().unwrap().unwrap()
    })
}

#[test]
fn who_comes_first_may_wait_for_the_service_the_topic_and_the_item() {
    let place = Place::new();
    let bus = place.bus();
    let early = std::cell::RefCell::new(None);
    let topic = meanwhile(
        || bus.connect::<Checked>("service/topic").wait(LIMIT).open(),
        || {
            let mut builder = claim(&place, "service");
            tell(&mut builder, &["topic topic", "item 0", "ready"]);
            *early.borrow_mut() = Some(builder);
        },
    );
    let mut builder = early.into_inner().unwrap();
    assert_eq!((topic.request("0").unwrap().seq, topic.pid()), (1, builder.pid()));

    let mut link = meanwhile(
        || topic.advise("late").wait(LIMIT).hot(),
        || {
            tell(&mut builder, &["item late"]);
        },
    );
    assert_eq!(link.recv_timeout(LIMIT).unwrap().value.check(), (0, 1));

    let late = meanwhile(
        || bus.connect::<Checked>("service/late topic").wait(LIMIT).open(),
        || {
            tell(&mut builder, &["topic late topic", "item 0"]);
        },
    );
    assert_eq!(late.topic(), "late topic");
    support::until("its item is there", || late.items().len() == 1);
}

#[test]
fn who_waits_in_vain_is_told_for_what() {
    let place = Place::new();
    let bus = place.bus();
    let short = Duration::from_millis(20);
    let timed_out = |result: Result<()>, parts: &[&str]| {
        let Err(error @ Error::Timeout { .. }) = result else { panic!("{result:?}") };
        let text = error.to_string();
        assert!(parts.iter().all(|part| text.contains(part)), "{parts:?} in {text:?}");
    };
    let connect = |address: &str| bus.connect::<Checked>(address).wait(short).open().map(drop);
    timed_out(connect("nobody/topic"), &["connect `nobody/topic`", "20ms", "no such service", "bus `test`"]);
    let mut builder = claim(&place, "service");
    timed_out(connect("service/topic"), &["`service/topic`", "no such service"]);
    tell(&mut builder, &["topic topic", "ready"]);
    timed_out(connect("service/none"), &["`service/none`", &builder.pid().to_string(), "no such topic"]);
    let topic = bus.connect::<Checked>("service/topic").open().unwrap();
    let advise = topic.advise("none").wait(short).hot().map(drop);
    timed_out(advise, &["advise `service/topic/none`", "no such item appeared"]);
}

#[test]
fn beginnings_of_names_are_patterns_and_services_alone_are_found_without_asking() {
    let place = Place::new();
    let bus = place.bus();
    let mut nyse = claim(&place, "md-nyse");
    tell(&mut nyse, &["topic quotes", "topic trades", "topic status", "ready"]);
    let mut xetra = claim(&place, "md-xetra");
    tell(&mut xetra, &["topic quotes", "ready"]);
    let mut other = claim(&place, "orders");
    tell(&mut other, &["topic quotes", "ready"]);
    assert_eq!(discovered(&bus, "md-*/quotes"), ["md-nyse/quotes", "md-xetra/quotes"]);
    assert_eq!(discovered(&bus, "*/t*"), ["md-nyse/trades"]);
    assert_eq!(discovered(&bus, "md-nyse/*").len(), 3);
    assert_eq!(discovered(&bus, "*-nyse/*"), [""; 0], "a `*` that is not at the end is a character");
    let services = |pattern: &str| {
        let found = bus.discover(pattern).unwrap();
        assert_eq!((found.topics.len(), found.silent.len()), (0, 0));
        found.services.into_iter().map(|info| (info.name, info.pid)).collect::<Vec<_>>()
    };
    let (nyse_info, xetra_info) = (("md-nyse".to_owned(), nyse.pid()), ("md-xetra".to_owned(), xetra.pid()));
    assert_eq!(services("md-*"), [nyse_info.clone(), xetra_info.clone()]);
    assert_eq!(services("md-xetra"), std::slice::from_ref(&xetra_info));
    assert_eq!(services("nobody"), []);
    // Also where nobody answers.
    nyse.stop();
    assert_eq!(services("md-*"), [nyse_info, xetra_info]);
}

#[test]
fn services_that_are_stopped_delay_a_discovery_once_and_are_named() {
    let place = Place::new();
    let bus = place.bus();
    let mut builders: Vec<_> = ["a", "b", "c", "d", "e"].map(|name| claim(&place, name)).into();
    builders.iter_mut().for_each(|builder| tell(builder, &["topic topic", "ready"]));
    for stopped in [&builders[0], &builders[2], &builders[3]] {
        stopped.stop();
    }
    let check = |found: bus::Discovery| {
        let names = |services: &[bus::ServiceInfo]| -> String {
            services.iter().map(|info| info.name.as_str()).collect()
        };
        assert_eq!((&*names(&found.services), &*names(&found.silent)), ("abcde", "acd"));
        assert_eq!(found.topics.iter().map(|info| &*info.service).collect::<String>(), "be");
    };
    let found = bus.discover_timeout("*/topic", Duration::ZERO).unwrap();
    assert_eq!(
        (found.services.len(), found.topics.len() + found.silent.len()),
        (5, 5),
        "nobody is forgotten"
    );
    check(bus.discover("*/topic").unwrap());
    check(smol::block_on(bus.discover_async("*/topic")).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let error = bus.topics_async("a").await.unwrap_err().to_string();
        assert!(error.contains("`a`") && error.contains("stopped"), "{error}");
        assert_eq!(bus.topics_async("b").await.unwrap().len(), 1);
        assert!(matches!(bus.topics_async("nobody").await, Err(Error::NoSuchService { .. })));
    });
    // They answer when they go on.
    builders.iter().for_each(Process::resume);
    assert_eq!(discovered(&bus, "*/topic").len(), 5);
}
