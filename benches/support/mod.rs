//! What the benchmarks of two processes share: how figures take turns in rounds, how times are recorded and compared, and
//! how the result is shown. What is measured, and beside what, is each benchmark's own.
//!
//! ```text
//!   program    the command line, the two processes' beginnings, and the rounds
//!   partner    the second process, and the cores of both
//!   figure     what a benchmark says of each row of its table
//!   raw        the least that two processes can do, to compare with
//!   recorder   percentiles of a figure's times
//!   report     the table and the JSON
//! ```

#![allow(dead_code, unused_imports, reason = "each benchmark uses its part")]

pub(crate) mod figure;
pub(crate) mod partner;
pub(crate) mod program;
pub(crate) mod raw;
pub(crate) mod recorder;
pub(crate) mod report;

pub(crate) use figure::Figure;
pub(crate) use partner::{Partner, cores, follow, keep_off, pin};
pub(crate) use raw::{Raw, check};
pub(crate) use recorder::Recorder;
pub(crate) use report::Report;

/// What everything in a benchmark may fail with.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// The value in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
