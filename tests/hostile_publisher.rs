//! A publisher that lies about what it hands out is found out at once, and told what it lied about.
//!
//! The service here is made by hand. It hands out memory that is not sealed, not reserved, of the wrong size or not
//! memory at all; headers and schemas that say what cannot be; frames that do not belong. A client checks all of it
//! when it arrives, before it maps or believes anything, and connecting fails with what is wrong. What a publisher can
//! do later, with memory that was good when it handed it out, is the matter of `hostile_memory`.

mod support;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc;
use std::time::Duration;

use bus::{Error, Message};
use rustix::fs::SealFlags;
use support::forged::{Forged, Service, located_frame, memory, segment_frame, send_segment};
use support::segment::Segment;
use support::wire::{Client, frame, kind};
use support::{LIMIT, Place, Random};

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Reading {
    number: u64,
    valid: bool,
}

const ADDRESS: &str = "liar/topic";

/// Connects to a service that answers as `script` says, which must not work; the error.
#[track_caller]
fn refused(place: &Place, script: impl FnOnce(&Service) -> Option<Client> + Send) -> String {
    let service = Service::new(place, "liar");
    let error = std::thread::scope(|scope| {
        // The connection is kept: it is the client that ends it.
        let script = scope.spawn(|| script(&service));
        let error = place.bus().connect::<Reading>(ADDRESS).timeout(LIMIT).open().unwrap_err();
        drop(script.join().unwrap());
        error
    });
    let Error::Protocol { peer, detail } = &error else { panic!("expected a broken protocol, got {error}") };
    assert!(peer.contains("`liar`"), "{peer}");
    detail.clone()
}

#[track_caller]
fn refused_segment(place: &Place, segment: &Segment, expected: &str) {
    let detail = refused(place, |service| {
        let (mut client, conversation) = service.converse();
        send_segment(&mut client, conversation, 0, 1, segment);
        Some(client)
    });
    assert!(detail.contains(expected), "{expected:?} is missing in {detail:?}");
}

#[test]
fn memory_that_could_change_under_a_reader_is_refused() {
    let place = Place::new();
    let honest = Forged::topic::<Reading>(&["a"]);
    for missing in [SealFlags::SHRINK, SealFlags::GROW, SealFlags::SEAL, SealFlags::FUTURE_WRITE] {
        let forged = Forged { seals: honest.seals.difference(missing), ..honest.clone() };
        refused_segment(&place, &forged.make().0, "segment: its seals are");
    }
    for missing in [SealFlags::SHRINK, SealFlags::GROW, SealFlags::SEAL] {
        let forged = Forged { bell_seals: honest.bell_seals.difference(missing), ..honest.clone() };
        refused_segment(&place, &forged.make().0, "bells: its seals are");
    }
    let mut sparse = Forged { reserved: false, ..honest.clone() };
    sparse.words.resize(1 << 16, 0);
    refused_segment(&place, &sparse.make().0, "bytes are reserved");
    refused_segment(&place, &Forged { words: Vec::new(), ..honest.clone() }.make().0, "it is empty");
    let one_short = Forged { words: honest.words[..honest.words.len() - 1].to_vec(), ..honest.clone() };
    refused_segment(&place, &one_short.make().0, "do not fit");
    let one_long = Forged { bell_bytes: honest.bell_bytes + 1, ..honest.clone() };
    refused_segment(&place, &one_long.make().0, "bells: they have");
    let null = || -> OwnedFd { std::fs::File::open("/dev/null").unwrap().into() };
    let (Segment { segment, bells }, _) = honest.make();
    refused_segment(&place, &Segment { segment: null(), bells }, "not sealable");
    refused_segment(&place, &Segment { segment, bells: null() }, "bells: it is not sealable");
}

#[test]
fn a_header_that_says_what_cannot_be_is_refused() {
    let place = Place::new();
    let honest = Forged::topic::<Reading>(&["a"]);
    let lies = [
        (0, 0, "magic"),
        (1, 2, "layout version"),
        (1, honest.words[1].swap_bytes(), "layout version"),
        (5, 40, "messages of 40 bytes aligned to 8 under this type's fingerprint"),
        (5, 48, "do not fit"),
        (5, u64::MAX, "do not fit"),
        (6, 0, "do not fit"),
        (6, 3, "do not fit"),
        (7, 0, "do not fit"),
        (7, 1, "do not fit"),
        (7, 1 << 60, "do not fit"),
        (8, 3, "do not fit"),
        (8, u64::MAX, "do not fit"),
        (9, u64::MAX, "do not fit"),
        (10, u64::MAX, "do not fit"),
        (10, 1, "does not begin with item 0"),
        (11, 0, "do not fit"),
        (11, 1 << 58, "do not fit"),
        (12, u64::MAX, "do not fit"),
        (15, 0, "not marked as ready"),
    ];
    for (word, value, expected) in lies {
        let mut forged = honest.clone();
        forged.words[word] = value;
        refused_segment(&place, &forged.make().0, expected);
    }
    // A topic without journal, whose sizes add up all the same.
    refused_segment(&place, &honest.extent(0, &["a"]).make().0, "without journal");
    // The right fingerprint over messages of another size.
    let mut other = Forged::topic::<[u64; 4]>(&["a"]);
    other.words[2..4].copy_from_slice(&honest.words[2..4]);
    refused_segment(
        &place,
        &other.make().0,
        "messages of 32 bytes aligned to 8 under this type's fingerprint",
    );
}

#[test]
fn a_schema_that_is_none_is_refused() {
    let place = Place::new();
    let mut random = Random::seeded();
    let mut forged = Forged::topic::<[u64; 4]>(&["a"]);
    for _ in 0..50 {
        let schema = forged.layout.schema..forged.layout.schema + forged.parameters.schema.div_ceil(8);
        forged.words[schema].iter_mut().for_each(|word| *word = random.next());
        refused_segment(&place, &forged.make().0, "the schema of topic `topic` cannot be read");
    }
}

#[test]
fn frames_that_do_not_belong_are_refused() {
    let place = Place::new();
    let detail = refused(&place, |service| {
        let mut client = service.accept();
        client.send(b"no frame at all, but longer than a prefix", &[]).unwrap();
        Some(client)
    });
    assert!(detail.contains("starts with"), "{detail}");
    let detail = refused(&place, |service| {
        let mut client = service.accept();
        client.send(&segment_frame(1, 0, 1), &[]).unwrap();
        Some(client)
    });
    assert!(detail.contains("0 descriptors, expected 2"), "{detail}");
    let detail = refused(&place, |service| {
        let mut client = service.accept();
        client.send(&located_frame(1, 1, 0), &[]).unwrap();
        Some(client)
    });
    assert!(detail.contains("does not belong here"), "{detail}");
    let detail = refused(&place, |service| {
        let (mut client, _) = service.converse();
        client.send(&frame(kind::HELLO, 0, 0, &[1, 0, 1, 0]), &[]).unwrap();
        Some(client)
    });
    assert!(detail.contains("unknown kind 1"), "{detail}");
    for count in [1, 3] {
        let detail = refused(&place, |service| {
            let (mut client, conversation) = service.converse();
            let memory = memory(64, true);
            client.send(&segment_frame(conversation, 0, 1), &vec![memory.as_fd(); count]).unwrap();
            Some(client)
        });
        assert!(detail.contains("descriptors") || detail.contains("larger than any frame"), "{detail}");
    }
    let detail = refused(&place, |service| {
        let (mut client, conversation) = service.converse();
        let (extent, _) = Forged::topic::<Reading>(&[]).extent(4, &["e"]).make();
        send_segment(&mut client, conversation, 1, 2, &extent);
        Some(client)
    });
    assert!(detail.contains("an extent without a first segment"), "{detail}");
}

#[test]
fn a_service_that_says_nothing_or_goodbye_is_not_waited_for() {
    let place = Place::new();
    let service = Service::new(&place, "liar");
    let bus = place.bus();
    let short = Duration::from_millis(50);
    let error = bus.connect::<Reading>(ADDRESS).timeout(short).open().unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    drop((bus, service));

    let service = Service::new(&place, "liar");
    std::thread::scope(|scope| {
        let (end, ended) = mpsc::channel::<()>();
        let goodbye = scope.spawn(move || {
            let (mut client, _) = service.converse();
            let mut body = vec![1, 7, 0];
            body.extend(b"go away");
            body.resize(1 + 2 + 1021, 0);
            client.send(&frame(kind::GOODBYE, 0, 0, &body), &[]).unwrap();
            let _ = ended.recv();
        });
        let error = place.bus().connect::<Reading>(ADDRESS).timeout(LIMIT).open().unwrap_err();
        assert!(error.to_string().contains("go away"), "{error}");
        drop(end);
        goodbye.join().unwrap();
    });
}
