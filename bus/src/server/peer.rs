//! One connected client, as the service sees it: its conversations, links and unanswered questions.

use std::collections::{HashMap, HashSet};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::server::service::ClientInfo;
use crate::server::shared::{ServiceShared, TopicShared};
use crate::wire::{
    Body, Connection, Farewell, FromClient, Goodbye, Located, Lost, Malformed, NEWEST_VERSION, NameText,
    NoMoreTopics, OLDEST_VERSION, Prefix, ReasonText, Refusal, Refused, Segment, TopicEntry, Unsupported,
    Welcome,
};

/// How long a connection may last without a hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Frames of one client that are handled before it is another's turn.
const FRAMES_A_TURN: usize = 64;
/// Answers that wait for a client that does not read, before it is evicted.
const MAX_UNSENT: usize = 1 << 14;
/// Conversations of one client. Far more than a program needs; what it protects is the service's memory.
const MAX_CONVERSATIONS: usize = 1 << 16;
/// Links and unanswered questions of one conversation, likewise.
const MAX_LINKS: usize = 1 << 20;

/// A connected client.
#[derive(Debug)]
pub(crate) struct Peer {
    service: Arc<ServiceShared>,
    pub(crate) connection: Connection,
    pub(crate) pid: u32,
    /// Set once it is lost, until it is forgotten.
    pub(crate) lost: Option<Lost>,
    /// Until when a hello must have come; `None` once it has.
    hello_deadline: Option<Instant>,
    conversations: HashMap<u64, Conversation>,
    /// Conversations whose topic is not there yet.
    connecting: Vec<Question>,
}

#[derive(Debug)]
struct Conversation {
    topic: Arc<TopicShared>,
    /// Segments that were sent, or stand in `unsent`.
    segments_sent: usize,
    links: HashSet<u64>,
    /// Links whose item is not there yet.
    locating: Vec<Question>,
}

/// A question that is answered when `name` appears.
#[derive(Debug)]
struct Question {
    conversation: u64,
    reference: u64,
    name: NameText,
}

impl Peer {
    pub(crate) fn new(service: Arc<ServiceShared>, socket: OwnedFd, pid: u32) -> Self {
        Peer {
            service,
            connection: Connection::new(socket),
            pid,
            lost: None,
            hello_deadline: Some(Instant::now() + HELLO_TIMEOUT),
            conversations: HashMap::new(),
            connecting: Vec::new(),
        }
    }

    pub(crate) fn info(&self) -> ClientInfo {
        ClientInfo {
            pid: self.pid,
            conversations: self.conversations.len(),
            links: self.conversations.values().map(|conversation| conversation.links.len()).sum(),
        }
    }

    /// Whether there are frames that wait for room in the client's queue.
    pub(crate) fn is_blocked(&self) -> bool {
        self.connection.unsent() > 0
    }

    /// When this client has to be looked at even if it does nothing.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.hello_deadline
    }

    /// Does what there is to do for this client.
    ///
    /// # Errors
    /// That it is gone, or must go.
    pub(crate) fn serve(&mut self, readable: bool) -> Result<(), Lost> {
        let served = self.step(readable);
        if let Err(Lost::Malformed(detail)) = &served {
            self.say_goodbye(Farewell::Evicted, detail);
        }
        served
    }

    fn step(&mut self, readable: bool) -> Result<(), Lost> {
        self.connection.flush()?;
        if readable {
            self.receive()?;
        }
        self.answer_waiting()?;
        self.send_new_segments()?;
        if self.hello_deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Lost::Malformed(format!("no hello came within {HELLO_TIMEOUT:?}")));
        }
        if self.connection.unsent() > MAX_UNSENT {
            return Err(Lost::Malformed("it asks but does not read the answers".to_owned()));
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
            let Some(incoming) = self.connection.receive()? else { break };
            if !incoming.fds.is_empty() {
                return Err(malformed(Malformed::Descriptors { found: incoming.fds.len(), expected: 0 }));
            }
            let (prefix, frame) = FromClient::decode(&incoming.bytes).map_err(malformed)?;
            self.handle(prefix, frame)?;
        }
        Ok(())
    }

    fn handle(&mut self, prefix: Prefix, frame: FromClient) -> Result<(), Lost> {
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
                    self.send(prefix, &ours)?;
                    return Err(Lost::Ended);
                }
                self.send(prefix, &Welcome { epoch: self.service.epoch, version, reserved: [0; 3] })
            }
            FromClient::Connect(connect) => {
                let known = self.conversations.contains_key(&conversation)
                    || self.connecting.iter().any(|waiting| waiting.conversation == conversation);
                if known {
                    return Err(unexpected("a conversation of this number is open"));
                }
                if self.conversations.len() + self.connecting.len() >= MAX_CONVERSATIONS {
                    return self.refuse(prefix, Refusal::TooMany, "too many conversations");
                }
                let question = Question { conversation, reference, name: connect.topic };
                match self.service.topic(&connect.topic) {
                    Some(topic) => self.accept(&question, topic),
                    None if connect.wait => {
                        self.connecting.push(question);
                        self.service.waits(1);
                        Ok(())
                    }
                    None => self.refuse(prefix, Refusal::NoSuchTopic, "there is no such topic"),
                }
            }
            FromClient::Close(_) => {
                let before = self.connecting.len();
                self.connecting.retain(|waiting| waiting.conversation != conversation);
                let mut ceased = before - self.connecting.len();
                ceased += self.conversations.remove(&conversation).map_or(0, |gone| gone.locating.len());
                self.service.waits(-(ceased as isize));
                Ok(())
            }
            FromClient::Advise(advise) => {
                // One may have ended on this side while the frame was on its way.
                let Some(open) = self.conversations.get_mut(&conversation) else { return Ok(()) };
                if open.links.contains(&reference) {
                    return Err(unexpected("a link of this number is open"));
                }
                if open.links.len() >= MAX_LINKS {
                    return self.refuse(prefix, Refusal::TooMany, "too many links");
                }
                let index = if advise.item.is_empty() { Some(0) } else { open.topic.item(&advise.item) };
                let topic = open.topic.name.clone();
                match index {
                    Some(index) => {
                        open.links.insert(reference);
                        tracing::debug!(pid = self.pid, topic, item = %advise.item, "advise");
                        self.locate(prefix, index)
                    }
                    None if advise.wait => {
                        open.links.insert(reference);
                        open.locating.push(Question { conversation, reference, name: advise.item });
                        self.service.waits(1);
                        Ok(())
                    }
                    None => self.refuse(prefix, Refusal::NoSuchItem, "there is no such item"),
                }
            }
            FromClient::Unadvise(_) => {
                if let Some(open) = self.conversations.get_mut(&conversation) {
                    open.links.remove(&reference);
                    let before = open.locating.len();
                    open.locating.retain(|waiting| waiting.reference != reference);
                    self.service.waits(-((before - open.locating.len()) as isize));
                }
                Ok(())
            }
            FromClient::Find(find) => {
                let Some(open) = self.conversations.get(&conversation) else { return Ok(()) };
                match open.topic.item(&find.item) {
                    Some(index) => self.locate(prefix, index),
                    None => self.refuse(prefix, Refusal::NoSuchItem, "there is no such item"),
                }
            }
            FromClient::NextTopic(next) => match self.service.topic_after(&next.after) {
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
        }
    }

    /// Answers the questions whose topic or item has appeared since.
    fn answer_waiting(&mut self) -> Result<(), Lost> {
        for question in core::mem::take(&mut self.connecting) {
            match self.service.topic(&question.name) {
                Some(topic) => {
                    self.service.waits(-1);
                    self.accept(&question, topic)?;
                }
                None => self.connecting.push(question),
            }
        }
        let mut located = Vec::new();
        for open in self.conversations.values_mut() {
            open.locating.retain(|question| match open.topic.item(&question.name) {
                Some(index) => {
                    located.push((question.conversation, question.reference, index));
                    false
                }
                None => true,
            });
        }
        self.service.waits(-(located.len() as isize));
        for (conversation, reference, index) in located {
            self.send_segments(conversation)?;
            self.connection.send(conversation, reference, &Located { index })?;
        }
        Ok(())
    }

    fn accept(&mut self, question: &Question, topic: Arc<TopicShared>) -> Result<(), Lost> {
        tracing::debug!(pid = self.pid, topic = topic.name, "conversation opened");
        let conversation =
            Conversation { topic, segments_sent: 0, links: HashSet::new(), locating: Vec::new() };
        self.conversations.insert(question.conversation, conversation);
        self.send_segments(question.conversation)
    }

    fn locate(&mut self, prefix: Prefix, index: u32) -> Result<(), Lost> {
        // The item may be in a segment that was created a moment ago.
        self.send_segments(prefix.conversation)?;
        self.send(prefix, &Located { index })
    }

    fn send_new_segments(&mut self) -> Result<(), Lost> {
        let conversations: Vec<u64> = self.conversations.keys().copied().collect();
        conversations.into_iter().try_for_each(|conversation| self.send_segments(conversation))
    }

    fn send_segments(&mut self, conversation: u64) -> Result<(), Lost> {
        while let Some(open) = self.conversations.get_mut(&conversation) {
            let (Some(fds), of) = open.topic.segment(open.segments_sent) else { break };
            let segment = Segment { index: open.segments_sent as u32, of: of as u32 };
            open.segments_sent += 1;
            self.connection.send_segment(conversation, &segment, fds)?;
        }
        Ok(())
    }

    fn refuse(&mut self, prefix: Prefix, refusal: Refusal, reason: &str) -> Result<(), Lost> {
        tracing::debug!(pid = self.pid, reason, "refused");
        self.send(prefix, &Refused { refusal, reason: ReasonText::truncated(reason) })
    }

    fn send(&mut self, to: Prefix, body: &impl Body) -> Result<(), Lost> {
        self.connection.send(to.conversation, to.reference, body)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let locating: usize = self.conversations.values().map(|open| open.locating.len()).sum();
        self.service.waits(-((self.connecting.len() + locating) as isize));
    }
}

fn malformed(malformed: Malformed) -> Lost {
    Lost::Malformed(malformed.to_string())
}

fn unexpected(what: &str) -> Lost {
    malformed(Malformed::Unexpected(what.to_owned()))
}
