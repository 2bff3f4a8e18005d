//! Whatever a client sends to a service's socket, it harms only its own connection.
//!
//! More than ten thousand frames are sent that no honest client sends: cut, stretched, with bits flipped, of unknown
//! kinds, of random bytes, with descriptors that do not belong, empty, twice, in the wrong order, or so many that
//! nobody could answer. A frame that is certainly wrong ends the connection that it came by, with the reason as the
//! last word. Meanwhile an honest client misses nothing, another can come at any time, and afterwards the service
//! has no more open and mapped than before. `BUS_TEST_SEED` repeats a run.

mod support;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bus::{Hot, Link};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::lane::{next_offer, open_lane};
use support::publisher::Status;
use support::wire::{Client, PREFIX, advise, frame, hello, kind, name, words};
use support::{Checked, LIMIT, Place, Publisher, Random, Setup, Test, connect, publisher, roles, until};

roles!(publisher, poor_publisher);

const SETUP: Setup = Setup { history: 4, journal: 8, items: 2 };
const FRAMES: usize = 12_000;

/// An honest frame of each kind that a client sends after its hello.
fn honest(random: &mut Random) -> Vec<u8> {
    let (conversation, reference) = (random.next() % 3, random.next() % 5);
    let topic = ["topic", "no such topic", ""][random.below(3)];
    let item = ["0", "1", "no such item", ""][random.below(4)];
    let wait = random.below(2) == 0;
    match random.below(14) {
        0 => frame(kind::CONNECT, conversation, 0, &name(topic, &[wait])),
        1 => frame(kind::ADVISE, conversation, reference, &advise(item, wait, random.below(2) == 0)),
        2 => frame(kind::UNADVISE, conversation, reference, &[]),
        3 => frame(kind::FIND, conversation, reference, &name(item, &[])),
        // Of doorbells that were never hung up: one comes with a descriptor.
        4 => frame(
            kind::ATTEND,
            conversation,
            reference,
            &words(&[random.next() % 3, random.next() % SETUP.items]),
        ),
        5 => frame(kind::ATTEND, conversation, reference, &words(&[1, u64::MAX])),
        6 => frame(kind::UNATTEND, conversation, reference, &words(&[1])),
        7 => frame(kind::TAKE_DOWN_DOORBELL, 0, 0, &words(&[1])),
        8 => frame(kind::NEXT_TOPIC, 0, reference, &name(topic, &[])),
        9 => frame(kind::FLOOR_RAISED, 0, 0, &[]),
        // Of the size of what is asked, or of any; a service without handlers refuses it.
        10 => open_lane(conversation, reference, (random.next() as u32, 8), [1, 2, 4][random.below(3)]),
        11 => frame(kind::REQUEST_POSTED, 0, 0, &[]),
        12 => next_offer(conversation, reference, random.next() as u32, wait),
        _ => frame(kind::CLOSE, conversation, 0, &[]),
    }
}

/// Kinds from here on are none that a client sends.
const FIRST_UNKNOWN: u32 = kind::LEAVE + 1;

/// Where the name of a frame with a name begins.
fn name_at(frame: &[u8]) -> usize {
    PREFIX + if frame[4..8] == kind::ADVISE.to_ne_bytes() { 16 } else { 0 }
}

/// What is done to a frame, and whether it is certainly wrong then.
fn mutate(frame: &mut Vec<u8>, random: &mut Random) -> bool {
    let name = name_at(frame);
    match random.below(9) {
        // Cut, perhaps to nothing; or longer, perhaps longer than any frame.
        0 => frame.truncate(random.below(frame.len())),
        1 => frame.extend((0..1 + random.below(3000)).map(|_| 7)),
        // Not a frame of this protocol, or of no kind that a client sends.
        2 => frame[random.below(4)] ^= 1 << random.below(8),
        3 => frame[4..8].copy_from_slice(&(FIRST_UNKNOWN + random.next() as u32 % 1000).to_ne_bytes()),
        4 => frame.iter_mut().for_each(|byte| *byte = random.next() as u8),
        5 => *frame = (0..random.below(64)).map(|_| random.next() as u8).collect(),
        // A name that is longer than a name can be, or that is not UTF-8.
        6 if frame.len() > 200 => frame[name..][..2].copy_from_slice(&256u16.to_le_bytes()),
        7 if frame.len() > 200 => frame[name..][..4].copy_from_slice(&[2, 0, 0xff, 0xfe]),
        // Anything, among it things that are as good as before.
        _ => {
            for _ in 0..1 + random.below(8) {
                let at = random.below(frame.len());
                frame[at] ^= 1 << random.below(8);
            }
            return false;
        }
    }
    true
}

/// Something to send descriptors of.
fn descriptors(count: usize) -> Vec<OwnedFd> {
    (0..count).map(|_| std::fs::File::open("/dev/null").unwrap().into()).collect()
}

/// A publisher with an honest client, and how it stands then.
fn start(place: &Place) -> (Publisher, Link<Hot<Checked>>, Status) {
    let mut publisher = Publisher::start(place, SETUP);
    let link = connect(&place.bus()).advise("0").hot().unwrap();
    until("the publisher knows of the link", || publisher.status().links == 1);
    let status = publisher.status();
    (publisher, link, status)
}

/// That the honest client gets the next value, and that it is the next.
#[track_caller]
fn check(publisher: &mut Publisher, link: &mut Link<Hot<Checked>>) {
    publisher.publish(0, 1);
    assert_eq!(link.recv_timeout(LIMIT).unwrap().missed, 0);
}

#[test]
fn ten_thousand_malformed_frames_harm_only_who_sent_them() {
    let mut random = Random::seeded();
    let place = Place::new();
    let bus = place.bus();
    let (mut publisher, mut link, before) = start(&place);
    let (mut sent, mut ended) = (0, 0);
    for connection in 1.. {
        if sent >= FRAMES {
            break;
        }
        let mut client = match random.below(8) {
            0 => Client::silent(&place, "service"),
            _ => Client::greeted(&place, "service"),
        };
        for _ in 0..random.below(8) {
            let mut frame = honest(&mut random);
            let extra = if random.below(8) == 0 { descriptors(1 + random.below(4)) } else { Vec::new() };
            let borrowed: Vec<BorrowedFd<'_>> = extra.iter().map(AsFd::as_fd).collect();
            let wrong = mutate(&mut frame, &mut random) || !extra.is_empty();
            sent += 1;
            // Refused here where the connection has ended already, as it may after any frame but the first.
            if client.send(&frame, &borrowed).is_err() {
                break;
            }
            if wrong {
                // Its end; what comes before are answers to frames that were as good as honest.
                client.end();
                ended += 1;
                break;
            }
        }
        if connection % 50 == 0 {
            check(&mut publisher, &mut link);
            assert_eq!(connect(&bus).items().len(), 2, "another conversation of the honest client");
        }
    }
    assert!(ended > FRAMES / 8, "{ended} of {sent} frames ended a connection");
    until("the service has forgotten them all", || publisher.status() == before);
    check(&mut publisher, &mut link);
    assert_eq!(connect(&place.bus()).request("0").unwrap().seq, publisher.published()[0], "a new client");
}

#[test]
fn the_last_word_says_what_was_wrong() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let before = publisher.status();
    let connect = frame(kind::CONNECT, 1, 0, &name("topic", &[false]));
    let advise = frame(kind::ADVISE, 1, 7, &advise("0", false, false));
    let mut no_bool = connect.clone();
    *no_bool.last_mut().unwrap() = 2;
    let mut no_magic = connect.clone();
    no_magic[0] ^= 1;
    let big = vec![0; 3000];
    let mut no_formats = next_offer(1, 3, 0, true);
    no_formats[PREFIX + 4] = 2;
    let no_offer = open_lane(1, 3, (8, 8), 1 << 9);
    let cases: [(&[&[u8]], &str); 15] = [
        (&[&open_lane(1, 3, (8, 8), 4)[..30]], "has 6 bytes, expected 16"),
        (&[&no_formats], "`formats`: found 2, expected 0 or 1"),
        (&[&connect, &no_offer], "a lane for what there is not"),
        (&[&frame(kind::LANE_MADE, 1, 3, &[0; 16])], "unknown kind 115"),
        (&[&connect[..10]], "a frame of 10 bytes"),
        (&[&connect[..100]], "has 76 bytes, expected 258"),
        (&[&no_magic], "a frame that starts with"),
        (&[&frame(99, 0, 0, &[])], "unknown kind 99"),
        (&[&frame(kind::SEGMENT, 0, 0, &[0; 8])], "unknown kind 103"),
        (&[&no_bool], "`wait`: found 2, expected 0 or 1"),
        (&[&big], "larger than any frame"),
        (&[&hello(1, 1)], "starts with one hello"),
        (&[&connect, &connect], "a conversation of this number is open"),
        (&[&connect, &advise, &advise], "a link of this number is open"),
        (&[&connect, &frame(kind::HELLO, 0, 0, &[0; 3])], "has 3 bytes, expected 4"),
    ];
    for (frames, expected) in cases {
        let mut client = Client::greeted(&place, "service");
        for frame in frames {
            client.send(frame, &[]).unwrap();
        }
        let reason = client.end().expect("a goodbye");
        assert!(reason.contains(expected), "{expected:?} is missing in {reason:?}");
    }
    let mut client = Client::silent(&place, "service");
    client.send(&connect, &[]).unwrap();
    assert!(client.end().expect("a goodbye").contains("starts with one hello"));
    let mut client = Client::greeted(&place, "service");
    let null = &descriptors(1)[0];
    client.send(&connect, &[null.as_fd()]).unwrap();
    assert!(client.end().expect("a goodbye").contains("1 descriptors, expected 0"));
    let mut client = Client::greeted(&place, "service");
    client.send(&[], &[]).unwrap();
    client.end();
    until("the service has forgotten them all", || publisher.status() == before);
}

#[test]
fn a_client_of_another_time_is_told_which_versions_there_are() {
    let place = Place::new();
    let _publisher = Publisher::start(&place, SETUP);
    let mut client = Client::silent(&place, "service");
    client.send(&hello(2, 900), &[]).unwrap();
    let answer = client.receive().expect("an answer");
    assert_eq!((answer.kind(), answer.body()), (kind::UNSUPPORTED, &[1, 0, 1, 0][..]));
    assert_eq!(client.end(), None);
}

#[test]
fn a_client_that_asks_much_and_reads_late_waits_for_itself_only() {
    let place = Place::new();
    let (mut publisher, mut link, before) = start(&place);
    let mut client = Client::greeted(&place, "service");
    let question = |reference| frame(kind::NEXT_TOPIC, 0, reference, &name("", &[]));
    // Until the service takes no more of them, since it cannot get rid of the answers.
    let asked = (0..1_000_000).take_while(|&reference| client.try_send(&question(reference))).count();
    assert!(asked < 1_000_000, "the service takes in what nobody reads");
    check(&mut publisher, &mut link);
    assert_eq!(connect(&place.bus()).items().len(), 2, "others are answered meanwhile");
    for reference in 0..asked {
        let answer = client.receive().expect("an answer to every question");
        assert_eq!((answer.kind(), answer.reference()), (kind::TOPIC_ENTRY, reference as u64));
    }
    drop(client);
    until("the service has forgotten it", || publisher.status() == before);
}

/// A publisher that may open few descriptors.
fn poor_publisher(test: &mut Test) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(40), maximum }).unwrap();
    publisher(test);
}

#[test]
fn more_connections_than_there_are_descriptors_keep_nobody_out_for_good() {
    let place = Place::new();
    let mut process = place.start("poor_publisher");
    process.say("4 8 1");
    process.await_line("ready");
    let mut publisher = Publisher { process };
    let mut link = connect(&place.bus()).advise("0").hot().unwrap();
    let crowd: Vec<Client> = (0..100).map(|_| Client::silent(&place, "service")).collect();
    check(&mut publisher, &mut link);
    drop(crowd);
    let bus = place.bus();
    let connect = || bus.connect::<Checked>("service/topic").timeout(LIMIT).open();
    // Until it has noticed that they are gone, it may say that there are too many.
    until("there is room again", || connect().is_ok_and(|topic| topic.request("0").unwrap().seq == 1));
    check(&mut publisher, &mut link);
}
