//! Where the words of a session's values are: in the slots, or in pool memory that the slots name.
//!
//! Pool memory travels by the control plane, and a value may be here before the memory that it lies in. A link then stays
//! before that value, without blocking: it is told when memory comes, and looks again after a while in any case. Memory that
//! never comes is like a value that never does; where the service ends first, what could not be read is what it did not send.

use std::sync::Arc;

use super::session::Session;
use crate::segment::mapping::Words;
use crate::segment::pool::{MAX_MEMORIES, Reference};
use crate::sync::{AtomicU64, Ordering};

/// The way from a slot to the value's words, in one session.
#[derive(Debug)]
pub(crate) struct Values {
    session: Arc<Session>,
    /// Pool memories that were met, by number: found here without the session's lock.
    pools: Vec<Words>,
    /// The memory that the value looked at last lies in, if that has not come.
    awaited: Option<usize>,
}

/// What a look for memory found.
#[derive(Debug)]
pub(crate) enum Found<W> {
    Here(W),
    /// It has not come yet.
    OnItsWay,
    /// There is no such place, as no honest publisher says.
    Nowhere,
}

impl<W> Found<W> {
    pub(crate) fn is_here(&self) -> bool {
        matches!(self, Found::Here(_))
    }

    pub(crate) fn map<R>(self, with: impl FnOnce(W) -> R) -> Found<R> {
        match self {
            Found::Here(what) => Found::Here(with(what)),
            Found::OnItsWay => Found::OnItsWay,
            Found::Nowhere => Found::Nowhere,
        }
    }
}

impl Values {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Values { session, pools: Vec::new(), awaited: None }
    }

    /// The words of the value that a slot with this `body` has.
    #[inline]
    pub(crate) fn of<'v>(&'v mut self, body: &'v [AtomicU64]) -> Found<&'v [AtomicU64]> {
        if !self.session.pooled {
            return Found::Here(&body[self.session.payload..]);
        }
        self.words(body, self.session.message_words)
    }

    /// The words of the value of so many bytes that a slot of a pooled topic with this `body` has.
    pub(crate) fn of_bytes(&mut self, body: &[AtomicU64], bytes: usize) -> Found<&[AtomicU64]> {
        self.words(body, bytes.div_ceil(8))
    }

    #[inline]
    fn words(&mut self, body: &[AtomicU64], words: usize) -> Found<&[AtomicU64]> {
        let reference = self.reference(body);
        match self.memory(reference) {
            Found::Here(memory) => reference.of(memory, words).map_or(Found::Nowhere, Found::Here),
            Found::OnItsWay => Found::OnItsWay,
            Found::Nowhere => Found::Nowhere,
        }
    }

    /// Where the value is that a slot of a pooled topic with this `body` has.
    #[inline]
    pub(crate) fn reference(&self, body: &[AtomicU64]) -> Reference {
        Reference(body[self.session.payload].load(Ordering::Relaxed))
    }

    /// The pool memory in which a value is.
    #[inline]
    pub(crate) fn memory(&mut self, reference: Reference) -> Found<&Words> {
        let index = reference.memory();
        if self.pools.len() <= index {
            if index >= MAX_MEMORIES {
                return Found::Nowhere;
            }
            self.meet(index);
        }
        match self.pools.get(index) {
            Some(memory) => {
                self.awaited = None;
                Found::Here(memory)
            }
            None => {
                self.awaited = Some(index);
                Found::OnItsWay
            }
        }
    }

    /// Takes over the memories up to this one, as far as they are here.
    #[cold]
    fn meet(&mut self, index: usize) {
        while self.pools.len() <= index
            && let Some(memory) = self.session.pool(self.pools.len())
        {
            self.pools.push(memory);
        }
    }

    /// A look begins, which has not come to any value yet.
    #[inline]
    pub(crate) fn begin_look(&mut self) {
        self.awaited = None;
    }

    /// The memory that the look waits for, of [`session`](Self::session), if it came to a value in memory that has not come.
    pub(crate) fn awaited(&self) -> Option<usize> {
        self.awaited
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }
}
