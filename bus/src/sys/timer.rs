//! A timer that is a descriptor: timerfd_create(2).

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use crate::sys::time::timespec;

/// A descriptor that becomes readable when a time has passed.
#[derive(Debug)]
pub(crate) struct Timer(OwnedFd);

impl Timer {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        Ok(Timer(timerfd_create(TimerfdClockId::Monotonic, flags)?))
    }

    /// Makes it readable after this time, or never; not readable until then, whatever it was before.
    pub(crate) fn set(&self, delay: Option<Duration>) -> io::Result<()> {
        const STOPPED: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
        // Zero would stop it.
        let it_value = delay.map_or(STOPPED, |delay| timespec(delay.max(Duration::from_nanos(1))));
        let times = Itimerspec { it_interval: STOPPED, it_value };
        timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &times)?;
        Ok(())
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
