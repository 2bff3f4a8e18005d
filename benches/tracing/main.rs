//! What it costs a service that somebody could look at it, and that somebody does, in one run.
//!
//! ```text
//! cargo bench --bench tracing                    the table
//! cargo bench --bench tracing -- --rounds 5      with fewer rounds
//! cargo bench --bench tracing -- --json FILE     and the figures as JSON
//! ```
//!
//! Two processes, pinned to two cores where there are two: one is the client, the other the service. Figures take turns in short
//! rounds, so that what disturbs the machine disturbs all of them; the ratio is the median of the rounds' ratios. From its second
//! round on a figure that nobody looks at is one that somebody has looked at before, since the others were played meanwhile.
//!
//! | figure | what |
//! |---|---|
//! | `raw_round_trip` | 64 B copied into plain shared memory and out of it on the other side, and the same back |
//! | `execute` | a command from begin to answer, both sides spinning, with nobody who looks; against `raw_round_trip` |
//! | `execute_looked_at` | the same, while a link follows the counters of the system topic; against `execute` |
//! | `execute_spied` | the same, while a spy reads what happens; against `execute` |
//! | `publish` | a publish of 64 B to nobody, with nobody who looks |
//! | `publish_looked_at`, `publish_spied` | the same, in a service that is looked at; against `publish` |
//!
//! Who looks is a thread of the client's process that may run on either core, both of which are taken: what it costs to be looked at
//! is therefore more here than where it has a core of its own.

mod figure;
mod look;
mod pair;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use clap::Parser;
use serde_json::json;

use crate::figure::Figure;
use crate::pair::Leader;
use crate::support::{Failure, Recorder, Report, program, report};

/// What it costs a service to be looked at, and that it could be.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    run: program::Options,
}

fn main() -> ExitCode {
    let options = Options::parse();
    program::run("tracing", &options.run, || lead(&options), pair::follow)
}

fn lead(options: &Options) -> Result<(), Failure> {
    let rounds = options.run.rounds(30);
    let figures = support::figure::wanted(&Figure::ALL, options.run.only.as_deref());
    let mut leader = Leader::start()?;
    let recorders = program::record(&figures, rounds, |figure, recorder| leader.run(figure, recorder))?;
    tell(&figures, &recorders).finish(rounds, leader.cores(), options.run.json.as_deref())
}

fn tell(figures: &[Figure], recorders: &[Recorder]) -> Report {
    let medians: Vec<_> = recorders.iter().map(Recorder::medians).collect();
    let mut report = Report::new(20, &[("p50 ns", 12), ("p99 ns", 12), ("p99.9 ns", 12), ("÷ ref.", 8)]);
    let ratios = support::figure::ratios(figures, &medians);
    for ((&figure, recorder), ratio) in figures.iter().zip(recorders).zip(ratios) {
        let times = recorder.percentiles();
        let mut cells: Vec<_> = times.iter().map(|time| format!("{time:.1}")).collect();
        cells.push(report::ratio(ratio));
        let [p50, p99, p999] = times;
        let fields = json!({ "p50_ns": p50, "p99_ns": p99, "p999_ns": p999, "ratio_to_reference": ratio });
        report.add(figure, cells, fields);
    }
    report
}
