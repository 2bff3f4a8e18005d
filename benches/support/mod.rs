//! What the benchmarks of two processes share: the second process, the cores of both, and the median of rounds.

#![allow(dead_code, reason = "each benchmark uses its part")]

pub(crate) mod partner;

pub(crate) use partner::{Partner, cores, follow, pin};

/// What everything in a benchmark may fail with.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// The value in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
