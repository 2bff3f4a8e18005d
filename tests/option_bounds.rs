//! What a link with options does is bounded, whatever its filter does and however fast its publisher is.
//!
//! The filters here let the publisher overwrite the whole journal, and every value that the link has not read, each time
//! that they are asked: no reader is slower. A look that waits until there is nothing more to look at never ends then.

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bus::{Hot, Link, Options, Warm};
use support::{Checked, Place, Publisher, Setup, connect, publisher, roles};

roles!(publisher);

const ITEMS: u64 = 20;
const SETUP: Setup = Setup { history: 2, journal: 2, items: ITEMS };

/// More values than a look takes that ends.
const FAR_TOO_MANY: u32 = 2000;

/// A filter that accepts or refuses everything, and during which each item is published.
fn overtaken(publisher: Publisher, accept: bool) -> impl Fn(&Checked) -> bool + Send {
    let (publisher, calls) = (Mutex::new(publisher), AtomicU32::new(0));
    move |value| {
        value.check();
        assert!(calls.fetch_add(1, Ordering::Relaxed) < FAR_TOO_MANY, "a look goes on and on");
        let mut publisher = publisher.lock().unwrap();
        (0..ITEMS).for_each(|item| publisher.publish(item, 2));
        accept
    }
}

#[test]
fn a_look_ends_where_nothing_passes() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let topic = connect(&place.bus());
    let mut link = topic.advise("*").prime(false).hot().unwrap();
    publisher.publish(0, 3);
    link.update(Options::new().filter(overtaken(publisher, false))).unwrap();
    assert_eq!(link.try_recv().unwrap(), None);
}

#[test]
fn a_round_ends_where_there_is_always_more() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let topic = connect(&place.bus());
    let hour = Duration::from_secs(3600);
    let mut link = topic.advise("*").prime(false).interval(hour).hot().unwrap();
    publisher.publish(0, 3);
    link.update(Options::new().filter(overtaken(publisher, true))).unwrap();
    let round: Vec<_> = core::iter::from_fn(|| link.try_recv().unwrap()).map(|update| update.item).collect();
    assert!((1..=ITEMS as usize).contains(&round.len()), "each item at most once: {round:?}");
}

#[test]
fn a_stop_ends_where_there_is_always_more() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let topic = connect(&place.bus());
    let mut link = topic.advise("*").prime(false).data_on_stop(true).hot().unwrap();
    publisher.publish(0, 3);
    link.update(Options::new().filter(overtaken(publisher, true))).unwrap();
    link.stop();
    let last: Vec<_> = link.into_iter().map(|update| update.unwrap().item).collect();
    assert!((1..=ITEMS as usize).contains(&last.len()), "of each item one value at most: {last:?}");
}

#[test]
fn a_stop_delivers_the_newest_that_the_filter_accepts() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, Setup { history: 8, journal: 64, items: 2 });
    let topic = connect(&place.bus());
    let even = |value: &Checked| value.check().1.is_multiple_of(2);
    for item in ["0", "*"] {
        let mut link = topic.advise(item).prime(false).filter(even).data_on_stop(true).hot().unwrap();
        publisher.publish(0, 5);
        link.stop();
        let newest = publisher.published()[0];
        let even = newest - newest % 2;
        let last: Vec<_> =
            link.into_iter().map(Result::unwrap).map(|update| (update.seq, update.suppressed)).collect();
        assert_eq!(last, [(even, even - (newest - 5) - 1)], "{item}: the newest is {newest}");
    }
}

#[test]
fn links_are_sent_and_shared_whatever_their_filter_is() {
    fn shared<T: Send + Sync>() {}
    shared::<Link<Hot<Checked>>>();
    shared::<Link<Warm>>();
}

#[test]
fn options_are_named_in_the_same_words_for_links_with_and_without_values() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let topic = connect(&place.bus());
    let mut hot = topic.advise("0").hot().unwrap();
    let mut warm = topic.advise("0").warm().unwrap();
    let hour = Duration::from_secs(3600);
    assert_eq!(hot.update(Options::new().interval(hour)).unwrap().interval, hour);
    assert_eq!(warm.update(Options::new().interval(hour)).unwrap().interval, hour);
    publisher.publish(0, 1);
    assert_eq!((hot.recv().unwrap().seq, warm.recv().unwrap().seq), (1, 1));
    publisher.publish(0, 1);
    assert_eq!((hot.try_recv().unwrap(), warm.try_recv().unwrap()), (None, None));
}
