//! Transactions, of which either side is killed at every step: each has one outcome, and nobody hangs.
//!
//! - A **service** that dies: each of its clients is told of each command, once, that it was done or that the service died;
//!   what was asked in its life is not done in the next one; and the same conversations go on with that.
//! - A **client** that dies: others are answered as if nothing were, and what the service had for it is given back.
//!
//! Both sides sleep whenever they can, since the steps of waking come no other way. Some answers are given by another thread
//! than the handlers'.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bus::{Client, Conversation, Error, Message, Reply, Result, Wait};

use super::STAY;
use super::support::{LIMIT, Place, Process, Test, executor, proc, until};

/// Answers that clients wait for before they have done what they came for.
const ANSWERS: u64 = 60;
/// Turns of a conversation, before its client opens another.
const TURNS: usize = 6;

/// The steps of a transaction. All others are those of values.
pub(crate) const STEPS: &[&str] = &[
    "LaneMade",
    "LaneSent",
    "RequestTaken",
    "RequestHandled",
    "ReplyHalf",
    "ReplyFilled",
    "ReplyPosted",
    "ReplyRung",
    "LaneMapped",
    "RequestHalf",
    "RequestFilled",
    "RequestPosted",
    "RequestFenced",
    "InboxCleared",
    "InboxCounted",
    "InboxRung",
    "ReplyAwaited",
];

/// A command, by who gives it and which it is of that one's.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[message(reply = Done)]
#[repr(C)]
struct Do {
    asker: u64,
    number: u64,
}

/// The same, answered by another thread.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[message(reply = Done)]
#[repr(C)]
struct Defer {
    asker: u64,
    number: u64,
}

/// What was done, in which life of the service.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
struct Done {
    life: u64,
    asker: u64,
    number: u64,
}

/// Carries commands out, and no command twice.
pub(crate) fn answerer(test: &mut Test) {
    let life: u64 = test.hear_number();
    let bus = test.bus();
    let service = bus.service("answers").unwrap();
    let values = service.topic::<u64>("values").open().unwrap();
    values.item("item").unwrap();
    // What it has without clients, and the socket at which they will find it.
    let own = proc::descriptors_but_memory() + 1;
    let done = Mutex::new(HashMap::<u64, HashSet<u64>>::new());
    let (defer, deferred) = mpsc::channel::<(Done, Reply<Done>)>();
    std::thread::scope(|scope| {
        let (done, service) = (&done, &service);
        let (sender, are_set) = mpsc::channel();
        scope.spawn(move || {
            for (done, reply) in deferred {
                reply.answer(&done);
            }
        });
        scope.spawn(move || {
            let carry_out = |asker, number| {
                assert!(
                    done.lock().unwrap().entry(asker).or_default().insert(number),
                    "{number} is done twice"
                );
                Done { life, asker, number }
            };
            let mut handlers = service.handlers().unwrap();
            handlers.wait(Wait::Park).accept_pokes(&values).unwrap();
            handlers
                .execute(|_: &mut (), command: &Do, _| Ok(carry_out(command.asker, command.number)))
                .unwrap();
            handlers
                .execute_later(|_, command: &Defer, _, reply| {
                    defer.send((carry_out(command.asker, command.number), reply)).unwrap();
                })
                .unwrap();
            sender.send(()).unwrap();
            handlers.run(&mut ()).unwrap();
        });
        are_set.recv().unwrap();
        service.ready().unwrap();
        test.say("ready");
        loop {
            let line = test.hear();
            match line.split_once(' ') {
                Some(("done", asker)) => {
                    let asker: u64 = asker.parse().unwrap();
                    let count = done.lock().unwrap().get(&asker).map_or(0, HashSet::len);
                    test.say(count);
                }
                _ => {
                    assert_eq!(line, "left");
                    let (clients, conversations) = (service.clients().len(), service.conversations().len());
                    let descriptors = proc::descriptors_but_memory() as isize - own as isize;
                    test.say(format!("{clients} {conversations} {descriptors} {}", proc::lane_mappings()));
                }
            }
        }
    });
}

/// What an asker has heard.
#[derive(Debug, Default)]
struct Tally {
    asker: u64,
    /// The number of its last command.
    number: u64,
    /// Answers, by life of the service.
    answered: HashMap<u64, u64>,
    died: u64,
}

impl Tally {
    fn of(&self, life: u64) -> u64 {
        self.answered.get(&life).copied().unwrap_or(0)
    }

    fn next(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// Enters how command `number` ended; whether the service was there.
    fn enter(&mut self, number: u64, outcome: Result<Done>) -> bool {
        match outcome {
            Ok(done) => {
                assert_eq!((done.asker, done.number), (self.asker, number), "another's answer");
                *self.answered.entry(done.life).or_default() += 1;
                true
            }
            Err(Error::Died { .. }) => {
                self.died += 1;
                false
            }
            // It was not begun.
            Err(Error::Stale { .. }) => false,
            Err(error) => panic!("command {number}: {error}"),
        }
    }

    /// Asks in all ways; whether the service was there all the time.
    fn turn(&mut self, client: &Client, values: &Conversation<u64>) -> bool {
        let asker = self.asker;
        let number = self.next();
        let mut is_there = self.enter(number, client.execute(&Do { asker, number }));
        // Several at once, whose outcomes are looked for from the last to the first.
        let mut begun = Vec::new();
        for _ in 0..3 {
            let number = self.next();
            begun.push((number, client.begin_execute(&Do { asker, number })));
            let number = self.next();
            begun.push((number, values.begin_execute(&Defer { asker, number })));
        }
        for (number, pending) in begun.into_iter().rev() {
            is_there &= self.enter(number, pending.and_then(bus::Pending::wait));
        }
        let number = self.next();
        let outcome = executor::run("by hand", client.execute_async(&Defer { asker, number }));
        is_there &= self.enter(number, outcome);
        match values.poke("item", &number) {
            Ok(()) => is_there,
            Err(Error::Died { .. } | Error::Stale { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Asks until it has had so many answers in a life of the service, and lets all go.
pub(crate) fn asker(test: &mut Test) {
    let (asker, life, count) = (test.hear_number(), test.hear_number(), test.hear_number());
    let before = (proc::descriptors(), proc::mappings());
    let bus = test.bus();
    let mut tally = Tally { asker, ..Tally::default() };
    while tally.of(life) < count {
        let Ok(client) = bus.client("answers").wait(LIMIT).open() else { continue };
        let Ok(values) = bus.connect::<u64>("answers/values").wait(LIMIT).open() else { continue };
        let client = client.with_timeout(LIMIT).with_wait(Wait::Park);
        let values = values.with_timeout(LIMIT).with_wait(Wait::Park);
        // The same conversations, also where there is another life of the service meanwhile.
        let (start, mut turns) = (Instant::now(), 0);
        while turns < TURNS {
            assert!(start.elapsed() < LIMIT, "the conversation does not go on");
            if tally.turn(&client, &values) {
                turns += 1;
            } else {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
    drop(bus);
    until("nothing of it is left", || (proc::descriptors(), proc::mappings()) == before);
    test.say(format!("{} {}", tally.of(life), tally.died));
    test.hear();
}

fn start_answerer(mut process: Process, life: u64) -> Process {
    process.say_if_there(life);
    process
}

fn start_asker(mut process: Process, asker: u64, life: u64, count: u64) -> Process {
    process.say(asker);
    process.say(life);
    process.say(count);
    process
}

/// Waits for an asker that lives; that the service did what it was told in this life, and no more.
fn check_asker(mut process: Process, asker: u64, answerer: &mut Process, kill_at: &str) {
    let said = process.hear();
    let (answered, _) = said.split_once(' ').unwrap();
    assert_eq!(answerer.ask(format!("done {asker}")), answered, "{kill_at}: done and answered in this life");
    process.finish();
}

/// What remains when all clients are gone: nothing.
fn check_answerer(answerer: &mut Process) {
    until("all clients are forgotten", || answerer.ask("left") == "0 0 0 0");
}

/// Kills a service at a step.
pub(crate) fn kill_service(kill_at: &str) {
    let place = Place::new();
    let mut doomed = start_answerer(place.start_doomed("answerer", kill_at), 1);
    assert_eq!(doomed.hear_or_end().as_deref(), Some("ready"));
    let survivors = [1, 2].map(|asker| start_asker(place.start("asker"), asker, 2, ANSWERS));
    let (start, mut stay) = (Instant::now(), STAY);
    loop {
        let _visitor = start_asker(place.start("asker"), 3, 1, ANSWERS);
        if doomed.is_killed_within(stay) {
            break;
        }
        assert!(start.elapsed() < LIMIT, "a service never comes to {kill_at}");
        stay += stay / 4;
    }
    let mut next = start_answerer(place.start("answerer"), 2);
    next.await_line("ready");
    for (asker, survivor) in (1..).zip(survivors) {
        check_asker(survivor, asker, &mut next, kill_at);
    }
    check_answerer(&mut next);
}

/// Kills a client at a step.
pub(crate) fn kill_client(kill_at: &str) {
    let place = Place::new();
    let mut answerer = start_answerer(place.start("answerer"), 1);
    answerer.await_line("ready");
    let witness = start_asker(place.start("asker"), 1, 1, 5 * ANSWERS);
    let mut doomed = start_asker(place.start_doomed("asker", kill_at), 2, 1, u64::MAX);
    assert!(doomed.is_killed_within(LIMIT), "a client never comes to {kill_at}");
    check_asker(witness, 1, &mut answerer, kill_at);
    // Another does all that the dead one was to do.
    let other = start_asker(place.start("asker"), 3, 1, ANSWERS);
    check_asker(other, 3, &mut answerer, kill_at);
    check_answerer(&mut answerer);
}
