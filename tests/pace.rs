//! How often a link delivers, and how it ends: interval, `once`, stop, with exact accounts.
//!
//! No test waits for time to pass. An interval of a day is one that is not over, and what a link does then is certain;
//! one of a millisecond is one that is over at some time, and what has to come then is waited for.

mod support;

use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use bus::{Deadband, Deliver, Ended, Error, Hot, Link, Options, Wait, WaitSet};
use support::wire::Client;
use support::{LIMIT, Place, Reading, Teller, Test, proc, readings, roles, teller, until};

roles!(teller, sampler, set_sampler, task_sampler);

const HISTORY: usize = 8;
const DAY: Duration = Duration::from_secs(24 * 3600);
const MOMENT: Duration = Duration::from_millis(1);

fn start(place: &Place, items: usize) -> Teller {
    Teller::start(place, HISTORY, 1024, items)
}

/// Number, missed and suppressed of the next update.
#[track_caller]
fn take(link: &mut Link<Hot<Reading>>) -> Option<(u64, u64, u64)> {
    let update = link.try_recv().unwrap()?;
    assert_eq!(update.value.number, update.seq);
    Some((update.seq, update.missed, update.suppressed))
}

#[track_caller]
fn closed<D: Deliver<Item: core::fmt::Debug>>(link: &mut Link<D>) {
    for _ in 0..2 {
        assert!(matches!(link.try_recv(), Err(Error::Closed("the link"))));
        assert!(matches!(link.recv(), Err(Error::Closed("the link"))));
        assert!(matches!(link.recv_timeout(LIMIT), Err(Error::Closed("the link"))));
        assert!(link.into_iter().next().is_none());
    }
}

#[test]
fn within_the_interval_nothing_comes_however_one_receives() {
    let place = Place::new();
    let mut teller = start(&place, 1);
    let topic = readings(&place.bus());
    for wait in [Wait::Spin, Wait::SpinThenPark, Wait::Park] {
        for advise in [topic.advise("0"), topic.advise("0").latest(), topic.advise("*").queue(2)] {
            teller.tell([1.0]);
            let mut link = advise.strategy(wait).interval(DAY).hot().unwrap();
            assert_eq!(link.granted().interval, DAY);
            let first = link.recv_timeout(LIMIT).unwrap().seq;
            teller.tell([2.0, 3.0]);
            assert_eq!(take(&mut link), None);
            let error = link.recv_timeout(MOMENT).unwrap_err();
            assert!(error.to_string().contains("options"), "{error}");
            assert_eq!(take(&mut link), None);
            // It was held back, not lost.
            link.update(Options::new().interval(Duration::ZERO)).unwrap();
            let mut last = first;
            while let Some((seq, missed, suppressed)) = take(&mut link) {
                assert_eq!(seq, last + missed + suppressed + 1);
                last = seq;
            }
            assert_eq!(last, first + 2);
        }
    }
}

#[test]
fn when_the_interval_is_over_the_newest_comes_and_the_last_always_does() {
    let place = Place::new();
    let mut teller = start(&place, 1);
    let topic = readings(&place.bus());
    let odd = |reading: &Reading| reading.number % 2 == 1;
    let advises = [
        topic.advise("0"),
        topic.advise("0").latest(),
        topic.advise("*"),
        topic.advise("0").queue(3),
        topic.advise("0").filter(odd),
        topic.advise("*").filter(odd),
    ];
    let mut links: Vec<_> =
        advises.into_iter().map(|advise| (advise.interval(MOMENT).hot().unwrap(), 0)).collect();
    for _ in 0..20 {
        teller.tell((0..3 * HISTORY as i32 + 1).map(f64::from));
        let newest = topic.request("0").unwrap().seq;
        for (index, (link, last)) in links.iter_mut().enumerate() {
            let wanted = if index < 4 || newest % 2 == 1 { newest } else { newest - 1 };
            while *last < wanted {
                let update = link.recv_timeout(LIMIT).unwrap();
                assert_eq!(update.missed, 0, "a sample misses nothing");
                assert_eq!(update.seq, *last + update.suppressed + 1);
                *last = update.seq;
            }
        }
    }
}

#[test]
fn each_item_comes_once_in_a_round() {
    let place = Place::new();
    let mut teller = start(&place, 3);
    let topic = readings(&place.bus());
    let mut link = topic.advise("*").prime(false).interval(DAY).hot().unwrap();
    teller.publish(&[(0, 1.0), (2, 1.0), (0, 2.0), (1, 1.0), (2, 2.0), (2, 3.0)]);
    let mut round = Vec::new();
    while let Some(update) = link.try_recv().unwrap() {
        round.push((link.name(update.item).to_string(), update.seq, update.missed, update.suppressed));
    }
    round.sort();
    assert_eq!(round, [("0".into(), 2, 0, 1), ("1".into(), 1, 0, 0), ("2".into(), 3, 0, 2)]);
    teller.publish(&[(0, 4.0), (1, 4.0)]);
    assert!(link.try_recv().unwrap().is_none());
}

#[test]
fn the_end_of_the_service_is_the_end_of_the_interval() {
    for target in ["0", "*"] {
        for filter in [false, true] {
            let place = Place::new();
            let mut teller = start(&place, 1);
            let topic = readings(&place.bus());
            let advise = topic.advise(target).interval(DAY);
            let advise = if filter { advise.filter(|reading| reading.number < 6) } else { advise };
            let mut link = advise.hot().unwrap();
            teller.tell([1.0]);
            assert_eq!(take(&mut link), Some((1, 0, 0)));
            teller.tell([2.0, 3.0, 4.0, 5.0, 6.0]);
            assert_eq!(take(&mut link), None);
            std::thread::scope(|scope| {
                // It sleeps, and is woken.
                let waiting = scope.spawn(|| link.recv().map(|update| (update.seq, update.suppressed)));
                teller.process.kill();
                let last = if filter { (5, 3) } else { (6, 4) };
                assert_eq!(waiting.join().unwrap().unwrap(), last, "the last accepted comes before the news");
            });
            let Err(Error::Stale { reason: Ended::Died, .. }) = link.recv() else { panic!("it is gone") };

            // Another life, from its first value on, and at once.
            let mut teller = start(&place, 1);
            until("the link has found it", || {
                link.try_recv().unwrap().is_none() && link.granted().history > 0
            });
            teller.tell([1.0]);
            let update = link.recv_timeout(LIMIT).unwrap();
            assert_eq!((update.seq, update.missed, update.suppressed, update.gap), (1, 0, 0, true));
        }
    }
}

/// Receives samples of item 0, a day apart.
fn sampler(test: &mut Test) {
    let mut link = readings(&test.bus()).advise("0").interval(DAY).strategy(Wait::Park).hot().unwrap();
    test.say(proc::thread());
    loop {
        let update = link.recv().unwrap();
        test.say(update.seq);
    }
}

#[test]
fn a_link_within_its_interval_asks_for_no_wake_up() {
    let place = Place::new();
    let mut teller = start(&place, 1);
    let view = Client::greeted(&place, "meter").connect("readings").view();
    // Its first value is there when it comes.
    teller.tell([1.0]);
    let mut sampler = place.start("sampler");
    let thread = sampler.hear_number();
    sampler.await_line("1");
    for level in [2.0, 3.0] {
        until("it sleeps", || proc::sleeps_on_futex(sampler.pid(), thread));
        assert_eq!(view.item_bell(0).load(Ordering::SeqCst), 0, "nobody asks to be woken by the next value");
        teller.tell([level]);
    }
    assert_eq!(view.item_head(0).1.load(Ordering::SeqCst), 0, "nobody was woken");
}

/// As [`sampler`], by a set; then it is paused.
fn set_sampler(test: &mut Test) {
    let topic = readings(&test.bus());
    let mut links = [topic.advise("0").interval(DAY).hot().unwrap(), topic.advise("1").hot().unwrap()];
    let mut set = WaitSet::new().unwrap();
    for (key, link) in links.iter_mut().enumerate() {
        set.add(link, key).unwrap();
    }
    test.say(proc::thread());
    loop {
        for key in set.wait().unwrap() {
            while let Some(update) = links[key].try_recv().unwrap() {
                test.say(format!("{key} {}", update.seq));
                if key == 1 && update.seq == 2 {
                    links[0].update(Options::new().interval(Duration::ZERO)).unwrap();
                    links[0].pause();
                }
            }
        }
    }
}

/// Likewise, by a task.
fn task_sampler(test: &mut Test) {
    let topic = readings(&test.bus());
    let mut links = [topic.advise("0").interval(DAY).hot().unwrap(), topic.advise("1").hot().unwrap()];
    test.say(proc::thread());
    smol::block_on(poll_fn(|context| {
        for key in 0..2 {
            while let Poll::Ready(update) = links[key].poll_recv(context) {
                let update = match update {
                    Ok(update) => update,
                    Err(Error::Paused { .. }) => break,
                    Err(error) => panic!("{error}"),
                };
                test.say(format!("{key} {}", update.seq));
                if key == 1 && update.seq == 2 {
                    links[0].update(Options::new().interval(Duration::ZERO)).unwrap();
                    links[0].pause();
                }
            }
        }
        Poll::<()>::Pending
    }));
}

#[test]
fn a_link_that_rests_or_is_paused_has_no_doorbell_rung_for_it() {
    for role in ["set_sampler", "task_sampler"] {
        let place = Place::new();
        let mut teller = start(&place, 2);
        let view = Client::greeted(&place, "meter").connect("readings").view();
        // Their first values are there when it comes.
        teller.publish(&[(0, 1.0), (1, 1.0)]);
        let mut sampler = place.start(role);
        let thread = sampler.hear_number();
        let mut told = [sampler.hear(), sampler.hear()];
        told.sort();
        assert_eq!(told, ["0 1", "1 1"]);
        for number in 2..=4 {
            // Whoever waits for both links has seen after this that one of them wants nothing.
            until("it sleeps", || {
                proc::sleeps_in_poll(sampler.pid(), thread) || proc::sleeps_on_futex(sampler.pid(), thread)
            });
            until("the other link waits", || view.item_doorbell(1).load(Ordering::SeqCst) != 0);
            assert_eq!(view.item_doorbell(0).load(Ordering::SeqCst), 0, "{role} asks to be rung for nothing");
            teller.publish(&[(0, 1.0), (1, 2.0)]);
            sampler.await_line(&format!("1 {number}"));
        }
    }
}

#[test]
fn once_is_one_update_and_then_the_link_is_closed_on_both_sides() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("clock").unwrap();
    let topic = service.topic::<u64>("topic").open().unwrap();
    let items = [topic.item("a").unwrap(), topic.item("b").unwrap()];
    service.ready().unwrap();
    let clock = bus.connect::<u64>("clock/topic").open().unwrap();
    let links = || service.clients().iter().map(|client| client.links).sum::<usize>();
    let mut a = clock.advise("a").once().filter(|number| number % 3 == 0).hot().unwrap();
    let mut all = clock.advise("*").once().hot().unwrap();
    let mut warm = clock.advise("a").once().warm().unwrap();
    assert!(a.granted().once);
    until("all are known", || links() == 3);
    items.iter().for_each(|item| item.publish_batch(&[1, 2, 3, 4]).unwrap());
    let update = a.recv().unwrap();
    assert_eq!((update.value, update.missed, update.suppressed), (3, 0, 2));
    assert_eq!(all.recv().unwrap().value, 1);
    assert_eq!(warm.recv().unwrap().seq, 4);
    closed(&mut a);
    closed(&mut all);
    closed(&mut warm);
    until("the service knows", || links() == 0);
    assert_eq!(
        clock
            .advise("b")
            .once()
            .hot()
            .unwrap()
            .into_iter()
            .map(|update| update.unwrap().value)
            .collect::<Vec<_>>(),
        [4]
    );
}

#[test]
fn a_stopped_link_delivers_nothing_more() {
    let place = Place::new();
    let mut teller = start(&place, 2);
    let topic = readings(&place.bus());
    let mut plain = topic.advise("0").hot().unwrap();
    let mut throttled = topic.advise("*").interval(DAY).hot().unwrap();
    let mut warm = topic.advise("0").warm().unwrap();
    teller.tell([1.0, 2.0]);
    assert_eq!(take(&mut plain), Some((1, 0, 0)));
    assert!(throttled.try_recv().unwrap().is_some());
    plain.stop();
    plain.stop();
    throttled.stop();
    warm.stop();
    teller.tell([3.0]);
    closed(&mut plain);
    closed(&mut throttled);
    closed(&mut warm);
    // Neither brings it back.
    plain.resume();
    plain.update(Options::new().latest().once()).unwrap();
    teller.process.kill();
    closed(&mut plain);
}

#[test]
fn with_data_on_stop_the_newest_undelivered_comes_whatever_held_it_back() {
    let place = Place::new();
    let mut teller = start(&place, 3);
    let topic = readings(&place.bus());
    let advise = || topic.advise("*").prime(false).data_on_stop(true);
    let half = Deadband::Absolute(0.5);
    let mut links = [
        advise().hot().unwrap(),
        advise().interval(DAY).hot().unwrap(),
        advise().deadband_of(Reading::LEVEL, half).hot().unwrap(),
        advise().filter(|reading| reading.level < 20.0).deadband_of(Reading::LEVEL, half).hot().unwrap(),
        advise().hot().unwrap(),
    ];
    teller.publish(&[(0, 10.0), (1, 10.0), (2, 10.0)]);
    links.iter_mut().for_each(|link| assert_eq!(link.into_iter().take(3).count(), 3));
    links[4].pause();
    // Item 0 within the deadband, item 1 beyond it and not accepted by the filter, item 2 as it was delivered.
    teller.publish(&[(0, 10.1), (0, 10.2), (1, 15.0), (1, 30.0)]);
    let looked = links.each_mut().map(|link| core::iter::from_fn(|| link.try_recv().unwrap()).count());
    assert_eq!(looked, [4, 0, 2, 1, 0]);
    teller.publish(&[(0, 10.3), (1, 31.0)]);
    let expected: [&[(&str, u64, u64)]; 5] = [
        &[("0", 4, 3), ("1", 4, 3)],
        &[("0", 4, 1), ("1", 4, 1)],
        // The last delivered of item 1 is 30; 31 is told of.
        &[("0", 4, 1), ("1", 4, 3)],
        &[("0", 4, 1)],
        &[("0", 4, 1), ("1", 4, 1)],
    ];
    links.iter_mut().for_each(Link::stop);
    teller.publish(&[(0, 99.0), (2, 99.0)]);
    for (link, expected) in links.iter_mut().zip(expected) {
        let name = |item| topic.name(item);
        let mut last = Vec::new();
        for update in &mut *link {
            let update = update.unwrap();
            let before = update.seq - update.missed - update.suppressed - 1;
            last.push((name(update.item).to_string(), update.seq, before));
        }
        last.sort();
        let expected: Vec<_> =
            expected.iter().map(|&(name, seq, before)| (name.to_owned(), seq, before)).collect();
        assert_eq!(last, expected);
        closed(link);
    }
}

#[test]
fn with_data_on_stop_a_value_within_the_deadband_is_kept_until_then() {
    let place = Place::new();
    let mut teller = start(&place, 1);
    let topic = readings(&place.bus());
    let advise = || topic.advise("0").deadband_of(Reading::LEVEL, Deadband::Absolute(1.0));
    let mut link = advise().data_on_stop(true).hot().unwrap();
    let mut without = advise().hot().unwrap();
    for link in [&mut link, &mut without] {
        teller.tell([10.0]);
        assert!(take(link).is_some());
    }
    teller.tell([10.2, 10.4]);
    assert_eq!((take(&mut link), take(&mut without)), (None, None), "they were looked at");
    [&mut link, &mut without].into_iter().for_each(Link::stop);
    assert_eq!(take(&mut link), Some((4, 0, 2)));
    closed(&mut link);
    closed(&mut without);
}

#[test]
fn a_paused_link_says_so_and_goes_on_with_exact_counts() {
    let place = Place::new();
    let mut teller = start(&place, 1);
    let topic = readings(&place.bus());
    let mut queue = topic.advise("0").hot().unwrap();
    let mut latest = topic.advise("0").latest().hot().unwrap();
    let mut warm = topic.advise("0").warm().unwrap();
    teller.tell([1.0]);
    assert_eq!((take(&mut queue), take(&mut latest)), (Some((1, 0, 0)), Some((1, 0, 0))));
    assert_eq!(warm.try_recv().unwrap().unwrap().seq, 1);
    [&mut queue, &mut latest].into_iter().for_each(Link::pause);
    warm.pause();
    assert!(queue.granted().paused);
    teller.tell((0..2 * HISTORY as i32).map(f64::from));
    for link in [&mut queue, &mut latest] {
        assert_eq!(take(link), None);
        for error in [link.recv().unwrap_err(), link.recv_timeout(LIMIT).unwrap_err()] {
            assert!(matches!(error, Error::Paused { .. }), "{error}");
            assert!(error.to_string().contains("`meter/readings/0` is paused"), "{error}");
        }
    }
    assert_eq!(warm.try_recv().unwrap(), None);
    [&mut queue, &mut latest].into_iter().for_each(Link::resume);
    warm.resume();
    let newest = 2 * HISTORY as u64 + 1;
    assert_eq!(take(&mut queue), Some((newest - 7, 8, 0)));
    assert_eq!((2..=HISTORY).filter_map(|_| take(&mut queue)).last(), Some((newest, 0, 0)));
    assert_eq!(take(&mut latest), Some((newest, newest - 2, 0)));
    let notice = warm.try_recv().unwrap().unwrap();
    assert_eq!((notice.seq, notice.missed), (newest, newest - 2));

    // The service goes while a link is paused: that is told of when it goes on, after what is still there.
    latest.pause();
    teller.tell([5.0]);
    teller.process.kill();
    until("the link's end is known", || latest.ended().is_some());
    assert_eq!(take(&mut latest), None);
    latest.resume();
    assert_eq!(take(&mut latest), Some((newest + 1, 0, 0)));
    assert!(matches!(latest.recv(), Err(Error::Stale { reason: Ended::Died, .. })));
}

#[test]
fn a_warm_link_with_an_interval_tells_once_of_all() {
    let place = Place::new();
    let mut teller = start(&place, 1);
    let topic = readings(&place.bus());
    let mut link = topic.advise("0").interval(DAY).warm().unwrap();
    teller.tell([1.0]);
    assert_eq!(link.recv().unwrap().seq, 1);
    teller.tell([2.0, 3.0]);
    assert_eq!(link.try_recv().unwrap(), None);
    link.update(Options::new().interval(Duration::ZERO)).unwrap();
    let notice = link.recv().unwrap();
    assert_eq!((notice.seq, notice.missed), (3, 1));
}
