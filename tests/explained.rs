//! An error says what happened, to what, and what to do about it.
//!
//! Each test provokes an error as a user would meet it, mostly from another process, and looks for the names, numbers
//! and remedies in its text. A type that is not the one expected is explained field by field, with both sides.

mod support;

use bus::{Error, Message, Result};
use support::{Checked, Place, Publisher, Setup, Test, connect, publisher, roles};

roles!(publisher, quotes);

const SETUP: Setup = Setup { history: 4, journal: 8, items: 1 };

#[track_caller]
fn says<T>(result: Result<T>, parts: &[&str]) -> Error {
    let Err(error) = result else { panic!("expected an error that says {parts:?}") };
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
    error
}

mod there {
    #[derive(bus::Message, Debug, Clone, Copy)]
    #[repr(u8)]
    pub(super) enum Side {
        Buy = 1,
        Sell = 2,
    }

    #[derive(bus::Message, Debug, Clone, Copy)]
    #[repr(C)]
    pub(super) struct Level {
        pub(super) price: f64,
        pub(super) orders: u32,
    }

    #[derive(bus::Message, Debug, Clone, Copy)]
    #[repr(C)]
    pub(super) struct Quote {
        pub(super) time: u64,
        pub(super) size: u64,
        pub(super) side: Side,
        pub(super) levels: [Level; 4],
        pub(super) venue: u16,
    }
}

mod here {
    #[derive(bus::Message, Debug, Clone, Copy)]
    #[repr(u8)]
    pub(super) enum Side {
        Buy = 1,
        Sell = 3,
    }

    #[derive(bus::Message, Debug, Clone, Copy)]
    #[repr(C)]
    pub(super) struct Level {
        pub(super) price: f32,
        pub(super) orders: u32,
    }

    #[derive(bus::Message, Debug, Clone, Copy)]
    #[repr(C)]
    pub(super) struct Quote {
        pub(super) time: u64,
        pub(super) size: u32,
        pub(super) side: Side,
        pub(super) levels: [Level; 5],
        pub(super) account: u32,
    }
}

/// Serves a topic of the type that the test does not expect.
fn quotes(test: &mut Test) {
    use there::{Level, Quote, Side};
    let bus = test.bus();
    let service = bus.service("market").unwrap();
    let topic = service.topic::<Quote>("quotes").open().unwrap();
    let levels = [Level { price: 1.0, orders: 2 }; 4];
    let quotes = [Side::Buy, Side::Sell].map(|side| Quote { time: 1, size: 2, side, levels, venue: 3 });
    quotes.iter().for_each(|quote| assert!(topic.item("a").unwrap().publish(quote).is_ok()));
    service.ready().unwrap();
    test.say("ready");
    test.await_line("end");
}

#[test]
fn another_type_is_explained_field_by_field() {
    let place = Place::new();
    let mut quotes = place.start("quotes");
    quotes.await_line("ready");
    let bus = place.bus();
    let error =
        says(bus.connect::<here::Quote>("market/quotes").open(), &["`market/quotes`", "another type"]);
    let Error::TypeMismatch { service, topic, here, there, difference, .. } = error else {
        panic!("{error}")
    };
    assert_eq!((&*service, &*topic), ("market", "quotes"));
    assert_eq!((here, there), (here::Quote::FINGERPRINT, there::Quote::FINGERPRINT));
    let rows: Vec<String> = difference.differing().map(|row| row.to_string()).collect();
    for expected in [
        "Quote.size: u32 at 8 here, u64 at 8 there",
        "Quote.side: Side at 12 here, Side at 16 there",
        "Quote.side::Sell: 3 here, 2 there",
        "Quote.levels: [Level; 5] at 16 here, [Level; 4] at 24 there",
        "Quote.levels[].price: f32 at 0 here, f64 at 0 there",
        "Quote.levels[].orders: u32 at 4 here, u32 at 8 there",
        "Quote.venue: missing here, u16 at 88 there",
        "Quote.account: u32 at 56 here, missing there",
    ] {
        assert!(rows.iter().any(|row| row == expected), "{expected:?} is missing in {rows:#?}");
    }
    assert!(!rows.iter().any(|row| row.starts_with("Quote.time")), "that one is the same: {rows:#?}");

    // The text shows both sides, of equal fields too.
    let text = bus.connect::<here::Quote>("market/quotes").open().unwrap_err().to_string();
    let line =
        |field: &str| text.lines().find(|line| line.contains(field)).unwrap_or_else(|| panic!("{text}"));
    assert!(line("Quote.size").starts_with('!') && line("Quote.size").contains("u64 at 8"), "{text}");
    assert!(line("Quote.time").starts_with(' ') && line("Quote.time").contains("u64 at 0"), "{text}");

    // Neither a primitive nor a type of the same shape passes for it, and the right type is served meanwhile.
    says(bus.connect::<u64>("market/quotes").open(), &["u64", "Quote"]);
    assert_eq!(bus.connect::<there::Quote>("market/quotes").open().unwrap().request("a").unwrap().seq, 2);
    quotes.say("end");
    quotes.finish();
}

#[test]
fn what_is_not_there_is_named() {
    let place = Place::new();
    let _publisher = Publisher::start(&place, SETUP);
    let bus = place.bus();
    let directory = place.path().display().to_string();
    for result in [bus.connect::<Checked>("nobody/topic").open().map(drop), bus.topics("nobody").map(drop)] {
        let error = says(result, &["`nobody`", "bus `test`", &directory, ".wait(timeout)"]);
        assert!(matches!(error, Error::NoSuchService { .. }));
    }
    let error = says(
        bus.connect::<Checked>("service/nothing").open(),
        &["`service`", "no topic `nothing`", "bus.topics(\"service\")"],
    );
    assert!(matches!(error, Error::NoSuchTopic { .. }));
    let topic = connect(&bus);
    let parts = ["`service/topic`", "no item `none`", "conversation.items()", ".wait(timeout)"];
    for result in [
        topic.advise("none").hot().map(drop),
        topic.advise("none").warm().map(drop),
        topic.request("none").map(drop),
        topic.item("none").map(drop),
    ] {
        assert!(matches!(says(result, &parts), Error::NoSuchItem { .. }));
    }
    let error = says(topic.request("0"), &["item `0`", "`service/topic`", "no value yet", "advise"]);
    assert!(matches!(error, Error::NoValue { .. }));
}

#[test]
fn a_name_that_is_taken_is_said_to_be_with_its_owner() {
    let place = Place::new();
    let publisher = Publisher::start(&place, SETUP);
    let bus = place.bus();
    let error = says(bus.service("service"), &["`service`", "already served", "choose another name"]);
    let Error::AlreadyServed { pid, .. } = error else { panic!("{error}") };
    assert_eq!(pid, publisher.process.pid());
    assert!(error.to_string().contains(&format!("process {pid}")));

    // In one's own process too; and it is free when it is given back.
    let ours = bus.service("ours").unwrap();
    let error = says(place.bus().service("ours"), &[&format!("process {}", std::process::id())]);
    assert!(matches!(error, Error::AlreadyServed { .. }));
    ours.close();
    let ours = bus.service("ours").unwrap();
    let _topic = ours.topic::<u8>("topic").open().unwrap();
    let error = says(ours.topic::<u8>("topic").open(), &["`ours`", "already has a topic `topic`"]);
    assert!(matches!(error, Error::TopicExists { .. }));
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(C, align(8192))]
struct TooAligned {
    byte: u8,
}

#[test]
fn names_and_options_that_cannot_be_are_explained() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic::<u8>("topic").open().unwrap();
    service.ready().unwrap();
    let conversation = bus.connect::<u8>("service/topic").open().unwrap();
    let long = "x".repeat(256);
    for (name, reason) in
        [("", "empty"), ("a/b", "`/`"), ("a\u{7}b", "control"), ("*", "pattern"), (&*long, "longer than 255")]
    {
        let mut results = vec![
            ("bus", bus::Bus::builder().directory(place.path()).open(name).map(drop)),
            ("service", bus.service(name).map(drop)),
            ("topic", service.topic::<u8>(name).open().map(drop)),
            ("item", topic.item(name).map(drop)),
            ("item", conversation.request(name).map(drop)),
            ("service", bus.topics(name).map(drop)),
        ];
        if name != "*" {
            results.push(("item", conversation.advise(name).hot().map(drop)));
        }
        results.push(("item", conversation.advise_items([name]).hot().map(drop)));
        for (what, result) in results {
            let error = says(result, &[reason, &format!("not a valid {what} name"), &format!("{name:?}")]);
            assert!(matches!(error, Error::InvalidName { .. }));
        }
    }
    for address in ["service", "service/topic/item", "/topic", "service/"] {
        assert!(matches!(bus.connect::<u8>(address).open(), Err(Error::InvalidName { .. })), "{address}");
    }
    for address in ["", "a/", "/b", "a/b/c"] {
        assert!(matches!(bus.discover(address), Err(Error::InvalidName { .. })), "{address}");
    }

    let other = || service.topic::<u8>("other");
    for (result, parts) in [
        (other().history(1).open().map(drop), ["history is 1", "at least 2"]),
        (other().history(0).open().map(drop), ["history is 0", "at least 2"]),
        (other().journal(1).open().map(drop), ["journal is 1", "at least 2"]),
        (other().capacity(0).open().map(drop), ["capacity is 0", "at least 1"]),
        (service.topic::<TooAligned>("other").open().map(drop), ["aligned to 8192", "at most 4096"]),
    ] {
        assert!(matches!(says(result, &parts), Error::InvalidOption { .. }));
    }
    other().history(2).journal(2).capacity(1).open().unwrap();
}

#[test]
fn what_is_closed_says_so() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic::<u8>("topic").open().unwrap();
    let item = topic.item("item").unwrap();
    service.close();
    assert!(matches!(says(item.publish(&1), &["the service is closed"]), Error::Closed(_)));
}

#[test]
fn a_directory_that_others_may_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let open = place.path();
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    let bus = bus::Bus::builder().directory(open.parent().unwrap()).open("test");
    says(bus, &[&open.display().to_string(), "mode 777", "mode 700", "chmod"]);
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o700)).unwrap();
}
