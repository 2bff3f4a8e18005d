//! A service that lists its topics wrongly is found out, and holds nobody up.

mod support;

use bus::Error;
use support::Place;
use support::forged::{Service, welcome};
use support::wire::{frame, kind, name};

const TOPIC_ENTRY: u32 = 107;

fn entry(topic: &str) -> Vec<u8> {
    let mut body = vec![0; 24];
    body.extend(name(topic, &[]));
    body.extend(name("u64", &[]));
    body.extend([0; 6]);
    body
}

/// The error of listing the topics of a service that answers with these, one after the other.
fn listed(topics: &[&str]) -> Error {
    let place = Place::new();
    let service = Service::new(&place, "liar");
    let bus = place.bus();
    std::thread::scope(|scope| {
        let listing = scope.spawn(|| bus.topics("liar").unwrap_err());
        let mut client = service.accept();
        client.send(&welcome(), &[]).unwrap();
        for topic in topics {
            let question = client.receive().expect("a question");
            assert_eq!(question.kind(), kind::NEXT_TOPIC);
            client.send(&frame(TOPIC_ENTRY, 0, question.reference(), &entry(topic)), &[]).unwrap();
        }
        assert!(client.end().is_none());
        listing.join().unwrap()
    })
}

#[test]
fn topics_that_repeat_or_are_out_of_order_or_are_no_names_are_refused() {
    for topics in [&["a", "a"][..], &["b", "a"], &["a", "b", "a"], &["\x1b[31m"], &[""], &["a/b"]] {
        let error = listed(topics);
        assert!(matches!(error, Error::Protocol { .. }), "{topics:?}: {error}");
        assert!(!error.to_string().contains('\x1b'), "{error}");
    }
}
