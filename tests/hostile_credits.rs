//! What a client writes into its credit memory is its own affair, and so is what a service says of it.
//!
//! A client may say that it has read what it has not, take back what it said, write at random, and punch holes: it can
//! have the publisher wait for its own link, until the deadline, and nothing else. A service that hands out credit memory
//! which is none, or says that a link's words are where there are none, ends the conversation with a reason.

mod support;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bus::{Ended, Error, Service as Served, Topic};
use rustix::fs::{FallocateFlags, SealFlags, fallocate, fcntl_add_seals};
use rustix::mm::ProtFlags;
use support::forged::{
    Affair, BELL_SEALS, Forged, Service, credits_frame, credits_memory, granted_frame, located_frame, memory,
};
use support::segment::{Mapping, Segment};
use support::wire::{Client, advise, advise_from, frame, kind};
use support::{LIMIT, Place, Random, Small, until};

const HISTORY: u64 = 4;
/// What says that a thread waits for a floor, and has for long.
const URGENT_BY_THREAD: u64 = 5;
const PATIENCE: Duration = LIMIT.saturating_mul(4);

/// A lossless link by hand, to item "a".
struct Liar {
    client: Client,
    _segment: Segment,
    credits: OwnedFd,
    words: Mapping,
    floor: usize,
    awaited: usize,
}

impl Liar {
    fn new(place: &Place) -> Self {
        let mut client = Client::greeted(place, "service");
        let segment = client.connect("topic");
        ask(&mut client, 7);
        let credits = client.receive().unwrap();
        assert_eq!(credits.kind(), kind::CREDITS);
        let credits = credits.fds.into_iter().next().expect("memory");
        let (floor, awaited) = granted(&mut client);
        let words = Mapping::new(&credits, ProtFlags::READ | ProtFlags::WRITE);
        Liar { client, _segment: segment, credits, words, floor, awaited }
    }

    fn say(&self, floor: u64) {
        self.words.words()[self.floor].store(floor, Ordering::SeqCst);
    }
}

/// Advises on item "a", losslessly, and wants to be waited for as long as the topic allows.
fn ask(client: &mut Client, link: u64) {
    let mut body = advise("a", false, true);
    body[..8].copy_from_slice(&u64::MAX.to_ne_bytes());
    client.send(&frame(kind::ADVISE, 1, link, &body), &[]).unwrap();
}

/// Which words a link was granted: its floor, and whether it is awaited.
#[track_caller]
fn granted(client: &mut Client) -> (usize, usize) {
    let granted = client.receive().unwrap();
    assert_eq!(granted.kind(), kind::GRANTED);
    let word = |at: usize| u32::from_ne_bytes(granted.body()[at..at + 4].try_into().unwrap()) as usize;
    (word(16), word(20))
}

/// Gives the page of a credit memory back to the kernel.
fn punch(credits: &OwnedFd) {
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    fallocate(credits, hole, 0, 4096).unwrap();
}

fn serve(place: &Place, patience: Duration) -> (Served, Topic<Small>) {
    let service = place.bus().service("service").unwrap();
    let topic = service.topic("topic").history(HISTORY as usize).lossless(patience).open().unwrap();
    topic.item("a").unwrap();
    service.ready().unwrap();
    (service, topic)
}

/// Publishes without waiting up to value `to`, after which there must be no room.
#[track_caller]
fn fill(topic: &Topic<Small>, next: &mut u64, to: u64) {
    let item = topic.item("a").unwrap();
    while *next <= to {
        assert_eq!(item.try_publish(&Small::new(0, *next)).unwrap(), *next);
        *next += 1;
    }
    let full = item.try_publish(&Small::new(0, *next)).unwrap_err();
    assert!(matches!(full, Error::Full { behind: HISTORY, link: 7, .. }), "{full}");
}

#[test]
fn a_floor_that_goes_back_is_not_believed_and_one_far_ahead_is_the_readers_loss() {
    let place = Place::new();
    let (_service, topic) = serve(&place, PATIENCE);
    let liar = Liar::new(&place);
    let mut next = 1;
    fill(&topic, &mut next, HISTORY);
    liar.say(3);
    fill(&topic, &mut next, 6);
    for lie in [2, 0] {
        liar.say(lie);
        fill(&topic, &mut next, 6);
    }
    punch(&liar.credits);
    fill(&topic, &mut next, 6);
    liar.say(4);
    fill(&topic, &mut next, 7);
    for lie in [u64::MAX, 1 << 63, 0, 1] {
        liar.say(lie);
        topic.item("a").unwrap().publish(&Small::new(0, next)).unwrap();
        next += 1;
    }
    (0..100).for_each(|_| drop(topic.item("a").unwrap().publish(&Small::new(0, 1))));
    assert_eq!(topic.evictions(), [], "who wants nothing is waited for by nobody");
}

#[test]
fn who_says_that_it_has_not_read_what_never_was_begins_with_what_is_there() {
    let place = Place::new();
    let (_service, topic) = serve(&place, PATIENCE);
    let item = topic.item("a").unwrap();
    let head = 3 * HISTORY;
    for number in 1..=head {
        item.publish(&Small::new(0, number)).unwrap();
    }
    // Of what is gone the oldest that is there; one that is there; the next one; and what nobody can have read.
    let cases = [
        (0, head),
        (1, head + 1 - HISTORY),
        (head - 1, head - 1),
        (head + 1, head + 1),
        (head + 2, head),
        (1 << 62, head),
        (u64::MAX, head),
    ];
    for (from, expected) in cases {
        let mut client = Client::greeted(&place, "service");
        drop(client.connect("topic"));
        client.send(&frame(kind::ADVISE, 1, 7, &advise_from("a", false, true, from)), &[]).unwrap();
        let credits = client.receive().unwrap().fds.into_iter().next().expect("memory");
        let granted = client.receive().unwrap();
        let floor = u32::from_ne_bytes(granted.body()[16..20].try_into().unwrap()) as usize;
        let words = Mapping::new(&credits, ProtFlags::READ | ProtFlags::WRITE);
        assert_eq!(words.words()[floor].load(Ordering::SeqCst), expected, "for {from}");
    }
}

#[test]
fn who_raises_its_floor_and_wakes_nobody_delays_the_publisher_by_the_park_bound() {
    let place = Place::new();
    let (_service, topic) = serve(&place, PATIENCE);
    let liar = Liar::new(&place);
    let mut next = 1;
    fill(&topic, &mut next, HISTORY);
    std::thread::scope(|scope| {
        let publisher = scope.spawn(move || {
            let number = topic.item("a").unwrap().publish(&Small::new(0, next)).unwrap();
            (number, topic.evictions().len())
        });
        // For long: no shorter bound than that of every sleep ends this one.
        until("it waits", || liar.words.words()[liar.awaited].load(Ordering::SeqCst) == URGENT_BY_THREAD);
        liar.words.words()[liar.awaited].store(0, Ordering::SeqCst);
        liar.say(3);
        until("it looks again", || publisher.is_finished());
        assert_eq!(publisher.join().unwrap(), (HISTORY + 1, 0));
    });
}

#[test]
fn who_never_reads_is_evicted_and_told_so() {
    let place = Place::new();
    let (service, topic) = serve(&place, Duration::from_millis(10));
    let mut liar = Liar::new(&place);
    let item = topic.item("a").unwrap();
    let values: Vec<Small> = (1..=100).map(|number| Small::new(0, number)).collect();
    item.publish_batch(&values).unwrap();
    let revoked = liar.client.receive().unwrap();
    assert_eq!((revoked.kind(), revoked.conversation(), revoked.reference()), (kind::REVOKED, 1, 7));
    // It goes on as if nothing were, and is nobody's business any longer.
    liar.say(1);
    item.publish_batch(&values).unwrap();
    let [evicted] = topic.evictions()[..] else { panic!("one link is evicted, once") };
    assert_eq!((evicted.pid, evicted.link), (std::process::id(), 7));
    // Its number is taken until it closes the link.
    liar.client.send(&frame(kind::UNADVISE, 1, 7, &[]), &[]).unwrap();
    liar.client.send(&frame(kind::ADVISE, 1, 7, &advise("a", false, true)), &[]).unwrap();
    assert_eq!(liar.client.receive().unwrap().kind(), kind::GRANTED, "in the memory that it has");
    drop(liar);
    until("it is gone", || service.clients().is_empty());
}

#[test]
fn a_place_is_lent_again_when_no_publisher_writes_there_and_then_as_if_it_were_new() {
    let place = Place::new();
    let (_service, topic) = serve(&place, PATIENCE);
    let mut liar = Liar::new(&place);
    // From here on the publisher has the link.
    let mut next = 1;
    fill(&topic, &mut next, HISTORY);
    let awaited = &liar.words.words()[liar.awaited];
    awaited.store(2, Ordering::SeqCst);
    liar.client.send(&frame(kind::UNADVISE, 1, 7, &[]), &[]).unwrap();
    ask(&mut liar.client, 8);
    let (floor, _) = granted(&mut liar.client);
    assert_ne!(floor, liar.floor, "its publisher has not published since");
    liar.words.words()[floor].store(u64::MAX, Ordering::SeqCst);
    topic.item("a").unwrap().publish(&Small::new(0, next)).unwrap();
    ask(&mut liar.client, 9);
    assert_eq!(granted(&mut liar.client), (liar.floor, liar.awaited));
    assert_eq!(awaited.load(Ordering::SeqCst), 0, "nobody awaits a link that begins");
}

#[test]
fn what_is_written_at_random_harms_no_other_reader() {
    let mut random = Random::seeded();
    let place = Place::new();
    let (_service, topic) = serve(&place, Duration::from_millis(200));
    let values = 5_000;
    let conversation = place.bus().connect::<Small>("service/topic").open().unwrap();
    let mut honest = conversation.advise("a").lossless(PATIENCE).hot().unwrap();
    let liars = [Liar::new(&place), Liar::new(&place)];
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for liar in &liars {
            let (mut random, done) = (Random::new(random.next()), &done);
            let (words, credits) = (liar.words.words(), &liar.credits);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    match random.below(200) {
                        0 => punch(credits),
                        1 => std::thread::yield_now(),
                        way => {
                            let word = &words[random.below(512)];
                            let shift = random.below(64);
                            let lie = if way % 2 == 0 { random.next() } else { random.next() >> shift };
                            word.store(lie, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
        scope.spawn(|| {
            for number in 1..=values {
                let update = honest.recv_timeout(LIMIT).unwrap();
                assert_eq!((update.missed, update.value.check()), (0, (0, number)));
            }
            done.store(true, Ordering::Relaxed);
        });
        let item = topic.item("a").unwrap();
        for number in 1..=values {
            assert_eq!(item.publish(&Small::new(0, number)).unwrap(), number);
        }
    });
    let evicted = topic.evictions();
    assert!(evicted.iter().all(|link| link.link == 7), "{evicted:?}");
}

/// Lets a client ask a service by hand for a lossless link, and has it answered with `answer`; why the client ended the
/// conversation.
#[track_caller]
fn misbehaved(answer: impl FnOnce(&mut Client, u64, u64)) -> String {
    let place = Place::new();
    let mut affair: Affair<u64> =
        Affair::begin(place.bus(), Service::new(&place, "liar"), Forged::topic::<u64>(&["a"]));
    std::thread::scope(|scope| {
        let topic = &affair.topic;
        let link = scope.spawn(move || topic.advise("a").lossless(PATIENCE).wait(LIMIT).hot());
        let asked = affair.client.receive().expect("an advise");
        assert_eq!(asked.kind(), kind::ADVISE);
        answer(&mut affair.client, asked.conversation(), asked.reference());
        until("the client ends it", || topic.ended().is_some());
        let Some(Ended::Misbehaved(detail)) = topic.ended() else { panic!("{:?}", topic.ended()) };
        let error = link.join().unwrap().unwrap_err().to_string();
        assert!(error.contains(&detail), "{error}");
        affair.client.end();
        detail
    })
}

/// Credit memory of so many bytes.
fn credits(bytes: usize, seals: SealFlags) -> OwnedFd {
    let memory = memory(bytes, true);
    fcntl_add_seals(&memory, seals).unwrap();
    memory
}

#[test]
fn credit_memory_that_is_none_ends_the_conversation() {
    let send = |index: u32, memory: OwnedFd| {
        misbehaved(move |client, _, _| client.send(&credits_frame(index), &[memory.as_fd()]).unwrap())
    };
    for bytes in [0, 7, 4097, (1 << 20) + 8] {
        let detail = send(0, credits(bytes, BELL_SEALS));
        assert!(detail.contains("credit memory") && detail.contains(&format!("{bytes} bytes")), "{detail}");
    }
    for seals in [SealFlags::SHRINK, SealFlags::GROW | SealFlags::SEAL, SealFlags::empty()] {
        let detail = send(0, credits(4096, seals));
        assert!(detail.contains("credit memory") && detail.contains("seal"), "{detail}");
    }
    let detail = send(1, credits(4096, BELL_SEALS));
    assert!(detail.contains("credit memory 1 after 0"), "{detail}");
    let detail = misbehaved(|client, _, _| client.send(&credits_frame(0), &[]).unwrap());
    assert!(detail.contains("0 descriptors"), "{detail}");
    let detail = misbehaved(|client, _, _| {
        let (memory, _) = credits_memory();
        client.send(&credits_frame(0), &[memory.as_fd(), memory.as_fd()]).unwrap();
    });
    assert!(detail.contains("2 descriptors"), "{detail}");
}

#[test]
fn words_outside_of_credit_memory_end_the_conversation() {
    for credit in [[0, 512, 0], [0, 0, 512], [0, u32::MAX, u32::MAX], [1, 0, 1], [u32::MAX, 0, 1]] {
        let detail = misbehaved(|client, conversation, link| {
            let (memory, _) = credits_memory();
            client.send(&credits_frame(0), &[memory.as_fd()]).unwrap();
            client.send(&granted_frame(conversation, link, 0, credit), &[]).unwrap();
        });
        assert!(detail.contains("outside its memory"), "{detail}");
    }
    let detail = misbehaved(|client, conversation, link| {
        client.send(&granted_frame(conversation, link, 0, [0, 0, 1]), &[]).unwrap();
    });
    assert!(detail.contains("outside its memory"), "{detail}");
}

#[test]
fn a_link_that_is_tracked_otherwise_than_it_was_advised_ends_the_conversation() {
    let detail = misbehaved(|client, conversation, link| {
        client.send(&located_frame(conversation, link, 0), &[]).unwrap();
    });
    assert!(detail.contains("tracked otherwise"), "{detail}");
    let place = Place::new();
    let mut affair: Affair<u64> =
        Affair::begin(place.bus(), Service::new(&place, "liar"), Forged::topic::<u64>(&["a"]));
    let link = affair.advise("a", 0).unwrap();
    let (memory, _) = credits_memory();
    affair.client.send(&credits_frame(0), &[memory.as_fd()]).unwrap();
    affair.client.send(&granted_frame(affair.conversation, link.number(), 0, [0, 0, 1]), &[]).unwrap();
    until("the client ends it", || affair.topic.ended().is_some());
    assert!(format!("{:?}", affair.topic.ended()).contains("tracked otherwise"));
}

#[test]
fn a_service_that_takes_the_memory_away_again_and_again_keeps_no_reader_from_reading() {
    let place = Place::new();
    let mut affair: Affair<u64> =
        Affair::begin(place.bus(), Service::new(&place, "liar"), Forged::topic::<u64>(&["a"]));
    let (memory, words) = credits_memory();
    let mut link = std::thread::scope(|scope| {
        let topic = &affair.topic;
        let link = scope.spawn(move || topic.advise("a").lossless(PATIENCE).wait(LIMIT).hot().unwrap());
        let asked = affair.client.receive().expect("an advise");
        affair.client.send(&credits_frame(0), &[memory.as_fd()]).unwrap();
        let granted = granted_frame(affair.conversation, asked.reference(), 0, [0, 0, 0]);
        affair.client.send(&granted, &[]).unwrap();
        link.join().unwrap()
    });
    for number in 1..=100 {
        punch(&memory);
        words.words()[0].store(u64::MAX, Ordering::Relaxed);
        affair.live.publish(0, number, &[number]);
        assert_eq!(link.recv_timeout(LIMIT).unwrap().value, number);
    }
}
