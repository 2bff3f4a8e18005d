//! Credit: what readers say to a publisher that has to know, in memory that both may write.
//!
//! Most links are no business of the publisher's: it writes on, and whoever falls behind counts what was lost. A
//! *tracked* link is. Its client is lent a few words, on which it says what it still needs, and before the
//! publisher overwrites anything it looks there, though not every time: see [`floor`].
//!
//! ```text
//! credit segment    one or more for each connection that has tracked links, created by the service,
//!                   mapped by it and by that one client
//!   floors          a word a link, side by side: a look at many links of one client costs few lines
//!   awaited         a word a link: whether the publisher waits until the floor is raised, how, and whether that is urgent
//!   holds           some words a link, as many as values it may keep: see [`hold`]
//! ```
//!
//! A client can write nothing here that is not its own, so a lie costs what its author could have had honestly:
//! the publisher's patience with that link, until its deadline. When a client dies, the service forgets its
//! words, and nothing of it is left.

pub(crate) mod floor;
pub(crate) mod hold;
#[cfg(all(test, loom))]
mod models;

pub(crate) use floor::{Floor, RELEASED};
