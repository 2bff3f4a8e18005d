//! Transactions of the bus beside the least that the machine allows, in one run.
//!
//! ```text
//! cargo bench --bench transactions                    the table
//! cargo bench --bench transactions -- --rounds 5      with fewer rounds
//! cargo bench --bench transactions -- --json FILE     and the figures as JSON
//! ```
//!
//! Two processes, pinned to two cores where there are two: one is the client, the other the service. Commands, replies and
//! values have 64 bytes, of which the one side writes every word and the other reads every word. References and ours take
//! turns in short rounds, so that what disturbs the machine disturbs both; the ratio is the median of the rounds' ratios.
//!
//! | figure | what |
//! |---|---|
//! | `raw_round_trip` | 64 B copied into plain shared memory and out of it on the other side, and the same back |
//! | `execute_spin`, `poke_spin`, `compute_spin` | a transaction from begin to answer, both sides spinning; against `raw_round_trip` |
//! | `raw_futex` | a word stored and a futex wake of a sleeper in the other process, and the same back |
//! | `execute_sleep` | a transaction with both sides sleeping; against `raw_futex` |
//! | `execute_async` | the same, awaited by a task on a thread that parks; against `execute_sleep` |
//! | `in_flight` | one execute, where one client has so many on their way; against one on its way |
//! | `clients` | one execute, where so many clients, each with a connection and a thread, in eight processes, have one on its way each; against one client |
//! | `connect` | from `Bus::open` to the reply to a first command |
//! | `memory_of_conversation` | what a conversation makes resident on both sides together: bytes, not nanoseconds |
//! | `memory_of_lane` | the shared memory by which it has transactions, from its first one on |
//!
//! Clients spin and then sleep (`Wait::SpinThenPark`) for `in_flight` and `clients`, and so does the service: what a program has by
//! default.

mod crew;
#[path = "../latency/executor.rs"]
mod executor;
mod figure;
mod memory;
mod ours;
mod pair;
mod report;
#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::figure::Figure;
use crate::pair::Leader;
use crate::support::{Failure, program};

/// Transactions of the bus beside the least that the machine allows.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    run: program::Options,
    /// Be one of the processes with clients.
    #[arg(long, hide = true, value_name = "MEETING")]
    crew: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let lead = || match &options.crew {
        Some(meeting) => crew::follow(meeting),
        None => lead(&options),
    };
    program::run("transactions", &options.run, lead, pair::follow)
}

fn lead(options: &Options) -> Result<(), Failure> {
    let rounds = options.run.rounds(30);
    let figures = support::figure::wanted(&Figure::all(), options.run.only.as_deref());
    let mut leader = Leader::start()?;
    let recorders = program::record(&figures, rounds, |figure, recorder| leader.run(figure, recorder))?;
    let report = report::report(&figures, &recorders, memory::of_conversation()?);
    report.finish(rounds, leader.cores(), options.run.json.as_deref())
}
