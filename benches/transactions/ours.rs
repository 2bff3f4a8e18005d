//! The bus, doing what the references do, and more at once.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use bus::{Bus, Client, Conversation, Handlers, Message, Service, Topic};

use crate::executor::Executor;
use crate::figure::Figure;
use crate::support::{Failure, Recorder, check};

/// How long the two processes wait for each other to appear.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A value, or the answer to a command.
#[derive(Message, Clone, Copy)]
#[repr(C)]
pub(crate) struct Payload {
    words: [u64; 8],
}

/// A command, which is answered with what it carries.
#[derive(Message, Clone, Copy)]
#[message(reply = Payload)]
#[repr(C)]
pub(crate) struct Echo {
    words: [u64; 8],
}

impl Payload {
    fn new(value: u64) -> Self {
        Payload { words: [value; 8] }
    }

    pub(crate) fn check(&self, value: u64) {
        check(&self.words, value);
    }
}

impl Echo {
    pub(crate) fn new(value: u64) -> Self {
        Echo { words: [value; 8] }
    }
}

/// Opens the same bus in both processes.
pub(crate) fn open_bus(directory: &Path) -> Result<Bus, bus::Error> {
    Bus::builder().directory(directory).open("transactions")
}

/// The service's side.
pub(crate) struct Serving {
    handlers: Handlers<'static, u64>,
    /// Requests that were answered.
    answered: u64,
    _topic: Topic<Payload>,
    _service: Service,
}

impl Serving {
    pub(crate) fn open(directory: &Path) -> Result<Self, Failure> {
        let service = open_bus(directory)?.service("echo")?;
        let topic = service.topic::<Payload>("values").open()?;
        topic.item("x")?;
        let mut handlers = service.handlers::<u64>()?;
        handlers.queue(64)?;
        handlers.execute(|answered, echo: &Echo, _| {
            *answered += 1;
            check(&echo.words, echo.words[0]);
            Ok(Payload::new(echo.words[0]))
        })?;
        handlers.poke("values", |answered, value: &Payload, _| {
            *answered += 1;
            value.check(value.words[0]);
            Ok(())
        })?;
        handlers.compute("values", |answered, _| {
            *answered += 1;
            Ok(Payload::new(*answered))
        })?;
        service.ready()?;
        Ok(Serving { handlers, answered: 0, _topic: topic, _service: service })
    }

    /// Answers so many requests.
    pub(crate) fn answer(&mut self, figure: Figure, requests: u64) -> Result<(), bus::Error> {
        self.handlers.wait(figure.wait());
        let end = self.answered + requests;
        while self.answered < end {
            self.handlers.poll(&mut self.answered, PATIENCE)?;
        }
        Ok(())
    }
}

/// The client's side.
pub(crate) struct Asking {
    client: Client,
    values: Conversation<Payload>,
    executor: Executor,
    value: u64,
}

impl Asking {
    pub(crate) fn open(directory: &Path) -> Result<Self, Failure> {
        let bus = open_bus(directory)?;
        Ok(Asking {
            client: bus.client("echo").wait(PATIENCE).open()?.with_timeout(PATIENCE),
            values: bus.connect("echo/values").wait(PATIENCE).open()?.with_timeout(PATIENCE),
            executor: Executor::new(),
            value: 0,
        })
    }

    pub(crate) fn ask(
        &mut self,
        figure: Figure,
        samples: usize,
        recorder: &mut Recorder,
    ) -> Result<(), bus::Error> {
        let client = self.client.clone().with_wait(figure.wait());
        let values = self.values.clone().with_wait(figure.wait());
        for _ in 0..samples {
            self.value += 1;
            let (value, start) = (self.value, Instant::now());
            match figure {
                Figure::PokeSpin => values.poke("x", &Payload::new(value))?,
                Figure::ComputeSpin => {
                    let computed = values.request_as::<Payload>("x")?;
                    computed.check(computed.words[0]);
                }
                Figure::ExecuteAsync => {
                    self.executor.run(client.execute_async(&Echo::new(value)))?.check(value);
                }
                _ => client.execute(&Echo::new(value))?.check(value),
            }
            recorder.record(start.elapsed(), 1);
        }
        Ok(())
    }

    /// Keeps so many on their way.
    pub(crate) fn ask_ahead(
        &mut self,
        many: usize,
        batch: usize,
        samples: usize,
        recorder: &mut Recorder,
    ) -> Result<(), bus::Error> {
        let mut pending = VecDeque::with_capacity(many);
        for _ in 0..samples {
            let start = Instant::now();
            for _ in 0..batch {
                if pending.len() == many
                    && let Some((value, first)) = pending.pop_front()
                {
                    wait_for(first, value)?;
                }
                self.value += 1;
                pending.push_back((self.value, self.client.begin_execute(&Echo::new(self.value))?));
            }
            for (value, last) in pending.drain(..) {
                wait_for(last, value)?;
            }
            recorder.record(start.elapsed(), batch as u32);
        }
        Ok(())
    }
}

fn wait_for(pending: bus::Pending<Payload>, value: u64) -> Result<(), bus::Error> {
    pending.wait()?.check(value);
    Ok(())
}

/// From `Bus::open` to the reply to a first command.
pub(crate) fn connect(directory: &Path, samples: usize, recorder: &mut Recorder) -> Result<(), Failure> {
    for value in 0..samples as u64 {
        let start = Instant::now();
        let client = open_bus(directory)?.client("echo").open()?;
        client.execute(&Echo::new(value))?.check(value);
        recorder.record(start.elapsed(), 1);
    }
    Ok(())
}
