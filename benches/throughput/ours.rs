//! The bus, doing what the references do.

use std::path::Path;
use std::time::{Duration, Instant};

use bus::{Bus, Conversation, Hot, ItemId, Link, Message, Service, Topic, Wait};

use crate::figure::{BATCH, Figure, SLOTS};
use crate::ring::Words;
use crate::shared::{Shared, await_at_least};
use crate::support::{Failure, Figure as _};

/// How long the two processes wait for each other.
const PATIENCE: Duration = Duration::from_secs(30);

/// A message of 64 bytes.
#[derive(Message, Clone, Copy)]
#[repr(C)]
pub(crate) struct Payload {
    pub(crate) words: Words,
}

/// The topics' histories.
const HISTORIES: [usize; 2] = [SLOTS, 16];

pub(crate) fn open_bus(directory: &Path) -> Result<Bus, bus::Error> {
    Bus::builder().directory(directory).open("throughput")
}

/// What the first process publishes.
pub(crate) struct Publishing {
    topics: [(Topic<Payload>, ItemId); 2],
    /// Values of each topic.
    published: [u64; 2],
    _service: Service,
}

fn which(figure: Figure) -> usize {
    usize::from(figure.history() != SLOTS)
}

impl Publishing {
    pub(crate) fn open(directory: &Path) -> Result<Self, Failure> {
        let service = open_bus(directory)?.service("leader")?;
        let open = |history: usize| -> Result<_, bus::Error> {
            let name = history.to_string();
            let topic: Topic<Payload> = service.topic(&name).history(history).lossless(PATIENCE).open()?;
            let item = topic.item("x")?.id();
            Ok((topic, item))
        };
        let topics = [open(HISTORIES[0])?, open(HISTORIES[1])?];
        service.ready()?;
        Ok(Publishing { topics, published: [0; 2], _service: service })
    }

    /// Publishes all messages of a round to one reader.
    pub(crate) fn stream(&mut self, figure: Figure) -> Result<(), bus::Error> {
        let (topic, item) = &self.topics[0];
        let item = topic.at(*item).expect("the id is of this topic");
        let messages = figure.messages();
        if figure == Figure::LosslessBatched {
            for first in (0..messages).step_by(BATCH) {
                item.publish_batch(&core::array::from_fn::<_, BATCH, _>(|more| {
                    payload(first + more as u64)
                }))?;
            }
        } else {
            for number in 0..messages {
                item.publish(&payload(number))?;
            }
        }
        self.published[0] += messages;
        Ok(())
    }

    /// Publishes as much as a history takes without a wait, again and again, each time when all links have read it; how
    /// long the publishes took.
    pub(crate) fn publish(&mut self, figure: Figure, step: &Shared) -> Result<Duration, bus::Error> {
        let which = which(figure);
        let (topic, item) = &self.topics[which];
        let item = topic.at(*item).expect("the id is of this topic");
        let burst = burst(figure);
        let mut time = Duration::ZERO;
        for first in (0..figure.messages()).step_by(burst as usize) {
            let start = Instant::now();
            for number in first..first + burst {
                item.publish(&payload(number))?;
            }
            time += start.elapsed();
            self.published[which] += burst;
            if figure.links() > 0 {
                await_at_least(step.word(0), first + burst);
            }
        }
        Ok(time)
    }
}

/// Publishes that are timed at once.
fn burst(figure: Figure) -> u64 {
    (figure.history() as u64 / 2).min(100)
}

#[inline(always)]
fn payload(number: u64) -> Payload {
    Payload { words: [number; 8] }
}

/// What the second process reads.
pub(crate) struct Reading {
    conversations: [Conversation<Payload>; 2],
    /// The links of the figure that is played.
    links: Vec<Link<Hot<Payload>>>,
}

impl Reading {
    pub(crate) fn open(directory: &Path) -> Result<Self, Failure> {
        let bus = open_bus(directory)?;
        let open = |history: usize| bus.connect(&format!("leader/{history}")).wait(PATIENCE).open();
        Ok(Reading { conversations: [open(HISTORIES[0])?, open(HISTORIES[1])?], links: Vec::new() })
    }

    /// Opens the links of a figure.
    pub(crate) fn prepare(&mut self, figure: Figure) -> Result<(), bus::Error> {
        let conversation = &self.conversations[which(figure)];
        let open = |_| {
            let advise = conversation.advise("x").prime(false).strategy(Wait::Spin).wait(PATIENCE);
            match figure {
                Figure::PublishUntracked { .. } => advise.hot(),
                _ => advise.lossless(PATIENCE).hot(),
            }
        };
        self.links = (0..figure.links()).map(open).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Receives all messages of a round.
    pub(crate) fn stream(&mut self, figure: Figure) -> Result<(), bus::Error> {
        let Some(link) = self.links.first_mut() else { return Ok(()) };
        if figure == Figure::LosslessBatched {
            return receive_batches(link, figure.messages());
        }
        for number in 0..figure.messages() {
            check(&link.recv()?.value.words, number);
        }
        Ok(())
    }

    /// Reads with all links what is published, and says how far all are.
    pub(crate) fn keep_up(&mut self, figure: Figure, step: &Shared) -> Result<(), bus::Error> {
        if self.links.is_empty() {
            return Ok(());
        }
        for number in 0..figure.messages() {
            for link in &mut self.links {
                check(&link.recv()?.value.words, number);
            }
            step.word(0).store(number + 1, std::sync::atomic::Ordering::Release);
        }
        Ok(())
    }

    pub(crate) fn end(&mut self) {
        self.links.clear();
    }
}

fn receive_batches(link: &mut Link<Hot<Payload>>, messages: u64) -> Result<(), bus::Error> {
    let mut updates = Vec::with_capacity(BATCH);
    let mut numbers = 0..messages;
    while !numbers.is_empty() {
        link.recv_batch(&mut updates, BATCH)?;
        for (update, number) in updates.drain(..).zip(&mut numbers) {
            check(&update.value.words, number);
        }
    }
    Ok(())
}

/// Reads every word.
#[inline(always)]
pub(crate) fn check(words: &Words, number: u64) {
    assert!(words.iter().all(|&word| word == number), "a message was lost or torn");
}
