//! Durations as the kernel takes them: timespec(3type).

use core::time::Duration;

use rustix::time::Timespec;

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
    fn the_longest_duration_is_a_time_in_the_future() {
        let Timespec { tv_sec, tv_nsec } = timespec(Duration::MAX);
        assert_eq!((tv_sec, tv_nsec), (i64::MAX, 999_999_999));
        let Timespec { tv_sec, tv_nsec } = timespec(Duration::from_micros(1_500_000));
        assert_eq!((tv_sec, tv_nsec), (1, 500_000_000));
    }
}
