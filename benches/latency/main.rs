//! Latency of the bus beside the least that the machine allows, in one run.
//!
//! ```text
//! cargo bench --bench latency                    the table
//! cargo bench --bench latency -- --quick         the same in under three minutes, with fewer rounds
//! cargo bench --bench latency -- --json FILE     and the figures as JSON
//! ```
//!
//! Two processes, pinned to two cores where there are two, send a payload back and forth; one way is half of
//! a round trip. The sender writes every word of a payload and the receiver reads every word of it. References
//! and ours take turns in short rounds, so that what disturbs the machine disturbs both; the ratio is the
//! median of the rounds' ratios, and percentiles are over all rounds.
//!
//! | figure | what |
//! |---|---|
//! | `raw_line` | a bare 8-byte store that the other side sees, one cache line for each direction |
//! | `raw_payload` | a payload copied into plain shared memory and out of it, behind one sequence word |
//! | `raw_futex`, `raw_futex_same_core` | a word stored, and a futex wake of a sleeper in the other process |
//! | `one_way_spin` | publish to receive, spinning; 40 B against `raw_line`, others against `raw_payload` |
//! | `one_way_sleep`, `one_way_sleep_same_core` | the same with a receiver that sleeps, against the futex |
//! | `publish` | one publish while nobody sleeps, with so many links open in the other process |
//! | `request` | one request of a value that does not change |
//! | `first_value` | from `Bus::open` to a value of a service in the other process |
//! | `resident_memory` | of a topic with 10 000 items: bytes, not nanoseconds |

mod figure;
mod lone;
mod ours;
mod pair;
mod raw;
mod report;
#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::figure::{Figure, Recorder};
use crate::pair::Leader;
use crate::support::Failure;

/// Latency of the bus beside the least that the machine allows.
#[derive(Parser)]
struct Options {
    /// Fewer rounds: under three minutes.
    #[arg(long)]
    quick: bool,
    /// Rounds, instead of the default.
    #[arg(long)]
    rounds: Option<usize>,
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
            eprintln!("latency: {error}");
            ExitCode::FAILURE
        }
    }
}

fn lead(options: &Options) -> Result<(), Failure> {
    let rounds = options.rounds.unwrap_or(if options.quick { 15 } else { 60 }).max(1);
    let figures: Vec<Figure> = figure::all(options.only.as_deref());
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
    let memory = lone::resident_memory()?;
    let results = report::results(&figures, &recorders, memory);
    report::print(&results, rounds, leader.cores());
    if let Some(path) = &options.json {
        report::write_json(&results, path)?;
    }
    Ok(())
}
