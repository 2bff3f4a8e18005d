//! A late joiner has the present value at once, although the publisher is silent.
//!
//! A link begins with what is there: the item's present value, or that of each item of the topic. It does not wait
//! for the next publish, which may be a day away, and does not get what was before. Whoever wants only what is new
//! says so with `prime(false)`.

mod support;

use support::{LIMIT, Place, Publisher, Setup, connect, publisher, roles};

roles!(publisher);

const SETUP: Setup = Setup { history: 4, journal: 8, items: 3 };

#[test]
fn a_link_to_an_item_begins_with_the_present_value() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    publisher.publish(1, 10);
    let topic = connect(&place.bus());
    for advise in [topic.advise("1"), topic.advise("1").latest(), topic.advise("1").queue_all()] {
        let mut link = advise.hot().unwrap();
        let present = link.try_recv().unwrap().expect("the present value, at once");
        assert_eq!(present.value.check(), (1, 10));
        assert_eq!((present.seq, present.missed, present.gap, present.stale), (10, 0, false, false));
        assert_eq!(link.name(present.item).as_ref(), "1");
        assert_eq!(link.try_recv().unwrap(), None, "and nothing more");
    }
    let mut warm = topic.advise("1").warm().unwrap();
    let notice = warm.try_recv().unwrap().expect("a notice, at once");
    assert_eq!((notice.seq, notice.missed, notice.gap), (10, 0, false));
    assert_eq!(warm.try_recv().unwrap(), None);
}

#[test]
fn a_link_to_a_topic_begins_with_the_present_value_of_each_item() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    // More than the journal remembers, so that the first item's value has long left it.
    publisher.publish(0, 3);
    publisher.publish(2, 100);
    let topic = connect(&place.bus());
    for advise in [topic.advise("*"), topic.advise("*").latest(), topic.advise_items(["2", "1", "0"])] {
        let mut link = advise.hot().unwrap();
        let mut present: Vec<_> = (0..2)
            .map(|_| link.try_recv().unwrap().expect("a present value, at once"))
            .map(|update| (update.value.check(), update.missed))
            .collect();
        present.sort();
        assert_eq!(present, [((0, 3), 0), ((2, 100), 0)]);
        assert_eq!(link.try_recv().unwrap(), None, "item 1 has no value yet");
    }
    let mut warm = topic.advise("*").warm().unwrap();
    let mut notices: Vec<_> = (0..2).map(|_| warm.try_recv().unwrap().expect("a notice, at once")).collect();
    notices.sort_by_key(|notice| notice.seq);
    assert_eq!(
        notices.iter().map(|notice| (notice.seq, notice.missed)).collect::<Vec<_>>(),
        [(3, 0), (100, 0)]
    );
    assert_eq!(warm.try_recv().unwrap(), None);
}

#[test]
fn a_link_to_several_items_begins_with_theirs_only() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    (0..3).for_each(|item| publisher.publish(item, 5 + item));
    let mut link = connect(&place.bus()).advise_items(["2", "0"]).hot().unwrap();
    let mut present: Vec<_> = (0..2).map(|_| link.try_recv().unwrap().unwrap().value.check()).collect();
    present.sort();
    assert_eq!(present, [(0, 5), (2, 7)]);
    assert_eq!(link.try_recv().unwrap(), None);
}

#[test]
fn a_link_that_does_not_want_the_present_gets_only_the_next() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    publisher.publish(0, 3);
    let topic = connect(&place.bus());
    let mut links =
        [topic.advise("0"), topic.advise("0").latest(), topic.advise("*"), topic.advise_items(["0"])]
            .map(|advise| advise.prime(false).hot().unwrap());
    let mut warm = topic.advise("0").prime(false).warm().unwrap();
    assert!(links.iter_mut().all(|link| link.try_recv().unwrap().is_none()));
    assert_eq!(warm.try_recv().unwrap(), None);

    publisher.publish(0, 1);
    for link in &mut links {
        let next = link.recv_timeout(LIMIT).unwrap();
        assert_eq!((next.value.check(), next.missed), ((0, 4), 0));
        assert_eq!(link.try_recv().unwrap(), None);
    }
    assert_eq!(warm.recv_timeout(LIMIT).unwrap().seq, 4);
}

#[test]
fn a_link_to_an_item_without_a_value_begins_with_its_first() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let topic = connect(&place.bus());
    let mut link = topic.advise("1").hot().unwrap();
    assert_eq!(link.try_recv().unwrap(), None);
    let error = topic.request("1").unwrap_err().to_string();
    assert!(error.contains("item `1` of `service/topic` has no value yet"), "{error}");
    publisher.publish(1, 2);
    assert_eq!(link.recv_timeout(LIMIT).unwrap().value.check(), (1, 1));
    assert_eq!(link.recv_timeout(LIMIT).unwrap().value.check(), (1, 2));
}
