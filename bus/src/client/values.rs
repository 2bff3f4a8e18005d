//! Where the words of a session's values are: in the slots, or in pool memory that the slots name.

use std::sync::Arc;

use super::session::Session;
use crate::segment::mapping::Words;
use crate::segment::pool::Reference;
use crate::sync::{AtomicU64, Ordering};

/// The way from a slot to the value's words, in one session.
#[derive(Debug)]
pub(crate) struct Values {
    session: Arc<Session>,
    /// Pool memories that were met, by number: found here without the session's lock.
    pools: Vec<Words>,
}

impl Values {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Values { session, pools: Vec::new() }
    }

    /// The words of the value that a slot with this `body` has; `None` where the slot names a place that there is not,
    /// which no honest publisher does. Pool memory that is on its way is waited for.
    #[inline]
    pub(crate) fn of<'v>(&'v mut self, body: &'v [AtomicU64]) -> Option<&'v [AtomicU64]> {
        if !self.session.pooled {
            return Some(&body[self.session.payload..]);
        }
        let reference = self.reference(body);
        let words = self.session.message_words;
        reference.of(self.memory(reference)?, words)
    }

    /// Where the value is that a slot of a pooled topic with this `body` has.
    #[inline]
    pub(crate) fn reference(&self, body: &[AtomicU64]) -> Reference {
        Reference(body[self.session.payload].load(Ordering::Relaxed))
    }

    /// The pool memory in which a value is.
    #[inline]
    pub(crate) fn memory(&mut self, reference: Reference) -> Option<&Words> {
        let index = reference.memory();
        while self.pools.len() <= index {
            self.pools.push(self.session.pool(self.pools.len())?);
        }
        self.pools.get(index)
    }
}
