//! Those who wait by descriptor: an epoll(7) that everything which may end the wait makes readable.
//!
//! ```text
//!   publisher ── byte ──► doorbell ──┐
//!   clients' connections ────────────┤
//!   this process: control thread,    ├──► epoll ──► the thread that waits
//!   events, other threads ─► hail ───┤
//!   foreign descriptors ─────────────┘
//! ```
//!
//! Clients' connections are watched where a service's requests are waited for ([`crate::server::transactions`]); the
//! control thread reads them.
//!
//! A waiter has a doorbell at each service that it waits for, not one for all: a service that rings without pause, or
//! closes its end, is then no other's trouble. The control thread makes and drops doorbells, as connections begin and
//! end ([`super::doorbell`]); epoll allows that while another thread waits.
//!
//! The kernel is asked for readiness as long as it lasts, so that nothing is lost between two calls. A doorbell whose
//! other end was closed would be ready for ever, and is dropped here; what it was for is then looked at by the bound
//! of the sleeps alone.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Wake;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use crate::sync::Mutex;
use crate::sys::socket;
use crate::sys::time::timespec;
use crate::sys::wake::Waker;

/// Events that are taken from the kernel at once; what is more comes with the next call.
const EVENTS_A_CALL: usize = 64;

/// In the kernel's note of a descriptor: it is the hail.
const HAIL: u64 = 1 << 62;
/// That something arrives there ends the wait, and that is all.
const EDGE: u64 = 3 << 62;
/// It is the doorbell of the number in the low bits. Without these flags, it is the owner's own.
const DOORBELL: u64 = 2 << 62;

/// Somebody who waits by descriptor.
#[derive(Debug)]
pub(crate) struct Waiter {
    /// No other waiter of this process has it, or has had it.
    pub(crate) number: u64,
    epoll: OwnedFd,
    hail: Waker,
    doorbells: Mutex<HashMap<u64, OwnedFd>>,
    next_doorbell: AtomicU64,
}

impl Waiter {
    pub(crate) fn new() -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let waiter = Waiter {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            hail: Waker::new()?,
            doorbells: Mutex::default(),
            next_doorbell: AtomicU64::new(0),
        };
        waiter.add(&waiter.hail, HAIL, EventFlags::IN)?;
        Ok(waiter)
    }

    /// Ends the present wait, or the next one: something has changed in this process.
    pub(crate) fn hail(&self) {
        self.hail.wake();
    }

    /// Watches one of the owner's own descriptors, noted by a number below 2⁶².
    pub(crate) fn add(&self, fd: impl AsFd, note: u64, flags: EventFlags) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(note), flags)?)
    }

    /// Has what arrives at a descriptor end the present wait, or the next one. Who reads it is another.
    pub(crate) fn add_edge(&self, fd: impl AsFd) -> io::Result<()> {
        self.add(fd, EDGE, EventFlags::IN | EventFlags::ET)
    }

    /// Watches a descriptor again that is watched once at a time.
    pub(crate) fn again(&self, fd: impl AsFd, note: u64, flags: EventFlags) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, fd, EventData::new_u64(note), flags)?)
    }

    /// Watches one of the owner's own descriptors no longer.
    pub(crate) fn remove(&self, fd: impl AsFd) {
        // Fails only where it is not watched.
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// Makes a doorbell: the number by which it is dropped, and the end that rings it.
    pub(crate) fn new_doorbell(&self) -> io::Result<(u64, OwnedFd)> {
        let (theirs, ours) = socket::doorbell()?;
        let number = self.next_doorbell.fetch_add(1, Ordering::Relaxed);
        epoll::add(&self.epoll, &ours, EventData::new_u64(DOORBELL | number), EventFlags::IN)?;
        self.doorbells.lock().insert(number, ours);
        Ok((number, theirs))
    }

    /// Drops a doorbell.
    pub(crate) fn drop_doorbell(&self, number: u64) {
        // The kernel forgets it with its only descriptor.
        let doorbell = self.doorbells.lock().remove(&number);
        drop(doorbell);
    }

    /// Waits until something is ready, at most `timeout`. Takes hails and rings, and calls `ready` with the notes of the
    /// owner's own descriptors. An interruption is an end of the wait like any other.
    pub(crate) fn wait(&self, timeout: Option<Duration>, mut ready: impl FnMut(u64)) -> io::Result<()> {
        let mut events: Vec<Event> = Vec::with_capacity(EVENTS_A_CALL);
        let timeout = timeout.map(timespec);
        match epoll::wait(&self.epoll, spare_capacity(&mut events), timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        }
        for event in events {
            match event.data.u64() {
                HAIL => self.hail.clear(),
                EDGE => {}
                note if note & DOORBELL != 0 => self.empty(note & !DOORBELL),
                note => ready(note),
            }
        }
        Ok(())
    }

    fn empty(&self, number: u64) {
        let mut doorbells = self.doorbells.lock();
        // It may have been dropped since the kernel told of it.
        if doorbells.get(&number).is_some_and(|doorbell| !socket::empty(doorbell)) {
            doorbells.remove(&number);
        }
    }
}

/// As the waker of a task: for what only the control thread tells.
impl Wake for Waiter {
    fn wake(self: Arc<Self>) {
        self.hail();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.hail();
    }
}

impl AsFd for Waiter {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

/// A waiter's doorbell at one service; dropped with this.
#[derive(Debug)]
pub(crate) struct HungDoorbell {
    pub(crate) waiter: Arc<Waiter>,
    pub(crate) number: u64,
}

impl Drop for HungDoorbell {
    fn drop(&mut self) {
        self.waiter.drop_doorbell(self.number);
    }
}
