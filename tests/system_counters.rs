//! A service counts what is done, whether anybody looks or not; and while nobody does, that is all there is.
//!
//! A service that nobody has asked has no memory for telling of itself, and its control thread sleeps until a client says
//! something: with no end to its sleep, as the kernel tells. While somebody looks it wakes by itself; when the last who
//! looked has gone or died, it does so no longer.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use bus::{Counter, Error, Message, Refusal, System};
use support::{LIMIT, Place, Test, roles, start_ready, tell, until};

roles!(server, looker);

#[derive(Message, Debug, Clone, Copy, PartialEq)]
#[message(reply = u64)]
#[repr(C)]
struct Double(u64);

/// A service that does as it is told.
fn server(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("plant").unwrap();
    let gauges = service.topic::<u64>("gauges").open().unwrap();
    let ledger = service.topic::<u64>("ledger").history(2).lossless(Duration::from_millis(1)).open().unwrap();
    let (gauge, entry) = (gauges.item("north").unwrap(), ledger.item("book").unwrap());
    entry.publish(&0).unwrap();
    let mut handlers = service.handlers::<()>().unwrap();
    let poke = |_: &mut (), value: &u64, _: &bus::Caller<'_>| match value {
        0 => Err(Refusal::new(7, "not nothing")),
        1 => Err(Refusal::busy(Duration::ZERO)),
        2 => panic!("a handler that panics, as the test wants"),
        _ => Ok(()),
    };
    handlers.poke("gauges", poke).unwrap();
    handlers.execute(|_, double: &Double, _| Ok(double.0 * 2)).unwrap();
    service.ready().unwrap();
    test.say("ready");
    loop {
        let line = test.hear();
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("publish", count) => (0..count.parse().unwrap()).for_each(|n| _ = gauge.publish(&n).unwrap()),
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

/// One who looks, until it is killed.
fn looker(test: &mut Test) {
    let _system = test.bus().system("plant").open().unwrap();
    test.say("ready");
    test.await_line("end");
}

/// Reads the counters each time that they are told, until these are as `expected` says.
#[track_caller]
fn await_counted(system: &System, expected: &[(&str, &str, u64)]) -> BTreeMap<Counter, u64> {
    let mut told = system.conversation().advise("Counters").boxed().unwrap();
    loop {
        told.recv_timeout(LIMIT).unwrap();
        let counters = system.counters().unwrap();
        let found = expected.iter().map(|(counter, of, _)| counters[&Counter::new(*counter, *of)]);
        if found.eq(expected.iter().map(|(.., value)| *value)) {
            return counters;
        }
    }
}

/// Whether the service's control thread sleeps, in poll(2); if so, whether without an end.
fn sleeps_without_end(pid: u32) -> Option<bool> {
    let mut tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().map(|task| task.unwrap().path());
    let of_control = |task: &std::path::PathBuf| {
        fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim_end() == "bus plant")
    };
    let control = tasks.find(of_control).expect("a service that is ready has a control thread");
    let call = fs::read_to_string(control.join("syscall")).unwrap();
    let words: Vec<_> = call.split_whitespace().collect();
    (words[0] == libc::SYS_ppoll.to_string()).then(|| words[3] == "0x0")
}

fn has_memory_for_telling(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/maps")).unwrap().contains("bus plant/system")
}

#[test]
fn what_was_done_is_counted_also_when_nobody_looked() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let bus = place.bus();
    tell(&mut server, "publish 1000");
    let gauges = bus.connect::<u64>("plant/gauges").open().unwrap();
    let pokes = [0, 1, 2, 3, 4].map(|value| gauges.begin_poke("north", &value).unwrap());
    let adder = bus.client("plant").open().unwrap();
    let doubles = [1, 2, 3].map(|value| adder.begin_execute(&Double(value)).unwrap());
    tell(&mut server, "answer 8");
    let outcomes = pokes.map(bus::Pending::wait);
    assert!(matches!(outcomes[0], Err(Error::Refused { .. })), "{outcomes:?}");
    assert!(matches!(outcomes[1], Err(Error::Busy { .. })), "{outcomes:?}");
    assert!(matches!(outcomes[2], Err(Error::Failed { .. })), "{outcomes:?}");
    assert!(outcomes[3].is_ok() && outcomes[4].is_ok());
    assert_eq!(doubles.map(|double| double.wait().unwrap()), [2, 4, 6]);

    let system = bus.system("plant").open().unwrap();
    let counters = system.counters().unwrap();
    for (counter, of, expected) in [
        ("published", "gauges", 1000),
        ("published", "ledger", 1),
        ("item_wakes", "gauges", 0),
        ("topic_wakes", "gauges", 0),
        ("evicted_links", "ledger", 0),
        ("transactions", "poke done", 2),
        ("transactions", "poke refused", 1),
        ("transactions", "poke busy", 1),
        ("transactions", "poke failed", 1),
        ("transactions", "execute done", 3),
        ("transactions", "request done", 0),
        ("connections", "accepted", 1),
        ("connections", "refused", 0),
    ] {
        assert_eq!(counters[&Counter::new(counter, of)], expected, "{counter} {of}: {counters:?}");
    }
    let bytes = |counter: &str, of: &str| counters[&Counter::new(counter, of)];
    assert!(bytes("bytes", "gauges") > 0 && bytes("bytes", "ledger") > 0 && bytes("lane_bytes", "") > 0);
    assert_eq!(bytes("topic_bytes", ""), bytes("bytes", "gauges") + bytes("bytes", "ledger"));
    tell(&mut server, "end");
    server.finish();
}

#[test]
fn what_is_done_is_told_to_who_looks() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let bus = place.bus();
    let system = bus.system("plant").open().unwrap();
    tell(&mut server, "publish 10");
    await_counted(&system, &[("published", "gauges", 10)]);

    // A link that sleeps is woken, which is counted where it sleeps.
    let gauges = bus.connect::<u64>("plant/gauges").open().unwrap();
    for (item, counter) in [("north", "item_wakes"), ("*", "topic_wakes")] {
        let mut link = gauges.advise(item).prime(false).strategy(bus::Wait::Park).hot().unwrap();
        let before = system.counters().unwrap()[&Counter::new("published", "gauges")];
        std::thread::scope(|scope| {
            let (told, thread) = std::sync::mpsc::channel();
            let sleeper = scope.spawn(move || {
                told.send(support::proc::thread()).unwrap();
                link.recv_timeout(LIMIT).unwrap().value
            });
            let thread = thread.recv().unwrap();
            until("the link sleeps", || support::proc::sleeps_on_futex(std::process::id(), thread));
            tell(&mut server, "publish 1");
            sleeper.join().unwrap();
        });
        await_counted(&system, &[("published", "gauges", before + 1), (counter, "gauges", 1)]);
    }

    // A lossless link that reads nothing is given up, with what it had not read.
    let ledger = bus.connect::<u64>("plant/ledger").open().unwrap();
    let link = ledger.advise("book").lossless(LIMIT).hot().unwrap();
    tell(&mut server, "enter 5");
    let counted = [("published", "ledger", 6), ("evicted_links", "ledger", 1)];
    let counters = await_counted(&system, &counted);
    assert!(counters[&Counter::new("evicted_unread", "ledger")] > 0);
    drop(link);
    tell(&mut server, "end");
    server.finish();
}

#[test]
fn nothing_is_made_for_nobody_and_nothing_is_done_when_who_looked_is_gone() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let bus = place.bus();
    let gauges = bus.connect::<u64>("plant/gauges").open().unwrap();
    let _link = gauges.advise("north").prime(false).hot().unwrap();
    tell(&mut server, "publish 1");
    until("the control thread sleeps for good", || sleeps_without_end(server.pid()) == Some(true));
    assert!(!has_memory_for_telling(server.pid()), "memory, and nobody has asked");

    let mut looker = start_ready(&place, "looker");
    assert!(has_memory_for_telling(server.pid()));
    until("the control thread wakes by itself", || sleeps_without_end(server.pid()) == Some(false));
    looker.kill();
    until("the control thread sleeps for good", || sleeps_without_end(server.pid()) == Some(true));

    // Who comes next is told of now, and one that leaves in order is no longer told either.
    tell(&mut server, "publish 7");
    let system = bus.system("plant").open().unwrap();
    assert_eq!(system.counters().unwrap()[&Counter::new("published", "gauges")], 8);
    let second = bus.system("plant").open().unwrap();
    drop(second);
    until("the control thread wakes by itself", || sleeps_without_end(server.pid()) == Some(false));
    drop(system);
    until("the control thread sleeps for good", || sleeps_without_end(server.pid()) == Some(true));
    tell(&mut server, "end");
    server.finish();
}

#[test]
fn what_is_as_it_was_is_not_told_again() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let bus = place.bus();
    let system = bus.system("plant").open().unwrap();
    let mut topics = system.conversation().advise("Topics").boxed().unwrap();
    let first = topics.recv_timeout(LIMIT).unwrap();
    // Some rounds of counting, in which nothing else has changed.
    for published in 1..=4 {
        tell(&mut server, "publish 1");
        await_counted(&system, &[("published", "gauges", published)]);
    }
    assert!(topics.try_recv().unwrap().is_none());
    assert_eq!(system.conversation().request_boxed("Topics").unwrap().seq, first.seq);
    tell(&mut server, "end");
    server.finish();
}
