//! A merged link's options can be changed while it lives, for those who are members and those who will be; it can be paused; and it
//! can be received from in batches, in which members take turns as ever.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use bus::{Bus, Deadband, DeliveryMode, Error, Hot, MergedLink, Service, Topic, WaitSet};
use support::{LIMIT, Place, until};

const HOUR: Duration = Duration::from_secs(3600);

/// A service in this process, with an item that has the value 0.
fn begin(bus: &Bus, name: &str, history: usize) -> (Service, Topic<u64>) {
    let service = bus.service(name).unwrap();
    let topic = service.topic::<u64>("topic").history(history).open().unwrap();
    topic.item("item").unwrap().publish(&0).unwrap();
    service.ready().unwrap();
    (service, topic)
}

fn publish((_, topic): &(Service, Topic<u64>), values: impl IntoIterator<Item = u64>) {
    let item = topic.item("item").unwrap();
    values.into_iter().for_each(|value| item.publish(&value).map(drop).unwrap());
}

/// What there is now of each member.
fn take(link: &mut MergedLink<Hot<u64>>) -> BTreeMap<String, Vec<u64>> {
    let mut values = BTreeMap::<_, Vec<u64>>::new();
    while let Some(merged) = link.try_recv().unwrap() {
        values.entry(merged.member.name.clone()).or_default().push(merged.update.value);
    }
    values
}

fn each(names: &[&str], values: &[u64]) -> BTreeMap<String, Vec<u64>> {
    names.iter().map(|name| (name.to_string(), values.to_vec())).collect()
}

/// Takes the first value, 0, of so many members.
fn begin_with(link: &mut MergedLink<Hot<u64>>, members: usize) {
    for _ in 0..members {
        assert_eq!(link.recv_timeout(LIMIT).unwrap().update.value, 0);
    }
}

#[test]
fn options_change_for_members_and_for_those_who_join() {
    let place = Place::new();
    let bus = place.bus();
    let members = [begin(&bus, "a", 16), begin(&bus, "b", 4)];
    let list = bus.connect_all::<u64>("*", "topic").unwrap();
    let mut link = list.advise("item").filter(|value| value % 2 == 0).hot().unwrap();
    begin_with(&mut link, 2);
    members.iter().for_each(|member| publish(member, 1..=2));
    assert_eq!(take(&mut link), each(&["a", "b"], &[2]));

    // What is named changes, and what is not stays.
    link.update(|each| each.deadband(Deadband::Absolute(3.0))).unwrap();
    members.iter().for_each(|member| publish(member, 3..=6));
    assert_eq!(take(&mut link), each(&["a", "b"], &[4]), "the first one passes, and is even");
    link.update(|each| each.without_filter().without_deadband().queue(5)).unwrap();
    members.iter().for_each(|member| publish(member, 7..=14));
    let mut expected = each(&["a"], &[10, 11, 12, 13, 14]);
    expected.extend(each(&["b"], &[11, 12, 13, 14]));
    assert_eq!(take(&mut link), expected, "whoever has less history has what it has");
    for (member, granted) in link.granted() {
        let values = if member.name == "a" { 5 } else { 4 };
        assert_eq!(granted.delivery, DeliveryMode::Queue { values }, "of {member:?}");
        assert!(!granted.filter && granted.deadband.is_none());
    }
    let counted: u64 = link.members().iter().map(|(_, counts)| counts.delivered).sum();
    let counts = link.counts();
    assert_eq!((counts.delivered, counts.delivered + counts.missed + counts.suppressed), (counted, 30));

    // Whoever joins now has all that was said.
    link.update(|each| each.latest()).unwrap();
    let late = begin(&bus, "c", 16);
    begin_with(&mut link, 1);
    publish(&late, 1..=9);
    assert_eq!(take(&mut link), each(&["c"], &[9]));

    // What cannot be served changes nothing.
    let error = link.update(|each| each.queue(0)).unwrap_err();
    assert!(matches!(error, Error::InvalidOption { option: "queue", .. }), "{error}");
    publish(&late, 10..=12);
    assert_eq!(take(&mut link), each(&["c"], &[12]));
    let mut lossless = list.advise("item").lossless(LIMIT).hot().unwrap();
    assert!(matches!(lossless.update(|each| each.latest()), Err(Error::InvalidOption { .. })));
    let mut warm = list.advise("item").warm().unwrap();
    warm.update(|each| each.interval(HOUR)).unwrap();
    assert!(warm.granted().iter().all(|(_, granted)| granted.interval == HOUR));
}

#[test]
fn whoever_waits_by_a_set_is_woken_by_what_a_change_lets_through() {
    let place = Place::new();
    let bus = place.bus();
    let members = [begin(&bus, "a", 16), begin(&bus, "b", 16)];
    let list = bus.connect_all::<u64>("*", "topic").unwrap();
    let mut link = list.advise("item").interval(HOUR).hot().unwrap();
    let mut set = WaitSet::new().unwrap();
    set.add(&mut link, ()).unwrap();
    begin_with(&mut link, 2);
    let quiet = |link: &mut MergedLink<Hot<u64>>, set: &mut WaitSet<()>| {
        until("it is ready no longer", || {
            assert!(link.try_recv().unwrap().is_none());
            set.wait_timeout(Duration::ZERO).unwrap().is_empty()
        });
    };
    members.iter().for_each(|member| publish(member, 1..=2));
    quiet(&mut link, &mut set);
    link.update(|each| each.interval(Duration::ZERO).queue_all()).unwrap();
    assert_eq!(set.wait_timeout(LIMIT).unwrap(), [()]);
    assert_eq!(take(&mut link), each(&["a", "b"], &[1, 2]));
    quiet(&mut link, &mut set);
    link.pause();
    members.iter().for_each(|member| publish(member, 3..=4));
    quiet(&mut link, &mut set);
    link.resume();
    assert_eq!(set.wait_timeout(LIMIT).unwrap(), [()]);
    assert_eq!(take(&mut link), each(&["a", "b"], &[3, 4]));
}

#[test]
fn a_paused_link_delivers_nothing_of_anybody_and_goes_on_where_it_was() {
    let place = Place::new();
    let bus = place.bus();
    let first = begin(&bus, "a", 16);
    let list = bus.connect_all::<u64>("*", "topic").unwrap();
    let mut link = list.advise("item").hot().unwrap();
    begin_with(&mut link, 1);
    link.pause();
    let second = begin(&bus, "b", 16);
    list.wait_for(2, LIMIT).unwrap();
    publish(&first, 1..=2);
    publish(&second, 1..=2);
    assert_eq!(take(&mut link), BTreeMap::new());
    assert_eq!(link.members().len(), 2, "who joins is taken in");
    assert!(link.granted().iter().all(|(_, granted)| granted.paused));
    for paused in [link.recv(), link.recv_timeout(LIMIT), smol::block_on(link.recv_async())] {
        let Err(Error::Paused { link }) = paused else { panic!("{paused:?}") };
        assert_eq!(link, "*/topic/item");
    }
    // One that goes meanwhile is told of afterwards.
    drop(first);
    until("it has left", || list.len() == 1);
    assert_eq!(take(&mut link), BTreeMap::new());
    link.resume();
    let (mut values, mut ends) = (BTreeMap::<_, Vec<u64>>::new(), Vec::new());
    while values.get("b").is_none_or(|values| values.len() < 3) || ends.is_empty() {
        match link.recv_timeout(LIMIT) {
            Ok(merged) => {
                assert_eq!(merged.update.missed, 0);
                values.entry(merged.member.name.clone()).or_default().push(merged.update.value);
            }
            Err(Error::Stale { service, .. }) => ends.push(service),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((&*values["a"], &*values["b"]), (&[1, 2][..], &[0, 1, 2][..]));
    assert_eq!(ends, ["a"]);
    link.pause();
    link.stop();
    assert!(matches!(link.recv(), Err(Error::Closed(_))), "its end is said, paused or not");
}

#[test]
fn batches_have_what_there_is_in_turns_and_end_with_an_error() {
    let place = Place::new();
    let bus = place.bus();
    let mut members = vec![begin(&bus, "flood", 1024), begin(&bus, "slow", 1024)];
    let list = bus.connect_all::<u64>("*", "topic").unwrap();
    let mut link = list.advise("item").hot().unwrap();
    let mut updates = Vec::new();
    assert_eq!(link.recv_batch(&mut updates, 0).unwrap(), 0, "nothing is waited for");
    while updates.len() < 2 {
        link.recv_batch_timeout(&mut updates, 16, LIMIT).unwrap();
    }
    updates.clear();
    assert_eq!(link.try_recv_batch(&mut updates, 16).unwrap(), 0);
    let error = link.recv_batch_timeout(&mut updates, 16, Duration::ZERO).unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");

    publish(&members[0], 1..=500);
    publish(&members[1], 1..=3);
    assert_eq!(link.recv_batch(&mut updates, 100).unwrap(), 100);
    let of_slow = |merged: &&bus::Merged<bus::Update<u64>>| merged.member.name == "slow";
    assert_eq!(updates.iter().filter(of_slow).count(), 3, "one that floods does not fill a batch");
    while updates.len() < 503 {
        let begin = updates.len();
        let most = (503 - begin).min(64);
        assert_eq!(link.recv_batch(&mut updates, 64).unwrap(), most);
    }
    let flood: Vec<_> =
        updates.iter().filter(|merged| !of_slow(merged)).map(|merged| merged.update.value).collect();
    assert_eq!(flood, (1..=500).collect::<Vec<_>>());

    // What was received before an error is there.
    updates.clear();
    publish(&members[1], [7]);
    members.remove(1);
    let error = loop {
        if let Err(error) = link.recv_batch_timeout(&mut updates, 16, LIMIT) {
            break error;
        }
    };
    assert!(matches!(&error, Error::Stale { service, .. } if service == "slow"), "{error}");
    assert_eq!(updates.iter().map(|merged| merged.update.value).collect::<Vec<_>>(), [7]);
    link.stop();
    assert!(matches!(link.recv_batch(&mut updates, 1), Err(Error::Closed(_))));
}
