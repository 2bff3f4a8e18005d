//! A zero-copy message bus between the programs of one machine.
//!
//! A program annotates a struct, publishes values of it under `service/topic/item`, and any number of other
//! programs request them, or advise on them and are told of each. Values live in shared memory: publishing
//! is a few stores, reading a few loads, and neither makes a system call while nobody sleeps.
//!
//! ```
//! use bus::{Bus, Message};
//!
//! #[derive(Message, Debug, Clone, Copy, PartialEq)]
//! #[repr(C)]
//! struct Quote {
//!     bid: f64,
//!     ask: f64,
//!     size: u32,
//! }
//!
//! # fn main() -> Result<(), bus::Error> {
//! # let directory = tempfile::tempdir().unwrap();
//! # let bus = Bus::builder().directory(directory.path()).open("docs")?;
//! // One program …
//! let market = bus.service("market")?;
//! let nyse = market.topic::<Quote>("nyse").open()?;
//! let apple = nyse.item("AAPL")?;
//! market.ready()?;
//! apple.publish(&Quote { bid: 189.98, ask: 190.02, size: 300 })?;
//!
//! // … and another.
//! let nyse = bus.connect::<Quote>("market/nyse").open()?;
//! let mut apple = nyse.advise("AAPL").hot()?;
//! assert_eq!(apple.recv()?.value.size, 300);
//! # Ok(())
//! # }
//! ```
//!
//! # Words
//!
//! A **bus** is a namespace on one machine ([`Bus`]). A **service** ([`Service`]) is owned by one live process
//! and has **topics** ([`Topic`]), each of which holds **items** ([`Item`]) of one **message** type
//! ([`Message`]). A client holds a **conversation** ([`Conversation`]) with a topic; it may **request** an
//! item's present value, or **advise** on an item, on several or on all, which makes a **link** ([`Link`]):
//! *hot* with values, *warm* with notices only. It may **poke** a value for an item, which the service accepts or refuses, and
//! have it **execute** a [`Command`], which has a typed reply. Any program is client and server, to any number of others.
//!
//! # Transactions
//!
//! Pokes, executes, and requests of what is computed go by lanes in shared memory to the service's [`Handlers`], which run where the
//! program says: [`run`](Handlers::run), [`poll`](Handlers::poll), [`run_async`](Handlers::run_async), or on a thread of their own by
//! [`Service::serve`]. A client blocks ([`Conversation::poke`], [`Client::execute`]), keeps many on their way ([`Pending`]), or awaits
//! them. [`interface`] makes both halves of a trait.
//!
//! # Many services
//!
//! [`Bus::discover`] finds services and topics, [`Bus::watch`] tells of those that come and go, and [`Bus::connect_all`] holds
//! conversations with all that match a pattern, whose links are one. [`Access`] says who may do what; [`Bus::system`] reads what a
//! service tells of itself, and [`Bus::spy`] what happens there.
//!
//! # Waiting
//!
//! A thread waits for one link by [`recv`](Link::recv), for hundreds, for answers and requests, and for whatever else there is, by
//! a [`WaitSet`]. A task waits by [`recv_async`](Link::recv_async), or takes a link as a [`Stream`]; any runtime will do.

extern crate self as bus;

mod access;
mod bell;
mod credit;
mod lane;
mod ring;
mod sync;

mod client;
mod command;
mod copy;
mod discovery;
mod envelope;
mod error;
mod image;
mod mark;
pub mod message;
mod name;
mod namespace;
mod payload;
mod printable;
mod registry;
mod segment;
mod server;
mod spin;
mod stamp;
mod sys;
mod tasks;
mod update;
mod watch;
mod wire;

pub use self::{
    access::{Access, Verbs, Who},
    client::advise::{AdviseBuilder, Wait},
    client::advise_all::AdviseAllBuilder,
    client::boxed::Boxed,
    client::changes::{Changes, MemberEvent},
    client::connect::ConnectBuilder,
    client::conversation::Conversation,
    client::conversations::{Conversations, Trouble},
    client::deadband::{Deadband, Number},
    client::deliver::{Deliver, Hot, Samples, Warm},
    client::link::Link,
    client::merged::{Merged, MergedCounts, MergedLink},
    client::offered::FormatInfo,
    client::options::{DeliveryMode, Granted, Options},
    client::pending::{Outcome, Pending},
    client::received::Received,
    client::remote_item::RemoteItem,
    client::sample::Sample,
    client::service::{Client, ClientBuilder},
    client::spy::{Spy, SpyBuilder},
    client::stream::Receive,
    client::system::{
        Counter, FormatUse, ServiceStatus, System, SystemBuilder, SystemConversation, SystemFormat,
        SystemLink, SystemTopic,
    },
    client::wait_set::{Event, Interest, Token, WaitSet, Waitable},
    command::{Ack, Command},
    discovery::{Discovery, ServiceEvent, TopicInfo},
    error::{Ended, Error, Result},
    mark::{Mark, Quality, Severity},
    message::{Field, FixedBytes, FixedMap, FixedStr, FixedVec, Maybe, Message, Nanoseconds},
    namespace::{Bus, BusBuilder},
    payload::{Payload, WithHeader},
    registry::ServiceInfo,
    server::events::{ConversationEvent, ConversationEvents, ConversationInfo},
    server::eviction::EvictedLink,
    server::hook::ConnectRequest,
    server::loan::{Draft, Loan},
    server::service::{ClientInfo, Service},
    server::system::event::{TraceEvent, TraceKind, TraceOutcome, TraceVerb},
    server::topic::{Item, Topic, TopicBuilder},
    server::transactions::CommandInfo,
    server::transactions::caller::Caller,
    server::transactions::counterpart::ServedConversation,
    server::transactions::handlers::{Handlers, Stopper},
    server::transactions::refusal::Refusal,
    server::transactions::serving::Serving,
    server::transactions::token::Reply,
    stamp::Stamp,
    update::{ItemId, Notice, Update},
    watch::Watch,
};
pub use bus_derive::{Message, interface};
/// What links and watches are for tasks: from the crate `futures-core`.
pub use futures_core::Stream;
/// The steps at which a test kills processes, by name, with who passes them.
#[cfg(kill_points)]
#[doc(hidden)]
pub use sync::steps::ALL as KILL_POINTS;
