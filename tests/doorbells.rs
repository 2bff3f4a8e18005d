//! Doorbells, by hand: what rings them, and what a client that abuses them can do, which is nothing to others.
//!
//! A sleeper that follows the protocol, but without a bound, is woken by a publish. A client that sends what is no
//! doorbell loses its own connection; one that sends more than it may gets no more rings, and nobody else any fewer;
//! one that never reads, or makes its end blocking, does not hold the publisher up. And a service that rings without
//! pause, or closes its end, keeps nobody from waiting for others.

mod support;

use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bus::{Error, WaitSet};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::forged::{Affair, Forged, Service};
use support::publisher::Status;
use support::wire::{Client, frame, kind, name, words};
use support::{LIMIT, Place, Publisher, Setup, Test, connect, proc, publisher, roles, until};

roles!(publisher, poor);

const SETUP: Setup = Setup { history: 4, journal: 8, items: 2 };
const WHOLE_TOPIC: u64 = u64::MAX;

/// Wake-ups that would take longer than [`LIMIT`] if each came by the bound of a sleep, 100 ms.
const MANY: u64 = 700;

/// A doorbell, and the end that is rung.
fn doorbell() -> (UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_read_timeout(Some(LIMIT)).unwrap();
    (ours, theirs)
}

fn hang(client: &mut Client, number: u64, doorbell: impl AsFd) {
    client.send(&frame(kind::HANG_DOORBELL, 0, 0, &words(&[number])), &[doorbell.as_fd()]).unwrap();
}

fn attend(client: &mut Client, link: u64, doorbell: u64, item: u64) {
    client.send(&frame(kind::ATTEND, 1, link, &words(&[doorbell, item])), &[]).unwrap();
}

/// Waits for a ring, and takes all there are.
#[track_caller]
fn hear(doorbell: &mut UnixStream) {
    assert!(doorbell.read(&mut [0; 4096]).expect("it is rung") > 0, "it is gone");
}

/// An answer of the service: what was sent before was handled.
fn settle(client: &mut Client) {
    client.send(&frame(kind::NEXT_TOPIC, 0, 77, &name("zzz", &[])), &[]).unwrap();
    assert_eq!(client.receive().expect("an answer").kind(), kind::NO_MORE_TOPICS);
}

#[test]
fn whoever_asks_by_the_protocol_is_rung_for() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let mut client = Client::greeted(&place, "service");
    let view = client.connect("topic").view();
    let (mut item, theirs) = doorbell();
    hang(&mut client, 5, &theirs);
    let (mut topic, theirs) = doorbell();
    hang(&mut client, 6, &theirs);
    for (link, doorbell, cause) in [(1, 5, 1), (2, 5, 1), (3, 6, WHOLE_TOPIC)] {
        attend(&mut client, link, doorbell, cause);
    }
    settle(&mut client);
    // When they came.
    hear(&mut item);
    hear(&mut topic);
    for round in 1..=100 {
        view.item_doorbell(1).store(1, Ordering::SeqCst);
        view.topic_doorbell().store(1, Ordering::SeqCst);
        publisher.publish(1, 1);
        hear(&mut item);
        hear(&mut topic);
        assert_eq!(view.item_doorbell(1).load(Ordering::SeqCst), 0, "the flag was taken");
        assert_eq!(view.item_head(1).1.load(Ordering::SeqCst), 0, "nobody slept by futex");
        // Of another item only the topic's.
        view.item_doorbell(0).store(1, Ordering::SeqCst);
        view.topic_doorbell().store(1, Ordering::SeqCst);
        publisher.publish(0, 1);
        hear(&mut topic);
        silent(&mut item);
        // Nobody asks, nobody is rung.
        publisher.publish(1, 1);
        silent(&mut item);
        silent(&mut topic);
        if round == 50 {
            // One of the two links that it is for goes.
            client.send(&frame(kind::UNATTEND, 1, 1, &words(&[5])), &[]).unwrap();
            settle(&mut client);
        }
    }
    client.send(&frame(kind::UNATTEND, 1, 2, &words(&[5])), &[]).unwrap();
    client.send(&frame(kind::TAKE_DOWN_DOORBELL, 0, 0, &words(&[5])), &[]).unwrap();
    settle(&mut client);
    view.item_doorbell(1).store(1, Ordering::SeqCst);
    publisher.publish(1, 1);
    silent(&mut item);
}

/// Nothing rang: the publisher has answered for its publish, so that it would be here.
#[track_caller]
fn silent(doorbell: &mut UnixStream) {
    doorbell.set_nonblocking(true).unwrap();
    let error = doorbell.read(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    doorbell.set_nonblocking(false).unwrap();
}

#[test]
fn what_is_no_doorbell_ends_the_connection_it_came_by() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let before = publisher.status();
    let greeted = || {
        let mut client = Client::greeted(&place, "service");
        client.connect("topic");
        client
    };
    let end = |mut client: Client, expected: &str| {
        let reason = client.end().expect("a goodbye");
        assert!(reason.contains(expected), "{expected:?} is missing in {reason:?}");
    };
    let others: [OwnedFd; 3] = [
        std::fs::File::open("/dev/null").unwrap().into(),
        UnixDatagram::unbound().unwrap().into(),
        std::net::UdpSocket::bind("127.0.0.1:0").unwrap().into(),
    ];
    for other in &others {
        let mut client = greeted();
        hang(&mut client, 1, other);
        end(client, "no Unix stream socket");
    }
    let mut client = greeted();
    hang(&mut client, 1, doorbell().1);
    hang(&mut client, 1, doorbell().1);
    end(client, "a doorbell of this number");
    let mut client = greeted();
    client.send(&frame(kind::HANG_DOORBELL, 0, 0, &words(&[1])), &[]).unwrap();
    end(client, "0 descriptors, expected 1");
    let mut client = greeted();
    hang(&mut client, 1, doorbell().1);
    attend(&mut client, 1, 1, SETUP.items);
    end(client, "an item that is not there");
    until("the service has forgotten them all", || publisher.status() == before);
}

#[test]
fn a_client_with_too_many_doorbells_harms_nobody() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let mut link = connect(&place.bus()).advise("0").hot().unwrap();
    until("the publisher knows of the link", || publisher.status().links == 1);
    let before = publisher.status();
    let mut set = WaitSet::new().unwrap();
    set.add(&mut link, ()).unwrap();
    let mut client = Client::greeted(&place, "service");
    let view = client.connect("topic").view();
    let mut doorbells: Vec<UnixStream> = Vec::new();
    for number in 1..=1000 {
        let (ours, theirs) = doorbell();
        // Blocking, and never read from.
        hang(&mut client, number, &theirs);
        if number > 64 {
            let refused = client.receive().expect("it is told");
            assert_eq!((refused.kind(), refused.body()), (kind::DOORBELL_REFUSED, &*words(&[number])));
        }
        attend(&mut client, number, number, 0);
        // Kept by its links alone.
        client.send(&frame(kind::TAKE_DOWN_DOORBELL, 0, 0, &words(&[number])), &[]).unwrap();
        doorbells.push(ours);
    }
    settle(&mut client);
    let Status { descriptors, .. } = publisher.status();
    // The honest doorbell, the connection, and what it may have.
    assert!(descriptors <= before.descriptors + 2 + 64, "{descriptors} after {before:?}");
    for number in 1..=2000 {
        view.item_doorbell(0).store(1, Ordering::SeqCst);
        publisher.publish(0, 1);
        assert_eq!(set.wait().unwrap(), [()]);
        assert_eq!(link.recv().unwrap().seq, number);
    }
    drop((client, set));
    until("the service has forgotten it", || publisher.status() == before);
}

/// More than a service has doorbells for one client.
const SETS: usize = 66;

#[test]
fn whoever_was_refused_a_doorbell_waits_without_and_gets_one_when_there_is_room() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let topic = connect(&place.bus());
    let mut links: Vec<_> = (0..SETS).map(|_| topic.advise("0").hot().unwrap()).collect();
    until("the publisher knows of the links", || publisher.status().links == SETS as u64);
    let before = publisher.status().descriptors;
    let mut sets: Vec<_> = links
        .iter_mut()
        .map(|link| {
            let mut set = WaitSet::new().unwrap();
            set.add(link, ()).unwrap();
            set
        })
        .collect();
    until("it has as many as it may", || publisher.status().descriptors == before + 64);
    publisher.publish(0, 1);
    for (set, link) in sets.iter_mut().zip(&mut links) {
        assert_eq!(set.wait().unwrap(), [()]);
        assert_eq!(link.recv().unwrap().seq, 1);
    }
    // Those of the sets that are left can only be new ones.
    sets.drain(..64);
    until("the others have theirs", || publisher.status().descriptors == before + 2);
    let start = Instant::now();
    for number in 2..=MANY {
        let thread = proc::thread();
        let (set, link) = (&mut sets[number as usize % 2], &mut links[64 + number as usize % 2]);
        std::thread::scope(|scope| {
            let publisher = &mut publisher;
            scope.spawn(move || {
                until("the set sleeps", || proc::sleeps_in_poll(std::process::id(), thread));
                publisher.publish(0, 1);
            });
            assert_eq!(set.wait().unwrap(), [()]);
        });
        while link.try_recv().unwrap().is_some() {}
        // The other one was told as well.
        let (set, link) = (&mut sets[1 - number as usize % 2], &mut links[65 - number as usize % 2]);
        assert_eq!(set.wait().unwrap(), [()]);
        while link.try_recv().unwrap().is_some() {}
    }
    assert!(start.elapsed() < LIMIT, "not by wake-ups");
}

#[test]
fn a_service_that_refuses_doorbells_is_asked_again_and_no_more_than_that() {
    let place = Place::new();
    let mut set = WaitSet::new().unwrap();
    let (mut affair, mut link, _) = affair(&place, &mut set);
    // What it is for comes after it.
    let attend = affair.client.receive().unwrap();
    assert_eq!(attend.kind(), kind::ATTEND);
    let number = u64::from_ne_bytes(attend.body()[..8].try_into().unwrap());
    let mut doorbell = None;
    for value in 1..=3 {
        // Said twice, and of one that was never sent, it means no more.
        for number in [number, number, number + 1_000_000] {
            affair.client.send(&frame(kind::DOORBELL_REFUSED, 0, 0, &words(&[number])), &[]).unwrap();
        }
        affair.live.publish(0, value, &[value]);
        assert_eq!(set.wait().unwrap(), ["hostile"], "it looks now and then");
        assert_eq!(link.recv().unwrap().value, value);
        let mut hang = affair.client.receive().expect("another one");
        assert_eq!((hang.kind(), hang.body()), (kind::HANG_DOORBELL, &*words(&[number])));
        doorbell = hang.fds.pop().map(UnixStream::from);
        let again = affair.client.receive().unwrap();
        assert_eq!((again.kind(), again.body()), (kind::ATTEND, attend.body()));
    }
    let doorbell = doorbell.expect("it came with a descriptor");
    rustix::net::send(&doorbell, &[0], rustix::net::SendFlags::NOSIGNAL).expect("its other end is kept");
}

#[test]
fn a_client_that_clears_the_flags_delays_and_hides_nothing() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let view = Client::greeted(&place, "service").connect("topic").view();
    let mut link = connect(&place.bus()).advise("0").hot().unwrap();
    let mut set = WaitSet::new().unwrap();
    set.add(&mut link, ()).unwrap();
    let (done, words) = (AtomicBool::new(false), view.bells.words());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
            }
        });
        for number in 1..=50 {
            publisher.publish(0, 1);
            assert_eq!(set.wait().unwrap(), [()]);
            assert_eq!(link.recv().unwrap().seq, number);
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// Waits by a set for which there is no descriptor left to make a doorbell of.
fn poor(test: &mut Test) {
    let mut link = connect(&test.bus()).advise("0").hot().unwrap();
    let mut set = WaitSet::new().unwrap();
    let limits = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..limits }).unwrap();
    let mut all = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        all.push(file);
    }
    set.add(&mut link, ()).unwrap();
    test.say("waits");
    loop {
        assert_eq!(set.wait().unwrap(), [()]);
        test.say(link.recv().unwrap().seq);
    }
}

#[test]
fn a_client_without_descriptors_is_woken_by_the_bound_of_its_sleeps() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let mut poor = place.start("poor");
    poor.await_line("waits");
    for number in 1..=10 {
        publisher.publish(0, 1);
        poor.await_line(&number.to_string());
    }
}

/// A link to a service by hand, which is in a set, and the doorbell that the service was given for it.
fn affair(
    place: &Place,
    set: &mut WaitSet<&'static str>,
) -> (Affair<u64>, bus::Link<bus::Hot<u64>>, UnixStream) {
    let service = Service::new(place, "hostile");
    let mut affair = Affair::begin(place.bus(), service, Forged::topic::<u64>(&["item"]));
    let mut link = affair.advise("item", 0).unwrap();
    set.add(&mut link, "hostile").unwrap();
    let doorbell = loop {
        let mut frame = affair.client.receive().expect("a doorbell");
        if frame.kind() == kind::HANG_DOORBELL {
            break frame.fds.pop().expect("with a descriptor");
        }
    };
    (affair, link, UnixStream::from(doorbell))
}

#[test]
fn a_service_that_rings_without_pause_or_hangs_up_is_no_others_trouble() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let mut honest = connect(&place.bus()).advise("0").hot().unwrap();
    let mut set = WaitSet::new().unwrap();
    set.add(&mut honest, "honest").unwrap();
    let (affair, mut link, doorbell) = affair(&place, &mut set);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let _ = rustix::net::send(&doorbell, &[0; 64], rustix::net::SendFlags::DONTWAIT);
            }
        });
        for number in 1..=100 {
            publisher.publish(0, 1);
            assert_eq!(set.wait().unwrap(), ["honest"]);
            assert_eq!(honest.recv().unwrap().seq, number);
        }
        assert_eq!(set.wait_timeout(Duration::from_millis(20)).unwrap(), [""; 0]);
        done.store(true, Ordering::Relaxed);
    });
    // The end that it was given is closed, but not its connection: it can publish still, and is looked at.
    drop(doorbell);
    for number in 1..=3 {
        std::thread::scope(|scope| {
            let (said, heard) = std::sync::mpsc::channel();
            let (set, link) = (&mut set, &mut link);
            scope.spawn(move || {
                let start = Instant::now();
                said.send(proc::thread()).unwrap();
                assert_eq!(set.wait_timeout(LIMIT).unwrap(), ["hostile"]);
                assert!(start.elapsed() < LIMIT, "found only when the wait was over");
                assert_eq!(link.recv().unwrap().value, number);
            });
            let thread = heard.recv().unwrap();
            until("it sleeps", || proc::sleeps_in_poll(std::process::id(), thread));
            affair.live.publish(0, number, &[number]);
        });
    }
    let before = proc::cpu_time();
    assert_eq!(set.wait_timeout(Duration::from_millis(300)).unwrap(), [""; 0]);
    assert!(proc::cpu_time() - before < Duration::from_millis(150), "it turns in circles");
    drop(affair);
    assert_eq!(set.wait().unwrap(), ["hostile"]);
    assert!(matches!(link.try_recv(), Err(Error::Stale { .. })));
}
