//! What a client may write are the bells, and all it can do with them is to make noise.
//!
//! A client that punches holes into the bells, fills them with ones or clears them all the time keeps nobody else
//! from connecting, from receiving or from sleeping.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};

use bus::Wait;
use rustix::fs::{FallocateFlags, fallocate, fstat};
use support::Place;
use support::wire::Client;

#[test]
fn holes_in_the_bells_keep_nobody_out() {
    let place = Place::new();
    let service = place.bus().service("service").unwrap();
    let topic = service.topic::<u64>("topic").open().unwrap();
    let item = topic.item("item").unwrap();
    service.ready().unwrap();
    let mut client = Client::greeted(&place, "service");
    let segment = client.connect("topic");
    let bytes = fstat(&segment.bells).unwrap().st_size as u64;
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    fallocate(&segment.bells, hole, 0, bytes).unwrap();
    let conversation = place.bus().connect::<u64>("service/topic").open().unwrap();
    let mut link = conversation.advise("item").strategy(Wait::Park).hot().unwrap();
    for value in 1..=100 {
        fallocate(&segment.bells, hole, 0, bytes).unwrap();
        item.publish(&value).unwrap();
        assert_eq!(link.recv().unwrap().value, value);
    }
}

#[test]
fn bells_that_are_set_and_cleared_at_random_lose_nothing() {
    let place = Place::new();
    let service = place.bus().service("service").unwrap();
    let topic = service.topic::<u64>("topic").history(1 << 10).open().unwrap();
    let item = topic.item("item").unwrap();
    service.ready().unwrap();
    let mut client = Client::greeted(&place, "service");
    let segment = client.connect("topic");
    let conversation = place.bus().connect::<u64>("service/topic").open().unwrap();
    let mut link = conversation.advise("item").strategy(Wait::Park).hot().unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let view = segment.view();
            while !done.load(Ordering::Relaxed) {
                for word in view.bells.words() {
                    word.store(u64::MAX, Ordering::Relaxed);
                    word.store(0, Ordering::Relaxed);
                }
            }
        });
        scope.spawn(|| {
            for value in 1..=100 {
                assert_eq!(link.recv().unwrap().value, value);
            }
            done.store(true, Ordering::Relaxed);
        });
        for value in 1..=100 {
            item.publish(&value).unwrap();
        }
    });
}
