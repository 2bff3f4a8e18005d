//! A place in a set, of what is waited for in one place at a time and has no [vigil](crate::client::vigil): an answer, or a
//! service's requests.
//!
//! It is given up by whoever has it, which costs a store and tells nobody: a set that looks finds it so, and one that sleeps
//! looks by the bound of its sleeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a set and its member share of that membership.
#[derive(Debug, Default)]
pub(crate) struct Seat {
    left: AtomicBool,
}

impl Seat {
    pub(crate) fn is_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    /// The member is none any longer.
    pub(crate) fn leave(&self) {
        self.left.store(true, Ordering::Release);
    }
}

/// The seat that a member has, if it has one; given up with it.
#[derive(Debug, Default)]
pub(crate) struct Seated(Option<Arc<Seat>>);

impl Seated {
    /// Takes a new seat, and gives up the one before.
    pub(crate) fn anew(&mut self) -> Arc<Seat> {
        self.leave();
        self.0.insert(Arc::default()).clone()
    }

    /// Gives the seat up; whether there was one.
    #[inline(always)]
    pub(crate) fn leave(&mut self) -> bool {
        let seat = self.0.take();
        if let Some(seat) = &seat {
            seat.leave();
        }
        seat.is_some()
    }
}

impl Drop for Seated {
    #[inline(always)]
    fn drop(&mut self) {
        self.leave();
    }
}
