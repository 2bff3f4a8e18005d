//! The frames, and their way into bytes and back.

use std::os::fd::OwnedFd;

use crate::Message;
use crate::message::{FixedStr, Invalid};

/// "BUSf": the start of every frame.
const MAGIC: u32 = u32::from_ne_bytes(*b"BUSf");

/// The oldest version of the protocol that this library speaks.
pub(crate) const OLDEST_VERSION: u16 = 1;
/// The newest one.
pub(crate) const NEWEST_VERSION: u16 = 1;

/// A name in a frame.
pub(crate) type NameText = FixedStr<255>;
/// A reason in a frame.
pub(crate) type ReasonText = FixedStr<1021>;

/// In place of an item's index: any item of the topic.
pub(crate) const WHOLE_TOPIC: u64 = u64::MAX;

/// The largest frame: a prefix and a reason.
pub(crate) const MAX_FRAME: usize = 2048;

/// What every frame starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[message(crate = "crate")]
#[repr(C)]
pub(crate) struct Prefix {
    magic: u32,
    kind: u32,
    pub(crate) conversation: u64,
    pub(crate) reference: u64,
}

impl Prefix {
    /// What an answer is about; its kind is not looked at.
    pub(crate) fn of(conversation: u64, reference: u64) -> Self {
        Prefix { magic: MAGIC, kind: 0, conversation, reference }
    }
}

/// A body of a frame, with the number that stands for it in the prefix.
pub(crate) trait Body: Message {
    const KIND: u32;
}

macro_rules! bodies {
    ($(#[$enum_doc:meta])* $frames:ident { $(
        $(#[$doc:meta])* $name:ident = $kind:literal { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? }
    )* }) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Message)]
            #[message(crate = "crate")]
            #[repr(C)]
            pub(crate) struct $name { $($(#[$field_doc])* pub(crate) $field: $type),* }

            impl Body for $name {
                const KIND: u32 = $kind;
            }
        )*

        $(#[$enum_doc])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub(crate) enum $frames { $($name($name)),* }

        impl $frames {
            /// Reads a frame.
            ///
            /// # Errors
            /// What is wrong with it.
            pub(crate) fn decode(bytes: &[u8]) -> Result<(Prefix, Self), Malformed> {
                let (prefix, body) = split(bytes)?;
                let frame = match prefix.kind {
                    $($kind => $frames::$name(read(body)?),)*
                    kind => return Err(Malformed::Kind(kind)),
                };
                Ok((prefix, frame))
            }
        }
    };
}

bodies! {
    /// What a client sends.
    FromClient {
        /// The first frame: which versions the client speaks.
        Hello = 1 { oldest: u16, newest: u16 }
        /// Opens a conversation on a topic.
        Connect = 2 {
            topic: NameText,
            /// Answer when the topic exists, instead of refusing while it does not.
            wait: bool,
        }
        /// Ends a conversation.
        Close = 3 {}
        /// Opens a link; `reference` is its number.
        Advise = 4 {
            /// Lossless: for how long the publisher waits for it at most, in nanoseconds.
            deadline: u64,
            /// Lossless, where the connection was lost and the service's life is the same: the number of the first value
            /// that it has not read, or of one before. As far as they are still there, these are not overwritten. 0 for a
            /// link that begins with the present value.
            from: u64,
            /// The item, or empty for several.
            item: NameText,
            /// Whether it delivers notices only.
            warm: bool,
            /// Answer when the item exists, instead of refusing while it does not.
            wait: bool,
            /// Whether the publisher is to lose no value of it.
            lossless: bool,
            /// How many values it wants to hold at once.
            samples: u32,
        }
        /// Closes a link; `reference` is its number.
        Unadvise = 5 {}
        /// Asks for an item's index.
        Find = 6 { item: NameText }
        /// Asks for the first topic whose name is after this one.
        NextTopic = 7 { after: NameText }
        /// Hangs up a doorbell of this number, which is the descriptor that comes along.
        HangDoorbell = 20 { number: u64 }
        /// Has a doorbell rung for a link; `reference` is the link's number.
        Attend = 21 {
            doorbell: u64,
            /// The index of its item, or [`WHOLE_TOPIC`].
            item: u64,
        }
        /// Has it rung for that link no longer.
        Unattend = 22 { doorbell: u64 }
        /// Takes a doorbell down.
        TakeDownDoorbell = 23 { number: u64 }
        /// A task that waits for a floor of this client's may find it raised.
        FloorRaised = 24 {}
        /// Asks for a lane; `reference` is its number.
        OpenLane = 25 {
            /// The most bytes that a request of it carries: payload and name, each in whole words.
            request: u32,
            /// The most bytes that an answer carries.
            reply: u32,
            /// What is wanted of the service: a bit of what is offered.
            offer: u64,
        }
        /// A task that waits for requests finds one.
        RequestPosted = 26 {}
        /// Asks for what is offered: the command, or the format, of this place in the list.
        NextOffer = 27 { index: u32, formats: bool, reserved: [u8; 3] }
        /// Ends a conversation as `Close` does, but for what its links hold, which the client goes on reading until it closes
        /// them, or this conversation.
        Leave = 28 {}
    }
}

bodies! {
    /// What a service sends.
    FromService {
        /// The answer to a hello.
        Welcome = 101 { epoch: u64, version: u16, reserved: [u16; 3] }
        /// There is no version that both speak; the service's are these.
        Unsupported = 102 { oldest: u16, newest: u16 }
        /// A segment of the conversation's topic, with its descriptor and that of its bells.
        Segment = 103 {
            index: u32,
            /// Segments that the topic has now.
            of: u32,
        }
        /// The item is there, with this index; for a link to several items the index means nothing.
        Located = 104 { index: u32 }
        /// No, and why.
        Refused = 105 { refusal: Refusal, reason: ReasonText }
        /// The connection ends here, and why.
        Goodbye = 106 { farewell: Farewell, reason: ReasonText }
        /// A topic of the service.
        TopicEntry = 107 {
            fingerprint: [u64; 2],
            items: u64,
            name: NameText,
            type_name: NameText,
            reserved: [u8; 6],
        }
        /// There are no further topics.
        NoMoreTopics = 108 {}
        /// Memory for the credit of this connection's tracked links, with its descriptor.
        Credits = 109 {
            /// How many came before.
            index: u32,
        }
        /// The item is there, with this index, and the link is tracked.
        Granted = 110 {
            /// For how long the publisher waits for it at most, in nanoseconds.
            deadline: u64,
            index: u32,
            /// Which credit memory its words are in.
            credits: u32,
            /// Where its floor is there, in words.
            floor: u32,
            /// Where it is said that the publisher waits.
            awaited: u32,
            /// Which credit memory its holds are in.
            hold_memory: u32,
            /// Where the first of them is there.
            first_hold: u32,
            /// How many there are; 0 for a link that holds nothing.
            holds: u32,
        }
        /// The link ends here, and why; the conversation goes on.
        Revoked = 111 { reason: ReasonText }
        /// Pool memory of the conversation's topic, with its descriptor.
        Pool = 112 {
            /// How many came before.
            index: u32,
        }
        /// The doorbell of this number does not hang: there are too many. It may be sent again later.
        DoorbellRefused = 113 { number: u64 }
        /// The conversation is open: it is with the service as a whole, or with a topic whose values are not for this client.
        Opened = 114 {}
        /// A lane, with its descriptor and that of the service's inbox; `reference` is its number.
        LaneMade = 115 {
            /// Its slots and cells.
            depth: u32,
            /// Words that a request carries at most.
            request: u32,
            /// Words that an answer carries at most.
            reply: u32,
            reserved: u32,
        }
        /// A task that waits for the answer in this cell finds it; `reference` is the lane's number.
        Answered = 116 { cell: u32, reserved: u32 }
        /// A command, or a format.
        OfferEntry = 117 {
            fingerprint: [u64; 2],
            reply_fingerprint: [u64; 2],
            name: NameText,
            reply: NameText,
        }
        /// There are no further ones.
        NoMoreOffers = 118 {}
        /// The conversation ends here, and why; the connection goes on. Its links hold what they hold until they are closed.
        Ended = 119 { reason: ReasonText }
        /// The connect hook says no to the conversation: why, or when to try again.
        Declined = 120 {
            /// In nanoseconds, where it is [`Decline::Busy`].
            retry_after: u64,
            code: u32,
            decline: Decline,
            reserved: [u8; 4],
            reason: ReasonText,
        }
    }
}

/// Why a service says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[message(crate = "crate")]
#[repr(u8)]
pub(crate) enum Refusal {
    NoSuchTopic,
    NoSuchItem,
    TooMany,
    NotGranted,
    /// There is nobody who answers.
    NotSupported,
    /// This user may not.
    Denied,
}

/// How a connect hook says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[message(crate = "crate")]
#[repr(u8)]
pub(crate) enum Decline {
    Refused,
    Busy,
    Failed,
}

/// Why a service ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[message(crate = "crate")]
#[repr(u8)]
pub(crate) enum Farewell {
    Closed,
    Evicted,
    /// This user may do nothing here.
    Denied,
}

/// What is wrong with a frame.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("a frame of {0} bytes, fewer than its prefix has")]
    Short(usize),
    #[error("a frame that starts with {0:#x}, expected {MAGIC:#x}")]
    Magic(u32),
    #[error("a frame of unknown kind {0}")]
    Kind(u32),
    #[error("a frame whose body has {found} bytes, expected {expected}")]
    Size { found: usize, expected: usize },
    #[error("a frame with an invalid value: {0}")]
    Value(Invalid),
    #[error("a frame with {found} descriptors, expected {expected}")]
    Descriptors { found: usize, expected: usize },
    #[error("a frame that does not belong here: {0}")]
    Unexpected(String),
}

/// The bytes of a frame.
pub(crate) fn encode<B: Body>(conversation: u64, reference: u64, body: &B) -> Vec<u8> {
    let prefix = Prefix { magic: MAGIC, kind: B::KIND, conversation, reference };
    let mut bytes = vec![0; size_of::<Prefix>() + size_of::<B>()];
    write(&prefix, &mut bytes[..size_of::<Prefix>()]);
    write(body, &mut bytes[size_of::<Prefix>()..]);
    bytes
}

/// Checks how many descriptors came with a frame.
///
/// # Errors
/// [`Malformed::Descriptors`].
pub(crate) fn check_descriptors(frame: &FromService, fds: &[OwnedFd]) -> Result<(), Malformed> {
    let found = fds.len();
    let expected = match frame {
        FromService::Segment(_) | FromService::LaneMade(_) => 2,
        FromService::Credits(_) | FromService::Pool(_) => 1,
        _ => 0,
    };
    if found == expected { Ok(()) } else { Err(Malformed::Descriptors { found, expected }) }
}

/// Checks how many descriptors came with a client's frame, and gives out the one of a doorbell.
///
/// # Errors
/// [`Malformed::Descriptors`].
pub(crate) fn descriptor(frame: &FromClient, fds: Vec<OwnedFd>) -> Result<Option<OwnedFd>, Malformed> {
    let (found, expected) = (fds.len(), usize::from(matches!(frame, FromClient::HangDoorbell(_))));
    if found != expected {
        return Err(Malformed::Descriptors { found, expected });
    }
    Ok(fds.into_iter().next())
}

fn split(bytes: &[u8]) -> Result<(Prefix, &[u8]), Malformed> {
    let (prefix, body) = bytes.split_at_checked(size_of::<Prefix>()).ok_or(Malformed::Short(bytes.len()))?;
    let prefix: Prefix = read(prefix)?;
    if prefix.magic == MAGIC { Ok((prefix, body)) } else { Err(Malformed::Magic(prefix.magic)) }
}

/// Lays `message` out in zeroed `bytes` of exactly its size.
fn write<M: Message>(message: &M, bytes: &mut [u8]) {
    assert_eq!(bytes.len(), size_of::<M>());
    // SAFETY: `bytes` has room for all of `M`, and what is padding stays as it is: zero.
    unsafe { message.write_fields(bytes.as_mut_ptr()) };
}

fn read<M: Message>(bytes: &[u8]) -> Result<M, Malformed> {
    if bytes.len() != size_of::<M>() {
        return Err(Malformed::Size { found: bytes.len(), expected: size_of::<M>() });
    }
    M::validate(bytes).map_err(Malformed::Value)?;
    // SAFETY: the bytes are as many as `M` has and `validate` says that they are one; a message owns
    // nothing, so a copy of its bytes is a message too.
    Ok(unsafe { bytes.as_ptr().cast::<M>().read_unaligned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advise(warm: bool) -> Advise {
        let item = "AAPL".parse().unwrap();
        Advise { deadline: 0, from: 0, item, warm, wait: false, lossless: false, samples: 0 }
    }

    #[test]
    fn frames_come_back_as_they_went() {
        let advise = advise(true);
        let (prefix, frame) = FromClient::decode(&encode(7, 9, &advise)).unwrap();
        assert_eq!((prefix.conversation, prefix.reference), (7, 9));
        assert_eq!(frame, FromClient::Advise(advise));
        let segment = Segment { index: 3, of: 4 };
        assert_eq!(FromService::decode(&encode(1, 2, &segment)).unwrap().1, FromService::Segment(segment));
    }

    #[test]
    fn frames_fit_the_buffer_they_are_received_into() {
        let largest = [
            size_of::<Refused>(),
            size_of::<Goodbye>(),
            size_of::<TopicEntry>(),
            size_of::<Advise>(),
            size_of::<OfferEntry>(),
            size_of::<Declined>(),
        ];
        assert!(largest.iter().all(|body| size_of::<Prefix>() + body <= MAX_FRAME));
    }

    #[test]
    fn malformed_frames_are_named() {
        let good = encode(0, 0, &advise(false));
        let mut bad = good.clone();
        let wait = size_of::<Prefix>() + core::mem::offset_of!(Advise, wait);
        bad[wait] = 2;
        assert!(
            matches!(FromClient::decode(&bad), Err(Malformed::Value(invalid)) if invalid.to_string().contains("wait"))
        );
        assert!(matches!(FromClient::decode(&good[..10]), Err(Malformed::Short(10))));
        assert!(matches!(FromClient::decode(&good[..28]), Err(Malformed::Size { found: 4, .. })));
        let mut bad = good.clone();
        bad[0] ^= 1;
        assert!(matches!(FromClient::decode(&bad), Err(Malformed::Magic(_))));
        let mut bad = good;
        bad[4] = 99;
        assert_eq!(FromClient::decode(&bad), Err(Malformed::Kind(99)));
    }
}
