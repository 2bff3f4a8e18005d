//! DDE: 0x4000 atoms for a session; what a program leaks outlives it, and at last no program starts.
//!
//! Ours: a service that is closed or killed leaves no file, no segment, no entry in the registry; and who has talked to it keeps
//! no descriptor, no mapping and no thread. `BUS_TEST_CYCLES` is the number of lives; a million is for a night.

use std::time::Duration;

use bus::{Bus, Ended, Error, Message, WaitSet};
use rustix::process::getpid;

use crate::support::{LIMIT, Place, Random, Test, proc, until};

/// Lives in one process, if nothing else is said: as many as fit some seconds.
const CREATED: u64 = 1000;
/// Lives that are killed, likewise.
const KILLED: u64 = 200;
/// What a process may grow by in all of them, for the sake of its allocator.
const GROWTH: u64 = 16 << 20;

#[derive(Message)]
#[message(reply = u64)]
#[repr(C)]
struct Echo {
    number: u64,
}

fn cycles(usual: u64) -> u64 {
    std::env::var("BUS_TEST_CYCLES")
        .map_or(usual, |cycles| cycles.parse().expect("BUS_TEST_CYCLES is a number"))
}

/// What a control thread has in hand for a moment, such as a watch on the bus's directory.
const IN_HAND: usize = 3;

/// What a process has of the kernel's.
#[derive(Debug)]
struct Held {
    descriptors: usize,
    of_memory: usize,
    mappings: usize,
    threads: usize,
}

impl Held {
    fn now() -> Self {
        let descriptors = proc::descriptors();
        Held {
            descriptors,
            of_memory: descriptors - proc::descriptors_but_memory(),
            mappings: proc::mappings(),
            threads: proc::threads(),
        }
    }

    /// Far less than one thing of each life.
    fn is_no_more_than(&self, usual: &Held) -> bool {
        self.descriptors <= usual.descriptors + IN_HAND
            && self.of_memory <= usual.of_memory
            && self.mappings <= usual.mappings
            && self.threads <= usual.threads
    }
}

/// Bytes of memory that the calling process has, proc(5).
fn resident() -> u64 {
    let pages = std::fs::read_to_string(format!("/proc/{}/statm", getpid().as_raw_nonzero())).unwrap();
    let pages: u64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
    pages * rustix::param::page_size() as u64
}

/// A life of a service that has all that a service can have, and of a client of it, each with a bus of its own.
fn live_once([bus, other]: [Bus; 2], number: u64) {
    let service = bus.service("cycle").unwrap();
    let topic = service.topic::<u64>("topic").lossless(LIMIT).samples(4).open().unwrap();
    topic.item("item").unwrap().publish(&number).unwrap();
    let serving = service.serve((), |handlers| {
        handlers.accept_pokes(topic)?;
        handlers.execute(|(), echo: &Echo, _| Ok(echo.number))?;
        Ok(())
    });
    service.ready().unwrap();
    let conversation = other.connect::<u64>("cycle/topic").open().unwrap();
    let mut link = conversation.advise("item").lossless(LIMIT).samples(2).unwrap();
    let sample = link.recv_timeout(LIMIT).unwrap().value;
    conversation.poke("item", &(number + 1)).unwrap();
    let mut pending = conversation.begin_execute(&Echo { number }).unwrap();
    let mut set = WaitSet::new().unwrap();
    set.add(&mut pending, ()).unwrap();
    set.wait().unwrap();
    assert_eq!((*sample, pending.try_wait().unwrap()), (number, Some(number)));
    // In some order or other.
    match number % 4 {
        0 => drop(service),
        1 => drop((conversation, link, service)),
        2 => drop((serving, set)),
        _ => drop(sample),
    }
}

/// Lives as often as it is told, and says what it held after the first lives and after the last.
pub(crate) fn cycler(test: &mut Test) {
    let lives: u64 = test.hear_number();
    let mut before = None;
    for number in 0..lives {
        live_once([test.bus(), test.bus()], number);
        if number % 100 == 0 {
            test.say("alive");
        }
        if number == lives / 10 {
            before = Some((settled(), resident()));
        }
    }
    let (held, bytes) = before.unwrap();
    until("it holds what it held", || Held::now().is_no_more_than(&held));
    let grown = resident().saturating_sub(bytes);
    assert!(grown < GROWTH, "{grown} bytes more after {lives} lives");
    test.say("nothing");
}

/// Threads of a test program besides those of a bus: this one, and the one that waits for it.
const ALONE: usize = 2;

/// What is held when the threads that are about to end have ended.
fn settled() -> Held {
    until("threads have ended", || proc::threads() <= ALONE);
    Held::now()
}

/// No KB number: "What do I do about atoms?" was a question of its own.
#[test]
fn services_that_come_and_go_leave_nothing() {
    let place = Place::new();
    let mut cycler = place.start("cycler");
    cycler.say(cycles(CREATED));
    // However long it takes.
    while cycler.hear() == "alive" {}
    assert_eq!(place.files(), [""; 0]);
    cycler.finish();
}

/// A service with a client of its own, in the midst of all that, until it is killed.
pub(crate) fn victim(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("victim").unwrap();
    let topic = service.topic::<u64>("topic").samples(4).open().unwrap();
    topic.item("item").unwrap().publish(&1).unwrap();
    let _serving = service.serve((), |handlers| {
        handlers.accept_pokes(topic)?;
        handlers.execute(|(), echo: &Echo, _| Ok(echo.number))?;
        Ok(())
    });
    service.ready().unwrap();
    test.say("ready");
    let other = bus.connect::<u64>("survivor/topic").open().unwrap();
    let mut link = other.advise("item").hot().unwrap();
    loop {
        let _begun = other.begin_poke("item", &2).unwrap();
        let _ = other.poke("item", &3);
        let _ = link.try_recv().unwrap();
    }
}

/// Serves and asks the victims, life after life; says what it holds.
pub(crate) fn survivor(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("survivor").unwrap();
    let topic = service.topic::<u64>("topic").open().unwrap();
    topic.item("item").unwrap().publish(&1).unwrap();
    let _serving = service.serve((), |handlers| {
        handlers.accept_pokes(topic)?;
        Ok(())
    });
    service.ready().unwrap();
    test.say("ready");
    let (mut usual, mut grown_from) = (None, 0);
    loop {
        let life: u64 = test.hear_number();
        {
            let conversation = bus.connect::<u64>("victim/topic").wait(LIMIT).open().unwrap();
            let conversation = conversation.with_timeout(LIMIT);
            let mut link = conversation.advise("item").samples(2).unwrap();
            let mut sample = link.recv_timeout(LIMIT).unwrap().value;
            test.say("talking");
            let reason = loop {
                let answer =
                    conversation.begin_execute(&Echo { number: life }).and_then(|pending| pending.wait());
                if let Some(update) = link.try_recv().ok().flatten() {
                    sample = update.value;
                }
                match answer {
                    Ok(number) => assert_eq!(number, life),
                    Err(Error::Died { reason, .. } | Error::Stale { reason, .. }) => break reason,
                    Err(error) => panic!("{error}"),
                }
            };
            assert_eq!(reason, Ended::Died);
            assert!(*sample > 0, "what is held stays readable");
        }
        // When the last is forgotten, of either side.
        until("no client is left", || service.clients().is_empty());
        let usual = usual.get_or_insert_with(|| {
            until("the connection is gone", || Held::now().mappings < 20);
            Held::now()
        });
        until("it holds what it held", || Held::now().is_no_more_than(usual));
        if life == 10 {
            grown_from = resident();
        }
        let grown = resident().saturating_sub(grown_from);
        assert!(life < 10 || grown < GROWTH, "{grown} bytes more after {life} lives");
        test.say("forgotten");
    }
}

/// As above, with `kill -9`.
#[test]
fn services_that_are_killed_leave_nothing() {
    let mut random = Random::seeded();
    let place = Place::new();
    let mut survivor = place.start("survivor");
    survivor.await_line("ready");
    for life in 1..=cycles(KILLED) {
        let mut victim = place.start("victim");
        victim.await_line("ready");
        survivor.say(life);
        survivor.await_line("talking");
        let moment = Duration::from_micros(random.below_u64(1000));
        let start = std::time::Instant::now();
        while start.elapsed() < moment {
            std::thread::yield_now();
        }
        victim.kill();
        survivor.await_line("forgotten");
        assert_eq!(place.bus().services().unwrap().len(), 1, "who looks, sweeps");
        assert_eq!(place.files().len(), 2, "those of the survivor: {:?}", place.files());
    }
    survivor.kill();
}
