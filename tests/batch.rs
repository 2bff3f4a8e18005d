//! Receiving many at once: what is there, in order, with the counts that single receives have.

mod support;

use bus::{Bus, Error, Mark, Message, Service, Update};
use support::{Account, Checked, LIMIT, Place, Publisher, Random, Setup, connect, publisher, roles};

roles!(publisher);

const SETUP: Setup = Setup { history: 64, journal: 1024, items: 2 };

fn numbers(updates: &[Update<Checked>]) -> Vec<u64> {
    updates.iter().map(|update| update.value.check().1).collect()
}

#[test]
fn a_batch_is_what_is_there_up_to_so_many() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let mut link = connect(&place.bus()).advise("0").hot().unwrap();
    let mut updates = Vec::new();
    assert_eq!(link.try_recv_batch(&mut updates, 10).unwrap(), 0);
    assert_eq!(
        link.recv_batch(&mut updates, 0).unwrap(),
        0,
        "nothing is asked for, so nothing is waited for"
    );
    let error = link.recv_batch_timeout(&mut updates, 10, core::time::Duration::from_millis(1)).unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    publisher.publish(0, 25);
    assert_eq!(link.recv_batch(&mut updates, 10).unwrap(), 10);
    assert_eq!(link.recv_batch_timeout(&mut updates, 10, LIMIT).unwrap(), 10);
    assert_eq!(link.recv_batch(&mut updates, 10).unwrap(), 5, "what there is, and no waiting for more");
    assert_eq!(numbers(&updates), (1..=25).collect::<Vec<_>>(), "they are appended in order");
    assert_eq!(link.try_recv_batch(&mut updates, usize::MAX).unwrap(), 0);
}

/// Updates are filled where they lie, and what is no whole number of words is not: both are what single receives give.
#[test]
fn a_batch_is_what_single_receives_are_for_values_of_any_size() {
    #[derive(Message, Debug, Clone, Copy, PartialEq)]
    #[repr(C)]
    struct Sized<const N: usize>([u8; N]);
    #[derive(Message, Debug, Clone, Copy, PartialEq)]
    #[repr(C, align(16))]
    struct Aligned<const N: usize>([u8; N]);

    fn compare<T: Message + Copy + PartialEq + core::fmt::Debug>(
        service: &Service,
        bus: &Bus,
        value: impl Fn(u8) -> T,
    ) {
        let name = std::any::type_name::<T>().rsplit("::").next().unwrap().replace(['<', '>'], "");
        let topic = service.topic::<T>(&name).stamps(true).open().unwrap();
        let item = topic.item("x").unwrap();
        let topic = bus.connect::<T>(&format!("sizes/{name}")).open().unwrap();
        let [mut single, mut batch] = [(); 2].map(|()| topic.advise("x").hot().unwrap());
        for number in 0..10 {
            item.marked(Mark::uncertain(number.into())).publish(&value(number)).unwrap();
        }
        let single: Vec<_> = core::iter::from_fn(|| single.try_recv().unwrap()).collect();
        let mut updates = Vec::new();
        batch.try_recv_batch(&mut updates, usize::MAX).unwrap();
        assert_eq!(updates, single);
        assert!(updates.iter().zip(0..).all(|(update, number)| update.value == value(number)), "{updates:?}");
    }

    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("sizes").unwrap();
    service.ready().unwrap();
    compare(&service, &bus, |number| number);
    compare(&service, &bus, |number| u64::from(number) << 40);
    compare(&service, &bus, |number| Sized([number; 3]));
    compare(&service, &bus, |number| Sized([number; 8]));
    compare(&service, &bus, |number| Sized([number; 200]));
    compare(&service, &bus, |number| Aligned([number; 1]));
    compare(&service, &bus, |number| Aligned([number; 160]));
    compare(&service, &bus, |number| [u64::from(number); 40]);
}

#[test]
fn a_batch_waits_for_its_first() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let mut link = connect(&place.bus()).advise("0").hot().unwrap();
    let mut updates = Vec::new();
    for round in 1..=50 {
        publisher.begin_publish(0, 1);
        assert_eq!(link.recv_batch(&mut updates, 10).unwrap(), 1);
        publisher.done();
        assert_eq!(numbers(&updates).last(), Some(&round));
    }
}

#[test]
fn what_came_before_an_error_is_kept() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let mut link = connect(&place.bus()).advise("0").hot().unwrap();
    publisher.publish(0, 5);
    publisher.process.kill();
    support::until("the end is known", || link.ended().is_some());
    let mut updates = Vec::new();
    let error = link.recv_batch(&mut updates, 10).unwrap_err();
    assert!(matches!(error, Error::Stale { .. }), "{error}");
    assert_eq!(numbers(&updates), [1, 2, 3, 4, 5]);
}

#[test]
fn batches_of_a_reader_that_is_lapped_account_for_everything() {
    const VALUES: u64 = 100_000;
    let mut random = Random::seeded();
    let place = Place::new();
    let mut publisher = Publisher::start(&place, Setup { history: 16, journal: 8, ..SETUP });
    let topic = connect(&place.bus());
    let filter = |value: &Checked| value.check().1.is_multiple_of(3);
    let mut links = [
        topic.advise("0").hot().unwrap(),
        topic.advise("*").hot().unwrap(),
        topic.advise("0").filter(filter).hot().unwrap(),
        topic.advise("0").queue(2).hot().unwrap(),
        topic.advise("*").queue(3).hot().unwrap(),
    ];
    publisher.begin_publish(0, VALUES);
    let seeds = links.each_ref().map(|_| random.next());
    std::thread::scope(|scope| {
        for (index, (link, seed)) in links.iter_mut().zip(seeds).enumerate() {
            scope.spawn(move || {
                let (mut random, mut account, mut updates) =
                    (Random::new(seed), Account::default(), Vec::new());
                let last = if index == 2 { VALUES - VALUES % 3 } else { VALUES };
                while account.of(0).last < last {
                    let most = 1 + random.below(40);
                    let received = link.recv_batch_timeout(&mut updates, most, LIMIT).unwrap();
                    assert!((1..=most).contains(&received) && updates.len() == received);
                    updates.drain(..).for_each(|update| account.enter(&update));
                }
            });
        }
    });
    publisher.done();
}
