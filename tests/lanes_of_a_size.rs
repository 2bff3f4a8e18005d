//! A conversation has one lane for transactions of one size, whoever asks for it and however often; and what is in flight of one size
//! leaves the queue of another as it is.

mod support;

use std::time::Duration;

use bus::{Error, Message};
use support::desk::{Add, Keep, Sum, client};
use support::{Desk, LIMIT, Place, Test, desk, roles, start_ready};

roles!(desk, scanner);

const QUEUE: u32 = 8;

/// Answered with 4 MiB.
#[derive(Message)]
#[message(reply = Page)]
#[repr(C)]
struct Scan {}

type Page = [u64; 1 << 19];

/// Answered with the same number.
#[derive(Message)]
#[message(reply = u64)]
#[repr(C)]
struct Echo(u64);

fn scanner(test: &mut Test) {
    let service = test.bus().service("scanner").unwrap();
    let mut handlers = service.handlers::<()>().unwrap();
    handlers.queue(QUEUE).unwrap();
    handlers.execute_boxed(|(), _: &Scan, _| Ok(vec![7; 1 << 19].try_into().unwrap())).unwrap();
    handlers.execute(|(), echo: &Echo, _| Ok(echo.0)).unwrap();
    service.ready().unwrap();
    test.say("ready");
    loop {
        test.await_line("answer");
        test.say(handlers.poll(&mut (), LIMIT).unwrap());
    }
}

#[test]
fn a_service_that_was_stopped_makes_one_lane_however_often_it_was_asked() {
    let place = Place::new();
    let mut desk = Desk::start(&place, QUEUE);
    let patient = client(&place);
    let hasty = patient.clone().with_timeout(Duration::from_millis(1));
    desk.process.stop();
    for _ in 0..50 {
        assert!(matches!(hasty.execute(&Add(1, 2)), Err(Error::Timeout { .. })));
    }
    desk.process.resume();
    assert_eq!(patient.execute(&Add(1, 2)).unwrap(), Sum(3));
    // It has read by then whatever it was asked.
    patient.commands().unwrap();
    assert_eq!(desk.process.ask("left"), "1 1 1 1");
    drop((patient, hasty));
    desk.await_nothing_left();
}

#[test]
fn many_threads_that_begin_together_share_one() {
    let place = Place::new();
    let mut desk = Desk::start(&place, QUEUE);
    let client = client(&place);
    // So that all of them ask before any has the answer.
    desk.process.stop();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..QUEUE.into())
            .map(|number| {
                let client = client.clone();
                scope.spawn(move || client.begin_execute(&Keep(number)).unwrap().wait().unwrap())
            })
            .collect();
        desk.process.resume();
        desk.await_kept(QUEUE as usize);
        assert_eq!(desk.process.ask("left"), "1 1 1 1");
        (0..QUEUE).for_each(|number| desk.tell(&format!("answer {number}")));
        for (number, thread) in (0..).zip(threads) {
            assert_eq!(thread.join().unwrap(), number);
        }
    });
}

#[test]
fn small_ones_have_the_whole_queue_also_where_a_large_one_was_first() {
    let place = Place::new();
    let mut scanner = start_ready(&place, "scanner");
    let client = place.bus().client("scanner").open().unwrap().with_timeout(LIMIT);
    let first = client.begin_execute_boxed(&Scan {}).unwrap();
    let begun: Vec<_> = (0..QUEUE.into()).map(|number| client.begin_execute(&Echo(number))).collect();
    let begun: Vec<_> = begun.into_iter().map(|begun| begun.expect("it is within the queue")).collect();
    assert!(matches!(client.begin_execute(&Echo(99)), Err(Error::Busy { .. })));
    let mut answered = 0;
    while answered < u64::from(QUEUE) + 1 {
        answered += scanner.ask("answer").parse::<u64>().unwrap();
    }
    assert!(first.wait().unwrap().iter().all(|&word| word == 7));
    for (number, begun) in (0..).zip(begun) {
        assert_eq!(begun.wait().unwrap(), number);
    }
}
