//! The links of one client: what they were granted, and what the service holds for them.

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::conversation::Conversation;
use super::{MAX_LINKS, MAX_WAITING, Peer};
use crate::access::Verbs;
use crate::server::credits::{Holds, NewMemory, Place};
use crate::server::shared::TopicShared;
use crate::server::system::event::TraceKind;
use crate::server::tracked::{self, Enrolment, Eviction, Tracked};
use crate::sync::step;
use crate::wire::{self, Advise, Granted, Located, Prefix, ReasonText, Refusal, Refused, Revoked};

/// What a link is to the service.
#[derive(Debug)]
pub(super) enum LinkKind {
    /// Not its business.
    Untracked,
    /// One to be tracked when its item appears.
    Tracking(Terms),
    /// A tracked one; without enrolment once it was evicted, as long as that lasts.
    Tracked { place: Place, holds: Option<Holds>, link: Weak<Tracked>, enrolment: Option<Enrolment> },
}

impl LinkKind {
    /// What it is, in a word.
    pub(super) fn word(&self) -> &'static str {
        let (lossless, samples, evicted) = match self {
            LinkKind::Untracked => (false, false, false),
            LinkKind::Tracking(terms) => (terms.deadline.is_some(), terms.samples > 0, false),
            LinkKind::Tracked { holds, link, .. } => match link.upgrade() {
                Some(link) => {
                    let evicted = link.evicted.load(std::sync::atomic::Ordering::Relaxed);
                    (link.deadline.is_some(), holds.is_some(), evicted)
                }
                None => (true, holds.is_some(), true),
            },
        };
        match (evicted, lossless, samples) {
            (true, ..) => "evicted",
            (false, true, true) => "lossless samples",
            (false, true, false) => "lossless",
            (false, false, true) => "samples",
            (false, false, false) => "plain",
        }
    }
}

/// What a tracked link was granted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// How long a publisher waits for it, if it does.
    deadline: Option<Duration>,
    /// How many values it may hold.
    samples: u32,
    /// The first value that it has not read, as it says, or 0.
    from: u64,
    /// Whether it is to several items.
    several: bool,
}

impl Peer {
    pub(super) fn advise(&mut self, prefix: Prefix, advise: &Advise) {
        // The conversation may have ended on this side while the frame was on its way.
        let Some(open) = self.conversations.get_mut(&prefix.conversation) else { return };
        let pid = self.pid;
        let tell = |open: &Conversation, why: &str| {
            open.tell_link_refused(pid, prefix.reference, &advise.item, why);
        };
        if self.links >= MAX_LINKS {
            tell(open, "too many links");
            return self.refuse(prefix, Refusal::TooMany, "too many links");
        }
        if !open.may(Verbs::READ) {
            tell(open, "it may not read");
            return self.deny(prefix, Verbs::READ);
        }
        let kind = match terms(&open.topic, advise) {
            Ok(Some(_)) if !open.may(Verbs::TRACK) => {
                tell(open, "it may not have links that are looked after");
                return self.deny(prefix, Verbs::TRACK);
            }
            Ok(None) => LinkKind::Untracked,
            Ok(Some(terms)) => LinkKind::Tracking(terms),
            Err(reason) => {
                tell(open, &reason);
                return self.refuse(prefix, Refusal::NotGranted, &reason);
            }
        };
        let mut index = if advise.item.is_empty() { Some(0) } else { open.topic.item(&advise.item) };
        if index.is_none() {
            if !advise.wait {
                tell(open, "there is no such item");
                return self.refuse(prefix, Refusal::NoSuchItem, "there is no such item");
            }
            if self.waiting.count >= MAX_WAITING {
                tell(open, "too many unanswered questions");
                return self.refuse(prefix, Refusal::TooMany, "too many unanswered questions");
            }
            self.waiting.begin();
            index = open.topic.item(&advise.item);
            match index {
                Some(_) => self.waiting.end(1),
                None => drop(open.locating.insert(prefix.reference, (*advise.item).into())),
            }
        }
        if advise.item.is_empty() {
            open.subjects.insert(prefix.reference, None);
        }
        open.links.insert(prefix.reference, kind);
        self.links += 1;
        self.service.system.touch();
        open.tell_advised(self.pid, prefix.reference, &advise.item);
        tracing::debug!(pid = self.pid, topic = open.topic.name, item = %advise.item, "advise");
        if let Some(index) = index {
            self.attach(prefix.conversation, prefix.reference, index);
        }
    }

    /// Attaches a link to its item, which is there.
    pub(super) fn attach(&mut self, conversation: u64, reference: u64, index: u32) {
        self.send_segments(conversation);
        let Some(open) = self.conversations.get_mut(&conversation) else { return };
        open.subjects.entry(reference).or_insert(Some(index));
        self.service.system.touch();
        let Some(&LinkKind::Tracking(terms)) = open.links.get(&reference) else {
            return self.connection.send(conversation, reference, &Located { index });
        };
        let topic = open.topic.clone();
        let several = terms.several;
        let Some(ring) = (if several { topic.journal() } else { topic.ring(index) }) else { return };
        let (place, holds) = match self.lend(terms.samples) {
            Ok(lent) => lent,
            Err(error) => {
                let reason = format!("there is nothing to track the link by: {error}");
                if let Some(open) = self.conversations.get_mut(&conversation) {
                    open.tell_link(TraceKind::LinkClosed, self.pid, reference, &reason);
                    open.links.remove(&reference);
                    open.subjects.remove(&reference);
                    self.links -= 1;
                }
                let reason = ReasonText::truncated(&reason);
                let refused = Refused { refusal: Refusal::TooMany, reason };
                return self.connection.send(conversation, reference, &refused);
            }
        };
        let link = Arc::new(Tracked {
            peer: self.id,
            pid: self.pid,
            conversation,
            link: reference,
            item: (!several).then_some(index),
            begun: if several { tracked::begun(&ring, terms.from) } else { 0 },
            deadline: terms.deadline,
            floor: self.credits.word(place, place.floor),
            awaited: self.credits.word(place, place.awaited),
            holds: holds.map(|holds| self.credits.words(holds, terms.samples)),
            socket: self.connection.socket(),
            evicted: AtomicBool::new(false),
        });
        let (enrolled, link) = (link.clone(), Arc::downgrade(&link));
        let enrolment = Some(Enrolment::new(self.service.clone(), topic, enrolled, &ring, terms.from));
        if let Some(open) = self.conversations.get_mut(&conversation) {
            open.links.insert(reference, LinkKind::Tracked { place, holds, link, enrolment });
        }
        let granted = Granted {
            deadline: terms
                .deadline
                .map_or(0, |deadline| u64::try_from(deadline.as_nanos()).unwrap_or(u64::MAX)),
            index,
            credits: place.memory,
            floor: place.floor,
            awaited: place.awaited,
            hold_memory: holds.map_or(0, |holds| holds.memory),
            first_hold: holds.map_or(0, |holds| holds.start),
            holds: if holds.is_some() { terms.samples } else { 0 },
        };
        self.connection.send(conversation, reference, &granted);
        step!(GrantedSent);
    }

    /// Credit for one link, in memory that the client is sent first where it is new.
    pub(super) fn lend(&mut self, samples: u32) -> io::Result<(Place, Option<Holds>)> {
        let (place, new) = self.credits.take()?;
        step!(CreditsTaken);
        self.send_credits(new);
        if samples == 0 {
            return Ok((place, None));
        }
        match self.credits.take_holds(samples) {
            Ok((holds, new)) => {
                self.send_credits(new);
                Ok((place, Some(holds)))
            }
            Err(error) => {
                self.credits.give_back(place, Weak::new());
                Err(error)
            }
        }
    }

    pub(super) fn send_credits(&mut self, new: NewMemory) {
        if let Some((index, fd)) = new {
            self.connection.send_with(0, &wire::Credits { index }, vec![fd]);
            step!(CreditsSent);
        }
    }

    /// Tells the client that a publisher no longer waits for one of its links. Its place stays its own until it closes
    /// the link.
    pub(crate) fn revoke(&mut self, eviction: &Eviction) {
        let Eviction { link, reason } = eviction;
        let open = self.conversations.get_mut(&link.conversation);
        if let Some(LinkKind::Tracked { enrolment, .. }) =
            open.and_then(|open| open.links.get_mut(&link.link))
            && enrolment.as_ref().is_some_and(|enrolment| enrolment.is_of(link))
        {
            if link.holds.is_none() {
                *enrolment = None;
            }
            self.service.system.touch();
            if let Some(open) = self.conversations.get(&link.conversation) {
                open.tell_link(TraceKind::LinkEvicted, self.pid, link.link, reason);
            }
            let reason = ReasonText::truncated(reason);
            self.connection.send(link.conversation, link.link, &Revoked { reason });
            step!(EvictionSent);
        }
    }

    /// Frees what the service holds for a link that its client has closed.
    pub(super) fn untrack(&mut self, link: LinkKind) {
        if let LinkKind::Tracked { place, holds, link, enrolment } = link {
            drop(enrolment);
            self.credits.give_back(place, link);
            holds.into_iter().for_each(|holds| self.credits.give_back_holds(holds));
        }
    }
}

/// What an advise is granted; nothing where its link is none of the publisher's business.
///
/// # Errors
/// Why it is not granted.
fn terms(topic: &TopicShared, advise: &Advise) -> Result<Option<Terms>, String> {
    let deadline = match (advise.lossless, topic.lossless) {
        (false, _) => None,
        (true, Some(patience)) => Some(patience.min(Duration::from_nanos(advise.deadline))),
        (true, None) => {
            let why = "its publisher does not wait for links; let the topic grant it with `.lossless(patience)` where it \
                 is opened";
            return Err(why.to_owned());
        }
    };
    let (samples, from) = (advise.samples, advise.from);
    if samples > topic.samples {
        return Err(match topic.samples {
            0 => "its values cannot be held; let the topic grant it with `.samples(n)` where it is opened"
                .to_owned(),
            most => {
                format!("it holds {samples} values, expected at most {most}, as the topic's `.samples` says")
            }
        });
    }
    let several = advise.item.is_empty();
    Ok((deadline.is_some() || samples > 0).then_some(Terms { deadline, samples, from, several }))
}
