//! How a wait set learns that there is a request for a service's handlers.
//!
//! ```text
//!   client:  post; by_frame ?  a frame ──► connection ──┬──► epoll of the set ──► the thread that waits
//!                                                       └──► poll of the control thread ─── hail ──┘
//! ```
//!
//! A client that finds the inbox's flag sends a frame by its connection, as it does for tasks ([`crate::lane::inbox`]). The set
//! watches the connections of all lanes beside the control thread, for edges, and reads nothing of them: what arrives there
//! wakes both at once. So a wake-up is one hop from the client to the thread that waits, and no client has anything by which it
//! could spoil the wake-ups of another. What arrives for the control thread alone costs the set a look in vain.
//!
//! But the kernel looks once more before it tells of an edge, and the control thread may have read the frame by then. So that
//! thread hails the set when it has, unless the flag is set again: who has set it since it was taken looks for requests after
//! that, and finds the one for which it was taken (the model `a_set_is_told_of_a_request_that_it_has_not_seen`).
//!
//! What changes in this process (a conversation goes on, the service is closed) is counted, and hails the set.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::Transactions;
use super::lane::ServedLane;
use crate::client::waiter::Waiter;

/// Who waits for a service's requests by descriptor. There is one at a time.
#[derive(Debug)]
pub(super) struct Attendant {
    waiter: Arc<Waiter>,
    /// The connections that its epoll watches, by number. What is closed the kernel has forgotten.
    watched: HashMap<u64, Weak<OwnedFd>>,
}

impl Attendant {
    fn new(waiter: Arc<Waiter>) -> Self {
        Attendant { waiter, watched: HashMap::new() }
    }

    /// Has the waiter woken by what arrives for a lane.
    fn watch(&mut self, lane: &ServedLane) {
        let counterpart = &lane.counterpart;
        // Where it is gone nothing arrives.
        let Some(socket) = counterpart.socket.upgrade() else { return };
        if self.watched.contains_key(&counterpart.peer) {
            return;
        }
        // Those that are gone make room first, so that this grows with the number of connections at one time only.
        if self.watched.len() == self.watched.capacity() {
            self.watched.retain(|_, socket| socket.strong_count() > 0);
        }
        match self.waiter.add_edge(socket.as_fd()) {
            Ok(()) => drop(self.watched.insert(counterpart.peer, counterpart.socket.clone())),
            Err(error) => {
                let pid = counterpart.client.pid;
                tracing::warn!(%error, pid, "a wait set is told of a client's requests by the control thread alone");
            }
        }
    }
}

impl Drop for Attendant {
    fn drop(&mut self) {
        let sockets = self.watched.values().filter_map(Weak::upgrade);
        sockets.for_each(|socket| self.waiter.remove(socket.as_fd()));
    }
}

/// What a set has seen: other than before where there is something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The version of the lanes.
    pub(crate) version: u64,
    /// How often the service was kicked.
    pub(crate) kicks: u64,
    /// How many requests there have been in all of these lanes.
    pub(crate) posted: u64,
}

impl Transactions {
    /// Has `waiter` woken by every request that comes after [`ask_for_frame`](crate::lane::inbox::Inbox::ask_for_frame), until
    /// it [leaves](Self::leave), or another attends.
    pub(crate) fn attend(&self, waiter: &Arc<Waiter>) {
        let mut attendant = self.attendant.lock();
        // First, since it may be the same one.
        *attendant = None;
        let attendant = attendant.insert(Attendant::new(waiter.clone()));
        // Under the lock: a lane that is added meanwhile is found here, or finds the waiter.
        self.lanes().iter().for_each(|lane| attendant.watch(lane));
    }

    /// This waiter waits no longer.
    pub(crate) fn leave(&self, waiter: &Arc<Waiter>) {
        let mut attendant = self.attendant.lock();
        if attendant.as_ref().is_some_and(|attendant| Arc::ptr_eq(&attendant.waiter, waiter)) {
            *attendant = None;
        }
    }

    /// Whoever waits, waits in vain from now on.
    pub(super) fn relieve(&self) {
        *self.attendant.lock() = None;
    }

    /// A lane is new.
    pub(super) fn attend_lane(&self, lane: &ServedLane) {
        if let Some(attendant) = &mut *self.attendant.lock() {
            attendant.watch(lane);
        }
    }

    /// Something else than a request has changed.
    pub(super) fn hail_attendant(&self) {
        self.kicks.fetch_add(1, Ordering::Release);
        if let Some(attendant) = &*self.attendant.lock() {
            attendant.waiter.hail();
        }
    }

    /// A client has sent a frame, since it has posted a request and found the flag.
    pub(crate) fn posted(&self) {
        self.tasks.wake_all();
        if let Some(attendant) = &*self.attendant.lock()
            && !self.inbox.lock().as_ref().is_some_and(|inbox| inbox.words.is_asked_for_frame())
        {
            attendant.waiter.hail();
        }
    }

    /// Whether any request may be taken now.
    pub(crate) fn has_request(&self) -> bool {
        self.lanes.lock().iter().any(|lane| lane.is_ready(lane.next.load(Ordering::Relaxed)))
    }

    /// What there is to be seen now.
    pub(crate) fn seen(&self) -> Seen {
        let kicks = self.kicks.load(Ordering::Acquire);
        let version = self.version.load(Ordering::Acquire);
        let posted =
            |lane: &Arc<ServedLane>| lane.next.load(Ordering::Relaxed).wrapping_add(lane.pending() as u64);
        let posted = self.lanes.lock().iter().map(posted).fold(0, u64::wrapping_add);
        Seen { version, kicks, posted }
    }
}
