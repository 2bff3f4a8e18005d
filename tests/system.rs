//! A service tells of itself by its topic `system`: what it has and how it does, as items that can be read and advised on.

mod support;

use std::sync::mpsc;
use std::time::Duration;

use bus::{Counter, Error, FormatUse, Link, Message, System};
use support::{LIMIT, Place, Test, roles, start_ready, tell};

roles!(server, visitor);

#[derive(Message, Debug, Clone, Copy, PartialEq)]
#[message(reply = u64)]
#[repr(C)]
struct Open {
    valve: u64,
}

/// A service that becomes what it is told.
fn server(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("plant").unwrap();
    let valves = service.topic::<u32>("valves").lossless(Duration::from_secs(60)).open().unwrap();
    valves.item("north").unwrap().publish(&1).unwrap();
    service.ready().unwrap();
    let mut topics = Vec::new();
    let mut handlers = None;
    test.say("ready");
    loop {
        let line = test.hear();
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("topic", name) => topics.push(service.topic::<f64>(name).samples(3).open().unwrap()),
            ("item", name) => _ = valves.item(name).unwrap(),
            ("items", count) => {
                let topic = topics.last().unwrap();
                for n in 0..count.parse::<u32>().unwrap() {
                    topic.item(&format!("item {n}")).unwrap();
                }
            }
            ("help", text) => service.set_help(text),
            ("status", text) => service.set_status(text),
            ("handle", "") => {
                let handlers = handlers.insert(service.handlers::<()>().unwrap());
                handlers.accept_pokes(&valves).unwrap();
                handlers.execute(|_, open: &Open, _| Ok(open.valve)).unwrap();
            }
            ("drop", "handlers") => drop(handlers.take()),
            ("pause", "") => service.conversations().iter().for_each(bus::ServedConversation::pause),
            ("reserved", name) => {
                let refused = service.topic::<u32>(name).open().unwrap_err();
                assert!(matches!(refused, Error::InvalidName { what: "topic", .. }), "{refused}");
                assert!(refused.to_string().contains("tells of itself"), "{refused}");
            }
            ("end", "") => return test.say("done"),
            _ => panic!("a server does not understand {line:?}"),
        }
        test.say("done");
    }
}

/// A client that has a conversation, a link and one that waits, and pokes.
fn visitor(test: &mut Test) {
    let bus = test.bus();
    let valves = bus.connect::<u32>("plant/valves").open().unwrap();
    let _link = valves.advise("north").lossless(Duration::from_secs(60)).hot().unwrap();
    let _all = valves.advise("*").hot().unwrap();
    test.say("ready");
    test.await_line("poke");
    let _poke = valves.begin_poke("north", &3).unwrap();
    test.say("done");
    test.await_line("end");
}

/// Reads by `read`, and again whenever the item is told anew, until it is as `expected` says.
#[track_caller]
fn await_told<R: core::fmt::Debug>(
    link: &mut Link<bus::Boxed<[u8]>>,
    read: impl Fn() -> bus::Result<R>,
    expected: impl Fn(&R) -> bool,
) -> R {
    loop {
        let told = link.recv_timeout(LIMIT).unwrap();
        assert!(core::str::from_utf8(&told.value).is_ok());
        let found = read().unwrap();
        if expected(&found) {
            return found;
        }
    }
}

fn follow(system: &System, item: &str) -> Link<bus::Boxed<[u8]>> {
    system.conversation().advise(item).boxed().unwrap()
}

#[test]
fn what_a_service_has_is_told_at_once_to_who_asks() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    tell(&mut server, "help Valves, by name.");
    tell(&mut server, "status all valves\tmove");
    tell(&mut server, "topic levels");
    tell(&mut server, "items 3");
    tell(&mut server, "handle");
    let bus = place.bus();
    let system = bus.system("plant").open().unwrap();

    assert_eq!(system.help().unwrap(), "Valves, by name.");
    let status = system.status().unwrap();
    assert_eq!((status.pid, status.busy, status.handlers), (server.pid(), false, true));
    assert_eq!((&*status.text, &*status.cut), ("all valves move", ""));
    assert!(status.epoch != 0 && status.since <= bus::Stamp::now());

    let topics = system.topics().unwrap();
    let names: Vec<_> = topics.iter().map(|topic| (&*topic.topic, topic.items)).collect();
    assert_eq!(names, [("levels", 3), ("valves", 1)]);
    let (levels, valves) = (&topics[0], &topics[1]);
    assert_eq!((&*levels.type_name, levels.samples, levels.lossless), ("f64", 3, false));
    assert_eq!((levels.takes_pokes, levels.computes), (false, false));
    assert_eq!((&*valves.type_name, valves.samples, valves.lossless), ("u32", 0, true));
    assert_eq!((valves.takes_pokes, valves.fingerprint), (true, u32::FINGERPRINT));
    assert_eq!(system.items("levels").unwrap(), ["item 0", "item 1", "item 2"]);
    assert_eq!(system.items("valves").unwrap(), ["north"]);
    assert!(matches!(system.items("none"), Err(Error::NoSuchTopic { topic, .. }) if topic == "none"));

    let formats = system.formats().unwrap();
    let uses: Vec<_> = formats
        .iter()
        .map(|format| (&*format.topic, format.used, &*format.type_name, &*format.reply))
        .collect();
    assert_eq!(
        uses,
        [
            ("levels", FormatUse::Holds, "f64", ""),
            ("valves", FormatUse::Holds, "u32", ""),
            ("", FormatUse::Executes, "Open", "u64"),
        ]
    );
    assert_eq!(formats[1].schema, Some(bus::message::Schema::of::<u32>()));
    assert_eq!((formats[2].fingerprint, formats[2].reply_fingerprint), (Open::FINGERPRINT, u64::FINGERPRINT));
    assert_eq!(formats[2].schema, Some(bus::message::Schema::of::<Open>()));
    assert_eq!(formats[2].reply_schema, Some(bus::message::Schema::of::<u64>()));
    assert_eq!(formats[1].reply_schema, None);

    // What there is, by name: these, and the lists that `Topics` names.
    let mut items: Vec<_> = system.conversation().items().iter().map(|name| name.to_string()).collect();
    let told = system.conversation().request_boxed("SysItems").unwrap().value;
    let mut told: Vec<_> = core::str::from_utf8(&told).unwrap().lines().skip(1).map(str::to_owned).collect();
    told.extend(topics.into_iter().map(|topic| topic.list));
    items.sort();
    told.sort();
    assert_eq!(items, told);
    tell(&mut server, "end");
    server.finish();
}

#[test]
fn who_looks_again_is_told_of_now() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let bus = place.bus();
    // Nobody looks when it changes, and who looks then does so at once.
    for round in 0..30 {
        tell(&mut server, &format!("help Round {round}."));
        let system = bus.system("plant").open().unwrap();
        assert_eq!(system.help().unwrap(), format!("Round {round}."));
    }
    tell(&mut server, "end");
    server.finish();
}

#[test]
fn who_is_let_in_late_is_told_of_now() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("plant").unwrap();
    let (ask, asked) = mpsc::channel();
    let (let_in, is_let_in) = mpsc::channel();
    let hook = move |_: &bus::ConnectRequest| {
        ask.send(()).unwrap();
        is_let_in.recv().unwrap();
        Ok(())
    };
    service.on_connect(hook).unwrap();
    service.ready().unwrap();
    for round in 0..30 {
        std::thread::scope(|scope| {
            let read = || bus.system("plant").timeout(LIMIT).open().unwrap().help().unwrap();
            let reader = scope.spawn(read);
            asked.recv_timeout(LIMIT).unwrap();
            service.set_help(format!("Round {round}."));
            let_in.send(()).unwrap();
            assert_eq!(reader.join().unwrap(), format!("Round {round}."));
        });
    }
}

#[test]
fn what_changes_is_told_to_who_looks() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let bus = place.bus();
    let system = bus.system("plant").open().unwrap();

    let mut help = follow(&system, "Help");
    await_told(&mut help, || system.help(), |text| text.is_empty());
    tell(&mut server, "help Now there is some.");
    await_told(&mut help, || system.help(), |text| text == "Now there is some.");

    let mut status = follow(&system, "Status");
    tell(&mut server, "status warm");
    await_told(&mut status, || system.status(), |status| status.text == "warm");

    let mut topics = follow(&system, "Topics");
    tell(&mut server, "topic levels");
    await_told(&mut topics, || system.topics(), |topics| topics.len() == 2);
    let mut formats = follow(&system, "Formats");
    // That it is there is told, so that nothing else will have the texts made.
    let mut links = follow(&system, "Links");
    let is_told = |links: &Vec<bus::SystemLink>| {
        ["Formats", "Links"].iter().all(|item| links.iter().any(|link| link.item == *item))
    };
    await_told(&mut links, || system.links(), is_told);
    tell(&mut server, "handle");
    await_told(&mut topics, || system.topics(), |topics| topics[1].takes_pokes);
    await_told(&mut formats, || system.formats(), |formats| formats.len() == 3);

    let mut valves = follow(&system, "TopicItemList.valves");
    tell(&mut server, "item south");
    await_told(&mut valves, || system.items("valves"), |items| *items == ["north", "south"]);

    let mut conversations = follow(&system, "Conversations");
    let mut visitor = start_ready(&place, "visitor");
    let found = await_told(
        &mut links,
        || system.links(),
        |links| links.iter().filter(|link| link.topic == "valves").count() == 2,
    );
    let of_visitor: Vec<_> = found
        .iter()
        .filter(|link| link.pid == visitor.pid())
        .map(|link| (&*link.item, &*link.kind, link.waiting))
        .collect();
    assert_eq!(of_visitor, [("north", "lossless", false), ("*", "plain", false)]);
    let of_us: Vec<_> = found.iter().filter(|link| link.topic == "system").map(|link| &*link.item).collect();
    assert!(of_us.contains(&"Help") && of_us.contains(&"TopicItemList.valves"), "{of_us:?}");

    let of = |pid: u32| move |found: &Vec<bus::SystemConversation>| found.iter().any(|one| one.pid == pid);
    let has_links = |pid: u32| {
        move |found: &Vec<bus::SystemConversation>| found.iter().any(|one| one.pid == pid && one.links == 2)
    };
    let found = await_told(&mut conversations, || system.conversations(), has_links(visitor.pid()));
    let one = found.iter().find(|one| one.pid == visitor.pid()).unwrap();
    assert_eq!((&*one.topic, one.links, one.lanes, one.waiting, one.paused), ("valves", 2, 0, 0, false));
    assert_eq!((one.uid, one.gid), (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw()));

    // A request that waits, in a conversation that is paused.
    tell(&mut server, "pause");
    tell(&mut visitor, "poke");
    await_told(
        &mut conversations,
        || system.conversations(),
        |found| found.iter().any(|one| one.waiting == 1 && one.lanes == 1 && one.paused),
    );
    await_told(&mut status, || system.status(), |status| status.busy);

    visitor.kill();
    let pid = visitor.pid();
    await_told(&mut conversations, || system.conversations(), move |found| !of(pid)(found));
    await_told(&mut links, || system.links(), |links| links.iter().all(|link| link.topic == "system"));
    await_told(&mut status, || system.status(), |status| !status.busy);

    tell(&mut server, "drop handlers");
    await_told(&mut topics, || system.topics(), |topics| !topics[1].takes_pokes);
    await_told(&mut formats, || system.formats(), |formats| formats.len() == 2);
    await_told(&mut status, || system.status(), |status| !status.handlers);
    tell(&mut server, "end");
    server.finish();
}

#[test]
fn a_link_that_waits_is_told_with_the_item_that_it_waits_for() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let bus = place.bus();
    let system = bus.system("plant").open().unwrap();
    let mut links = follow(&system, "Links");
    let valves = bus.connect::<u32>("plant/valves").open().unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| valves.advise("west").wait(LIMIT).hot().unwrap());
        let told =
            |links: &Vec<bus::SystemLink>| links.iter().any(|link| link.item == "west" && link.waiting);
        await_told(&mut links, || system.links(), told);
        tell(&mut server, "item west");
        let _link = waiting.join().unwrap();
        let told =
            |links: &Vec<bus::SystemLink>| links.iter().any(|link| link.item == "west" && !link.waiting);
        await_told(&mut links, || system.links(), told);
    });
    tell(&mut server, "end");
    server.finish();
}

#[test]
fn ten_thousand_items_are_listed_as_they_come() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let bus = place.bus();
    let system = bus.system("plant").open().unwrap();
    let mut topics = follow(&system, "Topics");
    tell(&mut server, "topic many");
    await_told(&mut topics, || system.topics(), |topics| topics.len() == 2);
    let mut list = follow(&system, "TopicItemList.many");
    tell(&mut server, "items 10000");
    let items = await_told(&mut list, || system.items("many"), |items| items.len() == 10_000);
    assert!(items.iter().enumerate().all(|(n, item)| *item == format!("item {n}")));
    tell(&mut server, "end");
    server.finish();
}

#[test]
fn a_topic_whose_name_leaves_no_room_for_more_has_a_list_too() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let long = "t".repeat(255);
    tell(&mut server, &format!("topic {long}"));
    tell(&mut server, "items 2");
    let system = place.bus().system("plant").open().unwrap();
    assert_eq!(system.items(&long).unwrap(), ["item 0", "item 1"]);
    let none = "n".repeat(255);
    assert!(matches!(system.items(&none), Err(Error::NoSuchTopic { .. })));
    tell(&mut server, "end");
    server.finish();
}

#[test]
fn the_name_is_the_librarys_own_and_no_topic_among_others() {
    let place = Place::new();
    let mut server = start_ready(&place, "server");
    let bus = place.bus();
    let system = bus.system("plant").open().unwrap();
    for name in ["system", "system.", "system.trace"] {
        tell(&mut server, &format!("reserved {name}"));
    }
    tell(&mut server, "topic systems");
    let names = |topics: Vec<bus::TopicInfo>| topics.into_iter().map(|topic| topic.topic).collect::<Vec<_>>();
    assert_eq!(names(bus.topics("plant").unwrap()), ["systems", "valves"]);
    assert_eq!(names(bus.discover("plant/*").unwrap().topics), ["systems", "valves"]);
    // It is written by nobody else, and nothing can be kept from it.
    let lossless = system.conversation().advise("Help").lossless(LIMIT).boxed();
    assert!(lossless.is_err(), "{lossless:?}");
    assert!(system.conversation().advise("Help").samples(1).is_err());
    tell(&mut server, "end");
    server.finish();
}

#[test]
fn who_waits_for_the_service_is_told_when_it_is_there() {
    let place = Place::new();
    let bus = place.bus();
    assert!(matches!(bus.system("plant").open(), Err(Error::NoSuchService { .. })));
    assert!(matches!(bus.system("a/b").open(), Err(Error::InvalidName { .. })));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| bus.system("plant").wait(LIMIT).open().unwrap());
        let mut server = start_ready(&place, "server");
        let system = waiting.join().unwrap();
        assert_eq!(system.items("valves").unwrap(), ["north"]);
        let counters = system.counters().unwrap();
        // Not for the conversation that was refused, and which the service may have found not forgotten yet.
        assert_eq!(counters[&Counter::new("connections", "accepted")], 1);
        tell(&mut server, "end");
        server.finish();
    });
}
