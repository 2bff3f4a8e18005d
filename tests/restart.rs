//! When a service returns, conversations and links go on with it by themselves.
//!
//! A link says once that its service is gone, and why. When a service of that name is back, with the same message
//! type, the link follows its new life from the first value, and says so: the first update has `gap`, and numbers
//! start from 1 again. What a program knows stays true: an `ItemId` still means the item of that name, whatever
//! order the new life created its items in. A service that returns with another type is not followed; why is said
//! once, field by field, and a further life with the right type is followed again.

mod support;

use bus::{Deliver, Ended, Error, Hot, Link, Message, Service, Topic};
use support::{LIMIT, Place, Process, Test, roles, until};

roles!(life);

#[derive(Message, Debug, Clone, Copy, PartialEq)]
#[repr(C)]
struct Quote {
    number: u64,
    size: u32,
}

mod other {
    #[derive(bus::Message, Debug, Clone, Copy)]
    #[repr(C)]
    pub(super) struct Quote {
        pub(super) number: u64,
        pub(super) size: u64,
        pub(super) venue: u8,
    }
}

/// One life of the service, with the items that it is told to have; publishes as it is told.
fn life(test: &mut Test) {
    let setup = test.hear();
    let mut setup = setup.split(' ');
    let bus = test.bus();
    let service = bus.service("market").unwrap();
    if setup.next() == Some("other") {
        let topic = service.topic::<other::Quote>("quotes").open().unwrap();
        let quote = other::Quote { number: 1, size: 2, venue: 3 };
        topic.item("a").unwrap().publish(&quote).unwrap();
        return serve(test, service, |_, _| unreachable!("this life publishes no more"));
    }
    let topic: Topic<Quote> = service.topic("quotes").history(4).journal(64).open().unwrap();
    for item in setup {
        topic.item(item).unwrap();
    }
    let number = core::cell::Cell::new(0);
    serve(test, service, |item, values| {
        for _ in 0..values {
            number.set(number.get() + 1);
            topic.item(item).unwrap().publish(&Quote { number: number.get(), size: 7 }).unwrap();
        }
    });
}

/// Makes the service ready and publishes, until it is told to close.
fn serve(test: &mut Test, service: Service, publish: impl Fn(&str, u64)) {
    service.ready().unwrap();
    test.say("ready");
    loop {
        let line = test.hear();
        match line.split_once(' ') {
            Some((item, values)) => publish(item, values.parse().unwrap()),
            None => break service.close(),
        }
        test.say("done");
    }
    test.say("closed");
}

fn start(place: &Place, setup: &str) -> Process {
    let mut life = place.start("life");
    life.say(setup);
    life.await_line("ready");
    life
}

#[track_caller]
fn publish(life: &mut Process, item: &str, values: u64) {
    life.say(format!("{item} {values}"));
    life.await_line("done");
}

#[track_caller]
fn stale<D: Deliver<Item: core::fmt::Debug>>(link: &mut Link<D>) -> Ended {
    match link.recv_timeout(LIMIT) {
        Err(Error::Stale { service, reason }) => {
            assert_eq!(service, "market");
            assert_eq!(link.ended(), Some(reason.clone()));
            assert!(matches!(link.try_recv(), Ok(None)), "stale is said once");
            reason
        }
        other => panic!("expected the end of the service, got {other:?}"),
    }
}

/// Number, count of the missed and gap of the next update.
#[track_caller]
fn next(link: &mut Link<Hot<Quote>>) -> (u64, u64, bool) {
    let update = link.recv_timeout(LIMIT).unwrap();
    assert!(!update.stale);
    (update.seq, update.missed, update.gap)
}

#[test]
fn links_are_stale_once_and_then_go_on_with_a_gap() {
    let place = Place::new();
    let mut life = start(&place, "quotes a b");
    let topic = place.bus().connect::<Quote>("market/quotes").open().unwrap();
    let mut queues = [
        topic.advise("a").hot().unwrap(),
        topic.advise("a").prime(false).hot().unwrap(),
        topic.advise("*").hot().unwrap(),
        topic.advise_items(["a"]).hot().unwrap(),
    ];
    let mut newest = [topic.advise("a").latest().hot().unwrap(), topic.advise("*").latest().hot().unwrap()];
    let mut warm = [topic.advise("a").warm().unwrap(), topic.advise("*").warm().unwrap()];
    publish(&mut life, "a", 1);
    queues.iter_mut().chain(&mut newest).for_each(|link| assert_eq!(next(link), (1, 0, false)));
    warm.iter_mut().for_each(|link| assert!(!link.recv_timeout(LIMIT).unwrap().gap));
    for _ in 0..3 {
        life.kill();
        queues.iter_mut().chain(&mut newest).for_each(|link| assert_eq!(stale(link), Ended::Died));
        warm.iter_mut().for_each(|link| assert_eq!(stale(link), Ended::Died));
        assert_eq!(topic.ended(), Some(Ended::Died));

        life = start(&place, "quotes a b");
        publish(&mut life, "a", 2);
        for link in &mut queues {
            assert_eq!([next(link), next(link)], [(1, 0, true), (2, 0, false)]);
            assert_eq!(link.try_recv().unwrap(), None);
        }
        // Both values, or the newest alone where it was there before the link was.
        for link in &mut newest {
            match next(link) {
                (1, 0, true) => assert_eq!(next(link), (2, 0, false)),
                only => assert_eq!(only, (2, 1, true)),
            }
            assert_eq!(link.try_recv().unwrap(), None);
        }
        for link in &mut warm {
            let notice = link.recv_timeout(LIMIT).unwrap();
            assert!(notice.gap);
            if notice.seq == 1 {
                let next = link.recv_timeout(LIMIT).unwrap();
                assert_eq!((next.seq, next.gap), (2, false));
            }
        }
        assert_eq!((topic.ended(), topic.pid()), (None, life.pid()));
    }
}

#[test]
fn what_the_new_life_published_unseen_is_counted() {
    let place = Place::new();
    let mut first = start(&place, "quotes a b");
    let topic = place.bus().connect::<Quote>("market/quotes").open().unwrap();
    let mut item = topic.advise("a").hot().unwrap();
    let mut all = topic.advise("*").hot().unwrap();
    publish(&mut first, "a", 1000);
    first.kill();
    // What the first life still held comes first.
    for link in [&mut item, &mut all] {
        assert_eq!(next(link), (997, 996, false));
        assert_eq!([next(link), next(link), next(link)].map(|(seq, ..)| seq), [998, 999, 1000]);
        assert_eq!(stale(link), Ended::Died);
    }
    let mut second = start(&place, "quotes a b");
    publish(&mut second, "a", 10);
    for link in [&mut item, &mut all] {
        let (mut seq, mut missed, mut gap) = next(link);
        assert!(gap);
        let mut accounted = missed + 1;
        while seq < 10 {
            (seq, missed, gap) = next(link);
            accounted += missed + 1;
            assert!(!gap, "once");
        }
        assert_eq!(accounted, 10);
    }
}

#[test]
fn an_item_id_means_the_same_item_in_every_life() {
    let place = Place::new();
    let mut life = start(&place, "quotes a b c");
    let topic = place.bus().connect::<Quote>("market/quotes").open().unwrap();
    let mut all = topic.advise("*").hot().unwrap();
    let mut b = topic.advise("b").hot().unwrap();
    let mut c = topic.item("c").unwrap();
    let mut ids = [None; 3];
    for order in ["a b c", "c b a", "x c y a b", "b a c"] {
        for (known, item) in ids.iter_mut().zip(["a", "b", "c"]) {
            publish(&mut life, item, 1);
            let update = all.recv_timeout(LIMIT).unwrap();
            assert_eq!(*known.get_or_insert(update.item), update.item, "{item} of {order}");
            assert_eq!((&*topic.name(update.item), &*all.name(update.item)), (item, item));
        }
        let update = b.recv_timeout(LIMIT).unwrap();
        assert_eq!((Some(update.item), update.value), (ids[1], Quote { number: 2, size: 7 }));
        let update = c.request().unwrap();
        assert_eq!((Some(update.item), update.value), (ids[2], Quote { number: 3, size: 7 }));
        life.kill();
        assert_eq!((stale(&mut all), stale(&mut b)), (Ended::Died, Ended::Died));
        life = start(&place, &format!("quotes {order}"));
    }
}

#[test]
fn a_service_that_returns_with_another_type_is_explained_and_one_with_the_right_type_is_followed() {
    let place = Place::new();
    let mut life = start(&place, "quotes a");
    publish(&mut life, "a", 5);
    let topic = place.bus().connect::<Quote>("market/quotes").open().unwrap();
    let mut item = topic.advise("a").hot().unwrap();
    let mut all = topic.advise("*").latest().hot().unwrap();
    let mut warm = topic.advise("a").warm().unwrap();
    assert_eq!((next(&mut item), next(&mut all)), ((5, 0, false), (5, 0, false)));
    warm.recv_timeout(LIMIT).unwrap();
    life.kill();
    assert_eq!(
        [stale(&mut item), stale(&mut all), stale(&mut warm)],
        [Ended::Died, Ended::Died, Ended::Died]
    );

    let mut life = start(&place, "other");
    for reason in [stale(&mut item), stale(&mut all), stale(&mut warm), topic.ended().unwrap()] {
        let Ended::Changed(text) = reason else { panic!("{reason:?}") };
        for part in ["market/quotes", "Quote.size", "u32 at 8", "u64 at 8", "Quote.venue", "u8 at 16"] {
            assert!(text.contains(part), "{part:?} is missing in {text}");
        }
    }
    let last = topic.request("a").unwrap();
    assert_eq!((last.seq, last.stale), (5, true), "the last value of the right type is still there");
    let error = topic.advise("a").hot().unwrap_err().to_string();
    assert!(error.contains("another message type"), "{error}");

    life.kill();
    let mut life = start(&place, "quotes a");
    publish(&mut life, "a", 1);
    assert_eq!((next(&mut item), next(&mut all)), ((1, 0, true), (1, 0, true)));
    let notice = warm.recv_timeout(LIMIT).unwrap();
    assert_eq!((notice.seq, notice.gap), (1, true));
    assert_eq!(topic.ended(), None);
}

#[test]
fn a_service_that_closes_in_order_says_so() {
    let place = Place::new();
    let mut life = start(&place, "quotes a");
    publish(&mut life, "a", 3);
    let topic = place.bus().connect::<Quote>("market/quotes").open().unwrap();
    let mut item = topic.advise("a").hot().unwrap();
    let mut all = topic.advise("*").hot().unwrap();
    life.say("close");
    life.await_line("closed");
    for link in [&mut item, &mut all] {
        assert_eq!(next(link), (3, 0, false), "what it published is delivered first");
        assert_eq!(stale(link), Ended::Closed);
    }
    assert_eq!(topic.ended(), Some(Ended::Closed));
    let last = topic.request("a").unwrap();
    assert_eq!((last.seq, last.stale), (3, true));
    life.finish();

    let mut life = start(&place, "quotes a");
    publish(&mut life, "a", 1);
    assert_eq!((next(&mut item), next(&mut all)), ((1, 0, true), (1, 0, true)));
}

#[test]
fn an_item_that_the_new_life_does_not_have_yet_is_waited_for() {
    let place = Place::new();
    let mut life = start(&place, "quotes a b");
    publish(&mut life, "b", 1);
    let topic = place.bus().connect::<Quote>("market/quotes").open().unwrap();
    let mut link = topic.advise("b").hot().unwrap();
    let mut item = topic.item("b").unwrap();
    assert_eq!(next(&mut link), (1, 0, false));
    life.kill();
    assert_eq!(stale(&mut link), Ended::Died);
    assert!(item.request().unwrap().stale);

    let mut life = start(&place, "quotes a");
    until("the conversation is live again", || topic.ended().is_none());
    let error = item.request().unwrap_err();
    assert!(matches!(&error, Error::NoSuchItem { item, .. } if item == "b"), "{error}");
    assert_eq!(link.try_recv().unwrap(), None);
    publish(&mut life, "b", 1);
    assert_eq!(next(&mut link), (1, 0, true));
    assert!(!item.request().unwrap().stale);
}

#[test]
fn a_link_that_sleeps_is_woken_by_the_end_and_by_the_return() {
    let place = Place::new();
    let mut life = start(&place, "quotes a");
    let topic = place.bus().connect::<Quote>("market/quotes").open().unwrap();
    for target in ["a", "*"] {
        let mut link = topic.advise(target).prime(false).strategy(bus::Wait::Park).hot().unwrap();
        std::thread::scope(|scope| {
            let (say, thread) = std::sync::mpsc::channel();
            let reader = scope.spawn(move || {
                say.send(support::proc::thread()).unwrap();
                let reason = stale(&mut link);
                say.send(support::proc::thread()).unwrap();
                (reason, next(&mut link))
            });
            let await_sleep = || {
                let thread = thread.recv().unwrap();
                until("the reader sleeps", || support::proc::sleeps_on_futex(std::process::id(), thread));
            };
            await_sleep();
            life.kill();
            await_sleep();
            life = start(&place, "quotes a");
            publish(&mut life, "a", 1);
            assert_eq!(reader.join().unwrap(), (Ended::Died, (1, 0, true)));
        });
    }
}
