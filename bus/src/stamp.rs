//! Points in time that mean the same in every process.
//!
//! As for [`Nanoseconds`], operators saturate: a stamp that a peer wrote must not be able to end the program that
//! adds to it.

use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytemuck::{Pod, Zeroable};

use crate::message::plain::plain_messages;
use crate::message::{Declaration, FieldDescriptor, Name, Nanoseconds, OutOfRange, TypeDescriptor};

/// A point in time: nanoseconds since the Unix epoch, by the system's real-time clock.
///
/// It reaches to the year 2554. The clock can be set, so a later stamp may be less than an earlier one; the
/// difference of two is then zero.
///
/// ```
/// use bus::{Nanoseconds, Stamp};
///
/// let sent = Stamp::from_nanoseconds(5_000);
/// let received = sent + Nanoseconds::from_micros(2);
/// assert_eq!(received - sent, Nanoseconds::new(2_000));
/// assert_eq!(sent - received, Nanoseconds::ZERO, "operators saturate");
/// assert_eq!(sent.checked_duration_since(received), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Stamp(u64);

impl Stamp {
    /// The Unix epoch, the earliest stamp: 1970-01-01 00:00:00 UTC.
    pub const UNIX_EPOCH: Self = Self(0);

    /// The latest stamp, in the year 2554.
    pub const MAX: Self = Self(u64::MAX);

    /// Now; the epoch itself where the clock is set before it.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Stamp(Nanoseconds::saturating_from(since).get())
    }

    /// The point so many nanoseconds after the Unix epoch.
    pub const fn from_nanoseconds(nanoseconds: u64) -> Self {
        Stamp(nanoseconds)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn nanoseconds(self) -> u64 {
        self.0
    }

    /// How long ago this was; zero for a point in the future.
    pub fn elapsed(self) -> Duration {
        (Stamp::now() - self).into()
    }

    /// How long after `earlier` this is; `None` if it is before.
    pub const fn checked_duration_since(self, earlier: Self) -> Option<Nanoseconds> {
        Nanoseconds::new(self.0).checked_sub(Nanoseconds::new(earlier.0))
    }

    /// How long after `earlier` this is; zero if it is before; as the operator.
    pub const fn saturating_duration_since(self, earlier: Self) -> Nanoseconds {
        Nanoseconds::new(self.0.saturating_sub(earlier.0))
    }

    /// How far apart they are, whichever is later.
    pub const fn abs_diff(self, other: Self) -> Nanoseconds {
        Nanoseconds::new(self.0.abs_diff(other.0))
    }

    /// The point `span` later; `None` if it is after [`MAX`](Self::MAX).
    pub const fn checked_add(self, span: Nanoseconds) -> Option<Self> {
        match self.0.checked_add(span.get()) {
            Some(nanoseconds) => Some(Self(nanoseconds)),
            None => None,
        }
    }

    /// The point `span` earlier; `None` if it is before [`UNIX_EPOCH`](Self::UNIX_EPOCH).
    pub const fn checked_sub(self, span: Nanoseconds) -> Option<Self> {
        match self.0.checked_sub(span.get()) {
            Some(nanoseconds) => Some(Self(nanoseconds)),
            None => None,
        }
    }

    /// The point `span` later, at most [`MAX`](Self::MAX); as the operator.
    #[must_use]
    pub const fn saturating_add(self, span: Nanoseconds) -> Self {
        Self(self.0.saturating_add(span.get()))
    }

    /// The point `span` earlier, at least [`UNIX_EPOCH`](Self::UNIX_EPOCH); as the operator.
    #[must_use]
    pub const fn saturating_sub(self, span: Nanoseconds) -> Self {
        Self(self.0.saturating_sub(span.get()))
    }
}

// SAFETY: A number in `repr(transparent)`: it owns and points to nothing.
plain_messages! {
    unsafe Stamp = TypeDescriptor::structure::<Self>(
        Declaration::new(Name::new("Stamp")).with_docs("A point in time, counted from the Unix epoch."),
        const { &[FieldDescriptor::of::<u64>(Name::new("0"), 0, "").with_unit(Name::new("ns"))] },
    );
}

// SAFETY: A number in `repr(transparent)`, for which zero is a value.
unsafe impl Zeroable for Stamp {}

// SAFETY: A number in `repr(transparent)`: no padding, and any bits are a value.
unsafe impl Pod for Stamp {}

impl From<Stamp> for SystemTime {
    fn from(stamp: Stamp) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(stamp.0)
    }
}

impl TryFrom<SystemTime> for Stamp {
    type Error = OutOfRange;

    fn try_from(time: SystemTime) -> Result<Self, OutOfRange> {
        let since =
            time.duration_since(UNIX_EPOCH).map_err(|before| OutOfRange::before_epoch(before.duration()))?;
        let since = Nanoseconds::try_from(since).map_err(|_| OutOfRange::after_epoch(since))?;
        Ok(Self(since.get()))
    }
}

/// Zero if the other is later.
impl Sub for Stamp {
    type Output = Nanoseconds;

    fn sub(self, earlier: Self) -> Nanoseconds {
        self.saturating_duration_since(earlier)
    }
}

/// Saturates at [`MAX`](Stamp::MAX).
impl Add<Nanoseconds> for Stamp {
    type Output = Self;

    fn add(self, span: Nanoseconds) -> Self {
        self.saturating_add(span)
    }
}

/// Saturates at [`UNIX_EPOCH`](Stamp::UNIX_EPOCH).
impl Sub<Nanoseconds> for Stamp {
    type Output = Self;

    fn sub(self, span: Nanoseconds) -> Self {
        self.saturating_sub(span)
    }
}

/// Saturates at [`MAX`](Stamp::MAX).
impl Add<Duration> for Stamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        self + Nanoseconds::saturating_from(span)
    }
}

/// Saturates at [`UNIX_EPOCH`](Stamp::UNIX_EPOCH).
impl Sub<Duration> for Stamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        self - Nanoseconds::saturating_from(span)
    }
}

impl<S> AddAssign<S> for Stamp
where
    Self: Add<S, Output = Self>,
{
    fn add_assign(&mut self, span: S) {
        *self = *self + span;
    }
}

impl<S> SubAssign<S> for Stamp
where
    Self: Sub<S, Output = Self>,
{
    fn sub_assign(&mut self, span: S) {
        *self = *self - span;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use crate::message::Schema;

    #[test]
    fn operators_saturate_and_checked_methods_tell() {
        let (five, two) = (Stamp(5), Nanoseconds::new(2));
        assert_eq!((five + two, five - two, five - Stamp(2)), (Stamp(7), Stamp(3), Nanoseconds::new(3)));
        assert_eq!(
            (Stamp(2) - five, Stamp(1) - two, Stamp::MAX + two),
            (Nanoseconds::ZERO, Stamp(0), Stamp::MAX)
        );
        assert_eq!((five + Duration::from_nanos(2), five - Duration::from_nanos(2)), (Stamp(7), Stamp(3)));
        assert_eq!((five + Duration::MAX, five - Duration::MAX), (Stamp::MAX, Stamp::UNIX_EPOCH));
        assert_eq!((five.checked_add(two), Stamp::MAX.checked_add(two)), (Some(Stamp(7)), None));
        assert_eq!((five.checked_sub(two), Stamp(1).checked_sub(two)), (Some(Stamp(3)), None));
        assert_eq!(five.checked_duration_since(Stamp(2)), Some(Nanoseconds::new(3)));
        assert_eq!(Stamp(2).checked_duration_since(five), None);
        assert_eq!(
            (Stamp(2).abs_diff(five), five.abs_diff(Stamp(2))),
            (Nanoseconds::new(3), Nanoseconds::new(3))
        );
        let mut stamp = five;
        stamp += two;
        stamp -= Duration::from_nanos(1);
        assert_eq!(stamp, Stamp(6));
    }

    #[test]
    fn it_converts_to_system_time_and_back() {
        let time = UNIX_EPOCH + Duration::new(3, 4);
        assert_eq!(Stamp::try_from(time), Ok(Stamp(3_000_000_004)));
        assert_eq!(SystemTime::from(Stamp(3_000_000_004)), time);
        assert_eq!(Stamp::try_from(SystemTime::from(Stamp::MAX)), Ok(Stamp::MAX));
        let refusal = |time: SystemTime| Stamp::try_from(time).unwrap_err().to_string();
        assert_eq!(
            refusal(UNIX_EPOCH - Duration::from_secs(2)),
            "2s before the Unix epoch is no Stamp: it begins at the epoch"
        );
        assert_eq!(
            refusal(SystemTime::from(Stamp::MAX) + Duration::from_nanos(1)),
            "18446744073.709551616s after the Unix epoch is no Stamp: it ends at 18446744073.709551615s"
        );
    }

    #[test]
    fn now_is_after_this_was_written_and_has_not_long_passed() {
        let now = Stamp::now();
        assert!(now.nanoseconds() > 1_700_000_000_000_000_000);
        assert!(now <= Stamp::now());
        assert_eq!(Stamp::MAX.elapsed(), Duration::ZERO);
        assert!(Stamp::UNIX_EPOCH.elapsed() >= Duration::from_nanos(now.nanoseconds()));
    }

    #[test]
    fn it_is_described_with_its_unit() {
        let schema = Schema::of::<Stamp>();
        let [field] = schema.fields() else { panic!("{schema}") };
        assert_eq!((schema.name(), field.name(), field.unit(), field.offset()), ("Stamp", "0", "ns", 0));
        const { assert!(Stamp::ANY_BITS && Stamp::PADDING_FREE) };
        assert_ne!(Stamp::FINGERPRINT, Nanoseconds::FINGERPRINT);
        let mut bytes = [0; 8];
        // SAFETY: `bytes` has as many bytes as the type.
        unsafe { Stamp(77).write_fields(bytes.as_mut_ptr()) };
        assert_eq!(bytes, 77u64.to_ne_bytes());
        assert_eq!(bytemuck::cast::<_, Stamp>(bytes), Stamp(77));
    }
}
