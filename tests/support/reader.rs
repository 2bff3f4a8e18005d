//! A reader in another process, which reads as it is told.
//!
//! It follows one item of [`ADDRESS`], whose value `n` is `Small::new(_, n)`, and checks all that it gets.

use std::time::Duration;

use bus::{Error, Hot, Link};

use super::publisher::ADDRESS;
use super::{LIMIT, Place, Process, Small, Test};

/// What a reader got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Got {
    /// Number of the last value.
    pub(crate) last: u64,
    /// Values.
    pub(crate) delivered: u64,
    /// Values that were counted as missed before these.
    pub(crate) missed: u64,
}

/// The test's end of a reader.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) process: Process,
    /// The number of its link.
    pub(crate) number: u64,
}

impl Reader {
    /// Starts one, in the role [`reader`], and waits until it has its link: a lossless one if there is a deadline.
    pub(crate) fn start(place: &Place, item: &str, deadline: Option<Duration>) -> Self {
        let mut process = place.start("reader");
        process.say(item);
        process.say(deadline.map_or(0, |deadline| deadline.as_millis()));
        let number = process.hear_number();
        Reader { process, number }
    }

    /// How a publisher's error names it.
    pub(crate) fn name(&self) -> (u32, u64) {
        (self.process.pid(), self.number)
    }

    /// Has it wait for so many values.
    #[track_caller]
    pub(crate) fn take(&mut self, values: u64) -> Got {
        self.begin_take(values);
        self.got()
    }

    /// Has it begin to wait for so many values.
    #[track_caller]
    pub(crate) fn begin_take(&mut self, values: u64) {
        self.process.say(values);
    }

    /// What it got of what it waited for.
    #[track_caller]
    pub(crate) fn got(&mut self) -> Got {
        let line = self.process.hear();
        let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().expect(&line)).collect();
        let [last, delivered, missed] = numbers[..] else { panic!("{line}") };
        Got { last, delivered, missed }
    }

    /// Has it read to the error at the end, and look once more; what it got before, and the error.
    #[track_caller]
    pub(crate) fn take_all(&mut self) -> (Got, String) {
        self.process.say("all");
        (self.got(), self.process.hear())
    }

    /// Lets it end.
    #[track_caller]
    pub(crate) fn finish(mut self) {
        self.process.say("end");
        self.process.finish();
    }
}

/// The role of the reader.
pub(crate) fn reader(test: &mut Test) {
    let item = test.hear();
    let deadline = Duration::from_millis(test.hear_number());
    let topic = test.bus().connect::<Small>(ADDRESS).open().unwrap();
    let advise = topic.advise(&item);
    let advise = if deadline.is_zero() { advise.queue_all() } else { advise.lossless(deadline) };
    let mut link = advise.hot().unwrap();
    test.say(link.number());
    let mut last = None;
    loop {
        match &*test.hear() {
            "end" => return,
            "all" => {
                let error = take(test, &mut link, &mut last, u64::MAX).expect("an end of the link");
                assert!(matches!(link.try_recv(), Err(Error::Closed("the link"))), "it is said once");
                assert!(matches!(link.recv(), Err(Error::Closed("the link"))));
                assert!((&mut link).into_iter().next().is_none(), "it ends");
                test.say(error.to_string());
            }
            values => {
                let error = take(test, &mut link, &mut last, values.parse().unwrap());
                assert!(error.is_none(), "{error:?}");
            }
        }
    }
}

/// Takes so many values, or as many as there are before an error.
fn take(test: &mut Test, link: &mut Link<Hot<Small>>, last: &mut Option<u64>, values: u64) -> Option<Error> {
    let mut got = Got { last: last.unwrap_or(0), delivered: 0, missed: 0 };
    let mut error = None;
    while got.delivered < values && error.is_none() {
        match link.recv_timeout(LIMIT) {
            Ok(update) => {
                assert_eq!(update.value.check().1, update.seq);
                // What was before the first value is nobody's to deliver.
                assert!(last.is_none_or(|last| update.seq == last + update.missed + 1), "{update:?}");
                *last = Some(update.seq);
                got = Got {
                    last: update.seq,
                    delivered: got.delivered + 1,
                    missed: got.missed + update.missed,
                };
            }
            Err(other) => error = Some(other),
        }
    }
    test.say(format!("{} {} {}", got.last, got.delivered, got.missed));
    error
}
