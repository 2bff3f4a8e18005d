//! A conversation of one client, as the service has it, and what spies are told of it.

use std::collections::HashMap;
use std::sync::Arc;

use super::links::LinkKind;
use crate::access::Verbs;
use crate::error::Ended;
use crate::lane::Kind;
use crate::name;
use crate::server::shared::{ServiceShared, TopicShared};
use crate::server::system::event::{TraceEvent, TraceKind};
use crate::server::system::{self, Looking};
use crate::server::transactions::counterpart::Counterpart;
use crate::server::transactions::lane::ServedLane;

#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) topic: Arc<TopicShared>,
    /// Segments that were sent, or stand in `unsent`.
    pub(super) segments_sent: usize,
    /// Pool memories likewise.
    pub(super) pools_sent: usize,
    pub(super) links: HashMap<u64, LinkKind>,
    /// What those links are to whose item is there, by link; `None` for several items.
    pub(super) subjects: HashMap<u64, Option<u32>>,
    /// The items, by link, of those links whose item is not there yet.
    pub(super) locating: HashMap<u64, Box<str>>,
    /// What the service knows of it where it has transactions.
    pub(super) transactions: OpenLanes,
    /// Items that the topic had when `locating` was last looked through: as long as it has no more, none of those
    /// links' items is there.
    pub(super) items_seen: u64,
    /// Where the topic is the system topic: that somebody looks.
    pub(super) _looking: Option<Looking>,
}

impl Conversation {
    /// Whether its client may do this.
    pub(super) fn may(&self, verbs: Verbs) -> bool {
        self.transactions.counterpart.granted.contains(verbs)
    }

    /// Tells spies that it ends, and so do its links.
    pub(super) fn tell_closed(&self, pid: u32, why: &str) {
        let service = &self.transactions.service;
        if self.topic.name == system::TRACE || !service.is_spied_on() {
            return;
        }
        let number = self.transactions.counterpart.number;
        let closed = || TraceEvent::new(TraceKind::ConversationClosed, pid);
        service.trace(|| closed().of(number, &self.topic.name).because(why));
        let mut links: Vec<u64> = self.links.keys().copied().collect();
        links.sort_unstable();
        let tell = |link| self.tell_link(TraceKind::LinkClosed, pid, link, "its conversation ended");
        links.into_iter().for_each(tell);
    }

    /// Tells spies of an item that a client wants to read, and does not.
    pub(super) fn tell_not_found(&self, pid: u32, item: &str, why: &str) {
        let service = &self.transactions.service;
        if service.is_spied_on() && service.transactions.offers(&self.topic.name) & Kind::Request.offer() == 0
        {
            self.tell_of_link(TraceKind::ItemRefused, pid, 0, || item.into(), (why, ""));
        }
    }

    /// Tells spies of transactions that a client cannot begin.
    pub(super) fn tell_transactions_refused(&self, pid: u32, kind: Kind, why: &str) {
        let number = self.transactions.counterpart.number;
        self.transactions.service.trace(|| {
            let event = TraceEvent::new(TraceKind::TransactionsRefused, pid).of(number, &self.topic.name);
            TraceEvent { verb: kind.into(), ..event.because(why) }
        });
    }

    /// Tells spies of a link that does not come to be.
    pub(super) fn tell_link_refused(&self, pid: u32, link: u64, item: &str, why: &str) {
        let item = if item.is_empty() { name::ANY } else { item };
        self.tell_of_link(TraceKind::LinkRefused, pid, link, || item.into(), (why, ""));
    }

    /// Tells spies of a new link.
    pub(super) fn tell_advised(&self, pid: u32, link: u64, item: &str) {
        let item = if item.is_empty() { name::ANY } else { item };
        let waits = if self.locating.contains_key(&link) { ", waits for its item" } else { "" };
        let kind = self.links.get(&link).map_or("", LinkKind::word);
        self.tell_of_link(TraceKind::LinkOpened, pid, link, || item.into(), (kind, waits));
    }

    /// Tells spies of a link that there was.
    pub(super) fn tell_link(&self, kind: TraceKind, pid: u32, link: u64, why: &str) {
        let item = || match (self.locating.get(&link), self.subjects.get(&link)) {
            (Some(awaited), _) => (&**awaited).into(),
            (None, Some(Some(index))) => self.topic.item_name(*index),
            (None, _) => name::ANY.to_owned(),
        };
        self.tell_of_link(kind, pid, link, item, (why, ""));
    }

    /// Tells spies of a link, or of what was to be one; `why` in two parts.
    pub(super) fn tell_of_link(
        &self,
        kind: TraceKind,
        pid: u32,
        link: u64,
        item: impl FnOnce() -> String,
        (why, more): (&str, &str),
    ) {
        if self.topic.name != system::TRACE {
            let number = self.transactions.counterpart.number;
            self.transactions.service.trace(|| {
                let event = TraceEvent::new(kind, pid).of(number, &self.topic.name).named(&item());
                TraceEvent { link, ..event.because(&format!("{why}{more}")) }
            });
        }
    }
}

/// A conversation's lanes, which go with it.
#[derive(Debug)]
pub(super) struct OpenLanes {
    pub(super) service: Arc<ServiceShared>,
    pub(super) counterpart: Arc<Counterpart>,
    pub(super) lanes: HashMap<u64, Arc<ServedLane>>,
}

impl OpenLanes {
    /// They are over. Who listens is told when they are: what he then looks up does not have them any longer.
    pub(super) fn end(self, reason: &Ended) {
        let (service, counterpart) = (self.service.clone(), self.counterpart.clone());
        drop(self);
        service.listeners.ended(&counterpart, reason);
    }
}

impl Drop for OpenLanes {
    fn drop(&mut self) {
        self.lanes.values().for_each(|lane| self.service.transactions.remove_lane(lane));
        self.service.transactions.remove_counterpart(self.counterpart.number);
    }
}

/// A conversation, for who wants to know.
#[derive(Debug)]
pub(crate) struct Described<'p> {
    pub(crate) counterpart: &'p Counterpart,
    pub(crate) links: usize,
    pub(crate) lanes: usize,
    /// Requests that wait to be begun.
    pub(crate) waiting: usize,
}

/// A link, likewise.
#[derive(Debug)]
pub(crate) struct DescribedLink<'p> {
    pub(crate) conversation: u64,
    pub(crate) link: u64,
    pub(crate) topic: &'p str,
    /// Its item, also one that is not there yet; `None` for several.
    pub(crate) item: Option<Arc<str>>,
    pub(crate) kind: &'static str,
    /// Whether its item is not there yet.
    pub(crate) waits: bool,
    pub(crate) pid: u32,
}
