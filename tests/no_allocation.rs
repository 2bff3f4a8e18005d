//! A transaction allocates nothing, on either side, once its conversation has a lane.
//!
//! The allocator of this program counts by thread: what a client's thread and the handlers' thread ask of it from the first
//! answer to the last.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bus::Wait;
use support::desk::{Add, Sum};
use support::{LIMIT, Place};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

fn count() {
    // Where the thread is ending there is nothing to be counted any longer.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: all is the system's, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(start, layout) }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's.
        unsafe { System.realloc(start, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn what_is_asked_and_answered_again_and_again_allocates_nothing() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic::<u64>("topic").open().unwrap();
    topic.item("item").unwrap().publish(&0).unwrap();
    service.ready().unwrap();
    let mut handlers = service.handlers::<()>().unwrap();
    handlers.wait(Wait::Park).accept_pokes(&topic).unwrap();
    handlers.execute(|_, add: &Add, _| Ok(Sum(add.0 + add.1))).unwrap();
    handlers.compute("topic", |_, _| Ok(1.5f64)).unwrap();
    let stopper = handlers.stopper();
    let by_client = AtomicU64::new(u64::MAX);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let client = bus.client("service").open().unwrap().with_timeout(LIMIT);
            let topic = bus.connect::<u64>("service/topic").open().unwrap().with_timeout(LIMIT);
            let ask = |number: u64| {
                assert_eq!(client.execute(&Add(number, 1)).unwrap(), Sum(number + 1));
                topic.poke("item", &number).unwrap();
                assert_eq!(topic.request_as::<f64>("item").unwrap(), 1.5);
                let pending = client.begin_execute(&Add(number, 2)).unwrap();
                assert_eq!(pending.wait().unwrap(), Sum(number + 2));
            };
            (0..100).for_each(ask);
            let before = allocations();
            (0..1000).for_each(ask);
            by_client.store(allocations() - before, Ordering::SeqCst);
            stopper.stop();
        });
        // Until its scratch, and what a thread keeps, are there.
        let mut handled = 0;
        while handled < 200 {
            handled += handlers.poll(&mut (), Duration::MAX).unwrap();
        }
        let before = allocations();
        handlers.run(&mut ()).unwrap();
        assert_eq!(allocations() - before, 0, "by the handlers' thread");
    });
    assert_eq!(by_client.load(Ordering::SeqCst), 0, "by the client's thread");
}
