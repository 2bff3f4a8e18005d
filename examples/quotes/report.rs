//! What children tell their parent, each in a line on standard output: that they are ready, and in the end
//! what they counted.
//!
//! The parent is this same program, so bare numbers in an agreed order are enough.

use std::io::{self, Write};

use crate::Result;
use crate::quote::Scope;

/// What the publisher counted.
#[derive(Debug)]
pub(crate) struct Published {
    /// Nanoseconds from the first update to the last.
    pub(crate) elapsed: u64,
    /// Updates in that time.
    pub(crate) updates: u64,
    /// Values published of the one liveliest item, the opening quote included.
    pub(crate) one: u64,
    /// The same of several items.
    pub(crate) several: u64,
    /// The same of all items.
    pub(crate) all: u64,
}

impl Published {
    /// Values published of the items in a scope.
    pub(crate) fn of(&self, scope: Scope) -> u64 {
        match scope {
            Scope::One => self.one,
            Scope::Several => self.several,
            Scope::All => self.all,
        }
    }
}

/// What a watcher counted.
#[derive(Debug)]
pub(crate) struct Watched {
    /// Values delivered.
    pub(crate) delivered: u64,
    /// Values missed, by the link's own count.
    pub(crate) missed: u64,
    /// Values of which the latency was measured.
    pub(crate) timed: u64,
    /// Median latency, in nanoseconds.
    pub(crate) p50: u64,
    /// The latency that 99 % do not exceed.
    pub(crate) p99: u64,
    /// The latency that 99.9 % do not exceed.
    pub(crate) p999: u64,
    /// The longest latency.
    pub(crate) max: u64,
    /// Nanoseconds from the beginning of the link to its end.
    pub(crate) elapsed: u64,
    /// Nanoseconds of processor time in that.
    pub(crate) processor: u64,
}

/// Something that can be sent as a line of numbers.
pub(crate) trait Report<const N: usize> {
    fn to_numbers(&self) -> [u64; N];
    fn from_numbers(numbers: [u64; N]) -> Self;
}

impl Report<5> for Published {
    fn to_numbers(&self) -> [u64; 5] {
        [self.elapsed, self.updates, self.one, self.several, self.all]
    }

    fn from_numbers([elapsed, updates, one, several, all]: [u64; 5]) -> Self {
        Published { elapsed, updates, one, several, all }
    }
}

impl Report<9> for Watched {
    fn to_numbers(&self) -> [u64; 9] {
        let Watched { delivered, missed, timed, p50, p99, p999, max, elapsed, processor } = *self;
        [delivered, missed, timed, p50, p99, p999, max, elapsed, processor]
    }

    fn from_numbers(numbers: [u64; 9]) -> Self {
        let [delivered, missed, timed, p50, p99, p999, max, elapsed, processor] = numbers;
        Watched { delivered, missed, timed, p50, p99, p999, max, elapsed, processor }
    }
}

/// Says that this child is ready for the start.
pub(crate) fn ready() -> Result<()> {
    Ok(writeln!(io::stdout(), "ready")?)
}

/// Sends a report.
pub(crate) fn send<const N: usize>(report: &impl Report<N>) -> Result<()> {
    let numbers = report.to_numbers().map(|number| number.to_string());
    Ok(writeln!(io::stdout(), "{}", numbers.join(" "))?)
}

/// Reads a report from its line; `None` where the line is none.
pub(crate) fn parse<const N: usize, R: Report<N>>(line: &str) -> Option<R> {
    let numbers: Option<Vec<u64>> = line.split_whitespace().map(|number| number.parse().ok()).collect();
    numbers?.try_into().ok().map(R::from_numbers)
}
