//! What a handler may do: all that a program can. Only what could never end is refused, and what two services do to each other
//! ends by its deadline.

mod support;

use std::time::Duration;

use bus::{Bus, Client, Error, Message, Pending, Refusal, Reply, Topic};
use support::{LIMIT, Place, Test, roles, until};

roles!(caller, setter, partner);

/// Longer than anything here takes, and not so long that what waits in vain would outlive a test that fails.
const LONG: Duration = Duration::from_secs(10);

/// Answered with a number that the handler has by asking elsewhere.
#[derive(Message, Clone, Copy)]
#[message(reply = u64)]
#[repr(C)]
struct Ask {
    number: u64,
}

/// Answered with the same number.
#[derive(Message, Clone, Copy)]
#[message(reply = u64)]
#[repr(C)]
struct Echo {
    number: u64,
}

fn client(bus: &Bus, service: &str) -> Client {
    bus.client(service).wait(LIMIT).open().unwrap().with_timeout(LIMIT)
}

/// Asks the service of the test, and says what it answers.
fn caller(test: &mut Test) {
    let client = client(&test.bus(), "service");
    loop {
        let number = test.hear_number();
        match client.execute(&Ask { number }) {
            Ok(answer) => test.say(answer),
            Err(error) => test.say(format!("{error:?}").replace('\n', " ")),
        }
    }
}

/// Pokes an item of the test's service, and says what it then is.
fn setter(test: &mut Test) {
    let topic = test.bus().connect::<u64>("service/levels").open().unwrap().with_timeout(LIMIT);
    loop {
        let level: u64 = test.hear_number();
        topic.poke("level", &level).unwrap();
        test.say(topic.request("level").unwrap().value);
    }
}

/// Another service: it echoes, has an item that it publishes what is poked to, and whose handlers ask the test's service.
fn partner(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("partner").unwrap();
    let levels = service.topic::<u64>("levels").open().unwrap();
    levels.item("level").unwrap().publish(&0).unwrap();
    service.ready().unwrap();
    let patience = Duration::from_millis(test.hear_number());
    let serving = service.serve((), move |handlers| {
        handlers.accept_pokes(levels)?;
        handlers.execute(|(), echo: &Echo, _| Ok(echo.number))?;
        let other = client(&bus, "service").with_timeout(patience);
        handlers.execute(move |(), ask: &Ask, _| Ok(other.execute(&Echo { number: ask.number })?))?;
        Ok(())
    });
    test.say("ready");
    test.hear();
    drop(serving);
}

/// A service `service` with an item `levels/level`.
fn service(bus: &Bus) -> (bus::Service, Topic<u64>) {
    let service = bus.service("service").unwrap();
    let levels = service.topic::<u64>("levels").open().unwrap();
    levels.item("level").unwrap().publish(&0).unwrap();
    service.ready().unwrap();
    (service, levels)
}

#[test]
fn it_publishes_the_very_item_that_it_was_poked() {
    let place = Place::new();
    let bus = place.bus();
    let (service, levels) = service(&bus);
    let mut link = bus.connect::<u64>("service/levels").open().unwrap().advise("level").hot().unwrap();
    let serving = service.serve(levels, |handlers| {
        handlers.poke("levels", |levels: &mut Topic<u64>, level: &u64, caller| {
            let item = caller.item_id().and_then(|id| levels.at(id)).ok_or(Refusal::NoSuchItem)?;
            // More than once, and more often than the item's history is long.
            for step in 1..=100 {
                item.publish(&(level * 100 + step))?;
            }
            Ok(())
        })?;
        Ok(())
    });
    let mut setter = place.start("setter");
    for level in 1..=20 {
        assert_eq!(setter.ask(level), (level * 100 + 100).to_string());
    }
    until("the link has the last", || link.try_recv().unwrap().is_some_and(|update| update.value == 2100));
    drop(serving);
}

#[test]
fn it_requests_and_advises_on_items_of_its_own_service() {
    let place = Place::new();
    let bus = place.bus();
    let (service, levels) = service(&bus);
    let mut caller = place.start("caller");
    let serving = service.serve(levels, move |handlers| {
        handlers.execute(move |levels: &mut Topic<u64>, ask: &Ask, _| {
            levels.item("level")?.publish(&ask.number)?;
            // All of it anew, connecting included: that is the control threads' business, and memory's.
            let conversation = bus.connect::<u64>("service/levels").open()?;
            let requested = conversation.request("level")?.value;
            let mut link = conversation.advise("level").hot()?;
            let present = link.recv_timeout(LIMIT)?.value;
            levels.item("level")?.publish(&(ask.number + 1))?;
            let next = link.recv_timeout(LIMIT)?.value;
            Ok(requested * 1_000_000 + present * 1000 + next)
        })?;
        Ok(())
    });
    assert_eq!(caller.ask(7), "7007008");
    assert_eq!(caller.ask(3), "3003004");
    drop(serving);
}

#[test]
fn it_may_not_wait_for_its_own_service_and_is_told_so_at_once() {
    let place = Place::new();
    let bus = place.bus();
    let (service, levels) = service(&bus);
    let mut caller = place.start("caller");
    let serving = service.serve((), move |handlers| {
        handlers.accept_pokes(levels)?;
        handlers.execute(|(), echo: &Echo, _| Ok(echo.number))?;
        let itself = client(&bus, "service").with_timeout(LONG);
        let topic = bus.connect::<u64>("service/levels").open()?.with_timeout(LONG);
        handlers.execute(move |(), ask: &Ask, _| {
            let would = |error| matches!(error, Err(Error::WouldDeadlock { .. }));
            assert!(would(itself.execute(&Echo { number: 1 }).map(drop)));
            assert!(would(topic.poke("level", &1)));
            assert!(would(itself.begin_execute(&Echo { number: 1 })?.wait().map(drop)));
            Ok(ask.number)
        })?;
        Ok(())
    });
    assert_eq!(caller.ask(5), "5");
    assert_eq!(caller.ask(6), "6", "what was begun in vain was done after it, and is in nobody's way");
    drop(serving);
}

/// What waits for an answer of the service itself.
type Waiting = Vec<(Pending<u64>, Reply<u64>)>;

#[test]
fn it_asks_its_own_service_and_answers_when_that_has() {
    let place = Place::new();
    let bus = place.bus();
    let (service, _levels) = service(&bus);
    let mut caller = place.start("caller");
    let (ready, is_ready) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        let itself = client(&bus, "service");
        let mut handlers = service.handlers().unwrap();
        handlers.execute(|_, echo: &Echo, _| Ok(echo.number * 10)).unwrap();
        handlers
            .execute_later(move |waiting: &mut Waiting, ask: &Ask, _, reply| {
                match itself.begin_execute(&Echo { number: ask.number }) {
                    Ok(pending) => waiting.push((pending, reply)),
                    Err(error) => reply.refuse(error),
                }
            })
            .unwrap();
        ready.send(()).unwrap();
        let (mut waiting, mut answered) = (Waiting::new(), 0);
        while answered < 3 {
            handlers.poll(&mut waiting, LIMIT).unwrap();
            for (pending, reply) in waiting.extract_if(.., |(pending, _)| pending.is_ready()) {
                reply.answer(&pending.wait().unwrap());
                answered += 1;
            }
        }
    });
    is_ready.recv_timeout(LIMIT).unwrap();
    for number in 1..=3 {
        assert_eq!(caller.ask(number), (number * 10).to_string());
    }
    server.join().unwrap();
}

#[test]
fn it_waits_for_another_service() {
    let place = Place::new();
    let mut partner = place.start("partner");
    let bus = place.bus();
    let (service, _levels) = service(&bus);
    partner.say(60_000);
    partner.await_line("ready");
    let mut caller = place.start("caller");
    let serving = service.serve((), move |handlers| {
        let partner = client(&bus, "partner");
        let levels = bus.connect::<u64>("partner/levels").open()?.with_timeout(LIMIT);
        let mut link = levels.advise("level").hot()?;
        handlers.execute(move |(), ask: &Ask, _| {
            levels.poke("level", &ask.number)?;
            while link.recv_timeout(LIMIT)?.value != ask.number {}
            Ok(partner.execute(&Echo { number: levels.request("level")?.value })?)
        })?;
        Ok(())
    });
    for number in 1..=5 {
        assert_eq!(caller.ask(number), number.to_string());
    }
    drop(serving);
}

#[test]
fn two_services_whose_handlers_wait_for_each_other_go_on_after_the_deadline() {
    let place = Place::new();
    let mut partner = place.start("partner");
    let bus = place.bus();
    let (service, _levels) = service(&bus);
    // The partner's handler gives up first, and its answer is that it failed.
    partner.say(50);
    partner.await_line("ready");
    let mut caller = place.start("caller");
    let serving = service.serve((), move |handlers| {
        handlers.execute(|(), echo: &Echo, _| Ok(echo.number))?;
        let partner = client(&bus, "partner");
        handlers.execute(move |(), ask: &Ask, _| Ok(partner.execute(ask)?))?;
        Ok(())
    });
    let answer = caller.ask(1);
    assert!(answer.contains("failed to execute") && answer.contains("50ms"), "{answer}");
    // Both serve on.
    let clients = [client(&place.bus(), "service"), client(&place.bus(), "partner")];
    for client in &clients {
        assert_eq!(client.execute(&Echo { number: 9 }).unwrap(), 9);
    }
    // In one direction it is no circle, and ends well as soon as the answer comes in time.
    until("the partner asks", || clients[1].execute(&Ask { number: 3 }).is_ok_and(|answer| answer == 3));
    drop(serving);
}
