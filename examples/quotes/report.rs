//! What children tell their parent in the end: what they counted.

use crate::quote::Scope;
use crate::support::lines::Report;

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
