//! A link to all items whose names begin so has those that there are and those that come, in the order of publishing.

mod support;

use std::collections::BTreeSet;

use bus::{Error, Hot, Link};
use support::{LIMIT, Place};

fn next(link: &mut Link<Hot<u64>>) -> (String, u64) {
    let update = link.recv_timeout(LIMIT).unwrap();
    (link.name(update.item).to_string(), update.value)
}

#[test]
fn a_beginning_and_a_star_match_all_names_that_begin_so() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic::<u64>("topic").open().unwrap();
    let publish = |item: &str, value: u64| {
        topic.item(item).unwrap().publish(&value).unwrap();
    };
    for (value, item) in ["", "fx-eur", "fx-usd", "bond-de", "fx", "a*b", "axb"].iter().enumerate().skip(1) {
        publish(item, value as u64);
    }
    service.ready().unwrap();
    let conversation = bus.connect::<u64>("service/topic").open().unwrap();
    let mut fx = conversation.advise("fx-*").hot().unwrap();
    let present: BTreeSet<_> = [next(&mut fx), next(&mut fx)].into();
    assert_eq!(present, [("fx-eur".to_owned(), 1), ("fx-usd".to_owned(), 2)].into());
    assert!(fx.try_recv().unwrap().is_none());
    publish("fx-usd", 10);
    publish("bond-de", 11);
    publish("fx-new", 12);
    publish("fx", 13);
    publish("fx-eur", 14);
    let published = [next(&mut fx), next(&mut fx), next(&mut fx)];
    assert_eq!(
        published,
        [("fx-usd", 10), ("fx-new", 12), ("fx-eur", 14)].map(|(item, value)| (item.to_owned(), value))
    );
    assert!(fx.try_recv().unwrap().is_none());

    // A `*` that is not at the end is a character.
    let mut one = conversation.advise("a*b").hot().unwrap();
    assert_eq!(next(&mut one), ("a*b".to_owned(), 5));
    publish("axb", 15);
    assert!(one.try_recv().unwrap().is_none());
    // And one that is, in a list of names.
    publish("fx-*", 16);
    let mut named = conversation.advise_items(["fx-*"]).hot().unwrap();
    assert_eq!(next(&mut named), ("fx-*".to_owned(), 16));
    publish("fx-eur", 17);
    assert!(named.try_recv().unwrap().is_none());
    assert_eq!(format!("{fx:?}").split(',').next().unwrap(), "Link(service/topic/fx-*");
    assert!(matches!(conversation.advise("a/*").hot(), Err(Error::InvalidName { .. })));
}
