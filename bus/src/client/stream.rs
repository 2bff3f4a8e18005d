//! Links without a thread that waits: futures and streams, for whatever executor runs them.
//!
//! A link that finds nothing leaves the task's waker with the bus's [reactor](super::reactor), asks the publisher for
//! its doorbell, looks once more, and is pending. Values are taken only by the poll that returns them, from where the
//! link stands in memory: a future that is dropped has taken nothing, and takes its waker away with it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use futures_core::Stream;

use super::control::Command;
use super::deliver::Deliver;
use super::link::Link;
use crate::bell::{self, PARK_BOUND};
use crate::error::Result;

/// Looks of one poll, each at something that turned out to be nothing for this link, before others get their turn.
const LOOKS_A_POLL: usize = 64;

/// Looks, none of them of a task, after which a link is no longer the tasks' to wait for: many, since beginning anew costs
/// a word with the service.
const LOOKS_WITHOUT_TASK: u32 = 1024;

impl<D: Deliver> Link<D> {
    /// As [`recv`](Self::recv), without blocking a thread: waits for the next update, however long.
    ///
    /// Needs no particular runtime: the bus's control thread, which runs anyway, wakes the task. To be dropped at any
    /// time: no update is lost with it. For a timeout, use the one of your runtime.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("thermometer")?;
    /// # let rooms = service.topic::<f64>("rooms").open()?;
    /// # rooms.item("kitchen")?.publish(&21.5)?;
    /// # service.ready()?;
    /// # smol::block_on(async {
    /// let rooms = bus.connect::<f64>("thermometer/rooms").open_async().await?;
    /// let mut kitchen = rooms.advise("kitchen").hot_async().await?;
    /// assert_eq!(kitchen.recv_async().await?.value, 21.5);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    ///
    /// One waits for a link at a time: a link that is in a [`WaitSet`](crate::WaitSet) is not any longer when a task has
    /// waited for it.
    ///
    /// # Errors
    /// As [`recv`](Self::recv); [`Error::Os`](crate::Error::Os) where the process has no descriptors left to
    /// wait by.
    pub fn recv_async(&mut self) -> Receive<'_, D> {
        Receive { link: self }
    }

    /// The next update, if there is one now; otherwise has the task woken when there may be. What
    /// [`recv_async`](Self::recv_async) and the [`Stream`] are made of.
    ///
    /// # Errors
    /// As [`recv_async`](Self::recv_async).
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Result<D::Item>> {
        // As for a receive that blocks: who waits here is not who resumes it.
        self.check_not_paused()?;
        self.looks = 0;
        for _ in 0..LOOKS_A_POLL {
            if let Some(item) = self.try_recv().transpose() {
                self.cease_to_wait();
                return Poll::Ready(item);
            }
            if let Err(error) = self.wait_by_tasks() {
                return Poll::Ready(Err(error));
            }
            self.pending = true;
            let vigil = &self.shared.vigil;
            vigil.set_task(context.waker());
            let now = Instant::now();
            self.shared.ask(now);
            bell::asked();
            if self.shared.news(now).is_none() {
                if vigil.left(now).is_some_and(|left| left < PARK_BOUND) {
                    // It may sleep for longer.
                    self.conversation.bus.wake_control();
                }
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Has the bus's tasks wait for this link, if they do not yet.
    fn wait_by_tasks(&mut self) -> Result<()> {
        if !self.shared.vigil.is_held_by(self.ticket) {
            let reactor = self.conversation.bus.reactor()?;
            self.ticket = reactor.add(self.shared.clone());
            self.begin_to_report();
        }
        Ok(())
    }
}

impl<D: Deliver> Link<D> {
    /// Somebody waits for this link by descriptor from now on.
    pub(super) fn begin_to_report(&mut self) {
        self.watched = true;
        self.choose_way();
        self.report();
        let (conversation, link) = (self.conversation.shared.clone(), self.shared.clone());
        self.conversation.bus.command(Command::Attend { conversation, link });
    }

    /// A look, of a task or not. A link that is read without tasks for long leaves them, so that it need not say any longer
    /// where it stands.
    pub(super) fn count_look(&mut self) {
        self.looks = self.looks.saturating_add(1);
        // A task that waits is owed its wake-up, whoever looks meanwhile.
        if self.looks < LOOKS_WITHOUT_TASK || self.pending || !self.shared.vigil.is_held_by(self.ticket) {
            return;
        }
        if self.shared.vigil.end_of(self.ticket) {
            let (conversation, link) = (self.conversation.shared.clone(), self.shared.clone());
            self.conversation.bus.command(Command::Attend { conversation, link });
        }
    }

    /// No task waits any longer.
    fn cease_to_wait(&mut self) {
        if core::mem::take(&mut self.pending) {
            drop(self.shared.vigil.take_task());
        }
    }
}

/// A series of [`recv_async`](Link::recv_async)s, which ends only where the link does.
///
/// ```
/// # fn main() -> Result<(), bus::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
/// # let service = bus.service("thermometer")?;
/// # let rooms = service.topic::<f64>("rooms").open()?;
/// # rooms.item("kitchen")?.publish(&21.5)?;
/// # service.ready()?;
/// use smol::stream::StreamExt; // or that of `futures`, or of `tokio-stream`
///
/// # smol::block_on(async {
/// let mut kitchen = bus.connect::<f64>("thermometer/rooms").open()?.advise("kitchen").hot()?;
/// while let Some(update) = kitchen.next().await {
///     println!("{} °C", update?.value);
///     # break;
/// }
/// # Ok(())
/// # })
/// # }
/// ```
impl<D: Deliver> Stream for Link<D> {
    type Item = Result<D::Item>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<D::Item>>> {
        if self.is_done() {
            return Poll::Ready(None);
        }
        self.poll_recv(context).map(Some)
    }
}

/// Waits for a link's next update; see [`Link::recv_async`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Receive<'l, D: Deliver> {
    link: &'l mut Link<D>,
}

impl<D: Deliver> Future for Receive<'_, D> {
    type Output = Result<D::Item>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<D::Item>> {
        self.link.poll_recv(context)
    }
}

impl<D: Deliver> Drop for Receive<'_, D> {
    fn drop(&mut self) {
        self.link.cease_to_wait();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::{Bus, WaitSet};

    #[test]
    fn a_link_that_nobody_waits_for_any_longer_takes_the_plain_way_again() {
        let directory = tempfile::tempdir().unwrap();
        let bus = Bus::builder().directory(directory.path()).open("test").unwrap();
        let service = bus.service("service").unwrap();
        let topic = service.topic::<u64>("topic").open().unwrap();
        topic.item("item").unwrap();
        service.ready().unwrap();
        let mut link = bus.connect::<u64>("service/topic").open().unwrap().advise("item").hot().unwrap();
        for _ in 0..2 {
            let mut set = WaitSet::new().unwrap();
            set.add(&mut link, ()).unwrap();
            assert!(link.try_recv().unwrap().is_none());
            assert!(link.apart, "it reports to the set");
            drop(set);
            assert!(link.try_recv().unwrap().is_none());
            assert!(!link.apart);
        }
        // A task that waits stays the one to be woken, one that is over does not.
        let mut context = Context::from_waker(Waker::noop());
        assert!(link.poll_recv(&mut context).is_pending());
        for waits in [true, false] {
            (0..=2 * LOOKS_WITHOUT_TASK).for_each(|_| assert!(link.try_recv().unwrap().is_none()));
            assert_eq!(link.apart, waits);
            // Dropped, it waits no longer.
            assert!(Pin::new(&mut link.recv_async()).poll(&mut context).is_pending());
        }
    }
}
