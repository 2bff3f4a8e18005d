//! A transaction has its deadline on both sides: the client waits no longer, and the service does not begin what nobody
//! waits for.

mod support;

use std::time::{Duration, Instant};

use bus::{Error, Result};
use support::desk::{Add, Keep, Note, Sum, client};
use support::{Desk, LIMIT, Place, desk, executor, roles, until};

roles!(desk);

const SHORT: Duration = Duration::from_millis(20);
/// As much later than it was said as a deadline may be found to be past.
const SLACK: Duration = Duration::from_millis(50);

#[track_caller]
fn timed_out<T: std::fmt::Debug>(result: Result<T>) -> String {
    match result {
        Err(error @ Error::Timeout { .. }) => error.to_string(),
        other => panic!("expected a timeout, got {other:?}"),
    }
}

/// Waits until what began at `begin` with a short timeout is past for whoever looks.
fn await_past(begin: Instant) {
    until("it is past", || begin.elapsed() > SHORT + SLACK);
}

#[test]
fn what_a_stopped_service_was_asked_for_is_late_and_is_not_done_when_it_goes_on() {
    let place = Place::new();
    let mut desk = Desk::start(&place, 8);
    let client = client(&place);
    assert_eq!(client.execute(&Add(1, 2)).unwrap(), Sum(3));
    let impatient = client.clone().with_timeout(SHORT);
    desk.process.stop();
    let begin = Instant::now();
    let error = timed_out(impatient.execute(&Note(1)));
    assert!(begin.elapsed() >= SHORT);
    for part in ["execute", "Note", "20ms", "stopped"] {
        assert!(error.contains(part), "{part:?} is missing in {error:?}");
    }
    let mut pending = impatient.begin_execute(&Note(2)).unwrap();
    let patient = client.begin_execute(&Note(3)).unwrap();
    let task = executor::run("by hand", async { impatient.begin_execute(&Note(4)).unwrap().await });
    assert!(timed_out(task).contains("Note"));
    let begin = Instant::now();
    assert!(timed_out(impatient.begin_execute(&Note(5)).unwrap().wait()).contains("Note"));
    await_past(begin);
    assert!(pending.is_ready(), "it is late by now");
    timed_out(pending.try_wait());
    desk.process.resume();
    // What was asked before this one and after it.
    assert_eq!(patient.wait().unwrap(), 3);
    assert_eq!(client.execute(&Note(6)).unwrap(), 6);
    assert_eq!(desk.notes(), [3, 6], "what was late was not begun");
    // Their cells come back.
    for number in 0..100 {
        assert_eq!(client.execute(&Add(number, 1)).unwrap(), Sum(number + 1));
    }
}

#[test]
fn the_first_transaction_with_a_stopped_service_is_late_too() {
    let place = Place::new();
    let mut desk = Desk::start(&place, 8);
    let client = client(&place).with_timeout(SHORT);
    desk.process.stop();
    let begin = Instant::now();
    let error = timed_out(client.execute(&Note(1)));
    assert!(begin.elapsed() >= SHORT && error.contains("stopped"), "{error}");
    let error = executor::run("by hand", client.execute_async(&Note(2)));
    assert!(timed_out(error).contains("stopped"));
    desk.process.resume();
    let patient = client.with_timeout(LIMIT);
    assert_eq!(patient.execute(&Note(3)).unwrap(), 3);
    assert_eq!(desk.notes(), [3]);
}

#[test]
fn what_was_begun_is_done_however_late_and_its_answer_is_nobodys() {
    let place = Place::new();
    let mut desk = Desk::start(&place, 2);
    let client = client(&place);
    let impatient = client.clone().with_timeout(SHORT);
    for number in 0..10 {
        let pending = impatient.begin_execute(&Keep(number)).unwrap();
        desk.await_kept(1);
        assert!(timed_out(pending.wait()).contains("done all the same"));
        until("the reply says so", || desk.process.ask(format!("abandoned {number}")) == "true");
        desk.tell(&format!("answer {number}"));
        assert_eq!(client.execute(&Add(number, 1)).unwrap(), Sum(number + 1));
    }
    assert_eq!(desk.notes(), (0..10).collect::<Vec<_>>());
}

#[test]
fn who_waits_for_ever_may() {
    let place = Place::new();
    let mut desk = Desk::start(&place, 8);
    let client = client(&place).with_timeout(Duration::MAX);
    let pending = client.begin_execute(&Keep(1)).unwrap();
    desk.await_kept(1);
    desk.process.stop();
    desk.process.resume();
    desk.tell("answer 1");
    assert_eq!(pending.wait().unwrap(), 1);
    assert_eq!(client.execute(&Add(1, 1)).unwrap(), Sum(2));
    assert_eq!(executor::run("by hand", client.execute_async(&Add(1, 1))).unwrap(), Sum(2));
}
