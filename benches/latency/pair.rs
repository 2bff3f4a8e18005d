//! The two processes: started, pinned, and kept in step over a pipe.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::Failure;
use crate::figure::{self, Figure, Recorder};
use crate::ours::Ours;
use crate::raw::Raw;
use crate::{lone, ours};

/// The process that measures.
pub(crate) struct Leader {
    child: Child,
    commands: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
    cores: [usize; 2],
    raw: Raw,
    ours: Ours,
    directory: tempfile::TempDir,
}

/// The cores for the two processes: two where there are two.
fn cores() -> Result<[usize; 2], Failure> {
    let allowed = sched_getaffinity(None)?;
    let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
    let first = cores.next().ok_or("no core may be used")?;
    Ok([first, cores.next().unwrap_or(first)])
}

fn pin(core: usize) -> Result<(), Failure> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

impl Leader {
    pub(crate) fn start() -> Result<Self, Failure> {
        let cores = cores()?;
        let directory = tempfile::tempdir()?;
        let raw = Raw::create(&directory.path().join("raw"))?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--follow")
            .arg(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().ok_or("the second process has no output")?).lines();
        pin(cores[0])?;
        let ours = Ours::open(directory.path(), ours::Side::Leader)?;
        Ok(Leader { child, commands, answers, cores, raw, ours, directory })
    }

    pub(crate) fn cores(&self) -> [usize; 2] {
        self.cores
    }

    /// Measures one round of a figure.
    pub(crate) fn run(&mut self, figure: Figure, recorder: &mut Recorder) -> Result<(), Failure> {
        let index = figure::all(None).iter().position(|&known| known == figure).ok_or("unknown figure")?;
        let commands = self.commands.as_mut().ok_or("the second process has no input")?;
        writeln!(commands, "{index}")?;
        // The second process is ready, and on the right core.
        self.answers.next().ok_or("the second process is gone")??;
        let warmup = figure.samples() / 10;
        let mut unrecorded = Recorder::new();
        for (samples, recorder) in [(warmup, &mut unrecorded), (figure.samples(), recorder)] {
            match figure {
                Figure::RawLine => self.raw.lead_line(samples, recorder),
                Figure::RawPayload(size) => self.raw.lead_payload(size, samples, recorder),
                Figure::RawFutex | Figure::RawFutexSameCore => self.raw.lead_futex(samples, recorder),
                Figure::OneWaySpin(_) | Figure::OneWaySleep | Figure::OneWaySleepSameCore => {
                    self.ours.lead(figure, samples, recorder)?;
                }
                Figure::Publish(_) => self.ours.publish(samples, recorder)?,
                Figure::Request => self.ours.request(samples, recorder)?,
                Figure::FirstValue => lone::first_value(self.directory.path(), samples, recorder)?,
            }
        }
        // A round ends when the second process says so, so that it disturbs nothing that follows.
        writeln!(self.commands.as_mut().ok_or("the second process has no input")?, "done")?;
        self.answers.next().ok_or("the second process is gone")??;
        Ok(())
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        // The end of its input ends the second process.
        self.commands = None;
        let _ = self.child.wait();
    }
}

/// The process that answers.
pub(crate) fn follow(meeting: &Path) -> Result<(), Failure> {
    let cores = cores()?;
    let mut raw = Raw::open(&meeting.join("raw"))?;
    pin(cores[1])?;
    let mut ours = Ours::open(meeting, ours::Side::Follower)?;
    let figures = figure::all(None);
    let mut commands = std::io::stdin().lines();
    let say = |text: &str| -> Result<(), Failure> {
        println!("{text}");
        Ok(std::io::stdout().flush()?)
    };
    while let Some(command) = commands.next() {
        let figure = *figures.get(command?.parse::<usize>()?).ok_or("unknown figure")?;
        if figure.on_one_core() {
            pin(cores[0])?;
        }
        let links = match figure {
            Figure::Publish(links) => ours.links(links)?,
            _ => Vec::new(),
        };
        say("ready")?;
        let samples = figure.samples() / 10 + figure.samples();
        match figure {
            Figure::RawLine => raw.follow_line(samples),
            Figure::RawPayload(size) => raw.follow_payload(size, samples),
            Figure::RawFutex | Figure::RawFutexSameCore => raw.follow_futex(samples),
            Figure::OneWaySpin(_) | Figure::OneWaySleep | Figure::OneWaySleepSameCore => {
                ours.follow(figure, samples)?;
            }
            Figure::Publish(_) | Figure::Request | Figure::FirstValue => {}
        }
        commands.next().ok_or("the first process is gone")??;
        drop(links);
        pin(cores[1])?;
        say("done")?;
    }
    Ok(())
}

/// The largest payload, for memory that holds any.
pub(crate) const LARGEST: usize = figure::SIZES[figure::SIZES.len() - 1];

/// One half of a round trip.
pub(crate) fn one_way(round_trip: std::time::Duration) -> std::time::Duration {
    round_trip / 2
}

/// Reads every word of a payload that arrived.
pub(crate) fn check(words: &[u64], value: u64) {
    assert!(words.iter().all(|&word| word == value), "a payload arrived torn");
}
