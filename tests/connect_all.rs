//! A list of conversations lives: who vanishes leaves, who appears joins, nobody is in it twice, and who matches and is no
//! member is told of with the reason.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bus::{Changes, Conversations, Error, MemberEvent, ServiceInfo, Stream, WaitSet};
use support::wire::{frame, kind};
use support::{LIMIT, Place, Process, Test, roles, until};

roles!(services);

/// Services of one process, which come and go as the test says.
fn services(test: &mut Test) {
    let bus = test.bus();
    let mut services = BTreeMap::new();
    let mut topics = Vec::new();
    loop {
        let line = test.hear();
        let words: Vec<_> = line.split(' ').collect();
        match *words {
            ["begin", name] => {
                let service = bus.service(name).unwrap();
                services.insert(name.to_owned(), service);
            }
            ["topic", name, topic] => topics.push(services[name].topic::<u64>(topic).open().unwrap()),
            ["other", name, topic] => drop(services[name].topic::<[u8]>(topic).open().unwrap()),
            ["item", item, value] => {
                let topic = topics.last().unwrap();
                topic.item(item).unwrap().publish(&value.parse().unwrap()).unwrap();
            }
            ["ready", name] => services[name].ready().unwrap(),
            ["close", name] => drop(services.remove(name)),
            ["many", from, to] => {
                for index in from.parse::<u32>().unwrap()..to.parse().unwrap() {
                    let name = format!("many-{index:03}");
                    let service = bus.service(&name).unwrap();
                    let topic = service.topic::<u64>("topic").open().unwrap();
                    topic.item("item").unwrap().publish(&u64::from(index)).unwrap();
                    service.ready().unwrap();
                    topics.push(topic);
                    services.insert(name, service);
                }
            }
            _ => panic!("services do not understand {line:?}"),
        }
        test.say("done");
    }
}

#[track_caller]
fn tell(process: &mut Process, lines: &[&str]) {
    for line in lines {
        assert_eq!(process.ask(line), "done", "to {line}");
    }
}

/// A process with one service that is ready and has the topic.
fn member(place: &Place, name: &str) -> Process {
    let mut process = place.start("services");
    let lines = ["begin {}", "topic {} topic", "item item 1", "ready {}"];
    tell(&mut process, &lines.map(|line| line.replace("{}", name)).each_ref().map(|line| &**line));
    process
}

fn names(list: &Conversations<u64>) -> Vec<String> {
    list.services().iter().map(|info| info.name.clone()).collect()
}

/// The names of those that are no members, with the first word of the error's kind.
fn troubles(list: &Conversations<u64>) -> BTreeMap<String, String> {
    let kind = |error: &Error| match error {
        Error::NoSuchTopic { .. } => "topic",
        Error::TypeMismatch { .. } => "type",
        Error::Timeout { .. } => "silent",
        other => panic!("{other}"),
    };
    let troubles = list.troubles();
    troubles.iter().map(|trouble| (trouble.service.name.clone(), kind(&trouble.error).to_owned())).collect()
}

/// The next event: whether one joined, and who.
#[track_caller]
fn event(changes: &mut Changes) -> (bool, Arc<ServiceInfo>) {
    match changes.recv_timeout(LIMIT).unwrap() {
        MemberEvent::Joined(info) => (true, info),
        MemberEvent::Left(info) => (false, info),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_vanishes_leaves_and_who_appears_joins() {
    let place = Place::new();
    let bus = place.bus();
    let mut first = member(&place, "md-a");
    let _stranger = member(&place, "other");
    let list = bus.connect_all::<u64>("md-*", "topic").unwrap();
    list.settle(LIMIT).unwrap();
    assert_eq!(names(&list), ["md-a"]);
    let mut changes = list.changes().unwrap();
    let (joined, info) = event(&mut changes);
    assert_eq!((joined, &*info.name, info.pid), (true, "md-a", first.pid()));
    assert_eq!(list.members()[0].instance(), info.instance);
    assert_eq!(changes.try_recv().unwrap(), None);

    let mut second = member(&place, "md-b");
    assert_eq!(event(&mut changes).1.name, "md-b");
    list.wait_for(2, LIMIT).unwrap();
    let values: Vec<_> = list.into_iter().map(|member| member.request("item").unwrap().value).collect();
    assert_eq!(values, [1, 1]);

    let mut instances = BTreeSet::from([info.instance]);
    for _ in 0..10 {
        first.kill();
        let (joined, info) = event(&mut changes);
        assert_eq!((joined, &*info.name), (false, "md-a"));
        assert!(instances.contains(&info.instance), "it is the life that joined");
        assert_eq!(names(&list), ["md-b"]);
        first = member(&place, "md-a");
        let (joined, info) = event(&mut changes);
        assert_eq!((joined, &*info.name, info.pid), (true, "md-a", first.pid()));
        assert!(instances.insert(info.instance), "each life is another");
        assert_eq!(names(&list), ["md-a", "md-b"], "each is in it once");
    }
    // In order, and in the same process at once: another life, though the process is the same.
    let before = list.services()[1].clone();
    tell(&mut second, &["close md-b", "begin md-b", "topic md-b topic", "ready md-b"]);
    let (left, joined) = (event(&mut changes), event(&mut changes));
    assert_eq!((left.0, &left.1), (false, &before));
    assert_eq!((joined.0, joined.1.pid), (true, before.pid));
    assert_ne!(joined.1.instance, before.instance);
    assert_eq!(list.troubles().len(), 0);
    assert_eq!(changes.try_recv().unwrap(), None);
}

#[test]
fn who_matches_and_is_no_member_is_told_of_and_joins_when_it_can() {
    let place = Place::new();
    let bus = place.bus();
    let mut process = place.start("services");
    tell(&mut process, &["begin a", "topic a topic", "ready a"]);
    tell(&mut process, &["begin b", "topic b elsewhere", "ready b"]);
    tell(&mut process, &["begin c", "other c topic", "ready c"]);
    tell(&mut process, &["begin d", "topic d topic"]);
    let list = bus.connect_all::<u64>("*", "topic").unwrap();
    let mut changes = list.changes().unwrap();
    list.settle(LIMIT).unwrap();
    assert_eq!(names(&list), ["a"], "one that is not ready is not there");
    let expected = |troubles: &[(&str, &str)]| -> BTreeMap<String, String> {
        troubles.iter().map(|&(name, kind)| (name.to_owned(), kind.to_owned())).collect()
    };
    assert_eq!(troubles(&list), expected(&[("b", "topic"), ("c", "type")]));
    let explained = list.troubles()[1].error.to_string();
    assert!(explained.contains("c/topic") && explained.contains("another type"), "{explained}");
    let error = list.wait_for(2, Duration::ZERO).unwrap_err().to_string();
    for part in ["2 members of */topic", "there are 1 members", "`b`: service `b` has no topic `topic`"] {
        assert!(error.contains(part), "{part:?} is missing in {error}");
    }
    assert_eq!(event(&mut changes).1.name, "a");

    tell(&mut process, &["topic b topic"]);
    assert_eq!(event(&mut changes).1.name, "b");
    tell(&mut process, &["ready d"]);
    assert_eq!(event(&mut changes).1.name, "d");
    assert_eq!(troubles(&list), expected(&[("c", "type")]));
    // Its next life has the right type.
    tell(&mut process, &["close c", "begin c", "topic c topic", "ready c"]);
    assert_eq!(event(&mut changes).1.name, "c");
    assert_eq!((names(&list).len(), troubles(&list)), (4, expected(&[])));
    // And the one after that has no topic, and gains it.
    tell(&mut process, &["close c", "begin c", "ready c"]);
    assert!(!event(&mut changes).0);
    until("it said that it has none", || troubles(&list) == expected(&[("c", "topic")]));
    tell(&mut process, &["topic c topic"]);
    assert_eq!(event(&mut changes).1.name, "c");
    assert_eq!(changes.try_recv().unwrap(), None);
}

#[test]
fn one_that_is_stopped_delays_nobody_else() {
    let place = Place::new();
    let stopped = member(&place, "b");
    stopped.stop();
    let _others = [member(&place, "a"), member(&place, "c")];
    let list = place.bus().connect_all::<u64>("*", "topic").unwrap();
    list.wait_for(2, LIMIT).unwrap();
    assert_eq!(names(&list), ["a", "c"]);
    let error = list.settle(Duration::ZERO).unwrap_err().to_string();
    assert!(error.contains("`b`") && error.contains(&stopped.pid().to_string()), "{error}");
    let mut link = list.advise("item").hot().unwrap();
    let first = [link.recv_timeout(LIMIT).unwrap(), link.recv_timeout(LIMIT).unwrap()];
    assert_eq!(first.map(|value| value.member.name.clone()).into_iter().collect::<BTreeSet<_>>().len(), 2);
    let values = list.request_all("item").unwrap();
    assert!(values.iter().all(|(_, value)| value.as_ref().unwrap().value == 1));
    stopped.resume();
    list.wait_for(3, LIMIT).unwrap();
    list.settle(LIMIT).unwrap();
    assert_eq!(link.recv_timeout(LIMIT).unwrap().member.name, "b");
}

#[test]
fn a_member_that_stops_later_keeps_its_values_and_holds_up_no_request() {
    let place = Place::new();
    let members = [member(&place, "a"), member(&place, "b")];
    let list = place.bus().connect_all::<u64>("*", "topic").unwrap();
    list.wait_for(2, LIMIT).unwrap();
    members[0].stop();
    // In memory, whoever is stopped.
    let values = list.request_all("item").unwrap();
    assert!(values.iter().all(|(_, value)| value.is_ok()));
    // Not in memory: the other one says so, and this one nothing.
    let values = list.request_all("none").unwrap();
    assert!(matches!(values[0], (_, Err(Error::Timeout { .. }))), "{:?}", values[0]);
    assert!(matches!(values[1], (_, Err(Error::NoSuchItem { .. }))), "{:?}", values[1]);
    assert!(matches!(list.request_all("a/b"), Err(Error::InvalidName { .. })));
}

#[test]
fn two_hundred_services_come_and_go() {
    let place = Place::new();
    let bus = place.bus();
    let list = bus.connect_all::<u64>("many-*", "topic").unwrap();
    let mut link = list.advise("item").hot().unwrap();
    let mut processes: Vec<_> = (0..4).map(|_| place.start("services")).collect();
    for (index, process) in processes.iter_mut().enumerate() {
        process.say(format!("many {} {}", 50 * index, 50 * index + 50));
    }
    list.wait_for(200, LIMIT).unwrap();
    let mut heard = BTreeSet::new();
    while heard.len() < 200 {
        let value = link.recv_timeout(LIMIT).unwrap();
        assert_eq!(value.member.name, format!("many-{:03}", value.update.value));
        assert!(heard.insert(value.update.value), "each once");
        assert_eq!(&*link.name(value.update.item), "item");
    }
    let values = list.request_all("item").unwrap();
    let values: Vec<_> = values.into_iter().map(|(_, value)| value.unwrap().value).collect();
    assert_eq!(values, (0..200).collect::<Vec<_>>());
    let found = bus.discover("many-*/topic").unwrap();
    assert_eq!((found.services.len(), found.topics.len(), found.silent.len()), (200, 200, 0));
    for process in &mut processes[..2] {
        process.await_line("done");
        process.kill();
    }
    let mut gone = BTreeSet::new();
    while gone.len() < 100 {
        match link.recv_timeout(LIMIT) {
            Err(Error::Stale { service, .. }) => assert!(gone.insert(service), "each once"),
            other => panic!("{other:?}"),
        }
    }
    assert!(gone.iter().all(|name| **name < *"many-100"));
    until("nothing is kept of them", || {
        assert!(link.try_recv().unwrap().is_none());
        (link.members().len(), list.len(), list.troubles().len()) == (100, 100, 0)
    });
}

#[test]
fn changes_are_a_stream_and_can_be_waited_for() {
    let place = Place::new();
    let list = place.bus().connect_all::<u64>("*", "topic").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for executor in ["tokio", "smol"] {
        let mut changes = list.changes().unwrap();
        let work = async {
            let mut processes = Vec::new();
            for (index, name) in ["a", "b"].into_iter().enumerate() {
                assert!(changes.try_recv().unwrap().is_none());
                // What waits in vain loses nothing.
                let waited = core::future::poll_fn(|context| {
                    let pending = std::pin::Pin::new(&mut changes).poll_next(context).is_pending();
                    core::task::Poll::Ready(pending)
                });
                assert!(waited.await);
                processes.push(member(&place, name));
                list.wait_for_async(index + 1).await.unwrap();
                list.settle_async(LIMIT).await.unwrap();
                let event = changes.recv_async().await.unwrap();
                assert!(matches!(event, MemberEvent::Joined(info) if info.name == name));
            }
            drop(processes);
            for _ in 0..2 {
                assert!(matches!(changes.recv_async().await.unwrap(), MemberEvent::Left(_)));
            }
        };
        match executor {
            "tokio" => runtime.block_on(work),
            _ => smol::block_on(work),
        }
    }

    let mut changes = list.changes().unwrap();
    let mut set = WaitSet::new().unwrap();
    set.add(&mut changes, "changes").unwrap();
    assert_eq!(set.wait_timeout(Duration::ZERO).unwrap(), [""; 0]);
    let mut next = || loop {
        assert_eq!(set.wait_timeout(LIMIT).unwrap(), ["changes"]);
        if let Some(event) = changes.try_recv().unwrap() {
            assert_eq!(changes.try_recv().unwrap(), None);
            break event;
        }
    };
    for _ in 0..3 {
        let process = member(&place, "a");
        assert!(matches!(next(), MemberEvent::Joined(_)));
        drop(process);
        assert!(matches!(next(), MemberEvent::Left(_)));
    }
    drop(changes);
    set.wait_timeout(Duration::ZERO).unwrap();
    assert!(set.is_empty(), "it leaves by itself");
}

#[test]
fn what_was_handed_out_outlives_its_place_in_the_list() {
    let place = Place::new();
    let bus = place.bus();
    let mut process = member(&place, "a");
    let list = bus.connect_all::<u64>("a", "topic").unwrap();
    list.wait_for(1, LIMIT).unwrap();
    let kept = list.members().remove(0);
    let mut link = kept.advise("item").hot().unwrap();
    assert_eq!(link.recv().unwrap().value, 1);
    process.kill();
    until("it has left", || list.is_empty());
    assert!(matches!(link.recv_timeout(LIMIT), Err(Error::Stale { .. })));
    let _process = member(&place, "a");
    let update = link.recv_timeout(LIMIT).unwrap();
    assert!(update.gap && update.epoch == kept.instance());
    list.wait_for(1, LIMIT).unwrap();
    assert_eq!(list.len(), 1);
    drop(list);
    assert_eq!(kept.request("item").unwrap().value, 1, "without the list too");
}

#[test]
fn a_service_that_says_no_over_and_over_is_asked_twice() {
    let place = Place::new();
    let service = support::forged::Service::new(&place, "liar");
    let list = place.bus().connect_all::<u64>("liar", "topic").unwrap();
    let (mut client, conversation) = service.converse();
    let mut no_such_topic = vec![0];
    no_such_topic.resize(1 + 2 + 1021, 0);
    let refused = frame(kind::REFUSED, conversation, 0, &no_such_topic);
    client.send(&refused, &[]).unwrap();
    let again = client.receive().expect("it is asked again, and to wait");
    assert_eq!((again.kind(), again.conversation()), (kind::CONNECT, conversation));
    until("that is known", || troubles(&list).contains_key("liar") && list.settle(Duration::ZERO).is_ok());
    client.send(&refused, &[]).unwrap();
    client.send(&refused, &[]).unwrap();
    until("it has failed", || matches!(&*list.troubles()[0].error, Error::NoSuchTopic { .. }));
    drop(list);
    assert_eq!(client.receive().expect("the end of the list").kind(), kind::CLOSE);
}
