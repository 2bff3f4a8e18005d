//! Lossless links to several items lose nothing of any of them, and get it in the order of publishing.
//!
//! Their publisher waits where a value would be overwritten that they have not read, or an entry of the journal by which
//! they follow it; also for the present values with which they begin. Whoever stalls is given up as by one item.

mod support;

use std::time::Duration;

use bus::{Error, Hot, Item, Link, Service, Topic};
use support::{LIMIT, Place, Process, Random, Small, Test, roles, until};

roles!(follower);

const ITEMS: u64 = 5;
/// A deadline that nobody here reaches.
const PATIENCE: Duration = LIMIT.saturating_mul(4);
/// The number of an item's last message.
const LAST: u64 = u64::MAX;

fn serve(place: &Place, history: usize, journal: usize) -> (Service, Topic<Small>) {
    let service = place.bus().service("service").unwrap();
    let topic = service.topic("topic").history(history).journal(journal).lossless(PATIENCE);
    let topic = topic.samples(0).open().unwrap();
    for item in 0..ITEMS {
        topic.item(&item.to_string()).unwrap();
    }
    service.ready().unwrap();
    (service, topic)
}

fn items(topic: &Topic<Small>) -> Vec<Item<'_, Small>> {
    (0..ITEMS).map(|item| topic.item(&item.to_string()).unwrap()).collect()
}

/// Follows several items to the last message of each, and checks that none of any is missing.
fn follower(test: &mut Test) {
    let target = test.hear();
    let topic = test.bus().connect::<Small>("service/topic").open().unwrap();
    let advise = match &*target {
        "*" => topic.advise("*"),
        some => topic.advise_items(some.split(' ')),
    };
    let mut link = advise.lossless(PATIENCE).hot().unwrap();
    let mut left = if target == "*" { ITEMS } else { target.split(' ').count() as u64 };
    test.say("ready");
    let mut last = [None; ITEMS as usize];
    while left > 0 {
        let update = link.recv_timeout(LIMIT).unwrap();
        let (item, number) = update.value.check();
        assert_eq!(&*link.name(update.item), item.to_string());
        let last = &mut last[item as usize];
        assert!(last.is_none_or(|last| update.seq == last + 1), "item {item}: {last:?}, then {}", update.seq);
        // What was before the present value is nobody's to deliver.
        assert_eq!(update.missed, 0);
        *last = Some(update.seq);
        assert!(number == update.seq || number == LAST);
        left -= u64::from(number == LAST);
    }
    // Nobody waits any longer for who has all that it follows.
    drop(link);
    test.say("done");
    test.await_line("end");
}

fn start(place: &Place, target: &str) -> Process {
    let mut process = place.start("follower");
    process.say(target);
    process
}

/// Publishes on all items, in every way there is.
struct Source<'t> {
    items: Vec<Item<'t, Small>>,
    random: Random,
}

impl Source<'_> {
    /// Publishes something on some item; how many values.
    fn publish(&mut self) -> u64 {
        let index = self.random.below(self.items.len());
        let item = self.items[index];
        let many = if self.random.below(4) == 0 { 1 + self.random.below_u64(10) } else { 1 };
        let values: Vec<_> = (1..=many).map(|more| Small::new(index as u64, item.seq() + more)).collect();
        match self.random.below(3) {
            0 => item.publish_batch(&values).unwrap(),
            1 => {
                for value in &values {
                    item.publish(value).unwrap();
                }
            }
            _ => {
                for value in &values {
                    match item.try_publish(value) {
                        Err(Error::Full { .. }) => item.publish(value).unwrap(),
                        published => published.unwrap(),
                    };
                }
            }
        }
        many
    }
}

#[test]
fn nothing_of_any_item_is_lost_however_it_is_published() {
    const VALUES: u64 = 20_000;
    for (history, journal) in [(2, 1024), (16, 4), (4, 16), (2, 2)] {
        let place = Place::new();
        let (_service, topic) = serve(&place, history, journal);
        let mut source = Source { items: items(&topic), random: Random::seeded() };
        // There are present values, and none of some.
        for _ in 0..ITEMS {
            source.publish();
        }
        let mut followers = ["*", "0 3", "1", "*"].map(|target| start(&place, target));
        let mut published = 0;
        while published < VALUES {
            published += source.publish();
        }
        followers.iter_mut().for_each(|follower| follower.await_line("ready"));
        for (item, index) in source.items.iter().zip(0..) {
            item.publish(&Small::new(index, LAST)).unwrap();
        }
        for mut follower in followers {
            follower.await_line("done");
            follower.say("end");
            follower.finish();
        }
        assert_eq!(topic.evictions(), []);
    }
}

/// How many more values an item takes.
fn room(item: Item<'_, Small>, index: u64) -> u64 {
    let mut taken = 0;
    loop {
        match item.try_publish(&Small::new(index, item.seq() + 1)) {
            Ok(_) => taken += 1,
            Err(Error::Full { .. }) => return taken,
            Err(error) => panic!("{error}"),
        }
        assert!(taken < 10_000, "nobody is waited for");
    }
}

fn advise(place: &Place, deadline: Duration) -> Link<Hot<Small>> {
    let topic = place.bus().connect::<Small>("service/topic").open().unwrap();
    topic.advise("*").lossless(deadline).hot().unwrap()
}

/// Takes all that there is, item by item, as the numbers that came.
fn take(link: &mut Link<Hot<Small>>) -> Vec<Vec<u64>> {
    let mut got = vec![Vec::new(); ITEMS as usize];
    while let Some(update) = link.try_recv().unwrap() {
        assert_eq!((update.value.check().1, update.missed), (update.seq, 0));
        got[update.value.check().0 as usize].push(update.seq);
    }
    got
}

#[test]
fn the_present_values_are_kept_until_they_are_read_and_all_after_them() {
    const HISTORY: u64 = 4;
    let place = Place::new();
    let (_service, topic) = serve(&place, HISTORY as usize, 1024);
    let items = items(&topic);
    // More than a history, just one value, and none.
    for (index, count) in [(0, 10), (1, 1), (2, HISTORY)] {
        for number in 1..=count {
            items[index].publish(&Small::new(index as u64, number)).unwrap();
        }
    }
    let mut link = advise(&place, PATIENCE);
    let taken: Vec<u64> = items.iter().zip(0..).map(|(&item, index)| room(item, index)).collect();
    assert_eq!(taken, [HISTORY - 1, HISTORY - 1, HISTORY - 1, HISTORY, HISTORY]);
    let got = take(&mut link);
    assert_eq!(
        got,
        [vec![10, 11, 12, 13], vec![1, 2, 3, 4], vec![4, 5, 6, 7], vec![1, 2, 3, 4], vec![1, 2, 3, 4]]
    );
    // It has read all, so that there is room for a history of each.
    for (round, &item) in items.iter().enumerate() {
        assert_eq!(room(item, round as u64), HISTORY, "of item {round}");
    }
    assert!(take(&mut link).iter().all(|numbers| numbers.len() as u64 == HISTORY));
}

#[test]
fn the_journal_is_not_overwritten_either() {
    const JOURNAL: u64 = 8;
    let place = Place::new();
    let (_service, topic) = serve(&place, 64, JOURNAL as usize);
    let items = items(&topic);
    let mut link = advise(&place, PATIENCE);
    for _ in 0..100 {
        let taken: Vec<u64> = [3, 1].map(|index| room(items[index], index as u64)).to_vec();
        assert_eq!(taken, [JOURNAL, 0]);
        assert_eq!(take(&mut link)[3].len() as u64, JOURNAL);
    }
    let batch: Vec<_> = (1..=100).map(|more| Small::new(0, more)).collect();
    assert_eq!(items[0].try_publish_batch(&batch).unwrap() as u64, JOURNAL);
    assert_eq!(take(&mut link)[0].len() as u64, JOURNAL);
}

#[test]
fn who_stalls_is_given_up_and_told_so() {
    const DEADLINE: Duration = Duration::from_millis(50);
    let place = Place::new();
    let (_service, topic) = serve(&place, 2, 1024);
    let items = items(&topic);
    let mut link = advise(&place, DEADLINE);
    let full = (1..).find_map(|number| items[4].try_publish(&Small::new(4, number)).err()).unwrap();
    let Error::Full { item, pid, link: number, behind, .. } = &full else { panic!("{full}") };
    assert_eq!((&**item, *pid, *number, *behind), ("4", std::process::id(), link.number(), 2));
    for number in 3..10 {
        assert_eq!(items[4].publish(&Small::new(4, number)).unwrap(), number);
    }
    let evicted = topic.evictions();
    assert_eq!(
        (evicted.len(), evicted[0].item, evicted[0].link, evicted[0].behind),
        (1, None, link.number(), 2)
    );
    until("it is told", || link.try_recv().is_err_and(|error| matches!(error, Error::Evicted { .. })));
}

#[test]
fn values_of_several_items_can_be_held() {
    let place = Place::new();
    let service = place.bus().service("service").unwrap();
    let topic = service.topic::<Small>("topic").history(2).samples(2).open().unwrap();
    let items = ["0", "1", "2"].map(|item| topic.item(item).unwrap());
    service.ready().unwrap();
    let client = place.bus().connect::<Small>("service/topic").open().unwrap();
    let mut link = client.advise("*").samples(2).unwrap();
    for (item, index) in items.iter().zip(0..) {
        item.publish(&Small::new(index, 1)).unwrap();
    }
    let held = [(); 2].map(|()| link.recv_timeout(LIMIT).unwrap().value);
    assert!(matches!(link.try_recv(), Err(Error::HoldsAll { .. })));
    for number in 2..=3 {
        items[0].publish(&Small::new(0, number)).unwrap();
    }
    assert_eq!(held.each_ref().map(|value| value.check()), [(0, 1), (1, 1)], "what is held stays");
    drop(held);
    let rest: Vec<_> = (0..3).map(|_| link.recv_timeout(LIMIT).unwrap().value.check()).collect();
    assert_eq!(rest, [(2, 1), (0, 2), (0, 3)]);
}
