//! Whatever a publisher writes into memory that it handed out, it crashes no reader and holds none up.
//!
//! The publisher here is made by hand, was honest until it was connected to, and then writes what it likes. What is
//! there is checked whenever it is read: a value that is no value of its type is an error with the path of the field,
//! and the link goes on; a frame that says something untrue ends the conversation with the reason, while the last
//! values stay readable; and whatever else the memory says leads to no wrong access, no panic and no endless loop.

mod support;

use bus::{Bus, Ended, Error, Message};
use rustix::fs::SealFlags;
use support::forged::{Affair, Forged, Service, located_frame, send_segment};
use support::wire::{frame, kind};
use support::{LIMIT, Place, Random, until};

#[derive(Message, Debug, Clone, Copy, PartialEq)]
#[repr(C)]
struct Reading {
    number: u64,
    state: State,
}

#[derive(Message, Debug, Clone, Copy, PartialEq)]
#[repr(C)]
struct State {
    level: u8,
    valid: bool,
}

/// A client's conversation with a publisher that was honest so far, of a topic with items "a" and "b".
fn begin(place: &Place) -> Affair<Reading> {
    begin_on(place, place.bus())
}

fn begin_on(place: &Place, bus: Bus) -> Affair<Reading> {
    Affair::begin(bus, Service::new(place, "liar"), Forged::topic::<Reading>(&["a", "b"]))
}

/// That the client has ended the conversation, for a reason that contains this.
#[track_caller]
fn ended(affair: &mut Affair<Reading>, expected: &str) {
    until("the client ends it", || affair.topic.ended().is_some());
    let Some(Ended::Misbehaved(detail)) = affair.topic.ended() else { panic!("{:?}", affair.topic.ended()) };
    assert!(detail.contains(expected), "{expected:?} is missing in {detail:?}");
    affair.client.end();
}

#[test]
fn a_value_that_is_none_is_an_error_with_the_path_of_the_field() {
    let place = Place::new();
    let mut affair = begin(&place);
    affair.live.publish(0, 1, &[11, 0x0105]);
    affair.live.enter(1, 0, 1);
    let mut item = affair.advise("a", 0).unwrap();
    let mut all = affair.advise("*", 0).unwrap();
    let state = State { level: 5, valid: true };
    for link in [&mut item, &mut all] {
        assert_eq!(link.recv_timeout(LIMIT).unwrap().value, Reading { number: 11, state });
    }
    affair.live.publish(0, 2, &[12, 0x0205]);
    affair.live.enter(2, 0, 2);
    let requested = affair.topic.request("a").map(drop);
    let received = [item.recv_timeout(LIMIT).map(drop), all.recv_timeout(LIMIT).map(drop)];
    for result in [requested].into_iter().chain(received) {
        let error = result.unwrap_err();
        let Error::InvalidValue { item, invalid, .. } = &error else { panic!("{error}") };
        assert_eq!((&**item, invalid.path()), ("a", "state.valid"));
        let text = error.to_string();
        assert!(text.contains("`liar/topic`") && text.contains("found 2, expected 0 or 1"), "{text}");
    }
    // It is that value's error, and not the link's.
    affair.live.publish(0, 3, &[13, 0x0005]);
    affair.live.enter(3, 0, 3);
    for link in [&mut item, &mut all] {
        let update = link.recv_timeout(LIMIT).unwrap();
        assert_eq!((update.seq, update.value.number, update.value.state.valid), (3, 13, false));
    }
}

#[test]
fn a_value_that_is_none_ends_a_batch_and_is_in_none() {
    let place = Place::new();
    let mut affair = begin(&place);
    let links = ["a", "*"].map(|item| affair.advise(item, 0).unwrap());
    for number in 1..=4 {
        let valid = if number == 3 { 2 } else { 1 };
        affair.live.publish(0, number, &[10 + number, valid << 8 | 5]);
        affair.live.enter(number, 0, number);
    }
    for mut link in links {
        let mut updates = Vec::new();
        let error = link.try_recv_batch(&mut updates, 10).unwrap_err();
        assert!(matches!(error, Error::InvalidValue { .. }), "{error}");
        assert_eq!(link.try_recv_batch(&mut updates, 10).unwrap(), 1);
        let numbers: Vec<_> = updates.iter().map(|update| (update.seq, update.value.number)).collect();
        assert_eq!(numbers, [(1, 11), (2, 12), (4, 14)], "{link:?}");
    }
}

#[test]
fn an_answer_that_is_not_true_ends_the_conversation() {
    let place = Place::new();
    for (item, index) in [("a", 1), ("a", 7), ("c", 0), ("a", u32::MAX)] {
        let mut affair = begin(&place);
        let error = affair.advise(item, index).unwrap_err();
        assert!(matches!(&error, Error::Stale { reason: Ended::Misbehaved(_), .. }), "{error}");
        ended(&mut affair, &format!("item `{item}` is said to have index {index}"));
        assert!(
            matches!(affair.topic.request("a"), Err(Error::NoValue { .. })),
            "what there was is still there"
        );
    }
}

/// What makes an honest segment lie.
type Lie = fn(&mut Forged);

#[test]
fn extents_that_do_not_continue_the_topic_end_the_conversation() {
    let place = Place::new();
    let room = Forged::topic::<Reading>(&["a", "b"]).parameters.items;
    let lies: [(u32, Lie, &str); 6] = [
        (2, |_| {}, "extent 2 does not continue"),
        (1, |extent| extent.words[10] += 1, "extent 1 does not continue"),
        (1, |extent| extent.words[10] = 0, "extent 1 does not continue"),
        (1, |extent| extent.words[2] ^= 1, "extent 1 does not continue"),
        (1, |extent| extent.words[4] ^= 1, "extent 1 does not continue"),
        (1, |extent| extent.seals = SealFlags::SEAL, "its seals are"),
    ];
    for (index, lie, expected) in lies {
        let mut affair = begin(&place);
        let mut extent = affair.forged.extent(room, &["c"]);
        lie(&mut extent);
        send_segment(&mut affair.client, affair.conversation, index, 2, &extent.make().0);
        ended(&mut affair, expected);
    }
    // And one that does is taken, so the others were refused for what they say.
    let mut affair = begin(&place);
    affair.live.store(affair.forged.layout.count, room as u64);
    for item in 2..room {
        affair.live.store(affair.forged.layout.directory + item, 1);
        affair.live.store(affair.forged.layout.names, u64::from(b'x'));
    }
    send_segment(&mut affair.client, affair.conversation, 1, 2, &affair.forged.extent(room, &["c"]).make().0);
    until("it is taken", || affair.topic.items().len() == room + 1);
    assert_eq!(affair.topic.ended(), None);
}

#[test]
fn a_journal_that_names_what_is_not_there_holds_nobody_up() {
    let place = Place::new();
    let mut affair = begin(&place);
    let mut all = affair.advise("*", 0).unwrap();
    affair.live.enter(1, u64::from(u32::MAX), 1);
    affair.live.enter(2, 3, 1);
    affair.live.publish(0, 1, &[11, 0]);
    affair.live.enter(3, 0, 1);
    assert_eq!(all.recv_timeout(LIMIT).unwrap().value.number, 11);
}

#[test]
fn a_directory_of_rubbish_ends_where_the_rubbish_begins() {
    let place = Place::new();
    let affair = begin(&place);
    let layout = affair.forged.layout;
    let lies = [u64::MAX, 0xffff_ffff_ffff << 16 | 1, 63 << 16 | 9, 0, 3 << 16 | 0xffff];
    for lie in lies {
        affair.live.store(layout.directory + 2, lie);
        affair.live.store(layout.count, u64::MAX);
        assert_eq!(affair.topic.items().len(), 2, "{lie:#x}");
    }
    // As many good names as there is room for, and a count of more.
    for item in 2..affair.forged.parameters.items {
        affair.live.store(layout.names + 16 + item, u64::from(b'a'));
        affair.live.store(layout.directory + item, (16 + item as u64) << 16 | 1);
    }
    assert_eq!(affair.topic.items().len(), affair.forged.parameters.items);
}

#[test]
fn a_name_that_is_none_ends_the_directory() {
    let place = Place::new();
    let affair = begin(&place);
    let layout = affair.forged.layout;
    affair.live.store(layout.count, 3);
    affair.live.store(layout.names + 8, 0xffff);
    affair.live.store(layout.directory + 2, 8 << 16 | 2);
    assert_eq!(affair.topic.items().len(), 2, "a name that is not UTF-8");
}

#[test]
fn memory_full_of_rubbish_crashes_nobody() {
    let mut random = Random::seeded();
    let place = Place::new();
    for _ in 0..40 {
        let mut affair = begin(&place);
        let mut links = vec![affair.advise("a", 0).unwrap(), affair.advise("*", 0).unwrap()];
        let layout = affair.forged.layout;
        for _ in 0..50 {
            // Anything from the journal on, or only what is looked at first: heads and marks.
            for _ in 0..1 + random.below(64) {
                let word = match random.below(4) {
                    0 => layout.journal + random.below(32),
                    1 => affair.live.head(random.below(2)) + random.below(80),
                    2 => layout.count + random.below(200),
                    _ => layout.journal + random.below(layout.words - layout.journal),
                };
                let value = match random.below(4) {
                    0 => random.next(),
                    1 => random.next() % 64,
                    2 => (random.next() % 16) << 2 | 2,
                    _ => u64::MAX - random.next() % 8,
                };
                affair.live.store(word, value);
            }
            for link in &mut links {
                for _ in 0..20 {
                    let _ = link.try_recv();
                }
            }
            // Not as `Conversation::request`: rubbish may say that items are computed, and nobody answers then.
            let _ = affair.topic.item("a").map(|mut item| item.request());
            let _ = affair.topic.item("b").map(|mut item| item.request());
            assert!(affair.topic.items().len() <= affair.forged.parameters.items);
        }
    }
}

/// An honest frame of each kind that a service sends once it has welcomed.
fn honest(random: &mut Random, conversation: u64) -> Vec<u8> {
    let reference = random.next() % 4;
    match random.below(4) {
        0 => located_frame(conversation, reference, random.next() as u32 % 4),
        1 => frame(kind::REFUSED, conversation, reference, &[1; 1 + 2 + 1021]),
        2 => frame(kind::TOPIC_ENTRY, 0, reference, &[0; 16 + 8 + 2 * 257 + 6]),
        _ => frame(kind::NO_MORE_TOPICS, 0, reference, &[]),
    }
}

#[test]
fn frames_of_rubbish_end_that_conversation_and_no_other() {
    let mut random = Random::seeded();
    let place = Place::new();
    let honest_bus = place.bus();
    let service = honest_bus.service("honest").unwrap();
    let topic = service.topic::<u64>("topic").open().unwrap();
    let item = topic.item("item").unwrap();
    service.ready().unwrap();
    let bus = place.bus();
    let mut link = bus.connect::<u64>("honest/topic").open().unwrap().advise("item").hot().unwrap();
    for number in 1..=100 {
        // One bus for all, so that an honest service and a liar share the client's control thread.
        let mut affair = begin_on(&place, bus.clone());
        for _ in 0..20 {
            let mut frame = honest(&mut random, affair.conversation);
            match random.below(3) {
                0 => frame.truncate(random.below(frame.len())),
                1 => (0..4).for_each(|_| {
                    let at = random.below(frame.len());
                    frame[at] ^= 1 << random.below(8);
                }),
                _ => {}
            }
            if affair.client.send(&frame, &[]).is_err() {
                break;
            }
        }
        // What is certainly wrong comes last.
        let _ = affair.client.send(&frame(99, 0, 0, &[]), &[]);
        until("the client ends it", || affair.topic.ended().is_some());
        affair.client.end();
        item.publish(&number).unwrap();
        assert_eq!(link.recv_timeout(LIMIT).unwrap().value, number);
    }
}
