//! Holds, references and pool memory that say what no honest program says.
//!
//! A client may write its holds and floors, and all that it can do with them is to hold what it was granted. A publisher may
//! write references, and none of them leads out of memory that was checked when it came.

mod support;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;

use bus::{Ended, Error, Message};
use rustix::fs::{FallocateFlags, SealFlags, fallocate, fcntl_add_seals};
use support::forged::{Affair, BELL_SEALS, Forged, SEALS, Service, memory};
use support::pinner::Pinner;
use support::studio::{Outcome, Plan, visit};
use support::wire::{Client, advise_samples as advise_for, frame, kind, words};
use support::{Holder, LIMIT, Place, Random, Studio, holder, roles, studio, until};

roles!(studio, holder);

const PLAN: Plan = Plan { history: 2, items: 1, samples: 4, patience: 0 };

#[test]
fn holds_of_garbage_hold_nothing() {
    let mut random = Random::seeded();
    let place = Place::new();
    let mut studio = Studio::start(&place, PLAN);
    studio.publish(0, 1);
    let pinner = Pinner::new(&place, "studio", "frames", 4);
    let mut link = visit(&place.bus()).advise("0").samples(4).unwrap();
    for _ in 0..200 {
        for hold in pinner.holds() {
            let garbage = match random.below(3) {
                0 => random.next(),
                1 => random.next() % 4096,
                _ => u64::MAX - random.next() % 4,
            };
            hold.store(garbage, Ordering::SeqCst);
        }
        studio.publish(0, 10);
        let update = link.recv_timeout(LIMIT).unwrap();
        assert_eq!(update.value.check(), (0, update.seq));
    }
}

#[test]
fn who_holds_what_it_likes_holds_no_more_than_it_was_granted() {
    let place = Place::new();
    let mut studio = Studio::start(&place, PLAN);
    studio.publish(0, 1);
    let mut pinner = Pinner::new(&place, "studio", "frames", 4);
    // Whatever was just published: in all its words the same, and in each another.
    for number in 1..100 {
        let reference = pinner.reference(number);
        (0..4).for_each(|hold| pinner.hold(hold, reference));
        assert_eq!(studio.try_publish(0, 1), Outcome::Done(number + 1));
    }
    for number in 100..1000 {
        pinner.hold(number as usize % 4, pinner.reference(number));
        assert_eq!(studio.try_publish(0, 1), Outcome::Done(number + 1));
    }
    // With an honest one that holds as much, there is too much, and either may be named: both hold four.
    let mut holder = Holder::start(&place, 0, 4);
    let exhausted = loop {
        holder.take();
        match studio.try_publish(0, 1) {
            Outcome::Done(_) => {}
            exhausted => break exhausted,
        }
    };
    let Outcome::Exhausted { pid, held, .. } = exhausted else { panic!("{exhausted:?}") };
    assert!(held <= 4 && [std::process::id(), holder.process.pid()].contains(&pid), "{exhausted:?}");
    // It is over with its connection.
    assert!(pinner.client.try_send(&frame(kind::UNADVISE, 1, 1, &[])));
    until("the service knows", || matches!(studio.try_publish(0, 1), Outcome::Done(_)));
}

#[test]
fn words_beside_those_that_were_granted_hold_nothing() {
    let place = Place::new();
    let mut studio = Studio::start(&place, PLAN);
    studio.publish(0, 1);
    let pinner = Pinner::new(&place, "studio", "frames", 4);
    let line = pinner.line();
    assert!(line.len() >= 8, "words come in lines");
    for number in 1..1000 {
        line[number as usize % line.len()].store(pinner.reference(number) + 1, Ordering::SeqCst);
        assert_eq!(studio.try_publish(0, 1), Outcome::Done(number + 1));
    }
}

/// The most lossless links and links for samples that one program may have to a service.
const MOST_LINKS: u64 = 4096;

#[test]
fn one_program_has_its_share_of_links_however_many_connections_it_opens() {
    let place = Place::new();
    let mut studio = Studio::start(&place, Plan { samples: 8, ..PLAN });
    studio.publish(0, 1);
    let [.., mappings] = studio.status();
    let pinned = |client: &mut Client, link: u64| {
        client.send(&frame(kind::ADVISE, 1, link, &advise_for("0", 8)), &[]).unwrap();
        loop {
            let incoming = client.receive().expect("an answer to an advise");
            match incoming.kind() {
                kind::GRANTED => return true,
                kind::REFUSED => return false,
                _ => {}
            }
        }
    };
    let mut clients: Vec<_> = (0..5).map(|_| Client::greeted(&place, "studio")).collect();
    let mut links = 0;
    for client in &mut clients {
        client.connect("frames");
        links += (1..=1000).take_while(|&link| pinned(client, link)).count() as u64;
    }
    assert_eq!(links, MOST_LINKS);
    // Another program does not miss them, and nothing of them is in the publisher's way.
    let mut holder = Holder::start(&place, 0, 8);
    assert_eq!(holder.take(), 1);
    studio.publish(0, 100);
    let [_, _, _, with_them] = studio.status();
    assert!(with_them < mappings + 60, "{with_them} mappings after {mappings}");
    // What goes back can be had again; a connection that is over but not closed counts on.
    let mut first = clients.remove(0);
    first.send(b"rubbish", &[]).unwrap();
    first.end();
    let [last, ..] = &mut clients[..] else { panic!("there are more") };
    assert!(!pinned(last, 5000));
    last.send(&frame(kind::UNADVISE, 1, 1, &[]), &[]).unwrap();
    assert!(pinned(last, 5001) && !pinned(last, 5002));
    drop(first);
    until("it is forgotten", || pinned(&mut clients[0], 5003));
    drop(clients);
    until("all are forgotten", || {
        studio.publish(0, 1);
        let [clients, links, _, left] = studio.status();
        // The holder's memories are there yet.
        (clients, links) == (1, 1) && left <= mappings + 2
    });
}

/// A conversation with a publisher of two values in pool memory, at lines 0 and 1, that was sent nothing of it yet.
fn begin<T: Message>(place: &Place) -> Affair<T> {
    Affair::begin(place.bus(), Service::new(place, "liar"), Forged::pooled::<T>(&["a", "b"]))
}

/// Pool memory, with every word its own number.
fn pool(bytes: usize, seals: SealFlags) -> OwnedFd {
    let pool = memory(bytes, false);
    let content: Vec<u64> = (0..bytes.div_ceil(8) as u64).collect();
    rustix::io::pwrite(&pool, &words(&content)[..bytes], 0).unwrap();
    fcntl_add_seals(&pool, seals).unwrap();
    pool
}

fn send_pool<T: Message>(affair: &mut Affair<T>, index: u32, pool: &OwnedFd) {
    let frame = frame(kind::POOL, affair.conversation, 0, &index.to_ne_bytes());
    affair.client.send(&frame, &[pool.as_fd()]).unwrap();
}

#[track_caller]
fn ended<T: Message>(affair: &mut Affair<T>, expected: &str) {
    until("the client ends it", || affair.topic.ended().is_some());
    let Some(Ended::Misbehaved(detail)) = affair.topic.ended() else { panic!("{:?}", affair.topic.ended()) };
    assert!(detail.contains(expected), "{expected:?} is missing in {detail:?}");
    affair.client.end();
}

#[test]
fn pool_memory_that_is_not_as_it_should_be_ends_the_conversation() {
    let place = Place::new();
    let holes = || {
        let pool = memory(8192, true);
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        fallocate(&pool, hole, 4096, 4096).unwrap();
        fcntl_add_seals(&pool, SEALS).unwrap();
        pool
    };
    let lies = [
        (0, pool(4096, SealFlags::SEAL), "pool memory: its seals are"),
        (0, pool(4096, BELL_SEALS), "pool memory: its seals are"),
        (0, pool(4096 + 32, SEALS), "pool memory: "),
        (0, pool(0, SEALS), "pool memory: "),
        (0, holes(), "pool memory: "),
        (1, pool(4096, SEALS), "pool memory 1 does not follow"),
        (u32::MAX, pool(4096, SEALS), "does not follow"),
    ];
    for (index, pool, expected) in lies {
        let mut affair = begin::<[u64; 8]>(&place);
        send_pool(&mut affair, index, &pool);
        ended(&mut affair, expected);
    }
    // Of a topic whose values lie in slots.
    let plain = Forged::topic::<u64>(&["a"]);
    let mut affair = Affair::<u64>::begin(place.bus(), Service::new(&place, "liar"), plain);
    send_pool(&mut affair, 0, &pool(4096, SEALS));
    ended(&mut affair, "does not follow");
    drop(affair);
    // A descriptor too few.
    let mut affair = begin::<u64>(&place);
    let bare = frame(kind::POOL, affair.conversation, 0, &[0; 4]);
    affair.client.send(&bare, &[]).unwrap();
    ended(&mut affair, "descriptors");
}

#[test]
fn an_extent_whose_values_lie_elsewhere_than_its_topics_ends_the_conversation() {
    let place = Place::new();
    for (plain, other) in [(0, 1), (1, 0)] {
        let forged = |pooled| match pooled {
            0 => Forged::topic::<[u64; 64]>(&["a", "b"]),
            _ => Forged::pooled::<[u64; 64]>(&["a", "b"]),
        };
        let mut affair = Affair::<[u64; 64]>::begin(place.bus(), Service::new(&place, "liar"), forged(plain));
        let room = affair.forged.parameters.items;
        affair.live.store(affair.forged.layout.count, room as u64);
        for item in 2..room {
            affair.live.store(affair.forged.layout.directory + item, 1);
            affair.live.store(affair.forged.layout.names, u64::from(b'x'));
        }
        let extent = forged(other).extent(room, &["c"]).make().0;
        support::forged::send_segment(&mut affair.client, affair.conversation, 1, 2, &extent);
        ended(&mut affair, "extent 1 does not continue");
    }
}

#[test]
fn references_lead_nowhere_but_into_pool_memory() {
    let place = Place::new();
    let mut affair = begin::<[u64; 16]>(&place);
    let bytes = 4096;
    send_pool(&mut affair, 0, &pool(bytes, SEALS));
    let mut copies = affair.advise("a", 0).unwrap();
    let last = (bytes / 64 - 2) as u64;
    affair.live.publish(0, 1, &[last]);
    assert_eq!(copies.recv_timeout(LIMIT).unwrap().value[15], bytes as u64 / 8 - 1);
    let lies = [last + 1, last + 2, u64::MAX, u64::MAX >> 24, 1 << 39, 1 << 50, 1 << 63];
    for (number, lie) in (2..).zip(lies) {
        affair.live.publish(0, number, &[lie]);
        for error in
            [affair.topic.request("a").unwrap_err(), copies.recv_timeout(LIMIT).map(drop).unwrap_err()]
        {
            assert!(matches!(&error, Error::Protocol { .. }), "{error}");
            assert!(error.to_string().contains("where there is no memory"), "{error}");
        }
    }
    // In memory that may be on its way, and never comes: nothing to a link, and for a request as above.
    let mut number = 2 + lies.len() as u64;
    for lie in [1 << 40, 5 << 40 | 1, (1 << 50) - 1] {
        affair.live.publish(0, number, &[lie]);
        assert!(copies.try_recv().unwrap().is_none());
        let error = affair.topic.request("a").unwrap_err();
        assert!(error.to_string().contains("where there is no memory"), "{error}");
        number += 1;
    }
    // It is those values' error, and not the link's.
    for value in number..number + 4 {
        affair.live.publish(0, value, &[1]);
    }
    let update = copies.recv_timeout(LIMIT).unwrap();
    assert_eq!((update.seq, update.missed, update.value[0]), (number, 3, 8));
    assert_eq!(affair.topic.request("a").unwrap().value[0], 8);
}

#[test]
fn memory_that_does_not_come_of_a_service_that_is_gone_is_no_fault_of_it() {
    let place = Place::new();
    let affair = begin::<[u64; 16]>(&place);
    affair.live.publish(0, 1, &[1 << 40]);
    let Affair { topic, client, .. } = affair;
    drop(client);
    until("the service is gone", || topic.ended().is_some());
    let error = topic.request("a").unwrap_err();
    assert!(matches!(&error, Error::Stale { reason: Ended::Died, .. }), "{error}");
}

/// A message that may lie at every other line only.
#[derive(Message, Debug, Clone, Copy)]
#[repr(C, align(128))]
struct Aligned {
    words: [u64; 16],
}

/// Advises for two samples of an item, which is granted as `body` says: item and credit memory, floor and awaited, memory of
/// the holds and the first of them, and how many there are.
fn advise_samples<T: Message>(
    affair: &mut Affair<T>,
    body: [u64; 4],
) -> bus::Result<bus::Link<bus::Samples<T>>> {
    std::thread::scope(|scope| {
        let topic = &affair.topic;
        let link = scope.spawn(move || topic.advise("a").wait(LIMIT).samples(2));
        let advise = loop {
            let frame = affair.client.receive().expect("an advise");
            if frame.kind() == kind::ADVISE {
                break frame;
            }
        };
        let credits = memory(4096, true);
        fcntl_add_seals(&credits, BELL_SEALS).unwrap();
        let index = frame(kind::CREDITS, 0, 0, &0_u32.to_ne_bytes());
        affair.client.send(&index, &[credits.as_fd()]).unwrap();
        let body: Vec<u64> = core::iter::once(0).chain(body).collect();
        let granted = frame(kind::GRANTED, affair.conversation, advise.reference(), &words(&body));
        affair.client.send(&granted, &[]).unwrap();
        link.join().unwrap()
    })
}

#[test]
fn a_value_that_is_not_where_its_type_may_lie_is_not_held() {
    let place = Place::new();
    let mut affair = begin::<Aligned>(&place);
    send_pool(&mut affair, 0, &pool(4096, SEALS));
    let mut link = advise_samples(&mut affair, [0, 1 << 32, 8 << 32, 2]).unwrap();
    for (number, reference) in [(1, 1), (2, 3), (3, 63), (4, 62 << 1)] {
        affair.live.publish(0, number, &[reference]);
        let error = link.recv_timeout(LIMIT).unwrap_err();
        assert!(matches!(&error, Error::Protocol { .. }), "{error}");
    }
    affair.live.publish(0, 5, &[2]);
    assert_eq!(link.recv_timeout(LIMIT).unwrap().value.words[1], 17);
}

#[test]
fn holds_that_are_not_there_end_the_conversation() {
    let place = Place::new();
    let lies = [
        // None, too few, too many.
        ([0, 1 << 32, 8 << 32, 0], "tracked otherwise"),
        ([0, 1 << 32, 8 << 32, 1], "tracked otherwise"),
        ([0, 1 << 32, 8 << 32, 3], "tracked otherwise"),
        // Outside of their memory, and in memory that was never sent.
        ([0, 1 << 32, 511 << 32, 2], "outside its memory"),
        ([0, 1 << 32, u64::from(u32::MAX) << 32, 2], "outside its memory"),
        ([0, 1 << 32, 8 << 32 | 1, 2], "outside its memory"),
        ([0, 1 << 32, 8 << 32, 1 << 31], "outside its memory"),
        ([1 << 32, 1 << 32, 8 << 32, 2], "outside its memory"),
        ([0, 512 << 32, 8 << 32, 2], "outside its memory"),
    ];
    for (lie, expected) in lies {
        let mut affair = begin::<u64>(&place);
        let error = advise_samples(&mut affair, lie).unwrap_err();
        assert!(matches!(&error, Error::Stale { reason: Ended::Misbehaved(_), .. }), "{error}");
        ended(&mut affair, expected);
    }
}

/// A message of no bytes at the end of its slot.
#[derive(Message, Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Nothing {
    none: [u64; 0],
}

#[test]
fn holds_of_values_that_lie_in_their_slots_end_the_conversation() {
    fn lie<T: Message>() {
        let place = Place::new();
        let service = Service::new(&place, "liar");
        let mut affair = Affair::<T>::begin(place.bus(), service, Forged::topic::<T>(&["a"]));
        affair.live.publish(0, 1, &[]);
        let link = advise_samples(&mut affair, [0, 1 << 32, 8 << 32, 2]);
        let error = link.and_then(|mut link| link.try_recv()).map(drop).unwrap_err();
        assert!(matches!(&error, Error::Stale { reason: Ended::Misbehaved(_), .. }), "{error}");
        ended(&mut affair, "holds of values that lie in their slots");
    }
    lie::<u64>();
    lie::<Nothing>();
}

#[test]
fn a_value_that_is_none_is_not_held() {
    let place = Place::new();
    let mut affair = begin::<bool>(&place);
    send_pool(&mut affair, 0, &pool(4096, SEALS));
    let mut link = advise_samples(&mut affair, [0, 1 << 32, 8 << 32, 2]).unwrap();
    // The words at line 1 begin with 8, which is no `bool`; those at line 32 with 256, whose first byte is 0.
    for number in 1..=10 {
        affair.live.publish(0, number, &[1]);
        let error = link.recv_timeout(LIMIT).unwrap_err();
        assert!(matches!(&error, Error::InvalidValue { .. }), "{error}");
    }
    affair.live.publish(0, 11, &[32]);
    assert!(!*link.recv_timeout(LIMIT).unwrap().value, "none of the ten is held");
}
