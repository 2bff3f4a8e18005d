//! The one error type of the bus: what happened, to what, and what to do.

use std::io;
use std::time::Duration;

use crate::access::Verbs;
use crate::message::{Difference, Fingerprint, Invalid};

/// A result with the bus's [`Error`].
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Why a service is no longer there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// The service, or the bus of this side, was closed in order.
    Closed,
    /// The process that owned the service died, or its connection broke.
    Died,
    /// The service ended this program's connection, or the conversation, for the reason given.
    Evicted(String),
    /// The service came back with another message type, which is explained.
    Changed(String),
    /// The service broke the protocol, in the way given, and was disconnected from.
    Misbehaved(String),
    /// This process has no descriptors or mappings left for what the service sends, as given.
    Exhausted(String),
    /// The service does not allow this user anything; how that could be changed.
    Denied(String),
    /// The service is back, and refuses this link, or the conversation, what it had, for the reason given. Its next life is asked again.
    Refused(String),
}

impl core::fmt::Display for Ended {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Ended::Closed => f.write_str("it was closed"),
            Ended::Died => f.write_str("its process died"),
            Ended::Exhausted(detail) => write!(f, "this program ran out of resources for it: {detail}"),
            Ended::Misbehaved(detail) => write!(f, "it broke the protocol: {detail}"),
            Ended::Evicted(reason) => write!(f, "it ended the conversation: {reason}"),
            Ended::Changed(difference) => write!(f, "it came back with another message type: {difference}"),
            Ended::Denied(reason) => write!(f, "it allows this user nothing: {reason}"),
            Ended::Refused(reason) => write!(f, "it came back and refuses what it had granted: {reason}"),
        }
    }
}

/// Everything that can go wrong on the bus.
///
/// Its `Debug` form is its message, so that a program whose `main` returns it ends with words to act on.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name breaks the rules for names.
    #[error("{name:?} is not a valid {what} name: {reason}")]
    InvalidName {
        /// What it should name: "bus", "service", "topic", "item" or "address".
        what: &'static str,
        /// The name as given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An option has a value that cannot be served.
    #[error("{option} is {found}, expected {expected}")]
    InvalidOption {
        /// The option, by the name of its method.
        option: &'static str,
        /// The value given.
        found: String,
        /// The values that are possible.
        expected: String,
    },
    /// A live process owns the service's name.
    #[error(
        "service `{service}` is already served by {}; stop that process or choose another name",
        if *pid == 0 { "another process".to_owned() } else { format!("process {pid}") }
    )]
    AlreadyServed {
        /// The service's name.
        service: String,
        /// The process that owns it; 0 where it could not be learned.
        pid: u32,
    },
    /// The service has a topic of this name already.
    #[error(
        "service `{service}` already has a topic `{topic}`; use the first handle, or choose another name; a topic \
         stays until its service closes"
    )]
    TopicExists {
        /// The service's name.
        service: String,
        /// The topic's name.
        topic: String,
    },
    /// No live service has this name.
    #[error(
        "no service `{service}` on bus `{bus}` ({directory}); {}",
        match service.ends_with('*') {
            true => "for all services that match a pattern there is `connect_all`",
            false => "start it (it is visible once it is `ready`), or wait for it with `.wait(timeout)`",
        }
    )]
    NoSuchService {
        /// The bus's name.
        bus: String,
        /// The directory that was looked in.
        directory: String,
        /// The service's name.
        service: String,
    },
    /// The service has no topic of this name.
    #[error("service `{service}` has no topic `{topic}`; list them with `bus.topics({service:?})`")]
    NoSuchTopic {
        /// The service's name.
        service: String,
        /// The topic's name.
        topic: String,
    },
    /// The topic has no item of this name.
    #[error(
        "topic `{service}/{topic}` has no item `{item}`; `conversation.items()` lists those that it has, and \
         `advise({item:?}).wait(timeout)` waits for one; what is computed can only be requested"
    )]
    NoSuchItem {
        /// The service's name.
        service: String,
        /// The topic's name.
        topic: String,
        /// The item's name.
        item: String,
    },
    /// The item exists, but nothing was published yet.
    #[error("item `{item}` of `{service}/{topic}` has no value yet; advise on it to be told of the first")]
    NoValue {
        /// The service's name.
        service: String,
        /// The topic's name.
        topic: String,
        /// The item's name.
        item: String,
    },
    /// The topic's message type is not the one asked for, nor another version of it.
    #[error(
        "topic `{service}/{topic}` carries another type than this program expects:\n{difference}{}",
        reasons.iter().map(|reason| format!("\nno other version of it: {reason}")).collect::<String>()
    )]
    TypeMismatch {
        /// The service's name.
        service: String,
        /// The topic's name.
        topic: String,
        /// This program's fingerprint.
        here: Fingerprint,
        /// The service's fingerprint.
        there: Fingerprint,
        /// Both types, field by field.
        difference: Box<Difference>,
        /// Where the rules by which a type may change between versions were not kept.
        reasons: Box<[String]>,
    },
    /// Nothing came in time.
    #[error("{verb} `{what}` timed out after {after:?}: {hint}")]
    Timeout {
        /// What was being done: "connect", "advise", "recv", …
        verb: &'static str,
        /// To what.
        what: String,
        /// How long it took.
        after: Duration,
        /// What the cause may be.
        hint: String,
    },
    /// The service refused.
    #[error(
        "service `{service}` refused to {verb} `{what}`: {reason}{}",
        if *code == 0 { String::new() } else { format!(" (code {code})") }
    )]
    Refused {
        /// The service's name.
        service: String,
        /// What was asked.
        verb: &'static str,
        /// Of what.
        what: String,
        /// The reason as a number, of a handler that gives one; otherwise 0.
        code: u32,
        /// The service's reason.
        reason: String,
    },
    /// The service does not allow this user to do this. Nothing was done, whether that is said of the connect, of the first
    /// transaction of its kind, or of one of many.
    #[error(
        "service `{service}` does not allow user {uid} to {verb} `{what}`, which needs {needed}: {reason}"
    )]
    Denied {
        /// The service's name.
        service: String,
        /// What was asked.
        verb: &'static str,
        /// Of what.
        what: String,
        /// The user of this program.
        uid: u32,
        /// What the service's owner would have to [grant](crate::Access::allow).
        needed: Verbs,
        /// The service's words: how.
        reason: String,
    },
    /// The service is run by a user whom this program does not trust: it may not be the service that it says it is.
    #[error("service `{service}` is run by user {uid}, {}", crate::access::how_to_trust(*uid))]
    Untrusted {
        /// The service's name.
        service: String,
        /// The user who runs it.
        uid: u32,
    },
    /// On a shared bus, another user has taken the service's name, for a service or to keep others from it.
    #[error(
        "the name `{service}` is taken: `{file}` belongs to user {uid}; choose another name, or have that user, the directory's \
         owner or root remove it"
    )]
    NameTaken {
        /// The service's name.
        service: String,
        /// The file that is there.
        file: String,
        /// Its owner.
        uid: u32,
    },
    /// The service cannot now: it said so, or as many transactions of this conversation are unanswered as may be.
    /// Nothing was done.
    #[error("service `{service}` is busy and did not {verb} `{what}`; try again after {retry_after:?}")]
    Busy {
        /// The service's name.
        service: String,
        /// What was asked.
        verb: &'static str,
        /// Of what.
        what: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// The service has no handler for this. Nothing was done.
    #[error(
        "service `{service}` does not {verb} `{what}`{}",
        if supported.is_empty() { String::new() } else { format!(": {supported}") }
    )]
    NotSupported {
        /// The service's name.
        service: String,
        /// What was asked.
        verb: &'static str,
        /// Of what.
        what: String,
        /// What it has handlers for instead, or why it has none.
        supported: String,
    },
    /// The service's handler began, and failed. What it did until then is done.
    #[error("service `{service}` failed to {verb} `{what}`: {detail}")]
    Failed {
        /// The service's name.
        service: String,
        /// What was asked.
        verb: &'static str,
        /// Of what.
        what: String,
        /// What the service says of it.
        detail: String,
    },
    /// The service ended before it answered. Whether it did what it was asked for is not known.
    #[error(
        "service `{service}` was asked to {verb} `{what}` and ended without an answer ({reason}); whether it was done is not known"
    )]
    Died {
        /// The service's name.
        service: String,
        /// What was asked.
        verb: &'static str,
        /// Of what.
        what: String,
        /// Why it ended.
        reason: Ended,
    },
    /// A handler waits for its own service, which cannot answer while the handler runs. The transaction goes on; only the
    /// wait was not begun.
    #[error(
        "a handler of service `{service}` waits for the service itself to {verb} `{what}`, which it cannot do before the handler has returned; keep the `Pending` and a `Reply`, and answer when it is there"
    )]
    WouldDeadlock {
        /// The service's name.
        service: String,
        /// What was asked.
        verb: &'static str,
        /// Of what.
        what: String,
    },
    /// The service's requests are answered by other handlers of this process.
    #[error("service `{service}` has handlers already; add to those, or drop them first")]
    AlreadyHandled {
        /// The service's name.
        service: String,
    },
    /// The service is gone. The last values stay readable, and links go on when it returns.
    #[error("service `{service}` is gone: {reason}; its last values can still be read")]
    Stale {
        /// The service's name.
        service: String,
        /// Why it is gone.
        reason: Ended,
    },
    /// A lossless link has read nothing for its deadline, while its publisher waited for it; the publisher waits for it no
    /// longer, and the link is at its end. All that was still there has been delivered. The conversation goes on.
    #[error(
        "lossless link {link} to `{what}` was evicted: {reason}; advise again, and read faster, or with a longer deadline (the \
         topic's `.lossless(patience)` bounds it)"
    )]
    Evicted {
        /// What the link was to.
        what: String,
        /// The link, as [`Link::number`](crate::Link::number) says.
        link: u64,
        /// The publisher's reason.
        reason: String,
    },
    /// The link is paused, so that there is nothing to wait for.
    #[error("the link to `{link}` is paused; `resume` it before receiving from it")]
    Paused {
        /// What the link is to.
        link: String,
    },
    /// This side closed the bus, the service or the link.
    #[error("{0} is closed")]
    Closed(&'static str),
    /// A value came that is not a valid value of its type: its publisher is broken or hostile.
    #[error(
        "item `{item}` of `{service}/{topic}` holds an invalid value ({invalid}); its publisher is at fault"
    )]
    InvalidValue {
        /// The service's name.
        service: String,
        /// The topic's name.
        topic: String,
        /// The item's name.
        item: String,
        /// The value's number; see [`Update::seq`](crate::Update::seq).
        seq: u64,
        /// Values missed before it; see [`Update::missed`](crate::Update::missed).
        missed: u64,
        /// The field and what it holds.
        invalid: Invalid,
    },
    /// Readers are overtaken so fast that no copy succeeds.
    #[error(
        "item `{item}` changed during each of many attempts to read it; give its topic more `history`, \
         or publish less often"
    )]
    Overrun {
        /// The item's name.
        item: String,
    },
    /// A lossless link has not read what the value would overwrite. Nothing was published.
    #[error(
        "`{service}/{topic}/{item}` is full{}: lossless link {link} of process {pid} is {behind} values behind; wait with \
         `publish`, or give the topic more `history`",
        if waited.is_zero() { String::new() } else { format!(" after {waited:?}") }
    )]
    Full {
        /// The service's name.
        service: String,
        /// The topic's name.
        topic: String,
        /// The item's name.
        item: String,
        /// The process of the slowest link.
        pid: u32,
        /// The slowest link, as [`Link::number`](crate::Link::number) says there.
        link: u64,
        /// How many values it has not read.
        behind: u64,
        /// How long was waited for it.
        waited: Duration,
    },
    /// A link holds as many samples as it may, and there is another value. Said at each receive until one of them goes, for
    /// which nothing waits.
    #[error(
        "the link to `{what}` holds {samples} samples, which is all that it asked for; let go of one, or ask for more"
    )]
    HoldsAll {
        /// What the link is to.
        what: String,
        /// How many samples it may hold.
        samples: usize,
    },
    /// Links hold all the memory that a topic has for values beyond its histories. Nothing was published.
    #[error(
        "`{service}/{topic}` has no memory left for another value: {} {held} of them; let go of some, or give the topic \
         more `samples`",
        if *link == 0 { "this program has on loan".to_owned() } else { format!("link {link} of process {pid} holds") }
    )]
    Exhausted {
        /// The service's name.
        service: String,
        /// The topic's name.
        topic: String,
        /// The process that holds most.
        pid: u32,
        /// The link that does, as [`Link::number`](crate::Link::number) says there; 0 for loans of the publisher's.
        link: u64,
        /// How many values it holds that would be free otherwise.
        held: usize,
    },
    /// The two programs speak versions of the protocol that do not meet.
    #[error(
        "service `{service}` speaks protocol versions {theirs_min}–{theirs_max}, this program \
         {ours_min}–{ours_max}; update the older of the two"
    )]
    Version {
        /// The service's name.
        service: String,
        /// Oldest version here.
        ours_min: u16,
        /// Newest version here.
        ours_max: u16,
        /// Oldest version there.
        theirs_min: u16,
        /// Newest version there.
        theirs_max: u16,
    },
    /// There is no memory for a segment, or for more values. Nothing was created.
    #[error("no memory for {what}, which needs {bytes} bytes: {source}; lower {lower}")]
    NoMemory {
        /// What the memory was for.
        what: String,
        /// How much it needed.
        bytes: u64,
        /// The system's answer.
        source: io::Error,
        /// The options of the topic by which it would need less.
        lower: &'static str,
    },
    /// A peer broke the protocol.
    #[error("{peer} broke the protocol: {detail}")]
    Protocol {
        /// Who.
        peer: String,
        /// How.
        detail: String,
    },
    /// The operating system refused something that should work.
    #[error("{doing} failed: {source}")]
    Os {
        /// What was being done.
        doing: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl core::fmt::Debug for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

impl Error {
    /// For `map_err`: the system failed while `doing` something.
    pub(crate) fn os<E: Into<io::Error>>(doing: impl Into<String>) -> impl FnOnce(E) -> Error {
        let doing = doing.into();
        move |source| Error::Os { doing, source: source.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_such_service(service: &str) -> String {
        let (bus, directory) = ("lab".to_owned(), "/run/bus/lab".to_owned());
        Error::NoSuchService { bus, directory, service: service.to_owned() }.to_string()
    }

    #[test]
    fn a_pattern_where_a_name_belongs_is_told_of_what_takes_patterns() {
        assert!(no_such_service("md-*").contains("`connect_all`"), "{}", no_such_service("md-*"));
        assert!(no_such_service("md-1").contains("start it"), "{}", no_such_service("md-1"));
    }
}
