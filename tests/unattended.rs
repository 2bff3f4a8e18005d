//! What is asked of handlers that are dropped before they begin it is answered at once, that nobody does it: whatever was posted,
//! held back ones included, and also what is posted by who looked before and comes after.

mod support;

use std::sync::atomic::Ordering;

use bus::{Error, Handlers, Message, Service};
use support::lane::{EXECUTES, EXPIRED, Lane, NOT_SUPPORTED, POKES, Request, converse};
use support::wire::{Client, frame, kind, words};
use support::{LIMIT, Place, Test, roles, start_ready, tell};

roles!(server);

/// How often handlers come and go while clients ask.
const ROUNDS: u64 = 200;
const THREADS: usize = 3;

/// Answered with its number.
#[derive(Message, Debug, Clone, Copy)]
#[message(reply = u64)]
#[repr(C)]
struct Count(u64);

fn handlers(service: &Service) -> Handlers<'static> {
    let mut handlers = service.handlers().unwrap();
    handlers.execute(|_, count: &Count, _| Ok(count.0)).unwrap();
    handlers.poke("rooms", |_, _: &u64, _| Ok(())).unwrap();
    handlers.compute("rooms", |_, _| Ok(1.5)).unwrap();
    handlers
}

/// Has handlers, answers, and lets go of them, as it is told.
fn server(test: &mut Test) {
    let service = test.bus().service("server").unwrap();
    let rooms = service.topic::<u64>("rooms").open().unwrap();
    rooms.item("kitchen").unwrap();
    let mut present = Some(handlers(&service));
    service.ready().unwrap();
    test.say("ready");
    loop {
        match test.hear().as_str() {
            "drop" => present = None,
            "make" => present = Some(handlers(&service)),
            "pause" => service.pause(),
            "resume" => service.resume(),
            "answer one" => {
                assert!(present.as_mut().unwrap().poll(&mut (), LIMIT).unwrap() > 0);
            }
            // Answers on a thread of its own, until it is dropped.
            "serve" => {
                let serving = service.serve((), |handlers| {
                    handlers.execute(|(), count: &Count, _| Ok(count.0))?;
                    Ok(())
                });
                test.say("done");
                test.await_line("drop");
                drop(serving.unwrap());
            }
            "pending" => {
                test.say(service.pending());
                continue;
            }
            line => panic!("{line:?} is not understood"),
        }
        test.say("done");
    }
}

#[track_caller]
fn not_supported<R: core::fmt::Debug>(outcome: bus::Result<R>, why: &str) {
    match outcome {
        Err(Error::NotSupported { supported, .. }) => assert_eq!(supported, why),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_waits_when_handlers_are_dropped_is_answered_that_nobody_does_it() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let rooms = place.bus().connect::<u64>("server/rooms").open().unwrap().with_timeout(LIMIT);
    for round in 0..20 {
        if round % 2 == 1 {
            tell(&mut server, "pause");
        }
        let executes = [0, 1].map(|number| rooms.begin_execute(&Count(number)).unwrap());
        let poke = rooms.begin_poke("kitchen", &round).unwrap();
        let request = rooms.begin_request_as::<f64>("kitchen").unwrap();
        assert_eq!(server.ask("pending"), "4");
        tell(&mut server, "drop");
        executes.into_iter().for_each(|execute| not_supported(execute.wait(), "the service has no commands"));
        not_supported(poke.wait(), "the topic takes no pokes");
        not_supported(request.wait(), "no item of the topic is computed");
        not_supported(rooms.execute(&Count(1)), "the service has no commands");
        // The next handlers go on with the next request.
        tell(&mut server, "make");
        tell(&mut server, "resume");
        let execute = rooms.begin_execute(&Count(round)).unwrap();
        tell(&mut server, "answer one");
        assert_eq!(execute.wait().unwrap(), round);
    }
}

#[test]
fn what_comes_after_they_were_dropped_is_answered_too() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let mut client = converse(&place, "server");
    let lane = Lane::open(&mut client, 7, (208, 256), EXECUTES);
    let count = || Request::execute::<Count>(&words(&[1]));
    // Without handlers, and without a sleeper whose flag would say that it wants to be told.
    tell(&mut server, "drop");
    for number in 1..=20 {
        assert_eq!(lane.word(0).load(Ordering::SeqCst), 0, "nothing is offered");
        // As a client that has looked before.
        let deadline = if number % 5 == 0 { 1 } else { u64::MAX };
        lane.post(number, &Request { deadline, cell: (number % 8) as u32, ..count() });
        client.send(&frame(kind::REQUEST_POSTED, 0, 0, &[]), &[]).unwrap();
        let answer = lane.await_answer((number % 8) as u32, number);
        assert_eq!(answer.status, if number % 5 == 0 { EXPIRED } else { NOT_SUPPORTED });
    }
    // One that is none ends its connection, as ever.
    let mut other = Client::greeted(&place, "server");
    tell(&mut server, "make");
    drop(other.connect("rooms"));
    let liar = Lane::open(&mut other, 7, (208, 256), POKES);
    liar.post(1, &Request { cell: 1 << 20, ..count() });
    tell(&mut server, "drop");
    assert!(other.end().expect("a goodbye").contains("cell 1048576"));
    tell(&mut server, "make");
    lane.post(21, &count());
    tell(&mut server, "answer one");
    assert_eq!(lane.await_answer(0, 21).bytes, words(&[1]));
}

#[test]
fn whenever_they_are_dropped_each_request_has_an_outcome() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    tell(&mut server, "drop");
    let client = place.bus().client("server").open().unwrap().with_timeout(LIMIT);
    let ask_until_refused = || {
        // Nobody else answers what is not refused now.
        let refused = (0..).find_map(|number| match client.execute(&Count(number)) {
            Ok(answer) => (answer != number).then(|| format!("{answer} to {number}")),
            Err(Error::NotSupported { .. }) => Some(String::new()),
            Err(error) => Some(error.to_string()),
        });
        assert_eq!(refused.as_deref(), Some(""));
    };
    for round in 0..ROUNDS {
        tell(&mut server, "serve");
        std::thread::scope(|scope| {
            (0..THREADS).for_each(|_| drop(scope.spawn(ask_until_refused)));
            (0..round % 7).for_each(|_| std::thread::yield_now());
            tell(&mut server, "drop");
        });
    }
}
