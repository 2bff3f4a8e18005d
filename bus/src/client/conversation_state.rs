//! A conversation, as its handles and the control thread share it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::control::Command;
use super::lanes::Lanes;
use super::names::Names;
use super::parking::Versioned;
use super::session::{Expected, Session};
use crate::access::{self, Verbs};
use crate::error::{Ended, Error};
use crate::namespace::BusCore;

/// A conversation, as its handles and the control thread see it.
#[derive(Debug)]
pub(crate) struct ConversationShared {
    pub(crate) number: u64,
    pub(crate) service: String,
    pub(crate) topic: String,
    /// Whether the first connect waits for service and topic to appear; later ones always do.
    pub(crate) wait: bool,
    /// Whether it is one of a [list](super::list), which wants to know whether the topic is there, and waits for it anyway.
    pub(crate) listed: bool,
    /// Handles, and the list that it is in: whoever is the last to let go closes it.
    holders: AtomicUsize,
    pub(crate) expected: Expected,
    pub(crate) names: Arc<Names>,
    pub(crate) lanes: Lanes,
    pub(crate) state: Versioned<State>,
}

/// How a conversation stands.
#[derive(Debug)]
pub(crate) struct State {
    /// The mapped topic of the service's present or last life.
    pub(crate) session: Option<Arc<Session>>,
    pub(crate) status: Status,
    /// What went wrong when the service was last connected to; `None` once it is live.
    pub(crate) trouble: Option<String>,
    /// The process, and the life of the service, that it is live with, or was last.
    pub(crate) life: (u32, u64),
}

/// Whether there is a service at the other end.
#[derive(Debug)]
pub(crate) enum Status {
    /// There has been none yet.
    Absent,
    /// The process `pid` owns it, but has not answered yet.
    Unanswered { pid: u32 },
    /// The process `pid` owns it, and has no such topic; it will say when it has. Of conversations of a list only.
    WithoutTopic { pid: u32 },
    /// It is live.
    Live,
    /// It was live, and is gone.
    Ended(Ended),
    /// The first connect failed.
    Failed(Option<Error>),
}

impl ConversationShared {
    /// A conversation that nobody holds yet, nor has been begun.
    pub(crate) fn new(
        number: u64,
        (service, topic): (&str, &str),
        (wait, listed): (bool, bool),
        expected: Expected,
        names: Arc<Names>,
    ) -> Self {
        let state = State { session: None, status: Status::Absent, trouble: None, life: (0, 0) };
        ConversationShared {
            number,
            service: service.to_owned(),
            topic: topic.to_owned(),
            wait,
            listed,
            holders: AtomicUsize::new(0),
            expected,
            names,
            lanes: Lanes::default(),
            state: Versioned::new(state),
        }
    }

    /// One more holds it: as the first, or where another surely does.
    pub(crate) fn hold(&self) {
        self.holders.fetch_add(1, Ordering::Relaxed);
    }

    /// One holds it no longer; whether that was the last.
    #[must_use = "the last one has to close it"]
    pub(crate) fn let_go(&self) -> bool {
        self.holders.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Whether the service is there now.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.state.lock().status, Status::Live)
    }

    /// What went wrong when the service was last connected to.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.state.lock().trouble.clone()
    }

    /// Why the service is gone, if it is.
    pub(crate) fn ended(&self) -> Option<Ended> {
        match &self.state.lock().status {
            Status::Ended(reason) => Some(reason.clone()),
            _ => None,
        }
    }

    pub(crate) fn address(&self) -> String {
        match self.topic.as_str() {
            "" => self.service.clone(),
            topic => format!("{}/{topic}", self.service),
        }
    }

    pub(crate) fn no_such_item(&self, item: &str) -> Error {
        Error::NoSuchItem { service: self.service.clone(), topic: self.topic.clone(), item: item.to_owned() }
    }

    /// Whether the service let this program have the topic's memory; not known before the conversation is live.
    pub(crate) fn is_readable(&self) -> bool {
        let state = self.state.lock();
        state.session.is_some() || !matches!(state.status, Status::Live)
    }

    /// That it did not.
    pub(crate) fn unreadable(&self, verb: &'static str, item: &dyn core::fmt::Display) -> Error {
        let (uid, needed) = (rustix::process::geteuid().as_raw(), Verbs::READ);
        let (service, what) = (self.service.clone(), format!("{}/{item}", self.address()));
        Error::Denied { service, verb, what, uid, needed, reason: access::remedy(uid, needed) }
    }

    pub(crate) fn stale(&self, reason: Ended) -> Error {
        Error::Stale { service: self.service.clone(), reason }
    }
}

/// A conversation's registration with the control thread; ends with the last handle that needs it.
#[derive(Debug)]
pub(crate) struct ConversationHandle {
    pub(crate) bus: Arc<BusCore>,
    pub(crate) shared: Arc<ConversationShared>,
}

impl ConversationHandle {
    /// As the first handle, or where somebody surely holds the conversation.
    pub(crate) fn new(bus: Arc<BusCore>, shared: Arc<ConversationShared>) -> Self {
        shared.hold();
        ConversationHandle { bus, shared }
    }

    /// Ends the conversation for all its handles, with its links and transactions; returns when that is so.
    pub(super) fn close(&self) {
        self.bus.command(Command::Leave(self.shared.clone()));
        let is_live = || matches!(self.shared.state.lock().status, Status::Live);
        loop {
            let seen = self.shared.state.version();
            // It is ended by the control thread, also where that thread itself ends.
            if !is_live() {
                break;
            }
            self.shared.state.wait(seen, Duration::from_secs(1));
        }
        // Where the service was gone already, for this side it is closed from now on.
        self.shared.state.update(|state| {
            if let Status::Ended(reason) = &mut state.status {
                *reason = Ended::Closed;
            }
        });
    }
}

impl Drop for ConversationHandle {
    fn drop(&mut self) {
        if self.shared.let_go() {
            self.bus.command(Command::Close(self.shared.clone()));
        }
    }
}
