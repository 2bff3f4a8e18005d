//! Links to several items account for every value too, and bring each item's last, however far they fall behind.
//!
//! Such a link follows the topic's journal, which says what was published in which order, and takes the values
//! from the items. Either may have been overwritten when a slow link comes: values are then missed, or the journal
//! itself is, and the link visits every item for what it still holds. For each item `delivered + missed ==
//! published`, and the last value arrives.

mod support;

use bus::{Hot, Link};
use support::{Account, Checked, LIMIT, Place, Publisher, Random, Setup, connect, publisher, roles};

roles!(publisher);

/// Enters all that a link has now.
#[track_caller]
fn drain(link: &mut Link<Hot<Checked>>, account: &mut Account) {
    while let Some(update) = link.try_recv().unwrap() {
        account.enter(&update);
    }
}

/// Checks that all is accounted for, and returns how many values were delivered of each item.
#[track_caller]
fn settle(account: &Account, published: &[u64]) -> Vec<u64> {
    for (item, &published) in published.iter().enumerate() {
        let entry = account.of(item as u64);
        assert_eq!((entry.last, entry.delivered + entry.missed), (published, published), "item {item}");
    }
    (0..published.len()).map(|item| account.of(item as u64).delivered).collect()
}

#[test]
fn a_link_that_keeps_up_gets_everything() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, Setup { history: 4, journal: 16, items: 3 });
    let mut link = connect(&place.bus()).advise("*").hot().unwrap();
    let mut account = Account::default();
    for round in 1..=20 {
        (0..3).for_each(|item| publisher.publish(item, 4));
        drain(&mut link, &mut account);
        assert_eq!(settle(&account, &[4 * round; 3]), [4 * round; 3]);
    }
}

#[test]
fn values_that_left_the_history_before_the_journal_are_missed() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, Setup { history: 2, journal: 1024, items: 3 });
    let mut link = connect(&place.bus()).advise("*").hot().unwrap();
    let mut account = Account::default();
    for (item, values) in [(0, 100), (1, 1), (2, 30), (0, 1)] {
        publisher.publish(item, values);
    }
    drain(&mut link, &mut account);
    assert_eq!(settle(&account, &[101, 1, 30]), [2, 1, 2]);
}

#[test]
fn a_link_whose_journal_was_overwritten_gets_what_each_item_holds() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, Setup { history: 4, journal: 8, items: 5 });
    let mut link = connect(&place.bus()).advise("*").hot().unwrap();
    let mut account = Account::default();
    // Item 3 is silent from the beginning, and item 0 has left the journal long before the link looks.
    for (item, values) in [(0, 3), (1, 50), (2, 7), (4, 100)] {
        publisher.publish(item, values);
    }
    drain(&mut link, &mut account);
    assert_eq!(settle(&account, &[3, 50, 7, 0, 100]), [3, 4, 4, 0, 4]);
    // And it goes on as if nothing had been.
    (0..5).for_each(|item| publisher.publish(item, 1));
    drain(&mut link, &mut account);
    assert_eq!(settle(&account, &[4, 51, 8, 1, 101]), [4, 5, 5, 1, 5]);
}

#[test]
fn latest_brings_each_item_once_whatever_was_published() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, Setup { history: 4, journal: 64, items: 4 });
    let mut link = connect(&place.bus()).advise("*").latest().hot().unwrap();
    let mut account = Account::default();
    let mut published = [0; 4];
    // Once with the journal whole, once with the journal overwritten.
    for (round, values) in [3, 1000].into_iter().enumerate() {
        for item in [0, 2, 3] {
            publisher.publish(item, values);
            published[item as usize] += values;
        }
        drain(&mut link, &mut account);
        let once = round as u64 + 1;
        assert_eq!(settle(&account, &published), [once, 0, once, once]);
    }
}

#[test]
fn warm_tells_once_of_each_item() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, Setup { history: 4, journal: 64, items: 3 });
    let topic = connect(&place.bus());
    let mut link = topic.advise("*").warm().unwrap();
    for round in 1..=2 {
        publisher.publish(0, 10);
        publisher.publish(2, 20);
        let mut notices: Vec<_> = (0..2)
            .map(|_| link.recv_timeout(LIMIT).unwrap())
            .map(|notice| (topic.name(notice.item).to_string(), notice.seq, notice.missed))
            .collect();
        notices.sort();
        assert_eq!(notices, [("0".to_owned(), 10 * round, 9), ("2".to_owned(), 20 * round, 19)]);
        assert_eq!(link.try_recv().unwrap(), None);
    }
}

#[test]
fn several_items_are_followed_and_no_others() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, Setup { history: 4, journal: 8, items: 4 });
    let mut link = connect(&place.bus()).advise_items(["3", "1"]).hot().unwrap();
    let mut account = Account::default();
    for values in [1, 3, 100] {
        (0..4).for_each(|item| publisher.publish(item, values));
        drain(&mut link, &mut account);
    }
    assert_eq!((account.of(0).last, account.of(2).last), (0, 0));
    assert_eq!([account.of(1), account.of(3)].map(|entry| entry.delivered + entry.missed), [104; 2]);
}

#[test]
fn links_that_are_lapped_while_they_read_account_for_everything() {
    const VALUES: u64 = 100_000;
    const ITEMS: usize = 7;
    let mut random = Random::seeded();
    for (history, journal) in [(2, 1024), (16, 4), (2, 2)] {
        let place = Place::new();
        let mut publisher = Publisher::start(&place, Setup { history, journal, items: ITEMS as u64 });
        let topic = connect(&place.bus());
        let mut links = [topic.advise("*").hot().unwrap(), topic.advise("*").latest().hot().unwrap()];
        let mut accounts = [Account::default(), Account::default()];
        let seed = random.next();
        publisher.begin_mixed(seed, ITEMS, VALUES);
        let mut chosen = Random::new(seed);
        let mut published = [0; ITEMS];
        (0..VALUES).for_each(|_| published[chosen.below(ITEMS)] += 1);
        std::thread::scope(|scope| {
            for (link, account) in links.iter_mut().zip(&mut accounts) {
                scope.spawn(|| account.enter_until(link, &published));
            }
        });
        publisher.done();
        for (mut link, account) in links.into_iter().zip(&accounts) {
            settle(account, &published);
            assert_eq!(link.try_recv().unwrap(), None);
        }
    }
}
