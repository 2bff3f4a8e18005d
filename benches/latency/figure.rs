//! The figures, and how one is recorded.

use std::time::Duration;

use hdrhistogram::Histogram;

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    RawLine,
    RawPayload(usize),
    RawFutex,
    RawFutexSameCore,
    OneWaySpin(usize),
    OneWaySleep,
    OneWaySleepSameCore,
    Publish(usize),
    Request,
    FirstValue,
}

/// Payloads are of these sizes in bytes.
pub(crate) const SIZES: [usize; 3] = [64, 1 << 10, 64 << 10];
/// Publishing is measured with so many links.
pub(crate) const LINKS: [usize; 4] = [0, 1, 8, 64];

/// All figures, or those whose name contains `only` with the references they need; references first.
pub(crate) fn all(only: Option<&str>) -> Vec<Figure> {
    let mut figures = vec![Figure::RawLine, Figure::OneWaySpin(40)];
    for size in SIZES {
        figures.extend([Figure::RawPayload(size), Figure::OneWaySpin(size)]);
    }
    figures.extend([
        Figure::RawFutex,
        Figure::OneWaySleep,
        Figure::RawFutexSameCore,
        Figure::OneWaySleepSameCore,
    ]);
    figures.extend(LINKS.map(Figure::Publish));
    figures.extend([Figure::Request, Figure::FirstValue]);
    let wanted = |figure: &Figure| only.is_none_or(|only| figure.name().contains(only));
    let needed: Vec<Figure> =
        figures.iter().filter(|figure| wanted(figure)).filter_map(|f| f.reference()).collect();
    figures.retain(|figure| wanted(figure) || needed.contains(figure));
    figures
}

impl Figure {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Figure::RawLine => "raw_line",
            Figure::RawPayload(_) => "raw_payload",
            Figure::RawFutex => "raw_futex",
            Figure::RawFutexSameCore => "raw_futex_same_core",
            Figure::OneWaySpin(_) => "one_way_spin",
            Figure::OneWaySleep => "one_way_sleep",
            Figure::OneWaySleepSameCore => "one_way_sleep_same_core",
            Figure::Publish(_) => "publish",
            Figure::Request => "request",
            Figure::FirstValue => "first_value",
        }
    }

    /// What the figure is compared with.
    pub(crate) fn reference(self) -> Option<Figure> {
        match self {
            Figure::OneWaySpin(40) => Some(Figure::RawLine),
            Figure::OneWaySpin(size) => Some(Figure::RawPayload(size)),
            Figure::OneWaySleep => Some(Figure::RawFutex),
            Figure::OneWaySleepSameCore => Some(Figure::RawFutexSameCore),
            _ => None,
        }
    }

    pub(crate) fn payload_bytes(self) -> usize {
        match self {
            Figure::RawLine | Figure::RawFutex | Figure::RawFutexSameCore => 8,
            Figure::RawPayload(size) | Figure::OneWaySpin(size) => size,
            _ => 64,
        }
    }

    pub(crate) fn links(self) -> usize {
        match self {
            Figure::Publish(links) => links,
            Figure::OneWaySpin(_) | Figure::OneWaySleep | Figure::OneWaySleepSameCore => 1,
            _ => 0,
        }
    }

    /// Whether both processes run on one core.
    pub(crate) fn on_one_core(self) -> bool {
        matches!(self, Figure::RawFutexSameCore | Figure::OneWaySleepSameCore)
    }

    /// Samples of one round, after a tenth as many that are not counted.
    pub(crate) fn samples(self) -> usize {
        match self {
            Figure::RawPayload(size) | Figure::OneWaySpin(size) if size > 4096 => 1_500,
            Figure::RawLine | Figure::RawPayload(_) | Figure::OneWaySpin(_) => 40_000,
            Figure::RawFutex | Figure::OneWaySleep => 1_500,
            Figure::RawFutexSameCore | Figure::OneWaySleepSameCore => 15_000,
            Figure::Publish(_) | Figure::Request => 2_000,
            Figure::FirstValue => 20,
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
        self.end_round();
        self.round.reset();
    }

    fn end_round(&mut self) {
        if !self.round.is_empty() {
            self.medians.push(self.round.value_at_quantile(0.5) as f64 / TENTHS);
            self.all += &self.round;
        }
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
