//! Percentiles of a figure's times over all rounds, and each round's median.

use std::time::Duration;

use hdrhistogram::Histogram;

pub(crate) struct Recorder {
    /// Of the rounds that are over.
    all: Histogram<u64>,
    /// Their medians, in nanoseconds.
    medians: Vec<f64>,
    round: Histogram<u64>,
}

/// Times are recorded in tenths of a nanosecond, up to a minute.
const TENTHS: f64 = 10.0;

impl Recorder {
    pub(crate) fn new() -> Self {
        let histogram = || Histogram::new_with_max(600_000_000_000, 3).expect("constant bounds are valid");
        Recorder { all: histogram(), medians: Vec::new(), round: histogram() }
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

    /// p50, p99 and p99.9 over all rounds, in nanoseconds.
    pub(crate) fn percentiles(&self) -> [f64; 3] {
        let mut all = self.all.clone();
        all += &self.round;
        [0.5, 0.99, 0.999].map(|quantile| all.value_at_quantile(quantile) as f64 / TENTHS)
    }

    /// Each round's median, in nanoseconds.
    pub(crate) fn medians(&self) -> Vec<f64> {
        let last = (!self.round.is_empty()).then(|| self.round.value_at_quantile(0.5) as f64 / TENTHS);
        self.medians.iter().copied().chain(last).collect()
    }
}
