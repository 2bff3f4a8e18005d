//! A link, as its handle and the control thread share it.

use core::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::credit_memory::Credit;
use super::parking::{Parker, Versioned};
use super::session::Session;
use super::vigil::Vigil;
use crate::error::{Ended, Error, Result};
use crate::name;

/// What a link is to.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    One(String),
    Many(Wanted),
}

/// Which items of a topic, of those that there are and that there will be.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    These(Vec<String>),
    /// All whose names match a pattern.
    Matching(String),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::One(item) => f.write_str(item),
            Target::Many(Wanted::Matching(pattern)) => f.write_str(pattern),
            Target::Many(Wanted::These(items)) => f.write_str(&items.join(", ")),
        }
    }
}

impl Target {
    /// What a pattern is to: one item, or all that match it.
    pub(crate) fn of(pattern: &str) -> Self {
        if name::is_open(pattern) {
            Target::Many(Wanted::Matching(pattern.to_owned()))
        } else {
            Target::One(pattern.to_owned())
        }
    }

    /// Checks the names in it.
    ///
    /// # Errors
    /// [`Error::InvalidName`].
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Target::One(item) => name::check("item", item).map(drop),
            Target::Many(Wanted::Matching(pattern)) => name::check_pattern("item", pattern).map(drop),
            Target::Many(Wanted::These(items)) => {
                items.iter().try_for_each(|item| name::check("item", item).map(drop))
            }
        }
    }
}

/// A link, as its handle and the control thread see it.
#[derive(Debug)]
pub(crate) struct LinkShared {
    pub(crate) number: u64,
    pub(crate) target: Target,
    pub(crate) warm: bool,
    /// Whether the publisher waits for this link, and how long at most.
    pub(crate) lossless: Option<Duration>,
    /// How many values it may hold; 0 where it copies them.
    pub(crate) samples: u32,
    /// Whether the first advise waits for the item to appear; later ones always do.
    pub(crate) wait: bool,
    /// The one life of the service that it is of; `None` for a link that goes on with the next one.
    life: Option<u64>,
    pub(crate) state: Versioned<LinkState>,
    pub(crate) parker: Parker,
    pub(crate) vigil: Vigil,
}

impl LinkShared {
    /// Whether it is for this life of its service.
    pub(crate) fn is_for(&self, life: u64) -> bool {
        self.life.is_none_or(|only| only == life)
    }

    /// Whether the publisher has to know of this link.
    pub(crate) fn is_tracked(&self) -> bool {
        self.lossless.is_some() || self.samples > 0
    }
}

/// How a link stands.
#[derive(Debug)]
pub(crate) struct LinkState {
    pub(crate) attachment: Attachment,
    /// Why the service went, until the link's user was told.
    pub(crate) untold: Option<Ended>,
    /// Where a lossless link was when its connection was lost, in which life of the service: the number that it had said it
    /// wants next. It may have read on since.
    left: Option<(u64, u64)>,
}

/// What a link is attached to.
#[derive(Debug)]
pub(crate) enum Attachment {
    /// Nothing yet.
    Asked,
    /// An item of a session, or the whole of it; with its credit where the link is tracked.
    Attached { session: Arc<Session>, index: u32, credit: Option<Credit> },
    /// Nothing any longer.
    Ended(Ended),
    /// Nothing ever again: the publisher no longer waits for it, and said why.
    Revoked(String),
    /// Nothing in this life of the service, which said no, or whose values this link cannot have; with the error until the
    /// link's user was told, and its words.
    Refused(Option<Error>, String),
}

impl LinkShared {
    pub(crate) fn new(
        number: u64,
        target: Target,
        warm: bool,
        lossless: Option<Duration>,
        samples: u32,
        wait: bool,
        life: Option<u64>,
    ) -> Self {
        let state = Versioned::new(LinkState { attachment: Attachment::Asked, untold: None, left: None });
        let (parker, vigil) = (Parker::new(), Vigil::new());
        LinkShared { number, target, warm, lossless, samples, wait, life, state, parker, vigil }
    }

    /// Why the service is gone, if it is, or not for this link.
    pub(crate) fn ended(&self) -> Option<Ended> {
        match &self.state.lock().attachment {
            Attachment::Ended(reason) => Some(reason.clone()),
            Attachment::Refused(_, reason) => Some(Ended::Refused(reason.clone())),
            _ => None,
        }
    }

    /// Whether it was told that its service is gone.
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.state.lock().attachment, Attachment::Ended(_))
    }

    /// Attaches the link, or refuses it.
    pub(crate) fn attach(&self, attachment: Attachment) {
        self.state.update(|state| state.attachment = attachment);
        self.vigil.hail();
    }

    /// Ends the link for good.
    pub(crate) fn revoke(&self, reason: String) {
        self.attach(Attachment::Revoked(reason));
    }

    /// Says no to the link, as far as this life of its service goes.
    pub(crate) fn refuse(&self, error: Error) {
        let reason = error.to_string();
        self.attach(Attachment::Refused(Some(error), reason));
    }

    /// The number from which on a lossless link may not have read yet, where it was attached in this life of the service
    /// before; 0 where it was not.
    pub(crate) fn unread_from(&self, epoch: u64) -> u64 {
        let left = self.state.lock().left.filter(|&(of, _)| of == epoch && self.lossless.is_some());
        left.map_or(0, |(_, wanted)| wanted)
    }

    /// Tells the link that its service is gone, unless it knows that, and for this very reason.
    pub(crate) fn end(&self, reason: &Ended) {
        if self.ended().as_ref() != Some(reason) {
            self.state.update(|state| {
                let ended = Attachment::Ended(reason.clone());
                if let Attachment::Attached { session, credit: Some(credit), .. } =
                    core::mem::replace(&mut state.attachment, ended)
                {
                    state.left = credit.release().map(|wanted| (session.epoch, wanted));
                }
                state.untold = Some(reason.clone());
            });
            self.vigil.hail();
        }
    }
}
