//! The two processes: the client, which measures, and the service. What is published is the client's process's own.

use std::path::Path;
use std::time::{Duration, Instant};

use bus::{Bus, Client, Handlers, Message, Service, Topic, Wait};

use crate::figure::Figure;
use crate::look::Look;
use crate::support::{self, Failure, Partner, Raw, Recorder, check, cores, pin};

/// Bytes of the reference's payload.
const PAYLOAD: usize = 64;
/// How long the two processes wait for each other.
const PATIENCE: Duration = Duration::from_secs(30);
/// Publishes that are timed at once: each is shorter than a look at the clock.
const BATCH: u32 = 64;

/// A value, or the answer to a command.
#[derive(Message, Clone, Copy)]
#[repr(C)]
struct Payload {
    words: [u64; 8],
}

/// A command, which is answered with what it carries.
#[derive(Message, Clone, Copy)]
#[message(reply = Payload)]
#[repr(C)]
struct Echo {
    words: [u64; 8],
}

fn open_bus(directory: &Path) -> Result<Bus, bus::Error> {
    Bus::builder().directory(directory).open("tracing")
}

/// The process that measures.
pub(crate) struct Leader {
    partner: Partner,
    cores: [usize; 2],
    raw: Raw,
    bus: Bus,
    client: Client,
    topic: Topic<Payload>,
    _service: Service,
    value: u64,
    _directory: tempfile::TempDir,
}

impl Leader {
    pub(crate) fn start() -> Result<Self, Failure> {
        let cores = cores()?;
        let directory = tempfile::tempdir()?;
        let raw = Raw::create(&directory.path().join("raw"))?;
        let partner = Partner::start(directory.path())?;
        let bus = open_bus(directory.path())?;
        // Its control thread is in the way of nobody who measures.
        pin(cores[1])?;
        let service = bus.service("values")?;
        let topic = service.topic::<Payload>("values").open()?;
        topic.item("x")?;
        service.ready()?;
        pin(cores[0])?;
        let client = bus.client("echo").wait(PATIENCE).open()?.with_timeout(PATIENCE).with_wait(Wait::Spin);
        Ok(Leader {
            partner,
            cores,
            raw,
            bus,
            client,
            topic,
            _service: service,
            value: 0,
            _directory: directory,
        })
    }

    pub(crate) fn cores(&self) -> [usize; 2] {
        self.cores
    }

    /// Measures one round of a figure.
    pub(crate) fn run(&mut self, figure: Figure, recorder: &mut Recorder) -> Result<(), Failure> {
        let index = Figure::ALL.iter().position(|&known| known == figure).ok_or("unknown figure")?;
        // Before the service answers by a thread that takes its core.
        let _look = match figure {
            Figure::RawRoundTrip => None,
            Figure::Execute(looks) => Some(Look::begin(&self.bus, "echo", looks)?),
            Figure::Publish(looks) => Some(Look::begin(&self.bus, "values", looks)?),
        };
        self.partner.ask(&index.to_string())?;
        let mut unrecorded = Recorder::new();
        for (samples, recorder) in [(warmup(figure), &mut unrecorded), (figure.samples(), recorder)] {
            match figure {
                Figure::RawRoundTrip => {
                    self.raw.lead_payload(PAYLOAD, samples, |time| recorder.record(time, 1))
                }
                Figure::Execute(_) => self.execute(samples, recorder)?,
                Figure::Publish(_) => self.publish(samples, recorder)?,
            }
        }
        self.partner.ask("done")
    }

    fn execute(&mut self, samples: usize, recorder: &mut Recorder) -> Result<(), bus::Error> {
        for _ in 0..samples {
            self.value += 1;
            let start = Instant::now();
            let reply = self.client.execute(&Echo { words: [self.value; 8] })?;
            check(&reply.words, self.value);
            recorder.record(start.elapsed(), 1);
        }
        Ok(())
    }

    fn publish(&mut self, samples: usize, recorder: &mut Recorder) -> Result<(), bus::Error> {
        let item = self.topic.item("x")?;
        for _ in 0..samples {
            let start = Instant::now();
            for _ in 0..BATCH {
                self.value += 1;
                item.publish(&Payload { words: [self.value; 8] })?;
            }
            recorder.record(start.elapsed(), BATCH);
        }
        Ok(())
    }
}

/// Samples that are not counted, before those that are.
fn warmup(figure: Figure) -> usize {
    figure.samples() / 10
}

/// The process that answers.
pub(crate) fn follow(meeting: &Path) -> Result<(), Failure> {
    let mut raw = Raw::open(&meeting.join("raw"))?;
    pin(cores()?[1])?;
    let service = open_bus(meeting)?.service("echo")?;
    let mut handlers: Handlers<'_, u64> = service.handlers()?;
    handlers.wait(Wait::Spin);
    handlers.execute(|answered, echo: &Echo, _| {
        *answered += 1;
        check(&echo.words, echo.words[0]);
        Ok(Payload { words: echo.words })
    })?;
    service.ready()?;
    let mut answered = 0;
    support::follow(|index, ready| {
        let figure = *Figure::ALL.get(index).ok_or("unknown figure")?;
        ready()?;
        let samples = warmup(figure) + figure.samples();
        match figure {
            Figure::RawRoundTrip => raw.follow_payload(PAYLOAD, samples),
            Figure::Execute(_) => {
                let end = answered + samples as u64;
                while answered < end {
                    handlers.poll(&mut answered, PATIENCE)?;
                }
            }
            Figure::Publish(_) => {}
        }
        Ok(())
    })
}
