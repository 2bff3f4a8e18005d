//! A reader that fell far behind, or came late to a large topic, gets all that is still there.
//!
//! The journal of a topic may be far shorter than what its items keep. Order across items then ends where the journal
//! ends, but no value that an item still holds is lost, each is delivered in its item's order, and what is there is
//! there at the first look.

mod support;

use support::Place;

#[test]
fn a_lapped_journal_loses_no_value_that_an_item_still_holds() {
    let place = Place::new();
    let service = place.bus().service("service").unwrap();
    let topic = service.topic::<u64>("topic").history(16).journal(2).open().unwrap();
    let (one, two) = (topic.item("one").unwrap(), topic.item("two").unwrap());
    service.ready().unwrap();
    let conversation = place.bus().connect::<u64>("service/topic").open().unwrap();
    let mut all = conversation.advise("*").hot().unwrap();
    for value in 1..=10 {
        one.publish(&value).unwrap();
        two.publish(&(value * 100)).unwrap();
    }
    let mut seen = [Vec::new(), Vec::new()];
    while let Some(update) = all.try_recv().unwrap() {
        assert_eq!(update.missed, 0, "the items keep 16 values");
        seen[usize::from(&*all.name(update.item) == "two")].push(update.value);
    }
    assert_eq!(seen[0], (1..=10).collect::<Vec<_>>());
    assert_eq!(seen[1], (1..=10).map(|value| value * 100).collect::<Vec<_>>());
    // Past what the items keep, the count is exact.
    for value in 11..=40 {
        one.publish(&value).unwrap();
    }
    let first = all.try_recv().unwrap().unwrap();
    assert_eq!((first.seq, first.missed), (25, 14));
    let rest: Vec<u64> = core::iter::from_fn(|| all.try_recv().unwrap()).map(|update| update.seq).collect();
    assert_eq!(rest, (26..=40).collect::<Vec<_>>());
}

#[test]
fn the_present_value_is_there_at_the_first_look_however_large_the_topic() {
    let place = Place::new();
    let service = place.bus().service("service").unwrap();
    let topic = service.topic::<u64>("topic").history(2).capacity(20_001).open().unwrap();
    for index in 0..20_000 {
        topic.item(&format!("silent {index}")).unwrap();
    }
    topic.item("wanted").unwrap().publish(&7).unwrap();
    service.ready().unwrap();
    let conversation = place.bus().connect::<u64>("service/topic").open().unwrap();
    for target in [conversation.advise("*"), conversation.advise_items(["wanted"])] {
        let mut link = target.hot().unwrap();
        assert_eq!(link.try_recv().unwrap().expect("it is there").value, 7);
        assert!(link.try_recv().unwrap().is_none());
    }
}

#[test]
fn what_a_closed_service_published_is_delivered_however_much_else_it_published() {
    let place = Place::new();
    let service = place.bus().service("service").unwrap();
    let topic = service.topic::<u64>("topic").journal(1 << 16).open().unwrap();
    let (noise, wanted) = (topic.item("noise").unwrap(), topic.item("wanted").unwrap());
    service.ready().unwrap();
    let conversation = place.bus().connect::<u64>("service/topic").open().unwrap();
    let mut link = conversation.advise_items(["wanted"]).hot().unwrap();
    for value in 0..20_000 {
        noise.publish(&value).unwrap();
    }
    wanted.publish(&7).unwrap();
    service.close();
    assert_eq!(link.recv().unwrap().value, 7);
    assert!(matches!(link.recv(), Err(bus::Error::Stale { .. })));
}
