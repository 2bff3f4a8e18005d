//! What a client writes into its lane is its own affair.
//!
//! A request that is none ends the connection that it came by, and the service says why; one that carries rubbish is
//! answered with what is wrong with it. Neither scribbling over all that a client can write, nor asking without reading
//! the answers, keeps another client's transactions from being done, once each and with the right answer.

mod support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::fs::{FallocateFlags, fallocate};
use support::desk::{Add, Dial, Keep, Note, Sum, Switch, client};
use support::lane::{
    DONE, EXECUTE, EXECUTES, EXPIRED, INVALID, Lane, NO_SUCH_ITEM, NOT_SUPPORTED, OTHER_TYPE, POKES, REQUEST,
    Request, converse,
};
use support::wire::{Client, frame, kind, words};
use support::{Desk, Place, Random, desk, roles};

roles!(desk);

/// Room for the requests of these tests, in bytes.
const ROOM: (u32, u32) = (208, 256);

fn add(first: u64, second: u64) -> Request {
    Request::execute::<Add>(&words(&[first, second]))
}

/// A lane with a desk, for commands.
fn lane(place: &Place) -> (Client, Lane) {
    let mut client = converse(place, "desk");
    let lane = Lane::open(&mut client, 7, ROOM, EXECUTES);
    (client, lane)
}

#[test]
fn a_client_by_hand_that_behaves_is_answered() {
    let place = Place::new();
    let _desk = Desk::start(&place, 8);
    let (_client, lane) = lane(&place);
    assert_eq!(lane.word(0).load(Ordering::SeqCst) & EXECUTES, EXECUTES);
    for number in 1..=100 {
        let request = Request { cell: (number % 8) as u32, ..add(number, 1) };
        let answer = lane.ask(number, &request);
        assert_eq!((answer.status, answer.bytes), (DONE, words(&[number + 1])));
    }
}

#[test]
fn a_request_that_is_none_ends_the_connection_with_a_reason() {
    let place = Place::new();
    let mut desk = Desk::start(&place, 8);
    let honest = client(&place);
    let cases: [(Request, &str); 7] = [
        (Request { kind: 0, ..add(1, 1) }, "unknown kind 0"),
        (Request { kind: 9, ..add(1, 1) }, "unknown kind 9"),
        (Request { cell: 8, ..add(1, 1) }, "answer goes to cell 8, expected below 8"),
        (Request { cell: u32::MAX, ..add(1, 1) }, "answer goes to cell 4294967295"),
        (Request { payload_bytes: u32::MAX, ..add(1, 1) }, "carries 536870912 words, expected at most 26"),
        (Request { payload_bytes: 209, ..add(1, 1) }, "carries 27 words"),
        (Request { payload_bytes: 208, name: vec![b'a'], ..add(1, 1) }, "carries 27 words"),
    ];
    for (request, expected) in cases {
        let (mut client, lane) = lane(&place);
        assert_eq!(lane.ask(1, &add(1, 1)).status, DONE);
        // Only what is in the lane: the last may have no room for its name there.
        lane.post(2, &Request { payload: words(&[1, 1]), ..request });
        let reason = client.end().expect("a goodbye");
        assert!(reason.contains(expected), "{expected:?} is missing in {reason:?}");
        assert_eq!(honest.execute(&Add(2, 3)).unwrap(), Sum(5));
    }
    // A cell that waits for an answer already.
    let (mut client, lane) = lane(&place);
    lane.post(1, &Request::execute::<Keep>(&words(&[1])));
    desk.await_kept(1);
    lane.post(2, &add(1, 1));
    let reason = client.end().expect("a goodbye");
    assert!(reason.contains("where another's does"), "{reason}");
    desk.tell("answer 1");
    drop((client, lane, honest));
    desk.await_nothing_left();
}

#[test]
fn a_request_with_rubbish_in_it_is_answered_with_what_is_wrong() {
    let place = Place::new();
    let mut desk = Desk::start(&place, 8);
    let mut client = Client::greeted(&place, "desk");
    drop(client.connect("dials"));
    let lane = Lane::open(&mut client, 7, ROOM, POKES);
    let dial = words(&[5]);
    let poke = |item: &[u8]| Request::poke::<Dial>(item, &dial);
    let cases: [(Request, u32, &str); 19] = [
        (Request::execute::<Switch>(&[7]), INVALID, "is_on"),
        (Request::execute::<Switch>(&[1, 0]), INVALID, "another number of bytes"),
        (Request::execute::<Switch>(&[]), INVALID, "another number of bytes"),
        (Request::execute::<Add>(&words(&[1])), INVALID, "another number of bytes"),
        (Request { of: [1, 2], ..add(1, 2) }, NOT_SUPPORTED, "`Add`"),
        (Request { deadline: 0, ..add(1, 2) }, EXPIRED, ""),
        (Request { deadline: 1, ..add(1, 2) }, EXPIRED, ""),
        (poke(&[0xff, 0xfe]), INVALID, "not UTF-8"),
        (poke(&[0; 150]), INVALID, "control character"),
        (poke(b"\x1b[31m"), INVALID, "control character"),
        (poke(b"../a"), INVALID, "contains `/`"),
        (poke(b"*"), INVALID, "pattern"),
        (poke(b""), INVALID, "empty"),
        (Request { item: 1, ..poke(b"") }, NO_SUCH_ITEM, ""),
        (Request { item: u32::MAX - 1, ..poke(b"") }, NO_SUCH_ITEM, ""),
        (Request { of: [3, 4], ..poke(b"a") }, OTHER_TYPE, "Dial"),
        (Request { payload: vec![0; 9], payload_bytes: 9, ..poke(b"a") }, INVALID, "another number of bytes"),
        (Request { kind: REQUEST, ..poke(b"a") }, NOT_SUPPORTED, ""),
        (Request { kind: EXECUTE, ..poke(b"a") }, NOT_SUPPORTED, "`Switch`"),
    ];
    let mut number = 0;
    for (request, status, expected) in cases {
        number += 1;
        let answer = lane.ask(number, &request);
        assert_eq!(answer.status, status, "{request:?}");
        assert!(answer.text().contains(expected), "{expected:?} is missing in {answer:?}");
        number += 1;
        assert_eq!(lane.ask(number, &poke(b"a")).status, DONE, "after {request:?}");
    }
    assert!(desk.notes().is_empty());
}

#[test]
fn a_payload_that_changes_while_it_is_read_is_valid_or_is_not() {
    let place = Place::new();
    let _desk = Desk::start(&place, 8);
    let (_client, lane) = lane(&place);
    let done = AtomicBool::new(false);
    let (mut valid, mut invalid) = (0, 0);
    let (all, shape) = (lane.words(), lane.shape);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // In all slots, since each is as good.
            while !done.load(Ordering::Relaxed) {
                for value in [0, 7, 1, 255] {
                    (0..8).for_each(|number| all[shape.slot(number) + 6].store(value, Ordering::Relaxed));
                }
            }
        });
        for number in 1..=3000 {
            let answer = lane.ask(number, &Request::execute::<Switch>(&[1]));
            match answer.status {
                DONE => valid += 1,
                INVALID => invalid += 1,
                other => panic!("{other}: {answer:?}"),
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    println!("{valid} were valid, {invalid} were not");
}

#[test]
fn marks_of_requests_that_were_not_posted_are_nothing() {
    let place = Place::new();
    let _desk = Desk::start(&place, 8);
    let honest = client(&place);
    let (_client, lane) = lane(&place);
    let mut number = 0;
    for lie in [1_000_000, u64::MAX, 1 << 63, 0, 1000] {
        // Of the request that comes next every slot but one is another's; that one is told another number.
        for index in 0..8 {
            lane.word(lane.shape.slot(index)).store(number + 1 + 8 * (1 + lie % 1000), Ordering::SeqCst);
        }
        lane.word(lane.shape.slot(number + 1)).store(lie, Ordering::SeqCst);
        lane.ring();
        assert_eq!(honest.execute(&Add(2, 3)).unwrap(), Sum(5));
        number += 1;
        assert_eq!(lane.ask(number, &add(number, 1)).bytes, words(&[number + 1]));
        // What was asked already is not asked again.
        for earlier in number.saturating_sub(7)..=number {
            lane.word(lane.shape.slot(earlier)).store(earlier, Ordering::SeqCst);
        }
        lane.ring();
        assert_eq!(honest.execute(&Add(2, 4)).unwrap(), Sum(6));
    }
}

#[test]
fn what_is_offered_by_a_lane_is_nobodys_to_change_but_for_ones_own_eyes() {
    let place = Place::new();
    let _desk = Desk::start(&place, 8);
    let (_client, lane) = lane(&place);
    for (number, offers) in (1..).zip([0, u64::MAX, 1 << 40]) {
        lane.word(0).store(offers, Ordering::SeqCst);
        assert_eq!(lane.ask(number, &add(1, 2)).status, DONE);
        assert_eq!(client(&place).execute(&Add(2, 3)).unwrap(), Sum(5));
    }
}

#[test]
fn an_inbox_that_is_scribbled_over_delays_others_and_loses_nothing() {
    let mut random = Random::seeded();
    let place = Place::new();
    let mut desk = Desk::start(&place, 8);
    let honest = client(&place);
    let (_client, lane) = lane(&place);
    let done = AtomicBool::new(false);
    let (inbox, memory) = (lane.inbox(), &lane.memory[1]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            while !done.load(Ordering::Relaxed) {
                match random.below(50) {
                    0 => fallocate(memory, hole, 0, 512).unwrap(),
                    1 => std::thread::yield_now(),
                    _ => {
                        let word = [0, 1, 16, random.below(64)][random.below(4)];
                        inbox[word].store([0, 1, random.next()][random.below(3)], Ordering::Relaxed);
                    }
                }
            }
        });
        for number in 0..30 {
            assert_eq!(honest.execute(&Note(number)).unwrap(), number);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(desk.notes(), (0..30).collect::<Vec<_>>());
}

#[test]
fn who_has_tasks_told_and_reads_nothing_has_the_service_keep_no_more_than_its_cells() {
    const REQUESTS: u64 = 20_000;
    let place = Place::new();
    let mut desk = Desk::start(&place, 8);
    let (mut client, lane) = lane(&place);
    (0..8).for_each(|cell| lane.word(lane.shape.wait(cell)).store(2, Ordering::SeqCst));
    for number in 1..=REQUESTS {
        let request = Request { cell: (number % 8) as u32, ..add(number, 1) };
        assert_eq!(lane.ask(number, &request).bytes, words(&[number + 1]));
    }
    assert_eq!(support::desk::client(&place).execute(&Add(2, 3)).unwrap(), Sum(5));
    // A last question, whose answer comes after all of them.
    client.send(&support::lane::next_offer(1, 99, 1000, false), &[]).unwrap();
    let mut told = 0;
    loop {
        let incoming = client.receive().expect("an answer");
        match incoming.kind() {
            kind::ANSWERED => told += 1,
            other => break assert_eq!(other, kind::NO_MORE_OFFERS),
        }
    }
    println!("{told} frames came for {REQUESTS} requests");
    assert!((8..REQUESTS / 4).contains(&told), "{told}: each that its socket has no room for was kept");
    drop((client, lane));
    desk.await_nothing_left();
}

#[test]
fn what_is_written_at_random_hurts_nobody_else() {
    let mut random = Random::seeded();
    let place = Place::new();
    let mut desk = Desk::start(&place, 8);
    let honest = client(&place);
    let done = AtomicBool::new(false);
    let evicted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let mut random = Random::new(random.next());
            let (place, done, evicted) = (&place, &done, &evicted);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let (mut client, lane) = lane(place);
                    let valid = add(random.next(), 1);
                    let mut number = 1;
                    for _ in 0..2000 {
                        match random.below(20) {
                            0..4 => {
                                let cell = random.below(9) as u32;
                                lane.post(number, &Request { cell, ..valid.clone() });
                                number += 1;
                            }
                            4 => lane.inbox()[random.below(64)].store(random.next(), Ordering::Relaxed),
                            way => {
                                let shift = random.below(64);
                                let lie = if way % 2 == 0 { random.next() } else { random.next() >> shift };
                                lane.words()[random.below(lane.shape.words())].store(lie, Ordering::Relaxed);
                            }
                        }
                        if done.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                    // Whether it is still connected: it is answered, or was told why not.
                    let asked =
                        client.send(&frame(kind::NEXT_TOPIC, 0, 5, &support::wire::name("", &[])), &[]);
                    loop {
                        match client.receive().map(|incoming| incoming.kind()) {
                            Some(kind::TOPIC_ENTRY) => break,
                            Some(kind::ANSWERED) => {}
                            Some(kind::GOODBYE) | None => {
                                evicted.fetch_add(1, Ordering::Relaxed);
                                break;
                            }
                            other => panic!("{other:?} after {asked:?}"),
                        }
                    }
                }
            });
        }
        for number in 0..3000 {
            assert_eq!(honest.execute(&Note(number)).unwrap(), number);
        }
        done.store(true, Ordering::Relaxed);
    });
    println!("{} connections were ended", evicted.load(Ordering::Relaxed));
    assert_eq!(desk.notes(), (0..3000).collect::<Vec<_>>());
    drop(honest);
    desk.await_nothing_left();
}
