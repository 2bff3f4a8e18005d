//! The connection to one service, and all conversations with it.
//!
//! It connects when the service is there, opens every conversation, and when the connection ends tells
//! every conversation and link why, and begins again.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::Sender;

use super::conversation::{ConversationShared, State, Status};
use super::link::{Attachment, LinkShared, Target};
use super::session::{Session, Unusable};
use crate::discovery::TopicInfo;
use crate::error::{Ended, Error, Result};
use crate::message::Fingerprint;
use crate::namespace::BusPlace;
use crate::registry::Registry;
use crate::segment::SegmentView;
use crate::sys::socket;
use crate::wire::{
    self, Advise, Close, Connect, Connection, Farewell, Find, FromService, Hello, Lost, Malformed,
    NEWEST_VERSION, NameText, NextTopic, OLDEST_VERSION, Prefix, Refusal, Unadvise,
};

/// Frames of one service that are handled before it is another's turn.
const FRAMES_A_TURN: usize = 256;
/// How long to leave a service alone that cannot be connected to now: from this …
const SHORTEST_REST: Duration = Duration::from_millis(1);
/// … to this, doubling while its connections last shorter than this.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// What a client asks besides conversations and links.
#[derive(Debug)]
pub(crate) enum Question {
    /// Whether an item exists.
    Find { conversation: Arc<ConversationShared>, item: String, answer: Sender<Result<()>> },
    /// The topic after this name.
    NextTopic { after: String, answer: Sender<Result<Option<TopicInfo>>> },
}

/// A service, as its clients in this process see it.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) service: String,
    phase: Phase,
    conversations: BTreeMap<u64, Open>,
    /// Sessions whose segments have not all come, with how many there will be.
    building: HashMap<u64, (Arc<Session>, u32)>,
    /// What was asked, by reference, and not answered yet.
    questions: HashMap<u64, Question>,
    /// Why the service said that the connection ends.
    farewell: Option<Ended>,
    /// When the connection began.
    since: Instant,
    /// Connections to one process in a row that ended soon.
    short_lived: u32,
    /// The process whose connection ended last.
    ended_by: u32,
}

/// A conversation with its links, by number.
#[derive(Debug)]
struct Open {
    shared: Arc<ConversationShared>,
    links: BTreeMap<u64, Arc<LinkShared>>,
}

/// How far the connection is.
#[derive(Debug)]
enum Phase {
    /// There is no service of this name.
    Absent,
    /// There is, but its queue of connections is full, or it ended the last connection soon: leave it alone
    /// until then.
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
            questions: HashMap::new(),
            farewell: None,
            since: Instant::now(),
            short_lived: 0,
            ended_by: 0,
        }
    }

    /// Whether nobody needs this connection any longer.
    pub(crate) fn is_idle(&self) -> bool {
        self.conversations.is_empty() && self.questions.is_empty()
    }

    /// Whether the service is looked for in the directory.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self.phase, Phase::Absent)
    }

    /// When to try again a service that is there.
    pub(crate) fn resting_until(&self) -> Option<Instant> {
        match self.phase {
            Phase::Resting { until } => Some(until),
            _ => None,
        }
    }

    /// The socket to poll, and whether frames wait for room in it.
    pub(crate) fn socket(&self) -> Option<(BorrowedFd<'_>, bool)> {
        match &self.phase {
            Phase::Absent | Phase::Resting { .. } => None,
            Phase::Greeting { connection, .. } | Phase::Open { connection, .. } => {
                Some((connection.as_fd(), connection.unsent() > 0))
            }
        }
    }

    /// Connects, if the service is there. If it is not, fails what does not wait for it.
    pub(crate) fn connect(&mut self, bus: &BusPlace) {
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
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                self.phase = Phase::Resting { until: Instant::now() + SHORTEST_REST };
            }
            Err(error) => {
                self.phase = Phase::Absent;
                let absent = matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused
                );
                let service = self.service.clone();
                let why = || {
                    if absent {
                        bus.no_such_service(&service)
                    } else {
                        let source = std::io::Error::new(error.kind(), error.to_string());
                        Error::Os { doing: format!("connecting to service `{service}`"), source }
                    }
                };
                for open in self.conversations.values().filter(|open| !open.shared.wait) {
                    fail(&open.shared, &why);
                }
                self.answer_all(why);
            }
        }
    }

    /// Adds a conversation, and opens it if the service is there.
    pub(crate) fn open(&mut self, conversation: Arc<ConversationShared>) {
        if let Phase::Greeting { pid, .. } | Phase::Open { pid, .. } = self.phase {
            conversation.state.update(|state| state.status = Status::Unanswered { pid });
        }
        let open = Open { shared: conversation.clone(), links: BTreeMap::new() };
        self.conversations.insert(conversation.number, open);
        if let Phase::Open { connection, .. } = &mut self.phase {
            let lost = connect(connection, &conversation).err();
            self.lost_if(lost);
        }
    }

    /// Ends a conversation.
    pub(crate) fn close(&mut self, number: u64) {
        self.conversations.remove(&number);
        self.building.remove(&number);
        self.send(number, 0, &Close {});
    }

    /// Opens a link. Where the conversation is not live, that follows when it is.
    pub(crate) fn advise(&mut self, conversation: u64, link: Arc<LinkShared>) {
        let Some(open) = self.conversations.get_mut(&conversation) else { return };
        open.links.insert(link.number, link.clone());
        match &open.shared.state.lock().status {
            Status::Ended(reason) => {
                let reason = reason.clone();
                return link.state.update(|state| *state = Attachment::Ended(reason));
            }
            Status::Live => {}
            _ => return,
        }
        if let Phase::Open { connection, .. } = &mut self.phase {
            let lost = advise(connection, conversation, &link, link.wait).err();
            self.lost_if(lost);
        }
    }

    /// Closes a link.
    pub(crate) fn unadvise(&mut self, conversation: u64, link: u64) {
        if let Some(open) = self.conversations.get_mut(&conversation) {
            open.links.remove(&link);
        }
        self.send(conversation, link, &Unadvise {});
    }

    /// Asks a question.
    pub(crate) fn ask(&mut self, reference: u64, question: Question) {
        self.questions.insert(reference, question);
        if let Phase::Open { connection, .. } = &mut self.phase {
            let lost = ask(connection, reference, &self.questions[&reference]).err();
            self.lost_if(lost);
        }
    }

    /// Handles what came in.
    pub(crate) fn serve(&mut self, bus: &BusPlace) {
        let lost = self.receive(bus).err();
        self.lost_if(lost);
    }

    fn receive(&mut self, bus: &BusPlace) -> Result<(), Lost> {
        for _ in 0..FRAMES_A_TURN {
            let (Phase::Greeting { connection, .. } | Phase::Open { connection, .. }) = &mut self.phase
            else {
                break;
            };
            connection.flush()?;
            let Some(incoming) = connection.receive()? else { break };
            let malformed = |malformed: Malformed| Lost::Malformed(malformed.to_string());
            let (prefix, frame) = FromService::decode(&incoming.bytes).map_err(malformed)?;
            let fds = wire::descriptors(&frame, incoming.fds).map_err(malformed)?;
            self.handle(bus, prefix, frame, fds)?;
        }
        Ok(())
    }

    fn handle(
        &mut self,
        bus: &BusPlace,
        prefix: Prefix,
        frame: FromService,
        fds: Option<[OwnedFd; 2]>,
    ) -> Result<(), Lost> {
        match (&mut self.phase, frame) {
            (_, FromService::Goodbye(goodbye)) => {
                self.farewell = Some(match goodbye.farewell {
                    Farewell::Closed => Ended::Closed,
                    Farewell::Evicted => Ended::Evicted(goodbye.reason.to_string()),
                });
                Err(Lost::Ended)
            }
            (Phase::Greeting { .. }, FromService::Welcome(_)) => self.welcomed(),
            (Phase::Greeting { .. }, FromService::Unsupported(theirs)) => {
                let service = self.service.clone();
                let why = || Error::Version {
                    service: service.clone(),
                    ours_min: OLDEST_VERSION,
                    ours_max: NEWEST_VERSION,
                    theirs_min: theirs.oldest,
                    theirs_max: theirs.newest,
                };
                self.conversations.values().for_each(|open| fail(&open.shared, &why));
                self.answer_all(why);
                Err(Lost::Ended)
            }
            (Phase::Open { pid, .. }, FromService::Segment(segment)) => {
                let pid = *pid;
                match fds {
                    Some(fds) => self.segment(pid, prefix.conversation, segment.index, segment.of, &fds),
                    None => Ok(()),
                }
            }
            (Phase::Open { .. }, FromService::Located(located)) => self.located(prefix, located.index),
            (Phase::Open { .. }, FromService::Refused(refused)) => {
                self.refused(prefix, refused.refusal, &refused.reason);
                Ok(())
            }
            (Phase::Open { .. }, FromService::TopicEntry(entry)) => {
                let topic = TopicInfo {
                    service: self.service.clone(),
                    topic: entry.name.to_string(),
                    type_name: entry.type_name.to_string(),
                    fingerprint: Fingerprint::from_words(entry.fingerprint),
                    items: entry.items,
                };
                self.answer_topic(prefix.reference, Some(topic));
                Ok(())
            }
            (Phase::Open { .. }, FromService::NoMoreTopics(_)) => {
                self.answer_topic(prefix.reference, None);
                Ok(())
            }
            (_, frame) => {
                let _ = bus;
                Err(Lost::Malformed(format!("a frame that does not belong here: {frame:?}")))
            }
        }
    }

    /// Opens every conversation and asks every question on the new connection.
    fn welcomed(&mut self) -> Result<(), Lost> {
        let Phase::Greeting { connection, pid } = core::mem::replace(&mut self.phase, Phase::Absent) else {
            return Ok(());
        };
        self.phase = Phase::Open { connection, pid };
        tracing::debug!(service = self.service, pid, "connected");
        if let Phase::Open { connection, .. } = &mut self.phase {
            self.conversations.values().try_for_each(|open| connect(connection, &open.shared))?;
            self.questions
                .iter()
                .try_for_each(|(&reference, question)| ask(connection, reference, question))?;
        }
        Ok(())
    }

    /// Takes a segment; when a session has all, the conversation is live.
    fn segment(
        &mut self,
        pid: u32,
        number: u64,
        index: u32,
        of: u32,
        [segment, bells]: &[OwnedFd; 2],
    ) -> Result<(), Lost> {
        // It may have been closed on this side while the segment was on its way.
        let Some(open) = self.conversations.get(&number) else { return Ok(()) };
        let conversation = open.shared.clone();
        match conversation.state.lock().status {
            Status::Failed(_) => return Ok(()),
            // Extents of another type than ours; a first segment is of a new life, and may be right again.
            Status::Ended(Ended::Changed(_)) if index > 0 && !self.building.contains_key(&number) => {
                return Ok(());
            }
            _ => {}
        }
        let view = SegmentView::open(segment, bells).map_err(Lost::Malformed)?;
        if index == 0 {
            match Session::new(pid, view, &conversation.expected) {
                Ok(session) => {
                    self.building.insert(number, (Arc::new(session), of));
                }
                Err(Unusable::Broken(detail)) => return Err(Lost::Malformed(detail)),
                Err(Unusable::Type { there, schema }) => {
                    if let Some(reason) = mismatch(&conversation, there, schema) {
                        open.links.values().for_each(|link| end(link, &reason));
                    }
                    self.send(number, 0, &Close {});
                    return Ok(());
                }
            }
        } else {
            let session = match self.building.get(&number) {
                Some((session, _)) => Some(session.clone()),
                None => conversation.state.lock().session.clone(),
            };
            let session =
                session.ok_or_else(|| Lost::Malformed("an extent without a first segment".to_owned()))?;
            session.add_segment(index as usize, view).map_err(Lost::Malformed)?;
        }
        match self.building.remove(&number) {
            Some((session, of)) if index + 1 >= of => self.live(&conversation, session),
            Some(unfinished) => {
                self.building.insert(number, unfinished);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Makes a conversation live, and advises again on all its links.
    fn live(&mut self, conversation: &Arc<ConversationShared>, session: Arc<Session>) -> Result<(), Lost> {
        tracing::info!(
            service = self.service,
            topic = conversation.topic,
            pid = session.pid,
            "conversation live"
        );
        let again = conversation.state.update(|state| {
            let again = state.session.is_some();
            *state = State { session: Some(session), status: Status::Live };
            again
        });
        let links = self.conversations.get(&conversation.number).map(|open| &open.links);
        if let Phase::Open { connection, .. } = &mut self.phase {
            for link in links.into_iter().flat_map(BTreeMap::values) {
                advise(connection, conversation.number, link, link.wait || again)?;
            }
        }
        Ok(())
    }

    fn located(&mut self, prefix: Prefix, index: u32) -> Result<(), Lost> {
        if let Some(Question::Find { answer, .. }) = self.questions.remove(&prefix.reference) {
            let _ = answer.send(Ok(()));
            return Ok(());
        }
        let Some(open) = self.conversations.get(&prefix.conversation) else { return Ok(()) };
        let session = open.shared.state.lock().session.clone();
        let (Some(link), Some(session)) = (open.links.get(&prefix.reference), session) else { return Ok(()) };
        if let Target::One(item) = &link.target
            && session.item(index).is_none_or(|(name, _)| *name != **item)
        {
            return Err(Lost::Malformed(format!("item `{item}` is said to have index {index}, and has not")));
        }
        link.state.update(|state| *state = Attachment::Attached { session, index });
        Ok(())
    }

    fn refused(&mut self, prefix: Prefix, refusal: Refusal, reason: &str) {
        let service = self.service.clone();
        let error = |conversation: &ConversationShared, verb, what: String| match refusal {
            Refusal::NoSuchTopic => {
                Error::NoSuchTopic { service: service.clone(), topic: conversation.topic.clone() }
            }
            Refusal::NoSuchItem => conversation.no_such_item(&what),
            Refusal::TooMany => {
                Error::Refused { service: service.clone(), verb, what, reason: reason.to_owned() }
            }
        };
        if let Some(Question::Find { conversation, item, answer }) = self.questions.remove(&prefix.reference)
        {
            let _ = answer.send(Err(error(&conversation, "find", item)));
            return;
        }
        let Some(open) = self.conversations.get(&prefix.conversation) else { return };
        let conversation = &open.shared;
        match open.links.get(&prefix.reference) {
            Some(link) => {
                let error = error(conversation, "advise on", link.target.to_string());
                link.state.update(|state| *state = Attachment::Refused(Some(error)));
            }
            // A link that was closed meanwhile, or the conversation itself.
            None if prefix.reference != 0 => {}
            None => fail(conversation, &|| error(conversation, "connect to", conversation.address())),
        }
    }

    fn answer_topic(&mut self, reference: u64, topic: Option<TopicInfo>) {
        if let Some(Question::NextTopic { answer, .. }) = self.questions.remove(&reference) {
            let _ = answer.send(Ok(topic));
        }
    }

    fn answer_all(&mut self, why: impl Fn() -> Error) {
        for (_, question) in self.questions.drain() {
            match question {
                Question::Find { answer, .. } => drop(answer.send(Err(why()))),
                Question::NextTopic { answer, .. } => drop(answer.send(Err(why()))),
            }
        }
    }

    fn send(&mut self, conversation: u64, reference: u64, body: &impl wire::Body) {
        if let Phase::Open { connection, .. } = &mut self.phase {
            let lost = connection.send(conversation, reference, body).err();
            self.lost_if(lost);
        }
    }

    /// Where the connection is lost, tells everyone why. The next turn looks for the service again.
    fn lost_if(&mut self, lost: Option<Lost>) {
        let Some(lost) = lost else { return };
        // A service that ends connections as soon as they begin would otherwise be connected to without pause. One
        // that died is another matter: what returns is another process, and is followed at once.
        let pid = match self.phase {
            Phase::Greeting { pid, .. } | Phase::Open { pid, .. } => pid,
            Phase::Absent | Phase::Resting { .. } => 0,
        };
        let soon = self.since.elapsed() < LONGEST_REST && pid == self.ended_by;
        self.short_lived = if soon { self.short_lived + 1 } else { 0 };
        self.ended_by = pid;
        let rest = SHORTEST_REST.saturating_mul(1 << self.short_lived.min(16)).min(LONGEST_REST);
        self.phase = match self.short_lived {
            0 | 1 => Phase::Absent,
            _ => Phase::Resting { until: Instant::now() + rest },
        };
        self.building.clear();
        let farewell = self.farewell.take();
        let reason = match lost {
            Lost::Malformed(detail) => {
                tracing::error!(service = self.service, detail, "the service broke the protocol");
                Ended::Misbehaved(detail)
            }
            Lost::Ended => farewell.unwrap_or(Ended::Died),
        };
        tracing::info!(service = self.service, %reason, "disconnected");
        for open in self.conversations.values() {
            open.shared.state.update(|state| match state.status {
                Status::Live => state.status = Status::Ended(reason.clone()),
                Status::Unanswered { .. } => state.status = Status::Absent,
                _ => {}
            });
            for link in open.links.values().filter(|link| link.ended().is_none()) {
                end(link, &reason);
            }
        }
        let (service, ended) = (self.service.clone(), reason);
        self.answer_all(|| Error::Stale { service: service.clone(), reason: ended.clone() });
    }

    /// Wakes links that sleep although their service is gone; whether that has to be done again.
    pub(crate) fn wake_sleepers(&self) -> bool {
        let mut again = false;
        if !matches!(self.phase, Phase::Open { .. }) {
            for link in self.conversations.values().flat_map(|open| open.links.values()) {
                again |= link.parker.wake();
            }
        }
        again
    }
}

/// Connects to a service of our own user and says hello.
fn greet(registry: &Registry, service: &str) -> std::io::Result<(Connection, u32)> {
    let socket = registry.connect(service)?;
    let credentials = socket::credentials(&socket)?;
    if credentials.uid != rustix::process::geteuid().as_raw() {
        return Err(std::io::Error::new(
            std::io::ErrorKind::PermissionDenied,
            format!("it runs as user {}, not as this program's", credentials.uid),
        ));
    }
    let mut connection = Connection::new(socket);
    let hello = Hello { oldest: OLDEST_VERSION, newest: NEWEST_VERSION };
    connection.send(0, 0, &hello).map_err(|_| std::io::ErrorKind::ConnectionRefused)?;
    Ok((connection, credentials.pid))
}

fn connect(connection: &mut Connection, conversation: &ConversationShared) -> Result<(), Lost> {
    let again = conversation.state.lock().session.is_some();
    let topic = NameText::truncated(&conversation.topic);
    connection.send(conversation.number, 0, &Connect { topic, wait: conversation.wait || again })
}

fn advise(connection: &mut Connection, conversation: u64, link: &LinkShared, wait: bool) -> Result<(), Lost> {
    let item = match &link.target {
        Target::One(item) => NameText::truncated(item),
        Target::Many(_) => NameText::new(),
    };
    connection.send(conversation, link.number, &Advise { item, warm: link.warm, wait })
}

fn ask(connection: &mut Connection, reference: u64, question: &Question) -> Result<(), Lost> {
    match question {
        Question::Find { conversation, item, .. } => {
            connection.send(conversation.number, reference, &Find { item: NameText::truncated(item) })
        }
        Question::NextTopic { after, .. } => {
            connection.send(0, reference, &NextTopic { after: NameText::truncated(after) })
        }
    }
}

/// Fails a conversation that was never live.
fn fail(conversation: &ConversationShared, why: &dyn Fn() -> Error) {
    conversation.state.update(|state| {
        if let Status::Absent | Status::Unanswered { .. } = state.status {
            state.status = Status::Failed(Some(why()));
        }
    });
}

/// Tells a link that its service is gone, unless it knows that for this very reason: it says so once.
fn end(link: &LinkShared, reason: &Ended) {
    if link.ended().as_ref() != Some(reason) {
        link.state.update(|state| *state = Attachment::Ended(reason.clone()));
    }
}

/// Fails a conversation whose topic carries another type, or keeps it stale if it was live before, for the
/// reason returned.
fn mismatch(
    conversation: &ConversationShared,
    there: Fingerprint,
    schema: Result<crate::message::Schema, String>,
) -> Option<Ended> {
    let here = (conversation.expected.schema)();
    let error = match schema {
        Ok(schema) => Error::TypeMismatch {
            service: conversation.service.clone(),
            topic: conversation.topic.clone(),
            here: conversation.expected.fingerprint,
            there,
            difference: Box::new(here.difference(&schema)),
        },
        Err(detail) => Error::Protocol {
            peer: format!("service `{}`", conversation.service),
            detail: format!("the schema of topic `{}` cannot be read: {detail}", conversation.topic),
        },
    };
    tracing::warn!(service = conversation.service, topic = conversation.topic, "type mismatch");
    conversation.state.update(|state| {
        let reason = state.session.is_some().then(|| Ended::Changed(error.to_string()));
        state.status = reason.clone().map_or_else(|| Status::Failed(Some(error)), Status::Ended);
        reason
    })
}
