//! The bus, doing what the references do.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use bus::{
    Bus, Conversation, Hot, Item, ItemId, Link, Message, RemoteItem, Service, Topic, Update, Wait, WaitSet,
};

use crate::executor::Executor;
use crate::figure::Figure;
use crate::pair::one_way;
use crate::support::{Failure, Recorder, check};

/// How long the two processes wait for each other to appear.
const PATIENCE: Duration = Duration::from_secs(30);
/// Operations that are timed at once where one is shorter than reading the clock.
const BATCH: u32 = 100;

/// A payload of `N` words.
#[derive(Message, Clone, Copy)]
#[repr(C)]
pub(crate) struct Payload<const N: usize> {
    words: [u64; N],
}

impl<const N: usize> Payload<N> {
    /// Writes every word.
    fn new(value: u64) -> Self {
        Payload { words: [value; N] }
    }

    /// Reads every word.
    fn check(&self, value: u64) {
        check(&self.words, value);
    }
}

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
    link: Link<Hot<Payload<N>>>,
    value: u64,
}

/// All that is measured, set up on one side.
pub(crate) struct Ours {
    spin_40: Lane<5>,
    spin_64: Lane<8>,
    spin_1k: Lane<128>,
    spin_64k: Lane<8192>,
    sleep: Lane<8>,
    sleep_same_core: Lane<8>,
    task: Lane<8>,
    executor: Executor,
    wait_set: Lane<8>,
    /// Has the link of that lane.
    set: WaitSet<()>,
    alone: Topic<Payload<8>>,
    alone_item: ItemId,
    alone_there: Conversation<Payload<8>>,
    /// As `alone`, and values are stamped.
    stamped: Topic<Payload<8>>,
    stamped_item: ItemId,
    requested: RemoteItem<Payload<8>>,
    _service: Service,
}

/// Opens the same bus in both processes.
pub(crate) fn open_bus(directory: &Path) -> Result<Bus, bus::Error> {
    Bus::builder().directory(directory).open("latency")
}

impl Ours {
    pub(crate) fn open(directory: &Path, side: Side) -> Result<Self, Failure> {
        let bus = open_bus(directory)?;
        let (here, there) = match side {
            Side::Leader => ("leader", "follower"),
            Side::Follower => ("follower", "leader"),
        };
        let service = bus.service(here)?;
        let alone = service.topic("alone").open()?;
        let alone_item = alone.item("x")?.id();
        let stamped = service.topic("stamped").stamps(true).open()?;
        let stamped_item = stamped.item("x")?.id();
        let topics = (
            topic(&service, "spin 40")?,
            topic(&service, "spin 64")?,
            topic(&service, "spin 1k")?,
            topic(&service, "spin 64k")?,
            topic(&service, "sleep")?,
            topic(&service, "sleep same core")?,
            topic(&service, "task")?,
            topic(&service, "wait set")?,
        );
        if let Some(item) = alone.at(alone_item) {
            item.publish(&Payload::new(1))?;
        }
        service.ready()?;
        let alone_there: Conversation<Payload<8>> =
            bus.connect(&format!("{there}/alone")).wait(PATIENCE).open()?;
        let mut wait_set = lane(&bus, there, topics.7, Wait::Park)?;
        let mut set = WaitSet::new()?;
        set.add(&mut wait_set.link, ())?;
        Ok(Ours {
            spin_40: lane(&bus, there, topics.0, Wait::Spin)?,
            spin_64: lane(&bus, there, topics.1, Wait::Spin)?,
            spin_1k: lane(&bus, there, topics.2, Wait::Spin)?,
            spin_64k: lane(&bus, there, topics.3, Wait::Spin)?,
            sleep: lane(&bus, there, topics.4, Wait::Park)?,
            sleep_same_core: lane(&bus, there, topics.5, Wait::Park)?,
            task: lane(&bus, there, topics.6, Wait::Park)?,
            executor: Executor::new(),
            wait_set,
            set,
            requested: alone_there.item("x")?,
            alone,
            alone_item,
            alone_there,
            stamped,
            stamped_item,
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
            Figure::OneWaySpin(40) => self.spin_40.lead(samples, recorder, Link::recv),
            Figure::OneWaySpin(64) => self.spin_64.lead(samples, recorder, Link::recv),
            Figure::OneWaySpin(1024) => self.spin_1k.lead(samples, recorder, Link::recv),
            Figure::OneWaySpin(_) => self.spin_64k.lead(samples, recorder, Link::recv),
            Figure::OneWaySleepSameCore => self.sleep_same_core.lead(samples, recorder, Link::recv),
            Figure::OneWayAsync => {
                self.task.lead(samples, recorder, |link| self.executor.run(link.recv_async()))
            }
            Figure::OneWayWaitSet => {
                self.wait_set.lead(samples, recorder, |link| receive_by(&mut self.set, link))
            }
            _ => self.sleep.lead(samples, recorder, Link::recv),
        }
    }

    pub(crate) fn follow(&mut self, figure: Figure, samples: usize) -> Result<(), bus::Error> {
        match figure {
            Figure::OneWaySpin(40) => self.spin_40.follow(samples, Link::recv),
            Figure::OneWaySpin(64) => self.spin_64.follow(samples, Link::recv),
            Figure::OneWaySpin(1024) => self.spin_1k.follow(samples, Link::recv),
            Figure::OneWaySpin(_) => self.spin_64k.follow(samples, Link::recv),
            Figure::OneWaySleepSameCore => self.sleep_same_core.follow(samples, Link::recv),
            Figure::OneWayAsync => self.task.follow(samples, |link| self.executor.run(link.recv_async())),
            Figure::OneWayWaitSet => self.wait_set.follow(samples, |link| receive_by(&mut self.set, link)),
            _ => self.sleep.follow(samples, Link::recv),
        }
    }

    /// Publishes while the other process holds links and does nothing.
    pub(crate) fn publish(
        &mut self,
        figure: Figure,
        samples: usize,
        recorder: &mut Recorder,
    ) -> Result<(), bus::Error> {
        let (topic, item) = match figure {
            Figure::PublishStamped => (&self.stamped, self.stamped_item),
            _ => (&self.alone, self.alone_item),
        };
        let Some(item) = topic.at(item) else { return Ok(()) };
        let mut value = 0;
        for _ in 0..samples {
            let start = Instant::now();
            for _ in 0..BATCH {
                value += 1;
                item.publish(&Payload::new(value))?;
            }
            recorder.record(start.elapsed(), BATCH);
        }
        Ok(())
    }

    /// Requests the other process's value, which does not change.
    pub(crate) fn request(&mut self, samples: usize, recorder: &mut Recorder) -> Result<(), bus::Error> {
        for _ in 0..samples {
            let start = Instant::now();
            for _ in 0..BATCH {
                // Each word on its own: a sum would be vectorised, and wait for the words to leave the store buffer.
                let _ = self.requested.request()?.value.words.map(black_box);
            }
            recorder.record(start.elapsed(), BATCH);
            self.requested.request()?.value.check(1);
        }
        Ok(())
    }

    /// Opens so many links to what the other side publishes alone.
    pub(crate) fn links(&self, count: usize) -> Result<Vec<Link<Hot<Payload<8>>>>, bus::Error> {
        (0..count).map(|_| self.alone_there.advise("x").hot()).collect()
    }
}

fn topic<const N: usize>(service: &Service, name: &str) -> Result<Topic<Payload<N>>, bus::Error> {
    let topic = service.topic(name).open()?;
    topic.item("x")?;
    Ok(topic)
}

fn lane<const N: usize>(
    bus: &Bus,
    there: &str,
    topic: Topic<Payload<N>>,
    wait: Wait,
) -> Result<Lane<N>, bus::Error> {
    let address = format!("{there}/{}", topic.name());
    let conversation = bus.connect::<Payload<N>>(&address).wait(PATIENCE).open()?;
    let link = conversation.advise("x").strategy(wait).hot()?;
    let item = topic.item("x")?.id();
    Ok(Lane { topic, item, link, value: 0 })
}

/// Waits for a link by a set that it is in, and receives.
fn receive_by<const N: usize>(set: &mut WaitSet<()>, link: &mut Link<Hot<Payload<N>>>) -> Received<N> {
    loop {
        set.wait()?;
        if let Some(update) = link.try_recv()? {
            return Ok(update);
        }
    }
}

type Received<const N: usize> = Result<Update<Payload<N>>, bus::Error>;

impl<const N: usize> Lane<N> {
    fn item(topic: &Topic<Payload<N>>, id: ItemId) -> Item<'_, Payload<N>> {
        topic.at(id).expect("the id is of this topic")
    }

    fn lead(
        &mut self,
        samples: usize,
        recorder: &mut Recorder,
        mut receive: impl FnMut(&mut Link<Hot<Payload<N>>>) -> Received<N>,
    ) -> Result<(), bus::Error> {
        let item = Self::item(&self.topic, self.item);
        for _ in 0..samples {
            self.value += 1;
            let start = Instant::now();
            item.publish(&Payload::new(self.value))?;
            receive(&mut self.link)?.value.check(self.value);
            recorder.record(one_way(start.elapsed()), 1);
        }
        Ok(())
    }

    fn follow(
        &mut self,
        samples: usize,
        mut receive: impl FnMut(&mut Link<Hot<Payload<N>>>) -> Received<N>,
    ) -> Result<(), bus::Error> {
        let item = Self::item(&self.topic, self.item);
        for _ in 0..samples {
            self.value += 1;
            receive(&mut self.link)?.value.check(self.value);
            item.publish(&Payload::new(self.value))?;
        }
        Ok(())
    }
}
