//! What comes with each value besides it: the publisher's mark, the life of the service, and what to think of it all.

mod support;

use bus::{Deadband, Hot, Link, Mark, Options, Quality, Severity};
use support::{LIMIT, Place, Random, Reading, Teller, readings, roles, teller};

roles!(teller);

fn random_mark(random: &mut Random) -> Mark {
    let code = [0, 1, u16::MAX, random.next() as u16][random.below(4)];
    [Mark::GOOD, Mark::good(code), Mark::uncertain(code), Mark::bad(code)][random.below(4)]
}

#[test]
fn a_mark_arrives_with_its_value_whichever_way_it_is_read() {
    let mut random = Random::seeded();
    let place = Place::new();
    let mut teller = Teller::start(&place, 8, 1024, 2);
    let topic = readings(&place.bus());
    let mut item = topic.item("0").unwrap();
    let mut links = [
        topic.advise("0").hot().unwrap(),
        topic.advise("0").latest().hot().unwrap(),
        topic.advise("*").prime(false).hot().unwrap(),
        topic.advise("0").filter(|_| true).hot().unwrap(),
    ];
    for number in 1..=100 {
        let mark = random_mark(&mut random);
        teller.publish_marked(&[(0, 1.0)], mark);
        let quality = if mark == Mark::GOOD { Quality::Good } else { Quality::Marked(mark) };
        for link in &mut links {
            let update = link.recv_timeout(LIMIT).unwrap();
            assert_eq!((update.seq, update.mark, update.quality()), (number, mark, quality));
        }
        let update = item.request().unwrap();
        assert_eq!((update.seq, update.mark, update.quality()), (number, mark, quality));
        assert_eq!(item.request_field(Reading::LEVEL).unwrap().mark, mark);
    }
    teller.publish_marked(&[(0, 1.0)], Mark::bad(5));
    teller.process.kill();
    while !item.request().unwrap().stale {}
    let last = item.request().unwrap();
    assert_eq!((last.quality(), last.mark), (Quality::Stale, Mark::bad(5)), "gone, and what it last said");
    assert_eq!(last.mark.severity(), Severity::Bad);
}

#[test]
fn a_change_of_the_mark_passes_a_deadband() {
    let place = Place::new();
    let mut teller = Teller::start(&place, 8, 1024, 1);
    let topic = readings(&place.bus());
    let mut link = topic.advise("0").deadband_of(Reading::LEVEL, Deadband::Absolute(5.0)).hot().unwrap();
    let marks = [Mark::GOOD, Mark::GOOD, Mark::bad(1), Mark::bad(1), Mark::bad(2), Mark::GOOD];
    marks.into_iter().for_each(|mark| teller.publish_marked(&[(0, 1.0)], mark));
    let delivered: Vec<_> = core::iter::from_fn(|| link.try_recv().unwrap())
        .map(|update| (update.seq, update.suppressed, update.mark))
        .collect();
    let expected = [(1, 0, Mark::GOOD), (3, 1, Mark::bad(1)), (5, 1, Mark::bad(2)), (6, 0, Mark::GOOD)];
    assert_eq!(delivered, expected);
}

#[track_caller]
fn epoch(link: &mut Link<Hot<Reading>>) -> u64 {
    loop {
        if let Ok(update) = link.recv_timeout(LIMIT) {
            return update.epoch;
        }
    }
}

#[test]
fn each_life_of_a_service_has_its_epoch() {
    let place = Place::new();
    let bus = place.bus();
    let mut epochs = Vec::new();
    let mut teller = Teller::start(&place, 8, 1024, 2);
    let topic = readings(&bus);
    let mut links = [
        topic.advise("0").hot().unwrap(),
        topic.advise("*").hot().unwrap(),
        topic.advise("0").deadband_of(Reading::LEVEL, Deadband::Absolute(0.0)).hot().unwrap(),
    ];
    let mut warm = topic.advise("0").warm().unwrap();
    for life in 0..3 {
        teller.tell([1.0, 2.0]);
        let of_first = links.each_mut().map(epoch);
        let of_second = links.each_mut().map(epoch);
        assert_eq!(of_first, of_second, "all of one life has one");
        let notice = loop {
            match warm.recv_timeout(LIMIT) {
                Ok(notice) => break notice,
                Err(bus::Error::Stale { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(of_first, [notice.epoch; 3]);
        assert_eq!(topic.request("0").unwrap().epoch, notice.epoch);
        assert!(!epochs.contains(&notice.epoch), "life {life} has another than {epochs:?}");
        epochs.push(notice.epoch);
        teller.process.kill();
        teller = Teller::start(&place, 8, 1024, 2);
    }
}

#[test]
fn what_a_link_is_granted_follows_the_service() {
    let place = Place::new();
    let bus = place.bus();
    let stamped = |stamps| {
        let service = bus.service("clock").unwrap();
        let topic =
            service.topic::<u64>("topic").history(if stamps { 16 } else { 4 }).stamps(stamps).open().unwrap();
        topic.item("item").unwrap().publish(&1).unwrap();
        service.ready().unwrap();
        (service, topic)
    };
    let first = stamped(true);
    let clock = bus.connect::<u64>("clock/topic").open().unwrap();
    let mut link = clock.advise("item").queue(10).hot().unwrap();
    let granted = link.granted();
    assert_eq!((granted.history, granted.stamps), (16, true));
    assert_eq!(granted.delivery, bus::DeliveryMode::Queue { values: 10 });
    assert!(link.recv().unwrap().stamp.is_some());
    drop(first);
    assert!(link.recv_timeout(LIMIT).is_err());
    let _second = stamped(false);
    assert!(link.recv_timeout(LIMIT).unwrap().stamp.is_none());
    let granted = link.granted();
    assert_eq!((granted.history, granted.stamps), (4, false));
    assert_eq!(granted.delivery, bus::DeliveryMode::Queue { values: 4 }, "there is no more now");
    assert!(link.update(Options::new().queue(5)).is_err());
}
