//! One connected client, as the service sees it: its conversations, links and unanswered questions.
//!
//! What a client can make the service hold is bounded: by limits on what it opens, for all its conversations
//! together, and by back-pressure. While a client does not take what it is sent, nothing more is received from
//! it and nothing more is looked up for it; what became new meanwhile is looked up once, when there is room.
//! So an honest client that asks for much at once gets all its answers at the pace at which it reads, and
//! one that takes nothing at all for long is evicted.
//!
//! Files: this one is the connection and its turns, [`frames`] what the client sends; [`admission`] is how conversations begin and
//! end, [`conversation`] one that is open, and [`links`] its links.

mod admission;
mod conversation;
mod frames;
mod links;

use std::collections::{BTreeSet, HashMap};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use crate::access::{self, Verbs};
use crate::server::credits::Credits;
use crate::server::doorbells::ClientDoorbells;
use crate::server::service::ClientInfo;
use crate::server::shared::{ServiceShared, TopicShared};
use crate::server::tracked::Enrolment;
use crate::server::transactions::Owed;
use crate::server::transactions::counterpart::Counterpart;
use crate::sync::step;
use crate::sys::socket::Credentials;
use crate::wire::{
    self, Answered, Body, Connection, Farewell, FromClient, Goodbye, Lost, Malformed, Prefix, ReasonText,
    Refusal, Refused, Segment,
};
use conversation::Conversation;
pub(crate) use conversation::{Described, DescribedLink};
use links::LinkKind;

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
    connecting: HashMap<u64, AwaitedTopic>,
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

/// What a conversation waits for that is not open yet.
#[derive(Debug)]
struct AwaitedTopic {
    name: Box<str>,
    /// What it may do, where the hook has let it in.
    granted: Option<Verbs>,
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

    /// Answers the questions whose topic or item has appeared since.
    fn answer_waiting(&mut self) {
        let mut opened = Vec::new();
        self.connecting.retain(|&conversation, awaited| {
            let topic = self.service.topic(&awaited.name);
            let waits = topic.is_none();
            opened.extend(topic.map(|topic| (conversation, topic, awaited.granted)));
            waits
        });
        self.waiting.end(opened.len());
        for (conversation, topic, granted) in opened {
            match granted {
                Some(granted) => self.accept(conversation, topic, granted),
                None => self.admit(conversation, topic),
            }
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

    /// The connection is over: its client waits for no word of the hook's. Also the conversations that go with it.
    pub(crate) fn give_all_up(&self) -> Vec<Arc<Counterpart>> {
        if let Some(hook) = self.service.hook.get() {
            hook.forget(self.id);
        }
        self.conversations.values().map(|open| open.transactions.counterpart.clone()).collect()
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

fn malformed(malformed: Malformed) -> Lost {
    Lost::Malformed(malformed.to_string())
}

fn unexpected(what: &str) -> Lost {
    malformed(Malformed::Unexpected(what.to_owned()))
}
