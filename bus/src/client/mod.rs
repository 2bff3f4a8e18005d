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
//! and requests read them, and learn of changes by looking at one local word ([`watched::Watched`]) when
//! they find nothing new. So the hot path meets neither lock nor control plane.
//!
//! Files: [`conversation`] and [`link`] are the public handles; [`session`] mapped memory; [`reader`] where
//! a link stands in it; [`parking`] sleeping and being woken at a death; [`control`] the thread, and
//! [`peer`] its connection to one service.

pub(crate) mod control;
pub(crate) mod conversation;
pub(crate) mod link;
mod parking;
mod peer;
mod reader;
mod session;
