//! Running out of memory is an error of the call that asked for it, and of nothing else.
//!
//! Memory is reserved when a topic is created or grows, so there is one place where it can be missing. What is more
//! than there is gets refused before anything is touched; a limit of the process (here the size of its files,
//! `RLIMIT_FSIZE`, which counts for memory without a name too) is an error and not the signal that the kernel would
//! send. What failed leaves nothing behind: the service goes on, a smaller topic can be had, and a topic that could
//! not grow is as it was, for its publisher and for its readers.

mod support;

use bus::{Error, Result, Service, Topic};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{Checked, LIMIT, Place, Test, connect, proc, roles};

roles!(greedy, limited, growing, lengthy);

#[track_caller]
fn no_memory<T>(result: Result<T>, parts: &[&str]) {
    match result {
        Err(error @ Error::NoMemory { .. }) => {
            let text = error.to_string();
            for part in parts {
                assert!(text.contains(part), "{part:?} is missing in {text:?}");
            }
        }
        Err(error) => panic!("expected that there is no memory, got {error}"),
        Ok(_) => panic!("expected that there is no memory"),
    }
}

/// Descriptors and mappings of this process.
fn holdings() -> (usize, usize) {
    (proc::descriptors(), proc::mappings())
}

/// Asks for more than any machine has.
fn greedy(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("service").unwrap();
    service.ready().unwrap();
    let before = (holdings(), resident());
    let topic = || service.topic::<Checked>("topic");
    for shift in [34, 40, 47, 52, 55, 58, 60, 62, 63] {
        no_memory(topic().history(1 << shift).open(), &["`service/topic`", "lower `history`"]);
        no_memory(topic().journal(1 << shift).open(), &["`service/topic`"]);
        no_memory(topic().capacity(1 << shift).open(), &["`service/topic`", "`capacity`"]);
    }
    no_memory(topic().history(usize::MAX).open(), &["`service/topic`"]);
    no_memory(topic().journal(usize::MAX).open(), &["`service/topic`"]);
    no_memory(topic().capacity(usize::MAX).open(), &["`service/topic`"]);
    no_memory(service.topic::<[u64; 1 << 20]>("large").history(1 << 30).open(), &["`service/large`"]);
    assert_eq!(holdings(), before.0);
    assert!(resident() < before.1 + (16 << 10), "nothing was touched");
    serve(test, &service);
}

/// Asks for more than the process may have.
fn limited(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("service").unwrap();
    service.ready().unwrap();
    let before = holdings();
    limit_files(Some(1 << 20));
    let topic = || service.topic::<Checked>("topic");
    no_memory(topic().capacity(10_000).open(), &["`service/topic`", "10000", "limit", "1048576"]);
    no_memory(topic().history(1 << 13).open(), &["`service/topic`", "ulimit"]);
    assert_eq!(holdings(), before);
    serve(test, &service);
}

/// Shows that a service still works, under the name of the topic that could not be had.
fn serve(test: &mut Test, service: &Service) {
    assert!(service.clients().is_empty());
    let topic = service.topic("topic").open().unwrap();
    topic.item("0").unwrap().publish(&Checked::new(0, 1)).unwrap();
    test.say("ready");
    test.await_line("end");
}

#[test]
fn more_than_there_is_is_refused_and_nothing_is_touched() {
    check("greedy");
}

#[test]
fn more_than_the_process_may_have_is_refused_and_kills_nobody() {
    check("limited");
}

/// Runs a role, and reads what it could serve after all.
fn check(role: &'static str) {
    let place = Place::new();
    let mut process = place.start(role);
    process.await_line("ready");
    let bus = place.bus();
    assert_eq!(connect(&bus).request("0").unwrap().value.check(), (0, 1));
    assert_eq!(bus.topics("service").unwrap().len(), 1);
    process.say("end");
    process.finish();
}

/// Grows a topic until it cannot, and further when it can.
fn growing(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic("topic").history(4).capacity(4).open().unwrap();
    service.ready().unwrap();
    limit_files(Some(256 << 10));
    // Each extent is larger than the one before: one of them is too large.
    let mut items = 0;
    let mut held = holdings();
    let error = loop {
        match topic.item(&items.to_string()) {
            Ok(item) => item.publish(&Checked::new(items, 1)).unwrap(),
            Err(error) => break Err::<(), _>(error),
        };
        items += 1;
        held = holdings();
    };
    no_memory(error, &["`service/topic`", "limit"]);
    no_memory(topic.item("one more"), &["`service/topic`"]);
    assert_eq!((topic.len() as u64, holdings()), (items, held), "as it was");
    publish(&topic, items, 2);
    test.say(items);

    test.await_line("more");
    limit_files(None);
    topic.item(&items.to_string()).unwrap();
    publish(&topic, items + 1, 3);
    test.say("done");
    test.await_line("end");
}

fn publish(topic: &Topic<Checked>, items: u64, number: u64) {
    for item in 0..items {
        topic.item(&item.to_string()).unwrap().publish(&Checked::new(item, number)).unwrap();
    }
}

#[test]
fn a_topic_that_cannot_grow_is_as_it_was_and_grows_when_it_can() {
    let place = Place::new();
    let mut process = place.start("growing");
    let items: u64 = process.hear_number();
    assert!(items > 4, "it has grown at all");
    let topic = connect(&place.bus());
    assert_eq!(topic.items().len() as u64, items);
    assert!(matches!(topic.request(&items.to_string()), Err(Error::NoSuchItem { .. })));
    let mut link = topic.advise("*").hot().unwrap();
    for item in 0..items {
        assert_eq!(link.try_recv().unwrap().unwrap().value.check(), (item, 2));
    }
    process.say("more");
    for item in 0..=items {
        assert_eq!(link.recv_timeout(LIMIT).unwrap().value.check(), (item, 3));
    }
    process.await_line("done");
    process.say("end");
    process.finish();
}

/// Publishes slices of which more could be had at once than the process may have, and one that is too long for it.
fn lengthy(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic::<[u8]>("topic").history(32).open().unwrap();
    let item = topic.item("x").unwrap();
    limit_files(Some(1 << 20));
    // Memory for one more is made where there is none for a part more of what there is.
    for number in 1..=60 {
        assert_eq!(item.publish(&[7; 200_000]).unwrap(), number);
    }
    for _ in 0..2 {
        let before = holdings();
        no_memory(item.publish(&[7; 2_000_000]), &["`service/topic`", "limit", "lower `longest`, `history`"]);
        assert_eq!(holdings(), before);
    }
    // Descriptors are not memory.
    let files: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
    let error = item.publish(&[7; 500_000]).unwrap_err();
    assert!(matches!(error, Error::Os { .. }) && error.to_string().contains("creating memory"), "{error}");
    drop(files);
    item.publish(&[7; 500_000]).unwrap();
    assert_eq!(item.publish(&[7; 200_000]).unwrap(), 62);
    service.ready().unwrap();
    test.say("ready");
    test.await_line("end");
}

#[test]
fn a_slice_that_there_is_no_memory_for_is_refused_and_others_are_published() {
    let place = Place::new();
    let mut process = place.start("lengthy");
    process.await_line("ready");
    let topic = place.bus().connect::<[u8]>("service/topic").open().unwrap();
    let last = topic.advise("x").samples(1).unwrap().recv_timeout(LIMIT).unwrap();
    assert_eq!((last.seq, &*last.value), (62, &[7; 200_000][..]));
    process.say("end");
    process.finish();
}

/// Sets the limit for the size of this process's files, in bytes.
fn limit_files(current: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: current.or(maximum), maximum }).unwrap();
}

/// KiB of memory that this process has touched.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
