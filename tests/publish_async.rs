//! Publishing by tasks: where a lossless link has no room the task waits, and is woken by what makes room.
//!
//! That is a reader that reads on, one that is killed, one that is given up, or the service's end. What is cancelled has
//! published nothing, or of a batch the first values; nothing is lost or published twice.

mod support;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bus::{Error, Service, Topic};
use support::executor::{EXECUTORS, MANY, run};
use support::{Got, LIMIT, Place, Reader, Small, reader, roles};

roles!(reader);

const HISTORY: u64 = 4;
/// A deadline that nobody here reaches.
const PATIENCE: Duration = LIMIT.saturating_mul(4);

/// A service with a topic that grants lossless links, with item "a".
fn serve(place: &Place, patience: Duration) -> (Service, Topic<Small>) {
    let service = place.bus().service("service").unwrap();
    let topic = service.topic("topic").history(HISTORY as usize).lossless(patience).open().unwrap();
    topic.item("a").unwrap();
    service.ready().unwrap();
    (service, topic)
}

fn values(from: u64, to: u64) -> Vec<Small> {
    (from..=to).map(|number| Small::new(0, number)).collect()
}

/// Fills the history.
fn fill(topic: &Topic<Small>) {
    topic.item("a").unwrap().publish_batch(&values(1, HISTORY)).unwrap();
}

/// Awaits a future that is not ready at first, and does something as soon as it waits.
async fn await_after<F: Future>(future: F, waits: impl FnOnce()) -> F::Output {
    let (mut future, mut waits) = (pin!(future), Some(waits));
    poll_fn(|context| {
        let polled = future.as_mut().poll(context);
        match (&polled, waits.take()) {
            (Poll::Pending, Some(waits)) => waits(),
            (Poll::Pending, None) => {}
            (Poll::Ready(_), None) => {}
            (Poll::Ready(_), Some(_)) => panic!("there was nothing to wait for"),
        }
        polled
    })
    .await
}

/// Polls a future once, which is not ready.
fn poll_once<F: Future>(future: F) {
    let mut future = pin!(future);
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

#[test]
fn a_task_is_woken_by_each_value_that_is_read() {
    for executor in EXECUTORS {
        let place = Place::new();
        let (_service, topic) = serve(&place, PATIENCE);
        let item = topic.item("a").unwrap();
        let mut reader = Reader::start(&place, "a", Some(PATIENCE));
        fill(&topic);
        let start = Instant::now();
        for number in HISTORY + 1..=MANY {
            let value = Small::new(0, number);
            let publishing = await_after(item.publish_async(&value), || reader.begin_take(1));
            assert_eq!(run(executor, publishing).unwrap(), number);
            assert_eq!(reader.got(), Got { last: number - HISTORY, delivered: 1, missed: 0 });
        }
        assert!(start.elapsed() < LIMIT, "not by wake-ups");
        reader.finish();
    }
}

#[test]
fn a_task_waits_for_nobody_where_there_is_room() {
    let place = Place::new();
    let (_service, topic) = serve(&place, PATIENCE);
    let item = topic.item("a").unwrap();
    for number in 1..=10 * HISTORY {
        let value = Small::new(0, number);
        let mut publishing = pin!(item.publish_async(&value));
        let polled = publishing.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Ready(Ok(published)) if published == number), "{polled:?}");
    }
}

#[test]
fn what_is_cancelled_has_published_nothing() {
    let place = Place::new();
    let (_service, mut topic) = serve(&place, PATIENCE);
    let mut reader = Reader::start(&place, "a", Some(PATIENCE));
    fill(&topic);
    let value = Small::new(0, HISTORY + 1);
    for _ in 0..10 {
        let item = topic.item("a").unwrap();
        poll_once(item.publish_async(&value));
        assert_eq!(item.seq(), HISTORY);
        let id = item.id();
        poll_once(topic.publish_async(id, &value));
    }
    // Of a batch, what there was room for.
    let item = topic.item("a").unwrap();
    assert_eq!(reader.take(2).last, 2);
    poll_once(item.publish_batch_async(&values(HISTORY + 1, HISTORY + 10)));
    assert_eq!(item.seq(), HISTORY + 2);
    assert_eq!(reader.take(HISTORY).last, HISTORY + 2);
    assert_eq!(item.publish(&Small::new(0, HISTORY + 3)).unwrap(), HISTORY + 3, "numbers go on");
    reader.finish();
}

#[test]
fn a_batch_goes_on_as_there_is_room() {
    const VALUES: u64 = 1000;
    for executor in EXECUTORS {
        let place = Place::new();
        let (_service, topic) = serve(&place, PATIENCE);
        let mut reader = Reader::start(&place, "a", Some(PATIENCE));
        let values = values(1, VALUES);
        let publishing = topic.item("a").unwrap();
        let publishing = await_after(publishing.publish_batch_async(&values), || reader.begin_take(VALUES));
        run(executor, publishing).unwrap();
        assert_eq!(reader.got(), Got { last: VALUES, delivered: VALUES, missed: 0 });
        reader.finish();
    }
}

#[test]
fn the_end_of_the_link_in_the_way_wakes_a_task() {
    for executor in EXECUTORS {
        let place = Place::new();
        let (_service, topic) = serve(&place, PATIENCE);
        let item = topic.item("a").unwrap();
        let value = Small::new(0, HISTORY + 1);
        let mut killed = Reader::start(&place, "a", Some(PATIENCE));
        fill(&topic);
        run(executor, await_after(item.publish_async(&value), || killed.process.kill())).unwrap();
        assert_eq!(topic.evictions(), []);
    }
}

#[test]
fn links_that_stall_are_given_up_by_a_task_all_at_once() {
    const DEADLINE: Duration = Duration::from_millis(200);
    for executor in EXECUTORS {
        let place = Place::new();
        let (_service, topic) = serve(&place, PATIENCE);
        let item = topic.item("a").unwrap();
        let readers: Vec<Reader> = (0..5).map(|_| Reader::start(&place, "a", Some(DEADLINE))).collect();
        fill(&topic);
        let value = Small::new(0, HISTORY + 1);
        assert_eq!(run(executor, await_after(item.publish_async(&value), || {})).unwrap(), HISTORY + 1);
        let mut evicted: Vec<_> = topic.evictions().iter().map(|link| (link.pid, link.link)).collect();
        let mut names: Vec<_> = readers.iter().map(Reader::name).collect();
        evicted.sort_unstable();
        names.sort_unstable();
        assert_eq!(evicted, names);
    }
}

#[test]
fn the_end_of_the_service_wakes_a_task() {
    for executor in EXECUTORS {
        let place = Place::new();
        let (service, topic) = serve(&place, PATIENCE);
        let _reader = Reader::start(&place, "a", Some(PATIENCE));
        fill(&topic);
        let item = topic.item("a").unwrap();
        let value = Small::new(0, HISTORY + 1);
        let closing = std::thread::spawn(move || (service, std::thread::park()).0.close());
        let publishing = await_after(item.publish_async(&value), || closing.thread().unpark());
        let error = run(executor, publishing).unwrap_err();
        assert!(matches!(error, Error::Closed(_)), "{error}");
        closing.join().unwrap();
    }
}

#[test]
fn tasks_that_move_between_threads_publish_topics_of_their_own() {
    const VALUES: u64 = 2000;
    let place = Place::new();
    let service = place.bus().service("service").unwrap();
    let open = |name: &str| {
        let topic: Topic<Small> =
            service.topic(name).history(HISTORY as usize).lossless(PATIENCE).open().unwrap();
        let item = topic.item("a").unwrap().id();
        (topic, item)
    };
    let topics = ["topic", "other", "third"].map(open);
    service.ready().unwrap();
    let mut reader = Reader::start(&place, "a", Some(PATIENCE));
    reader.begin_take(VALUES);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let tasks = topics.map(|(mut topic, item)| {
        runtime.spawn(async move {
            for number in 1..=VALUES {
                assert_eq!(topic.publish_async(item, &Small::new(0, number)).await.unwrap(), number);
                tokio::task::yield_now().await;
            }
        })
    });
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
    assert_eq!(reader.got(), Got { last: VALUES, delivered: VALUES, missed: 0 });
    reader.finish();
}

#[test]
fn an_item_that_the_topic_has_not_is_named() {
    let place = Place::new();
    let (service, mut topic) = serve(&place, PATIENCE);
    let other = service.topic::<Small>("other").open().unwrap();
    let strange = ["a", "b"].map(|item| other.item(item).unwrap().id())[1];
    let error = run("by hand", topic.publish_async(strange, &Small::new(0, 1))).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("item") && text.contains("`service/topic`, which has 1"), "{text}");
}

#[test]
fn a_draft_waits_for_room_and_keeps_its_value() {
    for executor in EXECUTORS {
        let place = Place::new();
        let service = place.bus().service("service").unwrap();
        let topic = service.topic("topic").history(2).samples(2).lossless(PATIENCE).open().unwrap();
        let item = topic.item("a").unwrap();
        service.ready().unwrap();
        let mut reader = Reader::start(&place, "a", Some(PATIENCE));
        item.publish_batch(&values(1, 2)).unwrap();
        let lend = |number| item.loan().unwrap().write(&Small::new(0, number));
        // What is cancelled gives its memory back: there is some for ever.
        (0..100).for_each(|_| poll_once(lend(3).publish_async()));
        let publishing = await_after(lend(3).publish_async(), || reader.begin_take(1));
        assert_eq!(run(executor, publishing).unwrap(), 3);
        assert_eq!(reader.got().last, 1);
        assert_eq!(reader.take(2).last, 3);
        reader.finish();
    }
}
