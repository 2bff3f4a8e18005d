//! The bus, doing what the reference does, and less.

use std::path::Path;
use std::time::{Duration, Instant};

use bus::{Bus, Conversation, Item, ItemId, Link, Message, Samples, Service, Topic, Wait};

use crate::figure::Figure;
use crate::payload::{self, Large, Payload, SMALL, Small, Source};
use crate::raw::Raw;
use crate::support::{Failure, Recorder};

/// How long the two processes wait for each other to appear.
const PATIENCE: Duration = Duration::from_secs(30);
/// Values that the links of `publish` may hold, one each.
const HELD: usize = 64;
/// Publishes that are timed at once: twice as many as there are between two looks at what is held.
const BATCH: u32 = 2 * (HELD as u32 + 1);
/// What the topic of `publish` keeps, so that links which get their turn after a batch miss nothing.
const HISTORY: usize = 256;

/// Which of the two processes this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Leader,
    Follower,
}

/// A topic of our own and a link to the other side's.
struct Lane<const N: usize> {
    topic: Topic<Payload<N>>,
    item: ItemId,
    link: Link<Samples<Payload<N>>>,
}

/// All that is measured, set up on one side.
pub(crate) struct Ours {
    small: Lane<{ SMALL / 8 }>,
    large: Lane<{ crate::payload::LARGE / 8 }>,
    alone: Topic<Small>,
    alone_item: ItemId,
    alone_there: Conversation<Small>,
    source: Source,
    /// Of the last payload that was copied.
    number: u64,
    _service: Service,
}

impl Ours {
    pub(crate) fn open(directory: &Path, side: Side) -> Result<Self, Failure> {
        let bus = Bus::builder().directory(directory).open("samples")?;
        let (here, there) = match side {
            Side::Leader => ("leader", "follower"),
            Side::Follower => ("follower", "leader"),
        };
        let service = bus.service(here)?;
        let (small, large) = (topic::<Small>(&service, "small")?, topic::<Large>(&service, "large")?);
        let alone = service.topic("alone").history(HISTORY).samples(HELD).capacity(1).open()?;
        let alone_item = alone.item("x")?.id();
        service.ready()?;
        Ok(Ours {
            small: lane(&bus, there, small)?,
            large: lane(&bus, there, large)?,
            alone,
            alone_item,
            alone_there: bus.connect(&format!("{there}/alone")).wait(PATIENCE).open()?,
            source: Source::new(),
            number: 0,
            _service: service,
        })
    }

    pub(crate) fn lead(
        &mut self,
        figure: Figure,
        samples: usize,
        recorder: &mut Recorder,
    ) -> Result<(), bus::Error> {
        match figure {
            Figure::Untouched(SMALL) => self.small.lead_untouched(samples, recorder),
            Figure::Untouched(_) => self.large.lead_untouched(samples, recorder),
            _ => {
                for _ in 0..samples {
                    self.number += 1;
                    let start = Instant::now();
                    self.large.send(self.number, &mut self.source)?;
                    self.large.receive(self.number)?;
                    recorder.record(start.elapsed() / 2, 1);
                }
                Ok(())
            }
        }
    }

    pub(crate) fn follow(&mut self, figure: Figure, samples: usize) -> Result<(), bus::Error> {
        match figure {
            Figure::Untouched(SMALL) => self.small.follow_untouched(samples),
            Figure::Untouched(_) => self.large.follow_untouched(samples),
            _ => {
                for _ in 0..samples {
                    self.number += 1;
                    self.large.receive(self.number)?;
                    self.large.send(self.number, &mut self.source)?;
                }
                Ok(())
            }
        }
    }

    /// Publishes, and lets the other process's links receive after each batch.
    pub(crate) fn publish(
        &mut self,
        samples: usize,
        raw: &mut Raw,
        recorder: &mut Recorder,
    ) -> Result<(), bus::Error> {
        let item = at(&self.alone, self.alone_item);
        let mut value = 0;
        for _ in 0..samples {
            let start = Instant::now();
            for _ in 0..BATCH {
                value += 1;
                item.publish(&Payload { words: [value; SMALL / 8] })?;
            }
            recorder.record(start.elapsed(), BATCH);
            raw.give_turn();
        }
        Ok(())
    }

    /// Opens so many links to what the other side publishes alone.
    pub(crate) fn links(&self, count: usize) -> Result<Vec<Link<Samples<Small>>>, bus::Error> {
        (0..count).map(|_| self.alone_there.advise("x").prime(false).samples(1)).collect()
    }
}

/// Receives all that is there on every link, holding each value once.
pub(crate) fn keep_up(links: &mut [Link<Samples<Small>>]) -> Result<(), bus::Error> {
    for link in links {
        let mut received = 0;
        while let Some(update) = link.try_recv()? {
            assert_eq!(update.missed, 0, "a link of `publish` fell behind");
            received += 1;
        }
        assert_eq!(received, BATCH, "a link of `publish` was not given everything");
    }
    Ok(())
}

/// A topic with as few values in memory as one sample allows.
fn topic<T: Message>(service: &Service, name: &str) -> Result<Topic<T>, bus::Error> {
    let topic = service.topic(name).history(2).samples(1).capacity(1).open()?;
    topic.item("x")?;
    Ok(topic)
}

fn lane<const N: usize>(bus: &Bus, there: &str, topic: Topic<Payload<N>>) -> Result<Lane<N>, bus::Error> {
    let address = format!("{there}/{}", topic.name());
    let conversation = bus.connect::<Payload<N>>(&address).wait(PATIENCE).open()?;
    let link = conversation.advise("x").strategy(Wait::Spin).samples(1)?;
    let item = topic.item("x")?.id();
    Ok(Lane { topic, item, link })
}

fn at<T: Message>(topic: &Topic<T>, id: ItemId) -> Item<'_, T> {
    topic.at(id).expect("the id is of this topic")
}

impl<const N: usize> Lane<N> {
    fn lead_untouched(&mut self, samples: usize, recorder: &mut Recorder) -> Result<(), bus::Error> {
        let item = at(&self.topic, self.item);
        for _ in 0..samples {
            let start = Instant::now();
            item.loan()?.in_place().publish()?;
            self.link.recv()?;
            recorder.record(start.elapsed() / 2, 1);
        }
        Ok(())
    }

    fn follow_untouched(&mut self, samples: usize) -> Result<(), bus::Error> {
        let item = at(&self.topic, self.item);
        for _ in 0..samples {
            self.link.recv()?;
            item.loan()?.in_place().publish()?;
        }
        Ok(())
    }

    /// Copies a payload into a loan, and publishes it.
    fn send(&self, number: u64, source: &mut Source) -> Result<(), bus::Error> {
        let mut draft = at(&self.topic, self.item).loan()?.in_place();
        draft.get_mut().words.copy_from_slice(source.words(number));
        draft.publish()?;
        Ok(())
    }

    /// Receives a sample, and reads every word of it.
    fn receive(&mut self, number: u64) -> Result<(), bus::Error> {
        payload::check(&self.link.recv()?.value.words, number);
        Ok(())
    }
}
