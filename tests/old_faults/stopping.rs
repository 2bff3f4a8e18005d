//! DDE: an ADVSTOP that crosses an outstanding acknowledgement kills the conversation (Q165305).
//!
//! Ours: links begin and end in every way while the publisher publishes to them, waits for them, and gives them up; and the
//! conversation stays the very same, with no link of it left behind, and another link of it that has missed nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bus::{Deliver, Error, Link};

use crate::support::{Checked, LIMIT, Place, Random, Test, connect, until};

/// Links that begin and end.
const LINKS: u64 = 2000;
/// How long the publisher waits for a link: about as long as a link lives.
const PATIENCE: Duration = Duration::from_micros(300);

/// Publishes without pause, and says who is there, until it is told to end.
pub(crate) fn torrent(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("service").unwrap();
    let topic = service.topic("topic").history(4).lossless(PATIENCE).samples(8).open().unwrap();
    let items = ["0", "1"].map(|item| topic.item(item).unwrap().id());
    service.ready().unwrap();
    test.say("ready");
    let (end, mut evicted) = (AtomicBool::new(false), 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while test.hear() == "who?" {
                let conversations = service.conversations();
                let links: usize = service.clients().iter().map(|client| client.links).sum();
                let number = conversations.first().map_or(0, |conversation| conversation.number());
                test.say(format!("{} {number} {links}", conversations.len()));
            }
            end.store(true, Ordering::Relaxed);
        });
        for number in 1.. {
            for (index, &item) in items.iter().enumerate() {
                match topic.at(item).unwrap().publish(&Checked::new(index as u64, number)) {
                    Ok(published) => assert_eq!(published, number),
                    Err(error) => panic!("{error}"),
                }
            }
            evicted += topic.evictions().len();
            if end.load(Ordering::Relaxed) {
                break;
            }
        }
    });
    test.say(evicted);
}

/// Reads a little of a link, or nothing, for a moment, and stops it.
fn begin_and_end<D: Deliver>(mut link: Link<D>, random: &mut Random) {
    let reads = random.below(3) > 0;
    let moment = Duration::from_micros(random.below_u64(2 * PATIENCE.as_micros() as u64));
    let start = Instant::now();
    let mut kept = None;
    while start.elapsed() < moment {
        if reads {
            match link.try_recv() {
                Ok(update) => kept = update.or(kept),
                Err(Error::Evicted { .. }) => break,
                Err(error) => panic!("{error}"),
            }
        }
        std::thread::yield_now();
    }
    // A sample in either order.
    if random.below(2) == 0 {
        drop(kept);
        drop(link);
    } else {
        drop(link);
        drop(kept);
    }
}

/// Q165305.
#[test]
fn links_that_are_stopped_while_their_values_are_on_their_way_end_no_conversation() {
    let mut random = Random::seeded();
    let place = Place::new();
    let mut torrent = place.start("torrent");
    torrent.await_line("ready");
    let topic = connect(&place.bus());
    let mut witness = topic.advise("*").latest().hot().unwrap();
    let mut had = [None; 2];
    let before = torrent.ask("who?");
    for link in 0..LINKS {
        let item = ["0", "1", "*"][random.below(3)];
        let advise = topic.advise(item);
        let lossless = || topic.advise(item).lossless(LIMIT);
        // One that is given up before it has begun says so.
        let begun = match random.below(5) {
            0 => advise.hot().map(|link| begin_and_end(link, &mut random)),
            1 => advise.warm().map(|link| begin_and_end(link, &mut random)),
            2 => advise.samples(2).map(|link| begin_and_end(link, &mut random)),
            3 => lossless().hot().map(|link| begin_and_end(link, &mut random)),
            _ => lossless().samples(2).map(|link| begin_and_end(link, &mut random)),
        };
        match begun {
            Ok(()) | Err(Error::Evicted { .. }) => {}
            Err(error) => panic!("link {link} to {item}: {error}"),
        }
        // Each exactly where the one before it ended, and no word of an end.
        while let Some(update) = witness.try_recv().unwrap() {
            assert!(!update.stale && !update.gap);
            let (item, number) = update.value.check();
            if let Some(last) = had[item as usize].replace(number) {
                assert_eq!((update.seq, number), (number, last + update.missed + 1));
            }
        }
    }
    assert!(topic.ended().is_none());
    assert!(!topic.request("0").unwrap().stale);
    until("only the witness is left", || torrent.ask("who?").rsplit(' ').next() == Some("1"));
    assert_eq!(
        torrent.ask("who?").rsplit_once(' ').unwrap().0,
        before.rsplit_once(' ').unwrap().0,
        "the same one"
    );
    torrent.say("end");
    assert!(torrent.hear_number::<u64>() > 0, "no link was ever given up while it was stopped");
}
