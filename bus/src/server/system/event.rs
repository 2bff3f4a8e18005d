//! What happens in a service, as a spy is told of it.

use core::fmt;
use core::time::Duration;

use crate::Message;
use crate::lane::{Kind, Status};
use crate::message::FixedStr;

/// What has happened.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TraceKind {
    /// Events were lost before they came here, as many as [`lost`](TraceEvent::lost) says: more happened than is told.
    Lost = 1,
    /// A client began a conversation.
    ConversationOpened = 2,
    /// A client was refused a conversation, or the connection that it wanted to have some by, for the reason in
    /// [`detail`](TraceEvent::detail).
    ConversationRefused = 3,
    /// A conversation ended, for the reason in [`detail`](TraceEvent::detail). Its links follow.
    ConversationClosed = 4,
    /// A client made a link; [`detail`](TraceEvent::detail) says of what kind, as [`SystemLink::kind`](crate::SystemLink::kind) does, and
    /// whether it waits for its item to appear.
    LinkOpened = 5,
    /// A client closed a link, or the link's conversation ended, as [`detail`](TraceEvent::detail) says then.
    LinkClosed = 6,
    /// A publisher gave a lossless link up, for the reason in [`detail`](TraceEvent::detail).
    LinkEvicted = 7,
    /// A request was taken, to be answered.
    TransactionBegun = 8,
    /// A transaction was answered.
    TransactionAnswered = 9,
    /// A client broke the protocol, as [`detail`](TraceEvent::detail) says, and its connection was ended.
    Malformed = 10,
    /// A handler panicked, with the message in [`detail`](TraceEvent::detail).
    HandlerPanicked = 11,
    /// A client was refused a link, for the reason in [`detail`](TraceEvent::detail).
    LinkRefused = 12,
    /// A client asked where an item is, to read it, and was refused, for the reason in [`detail`](TraceEvent::detail). Not told where
    /// the topic computes items: clients ask about those too.
    ItemRefused = 13,
    /// A client was refused all transactions of a kind, for the reason in [`detail`](TraceEvent::detail): it began none.
    TransactionsRefused = 14,
}

/// What a client asks for.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TraceVerb {
    /// The event is about no transaction.
    None = 0,
    /// To take a value for an item.
    Poke = 1,
    /// To carry a command out.
    Execute = 2,
    /// To compute an item's value.
    Request = 3,
}

/// How a transaction was answered.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TraceOutcome {
    /// Not yet, or the event is about no transaction.
    None = 0,
    /// As it was to be.
    Done = 1,
    /// The handler said no.
    Refused = 2,
    /// Not now.
    Busy = 3,
    /// There is no handler for it.
    NotSupported = 4,
    /// The handler failed, or panicked, or let its reply go.
    Failed = 5,
    /// Its deadline had passed before it was begun.
    Expired = 6,
    /// It carried another type than the handler takes.
    OtherType = 7,
    /// There is no such item.
    NoSuchItem = 8,
    /// This client may not.
    Denied = 9,
    /// What it carried was no value of its type.
    Invalid = 10,
    /// There was no room for the answer.
    TooLong = 11,
}

/// One event. What does not apply is 0 or empty.
///
/// Its `Display` form is a line to read, in which nothing but what is printed comes of what clients wrote:
/// `#12 1732813384.250017 process 4711, conversation 3 with "valves": poke "north" was answered: refused (code 7), "too much", after 12µs (#11)`.
#[derive(Message, Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct TraceEvent {
    /// Its number in this life of the service: each that happens while somebody spies has one, so that gaps are losses. Events
    /// of different threads may come in another order.
    pub number: u64,
    /// When it happened, in nanoseconds since the Unix epoch; see [`Stamp::from_nanoseconds`](crate::Stamp::from_nanoseconds).
    pub at: u64,
    /// The conversation's number in the service.
    pub conversation: u64,
    /// The link's number in its client.
    pub link: u64,
    /// The number of the event that told that the transaction was begun; 0 where nobody spied then.
    pub transaction: u64,
    /// From when the transaction was begun to its answer, in nanoseconds.
    pub duration: u64,
    /// How many events were lost.
    pub lost: u64,
    /// The client's process, by the kernel's word; 0 where that is in another pid namespace.
    pub pid: u32,
    /// Of a refusal of the program's: its [code](crate::Refusal::Refused::code).
    pub code: u32,
    /// What has happened.
    pub kind: TraceKind,
    /// What the client asks for.
    pub verb: TraceVerb,
    /// How it was answered.
    pub outcome: TraceOutcome,
    /// The topic.
    pub topic: FixedStr<255>,
    /// The item, `*` for a link to several, or the command's type.
    pub name: FixedStr<255>,
    /// The reason, or what went wrong, cut to what there is room for. What a handler answers in words is here, too. Neither this nor
    /// the names have control characters: those come as `\u{fffd}`.
    pub detail: FixedStr<255>,
}

impl TraceEvent {
    /// An event of a client's of which nothing else is known.
    pub(crate) fn new(kind: TraceKind, pid: u32) -> Self {
        TraceEvent {
            number: 0,
            at: 0,
            conversation: 0,
            link: 0,
            transaction: 0,
            duration: 0,
            lost: 0,
            pid,
            code: 0,
            kind,
            verb: TraceVerb::None,
            outcome: TraceOutcome::None,
            topic: FixedStr::new(),
            name: FixedStr::new(),
            detail: FixedStr::new(),
        }
    }

    pub(crate) fn of(mut self, conversation: u64, topic: &str) -> Self {
        (self.conversation, self.topic) = (conversation, printable(topic));
        self
    }

    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = printable(name);
        self
    }

    pub(crate) fn because(mut self, detail: &str) -> Self {
        self.detail = printable(detail);
        self
    }

    /// The event as it may be shown, whoever wrote it.
    pub(crate) fn printable(mut self) -> Self {
        for text in [&mut self.topic, &mut self.name, &mut self.detail] {
            if text.as_str().contains(char::is_control) {
                *text = printable(text.as_str());
            }
        }
        self
    }
}

/// A text of a peer's, without control characters, as much of it as there is room for.
fn printable(text: &str) -> FixedStr<255> {
    if !text.contains(char::is_control) {
        return FixedStr::truncated(text);
    }
    // No more of it than can be of use: what stands for a character may be longer than it.
    let visible = text.chars().take(255).map(crate::printable::printable);
    FixedStr::truncated(&visible.collect::<String>())
}

impl fmt::Display for TraceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.at / 1_000_000_000, self.at / 1000 % 1_000_000);
        write!(f, "#{} {seconds}.{micros:06}", self.number)?;
        if self.pid > 0 {
            write!(f, " process {}", self.pid)?;
        }
        if self.conversation > 0 {
            write!(f, "{} conversation {}", if self.pid > 0 { "," } else { "" }, self.conversation)?;
        }
        if !self.topic.is_empty() {
            write!(f, " with {:?}", self.topic.as_str())?;
        }
        f.write_str(": ")?;
        let verb = match self.verb {
            TraceVerb::None => "",
            TraceVerb::Poke => "poke ",
            TraceVerb::Execute => "execute ",
            TraceVerb::Request => "request ",
        };
        let (before, after) = match self.kind {
            TraceKind::Lost => ("events were lost", ""),
            TraceKind::ConversationOpened => ("the conversation was opened", ""),
            TraceKind::ConversationRefused => ("a conversation was refused", ""),
            TraceKind::ConversationClosed => ("the conversation ended", ""),
            TraceKind::LinkOpened => ("link ", " was opened"),
            TraceKind::LinkClosed => ("link ", " was closed"),
            TraceKind::LinkEvicted => ("link ", " was evicted"),
            TraceKind::LinkRefused => ("link ", " was refused"),
            TraceKind::ItemRefused => ("item ", " was refused"),
            TraceKind::TransactionBegun => (verb, " was begun"),
            TraceKind::TransactionAnswered => (verb, " was answered: "),
            TraceKind::TransactionsRefused => (verb, "was refused"),
            TraceKind::Malformed => ("the protocol was broken", ""),
            TraceKind::HandlerPanicked => (verb, ": the handler panicked"),
        };
        match self.kind {
            TraceKind::Lost => write!(f, "{} ", self.lost)?,
            TraceKind::HandlerPanicked => {
                return write!(f, "{}{after}, {:?}", verb.trim_end(), self.detail.as_str());
            }
            _ => {}
        }
        f.write_str(before)?;
        if self.link > 0 {
            write!(f, "{} to ", self.link)?;
        }
        if !self.name.is_empty() {
            write!(f, "{:?}", self.name.as_str())?;
        }
        f.write_str(after)?;
        if self.kind == TraceKind::TransactionAnswered {
            f.write_str(self.outcome.word())?;
        }
        if self.code > 0 {
            write!(f, " (code {})", self.code)?;
        }
        if !self.detail.is_empty() {
            write!(f, ", {:?}", self.detail.as_str())?;
        }
        if self.transaction > 0 {
            write!(f, ", after {:?} (#{})", Duration::from_nanos(self.duration), self.transaction)?;
        }
        Ok(())
    }
}

impl TraceOutcome {
    fn word(self) -> &'static str {
        match self {
            TraceOutcome::None => "",
            TraceOutcome::Done => "done",
            TraceOutcome::Refused => "refused",
            TraceOutcome::Busy => "busy",
            TraceOutcome::NotSupported => "not supported",
            TraceOutcome::Failed => "failed",
            TraceOutcome::Expired => "expired",
            TraceOutcome::OtherType => "another type",
            TraceOutcome::NoSuchItem => "no such item",
            TraceOutcome::Denied => "denied",
            TraceOutcome::Invalid => "invalid",
            TraceOutcome::TooLong => "too long",
        }
    }
}

impl From<Kind> for TraceVerb {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Poke => TraceVerb::Poke,
            Kind::Execute => TraceVerb::Execute,
            Kind::Request => TraceVerb::Request,
        }
    }
}

impl From<Status> for TraceOutcome {
    fn from(status: Status) -> Self {
        match status {
            Status::Done => TraceOutcome::Done,
            Status::Refused => TraceOutcome::Refused,
            Status::Busy => TraceOutcome::Busy,
            Status::NotSupported => TraceOutcome::NotSupported,
            Status::Failed => TraceOutcome::Failed,
            Status::Expired => TraceOutcome::Expired,
            Status::OtherType => TraceOutcome::OtherType,
            Status::NoSuchItem => TraceOutcome::NoSuchItem,
            Status::Denied => TraceOutcome::Denied,
            Status::Invalid => TraceOutcome::Invalid,
            Status::TooLong => TraceOutcome::TooLong,
        }
    }
}
