//! The operating system, and nothing above it.
//!
//! One small file per thing the kernel gives: [`futex`] to sleep, [`memory`] for sealed memory without a
//! name, [`socket`] for SEQPACKET sockets that carry descriptors, [`lock`] for locks that die with their
//! owner, [`processors`] for where programs may run, [`watch`] for changes of a directory, [`wake`] to interrupt a thread
//! that polls, [`timer`] to end a poll in time, [`time`] for how long it may take, [`users`] for which numbers are somebody's.
//! Nothing here knows of services or segments. Linux 5.10 or later; each call's manual page is named beside it.

pub(crate) mod futex;
pub(crate) mod lock;
pub(crate) mod memory;
pub(crate) mod processors;
pub(crate) mod socket;
pub(crate) mod time;
pub(crate) mod timer;
pub(crate) mod users;
pub(crate) mod wake;
pub(crate) mod watch;

#[cfg(not(target_os = "linux"))]
compile_error!(
    "the bus needs Linux: sealed memory (memfd), shared futexes, SEQPACKET sockets and open-file-description \
     locks; build for a Linux target"
);
