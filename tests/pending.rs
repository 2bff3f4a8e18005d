//! Transactions that are on their way: as many as the service allows a conversation, answered in any order, and each
//! waited for in any way, or by nobody.

mod support;

use std::time::Duration;

use bus::{Client, Error, Pending};
use support::desk::{Add, Keep, Note, Sum, client};
use support::{Desk, LIMIT, Place, desk, executor, roles, until};

roles!(desk);

const QUEUE: u32 = 8;

/// Begins commands that are answered later.
fn keep(client: &Client, numbers: impl Iterator<Item = u64>) -> Vec<Pending<u64>> {
    numbers.map(|number| client.begin_execute(&Keep(number)).unwrap()).collect()
}

#[test]
fn as_many_as_the_queue_are_on_their_way_and_what_was_busy_was_not_done() {
    let place = Place::new();
    let mut desk = Desk::start(&place, QUEUE);
    let client = client(&place);
    for round in 0..3 {
        let first = round * 100;
        let kept = keep(&client, first..first + u64::from(QUEUE));
        desk.await_kept(QUEUE as usize);
        for _ in 0..10 {
            match client.execute(&Note(7777)) {
                Err(Error::Busy { service, verb: "execute", what, retry_after }) => {
                    assert_eq!((&*service, &*what), ("desk", "Note"));
                    assert!(retry_after > Duration::ZERO);
                }
                other => panic!("{other:?}"),
            }
        }
        // Another conversation has a queue of its own.
        assert_eq!(support::desk::client(&place).execute(&Add(1, 1)).unwrap(), Sum(2));
        desk.tell(&format!("answer {first}"));
        assert_eq!(kept.into_iter().next().unwrap().wait().unwrap(), first);
        // What was let go above is answered all the same.
        assert_eq!(client.execute(&Add(1, 2)).unwrap(), Sum(3));
        (first + 1..first + u64::from(QUEUE)).for_each(|number| desk.tell(&format!("answer {number}")));
    }
    assert!(!desk.notes().contains(&7777));
}

#[test]
fn answers_come_in_any_order() {
    let place = Place::new();
    let mut desk = Desk::start(&place, QUEUE);
    let client = client(&place);
    let mut kept = keep(&client, 0..u64::from(QUEUE));
    desk.await_kept(QUEUE as usize);
    let order = [5, 0, 7, 2, 6, 1, 4, 3];
    for number in order {
        desk.tell(&format!("answer {number}"));
        until("it is there", || kept[number].is_ready());
        assert_eq!(kept[number].try_wait().unwrap(), Some(number as u64));
        // Once.
        assert!(matches!(kept[number].try_wait(), Err(Error::Closed(_))));
    }
}

#[test]
fn each_way_to_wait_has_the_answer() {
    let place = Place::new();
    let mut desk = Desk::start(&place, QUEUE);
    let client = client(&place);
    let mut first = client.begin_execute(&Keep(1)).unwrap();
    assert_eq!(first.wait_timeout(Duration::from_millis(1)).unwrap(), None);
    assert!(!first.is_ready());
    desk.await_kept(1);
    desk.tell("answer 1");
    assert_eq!(first.wait_timeout(LIMIT).unwrap(), Some(1));

    for strategy in [bus::Wait::Park, bus::Wait::Spin, bus::Wait::SpinThenPark] {
        let client = client.clone().with_wait(strategy);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| client.execute(&Keep(2)).unwrap());
            desk.await_kept(1);
            desk.tell("answer 2");
            assert_eq!(waiting.join().unwrap(), 2);
        });
    }
    for executor in executor::EXECUTORS {
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                executor::run(executor, async {
                    let begun = client.begin_execute(&Keep(3)).unwrap();
                    (client.execute_async(&Add(1, 2)).await.unwrap(), begun.await.unwrap())
                })
            });
            desk.await_kept(1);
            desk.tell("answer 3");
            assert_eq!(waiting.join().unwrap(), (Sum(3), 3));
        });
    }
}

#[test]
fn tasks_are_woken_by_each_answer() {
    let place = Place::new();
    let _desk = Desk::start(&place, QUEUE);
    // Without a conversation's first lane, too.
    for executor in executor::EXECUTORS {
        executor::run(executor, async {
            let client = place.bus().client("desk").open_async().await.unwrap();
            for number in 0..executor::MANY {
                assert_eq!(client.execute_async(&Add(number, 1)).await.unwrap(), Sum(number + 1));
            }
        });
    }
}

#[test]
fn what_nobody_waits_for_is_done_and_its_answer_goes_to_nobody_else() {
    let place = Place::new();
    let mut desk = Desk::start(&place, QUEUE);
    let client = client(&place);
    let first = keep(&client, 0..u64::from(QUEUE));
    desk.await_kept(QUEUE as usize);
    drop(first);
    // Their cells are not free before they are answered.
    assert!(matches!(client.execute(&Note(1000)), Err(Error::Busy { .. })));
    (0..u64::from(QUEUE)).for_each(|number| desk.tell(&format!("answer {number}")));
    // All of them are, then, and the late answers are nobody's.
    for round in 1..=5 {
        let numbers = round * 100..round * 100 + u64::from(QUEUE);
        let pending: Vec<_> =
            numbers.clone().map(|number| client.begin_execute(&Note(number)).unwrap()).collect();
        for (number, pending) in numbers.zip(pending) {
            assert_eq!(pending.wait().unwrap(), number);
        }
    }
    assert!(!desk.notes().contains(&1000));
    assert_eq!(desk.notes().len(), 6 * QUEUE as usize, "what was let go was done, too");
}

#[test]
fn a_task_that_is_let_go_leaves_a_cell_that_comes_back() {
    let place = Place::new();
    let mut desk = Desk::start(&place, QUEUE);
    let client = client(&place);
    for round in 0..3 {
        for number in 0..u64::from(QUEUE) {
            let number = round * 100 + number;
            executor::run("by hand", async {
                let mut begun = std::pin::pin!(client.begin_execute(&Keep(number)).unwrap());
                // Polled once, so that its waker is there.
                std::future::poll_fn(|context| {
                    assert!(begun.as_mut().poll(context).is_pending());
                    std::task::Poll::Ready(())
                })
                .await;
            });
        }
        desk.await_kept(QUEUE as usize);
        assert!(matches!(client.begin_execute(&Note(1)), Err(Error::Busy { .. })));
        let numbers = round * 100..round * 100 + u64::from(QUEUE);
        numbers.for_each(|number| desk.tell(&format!("answer {number}")));
        assert_eq!(client.execute(&Add(round, 1)).unwrap(), Sum(round + 1));
    }
}

#[test]
fn a_reply_knows_that_its_client_is_gone() {
    let place = Place::new();
    let mut desk = Desk::start(&place, QUEUE);
    let client = client(&place);
    let pending = client.begin_execute(&Keep(1)).unwrap();
    desk.await_kept(1);
    assert_eq!(desk.process.ask("abandoned 1"), "false");
    drop((pending, client));
    until("it knows", || desk.process.ask("abandoned 1") == "true");
    desk.tell("answer 1");
    desk.await_nothing_left();
}
