//! Services and clients are killed at any moment with many transactions on their way, and the accounts of both sides agree.
//!
//! Each command has a word in a file, which outlives whoever is killed. There the service counts that it carried the command
//! out, and the client how it ended. At the end each command has one outcome: what was answered was done, once; what was
//! not begun was not; and what the service died over was done once or not at all. `BUS_TEST_SEED` repeats a run as far as
//! chance allows.

mod support;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

use bus::{Bus, Error, Message, Pending, Result};
use rustix::mm::ProtFlags;
use support::segment::Mapping;
use support::{LIMIT, Place, Random, Test, proc, roles, until};

roles!(marker, gang);

/// Commands that there is room for.
const COMMANDS: usize = 1 << 20;
/// What is added to a command's word: that it was done, and how it ended.
const DONE: u64 = 1;
const ANSWERED: u64 = 1 << 16;
const DIED: u64 = 1 << 32;
const NOT_BEGUN: u64 = 1 << 48;
/// Lives of a service, and clients that are killed.
const ROUNDS: u64 = 25;
const THREADS: u64 = 3;

/// Counts that it is done.
#[derive(Message, Debug, Clone, Copy)]
#[message(reply = u64)]
#[repr(C)]
struct Mark(u64);

/// The same, answered by another thread.
#[derive(Message, Debug, Clone, Copy)]
#[message(reply = u64)]
#[repr(C)]
struct MarkLater(u64);

/// The file of accounts.
fn accounts(path: &Path) -> Mapping {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path).unwrap();
    file.set_len(COMMANDS as u64 * 8).unwrap();
    Mapping::new(&file, ProtFlags::READ | ProtFlags::WRITE)
}

fn path_of(directory: &Path) -> PathBuf {
    directory.join("accounts")
}

fn path_here() -> PathBuf {
    path_of(Path::new(&std::env::var("BUS_TEST_DIRECTORY").unwrap()))
}

/// Does what it is asked for, until it is killed.
fn marker(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("marker").unwrap();
    let own = proc::descriptors_but_memory() + 1;
    let (later, kept) = mpsc::channel::<(u64, bus::Reply<u64>)>();
    std::thread::scope(|scope| {
        let service = &service;
        let (sender, are_set) = mpsc::channel();
        scope.spawn(move || kept.into_iter().for_each(|(number, reply)| reply.answer(&number)));
        scope.spawn(move || {
            let accounts = accounts(&path_here());
            let mark = |number: u64| accounts.words()[number as usize].fetch_add(DONE, Ordering::SeqCst);
            let mut handlers = service.handlers().unwrap();
            handlers
                .execute(|_: &mut (), command: &Mark, _| {
                    mark(command.0);
                    Ok(command.0)
                })
                .unwrap();
            handlers
                .execute_later(|_, command: &MarkLater, _, reply| {
                    mark(command.0);
                    later.send((command.0, reply)).unwrap();
                })
                .unwrap();
            sender.send(()).unwrap();
            handlers.run(&mut ()).unwrap();
        });
        are_set.recv().unwrap();
        service.ready().unwrap();
        test.say("ready");
        loop {
            test.await_line("left");
            let descriptors = proc::descriptors_but_memory() as isize - own as isize;
            test.say(format!("{} {descriptors} {}", service.clients().len(), proc::lane_mappings()));
        }
    });
}

/// Begins commands in lots, numbered by `next`, until it is to stop or there are no further numbers; and enters how each
/// ended.
fn ask(bus: &Bus, accounts: &[AtomicU64], next: impl Fn() -> u64, stop: &AtomicBool, mut random: Random) {
    let client = bus.client("marker").wait(LIMIT).open().unwrap().with_timeout(LIMIT);
    let enter = |number: u64, outcome: Result<u64>| {
        let what = match outcome {
            Ok(answer) => {
                assert_eq!(answer, number, "another's answer");
                ANSWERED
            }
            Err(Error::Died { .. }) => DIED,
            Err(error) => panic!("command {number}: {error}"),
        };
        accounts[number as usize].fetch_add(what, Ordering::SeqCst);
    };
    let mut on_their_way: Vec<(u64, Pending<u64>)> = Vec::new();
    while !stop.load(Ordering::Relaxed) || !on_their_way.is_empty() {
        let goes_on = !stop.load(Ordering::Relaxed);
        if goes_on && on_their_way.len() < 60 && random.below(4) > 0 {
            let number = next();
            let begun = match random.below(2) {
                0 => client.begin_execute(&Mark(number)),
                _ => client.begin_execute(&MarkLater(number)),
            };
            match begun {
                Ok(pending) => on_their_way.push((number, pending)),
                Err(Error::Stale { .. } | Error::Busy { .. }) => {
                    accounts[number as usize].fetch_add(NOT_BEGUN, Ordering::SeqCst);
                    std::thread::sleep(std::time::Duration::from_micros(200));
                }
                Err(error) => panic!("command {number}: {error}"),
            }
        } else if !on_their_way.is_empty() {
            let (number, pending) = on_their_way.swap_remove(random.below(on_their_way.len()));
            enter(number, pending.wait());
        }
    }
}

/// Asks, with its numbers counted on from the first that it is told, until it is killed.
fn gang(test: &mut Test) {
    let (first, seed): (u64, u64) = (test.hear_number(), test.hear_number());
    let (bus, accounts) = (test.bus(), accounts(&path_here()));
    let (next, stop) = (AtomicU64::new(first), AtomicBool::new(false));
    let mut random = Random::new(seed);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let random = Random::new(random.next());
            let (bus, words, next, stop) = (&bus, accounts.words(), &next, &stop);
            scope.spawn(move || ask(bus, words, || next.fetch_add(1, Ordering::Relaxed), stop, random));
        }
        test.say("asks");
        test.hear();
    });
}

/// How often each of these was entered for a command.
fn entries(word: &AtomicU64) -> [u64; 4] {
    let word = word.load(Ordering::SeqCst);
    [DONE, ANSWERED, DIED, NOT_BEGUN].map(|what| (word / what) & 0xffff)
}

#[test]
fn services_are_killed_and_each_command_has_one_outcome() {
    let mut random = Random::seeded();
    let place = Place::new();
    let accounts = accounts(&path_of(place.path().parent().unwrap()));
    let (bus, words) = (place.bus(), accounts.words());
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let mut marker = place.start("marker");
        marker.await_line("ready");
        let askers = [(); THREADS as usize].map(|()| {
            let random = Random::new(random.next());
            let (bus, next, stop) = (&bus, &next, &stop);
            scope.spawn(move || ask(bus, words, || next.fetch_add(1, Ordering::Relaxed), stop, random))
        });
        for _ in 0..ROUNDS {
            let more = next.load(Ordering::Relaxed) + 200 + random.below_u64(2000);
            until("it is asked for more", || next.load(Ordering::Relaxed) >= more);
            marker.kill();
            marker = place.start("marker");
            marker.await_line("ready");
        }
        stop.store(true, Ordering::Relaxed);
        // It stays until all have been answered.
        askers.into_iter().for_each(|asker| asker.join().unwrap());
    });
    let count = next.load(Ordering::Relaxed) as usize;
    let mut sums = [0; 4];
    for (number, word) in words[..count].iter().enumerate() {
        let [done, answered, died, not_begun] = entries(word);
        assert_eq!(answered + died + not_begun, 1, "command {number} has one outcome");
        assert!(done == answered || died == 1 && done <= 1, "{number}: {done} {answered} {died} {not_begun}");
        sums.iter_mut().zip([done, answered, died, not_begun]).for_each(|(sum, one)| *sum += one);
    }
    println!(
        "of {count} commands: done {}, answered {}, died {}, not begun {}",
        sums[0], sums[1], sums[2], sums[3]
    );
    assert!(sums[1] > 0 && sums[2] > 0, "some were answered, and over some the service died");
}

#[test]
fn clients_are_killed_and_what_they_were_answered_was_done_once() {
    let mut random = Random::seeded();
    let place = Place::new();
    let accounts = accounts(&path_of(place.path().parent().unwrap()));
    let words = accounts.words();
    let mut marker = place.start("marker");
    marker.await_line("ready");
    // One client stays.
    let (bus, next, stop) = (place.bus(), AtomicU64::new(0), AtomicBool::new(false));
    let share = COMMANDS as u64 / (ROUNDS + 1);
    std::thread::scope(|scope| {
        let staying = Random::new(random.next());
        let (bus, next, stop) = (&bus, &next, &stop);
        scope.spawn(move || ask(bus, words, || next.fetch_add(1, Ordering::Relaxed), stop, staying));
        for round in 1..=ROUNDS {
            let first = round * share;
            let mut gang = place.start("gang");
            gang.say(first);
            gang.say(random.next());
            gang.await_line("asks");
            let number = first as usize + 100 + random.below(2000);
            until("it asks for more", || words[number].load(Ordering::Relaxed) != 0);
            gang.kill();
        }
        stop.store(true, Ordering::Relaxed);
    });
    drop(bus);
    until("nothing of clients is left", || marker.ask("left") == "0 0 0");
    let asked = next.load(Ordering::Relaxed);
    assert!(asked < share);
    let mut sums = [0; 4];
    for (number, word) in words.iter().enumerate() {
        let [done, answered, died, not_begun] = entries(word);
        assert!(done <= 1 && died == 0 && answered <= done && not_begun + done <= 1, "{number}: {word:?}");
        if (number as u64) < asked {
            assert_eq!(answered + not_begun, 1, "command {number} of who stayed has one outcome");
        }
        sums.iter_mut().zip([done, answered, died, not_begun]).for_each(|(sum, one)| *sum += one);
    }
    println!("done {}, answered {}, not begun {}", sums[0], sums[1], sums[3]);
}
