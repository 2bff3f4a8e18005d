//! How a link delivers, and that every value is accounted for.
//!
//! A *queue* link delivers every value that the item still holds, in order; a *latest* link always the newest; a
//! *warm* link a notice that there is something newer. Whatever happens, `delivered + missed == published`: what
//! a link was too slow for, or passed over, is counted exactly, with the next update. And the last value always
//! arrives. That holds when nobody publishes meanwhile, where the numbers are known beforehand, and when the
//! publisher laps the reader over and over.
//!
//! A slow reader is one that does not read until the publisher says that it is done.

mod support;

use bus::{Hot, Link, Stamp, Wait};
use support::{Account, Checked, LIMIT, Place, Publisher, Setup, connect, publisher, roles};

roles!(publisher);

const SETUP: Setup = Setup { history: 8, journal: 1024, items: 1 };

/// Value number, and how many were missed before it.
#[track_caller]
fn take(link: &mut Link<Hot<Checked>>) -> Option<(u64, u64)> {
    let update = link.try_recv().unwrap()?;
    assert_eq!(update.value.check(), (0, update.seq));
    Some((update.seq, update.missed))
}

#[test]
fn a_queue_delivers_every_value_to_a_reader_within_the_history() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let mut link = connect(&place.bus()).advise("0").hot().unwrap();
    for round in 0..100 {
        publisher.publish(0, 8);
        for number in 1..=8 {
            assert_eq!(take(&mut link), Some((round * 8 + number, 0)));
        }
        assert_eq!(take(&mut link), None);
    }
}

#[test]
fn a_queue_counts_exactly_what_was_overwritten() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let mut link = connect(&place.bus()).advise("0").queue_all().hot().unwrap();
    publisher.publish(0, 9);
    assert_eq!(take(&mut link), Some((2, 1)));
    publisher.publish(0, 991);
    assert_eq!(take(&mut link), Some((993, 990)), "lapped in the middle of what it was reading");
    for number in 994..=1000 {
        assert_eq!(take(&mut link), Some((number, 0)));
    }
    assert_eq!(take(&mut link), None);
}

#[test]
fn latest_delivers_the_newest_and_counts_those_passed_over() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let mut link = connect(&place.bus()).advise("0").latest().hot().unwrap();
    for (values, expected) in [(1, (1, 0)), (3, (4, 2)), (8, (12, 7)), (9, (21, 8)), (1000, (1021, 999))] {
        publisher.publish(0, values);
        assert_eq!(take(&mut link), Some(expected));
        assert_eq!(take(&mut link), None);
    }
}

#[test]
fn warm_tells_once_of_all_changes_and_the_value_can_be_requested() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let topic = connect(&place.bus());
    let mut link = topic.advise("0").warm().unwrap();
    for (values, (seq, missed)) in [(1, (1, 0)), (5, (6, 4)), (1000, (1006, 999))] {
        publisher.publish(0, values);
        let notice = link.recv_timeout(LIMIT).unwrap();
        assert_eq!((notice.seq, notice.missed), (seq, missed));
        assert_eq!(topic.request("0").unwrap().value.check(), (0, seq));
        assert_eq!(link.try_recv().unwrap(), None);
    }
}

#[test]
fn each_link_has_its_own_place() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let topic = connect(&place.bus());
    let mut first = topic.advise("0").hot().unwrap();
    let mut second = topic.advise("0").hot().unwrap();
    publisher.publish(0, 2);
    assert_eq!(take(&mut first), Some((1, 0)));
    assert_eq!(take(&mut first), Some((2, 0)));
    publisher.publish(0, 10);
    assert_eq!(take(&mut second), Some((5, 4)));
    assert_eq!(take(&mut first), Some((5, 2)));
    drop(first);
    assert_eq!(take(&mut second), Some((6, 0)));
}

#[test]
fn a_request_reads_the_newest_and_moves_no_link() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let topic = connect(&place.bus());
    let mut link = topic.advise("0").hot().unwrap();
    let mut item = topic.item("0").unwrap();
    for round in 1..=20 {
        publisher.publish(0, 1);
        let update = item.request().unwrap();
        assert_eq!((update.value.check(), update.seq, update.missed), ((0, round), round, 0));
    }
    assert_eq!(take(&mut link), Some((13, 12)));
}

#[test]
fn a_reader_that_is_lapped_while_it_reads_accounts_for_everything() {
    const VALUES: u64 = 200_000;
    let place = Place::new();
    let mut publisher = Publisher::start(&place, Setup { history: 2, ..SETUP });
    let topic = connect(&place.bus());
    let mut queue = topic.advise("0").hot().unwrap();
    let mut latest = topic.advise("0").latest().hot().unwrap();
    let mut warm = topic.advise("0").warm().unwrap();
    publisher.begin_publish(0, VALUES);
    std::thread::scope(|scope| {
        for link in [&mut queue, &mut latest] {
            scope.spawn(|| {
                let mut account = Account::default();
                account.enter_until(link, &[VALUES]);
                let entry = account.of(0);
                assert_eq!(entry.delivered + entry.missed, VALUES);
            });
        }
        scope.spawn(|| {
            let mut last = 0;
            while last < VALUES {
                let notice = warm.recv_timeout(LIMIT).unwrap();
                assert_eq!(notice.seq, last + notice.missed + 1);
                last = notice.seq;
            }
        });
    });
    publisher.done();
    assert_eq!(take(&mut queue), None);
    assert_eq!(take(&mut latest), None);
}

#[test]
fn every_strategy_of_waiting_delivers() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let topic = connect(&place.bus());
    let mut links = [Wait::Spin, Wait::SpinThenPark, Wait::Park]
        .map(|wait| topic.advise("0").strategy(wait).hot().unwrap());
    for number in 1..=100 {
        publisher.begin_publish(0, 1);
        for link in &mut links {
            assert_eq!(link.recv_timeout(LIMIT).unwrap().value.check(), (0, number));
        }
        publisher.done();
    }
}

#[test]
fn a_link_is_an_endless_series() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let mut link = connect(&place.bus()).advise("0").prime(false).hot().unwrap();
    publisher.publish(0, 5);
    let numbers: Vec<u64> = (&mut link).into_iter().take(3).map(|update| update.unwrap().seq).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(take(&mut link), Some((4, 0)));
}

#[test]
fn a_value_carries_the_time_of_its_publish_where_that_is_asked_for() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("clock").unwrap();
    let stamped = service.topic::<u64>("stamped").stamps(true).open().unwrap();
    let plain = service.topic::<u64>("plain").open().unwrap();
    service.ready().unwrap();
    let before = Stamp::now();
    stamped.item("item").unwrap().publish(&1).unwrap();
    plain.item("item").unwrap().publish(&1).unwrap();
    let topic = bus.connect::<u64>("clock/stamped").open().unwrap();
    let mut link = topic.advise("item").hot().unwrap();
    let stamp = link.recv_timeout(LIMIT).unwrap().stamp.expect("a stamp");
    assert!(before <= stamp && stamp <= Stamp::now());
    assert_eq!(topic.request("item").unwrap().stamp, Some(stamp));
    let topic = bus.connect::<u64>("clock/plain").open().unwrap();
    assert_eq!(topic.request("item").unwrap().stamp, None);
}
