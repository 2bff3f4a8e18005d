//! The two processes: the client, which measures, and the service.

use std::path::Path;

use crate::crew::Crew;
use crate::figure::Figure;
use crate::ours::{self, Asking, Serving};
use crate::support::{self, Failure, Partner, Raw, Recorder, cores, pin};

/// Bytes of the references' payload.
const PAYLOAD: usize = 64;

/// The process that measures.
pub(crate) struct Leader {
    partner: Partner,
    cores: [usize; 2],
    raw: Raw,
    ours: Asking,
    crew: Crew,
    directory: tempfile::TempDir,
}

impl Leader {
    pub(crate) fn start() -> Result<Self, Failure> {
        let cores = cores()?;
        let directory = tempfile::tempdir()?;
        let raw = Raw::create(&directory.path().join("raw"))?;
        let partner = Partner::start(directory.path())?;
        // It may run on further cores.
        let crew = Crew::start(directory.path())?;
        pin(cores[0])?;
        let ours = Asking::open(directory.path())?;
        Ok(Leader { partner, cores, raw, ours, crew, directory })
    }

    pub(crate) fn cores(&self) -> [usize; 2] {
        self.cores
    }

    /// Measures one round of a figure.
    pub(crate) fn run(&mut self, figure: Figure, recorder: &mut Recorder) -> Result<(), Failure> {
        let index = Figure::all().iter().position(|&known| known == figure).ok_or("unknown figure")?;
        self.partner.ask(&index.to_string())?;
        let mut unrecorded = Recorder::new();
        let directory = self.directory.path();
        for (samples, recorder) in [(warmup(figure), &mut unrecorded), (figure.samples(), recorder)] {
            let batch = figure.batch();
            match figure {
                Figure::RawRoundTrip => {
                    self.raw.lead_payload(PAYLOAD, samples, |time| recorder.record(time, 1))
                }
                Figure::RawFutex => self.raw.lead_futex(samples, |time| recorder.record(time, 1)),
                Figure::InFlight(many) => self.ours.ask_ahead(many, batch, samples, recorder)?,
                Figure::Clients(many) => self.crew.ask(many, batch, samples, recorder)?,
                Figure::Connect => ours::connect(directory, samples, recorder)?,
                _ => self.ours.ask(figure, samples, recorder)?,
            }
        }
        self.crew.disperse()?;
        self.partner.ask("done")
    }
}

/// Samples that are not counted, before those that are.
fn warmup(figure: Figure) -> usize {
    (figure.samples() / 10).max(1)
}

/// The process that answers.
pub(crate) fn follow(meeting: &Path) -> Result<(), Failure> {
    let cores = cores()?;
    let mut raw = Raw::open(&meeting.join("raw"))?;
    pin(cores[1])?;
    let mut ours = Serving::open(meeting)?;
    let figures = Figure::all();
    support::follow(|index, ready| {
        let figure = *figures.get(index).ok_or("unknown figure")?;
        ready()?;
        let samples = warmup(figure) + figure.samples();
        match figure {
            Figure::RawRoundTrip => raw.follow_payload(PAYLOAD, samples),
            Figure::RawFutex => raw.follow_futex(samples),
            _ => ours.answer(figure, (samples * figure.batch()) as u64)?,
        }
        Ok(())
    })
}
