//! Whoever removes a bus's directory by hand parts those who have it open from those who open it then. What was connected goes on, and
//! everything else says what has happened, and what to do.

mod support;

use std::fs;
use std::time::Duration;

use bus::{Bus, Error, Service, Topic};
use support::{LIMIT, Place, until};

fn serve(bus: &Bus, name: &str, value: u64) -> (Service, Topic<u64>) {
    let service = bus.service(name).unwrap();
    let topic = service.topic("topic").open().unwrap();
    topic.item("item").unwrap().publish(&value).unwrap();
    service.ready().unwrap();
    (service, topic)
}

#[track_caller]
fn is_told<R>(result: Result<R, Error>) {
    let Err(error) = result else { panic!("nothing was said") };
    assert!(matches!(error, Error::Os { .. }), "{error}");
    assert!(error.to_string().contains("open the bus anew"), "{error}");
}

#[test]
fn a_directory_that_is_removed_or_replaced_is_told_of() {
    let place = Place::new();
    let bus = place.bus();
    let (service, topic) = serve(&bus, "before", 1);
    let mut watch = bus.watch().unwrap();
    watch.recv_timeout(LIMIT).unwrap();
    let connected = bus.connect::<u64>("before/topic").open().unwrap();
    let unready = bus.service("unready").unwrap();
    fs::remove_dir_all(place.path()).unwrap();
    is_told(watch.recv_timeout(LIMIT));
    for replaced in [false, true] {
        if replaced {
            // Another program starts.
            fs::create_dir(place.path()).unwrap();
            fs::set_permissions(place.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        }
        is_told(bus.services());
        is_told(bus.discover("*/topic"));
        is_told(bus.service("after"));
        is_told(bus.connect::<u64>("after/topic").open());
        is_told(bus.topics("after"));
        let list = bus.connect_all::<u64>("*", "topic").unwrap();
        let mut merged = list.advise("item").hot().unwrap();
        let says = |error: Error| error.to_string().contains("open the bus anew");
        until("a list knows why it has no members", || says(list.wait_for(1, Duration::ZERO).unwrap_err()));
        assert!(says(list.settle(Duration::ZERO).unwrap_err()));
        assert!(says(merged.recv_timeout(Duration::ZERO).unwrap_err()));
        is_told(bus.watch().and_then(|mut watch| watch.recv_timeout(Duration::ZERO)));
    }
    is_told(unready.ready());
    topic.item("item").unwrap().publish(&2).unwrap();
    assert_eq!(connected.request("item").unwrap().value, 2, "what is connected goes on");
    let anew = place.bus();
    let _after = serve(&anew, "after", 3);
    assert_eq!(anew.connect::<u64>("after/topic").open().unwrap().request("item").unwrap().value, 3);
    drop((unready, service));
    assert_eq!(anew.services().unwrap().len(), 1, "who was there before takes nothing from those who are");
}
