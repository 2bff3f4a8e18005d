//! Waiting for all members of a merged link at once.
//!
//! All links are in a [`WaitSet`] of the merged link's own, with a descriptor that the list makes readable; it is made when
//! somebody first waits. A thread waits by it; a task, and a set of the user's, by its descriptor. A sleep takes as many system
//! calls for hundreds of members as for one.
//!
//! **Links say where they stand before a wait, and not with each value.** A link that is waited for by descriptor says after each
//! look where it stands, since nobody else knows when the next look is. Here it is known: there is no wait but after a look at
//! all of them that found nothing. So that look is made twice, as any other and then once more with each link
//! [reporting](Link::try_recv_reporting), and values are taken in between as if nobody waited.

use std::future::poll_fn;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_core::Stream;

use super::{Merged, MergedLink};
use crate::client::advise::Wait;
use crate::client::deliver::Deliver;
use crate::client::reactor::Watched;
use crate::client::received::Received;
use crate::client::vigil::Vigil;
use crate::client::wait_set::{Interest, WaitSet};
use crate::client::waiter::Waiter;
use crate::error::{Error, Result};
use crate::spin::Waiting;
use crate::sys::processors;
use crate::sys::wake::Waker;

/// Looks of one poll, or of one that a set waits for, at what turned out to be nothing, before others get their turn.
const LOOKS_A_POLL: usize = 64;

/// Where a merged link waits.
pub(super) struct Station {
    set: WaitSet<()>,
    /// What the list wakes.
    pub(super) waker: Waker,
}

/// What came of getting ready to wait.
enum Armed<U> {
    /// There was something after all.
    Found(U),
    /// There may be something: to be looked at again.
    Ready,
    /// There is nothing, and whatever comes rings.
    Quiet,
}

impl<D: Deliver> MergedLink<D> {
    /// The next update of any member, if there is one now.
    ///
    /// # Errors
    /// Those of [`Link::try_recv`](crate::Link::try_recv), of the member that they name, which for the others change nothing:
    /// [`Error::Stale`] for each that leaves, [`Error::Refused`] for each that does not grant what the link was advised with,
    /// and so on. [`Error::Closed`] where the link was stopped.
    #[inline]
    pub fn try_recv(&mut self) -> Result<Option<Merged<D::Item>>> {
        match self.look() {
            Ok(None) => self.look_for_who_waits(),
            found => found,
        }
    }

    /// Nothing was found. Where somebody waits for this by its set, that is to be ready no longer.
    #[inline(never)]
    fn look_for_who_waits(&mut self) -> Result<Option<Merged<D::Item>>> {
        if self.vigil.is_held() {
            for _ in 0..LOOKS_A_POLL {
                match self.arm()? {
                    Armed::Found(found) => return Ok(Some(found)),
                    Armed::Ready => {}
                    Armed::Quiet => break,
                }
            }
        }
        self.check_not_done()?;
        Ok(None)
    }

    /// Waits for the next update of any member, however long.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv); [`Error::Paused`] where the link is paused; [`Error::Os`] where the process has no
    /// descriptors left to wait by.
    #[inline]
    pub fn recv(&mut self) -> Result<Merged<D::Item>> {
        self.recv_within(None)
    }

    /// Waits for the next update of any member, at most `timeout`.
    ///
    /// # Errors
    /// [`Error::Timeout`], and as [`recv`](Self::recv).
    #[inline]
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Merged<D::Item>> {
        self.recv_within(Some(timeout))
    }

    #[inline(always)]
    fn recv_within(&mut self, timeout: Option<Duration>) -> Result<Merged<D::Item>> {
        self.check_not_paused()?;
        match self.look()? {
            Some(found) => Ok(found),
            None => self.wait_within(timeout),
        }
    }

    #[inline(never)]
    fn wait_within(&mut self, timeout: Option<Duration>) -> Result<Merged<D::Item>> {
        let mut waiting = Waiting::default();
        let mut deadline = None;
        loop {
            if let Some(found) = self.look()? {
                return Ok(found);
            }
            self.check_not_done()?;
            let mut left = None;
            if let Some(timeout) = timeout {
                let now = Instant::now();
                let end: Option<Instant> = *deadline.get_or_insert_with(|| now.checked_add(timeout));
                left = end.map(|end| end.saturating_duration_since(now));
                if left.is_some_and(|left| left.is_zero()) {
                    waiting.give_up(&mut self.budget);
                    return Err(self.timed_out(timeout));
                }
            }
            match self.terms.wait {
                Wait::Spin => continue,
                Wait::SpinThenPark if !processors::only_one() && waiting.spins(&mut self.budget) => continue,
                Wait::SpinThenPark | Wait::Park => {}
            }
            if let Some(found) = self.look_reporting()? {
                return Ok(found);
            }
            let station = self.station()?;
            match left {
                Some(left) => drop(station.set.wait_timeout(left)?),
                None => drop(station.set.wait()?),
            }
            station.waker.clear();
            waiting.woke(&mut self.budget);
        }
    }

    /// As [`recv`](Self::recv), without blocking a thread. To be dropped at any time: no update is lost with it.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub async fn recv_async(&mut self) -> Result<Merged<D::Item>> {
        let guard = Receiving(self);
        poll_fn(|context| guard.0.poll_recv(context)).await
    }

    /// The next update of any member, if there is one now; otherwise has the task woken when there may be.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Result<Merged<D::Item>>> {
        self.check_not_paused()?;
        for _ in 0..LOOKS_A_POLL {
            if let Some(found) = self.look().transpose() {
                return Poll::Ready(found);
            }
            self.check_not_done()?;
            match self.arm()? {
                Armed::Found(found) => return Poll::Ready(Ok(found)),
                Armed::Ready => {}
                Armed::Quiet => {
                    self.wait_by_tasks(context)?;
                    return Poll::Pending;
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn wait_by_tasks(&mut self, context: &Context<'_>) -> Result<()> {
        if self.watched.is_none() {
            self.watched = Some(Watched::new(self.list.bus.reactor()?));
        }
        let (Some(watched), Some(station)) = (&mut self.watched, &self.station) else { return Ok(()) };
        watched.wait(&station.set, context.waker()).map_err(Error::os("waiting for a merged link"))
    }

    /// Where this link waits, with all that it has.
    pub(super) fn station(&mut self) -> Result<&mut Station> {
        let station = match &mut self.station {
            Some(station) => station,
            vacant => {
                let mut set = WaitSet::new()?;
                let waker = Waker::new().map_err(Error::os("creating an eventfd"))?;
                set.add_descriptor(&waker, Interest::Readable, ())?;
                self.list.shared.hail(self.number, waker.clone());
                // What came before it was hung up.
                waker.wake();
                vacant.insert(Station { set, waker })
            }
        };
        for part in self.parts.iter_mut().filter(|part| !part.attended && !part.link.is_done()) {
            part.link.report_when_asked();
            // A link leaves the set by itself when it is dropped.
            station.set.add(&mut part.link, ())?;
            part.attended = true;
        }
        Ok(station)
    }

    /// The look before a wait, with which each link says where it stands.
    #[inline(never)]
    fn look_reporting(&mut self) -> Result<Option<Merged<D::Item>>> {
        self.look_by::<true>()
    }

    /// Asks all publishers to ring.
    fn arm(&mut self) -> Result<Armed<Merged<D::Item>>> {
        if let Some(found) = self.look_reporting()? {
            return Ok(Armed::Found(found));
        }
        let station = self.station()?;
        if station.set.wait_timeout(Duration::ZERO)?.is_empty() {
            return Ok(Armed::Quiet);
        }
        station.waker.clear();
        Ok(Armed::Ready)
    }

    /// Has a wait set wait for this; its ticket, and what it sees of this.
    pub(in crate::client) fn begin_to_wait(
        &mut self,
        waiter: Arc<Waiter>,
    ) -> Result<(u64, Arc<Vigil>, OwnedFd)> {
        let station = self.station()?;
        let descriptor = station.set.as_fd().try_clone_to_owned();
        let descriptor = descriptor.map_err(Error::os("duplicating a descriptor for a wait set"))?;
        // There may be something unread.
        station.waker.wake();
        Ok((self.vigil.begin(waiter), self.vigil.clone(), descriptor))
    }

    #[cold]
    fn timed_out(&self, after: Duration) -> Error {
        let members = self.parts.len();
        let unread = self.list.shared.state.lock().unread.clone();
        let hint = match members {
            0 if let Some(unread) = unread => format!("the list has no members: {unread}"),
            0 => "the list has no members; its `troubles` say which services match and why they are none"
                .to_owned(),
            _ => format!(
                "none of {members} members published anything meanwhile that the link's options let through"
            ),
        };
        Error::Timeout { verb: "recv", what: self.address(), after, hint }
    }
}

/// A future that waits for the next update, and leaves no waker behind.
struct Receiving<'m, D: Deliver>(&'m mut MergedLink<D>);

impl<D: Deliver> Drop for Receiving<'_, D> {
    fn drop(&mut self) {
        if let Some(watched) = &self.0.watched {
            watched.cease();
        }
    }
}

/// A series of [`recv_async`](MergedLink::recv_async)s, which ends only where the link was [stopped](MergedLink::stop).
impl<D: Deliver> Stream for MergedLink<D> {
    type Item = Result<Merged<D::Item>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_done() {
            return Poll::Ready(None);
        }
        self.poll_recv(context).map(Some)
    }
}

/// Ends where the link was [stopped](MergedLink::stop).
impl<D: Deliver> Iterator for Received<&mut MergedLink<D>> {
    type Item = Result<Merged<D::Item>>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.0.is_done()).then(|| self.0.recv())
    }
}

/// Ends where the link was [stopped](MergedLink::stop).
impl<D: Deliver> Iterator for Received<MergedLink<D>> {
    type Item = Result<Merged<D::Item>>;

    fn next(&mut self) -> Option<Self::Item> {
        Received(&mut self.0).next()
    }
}

impl<D: Deliver> IntoIterator for MergedLink<D> {
    type Item = Result<Merged<D::Item>>;
    type IntoIter = Received<Self>;

    fn into_iter(self) -> Received<Self> {
        Received(self)
    }
}

impl<'m, D: Deliver> IntoIterator for &'m mut MergedLink<D> {
    type Item = Result<Merged<D::Item>>;
    type IntoIter = Received<Self>;

    fn into_iter(self) -> Received<&'m mut MergedLink<D>> {
        Received(self)
    }
}
