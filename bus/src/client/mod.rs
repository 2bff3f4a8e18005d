//! The calling side: conversations, their links, and the thread that keeps them connected.
//!
//! ```text
//!   Conversation ──► ConversationShared ◄── control thread (connects, maps, notices deaths)
//!   Link ──► LinkShared ◄──────────────────┘        │
//!     └──► Reader ──► Session (mapped memory of one life of the service) ◄──┘
//! ```
//!
//! A [`Session`](session::Session) is what one life of a service lent us: its segments, mapped, checked and
//! kept for as long as anybody reads them. The control thread makes sessions and says when they end; links
//! and requests read them, and learn of changes by looking at one local word ([`parking::Versioned`]) when
//! they find nothing new. So the hot path meets neither lock nor control plane.
//!
//! Files: [`conversation`], [`remote_item`] and [`link`] are the public handles, [`connect`] and [`advise`]
//! set them up; [`deliver`] is what links deliver, [`attach`] how they follow the lives of a service; [`conversation_state`] and [`link_state`] are what conversations, and links, and the control thread share; [`session`] is mapped memory; [`reader`] and [`many_items`] are where a link stands in it;
//! [`reading`] is how a present value is read, [`values`] says where values are, and a [`sample`] keeps one there; [`credit_memory`] is where tracked links say how far they are;
//! [`options`] are what a link may be asked for, [`deadband`] one of them, [`gate`] and [`gated`] how they are kept;
//! [`boxed`] is copying into boxes; [`batch`] is receiving many at once; [`names`] gives items ids that outlive the service;
//! [`parking`] is sleeping and being woken at a death;
//! [`lanes`] are where transactions go, [`transact`] begins them, and one that is [`pending`] is not answered yet; [`service`]
//! is a conversation without a topic, and [`system`] one with what a service tells of itself, in [`table`]s; a [`spy`] is one with
//! what happens there;
//! [`control`] is the thread, and [`peer`] its connection to one service. A [`list`] of [`conversations`] with many services
//! tells of [`changes`], and by [`advise_all`] gives a link to all, [`merged`]; [`joined`] runs many futures at once.
//!
//! Those who wait for many links at once wait by descriptor: [`wait_set`] with a thread; [`stream`] with tasks, which
//! the control thread wakes by way of the [`reactor`]. Both are a [`waiter`], an epoll with a [`doorbell`] at each
//! service; [`vigil`] is what a link tells them.

pub(crate) mod advise;
pub(crate) mod advise_all;
mod attach;
mod batch;
pub(crate) mod boxed;
pub(crate) mod changes;
pub(crate) mod connect;
pub(crate) mod control;
pub(crate) mod conversation;
mod conversation_state;
pub(crate) mod conversations;
mod credit_memory;
pub(crate) mod deadband;
pub(crate) mod deliver;
mod doorbell;
mod gate;
mod gated;
mod joined;
mod lanes;
pub(crate) mod link;
mod link_state;
pub(crate) mod list;
mod many_items;
pub(crate) mod merged;
mod names;
pub(crate) mod offered;
pub(crate) mod options;
mod parking;
mod peer;
pub(crate) mod pending;
pub(crate) mod reactor;
mod reader;
mod reading;
pub(crate) mod received;
pub(crate) mod remote_item;
pub(crate) mod sample;
pub(crate) mod service;
mod session;
pub(crate) mod spy;
pub(crate) mod stream;
pub(crate) mod system;
mod table;
mod transact;
mod values;
pub(crate) mod vigil;
pub(crate) mod wait_set;
pub(crate) mod waiter;
