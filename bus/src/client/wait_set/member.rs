//! What a wait set has: members of several kinds, and what is needed of each to see whether it is ready.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::requests::Requests;
use crate::client::changes::Changes;
use crate::client::conversation_state::ConversationShared;
use crate::client::deliver::Deliver;
use crate::client::link::Link;
use crate::client::link_state::LinkShared;
use crate::client::merged::MergedLink;
use crate::client::vigil::{News, Vigil};
use crate::client::waiter::Waiter;
use crate::error::{Error, Result};
use crate::namespace::BusCore;
use crate::watch::Watch;

/// Something that a [`WaitSet`](crate::WaitSet) can wait for: a [`Link`] or a [`MergedLink`]; a [`Watch`] or [`Changes`]; a
/// transaction that is [`Pending`](crate::Pending); a service's [`Handlers`](crate::Handlers).
///
/// Sealed, so that more can be added.
pub trait Waitable: sealed::Join {}

impl<D: Deliver> Waitable for Link<D> {}
impl Waitable for Watch {}
impl Waitable for Changes {}
impl<D: Deliver> Waitable for MergedLink<D> {}

pub(super) mod sealed {
    /// How something joins a set.
    pub trait Join {
        #[doc(hidden)]
        fn join(&mut self, waiter: Door<'_>) -> crate::Result<Joined>;

        /// Whether it can be told of once for each change.
        #[doc(hidden)]
        fn check_edges(&self) -> crate::Result<()> {
            Ok(())
        }
    }

    /// The set that is joined.
    #[derive(Debug)]
    pub struct Door<'s>(pub(in super::super) &'s std::sync::Arc<super::Waiter>);

    /// What joined it.
    #[derive(Debug)]
    pub struct Joined(pub(in super::super) super::Kind);
}

/// One thing to wait for.
#[derive(Debug)]
pub(super) struct Member<K> {
    pub(super) key: K,
    pub(super) kind: Kind,
    /// For a member that is told of once for each change: what it was last told for.
    pub(super) told: Option<Option<News>>,
}

impl<K> Member<K> {
    /// Whether it is to be told of.
    pub(super) fn is_new(&mut self, news: Option<News>) -> bool {
        if news.is_none() && self.told.is_some() {
            // What comes after this is new, also where it looks the same.
            self.told = Some(None);
        }
        news.is_some() && !self.was_told(news)
    }

    /// Whether these are news that it was told of, and is not told of again.
    pub(super) fn was_told(&self, news: Option<News>) -> bool {
        news.is_some() && self.told == Some(news)
    }
}

#[derive(Debug)]
pub(super) enum Kind {
    Link {
        ticket: u64,
        link: Arc<LinkShared>,
        conversation: Arc<ConversationShared>,
        bus: Weak<BusCore>,
    },
    /// With a duplicate of its descriptor.
    Watch {
        ticket: u64,
        vigil: Arc<Vigil>,
        descriptor: OwnedFd,
    },
    Answer(Answer),
    Requests(Requests),
    Timer {
        at: Instant,
        period: Option<Duration>,
    },
    Event(Arc<Raised>),
    Descriptor(OwnedFd),
}

impl<D: Deliver> sealed::Join for Link<D> {
    fn join(&mut self, door: sealed::Door<'_>) -> Result<sealed::Joined> {
        let ticket = self.shared.vigil.begin(door.0.clone());
        self.begin_to_report();
        let (link, conversation) = (self.shared.clone(), self.conversation.shared.clone());
        let bus = Arc::downgrade(&self.conversation.bus);
        Ok(sealed::Joined(Kind::Link { ticket, link, conversation, bus }))
    }
}

impl sealed::Join for Watch {
    fn join(&mut self, door: sealed::Door<'_>) -> Result<sealed::Joined> {
        let descriptor = duplicate(self.descriptor())?;
        let ticket = self.vigil().begin(door.0.clone());
        self.report();
        Ok(sealed::Joined(Kind::Watch { ticket, vigil: self.vigil().clone(), descriptor }))
    }
}

impl sealed::Join for Changes {
    fn join(&mut self, door: sealed::Door<'_>) -> Result<sealed::Joined> {
        let descriptor = duplicate(self.descriptor())?;
        let ticket = self.vigil().begin(door.0.clone());
        self.report();
        Ok(sealed::Joined(Kind::Watch { ticket, vigil: self.vigil().clone(), descriptor }))
    }
}

impl<D: Deliver> sealed::Join for MergedLink<D> {
    fn join(&mut self, door: sealed::Door<'_>) -> Result<sealed::Joined> {
        let (ticket, vigil, descriptor) = self.begin_to_wait(door.0.clone())?;
        Ok(sealed::Joined(Kind::Watch { ticket, vigil, descriptor }))
    }

    /// What rings for it says that there is something, and not whether it is new.
    fn check_edges(&self) -> Result<()> {
        let (found, expected) = ("called with a merged link".to_owned(), "`add`".to_owned());
        Err(Error::InvalidOption { option: "add_edge", found, expected })
    }
}

/// A member of a [`WaitSet`](crate::WaitSet), to take it out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub(super) u64);

/// For what a foreign descriptor is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Interest {
    /// There is something to read, or to accept, or the end of it.
    Readable,
    /// There is room to write.
    Writable,
    /// Either.
    Both,
}

/// Ends a wait from any thread; see [`WaitSet::event`](crate::WaitSet::event).
#[derive(Debug, Clone)]
pub struct Event {
    pub(super) raised: Arc<Raised>,
    pub(super) token: Token,
}

#[derive(Debug)]
pub(super) struct Raised {
    pub(super) raised: AtomicBool,
    pub(super) waiter: Arc<Waiter>,
}

impl Event {
    /// Makes the event's key ready in the present wait, or the next one, once, however often it is raised before. Never
    /// blocks. Does nothing where the set is gone.
    pub fn raise(&self) {
        if !self.raised.raised.swap(true, Ordering::AcqRel) {
            self.raised.waiter.hail();
        }
    }

    /// To take the event out of its set.
    pub fn token(&self) -> Token {
        self.token
    }
}

pub(super) fn duplicate(descriptor: BorrowedFd<'_>) -> Result<OwnedFd> {
    let duplicate: io::Result<OwnedFd> = descriptor.try_clone_to_owned();
    duplicate.map_err(Error::os("duplicating a descriptor for a wait set"))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::client::vigil::Due;

    #[test]
    fn what_comes_again_after_nothing_was_there_is_news() {
        let (vigil, now) = (Vigil::new(), Instant::now());
        let kind = Kind::Timer { at: now, period: None };
        let mut member = Member { key: (), kind, told: Some(None) };
        for _ in 0..2 {
            vigil.report(None, 0, Due::Now);
            let news = vigil.news(now);
            assert!(member.is_new(news));
            member.told = Some(news);
            assert!(!member.is_new(news) && member.was_told(news));
            vigil.report(None, 0, Due::Never);
            assert!(!member.is_new(vigil.news(now)));
        }
    }
}
