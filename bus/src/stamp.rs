//! Points in time that mean the same in every process.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time: nanoseconds since the Unix epoch, by the system's real-time clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(u64);

impl Stamp {
    /// Now; the epoch itself where the clock is set before it.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Stamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(crate) fn from_nanoseconds(nanoseconds: u64) -> Self {
        Stamp(nanoseconds)
    }

    /// Nanoseconds since the Unix epoch.
    pub fn nanoseconds(self) -> u64 {
        self.0
    }

    /// How long ago this was; zero for a point in the future.
    pub fn elapsed(self) -> Duration {
        Duration::from_nanos(Stamp::now().0.saturating_sub(self.0))
    }
}

impl From<Stamp> for SystemTime {
    fn from(stamp: Stamp) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(stamp.0)
    }
}
