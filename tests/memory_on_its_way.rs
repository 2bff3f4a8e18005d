//! A value may be here before the memory that it lies in, which travels by the control plane.
//!
//! Whoever follows the item finds nothing then, and does not block; when the memory comes, so does the value, and nothing was
//! lost or counted. One that is overwritten until then is missed like any other. Where the service ends first, what it did not
//! send is not delivered, and that is nobody's fault; where only the connection was lost, it comes with the next one.

mod support;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

use bus::{Conversation, Deliver, Ended, Error, Hot, Link, Samples, Update, WaitSet};
use rustix::fs::fcntl_add_seals;
use support::forged::{
    BELL_SEALS, Forged, Live, SEALS, Service, credits_frame, located_frame, memory, send_segment,
};
use support::segment::{Mapping, Segment};
use support::wire::{Client, frame, kind, words};
use support::{LIMIT, Place, proc, until};

type Value = [u64; 16];

/// A deadline that nobody here reaches.
const PATIENCE: Duration = LIMIT.saturating_mul(4);

/// A publisher by hand, whose values lie in pool memory that it has not sent.
struct Publisher {
    service: Service,
    segment: Segment,
    live: Live,
    client: Client,
    conversation: u64,
    /// In the order in which they are to be sent.
    pools: Vec<OwnedFd>,
    /// The floor of its lossless link.
    credit: Option<Mapping>,
}

/// The links of its client.
struct Links {
    topic: Conversation<Value>,
    item: Link<Hot<Value>>,
    all: Link<Hot<Value>>,
    lossless: Link<Hot<Value>>,
    samples: Link<Samples<Value>>,
}

/// Pool memory number `index`: each value in it says where it is.
fn pool(index: u64) -> OwnedFd {
    let pool = memory(4096, true);
    let content: Vec<u64> = (0..512).map(|word| index << 32 | word).collect();
    rustix::io::pwrite(&pool, &words(&content), 0).unwrap();
    fcntl_add_seals(&pool, SEALS).unwrap();
    pool
}

impl Publisher {
    fn start(place: &Place) -> (Self, Links) {
        let service = Service::new(place, "service");
        let (segment, live) = Forged::pooled::<Value>(&["a"]).make();
        let bus = place.bus();
        let (topic, (client, conversation)) = std::thread::scope(|scope| {
            let topic = scope.spawn(|| bus.connect("service/topic").timeout(LIMIT).open().unwrap());
            let (mut client, conversation) = service.converse();
            send_segment(&mut client, conversation, 0, 1, &segment);
            (topic.join().unwrap(), (client, conversation))
        });
        let pools = (0..4).map(pool).collect();
        let mut publisher = Publisher { service, segment, live, client, conversation, pools, credit: None };
        // The present value is in memory that is on its way already.
        publisher.publish(1, 0);
        let (item, all, lossless, samples) = std::thread::scope(|scope| {
            let topic: &Conversation<Value> = &topic;
            let links = scope.spawn(|| {
                let advise = |item| topic.advise(item).wait(LIMIT);
                let (item, all) = (advise("a").hot().unwrap(), advise("*").hot().unwrap());
                let lossless = advise("a").lossless(PATIENCE).hot().unwrap();
                (item, all, lossless, advise("a").samples(2).unwrap())
            });
            publisher.answer();
            links.join().unwrap()
        });
        (publisher, Links { topic, item, all, lossless, samples })
    }

    /// Says of the four links where they are.
    fn answer(&mut self) {
        let advise = |client: &mut Client| loop {
            let incoming = client.receive().expect("the client goes on");
            if incoming.kind() == kind::ADVISE {
                break (incoming.conversation(), incoming.reference(), incoming.body().to_vec());
            }
        };
        let memory = memory(4096, true);
        let credit = Mapping::new(&memory, rustix::mm::ProtFlags::READ | rustix::mm::ProtFlags::WRITE);
        fcntl_add_seals(&memory, BELL_SEALS).unwrap();
        for link in 0..4 {
            let (conversation, reference, body) = advise(&mut self.client);
            if link == 0 {
                self.client.send(&credits_frame(0), &[memory.as_fd()]).unwrap();
            }
            let (lossless, samples) = (body[body.len() - 5] == 1, body[body.len() - 4]);
            // Deadline; item and memory, floor and awaited, memory of the holds and the first, and how many there are.
            let granted = match (lossless, samples) {
                (true, _) => [1, 0, 1 << 32, 0, 0],
                (false, 0) => {
                    self.client.send(&located_frame(conversation, reference, 0), &[]).unwrap();
                    continue;
                }
                (false, samples) => [0, 0, 2 | 3 << 32, 8 << 32, u64::from(samples)],
            };
            let granted = frame(kind::GRANTED, conversation, reference, &words(&granted));
            self.client.send(&granted, &[]).unwrap();
        }
        self.credit = Some(credit);
    }

    /// Publishes value `number`, which lies in pool memory `index`.
    fn publish(&self, number: u64, index: u64) {
        self.live.publish(0, number, &[index << 40]);
        self.live.enter(number, 0, number);
    }

    /// Sends pool memory `index`.
    fn send(&mut self, index: usize) {
        let pool = frame(kind::POOL, self.conversation, 0, &(index as u32).to_ne_bytes());
        self.client.send(&pool, &[self.pools[index].as_fd()]).unwrap();
    }

    /// Up to where the lossless link has read, as it says.
    fn floor(&self) -> u64 {
        self.credit.as_ref().expect("a link").words()[0].load(Ordering::SeqCst)
    }
}

/// Waits for the next value of a link: its number, how many were missed before it, and in which memory it lies.
#[track_caller]
fn next<D: Deliver<Item = Update<V>>, V: AsRef<[u64]>>(link: &mut Link<D>) -> (u64, u64, u64) {
    let update = link.recv_timeout(LIMIT).unwrap();
    (update.seq, update.missed, update.value.as_ref()[0] >> 32)
}

impl Links {
    /// That none finds anything now.
    #[track_caller]
    fn find_nothing(&mut self) {
        for link in [&mut self.item, &mut self.all, &mut self.lossless] {
            assert!(link.try_recv().unwrap().is_none());
            let error = link.recv_timeout(Duration::ZERO).unwrap_err();
            assert!(
                matches!(error, Error::Timeout { .. }) && error.to_string().contains("memory"),
                "{error}"
            );
        }
        assert!(self.samples.try_recv().unwrap().is_none());
    }

    #[track_caller]
    fn expect(&mut self, expected: (u64, u64, u64)) {
        for link in [&mut self.item, &mut self.all, &mut self.lossless] {
            assert_eq!(next(link), expected);
        }
        let update = self.samples.recv_timeout(LIMIT).unwrap();
        assert_eq!((update.seq, update.missed, update.value[0] >> 32), expected);
    }
}

#[test]
fn a_value_whose_memory_is_on_its_way_is_left_where_it_is() {
    let place = Place::new();
    let (mut publisher, mut links) = Publisher::start(&place);
    links.find_nothing();
    links.find_nothing();
    assert!(publisher.floor() <= 1, "the lossless link has not read it");
    publisher.send(0);
    links.expect((1, 0, 0));
    // In the middle of others.
    publisher.publish(2, 0);
    publisher.publish(3, 1);
    publisher.publish(4, 0);
    links.expect((2, 0, 0));
    links.find_nothing();
    assert!(publisher.floor() <= 3, "nor this one");
    publisher.send(1);
    links.expect((3, 0, 1));
    links.expect((4, 0, 0));
    // Overwritten before its memory comes.
    publisher.publish(5, 2);
    links.find_nothing();
    (6..=9).for_each(|number| publisher.publish(number, 1));
    links.expect((6, 1, 1));
    (7..=9).for_each(|number| links.expect((number, 0, 1)));
    publisher.send(2);
}

#[test]
fn those_who_wait_are_woken_when_the_memory_comes() {
    let place = Place::new();
    let (mut publisher, mut links) = Publisher::start(&place);
    std::thread::scope(|scope| {
        let Links { item, all, lossless, samples, .. } = &mut links;
        let task = scope.spawn(|| smol::block_on(item.recv_async()).unwrap().seq);
        let (tell, told) = std::sync::mpsc::channel();
        let thread = scope.spawn(move || {
            tell.send(proc::thread()).unwrap();
            lossless.recv().unwrap().seq
        });
        let thread_id = told.recv().unwrap();
        until("it sleeps", || proc::sleeps_on_futex(std::process::id(), thread_id));
        let set = scope.spawn(|| {
            let mut set = WaitSet::new().unwrap();
            set.add(all, 0).unwrap();
            set.add(samples, 1).unwrap();
            let mut seen = [None, None];
            while seen != [Some(1), Some(1)] {
                for key in set.wait().unwrap() {
                    let received = match key {
                        0 => all.try_recv().unwrap().map(|update| update.seq),
                        _ => samples.try_recv().unwrap().map(|update| update.seq),
                    };
                    seen[key] = seen[key].or(received);
                }
            }
        });
        publisher.send(0);
        assert_eq!((task.join().unwrap(), thread.join().unwrap()), (1, 1));
        set.join().unwrap();
    });
}

#[test]
fn what_was_not_sent_at_the_end_comes_with_the_next_connection_or_never() {
    let place = Place::new();
    let (mut publisher, mut links) = Publisher::start(&place);
    publisher.send(0);
    links.expect((1, 0, 0));
    publisher.publish(2, 0);
    publisher.publish(3, 1);
    // The connection ends, the life of the service does not.
    rustix::net::shutdown(&publisher.client, rustix::net::Shutdown::Both).unwrap();
    let stale = |links: &mut Links| {
        for link in [&mut links.item, &mut links.all, &mut links.lossless] {
            let error = link.recv_timeout(LIMIT).unwrap_err();
            assert!(matches!(error, Error::Stale { reason: Ended::Died, .. }), "{error}");
        }
        let error = links.samples.recv_timeout(LIMIT).map(drop).unwrap_err();
        assert!(matches!(error, Error::Stale { reason: Ended::Died, .. }), "{error}");
    };
    links.expect((2, 0, 0));
    stale(&mut links);
    (publisher.client, publisher.conversation) = publisher.service.converse();
    send_segment(&mut publisher.client, publisher.conversation, 0, 1, &publisher.segment);
    (0..2).for_each(|index| publisher.send(index));
    publisher.answer();
    links.expect((3, 0, 1));
    // Neither comes back.
    publisher.publish(4, 2);
    links.find_nothing();
    drop(publisher);
    stale(&mut links);
    assert!(links.topic.ended().is_some());
}
