//! Commands have types, and so have their replies; what a service does not know it says, with what it does.

mod support;

use bus::{Client, Error, Message};
use support::desk::{Add, Fail, Large, Note, RETRY_AFTER, Sum, Switch, Unknown, Way, client};
use support::{Desk, LIMIT, Place, desk, roles, until};

roles!(desk);

const KNOWN: [&str; 6] = ["Add", "Fail", "Keep", "Large", "Note", "Switch"];

#[test]
fn each_command_has_its_own_reply() {
    let place = Place::new();
    let mut desk = Desk::start(&place, 8);
    let client = client(&place);
    for number in 0..200 {
        assert_eq!(client.execute(&Add(number, 1)).unwrap(), Sum(number + 1));
        assert_eq!(client.execute(&Note(number)).unwrap(), number);
        client.execute(&Switch { is_on: number % 2 == 0 }).unwrap();
    }
    assert_eq!(desk.notes(), (0..200).collect::<Vec<_>>(), "in the order in which they were executed");
}

#[test]
fn a_conversation_with_a_topic_executes_too() {
    let place = Place::new();
    let _desk = Desk::start(&place, 8);
    let topic = place.bus().connect::<u64>("desk/fixed").open().unwrap().with_timeout(LIMIT);
    assert_eq!(topic.execute(&Add(1, 2)).unwrap(), Sum(3));
    assert_eq!(topic.begin_execute(&Add(3, 4)).unwrap().wait().unwrap(), Sum(7));
}

#[test]
fn an_unknown_command_is_answered_with_those_that_there_are() {
    let place = Place::new();
    let _desk = Desk::start(&place, 8);
    let client = client(&place);
    let commands = client.commands().unwrap();
    assert_eq!(commands.iter().map(|command| &*command.name).collect::<Vec<_>>(), KNOWN);
    let add = &commands[0];
    assert_eq!((&*add.reply, add.fingerprint), ("Sum", <Add as bus::Message>::FINGERPRINT));
    assert_eq!(add.reply_fingerprint, <Sum as bus::Message>::FINGERPRINT);
    match client.execute(&Unknown {}) {
        Err(Error::NotSupported { verb: "execute", what, supported, .. }) => {
            assert_eq!(what, "Unknown");
            assert!(KNOWN.iter().all(|known| supported.contains(&format!("`{known}`"))), "{supported}");
        }
        other => panic!("{other:?}"),
    }
}

/// As another program may have it.
#[derive(Message)]
#[message(name = "Add", reply = u64)]
#[repr(C)]
struct AddForANumber(u64, u64);

#[derive(Message)]
#[message(name = "Add", reply = Sum)]
#[repr(C)]
struct AddThree(u64, u64, u64);

#[derive(Message)]
#[message(name = "Sum")]
#[repr(C)]
struct FloatingSum(f64);

#[derive(Message)]
#[message(name = "Add", reply = FloatingSum)]
#[repr(C)]
struct AddFloating(u64, u64);

#[test]
fn a_command_of_the_same_name_that_is_another_is_not_listed_as_what_there_is_instead() {
    fn said<T>(result: Result<T, Error>) -> String {
        match result {
            Err(Error::NotSupported { verb: "execute", what, supported, .. }) if what == "Add" => supported,
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("it is another command"),
        }
    }
    let place = Place::new();
    let _desk = Desk::start(&place, 8);
    let client = client(&place);
    for supported in [
        said(client.execute(&AddForANumber(1, 2))),
        said(client.execute(&AddThree(1, 2, 3))),
        said(client.execute(&AddFloating(1, 2))),
    ] {
        assert!(supported.starts_with("its own `Add` has other fields"), "{supported}");
    }
    let said = [
        said(client.require::<AddForANumber>()),
        said(client.require::<AddThree>()),
        said(client.require::<AddFloating>()),
    ];
    assert_eq!(
        said,
        [
            "its own `Add` is answered with `Sum`, and this program's with `u64`",
            "its own `Add` has other fields than this program's",
            "its own `Add` is answered with another `Sum` than this program's",
        ]
    );
    client.require::<Add>().unwrap();
    smol::block_on(client.require_async::<Add>()).unwrap();
    assert_eq!(smol::block_on(client.commands_async()).unwrap(), client.commands().unwrap());
}

#[test]
fn a_service_without_commands_says_so_and_not_after_a_timeout() {
    let place = Place::new();
    let service = place.bus().service("silent").unwrap();
    service.topic::<u64>("topic").open().unwrap();
    service.ready().unwrap();
    let client = place.bus().client("silent").open().unwrap().with_timeout(LIMIT);
    let refused = |client: &Client| match client.execute(&Add(1, 2)) {
        Err(Error::NotSupported { supported, .. }) => supported,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&client), "the service has no commands");
    assert!(client.commands().unwrap().is_empty());
    // A client that has a lane learns of handlers that come and go.
    let mut handlers = service.handlers::<()>().unwrap();
    handlers.execute(|_, add: &Add, _| Ok(Sum(add.0 + add.1))).unwrap();
    let sum = client.begin_execute(&Add(1, 2)).unwrap();
    handlers.poll(&mut (), LIMIT).unwrap();
    assert_eq!(sum.wait().unwrap(), Sum(3));
    drop(handlers);
    assert_eq!(refused(&client), "the service has no commands");
}

#[test]
fn a_handler_says_no_or_fails_and_the_next_command_is_carried_out() {
    let place = Place::new();
    let _desk = Desk::start(&place, 2);
    let client = client(&place);
    for round in 0..20 {
        match client.execute(&Fail(Way::Refuse)) {
            Err(Error::Refused { verb: "execute", what, code: 42, reason, .. }) => {
                assert_eq!(what, "Fail");
                assert_eq!(reason, format!("process {} may not", std::process::id()));
            }
            other => panic!("{other:?}"),
        }
        match client.execute(&Fail(Way::Busy)) {
            Err(Error::Busy { retry_after, .. }) => assert_eq!(retry_after, RETRY_AFTER),
            other => panic!("{other:?}"),
        }
        let why = [(Way::Fail, "it is stuck"), (Way::Panic, "panicked"), (Way::Drop, "dropped the reply")];
        for (way, why) in why {
            match client.execute(&Fail(way)) {
                Err(Error::Failed { detail, .. }) => assert!(detail.contains(why), "{detail}"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(client.execute(&Add(round, 1)).unwrap(), Sum(round + 1));
    }
}

#[test]
fn commands_and_replies_may_have_a_mebibyte() {
    let place = Place::new();
    let mut desk = Desk::start(&place, 64);
    let client = client(&place);
    let execute = || {
        let mut large = Box::new(Large { words: [0; _] });
        for round in 0..5 {
            large.words.iter_mut().zip(round..).for_each(|(word, value)| *word = value);
            let reply = Box::new(client.execute(&*large).unwrap());
            assert!(reply.words.iter().zip(round + 1..).all(|(&word, value)| word == value));
            // Small ones go on beside them.
            assert_eq!(client.execute(&Add(round, 1)).unwrap(), Sum(round + 1));
        }
    };
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(64 << 20).spawn_scoped(scope, execute).unwrap();
    });
    drop(client);
    desk.await_nothing_left();
}

#[test]
fn many_threads_share_a_client_and_each_gets_its_own_answers() {
    let place = Place::new();
    let _desk = Desk::start(&place, 64);
    let client = client(&place);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let client = &client;
            scope.spawn(move || {
                for number in 0..500 {
                    assert_eq!(
                        client.execute(&Add(thread << 32, number)).unwrap(),
                        Sum(thread << 32 | number)
                    );
                }
            });
        }
    });
}

#[test]
fn a_client_that_leaves_takes_its_lanes_along() {
    let place = Place::new();
    let mut desk = Desk::start(&place, 64);
    for number in 0..20 {
        let clients = [client(&place), client(&place)];
        clients
            .iter()
            .for_each(|client| assert_eq!(client.execute(&Add(number, 1)).unwrap(), Sum(number + 1)));
    }
    desk.await_nothing_left();
    // And a conversation that is closed, where its connection stays.
    let bus = place.bus();
    let stays = bus.client("desk").open().unwrap();
    for _ in 0..20 {
        assert_eq!(bus.client("desk").open().unwrap().execute(&Add(1, 1)).unwrap(), Sum(2));
    }
    until("one conversation is left", || desk.process.ask("left") == "1 1 1 0");
    drop(stays);
}
