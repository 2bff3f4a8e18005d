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

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Transactions;
use super::lane::ServedLane;
use crate::client::waiter::Waiter;

/// Who waits for a service's requests by descriptor. There is one at a time.
#[derive(Debug)]
pub(super) struct Attendant {
    waiter: Arc<Waiter>,
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
        let before = attendant.replace(Attendant { waiter: waiter.clone() });
        // Under the lock: a lane that is added meanwhile is found here, or finds the waiter.
        for lane in self.lanes() {
            if let Some(before) = &before {
                disregard(&before.waiter, &lane);
            }
            regard(waiter, &lane);
        }
    }

    /// This waiter waits no longer.
    pub(crate) fn leave(&self, waiter: &Arc<Waiter>) {
        let mut attendant = self.attendant.lock();
        if attendant.as_ref().is_some_and(|attendant| Arc::ptr_eq(&attendant.waiter, waiter)) {
            *attendant = None;
            self.lanes().iter().for_each(|lane| disregard(waiter, lane));
        }
    }

    /// Whoever waits, waits in vain from now on: there are no handlers.
    pub(super) fn relieve(&self) {
        if let Some(Attendant { waiter }) = self.attendant.lock().take() {
            self.lanes().iter().for_each(|lane| disregard(&waiter, lane));
        }
    }

    /// A lane is new.
    pub(super) fn attend_lane(&self, lane: &ServedLane) {
        if let Some(attendant) = &*self.attendant.lock() {
            regard(&attendant.waiter, lane);
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

/// Has a waiter woken by what arrives for a lane.
fn regard(waiter: &Waiter, lane: &ServedLane) {
    // Where it is gone nothing arrives.
    if let Some(socket) = lane.counterpart.socket.upgrade()
        && let Err(error) = waiter.add_edge(socket.as_fd())
    {
        tracing::warn!(%error, pid = lane.counterpart.client.pid, "a wait set looks for a client's requests by the bound of its sleeps");
    }
}

fn disregard(waiter: &Waiter, lane: &ServedLane) {
    if let Some(socket) = lane.counterpart.socket.upgrade() {
        waiter.remove(socket.as_fd());
    }
}
