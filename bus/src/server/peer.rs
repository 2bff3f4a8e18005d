//! One connected client, as the service sees it: its conversations, links and unanswered questions.
//!
//! What a client can make the service hold is bounded: by limits on what it opens, for all its conversations
//! together, and by back-pressure. While a client does not take what it is sent, nothing more is received from
//! it and nothing more is looked up for it; what became new meanwhile is looked up once, when there is room.
//! So an honest client that asks for much at once gets all its answers at the pace at which it reads, and
//! one that takes nothing at all for long is evicted.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use crate::access::{self, Verbs};
use crate::error::Ended;
use crate::name;
use crate::server::credits::{Credits, Holds, NewMemory, Place};
use crate::server::doorbells::{Cause, ClientDoorbells, NotHung};
use crate::server::hook::{ConnectRequest, Verdict};
use crate::server::service::ClientInfo;
use crate::server::shared::{ServiceShared, TopicShared};
use crate::server::system::event::{TraceEvent, TraceKind, TraceVerb};
use crate::server::system::{self, Looking};
use crate::server::tracked::{self, Enrolment, Eviction, Tracked};
use crate::server::transactions::counterpart::{Counterpart, Gate};
use crate::server::transactions::lane::ServedLane;
use crate::server::transactions::refusal::Refusal as HookRefusal;
use crate::server::transactions::{COMPUTES, EXECUTES, Owed, POKES};
use crate::sync::step;
use crate::sys::socket::Credentials;
use crate::wire::{
    self, Advise, Answered, Body, Connect, Connection, Decline, Declined, DoorbellRefused, Farewell,
    FromClient, Goodbye, Granted, LaneMade, Located, Lost, Malformed, NEWEST_VERSION, NameText, NextOffer,
    NoMoreOffers, NoMoreTopics, OLDEST_VERSION, OfferEntry, OpenLane, Opened, Prefix, ReasonText, Refusal,
    Refused, Revoked, Segment, TopicEntry, Unsupported, WHOLE_TOPIC, Welcome,
};

/// How long a connection may last without a hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Frames of one client that are handled before it is another's turn.
const FRAMES_A_TURN: usize = 64;
/// How long a client may take nothing of what waits for it. Longer than a program stops for in earnest, as in a
/// debugger's breakpoint that is passed or in a page that comes from a slow disk.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Conversations of one client, those that wait for their topic included. Far more than a program needs; what it
/// protects is the service's memory.
const MAX_CONVERSATIONS: usize = 1 << 16;
/// Links of one client, those that wait for their item included, likewise.
const MAX_LINKS: usize = 1 << 20;
/// Unanswered questions of one client, likewise: each holds a name, and is looked up whenever something appears.
const MAX_WAITING: usize = 1 << 16;

/// A connected client.
#[derive(Debug)]
pub(crate) struct Peer {
    service: Arc<ServiceShared>,
    pub(crate) connection: Connection,
    pub(crate) pid: u32,
    /// Who it is.
    pub(crate) client: Credentials,
    /// Its further groups.
    groups: Arc<[u32]>,
    /// Its number in the service.
    id: u64,
    /// Until when a hello must have come; `None` once it has.
    hello_deadline: Option<Instant>,
    /// Until when it must have taken something of what waits for it; `None` while nothing does.
    stall_deadline: Option<Instant>,
    /// Whether there may be new topics, items and segments that it was not told of yet.
    news: bool,
    conversations: HashMap<u64, Conversation>,
    /// The topics, by conversation, of conversations whose topic is not there yet.
    connecting: HashMap<u64, Box<str>>,
    /// What waits for the hook's word: conversations, with the question's ticket, their topic, and what they may do.
    asking: HashMap<u64, (u64, Arc<TopicShared>, Verbs)>,
    /// Tracked links of conversations that the service has ended and the client not yet closed: it may go on reading what they
    /// hold.
    expelled: HashMap<u64, HashMap<u64, LinkKind>>,
    /// Links of all conversations.
    links: usize,
    credits: Credits,
    waiting: Waiting,
    doorbells: ClientDoorbells,
    /// Answers that tasks of the client are to be told of.
    owed: BTreeSet<Owed>,
}

/// A connection that is over, with what its client holds: to be kept until its end of it is closed, since it may go on
/// reading what it holds.
#[derive(Debug)]
pub(crate) struct Lingering {
    pub(crate) socket: Arc<OwnedFd>,
    _held: Vec<Enrolment>,
    /// Still the client's, and counted for it.
    _credits: Credits,
}

#[derive(Debug)]
struct Conversation {
    topic: Arc<TopicShared>,
    /// Segments that were sent, or stand in `unsent`.
    segments_sent: usize,
    /// Pool memories likewise.
    pools_sent: usize,
    links: HashMap<u64, LinkKind>,
    /// What those links are to whose item is there, by link; `None` for several items.
    subjects: HashMap<u64, Option<u32>>,
    /// The items, by link, of those links whose item is not there yet.
    locating: HashMap<u64, Box<str>>,
    /// What the service knows of it where it has transactions.
    transactions: OpenLanes,
    /// Items that the topic had when `locating` was last looked through: as long as it has no more, none of those
    /// links' items is there.
    items_seen: u64,
    /// Where the topic is the system topic: that somebody looks.
    _looking: Option<Looking>,
}

impl Conversation {
    /// Whether its client may do this.
    fn may(&self, verbs: Verbs) -> bool {
        self.transactions.counterpart.granted.contains(verbs)
    }

    /// Tells spies that it ends, and so do its links.
    fn tell_closed(&self, pid: u32, why: &str) {
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
    fn tell_not_found(&self, pid: u32, item: &str, why: &str) {
        let service = &self.transactions.service;
        if service.is_spied_on() && service.transactions.offers(&self.topic.name) & COMPUTES == 0 {
            self.tell_of_link(TraceKind::ItemRefused, pid, 0, || item.into(), (why, ""));
        }
    }

    /// Tells spies of transactions that a client cannot begin.
    fn tell_transactions_refused(&self, pid: u32, offer: u64, why: &str) {
        let verb = match offer {
            POKES => TraceVerb::Poke,
            COMPUTES => TraceVerb::Request,
            _ => TraceVerb::Execute,
        };
        let number = self.transactions.counterpart.number;
        self.transactions.service.trace(|| {
            let event = TraceEvent::new(TraceKind::TransactionsRefused, pid).of(number, &self.topic.name);
            TraceEvent { verb, ..event.because(why) }
        });
    }

    /// Tells spies of a link that does not come to be.
    fn tell_link_refused(&self, pid: u32, link: u64, item: &str, why: &str) {
        let item = if item.is_empty() { name::ANY } else { item };
        self.tell_of_link(TraceKind::LinkRefused, pid, link, || item.into(), (why, ""));
    }

    /// Tells spies of a new link.
    fn tell_advised(&self, pid: u32, link: u64, item: &str) {
        let item = if item.is_empty() { name::ANY } else { item };
        let waits = if self.locating.contains_key(&link) { ", waits for its item" } else { "" };
        let kind = self.links.get(&link).map_or("", LinkKind::word);
        self.tell_of_link(TraceKind::LinkOpened, pid, link, || item.into(), (kind, waits));
    }

    /// Tells spies of a link that there was.
    fn tell_link(&self, kind: TraceKind, pid: u32, link: u64, why: &str) {
        let item = || match (self.locating.get(&link), self.subjects.get(&link)) {
            (Some(awaited), _) => (&**awaited).into(),
            (None, Some(Some(index))) => self.topic.item_name(*index),
            (None, _) => name::ANY.to_owned(),
        };
        self.tell_of_link(kind, pid, link, item, (why, ""));
    }

    /// Tells spies of a link, or of what was to be one; `why` in two parts.
    fn tell_of_link(
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
struct OpenLanes {
    service: Arc<ServiceShared>,
    counterpart: Arc<Counterpart>,
    lanes: HashMap<u64, Arc<ServedLane>>,
}

impl OpenLanes {
    /// They are over. Who listens is told when they are: what he then looks up does not have them any longer.
    fn end(self, reason: &Ended) {
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

/// What a link is to the service.
#[derive(Debug)]
enum LinkKind {
    /// Not its business.
    Untracked,
    /// One to be tracked when its item appears.
    Tracking(Terms),
    /// A tracked one; without enrolment once it was evicted, as long as that lasts.
    Tracked { place: Place, holds: Option<Holds>, link: Weak<Tracked>, enrolment: Option<Enrolment> },
}

impl LinkKind {
    /// What it is, in a word.
    fn word(&self) -> &'static str {
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

/// What a tracked link was granted.
#[derive(Debug, Clone, Copy)]
struct Terms {
    /// How long a publisher waits for it, if it does.
    deadline: Option<Duration>,
    /// How many values it may hold.
    samples: u32,
    /// The first value that it has not read, as it says, or 0.
    from: u64,
    /// Whether it is to several items.
    several: bool,
}

/// The number of a client's unanswered questions, as far as the service is concerned: while there are any, what
/// appears wakes the control thread. Each must be counted *before* it is looked up for the first time, lest
/// its answer appear between the look and the count, and wake nobody.
#[derive(Debug)]
struct Waiting {
    service: Arc<ServiceShared>,
    count: usize,
}

impl Waiting {
    fn begin(&mut self) {
        self.count += 1;
        self.service.waits(1);
    }

    fn end(&mut self, questions: usize) {
        self.count -= questions;
        self.service.waits(-(questions as isize));
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.end(self.count);
    }
}

impl Peer {
    pub(crate) fn new(
        service: Arc<ServiceShared>,
        socket: OwnedFd,
        (client, groups): (Credentials, Vec<u32>),
        id: u64,
    ) -> Self {
        let pid = client.pid;
        Peer {
            waiting: Waiting { service: service.clone(), count: 0 },
            doorbells: ClientDoorbells::new(service.clone()),
            credits: Credits::new(service.clone(), pid),
            service,
            connection: Connection::new(socket),
            pid,
            client,
            groups: groups.into(),
            id,
            hello_deadline: Some(Instant::now() + HELLO_TIMEOUT),
            stall_deadline: None,
            news: false,
            conversations: HashMap::new(),
            connecting: HashMap::new(),
            asking: HashMap::new(),
            expelled: HashMap::new(),
            links: 0,
            owed: BTreeSet::new(),
        }
    }

    pub(crate) fn info(&self) -> ClientInfo {
        ClientInfo { pid: self.pid, conversations: self.conversations.len(), links: self.links }
    }

    /// Tells spies that all its conversations end.
    pub(crate) fn tell_ended(&self, why: &str) {
        self.conversations.values().for_each(|open| open.tell_closed(self.pid, why));
    }

    /// Its conversations, for who wants to know.
    pub(crate) fn describe(&self) -> impl Iterator<Item = Described<'_>> {
        self.conversations.values().map(|open| Described {
            counterpart: &open.transactions.counterpart,
            links: open.links.len(),
            lanes: open.transactions.lanes.len(),
            waiting: open.transactions.lanes.values().map(|lane| lane.pending()).sum(),
        })
    }

    /// Its links, likewise.
    pub(crate) fn describe_links(&self) -> impl Iterator<Item = DescribedLink<'_>> {
        self.conversations.values().flat_map(|open| {
            open.links.iter().map(|(&link, kind)| {
                let item = match (open.locating.get(&link), open.subjects.get(&link)) {
                    (Some(awaited), _) => Some(Arc::from(&**awaited)),
                    (None, Some(Some(index))) => open.topic.name_of(*index),
                    (None, _) => None,
                };
                DescribedLink {
                    conversation: open.transactions.counterpart.number,
                    link,
                    topic: &open.topic.name,
                    item,
                    kind: kind.word(),
                    waits: open.locating.contains_key(&link),
                    pid: self.pid,
                }
            })
        })
    }

    /// Whether any request of it waits to be begun.
    pub(crate) fn has_requests(&self) -> bool {
        let mut lanes = self.conversations.values().flat_map(|open| open.transactions.lanes.values());
        lanes.any(|lane| lane.pending() > 0)
    }

    /// Whether there are frames that wait for room in the client's queue.
    fn is_blocked(&self) -> bool {
        self.connection.unsent() > 0
    }

    /// What to poll this client's connection for.
    pub(crate) fn awaited(&self) -> PollFlags {
        match (self.is_blocked(), self.connection.retry_at()) {
            (false, _) => PollFlags::IN,
            (true, None) => PollFlags::OUT,
            // It may be writable all the while. That it is closed is always said.
            (true, Some(_)) => PollFlags::empty(),
        }
    }

    /// When this client has to be served even if it does nothing.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.hello_deadline, self.stall_deadline, self.connection.retry_at()].into_iter().flatten().min()
    }

    /// Has the next [`serve`](Self::serve) that finds room tell a task of its answer.
    pub(crate) fn owe(&mut self, owed: Owed) {
        self.owed.insert(owed);
    }

    /// Has the next [`serve`](Self::serve) that finds room look for new topics, items and segments.
    pub(crate) fn look_for_news(&mut self) {
        self.news = true;
    }

    /// Does what there is to do for this client.
    ///
    /// # Errors
    /// That it is gone, or must go.
    pub(crate) fn serve(&mut self) -> Result<(), Lost> {
        let served = self.step();
        if let Err(Lost::Malformed(detail)) = &served {
            self.say_goodbye(Farewell::Evicted, detail);
        }
        served
    }

    fn step(&mut self) -> Result<(), Lost> {
        let unsent = self.connection.unsent();
        self.connection.flush();
        if self.connection.unsent() < unsent {
            self.stall_deadline = None;
        }
        while !self.is_blocked()
            && let Some(Owed { conversation, lane, cell, .. }) = self.owed.pop_first()
        {
            self.connection.send(conversation, lane, &Answered { cell, reserved: 0 });
        }
        if self.news && !self.is_blocked() {
            self.news = false;
            self.answer_waiting();
            self.send_new_segments();
        }
        self.receive()?;
        let now = Instant::now();
        if self.hello_deadline.is_some_and(|deadline| now >= deadline) {
            return Err(Lost::Malformed(format!("no hello came within {HELLO_TIMEOUT:?}")));
        }
        if self.stall_deadline.is_some_and(|deadline| now >= deadline) {
            return Err(Lost::Malformed(format!("it has not read its answers for {STALL_TIMEOUT:?}")));
        }
        if self.is_blocked() && self.stall_deadline.is_none() {
            self.stall_deadline = Some(now + STALL_TIMEOUT);
        }
        Ok(())
    }

    /// Tells the client why its connection ends, if it still listens.
    pub(crate) fn say_goodbye(&mut self, farewell: Farewell, reason: &str) {
        let goodbye = Goodbye { farewell, reason: ReasonText::truncated(reason) };
        self.connection.send_last(&goodbye);
    }

    fn receive(&mut self) -> Result<(), Lost> {
        for _ in 0..FRAMES_A_TURN {
            // Whoever does not read answers gets no more of them.
            if self.is_blocked() {
                break;
            }
            let Some(incoming) = self.connection.receive()? else { break };
            let (prefix, frame) = FromClient::decode(&incoming.bytes).map_err(malformed)?;
            let doorbell = wire::descriptor(&frame, incoming.fds).map_err(malformed)?;
            self.handle(prefix, frame, doorbell)?;
        }
        Ok(())
    }

    fn handle(&mut self, prefix: Prefix, frame: FromClient, doorbell: Option<OwnedFd>) -> Result<(), Lost> {
        let Prefix { conversation, reference, .. } = prefix;
        if self.hello_deadline.is_some() != matches!(frame, FromClient::Hello(_)) {
            return Err(unexpected("a connection starts with one hello"));
        }
        match frame {
            FromClient::Hello(hello) => {
                self.hello_deadline = None;
                let version = NEWEST_VERSION.min(hello.newest);
                if version < OLDEST_VERSION.max(hello.oldest) {
                    let ours = Unsupported { oldest: OLDEST_VERSION, newest: NEWEST_VERSION };
                    self.tell_refused("", 0, "it speaks no version of the protocol that the service speaks");
                    self.send(prefix, &ours);
                    return Err(Lost::Ended);
                }
                self.send(prefix, &Welcome { epoch: self.service.epoch, version, reserved: [0; 3] });
            }
            FromClient::Connect(connect) => {
                if self.conversations.contains_key(&conversation)
                    || self.connecting.contains_key(&conversation)
                    || self.asking.contains_key(&conversation)
                    || self.expelled.contains_key(&conversation)
                {
                    return Err(unexpected("a conversation of this number is open"));
                }
                self.connect(prefix, &connect);
            }
            FromClient::Close(_) => {
                self.give_up(conversation);
                if let Some(gone) = self.conversations.remove(&conversation) {
                    self.service.system.touch();
                    gone.tell_closed(self.pid, "its client closed it");
                    self.doorbells.close(conversation);
                    self.waiting.end(gone.locating.len());
                    self.links -= gone.links.len();
                    gone.transactions.end(&Ended::Closed);
                    gone.links.into_values().for_each(|link| self.untrack(link));
                }
                if let Some(links) = self.expelled.remove(&conversation) {
                    self.links -= links.len();
                    links.into_values().for_each(|link| self.untrack(link));
                }
            }
            FromClient::Leave(_) => {
                self.give_up(conversation);
                self.end(conversation, &Ended::Closed);
            }
            FromClient::Advise(advise) => {
                let known = |open: &Conversation| open.links.contains_key(&reference);
                if self.conversations.get(&conversation).is_some_and(known) {
                    return Err(unexpected("a link of this number is open"));
                }
                self.advise(prefix, &advise);
            }
            FromClient::Unadvise(_) => {
                if let Some(open) = self.conversations.get_mut(&conversation)
                    && let Some(link) = open.links.remove(&reference)
                {
                    self.service.system.touch();
                    open.tell_link(TraceKind::LinkClosed, self.pid, reference, "");
                    open.subjects.remove(&reference);
                    self.links -= 1;
                    self.waiting.end(usize::from(open.locating.remove(&reference).is_some()));
                    self.untrack(link);
                } else if let Some(links) = self.expelled.get_mut(&conversation)
                    && let Some(link) = links.remove(&reference)
                {
                    self.links -= 1;
                    self.untrack(link);
                }
            }
            FromClient::Find(find) => {
                if let Some(open) = self.conversations.get(&conversation) {
                    match open.topic.item(&find.item) {
                        _ if !open.may(Verbs::READ) => {
                            open.tell_not_found(self.pid, &find.item, "it may not read");
                            self.deny(prefix, Verbs::READ);
                        }
                        Some(index) => self.locate(prefix, index),
                        None => {
                            open.tell_not_found(self.pid, &find.item, "there is no such item");
                            self.refuse(prefix, Refusal::NoSuchItem, "there is no such item");
                        }
                    }
                }
            }
            FromClient::NextTopic(next) => match self.visible_topic_after(&next.after) {
                Some(topic) => self.send(
                    prefix,
                    &TopicEntry {
                        fingerprint: topic.fingerprint.to_words(),
                        items: topic.item_count(),
                        name: NameText::truncated(&topic.name),
                        type_name: NameText::truncated(&topic.type_name),
                        reserved: [0; 6],
                    },
                ),
                None => self.send(prefix, &NoMoreTopics {}),
            },
            FromClient::HangDoorbell(hang) => {
                if let Some(doorbell) = doorbell {
                    match self.doorbells.hang(hang.number, doorbell) {
                        Ok(()) => {}
                        Err(NotHung::Malformed(what)) => return Err(unexpected(what)),
                        Err(NotHung::TooMany) => {
                            tracing::warn!(pid = self.pid, "no doorbell for a client: too many of them");
                            self.send(prefix, &DoorbellRefused { number: hang.number });
                        }
                    }
                }
            }
            FromClient::Attend(attend) => {
                // The conversation may have ended on this side while the frame was on its way.
                if let Some(open) = self.conversations.get(&conversation)
                    && open.may(Verbs::READ)
                {
                    let cause = match u32::try_from(attend.item) {
                        Ok(item) if u64::from(item) < open.topic.item_count() => Cause::Item(item),
                        _ if attend.item == WHOLE_TOPIC => Cause::Topic,
                        _ => return Err(unexpected("a doorbell for an item that is not there")),
                    };
                    let topic = open.topic.clone();
                    self.doorbells.attend((conversation, reference), &topic, cause, attend.doorbell);
                }
            }
            FromClient::Unattend(_) => self.doorbells.leave(conversation, reference),
            FromClient::TakeDownDoorbell(down) => self.doorbells.take_down(down.number),
            FromClient::FloorRaised(_) => self.service.publishers.wake_all(),
            FromClient::OpenLane(open) => self.open_lane(prefix, open)?,
            FromClient::RequestPosted(_) => self.service.transactions.posted(),
            FromClient::NextOffer(next) => self.tell_offer(prefix, next),
        }
        Ok(())
    }

    fn connect(&mut self, prefix: Prefix, connect: &Connect) {
        let conversation = prefix.conversation;
        let (open, asking) = (self.conversations.len() + self.expelled.len(), self.asking.len());
        if open + asking + self.connecting.len() >= MAX_CONVERSATIONS {
            return self.refuse_conversation(prefix, connect, Refusal::TooMany, "too many conversations");
        }
        if connect.topic.is_empty() {
            return self.admit(conversation, self.service.whole.clone());
        }
        // Answered when its texts are as of now, in the next turn.
        let of_system = [system::NAME, system::TRACE].contains(&&*connect.topic);
        if !of_system && let Some(topic) = self.service.topic(&connect.topic) {
            return self.admit(conversation, topic);
        }
        if !connect.wait && !of_system {
            return self.refuse_conversation(prefix, connect, Refusal::NoSuchTopic, "there is no such topic");
        }
        if self.waiting.count >= MAX_WAITING {
            let reason = "too many unanswered questions";
            return self.refuse_conversation(prefix, connect, Refusal::TooMany, reason);
        }
        self.waiting.begin();
        if of_system {
            self.connecting.insert(conversation, (*connect.topic).into());
            self.service.system.ask(&connect.topic);
            return self.service.waker.wake();
        }
        match self.service.topic(&connect.topic) {
            Some(topic) => {
                self.waiting.end(1);
                self.admit(conversation, topic);
            }
            None => drop(self.connecting.insert(conversation, (*connect.topic).into())),
        }
    }

    fn refuse_conversation(&mut self, prefix: Prefix, connect: &Connect, refusal: Refusal, reason: &str) {
        self.tell_refused(&connect.topic, 0, reason);
        self.refuse(prefix, refusal, reason);
    }

    /// Tells spies of a conversation that does not come to be.
    pub(crate) fn tell_refused(&self, topic: &str, code: u32, reason: &str) {
        let refused = || TraceEvent::new(TraceKind::ConversationRefused, self.pid).of(0, topic);
        self.service.trace(|| TraceEvent { code, ..refused().because(reason) });
    }

    fn advise(&mut self, prefix: Prefix, advise: &Advise) {
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

    /// Answers the questions whose topic or item has appeared since.
    fn answer_waiting(&mut self) {
        let mut opened = Vec::new();
        self.connecting.retain(|&conversation, topic| {
            let topic = self.service.topic(topic);
            let waits = topic.is_none();
            opened.extend(topic.map(|topic| (conversation, topic)));
            waits
        });
        self.waiting.end(opened.len());
        for (conversation, topic) in opened {
            self.admit(conversation, topic);
        }
        let mut located = Vec::new();
        for (&conversation, open) in &mut self.conversations {
            // Counted before they are looked up: one that is added in between is looked up twice.
            let items = open.topic.item_count();
            if open.items_seen == items {
                continue;
            }
            open.items_seen = items;
            open.locating.retain(|&reference, item| {
                let index = open.topic.item(item);
                located.extend(index.map(|index| (conversation, reference, index)));
                index.is_none()
            });
        }
        self.waiting.end(located.len());
        for (conversation, reference, index) in located {
            self.attach(conversation, reference, index);
        }
    }

    /// Tells those that wait for a topic that it will not come.
    pub(crate) fn turn_away(&mut self, topic: &str, reason: &str) {
        let waiting = self.connecting.iter().filter(|(_, awaited)| ***awaited == *topic);
        let conversations: Vec<u64> = waiting.map(|(&conversation, _)| conversation).collect();
        for conversation in conversations {
            self.connecting.remove(&conversation);
            self.waiting.end(1);
            self.tell_refused(topic, 0, reason);
            let refused = Refused { refusal: Refusal::TooMany, reason: ReasonText::truncated(reason) };
            self.connection.send(conversation, 0, &refused);
        }
    }

    /// Opens a conversation with a topic that is there, if its client may, and the hook has nothing against it.
    fn admit(&mut self, conversation: u64, topic: Arc<TopicShared>) {
        let granted = self.service.granted(&self.client, &self.groups, &topic);
        if granted.is_empty() {
            self.tell_refused(&topic.name, 0, "no access list lets it");
            let needed = if system::is_reserved(&topic.name) { Verbs::OBSERVE } else { Verbs::CONNECT };
            return self.deny(Prefix::of(conversation, 0), needed);
        }
        let Some(hook) = self.service.hook.get() else {
            return self.accept(conversation, topic, granted);
        };
        let Credentials { pid, uid, gid } = self.client;
        let request =
            ConnectRequest { pid, uid, gid, groups: self.groups.clone(), topic: topic.name.clone() };
        let ticket = hook.ask(self.id, conversation, request);
        self.asking.insert(conversation, (ticket, topic, granted));
    }

    /// A conversation that is not open yet is no longer wanted.
    fn give_up(&mut self, conversation: u64) {
        if self.connecting.remove(&conversation).is_some() {
            self.waiting.end(1);
        }
        if let Some((ticket, ..)) = self.asking.remove(&conversation)
            && let Some(hook) = self.service.hook.get()
        {
            hook.withdraw(self.id, ticket);
        }
    }

    /// Does as the hook says.
    pub(crate) fn judge(&mut self, verdict: Verdict) {
        let Verdict { conversation, ticket, outcome, .. } = verdict;
        if self.asking.get(&conversation).is_none_or(|(asked, ..)| *asked != ticket) {
            return;
        }
        let Some((_, topic, granted)) = self.asking.remove(&conversation) else { return };
        let (decline, code, retry_after, reason) = match outcome {
            Ok(()) => return self.accept(conversation, topic, granted),
            Err(HookRefusal::NoSuchItem) => {
                self.tell_refused(&topic.name, 0, "the connect hook says that there is no such topic");
                let prefix = Prefix::of(conversation, 0);
                return self.refuse(prefix, Refusal::NoSuchTopic, "there is no such topic");
            }
            Err(HookRefusal::Refused { code, reason }) => (Decline::Refused, code, 0, reason),
            Err(HookRefusal::Busy { retry_after }) => {
                let after = u64::try_from(retry_after.as_nanos()).unwrap_or(u64::MAX);
                (Decline::Busy, 0, after, String::new())
            }
            Err(HookRefusal::Failed { detail }) => (Decline::Failed, 0, 0, detail),
        };
        let told = match decline {
            Decline::Busy => format!("the connect hook: again after {:?}", Duration::from_nanos(retry_after)),
            _ => format!("the connect hook: {reason}"),
        };
        self.tell_refused(&topic.name, code, &told);
        tracing::debug!(pid = self.pid, topic = topic.name, reason, "declined by the hook");
        let reason = ReasonText::truncated(&reason);
        let declined = Declined { retry_after, code, decline, reserved: [0; 4], reason };
        self.connection.send(conversation, 0, &declined);
    }

    /// Ends a conversation, if it still is the one of this number.
    pub(crate) fn expel(&mut self, number: u64, conversation: u64, reason: &str) {
        let is_it = |open: &Conversation| open.transactions.counterpart.number == number;
        if !self.conversations.get(&conversation).is_some_and(is_it) {
            return;
        }
        tracing::info!(pid = self.pid, conversation, reason, "conversation evicted");
        self.end(conversation, &Ended::Evicted(reason.to_owned()));
        self.connection.send(conversation, 0, &wire::Ended { reason: ReasonText::truncated(reason) });
    }

    /// Ends a conversation, but for what its links hold: that stays until its client closes them.
    fn end(&mut self, conversation: u64, reason: &Ended) {
        let Some(gone) = self.conversations.remove(&conversation) else { return };
        self.service.system.touch();
        gone.tell_closed(self.pid, &reason.to_string());
        self.doorbells.close(conversation);
        self.waiting.end(gone.locating.len());
        self.links -= gone.links.len();
        let kept = |(number, link)| match link {
            LinkKind::Tracked { place, holds, link, enrolment } => {
                let enrolment = enrolment.filter(|_| holds.is_some()).map(Enrolment::hold_only);
                Some((number, LinkKind::Tracked { place, holds, link, enrolment }))
            }
            _ => None,
        };
        let kept: HashMap<u64, LinkKind> = gone.links.into_iter().filter_map(kept).collect();
        if !kept.is_empty() {
            self.links += kept.len();
            self.expelled.insert(conversation, kept);
        }
        gone.transactions.end(reason);
    }

    /// The connection is over: its client waits for no word of the hook's. Also the conversations that go with it.
    pub(crate) fn give_all_up(&self) -> Vec<Arc<Counterpart>> {
        if let Some(hook) = self.service.hook.get() {
            hook.forget(self.id);
        }
        self.conversations.values().map(|open| open.transactions.counterpart.clone()).collect()
    }

    /// The first topic after this name of those that the client may see.
    fn visible_topic_after(&self, name: &str) -> Option<Arc<TopicShared>> {
        let mut topic = self.service.topic_after(name)?;
        while self.service.granted(&self.client, &self.groups, &topic).is_empty() {
            topic = self.service.topic_after(&topic.name)?;
        }
        Some(topic)
    }

    fn accept(&mut self, conversation: u64, topic: Arc<TopicShared>, granted: Verbs) {
        tracing::debug!(pid = self.pid, topic = topic.name, "conversation opened");
        let service = self.service.clone();
        let counterpart = service.transactions.add_counterpart(|number| Counterpart {
            number,
            peer: self.id,
            client: self.client,
            reference: conversation,
            topic: topic.clone(),
            socket: Arc::downgrade(&self.connection.socket()),
            doorbells: Arc::downgrade(self.doorbells.hung()),
            gate: Gate::default(),
            granted,
        });
        service.listeners.opened(&counterpart);
        let has_memory = !topic.name.is_empty() && granted.contains(Verbs::READ);
        let looking = Looking::at(&self.service, &topic.name);
        self.service.system.touch();
        if topic.name != system::TRACE {
            let number = counterpart.number;
            let opened = || TraceEvent::new(TraceKind::ConversationOpened, self.pid).of(number, &topic.name);
            self.service.trace(opened);
        }
        let open = Conversation {
            transactions: OpenLanes { service, counterpart, lanes: HashMap::new() },
            // Before any link of it is looked up.
            items_seen: topic.item_count(),
            topic,
            segments_sent: 0,
            pools_sent: 0,
            links: HashMap::new(),
            subjects: HashMap::new(),
            locating: HashMap::new(),
            _looking: looking,
        };
        self.conversations.insert(conversation, open);
        if has_memory {
            self.send_segments(conversation);
        } else {
            self.connection.send(conversation, 0, &Opened {});
        }
    }

    /// Makes a lane for a conversation's transactions.
    fn open_lane(&mut self, prefix: Prefix, wanted: OpenLane) -> Result<(), Lost> {
        // The conversation may have ended on this side while the frame was on its way.
        let Some(open) = self.conversations.get(&prefix.conversation) else { return Ok(()) };
        let OpenLanes { counterpart, lanes, .. } = &open.transactions;
        if lanes.contains_key(&prefix.reference) {
            return Err(unexpected("a lane of this number is open"));
        }
        let needed = match wanted.offer {
            POKES => Verbs::POKE,
            COMPUTES => Verbs::COMPUTE,
            EXECUTES => Verbs::EXECUTE,
            _ => return Err(unexpected("a lane for what there is not")),
        };
        let tell = |why: &str| open.tell_transactions_refused(self.pid, wanted.offer, why);
        if !open.may(needed) {
            tell("no access list lets it");
            self.deny(prefix, needed);
            return Ok(());
        }
        let offers = self.service.transactions.offers(&open.topic.name);
        if offers & wanted.offer == 0 {
            let reason = match wanted.offer {
                POKES => "the topic takes no pokes",
                COMPUTES => "no item of the topic is computed",
                _ => "the service has no commands",
            };
            tell(reason);
            self.refuse(prefix, Refusal::NotSupported, reason);
            return Ok(());
        }
        let words = (wanted.request.div_ceil(8), wanted.reply.div_ceil(8));
        let counterpart = counterpart.clone();
        let made = ServedLane::create(&self.service, counterpart, prefix.reference, words)
            .and_then(|(lane, fd)| Ok((lane, fd, self.service.transactions.inbox()?)));
        let (lane, fd, inbox) = match made {
            Ok(made) => made,
            Err(error) => {
                let reason = format!("there is no memory for the transaction: {error}");
                tell(&reason);
                self.refuse(prefix, Refusal::TooMany, &reason);
                return Ok(());
            }
        };
        step!(LaneMade);
        let shape = lane.lane.shape();
        if let Some(open) = self.conversations.get_mut(&prefix.conversation) {
            open.transactions.lanes.insert(prefix.reference, lane.clone());
        }
        // Before the client can post anything.
        self.service.transactions.add_lane(lane);
        let made = LaneMade { depth: shape.depth, request: shape.request, reply: shape.reply, reserved: 0 };
        self.connection.send_answer(prefix.conversation, prefix.reference, &made, vec![fd, inbox.fd]);
        step!(LaneSent);
        Ok(())
    }

    /// Says what is offered.
    fn tell_offer(&mut self, prefix: Prefix, next: NextOffer) {
        let transactions = &self.service.transactions;
        let index = next.index as usize;
        let entry = if next.formats {
            let topic = self.conversations.get(&prefix.conversation).map(|open| &open.topic.name);
            topic.and_then(|topic| transactions.format(topic, index)).map(|(name, fingerprint)| OfferEntry {
                fingerprint: fingerprint.to_words(),
                reply_fingerprint: [0; 2],
                name: NameText::truncated(&name),
                reply: NameText::new(),
            })
        } else {
            transactions.command(index).map(|command| OfferEntry {
                fingerprint: command.fingerprint.to_words(),
                reply_fingerprint: command.reply_fingerprint.to_words(),
                name: NameText::truncated(&command.name),
                reply: NameText::truncated(&command.reply),
            })
        };
        match entry {
            Some(entry) => self.send(prefix, &entry),
            None => self.send(prefix, &NoMoreOffers {}),
        }
    }

    /// Answers a question for an item.
    fn locate(&mut self, prefix: Prefix, index: u32) {
        // The item may be in a segment that was created a moment ago.
        self.send_segments(prefix.conversation);
        self.send(prefix, &Located { index });
    }

    /// Attaches a link to its item, which is there.
    fn attach(&mut self, conversation: u64, reference: u64, index: u32) {
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
    fn lend(&mut self, samples: u32) -> io::Result<(Place, Option<Holds>)> {
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

    fn send_credits(&mut self, new: NewMemory) {
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

    /// What there is to be kept of a connection that is over; `None` if that is nothing.
    pub(crate) fn linger(mut self) -> Option<Lingering> {
        let conversations = self.conversations.drain().map(|(_, open)| open.links);
        let conversations = conversations.chain(self.expelled.drain().map(|(_, links)| links));
        let conversations = conversations.flat_map(HashMap::into_values);
        let held = |link| match link {
            LinkKind::Tracked { holds: Some(_), enrolment, .. } => enrolment.map(Enrolment::hold_only),
            _ => None,
        };
        let held: Vec<_> = conversations.filter_map(held).collect();
        let socket = self.connection.socket();
        (!held.is_empty()).then(|| Lingering { socket, _held: held, _credits: self.credits })
    }

    /// Frees what the service holds for a link that its client has closed.
    fn untrack(&mut self, link: LinkKind) {
        if let LinkKind::Tracked { place, holds, link, enrolment } = link {
            drop(enrolment);
            self.credits.give_back(place, link);
            holds.into_iter().for_each(|holds| self.credits.give_back_holds(holds));
        }
    }

    fn send_new_segments(&mut self) {
        let conversations: Vec<u64> = self.conversations.keys().copied().collect();
        conversations.into_iter().for_each(|conversation| self.send_segments(conversation));
    }

    fn send_segments(&mut self, conversation: u64) {
        while let Some(open) = self.conversations.get_mut(&conversation).filter(|open| open.may(Verbs::READ))
        {
            let (Some(fds), of) = open.topic.segment(open.segments_sent) else { break };
            let segment = Segment { index: open.segments_sent as u32, of: of as u32 };
            open.segments_sent += 1;
            let fds = vec![fds.segment.clone(), fds.bells.clone()];
            self.connection.send_with(conversation, &segment, fds);
            step!(SegmentSent);
        }
        while let Some(open) = self.conversations.get_mut(&conversation).filter(|open| open.may(Verbs::READ))
        {
            let Some(fd) = open.topic.pool(open.pools_sent) else { break };
            let pool = wire::Pool { index: open.pools_sent as u32 };
            open.pools_sent += 1;
            self.connection.send_with(conversation, &pool, vec![fd]);
            step!(PoolSent);
        }
    }

    /// Says what the client would have to be granted, and how.
    fn deny(&mut self, prefix: Prefix, needed: Verbs) {
        let reason = access::remedy(self.client.uid, needed);
        let reason = ReasonText::truncated(&reason);
        tracing::debug!(pid = self.pid, uid = self.client.uid, %needed, "denied");
        self.send(prefix, &Refused { refusal: Refusal::Denied, reason });
    }

    fn refuse(&mut self, prefix: Prefix, refusal: Refusal, reason: &str) {
        tracing::debug!(pid = self.pid, reason, "refused");
        self.send(prefix, &Refused { refusal, reason: ReasonText::truncated(reason) });
    }

    fn send(&mut self, to: Prefix, body: &impl Body) {
        self.connection.send(to.conversation, to.reference, body);
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

fn malformed(malformed: Malformed) -> Lost {
    Lost::Malformed(malformed.to_string())
}

fn unexpected(what: &str) -> Lost {
    malformed(Malformed::Unexpected(what.to_owned()))
}
