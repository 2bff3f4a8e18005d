//! The figures, and how one is recorded.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::payload::{LARGE, SMALL};
use crate::raw::PLACES;

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    Untouched(usize),
    RawCopyRead(usize),
    CopyRead,
    Publish(usize),
}

/// All figures, references first.
pub(crate) const ALL: [Figure; 9] = [
    Figure::Untouched(SMALL),
    Figure::Untouched(LARGE),
    Figure::RawCopyRead(1),
    Figure::RawCopyRead(PLACES),
    Figure::CopyRead,
    Figure::Publish(0),
    Figure::Publish(1),
    Figure::Publish(8),
    Figure::Publish(64),
];

/// The figures whose name contains `only`, with the references they need.
pub(crate) fn wanted(only: Option<&str>) -> Vec<Figure> {
    let named = |figure: Figure| only.is_none_or(|only| figure.name().contains(only));
    let needed =
        |figure: Figure| ALL.into_iter().any(|other| named(other) && other.reference() == Some(figure));
    ALL.into_iter().filter(|&figure| named(figure) || needed(figure)).collect()
}

impl Figure {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Figure::Untouched(_) => "untouched",
            Figure::RawCopyRead(1) => "raw_copy_read",
            Figure::RawCopyRead(_) => "raw_in_turn",
            Figure::CopyRead => "copy_read",
            Figure::Publish(_) => "publish",
        }
    }

    /// What the figure is compared with.
    pub(crate) fn reference(self) -> Option<Figure> {
        match self {
            Figure::Untouched(LARGE) => Some(Figure::Untouched(SMALL)),
            Figure::CopyRead | Figure::RawCopyRead(2..) => Some(Figure::RawCopyRead(1)),
            Figure::Publish(1..) => Some(Figure::Publish(0)),
            _ => None,
        }
    }

    pub(crate) fn payload_bytes(self) -> usize {
        match self {
            Figure::Untouched(bytes) => bytes,
            Figure::RawCopyRead(_) | Figure::CopyRead => LARGE,
            Figure::Publish(_) => SMALL,
        }
    }

    pub(crate) fn links(self) -> usize {
        match self {
            Figure::Publish(links) => links,
            Figure::Untouched(_) | Figure::CopyRead => 1,
            Figure::RawCopyRead(_) => 0,
        }
    }

    /// Samples of one round, after a tenth as many that are not counted.
    pub(crate) fn samples(self) -> usize {
        match self {
            Figure::Untouched(_) => 20_000,
            Figure::RawCopyRead(_) | Figure::CopyRead => 400,
            Figure::Publish(0..8) => 500,
            Figure::Publish(_) => 100,
        }
    }
}

/// Percentiles over all rounds, and each round's median.
pub(crate) struct Recorder {
    all: Histogram<u64>,
    round: Histogram<u64>,
    medians: Vec<f64>,
}

/// Times are recorded in tenths of a nanosecond, up to a minute.
const TENTHS: f64 = 10.0;

impl Recorder {
    pub(crate) fn new() -> Self {
        let histogram = || Histogram::new_with_max(600_000_000_000, 3).expect("constant bounds are valid");
        Recorder { all: histogram(), round: histogram(), medians: Vec::new() }
    }

    pub(crate) fn begin_round(&mut self) {
        self.medians = self.medians();
        self.all += &self.round;
        self.round.reset();
    }

    /// Records that `count` equal operations took `time`.
    pub(crate) fn record(&mut self, time: Duration, count: u32) {
        let tenths = time.as_nanos() as f64 * TENTHS / f64::from(count);
        self.round.saturating_record(tenths as u64);
    }

    /// Nanoseconds at a quantile over all rounds.
    pub(crate) fn quantile(&self, quantile: f64) -> f64 {
        let mut all = self.all.clone();
        all += &self.round;
        all.value_at_quantile(quantile) as f64 / TENTHS
    }

    /// Each round's median, in nanoseconds.
    pub(crate) fn medians(&self) -> Vec<f64> {
        let last = (!self.round.is_empty()).then(|| self.round.value_at_quantile(0.5) as f64 / TENTHS);
        self.medians.iter().copied().chain(last).collect()
    }
}
