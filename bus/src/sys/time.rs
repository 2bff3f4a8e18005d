//! Time as the kernel has it: timespec(3type), and points in time that mean the same in all processes.

use core::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// In place of a point in time: it never comes.
pub(crate) const NEVER: u64 = u64::MAX;

/// Nanoseconds on the monotonic clock, as of its last tick, which is some milliseconds ago at most: for deadlines, and a
/// fifth of the price of the precise time.
fn now() -> u64 {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::MonotonicCoarse);
    (tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(tv_nsec as u64)
}

/// The longest time between two ticks, with a kernel of 100 Hz, in nanoseconds.
const TICK: u64 = 10_000_000;

/// The point in time after so long, for other processes of the machine; [`NEVER`] where that is beyond all time. It may be
/// later by two ticks, and is never sooner: what has a millisecond is not past at a tick that comes in the next microsecond.
pub(crate) fn after(timeout: Duration) -> u64 {
    let timeout = u64::try_from(timeout.as_nanos());
    timeout.map_or(NEVER, |timeout| now().saturating_add(timeout).saturating_add(TICK))
}

/// Whether this point in time is past.
pub(crate) fn is_past(point: u64) -> bool {
    point != NEVER && now() >= point
}

/// How long it is until this point in time; `None` where it never comes.
pub(crate) fn until(point: u64) -> Option<Duration> {
    (point != NEVER).then(|| Duration::from_nanos(point.saturating_sub(now())))
}

/// A duration for the kernel; one that is longer than it can say becomes the longest, which never ends.
pub(crate) fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()) as _,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_time_is_not_past_at_once() {
        let timeout = Duration::from_micros(100);
        for _ in 0..10_000 {
            let point = after(timeout);
            let begin = std::time::Instant::now();
            assert!(!is_past(point) || begin.elapsed() >= timeout);
        }
        let point = after(Duration::ZERO);
        while !is_past(point) {}
        assert!(!is_past(after(Duration::MAX)));
    }

    #[test]
    fn the_longest_duration_is_a_time_in_the_future() {
        let Timespec { tv_sec, tv_nsec } = timespec(Duration::MAX);
        assert_eq!((tv_sec, tv_nsec), (i64::MAX, 999_999_999));
        let Timespec { tv_sec, tv_nsec } = timespec(Duration::from_micros(1_500_000));
        assert_eq!((tv_sec, tv_nsec), (1, 500_000_000));
    }
}
