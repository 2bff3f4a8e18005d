//! DDE: `WM_DDE_INITIATE` is sent to every window, and one that pumps no messages hangs every client that connects (KB 4077003).
//!
//! Ours: connecting is answered by the library, never by a handler; so it is while the service's handler is busy for ever, and
//! while it waits for ever for a program that is stopped.

use std::sync::mpsc;
use std::time::Duration;

use bus::{Bus, Error, Message};

use crate::support::{LIMIT, Place, Test};

/// Occupies the handlers of who is asked, for ever.
#[derive(Message)]
#[message(reply = u64)]
#[repr(C)]
struct Occupy {
    how: u64,
}

/// By doing something.
const BUSY: u64 = 0;
/// By a poke that is not answered.
const WAITING: u64 = 1;

/// A service that takes pokes, until it is stopped.
pub(crate) fn sink(test: &mut Test) {
    let service = test.bus().service("sink").unwrap();
    let rooms = service.topic::<u64>("rooms").open().unwrap();
    rooms.item("kitchen").unwrap();
    service.ready().unwrap();
    let _serving = service.serve((), |handlers| {
        handlers.accept_pokes(rooms)?;
        Ok(())
    });
    test.say("ready");
    test.hear();
}

/// A service whose handlers can be occupied; says when they are about to be.
pub(crate) fn busy(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("busy").unwrap();
    let rooms = service.topic::<u64>("rooms").open().unwrap();
    rooms.item("kitchen").unwrap().publish(&7).unwrap();
    let (say, said) = mpsc::channel();
    let serving = service.serve((), move |handlers| {
        handlers.accept_pokes(rooms)?;
        let sink = bus.connect::<u64>("sink/rooms").open()?.with_timeout(Duration::MAX);
        // So that there is all that a poke needs.
        sink.poke("kitchen", &1)?;
        handlers.execute(move |(), occupy: &Occupy, _| {
            say.send("occupied").unwrap();
            if occupy.how == WAITING {
                sink.poke("kitchen", &2)?;
            }
            loop {
                std::thread::park();
            }
        })?;
        Ok(())
    });
    service.ready().unwrap();
    test.say("ready");
    // For ever, as far as this process is concerned.
    while let Ok(line) = said.recv() {
        test.say(line);
    }
    drop(serving);
}

/// All that a client can ask of a service without its handlers.
fn everything_answers(bus: &Bus) {
    assert_eq!(bus.discover("busy/*").unwrap().topics.len(), 1);
    let rooms = bus.connect::<u64>("busy/rooms").timeout(LIMIT).open().unwrap();
    assert_eq!(rooms.request("kitchen").unwrap().value, 7);
    assert!(matches!(rooms.request("attic"), Err(Error::NoSuchItem { .. })));
    let mut link = rooms.advise("kitchen").hot().unwrap();
    assert_eq!(link.recv_timeout(LIMIT).unwrap().value, 7);
    let client = bus.client("busy").timeout(LIMIT).open().unwrap();
    assert_eq!(client.commands().unwrap().len(), 1);
    // What needs a handler waits for it, and no longer than it is told.
    let poke = rooms.with_timeout(Duration::from_millis(10)).poke("kitchen", &8);
    assert!(matches!(poke, Err(Error::Timeout { .. })), "{poke:?}");
}

fn connects_while_handlers_are_occupied(how: u64) {
    let place = Place::new();
    let [mut sink, mut busy] = ["sink", "busy"].map(|role| {
        let mut process = place.start(role);
        process.await_line("ready");
        process
    });
    if how == WAITING {
        sink.stop();
    }
    let bus = place.bus();
    let first = bus.client("busy").open().unwrap();
    let occupied = first.begin_execute(&Occupy { how }).unwrap();
    busy.await_line("occupied");
    everything_answers(&bus);
    everything_answers(&place.bus());
    assert!(!occupied.is_ready());
    for process in [&mut busy, &mut sink] {
        process.kill();
    }
    assert!(matches!(occupied.wait(), Err(Error::Died { .. } | Error::Timeout { .. })));
}

/// KB 4077003.
#[test]
fn connect_is_answered_while_the_very_same_servers_handler_is_busy_for_ever() {
    connects_while_handlers_are_occupied(BUSY);
}

/// KB 4077003.
#[test]
fn connect_is_answered_while_the_servers_handler_waits_for_a_program_that_is_stopped() {
    connects_while_handlers_are_occupied(WAITING);
}
