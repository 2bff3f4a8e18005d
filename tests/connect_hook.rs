//! A connect hook has a say in who may connect, and delays and endangers nobody else.
//!
//! It is told by the kernel's word who asks, and its reasons reach the client. While it takes its time the service goes
//! on: what is open is served, and commands are carried out. One that panics refuses; one that never returns does not keep the
//! service from closing.

mod support;

use std::panic;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use bus::{ConnectRequest, Error, Refusal, Service};
use support::{LIMIT, Place, Test, roles};

roles!(client);

/// Connects where it is told, and says what became of it.
fn client(test: &mut Test) {
    let bus = test.bus();
    loop {
        let topic = test.hear();
        let answer = match bus.connect::<u64>(&format!("service/{topic}")).timeout(LIMIT).open() {
            Ok(topic) => topic.request("item").unwrap().value.to_string(),
            Err(error) => error.to_string(),
        };
        test.say(answer);
    }
}

/// A service with these topics, and a hook.
fn service(
    place: &Place,
    topics: &[&str],
    hook: impl FnMut(&ConnectRequest) -> Result<(), Refusal> + Send + 'static,
) -> (Service, Vec<bus::Topic<u64>>) {
    let service = place.bus().service("service").unwrap();
    service.on_connect(hook).unwrap();
    let topics = topics.iter().map(|name| {
        let topic = service.topic::<u64>(name).open().unwrap();
        topic.item("item").unwrap().publish(&7).unwrap();
        topic
    });
    let topics = topics.collect();
    service.ready().unwrap();
    (service, topics)
}

/// A hook that asks the test, by this pair of ends, and does as that says.
fn asking() -> (
    impl FnMut(&ConnectRequest) -> Result<(), Refusal> + Send + 'static,
    Receiver<ConnectRequest>,
    Sender<bool>,
) {
    let (asks, asked) = mpsc::channel();
    let (answers, answered) = mpsc::channel();
    let hook = move |request: &ConnectRequest| {
        asks.send(request.clone()).unwrap();
        match answered.recv() {
            Ok(true) => Ok(()),
            _ => Err("not now".into()),
        }
    };
    (hook, asked, answers)
}

#[test]
fn it_is_told_who_asks_and_its_reasons_arrive() {
    let place = Place::new();
    let (tell, told) = mpsc::channel();
    let (_service, _topics) =
        service(&place, &["open", "coded", "busy", "failed", "hidden"], move |request| {
            tell.send(request.clone()).unwrap();
            match request.topic.as_str() {
                "coded" => Err(Refusal::new(17, "bad\x07 weather")),
                "busy" => Err(Refusal::busy(Duration::from_millis(20))),
                "failed" => Err(Refusal::failed("no idea")),
                "hidden" => Err(Refusal::NoSuchItem),
                _ => Ok(()),
            }
        });
    let mut client = place.start("client");
    assert_eq!(client.ask("open"), "7");
    let request = told.recv().unwrap();
    assert_eq!((request.pid, request.topic.as_str()), (client.pid(), "open"));
    assert_eq!(request.uid, rustix::process::geteuid().as_raw());
    assert_eq!(request.gid, rustix::process::getegid().as_raw());
    client.finish();
    let bus = place.bus();
    let refused = |topic: &str| bus.connect::<u64>(&format!("service/{topic}")).open().unwrap_err();
    let Error::Refused { code: 17, reason, verb, .. } = refused("coded") else { panic!("not refused") };
    assert_eq!((reason.as_str(), verb), ("bad\u{fffd} weather", "connect to"));
    assert!(
        matches!(refused("busy"), Error::Busy { retry_after, .. } if retry_after == Duration::from_millis(20))
    );
    assert!(matches!(refused("failed"), Error::Failed { detail, .. } if detail == "no idea"));
    assert!(matches!(refused("hidden"), Error::NoSuchTopic { .. }));
    // The service as a whole, which has no topic's name.
    bus.client("service").open().unwrap();
    assert_eq!(told.try_iter().last().unwrap().topic, "");
}

#[test]
fn a_slow_one_delays_nobody_who_is_connected() {
    let place = Place::new();
    let (hook, asked, answer) = asking();
    let (service, topics) = service(&place, &["topic"], hook);
    let mut first = place.start("client");
    first.say("topic");
    asked.recv().unwrap();
    answer.send(true).unwrap();
    assert_eq!(first.hear(), "7");
    let bus = place.bus();
    let connected = std::thread::scope(|scope| {
        let connect = scope.spawn(|| bus.connect::<u64>("service/topic").timeout(LIMIT).open().unwrap());
        asked.recv().unwrap();
        answer.send(true).unwrap();
        connect.join().unwrap()
    });
    // The hook is asked about another, and does not answer.
    let mut second = place.start("client");
    second.say("topic");
    let request = asked.recv().unwrap();
    assert_eq!(request.pid, second.pid());
    let mut link = connected.advise("item").hot().unwrap();
    assert_eq!(link.recv().unwrap().value, 7);
    topics[0].item("more").unwrap().publish(&8).unwrap();
    assert_eq!(connected.request("more").unwrap().value, 8);
    let mut handlers = service.handlers::<()>().unwrap();
    handlers.accept_pokes(&topics[0]).unwrap();
    let poke = connected.begin_poke("item", &9).unwrap();
    assert_eq!(handlers.poll(&mut (), LIMIT).unwrap(), 1);
    poke.wait().unwrap();
    assert_eq!(link.recv().unwrap().value, 9);
    assert_eq!(bus.topics("service").unwrap().len(), 1);
    answer.send(true).unwrap();
    assert_eq!(second.hear(), "9");
    // Before the service goes: a topic's handlers borrow it.
    drop(handlers);
    first.finish();
    second.finish();
}

#[test]
fn one_that_panics_refuses_and_lives() {
    let place = Place::new();
    let quiet = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !info.to_string().contains("on purpose") {
            quiet(info);
        }
    }));
    let (_service, _topics) = service(&place, &["good", "bad"], |request| {
        assert_ne!(request.topic, "bad", "on purpose");
        Ok(())
    });
    let bus = place.bus();
    for _ in 0..3 {
        let Error::Failed { detail, .. } = bus.connect::<u64>("service/bad").open().unwrap_err() else {
            panic!("not failed")
        };
        assert_eq!(detail, "its connect hook panicked");
        bus.connect::<u64>("service/good").open().unwrap();
    }
}

#[test]
fn closing_does_not_wait_for_one_that_runs() {
    let place = Place::new();
    let (hook, asked, answer) = asking();
    let (service, topics) = service(&place, &["topic"], hook);
    let mut waiting = place.start("client");
    waiting.say("topic");
    asked.recv().unwrap();
    drop(topics);
    service.close();
    let told = waiting.hear();
    assert!(told.contains("no service `service`"), "{told}");
    // It returns at last, and nobody is there to be told.
    answer.send(true).unwrap();
    waiting.finish();
    assert!(asked.recv().is_err(), "the hook is dropped when it has returned, and not called again");
}

#[test]
fn a_client_that_gives_up_is_not_let_in_and_its_question_not_asked() {
    let place = Place::new();
    let (hook, asked, answer) = asking();
    let (service, _topics) = service(&place, &["one", "two", "three"], hook);
    let bus = place.bus();
    // Keeps the connection open, so that what is given up is given up on it.
    let kept = std::thread::scope(|scope| {
        let connect = scope.spawn(|| bus.connect::<u64>("service/one").timeout(LIMIT).open().unwrap());
        asked.recv().unwrap();
        answer.send(true).unwrap();
        connect.join().unwrap()
    });
    // One whose client dies while it is asked about.
    let mut dying = place.start("client");
    dying.say("one");
    assert_eq!(asked.recv().unwrap().topic, "one");
    dying.kill();
    // One whose client no longer waits when its turn comes: the list of topics is asked for after it was closed.
    let error = bus.connect::<u64>("service/two").timeout(Duration::from_millis(1)).open().unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    assert_eq!(bus.topics("service").unwrap().len(), 3);
    std::thread::scope(|scope| {
        let third = scope.spawn(|| bus.connect::<u64>("service/three").timeout(LIMIT).open().unwrap());
        answer.send(true).unwrap();
        assert_eq!(asked.recv().unwrap().topic, "three");
        answer.send(true).unwrap();
        let _third = third.join().unwrap();
        let open: Vec<_> = service.conversations().iter().map(|served| served.topic().to_owned()).collect();
        assert_eq!(open, ["one", "three"], "only who waited was let in");
        drop(kept);
    });
}

#[test]
fn one_that_is_busy_is_asked_again_by_those_who_wait_and_those_who_were_there() {
    let place = Place::new();
    let bus = place.bus();
    let busy_at_first = || {
        let mut asked = 0;
        move |_: &ConnectRequest| {
            asked += 1;
            if asked % 3 == 0 { Ok(()) } else { Err(Refusal::busy(Duration::from_millis(1))) }
        }
    };
    let (first, topics) = service(&place, &["topic"], busy_at_first());
    let error = bus.connect::<u64>("service/topic").open().unwrap_err();
    assert!(matches!(error, Error::Busy { .. }), "who does not wait is told: {error}");
    // The second word of the hook is no better, and the third lets it in.
    let waiting = bus.connect::<u64>("service/topic").wait(LIMIT).open();
    let waiting = waiting.unwrap();
    let list = bus.connect_all::<u64>("serv*", "topic").unwrap();
    list.wait_for(1, LIMIT).unwrap();
    let mut link = waiting.advise("item").hot().unwrap();
    let mut merged = list.advise("item").hot().unwrap();
    assert_eq!((link.recv().unwrap().value, merged.recv().unwrap().update.value), (7, 7));
    drop((first, topics));
    assert!(matches!(link.recv_timeout(LIMIT), Err(Error::Stale { .. })));
    assert!(matches!(merged.recv_timeout(LIMIT), Err(Error::Stale { .. })));
    let (_second, _topics) = service(&place, &["topic"], busy_at_first());
    assert_eq!(link.recv_timeout(LIMIT).unwrap().value, 7, "it is let in again");
    assert_eq!(merged.recv_timeout(LIMIT).unwrap().update.value, 7);
}

#[test]
fn why_a_service_lets_nobody_in_is_known_and_settled() {
    let place = Place::new();
    let bus = place.bus();
    let (_service, _topics) = service(&place, &["topic"], |_| Err(Refusal::busy(Duration::from_secs(3600))));
    let denied = bus.service("denied").unwrap();
    denied.set_access(bus::Access::nobody()).unwrap();
    denied.ready().unwrap();
    let list = bus.connect_all::<u64>("*", "topic").unwrap();
    list.settle(LIMIT).unwrap();
    assert!(list.is_empty());
    let troubles = list.troubles();
    let troubles: Vec<_> = troubles.iter().map(|trouble| trouble.error.to_string()).collect();
    assert!(troubles[0].contains("allows this user nothing"), "{troubles:?}");
    assert!(troubles[1].contains("is busy") && troubles[1].contains("3600s"), "{troubles:?}");
}

#[test]
fn a_hook_is_given_once_and_before_the_service_is_ready() {
    let place = Place::new();
    let service = place.bus().service("service").unwrap();
    service.on_connect(|_| Ok(())).unwrap();
    assert!(matches!(service.on_connect(|_| Ok(())), Err(Error::InvalidOption { .. })));
    service.ready().unwrap();
    assert!(matches!(service.on_connect(|_| Ok(())), Err(Error::InvalidOption { .. })));
}
