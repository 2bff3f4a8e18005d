//! A lossless link's floor: the number of the value that it wants next. Everything below was read.
//!
//! ```text
//! reader:     copy value k out                publisher:  floor > k - depth ?    Relaxed
//!             floor = k + 1   Release (1)                 fence                  Acquire (2)
//!             fence           SeqCst  (3)                 overwrite value k - depth
//!             awaited == 0 ?  done
//!             futex wake (floor)              … or, where it is not:
//!                                                         awaited = 1
//!                                                         fence                  SeqCst (4)
//!                                                         futex wait (floor unchanged)
//!                                                         awaited = 0
//! ```
//!
//! - (1) with (2): the reader's copy is finished before its slot is written again.
//! - (3) and (4) are Dekker's pattern: either the reader sees that it is awaited, or the publisher sees the floor.
//!   `awaited` is written by the publisher alone. Were readers to clear it, one could do so between the publisher's
//!   setting it again and its sleep.
//!
//! Neither side does this for each value. The publisher keeps the number up to which there is room for sure, the least
//! floor that it saw plus the depth, and looks at floors again when it comes there: with readers that keep up, once in
//! `depth` values. A reader raises its floor once in a fraction of `depth` values, and whenever it finds nothing more.

use core::time::Duration;

use crate::bell::Futex;
use crate::sync::{AtomicU64, Ordering, Site, step};

/// A floor above all numbers, of a link that is gone. Numbers have [two bits less](crate::ring::slot) than a word.
pub(crate) const RELEASED: u64 = 1 << 62;

/// The two words of a lossless link.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floor<'m> {
    /// The number that the reader wants next.
    pub(crate) floor: &'m AtomicU64,
    /// Whether the publisher sleeps on the floor.
    pub(crate) awaited: &'m AtomicU64,
}

impl Floor<'_> {
    /// Reader: everything below `to` was read.
    #[inline]
    pub(crate) fn raise(self, to: u64, futex: &impl Futex) {
        Site::FloorStore.store(self.floor, to, Ordering::Release);
        step!(FloorRaised);
        Site::FloorRaiseFence.fence(Ordering::SeqCst);
        if self.awaited.load(Ordering::Relaxed) != 0 {
            step!(FloorAwaitedSeen);
            futex.wake_all(self.floor);
            step!(FloorWoken);
        }
    }

    /// Publisher: what the reader wants next. All below can be overwritten after this.
    pub(crate) fn get(self) -> u64 {
        let floor = self.floor.load(Ordering::Relaxed);
        Site::FloorFence.fence(Ordering::Acquire);
        floor
    }

    /// Publisher: sleeps while the floor is `seen`, at most `bound`; may return early.
    pub(crate) fn wait(self, seen: u64, futex: &impl Futex, bound: Duration) {
        self.awaited.store(1, Ordering::Relaxed);
        step!(FloorAwaited);
        Site::FloorAwaitFence.fence(Ordering::SeqCst);
        if self.floor.load(Ordering::Relaxed) == seen {
            futex.wait(self.floor, seen as u32, bound);
        }
        step!(FloorSlept);
        self.awaited.store(0, Ordering::Relaxed);
    }
}
