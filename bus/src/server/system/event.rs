//! What happens in a service, as a spy is told of it.

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
    /// A client was refused a conversation, for the reason in [`detail`](TraceEvent::detail).
    ConversationRefused = 3,
    /// A conversation ended, for the reason in [`detail`](TraceEvent::detail).
    ConversationClosed = 4,
    /// A client made a link.
    LinkOpened = 5,
    /// A client closed a link. Those of a conversation that ends are not told of.
    LinkClosed = 6,
    /// A publisher gave a lossless link up, for the reason in [`detail`](TraceEvent::detail).
    LinkEvicted = 7,
    /// A handler was called.
    TransactionBegun = 8,
    /// A transaction was answered.
    TransactionAnswered = 9,
    /// A client broke the protocol, as [`detail`](TraceEvent::detail) says, and its connection was ended.
    Malformed = 10,
    /// A handler panicked, with the message in [`detail`](TraceEvent::detail).
    HandlerPanicked = 11,
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
    /// The reason, or what went wrong, cut to what there is room for.
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
            kind,
            verb: TraceVerb::None,
            outcome: TraceOutcome::None,
            topic: FixedStr::new(),
            name: FixedStr::new(),
            detail: FixedStr::new(),
        }
    }

    pub(crate) fn of(mut self, conversation: u64, topic: &str) -> Self {
        (self.conversation, self.topic) = (conversation, FixedStr::truncated(topic));
        self
    }

    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = FixedStr::truncated(name);
        self
    }

    pub(crate) fn because(mut self, detail: &str) -> Self {
        self.detail = FixedStr::truncated(detail);
        self
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
