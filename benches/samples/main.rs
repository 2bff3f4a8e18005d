//! Large messages without a copy, beside the least that the machine allows, in one run.
//!
//! ```text
//! cargo bench --bench samples                    the table
//! cargo bench --bench samples -- --rounds 5      with fewer rounds
//! cargo bench --bench samples -- --json FILE     and the figures as JSON
//! ```
//!
//! Two processes, pinned to two cores where there are two. All figures take turns in short rounds, so that what disturbs
//! the machine disturbs all; a ratio is the median of the rounds' ratios, and percentiles are over all rounds.
//!
//! | figure | what |
//! |---|---|
//! | `untouched` | loan and publish to sample, spinning, one way; nobody looks at the message. 1 MiB against 64 B |
//! | `raw_copy_read` | 1 MiB copied into plain shared memory and read there by the other side, behind one word |
//! | `raw_in_turn` | the same with four places in turn, as many as the topic of `copy_read` has |
//! | `copy_read` | the same 1 MiB copied into a loan, and read in the sample |
//! | `publish` | one publish of 64 B, of a topic with samples, with so many links that hold each value once |
//!
//! One way is half of a round trip. For `publish` the links receive, hold and let go of every value between the runs that
//! are timed, so that what they leave in the other core's caches is paid for, and every run has its share of looks at
//! what they hold. Its reference is the same without links.

mod figure;
mod ours;
mod pair;
mod payload;
mod raw;
mod report;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use clap::Parser;

use crate::figure::Figure;
use crate::pair::Leader;
use crate::support::{Failure, program};

/// Large messages without a copy, beside the least that the machine allows.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    run: program::Options,
}

fn main() -> ExitCode {
    let options = Options::parse();
    program::run("samples", &options.run, || lead(&options), pair::follow)
}

fn lead(options: &Options) -> Result<(), Failure> {
    let rounds = options.run.rounds(40);
    let figures = support::figure::wanted(&Figure::all(), options.run.only.as_deref());
    let mut leader = Leader::start()?;
    let recorders = program::record(&figures, rounds, |figure, recorder| leader.run(figure, recorder))?;
    let report = report::report(&figures, &recorders);
    report.finish(rounds, leader.cores(), options.run.json.as_deref())
}
