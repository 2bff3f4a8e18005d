//! The serving side: a service, its topics, their items, and the thread that answers clients.
//!
//! Publishing never meets the control plane. A [`Topic`] writes its segments and rings bells; the control
//! thread of the [`Service`] accepts connections, hands out segments and notices deaths. The two share only
//! [`shared`]: which topics there are, their segments' descriptors and their items' names, behind locks
//! that publishing does not take.
//!
//! Files: [`service`] and [`topic`] are the public handles, [`control`] the thread, [`peer`] one connected
//! client, [`credits`] the memory that it is lent, of which the [`ledger`] keeps account; [`tracked`] are the links that a writer has to look at, [`flow`]
//! is how it waits for them, and [`eviction`] are those that it no longer waits for; [`pool`] is where values are that
//! links may hold, and [`loan`] how those are built in place; [`doorbells`] is how a publisher wakes those who wait for
//! many things; [`hook`] is a program's word on who may connect, and [`events`] tell it who has; [`system`] is what the service
//! tells of itself.

mod control;
mod credits;
mod doorbells;
pub(crate) mod events;
pub(crate) mod eviction;
mod flow;
pub(crate) mod hook;
pub(crate) mod ledger;
pub(crate) mod loan;
mod peer;
mod pool;
pub(crate) mod service;
pub(crate) mod shared;
pub(crate) mod system;
pub(crate) mod topic;
pub(crate) mod tracked;
pub(crate) mod transactions;
