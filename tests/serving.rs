//! Handlers on a thread of their own: they answer, they end when they are to, and nothing that is dropped, in whatever order and
//! wherever, waits for itself.

mod support;

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use bus::{Bus, Client, Error, Message, Refusal, Service, Serving};
use support::{LIMIT, Place, Test, roles, until};

roles!(asker);

/// Answered with the sum so far.
#[derive(Message)]
#[message(reply = u64)]
#[repr(C)]
struct Count {
    by: u64,
}

/// Begins a service that counts.
fn counter(bus: &Bus) -> (Service, Serving<u64>) {
    let service = bus.service("counter").unwrap();
    service.ready().unwrap();
    let serving = service.serve(0, |handlers| {
        handlers.execute(|sum: &mut u64, count: &Count, _| {
            *sum += count.by;
            Ok(*sum)
        })?;
        Ok(())
    });
    (service, serving.unwrap())
}

fn client(bus: &Bus) -> Client {
    bus.client("counter").timeout(LIMIT).open().unwrap().with_timeout(LIMIT)
}

/// Counts what it is told, and says the sum.
fn asker(test: &mut Test) {
    let client = client(&test.bus());
    loop {
        let by = test.hear_number();
        test.say(client.execute(&Count { by }).unwrap());
    }
}

#[test]
fn requests_of_other_processes_are_answered_until_it_is_stopped() {
    let place = Place::new();
    let (service, serving) = counter(&place.bus());
    let mut asker = place.start("asker");
    assert_eq!(asker.ask(2), "2");
    assert_eq!(asker.ask(5), "7");
    assert!(serving.is_running());
    assert_eq!(serving.stop().unwrap(), 7, "the state comes back");
    // Others can be made then, and the same client goes on with them.
    let again = service.serve(100, |handlers| {
        handlers.execute(|sum: &mut u64, count: &Count, _| {
            *sum += count.by;
            Ok(*sum)
        })?;
        Ok(())
    });
    assert_eq!(asker.ask(1), "101");
    drop(again);
    assert!(service.handlers::<()>().is_ok(), "dropping has waited for its end");
}

#[test]
fn what_cannot_be_set_up_is_an_error_and_leaves_nothing() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("counter").unwrap();
    let error = service.serve((), |handlers| {
        handlers.poke("rooms", |(), _: &u64, _| Ok(()))?;
        Ok(())
    });
    assert!(matches!(error, Err(Error::NoSuchTopic { topic, .. }) if topic == "rooms"));
    let error = service.serve((), |_| panic!("of the set-up"));
    assert!(matches!(error, Err(Error::Failed { detail, .. }) if detail.contains("of the set-up")));
    let serving = service.serve((), |_| Ok(())).unwrap();
    assert!(matches!(service.serve((), |_| Ok(())), Err(Error::AlreadyHandled { .. })));
    serving.stop().unwrap();
}

/// Panics when it is dropped.
struct Trap;

impl Drop for Trap {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("of no handler");
        }
    }
}

#[test]
fn a_panic_of_a_handler_is_answered_and_one_of_no_handler_is_reported() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("counter").unwrap();
    service.ready().unwrap();
    let serving = service.serve((), |handlers| {
        let trap = Trap;
        handlers.execute(move |(), count: &Count, _| {
            let _held = &trap;
            assert!(count.by > 0, "nothing to count");
            Ok(count.by)
        })?;
        Ok(())
    });
    let (serving, client) = (serving.unwrap(), client(&bus));
    assert!(matches!(client.execute(&Count { by: 0 }), Err(Error::Failed { .. })));
    assert_eq!(client.execute(&Count { by: 1 }).unwrap(), 1, "the thread lives");
    let error = serving.stop().unwrap_err();
    assert!(matches!(&error, Error::Failed { detail, .. } if detail.contains("of no handler")), "{error}");
}

#[test]
fn a_service_that_is_dropped_first_ends_it() {
    let place = Place::new();
    let (service, serving) = counter(&place.bus());
    assert_eq!(client(&place.bus()).execute(&Count { by: 3 }).unwrap(), 3);
    drop(service);
    until("it has ended", || !serving.is_running());
    assert_eq!(serving.stop().unwrap(), 3);
}

#[test]
fn a_service_can_be_dropped_in_one_of_its_handlers() {
    let place = Place::new();
    let bus = place.bus();
    let service = Arc::new(Mutex::new(Some(bus.service("counter").unwrap())));
    let owned = service.clone();
    let serving = {
        let service = service.lock().unwrap();
        let service = service.as_ref().unwrap();
        service.ready().unwrap();
        service.serve(0, |handlers| {
            handlers.execute(move |served: &mut u64, _: &Count, _| {
                drop(owned.lock().unwrap().take());
                *served += 1;
                Ok(*served)
            })?;
            Ok(())
        })
    };
    // Closed before it has answered: what its client sees of that is one of the two.
    match client(&bus).execute(&Count { by: 1 }) {
        Ok(1) | Err(Error::Died { .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(serving.unwrap().stop().unwrap(), 1);
    assert!(bus.services().unwrap().is_empty());
}

#[test]
fn a_service_that_its_own_handlers_own_goes_with_them() {
    let place = Place::new();
    let bus = place.bus();
    let service = Arc::new(bus.service("counter").unwrap());
    service.ready().unwrap();
    let owned = service.clone();
    let serving = service.serve((), |handlers| {
        handlers.execute(move |(), _: &Count, _| Ok(owned.name().len() as u64))?;
        Ok(())
    });
    drop(service);
    assert_eq!(client(&bus).execute(&Count { by: 0 }).unwrap(), 7);
    serving.unwrap().stop().unwrap();
    assert!(bus.services().unwrap().is_empty());
}

#[test]
fn it_can_be_ended_in_one_of_its_own_handlers() {
    let place = Place::new();
    let bus = place.bus();
    for by_drop in [true, false] {
        let service = bus.service("counter").unwrap();
        service.ready().unwrap();
        let itself = Arc::new(Mutex::new(None::<Serving<()>>));
        let (owned, (said, ended)) = (itself.clone(), mpsc::channel());
        let serving = service.serve((), move |handlers| {
            handlers.execute(move |(), count: &Count, _| {
                match owned.lock().unwrap().take() {
                    Some(serving) if by_drop => drop(serving),
                    Some(serving) => said.send(serving.stop()).unwrap(),
                    None => return Err(Refusal::from("it is over")),
                }
                Ok(count.by)
            })?;
            Ok(())
        });
        *itself.lock().unwrap() = Some(serving.unwrap());
        assert_eq!(client(&bus).execute(&Count { by: 4 }).unwrap(), 4, "it is still answered");
        if !by_drop {
            assert!(matches!(ended.recv_timeout(LIMIT), Ok(Err(Error::WouldDeadlock { verb: "stop", .. }))));
        }
        until("the thread has ended", || service.handlers::<()>().is_ok());
    }
}

#[test]
fn a_stopper_ends_it_without_waiting_and_the_state_stays() {
    let place = Place::new();
    let (_service, serving) = counter(&place.bus());
    client(&place.bus()).execute(&Count { by: 6 }).unwrap();
    let stopper = serving.stopper();
    std::thread::spawn(move || stopper.stop()).join().unwrap();
    until("it has ended", || !serving.is_running());
    assert_eq!(serving.stop().unwrap(), 6);
}

#[test]
fn a_poll_that_is_stopped_ends_and_the_next_one_waits_again() {
    let place = Place::new();
    let service = place.bus().service("counter").unwrap();
    let mut handlers = service.handlers().unwrap();
    handlers
        .execute(|sum: &mut u64, count: &Count, _| {
            *sum += count.by;
            Ok(*sum)
        })
        .unwrap();
    service.ready().unwrap();
    let (mut asker, stopper, mut sum) = (place.start("asker"), handlers.stopper(), 0);
    for round in 1..=20 {
        stopper.stop();
        assert_eq!(handlers.poll(&mut sum, LIMIT).unwrap(), 0, "nobody has asked");
        asker.say(1);
        assert_eq!(handlers.poll(&mut sum, LIMIT).unwrap(), 1, "it has waited");
        assert_eq!(asker.hear(), round.to_string());
    }
}

#[test]
fn a_handler_that_stops_its_run_is_the_last_of_it() {
    let place = Place::new();
    let service = place.bus().service("counter").unwrap();
    let mut handlers = service.handlers().unwrap();
    let stopper = handlers.stopper();
    handlers
        .execute(move |sum: &mut u64, count: &Count, _| {
            stopper.stop();
            *sum += count.by;
            Ok(*sum)
        })
        .unwrap();
    service.ready().unwrap();
    let (client, mut sum) = (client(&place.bus()), 0);
    let begun: Vec<_> = (0..6).map(|_| client.begin_execute(&Count { by: 1 }).unwrap()).collect();
    for number in 1..=2 {
        handlers.run(&mut sum).unwrap();
        assert_eq!((sum, service.pending()), (number, 6 - number as usize));
    }
    support::executor::run("by hand", handlers.run_async(&mut sum)).unwrap();
    assert_eq!((sum, service.pending()), (3, 3));
    for number in 4..=6 {
        assert_eq!(handlers.poll(&mut sum, LIMIT).unwrap(), 1);
        assert_eq!(handlers.poll(&mut sum, LIMIT).unwrap(), 0, "that is told once");
        assert_eq!((sum, service.pending()), (number, 6 - number as usize));
    }
    for (number, begun) in (1..).zip(begun) {
        assert_eq!(begun.wait().unwrap(), number);
    }
}
