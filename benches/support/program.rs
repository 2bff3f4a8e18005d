//! The command line of a benchmark, the beginnings of its two processes, and the rounds in which its figures take turns.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{Failure, Figure, Recorder};

// No documentation of its own: it would take the place of each benchmark's in the help.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Rounds, instead of the default.
    #[arg(long)]
    rounds: Option<usize>,
    /// Also write the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Only figures whose name contains this, with their references.
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Option<String>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
    /// Be the second process.
    #[arg(long, hide = true, value_name = "MEETING")]
    follow: Option<PathBuf>,
}

impl Options {
    /// How many rounds to play, `default` if nobody says.
    pub(crate) fn rounds(&self, default: usize) -> usize {
        self.rounds.unwrap_or(default).max(1)
    }
}

/// Runs the process that measures, or where the command line says so the other one.
pub(crate) fn run(
    benchmark: &str,
    options: &Options,
    lead: impl FnOnce() -> Result<(), Failure>,
    follow: impl FnOnce(&Path) -> Result<(), Failure>,
) -> ExitCode {
    let result = match &options.follow {
        Some(meeting) => follow(meeting),
        None => lead(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{benchmark}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Plays all figures in turn, in so many rounds, and keeps what each is in each of them.
pub(crate) fn play<F: Figure, R>(
    figures: &[F],
    rounds: usize,
    mut results: Vec<R>,
    mut play: impl FnMut(F, &mut R) -> Result<(), Failure>,
) -> Result<Vec<R>, Failure> {
    for round in 0..rounds {
        eprint!("\rround {} of {rounds} ", round + 1);
        for (&figure, result) in figures.iter().zip(&mut results) {
            play(figure, result)?;
        }
    }
    eprintln!();
    Ok(results)
}

/// As [`play`], where each round of a figure is many times to record.
pub(crate) fn record<F: Figure>(
    figures: &[F],
    rounds: usize,
    mut figure: impl FnMut(F, &mut Recorder) -> Result<(), Failure>,
) -> Result<Vec<Recorder>, Failure> {
    let recorders = figures.iter().map(|_| Recorder::new()).collect();
    play(figures, rounds, recorders, |which, recorder: &mut Recorder| {
        recorder.begin_round();
        figure(which, recorder)
    })
}
