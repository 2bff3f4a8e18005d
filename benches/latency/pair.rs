//! The two processes: started, pinned, and kept in step over a pipe.

use std::path::Path;
use std::time::Duration;

use crate::figure::Figure;
use crate::ours::Ours;
use crate::support::{self, Failure, Partner, Raw, Recorder, cores, pin};
use crate::{lone, ours};

/// The process that measures.
pub(crate) struct Leader {
    partner: Partner,
    cores: [usize; 2],
    raw: Raw,
    ours: Ours,
    directory: tempfile::TempDir,
}

impl Leader {
    pub(crate) fn start() -> Result<Self, Failure> {
        let cores = cores()?;
        let directory = tempfile::tempdir()?;
        let raw = Raw::create(&directory.path().join("raw"))?;
        let partner = Partner::start(directory.path())?;
        pin(cores[0])?;
        let ours = Ours::open(directory.path(), ours::Side::Leader)?;
        Ok(Leader { partner, cores, raw, ours, directory })
    }

    pub(crate) fn cores(&self) -> [usize; 2] {
        self.cores
    }

    /// Measures one round of a figure.
    pub(crate) fn run(&mut self, figure: Figure, recorder: &mut Recorder) -> Result<(), Failure> {
        let index = Figure::all().iter().position(|&known| known == figure).ok_or("unknown figure")?;
        // When it answers, the second process is ready, and on the right core.
        self.partner.ask(&index.to_string())?;
        let warmup = figure.samples() / 10;
        let mut unrecorded = Recorder::new();
        for (samples, recorder) in [(warmup, &mut unrecorded), (figure.samples(), recorder)] {
            match figure {
                Figure::RawLine => self.raw.lead_line(samples, halved(recorder)),
                Figure::RawPayload(size) => self.raw.lead_payload(size, samples, halved(recorder)),
                Figure::RawFutex | Figure::RawFutexSameCore => self.raw.lead_futex(samples, halved(recorder)),
                Figure::OneWaySpin(_)
                | Figure::OneWaySleep
                | Figure::OneWaySleepSameCore
                | Figure::OneWayAsync
                | Figure::OneWayWaitSet => self.ours.lead(figure, samples, recorder)?,
                Figure::Publish(_) | Figure::PublishStamped => {
                    self.ours.publish(figure, samples, recorder)?
                }
                Figure::Request => self.ours.request(samples, recorder)?,
                Figure::FirstValue => lone::first_value(self.directory.path(), samples, recorder)?,
            }
        }
        // A round ends when the second process says so, so that it disturbs nothing that follows.
        self.partner.ask("done")
    }
}

/// The process that answers.
pub(crate) fn follow(meeting: &Path) -> Result<(), Failure> {
    let cores = cores()?;
    let mut raw = Raw::open(&meeting.join("raw"))?;
    pin(cores[1])?;
    let mut ours = Ours::open(meeting, ours::Side::Follower)?;
    let figures = Figure::all();
    let mut links = Vec::new();
    support::follow(|index, ready| {
        let figure = *figures.get(index).ok_or("unknown figure")?;
        pin(cores[usize::from(!figure.on_one_core())])?;
        links.clear();
        if let Figure::Publish(count) = figure {
            links = ours.links(count)?;
        }
        ready()?;
        let samples = figure.samples() / 10 + figure.samples();
        match figure {
            Figure::RawLine => raw.follow_line(samples),
            Figure::RawPayload(size) => raw.follow_payload(size, samples),
            Figure::RawFutex | Figure::RawFutexSameCore => raw.follow_futex(samples),
            Figure::OneWaySpin(_)
            | Figure::OneWaySleep
            | Figure::OneWaySleepSameCore
            | Figure::OneWayAsync
            | Figure::OneWayWaitSet => ours.follow(figure, samples)?,
            Figure::Publish(_) | Figure::PublishStamped | Figure::Request | Figure::FirstValue => {}
        }
        Ok(())
    })
}

/// One half of a round trip.
pub(crate) fn one_way(round_trip: Duration) -> Duration {
    round_trip / 2
}

/// Records one half of each round trip.
fn halved(recorder: &mut Recorder) -> impl FnMut(Duration) {
    |round_trip| recorder.record(one_way(round_trip), 1)
}
