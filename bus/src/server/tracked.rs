//! Tracked links, as the control thread and a topic's writer share them.
//!
//! The control thread enrols a link and the writer has to learn of it before it overwrites anything that the link
//! counts on. That is what *attention* is for: one word of the service that every publish looks at, as it has to for
//! "closed" anyway, and that changes whenever a link is enrolled or leaves. The order on both sides:
//!
//! ```text
//! control thread:  floor = begin(head)             publish:  attention changed ? learn of the links
//!                  enrol the link                            room ? (floors)
//!                  attention += 1                            write the slot, head += 1
//!                  fence            SeqCst  (1)              fence              SeqCst  (2)
//!                  floor = begin(head)
//! ```
//!
//! (1) and (2) are Dekker's pattern between one publish's head and the *next* one's look: a publish that does not see
//! the change comes right after one whose head (1) lets the control thread see. So at most one value beyond the head
//! that became the floor is written without a look, and that one overwrites nothing at or above the floor, since a
//! ring has two slots at least. The link begins at the head that its client sees later, and misses nothing from there.
//! Values that are written together count as one here: they are at most half of a ring, and (2) is between them and the
//! look before the next ones.
//!
//! A link to several items is enrolled by the topic's journal in the same way. It begins with the present value of each item,
//! whose entries may be any; so its floor is 0 until it has taken them, and what has to be kept for it until then follows
//! from the entry that was the latest before it was enrolled ([`super::flow`]).
//!
//! A link that was lost with its connection and comes back in the same life of the service says where it was, and begins
//! there ([`begin`]), as far as the ring goes. So it keeps what is still there; of that, the publish without a look may have
//! overwritten the oldest, which the link then counts as missed, as it does what was overwritten before.
//!
//! **Closing** takes all links away, while their clients go on reading what they hold; from then on nothing may be
//! written. So the order is:
//!
//! ```text
//! service:         attention |= CLOSED             publish:  take the links      mutex (3)
//! control thread:  CLOSED ? withdraw the links  (3)          CLOSED ?  then nothing of it counts
//! ```
//!
//! A publish that finds a link withdrawn locks the mutex (3) after the control thread did, which had seen CLOSED before;
//! of one word nobody sees less than what was seen before. Asked the other way round, it could see a service that is open
//! and then find that nobody holds anything. [`learn`] is the only way to the links.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::shared::{CLOSED, ServiceShared, TopicShared};
use crate::copy;
use crate::credit::{Floor, hold};
use crate::ring::Ring;
use crate::segment::mapping::Words;
use crate::sync::{AtomicU64, Ordering, Site, step};
use crate::sys::futex::SharedFutex;

/// A tracked link.
#[derive(Debug)]
pub(crate) struct Tracked {
    /// Which connection of the service it belongs to.
    pub(crate) peer: u64,
    /// Its client's process.
    pub(crate) pid: u32,
    pub(crate) conversation: u64,
    pub(crate) link: u64,
    /// The item that it is to; `None` for several, whose place is in the topic's journal.
    pub(crate) item: Option<u32>,
    /// Of a link to several: the journal's entry that was the latest when it began, or the last one that it had read.
    pub(crate) begun: u64,
    /// How long a publisher waits for it without its reading anything; `None` where it does not wait for it at all.
    pub(crate) deadline: Option<Duration>,
    pub(crate) floor: Words,
    pub(crate) awaited: Words,
    /// What it may hold, and does.
    pub(crate) holds: Option<Words>,
    /// Its connection. What a client holds it holds until its end of this is closed, which the kernel does at its death.
    pub(crate) socket: Arc<OwnedFd>,
    /// Whether publishers wait for it no longer.
    pub(crate) evicted: AtomicBool,
}

impl Tracked {
    pub(crate) fn floor(&self) -> Floor<'_> {
        Floor { floor: &self.floor[0], awaited: &self.awaited[0] }
    }

    /// Whether publishers wait for it.
    pub(crate) fn is_awaited(&self) -> bool {
        self.deadline.is_some() && !self.evicted.load(Ordering::Relaxed)
    }

    /// Lets publishers wait for it no longer. What it holds it goes on holding.
    pub(crate) fn evict(&self) {
        self.evicted.store(true, Ordering::Relaxed);
    }

    /// Asks for the first line of what says that, which is going to be read.
    pub(crate) fn expect_held(&self) {
        if let Some(first) = self.holds.as_ref().and_then(|holds| holds.first()) {
            copy::expect_load(first);
        }
    }

    /// References to what its client holds.
    pub(crate) fn held(&self) -> impl Iterator<Item = u64> {
        self.holds.iter().flat_map(|holds| holds.iter()).filter_map(hold::held)
    }

    /// Whether the client's end of the connection is closed, as the kernel knows it now: this may be before the control
    /// thread has come to hear of it.
    pub(crate) fn is_gone(&self) -> bool {
        let mut fds = [PollFd::new(&self.socket, PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&now)).is_ok() && fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
    }
}

/// Forgets the links whose clients are [gone](Tracked::is_gone); the kernel is asked once for each connection.
pub(crate) fn forget_gone(links: &mut Vec<Arc<Tracked>>) {
    let mut gone = HashMap::new();
    links.retain(|link| !*gone.entry(link.peer).or_insert_with(|| link.is_gone()));
}

/// The links, of which `tracked` tells under the mutex under which they are withdrawn; `None` where the service is
/// closed, and then there may be others that are in use. See the head of this file.
pub(crate) fn learn<L>(attention: &AtomicU64, tracked: impl FnOnce() -> L) -> Option<L> {
    let links = tracked();
    (attention.load(Ordering::Relaxed) & CLOSED == 0).then_some(links)
}

/// A link that a publisher no longer waits for.
#[derive(Debug)]
pub(crate) struct Eviction {
    pub(crate) link: Arc<Tracked>,
    pub(crate) reason: String,
}

/// A tracked link's entry in its topic; ends when dropped.
#[derive(Debug)]
pub(crate) struct Enrolment {
    service: Arc<ServiceShared>,
    topic: Arc<TopicShared>,
    /// Its number among the topic's.
    number: u64,
    link: Arc<Tracked>,
}

impl Enrolment {
    /// Has the topic's writer keep what `link` has not read, from the present value of its item on, or from value `from` on
    /// as far as that is still there; 0 for none. Of a link to several, `ring` is the journal, and numbers are its entries'.
    pub(crate) fn new(
        service: Arc<ServiceShared>,
        topic: Arc<TopicShared>,
        link: Arc<Tracked>,
        ring: &Ring<Words>,
        from: u64,
    ) -> Self {
        let begin = |head| match link.item {
            // It has not even the present values.
            None if from == 0 => 0,
            _ => begin(head, ring.depth(), from),
        };
        let number = enrol(&link.floor[0], ring, begin, &service.attention, || topic.enrol(link.clone()));
        Enrolment { service, topic, number, link }
    }

    /// Lets publishers wait for the link no longer; what it holds it goes on holding.
    pub(crate) fn hold_only(self) -> Self {
        self.link.evict();
        self.service.attract();
        self
    }

    /// Whether this is the enrolment of `link`.
    pub(crate) fn is_of(&self, link: &Arc<Tracked>) -> bool {
        Arc::ptr_eq(&self.link, link)
    }
}

/// What a link to several items begins after, where the journal's latest entry is `head`: see [`Tracked::begun`].
pub(crate) fn begun(journal: &Ring<Words>, from: u64) -> u64 {
    let head = journal.latest();
    if from == 0 { head } else { begin(head, journal.depth(), from) - 1 }
}

/// The first value that is kept for a link which says that it has not read those from `from` on, where the latest is `head`.
/// What a client says is not believed beyond what there is, on either side.
pub(crate) fn begin(head: u64, depth: u64, from: u64) -> u64 {
    let oldest = head.saturating_sub(depth).saturating_add(1);
    match from {
        0 => head.max(1),
        from if from > head.saturating_add(1) => head.max(1),
        from => from.max(oldest),
    }
}

/// The protocol in this file's head.
pub(crate) fn enrol<W: core::ops::Deref<Target = [AtomicU64]>, E>(
    floor: &AtomicU64,
    ring: &Ring<W>,
    begin: impl Fn(u64) -> u64,
    attention: &AtomicU64,
    enter: impl FnOnce() -> E,
) -> E {
    floor.store(begin(ring.latest()), Ordering::Relaxed);
    step!(EnrolFloored);
    let entered = enter();
    step!(EnrolEntered);
    attention.fetch_add(1, Ordering::Release);
    step!(EnrolAttended);
    Site::EnrolFence.fence(Ordering::SeqCst);
    floor.store(begin(ring.latest()), Ordering::Relaxed);
    step!(Enrolled);
    entered
}

impl Drop for Enrolment {
    fn drop(&mut self) {
        self.topic.withdraw(self.number);
        step!(Withdrawn);
        // A publisher that sleeps until this floor is raised, or is about to, finds it raised.
        self.link.floor().release(&SharedFutex, || {});
        step!(Released);
        self.service.attract();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::credit::RELEASED;

    #[test]
    fn a_link_begins_where_it_was_as_far_as_there_is_something() {
        let depth = 4;
        for (head, from, expected) in [
            (0, 0, 1),
            (9, 0, 9),
            // It has read everything, nothing of what there is, something.
            (9, 10, 10),
            (9, 6, 6),
            (9, 8, 8),
            // Overwritten since.
            (9, 5, 6),
            (9, 1, 6),
            (2, 1, 1),
            (0, 1, 1),
            // What nobody can have read.
            (9, 11, 9),
            (0, 2, 1),
            (9, u64::MAX, 9),
            (9, RELEASED, 9),
        ] {
            assert_eq!(begin(head, depth, from), expected, "{from} of {head}");
        }
    }
}
