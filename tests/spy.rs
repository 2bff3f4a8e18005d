//! A spy sees what happens in a service, as it happens: conversations, links, transactions and errors; and disturbs nobody.

mod support;

use std::pin::Pin;
use std::time::Duration;

use bus::{Error, Message, Refusal, Spy, Stream, TraceEvent, TraceKind, TraceOutcome, TraceVerb, Wait};
use support::{LIMIT, Place, Test, executor, lane, roles, start_ready, tell, until, wire};

roles!(server, visitor, looker);

#[derive(Message, Debug, Clone, Copy, PartialEq)]
#[message(reply = u64)]
#[repr(C)]
struct Double(u64);

/// A service that does as it is told.
fn server(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("plant").unwrap();
    let gauges = service.topic::<u64>("gauges").open().unwrap();
    gauges.item("north").unwrap().publish(&1).unwrap();
    let ledger = service.topic::<u64>("ledger").history(2).lossless(Duration::from_millis(1)).open().unwrap();
    let entry = ledger.item("book").unwrap();
    entry.publish(&0).unwrap();
    let mut handlers = service.handlers::<()>().unwrap();
    let poke = |_: &mut (), value: &u64, _: &bus::Caller<'_>| match value {
        0 => Err(Refusal::new(7, "not nothing")),
        1 => panic!("a handler that panics, as the test wants"),
        _ => Ok(()),
    };
    handlers.poke("gauges", poke).unwrap();
    handlers.execute(|_, double: &Double, _| Ok(double.0 * 2)).unwrap();
    handlers
        .compute(
            "gauges",
            |_, caller| if caller.item() == "sum" { Ok(5_u64) } else { Err(Refusal::NoSuchItem) },
        )
        .unwrap();
    service.ready().unwrap();
    test.say("ready");
    loop {
        let line = test.hear();
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("enter", count) => (0..count.parse().unwrap()).for_each(|n| _ = entry.publish(&n).unwrap()),
            ("answer", count) => {
                let count: usize = count.parse().unwrap();
                let mut answered = 0;
                while answered < count {
                    answered += handlers.poll(&mut (), LIMIT).unwrap();
                }
            }
            ("end", "") => return test.say("done"),
            _ => panic!("a server does not understand {line:?}"),
        }
        test.say("done");
    }
}

/// A client with a link, until it is killed.
fn visitor(test: &mut Test) {
    let gauges = test.bus().connect::<u64>("plant/gauges").open().unwrap();
    let _link = gauges.advise("*").hot().unwrap();
    test.say("ready");
    test.await_line("end");
}

/// A spy that reads nothing, until it is killed.
fn looker(test: &mut Test) {
    let _spy = test.bus().spy("plant").open().unwrap();
    test.say("ready");
    test.await_line("end");
}

/// The next event, which is of this kind.
#[track_caller]
fn next(spy: &mut Spy, kind: TraceKind) -> TraceEvent {
    let update = spy.recv_timeout(LIMIT).unwrap();
    assert_eq!((update.value.kind, update.missed), (kind, 0), "{:?}", update.value);
    update.value
}

/// The next event of this kind, whatever comes before.
#[track_caller]
fn find(spy: &mut Spy, kind: TraceKind) -> TraceEvent {
    loop {
        let event = spy.recv_timeout(LIMIT).unwrap().value;
        if event.kind == kind {
            return event;
        }
    }
}

#[test]
fn conversations_and_links_are_seen_as_they_come_and_go() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let bus = place.bus();
    let mut spy = bus.spy("plant").open().unwrap();
    let mut visitor = start_ready(&place, "visitor");

    let opened = next(&mut spy, TraceKind::ConversationOpened);
    assert_eq!((opened.pid, opened.topic.as_str()), (visitor.pid(), "gauges"));
    assert!(opened.conversation > 0 && opened.at > 0);
    let link = next(&mut spy, TraceKind::LinkOpened);
    assert_eq!((link.name.as_str(), link.topic.as_str(), link.pid), ("*", "gauges", visitor.pid()));
    assert_eq!((link.conversation, link.number), (opened.conversation, opened.number + 1));
    visitor.kill();
    let closed = next(&mut spy, TraceKind::ConversationClosed);
    assert_eq!((closed.conversation, closed.pid), (opened.conversation, visitor.pid()));
    assert!(closed.detail.as_str().contains("died"), "{}", closed.detail.as_str());
    // And with it its link.
    let unlinked = next(&mut spy, TraceKind::LinkClosed);
    assert_eq!(
        (unlinked.conversation, unlinked.link, unlinked.name),
        (opened.conversation, link.link, link.name)
    );
    assert_eq!(unlinked.detail.as_str(), "its conversation ended");

    // In order, by this process.
    let gauges = bus.connect::<u64>("plant/gauges").open().unwrap();
    next(&mut spy, TraceKind::ConversationOpened);
    let link = gauges.advise("north").hot().unwrap();
    let opened = next(&mut spy, TraceKind::LinkOpened);
    assert_eq!((opened.name.as_str(), opened.link, opened.pid), ("north", link.number(), std::process::id()));
    assert_eq!(opened.detail.as_str(), "plain");
    drop(link);
    let closed = next(&mut spy, TraceKind::LinkClosed);
    assert_eq!((closed.name.as_str(), closed.link), ("north", opened.link));
    drop(gauges);
    let closed = next(&mut spy, TraceKind::ConversationClosed);
    assert!(closed.detail.as_str().contains("closed it"), "{}", closed.detail.as_str());

    let refused = bus.connect::<u64>("plant/none").open();
    assert!(matches!(refused, Err(Error::NoSuchTopic { .. })), "{refused:?}");
    let refused = next(&mut spy, TraceKind::ConversationRefused);
    assert_eq!((refused.topic.as_str(), refused.detail.as_str()), ("none", "there is no such topic"));

    let ledger = bus.connect::<u64>("plant/ledger").open().unwrap();
    let link = ledger.advise("book").lossless(LIMIT).hot().unwrap();
    tell(&mut server, "enter 5");
    let opened = find(&mut spy, TraceKind::LinkOpened);
    assert_eq!((opened.link, opened.detail.as_str()), (link.number(), "lossless"));
    let evicted = find(&mut spy, TraceKind::LinkEvicted);
    assert_eq!(
        (evicted.topic.as_str(), evicted.name.as_str(), evicted.link),
        ("ledger", "book", link.number())
    );
    assert!(evicted.detail.as_str().contains("waited"), "{}", evicted.detail.as_str());
    tell(&mut server, "end");
    server.finish();
}

#[test]
fn what_is_refused_is_seen_with_the_reason() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let bus = place.bus();
    let gauges = bus.connect::<u64>("plant/gauges").open().unwrap();
    let ledger = bus.connect::<u64>("plant/ledger").open().unwrap();
    let mut spy = bus.spy("plant").open().unwrap();
    let mut refused = |kind, topic: &str, name: &str, why: &str| {
        let event = next(&mut spy, kind);
        assert_eq!((event.topic.as_str(), event.name.as_str(), event.pid), (topic, name, std::process::id()));
        assert!(event.detail.as_str().contains(why), "{event}");
        assert!(event.conversation > 0 && event.to_string().contains(why), "{event}");
    };
    gauges.advise("south").hot().unwrap_err();
    refused(TraceKind::LinkRefused, "gauges", "south", "there is no such item");
    gauges.advise("*").lossless(LIMIT).hot().unwrap_err();
    refused(TraceKind::LinkRefused, "gauges", "*", "its publisher does not wait for links");
    ledger.request("page").unwrap_err();
    refused(TraceKind::ItemRefused, "ledger", "page", "there is no such item");
    // A lane for what the topic does not do, by hand: a client knows better.
    let mut client = wire::Client::greeted(&place, "plant");
    client.connect("ledger");
    let opened = find(&mut spy, TraceKind::ConversationOpened);
    client.send(&lane::open_lane(1, 1, (8, 8), 1), &[]).unwrap();
    let event = next(&mut spy, TraceKind::TransactionsRefused);
    assert_eq!((event.conversation, event.verb), (opened.conversation, TraceVerb::Poke));
    assert_eq!(event.detail.as_str(), "the topic takes no pokes");
    tell(&mut server, "end");
    server.finish();
}

#[test]
fn what_clients_write_is_fit_to_be_shown() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let mut spy = place.bus().spy("plant").open().unwrap();
    let mut client = wire::Client::greeted(&place, "plant");
    client.connect("gauges");
    let item = "\x1b]0;owned\x07\u{9b}2J\r\n\u{202e}";
    client.send(&wire::frame(wire::kind::ADVISE, 1, 1, &wire::advise(item, true, false)), &[]).unwrap();
    client.send(&wire::frame(wire::kind::CONNECT, 2, 0, &wire::name("\x1b[31m", &[false])), &[]).unwrap();
    next(&mut spy, TraceKind::ConversationOpened);
    let opened = next(&mut spy, TraceKind::LinkOpened);
    assert_eq!(opened.name.as_str(), "\u{fffd}]0;owned\u{fffd}\u{fffd}2J\u{fffd}\u{fffd}\u{202e}");
    assert_eq!(opened.detail.as_str(), "plain, waits for its item");
    let refused = next(&mut spy, TraceKind::ConversationRefused);
    assert_eq!(refused.topic.as_str(), "\u{fffd}[31m");
    for event in [opened, refused] {
        let unfit = |c: char| c.is_control() || c == '\u{202e}';
        assert!(!event.to_string().contains(unfit) && !format!("{event:?}").contains(unfit), "{event}");
    }
    tell(&mut server, "end");
    server.finish();
}

#[test]
fn transactions_are_seen_with_their_outcomes() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let bus = place.bus();
    let gauges = bus.connect::<u64>("plant/gauges").open().unwrap();
    let client = bus.client("plant").open().unwrap();
    let mut spy = bus.spy("plant").open().unwrap();

    let refused = gauges.begin_poke("north", &0).unwrap();
    tell(&mut server, "answer 1");
    assert!(matches!(refused.wait(), Err(Error::Refused { .. })));
    let begun = next(&mut spy, TraceKind::TransactionBegun);
    let told = (begun.verb, begun.topic.as_str(), begun.name.as_str(), begun.pid);
    assert_eq!(told, (TraceVerb::Poke, "gauges", "north", std::process::id()));
    let answered = next(&mut spy, TraceKind::TransactionAnswered);
    assert_eq!((answered.transaction, answered.outcome), (begun.number, TraceOutcome::Refused));
    assert_eq!((answered.verb, answered.name.as_str()), (TraceVerb::Poke, "north"));
    assert!(answered.conversation == begun.conversation && answered.duration > 0);
    assert_eq!((answered.code, answered.detail.as_str()), (7, "not nothing"));

    let done = client.begin_execute(&Double(4)).unwrap();
    tell(&mut server, "answer 1");
    assert_eq!(done.wait().unwrap(), 8);
    let begun = next(&mut spy, TraceKind::TransactionBegun);
    assert_eq!((begun.verb, begun.topic.as_str(), begun.name.as_str()), (TraceVerb::Execute, "", "Double"));
    let answered = next(&mut spy, TraceKind::TransactionAnswered);
    assert_eq!((answered.transaction, answered.outcome), (begun.number, TraceOutcome::Done));

    std::thread::scope(|scope| {
        let computed = scope.spawn(|| gauges.request("sum").unwrap().value);
        tell(&mut server, "answer 1");
        assert_eq!(computed.join().unwrap(), 5);
    });
    let begun = next(&mut spy, TraceKind::TransactionBegun);
    assert_eq!((begun.verb, begun.name.as_str()), (TraceVerb::Request, "sum"));
    next(&mut spy, TraceKind::TransactionAnswered);

    // One that comes too late is seen with what it was for.
    let late = gauges.clone().with_timeout(Duration::from_nanos(1)).begin_poke("north", &7).unwrap();
    let began = std::time::Instant::now();
    until("it is too late by any clock", || began.elapsed() > Duration::from_millis(100));
    tell(&mut server, "answer 1");
    assert!(late.wait().is_err());
    let begun = next(&mut spy, TraceKind::TransactionBegun);
    assert_eq!((begun.verb, begun.name.as_str()), (TraceVerb::Poke, "north"));
    let answered = next(&mut spy, TraceKind::TransactionAnswered);
    assert_eq!((answered.transaction, answered.outcome), (begun.number, TraceOutcome::Expired));
    assert_eq!(answered.name.as_str(), "north");

    let failed = gauges.begin_poke("north", &1).unwrap();
    tell(&mut server, "answer 1");
    assert!(matches!(failed.wait(), Err(Error::Failed { .. })));
    next(&mut spy, TraceKind::TransactionBegun);
    let answered = next(&mut spy, TraceKind::TransactionAnswered);
    assert_eq!(answered.outcome, TraceOutcome::Failed);
    assert_eq!(answered.detail.as_str(), "its handler panicked");
    let panicked = next(&mut spy, TraceKind::HandlerPanicked);
    assert_eq!((panicked.verb, panicked.topic.as_str()), (TraceVerb::Poke, "gauges"));
    assert_eq!(panicked.detail.as_str(), "a handler that panics, as the test wants");
    tell(&mut server, "end");
    server.finish();
}

#[test]
fn a_task_spies() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let bus = place.bus();
    let mut spy = executor::run("smol", bus.spy("plant").open_async()).unwrap();
    let _gauges = bus.connect::<u64>("plant/gauges").open().unwrap();
    let event = executor::run("smol", core::future::poll_fn(|context| Pin::new(&mut spy).poll_next(context)));
    assert_eq!(event.unwrap().unwrap().value.kind, TraceKind::ConversationOpened);
    tell(&mut server, "end");
    server.finish();
}

#[test]
fn who_breaks_the_protocol_is_seen() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let mut spy = place.bus().spy("plant").open().unwrap();
    let mut client = wire::Client::greeted(&place, "plant");
    client.send(b"no frame of ours", &[]).unwrap();
    let event = next(&mut spy, TraceKind::Malformed);
    assert_eq!(event.pid, std::process::id());
    assert!(!event.detail.is_empty());
    tell(&mut server, "end");
    server.finish();
}

#[test]
fn a_spy_that_stands_still_or_dies_disturbs_nobody() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let bus = place.bus();
    let system = bus.system("plant").open().unwrap();
    assert_eq!(system.status().unwrap().spies, 0);
    let mut looker = start_ready(&place, "looker");
    looker.stop();
    let client = bus.client("plant").open().unwrap().with_wait(Wait::Park).with_timeout(LIMIT);
    std::thread::scope(|scope| {
        let asking =
            scope.spawn(|| (0..5000).for_each(|n| assert_eq!(client.execute(&Double(n)).unwrap(), 2 * n)));
        tell(&mut server, "answer 5000");
        asking.join().unwrap();
    });
    // Nor does the control thread wait for it, which answers connects.
    let gauges = bus.connect::<u64>("plant/gauges").timeout(LIMIT).open().unwrap();
    assert_eq!(gauges.request("north").unwrap().value, 1);
    until("the spy is counted", || system.status().unwrap().spies == 1);
    looker.kill();
    until("the spy is counted no longer", || system.status().unwrap().spies == 0);
    tell(&mut server, "end");
    server.finish();
}

#[test]
fn what_a_slow_spy_does_not_read_is_counted() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let bus = place.bus();
    let client = bus.client("plant").open().unwrap().with_timeout(LIMIT);
    let mut spy = bus.spy("plant").open().unwrap();
    std::thread::scope(|scope| {
        let asking =
            scope.spawn(|| (0..5000).for_each(|n| assert_eq!(client.execute(&Double(n)).unwrap(), 2 * n)));
        tell(&mut server, "answer 5000");
        asking.join().unwrap();
    });
    // Each has a number, told or not; what was not told is counted here or there.
    let (mut told, mut missed, mut lost, mut number) = (0, 0, 0, 0);
    while number < 10_000 {
        let update = spy.recv_timeout(LIMIT).unwrap();
        assert_eq!(told + missed + update.missed + 1, update.seq, "all that was published since it spies");
        (told, missed, lost) = (told + 1, missed + update.missed, lost + update.value.lost);
        assert_eq!(update.value.lost > 0, update.value.kind == TraceKind::Lost);
        number = number.max(update.value.number);
    }
    assert!(missed + lost > 0, "all of ten thousand events were told to a spy that did not read");
    assert!(told + missed + lost <= number, "{told} told, {missed} missed, {lost} lost of {number}");
    tell(&mut server, "end");
    server.finish();
}
