//! The two processes: one sends and measures, the other receives.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::figure::{BATCH, Figure};
use crate::large::RawLarge;
use crate::ours::{Publishing, Reading, check};
use crate::ring::RawRing;
use crate::shared::{LINES, Shared, await_at_least};
use crate::support::{self, Failure, Partner, cores, pin};

/// Pairs of lines of `step`: up to where all links of a figure have read, and rounds that were received to the end.
const READ: usize = 0;
const ROUNDS: usize = 1;

/// The process that sends and measures.
pub(crate) struct Leader {
    partner: Partner,
    cores: [usize; 2],
    ring: RawRing,
    large: RawLarge,
    step: Shared,
    rounds: u64,
    ours: Publishing,
    _directory: tempfile::TempDir,
}

impl Leader {
    pub(crate) fn start() -> Result<Self, Failure> {
        let cores = cores()?;
        let directory = tempfile::tempdir()?;
        let ring = RawRing::create(&directory.path().join("ring"))?;
        let large = RawLarge::create(&directory.path().join("large"))?;
        let step = Shared::create(&directory.path().join("step"), 2 * LINES)?;
        // Before this process is pinned, which the second one would inherit.
        let partner = Partner::start(directory.path())?;
        pin(cores[0])?;
        let ours = Publishing::open(directory.path())?;
        Ok(Leader { partner, cores, ring, large, step, rounds: 0, ours, _directory: directory })
    }

    pub(crate) fn cores(&self) -> [usize; 2] {
        self.cores
    }

    /// Measures one round of a figure: nanoseconds a message.
    pub(crate) fn run(&mut self, figure: Figure) -> Result<f64, Failure> {
        let index = Figure::all().iter().position(|&known| known == figure).ok_or("unknown figure")?;
        self.step.word(READ).store(0, Ordering::Release);
        self.partner.ask(&index.to_string())?;
        let start = Instant::now();
        let mut time = None;
        match figure {
            Figure::RawRing => (0..figure.messages()).for_each(|number| self.ring.send([number; 8])),
            Figure::RawRingBatched => (0..figure.messages()).step_by(BATCH).for_each(|first| {
                self.ring.send_batch(&core::array::from_fn(|more| [first + more as u64; 8]));
            }),
            Figure::Lossless | Figure::LosslessBatched => self.ours.stream(figure)?,
            Figure::Publish { .. } | Figure::PublishUntracked { .. } => {
                time = Some(self.ours.publish(figure, &self.step)?)
            }
            Figure::MemcpyRead => (0..figure.messages()).for_each(|_| self.large.lead()),
        }
        self.rounds += 1;
        await_at_least(self.step.word(ROUNDS), self.rounds);
        let time: Duration = time.unwrap_or_else(|| start.elapsed());
        self.partner.ask("done")?;
        Ok(time.as_nanos() as f64 / figure.messages() as f64)
    }
}

/// The process that receives.
pub(crate) fn follow(meeting: &Path) -> Result<(), Failure> {
    let mut ring = RawRing::open(&meeting.join("ring"))?;
    let mut large = RawLarge::open(&meeting.join("large"))?;
    let step = Shared::open(&meeting.join("step"))?;
    pin(cores()?[1])?;
    let mut ours = Reading::open(meeting)?;
    let figures = Figure::all();
    let mut rounds = 0;
    support::follow(|index, ready| {
        let figure = *figures.get(index).ok_or("unknown figure")?;
        ours.prepare(figure)?;
        ready()?;
        match figure {
            Figure::RawRing => receive(&mut ring, figure, 1),
            Figure::RawRingBatched => receive(&mut ring, figure, BATCH as u64),
            Figure::Lossless | Figure::LosslessBatched => ours.stream(figure)?,
            Figure::Publish { .. } | Figure::PublishUntracked { .. } => ours.keep_up(figure, &step)?,
            Figure::MemcpyRead => (0..figure.messages()).for_each(|_| large.follow()),
        }
        rounds += 1;
        step.word(ROUNDS).store(rounds, Ordering::Release);
        ours.end();
        Ok(())
    })
}

/// Receives all messages of a round from the plain ring.
fn receive(ring: &mut RawRing, figure: Figure, most: u64) {
    let mut number = 0;
    while number < figure.messages() {
        ring.receive(most, |words| {
            check(&words, number);
            number += 1;
        });
    }
}
