//! Being told when services come and go.
//!
//! A change of the bus's directory only says that there is something to look at, and what a look finds is compared
//! with what was known. One change tells too early: after the last close of a lock file, which is how a death shows,
//! the lock itself goes an instant later. So a change that nothing explains is looked into again, soon and then less
//! soon. No step of that blocks, and there are three ways to wait for the next one: a thread that polls, a
//! [wait set](crate::WaitSet), and a task.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_core::Stream;
use rustix::event::{PollFd, PollFlags, poll};

use crate::client::reactor::Watched;
use crate::client::received::Received;
use crate::client::vigil::{Due, Vigil};
use crate::discovery::ServiceEvent;
use crate::error::{Error, Result};
use crate::namespace::BusCore;
use crate::registry::ServiceInfo;
use crate::sys::time::timespec;
use crate::sys::watch::DirectoryWatch;
use crate::tasks::Deadline;

/// How often to look again, and after how much longer each time, where a change is not explained …
const LOOKS: u32 = 7;
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);
/// … and when to look once more where that explained nothing: an exiting process may be held up.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// When to look at the directory again, since a change was not explained, and how often that was done.
#[derive(Debug, Default)]
pub(crate) struct Again(Option<(Instant, u32)>);

impl Again {
    /// When that is.
    pub(crate) fn at(&self) -> Option<Instant> {
        self.0.map(|(at, _)| at)
    }

    /// Whether to look now, where the directory has `changed` or not. If so, there is to be another look after it, unless
    /// this one [explains](Self::explained) the change.
    pub(crate) fn is_due(&mut self, changed: bool, now: Instant) -> bool {
        let looks =
            if changed { Some(0) } else { self.0.filter(|&(at, _)| at <= now).map(|(_, looks)| looks) };
        let Some(looks) = looks else { return false };
        self.0 = match looks {
            0..LOOKS => Some((now + BETWEEN_LOOKS * (looks + 1), looks + 1)),
            LOOKS => Some((now + LAST_LOOK, looks + 1)),
            _ => None,
        };
        true
    }

    /// The change was found.
    pub(crate) fn explained(&mut self) {
        self.0 = None;
    }
}

/// An endless series of services that appear and vanish; see [`Bus::watch`](crate::Bus::watch). In a `for` it is a
/// series of [`recv`](Watch::recv)s, as a stream one of [`recv_async`](Watch::recv_async)s.
#[derive(Debug)]
pub struct Watch {
    bus: Arc<BusCore>,
    known: Vec<ServiceInfo>,
    events: VecDeque<ServiceEvent>,
    again: Again,
    /// What a wait set sees of this.
    vigil: Arc<Vigil>,
    /// What a task waits by.
    watched: Option<Watched>,
    deadline: Option<Deadline>,
    watch: DirectoryWatch,
}

impl Watch {
    pub(crate) fn new(bus: Arc<BusCore>, watch: DirectoryWatch) -> Result<Self> {
        let mut watch = Watch {
            bus,
            known: Vec::new(),
            events: VecDeque::new(),
            again: Again::default(),
            vigil: Arc::new(Vigil::new()),
            watched: None,
            deadline: None,
            watch,
        };
        watch.look()?;
        Ok(watch)
    }

    /// Waits for the next event, however long.
    ///
    /// # Errors
    /// [`Error::Os`] where the bus directory cannot be read.
    pub fn recv(&mut self) -> Result<ServiceEvent> {
        loop {
            if let Some(event) = self.next_before(None)? {
                return Ok(event);
            }
        }
    }

    /// Waits for the next event, at most `timeout`.
    ///
    /// # Errors
    /// [`Error::Timeout`], and as [`recv`](Self::recv).
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<ServiceEvent> {
        let Some(deadline) = Instant::now().checked_add(timeout) else { return self.recv() };
        self.next_before(Some(deadline))?.ok_or_else(|| Error::Timeout {
            verb: "watch",
            what: self.bus.name.clone(),
            after: timeout,
            hint: "no service appeared or vanished meanwhile".to_owned(),
        })
    }

    /// The next event, if one is known now: what to call where a wait set says that this is ready.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn try_recv(&mut self) -> Result<Option<ServiceEvent>> {
        let event = self.step();
        self.report();
        event
    }

    /// Tells a wait set where this stands.
    pub(crate) fn report(&self) {
        let due = match self.again.at() {
            _ if !self.events.is_empty() => Due::Now,
            Some(at) => Due::At(at),
            None => Due::Never,
        };
        self.vigil.report(None, 0, due);
    }

    /// As [`recv`](Self::recv), without blocking a thread. To be dropped at any time: no event is lost with it.
    ///
    /// # Errors
    /// As [`recv`](Self::recv); [`Error::Os`] where the process has no descriptors left to wait by.
    pub async fn recv_async(&mut self) -> Result<ServiceEvent> {
        let guard = Waiting(self);
        poll_fn(|context| guard.0.poll_recv(context)).await
    }

    /// The next event, if there is one now; otherwise has the task woken when there may be.
    fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Result<ServiceEvent>> {
        loop {
            if let Some(event) = self.try_recv().transpose() {
                return Poll::Ready(event);
            }
            if let Err(error) = self.wait_by_tasks(context) {
                return Poll::Ready(Err(error));
            }
            let Some(at) = self.again.at() else {
                self.deadline = None;
                return Poll::Pending;
            };
            let deadline = self.deadline.insert(self.bus.deadline_at(Some(at)));
            if Pin::new(deadline).poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Has the task woken at the next change, also where that was a moment ago.
    fn wait_by_tasks(&mut self, context: &Context<'_>) -> Result<()> {
        if self.watched.is_none() {
            self.watched = Some(Watched::new(self.bus.reactor()?));
        }
        let waited =
            self.watched.iter_mut().try_for_each(|watched| watched.wait(&self.watch, context.waker()));
        waited.map_err(Error::os("waiting for changes of the bus directory"))
    }

    fn next_before(&mut self, deadline: Option<Instant>) -> Result<Option<ServiceEvent>> {
        loop {
            if let Some(event) = self.try_recv()? {
                return Ok(Some(event));
            }
            let now = Instant::now();
            let left = deadline.map(|deadline| deadline.saturating_duration_since(now));
            if left.is_some_and(|left| left.is_zero()) {
                self.look()?;
                return self.try_recv();
            }
            let again = self.again.at().map(|at| at.saturating_duration_since(now));
            let timeout = left.into_iter().chain(again).min().map(timespec);
            let mut fds = [PollFd::from_borrowed_fd(self.watch.as_fd(), PollFlags::IN)];
            // An error is an interruption: look, and wait again.
            let _ = poll(&mut fds, timeout.as_ref());
        }
    }

    /// The next event that is known, after a look where it is time for one.
    fn step(&mut self) -> Result<Option<ServiceEvent>> {
        if self.events.is_empty() {
            // Also where the look fails there is to be another.
            if self.again.is_due(self.watch.clear(), Instant::now()) {
                self.look()?;
                if !self.events.is_empty() {
                    self.again.explained();
                }
            }
        }
        Ok(self.events.pop_front())
    }

    /// Compares what is there with what was known.
    fn look(&mut self) -> Result<()> {
        let now = self.bus.registry.services()?;
        let gone = self.known.iter().filter(|info| !now.contains(info));
        self.events.extend(gone.cloned().map(ServiceEvent::Vanished));
        let new = now.iter().filter(|info| !self.known.contains(info));
        self.events.extend(new.cloned().map(ServiceEvent::Appeared));
        self.known = now;
        Ok(())
    }

    /// What a wait set sees of this.
    pub(crate) fn vigil(&self) -> &Arc<Vigil> {
        &self.vigil
    }

    /// What becomes readable when there is something to look at.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.watch.as_fd()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.vigil.end();
    }
}

/// A future that waits for the next event, and leaves no waker behind.
struct Waiting<'w>(&'w mut Watch);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.deadline = None;
        if let Some(watched) = &self.0.watched {
            watched.cease();
        }
    }
}

/// Never ends.
impl Iterator for Received<&mut Watch> {
    type Item = Result<ServiceEvent>;

    fn next(&mut self) -> Option<Result<ServiceEvent>> {
        Some(self.0.recv())
    }
}

/// Never ends.
impl Iterator for Received<Watch> {
    type Item = Result<ServiceEvent>;

    fn next(&mut self) -> Option<Result<ServiceEvent>> {
        Received(&mut self.0).next()
    }
}

impl IntoIterator for Watch {
    type Item = Result<ServiceEvent>;
    type IntoIter = Received<Self>;

    fn into_iter(self) -> Received<Self> {
        Received(self)
    }
}

impl<'w> IntoIterator for &'w mut Watch {
    type Item = Result<ServiceEvent>;
    type IntoIter = Received<Self>;

    fn into_iter(self) -> Received<&'w mut Watch> {
        Received(self)
    }
}

impl Stream for Watch {
    type Item = Result<ServiceEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<ServiceEvent>>> {
        self.poll_recv(context).map(Some)
    }
}
