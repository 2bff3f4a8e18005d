//! Lossless links are granted by the topic, and outlive what other links do.
//!
//! A topic that does not grant them says how it would; what it grants is never more than either side wants. A connection
//! that is lost and comes back finds the link where it was; a service that comes back begins anew, and tracks the link
//! again. Links that come and go leave nothing behind.

mod support;

use std::time::Duration;

use bus::{Ended, Error};
use support::forged::{Forged, Service, credits_frame, credits_memory, granted_frame, send_segment};
use support::wire::{Client, advise, kind};
use support::{LIMIT, Place, Small, Test, proc, roles, until};

roles!(both_sides, publisher);

const HISTORY: u64 = 4;
/// The floor of a link that wants nothing any longer.
const RELEASED: u64 = 1 << 62;
const PATIENCE: Duration = LIMIT.saturating_mul(4);

#[test]
fn a_topic_that_does_not_grant_it_says_what_to_do() {
    let place = Place::new();
    let service = place.bus().service("service").unwrap();
    let plain = service.topic::<Small>("plain").open().unwrap();
    let granting = service.topic::<Small>("granting").lossless(PATIENCE).open().unwrap();
    for topic in [&plain, &granting] {
        topic.item("a").unwrap();
    }
    service.ready().unwrap();
    let bus = place.bus();
    let plain = bus.connect::<Small>("service/plain").open().unwrap();
    let error = plain.advise("a").lossless(PATIENCE).hot().unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    for part in ["advise on `service/plain/a`", "`.lossless(patience)`", "where it is opened"] {
        assert!(error.to_string().contains(part), "{part:?} is missing in {error}");
    }
    plain.advise("a").hot().unwrap();
    let granting = bus.connect::<Small>("service/granting").open().unwrap();
    granting.advise("a").lossless(PATIENCE).hot().unwrap();
    until("links are closed", || service.clients().iter().all(|client| client.links == 0));
}

#[test]
fn the_shorter_deadline_is_granted() {
    let place = Place::new();
    let service = place.bus().service("service").unwrap();
    for (name, patience) in [("short", 1), ("long", 10)] {
        let topic = service.topic::<u64>(name).lossless(Duration::from_secs(patience)).open().unwrap();
        topic.item("a").unwrap();
    }
    service.ready().unwrap();
    for (name, seconds) in [("short", 1), ("long", 5)] {
        let mut client = Client::greeted(&place, "service");
        client.connect(name);
        // It wants five seconds.
        client.send(&support::wire::frame(kind::ADVISE, 1, 7, &advise("a", false, true)), &[]).unwrap();
        assert_eq!(client.receive().unwrap().kind(), kind::CREDITS);
        let granted = client.receive().unwrap();
        assert_eq!((granted.kind(), granted.reference()), (kind::GRANTED, 7));
        let deadline = u64::from_ne_bytes(granted.body()[..8].try_into().unwrap());
        assert_eq!(deadline, seconds * 1_000_000_000);
    }
}

#[test]
fn a_link_waits_for_its_item_and_is_tracked_from_its_first_value() {
    let place = Place::new();
    let service = place.bus().service("service").unwrap();
    let topic = service.topic("topic").history(HISTORY as usize).lossless(PATIENCE).open().unwrap();
    service.ready().unwrap();
    let conversation = place.bus().connect::<Small>("service/topic").open().unwrap();
    std::thread::scope(|scope| {
        let link = scope.spawn(|| conversation.advise("late").lossless(PATIENCE).wait(LIMIT).hot().unwrap());
        until("it waits", || service.clients().iter().any(|client| client.links == 1));
        let late = topic.item("late").unwrap();
        let mut link = link.join().unwrap();
        for number in 1..=HISTORY {
            late.try_publish(&Small::new(0, number)).unwrap();
        }
        assert!(matches!(late.try_publish(&Small::new(0, 5)), Err(Error::Full { behind: HISTORY, .. })));
        for number in 1..=HISTORY {
            assert_eq!(link.recv().unwrap().value.check(), (0, number));
        }
        late.try_publish(&Small::new(0, 5)).unwrap();
    });
}

#[test]
fn a_link_keeps_its_place_when_the_connection_is_lost_and_comes_back() {
    let place = Place::new();
    let service = Service::new(&place, "service");
    let forged = Forged::topic::<u64>(&["item"]);
    let (segment, live) = forged.make();
    let bus = place.bus();
    let (topic, mut client) = std::thread::scope(|scope| {
        let topic = scope.spawn(|| bus.connect::<u64>("service/topic").timeout(LIMIT).open().unwrap());
        let (mut client, conversation) = service.converse();
        send_segment(&mut client, conversation, 0, 1, &segment);
        (topic.join().unwrap(), client)
    });
    // Grants the client's next link words 3 and 5 of new credit memory, which it gives back.
    let grant = |client: &mut Client| {
        let advise = loop {
            let incoming = client.receive().expect("the client goes on");
            if incoming.kind() == kind::ADVISE {
                break incoming;
            }
        };
        let (memory, words) = credits_memory();
        words.words()[3].store(1, std::sync::atomic::Ordering::Relaxed);
        client.send(&credits_frame(0), &[std::os::fd::AsFd::as_fd(&memory)]).unwrap();
        let granted = granted_frame(advise.conversation(), advise.reference(), 0, [0, 3, 5]);
        client.send(&granted, &[]).unwrap();
        let from = u64::from_ne_bytes(advise.body()[8..16].try_into().unwrap());
        (words, from)
    };
    let floor =
        |words: &support::segment::Mapping| words.words()[3].load(std::sync::atomic::Ordering::Acquire);
    let (mut link, (words, from)) = std::thread::scope(|scope| {
        let link = scope.spawn(|| topic.advise("item").lossless(PATIENCE).wait(LIMIT).hot().unwrap());
        let words = grant(&mut client);
        (link.join().unwrap(), words)
    });
    let publish = |number: u64| live.publish(0, number, &[number * 10]);
    (1..=3).for_each(publish);
    assert_eq!((link.recv().unwrap().seq, floor(&words), from), (1, 2, 0));
    drop(client);
    until("the link is told", || link.ended().is_some());
    assert_eq!(floor(&words), RELEASED, "whoever waited for it need not");
    for number in 2..=3 {
        assert_eq!(link.recv().unwrap().seq, number, "what is there comes first");
    }
    let Error::Stale { reason: Ended::Died, .. } = link.recv().unwrap_err() else { panic!("not stale") };
    (4..=5).for_each(publish);
    let (mut client, conversation) = service.converse();
    send_segment(&mut client, conversation, 0, 1, &segment);
    let (again, from) = grant(&mut client);
    assert_eq!(from, 2, "where it was when the connection was lost");
    for number in 4..=5 {
        let update = link.recv_timeout(LIMIT).unwrap();
        assert_eq!((update.seq, update.missed, update.gap), (number, 0, false));
        assert_eq!(floor(&again), number + 1, "it is told in the new memory");
    }
    assert_eq!(floor(&words), RELEASED, "and no longer in the old one");
}

/// Publishes as many values as there is room for whenever it is told to, and says the number of the last one.
fn publisher(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic("topic").history(HISTORY as usize).lossless(PATIENCE).open().unwrap();
    let item = topic.item("a").unwrap();
    service.ready().unwrap();
    test.say("ready");
    let mut last = 0;
    loop {
        let most: u64 = test.hear_number();
        while last < most {
            match item.try_publish(&Small::new(0, last + 1)) {
                Ok(number) => last = number,
                Err(Error::Full { .. }) => break,
                Err(error) => panic!("{error}"),
            }
        }
        test.say(last);
    }
}

#[test]
fn a_service_that_comes_back_tracks_its_links_again() {
    let place = Place::new();
    let mut publisher = place.start("publisher");
    publisher.await_line("ready");
    let conversation = place.bus().connect::<Small>("service/topic").open().unwrap();
    let mut link = conversation.advise("a").lossless(PATIENCE).hot().unwrap();
    for _ in 0..3 {
        assert_eq!(publisher.ask(100), HISTORY.to_string());
        assert_eq!(link.recv().unwrap().seq, 1);
        assert_eq!(publisher.ask(100), (HISTORY + 1).to_string());
        publisher.kill();
        for number in 2..=HISTORY + 1 {
            let update = link.recv_timeout(LIMIT).unwrap();
            assert_eq!((update.seq, update.missed), (number, 0), "what a dead service published is not lost");
        }
        let Error::Stale { reason: Ended::Died, .. } = link.recv().unwrap_err() else { panic!("not stale") };
        publisher = place.start("publisher");
        publisher.await_line("ready");
        // What is published before the link is back is there when it comes, as far as the history goes.
        assert_eq!(publisher.ask(2), "2");
        for number in 1..=2 {
            let update = link.recv_timeout(LIMIT).unwrap();
            assert_eq!((update.seq, update.missed, update.gap), (number, 0, number == 1));
        }
        assert_eq!(publisher.ask(100), (2 + HISTORY).to_string(), "it waits again");
        for number in 3..=2 + HISTORY {
            assert_eq!(link.recv().unwrap().seq, number);
        }
        publisher.kill();
        assert!(matches!(link.recv(), Err(Error::Stale { .. })));
        publisher = place.start("publisher");
        publisher.await_line("ready");
        assert_eq!(publisher.ask(1), "1");
        assert_eq!(link.recv_timeout(LIMIT).unwrap().seq, 1);
        assert_eq!(publisher.ask(1), "1");
        // For the next round, from a life of which the link knows nothing yet.
        publisher.kill();
        assert!(matches!(link.recv(), Err(Error::Stale { .. })));
        publisher = place.start("publisher");
        publisher.await_line("ready");
        until("it is live", || link.ended().is_none());
    }
}

#[test]
fn links_that_come_and_go_leave_no_memory_behind() {
    let place = Place::new();
    let mut process = place.start("both_sides");
    process.await_line("done");
    process.finish();
}

/// Is alone in its process, whose descriptors and mappings are counted.
fn both_sides(test: &mut Test) {
    let service = test.bus().service("service").unwrap();
    let topic = service.topic("topic").history(HISTORY as usize).lossless(PATIENCE).open().unwrap();
    let item = topic.item("a").unwrap();
    service.ready().unwrap();
    let bus = test.bus();
    let conversation = bus.connect::<Small>("service/topic").open().unwrap();
    let before = (proc::descriptors(), proc::mappings());
    let mut most = None;
    for round in 0..5 {
        // More than one credit memory has places for.
        let mut links: Vec<_> = (0..300)
            .map(|_| conversation.advise("a").lossless(PATIENCE).prime(false).hot().unwrap())
            .collect();
        item.publish(&Small::new(0, round + 1)).unwrap();
        for link in &mut links {
            assert_eq!(link.recv().unwrap().value.check().1, round + 1);
        }
        let now = (proc::descriptors(), proc::mappings());
        assert_eq!(*most.get_or_insert(now), now, "what was there is used again");
        drop(links);
        until("the links are closed", || service.clients().iter().all(|client| client.links == 0));
        // Their places are free when the publisher has forgotten them, which it does as it publishes.
        item.publish(&Small::new(0, round + 1)).unwrap();
        (0..HISTORY * 3).for_each(|_| drop(conversation.advise("a").lossless(PATIENCE).hot().unwrap()));
    }
    let (descriptors, mappings) = most.unwrap();
    // Two memories, mapped on both sides; what is sent is not kept open.
    assert_eq!(mappings, before.1 + 4);
    assert!(descriptors <= before.0, "{descriptors}, {} before", before.0);
    drop((conversation, bus));
    until("the client is gone", || service.clients().is_empty());
    // The publisher learns of it when it publishes.
    item.publish(&Small::new(0, 6)).unwrap();
    until("all is given back", || proc::mappings() < before.1);
    test.say("done");
}
