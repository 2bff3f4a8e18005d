//! One thread waits for everything at once: it is told what is ready, misses nothing, and does not turn in circles.
//!
//! That a wait ends would show little, since its sleeps are bounded: it looks now and then whether or not it was
//! woken. So where wake-ups are counted, each is published only when the kernel says that the thread sleeps, and there
//! are so many that the bound alone could not end all of these sleeps before a hang is declared.

mod support;

use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use bus::{Ended, Error, Event, Hot, Interest, Link, ServiceEvent, Topic, WaitSet};
use rustix::event::{PollFd, PollFlags, poll};
use support::{
    Account, Checked, LIMIT, Place, Process, Publisher, Random, Setup, Test, connect, proc, publisher, roles,
    until,
};

roles!(publisher, waiter, poller);

const LINKS: u64 = 300;
const SETUP: Setup = Setup { history: 4, journal: 8, items: LINKS };

/// Wake-ups that would take longer than [`LIMIT`] if each came by the bound of a sleep, 100 ms.
const MANY: u64 = 700;

/// Links to every item there is, or to all at once.
fn links(test: &mut Test) -> Vec<Link<Hot<Checked>>> {
    let topic = connect(&test.bus());
    match &*test.hear() {
        "each" => (0..LINKS).map(|item| topic.advise(&item.to_string()).hot().unwrap()).collect(),
        all => vec![topic.advise(all).hot().unwrap()],
    }
}

/// Says what comes by the links that are ready, and what they say of the service.
fn read(test: &mut Test, link: &mut Link<Hot<Checked>>) {
    loop {
        match link.try_recv() {
            Ok(Some(update)) => {
                let (item, number) = update.value.check();
                test.say(format!("{item} {number}{}", if update.gap { " gap" } else { "" }));
            }
            Ok(None) => return,
            Err(Error::Stale { reason, .. }) => test.say(format!("{reason:?}")),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Waits for links by a set, and says what comes.
fn waiter(test: &mut Test) {
    let mut links = links(test);
    let mut set = WaitSet::new().unwrap();
    for (key, link) in links.iter_mut().enumerate() {
        set.add(link, key).unwrap();
    }
    test.say(proc::thread());
    loop {
        for key in set.wait().unwrap() {
            read(test, &mut links[key]);
        }
    }
}

/// Waits for links by the descriptor of a set alone, in a loop of its own, and says what comes.
fn poller(test: &mut Test) {
    let mut links = links(test);
    let mut set = WaitSet::new().unwrap();
    for (key, link) in links.iter_mut().enumerate() {
        set.add(link, key).unwrap();
    }
    test.say(proc::thread());
    loop {
        poll(&mut [PollFd::new(&set, PollFlags::IN)], None).unwrap();
        for key in set.wait_timeout(Duration::ZERO).unwrap() {
            read(test, &mut links[key]);
        }
    }
}

fn start(place: &Place, role: &'static str, links: &str) -> (Process, i32) {
    let mut process = place.start(role);
    process.say(links);
    let thread = process.hear_number();
    (process, thread)
}

/// Publishes an item when the other process sleeps, which must say so; again and again.
fn wake(
    process: &mut Process,
    thread: i32,
    publisher: &mut Publisher,
    rounds: u64,
    mut item: impl FnMut() -> u64,
) {
    let start = Instant::now();
    let mut counts = publisher.published();
    for _ in 0..rounds {
        until("it sleeps", || proc::sleeps_in_poll(process.pid(), thread));
        let item = item();
        publisher.publish(item, 1);
        counts.resize(counts.len().max(item as usize + 1), 0);
        counts[item as usize] += 1;
        process.await_line(&format!("{item} {}", counts[item as usize]));
    }
    assert!(start.elapsed() < LIMIT, "not by wake-ups");
}

#[test]
fn one_thread_is_woken_by_each_of_hundreds_of_links() {
    let mut random = Random::seeded();
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    for role in ["waiter", "poller"] {
        let (mut waiter, thread) = start(&place, role, "each");
        for item in 0..LINKS {
            // Those that begin with the present value.
            if publisher.published()[item as usize] > 0 {
                waiter.hear();
            }
        }
        wake(&mut waiter, thread, &mut publisher, MANY, || random.below(LINKS as usize) as u64);
    }
}

#[test]
fn a_topic_that_grows_wakes_who_waits_for_all_of_it() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, Setup { items: 1, ..SETUP });
    let (mut waiter, thread) = start(&place, "waiter", "*");
    let mut item = 0;
    wake(&mut waiter, thread, &mut publisher, MANY, || {
        item += 1;
        item
    });
}

#[test]
fn a_death_and_a_return_end_a_wait_and_wake_ups_go_on() {
    let place = Place::new();
    let setup = Setup { items: 1, ..SETUP };
    let mut publisher = Publisher::start(&place, setup);
    for role in ["waiter", "poller"] {
        for all in ["0", "*"] {
            publisher.process.kill();
            publisher = Publisher::start(&place, setup);
            let (mut waiter, thread) = start(&place, role, all);
            for _ in 0..3 {
                wake(&mut waiter, thread, &mut publisher, 10, || 0);
                until("it sleeps", || proc::sleeps_in_poll(waiter.pid(), thread));
                publisher.process.kill();
                waiter.await_line(&format!("{:?}", Ended::Died));
                until("it sleeps", || proc::sleeps_in_poll(waiter.pid(), thread));
                publisher = Publisher::start(&place, setup);
                publisher.publish(0, 1);
                waiter.await_line("0 1 gap");
            }
            // The doorbells came back with the service.
            wake(&mut waiter, thread, &mut publisher, MANY, || 0);
        }
    }
}

#[test]
fn the_end_of_a_service_is_a_wake_up() {
    let place = Place::new();
    let bus = place.bus();
    let mut set = WaitSet::new().unwrap();
    let (start, thread) = (Instant::now(), proc::thread());
    for round in 0..MANY {
        let name = format!("service {round}");
        let service = bus.service(&name).unwrap();
        service.topic::<u64>("topic").open().unwrap().item("item").unwrap();
        service.ready().unwrap();
        let mut link =
            bus.connect::<u64>(&format!("{name}/topic")).open().unwrap().advise("item").hot().unwrap();
        set.add(&mut link, round).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                until("the set sleeps", || proc::sleeps_in_poll(std::process::id(), thread));
                service.close();
            });
            assert_eq!(set.wait().unwrap(), [round]);
        });
        let Error::Stale { reason: Ended::Closed, .. } = link.try_recv().unwrap_err() else {
            panic!("not stale")
        };
    }
    assert!(start.elapsed() < LIMIT, "not by wake-ups");
}

#[test]
fn the_publisher_forgets_who_waits_no_longer() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let mut link = connect(&place.bus()).advise("0").hot().unwrap();
    until("the publisher knows of the link", || publisher.status().links == 1);
    let before = publisher.status();
    for round in 0..100 {
        let mut set = WaitSet::new().unwrap();
        let token = set.add(&mut link, ()).unwrap();
        publisher.publish(0, 1);
        assert_eq!(set.wait().unwrap(), [()]);
        while link.try_recv().unwrap().is_some() {}
        if round % 2 == 0 {
            assert!(set.remove(token) && !set.remove(token));
        }
    }
    until("nothing of the sets is left", || publisher.status() == before);
    // So it does when they are killed.
    for _ in 0..10 {
        let (mut waiter, _) = start(&place, "waiter", "each");
        waiter.hear();
        waiter.kill();
    }
    until("nothing of the processes is left", || publisher.status() == before);
    // And descriptors here.
    let descriptors = proc::descriptors();
    for _ in 0..100 {
        WaitSet::new().unwrap().add(&mut link, ()).unwrap();
    }
    until("nothing of the sets is left here", || proc::descriptors() <= descriptors);
}

/// A service of this process, with items to publish.
fn serve(place: &Place) -> (bus::Service, Topic<u64>) {
    let service = place.bus().service("service").unwrap();
    let topic = service.topic::<u64>("topic").open().unwrap();
    topic.item("0").unwrap();
    topic.item("1").unwrap();
    service.ready().unwrap();
    (service, topic)
}

fn link(place: &Place, item: &str) -> Link<Hot<u64>> {
    place.bus().connect::<u64>("service/topic").open().unwrap().advise(item).hot().unwrap()
}

fn nothing<K: Clone + PartialEq + std::fmt::Debug>(set: &mut WaitSet<K>) {
    assert_eq!(set.wait_timeout(Duration::ZERO).unwrap(), []);
}

#[test]
fn what_stays_unread_is_told_again() {
    let place = Place::new();
    let (_service, topic) = serve(&place);
    let mut links = [link(&place, "0"), link(&place, "1"), link(&place, "*")];
    let mut set = WaitSet::new().unwrap();
    for (key, link) in links.iter_mut().enumerate() {
        set.add(link, key).unwrap();
    }
    let publish = |item: &str, value| topic.item(item).unwrap().publish(&value).unwrap();
    // It has still to look for present values.
    assert_eq!(set.wait().unwrap(), [2]);
    assert!(links[2].try_recv().unwrap().is_none());
    nothing(&mut set);
    publish("0", 1);
    publish("0", 2);
    for value in 1..=2 {
        for _ in 0..3 {
            assert_eq!(set.wait().unwrap(), [0, 2]);
        }
        // However it is read.
        assert_eq!(links[0].recv().unwrap().value, value);
        assert_eq!(links[2].recv_timeout(LIMIT).unwrap().value, value);
    }
    nothing(&mut set);
    publish("1", 3);
    assert_eq!(set.wait().unwrap(), [1, 2]);
    assert_eq!(links[1].try_recv().unwrap().unwrap().value, 3);
    assert_eq!(set.wait().unwrap(), [2]);
    assert_eq!(links[2].recv().unwrap().value, 3);
    nothing(&mut set);
}

#[test]
fn an_edge_is_told_once_for_each_change() {
    let place = Place::new();
    let (service, topic) = serve(&place);
    let mut link = link(&place, "0");
    let mut set = WaitSet::new().unwrap();
    set.add_edge(&mut link, ()).unwrap();
    let publish = |value| topic.item("0").unwrap().publish(&value).unwrap();
    for value in 1..=10 {
        publish(value);
        assert_eq!(set.wait().unwrap(), [()]);
        nothing(&mut set);
    }
    assert_eq!(link.recv().unwrap().value, 1);
    // What is left unread is no change.
    nothing(&mut set);
    publish(11);
    assert_eq!(set.wait().unwrap(), [()]);
    (2..=11).for_each(|value| assert_eq!(link.recv().unwrap().value, value));
    nothing(&mut set);
    service.close();
    assert_eq!(set.wait().unwrap(), [()]);
    let Error::Stale { reason: Ended::Closed, .. } = link.try_recv().unwrap_err() else {
        panic!("not stale")
    };
}

/// Nothing is told of what is left unread, and no wait turns in circles for it: neither in here, nor in a loop of
/// others, which polls the descriptor.
#[track_caller]
fn rests(set: &mut WaitSet<()>) {
    const WHILE: Duration = Duration::from_millis(300);
    // What was asked for, or is due, comes first.
    while !set.wait_timeout(Duration::ZERO).unwrap().is_empty() {}
    let before = proc::cpu_time();
    assert_eq!(set.wait_timeout(WHILE).unwrap(), []);
    let start = Instant::now();
    set.as_fd();
    while start.elapsed() < WHILE {
        let bound = rustix::time::Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        poll(&mut [PollFd::new(&*set, PollFlags::IN)], Some(&bound)).unwrap();
        assert_eq!(set.wait_timeout(Duration::ZERO).unwrap(), []);
    }
    assert!(proc::cpu_time() - before < WHILE / 2, "it turns in circles");
}

#[test]
fn an_edge_that_stays_unread_costs_nothing() {
    let place = Place::new();
    let (_service, topic) = serve(&place);
    let publish = |item: &str, value| topic.item(item).unwrap().publish(&value).unwrap();
    let kept = |kept: &mut Link<Hot<u64>>, set: &mut WaitSet<()>| {
        rests(set);
        // The next value is a change.
        publish("0", 9);
        assert_eq!(set.wait().unwrap(), [()]);
        while kept.try_recv().unwrap().is_some() {}
    };
    // One that has still to look for present values.
    let mut all = link(&place, "*");
    let mut set = WaitSet::new().unwrap();
    set.add_edge(&mut all, ()).unwrap();
    assert_eq!(set.wait().unwrap(), [()]);
    kept(&mut all, &mut set);
    // And one that reads one of them each time that it is told.
    publish("1", 1);
    let mut all = link(&place, "*");
    let mut set = WaitSet::new().unwrap();
    set.add_edge(&mut all, ()).unwrap();
    assert_eq!(set.wait().unwrap(), [()]);
    assert!(all.try_recv().unwrap().is_some());
    kept(&mut all, &mut set);
    // One whose interval is over.
    let topic = place.bus().connect::<u64>("service/topic").open().unwrap();
    let mut throttled = topic.advise("0").interval(Duration::from_millis(1)).hot().unwrap();
    let mut set = WaitSet::new().unwrap();
    set.add_edge(&mut throttled, ()).unwrap();
    assert!(throttled.recv().is_ok());
    publish("0", 2);
    assert_eq!(set.wait().unwrap(), [()]);
    // Where the interval was over in between, it reads the value, and another interval begins.
    rests(&mut set);
    // Several events of which one is read.
    let mut watch = place.bus().watch().unwrap();
    while watch.try_recv().unwrap().is_some() {}
    let mut set = WaitSet::new().unwrap();
    set.add_edge(&mut watch, ()).unwrap();
    let _services = ["one", "two", "three"].map(|name| {
        let service = place.bus().service(name).unwrap();
        service.ready().unwrap();
        service
    });
    until("there are events", || watch.try_recv().unwrap().is_some());
    rests(&mut set);
    assert!(watch.try_recv().unwrap().is_some(), "more than one was there");
}

#[test]
fn what_a_paused_link_has_to_look_at_waits_until_it_goes_on() {
    let place = Place::new();
    let (service, _topic) = serve(&place);
    let mut link = link(&place, "0");
    let mut set = WaitSet::new().unwrap();
    set.add(&mut link, ()).unwrap();
    link.pause();
    nothing(&mut set);
    service.close();
    until("the link's end is known", || link.ended().is_some());
    // It may be told of once, as a change.
    while !set.wait_timeout(Duration::ZERO).unwrap().is_empty() {
        assert!(link.try_recv().unwrap().is_none());
    }
    rests(&mut set);
    link.resume();
    assert_eq!(set.wait().unwrap(), [()]);
    assert!(matches!(link.try_recv(), Err(Error::Stale { reason: Ended::Closed, .. })));
}

#[test]
fn a_set_that_goes_takes_no_link_from_the_next_one() {
    let place = Place::new();
    let (_service, topic) = serve(&place);
    let mut link = link(&place, "0");
    let mut set = WaitSet::new().unwrap();
    set.add(&mut link, ()).unwrap();
    for value in 1..=2000 {
        let mut next = WaitSet::new().unwrap();
        let begin = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            let begin = &begin;
            scope.spawn(move || {
                begin.wait();
                drop(set);
            });
            begin.wait();
            next.add(&mut link, ()).unwrap();
        });
        topic.item("0").unwrap().publish(&value).unwrap();
        assert_eq!(next.wait().unwrap(), [()]);
        assert_eq!(link.recv().unwrap().value, value);
        set = next;
    }
}

#[test]
fn an_event_ends_a_wait_from_any_thread() {
    fn is_shared<T: Send + Sync + Clone>(_: &T) {}
    let mut set = WaitSet::new().unwrap();
    let events: Vec<Event> = (0..3).map(|key| set.event(key)).collect();
    is_shared(&events[0]);
    std::thread::scope(|scope| {
        for round in 0..1000 {
            let event = &events[round % 3];
            scope.spawn(move || event.clone().raise());
            assert_eq!(set.wait().unwrap(), [round % 3]);
        }
    });
    // However often it is raised before.
    (0..5).for_each(|_| events[1].raise());
    assert_eq!(set.wait().unwrap(), [1]);
    nothing(&mut set);
    assert!(set.remove(events[1].token()));
    events[1].raise();
    nothing(&mut set);
    drop(set);
    events.iter().for_each(Event::raise);
}

#[test]
fn timers_are_told_when_their_time_has_come() {
    let mut set = WaitSet::new().unwrap();
    let start = Instant::now();
    set.after(Duration::from_millis(20), "second");
    set.after(Duration::from_millis(10), "first");
    set.after(Duration::MAX, "never");
    for (key, at) in [("first", 10), ("second", 20)] {
        let mut keys = set.wait().unwrap();
        if keys == ["second", "first"] {
            // Both were due when this thread was allowed to run.
            keys.clear();
            assert!(start.elapsed() >= Duration::from_millis(20));
            break;
        }
        assert_eq!(keys, [key]);
        assert!(start.elapsed() >= Duration::from_millis(at));
    }
    assert_eq!(set.len(), 1, "they leave");
    let start = Instant::now();
    let ticks = set.every(Duration::from_millis(10), "tick").unwrap();
    let begun = Instant::now();
    for tick in 1..=3 {
        assert_eq!(set.wait().unwrap(), ["tick"]);
        assert!(start.elapsed() >= Duration::from_millis(10 * tick), "never too early");
    }
    std::thread::sleep(Duration::from_millis(100));
    let passed = begun.elapsed().as_millis() as u64 / 10;
    assert_eq!(set.wait().unwrap(), ["tick"], "ticks that nobody waited for come together");
    assert_eq!(set.wait().unwrap(), ["tick"]);
    assert!(start.elapsed() >= Duration::from_millis(10 * (passed + 1)), "and are not made up for");
    assert!(set.remove(ticks));
    nothing(&mut set);
    assert!(matches!(set.every(Duration::ZERO, ""), Err(Error::InvalidOption { .. })));
}

#[test]
fn foreign_descriptors_are_waited_for() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut set = WaitSet::new().unwrap();
    let reads = set.add_descriptor(&ours, Interest::Readable, "readable").unwrap();
    nothing(&mut set);
    let writes = set.add_descriptor(&ours, Interest::Writable, "writable").unwrap();
    assert_eq!(set.wait().unwrap(), ["writable"]);
    theirs.write_all(b"x").unwrap();
    (0..3).for_each(|_| assert_eq!(set.wait().unwrap(), ["readable", "writable"]));
    assert!(set.remove(writes));
    assert_eq!(set.wait().unwrap(), ["readable"]);
    rustix::io::read(&ours, &mut [0; 8]).unwrap();
    nothing(&mut set);
    drop(theirs);
    assert_eq!(set.wait().unwrap(), ["readable"], "the end is something to read");
    assert!(set.remove(reads));
    nothing(&mut set);
    let file = tempfile::tempfile().unwrap();
    assert!(matches!(set.add_descriptor(&file, Interest::Both, ""), Err(Error::Os { .. })));
}

#[test]
fn services_that_come_and_go_end_a_wait() {
    let place = Place::new();
    let mut watch = place.bus().watch().unwrap();
    let mut set = WaitSet::new().unwrap();
    set.add(&mut watch, ()).unwrap();
    nothing(&mut set);
    for _ in 0..10 {
        let mut publisher = Publisher::start(&place, Setup { items: 1, ..SETUP });
        let is_it = |event: &ServiceEvent, appeared: bool| match event {
            ServiceEvent::Appeared(info) => appeared && info.name == "service",
            ServiceEvent::Vanished(info) => !appeared && info.name == "service",
            _ => false,
        };
        for appeared in [true, false] {
            let event = loop {
                assert_eq!(set.wait().unwrap(), [()]);
                if let Some(event) = watch.try_recv().unwrap() {
                    break event;
                }
            };
            assert!(is_it(&event, appeared), "{event:?}");
            publisher.process.kill();
        }
    }
    // Two that one look finds.
    let services = ["one", "two"].map(|name| place.bus().service(name).unwrap());
    services.iter().for_each(|service| service.ready().unwrap());
    for _ in &services {
        assert_eq!(set.wait().unwrap(), [()]);
        assert!(matches!(watch.try_recv().unwrap(), Some(ServiceEvent::Appeared(_))));
    }
    drop((watch, services));
    nothing(&mut set);
    assert!(set.is_empty());
}

#[test]
fn what_is_dropped_or_waited_for_elsewhere_leaves() {
    let place = Place::new();
    let (_service, topic) = serve(&place);
    let (mut first, mut second) = (WaitSet::new().unwrap(), WaitSet::new().unwrap());
    let mut link = link(&place, "0");
    first.add(&mut link, ()).unwrap();
    second.add(&mut link, ()).unwrap();
    topic.item("0").unwrap().publish(&1).unwrap();
    assert_eq!(second.wait().unwrap(), [()]);
    nothing(&mut first);
    assert!(first.is_empty());
    assert_eq!(link.recv().unwrap().value, 1);
    nothing(&mut second);
    // And back.
    first.add(&mut link, ()).unwrap();
    topic.item("0").unwrap().publish(&2).unwrap();
    assert_eq!(first.wait().unwrap(), [()]);
    drop(link);
    let error = first.wait().unwrap_err();
    assert!(matches!(error, Error::InvalidOption { .. }), "{error}");
}

#[test]
fn all_kinds_of_members_in_one_wait() {
    let place = Place::new();
    let (_service, topic) = serve(&place);
    let bus = place.bus();
    let mut watch = bus.watch().unwrap();
    while watch.try_recv().unwrap().is_some() {}
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut hot = link(&place, "0");
    let mut warm = bus.connect::<u64>("service/topic").open().unwrap().advise("1").warm().unwrap();
    let mut set = WaitSet::new().unwrap();
    set.add(&mut hot, "hot").unwrap();
    set.add(&mut warm, "warm").unwrap();
    set.add(&mut watch, "watch").unwrap();
    set.add_descriptor(&ours, Interest::Readable, "descriptor").unwrap();
    let event = set.event("event");
    nothing(&mut set);
    topic.item("0").unwrap().publish(&1).unwrap();
    topic.item("1").unwrap().publish(&1).unwrap();
    let other = bus.service("other").unwrap();
    other.ready().unwrap();
    theirs.write_all(b"x").unwrap();
    event.raise();
    set.after(Duration::ZERO, "timer");
    assert_eq!(set.wait().unwrap(), ["hot", "warm", "watch", "descriptor", "event", "timer"]);
    assert_eq!(set.wait().unwrap(), ["hot", "warm", "watch", "descriptor"]);
    assert_eq!(warm.recv().unwrap().seq, 1);
    assert_eq!(hot.recv().unwrap().value, 1);
    assert_eq!(set.wait().unwrap(), ["watch", "descriptor"]);
}

#[test]
fn a_reader_that_is_behind_accounts_for_everything() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, Setup { items: 2, ..SETUP });
    let topic = connect(&place.bus());
    let mut links = [topic.advise("0").hot().unwrap(), topic.advise("*").hot().unwrap()];
    let mut set = WaitSet::new().unwrap();
    for (key, link) in links.iter_mut().enumerate() {
        set.add(link, key).unwrap();
    }
    let mut accounts = [Account::default(), Account::default()];
    publisher.begin_publish(0, 100_000);
    while accounts.iter().any(|account| account.of(0).last < 100_000) {
        for key in set.wait().unwrap() {
            // One at a time: the rest is told of again.
            if let Some(update) = links[key].try_recv().unwrap() {
                accounts[key].enter(&update);
            }
        }
    }
    publisher.done();
    links.iter_mut().for_each(|link| assert!(link.try_recv().unwrap().is_none()));
    nothing(&mut set);
}
