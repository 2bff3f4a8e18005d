//! The control plane's language: frames, each one datagram.
//!
//! A frame is a [`Prefix`] and a body, both of them messages of our own derive: fixed layouts without
//! padding, validated on arrival like anything a peer sends. A frame of another size than its kind has, of
//! an unknown kind, or with an invalid value is malformed, and costs the peer that sent it its connection.
//!
//! ```text
//! client                          service
//!   Hello {versions}        →
//!                           ←     Welcome {version, epoch}      or  Unsupported {versions}
//!   Connect {topic}         →
//!                           ←     Segment {0, more} + 2 fds …   or  Refused {reason}, Declined {reason}
//!                           ←     Opened                        in place of them: without a topic, or without its values
//!   Advise {item}           →
//!                           ←     Located {index}               or  Refused {reason}
//!                           ←     Segment {n} + 2 fds           whenever the topic grows
//!   HangDoorbell + 1 fd     →           what to wake this client by, where it waits for many things
//!                           ←     DoorbellRefused {number}      there are too many: again later
//!   Attend {doorbell, item} →           for which of its links
//!   Unattend, TakeDownDoorbell →
//!   FloorRaised             →           a task that publishes may go on; sent past all that waits to be sent
//!   OpenLane {room}         →           before the conversation's first transaction
//!                           ←     LaneMade {shape} + 2 fds      or  Refused {reason}
//!   RequestPosted           →           a task that handles requests may go on
//!                           ←     Answered {cell}               a task that waits for an answer may
//!   NextOffer {n}           →
//!                           ←     OfferEntry {types}            or  NoMoreOffers
//!                           ←     Ended {reason}                this conversation, by the service
//!   Unadvise, Leave, Close  →
//!                           ←     Goodbye {reason}              the service closes, or evicts
//! ```
//!
//! Several conversations share one connection: `conversation` says which one a frame is about, and
//! `reference`, chosen by the client, which question an answer belongs to. The end of the connection is the
//! end of the peer.

mod connection;
pub(crate) mod frame;

pub(crate) use connection::{Connection, Lost};
pub(crate) use frame::*;
