//! What the cross-process tests stand on.
//!
//! - [`process`]: other processes, which are this test program started again in a *role*, and the line protocol
//!   between them and the test;
//! - [`place`]: a bus in a directory of its own, of which nothing may remain;
//! - [`publisher`]: such a process that publishes as it is told; [`reader`]: one that reads as it is told; [`teller`]: one
//!   that publishes the very numbers it is told;
//! - [`studio`]: one that publishes large messages, which can be held; [`holder`]: one that holds them;
//! - [`desk`]: one that answers what it is asked, as it is told;
//! - [`checked`]: a message that shows by itself whether it is whole; [`account`]: that each was delivered or
//!   counted as missed;
//! - [`wire`] and [`segment`]: the protocol and the memory by hand, for clients that do not behave, [`pinner`] for those
//!   that hold values, [`lane`] for those that ask; and [`forged`] for services that do not;
//! - [`random`]: a generator whose seed is printed, so that a failure can be had again;
//! - [`users`]: other users, and a bus that several share;
//! - [`proc`]: what the kernel says of a process.
//!
//! Nothing here sleeps to let something happen: a test waits for a line, for a value, or for a state of which
//! the kernel tells. [`LIMIT`] only turns a hang into a failure.

#![allow(dead_code, unused_imports, unused_macros, reason = "each test file uses its part")]

pub(crate) mod account;
pub(crate) mod checked;
pub(crate) mod desk;
pub(crate) mod executor;
pub(crate) mod forged;
pub(crate) mod frame;
pub(crate) mod holder;
pub(crate) mod lane;
pub(crate) mod pinner;
pub(crate) mod place;
pub(crate) mod proc;
pub(crate) mod process;
pub(crate) mod publisher;
pub(crate) mod random;
pub(crate) mod reader;
pub(crate) mod segment;
pub(crate) mod studio;
pub(crate) mod teller;
pub(crate) mod users;
pub(crate) mod wire;

use std::time::Duration;

pub(crate) use account::Account;
pub(crate) use checked::{Checked, Small};
pub(crate) use desk::{Desk, desk};
pub(crate) use frame::Frame;
pub(crate) use holder::{Holder, holder};
pub(crate) use place::Place;
pub(crate) use process::{Process, Test, roles, start_ready, tell};
pub(crate) use publisher::{Publisher, Setup, connect, publisher};
pub(crate) use random::Random;
pub(crate) use reader::{Got, Reader, reader};
pub(crate) use studio::{Studio, studio};
pub(crate) use teller::{Reading, Teller, readings, teller};

/// After how long something that has to happen is taken to hang.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Waits until `condition` holds, for things of which nobody tells.
///
/// # Panics
/// With `what` if it does not within [`LIMIT`].
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !condition() {
        assert!(start.elapsed() < LIMIT, "waited {LIMIT:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
