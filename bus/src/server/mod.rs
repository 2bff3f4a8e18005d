//! The serving side: a service, its topics, their items, and the thread that answers clients.
//!
//! Publishing never meets the control plane. A [`Topic`] writes its segments and rings bells; the control
//! thread of the [`Service`] accepts connections, hands out segments and notices deaths. The two share only
//! [`shared`]: which topics there are, their segments' descriptors and their items' names, behind locks
//! that publishing does not take.
//!
//! Files: [`service`] and [`topic`] are the public handles, [`control`] the thread, [`peer`] one connected
//! client, [`doorbells`] how a publisher wakes those who wait for many things.

mod control;
mod doorbells;
mod peer;
pub(crate) mod service;
mod shared;
pub(crate) mod topic;
