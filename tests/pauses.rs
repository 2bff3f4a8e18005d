//! A conversation that is paused keeps what it is asked, up to its queue, and delays no other; it goes on step by step, or altogether.
//!
//! The clients are other processes, and the thread that answers is the test's: what it has not answered when it polls in vain, it
//! does not answer.

mod support;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use bus::{Error, Handlers, Message, Pending, ServedConversation, Service};
use support::{LIMIT, Place, Process, Test, proc, roles, until};

roles!(asker);

/// The requests of one conversation that may be unanswered.
const QUEUE: u32 = 4;

/// Answered with the same number.
#[derive(Message)]
#[message(reply = u64)]
#[repr(C)]
struct Echo {
    number: u64,
}

/// Begins requests as it is told, and says how that went, and what was answered.
fn asker(test: &mut Test) {
    let client = test.bus().client("service").open().unwrap().with_timeout(LIMIT);
    let mut begun: Vec<Pending<u64>> = Vec::new();
    loop {
        match &*test.hear() {
            "answer" => test.say(begun.remove(0).wait().unwrap()),
            "are they answered" => test.say(begun.iter().any(Pending::is_ready)),
            number => match client.begin_execute(&Echo { number: number.parse().unwrap() }) {
                Ok(pending) => {
                    begun.push(pending);
                    test.say("begun");
                }
                Err(Error::Busy { retry_after, .. }) => {
                    assert!(!retry_after.is_zero());
                    test.say("busy");
                }
                Err(error) => panic!("{error}"),
            },
        }
    }
}

fn serve(place: &Place) -> (Service, Handlers<'static>) {
    let service = place.bus().service("service").unwrap();
    let mut handlers = service.handlers().unwrap();
    handlers.queue(QUEUE).unwrap().execute(|(), echo: &Echo, _| Ok(echo.number)).unwrap();
    service.ready().unwrap();
    (service, handlers)
}

/// Starts a client, and has it and its lane there by a first request.
fn start(place: &Place, service: &Service, handlers: &mut Handlers<'_>) -> (Process, ServedConversation) {
    let mut asker = place.start("asker");
    assert_eq!(asker.ask(0), "begun");
    if !service.is_paused() {
        poll(handlers, 1);
        assert_eq!(asker.ask("answer"), "0");
    }
    let conversations = service.conversations();
    (asker, conversations.into_iter().max_by_key(ServedConversation::number).unwrap())
}

/// Answers just so many, which are there.
#[track_caller]
fn poll(handlers: &mut Handlers<'_>, count: usize) {
    let mut handled = 0;
    while handled < count {
        let more = handlers.poll(&mut (), LIMIT).unwrap();
        assert!(more > 0, "{handled} of {count} were there");
        handled += more;
    }
    assert_eq!(handled + handlers.poll(&mut (), Duration::ZERO).unwrap(), count);
}

#[test]
fn a_paused_conversation_keeps_what_it_is_asked_until_its_queue_is_full() {
    let place = Place::new();
    let (service, mut handlers) = serve(&place);
    let (mut asker, conversation) = start(&place, &service, &mut handlers);
    assert_eq!(conversation.pid(), asker.pid());
    conversation.pause();
    assert!(conversation.is_paused() && !service.is_paused());
    for number in 1..=QUEUE {
        assert_eq!(asker.ask(number), "begun");
        assert_eq!(conversation.pending(), number as usize);
    }
    assert_eq!(asker.ask(5), "busy");
    poll(&mut handlers, 0);
    assert_eq!(asker.ask("are they answered"), "false");

    // One, and one more: then there is room for as many.
    for number in 1..=2 {
        conversation.step();
        poll(&mut handlers, 1);
        assert_eq!(asker.ask("answer"), number.to_string());
        assert_eq!(conversation.pending(), (QUEUE - number) as usize);
    }
    // Two steps at once, of which both count.
    conversation.step();
    conversation.step();
    poll(&mut handlers, 2);
    assert_eq!(asker.ask(5), "begun");
    poll(&mut handlers, 0);
    conversation.resume();
    assert!(!conversation.is_paused());
    poll(&mut handlers, 1);
    for number in 3..=5 {
        assert_eq!(asker.ask("answer"), number.to_string());
    }
    // A step of what is not paused is nothing that it keeps.
    conversation.step();
    conversation.pause();
    assert_eq!(asker.ask(6), "begun");
    poll(&mut handlers, 0);
}

#[test]
fn a_paused_conversation_delays_no_other() {
    let place = Place::new();
    let (service, mut handlers) = serve(&place);
    let (mut paused, conversation) = start(&place, &service, &mut handlers);
    let (mut other, _) = start(&place, &service, &mut handlers);
    conversation.pause();
    for number in 1..=QUEUE {
        assert_eq!(paused.ask(number), "begun");
    }
    for number in 1..=100 {
        assert_eq!(other.ask(number), "begun");
        poll(&mut handlers, 1);
        assert_eq!(other.ask("answer"), number.to_string());
    }
    assert_eq!(conversation.pending(), QUEUE as usize);
    assert_eq!(service.pending(), QUEUE as usize);
    assert_eq!(paused.ask("are they answered"), "false");
    // What goes with its client is not waited for.
    paused.kill();
    until("it is gone", || service.conversations().len() == 1);
    assert_eq!(service.pending(), 0);
}

#[test]
fn a_paused_service_pauses_all_conversations_and_those_to_come() {
    let place = Place::new();
    let (service, mut handlers) = serve(&place);
    let (mut first, one) = start(&place, &service, &mut handlers);
    service.pause();
    let (mut second, another) = start(&place, &service, &mut handlers);
    assert!(service.is_paused() && one.is_paused() && another.is_paused());
    assert_eq!(first.ask(1), "begun");
    assert_eq!(first.ask(2), "begun");
    assert_eq!(service.pending(), 3);
    poll(&mut handlers, 0);
    // One of each.
    service.step();
    poll(&mut handlers, 2);
    assert_eq!(first.ask("answer"), "1");
    assert_eq!(second.ask("answer"), "0");
    assert_eq!(service.pending(), 1);
    // One goes on alone.
    assert_eq!(second.ask(3), "begun");
    another.resume();
    poll(&mut handlers, 1);
    assert_eq!(second.ask("answer"), "3");
    assert!(service.is_paused() && one.is_paused());
    service.resume();
    poll(&mut handlers, 1);
    assert_eq!(first.ask("answer"), "2");
    assert!(!service.is_paused() && !one.is_paused());
    let (_third, of_it) = start(&place, &service, &mut handlers);
    assert!(!of_it.is_paused());
}

/// Wake-ups that would take longer than [`LIMIT`] if each came by the bound of a sleep, 100 ms.
const MANY: u64 = 700;

#[test]
fn what_is_paused_wakes_a_thread_that_sleeps_when_it_goes_on() {
    let place = Place::new();
    let (service, handlers) = serve(&place);
    drop(handlers);
    let (say, said) = mpsc::channel();
    let serving = service.serve((), move |handlers| {
        handlers.execute(|(), echo: &Echo, _| Ok(echo.number))?;
        say.send(proc::thread()).unwrap();
        Ok(())
    });
    let thread = said.recv_timeout(LIMIT).unwrap();
    service.pause();
    let mut asker = place.start("asker");
    let ways: [fn(&Service); 4] = [
        |service| service.step(),
        |service| service.resume(),
        |service| service.conversations()[0].step(),
        |service| service.conversations()[0].resume(),
    ];
    for way in ways {
        let start = Instant::now();
        for number in 1..=MANY {
            assert_eq!(asker.ask(number), "begun");
            until("it sleeps", || proc::sleeps_on_futex(std::process::id(), thread));
            way(&service);
            assert_eq!(asker.ask("answer"), number.to_string());
            service.pause();
        }
        assert!(start.elapsed() < LIMIT, "not by wake-ups");
    }
    drop(serving);
}
