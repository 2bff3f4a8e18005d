//! Each life of a service is told from every other: by who lists it, watches it, talks to it, and reads what it published.

mod support;

use std::collections::BTreeSet;

use bus::{Error, ServiceEvent};
use support::{LIMIT, Place, Process, Test, roles};

roles!(life);

fn life(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic::<u64>("topic").open().unwrap();
    topic.item("item").unwrap().publish(&1).unwrap();
    service.ready().unwrap();
    test.say(service.instance());
    test.await_line("end");
}

fn start(place: &Place) -> (Process, u64) {
    let mut process = place.start("life");
    let instance = process.hear_number();
    (process, instance)
}

#[test]
fn all_who_tell_of_a_life_tell_of_the_same() {
    let place = Place::new();
    let bus = place.bus();
    let (mut process, mut instance) = start(&place);
    let topic = bus.connect::<u64>("service/topic").open().unwrap();
    let client = bus.client("service").open().unwrap();
    let mut link = topic.advise("item").hot().unwrap();
    let mut watch = bus.watch().unwrap();
    let mut instances = BTreeSet::new();
    for _ in 0..5 {
        assert!(instances.insert(instance), "each life is another");
        let listed = bus.services().unwrap().remove(0);
        assert_eq!((listed.instance, listed.pid), (instance, process.pid()));
        let ServiceEvent::Appeared(info) = watch.recv_timeout(LIMIT).unwrap() else { panic!("it is there") };
        assert_eq!(info, listed);
        assert_eq!(link.recv_timeout(LIMIT).unwrap().epoch, instance);
        assert_eq!((topic.instance(), topic.pid()), (instance, process.pid()));
        support::until("the client is back", || client.ended().is_none());
        assert_eq!((client.instance(), client.pid()), (instance, process.pid()));
        assert_eq!(bus.discover("service").unwrap().services, [listed]);
        let Err(Error::AlreadyServed { pid, .. }) = bus.service("service") else { panic!("it is served") };
        assert_eq!(pid, process.pid());

        process.kill();
        let ServiceEvent::Vanished(gone) = watch.recv_timeout(LIMIT).unwrap() else { panic!("it is gone") };
        assert_eq!(gone, info);
        assert!(matches!(link.recv_timeout(LIMIT), Err(Error::Stale { .. })));
        assert_eq!(topic.instance(), instance, "the last one that there was");
        (process, instance) = start(&place);
    }
}

#[test]
fn a_return_between_two_looks_is_seen_also_where_the_process_is_the_same() {
    let place = Place::new();
    let bus = place.bus();
    let mut watch = bus.watch().unwrap();
    let begin = || {
        let service = bus.service("service").unwrap();
        service.ready().unwrap();
        service
    };
    let first = begin();
    let ServiceEvent::Appeared(first_info) = watch.recv_timeout(LIMIT).unwrap() else {
        panic!("it is there")
    };
    // All of it before the watch looks again.
    drop(first);
    let second = begin();
    let ServiceEvent::Vanished(gone) = watch.recv_timeout(LIMIT).unwrap() else { panic!("it was gone") };
    let ServiceEvent::Appeared(info) = watch.recv_timeout(LIMIT).unwrap() else { panic!("it is back") };
    assert_eq!((gone, info.pid), (first_info, std::process::id()));
    assert_eq!(info.instance, second.instance());
    assert_ne!(info.instance, 0);
    assert_eq!(watch.try_recv().unwrap(), None);
}
