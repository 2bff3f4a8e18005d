//! Loom models of the lane: requests, replies, and the sleeps of both sides; and for each ordering a proof that it is
//! needed.

use core::time::Duration;
use std::sync::Arc;

use loom::thread;

use super::inbox::{INBOX_WORDS, Inbox};
use super::replies::{Look, Status, Told};
use super::requests::{Header, Kind, NO_ITEM};
use super::{Lane, LaneShape};
use crate::message::Fingerprint;
use crate::ring::models::{ModelFutex, holds_and_needs};
use crate::sync::{AtomicU64, Ordering, Site};

const SHAPE: LaneShape = LaneShape { depth: 2, request: 1, reply: 1 };

type ModelLane = Lane<Vec<AtomicU64>>;

fn words(count: usize) -> Vec<AtomicU64> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

fn lane() -> ModelLane {
    Lane::new(words(SHAPE.words()), SHAPE).unwrap()
}

fn inbox() -> Inbox<Vec<AtomicU64>> {
    Inbox::new(words(INBOX_WORDS)).unwrap()
}

fn post(lane: &ModelLane, number: u64) {
    let (kind, of) = (Kind::Execute, Fingerprint::from_words([0, 0]));
    let header = Header { kind, cell: 0, item: NO_ITEM, payload: 8, name: 0, deadline: number, of };
    lane.post(number, header, "", |words| words[0].store(number, Ordering::Relaxed));
}

fn answer(lane: &ModelLane, number: u64, futex: &ModelFutex) -> Told {
    let fill = |words: &[AtomicU64]| words[0].store(number, Ordering::Relaxed);
    lane.cell(0).answer(number, Status::Done, number, 8, fill, futex)
}

/// Whether the answer is there, and what it is.
fn take_answer(lane: &ModelLane, number: u64) -> bool {
    match lane.cell(0).look(number) {
        Look::Answered { status: Status::Done, detail, bytes: 8, words } => {
            assert_eq!([detail, words[0].load(Ordering::Relaxed)], [number; 2], "half an answer");
            true
        }
        Look::NotYet => false,
        other => panic!("{other:?}"),
    }
}

/// A request is taken while it is posted: all of it, or nothing.
fn request() {
    let lane = Arc::new(lane());
    let client = {
        let lane = lane.clone();
        thread::spawn(move || post(&lane, 1))
    };
    if let Some(taken) = lane.take(1) {
        let (header, words) = taken.expect("half a request");
        assert_eq!([header.deadline, words[0].load(Ordering::Relaxed)], [1; 2], "half a request");
    }
    client.join().unwrap();
}

#[test]
fn a_request_is_whole() {
    holds_and_needs(request, &[Site::RequestStore, Site::RequestFence]);
}

/// An answer is looked for while it is given.
fn reply() {
    let (lane, futex) = (Arc::new(lane()), ModelFutex::default());
    let client = {
        let lane = lane.clone();
        thread::spawn(move || take_answer(&lane, 1))
    };
    answer(&lane, 1, &futex);
    client.join().unwrap();
    assert!(take_answer(&lane, 1));
}

#[test]
fn an_answer_is_whole() {
    holds_and_needs(reply, &[Site::ReplyStore, Site::ReplyFence]);
}

/// Somebody sleeps until the answer comes.
fn awaited_reply() {
    let shared = Arc::new((lane(), ModelFutex::default()));
    let client = {
        let shared = shared.clone();
        thread::spawn(move || {
            let (lane, futex) = &*shared;
            while !lane.cell(0).is_over(1) {
                lane.cell(0).sleep(1, futex, Duration::MAX);
            }
        })
    };
    let (lane, futex) = &*shared;
    answer(lane, 1, futex);
    client.join().unwrap();
}

#[test]
fn a_sleeper_is_woken_by_its_answer() {
    holds_and_needs(awaited_reply, &[Site::ReplyRingFence, Site::ReplySleepFence]);
}

/// A set asks for its doorbell, and looks once more, while the answer is given.
fn told_reply() {
    let (lane, futex) = (Arc::new(lane()), ModelFutex::default());
    let client = {
        let lane = lane.clone();
        thread::spawn(move || {
            lane.cell(0).ask_for_doorbell(7);
            take_answer(&lane, 1)
        })
    };
    let told = answer(&lane, 1, &futex);
    let seen = client.join().unwrap();
    assert!(seen || told == Told::ByDoorbell(7), "neither seen nor told of");
}

#[test]
fn a_set_is_told_of_an_answer_that_it_has_not_seen() {
    holds_and_needs(told_reply, &[Site::ReplyRingFence, Site::ReplySleepFence]);
}

/// The service answers and is given up at the same time: one outcome, and nobody sleeps on.
#[test]
fn a_transaction_has_one_outcome() {
    crate::ring::models::check(|| {
        let shared = Arc::new((lane(), ModelFutex::default()));
        let service = {
            let shared = shared.clone();
            thread::spawn(move || answer(&shared.0, 1, &shared.1))
        };
        let control = {
            let shared = shared.clone();
            thread::spawn(move || shared.0.cell(0).end(1, &shared.1))
        };
        let (lane, futex) = &*shared;
        while !lane.cell(0).is_over(1) {
            lane.cell(0).sleep(1, futex, Duration::MAX);
        }
        service.join().unwrap();
        control.join().unwrap();
        assert!(lane.cell(0).is_over(1));
    });
}

/// Two clients ask, and the service sleeps until both have.
fn inbox_of_two() {
    let shared = Arc::new(([lane(), lane()], inbox(), ModelFutex::default()));
    let clients: Vec<_> = (0..2)
        .map(|index| {
            let shared = shared.clone();
            thread::spawn(move || {
                let (lanes, inbox, futex) = &*shared;
                post(&lanes[index], 1);
                inbox.ring(futex);
            })
        })
        .collect();
    let (lanes, inbox, futex) = &*shared;
    let mut next = [1, 1];
    while next != [2, 2] {
        let ready = |next: &[u64; 2]| (0..2).find(|&index| next[index] == 1 && lanes[index].has(1));
        match ready(&next) {
            Some(index) => next[index] += 1,
            None => inbox.sleep(|| ready(&next).is_some(), futex, Duration::MAX),
        }
    }
    clients.into_iter().for_each(|client| client.join().unwrap());
}

#[test]
fn a_service_sleeps_through_no_request() {
    holds_and_needs(inbox_of_two, &[Site::InboxRingFence, Site::InboxSleepFence]);
}

/// A set asks for a frame again, and looks once more, while a request is posted: what it has not seen is told of, and where the flag
/// is set when that arrives, it has seen it.
fn told_request() {
    let shared = Arc::new((lane(), inbox(), ModelFutex::default()));
    let client = {
        let shared = shared.clone();
        thread::spawn(move || {
            let (lane, inbox, futex) = &*shared;
            post(lane, 1);
            inbox.ring(futex)
        })
    };
    let (lane, inbox, _) = &*shared;
    let seen = (0..2).any(|_| {
        inbox.ask_for_frame();
        lane.has(1)
    });
    let told = client.join().unwrap();
    assert!(seen || told && !inbox.is_asked_for_frame(), "neither seen nor told of");
}

#[test]
fn a_set_is_told_of_a_request_that_it_has_not_seen() {
    holds_and_needs(told_request, &[Site::InboxRingFence, Site::InboxSleepFence]);
}

/// A request is posted while the handlers are dropped: who drops them sees it, or its client sees that it has to tell.
fn withdrawn_request() {
    let shared = Arc::new((lane(), inbox(), ModelFutex::default()));
    shared.0.offers().store(1, Ordering::Relaxed);
    let client = {
        let shared = shared.clone();
        thread::spawn(move || {
            let (lane, inbox, futex) = &*shared;
            if lane.offers().load(Ordering::Relaxed) == 0 {
                return true;
            }
            post(lane, 1);
            inbox.ring(futex);
            lane.offers().load(Ordering::Relaxed) == 0
        })
    };
    let (lane, ..) = &*shared;
    lane.offers().store(0, Ordering::Relaxed);
    Site::WithdrawFence.fence(Ordering::SeqCst);
    let seen = lane.has(1);
    let told = client.join().unwrap();
    assert!(seen || told, "neither seen nor told of");
}

#[test]
fn who_drops_the_handlers_leaves_no_request_behind() {
    holds_and_needs(withdrawn_request, &[Site::InboxRingFence, Site::WithdrawFence]);
}

/// One client asks twice, so that the service sleeps again while the first ring is still on its way.
fn inbox_twice() {
    let shared = Arc::new((lane(), inbox(), ModelFutex::default()));
    let client = {
        let shared = shared.clone();
        thread::spawn(move || {
            let (lane, inbox, futex) = &*shared;
            for number in 1..=2 {
                post(lane, number);
                inbox.ring(futex);
            }
        })
    };
    let (lane, inbox, futex) = &*shared;
    let mut next = 1;
    while next <= 2 {
        if lane.has(next) {
            next += 1;
        } else {
            inbox.sleep(|| lane.has(next), futex, Duration::MAX);
        }
    }
    client.join().unwrap();
}

#[test]
fn a_service_that_sleeps_again_is_woken_again() {
    holds_and_needs(inbox_twice, &[Site::InboxWakeAdd, Site::InboxSeenFence]);
}
