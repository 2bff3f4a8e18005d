//! A poke has one answer, and it is the handler's: yes, no with a reason, busy, or that there is no such thing.
//!
//! What a topic does not take is said at once, and not after a timeout as with DDE. A handler that panics, or loses the
//! right to answer, has answered by that.

mod support;

use bus::{Conversation, Error, Result};
use support::desk::{Add, BUSY, DROPPED, Dial, FAILED, LATER, NO_ITEM, PANICS, REFUSED, RETRY_AFTER, newer};
use support::{Desk, LIMIT, Place, desk, roles};

roles!(desk);

fn connect(place: &Place, topic: &str) -> Conversation<u64> {
    place.bus().connect(&format!("desk/{topic}")).open().unwrap().with_timeout(LIMIT)
}

#[track_caller]
fn failed(poked: Result<()>) -> String {
    match poked {
        Err(error @ Error::Failed { .. }) => error.to_string(),
        other => panic!("expected a failure, got {other:?}"),
    }
}

#[test]
fn a_poke_is_accepted_and_the_handler_does_what_it_likes_with_it() {
    let place = Place::new();
    let _desk = Desk::start(&place, 8);
    let limits = connect(&place, "limits");
    for value in 1..=50 {
        limits.poke("speed", &value).unwrap();
        // What its handler published before it said yes is there for whoever heard the yes.
        assert_eq!(limits.request("speed").unwrap().value, value);
    }
    let mut link = limits.advise("pressure").hot().unwrap();
    limits.begin_poke("pressure", &7).unwrap().wait().unwrap();
    assert_eq!(link.recv_timeout(LIMIT).unwrap().value, 7);
}

#[test]
fn a_no_has_a_code_and_a_reason_and_busy_a_time() {
    let place = Place::new();
    let _desk = Desk::start(&place, 8);
    let limits = connect(&place, "limits");
    match limits.poke("speed", &REFUSED) {
        Err(Error::Refused { service, verb: "poke", what, code: 42, reason }) => {
            assert_eq!((&*service, &*what), ("desk", "desk/limits/speed"));
            assert_eq!(reason, "speed cannot be 101");
        }
        other => panic!("{other:?}"),
    }
    match limits.poke("speed", &BUSY) {
        Err(Error::Busy { retry_after, .. }) => assert_eq!(retry_after, RETRY_AFTER),
        other => panic!("{other:?}"),
    }
    assert!(failed(limits.poke("speed", &FAILED)).contains("it is stuck"));
    assert_eq!(limits.request("speed").unwrap().value, 10, "none of these was published");
}

#[test]
fn an_item_that_there_is_not_is_named() {
    let place = Place::new();
    let _desk = Desk::start(&place, 8);
    for (topic, item, value) in [("limits", "speed", NO_ITEM), ("limits", "none", 1), ("open", "none", 1)] {
        match connect(&place, topic).poke(item, &value) {
            Err(error @ Error::NoSuchItem { .. }) => assert!(error.to_string().contains(item), "{error}"),
            other => panic!("{other:?}"),
        }
    }
    let error = connect(&place, "open").poke("", &1).unwrap_err();
    assert!(matches!(error, Error::InvalidName { .. }), "{error}");
}

#[test]
fn what_a_topic_does_not_take_is_said_at_once_and_again() {
    let place = Place::new();
    let _desk = Desk::start(&place, 8);
    let fixed = connect(&place, "fixed");
    for _ in 0..3 {
        match fixed.poke("a", &2) {
            Err(Error::NotSupported { verb: "poke", supported, .. }) => {
                assert_eq!(supported, "the topic takes no pokes");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(fixed.request("a").unwrap().value, 1);
    // Also where the conversation has a lane, by which it executes.
    assert_eq!(fixed.execute(&Add(1, 2)).unwrap().0, 3);
    assert!(matches!(fixed.poke("a", &2), Err(Error::NotSupported { .. })));
    assert!(matches!(fixed.request_as::<u64>("a"), Err(Error::NotSupported { .. })));
}

#[test]
fn a_value_of_another_version_of_the_type_is_not_taken_for_one_of_this() {
    let place = Place::new();
    let _desk = Desk::start(&place, 8);
    let newer = place.bus().connect::<newer::Dial>("desk/dials").open().unwrap().with_timeout(LIMIT);
    match newer.poke("a", &newer::Dial { percent: 5, speed: 6 }) {
        Err(Error::NotSupported { supported, .. }) => assert!(supported.contains("`Dial`"), "{supported}"),
        other => panic!("{other:?}"),
    }
    let same = place.bus().connect::<Dial>("desk/dials").open().unwrap().with_timeout(LIMIT);
    same.poke("a", &Dial { percent: 5 }).unwrap();
    assert_eq!(newer.request("a").unwrap().value, newer::Dial { percent: 5, speed: 7 });
}

#[test]
fn a_handler_that_panics_has_failed_and_the_service_lives() {
    let place = Place::new();
    let _desk = Desk::start(&place, 2);
    let limits = connect(&place, "limits");
    // More often than there are cells.
    for value in 1..=20 {
        assert!(failed(limits.poke("speed", &PANICS)).contains("its handler panicked"));
        assert!(failed(limits.poke("speed", &DROPPED)).contains("dropped the reply"));
        limits.poke("speed", &value).unwrap();
    }
}

#[test]
fn an_answer_that_is_kept_comes_later_and_from_another_thread() {
    let place = Place::new();
    let mut desk = Desk::start(&place, 8);
    let limits = connect(&place, "limits");
    let mut kept = [limits.begin_poke("speed", &LATER).unwrap(), limits.begin_poke("speed", &LATER).unwrap()];
    desk.await_kept(2);
    // Others are answered meanwhile.
    limits.poke("speed", &3).unwrap();
    assert!(kept.iter_mut().all(|poke| poke.try_wait().unwrap().is_none()));
    desk.tell("accept");
    kept.into_iter().for_each(|poke| poke.wait().unwrap());
    let poke = limits.begin_poke("speed", &LATER).unwrap();
    desk.await_kept(1);
    desk.tell("forget");
    assert!(failed(poke.wait()).contains("dropped the reply"));
}

#[test]
fn what_is_accepted_without_more_ado_every_link_sees() {
    let place = Place::new();
    let _desk = Desk::start(&place, 8);
    let open = connect(&place, "open");
    let mut links = [open.advise("a").hot().unwrap(), open.advise("*").hot().unwrap()];
    let other = connect(&place, "open");
    for value in 1..=100 {
        if value % 2 == 0 { &open } else { &other }.poke("a", &value).unwrap();
        for link in &mut links {
            let update = link.recv_timeout(LIMIT).unwrap();
            assert_eq!((update.value, update.missed), (value, 0));
        }
    }
}
