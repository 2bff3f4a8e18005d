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

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::figure::Recorder;
use crate::pair::Leader;
use crate::support::Failure;

/// Large messages without a copy, beside the least that the machine allows.
#[derive(Parser)]
struct Options {
    /// Rounds.
    #[arg(long, default_value_t = 40)]
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
            eprintln!("samples: {error}");
            ExitCode::FAILURE
        }
    }
}

fn lead(options: &Options) -> Result<(), Failure> {
    let rounds = options.rounds.max(1);
    let figures = figure::wanted(options.only.as_deref());
    let mut leader = Leader::start()?;
    let mut recorders: Vec<Recorder> = figures.iter().map(|_| Recorder::new()).collect();
    for round in 0..rounds {
        eprint!("\rround {} of {rounds} ", round + 1);
        for (figure, recorder) in figures.iter().zip(&mut recorders) {
            recorder.begin_round();
            leader.run(*figure, recorder)?;
        }
    }
    eprintln!();
    let results = report::results(&figures, &recorders);
    report::print(&results, rounds, leader.cores());
    if let Some(path) = &options.json {
        report::write_json(&results, path)?;
    }
    Ok(())
}
