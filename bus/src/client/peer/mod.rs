//! The connection to one service, and all conversations with it.
//!
//! It connects when the service is there, opens every conversation, and when the connection ends tells
//! every conversation and link why, and begins again.
//!
//! Files: this one is the connection's life and what handles ask of it, [`frames`] what the service sends, [`lent`] the
//! memory among that, and [`refusals`] what it says no to; [`questions`] is what is asked besides conversations and links,
//! [`patience`] how soon it connects again.

mod frames;
mod lent;
mod patience;
mod questions;
mod refusals;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::conversation_state::{ConversationShared, Status};
use super::credit_memory::CreditMemory;
use super::doorbell::ServiceDoorbells;
use super::link_state::{LinkShared, Target};
use super::session::Session;
use super::waiter::Waiter;
use crate::access::{self, Verbs};
use crate::error::{Ended, Error};
use crate::namespace::BusPlace;
use crate::registry::{NotConnected, Registry};
use crate::sync::step;
use crate::wire::{
    self, Advise, Close, Connect, Connection, Hello, Leave, Lost, NEWEST_VERSION, NameText, OLDEST_VERSION,
    Unadvise,
};

use patience::{LONGEST_REST, Life, Patience, SHORTEST_REST};
pub(crate) use questions::{Asker, Question};

/// How long to leave a service alone that is too busy for a conversation, whatever it says.
const LONGEST_DELAY: Duration = Duration::from_secs(3600);

/// A service, as its clients in this process see it.
#[derive(Debug)]
pub(crate) struct Peer {
    service: String,
    phase: Phase,
    conversations: BTreeMap<u64, Open>,
    /// Sessions whose segments have not all come, with how many there will be.
    building: HashMap<u64, (Arc<Session>, u32)>,
    /// Memory that this connection's service lent for tracked links.
    credits: Vec<CreditMemory>,
    /// What was asked, by reference, and not answered yet.
    questions: HashMap<u64, Question>,
    /// Conversations that the service was too busy for, and when they are asked for again.
    postponed: BTreeMap<u64, Instant>,
    /// Links whose service went, and which may still sleep on its words.
    sleepers: Vec<Arc<LinkShared>>,
    /// Why the service said that the connection ends.
    farewell: Option<Ended>,
    /// When the connection began.
    since: Instant,
    /// Which life of the service this connection is with.
    epoch: u64,
    /// How soon to connect again.
    patience: Patience,
    /// What those who wait by descriptor are woken by.
    doorbells: ServiceDoorbells,
}

/// A conversation with its links, by number.
#[derive(Debug)]
struct Open {
    shared: Arc<ConversationShared>,
    links: BTreeMap<u64, Arc<LinkShared>>,
    /// Whether this connection's service has said that there is no such topic, and was asked to tell when there is.
    waits: bool,
    over: Option<Over>,
}

/// That a conversation is not to be opened again by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// Its user closed it.
    ForGood,
    /// The service ended it, in this life.
    InThisLife(u64),
}

impl Open {
    /// Whether it is not to be opened in this life of the service.
    fn is_over(&self, epoch: u64) -> bool {
        self.over.is_some_and(|over| over == Over::ForGood || over == Over::InThisLife(epoch))
    }
}

/// How far the connection is.
#[derive(Debug)]
enum Phase {
    /// There is no service of this name.
    Absent,
    /// It cannot be connected to now: leave it alone until then.
    Resting { until: Instant },
    /// A hello was sent.
    Greeting { connection: Connection, pid: u32 },
    /// It was welcomed.
    Open { connection: Connection, pid: u32 },
}

impl Peer {
    pub(crate) fn new(service: String) -> Self {
        Peer {
            service,
            phase: Phase::Absent,
            conversations: BTreeMap::new(),
            building: HashMap::new(),
            credits: Vec::new(),
            questions: HashMap::new(),
            postponed: BTreeMap::new(),
            sleepers: Vec::new(),
            farewell: None,
            since: Instant::now(),
            epoch: 0,
            patience: Patience::default(),
            doorbells: ServiceDoorbells::default(),
        }
    }

    /// Whether nobody needs this connection any longer.
    pub(crate) fn is_idle(&self) -> bool {
        self.conversations.is_empty() && self.questions.is_empty() && self.sleepers.is_empty()
    }

    /// Whether the service is looked for in the directory.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self.phase, Phase::Absent)
    }

    /// When to try again what cannot be done now: to connect, or to send.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Absent => None,
            Phase::Resting { until } => Some(*until),
            Phase::Greeting { connection, .. } => connection.retry_at(),
            Phase::Open { connection, .. } => {
                let postponed = self.postponed.values().copied();
                postponed.chain(connection.retry_at()).chain(self.doorbells.retry_at()).min()
            }
        }
    }

    /// The socket to poll, and whether frames wait for room in it.
    pub(crate) fn socket(&self) -> Option<(BorrowedFd<'_>, bool)> {
        match &self.phase {
            Phase::Absent | Phase::Resting { .. } => None,
            Phase::Greeting { connection, .. } | Phase::Open { connection, .. } => {
                Some((connection.as_fd(), connection.unsent() > 0 && connection.retry_at().is_none()))
            }
        }
    }

    /// Connects, if the service is there. If it is not, fails what does not wait for it.
    pub(crate) fn connect(&mut self, bus: &BusPlace) {
        // It is forgotten in this turn.
        if self.is_idle() {
            return;
        }
        match self.phase {
            Phase::Absent => {}
            Phase::Resting { until } if Instant::now() >= until => {}
            _ => return,
        }
        match greet(&bus.registry, &self.service) {
            Ok((connection, pid)) => {
                for open in self.conversations.values() {
                    open.shared.state.update(|state| {
                        if let Status::Absent = state.status {
                            state.status = Status::Unanswered { pid };
                        }
                    });
                }
                self.since = Instant::now();
                self.phase = Phase::Greeting { connection, pid };
            }
            Err(NotConnected::Untrusted(uid)) => {
                self.rest(LONGEST_REST);
                let service = self.service.clone();
                let untrusted = || Error::Untrusted { service: service.clone(), uid };
                self.fail_all(Some(untrusted().to_string()), untrusted);
            }
            Err(NotConnected::Denied) => {
                self.rest(LONGEST_REST);
                let reason = access::remedy(rustix::process::geteuid().as_raw(), Verbs::CONNECT);
                let service = self.service.clone();
                let denied = || denied(&service, reason.clone());
                self.fail_all(Some(denied().to_string()), denied);
            }
            Err(NotConnected::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                self.rest(SHORTEST_REST);
            }
            Err(NotConnected::Io(error))
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                self.phase = Phase::Absent;
                let service = self.service.clone();
                self.fail_all(None, || bus.no_such_service(&service));
            }
            Err(NotConnected::Io(error)) => {
                self.rest(LONGEST_REST);
                let doing = format!("connecting to service `{}`", self.service);
                self.fail_all(Some(format!("{doing} failed: {error}")), || Error::Os {
                    doing: doing.clone(),
                    source: io::Error::new(error.kind(), error.to_string()),
                });
            }
        }
    }

    fn rest(&mut self, time: Duration) {
        self.phase = Phase::Resting { until: Instant::now() + time };
    }

    /// Adds a conversation, and opens it if the service is there.
    pub(crate) fn open(&mut self, conversation: Arc<ConversationShared>) {
        if let Phase::Greeting { pid, .. } | Phase::Open { pid, .. } = self.phase {
            conversation.state.update(|state| state.status = Status::Unanswered { pid });
        }
        let open = Open { shared: conversation.clone(), links: BTreeMap::new(), waits: false, over: None };
        self.conversations.insert(conversation.number, open);
        if let Phase::Open { connection, .. } = &mut self.phase {
            connect(connection, &conversation);
        }
    }

    /// Ends a conversation.
    pub(crate) fn close(&mut self, number: u64) {
        if let Some(open) = self.conversations.remove(&number) {
            open.shared.lanes.end(&Ended::Closed);
        }
        self.building.remove(&number);
        self.postponed.remove(&number);
        self.send(number, 0, &Close {});
    }

    /// Ends a conversation before its handles are gone. What its links hold the service keeps for them.
    pub(crate) fn leave(&mut self, number: u64) {
        self.end(number, Over::ForGood, &Ended::Closed);
        self.send(number, 0, &Leave {});
    }

    /// Ends a conversation with its links and transactions.
    fn end(&mut self, number: u64, over: Over, reason: &Ended) {
        // It may have been closed on this side while the frame was on its way.
        let Some(open) = self.conversations.get_mut(&number) else { return };
        if open.over != Some(Over::ForGood) {
            open.over = Some(over);
        }
        self.building.remove(&number);
        self.postponed.remove(&number);
        open.shared.state.update(|state| {
            if !matches!(state.status, Status::Ended(Ended::Closed)) {
                state.status = Status::Ended(reason.clone());
            }
        });
        open.shared.lanes.end(reason);
        for link in open.links.values().filter(|link| !link.is_ended()) {
            link.end(reason);
            self.sleepers.push(link.clone());
        }
        // The service answers nothing more that it is asked about it.
        let is_about_it = |_: &u64, question: &mut Question| {
            question.conversation().is_some_and(|conversation| conversation.number == number)
        };
        for (_, question) in self.questions.extract_if(is_about_it) {
            question.fail(|| Error::Stale { service: self.service.clone(), reason: reason.clone() });
        }
    }

    /// Opens a link. Where the conversation is not live, that follows when it is.
    pub(crate) fn advise(&mut self, conversation: u64, link: Arc<LinkShared>) {
        let Some(open) = self.conversations.get_mut(&conversation) else { return };
        open.links.insert(link.number, link.clone());
        let ended = {
            let state = open.shared.state.lock();
            match &state.status {
                Status::Ended(reason) => Some(reason.clone()),
                Status::Live if link.is_for(state.life.1) => None,
                _ => return,
            }
        };
        if let Some(reason) = ended {
            return link.end(&reason);
        }
        if !open.shared.is_readable() {
            return link.refuse(open.shared.unreadable("advise on", &link.target));
        }
        if let Phase::Open { connection, .. } = &mut self.phase {
            advise(connection, conversation, &link, link.wait, 0);
        }
    }

    /// Closes a link.
    pub(crate) fn unadvise(&mut self, conversation: u64, link: u64) {
        if let Some(open) = self.conversations.get_mut(&conversation) {
            open.links.remove(&link);
        }
        if let Phase::Open { connection, .. } = &mut self.phase {
            self.doorbells.leave(connection, conversation, link);
        }
        self.send(conversation, link, &Unadvise {});
        step!(UnadviseSent);
    }

    /// Has the service ring for a link what its waiter wants now.
    pub(crate) fn attend(&mut self, conversation: u64, link: &LinkShared) {
        if let Phase::Open { connection, .. } = &mut self.phase {
            self.doorbells.attend(connection, conversation, link);
        }
    }

    /// Has a waiter's doorbell hung up, for the answers of transactions.
    pub(crate) fn hang(&mut self, waiter: &Arc<Waiter>) {
        if let Phase::Open { connection, .. } = &mut self.phase {
            self.doorbells.hang(connection, waiter);
        }
    }

    /// Takes a waiter's doorbell down.
    pub(crate) fn forget(&mut self, waiter: u64) {
        if let Phase::Open { connection, .. } = &mut self.phase {
            self.doorbells.forget(connection, waiter);
        }
    }

    /// Asks a question.
    pub(crate) fn ask(&mut self, reference: u64, question: Question) {
        // The service has ended since the handle looked: that is the answer, and not that there is no such service now.
        let ended = question.conversation().and_then(|asks| Some((asks.clone(), asks.ended()?)));
        if let Some((asks, reason)) = ended {
            return question.fail(|| asks.stale(reason.clone()));
        }
        let Some(question) = self.join(question) else { return };
        // A service that is stopped answers none, however often it is asked.
        self.questions.retain(|_, question| !question.is_abandoned());
        if let Phase::Open { connection, .. } = &mut self.phase {
            question.ask(connection, reference);
        }
        self.questions.insert(reference, question);
    }

    /// Leaves a question to one for the same, or answers it where that has been answered since its handle looked; otherwise gives it
    /// back.
    fn join(&mut self, question: Question) -> Option<Question> {
        let Question::Lane { conversation, room, .. } = &question else { return Some(question) };
        if let Some(lane) = conversation.lanes.find(*room) {
            let Question::Lane { askers, .. } = question else { return None };
            askers.into_iter().for_each(|asker| asker.answer.send(Ok(lane.clone())));
            return None;
        }
        self.questions.values_mut().try_fold(question, |question, other| other.join(question).ok_or(())).ok()
    }

    /// Handles what came in, and sends doorbells again that were refused.
    pub(crate) fn serve(&mut self) {
        if let Err(lost) = self.receive() {
            self.lose(lost);
        }
        self.retry_doorbells();
        self.ask_again();
    }

    /// Asks for a conversation again later, since the service is too busy for it now.
    fn postpone(&mut self, number: u64, retry_after: Duration, busy: &Error) {
        let Some(open) = self.conversations.get(&number) else { return };
        let at = Instant::now() + retry_after.clamp(SHORTEST_REST, LONGEST_DELAY);
        self.postponed.insert(number, at);
        let trouble = Some(busy.to_string());
        if open.shared.trouble() != trouble {
            open.shared.state.update(|state| state.trouble = trouble);
        }
    }

    /// Asks for those conversations again whose time has come.
    fn ask_again(&mut self) {
        if self.postponed.is_empty() {
            return;
        }
        let now = Instant::now();
        let Phase::Open { connection, .. } = &mut self.phase else { return };
        self.postponed.retain(|number, at| {
            let due = *at <= now;
            if due && let Some(open) = self.conversations.get(number) {
                connect(connection, &open.shared);
            }
            !due
        });
    }

    fn retry_doorbells(&mut self) {
        let Phase::Open { connection, .. } = &mut self.phase else { return };
        let due = self.doorbells.take_due();
        if due.is_empty() {
            return;
        }
        let is_due =
            |link: &&Arc<LinkShared>| link.vigil.waiter().is_some_and(|waiter| due.contains(&waiter.number));
        for (&conversation, open) in &self.conversations {
            for link in open.links.values().filter(is_due) {
                self.doorbells.attend(connection, conversation, link);
            }
        }
    }

    fn send(&mut self, conversation: u64, reference: u64, body: &impl wire::Body) {
        if let Phase::Open { connection, .. } = &mut self.phase {
            connection.send(conversation, reference, body);
        }
    }

    /// The connection is lost: tells everyone why. The next turn looks for the service again.
    fn lose(&mut self, lost: Lost) {
        let farewell = self.farewell.take();
        // They went with the connection.
        self.doorbells = ServiceDoorbells::default();
        let reason = match lost {
            Lost::Malformed(detail) => {
                tracing::error!(service = self.service, detail, "the service broke the protocol");
                Ended::Misbehaved(detail)
            }
            Lost::Starved(detail) => Ended::Exhausted(detail),
            Lost::Ended => farewell.unwrap_or(Ended::Died),
        };
        tracing::info!(service = self.service, %reason, "disconnected");
        self.choose_next_phase(&reason);
        self.end_all(&reason);
        let service = self.service.clone();
        match &reason {
            // It may be back in a moment: the next turn knows.
            Ended::Died | Ended::Closed => {
                self.answer_all(|| Error::Stale { service: service.clone(), reason: reason.clone() });
            }
            Ended::Evicted(detail) => self.fail_all(Some(reason.to_string()), || {
                let (verb, what) = ("talk to", service.clone());
                Error::Refused { service: service.clone(), verb, what, code: 0, reason: detail.clone() }
            }),
            Ended::Denied(detail) => {
                self.fail_all(Some(reason.to_string()), || denied(&service, detail.clone()));
            }
            Ended::Exhausted(detail) => self.fail_all(Some(reason.to_string()), || Error::Os {
                doing: format!("receiving the memory of service `{service}`"),
                source: io::Error::other(detail.clone()),
            }),
            Ended::Misbehaved(detail) | Ended::Changed(detail) | Ended::Refused(detail) => {
                self.fail_all(Some(reason.to_string()), || Error::Protocol {
                    peer: format!("service `{service}`"),
                    detail: detail.clone(),
                });
            }
        }
    }

    /// The connection has ended: when to look for the service again.
    fn choose_next_phase(&mut self, reason: &Ended) {
        let life = match self.phase {
            Phase::Greeting { pid, .. } => Life { pid, epoch: None },
            Phase::Open { pid, .. } => Life { pid, epoch: Some(self.epoch) },
            Phase::Absent | Phase::Resting { .. } => return,
        };
        match self.patience.after(life, self.since.elapsed(), reason) {
            Some(rest) => self.rest(rest),
            None => self.phase = Phase::Absent,
        }
    }

    /// Tells every conversation and link that the service is gone.
    fn end_all(&mut self, reason: &Ended) {
        self.building.clear();
        self.postponed.clear();
        self.credits.clear();
        for open in self.conversations.values_mut() {
            open.waits = false;
            open.shared.state.update(|state| match state.status {
                Status::Live => state.status = Status::Ended(reason.clone()),
                Status::Unanswered { .. } | Status::WithoutTopic { .. } => state.status = Status::Absent,
                _ => {}
            });
            open.shared.lanes.end(reason);
            for link in open.links.values().filter(|link| !link.is_ended()) {
                link.end(reason);
                self.sleepers.push(link.clone());
            }
        }
    }

    /// Fails what waits for the service only as long as it is there, and answers all questions; notes the
    /// `trouble` for those that go on waiting.
    fn fail_all(&mut self, trouble: Option<String>, why: impl Fn() -> Error) {
        for open in self.conversations.values() {
            if !open.shared.wait {
                fail(&open.shared, &why);
            }
            // Only a change is one: this comes again with every look for a service that is not there.
            if open.shared.trouble() != trouble {
                open.shared.state.update(|state| state.trouble = trouble.clone());
            }
        }
        self.answer_all(why);
    }

    fn answer_all(&mut self, why: impl Fn() -> Error) {
        self.questions.drain().for_each(|(_, question)| question.fail(&why));
    }

    /// Wakes links that sleep although their service is gone; whether that has to be done again.
    pub(crate) fn wake_sleepers(&mut self) -> bool {
        self.sleepers.retain(|link| link.parker.wake());
        !self.sleepers.is_empty()
    }

    /// Ends everything, since nobody will look after it any longer.
    pub(crate) fn abandon(&mut self) {
        self.end_all(&Ended::Closed);
        self.fail_all(None, || Error::Closed("the bus"));
        self.wake_sleepers();
    }
}

/// Connects to a service, of a user whom this program trusts, and says hello.
fn greet(registry: &Registry, service: &str) -> Result<(Connection, u32), NotConnected> {
    let (socket, credentials) = registry.connect(service)?;
    let mut connection = Connection::new(socket);
    let hello = Hello { oldest: OLDEST_VERSION, newest: NEWEST_VERSION };
    connection.send(0, 0, &hello);
    Ok((connection, credentials.pid))
}

/// That a service has nothing for this program's user.
fn denied(service: &str, reason: String) -> Error {
    let (uid, needed) = (rustix::process::geteuid().as_raw(), Verbs::CONNECT);
    let (service, what) = (service.to_owned(), service.to_owned());
    Error::Denied { service, verb: "connect to", what, uid, needed, reason }
}

fn connect(connection: &mut Connection, conversation: &ConversationShared) {
    let again = conversation.state.lock().session.is_some();
    let topic = NameText::truncated(&conversation.topic);
    // One of a list is told where the topic is not there, and then waits for it.
    let wait = !conversation.listed && (conversation.wait || again);
    connection.send(conversation.number, 0, &Connect { topic, wait });
}

fn advise(connection: &mut Connection, conversation: u64, link: &LinkShared, wait: bool, from: u64) {
    let item = match &link.target {
        Target::One(item) => NameText::truncated(item),
        Target::Many(_) => NameText::new(),
    };
    let deadline = link.lossless.map_or(0, |patience| u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX));
    let lossless = link.lossless.is_some();
    let advise = Advise { deadline, from, item, warm: link.warm, wait, lossless, samples: link.samples };
    connection.send(conversation, link.number, &advise);
}

/// Fails a conversation that was never live.
fn fail(conversation: &ConversationShared, why: &dyn Fn() -> Error) {
    let never_live = matches!(
        conversation.state.lock().status,
        Status::Absent | Status::Unanswered { .. } | Status::WithoutTopic { .. }
    );
    if never_live {
        conversation.state.update(|state| state.status = Status::Failed(Some(why())));
    }
}
