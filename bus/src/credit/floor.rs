//! A lossless link's floor: the number of the value that it wants next. Everything below was read.
//!
//! ```text
//! reader:     copy value k out                publisher:  floor > k - depth ?    Relaxed
//!             floor = k + 1   Release (1)                 fence                  Acquire (2)
//!             fence           SeqCst  (3)                 overwrite value k - depth
//!             awaited == 0 ?  done
//!             wake the publisher              … or, where it is not:
//!                                                         awaited = how
//!                                                         fence                  SeqCst (4)
//!                                                         wait (floor unchanged)
//!                                                         awaited = 0
//! ```
//!
//! - (1) with (2): the reader's copy is finished before its slot is written again.
//! - (3) and (4) are Dekker's pattern: either the reader sees that it is awaited, or the publisher sees the floor.
//!   `awaited` is written by the publisher alone. Were readers to clear it, one could do so between the publisher's
//!   setting it again and its sleep. When a link is gone its words may become another's, perhaps of another topic with
//!   another publisher: not before the first one has forgotten the link, and cleared (`crate::server::credits`).
//!
//! A publisher's thread waits on the floor, as a futex. A publisher's task cannot, and is told by a frame, which the
//! reader sends itself, past its control thread: a wake-up by one hop for either.
//!
//! Neither side does this for each value. The publisher keeps the number up to which there is room for sure, the least
//! floor that it saw plus the depth, and looks at floors again when it comes there: with readers that keep up, once in
//! `depth` values. A reader raises its floor once in a fraction of `depth` values, and whenever it finds nothing more.
//! One that reads slowly would so seem to read nothing for long: when a publisher has wanted room for a while, it says
//! that it is [`URGENT`], and is then told of every value. That is a hint to a reader which looks again at its next
//! value, and no argument rests on it.
//!
//! A floor has two writers on the reader's side: the link's own handle, whose thread may be anywhere or nowhere, and the
//! control thread, which releases the links of a connection that is lost. What the handle says replaces only what it said
//! before, in one atomic step ([`Floor::raise`]), so that a release is never taken back.

use core::time::Duration;

use crate::bell::Futex;
use crate::sync::{AtomicU64, Ordering, Site, step};

/// A floor above all numbers, of a link that is gone. Numbers have [two bits less](crate::ring::slot) than a word.
pub(crate) const RELEASED: u64 = 1 << 62;

/// A thread of the publisher sleeps until the floor is raised.
const BY_THREAD: u64 = 1;
/// A task of the publisher does.
const BY_TASK: u64 = 2;
/// The publisher has wanted room for long, by sleeping or by asking again and again: each value that was read matters.
const URGENT: u64 = 4;

/// The two words of a lossless link.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floor<'m> {
    /// The number that the reader wants next.
    pub(crate) floor: &'m AtomicU64,
    /// Whether the publisher waits for the floor, how, and how badly it wants it raised.
    pub(crate) awaited: &'m AtomicU64,
}

impl Floor<'_> {
    /// Reader, or who acts for it: nothing more is wanted; what was said last. Wakes the publisher where it waits, its threads
    /// by `futex`, and has `wake_tasks` wake its tasks.
    pub(crate) fn release(self, futex: &impl Futex, wake_tasks: impl FnOnce()) -> u64 {
        let said = Site::FloorStore.swap(self.floor, RELEASED, Ordering::Release);
        self.wake(futex, wake_tasks);
        said
    }

    /// Reader: everything below `to` was read, if `from` is what was said last; whether it was. It is not where the link was
    /// [released](Self::release) on its reader's behalf, and stays that.
    #[inline]
    pub(crate) fn raise(self, from: u64, to: u64, futex: &impl Futex, wake_tasks: impl FnOnce()) -> bool {
        let raised = Site::FloorStore.replace(self.floor, from, to, Ordering::Release);
        if raised {
            self.wake(futex, wake_tasks);
        }
        raised
    }

    /// Reader: what was said last.
    pub(crate) fn said(self) -> u64 {
        self.floor.load(Ordering::Relaxed)
    }

    fn wake(self, futex: &impl Futex, wake_tasks: impl FnOnce()) {
        step!(FloorRaised);
        Site::FloorRaiseFence.fence(Ordering::SeqCst);
        let how = self.awaited.load(Ordering::Relaxed);
        if how & (BY_THREAD | BY_TASK) == 0 {
            return;
        }
        step!(FloorAwaitedSeen);
        if how & BY_THREAD != 0 {
            futex.wake_all(self.floor);
        }
        if how & BY_TASK != 0 {
            wake_tasks();
        }
        step!(FloorWoken);
    }

    /// Publisher: what the reader wants next. All below can be overwritten after this.
    pub(crate) fn get(self) -> u64 {
        let floor = self.floor.load(Ordering::Relaxed);
        Site::FloorFence.fence(Ordering::Acquire);
        floor
    }

    /// Reader: whether the publisher is to be told of every value.
    #[inline(always)]
    pub(crate) fn is_urgent(self) -> bool {
        self.awaited.load(Ordering::Relaxed) & URGENT != 0
    }

    /// Publisher: asks to be told of every value, without waiting, until it [stops](Self::stop) that.
    pub(crate) fn urge(self) {
        self.awaited.store(URGENT, Ordering::Relaxed);
    }

    /// Publisher: there is room, or it waits no longer.
    pub(crate) fn stop(self) {
        self.awaited.store(0, Ordering::Relaxed);
    }

    /// Publisher: sleeps while the floor is `seen`, at most `bound`; may return early.
    pub(crate) fn wait(self, seen: u64, urgent: bool, futex: &impl Futex, bound: Duration) {
        if self.asks(seen, urgent, BY_THREAD) {
            futex.wait(self.floor, seen as u32, bound);
        }
        step!(FloorSlept);
        self.stop();
    }

    /// Publisher: has its tasks woken when the floor is raised from `seen`, until it [stops](Self::stop) that; `false` if
    /// it was raised already.
    pub(crate) fn ask(self, seen: u64, urgent: bool) -> bool {
        self.asks(seen, urgent, BY_TASK)
    }

    fn asks(self, seen: u64, urgent: bool, how: u64) -> bool {
        self.awaited.store(if urgent { how | URGENT } else { how }, Ordering::Relaxed);
        step!(FloorAwaited);
        Site::FloorAwaitFence.fence(Ordering::SeqCst);
        self.floor.load(Ordering::Relaxed) == seen
    }
}
