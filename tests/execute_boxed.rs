//! A reply that no stack would hold comes in a box, by every way to wait for one; so does a small one.
//!
//! The threads of both sides have less stack than the reply has bytes.

mod support;

use std::thread;

use bus::{Client, Error, Message, Refusal};
use support::{LIMIT, Place, Test, executor, roles, start_ready};

roles!(scanner);

const STACK: usize = 1 << 20;
const WORDS: usize = 1 << 19;

/// A reply of 4 MiB.
type Page = [u64; WORDS];

/// Answered with a page of this number, counted up.
#[derive(Message, Debug, Clone, Copy)]
#[message(reply = Page)]
#[repr(C)]
struct Scan(u64);

/// Answered with no page, but why.
#[derive(Message, Debug, Clone, Copy)]
#[message(reply = Page)]
#[repr(C)]
struct Jam {}

/// Answered with half of it.
#[derive(Message, Debug, Clone, Copy)]
#[message(reply = u64)]
#[repr(C)]
struct Halve(u64);

fn page(number: u64) -> Box<Page> {
    (number..number + WORDS as u64).collect::<Vec<_>>().try_into().unwrap()
}

fn scanner(test: &mut Test) {
    let service = test.bus().service("scanner").unwrap();
    service.topic::<u64>("lamp").open().unwrap();
    let serve = || {
        let mut handlers = service.handlers::<()>().unwrap();
        handlers.execute_boxed(|(), scan: &Scan, _| Ok(page(scan.0))).unwrap();
        handlers.execute_boxed(|(), _: &Jam, _| Err(Refusal::new(3, "the paper is stuck"))).unwrap();
        handlers.execute_boxed(|(), halve: &Halve, _| Ok(Box::new(halve.0 / 2))).unwrap();
        service.ready().unwrap();
        test.say("ready");
        handlers.run(&mut ()).unwrap();
    };
    on_a_small_stack(serve);
}

fn on_a_small_stack(run: impl FnOnce() + Send) {
    thread::scope(|scope| {
        thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run).unwrap();
    });
}

fn is_stuck(error: &Error) -> bool {
    matches!(error, Error::Refused { verb: "execute", what, code: 3, .. } if what == "Jam")
}

#[test]
fn a_reply_that_is_larger_than_a_stack_comes_in_a_box() {
    let place = Place::new();
    let _scanner = start_ready(&place, "scanner");
    on_a_small_stack(|| {
        let client = place.bus().client("scanner").open().unwrap().with_timeout(LIMIT);
        for number in 0..3 {
            assert!(client.execute_boxed(&Scan(number)).unwrap() == page(number));
            assert_eq!(*client.execute_boxed(&Halve(number)).unwrap(), number / 2);
        }
        let mut second = client.begin_execute_boxed(&Scan(8)).unwrap();
        let first = client.begin_execute_boxed(&Scan(7)).unwrap();
        assert!(first.wait().unwrap() == page(7));
        assert!(second.wait_timeout(LIMIT).unwrap() == Some(page(8)));
        assert!(is_stuck(&client.execute_boxed(&Jam {}).unwrap_err()));
        // One that is let go of hurts none of those after it.
        for number in 0..5 {
            drop(client.begin_execute_boxed(&Scan(number)));
        }
        assert_eq!(client.execute(&Halve(8)).unwrap(), 4);
    });
}

#[test]
fn a_task_and_a_conversation_with_a_topic_have_it_too() {
    let place = Place::new();
    let _scanner = start_ready(&place, "scanner");
    on_a_small_stack(|| {
        let lamp = place.bus().connect::<u64>("scanner/lamp").open().unwrap().with_timeout(LIMIT);
        assert!(lamp.execute_boxed(&Scan(1)).unwrap() == page(1));
        assert!(lamp.begin_execute_boxed(&Scan(2)).unwrap().wait().unwrap() == page(2));
        for executor in executor::EXECUTORS {
            executor::run(executor, async {
                assert!(lamp.execute_boxed_async(&Scan(3)).await.unwrap() == page(3));
                let client: Client = place.bus().client("scanner").open_async().await.unwrap();
                let client = client.with_timeout(LIMIT);
                assert!(client.execute_boxed_async(&Scan(4)).await.unwrap() == page(4));
                assert!(client.begin_execute_boxed(&Scan(5)).unwrap().await.unwrap() == page(5));
                assert!(is_stuck(&client.execute_boxed_async(&Jam {}).await.unwrap_err()));
            });
        }
    });
}
