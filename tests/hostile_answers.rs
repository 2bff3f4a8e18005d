//! What a service answers is not believed before it is checked, and not waited for beyond the deadline.
//!
//! A service by hand answers with statuses that there are not, with lengths that cannot be, with bits that are no value, with
//! marks of others, and with answers that it takes away again; it hands out lanes of lying shapes. Its client gets errors
//! that say so, and goes on, or ends the conversation with a reason.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bus::{Conversation, Ended, Error, Message, Pending, Result, Wait, WaitSet};
use rustix::fs::SealFlags;
use support::forged::{Affair, BELL_SEALS, Forged, Service};
use support::lane::{DONE, Lane, NOT_SUPPORTED, Shape, send_lane};
use support::wire::{Client, frame, kind, name, words};
use support::{LIMIT, Place, Random, executor, until};

/// What is asked.
#[derive(Message, Debug)]
#[message(reply = Answer)]
#[repr(C)]
struct Ask {
    number: u64,
}

/// What is answered: not all bytes are one.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
struct Answer {
    number: u64,
    is_on: bool,
}

/// A lane as an honest service makes it when it is asked for a small one.
const SHAPE: Shape = Shape { depth: 4, request: 26, reply: 32 };
const SHORT: Duration = Duration::from_millis(30);

/// A client in a conversation with a service by hand, that asked once, and its lane.
struct Liar {
    affair: Affair<u64>,
    lane: Lane,
    topic: Conversation<u64>,
    /// The number of the last request.
    number: u64,
}

fn begin(place: &Place) -> Affair<u64> {
    Affair::begin(place.bus(), Service::new(place, "liar"), Forged::topic::<u64>(&["a"]))
}

impl Liar {
    fn new(place: &Place) -> Self {
        let lane = Lane::made(SHAPE);
        lane.word(0).store(7, Ordering::SeqCst);
        let mut affair = begin(place);
        let topic = affair.topic.clone().with_timeout(LIMIT);
        let pending = std::thread::scope(|scope| {
            let begun = scope.spawn(|| topic.begin_execute(&Ask { number: 0 }));
            let asked = await_question(&mut affair.client);
            send_lane(&mut affair.client, affair.conversation, asked, SHAPE, &lane);
            begun.join().unwrap().unwrap()
        });
        let mut liar = Liar { affair, lane, topic, number: 1 };
        liar.answer(pending, 0);
        liar
    }

    fn ask(&mut self) -> Pending<Answer> {
        self.number += 1;
        self.topic.begin_execute(&Ask { number: self.number }).unwrap()
    }

    /// Answers as it should.
    #[track_caller]
    fn answer(&mut self, pending: Pending<Answer>, number: u64) {
        let cell = self.lane.await_request(self.number);
        self.lane.give(cell, self.number, (DONE, 16), &[number, 1]);
        assert_eq!(pending.wait().unwrap(), Answer { number, is_on: true });
    }

    /// Asks and is answered as it should be.
    #[track_caller]
    fn check(&mut self) {
        let pending = self.ask();
        self.answer(pending, 77);
    }

    /// Asks, and is answered so.
    fn lie(&mut self, said: (u32, u32), answer: &[u64]) -> Result<Answer> {
        let pending = self.ask();
        let cell = self.lane.await_request(self.number);
        self.lane.give(cell, self.number, said, answer);
        pending.wait()
    }
}

/// Waits until the client asks for a lane; by which number.
fn await_question(client: &mut Client) -> u64 {
    let asked = client.receive().expect("a question");
    assert_eq!(asked.kind(), kind::OPEN_LANE);
    asked.reference()
}

#[track_caller]
fn broken(answered: Result<Answer>) -> String {
    match answered {
        Err(Error::Protocol { peer, detail }) => {
            assert_eq!(peer, "service `liar`");
            detail
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_that_is_none_is_an_error_and_the_next_is_one() {
    let place = Place::new();
    let mut liar = Liar::new(&place);
    for status in [0, 12, 255, u32::MAX] {
        assert!(broken(liar.lie((status, 16), &[1, 1])).contains("cannot be"));
    }
    for bytes in [37 * 8 + 1, 1 << 20, u32::MAX] {
        assert!(broken(liar.lie((DONE, bytes), &[1, 1])).contains("cannot be"), "{bytes}");
    }
    for bytes in [0, 1, 15, 17, 256] {
        assert!(broken(liar.lie((DONE, bytes), &[1, 1])).contains(&format!("{bytes} bytes")));
    }
    for is_on in [2, 7, 255] {
        assert!(broken(liar.lie((DONE, 16), &[1, is_on])).contains("is_on"));
    }
    liar.check();
    assert!(liar.topic.ended().is_none());
}

#[test]
fn texts_are_printable_whatever_was_written() {
    let place = Place::new();
    let mut liar = Liar::new(&place);
    for status in 2..=11 {
        let error = liar.lie((status, 256), &[u64::from_ne_bytes(*b"\x1b[31m\xff\n\0"); 32]).unwrap_err();
        let text = error.to_string();
        assert!(!text.chars().any(char::is_control), "{text:?}");
        // Empty, and longer than any text.
        liar.lie((status, 0), &[]).unwrap_err();
        liar.lie((status, 36 * 8), &[u64::MAX; 36]).unwrap_err();
    }
    let supported = liar.lie((NOT_SUPPORTED, 3), &[u64::from_ne_bytes(*b"abcdefgh")]).unwrap_err();
    assert!(matches!(supported, Error::NotSupported { supported, .. } if supported == "abc"));
    liar.check();
}

#[test]
fn marks_of_others_are_no_answers_and_what_never_comes_is_late() {
    let place = Place::new();
    let mut liar = Liar::new(&place);
    let patient = liar.topic.clone();
    liar.topic = liar.topic.with_timeout(SHORT);
    // Fewer than there are cells, since those that are not answered are not free.
    for mark in [0, 1 << 62, u64::MAX >> 1] {
        let pending = liar.ask();
        let cell = liar.lane.await_request(liar.number);
        liar.lane.give(cell, mark, (DONE, 16), &[1, 1]);
        match pending.wait() {
            Err(Error::Timeout { hint, .. }) => assert!(hint.contains("stopped"), "{hint}"),
            other => panic!("{other:?}"),
        }
    }
    liar.topic = patient;
    liar.check();
    // As a task, too.
    let pending = liar.topic.clone().with_timeout(SHORT).begin_execute(&Ask { number: 0 }).unwrap();
    liar.number += 1;
    assert!(matches!(executor::run("by hand", pending), Err(Error::Timeout { .. })));
    assert!(matches!(liar.topic.execute(&Ask { number: 0 }), Err(Error::Busy { .. })));
}

#[test]
fn a_service_that_says_that_it_is_dead_is_not_believed_to_be() {
    let place = Place::new();
    let mut liar = Liar::new(&place);
    let pending = liar.ask();
    let cell = liar.lane.await_request(liar.number);
    liar.lane.give(cell, 1 << 63, (DONE, 16), &[1, 1]);
    match pending.wait() {
        Err(Error::Died { reason: Ended::Misbehaved(_), .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_has_ended_stays_so_whatever_the_service_writes_then() {
    let place = Place::new();
    let mut liar = Liar::new(&place);
    // As long as it takes: nothing but the end of the conversation ends these.
    liar.topic = liar.topic.with_timeout(Duration::MAX);
    let mut pending: Vec<Option<Pending<Answer>>> = (0..4).map(|_| Some(liar.ask())).collect();
    let mut set = WaitSet::new().unwrap();
    set.add(pending[0].as_mut().unwrap(), 7).unwrap();
    let Liar { affair, lane, topic, .. } = liar;
    drop(affair);
    until("the conversation has ended", || topic.ended().is_some());
    for cell in 0..4 {
        let mark = lane.word(SHAPE.cell(cell));
        until("its transactions have", || mark.load(Ordering::SeqCst) >> 63 == 1);
        mark.store(0, Ordering::SeqCst);
    }
    let (say, said) = mpsc::channel();
    std::thread::spawn(move || {
        let mut take = |index: usize| pending[index].take().unwrap();
        assert_eq!(set.wait().unwrap(), [7]);
        say.send(take(0).wait().unwrap_err()).unwrap();
        let mut second = take(1);
        assert!(second.is_ready());
        say.send(second.try_wait().unwrap_err()).unwrap();
        say.send(take(2).wait().unwrap_err()).unwrap();
        say.send(executor::run("by hand", take(3)).unwrap_err()).unwrap();
    });
    for way in ["in a set", "looked at", "waited for", "by a task"] {
        match said.recv_timeout(LIMIT) {
            Ok(Error::Died { verb: "execute", .. }) => {}
            other => panic!("{way}: {other:?}"),
        }
    }
}

#[test]
fn an_answer_that_changes_while_it_is_read_is_a_value_or_is_not() {
    let place = Place::new();
    let mut liar = Liar::new(&place);
    let (mut valid, mut invalid) = (0, 0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (words, done) = (liar.lane.words(), &done);
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                for is_on in [0, 1, 2, 255] {
                    (0..4).for_each(|cell| words[SHAPE.cell(cell) + 4].store(is_on, Ordering::Relaxed));
                }
            }
        });
        let mut number = liar.number;
        for _ in 0..2000 {
            number += 1;
            let pending = liar.topic.begin_execute(&Ask { number }).unwrap();
            let cell = (words[SHAPE.slot(number) + 1].load(Ordering::SeqCst) >> 32) as usize;
            words[SHAPE.cell(cell as u32) + 1].store(u64::from(DONE) | 16 << 32, Ordering::SeqCst);
            words[SHAPE.cell(cell as u32)].store(number, Ordering::SeqCst);
            match pending.wait() {
                Ok(_) => valid += 1,
                error => assert!(
                    broken(error).contains("is_on") && {
                        invalid += 1;
                        true
                    }
                ),
            }
        }
        liar.number = number;
        done.store(true, Ordering::Relaxed);
    });
    println!("{valid} were valid, {invalid} were not");
    liar.check();
}

#[test]
fn an_answer_that_is_taken_away_again_delays_nobody_beyond_the_deadline() {
    let place = Place::new();
    let liar = Liar::new(&place);
    let topic = liar.topic.clone().with_timeout(Duration::from_millis(1)).with_wait(Wait::Spin);
    let client = std::thread::spawn(move || {
        for number in 0..1500 {
            // Any outcome will do.
            let _ = topic.execute(&Ask { number });
            let _ = topic.begin_execute(&Ask { number }).and_then(Pending::wait);
        }
    });
    let mut random = Random::seeded();
    let (begin, mut number, mut before) = (Instant::now(), liar.number, None);
    while !client.is_finished() {
        assert!(begin.elapsed() < LIMIT, "one is waited for, and has no outcome");
        let slot = SHAPE.slot(number + 1);
        if liar.lane.word(slot).load(Ordering::SeqCst) == number + 1 {
            number += 1;
            let cell = (liar.lane.word(slot + 1).load(Ordering::SeqCst) >> 32) as u32;
            // What was late before is answered now, so that its cell comes back.
            if let Some((cell, number)) = before.replace((cell, number)) {
                liar.lane.give(cell, number, (DONE, 16), &[1, 1]);
            }
            // For as short as it takes to see it and to find it gone at a closer look: now and then that is what happens.
            liar.lane.word(SHAPE.cell(cell)).store(number, Ordering::Relaxed);
            (0..random.below(40)).for_each(|_| core::hint::spin_loop());
            liar.lane.word(SHAPE.cell(cell)).store(0, Ordering::Relaxed);
        }
    }
    client.join().unwrap();
}

#[test]
fn what_is_not_offered_is_not_asked_for() {
    let place = Place::new();
    let liar = Liar::new(&place);
    liar.lane.word(0).store(0, Ordering::SeqCst);
    assert!(matches!(liar.topic.execute(&Ask { number: 0 }), Err(Error::NotSupported { .. })));
    assert!(matches!(liar.topic.poke("a", &1), Err(Error::NotSupported { .. })));
}

/// Hands out a lane that is said to have this shape; why the client ended the conversation, or how it goes on.
#[track_caller]
fn misbehaved(said: Shape, lane: &Lane) -> String {
    let place = Place::new();
    let mut affair = begin(&place);
    let topic = affair.topic.clone().with_timeout(LIMIT);
    std::thread::scope(|scope| {
        let begun = scope.spawn(|| topic.execute(&Ask { number: 1 }));
        let asked = await_question(&mut affair.client);
        lane.word(0).store(7, Ordering::SeqCst);
        send_lane(&mut affair.client, affair.conversation, asked, said, lane);
        until("the client ends it", || topic.ended().is_some());
        let error = begun.join().unwrap().unwrap_err().to_string();
        let Some(Ended::Misbehaved(detail)) = topic.ended() else { panic!("{:?}", topic.ended()) };
        assert!(error.contains(&detail), "{error}");
        detail
    })
}

#[test]
fn a_lane_of_a_lying_shape_ends_the_conversation_with_a_reason() {
    let honest = Lane::made(SHAPE);
    for depth in [0, 1, 3, 6, 8192, 1 << 31, u32::MAX] {
        let detail = misbehaved(Shape { depth, ..SHAPE }, &honest);
        assert!(detail.contains("lane") && detail.contains("shape"), "{detail}");
    }
    // No service makes one of more than 64 MiB.
    for (request, reply) in
        [(u32::MAX, 32), (26, u32::MAX), (u32::MAX, u32::MAX), (1 << 21, 32), (26, 1 << 21)]
    {
        assert!(misbehaved(Shape { request, reply, ..SHAPE }, &honest).contains("shape"));
    }
    // Less than it was asked for.
    for (request, reply) in [(0, 32), (25, 32), (26, 0), (26, 31)] {
        let detail = misbehaved(Shape { request, reply, ..SHAPE }, &honest);
        assert!(detail.contains("room that it was asked for"), "{detail}");
    }
    // More than there is memory for.
    let detail = misbehaved(Shape { depth: 64, ..SHAPE }, &honest);
    assert!(detail.contains("bytes, expected at least"), "{detail}");
    let detail = misbehaved(SHAPE, &Lane::sealed(SHAPE, [SHAPE.words() * 8, 256], BELL_SEALS));
    assert!(detail.contains("256 bytes, expected at least 512"), "{detail}");
}

#[test]
fn a_lane_that_can_be_taken_away_ends_the_conversation_with_a_reason() {
    for seals in [SealFlags::empty(), SealFlags::SHRINK, SealFlags::GROW | SealFlags::SEAL] {
        let detail = misbehaved(SHAPE, &Lane::sealed(SHAPE, [SHAPE.words() * 8, 512], seals));
        assert!(detail.contains("seal"), "{detail}");
    }
}

#[test]
fn frames_about_lanes_that_there_are_not_are_nothing_or_end_the_conversation() {
    let place = Place::new();
    let mut liar = Liar::new(&place);
    let conversation = liar.affair.conversation;
    let client = &mut liar.affair.client;
    for (of, lane, cell) in [(conversation, 1, 0), (conversation, u64::MAX, u64::from(u32::MAX)), (9, 9, 0)] {
        client.send(&frame(kind::ANSWERED, of, lane, &words(&[cell])), &[]).unwrap();
    }
    // One that nobody asked for, or whoever did has given up.
    send_lane(client, conversation, 12345, SHAPE, &Lane::made(SHAPE));
    client.send(&frame(kind::NO_MORE_OFFERS, conversation, 12345, &[]), &[]).unwrap();
    liar.check();
    assert!(liar.topic.ended().is_none());
}

/// Lets a client ask for commands, and has each question answered by `answer`; why the client ended the conversation.
fn listed(mut answer: impl FnMut(u64, u64) -> Vec<u8>) -> String {
    let place = Place::new();
    let mut affair = begin(&place);
    let topic = affair.topic.clone();
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| topic.formats().unwrap_err().to_string());
        while let Some(question) = affair.client.receive() {
            assert_eq!(question.kind(), kind::NEXT_OFFER);
            let answer = answer(question.conversation(), question.reference());
            if affair.client.send(&answer, &[]).is_err() {
                break;
            }
        }
        // For want of an answer in time, or since the conversation has ended; and that may be known a moment after the hang-up.
        asked.join().unwrap();
        until("the conversation has ended", || topic.ended().is_some());
        match topic.ended() {
            Some(Ended::Misbehaved(detail)) => detail,
            other => panic!("{other:?}"),
        }
    })
}

#[test]
fn a_list_of_commands_that_does_not_end_or_is_another_ends_the_conversation() {
    let detail = listed(|conversation, reference| {
        let mut body = words(&[1, 2, 3, 4]);
        body.extend([name("a", &[]), name("b", &[]), vec![0; 6]].concat());
        frame(kind::OFFER_ENTRY, conversation, reference, &body)
    });
    assert!(detail.contains("more than"), "{detail}");
    let detail = listed(|conversation, reference| {
        let mut body = words(&[1, 2, 3]);
        body.extend([name("a", &[]), name("b", &[]), vec![0; 6]].concat());
        frame(kind::TOPIC_ENTRY, conversation, reference, &body)
    });
    assert!(detail.contains("topic"), "{detail}");
}
