//! A merged link can be asked for what a single link can, and waited for in each way that one can.

mod support;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bus::{Bus, Deadband, Error, Interest, Service, Stream, Topic, Wait, WaitSet};
use support::{LIMIT, Place, Process, Test, proc, roles, until};

roles!(member, sleeper);

/// How the other process of a test waits.
const WAYS: [&str; 4] = ["thread", "set", "task", "stream"];

/// Publishes 0 to its item, and then the numbers that it is told.
fn member(test: &mut Test) {
    let name = test.hear();
    let bus = test.bus();
    let service = bus.service(&name).unwrap();
    let topic = service.topic::<u64>("topic").open().unwrap();
    let item = topic.item("item").unwrap();
    item.publish(&0).unwrap();
    service.ready().unwrap();
    test.say("ready");
    loop {
        let number = test.hear_number();
        item.publish(&number).unwrap();
        test.say("published");
    }
}

fn start(place: &Place, name: &str) -> Process {
    let mut process = place.start("member");
    process.say(name);
    process.await_line("ready");
    process
}

/// Waits for a merged link in one of the ways, and says what comes.
fn sleeper(test: &mut Test) {
    let way = test.hear();
    let list = test.bus().connect_all::<u64>("m-*", "topic").unwrap();
    let mut link = list.advise("item").strategy(Wait::Park).hot().unwrap();
    test.say(proc::thread());
    let say = |test: &mut Test, result: Result<bus::Merged<bus::Update<u64>>, Error>| match result {
        Ok(merged) => test.say(format!("{} {}", merged.member.name, merged.update.value)),
        Err(Error::Stale { service, .. }) => test.say(format!("{service} gone")),
        Err(error) => panic!("{error}"),
    };
    match &*way {
        "thread" => {
            for result in &mut link {
                say(test, result);
            }
        }
        "set" => {
            let mut set = WaitSet::new().unwrap();
            set.add(&mut link, ()).unwrap();
            loop {
                assert_eq!(set.wait().unwrap(), [()]);
                while let Some(result) = link.try_recv().transpose() {
                    say(test, result);
                }
            }
        }
        "task" => smol::block_on(async {
            loop {
                let result = link.recv_async().await;
                say(test, result);
            }
        }),
        _ => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(async {
                loop {
                    let next = core::future::poll_fn(|cx| core::pin::Pin::new(&mut link).poll_next(cx));
                    let result = next.await.unwrap();
                    say(test, result);
                }
            });
        }
    }
}

#[test]
fn each_way_of_waiting_is_woken_by_each_member_and_by_those_that_come_and_go() {
    for way in WAYS {
        let place = Place::new();
        let mut members = [start(&place, "m-0"), start(&place, "m-1"), start(&place, "m-2")];
        let mut sleeper = place.start("sleeper");
        sleeper.say(way);
        let thread = sleeper.hear_number();
        let pid = sleeper.pid();
        let sleeps = || proc::sleeps_in_poll(pid, thread) || proc::sleeps_on_futex(pid, thread);
        let heard: BTreeSet<_> = members.iter().map(|_| sleeper.hear()).collect();
        assert_eq!(heard, ["m-0 0", "m-1 0", "m-2 0"].map(str::to_owned).into());
        let begin = Instant::now();
        // If each came by the bound of a sleep, 100 ms, these would take longer than the limit.
        for round in 1..=700 {
            until("it sleeps", sleeps);
            let index = round % members.len();
            members[index].say(round);
            members[index].await_line("published");
            sleeper.await_line(&format!("m-{index} {round}"));
        }
        assert!(begin.elapsed() < LIMIT, "not by wake-ups");
        for _ in 0..5 {
            until("it sleeps", sleeps);
            let mut joined = start(&place, "m-3");
            sleeper.await_line("m-3 0");
            joined.kill();
            sleeper.await_line("m-3 gone");
        }
    }
}

/// Services in this process, with an item each.
fn services(bus: &Bus, names: &[&str]) -> Vec<(Service, Topic<u64>)> {
    let begin = |name: &&str| {
        let service = bus.service(name).unwrap();
        let topic = service.topic::<u64>("topic").history(16).open().unwrap();
        topic.item("item").unwrap().publish(&0).unwrap();
        service.ready().unwrap();
        (service, topic)
    };
    names.iter().map(begin).collect()
}

fn publish(members: &[(Service, Topic<u64>)], values: impl Iterator<Item = u64> + Clone) {
    for (_, topic) in members {
        let item = topic.item("item").unwrap();
        for value in values.clone() {
            item.publish(&value).unwrap();
        }
    }
}

#[test]
fn options_are_those_of_single_links_for_each_member() {
    let place = Place::new();
    let bus = place.bus();
    let members = services(&bus, &["a", "b"]);
    let list = bus.connect_all::<u64>("*", "topic").unwrap();
    list.wait_for(2, LIMIT).unwrap();
    let mut latest = list.advise("item").latest().hot().unwrap();
    let mut queue = list.advise("item").queue(2).hot().unwrap();
    let mut even = list.advise("item").filter(|value| value % 2 == 0).hot().unwrap();
    let mut band = list.advise("*").deadband(Deadband::Absolute(4.0)).hot().unwrap();
    let mut once = list.advise("item").options(|each| each.once()).hot().unwrap();
    let mut warm = list.advise("it*").warm().unwrap();
    let mut boxed = list.advise("item").boxed().unwrap();
    let hour = Duration::from_secs(3600);
    let mut slow = list.advise("item").interval(hour).data_on_stop(true).hot().unwrap();
    // All begin with the present value of each.
    for link in [&mut latest, &mut queue, &mut even, &mut band, &mut once, &mut slow] {
        for _ in 0..2 {
            assert_eq!(link.recv_timeout(LIMIT).unwrap().update.value, 0);
        }
        assert!(link.members().iter().all(|(_, counts)| counts.delivered == 1));
    }
    for _ in 0..2 {
        assert_eq!(warm.recv_timeout(LIMIT).unwrap().update.seq, 1);
        assert_eq!(*boxed.recv_timeout(LIMIT).unwrap().update.value, 0);
    }
    publish(&members, 1..=9);
    let take = |link: &mut bus::MergedLink<bus::Hot<u64>>| {
        let mut values = Vec::new();
        while let Some(merged) = link.try_recv().unwrap() {
            values.push((merged.member.name.clone(), merged.update.value));
        }
        values.sort();
        values
    };
    let each = |values: &[u64]| -> Vec<(String, u64)> {
        ["a", "b"].iter().flat_map(|name| values.iter().map(|&value| (name.to_string(), value))).collect()
    };
    assert_eq!((take(&mut latest), latest.counts().missed), (each(&[9]), 16));
    assert_eq!((take(&mut queue), queue.counts().missed), (each(&[8, 9]), 14));
    assert_eq!((take(&mut even), even.counts().suppressed), (each(&[2, 4, 6, 8]), 8));
    assert_eq!(take(&mut band), each(&[5]));
    assert_eq!(take(&mut slow), []);
    assert!(matches!(once.try_recv(), Ok(None)), "one of each, and it goes on for those who come");
    for _ in 0..2 {
        assert_eq!(warm.recv_timeout(LIMIT).unwrap().update.missed, 8);
    }
    assert_eq!((0..18).map(|_| *boxed.recv_timeout(LIMIT).unwrap().update.value).sum::<u64>(), 90);
    slow.stop();
    let last: BTreeSet<_> = (&mut slow).into_iter().map(|merged| merged.unwrap().update.value).collect();
    assert_eq!(last, BTreeSet::from([9]));
    assert!(matches!(slow.try_recv(), Err(Error::Closed(_))));
    assert!(matches!(slow.recv(), Err(Error::Closed(_))));
    latest.stop();
    assert!(matches!(latest.try_recv(), Err(Error::Closed(_))));

    let late = services(&bus, &["c"]);
    let merged = once.recv_timeout(LIMIT).unwrap();
    assert_eq!((&*merged.member.name, merged.update.value), ("c", 0));
    publish(&late, 1..=1);
    assert!(matches!(once.try_recv(), Ok(None)));
    assert!(matches!(once.recv_timeout(Duration::ZERO), Err(Error::Timeout { .. })));
}

#[test]
fn what_cannot_be_served_is_refused_at_once_and_what_a_member_refuses_is_said_of_it() {
    let place = Place::new();
    let bus = place.bus();
    let members = services(&bus, &["a"]);
    let granting = bus.service("b").unwrap();
    let topic = granting.topic::<u64>("topic").history(4).lossless(LIMIT).samples(4).open().unwrap();
    let item = topic.item("item").unwrap();
    item.publish(&7).unwrap();
    granting.ready().unwrap();
    let list = bus.connect_all::<u64>("*", "topic").unwrap();
    list.wait_for(2, LIMIT).unwrap();

    let invalid = |result: Result<(), Error>| assert!(matches!(result, Err(Error::InvalidOption { .. })));
    invalid(list.advise("item").queue(0).hot().map(drop));
    invalid(list.advise("item").queue(2).warm().map(drop));
    invalid(list.advise("item").samples(0).map(drop));
    invalid(list.advise("item").lossless(LIMIT).latest().hot().map(drop));
    assert!(matches!(list.advise("a/b").hot(), Err(Error::InvalidName { .. })));
    let mut link = list.advise("item").hot().unwrap();
    let edge = WaitSet::new().unwrap().add_edge(&mut link, ()).map(drop);
    invalid(edge);

    // One grants it, and the other does not: that is said once, of that one, and concerns no other.
    let mut lossless = list.advise("item").lossless(LIMIT).hot().unwrap();
    let mut samples = list.advise("item").samples(2).unwrap();
    let (mut refused, mut kept) = (0, None);
    while refused < 2 || kept.is_none() {
        match lossless.try_recv() {
            Ok(Some(merged)) => assert_eq!((&*merged.member.name, merged.update.value), ("b", 7)),
            Ok(None) => std::thread::yield_now(),
            Err(Error::Refused { service, .. }) => {
                assert_eq!(service, "a");
                refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
        match samples.try_recv() {
            Ok(Some(merged)) => kept = Some(merged.update),
            Ok(None) => {}
            Err(Error::Refused { service, .. }) => {
                assert_eq!(service, "a");
                refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    until("the value that it began with is read", || {
        lossless.try_recv().unwrap();
        lossless.counts().delivered == 1
    });
    // Its publisher waits: four more are all that there is room for.
    (8..12).for_each(|value| assert_eq!(item.try_publish(&value).unwrap(), value - 6));
    assert!(matches!(item.try_publish(&12), Err(Error::Full { .. })));
    let values: Vec<_> = (0..4).map(|_| lossless.recv_timeout(LIMIT).unwrap().update.value).collect();
    assert_eq!(values, [8, 9, 10, 11]);
    item.publish(&12).unwrap();
    assert_eq!(*kept.unwrap().value, 7, "where it lies, whatever was published since");
    drop(members);
}

#[test]
fn a_set_is_ready_as_long_as_there_is_something_and_no_longer() {
    let place = Place::new();
    let bus = place.bus();
    let members = services(&bus, &["a", "b"]);
    let list = bus.connect_all::<u64>("*", "topic").unwrap();
    list.wait_for(2, LIMIT).unwrap();
    let mut link = list.advise("item").hot().unwrap();
    let mut set = WaitSet::new().unwrap();
    set.add(&mut link, "link").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    set.add_descriptor(&reader, Interest::Readable, "pipe").unwrap();
    let mut values = 0;
    while values < 2 {
        assert_eq!(set.wait_timeout(LIMIT).unwrap(), ["link"]);
        values += u32::from(link.try_recv().unwrap().is_some());
    }
    let quiet = |link: &mut bus::MergedLink<bus::Hot<u64>>, set: &mut WaitSet<&str>| {
        until("it is ready no longer", || {
            assert!(link.try_recv().unwrap().is_none());
            set.wait_timeout(Duration::ZERO).unwrap().is_empty()
        });
    };
    quiet(&mut link, &mut set);
    publish(&members, 1..=2);
    for _ in 0..4 {
        assert_eq!(set.wait_timeout(LIMIT).unwrap(), ["link"], "what is unread makes it ready again");
        assert!(link.try_recv().unwrap().is_some());
    }
    quiet(&mut link, &mut set);
    // It is waited for in one place at a time.
    let mut second = WaitSet::new().unwrap();
    second.add(&mut link, "again").unwrap();
    quiet(&mut link, &mut second);
    publish(&members[..1], 3..=3);
    assert_eq!(second.wait_timeout(LIMIT).unwrap(), ["again"]);
    assert_eq!(set.wait_timeout(Duration::ZERO).unwrap(), [""; 0]);
    assert_eq!(set.len(), 1);
    drop(link);
    assert_eq!(second.wait_timeout(Duration::ZERO).unwrap(), [""; 0]);
    assert!(second.is_empty());
    drop(writer);
}

#[test]
fn a_link_without_members_waits_for_the_first() {
    let place = Place::new();
    let bus = place.bus();
    let list = bus.connect_all::<u64>("*", "topic").unwrap();
    let mut link = list.advise("item").hot().unwrap();
    assert!(link.try_recv().unwrap().is_none());
    let error = link.recv_timeout(Duration::ZERO).unwrap_err().to_string();
    assert!(error.contains("*/topic/item") && error.contains("no members"), "{error}");
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| link.recv_timeout(LIMIT).unwrap().member.name.clone());
        let _members = services(&bus, &["a"]);
        assert_eq!(reader.join().unwrap(), "a");
    });
}

/// Whoever sleeps is not woken for it again: the list has told of it before.
#[test]
fn a_life_that_is_there_when_the_one_before_goes_is_followed_with_the_same_look() {
    let place = Place::new();
    let bus = place.bus();
    let list = bus.connect_all::<u64>("*", "topic").unwrap();
    let mut link = list.advise("item").hot().unwrap();
    let first = services(&bus, &["a"]);
    let before = link.recv_timeout(LIMIT).unwrap().member.clone();
    drop(first);
    until("its end is told of", || matches!(link.try_recv(), Err(Error::Stale { .. })));
    let _second = services(&bus, &["a"]);
    until("the next life is a member", || list.services().iter().any(|info| **info != *before));
    // Its value may not be there yet.
    let _ = link.try_recv().unwrap();
    let members: Vec<_> = link.members().into_iter().map(|(member, _)| member.instance).collect();
    assert!(members.len() == 1 && members != [before.instance], "{members:?}");
}

#[test]
fn handles_go_to_other_threads() {
    fn send<T: Send>() {}
    fn shared<T: Send + Sync>() {}
    shared::<bus::Conversations<u64>>();
    shared::<bus::Conversations<[u8]>>();
    shared::<bus::Trouble>();
    send::<bus::MergedLink<bus::Hot<u64>>>();
    send::<bus::MergedLink<bus::Samples<[u8]>>>();
    send::<bus::MergedLink<bus::Warm>>();
    send::<bus::Changes>();
}
