//! What `#[derive(Message)]` costs: to compile, to validate, and in bytes of schema.
//!
//! ```text
//! cargo bench --bench derive                    the tables
//! cargo bench --bench derive -- --quick         the same in a few minutes, with fewer rounds
//! cargo bench --bench derive -- --json FILE     and the figures as JSON
//! cargo bench --bench derive -- --only compile  one of the tables: compile, validate or schema
//! ```
//!
//! | table | what |
//! |---|---|
//! | `compile` | `cargo check` of a crate of 400 structs with 20 fields each, its dependencies built before |
//! | `validate` | one message of 64 bytes checked, beside the same 64 bytes copied |
//! | `schema` | the encoded schema of structs of 5, 50 and 500 fields, with and without documentation |
//!
//! Where times are compared, the contestants take turns in short rounds, so that what disturbs the machine
//! disturbs all; a ratio is the median of the rounds' ratios.

mod compile;
mod report;
mod schema;
mod validate;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

/// What everything in the benchmark may fail with.
type Failure = Box<dyn std::error::Error>;

/// What the derive costs.
#[derive(Parser)]
struct Options {
    /// Fewer rounds: a few minutes.
    #[arg(long)]
    quick: bool,
    /// Rounds, instead of the default.
    #[arg(long)]
    rounds: Option<usize>,
    /// Also write the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only this table.
    #[arg(long, value_name = "TABLE")]
    only: Option<Table>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A table of figures.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Table {
    Compile,
    Validate,
    Schema,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("derive: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Failure> {
    let wanted = |table| options.only.is_none_or(|only| only == table);
    let rounds =
        |quick, thorough| options.rounds.unwrap_or(if options.quick { quick } else { thorough }).max(1);
    let mut figures = Vec::new();
    if wanted(Table::Compile) {
        figures.extend(compile::measure(rounds(3, 10))?);
    }
    if wanted(Table::Validate) {
        figures.extend(validate::measure(rounds(50, 500)));
    }
    if wanted(Table::Schema) {
        figures.extend(schema::measure());
    }
    match &options.json {
        Some(path) => report::write_json(&figures, path),
        None => Ok(()),
    }
}
