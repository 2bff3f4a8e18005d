//! The tasks that wait for links, and the control thread that wakes them.
//!
//! No thread is started for them: the control thread, which runs anyway while there are conversations, polls one
//! descriptor more, a [`Waiter`] that all tasks of the bus share. It follows the protocol of [`crate::bell`] on behalf
//! of all of them: empties the doorbells, looks at each link that a task waits for, and asks again for those that
//! are not ready. So a flag that a publisher cleared for the sake of another link is set again.
//!
//! ```text
//! task:     nothing there           control thread:  doorbell rings
//!           leave the waker                          empty it
//!           ask, fence                               each link with a waker:  ready ?  wake : ask
//!           nothing there ?  Pending                 fence
//!                                                    each with a waker:  ready ?  wake
//! ```
//!
//! A task asks only after its waker is there. So whoever clears the flag that it set, or found set, rings a doorbell that
//! is emptied after that, and is then looked for among those who wait. The model is in [`crate::ring::models`].
//!
//! A waker is called on the control thread. It should do as wakers do, and only say that its task can go on.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use rustix::event::epoll::EventFlags;

use super::link_state::LinkShared;
use super::waiter::Waiter;
use crate::bell::{self, PARK_BOUND};
use crate::tasks::wake;

/// What the tasks of one bus wait by.
#[derive(Debug)]
pub(crate) struct Reactor {
    pub(crate) waiter: Arc<Waiter>,
    /// Links that tasks have waited for, with the tickets that they got then.
    links: Mutex<Vec<(u64, Arc<LinkShared>)>>,
    /// Tasks that wait for descriptors.
    descriptors: Mutex<HashMap<u64, Waker>>,
    next_descriptor: AtomicU64,
}

/// A task's watch on a descriptor. The kernel forgets it when the descriptor is closed.
#[derive(Debug)]
pub(crate) struct Watched {
    reactor: Arc<Reactor>,
    number: Option<u64>,
}

impl Reactor {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Reactor {
            waiter: Arc::new(Waiter::new()?),
            links: Mutex::default(),
            descriptors: Mutex::default(),
            next_descriptor: AtomicU64::new(0),
        })
    }

    /// Has this link looked at from now on, whenever a task waits for it.
    pub(crate) fn add(&self, link: Arc<LinkShared>) -> u64 {
        let ticket = link.vigil.begin(self.waiter.clone());
        let mut links = lock(&self.links);
        // Those that are gone make room first, so that this grows with the number of links at one time only.
        if links.len() == links.capacity() {
            links.retain(|(ticket, link)| link.vigil.is_held_by(*ticket));
        }
        links.push((ticket, link));
        ticket
    }

    /// Wakes every task whose link or descriptor is ready. Also the longest time for which nobody has to look again,
    /// unless something rings or the control thread is woken; `None` where no task waits for links.
    pub(crate) fn serve(&self) -> Option<Duration> {
        let mut ready = Vec::new();
        let waited = self.waiter.wait(Some(Duration::ZERO), |note| {
            ready.extend(lock(&self.descriptors).remove(&note));
        });
        if let Err(error) = waited {
            tracing::error!(%error, "cannot poll for tasks");
        }
        let now = Instant::now();
        let (waiting, any): (Vec<_>, bool) = {
            let mut links = lock(&self.links);
            links.retain(|(ticket, link)| link.vigil.is_held_by(*ticket));
            let waiting =
                links.iter().filter(|(_, link)| link.vigil.has_task()).map(|(_, link)| link.clone());
            (waiting.collect(), !links.is_empty())
        };
        let is_ready = |link: &Arc<LinkShared>| link.news(now).is_some();
        let (now_ready, asleep): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_ready);
        asleep.iter().for_each(|link| link.ask());
        bell::asked();
        let ready_since = asleep.iter().filter(|&link| is_ready(link));
        ready.extend(now_ready.iter().chain(ready_since).filter_map(|link| link.vigil.take_task()));
        let due = asleep.iter().filter_map(|link| link.vigil.left(now)).min();
        ready.into_iter().for_each(wake);
        // A task that begins to wait does not tell, so that all links are taken to be waited for.
        any.then(|| due.map_or(PARK_BOUND, |due| due.min(PARK_BOUND)))
    }

    fn watch(&self, number: &mut Option<u64>, fd: BorrowedFd<'_>, waker: Waker) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::ONESHOT;
        match *number {
            Some(number) => {
                lock(&self.descriptors).insert(number, waker);
                self.waiter.again(fd, number, flags)
            }
            None => {
                let new = self.next_descriptor.fetch_add(1, Ordering::Relaxed);
                lock(&self.descriptors).insert(new, waker);
                *number = Some(new);
                self.waiter.add(fd, new, flags)
            }
        }
    }
}

impl Watched {
    pub(crate) fn new(reactor: Arc<Reactor>) -> Self {
        Watched { reactor, number: None }
    }

    /// Has a task woken once when `fd`, always the same, is readable: also where it is now.
    pub(crate) fn wait(&mut self, fd: impl AsFd, waker: &Waker) -> io::Result<()> {
        self.reactor.watch(&mut self.number, fd.as_fd(), waker.clone())
    }
}

impl Watched {
    /// No task waits any longer.
    pub(crate) fn cease(&self) {
        if let Some(number) = self.number {
            let waker = lock(&self.reactor.descriptors).remove(&number);
            drop(waker);
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.cease();
    }
}

impl AsFd for Reactor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.waiter.as_fd()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
