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

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::figure::Figure;
use crate::pair::Leader;
use crate::support::Failure;

/// Throughput of the bus beside the best plain ring in shared memory.
#[derive(Parser)]
struct Options {
    /// Rounds.
    #[arg(long, default_value_t = 60)]
    rounds: usize,
    /// Also write the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only figures whose name contains this, with their references.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
    /// Be the second process.
    #[arg(long, hide = true, value_name = "MEETING")]
    follow: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let result = match &options.follow {
        Some(meeting) => pair::follow(meeting),
        None => lead(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("throughput: {error}");
            ExitCode::FAILURE
        }
    }
}

fn lead(options: &Options) -> Result<(), Failure> {
    let figures: Vec<Figure> = figure::all(options.only.as_deref());
    let mut leader = Leader::start()?;
    // Nanoseconds a message, of each round.
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); figures.len()];
    let rounds = options.rounds.max(1);
    for round in 0..rounds {
        eprint!("\rround {} of {rounds} ", round + 1);
        for (figure, times) in figures.iter().zip(&mut times) {
            times.push(leader.run(*figure)?);
        }
    }
    eprintln!();
    let results = report::results(&figures, &times);
    report::print(&results, rounds, leader.cores());
    if let Some(path) = &options.json {
        report::write_json(&results, path)?;
    }
    Ok(())
}
