//! Being told when members join and leave a list of conversations.
//!
//! What a look finds is compared with what was known, so that nobody has to keep events for those who do not look: one that
//! came and went between two looks is not told of, and one that returned is told of as leaving and joining.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_core::Stream;

use super::conversations::ListHandle;
use super::reactor::Watched;
use super::received::Received;
use super::vigil::{Due, Vigil};
use crate::error::{Error, Result};
use crate::registry::ServiceInfo;
use crate::sys::wake::Waker;

/// The longest wait of a condition variable.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// A member joined or left.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MemberEvent {
    /// The service is a member now.
    Joined(Arc<ServiceInfo>),
    /// It is none any longer.
    Left(Arc<ServiceInfo>),
}

/// A series of members that join and leave, which ends only with the bus; see
/// [`Conversations::changes`](crate::Conversations::changes). In a `for` it is a series of [`recv`](Changes::recv)s, as a stream one of
/// [`recv_async`](Changes::recv_async)s.
#[derive(Debug)]
pub struct Changes {
    list: Arc<ListHandle>,
    /// The number by which the list wakes this.
    number: u64,
    /// Version of the list's state that was compared last.
    seen: Option<u64>,
    /// The members then, by name.
    known: Vec<Arc<ServiceInfo>>,
    events: VecDeque<MemberEvent>,
    /// What a wait set sees of this.
    vigil: Arc<Vigil>,
    /// What a task waits by.
    watched: Option<Watched>,
    waker: Waker,
    /// Whether it was said that there will be no more.
    done: bool,
}

impl Changes {
    pub(crate) fn new(list: Arc<ListHandle>) -> Result<Self> {
        let waker = Waker::new().map_err(Error::os("creating an eventfd"))?;
        let number = list.bus.number();
        list.shared.hail(number, waker.clone());
        Ok(Changes {
            list,
            number,
            seen: None,
            known: Vec::new(),
            events: VecDeque::new(),
            vigil: Arc::new(Vigil::new()),
            watched: None,
            waker,
            done: false,
        })
    }

    /// The next event, if one is known now: what to call where a wait set says that this is ready.
    ///
    /// # Errors
    /// [`Error::Closed`] where nobody keeps the list any longer.
    pub fn try_recv(&mut self) -> Result<Option<MemberEvent>> {
        if self.events.is_empty() {
            self.waker.clear();
            self.look()?;
        }
        let event = self.events.pop_front();
        self.report();
        Ok(event)
    }

    /// Waits for the next event, however long.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv).
    pub fn recv(&mut self) -> Result<MemberEvent> {
        loop {
            if let Some(event) = self.next_before(None)? {
                return Ok(event);
            }
        }
    }

    /// Waits for the next event, at most `timeout`.
    ///
    /// # Errors
    /// [`Error::Timeout`], and as [`try_recv`](Self::try_recv).
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<MemberEvent> {
        let Some(deadline) = Instant::now().checked_add(timeout) else { return self.recv() };
        self.next_before(Some(deadline))?.ok_or_else(|| Error::Timeout {
            verb: "watch",
            what: self.list.address(),
            after: timeout,
            hint: "no member joined or left meanwhile".to_owned(),
        })
    }

    /// As [`recv`](Self::recv), without blocking a thread. To be dropped at any time: no event is lost with it.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv); [`Error::Os`] where the process has no descriptors left to wait by.
    pub async fn recv_async(&mut self) -> Result<MemberEvent> {
        let guard = Waiting(self);
        poll_fn(|context| guard.0.poll_recv(context)).await
    }

    /// The next event, if there is one now; otherwise has the task woken when there may be.
    fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Result<MemberEvent>> {
        if let Some(event) = self.try_recv().transpose() {
            return Poll::Ready(event);
        }
        // What has come since the look is in the descriptor, which is looked at once more.
        match self.wait_by_tasks(context) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn wait_by_tasks(&mut self, context: &Context<'_>) -> Result<()> {
        if self.watched.is_none() {
            self.watched = Some(Watched::new(self.list.bus.reactor()?));
        }
        let waited =
            self.watched.iter_mut().try_for_each(|watched| watched.wait(&self.waker, context.waker()));
        waited.map_err(Error::os("waiting for changes of a list of conversations"))
    }

    fn next_before(&mut self, deadline: Option<Instant>) -> Result<Option<MemberEvent>> {
        loop {
            let seen = self.list.shared.state.version();
            if let Some(event) = self.try_recv()? {
                return Ok(Some(event));
            }
            let left = deadline.map_or(LONGEST_WAIT, |at| at.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(None);
            }
            self.list.shared.state.wait(seen, left.min(LONGEST_WAIT));
        }
    }

    /// Compares the members that there are with those that were known.
    fn look(&mut self) -> Result<()> {
        let state = &self.list.shared.state;
        let version = state.version();
        if self.seen == Some(version) {
            return Ok(());
        }
        let guard = state.lock();
        let now: Vec<_> = guard.members().map(|entry| entry.info.clone()).collect();
        let closed = guard.closed;
        drop(guard);
        let gone = self.known.iter().filter(|info| !now.contains(info));
        self.events.extend(gone.cloned().map(MemberEvent::Left));
        let new = now.iter().filter(|info| !self.known.contains(info));
        self.events.extend(new.cloned().map(MemberEvent::Joined));
        self.known = now;
        if closed && self.events.is_empty() {
            self.done = true;
            return Err(Error::Closed("the bus"));
        }
        self.seen = Some(version);
        Ok(())
    }

    /// Tells a wait set where this stands.
    pub(crate) fn report(&self) {
        let due = if self.events.is_empty() { Due::Never } else { Due::Now };
        self.vigil.report(None, 0, due);
    }

    /// What a wait set sees of this.
    pub(crate) fn vigil(&self) -> &Arc<Vigil> {
        &self.vigil
    }

    /// What becomes readable when there is something to look at.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.waker.as_fd()
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.list.shared.cease(self.number);
        self.vigil.end();
    }
}

/// A future that waits for the next event, and leaves no waker behind.
struct Waiting<'c>(&'c mut Changes);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(watched) = &self.0.watched {
            watched.cease();
        }
    }
}

/// Ends where nobody keeps the list any longer.
impl Iterator for Received<&mut Changes> {
    type Item = Result<MemberEvent>;

    fn next(&mut self) -> Option<Result<MemberEvent>> {
        (!self.0.done).then(|| self.0.recv())
    }
}

/// Ends where nobody keeps the list any longer.
impl Iterator for Received<Changes> {
    type Item = Result<MemberEvent>;

    fn next(&mut self) -> Option<Result<MemberEvent>> {
        Received(&mut self.0).next()
    }
}

impl IntoIterator for Changes {
    type Item = Result<MemberEvent>;
    type IntoIter = Received<Self>;

    fn into_iter(self) -> Received<Self> {
        Received(self)
    }
}

impl<'c> IntoIterator for &'c mut Changes {
    type Item = Result<MemberEvent>;
    type IntoIter = Received<Self>;

    fn into_iter(self) -> Received<&'c mut Changes> {
        Received(self)
    }
}

impl Stream for Changes {
    type Item = Result<MemberEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.done { Poll::Ready(None) } else { self.poll_recv(context).map(Some) }
    }
}
