//! Lanes are asked for by frames, and what they cost a service is bounded, whoever asks.
//!
//! A process that floods a service with questions for lanes gets what a process may have and is refused the rest, with
//! the bound; others get theirs. Lanes of conversations that are not there, lanes for what nobody offers, and a number that
//! is taken are nothing, or end the connection with a reason.

mod support;

use bus::{Client, Error, Result};
use support::desk::{Add, Large, Sum, client};
use support::lane::{COMPUTES, EXECUTES, Lane, POKES, Request, converse, next_offer, open_lane};
use support::wire::{self, frame, kind, name, words};
use support::{Desk, LIMIT, Place, Test, desk, roles, until};

roles!(desk, flooder);

/// What one process may have, in bytes, and in lanes.
const MOST_BYTES: usize = 64 << 20;
const MOST_LANES: usize = 4096;

/// Asks for lanes of so many bytes, as many as it is told, by two connections; says how many it got, and what it was told at
/// last.
fn flooder(test: &mut Test) {
    let (bytes, count): (u32, u64) = (test.hear_number(), test.hear_number());
    let path = std::path::PathBuf::from(std::env::var("BUS_TEST_DIRECTORY").unwrap());
    let mut clients = [(); 2].map(|()| {
        let mut client = wire::Client::at(&path.join("test/desk.sock")).greet();
        client.send(&frame(kind::CONNECT, 1, 0, &name("", &[false])), &[]).unwrap();
        assert_eq!(client.receive().expect("an answer").kind(), kind::OPENED);
        client
    });
    let (mut lanes, mut last) = (0, String::new());
    for number in 1..=count {
        let client = &mut clients[number as usize % 2];
        client.send(&open_lane(1, number, (bytes, bytes), EXECUTES), &[]).unwrap();
        let answer = client.receive().expect("an answer");
        match answer.kind() {
            kind::LANE_MADE => lanes += 1,
            kind::REFUSED => {
                let text = &answer.body()[1..];
                let len = usize::from(u16::from_le_bytes([text[0], text[1]]));
                last = String::from_utf8(text[2..][..len].to_vec()).unwrap();
            }
            other => panic!("{other}"),
        }
    }
    test.say(format!("{lanes} {last}"));
    test.hear();
}

/// Floods a desk with such a queue; how many lanes there were, what was said of the next, and what the service had mapped.
fn flood(queue: u32, bytes: u32, count: u64) -> (usize, String) {
    let place = Place::new();
    let mut desk = Desk::start(&place, queue);
    let mut flooder = place.start("flooder");
    flooder.say(bytes);
    flooder.say(count);
    let said = flooder.hear();
    let (lanes, last) = said.split_once(' ').unwrap();
    // Another process gets a lane, a large one included, and is served.
    let client = client(&place);
    assert_eq!(client.execute(&Add(2, 3)).unwrap(), Sum(5));
    drop(client);
    drop(flooder);
    desk.await_nothing_left();
    (lanes.parse().unwrap(), last.to_owned())
}

#[test]
fn lanes_of_any_size_are_bounded_by_what_a_process_may_have() {
    for bytes in [u32::MAX, u32::MAX - 7, 1 << 31, 40 << 20] {
        let (lanes, last) = flood(64, bytes, 20);
        assert_eq!(lanes, 0, "of {bytes}");
        assert!(
            last.contains("no memory for the transaction") && last.contains(&MOST_BYTES.to_string()),
            "{last}"
        );
    }
    let (lanes, last) = flood(64, 1 << 20, 100);
    // Two slots and two cells of a mebibyte each, and a little.
    assert_eq!(lanes, MOST_BYTES / ((4 << 20) + 4096), "{last}");
    assert!(last.contains(&MOST_BYTES.to_string()), "{last}");
}

#[test]
fn small_lanes_are_bounded_by_their_number() {
    let (lanes, last) = flood(2, 0, MOST_LANES as u64 + 100);
    assert_eq!(lanes, MOST_LANES);
    assert!(last.contains("4096 lanes"), "{last}");
}

#[test]
fn a_lane_of_a_conversation_that_is_not_there_is_nothing() {
    let place = Place::new();
    let mut desk = Desk::start(&place, 8);
    let mut client = converse(&place, "desk");
    for conversation in [0, 2, u64::MAX] {
        client.send(&open_lane(conversation, 1, (8, 8), EXECUTES), &[]).unwrap();
        client.send(&next_offer(conversation, 5, 0, true), &[]).unwrap();
        assert_eq!(client.receive().expect("an answer").kind(), kind::NO_MORE_OFFERS);
    }
    // One that was, and is closed.
    drop(Lane::open(&mut client, 1, (8, 8), EXECUTES));
    client.send(&frame(kind::CLOSE, 1, 0, &[]), &[]).unwrap();
    client.send(&open_lane(1, 2, (8, 8), EXECUTES), &[]).unwrap();
    client.send(&next_offer(1, 6, u32::MAX, false), &[]).unwrap();
    assert_eq!(client.receive().expect("an answer").kind(), kind::NO_MORE_OFFERS);
    until("its lane is gone", || desk.process.ask("left") == "1 0 1 0");
}

#[test]
fn a_closed_lane_is_asked_for_nothing_any_longer() {
    let place = Place::new();
    let mut desk = Desk::start(&place, 8);
    let mut client = converse(&place, "desk");
    let lane = Lane::open(&mut client, 1, (64, 64), EXECUTES);
    client.send(&frame(kind::CLOSE, 1, 0, &[]), &[]).unwrap();
    client.send(&next_offer(1, 6, u32::MAX, false), &[]).unwrap();
    assert_eq!(client.receive().expect("an answer").kind(), kind::NO_MORE_OFFERS);
    lane.post(1, &Request::execute::<support::desk::Note>(&words(&[1])));
    assert_eq!(support::desk::client(&place).execute(&Add(2, 3)).unwrap(), Sum(5));
    assert!(lane.answer(0, 1).is_none() && desk.notes().is_empty());
}

#[test]
fn what_cannot_be_asked_ends_the_connection_with_a_reason() {
    let place = Place::new();
    let _desk = Desk::start(&place, 8);
    let again = open_lane(1, 7, (8, 8), EXECUTES);
    let cases: [(&[Vec<u8>], &str); 3] = [
        (&[again.clone(), again], "a lane of this number is open"),
        (&[open_lane(1, 7, (8, 8), 0)], "a lane for what there is not"),
        (&[open_lane(1, 7, (8, 8), 1 << 63)], "a lane for what there is not"),
    ];
    for (frames, expected) in cases {
        let mut client = converse(&place, "desk");
        frames.iter().for_each(|frame| client.send(frame, &[]).unwrap());
        let reason = client.end().expect("a goodbye");
        assert!(reason.contains(expected), "{expected:?} is missing in {reason:?}");
    }
}

#[test]
fn a_lane_for_what_is_not_offered_is_refused_and_the_connection_goes_on() {
    let place = Place::new();
    let _desk = Desk::start(&place, 8);
    let mut client = converse(&place, "desk");
    for (number, offer) in [(1, POKES), (2, COMPUTES)] {
        client.send(&open_lane(1, number, (8, 8), offer), &[]).unwrap();
        assert_eq!(client.receive().expect("an answer").kind(), kind::REFUSED);
    }
    let lane = Lane::open(&mut client, 3, (8, 8), EXECUTES);
    assert_eq!(lane.shape.depth, 8);
}

/// Executes a command of a mebibyte, which passes over the stack.
fn execute_large(client: &Client) -> Result<()> {
    let execute = || {
        let large = Box::new(Large { words: [0; _] });
        client.execute(&*large).map(|_| ())
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(64 << 20).spawn_scoped(scope, execute);
        thread.unwrap().join().unwrap()
    })
}

#[test]
fn a_program_that_has_what_it_may_have_is_told_so_and_goes_on() {
    let place = Place::new();
    let mut desk = Desk::start(&place, 2);
    let bus = place.bus();
    let client = bus.client("desk").open().unwrap().with_timeout(LIMIT);
    assert_eq!(client.execute(&Add(2, 3)).unwrap(), Sum(5));
    let topic = bus.connect::<u64>("desk/limits").open().unwrap().with_timeout(LIMIT);
    match topic.request_boxed_as::<[u64]>("speed", 200 << 20) {
        Err(Error::NotSupported { .. }) => {}
        other => panic!("{other:?}"),
    }
    let mut by_hand = converse(&place, "desk");
    let mut lanes = Vec::new();
    for number in 1.. {
        by_hand.send(&open_lane(1, number, (1 << 20, 1 << 20), EXECUTES), &[]).unwrap();
        let answer = by_hand.receive().expect("an answer");
        if answer.kind() == kind::REFUSED {
            break;
        }
        lanes.push(answer.fds);
    }
    // This process has nothing left for a second large lane; what it has goes on.
    match execute_large(&client) {
        Err(Error::Refused { verb: "execute", reason, .. }) => {
            assert!(reason.contains(&MOST_BYTES.to_string()), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(client.execute(&Add(2, 4)).unwrap(), Sum(6));
    drop((lanes, by_hand));
    until("there is memory again", || desk.process.ask("left").ends_with(" 1"));
    execute_large(&client).unwrap();
    drop((client, topic, bus));
    desk.await_nothing_left();
}
