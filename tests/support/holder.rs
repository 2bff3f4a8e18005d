//! A client in another process that holds values of a [studio](super::studio) as it is told.

use std::collections::VecDeque;

use bus::Sample;

use super::studio::visit;
use super::{Frame, LIMIT, Place, Process, Test};

/// The test's end of a holder.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) process: Process,
    /// The number of its link.
    pub(crate) link: u64,
}

impl Holder {
    /// Starts one, in the role [`holder`], with a link to an item that may hold so many values.
    pub(crate) fn start(place: &Place, item: u64, samples: usize) -> Self {
        let mut process = place.start("holder");
        process.say(format!("{item} {samples}"));
        let link = process.hear_number();
        Holder { process, link }
    }

    /// Receives the next value and holds it; its number.
    #[track_caller]
    pub(crate) fn take(&mut self) -> u64 {
        self.process.say("take");
        self.process.hear_number()
    }

    /// Lets go of what it has held longest.
    #[track_caller]
    pub(crate) fn let_go(&mut self) {
        self.process.say("let go");
        self.process.await_line("gone");
    }

    /// Checks that all it holds is what it was; the numbers.
    #[track_caller]
    pub(crate) fn check(&mut self) -> Vec<u64> {
        let line = self.process.ask("check");
        line.split_whitespace().map(|number| number.parse().unwrap()).collect()
    }
}

/// The role of the holder.
pub(crate) fn holder(test: &mut Test) {
    let line = test.hear();
    let (item, samples) = line.split_once(' ').expect("an item and a number");
    let topic = visit(&test.bus());
    let mut link = topic.advise(item).wait(LIMIT).samples(samples.parse().unwrap()).unwrap();
    test.say(link.number());
    let mut held: VecDeque<(u64, Sample<Frame>)> = VecDeque::new();
    loop {
        match &*test.hear() {
            "take" => {
                let update = link.recv_timeout(LIMIT).unwrap();
                held.push_back((update.seq, update.value));
                test.say(update.seq);
            }
            "let go" => {
                drop(held.pop_front().expect("it holds something"));
                test.say("gone");
            }
            "check" => {
                let numbers = held.iter().map(|(seq, sample)| {
                    let (_, number) = sample.check();
                    assert_eq!(number, *seq, "the value has changed");
                    number.to_string()
                });
                test.say(numbers.collect::<Vec<_>>().join(" "));
            }
            line => panic!("a holder does not understand {line:?}"),
        }
    }
}
