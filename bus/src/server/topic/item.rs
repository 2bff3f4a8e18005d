//! An item's handle: all that a program publishes by.

use std::time::{Duration, Instant};

use super::{Topic, Written, invalid};
use crate::error::Result;
use crate::mark::Mark;
use crate::message::Message;
use crate::payload::{Payload, WithHeader};
use crate::server::flow::Patience;
use crate::server::loan::Loan;
use crate::server::pool::Piece;
use crate::sync::step;
use crate::update::ItemId;

/// One item of a topic, to publish values of.
///
/// A light handle that borrows its topic. Where a borrow is in the way, as in a struct beside the topic,
/// keep its [`id`](Item::id) and come back with [`Topic::at`].
#[derive(Debug)]
pub struct Item<'t, T: ?Sized> {
    pub(super) topic: &'t Topic<T>,
    pub(super) item: &'t Written,
    pub(super) id: ItemId,
    /// What values are marked with.
    pub(super) mark: Mark,
}

impl<T: ?Sized> Clone for Item<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Item<'_, T> {}

impl<'t, T: Payload + ?Sized> Item<'t, T> {
    /// Publishes a value to all links at once, and returns its sequence number, from 1.
    ///
    /// Where the topic grants [lossless](crate::TopicBuilder::lossless) links, this waits until the slowest of them has room,
    /// or has stalled past its deadline and is ended. Otherwise it never waits.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed) if the service is closed. Where the topic keeps [samples](crate::TopicBuilder::samples) also
    /// [`Error::Exhausted`](crate::Error::Exhausted); and for slices [`Error::NoMemory`](crate::Error::NoMemory), and [`Error::InvalidOption`](crate::Error::InvalidOption) for one that is too
    /// [long](crate::TopicBuilder::longest).
    #[inline]
    pub fn publish(&self, value: &T) -> Result<u64> {
        self.topic.publish(self.item, self.id, value, self.mark, Patience::Full)
    }

    /// The same item, whose values are then published with a mark, which says how far they can be relied on; readers find it
    /// in [`Update::mark`](crate::Update::mark). Costs nothing.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("boiler")?;
    /// # let topic = service.topic::<f64>("sensors").open()?;
    /// # service.ready()?;
    /// use bus::{Mark, Quality, Severity};
    ///
    /// const NO_ANSWER: Mark = Mark::uncertain(17);
    /// topic.item("pressure")?.marked(NO_ANSWER).publish(&2.5)?;
    ///
    /// let sensors = bus.connect::<f64>("boiler/sensors").open()?;
    /// let pressure = sensors.request("pressure")?;
    /// assert_eq!(pressure.mark.severity(), Severity::Uncertain);
    /// assert_eq!(pressure.quality(), Quality::Marked(NO_ANSWER));
    /// # Ok(())
    /// # }
    /// ```
    pub fn marked(self, mark: Mark) -> Self {
        Item { mark, ..self }
    }

    /// As [`publish`](Self::publish), but never waits.
    ///
    /// # Errors
    /// [`Error::Full`](crate::Error::Full) where a lossless link has not read what this value would overwrite, with the slowest of them;
    /// nothing was published then. Otherwise as [`publish`](Self::publish).
    #[inline]
    pub fn try_publish(&self, value: &T) -> Result<u64> {
        self.topic.publish(self.item, self.id, value, self.mark, Patience::None)
    }

    /// As [`publish`](Self::publish), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`try_publish`](Self::try_publish).
    pub fn publish_timeout(&self, value: &T, timeout: Duration) -> Result<u64> {
        let patience = Instant::now().checked_add(timeout).map_or(Patience::Full, Patience::Until);
        self.topic.publish(self.item, self.id, value, self.mark, patience)
    }

    /// Memory for a value of so many bytes.
    pub(crate) fn lend(&self, bytes: usize) -> Result<Loan<'t, T>> {
        let pool = self.topic.pool.as_ref().ok_or_else(|| {
            invalid("samples", 0, "at least 1 for a topic that lends memory; or publish a copy, by `publish`")
        })?;
        let piece = self.topic.take(pool, bytes)?;
        step!(LoanTaken);
        let start = pool.borrow().words(piece).as_ptr().cast_mut().cast();
        let value = T::of_bytes(start, bytes).expect("so many bytes are a value's");
        // SAFETY: that is where it is, and the pool has just given it out. It stays there as long as the topic, which
        // the loan borrows.
        Ok(unsafe { Loan::new(*self, piece, value, bytes) })
    }

    pub(crate) fn publish_at(&self, piece: Piece, bytes: usize, patience: Patience) -> Result<u64> {
        let pool = self.topic.pool.as_ref().expect("a loan is of a topic with a pool");
        self.topic.publish_at(pool, self.item, self.id, (piece, bytes), self.mark, patience)
    }

    pub(crate) fn give_back(&self, piece: Piece) {
        let pool = self.topic.pool.as_ref().expect("a loan is of a topic with a pool");
        pool.borrow_mut().give_back(piece);
    }

    /// The number of the value that was published last, as [`publish`](Self::publish) returned it; 0 before the first.
    pub fn seq(&self) -> u64 {
        self.topic.next_number(self.item) - 1
    }

    /// The item's id in its topic.
    pub fn id(&self) -> ItemId {
        self.id
    }
}

impl<'t, T: Message> Item<'t, T> {
    /// Publishes several values in order, and wakes who sleeps once for all of them: the cheapest way to publish much.
    /// Waits for lossless links as [`publish`](Self::publish) does.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("market")?;
    /// # service.ready()?;
    /// let ticks = service.topic::<u64>("ticks").open()?;
    /// let counter = ticks.item("counter")?;
    /// counter.publish_batch(&[1, 2, 3])?;
    /// assert_eq!(counter.publish(&4)?, 4);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`publish`](Self::publish), also in between: the values before are published then, and [`seq`](Self::seq) says up
    /// to which.
    pub fn publish_batch(&self, values: &[T]) -> Result<()> {
        let mut rest = values;
        while !rest.is_empty() {
            rest = &rest[self.try_batch(rest, Patience::Full)?..];
        }
        Ok(())
    }

    /// As [`publish_batch`](Self::publish_batch), but publishes only what there is room for now, and returns how many
    /// values that were: the first ones.
    ///
    /// # Errors
    /// As [`try_publish`](Self::try_publish), where there is not even room for one.
    pub fn try_publish_batch(&self, values: &[T]) -> Result<usize> {
        self.try_batch(values, Patience::None)
    }

    fn try_batch(&self, values: &[T], patience: Patience) -> Result<usize> {
        self.topic.publish_batch(self.item, self.id, values, self.mark, patience)
    }

    /// Memory to build the next value in, which publishing then moves and does not copy; for topics that keep
    /// [`samples`](crate::TopicBuilder::samples). Dropping it publishes nothing.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("camera")?;
    /// # service.ready()?;
    /// let frames = service.topic::<[u8; 1 << 20]>("frames").history(2).samples(4).open()?;
    /// let front = frames.item("front")?;
    ///
    /// let mut frame = front.loan()?.in_place();
    /// frame.get_mut().fill(0x7f);
    /// frame.publish()?;
    ///
    /// let camera = bus.connect::<[u8; 1 << 20]>("camera/frames").open()?;
    /// let mut link = camera.advise("front").samples(2)?;
    /// let sample = link.recv()?.value; // no copy, as long as one likes
    /// assert_eq!(sample[12345], 0x7f);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) where the topic keeps its values in slots; [`Error::Exhausted`](crate::Error::Exhausted) where links hold, or this
    /// program has on loan, all memory that there is; [`Error::Closed`](crate::Error::Closed) if the service is closed.
    pub fn loan(&self) -> Result<Loan<'t, T>> {
        self.lend(size_of::<T>())
    }
}

impl<'t, E: Message> Item<'t, [E]> {
    /// Memory for a slice of `len` elements; otherwise as for [messages](Item::loan).
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("lidar")?;
    /// # service.ready()?;
    /// let clouds = service.topic::<[[f32; 3]]>("clouds").open()?;
    /// let front = clouds.item("front")?;
    /// let mut cloud = front.loan_slice(1000)?.in_place();
    /// cloud.get_mut().fill([1.0, 2.0, 3.0]);
    /// cloud.publish()?;
    ///
    /// let lidar = bus.connect::<[[f32; 3]]>("lidar/clouds").open()?;
    /// assert_eq!(lidar.advise("front").samples(1)?.recv()?.value.len(), 1000);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) beyond the topic's [`longest`](crate::TopicBuilder::longest); [`Error::Exhausted`](crate::Error::Exhausted);
    /// [`Error::NoMemory`](crate::Error::NoMemory) where the pool has to grow and cannot; [`Error::Closed`](crate::Error::Closed) if the service is closed.
    pub fn loan_slice(&self, len: usize) -> Result<Loan<'t, [E]>> {
        self.lend(len.saturating_mul(size_of::<E>()))
    }
}

impl<'t, H: Message, E: Message> Item<'t, WithHeader<H, [E]>> {
    /// Memory for a header and `len` elements; otherwise as for [slices](Item::loan_slice).
    ///
    /// # Errors
    /// As for slices.
    pub fn loan_slice(&self, len: usize) -> Result<Loan<'t, WithHeader<H, [E]>>> {
        let elements = len.saturating_mul(size_of::<E>());
        self.lend(elements.saturating_add(<WithHeader<H, [E]>>::ELEMENTS_AT))
    }
}
