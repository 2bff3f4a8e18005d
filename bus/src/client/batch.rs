//! Receiving many updates at once.
//!
//! The first of a batch is waited for as a single one is; the others are those that are there. So the machinery of
//! waiting is passed once for all of them, and what is left for each is a look at its slot. The ring's head then says up
//! to where there are values, so that the lines of several are on their way from the publisher's core at once; and each is
//! copied to its place among the updates, and nowhere else before.
//!
//! Of a merged link each update is looked for as a single one is: the members take turns within a batch too.

use std::time::Duration;

use super::deliver::Deliver;
use super::link::Link;
use super::merged::{Merged, MergedLink};
use crate::error::Result;

impl<D: Deliver> Link<D> {
    /// Waits for updates, however long, and appends up to `most` of those that there are; how many. At least one, unless
    /// `most` is 0.
    ///
    /// It allocates only where `updates` has no room, so keep it, and clear it between batches.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("market")?;
    /// # service.ready()?;
    /// # let ticks = service.topic::<u64>("ticks").open()?;
    /// # let counter = ticks.item("counter")?;
    /// let mut link = bus.connect::<u64>("market/ticks").open()?.advise("counter").hot()?;
    /// counter.publish_batch(&[1, 2, 3, 4, 5])?;
    ///
    /// let mut updates = Vec::with_capacity(3);
    /// assert_eq!(link.recv_batch(&mut updates, 3)?, 3);
    /// assert_eq!(updates.drain(..).map(|update| update.value).sum::<u64>(), 6);
    /// assert_eq!(link.recv_batch(&mut updates, 3)?, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`recv`](Self::recv). What was received before the error has been appended.
    #[inline]
    pub fn recv_batch(&mut self, updates: &mut Vec<D::Item>, most: usize) -> Result<usize> {
        let Some(others) = most.checked_sub(1) else { return Ok(0) };
        updates.push(self.recv()?);
        Ok(1 + self.try_recv_batch(updates, others)?)
    }

    /// As [`recv_batch`](Self::recv_batch), and waits at most `timeout`.
    ///
    /// # Errors
    /// As [`recv_timeout`](Self::recv_timeout). What was received before the error has been appended.
    #[inline]
    pub fn recv_batch_timeout(
        &mut self,
        updates: &mut Vec<D::Item>,
        most: usize,
        timeout: Duration,
    ) -> Result<usize> {
        let Some(others) = most.checked_sub(1) else { return Ok(0) };
        updates.push(self.recv_timeout(timeout)?);
        Ok(1 + self.try_recv_batch(updates, others)?)
    }

    /// Appends up to `most` of the updates that there are now; how many.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv). What was received before the error has been appended.
    #[inline]
    pub fn try_recv_batch(&mut self, updates: &mut Vec<D::Item>, most: usize) -> Result<usize> {
        // The head's line is the publisher's, so who finds nothing leaves it alone.
        let mut last = None;
        for received in 0..most {
            if self.is_apart() {
                match self.look_apart()? {
                    Some(update) => updates.push(update),
                    None => return Ok(received),
                }
                continue;
            }
            if let (Some(reader), 1..) = (&self.reader, received) {
                let last = *last.get_or_insert_with(|| reader.end());
                reader.expect_up_to(last);
            }
            if !D::look_into(self, updates)? {
                return Ok(received);
            }
        }
        Ok(most)
    }
}

impl<D: Deliver> MergedLink<D> {
    /// Waits for updates of any members, however long, and appends up to `most` of those that there are; how many. At least one,
    /// unless `most` is 0. Members take turns as they do in single receives, so that one which floods does not fill every batch.
    ///
    /// It allocates only where `updates` has no room, so keep it, and clear it between batches.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("md-nyse")?;
    /// # let topic = service.topic::<u64>("ticks").open()?;
    /// # let counter = topic.item("counter")?;
    /// # service.ready()?;
    /// # counter.publish(&0)?;
    /// let ticks = bus.connect_all::<u64>("md-*", "ticks")?;
    /// let mut link = ticks.advise("counter").hot()?;
    /// # assert_eq!(link.recv()?.update.value, 0);
    /// counter.publish_batch(&[1, 2, 3, 4, 5])?;
    ///
    /// let mut updates = Vec::with_capacity(3);
    /// assert_eq!(link.recv_batch(&mut updates, 3)?, 3);
    /// assert_eq!(updates.drain(..).map(|merged| merged.update.value).sum::<u64>(), 6);
    /// assert_eq!(link.recv_batch(&mut updates, 3)?, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`recv`](Self::recv). What was received before the error has been appended.
    #[inline]
    pub fn recv_batch(&mut self, updates: &mut Vec<Merged<D::Item>>, most: usize) -> Result<usize> {
        let Some(others) = most.checked_sub(1) else { return Ok(0) };
        updates.push(self.recv()?);
        Ok(1 + self.try_recv_batch(updates, others)?)
    }

    /// As [`recv_batch`](Self::recv_batch), and waits at most `timeout`.
    ///
    /// # Errors
    /// As [`recv_timeout`](Self::recv_timeout). What was received before the error has been appended.
    #[inline]
    pub fn recv_batch_timeout(
        &mut self,
        updates: &mut Vec<Merged<D::Item>>,
        most: usize,
        timeout: Duration,
    ) -> Result<usize> {
        let Some(others) = most.checked_sub(1) else { return Ok(0) };
        updates.push(self.recv_timeout(timeout)?);
        Ok(1 + self.try_recv_batch(updates, others)?)
    }

    /// Appends up to `most` of the updates that there are now; how many.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv). What was received before the error has been appended.
    #[inline]
    pub fn try_recv_batch(&mut self, updates: &mut Vec<Merged<D::Item>>, most: usize) -> Result<usize> {
        for received in 0..most {
            match self.try_recv()? {
                Some(merged) => updates.push(merged),
                None => return Ok(received),
            }
        }
        Ok(most)
    }
}
