//! The inbox: how a service sleeps until one of its lanes has a request, and clients learn at the price of a load
//! whether it does.
//!
//! The eventcount of [`crate::bell`], with many who ring and one who sleeps. So what they count is added to by a locked
//! operation, and only whoever has taken the flag away counts.
//!
//! ```text
//! ring:   mark = n                  (a lane's)      sleep:  seen = wakes
//!         fence          SeqCst (1)                         fence          Acquire (5)
//!         both flags 0 ? done                               by_futex = 1           (6)
//!         by_futex taken ?                                  fence          SeqCst  (7)
//!             by_futex = 0      (2)                         any lane has a request ? done
//!             wakes += 1        (3)                         futex wait (wakes == seen)
//!             futex wake (wakes) (4)
//!         by_frame taken ?
//!             by_frame = 0
//!             send a frame
//! ```
//!
//! The reasons are those given there. It lies in memory that every client of the service may write: one that takes flags
//! away, or counts, can delay another's request by the bound of a sleep ([`crate::bell::PARK_BOUND`]), or cost the service
//! needless looks, and no more.

use core::ops::Deref;
use core::time::Duration;

use crate::bell::Futex;
use crate::sync::{AtomicU64, Ordering, Site, step};

/// Words of an inbox. Flags and the count are on lines of their own: flags are looked at with each request.
pub(crate) const INBOX_WORDS: usize = 64;

/// An inbox in memory that `W` lends. Invariant: there are [`INBOX_WORDS`] words.
#[derive(Debug, Clone)]
pub(crate) struct Inbox<W>(W);

impl<W: Deref<Target = [AtomicU64]>> Inbox<W> {
    /// The inbox in these words; `None` where there are too few.
    pub(crate) fn new(words: W) -> Option<Self> {
        (words.len() >= INBOX_WORDS).then_some(Inbox(words))
    }

    fn by_futex(&self) -> &AtomicU64 {
        &self.0[0]
    }

    fn by_frame(&self) -> &AtomicU64 {
        &self.0[1]
    }

    fn wakes(&self) -> &AtomicU64 {
        &self.0[16]
    }

    /// After a request was posted: wakes the service if it sleeps. Whether it is to be sent a frame.
    #[inline(always)]
    pub(crate) fn ring(&self, futex: &impl Futex) -> bool {
        Site::InboxRingFence.fence(Ordering::SeqCst);
        step!(RequestFenced);
        if self.by_futex().load(Ordering::Relaxed) | self.by_frame().load(Ordering::Relaxed) == 0 {
            return false;
        }
        self.wake(futex)
    }

    #[cold]
    #[inline(never)]
    fn wake(&self, futex: &impl Futex) -> bool {
        if self.by_futex().load(Ordering::Relaxed) != 0 && self.by_futex().swap(0, Ordering::Acquire) != 0 {
            step!(InboxCleared);
            Site::InboxWakeAdd.add(self.wakes(), 1, Ordering::Release);
            step!(InboxCounted);
            futex.wake_all(self.wakes());
            step!(InboxRung);
        }
        self.by_frame().load(Ordering::Relaxed) != 0 && self.by_frame().swap(0, Ordering::Acquire) != 0
    }

    /// Sleeps until somebody rings, unless `is_there` is something already, at most `bound`. May return early, so the
    /// caller looks again.
    pub(crate) fn sleep(&self, is_there: impl FnOnce() -> bool, futex: &impl Futex, bound: Duration) {
        let seen = self.wakes().load(Ordering::Relaxed);
        Site::InboxSeenFence.fence(Ordering::Acquire);
        self.by_futex().store(1, Ordering::Release);
        Site::InboxSleepFence.fence(Ordering::SeqCst);
        if !is_there() {
            futex.wait(self.wakes(), seen as u32, bound);
        }
    }

    /// Whether the flag that asks for a frame is set: where one who rang took it, it was set again since.
    pub(crate) fn is_asked_for_frame(&self) -> bool {
        self.by_frame().load(Ordering::Relaxed) != 0
    }

    /// Has the next who rings send a frame. Lanes must be looked at after this.
    pub(crate) fn ask_for_frame(&self) {
        self.by_frame().store(1, Ordering::Release);
        Site::InboxSleepFence.fence(Ordering::SeqCst);
    }
}
