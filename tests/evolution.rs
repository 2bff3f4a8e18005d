//! Programs that were compiled with different versions of a message go on together.
//!
//! Version 2 of a message appends fields. A program with version 1 reads what one with version 2 publishes, without
//! those; one with version 2 reads what one with version 1 publishes, with the defaults of those. That holds for
//! messages inside messages too, wherever they stand, and for every way of reading; and links stay when a service is
//! upgraded under them, or downgraded again. Changes that are more than appending are refused when connecting, with
//! what should have been done.
//!
//! The programs are `tests/evolution/v1.rs` and `v2.rs`, compiled apart, each with its own definition of the same
//! messages. They do as this test says, and what they read they show as `Debug` does.

mod support;

use bus::Error;
use support::forged::{Forged, Service, send_segment};
use support::{LIMIT, Place, Process};

const V1: &str = env!("CARGO_BIN_EXE_evolution_v1");
const V2: &str = env!("CARGO_BIN_EXE_evolution_v2");

/// What a program with version `reader` sees of sample `number` by a program with version `writer`.
fn quote(reader: &str, writer: &str, number: u32) -> String {
    let venue = match (reader, writer) {
        (V1, _) => "",
        (_, V1) => ", venue: 77, firm: true",
        _ => ", venue: 20, firm: false",
    };
    let level = |count: u32| format!("Level {{ price: {number}.0, count: {count}{venue} }}");
    let rest = match (reader, writer) {
        (V1, _) => String::new(),
        (_, V1) => ", lot: 100, best: Level { price: 0.5, count: 0, venue: 1, firm: false }".to_owned(),
        _ => format!(", lot: 30, best: {}", level(4)),
    };
    let (bid, asks, trades) = (level(1), format!("[{}, {}]", level(2), level(3)), level(4));
    format!("Quote {{ bid: {bid}, asks: {asks}, trades: [{trades}], size: {number}{rest} }}")
}

fn serve(place: &Place, program: &'static str) -> Process {
    let mut service = place.start_program(program);
    service.say("serve");
    service.await_line("ready");
    service
}

fn connect(place: &Place, program: &'static str) -> Process {
    let mut reader = place.start_program(program);
    assert_eq!(reader.ask("connect"), "connected");
    reader
}

#[track_caller]
fn publish(service: &mut Process, item: &str, number: u32) {
    assert_eq!(service.ask(format!("{item} {number}")), "done");
}

#[test]
fn each_version_reads_the_other_in_every_way() {
    for (reader, writer) in [(V1, V2), (V2, V1), (V1, V1), (V2, V2)] {
        let place = Place::new();
        let mut service = serve(&place, writer);
        publish(&mut service, "a", 5);
        let mut client = connect(&place, reader);
        let seen = |number| quote(reader, writer, number);
        assert_eq!(client.ask("request a"), format!("a 1 {}", seen(5)));
        for target in ["advise a", "advise *", "advise warm a"] {
            assert_eq!(client.ask(target), "advised");
        }
        // The present value first, then each that is published.
        assert_eq!(client.ask("receive a"), format!("a 1 {}", seen(5)));
        assert_eq!(client.ask("receive *"), format!("a 1 {}", seen(5)));
        assert_eq!(client.ask("notice"), "a 1 changed");
        for number in 2..6 {
            publish(&mut service, "a", number);
            publish(&mut service, "b", 10 * number);
            assert_eq!(client.ask("receive a"), format!("a {number} {}", seen(number)));
            assert_eq!(client.ask("receive *"), format!("a {number} {}", seen(number)));
            assert_eq!(client.ask("receive *"), format!("b {} {}", number - 1, seen(10 * number)));
            assert_eq!(client.ask("notice"), format!("a {number} changed"));
            assert_eq!(client.ask("request b"), format!("b {} {}", number - 1, seen(10 * number)));
        }
        // The last values are converted as the present ones are.
        service.kill();
        assert_eq!(
            client.ask("receive a"),
            "error: service `market` is gone: its process died; its last values can still be read"
        );
        assert_eq!(client.ask("request b"), format!("b 4 stale {}", seen(50)));
        client.finish();
    }
}

#[test]
fn links_stay_when_a_service_is_upgraded_and_downgraded() {
    let place = Place::new();
    let mut service = serve(&place, V1);
    publish(&mut service, "a", 1);
    let mut readers = [V1, V2].map(|reader| (reader, connect(&place, reader)));
    for (reader, client) in &mut readers {
        for target in ["advise a", "advise *", "advise warm *"] {
            assert_eq!(client.ask(target), "advised");
        }
        for link in ["receive a", "receive *"] {
            assert_eq!(client.ask(link), format!("a 1 {}", quote(reader, V1, 1)));
        }
        assert_eq!(client.ask("notice"), "a 1 changed");
    }
    for (life, writer) in [V2, V1, V1, V2].into_iter().enumerate() {
        if life % 2 == 0 {
            service.kill();
        } else {
            service.say("close");
            service.await_line("closed");
            service.finish();
        }
        let gone = "error: service `market` is gone: ";
        for (_, client) in &mut readers {
            for link in ["receive a", "receive *", "notice"] {
                let error = client.ask(link);
                assert!(error.starts_with(gone), "{error}");
            }
        }
        service = serve(&place, writer);
        for (value, gap) in [(1, " after a gap"), (2, "")] {
            publish(&mut service, "a", 10 + value);
            for (reader, client) in &mut readers {
                let seen = quote(reader, writer, 10 + value);
                for link in ["receive a", "receive *"] {
                    assert_eq!(client.ask(link), format!("a {value}{gap} {seen}"));
                }
                assert_eq!(client.ask("notice"), format!("a {value}{gap} changed"));
                assert_eq!(client.ask("request a"), format!("a {value} {seen}"));
            }
        }
    }
    readers.into_iter().for_each(|(_, client)| client.finish());
}

#[test]
fn values_that_are_overwritten_while_they_are_converted_are_never_torn() {
    const VALUES: u32 = 300_000;
    for (reader, writer) in [(V1, V2), (V2, V1)] {
        let place = Place::new();
        let mut service = serve(&place, writer);
        let mut client = place.start_program(reader);
        client.say(format!("watch {VALUES}"));
        service.say(format!("burst {VALUES}"));
        let answer = client.hear();
        assert!(answer.starts_with("whole: "), "{answer}");
        client.finish();
    }
}

#[test]
fn changes_that_are_more_than_appending_are_refused_with_the_reason() {
    let place = Place::new();
    let mut service = serve(&place, V2);
    let mut client = place.start_program(V1);
    let mut refused = |topic: &str| {
        let error = client.ask(format!("expect market/{topic}")).replace("\\n", "\n");
        let begin =
            format!("error: topic `market/{topic}` carries another type than this program expects:\n");
        error.strip_prefix(&begin).unwrap_or_else(|| panic!("{error}")).to_owned()
    };
    assert_eq!(
        refused("unmarked"),
        "\
\u{20}               here                       there
  Trade         struct, size 16, align 8   struct, size 16, align 8
  Trade.price   f64 at 0                   f64 at 0
  Trade.size    u32 at 8                   u32 at 8
! Trade.venue   missing                    u16 at 12
no other version of it: `Trade.venue`: it was appended there without `since`; mark it `since = 2` and `Trade` \
`version = 2`"
    );
    assert_eq!(
        refused("inserted"),
        "\
\u{20}               here                       there
  Trade         struct, size 16, align 8   struct, size 16, align 8, version 2
  Trade.price   f64 at 0                   f64 at 0
! Trade.size    u32 at 8                   u32 at 12
! Trade.venue   missing                    u16 at 8
no other version of it: `Trade`: fields can only be appended, but `size` here stands where `venue` does there"
    );
    // The rows say it all.
    assert_eq!(
        refused("retyped"),
        "\
\u{20}               here                       there
! Trade         struct, size 16, align 8   struct, size 12, align 4, version 2
! Trade.price   f64 at 0                   f32 at 0
! Trade.size    u32 at 8                   u32 at 4
! Trade.venue   missing                    u16 at 8 since 2"
    );
    // A conversation that was refused does not stand in the way of one that is not.
    assert_eq!(client.ask("connect"), "connected");
    publish(&mut service, "a", 3);
    assert_eq!(client.ask("request a"), format!("a 1 {}", quote(V1, V2, 3)));
    client.finish();
}

#[test]
fn a_publisher_that_lies_about_its_version_is_refused() {
    let honest = Forged::topic::<[u64; 4]>(&["a"]);
    let mut lies = [honest.clone(), honest.clone(), honest];
    // The fingerprint of no type, over a schema that is one.
    lies[0].words[2] ^= 1;
    // Messages that are larger than the schema says, and less aligned, in a segment that adds up.
    lies[1].words[5] = 40;
    lies[2].words[6] = 4;
    let expected = [
        "a schema of fingerprint",
        "messages of 40 bytes aligned to 8 under this type's fingerprint",
        "messages of 32 bytes aligned to 4 under this type's fingerprint",
    ];
    for (lie, expected) in lies.iter().zip(expected) {
        let place = Place::new();
        let service = Service::new(&place, "liar");
        let error = std::thread::scope(|scope| {
            let liar = scope.spawn(|| {
                let (mut client, conversation) = service.converse();
                send_segment(&mut client, conversation, 0, 1, &lie.make().0);
                client
            });
            let error = place.bus().connect::<[u32; 4]>("liar/topic").timeout(LIMIT).open().unwrap_err();
            drop(liar.join().unwrap());
            error
        });
        let Error::Protocol { detail, .. } = &error else {
            panic!("expected a broken protocol, got {error}")
        };
        assert!(detail.contains(expected), "{expected:?} is missing in {detail:?}");
    }
}
