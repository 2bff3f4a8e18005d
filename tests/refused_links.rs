//! A service that comes back may grant less than it did.
//!
//! A link that was granted something which the service's next life does not grant says so, once, in the service's words, and
//! goes on saying it to whoever asks why nothing comes. It is not at its end: a life that grants it again is followed.

mod support;

use std::time::Duration;

use bus::{Deliver, Ended, Error, Link};
use support::{LIMIT, Place, Process, Small, Test, roles};

roles!(granter);

/// A deadline that nobody here reaches.
const PATIENCE: Duration = LIMIT.saturating_mul(4);

/// Serves a topic that grants what it is told to, with one value.
fn granter(test: &mut Test) {
    let grants = test.hear();
    let bus = test.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic("topic").history(4);
    let topic = match &*grants {
        "nothing" => topic,
        "lossless" => topic.lossless(PATIENCE),
        "samples" => topic.samples(2),
        other => panic!("a granter does not know {other:?}"),
    };
    let topic = topic.open().unwrap();
    topic.item("item").unwrap().publish(&Small::new(0, 1)).unwrap();
    service.ready().unwrap();
    test.say("ready");
    test.hear();
}

fn start(place: &Place, grants: &str) -> Process {
    let mut granter = place.start("granter");
    granter.say(grants);
    granter.await_line("ready");
    granter
}

/// Lets the service of a link die, come back without what it granted, and then with it.
fn refused<D: Deliver<Item: core::fmt::Debug>>(
    place: &Place,
    mut life: Process,
    link: &mut Link<D>,
    grants: &str,
    words: &str,
) {
    link.recv_timeout(LIMIT).unwrap();
    life.kill();
    let error = link.recv_timeout(LIMIT).unwrap_err();
    assert!(matches!(error, Error::Stale { reason: Ended::Died, .. }), "{error}");
    let mut life = start(place, "nothing");
    let error = link.recv_timeout(LIMIT).unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert!(error.to_string().contains(words), "{words:?} is missing in {error}");
    assert!(link.try_recv().unwrap().is_none(), "it is said once");
    let error = link.recv_timeout(Duration::from_millis(1)).unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }) && error.to_string().contains(words), "{error}");
    let Some(Ended::Refused(reason)) = link.ended() else { panic!("{:?}", link.ended()) };
    assert!(reason.contains(words), "{reason}");
    life.kill();
    assert!(matches!(link.recv_timeout(LIMIT), Err(Error::Stale { reason: Ended::Died, .. })));
    let _life = start(place, grants);
    link.recv_timeout(LIMIT).unwrap();
    assert_eq!(link.ended(), None);
}

#[test]
fn a_lossless_link_says_that_it_is_no_longer_granted_that() {
    let place = Place::new();
    let life = start(&place, "lossless");
    let topic = place.bus().connect::<Small>("service/topic").open().unwrap();
    let mut link = topic.advise("item").lossless(PATIENCE).hot().unwrap();
    refused(&place, life, &mut link, "lossless", "`.lossless(patience)`");
}

#[test]
fn a_link_that_holds_values_says_that_it_may_no_longer() {
    let place = Place::new();
    let life = start(&place, "samples");
    let topic = place.bus().connect::<Small>("service/topic").open().unwrap();
    let mut link = topic.advise("item").samples(1).unwrap();
    refused(&place, life, &mut link, "samples", "`.samples(n)`");
}
