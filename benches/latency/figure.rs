//! The figures.

use crate::support;

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
    /// To a task of a small executor.
    OneWayAsync,
    /// To a thread that waits in a wait set.
    OneWayWaitSet,
    Publish(usize),
    /// Of a topic that stamps its values, to nobody.
    PublishStamped,
    Request,
    FirstValue,
}

/// Payloads are of these sizes in bytes.
pub(crate) const SIZES: [usize; 3] = [64, 1 << 10, 64 << 10];
/// Publishing is measured with so many links.
pub(crate) const LINKS: [usize; 4] = [0, 1, 8, 64];

impl Figure {
    /// All figures, references first.
    pub(crate) fn all() -> Vec<Figure> {
        let mut figures = vec![Figure::RawLine, Figure::OneWaySpin(40)];
        for size in SIZES {
            figures.extend([Figure::RawPayload(size), Figure::OneWaySpin(size)]);
        }
        figures.extend([
            Figure::RawFutex,
            Figure::OneWaySleep,
            Figure::OneWayAsync,
            Figure::OneWayWaitSet,
            Figure::RawFutexSameCore,
            Figure::OneWaySleepSameCore,
        ]);
        figures.extend(LINKS.map(Figure::Publish));
        figures.extend([Figure::PublishStamped, Figure::Request, Figure::FirstValue]);
        figures
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
            Figure::RawFutex | Figure::OneWaySleep | Figure::OneWayAsync | Figure::OneWayWaitSet => 1_500,
            Figure::RawFutexSameCore | Figure::OneWaySleepSameCore => 15_000,
            Figure::Publish(_) | Figure::PublishStamped | Figure::Request => 2_000,
            Figure::FirstValue => 20,
        }
    }
}

impl support::Figure for Figure {
    fn name(self) -> &'static str {
        match self {
            Figure::RawLine => "raw_line",
            Figure::RawPayload(_) => "raw_payload",
            Figure::RawFutex => "raw_futex",
            Figure::RawFutexSameCore => "raw_futex_same_core",
            Figure::OneWaySpin(_) => "one_way_spin",
            Figure::OneWaySleep => "one_way_sleep",
            Figure::OneWaySleepSameCore => "one_way_sleep_same_core",
            Figure::OneWayAsync => "one_way_async",
            Figure::OneWayWaitSet => "one_way_wait_set",
            Figure::Publish(_) => "publish",
            Figure::PublishStamped => "publish_stamped",
            Figure::Request => "request",
            Figure::FirstValue => "first_value",
        }
    }

    fn reference(self) -> Option<Figure> {
        match self {
            Figure::OneWaySpin(40) => Some(Figure::RawLine),
            Figure::OneWaySpin(size) => Some(Figure::RawPayload(size)),
            Figure::OneWaySleep => Some(Figure::RawFutex),
            Figure::OneWaySleepSameCore => Some(Figure::RawFutexSameCore),
            Figure::OneWayAsync | Figure::OneWayWaitSet => Some(Figure::OneWaySleep),
            Figure::PublishStamped => Some(Figure::Publish(0)),
            _ => None,
        }
    }

    fn payload_bytes(self) -> usize {
        match self {
            Figure::RawLine | Figure::RawFutex | Figure::RawFutexSameCore => 8,
            Figure::RawPayload(size) | Figure::OneWaySpin(size) => size,
            _ => 64,
        }
    }

    fn links(self) -> usize {
        match self {
            Figure::Publish(links) => links,
            Figure::OneWaySpin(_)
            | Figure::OneWaySleep
            | Figure::OneWaySleepSameCore
            | Figure::OneWayAsync
            | Figure::OneWayWaitSet => 1,
            _ => 0,
        }
    }
}
