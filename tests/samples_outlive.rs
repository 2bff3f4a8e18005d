//! A sample outlives all that it came by: its link, its conversation, its bus, and its service.
//!
//! While it lives, its publisher knows of it and leaves its memory alone, also where the connection between the two was
//! lost; and when it goes, nothing of it is left.

mod support;

use std::sync::atomic::Ordering;

use bus::{Ended, Error, Sample};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use support::forged::{Forged, Service, memory, send_segment};
use support::pinner::Pinner;
use support::studio::{Outcome, Plan, visit};
use support::wire::{Client, Incoming, frame, kind, words};
use support::{Frame, LIMIT, Place, Studio, proc, roles, studio, until};

roles!(studio);

const PLAN: Plan = Plan { history: 2, items: 1, samples: 4, patience: 0 };

/// A sample of value 1, and nothing else.
fn lone_sample(place: &Place) -> Sample<Frame> {
    let bus = place.bus();
    let topic = visit(&bus);
    topic.advise("0").samples(4).unwrap().recv().unwrap().value
}

#[test]
fn a_sample_outlives_its_link_its_conversation_and_its_bus() {
    let place = Place::new();
    let mut studio = Studio::start(&place, PLAN);
    let known = studio.status()[2..].to_vec();
    let ours = proc::mappings();
    studio.publish(0, 1);
    let sample = lone_sample(&place);
    let clone = sample.clone();
    studio.publish(0, 1000);
    assert_eq!(sample.check(), (0, 1));
    drop(sample);
    studio.publish(0, 1000);
    assert_eq!((clone.check(), studio.status()[1]), ((0, 1), 1));
    // On another thread, which has nothing else of the bus.
    std::thread::spawn(move || drop(clone)).join().unwrap();
    // A publisher learns with its next value that a link is gone.
    until("nothing is left of it there", || studio.publish(0, 1) > 0 && studio.status()[2..] == known);
    // Other tests of this process map too, if they run in it.
    until("nothing is left of it here", || proc::mappings() <= ours + 16);
}

#[test]
fn a_sample_outlives_its_service_and_the_next_one_is_followed() {
    let place = Place::new();
    let mut studio = Studio::start(&place, PLAN);
    studio.publish(0, 1);
    let topic = visit(&place.bus());
    let mut link = topic.advise("0").samples(4).unwrap();
    let mut held = vec![(1, link.recv().unwrap().value)];
    for life in 1..=4 {
        if life % 2 == 0 {
            studio.close();
        } else {
            studio.process.kill();
            drop(studio);
        }
        let error = loop {
            // What it published before comes first.
            if let Err(error) = link.recv_timeout(LIMIT) {
                break error;
            }
        };
        let Error::Stale { reason, .. } = error else { panic!("{error}") };
        assert_eq!(reason, if life % 2 == 0 { Ended::Closed } else { Ended::Died });
        held.iter().for_each(|(number, sample)| assert_eq!(sample.check(), (0, *number)));
        assert!(topic.request("0").unwrap().stale);
        studio = Studio::start(&place, PLAN);
        let number = 1 + life;
        studio.publish(0, number);
        // Of the new life, with new holds, whatever is held of the old ones.
        let update = link.recv_timeout(LIMIT).unwrap();
        assert_eq!((update.seq, update.missed, update.gap), (number - 1, number - 2, true));
        let update = link.recv_timeout(LIMIT).unwrap();
        assert_eq!((update.seq, update.gap, update.value.check()), (number, false, (0, number)));
        studio.publish(0, 100);
        held.push((number, update.value));
    }
    held.iter().for_each(|(number, sample)| assert_eq!(sample.check(), (0, *number)));
}

#[test]
fn a_link_that_holds_all_it_may_learns_of_the_end_of_its_service_and_of_its_return() {
    let place = Place::new();
    let mut studio = Studio::start(&place, PLAN);
    studio.publish(0, 1);
    let topic = visit(&place.bus());
    let mut link = topic.advise("0").samples(1).unwrap();
    for life in 0..2 {
        let held = link.recv_timeout(LIMIT).unwrap();
        assert_eq!((held.seq, held.gap), (1, life > 0));
        studio.process.kill();
        drop(studio);
        let error = link.recv_timeout(LIMIT).unwrap_err();
        assert!(matches!(error, Error::Stale { reason: Ended::Died, .. }), "{error}");
        assert!(link.try_recv().unwrap().is_none());
        studio = Studio::start(&place, PLAN);
        studio.publish(0, 1);
        // What it holds is of the last life; of this one it may hold as much.
        let next = link.recv_timeout(LIMIT).unwrap();
        assert_eq!((next.seq, next.gap, held.value.check()), (1, true, (0, 1)));
        assert!(link.try_recv().unwrap().is_none(), "there is nothing that it would have to hold");
        studio.publish(0, 1);
        studio.process.kill();
        drop(studio);
        until("the end is known", || link.ended().is_some());
        assert!(matches!(link.recv(), Err(Error::HoldsAll { .. })), "what was published before comes first");
        drop(next);
        assert_eq!(link.recv().unwrap().seq, 2);
        assert!(matches!(link.recv(), Err(Error::Stale { reason: Ended::Died, .. })));
        studio = Studio::start(&place, PLAN);
        studio.publish(0, 1);
    }
}

#[test]
fn what_was_held_when_the_connection_was_lost_is_held_until_the_client_hangs_up() {
    let place = Place::new();
    let mut studio = Studio::start(&place, PLAN);
    let known = studio.status()[2..].to_vec();
    studio.publish(0, 1);
    let mut pinner = Pinner::new(&place, "studio", "frames", 4);
    let mut held = Vec::new();
    for number in 1..=4 {
        let reference = pinner.reference(number);
        pinner.hold(number as usize - 1, reference);
        held.push((reference, pinner.words(reference, 2048)));
        studio.publish(0, 1);
    }
    // The service has had enough of it, and it does not hang up.
    pinner.client.send(&frame(99, 0, 0, &[]), &[]).unwrap();
    assert!(pinner.client.end().is_some_and(|reason| reason.contains("unknown kind")));
    until("the service has forgotten the client", || studio.status()[0] == 0);
    assert_eq!(studio.publish(0, 1000), 1005);
    for (reference, words) in &held {
        assert_eq!(pinner.words(*reference, 2048), *words);
    }
    // It is as any holder: with another, there is too much.
    let topic = visit(&place.bus());
    let mut link = topic.advise("0").samples(4).unwrap();
    let mut more = Vec::new();
    let exhausted = loop {
        more.push(link.recv_timeout(LIMIT).unwrap());
        match studio.try_publish(0, 1) {
            Outcome::Done(_) => {}
            exhausted => break exhausted,
        }
    };
    assert_eq!(exhausted, Outcome::Exhausted { pid: std::process::id(), link: 1, held: 4 });
    drop(pinner);
    studio.publish(0, 1);
    drop((more, link, topic));
    until("nothing is left of either", || studio.publish(0, 1) > 0 && studio.status()[2..] == known);
}

/// Whether the other end of a connection is closed.
fn is_closed(client: &Client) -> bool {
    let mut fds = [PollFd::new(client, PollFlags::empty())];
    poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap();
    fds[0].revents().contains(PollFlags::HUP)
}

fn receive(client: &mut Client, wanted: u32) -> Incoming {
    loop {
        let incoming = client.receive().expect("more frames");
        if incoming.kind() == wanted {
            return incoming;
        }
    }
}

/// Grants a link two holds, in credit memory of its own, and returns a mapping of that.
fn grant(client: &mut Client) -> support::segment::Mapping {
    use rustix::mm::ProtFlags;
    use std::os::fd::AsFd;
    let advise = receive(client, kind::ADVISE);
    let credits = memory(4096, true);
    rustix::fs::fcntl_add_seals(&credits, support::forged::BELL_SEALS).unwrap();
    let index = 0_u32.to_ne_bytes();
    client.send(&frame(kind::CREDITS, 0, 0, &index), &[credits.as_fd()]).unwrap();
    // Deadline; item and memory, floor and awaited, memory of the holds and the first, and how many there are.
    let body = words(&[0, 0, 1 << 32, 8 << 32, 2]);
    client.send(&frame(kind::GRANTED, advise.conversation(), advise.reference(), &body), &[]).unwrap();
    support::segment::Mapping::new(&credits, ProtFlags::READ | ProtFlags::WRITE)
}

#[test]
fn a_client_hangs_up_when_the_last_of_what_it_held_by_a_lost_connection_is_gone() {
    use std::os::fd::AsFd;
    let place = Place::new();
    let service = Service::new(&place, "service");
    let (segment, live) = Forged::pooled::<u64>(&["item"]).make();
    let pool = memory(4096, false);
    // Without holes, as a publisher that follows the protocol makes it.
    let mut bytes = vec![0; 4096];
    bytes[64..72].copy_from_slice(&77_u64.to_ne_bytes());
    bytes[128..136].copy_from_slice(&88_u64.to_ne_bytes());
    rustix::io::pwrite(&pool, &bytes, 0).unwrap();
    rustix::fs::fcntl_add_seals(&pool, support::forged::SEALS).unwrap();
    live.publish(0, 1, &[1]);
    let bus = place.bus();
    let hand_out = |client: &mut Client, conversation| {
        send_segment(client, conversation, 0, 1, &segment);
        client.send(&frame(kind::POOL, conversation, 0, &0_u32.to_ne_bytes()), &[pool.as_fd()]).unwrap();
        grant(client)
    };
    let ((mut link, topic), mut first, first_credits) = std::thread::scope(|scope| {
        let link = scope.spawn(|| {
            let topic = bus.connect::<u64>("service/topic").timeout(LIMIT).open().unwrap();
            (topic.advise("item").wait(LIMIT).samples(2).unwrap(), topic)
        });
        let (mut client, conversation) = service.converse();
        let credits = hand_out(&mut client, conversation);
        (link.join().unwrap(), client, credits)
    });
    let hold = |credits: &support::segment::Mapping| credits.words()[8].load(Ordering::SeqCst);
    let one = link.recv().unwrap().value;
    assert_eq!((*one, hold(&first_credits)), (77, 2), "a hold is a reference and one more");
    // The connection is lost, and the service has the same life.
    rustix::net::shutdown(&first, rustix::net::Shutdown::Write).unwrap();
    assert!(matches!(link.recv_timeout(LIMIT), Err(Error::Stale { .. })));
    let (mut second, conversation) = service.converse();
    let second_credits = hand_out(&mut second, conversation);
    live.publish(0, 2, &[2]);
    let two = link.recv_timeout(LIMIT).unwrap();
    assert_eq!((two.seq, two.missed, two.gap, *two.value), (2, 0, false, 88));
    assert_eq!((hold(&first_credits), hold(&second_credits)), (2, 3));
    assert!(!is_closed(&first), "it holds something by this");
    assert_eq!(*one, 77);
    drop(one);
    until("it hangs up", || is_closed(&first));
    assert_eq!((hold(&first_credits), hold(&second_credits)), (0, 3));
    drop((two, link, topic));
    until("it hangs up", || is_closed(&second));
    first.end();
}
