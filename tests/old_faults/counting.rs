//! DDE: each late acknowledgement leaked a reference to the item's name; a count of 16 bits wrapped, and the name was deleted
//! (Q110664).
//!
//! Ours: nothing counts late answers, and numbers have 64 bits. Of these the journal says the lower half, so what is shown here is
//! a topic that passes 2³² while all kinds of links follow it, which begins near there (`number_from`). `BUS_TEST_UPDATES` is the
//! number of updates that pass it. That the numbers of transactions do, too, is shown by the lane's unit test
//! `numbers_pass_the_wrap_of_their_half`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bus::{Error, Message, Reply, Update, WaitSet};

use crate::support::{Checked, LIMIT, Place, Test, connect};

/// Where a number's half, or the sign of its half, is over; and one far beyond, where nothing is.
const WRAPS: [u64; 4] = [1 << 31, 1 << 32, 3 << 32, 1 << 48];
/// Updates, of which half come before.
const UPDATES: u64 = 400;

fn updates() -> u64 {
    std::env::var("BUS_TEST_UPDATES")
        .map_or(UPDATES, |updates| updates.parse().expect("BUS_TEST_UPDATES is a number"))
}

/// Publishes, from the number that it is told, as many as it is told, in two items by turns, or several of each; with values where
/// links may hold them, or in their slots.
pub(crate) fn aged(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic("topic").history(4).journal(8).lossless(LIMIT);
    let topic = topic.samples(test.hear_number()).open().unwrap();
    let items = ["0", "1"].map(|item| topic.item(item).unwrap().id());
    let mut number: u64 = test.hear_number();
    topic.number_from(number);
    let publish = |number, count: u64| {
        for (index, &item) in items.iter().enumerate() {
            let item = topic.at(item).unwrap();
            let values: Vec<_> =
                (number..number + count).map(|number| Checked::new(index as u64, number)).collect();
            match &*values {
                [value] => assert_eq!(item.publish(value).unwrap(), number),
                values => item.publish_batch(values).unwrap(),
            }
            assert_eq!(item.seq(), number + count - 1);
        }
    };
    publish(number, 1);
    service.ready().unwrap();
    test.say("ready");
    loop {
        let count = test.hear_number();
        publish(number + 1, count);
        number += count;
        test.say(number);
    }
}

/// Enters what a link delivers of two items, after the last that it has had of each: each value once, or counted as missed.
fn enter(had: &mut [u64; 2], update: &Update<Checked>) {
    let (item, number) = update.value.check();
    assert_eq!(number, update.seq);
    let last = core::mem::replace(&mut had[item as usize], number);
    assert_eq!(number, last + update.missed + 1, "item {item}, {} missed", update.missed);
}

/// Q110664.
#[test]
fn links_follow_an_item_past_the_wrap_of_half_its_number() {
    for (wrap, samples) in WRAPS.into_iter().flat_map(|wrap| [(wrap, 0), (wrap, 8)]) {
        let first = wrap - (updates() / 2).min(wrap - 1);
        let place = Place::new();
        let mut aged = place.start("aged");
        aged.say(samples);
        aged.say(first);
        aged.await_line("ready");
        let topic = connect(&place.bus());
        let mut all = topic.advise("*").hot().unwrap();
        let mut latest = topic.advise("0").latest().hot().unwrap();
        let mut lossless = topic.advise("1").lossless(LIMIT).hot().unwrap();
        let mut lossless_all = topic.advise("*").lossless(LIMIT).hot().unwrap();
        let mut samples = (samples > 0).then(|| topic.advise("0").lossless(LIMIT).samples(4).unwrap());
        let mut warm = topic.advise("*").warm().unwrap();
        let mut waited = topic.advise("1").latest().hot().unwrap();
        let mut set = WaitSet::new().unwrap();
        set.add(&mut waited, ()).unwrap();
        let (mut had, mut had_lossless, mut noticed) = ([first - 1; 2], [first - 1; 2], [first - 1; 2]);
        let (mut held, mut last) = (VecDeque::new(), first);
        let present = lossless.recv_timeout(LIMIT).unwrap();
        assert_eq!((present.seq, present.missed), (first, 0));
        let mut hold = |number| {
            if let Some(samples) = &mut samples {
                let update = samples.recv_timeout(LIMIT).unwrap();
                assert_eq!((update.seq, update.missed, update.value.check()), (number, 0, (0, number)));
                held.push_back(update.value);
                if held.len() > 3 {
                    held.pop_front();
                }
            }
        };
        hold(first);
        for _ in 0..2 {
            enter(&mut had_lossless, &lossless_all.recv_timeout(LIMIT).unwrap());
        }
        // By steps that the lossless links have room for; the others are lapped now and then.
        while last < first + updates() {
            let step = 1 + last % 3;
            aged.say(step);
            aged.await_line(&(last + step).to_string());
            for number in last + 1..=last + step {
                let update = lossless.recv_timeout(LIMIT).unwrap();
                assert_eq!((update.seq, update.missed, update.value.check()), (number, 0, (1, number)));
                hold(number);
            }
            last += step;
            while had_lossless != [last; 2] {
                let update = lossless_all.recv_timeout(LIMIT).unwrap();
                assert_eq!(update.missed, 0);
                enter(&mut had_lossless, &update);
            }
            let request = topic.request("0").unwrap();
            assert_eq!((request.seq, request.value.check()), (last, (0, last)));
            if last % 7 == 0 {
                while let Some(update) = all.try_recv().unwrap() {
                    enter(&mut had, &update);
                }
                assert_eq!(latest.recv_timeout(LIMIT).unwrap().value.check(), (0, last));
                assert_eq!(set.wait_timeout(LIMIT).unwrap(), [()]);
                assert_eq!(waited.try_recv().unwrap().unwrap().value.check(), (1, last));
            }
        }
        while let Some(update) = all.try_recv().unwrap() {
            enter(&mut had, &update);
        }
        assert_eq!(had, [last; 2], "all of it was delivered or counted, past {wrap:#x}");
        while noticed != [last; 2] {
            let notice = warm.recv_timeout(LIMIT).unwrap();
            let before = core::mem::replace(&mut noticed[notice.item.index()], notice.seq);
            assert_eq!(notice.seq, before + notice.missed + 1);
        }
    }
}

#[derive(Message)]
#[message(reply = u64)]
#[repr(C)]
struct Hold {
    number: u64,
}

/// Q110664: the late answer to a transaction that was abandoned is nobody's, and leaves nothing.
#[test]
fn late_answers_to_abandoned_transactions_leave_nothing() {
    const QUEUE: u32 = 4;
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let held = Arc::new(Mutex::new(Vec::<(u64, Reply<u64>)>::new()));
    let keep = held.clone();
    let serving = service.serve((), move |handlers| {
        handlers.queue(QUEUE)?.execute_later(move |(), hold: &Hold, _, reply| {
            keep.lock().unwrap().push((hold.number, reply));
        })?;
        Ok(())
    });
    service.ready().unwrap();
    let client = bus.client("service").open().unwrap().with_timeout(LIMIT);
    // More often than a count of 16 bits holds.
    for round in 0..20_000 {
        for number in 0..u64::from(QUEUE) - 1 {
            drop(client.begin_execute(&Hold { number }).unwrap());
        }
        let mut wanted = client.begin_execute(&Hold { number: round + 100 }).unwrap();
        assert!(matches!(client.begin_execute(&Hold { number: 0 }), Err(Error::Busy { .. })));
        until_held(&held, QUEUE as usize);
        for (number, reply) in held.lock().unwrap().drain(..) {
            reply.answer(&number);
        }
        let answer = wanted.wait_timeout(LIMIT).unwrap();
        assert_eq!(answer, Some(round + 100), "an answer that was another's");
    }
    serving.unwrap().stop().unwrap();
}

/// Waits until so many requests have come; so short that it is not worth a sleep.
fn until_held(held: &Mutex<Vec<(u64, Reply<u64>)>>, count: usize) {
    let start = std::time::Instant::now();
    while held.lock().unwrap().len() < count {
        assert!(start.elapsed() < LIMIT, "a request was lost");
        std::thread::yield_now();
    }
}
