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
//! | `one_way_async` | as `one_way_sleep`, to a task that awaits the value on a thread which parks; against `one_way_sleep` |
//! | `one_way_wait_set` | as `one_way_sleep`, to a thread that waits in a `WaitSet`; against `one_way_sleep` |
//! | `publish` | one publish while nobody sleeps, with so many links open in the other process |
//! | `publish_stamped` | one publish of a topic that stamps its values, without links; against the same without stamps |
//! | `request` | one request of a value that does not change |
//! | `first_value` | from `Bus::open` to a value of a service in the other process |
//! | `resident_memory` | of a topic with 10 000 items: bytes, not nanoseconds |

mod executor;
mod figure;
mod lone;
mod ours;
mod pair;
mod report;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use clap::Parser;

use crate::figure::Figure;
use crate::pair::Leader;
use crate::support::{Failure, program};

/// Latency of the bus beside the least that the machine allows.
#[derive(Parser)]
struct Options {
    /// Fewer rounds: under three minutes.
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    run: program::Options,
}

fn main() -> ExitCode {
    let options = Options::parse();
    program::run("latency", &options.run, || lead(&options), pair::follow)
}

fn lead(options: &Options) -> Result<(), Failure> {
    let rounds = options.run.rounds(if options.quick { 15 } else { 60 });
    let figures = support::figure::wanted(&Figure::all(), options.run.only.as_deref());
    let mut leader = Leader::start()?;
    let recorders = program::record(&figures, rounds, |figure, recorder| leader.run(figure, recorder))?;
    let report = report::report(&figures, &recorders, lone::resident_memory()?);
    report.finish(rounds, leader.cores(), options.run.json.as_deref())
}
