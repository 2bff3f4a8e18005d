//! The two processes: started, pinned, and kept in step over a pipe.

use std::path::Path;

use crate::figure::Figure;
use crate::ours::{self, Ours, Side};
use crate::raw::Raw;
use crate::support::{self, Failure, Partner, Recorder, cores, pin};

/// The process that measures.
pub(crate) struct Leader {
    // Before the directory that it meets us in.
    partner: Partner,
    cores: [usize; 2],
    raw: Raw,
    ours: Ours,
    _directory: tempfile::TempDir,
}

impl Leader {
    pub(crate) fn start() -> Result<Self, Failure> {
        let cores = cores()?;
        let directory = tempfile::tempdir()?;
        let raw = Raw::create(&directory.path().join("raw"))?;
        let partner = Partner::start(directory.path())?;
        pin(cores[0])?;
        let ours = Ours::open(directory.path(), Side::Leader)?;
        Ok(Leader { partner, cores, raw, ours, _directory: directory })
    }

    pub(crate) fn cores(&self) -> [usize; 2] {
        self.cores
    }

    /// Measures one round of a figure.
    pub(crate) fn run(&mut self, figure: Figure, recorder: &mut Recorder) -> Result<(), Failure> {
        let index = Figure::all().iter().position(|&known| known == figure).ok_or("unknown figure")?;
        self.partner.ask(&index.to_string())?;
        let mut unrecorded = Recorder::new();
        for (samples, recorder) in [(figure.samples() / 10, &mut unrecorded), (figure.samples(), recorder)] {
            match figure {
                Figure::RawCopyRead(places) => self.raw.lead(places, samples, recorder),
                Figure::Untouched(_) | Figure::CopyRead => self.ours.lead(figure, samples, recorder)?,
                Figure::Publish(_) => self.ours.publish(samples, &mut self.raw, recorder)?,
            }
        }
        self.partner.ask("done")
    }
}

/// The process that answers.
pub(crate) fn follow(meeting: &Path) -> Result<(), Failure> {
    let cores = cores()?;
    let mut raw = Raw::open(&meeting.join("raw"))?;
    pin(cores[1])?;
    let mut ours = Ours::open(meeting, Side::Follower)?;
    let figures = Figure::all();
    support::follow(|index, ready| {
        let figure = *figures.get(index).ok_or("unknown figure")?;
        let samples = figure.samples() / 10 + figure.samples();
        match figure {
            Figure::RawCopyRead(places) => {
                ready()?;
                raw.follow(places, samples);
            }
            Figure::Untouched(_) | Figure::CopyRead => {
                ready()?;
                ours.follow(figure, samples)?;
            }
            Figure::Publish(links) => {
                let mut links = ours.links(links)?;
                ready()?;
                for _ in 0..samples {
                    raw.take_turn(|| ours::keep_up(&mut links))?;
                }
            }
        }
        Ok(())
    })
}
