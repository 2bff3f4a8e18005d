//! Publishing by a task: where there is no room the task waits for it, and not its thread.
//!
//! It asks the slowest link's reader to be told when that has read on, which is one frame to the service's control thread,
//! and one wake-up from there. That thread also wakes it when the link is gone, when it is past its deadline, or when the
//! service is closed; and every [`PARK_BOUND`] in any case, as threads look again.
//!
//! Nothing is published before there is room, and all of it at once then: dropping the future publishes nothing.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::time::Instant;

use super::{Item, Topic, Written, invalid};
use crate::bell::PARK_BOUND;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::payload::Payload;
use crate::server::flow::Patience;
use crate::server::loan::Draft;
use crate::server::shared::ServiceShared;
use crate::server::tracked::Tracked;
use crate::tasks::{Deadline, Registration, Tasks};
use crate::update::ItemId;

/// What a future that publishes keeps from one poll to the next.
#[derive(Debug)]
struct Waiting {
    service: Arc<ServiceShared>,
    place: Registration<Arc<Tasks>>,
    /// The link whose reader was asked to tell when it reads on.
    asked: Option<Arc<Tracked>>,
    /// When to look again in any case.
    deadline: Option<Deadline>,
}

impl Waiting {
    fn new(service: Arc<ServiceShared>) -> Self {
        let place = Tasks::registration_of(service.publishers.clone());
        Waiting { service, place, asked: None, deadline: None }
    }

    /// Asks no longer. Others may have asked the same reader, and do so again.
    fn stop(&mut self) {
        if let Some(link) = self.asked.take() {
            link.floor().stop();
            self.service.publishers.wake_all();
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.stop();
    }
}

impl<T: Payload + ?Sized> Topic<T> {
    /// As [`Item::publish_async`], of the item with this id, for tasks that move between threads: since this borrows the
    /// topic alone, the future is `Send`.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("ledger")?;
    /// # service.ready()?;
    /// use std::time::Duration;
    ///
    /// let mut entries = service.topic::<u64>("entries").lossless(Duration::from_secs(1)).open()?;
    /// let book = entries.item("book")?.id();
    /// let publishing = async move {
    ///     for entry in 0..100 {
    ///         entries.publish_async(book, &entry).await?;
    ///     }
    ///     Ok::<_, bus::Error>(())
    /// };
    /// # fn spawn<T: Send>(future: impl std::future::Future<Output = T> + Send) -> T { smol::block_on(future) }
    /// spawn(publishing)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Item::publish_async`]; [`Error::InvalidOption`] where the topic has no item of this id.
    pub fn publish_async<'t>(
        &'t mut self,
        item: ItemId,
        value: &'t T,
    ) -> impl Future<Output = Result<u64>> + Send + use<'t, T>
    where
        T: Sync,
    {
        let mut waiting = Waiting::new(self.writer.service.clone());
        poll_fn(move |context| {
            let item = self.at(item).ok_or_else(|| self.no_such_item(item))?;
            item.poll(&mut waiting, context, || item.try_publish(value))
        })
    }

    fn no_such_item(&self, id: ItemId) -> Error {
        let topic = format!("{}/{}", self.writer.service.name, self.writer.shared.name);
        invalid(
            "item",
            id.index(),
            &format!("the id of an item of topic `{topic}`, which has {}", self.len()),
        )
    }

    /// Waits until the item's next value may be written.
    fn poll_room(
        &self,
        item: &Written,
        id: ItemId,
        waiting: &mut Waiting,
        context: &mut Context<'_>,
    ) -> Poll<Result<()>> {
        let number = self.next_number(item);
        if self.blocked(item, id, number)?.is_none() {
            return Poll::Ready(Ok(()));
        }
        waiting.place.wait(context);
        // Whoever makes room after this look wakes the task.
        while let Some(blocked) = self.blocked(item, id, number)? {
            if waiting.asked.as_ref().is_some_and(|asked| !Arc::ptr_eq(asked, &blocked.link)) {
                waiting.stop();
                continue;
            }
            let floor = blocked.link.floor();
            let said = floor.get();
            waiting.asked = Some(blocked.link.clone());
            if said > blocked.floor || !floor.ask(said, blocked.is_urgent()) {
                continue;
            }
            let again = Instant::now() + blocked.bound(PARK_BOUND);
            let deadline = Deadline::at(self.writer.service.timers.clone(), Some(again));
            if Pin::new(waiting.deadline.insert(deadline)).poll(context).is_pending() {
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<'t, T: Payload + ?Sized> Item<'t, T> {
    /// As [`publish`](Self::publish), without blocking a thread: where a lossless link has no room, the task waits. Dropped
    /// before it is done, it has published nothing.
    ///
    /// An item borrows its topic, which one thread uses at a time, so this is for tasks that stay on their thread;
    /// [`Topic::publish_async`] is for others.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn publish_async<'a>(&self, value: &'a T) -> impl Future<Output = Result<u64>> + use<'a, 't, T> {
        let item = *self;
        let mut waiting = Waiting::new(item.topic.writer.service.clone());
        poll_fn(move |context| item.poll(&mut waiting, context, || item.try_publish(value)))
    }

    /// Publishes by `publish`, which does not wait, as soon as there is room for one value.
    fn poll<R>(
        &self,
        waiting: &mut Waiting,
        context: &mut Context<'_>,
        mut publish: impl FnMut() -> Result<R>,
    ) -> Poll<Result<R>> {
        loop {
            ready!(self.topic.poll_room(self.item, self.id, waiting, context))?;
            match publish() {
                // A link has come to it meanwhile.
                Err(Error::Full { .. }) => {}
                published => return Poll::Ready(published),
            }
        }
    }
}

impl<'t, T: Message> Item<'t, T> {
    /// As [`publish_batch`](Self::publish_batch), without blocking a thread: where a lossless link has no room, the task
    /// waits. Dropped before it is done, it has published the first values, as far as there was room;
    /// [`seq`](Self::seq) says up to which.
    ///
    /// For tasks that stay on their thread, as [`publish_async`](Self::publish_async).
    ///
    /// # Errors
    /// As [`publish_batch`](Self::publish_batch).
    pub fn publish_batch_async<'a>(
        &self,
        values: &'a [T],
    ) -> impl Future<Output = Result<()>> + use<'a, 't, T> {
        let item = *self;
        let mut waiting = Waiting::new(item.topic.writer.service.clone());
        let mut rest = values;
        poll_fn(move |context| {
            while !rest.is_empty() {
                let published = ready!(item.poll(&mut waiting, context, || item.try_publish_batch(rest)))?;
                rest = &rest[published..];
            }
            Poll::Ready(Ok(()))
        })
    }
}

impl<'t, T: Payload + ?Sized> Draft<'t, T> {
    /// As [`publish`](Self::publish), without blocking a thread: where a lossless link has no room, the task waits. Dropped
    /// before it is done, it has published nothing, and the value is lost.
    ///
    /// For tasks that stay on their thread, as [`Item::publish_async`].
    ///
    /// # Errors
    /// As [`publish`](Self::publish); the value is lost then.
    pub fn publish_async(mut self) -> impl Future<Output = Result<u64>> + use<'t, T> {
        let item = self.item();
        let mut waiting = Waiting::new(item.topic.writer.service.clone());
        poll_fn(move |context| item.poll(&mut waiting, context, || self.hand_over(Patience::None)))
    }
}
