//! A client that has no descriptors left says so, blames nobody else, and goes on when it has some again.

mod support;

use bus::Error;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{LIMIT, Place, Test, roles};

roles!(starved);

/// Connects with no descriptor left, and then with some.
fn starved(test: &mut Test) {
    let bus = test.bus();
    let first = bus.connect::<u64>("service/first").open().unwrap();
    assert_eq!(first.request("item").unwrap().value, 1);
    // An answer to a later question: what came with the conversation was handled, and its descriptors are closed.
    assert_eq!(bus.topics("service").unwrap().len(), 2);
    let limits = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..limits }).unwrap();
    let mut all = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        all.push(file);
    }
    let error = bus.connect::<u64>("service/second").open().unwrap_err();
    let Error::Os { doing, source } = &error else { panic!("{error}") };
    assert!(doing.contains("`service`") && source.to_string().contains("ulimit -n"), "{error}");
    // The first conversation shares the connection, which was lost; its values were not.
    assert_eq!(first.request("item").unwrap().value, 1);
    drop(all);
    setrlimit(Resource::Nofile, limits).unwrap();
    let second = bus.connect::<u64>("service/second").wait(LIMIT).open().unwrap();
    assert_eq!(second.request("item").unwrap().value, 2);
    let mut link = first.advise("item").wait(LIMIT).hot();
    // The first is live again as soon as the second is, or a moment later.
    while matches!(link, Err(Error::Stale { .. })) {
        link = first.advise("item").wait(LIMIT).hot();
    }
    assert_eq!(link.unwrap().recv().unwrap().value, 1);
    test.say("done");
}

#[test]
fn a_client_without_descriptors_says_so_and_goes_on_later() {
    let place = Place::new();
    let service = place.bus().service("service").unwrap();
    let topics = ["first", "second"].map(|name| service.topic::<u64>(name).open().unwrap());
    for (value, topic) in (1..).zip(&topics) {
        topic.item("item").unwrap().publish(&value).unwrap();
    }
    service.ready().unwrap();
    let mut client = place.start("starved");
    client.await_line("done");
    client.finish();
}
