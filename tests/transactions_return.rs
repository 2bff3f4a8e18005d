//! Transactions go on with the next life of a service: those that are begun after its return go to it, and those that were
//! in flight when it was killed have their one outcome.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};

use bus::{Client, Conversation, Ended, Error, Message, Pending, Result};
use support::{LIMIT, Place, Process, Test, roles, until};

roles!(service);

/// Answered by the number of the life that gets it.
#[derive(Message, Debug, Clone, Copy)]
#[message(reply = u64)]
#[repr(C)]
struct WhichLife(u64);

/// Not answered before the service ends.
#[derive(Message, Debug, Clone, Copy)]
#[message(reply = u64)]
#[repr(C)]
struct Never(u64);

/// One life of the service, whose topic has no items.
fn service(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("service").unwrap();
    let _topic = service.topic::<u64>("topic").open().unwrap();
    let instance = service.instance();
    let mut kept = Vec::new();
    let mut handlers = service.handlers::<()>().unwrap();
    handlers.execute(move |(), _: &WhichLife, _| Ok(instance)).unwrap();
    handlers.execute_later(move |(), _: &Never, _, reply| kept.push(reply)).unwrap();
    handlers.compute::<u64>("topic", move |(), _| Ok(instance)).unwrap();
    service.ready().unwrap();
    test.say(instance);
    handlers.run(&mut ()).unwrap();
}

fn start(place: &Place) -> (Process, u64) {
    let mut process = place.start("service");
    let instance = process.hear_number();
    (process, instance)
}

/// A conversation with the service as a whole, and one with a topic that has nothing in memory.
fn converse(place: &Place) -> (Client, Conversation<u64>) {
    let bus = place.bus();
    let client = bus.client("service").open().unwrap().with_timeout(LIMIT);
    (client, bus.connect("service/topic").open().unwrap().with_timeout(LIMIT))
}

#[track_caller]
fn died(pending: Pending<u64>) {
    match pending.wait() {
        Err(Error::Died { service, reason, .. }) => assert_eq!((&*service, reason), ("service", Ended::Died)),
        other => panic!("{other:?}"),
    }
}

/// That nobody is there who could do it.
#[track_caller]
fn gone<R: core::fmt::Debug>(result: Result<R>) {
    assert!(matches!(result, Err(Error::Stale { reason: Ended::Died, .. })), "{result:?}");
}

#[test]
fn what_is_begun_after_a_return_goes_to_the_new_life() {
    let place = Place::new();
    let (mut process, mut instance) = start(&place);
    let (client, topic) = converse(&place);
    for _ in 0..8 {
        assert_eq!(client.execute(&WhichLife(0)).unwrap(), instance);
        assert_eq!(topic.execute(&WhichLife(0)).unwrap(), instance);
        assert_eq!(topic.request("computed").unwrap().value, instance);
        assert_eq!(smol::block_on(client.execute_async(&WhichLife(0))).unwrap(), instance);
        assert_eq!(client.commands().unwrap().len(), 2);
        assert_eq!((client.instance(), topic.instance()), (instance, instance));
        let in_flight = [client.begin_execute(&Never(1)).unwrap(), topic.begin_execute(&Never(2)).unwrap()];
        process.kill();
        in_flight.into_iter().for_each(died);
        until("both know", || client.ended().is_some() && topic.ended().is_some());
        gone(client.execute(&WhichLife(0)));
        gone(topic.execute(&WhichLife(0)));
        gone(smol::block_on(client.execute_async(&WhichLife(0))));
        gone(client.commands());
        (process, instance) = start(&place);
        until("both are back", || client.ended().is_none() && topic.ended().is_none());
    }
}

/// Ends the threads, also where the test fails.
struct End<'d>(&'d AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn each_of_many_has_the_answer_of_one_life_or_a_reason() {
    let place = Place::new();
    let (mut process, mut instance) = start(&place);
    let (client, topic) = converse(&place);
    let (client, topic, done) = (&client, &topic, &AtomicBool::new(false));
    let hammer = |execute: &dyn Fn() -> Result<u64>| {
        let mut lives: Vec<u64> = Vec::new();
        while !done.load(Ordering::Relaxed) {
            match execute() {
                Ok(life) if lives.last() != Some(&life) => lives.push(life),
                Ok(_) | Err(Error::Died { .. } | Error::Stale { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        lives
    };
    std::thread::scope(|scope| {
        let end = End(done);
        let hammers = [
            scope.spawn(move || hammer(&|| client.execute(&WhichLife(0)))),
            scope.spawn(move || hammer(&|| topic.execute(&WhichLife(0)))),
            scope.spawn(move || hammer(&|| topic.request("computed").map(|update| update.value))),
        ];
        let mut lives = vec![instance];
        for _ in 0..20 {
            until("it is answered", || matches!(client.execute(&WhichLife(0)), Ok(life) if life == instance));
            process.kill();
            (process, instance) = start(&place);
            lives.push(instance);
        }
        until("it is answered", || matches!(topic.execute(&WhichLife(0)), Ok(life) if life == instance));
        drop(end);
        for hammer in hammers {
            let mut all = lives.iter();
            for life in hammer.join().unwrap() {
                assert!(all.any(|known| *known == life), "never of a life before one that has answered");
            }
        }
    });
}
