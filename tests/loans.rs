//! A loan is memory in which the next value is built; until it is published, nothing has happened.
//!
//! What is built there is what is received, byte for byte, with zeroes for padding; a loan that is dropped is as none; and
//! what a program never gives back it lacks itself, and is told so.

mod support;

use bus::{Bus, Error, Message, Service, Topic};
use support::pinner::Pinner;
use support::{Frame, LIMIT, Place};

/// A message with padding in several places.
#[derive(Message, Debug, Clone, Copy, PartialEq)]
#[repr(C)]
struct Padded {
    small: u8,
    large: u64,
    pair: [Inner; 2],
    last: u16,
}

#[derive(Message, Debug, Clone, Copy, PartialEq)]
#[repr(C)]
struct Inner {
    flag: bool,
    number: u32,
}

const PADDED: Padded =
    Padded { small: 0xa1, large: u64::MAX, pair: [Inner { flag: true, number: u32::MAX }; 2], last: 0xb2c3 };

fn topic<T: Message>(place: &Place, samples: usize) -> (Bus, Service, Topic<T>) {
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic("topic").history(2).samples(samples).open().unwrap();
    topic.item("0").unwrap();
    service.ready().unwrap();
    (bus, service, topic)
}

#[test]
fn a_loan_that_is_dropped_publishes_nothing() {
    let place = Place::new();
    let (bus, _service, topic) = topic::<Frame>(&place, 1);
    let item = topic.item("0").unwrap();
    item.publish(&Frame::new(0, 1)).unwrap();
    let client = bus.connect::<Frame>("service/topic").open().unwrap();
    let mut link = client.advise("0").hot().unwrap();
    assert_eq!(link.recv().unwrap().seq, 1);
    for number in 100..200 {
        drop(item.loan().unwrap());
        let mut draft = item.loan().unwrap().in_place();
        draft.get_mut().fill(0, number);
        drop(draft);
        assert!(link.try_recv().unwrap().is_none());
        assert_eq!(client.request("0").unwrap().value.check(), (0, 1));
    }
    assert_eq!(item.publish(&Frame::new(0, 2)).unwrap(), 2);
    assert_eq!(link.recv_timeout(LIMIT).unwrap().value.check(), (0, 2));
}

#[test]
fn several_loans_at_once_are_published_in_the_order_of_their_publishing() {
    let place = Place::new();
    let (bus, _service, topic) = topic::<Frame>(&place, 4);
    let [zero, one] = ["0", "1"].map(|item| topic.item(item).unwrap());
    let client = bus.connect::<Frame>("service/topic").open().unwrap();
    let mut link = client.advise("*").prime(false).hot().unwrap();
    let mut drafts: Vec<_> = [(zero, 0), (one, 1), (zero, 0), (one, 1)]
        .into_iter()
        .map(|(item, of)| (item.loan().unwrap().in_place(), of))
        .collect();
    // Built in one order and published in the other; in between come copies.
    for (index, (draft, of)) in drafts.iter_mut().enumerate() {
        draft.get_mut().fill(*of, [2, 2, 1, 1][index]);
    }
    while let Some((draft, of)) = drafts.pop() {
        let number = draft.check().1;
        assert_eq!(draft.publish().unwrap(), number);
        let update = link.recv_timeout(LIMIT).unwrap();
        assert_eq!((update.seq, update.missed, update.value.check()), (number, 0, (of, number)));
    }
    assert_eq!(zero.publish(&Frame::new(0, 3)).unwrap(), 3);
    assert_eq!(link.recv_timeout(LIMIT).unwrap().value.check(), (0, 3));
}

#[test]
fn padding_is_zero_in_memory_whatever_was_there_before() {
    /// As large as the other, and all ones.
    const WORDS: usize = size_of::<Padded>() / 8;
    let place = Place::new();
    let (bus, _service, topic) = topic::<Padded>(&place, 2);
    let item = topic.item("0").unwrap();
    let pinner = Pinner::new(&place, "service", "topic", 1);
    let bytes = |number| -> Vec<u8> {
        pinner.words(pinner.reference(number), WORDS).into_iter().flat_map(u64::to_ne_bytes).collect()
    };
    let expected = {
        let mut bytes = vec![0; size_of::<Padded>()];
        bytes[0] = 0xa1;
        bytes[8..16].fill(0xff);
        for inner in [16, 24] {
            bytes[inner] = 1;
            bytes[inner + 4..inner + 8].fill(0xff);
        }
        bytes[32..34].copy_from_slice(&0xb2c3_u16.to_ne_bytes());
        bytes
    };
    // Once around all the memory that there is, in all ways.
    for number in 1..=30 {
        let number = match number % 3 {
            0 => item.publish(&PADDED),
            1 => item.loan().unwrap().write(&PADDED).publish(),
            _ => {
                let mut draft = item.loan().unwrap().write(&Padded { last: 0xffff, ..PADDED });
                draft.set(Padded::LAST, &PADDED.last);
                draft.set(Padded::PAIR, &PADDED.pair);
                draft.publish()
            }
        }
        .unwrap();
        assert_eq!(bytes(number), expected);
    }
    assert_eq!(bus.connect::<Padded>("service/topic").open().unwrap().request("0").unwrap().value, PADDED);
}

/// What is padding in one variant is a value in another.
#[derive(Message, Debug, Clone, Copy, PartialEq)]
#[repr(C, u8)]
enum Shape {
    Small(u8),
    Large(u64),
}

#[test]
fn padding_of_one_variant_shows_nothing_of_another() {
    let place = Place::new();
    let (_bus, _service, topic) = topic::<Shape>(&place, 2);
    let item = topic.item("0").unwrap();
    let pinner = Pinner::new(&place, "service", "topic", 1);
    // Each piece of memory has had a large one before it has a small one.
    for number in 1..=40 {
        let small = number > 20;
        let shape = if small { Shape::Small(7) } else { Shape::Large(u64::MAX) };
        assert_eq!(item.loan().unwrap().write(&shape).publish().unwrap(), number);
        let words = pinner.words(pinner.reference(number), 2);
        let payload = u64::from_ne_bytes(if small { [7, 0, 0, 0, 0, 0, 0, 0] } else { [0xff; 8] });
        assert_eq!(words, [u64::from_ne_bytes([u8::from(!small), 0, 0, 0, 0, 0, 0, 0]), payload]);
    }
}

#[test]
fn a_field_that_is_set_is_what_is_received() {
    let place = Place::new();
    let (bus, _service, topic) = topic::<Padded>(&place, 2);
    let item = topic.item("0").unwrap();
    let mut draft = item.loan().unwrap().write(&PADDED);
    assert_eq!(*draft, PADDED);
    let pair = [Inner { flag: false, number: 7 }, PADDED.pair[0]];
    draft.set(Padded::PAIR, &pair);
    draft.set(Padded::SMALL, &3);
    let expected = Padded { small: 3, pair, ..PADDED };
    assert_eq!(*draft, expected);
    draft.publish().unwrap();
    let client = bus.connect::<Padded>("service/topic").open().unwrap();
    assert_eq!(client.request("0").unwrap().value, expected);
    assert_eq!(*client.advise("0").samples(1).unwrap().recv().unwrap().value, expected);
}

#[test]
fn what_is_never_given_back_is_missed_by_its_own_program() {
    let place = Place::new();
    let (bus, _service, topic) = topic::<Frame>(&place, 3);
    let item = topic.item("0").unwrap();
    item.publish(&Frame::new(0, 1)).unwrap();
    // Two values of history, one loan, and three besides.
    let mut forgotten = 0;
    let error = loop {
        match item.loan() {
            Ok(loan) => core::mem::forget(loan),
            Err(error) => break error,
        }
        forgotten += 1;
    };
    let Error::Exhausted { pid, link, held, .. } = &error else { panic!("{error}") };
    assert_eq!((*pid, *link, *held, forgotten), (std::process::id(), 0, 5, 5));
    assert!(error.to_string().contains("on loan"), "{error}");
    assert!(matches!(item.publish(&Frame::new(0, 2)), Err(Error::Exhausted { link: 0, held: 5, .. })));
    let client = bus.connect::<Frame>("service/topic").open().unwrap();
    assert_eq!(client.request("0").unwrap().value.check(), (0, 1));
    // Another item brings memory of its own.
    topic.item("1").unwrap().publish(&Frame::new(1, 1)).unwrap();
    assert_eq!(client.request("1").unwrap().value.check(), (1, 1));
}

#[test]
fn a_topic_that_keeps_its_values_in_slots_lends_nothing() {
    let place = Place::new();
    let (_bus, service, _topic) = topic::<u64>(&place, 1);
    let plain = service.topic::<u64>("plain").open().unwrap();
    let error = plain.item("0").unwrap().loan().unwrap_err();
    assert!(matches!(&error, Error::InvalidOption { option: "samples", .. }), "{error}");
}

#[test]
fn a_draft_that_finds_its_service_closed_says_so_and_gives_its_memory_back() {
    let place = Place::new();
    let (_bus, service, topic) = topic::<Frame>(&place, 1);
    let item = topic.item("0").unwrap();
    let drafts = [item.loan().unwrap(), item.loan().unwrap()].map(|loan| loan.write(&Frame::new(0, 1)));
    service.close();
    for draft in drafts {
        assert!(matches!(draft.publish(), Err(Error::Closed(_))));
    }
    assert!(matches!(item.publish(&Frame::new(0, 1)), Err(Error::Closed(_))));
}
