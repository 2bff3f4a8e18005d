//! Answers and requests wake one thread that waits for links and timers too: it serves, asks others, and misses nothing.
//!
//! Where wake-ups are counted, there are so many, each only when the kernel says that the thread sleeps, that the bound of its
//! sleeps alone could not end all of them before a hang is declared.

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use bus::{
    Bus, Client, Ended, Error, Event, Handlers, Message, Pending, Reply, Service, Serving, Topic, WaitSet,
};
use support::{LIMIT, Place, Process, Test, proc, roles, until};

roles!(asker, server, hub, caller, holder);

/// Wake-ups that would take longer than [`LIMIT`] if each came by the bound of a sleep, 100 ms.
const MANY: u64 = 700;
/// A period that does not pass.
const NEVER: Duration = Duration::from_secs(24 * 3600);
/// More doorbells than a service has for one client.
const CROWD: u64 = 64;

/// Answered when the service says so, with the same number.
#[derive(Message, Debug, Clone, Copy)]
#[message(reply = u64)]
#[repr(C)]
struct Hold {
    number: u64,
}

/// Answered at once, with twice the number.
#[derive(Message, Debug, Clone, Copy)]
#[message(reply = u64)]
#[repr(C)]
struct Double {
    number: u64,
}

/// Requests that are not answered yet.
type Held = Arc<Mutex<BTreeMap<u64, Reply<u64>>>>;

fn client(bus: &Bus, service: &str) -> Client {
    bus.client(service).wait(LIMIT).open().unwrap().with_timeout(LIMIT)
}

/// A service that holds requests, with an item `ticks/tick`.
fn holding(bus: &Bus) -> (Service, Topic<u64>, Serving<()>, Held) {
    let service = bus.service("holder").unwrap();
    let ticks = service.topic::<u64>("ticks").open().unwrap();
    ticks.item("tick").unwrap();
    let held = Held::default();
    let keep = held.clone();
    let serving = service.serve((), move |handlers| {
        handlers.queue(256)?.execute_later(move |(), hold: &Hold, _, reply| {
            drop(keep.lock().unwrap().insert(hold.number, reply));
        })?;
        handlers.execute(|(), double: &Double, _| Ok(double.number * 2))?;
        Ok(())
    });
    service.ready().unwrap();
    (service, ticks, serving.unwrap(), held)
}

/// As a process of its own, until it is killed.
fn holder(test: &mut Test) {
    let _all = holding(&test.bus());
    test.say("ready");
    test.hear();
}

fn release(held: &Held, number: u64) {
    let mut reply = None;
    until("the request has come", || {
        reply = held.lock().unwrap().remove(&number);
        reply.is_some()
    });
    reply.unwrap().answer(&number);
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Key {
    Answer(u64),
    Requests,
    Tick,
    Hour,
}

/// Asks what it is told, in a set with a link and a timer, after as many others as it is told first have taken doorbells; says
/// what is answered.
fn asker(test: &mut Test) {
    let bus = test.bus();
    let client = client(&bus, "holder");
    let crowd: u64 = test.hear_number();
    let mut others: Vec<(WaitSet<()>, Pending<u64>)> = Vec::new();
    for number in 0..crowd {
        let mut pending = client.begin_execute(&Hold { number: u64::MAX - number }).unwrap();
        let mut set = WaitSet::new().unwrap();
        set.add(&mut pending, ()).unwrap();
        others.push((set, pending));
    }
    let mut tick = bus.connect::<u64>("holder/ticks").open().unwrap().advise("tick").hot().unwrap();
    let mut set = WaitSet::new().unwrap();
    set.add(&mut tick, Key::Tick).unwrap();
    set.every(NEVER, Key::Hour).unwrap();
    test.say(proc::thread());
    loop {
        let number = test.hear_number();
        let mut pending = client.begin_execute(&Hold { number }).unwrap();
        set.add(&mut pending, Key::Answer(number)).unwrap();
        test.say("asked");
        let answer = 'answered: loop {
            for key in set.wait().unwrap() {
                match key {
                    Key::Answer(of) => {
                        assert_eq!(of, number, "one that is over is told of");
                        break 'answered pending.try_wait().unwrap().expect("it is ready");
                    }
                    Key::Tick => while tick.try_recv().unwrap().is_some() {},
                    other => panic!("{other:?}"),
                }
            }
        };
        test.say(answer);
    }
}

fn answers_wake(crowd: u64) {
    let place = Place::new();
    let (_service, ticks, _serving, held) = holding(&place.bus());
    let mut asker = place.start("asker");
    asker.say(crowd);
    let thread = asker.hear_number();
    let start = Instant::now();
    for number in 1..=MANY {
        asker.say(number);
        asker.await_line("asked");
        until("it sleeps", || proc::sleeps_in_poll(asker.pid(), thread));
        if number % 64 == 0 {
            ticks.item("tick").unwrap().publish(&number).unwrap();
        }
        release(&held, number);
        asker.await_line(&number.to_string());
        assert!(start.elapsed() < LIMIT, "not by wake-ups");
    }
}

#[test]
fn answers_wake_a_set_that_has_a_link_and_a_timer() {
    answers_wake(0);
}

#[test]
fn answers_wake_a_set_that_the_service_has_no_doorbell_for() {
    answers_wake(CROWD);
}

/// Serves in a set with a link and a timer, for as long as the test says nothing.
fn server(test: &mut Test) {
    let edge = test.hear() == "edge";
    let bus = test.bus();
    let service = bus.service("server").unwrap();
    let mut handlers: Handlers<'_, ()> = service.handlers().unwrap();
    handlers.execute(|(), double: &Double, _| Ok(double.number * 2)).unwrap();
    service.ready().unwrap();
    let mut tick = bus.connect::<u64>("holder/ticks").open().unwrap().advise("tick").hot().unwrap();
    let mut set = WaitSet::new().unwrap();
    set.add(&mut tick, Key::Tick).unwrap();
    set.every(NEVER, Key::Hour).unwrap();
    if edge {
        set.add_edge(&mut handlers, Key::Requests).unwrap();
    } else {
        set.add(&mut handlers, Key::Requests).unwrap();
    }
    test.say(proc::thread());
    loop {
        for key in set.wait().unwrap() {
            match key {
                // All of them: what is left is told of with the next one only, at an edge.
                Key::Requests => while handlers.poll(&mut (), Duration::ZERO).unwrap() > 0 {},
                Key::Tick => while tick.try_recv().unwrap().is_some() {},
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn requests_wake_a_set_that_has_a_link_and_a_timer() {
    for how in ["level", "edge"] {
        let place = Place::new();
        let bus = place.bus();
        let (_service, ticks, _serving, _) = holding(&bus);
        let mut server = place.start("server");
        server.say(how);
        let thread = server.hear_number();
        // Some by a lane that is there when the set sleeps, and some by another connection's, which is new then.
        let mut clients = vec![client(&bus, "server")];
        let start = Instant::now();
        // As many that one of three that went astray would be seen.
        for number in 1..=3 * MANY {
            until("it sleeps", || proc::sleeps_in_poll(server.pid(), thread));
            if number % 256 == 0 {
                ticks.item("tick").unwrap().publish(&number).unwrap();
                clients.insert(0, client(&place.bus(), "server"));
            }
            let client = &clients[number as usize % clients.len()];
            assert_eq!(client.execute(&Double { number }).unwrap(), number * 2, "{how}");
            assert!(start.elapsed() < LIMIT, "not by wake-ups");
        }
    }
}

/// What a hub's handlers work on.
struct Relay {
    backend: Client,
    /// What was asked of it, with what it asked for that.
    begun: Vec<(Reply<u64>, Pending<u64>)>,
}

/// Serves, asks another service on behalf of who asks, and follows a link, all on one thread.
fn hub(test: &mut Test) {
    let bus = test.bus();
    let mut relay = Relay { backend: client(&bus, "holder"), begun: Vec::new() };
    let service = bus.service("hub").unwrap();
    let mut handlers = service.handlers().unwrap();
    handlers
        .execute_later(|relay: &mut Relay, double: &Double, _, reply| {
            match relay.backend.begin_execute(double) {
                Ok(pending) => relay.begun.push((reply, pending)),
                Err(error) => reply.refuse(error),
            }
        })
        .unwrap();
    service.ready().unwrap();
    let mut tick = bus.connect::<u64>("holder/ticks").open().unwrap().advise("tick").hot().unwrap();
    let mut set = WaitSet::new().unwrap();
    set.add(&mut handlers, Key::Requests).unwrap();
    set.add(&mut tick, Key::Tick).unwrap();
    test.say("ready");
    let (mut waiting, mut next, mut ticks) = (BTreeMap::new(), 0, 0);
    loop {
        for key in set.wait().unwrap() {
            match key {
                Key::Requests => {
                    handlers.poll(&mut relay, Duration::ZERO).unwrap();
                    for (reply, mut pending) in relay.begun.drain(..) {
                        set.add(&mut pending, Key::Answer(next)).unwrap();
                        waiting.insert(next, (reply, pending));
                        next += 1;
                    }
                }
                Key::Answer(number) => {
                    let (reply, mut pending) =
                        waiting.remove(&number).expect("each is told of until it is taken");
                    reply.answer(&pending.try_wait().unwrap().expect("it is ready"));
                }
                Key::Tick => {
                    while let Some(update) = tick.try_recv().unwrap() {
                        ticks = update.value;
                    }
                    if ticks == u64::MAX {
                        assert!(waiting.is_empty(), "{} answers were lost", waiting.len());
                        test.say("the last tick");
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Asks a hub for as many as it is told, eight at a time, each in the same set.
fn caller(test: &mut Test) {
    let count: u64 = test.hear_number();
    let client = client(&test.bus(), "hub");
    let mut set = WaitSet::new().unwrap();
    let (mut waiting, mut next, mut answered) = (BTreeMap::new(), 0, 0);
    while answered < count {
        while waiting.len() < 8 && next < count {
            let mut pending = client.begin_execute(&Double { number: next }).unwrap();
            match next % 3 {
                0 => set.add_edge(&mut pending, next).unwrap(),
                _ => set.add(&mut pending, next).unwrap(),
            };
            waiting.insert(next, pending);
            next += 1;
        }
        for number in set.wait().unwrap() {
            let mut pending = waiting.remove(&number).expect("each is told of until it is taken");
            assert_eq!(pending.try_wait().unwrap(), Some(number * 2));
            answered += 1;
        }
    }
    test.say("all");
}

#[test]
fn nothing_is_lost_in_a_storm_through_one_thread_that_serves_and_asks() {
    let place = Place::new();
    let (_service, ticks, _serving, _) = holding(&place.bus());
    let mut hub = place.start("hub");
    hub.await_line("ready");
    let mut callers: Vec<Process> = (0..3).map(|_| place.start("caller")).collect();
    callers.iter_mut().for_each(|caller| caller.say(1500));
    for number in 0..500 {
        ticks.item("tick").unwrap().publish(&number).unwrap();
        std::thread::yield_now();
    }
    callers.iter_mut().for_each(|caller| caller.await_line("all"));
    ticks.item("tick").unwrap().publish(&u64::MAX).unwrap();
    hub.await_line("the last tick");
}

#[test]
fn a_transaction_leaves_its_set_when_it_is_over_let_go_or_waited_for_otherwise() {
    let place = Place::new();
    let bus = place.bus();
    let (_service, _ticks, _serving, held) = holding(&bus);
    let client = client(&bus, "holder");
    let begin = |number| client.begin_execute(&Hold { number }).unwrap();
    let mut set = WaitSet::new().unwrap();

    // Told of until its outcome is given out; once, by its edge.
    let [mut level, mut edge] = [begin(1), begin(2)];
    set.add(&mut level, 1).unwrap();
    set.add_edge(&mut edge, 2).unwrap();
    assert_eq!(set.wait_timeout(Duration::ZERO).unwrap(), [0; 0]);
    release(&held, 2);
    release(&held, 1);
    until("both are over", || level.is_ready() && edge.is_ready());
    assert_eq!(set.wait().unwrap(), [1, 2]);
    assert_eq!(set.wait().unwrap(), [1]);
    assert_eq!(level.try_wait().unwrap(), Some(1));
    assert_eq!(set.wait_timeout(Duration::ZERO).unwrap(), [0; 0]);
    assert_eq!(set.len(), 1, "the one that was not taken");
    assert!(matches!(set.add(&mut level, 1), Err(Error::Closed(_))));
    assert_eq!(edge.try_wait().unwrap(), Some(2));

    // Taken out, dropped, and in another set.
    let [mut out, mut dropped, mut moved, mut waited] = [begin(3), begin(4), begin(5), begin(6)];
    let token = set.add(&mut out, 3).unwrap();
    set.add(&mut dropped, 4).unwrap();
    set.add(&mut moved, 5).unwrap();
    set.add(&mut waited, 6).unwrap();
    assert_eq!(set.wait_timeout(Duration::ZERO).unwrap(), [0; 0]);
    assert!(set.remove(token) && !set.remove(token));
    drop(dropped);
    let mut other = WaitSet::new().unwrap();
    other.add(&mut moved, 5).unwrap();
    assert_eq!(waited.wait_timeout(Duration::ZERO).unwrap(), None, "so it is in no set");
    (3..=6).for_each(|number| release(&held, number));
    assert_eq!(other.wait().unwrap(), [5]);
    until("all are over", || out.is_ready() && waited.is_ready());
    assert_eq!(set.wait_timeout(Duration::ZERO).unwrap(), [0; 0]);
    assert!(set.is_empty());
    assert_eq!([out.wait().unwrap(), moved.wait().unwrap(), waited.wait().unwrap()], [3, 5, 6]);
}

#[test]
fn a_transaction_is_taken_by_another_thread_while_its_set_looks_at_it() {
    let place = Place::new();
    let bus = place.bus();
    let (_service, _ticks, _serving, _) = holding(&bus);
    let client = client(&bus, "holder");
    let mut set = WaitSet::new().unwrap();
    let (give, take) = mpsc::sync_channel::<(u64, Pending<u64>)>(4);
    std::thread::scope(|scope| {
        // Cells are used again at once, so that a set which asked for one too late would ask for another's.
        scope.spawn(move || {
            for (number, mut pending) in take {
                let answer = match number % 4 {
                    0 => look_for(pending),
                    1 => Some(pending.wait().unwrap()),
                    2 => pending.wait_timeout(LIMIT).unwrap(),
                    _ => None,
                };
                assert!(answer.is_none_or(|answer| answer == number * 2));
            }
        });
        for number in 0..20_000 {
            let mut pending = client.begin_execute(&Double { number }).unwrap();
            set.add(&mut pending, number).unwrap();
            give.send((number, pending)).unwrap();
            for told in set.wait_timeout(Duration::ZERO).unwrap() {
                assert!(told <= number && number - told <= 8, "{told} is long over at {number}");
            }
        }
        drop(give);
    });
    until("all have left", || {
        assert_eq!(set.wait_timeout(Duration::ZERO).unwrap(), [0; 0]);
        set.is_empty()
    });
}

/// Looks until there is an answer.
fn look_for(mut pending: Pending<u64>) -> Option<u64> {
    loop {
        if let Some(answer) = pending.try_wait().unwrap() {
            return Some(answer);
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_transaction_that_is_late_or_whose_service_dies_is_told_of() {
    let place = Place::new();
    let mut holder = place.start("holder");
    holder.await_line("ready");
    let bus = place.bus();
    let client = client(&bus, "holder");
    let late = client.clone().with_timeout(Duration::from_millis(20));
    let mut set = WaitSet::new().unwrap();
    let [mut early, mut late] =
        [(client, 1), (late, 2)].map(|(client, number)| client.begin_execute(&Hold { number }).unwrap());
    set.add(&mut early, "early").unwrap();
    set.add(&mut late, "late").unwrap();
    assert_eq!(set.wait().unwrap(), ["late"]);
    assert!(matches!(late.try_wait(), Err(Error::Timeout { .. })));
    holder.kill();
    assert_eq!(set.wait().unwrap(), ["early"]);
    assert!(matches!(early.try_wait(), Err(Error::Died { reason: Ended::Died, .. })));
    assert_eq!(set.wait_timeout(Duration::ZERO).unwrap(), [""; 0]);
    assert!(set.is_empty());
}

#[test]
fn the_end_of_a_service_wakes_a_set() {
    let place = Place::new();
    let (say, said) = mpsc::channel();
    let (give, take) = mpsc::channel::<Pending<u64>>();
    let waiter = std::thread::spawn(move || {
        let mut set = WaitSet::new().unwrap();
        say.send(proc::thread()).unwrap();
        for mut pending in take {
            set.add(&mut pending, ()).unwrap();
            assert_eq!(set.wait().unwrap(), [()]);
            assert!(matches!(pending.try_wait(), Err(Error::Died { reason: Ended::Closed, .. })));
            say.send(0).unwrap();
        }
    });
    let thread = said.recv_timeout(LIMIT).unwrap();
    let start = Instant::now();
    for number in 1..=MANY {
        let (service, _ticks, serving, held) = holding(&place.bus());
        let pending = client(&place.bus(), "holder").begin_execute(&Hold { number }).unwrap();
        until("the request has come", || held.lock().unwrap().contains_key(&number));
        drop(serving);
        give.send(pending).unwrap();
        until("it sleeps", || proc::sleeps_in_poll(std::process::id(), thread));
        drop(service);
        said.recv_timeout(LIMIT).unwrap();
        assert!(start.elapsed() < LIMIT, "not by wake-ups");
    }
    drop(give);
    waiter.join().unwrap();
}

#[test]
fn what_is_paused_wakes_a_set_when_it_goes_on() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("server").unwrap();
    service.ready().unwrap();
    std::thread::scope(|scope| {
        let (say, said) = mpsc::channel();
        let made = &service;
        scope.spawn(move || {
            let mut handlers: Handlers<'_, ()> = made.handlers().unwrap();
            handlers.execute(|(), double: &Double, _| Ok(double.number * 2)).unwrap();
            let mut set = WaitSet::new().unwrap();
            set.add(&mut handlers, Key::Requests).unwrap();
            let stop = set.event(Key::Hour);
            say.send((proc::thread(), stop)).unwrap();
            while set.wait().unwrap() != [Key::Hour] {
                while handlers.poll(&mut (), Duration::ZERO).unwrap() > 0 {}
            }
        });
        let (thread, stop) = said.recv_timeout(LIMIT).unwrap();
        let _stop = RaisedWhenDropped(stop);
        let client = client(&bus, "server");
        let start = Instant::now();
        for number in 1..=2 * MANY {
            service.pause();
            let begun = client.begin_execute(&Double { number }).unwrap();
            until("it sleeps", || proc::sleeps_in_poll(std::process::id(), thread));
            if number % 2 == 0 {
                service.step()
            } else {
                service.resume()
            }
            assert_eq!(begun.wait().unwrap(), number * 2);
            assert!(start.elapsed() < LIMIT, "not by wake-ups");
        }
    });
}

/// Also where a test fails, so that the other thread ends.
struct RaisedWhenDropped(Event);

impl Drop for RaisedWhenDropped {
    fn drop(&mut self) {
        self.0.raise();
    }
}

#[test]
fn handlers_leave_their_set_when_they_are_dropped_or_their_service_is_closed() {
    let place = Place::new();
    let bus = place.bus();
    let service = bus.service("server").unwrap();
    service.ready().unwrap();
    let made = |key, set: &mut WaitSet<u32>| {
        let mut handlers: Handlers<'_, ()> = service.handlers().unwrap();
        handlers.execute(|(), double: &Double, _| Ok(double.number * 2)).unwrap();
        let token = set.add(&mut handlers, key).unwrap();
        (handlers, token)
    };
    let [mut set, mut other] = [(); 2].map(|()| WaitSet::new().unwrap());
    let client = {
        let (_handlers, _) = made(1, &mut set);
        client(&bus, "server")
    };
    let (mut handlers, token) = made(2, &mut set);
    let mut begun = client.begin_execute(&Double { number: 1 }).unwrap();
    assert_eq!(set.wait().unwrap(), [2]);
    assert_eq!(set.len(), 1);
    assert!(set.remove(token) && set.is_empty());
    other.add(&mut handlers, 3).unwrap();
    assert_eq!(other.wait().unwrap(), [3], "a request that was there before");
    assert_eq!(handlers.poll(&mut (), Duration::ZERO).unwrap(), 1);
    assert_eq!(begun.try_wait().unwrap(), Some(2));
    assert_eq!(other.wait_timeout(Duration::ZERO).unwrap(), [0; 0]);
    // What waits for a conversation that is paused is not ready, and is when it goes on.
    service.pause();
    let begun = client.begin_execute(&Double { number: 2 }).unwrap();
    assert_eq!(other.wait_timeout(Duration::ZERO).unwrap(), [0; 0]);
    service.step();
    assert_eq!(other.wait().unwrap(), [3]);
    assert_eq!(handlers.poll(&mut (), Duration::ZERO).unwrap(), 1);
    assert_eq!(begun.wait().unwrap(), 4);
    assert!(!handlers.is_closed());
    drop(service);
    assert_eq!(other.wait().unwrap(), [3], "that nothing will be asked any longer");
    assert!(handlers.is_closed() && other.is_empty());
}
