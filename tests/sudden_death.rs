//! A process that is killed, at whatever instruction, harms nobody: 200 rounds of SIGKILL at random moments.
//!
//! When a publisher dies, whoever reads it goes on: no receive hangs, no value is torn, each link says once that the
//! service is gone and why, and the last values can still be read and are marked. When a reader dies, the publisher
//! and other readers notice nothing but that it is gone. When a process dies while it starts, nobody ever saw it.
//! Survivors keep no descriptor and no mapping of the dead, and of a dead service at most its two files remain in
//! the bus's directory, never listed, until the next process looks.
//!
//! Every value checks itself (`Checked`), and the publisher publishes as fast as it can, so that it dies inside a
//! publish as often as not. `BUS_TEST_SEED` repeats the random choices, though not what the scheduler makes of them.

mod support;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bus::{Conversation, Deliver, Ended, Error, Hot, Link, Service, Update, Wait};
use support::{Account, Checked, Place, Process, Random, Test, connect, proc, roles, until};

roles!(torrent, witness, reader);

const ITEMS: u64 = 3;
const ROUNDS_OF_PUBLISHERS: usize = 80;
const ROUNDS_OF_STARTS: usize = 40;
const ROUNDS_OF_READERS: usize = 80;

/// Serves a topic and publishes without pause, until it is told to end. Meanwhile answers how it stands.
fn torrent(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic("topic").history(4).journal(16).open().unwrap();
    let items: Vec<_> = (0..ITEMS).map(|item| topic.item(&item.to_string()).unwrap().id()).collect();
    service.ready().unwrap();
    test.say("ready");
    let end = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| answer(test, &service, &end));
        for number in 1.. {
            for (index, &item) in items.iter().enumerate() {
                topic.at(item).unwrap().publish(&Checked::new(index as u64, number)).unwrap();
            }
            if end.load(Ordering::Relaxed) {
                return;
            }
        }
    });
}

/// Answers with the number of clients, descriptors and mappings, until told to end.
fn answer(test: &mut Test, service: &Service, end: &AtomicBool) {
    while test.hear() == "how are you?" {
        let clients = service.clients();
        let links: usize = clients.iter().map(|client| client.links).sum();
        test.say(format!("{} {links} {} {}", clients.len(), proc::descriptors(), proc::mappings()));
    }
    end.store(true, Ordering::Relaxed);
    test.say("ended");
}

/// Follows the service through all its lives, in several ways at once, and reports after each.
fn witness(test: &mut Test) {
    let bus = test.bus();
    let topic = connect(&bus);
    let mut item = topic.advise("0").strategy(Wait::Park).hot().unwrap();
    let mut all = topic.advise("*").hot().unwrap();
    let mut newest = topic.advise("*").latest().hot().unwrap();
    let mut warm = topic.advise("1").warm().unwrap();
    let mut requested = topic.item("2").unwrap();
    for life in 0.. {
        let flowing = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for link in [&mut item, &mut all, &mut newest] {
                scope.spawn(|| follow(&topic, link, life, &flowing));
            }
            scope.spawn(|| {
                until_stale(&mut warm, &flowing, |_| ());
            });
            until("values come by every link", || flowing.load(Ordering::SeqCst) == 4);
            test.say("flowing");
        });
        let last = requested.request().unwrap();
        assert!(last.stale);
        last.value.check();
        test.say(format!("stale {} {}", proc::descriptors(), proc::mappings()));
    }
}

/// Receives until the service dies: everything is whole and accounted for, and what is left is the last.
fn follow(topic: &Conversation<Checked>, link: &mut Link<Hot<Checked>>, life: usize, flowing: &AtomicUsize) {
    let mut account = Account::default();
    let mut first = true;
    until_stale(link, flowing, |update: Update<Checked>| {
        assert_eq!(update.gap, first && life > 0, "life {life}");
        if core::mem::take(&mut first) && life == 0 {
            // In the first life the link begins with the present values.
            return;
        }
        if life > 0 {
            account.enter(&update);
        }
        update.value.check();
    });
    if life > 0 {
        let last = topic.request("0").unwrap();
        assert!(last.stale && last.seq >= account.of(0).last, "{} after {:?}", last.seq, account.of(0));
    }
}

/// Receives until the link says that the service died, which it does once.
fn until_stale<D: Deliver>(link: &mut Link<D>, flowing: &AtomicUsize, mut enter: impl FnMut(D::Item)) {
    let mut any = false;
    loop {
        match link.recv() {
            Ok(item) => {
                enter(item);
                if !core::mem::replace(&mut any, true) {
                    flowing.fetch_add(1, Ordering::SeqCst);
                }
            }
            Err(Error::Stale { reason, .. }) => {
                assert_eq!(reason, Ended::Died);
                assert!(matches!(link.try_recv(), Ok(None)), "it is said once");
                return;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Reads in the way it is told to, for ever.
fn reader(test: &mut Test) {
    let way = test.hear();
    let topic = connect(&test.bus());
    let mut link = match &*way {
        "item" => topic.advise("0").hot().unwrap(),
        "sleeping" => topic.advise("1").strategy(Wait::Park).hot().unwrap(),
        "latest" => topic.advise("*").latest().hot().unwrap(),
        _ => topic.advise("*").hot().unwrap(),
    };
    for received in 0u64.. {
        link.recv().unwrap().value.check();
        topic.request("2").unwrap().value.check();
        if received == 0 {
            test.say("flowing");
        }
    }
}

/// Lets a random time pass, during which anything may happen: the moment of a death.
fn moment(random: &mut Random, at_most: Duration) {
    let moment = Duration::from_nanos(random.next() % at_most.as_nanos() as u64);
    let start = Instant::now();
    while start.elapsed() < moment {
        std::thread::yield_now();
    }
}

/// A dead service has left at most its own two files, and whoever looks sweeps them.
#[track_caller]
fn check_directory(place: &Place, look: bool) {
    let files = place.files();
    assert!(files.len() <= 2 && files.iter().all(|file| file.starts_with("service.")), "{files:?}");
    if look {
        assert_eq!(place.bus().services().unwrap(), [], "a dead service is not listed");
        assert_eq!(place.files(), [""; 0], "and swept");
    }
}

#[test]
fn readers_survive_the_death_of_their_publisher() {
    let mut random = Random::seeded();
    let place = Place::new();
    let mut torrent = place.start("torrent");
    torrent.await_line("ready");
    let mut witness = place.start("witness");
    let mut known = None;
    for round in 0..ROUNDS_OF_PUBLISHERS {
        witness.await_line("flowing");
        moment(&mut random, Duration::from_millis(4));
        torrent.kill();
        let line = witness.hear();
        let numbers: Vec<usize> =
            line.strip_prefix("stale ").unwrap().split(' ').map(|n| n.parse().unwrap()).collect();
        let &mut [descriptors, mappings] = known.get_or_insert([numbers[0], numbers[1]]);
        // The watch for the service's return may or may not be open yet.
        assert!(numbers[0] <= descriptors + 1, "round {round}: descriptors grew from {descriptors}: {line}");
        assert!(numbers[1] <= mappings, "round {round}: mappings grew from {mappings}: {line}");
        // The next life may find the files of the last one, or not.
        check_directory(&place, random.below(2) == 0);
        torrent = place.start("torrent");
        torrent.await_line("ready");
    }
    witness.await_line("flowing");
    witness.kill();
    end(torrent);
}

#[test]
fn a_publisher_that_dies_while_it_starts_was_never_there() {
    let mut random = Random::seeded();
    let place = Place::new();
    let bus = place.bus();
    for _ in 0..ROUNDS_OF_STARTS {
        let mut torrent = place.start("torrent");
        moment(&mut random, Duration::from_millis(20));
        // Whoever looks meanwhile sees it whole, or not at all.
        if let Ok(topic) = bus.connect::<Checked>("service/topic").open() {
            assert_eq!(topic.items().len() as u64, ITEMS);
        }
        torrent.kill();
        check_directory(&place, random.below(2) == 0);
        let error = bus.connect::<Checked>("service/topic").open().unwrap_err();
        assert!(matches!(error, Error::NoSuchService { .. }), "{error}");
    }
    // And the name is free.
    let mut torrent = place.start("torrent");
    torrent.await_line("ready");
    assert_eq!(bus.services().unwrap().len(), 1);
    end(torrent);
}

#[test]
fn the_death_of_a_reader_harms_nobody() {
    let mut random = Random::seeded();
    let place = Place::new();
    let mut torrent = place.start("torrent");
    torrent.await_line("ready");
    // Another reader, that lives through it all.
    let mut link = connect(&place.bus()).advise("0").hot().unwrap();
    let mut last = link.recv().unwrap().seq;
    until("the service knows of the link", || torrent.ask("how are you?").starts_with("1 1 "));
    let alone = torrent.ask("how are you?");
    for _ in 0..ROUNDS_OF_READERS {
        let mut reader = place.start("reader");
        reader.say(["item", "sleeping", "latest", "all"][random.below(4)]);
        if random.below(4) > 0 {
            reader.await_line("flowing");
        }
        moment(&mut random, Duration::from_millis(4));
        reader.kill();
        until("the service has forgotten the reader, and has no more open or mapped than before", || {
            torrent.ask("how are you?") == alone
        });
        for _ in 0..100 {
            let update = link.recv().unwrap();
            assert_eq!(
                (update.value.check(), update.seq),
                ((0, last + update.missed + 1), last + update.missed + 1)
            );
            last = update.seq;
        }
    }
    drop(link);
    end(torrent);
}

fn end(mut torrent: Process) {
    torrent.say("end");
    torrent.await_line("ended");
    torrent.finish();
}
