//! Holds: the values that a client keeps, so that their memory is not written again.
//!
//! A link that pins has some words of credit memory. To pin a value, the reader writes where the value is into one of
//! them and then looks whether it is still the value's: if it is, it stays the value's until the word is cleared.
//!
//! ```text
//! reader:  slot k says: the value is at r            publisher:  slot of k = BUSY(k + depth)   (r is no longer k's)
//!          hold = r                Release (3)                   …
//!          fence                   SeqCst  (1)                   fence             SeqCst  (2)
//!          mark of k unchanged ?   else try another                 any hold == r ?   then r is left alone
//!          read r, as long as one likes                          fence             Acquire (4)
//!          hold = 0                Release (3)                   write to r
//! ```
//!
//! - (1) and (2) are Dekker's pattern: either the publisher sees the hold, or the reader sees that the slot has
//!   been taken for another value, and lets go of what it may not have.
//! - (3) with (4): all reading is over before the memory is written again, of what the word held last as of what it held
//!   before.
//!
//! (2) is not paid by each publish: the publisher looks at holds when it has no memory left that is free for sure,
//! and then for all that it took out of slots since ([`crate::server::pool`](crate::server)).

use crate::sync::{AtomicU64, Ordering, Site, step};

/// A word that holds nothing.
const NOTHING: u64 = 0;

/// Reader: says that it is going to read what is at `reference`. It may, if it finds after this that the slot still names
/// that place for the same value: in the second look of [`Slot::read`](crate::ring::Slot::read), if this is what it
/// does for a copy.
#[inline]
pub(crate) fn announce(hold: &AtomicU64, reference: u64) {
    // Releasing, since a publisher may see this and never the cleared word before it, and may then write to what that word held
    // before: to the language a later store of the same thread says nothing of what an earlier one released.
    hold.store(reference.wrapping_add(1), Ordering::Release);
    step!(HoldStored);
    Site::PinFence.fence(Ordering::SeqCst);
    step!(HoldFenced);
}

/// Reader: lets go.
#[inline]
pub(crate) fn unpin(hold: &AtomicU64) {
    Site::UnpinStore.store(hold, NOTHING, Ordering::Release);
    step!(Unpinned);
}

/// Publisher: orders the slots that were taken for other values before against the holds looked at after.
pub(crate) fn look() {
    Site::PinLookFence.fence(Ordering::SeqCst);
    step!(HoldsLooked);
}

/// Publisher: what a word holds. What no word is found to hold may be written after [`looked`].
pub(crate) fn held(hold: &AtomicU64) -> Option<u64> {
    match hold.load(Ordering::Relaxed) {
        NOTHING => None,
        held => Some(held.wrapping_sub(1)),
    }
}

/// Publisher: after the last look.
pub(crate) fn looked() {
    Site::UnpinFence.fence(Ordering::Acquire);
}
