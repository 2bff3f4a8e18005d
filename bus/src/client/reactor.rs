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
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use rustix::event::epoll::EventFlags;

use super::link_state::LinkShared;
use super::waiter::Waiter;
use crate::bell::{self, PARK_BOUND};
use crate::sync::Mutex;
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
        let mut links = self.links.lock();
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
            ready.extend(self.descriptors.lock().remove(&note));
        });
        if let Err(error) = waited {
            tracing::error!(%error, "cannot poll for tasks");
        }
        let now = Instant::now();
        let (waiting, any): (Vec<_>, bool) = {
            let mut links = self.links.lock();
            links.retain(|(ticket, link)| link.vigil.is_held_by(*ticket));
            let waiting =
                links.iter().filter(|(_, link)| link.vigil.has_task()).map(|(_, link)| link.clone());
            (waiting.collect(), !links.is_empty())
        };
        let is_ready = |link: &Arc<LinkShared>| link.news(now).is_some();
        let (now_ready, asleep): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_ready);
        asleep.iter().for_each(|link| link.ask(now));
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
        let note = number.unwrap_or_else(|| self.next_descriptor.fetch_add(1, Ordering::Relaxed));
        // Before the kernel may tell of it. What drops the one before is foreign code, which runs with no lock held.
        let before = self.descriptors.lock().insert(note, waker);
        drop(before);
        let watched = match number {
            Some(_) => self.waiter.again(fd, note, flags),
            None => self.waiter.add(fd, note, flags),
        };
        match watched {
            Ok(()) => *number = Some(note),
            Err(_) => self.forget(note),
        }
        watched
    }

    /// Has no task woken by this number any longer.
    fn forget(&self, number: u64) {
        let waker = self.descriptors.lock().remove(&number);
        drop(waker);
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
            self.reactor.forget(number);
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

#[cfg(all(test, not(loom)))]
mod tests {
    use std::task::Wake;

    use super::*;

    struct Counted;

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn what_could_not_be_watched_is_tried_anew_and_leaves_no_waker() {
        let (counted, mut watched) = (Arc::new(Counted), Watched::new(Arc::new(Reactor::new().unwrap())));
        let waker = Waker::from(counted.clone());
        let alone = Arc::strong_count(&counted);
        // A regular file cannot be polled, and is no file that is not watched.
        let file = tempfile::tempfile().unwrap();
        for _ in 0..2 {
            let error = watched.wait(&file, &waker).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
            assert_eq!(Arc::strong_count(&counted), alone);
        }
        let (reader, _writer) = io::pipe().unwrap();
        for _ in 0..2 {
            watched.wait(&reader, &waker).unwrap();
            assert_eq!(Arc::strong_count(&counted), alone + 1);
        }
    }
}
