//! Throughput of the bus beside the best plain ring in shared memory, in one run.
//!
//! ```text
//! cargo bench --bench throughput                    the table
//! cargo bench --bench throughput -- --rounds 5      with fewer rounds
//! cargo bench --bench throughput -- --json FILE     and the figures as JSON
//! ```
//!
//! Two processes, pinned to two cores where there are two; one sends, and writes every word of a message, the other
//! receives, and reads every word of it. References and ours take turns in short rounds, so that what disturbs the
//! machine disturbs both; the ratio is the median of the rounds' ratios.
//!
//! | figure | what |
//! |---|---|
//! | `raw_ring`, `raw_ring_batched` | 64 B messages through a ring of one producer and one consumer, one or 64 at a time |
//! | `lossless`, `lossless_batched` | the same to one lossless reader: `publish` and `recv`, or `publish_batch` and `recv_batch` of 64 |
//! | `publish` | one publish, with so many lossless links that keep up in the other process |
//! | `publish_untracked` | the same with one link that nobody waits for |
//! | `memcpy_read` | 1 MiB copied into shared memory on one side, and read there on the other |
//!
//! A ratio is of times: more than one is slower than the reference. For `publish` that is `publish_untracked`: as soon as
//! anybody reads what is published, the lines have to go to another core and back, whoever waits for whom.

mod figure;
mod large;
mod ours;
mod pair;
mod report;
mod ring;
mod shared;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use clap::Parser;

use crate::figure::Figure;
use crate::pair::Leader;
use crate::support::{Failure, program};

/// Throughput of the bus beside the best plain ring in shared memory.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    run: program::Options,
}

fn main() -> ExitCode {
    let options = Options::parse();
    program::run("throughput", &options.run, || lead(&options), pair::follow)
}

fn lead(options: &Options) -> Result<(), Failure> {
    let rounds = options.run.rounds(60);
    let figures = support::figure::wanted(&Figure::all(), options.run.only.as_deref());
    let mut leader = Leader::start()?;
    // Nanoseconds a message, of each round.
    let times = vec![Vec::new(); figures.len()];
    let times = program::play(&figures, rounds, times, |figure, times| {
        times.push(leader.run(figure)?);
        Ok(())
    })?;
    let report = report::report(&figures, &times);
    report.finish(rounds, leader.cores(), options.run.json.as_deref())
}
