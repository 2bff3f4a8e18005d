//! A lossless link is waited for while it may still read, and no longer.
//!
//! The kernel tells at once of a reader's death, and with it the link is gone: nobody waits for a deadline. A reader that
//! stands still (SIGSTOP) is waited for until its deadline; then its link is ended, and both sides know: the publisher
//! goes on and can ask whom it has evicted, and the reader, should it go on, gets what is left, an account of the rest, and
//! an error that says why, once; then the link is at its end, and the conversation is not. A reader that goes on in time has lost nothing.

mod support;

use std::time::Duration;

use bus::{Error, Service, Topic};
use smol::stream::StreamExt;
use support::{Got, LIMIT, Place, Reader, Small, proc, reader, roles, until};

roles!(reader);

const HISTORY: u64 = 4;
/// A deadline that nobody here reaches.
const PATIENCE: Duration = LIMIT.saturating_mul(4);

fn serve(place: &Place, patience: Duration) -> (Service, Topic<Small>) {
    let service = place.bus().service("service").unwrap();
    let topic = service.topic("topic").history(HISTORY as usize).lossless(patience).open().unwrap();
    topic.item("a").unwrap();
    service.ready().unwrap();
    (service, topic)
}

fn publish(topic: &Topic<Small>, from: u64, to: u64) {
    let item = topic.item("a").unwrap();
    for number in from..=to {
        assert_eq!(item.publish(&Small::new(0, number)).unwrap(), number);
    }
}

/// Publishes on another thread while `meanwhile` runs, which begins when the publisher waits for a reader.
fn publish_and<R>(
    topic: Topic<Small>,
    from: u64,
    to: u64,
    meanwhile: impl FnOnce() -> R,
) -> (Topic<Small>, R) {
    std::thread::scope(|scope| {
        let (tell, told) = std::sync::mpsc::channel();
        let publisher = scope.spawn(move || {
            tell.send(proc::thread()).unwrap();
            publish(&topic, from, to);
            topic
        });
        let thread = told.recv().unwrap();
        until("it waits", || proc::sleeps_on_futex(std::process::id(), thread));
        let result = meanwhile();
        (publisher.join().unwrap(), result)
    })
}

#[test]
fn a_dead_reader_is_not_waited_for() {
    let place = Place::new();
    let (_service, topic) = serve(&place, PATIENCE);
    let mut reader = Reader::start(&place, "a", Some(PATIENCE));
    publish(&topic, 1, HISTORY);
    let (topic, ()) = publish_and(topic, 5, 100, || reader.process.kill());
    // Dead before anybody waits for it.
    let mut reader = Reader::start(&place, "a", Some(PATIENCE));
    reader.process.kill();
    publish(&topic, 101, 200);
    // Dead while it stands still.
    let mut reader = Reader::start(&place, "a", Some(PATIENCE));
    reader.process.stop();
    let (topic, ()) = publish_and(topic, 201, 300, || reader.process.kill());
    assert_eq!(topic.evictions(), [], "none of them was waited for until its deadline");
}

#[test]
fn a_closed_link_is_not_waited_for() {
    let place = Place::new();
    let (service, topic) = serve(&place, PATIENCE);
    let conversation = place.bus().connect::<Small>("service/topic").open().unwrap();
    let link = conversation.advise("a").lossless(PATIENCE).hot().unwrap();
    publish(&topic, 1, HISTORY);
    let (topic, ()) = publish_and(topic, 5, 100, || drop(link));
    let link = conversation.advise("a").lossless(PATIENCE).hot().unwrap();
    // The link holds the conversation open; it goes with the last of its links.
    let (topic, ()) = publish_and(topic, 101, 200, || drop((conversation, link)));
    assert_eq!(topic.evictions(), []);
    until("the client is gone", || service.clients().iter().all(|client| client.links == 0));
}

#[test]
fn a_stopped_reader_that_goes_on_in_time_loses_nothing() {
    let place = Place::new();
    let (_service, topic) = serve(&place, PATIENCE);
    let mut reader = Reader::start(&place, "a", Some(PATIENCE));
    reader.process.stop();
    reader.begin_take(100);
    let (topic, ()) = publish_and(topic, 1, 100, || reader.process.resume());
    assert_eq!(reader.got(), Got { last: 100, delivered: 100, missed: 0 });
    assert_eq!(topic.evictions(), []);
    reader.finish();
}

#[test]
fn a_stopped_reader_is_evicted_at_its_deadline_and_both_sides_know() {
    let place = Place::new();
    let deadline = Duration::from_millis(50);
    let (service, topic) = serve(&place, PATIENCE);
    let mut stopped = Reader::start(&place, "a", Some(deadline));
    let mut patient = Reader::start(&place, "a", Some(PATIENCE));
    stopped.process.stop();
    patient.begin_take(100);
    publish(&topic, 1, 100);
    assert_eq!(patient.got(), Got { last: 100, delivered: 100, missed: 0 });
    let [evicted] = topic.evictions()[..] else { panic!("one link is evicted, once") };
    assert_eq!(((evicted.pid, evicted.link), evicted.behind), (stopped.name(), HISTORY));
    assert_eq!(evicted.item, Some(topic.item("a").unwrap().id()));
    assert!(evicted.stalled >= deadline, "{:?}", evicted.stalled);
    assert_eq!(topic.evictions(), [], "it is said once");

    stopped.process.resume();
    let (got, error) = stopped.take_all();
    assert_eq!((got.last, got.delivered + got.missed), (100, 100), "{got:?}");
    for part in ["lossless link", "`service/topic/a` was evicted", "4 values behind", "advise again"] {
        assert!(error.contains(part), "{part:?} is missing in {error}");
    }
    // The connection goes on, with whatever else the client has there.
    assert_eq!(service.clients().len(), 2);
    publish(&topic, 101, 100 + HISTORY);
    assert_eq!(patient.take(HISTORY), Got { last: 104, delivered: 4, missed: 0 });
    stopped.finish();
    patient.finish();
}

#[test]
fn who_was_evicted_may_advise_again() {
    let place = Place::new();
    let (_service, topic) = serve(&place, PATIENCE);
    let conversation = place.bus().connect::<Small>("service/topic").open().unwrap();
    for round in 0..3 {
        let first = round * 100 + 1;
        let mut link =
            conversation.advise("a").lossless(Duration::from_millis(10)).prime(false).hot().unwrap();
        publish(&topic, first, first + 50);
        assert_eq!(topic.evictions().len(), 1);
        let mut again = conversation.advise("a").lossless(PATIENCE).prime(false).hot().unwrap();
        publish(&topic, first + 51, first + 54);
        for number in first + 51..=first + 54 {
            let update = again.recv_timeout(LIMIT).unwrap();
            assert_eq!((update.seq, update.missed), (number, 0));
        }
        let mut next = first;
        let error = loop {
            match link.recv_timeout(LIMIT) {
                Ok(update) => {
                    assert_eq!(update.seq, next + update.missed);
                    next = update.seq + 1;
                }
                Err(error) => break error,
            }
        };
        assert_eq!(next, first + 55, "what is left is delivered, and the rest is counted");
        let Error::Evicted { link: number, .. } = error else { panic!("{error}") };
        assert_eq!((number, link.ended(), conversation.ended()), (link.number(), None, None));
        assert!(smol::block_on(link.next()).is_none(), "the stream ends too");
        // What the first one had is not used for anything while it is there.
        drop(link);
        publish(&topic, first + 55, first + 58);
        drop(again);
        publish(&topic, first + 59, first + 99);
    }
}
