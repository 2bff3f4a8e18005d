//! A publisher decides how it meets a lossless link that is a whole history behind.
//!
//! `try_publish` says at once that there is no room, and whose fault that is; `publish_timeout` says so after its time;
//! `publish` waits. Nothing is lost or sent twice by any of them, other items go on meanwhile, and links that are not
//! waited for see what all see. Batches are the same in one go, and may be longer than the history.

mod support;

use std::time::{Duration, Instant};

use bus::{Error, Item, Result, Service, Topic};
use support::{Got, LIMIT, Place, Reader, Small, proc, reader, roles, until};

roles!(reader);

const HISTORY: u64 = 4;
/// A deadline that nobody here reaches.
const PATIENCE: Duration = LIMIT.saturating_mul(4);

/// A service with a topic that grants lossless links, with items "a" and "b".
fn serve(place: &Place) -> (Service, Topic<Small>) {
    let service = place.bus().service("service").unwrap();
    let topic = service.topic("topic").history(HISTORY as usize).lossless(PATIENCE).open().unwrap();
    for item in ["a", "b"] {
        topic.item(item).unwrap();
    }
    service.ready().unwrap();
    (service, topic)
}

fn values(from: u64, to: u64) -> Vec<Small> {
    (from..=to).map(|number| Small::new(0, number)).collect()
}

fn publish(item: Item<'_, Small>, from: u64, to: u64) {
    values(from, to).iter().zip(from..).for_each(|(value, number)| {
        assert_eq!(item.publish(value).unwrap(), number);
    });
}

/// What a result says of the link in the way: its process and number, how far it is behind, and how long was waited.
#[track_caller]
fn full<R: core::fmt::Debug>(result: Result<R>) -> ((u32, u64), u64, Duration) {
    match result {
        Err(Error::Full { service, topic, item, pid, link, behind, waited }) => {
            assert_eq!((&*service, &*topic, &*item), ("service", "topic", "a"));
            ((pid, link), behind, waited)
        }
        other => panic!("expected that it is full, got {other:?}"),
    }
}

#[test]
fn who_does_not_wait_is_told_at_once_and_loses_nothing() {
    let place = Place::new();
    let (service, topic) = serve(&place);
    let (a, b) = (topic.item("a").unwrap(), topic.item("b").unwrap());
    let mut slow = Reader::start(&place, "a", Some(PATIENCE));
    let mut fast = Reader::start(&place, "a", Some(PATIENCE));
    let mut untracked = Reader::start(&place, "a", None);
    let mut other = Reader::start(&place, "b", Some(PATIENCE));
    publish(a, 1, HISTORY);
    assert_eq!(fast.take(HISTORY), Got { last: HISTORY, delivered: HISTORY, missed: 0 });
    assert_eq!(slow.take(1).last, 1);
    assert_eq!(a.try_publish(&Small::new(0, 5)).unwrap(), 5, "there is room for one");
    // Again and again: it changes nothing.
    for _ in 0..10 {
        assert_eq!(full(a.try_publish(&Small::new(0, 6))), (slow.name(), 4, Duration::ZERO));
        assert_eq!(full(a.try_publish_batch(&values(6, 9))), (slow.name(), 4, Duration::ZERO));
    }
    let error = a.try_publish(&Small::new(0, 6)).unwrap_err().to_string();
    for part in ["`service/topic/a`", &format!("link {} of process {}", slow.number, slow.process.pid())] {
        assert!(error.contains(part), "{part:?} is missing in {error:?}");
    }
    // Another item is another matter.
    publish(b, 1, HISTORY);
    assert_eq!(other.take(HISTORY).last, HISTORY);
    publish(b, 5, 6);
    // Who is not waited for has seen all that there is, and no more than that.
    assert_eq!(untracked.take(4), Got { last: 5, delivered: 4, missed: 1 });
    assert_eq!(slow.take(2), Got { last: 3, delivered: 2, missed: 0 });
    assert_eq!(a.try_publish_batch(&values(6, 9)).unwrap(), 2, "as many as it has read");
    assert_eq!(full(a.try_publish_batch(&values(8, 9))), (slow.name(), 4, Duration::ZERO));
    assert_eq!(slow.take(4), Got { last: 7, delivered: 4, missed: 0 });
    // It is the other one's turn.
    assert_eq!(a.try_publish_batch(&values(8, 9)).unwrap(), 1);
    assert_eq!(full(a.try_publish(&Small::new(0, 9))), (fast.name(), 4, Duration::ZERO));
    assert_eq!(fast.take(4), Got { last: 8, delivered: 4, missed: 0 });
    assert_eq!(topic.evictions(), []);
    [slow, fast, untracked, other].into_iter().for_each(Reader::finish);
    until("all are gone", || service.clients().is_empty());
    publish(a, 9, 100);
}

#[test]
fn a_publish_comes_back_at_its_time_with_nothing_done() {
    let place = Place::new();
    let (_service, topic) = serve(&place);
    let item = topic.item("a").unwrap();
    let mut reader = Reader::start(&place, "a", Some(PATIENCE));
    publish(item, 1, HISTORY);
    let timeout = Duration::from_millis(30);
    let (name, behind, waited) = full(item.publish_timeout(&Small::new(0, 5), timeout));
    assert_eq!((name, behind), (reader.name(), HISTORY));
    assert!(waited >= timeout, "{waited:?}");
    assert_eq!(reader.take(1).last, 1);
    assert_eq!(item.publish_timeout(&Small::new(0, 5), timeout).unwrap(), 5);
    assert_eq!(full(item.publish_timeout(&Small::new(0, 6), Duration::ZERO)).0, reader.name());
    assert_eq!(reader.take(4), Got { last: 5, delivered: 4, missed: 0 });
    reader.finish();
}

#[test]
fn a_publish_waits_until_the_reader_has_read_on() {
    let place = Place::new();
    let (_service, topic) = serve(&place);
    let mut reader = Reader::start(&place, "a", Some(PATIENCE));
    publish(topic.item("a").unwrap(), 1, HISTORY);
    std::thread::scope(|scope| {
        let (tell, told) = std::sync::mpsc::channel();
        let publisher = scope.spawn(move || {
            tell.send(proc::thread()).unwrap();
            let item = topic.item("a").unwrap();
            publish(item, 5, 20);
            item.publish_batch(&values(21, 20 + 10 * HISTORY)).unwrap();
            topic.evictions().len()
        });
        let thread = told.recv().unwrap();
        for number in 1..=10 {
            until("it waits", || proc::sleeps_on_futex(std::process::id(), thread));
            assert_eq!(reader.take(1), Got { last: number, delivered: 1, missed: 0 });
        }
        let rest = 10 * HISTORY + 10;
        assert_eq!(reader.take(rest), Got { last: 60, delivered: rest, missed: 0 });
        assert_eq!(publisher.join().unwrap(), 0);
    });
    reader.finish();
}

#[test]
fn a_reader_that_reads_little_is_seen_to_read() {
    let place = Place::new();
    let service = place.bus().service("service").unwrap();
    // A reader of so long a history tells its publisher of several values at once, when nothing is wrong.
    let topic = service.topic("topic").history(1024).lossless(PATIENCE).open().unwrap();
    let item = topic.item("a").unwrap();
    service.ready().unwrap();
    let mut reader = Reader::start(&place, "a", Some(PATIENCE));
    publish(item, 1, 1024);
    for number in 1..=10 {
        // For long, by the library's measure, there is no room.
        let (name, behind, _) =
            full(item.publish_timeout(&Small::new(0, 1024 + number), Duration::from_millis(150)));
        assert_eq!((name, behind), (reader.name(), 1024));
        assert_eq!(reader.take(1).last, number);
        assert_eq!(item.try_publish(&Small::new(0, 1024 + number)).unwrap(), 1024 + number);
    }
    assert_eq!(reader.take(1024), Got { last: 1034, delivered: 1024, missed: 0 });
    reader.finish();
}

#[test]
fn a_batch_without_readers_to_wait_for_is_published_whole() {
    let place = Place::new();
    let (_service, topic) = serve(&place);
    let item = topic.item("a").unwrap();
    let mut untracked = Reader::start(&place, "a", None);
    item.publish_batch(&values(1, 3)).unwrap();
    item.publish_batch(&[]).unwrap();
    assert_eq!(item.try_publish_batch(&[]).unwrap(), 0);
    assert_eq!(untracked.take(3), Got { last: 3, delivered: 3, missed: 0 });
    item.publish_batch(&values(4, 3 + 10 * HISTORY)).unwrap();
    assert_eq!(item.try_publish_batch(&values(44, 53)).unwrap(), 10);
    assert_eq!(untracked.take(HISTORY), Got { last: 53, delivered: HISTORY, missed: 50 - HISTORY });
    assert_eq!(item.publish(&Small::new(0, 54)).unwrap(), 54);
    untracked.finish();
}

#[test]
fn links_that_stall_together_are_given_up_together() {
    const DEADLINE: Duration = Duration::from_secs(1);
    let place = Place::new();
    let (_service, topic) = serve(&place);
    let item = topic.item("a").unwrap();
    let readers: Vec<Reader> = (0..4).map(|_| Reader::start(&place, "a", Some(DEADLINE))).collect();
    publish(item, 1, HISTORY);
    let start = Instant::now();
    publish(item, HISTORY + 1, HISTORY + 1);
    let (waited, evicted) = (start.elapsed(), topic.evictions());
    let mut names: Vec<_> = evicted.iter().map(|link| (link.pid, link.link)).collect();
    names.sort_unstable();
    let mut expected: Vec<_> = readers.iter().map(Reader::name).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    // Were it one after the other, the publish would have taken as long as all of them together stood in the way.
    let together: Duration = evicted.iter().map(|link| link.stalled).sum();
    assert!(waited < together, "waited {waited:?}, for {evicted:?}");
}
