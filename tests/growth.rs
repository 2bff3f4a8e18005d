//! A topic grows by thousands of items under the eyes of those who follow it.
//!
//! Items need not be known beforehand, nor how many there will be. A link to the whole topic that was opened when
//! there was one item gets every item that is added later, each value with the right name; so do links to items that
//! did not exist when they were opened, and conversations that request them. It makes no difference whether the new
//! items fit the memory that was there, need more of it, or so much more of it, so fast, that the announcement of the
//! memory reaches the reader after the values in it.

mod support;

use std::collections::HashMap;

use bus::Conversation;
use support::forged::{Affair, Forged, Service, send_segment};
use support::{Account, Checked, LIMIT, Place, Process, Test, connect, proc, roles, until};

roles!(grower, follower);

const ITEMS: u64 = 5_000;

/// The name of an item: some short, some as long as names get.
fn name(item: u64) -> String {
    match item % 16 {
        0 => format!("{item:0>255}"),
        1 => format!("№ {item} – ünïcode"),
        _ => item.to_string(),
    }
}

/// A topic with room for one item, which grows as it is told, publishing a value of each new item.
fn grower(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic("topic").history(2).journal(64).capacity(1).open().unwrap();
    service.ready().unwrap();
    test.say("ready");
    let mut items = 0;
    loop {
        for _ in 0..test.hear_number() {
            topic.item(&name(items)).unwrap().publish(&Checked::new(items, 1)).unwrap();
            items += 1;
        }
        test.say("done");
    }
}

fn start(place: &Place) -> Process {
    let mut grower = place.start("grower");
    grower.await_line("ready");
    grower
}

fn grow(grower: &mut Process, items: u64) {
    grower.say(items);
    grower.await_line("done");
}

/// Follows the topic in the way it is told to, until it has the value of every item under the right name.
fn follower(test: &mut Test) {
    let way = test.hear();
    let topic = connect(&test.bus());
    test.say("ready");
    match &*way {
        "warm" => {
            let mut link = topic.advise("*").warm().unwrap();
            test.say("follows");
            let mut seen = HashMap::new();
            while seen.len() < ITEMS as usize {
                let notice = link.recv().unwrap();
                let before = seen.insert(link.name(notice.item), notice.seq);
                assert_eq!((before, notice.seq, notice.missed), (None, 1, 0));
            }
            (0..ITEMS).for_each(|item| assert!(seen.contains_key(&*name(item))));
        }
        hot => {
            let advise = topic.advise("*");
            let mut link = if hot == "latest" { advise.latest() } else { advise }.hot().unwrap();
            test.say("follows");
            let mut account = Account::default();
            for _ in 0..ITEMS {
                let update = link.recv().unwrap();
                account.enter(&update);
                assert_eq!(*link.name(update.item), *name(update.value.check().0));
            }
            assert_eq!(link.try_recv().unwrap(), None);
            (0..ITEMS).for_each(|item| assert_eq!(account.of(item).delivered, 1));
        }
    }
    check_items(&topic);
    test.say(proc::mappings());
}

/// The names of all items, in their order, and a value under each.
fn check_items(topic: &Conversation<Checked>) {
    let names = topic.items();
    assert_eq!(names.len() as u64, ITEMS);
    for (item, name_here) in names.iter().enumerate() {
        assert_eq!(**name_here, *name(item as u64));
        assert_eq!(topic.request(name_here).unwrap().value.check(), (item as u64, 1));
    }
}

#[test]
fn links_to_the_whole_topic_get_every_item_that_is_added() {
    let place = Place::new();
    let mut grower = start(&place);
    let mut followers: Vec<_> = ["queue", "latest", "warm", "queue", "latest"]
        .map(|way| {
            let mut follower = place.start("follower");
            follower.say(way);
            follower.await_line("ready");
            follower.await_line("follows");
            follower
        })
        .into();
    // One by one; some at once; the rest as fast as it goes.
    for items in [1, 1, 1, 1, 60, 436, ITEMS - 500] {
        grow(&mut grower, items);
    }
    for follower in &mut followers {
        let mappings: usize = follower.hear_number();
        // Memory comes in few pieces: each extent is about as large as all before it.
        assert!(mappings <= 64, "{mappings} mappings for {ITEMS} items");
    }
    followers.into_iter().for_each(Process::finish);
    // Whoever comes when all is there gets the same.
    check_items(&connect(&place.bus()));
}

#[test]
fn items_that_do_not_exist_yet_can_be_followed() {
    let place = Place::new();
    let mut grower = start(&place);
    let topic = connect(&place.bus());
    let wanted = [0, 1, 16, 777, ITEMS - 1];
    let mut several = topic.advise_items(wanted.map(name)).hot().unwrap();
    std::thread::scope(|scope| {
        let each = wanted.map(|item| {
            let topic = &topic;
            scope.spawn(move || {
                let mut link = topic.advise(&name(item)).wait(LIMIT).hot().unwrap();
                assert_eq!(link.recv_timeout(LIMIT).unwrap().value.check(), (item, 1));
            })
        });
        grow(&mut grower, ITEMS);
        each.into_iter().for_each(|link| link.join().unwrap());
    });
    for item in wanted {
        let update = several.recv_timeout(LIMIT).unwrap();
        assert_eq!((update.value.check(), &*topic.name(update.item)), ((item, 1), &*name(item)));
    }
    assert_eq!(several.try_recv().unwrap(), None);
}

#[test]
fn an_item_that_was_added_a_moment_ago_can_be_requested() {
    let place = Place::new();
    let mut grower = start(&place);
    let topic = connect(&place.bus());
    for item in 0..300 {
        assert!(matches!(topic.request(&name(item)), Err(bus::Error::NoSuchItem { .. })));
        grow(&mut grower, 1);
        assert_eq!(topic.request(&name(item)).unwrap().value.check(), (item, 1));
    }
    until("all names are here", || topic.items().len() == 300);
}

#[test]
fn items_whose_memory_is_announced_late_are_not_lost_with_the_journal() {
    let place = Place::new();
    let service = Service::new(&place, "service");
    let mut affair =
        Affair::<u64>::begin(place.bus(), service, Forged::topic::<u64>(&["a", "b", "c", "d", "e"]));
    let mut link = affair.advise("*", 0).unwrap();
    // The publisher adds two items in new memory, publishes them, and then another one until the journal has long
    // forgotten the new ones. All of that, before the new memory is announced.
    let first = 5;
    let (extent, memory) = affair.forged.extent(first as usize, &["new", "newer"]).make();
    for (item, value) in [(0, 100), (1, 200)] {
        memory.publish(item as usize, 1, &[value]);
        affair.live.enter(1 + item, first + item, 1);
    }
    for number in 1..=20 {
        affair.live.publish(0, number, &[number]);
        affair.live.enter(2 + number, 0, number);
    }
    while link.recv_timeout(LIMIT).unwrap().seq < 20 {}
    assert_eq!(link.try_recv().unwrap(), None);

    send_segment(&mut affair.client, affair.conversation, 1, 2, &extent);
    let late = [link.recv_timeout(LIMIT).unwrap(), link.recv_timeout(LIMIT).unwrap()];
    let late = late.map(|update| (update.value, update.missed, link.name(update.item).to_string()));
    assert_eq!(late, [(100, 0, "new".to_owned()), (200, 0, "newer".to_owned())]);
    assert_eq!(link.try_recv().unwrap(), None);
}
