//! Spans of time that mean the same in every process.
//!
//! The layout of `core::time::Duration` is the compiler's to choose, so it cannot travel. [`Nanoseconds`] is one
//! number, and converts to and from it.
//!
//! Values come from other programs, and a program must not end because a peer sent a large number. So the
//! operators saturate: a sum is at most the longest span and a difference at least none. Who needs to know takes
//! the `checked_` methods.

use core::fmt;
use core::iter::Sum;
use core::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Sub, SubAssign};
use core::time::Duration;

use bytemuck::{Pod, Zeroable};

use super::plain::plain_messages;
use super::{Declaration, FieldDescriptor, Name, TypeDescriptor};

/// A span of time in nanoseconds: up to 584 years.
///
/// ```
/// use std::time::Duration;
///
/// use bus::Nanoseconds;
///
/// let period = Nanoseconds::from_millis(20);
/// assert_eq!(period + Nanoseconds::from_micros(500), Nanoseconds::new(20_500_000));
/// assert_eq!((period * 3).to_string(), "60ms");
/// assert_eq!(Duration::from(period), Duration::from_millis(20));
/// assert_eq!(Nanoseconds::try_from(Duration::from_secs(1))?.get(), 1_000_000_000);
/// assert_eq!(period - period * 2, Nanoseconds::ZERO, "operators saturate");
/// assert_eq!(period.checked_sub(period * 2), None);
/// # Ok::<(), bus::message::OutOfRange>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Nanoseconds(u64);

impl Nanoseconds {
    /// No time.
    pub const ZERO: Self = Self(0);

    /// The longest span, 584 years.
    pub const MAX: Self = Self(u64::MAX);

    /// So many nanoseconds.
    pub const fn new(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// So many microseconds, or [`MAX`](Self::MAX) if that is less.
    pub const fn from_micros(microseconds: u64) -> Self {
        Self(microseconds.saturating_mul(1_000))
    }

    /// So many milliseconds, or [`MAX`](Self::MAX) if that is less.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(milliseconds.saturating_mul(1_000_000))
    }

    /// So many seconds, or [`MAX`](Self::MAX) if that is less.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// The same span, or [`MAX`](Self::MAX) if that is less.
    pub const fn saturating_from(duration: Duration) -> Self {
        let nanoseconds = duration.as_nanos();
        if nanoseconds < u64::MAX as u128 { Self(nanoseconds as u64) } else { Self::MAX }
    }

    /// How many nanoseconds.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// How many seconds.
    pub const fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Whether it is no time.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum; `None` if it is more than [`MAX`](Self::MAX).
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference; `None` if `other` is longer.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }

    /// The product; `None` if it is more than [`MAX`](Self::MAX).
    pub const fn checked_mul(self, factor: u64) -> Option<Self> {
        match self.0.checked_mul(factor) {
            Some(product) => Some(Self(product)),
            None => None,
        }
    }

    /// The quotient, without its fraction; `None` if `divisor` is 0.
    pub const fn checked_div(self, divisor: u64) -> Option<Self> {
        match self.0.checked_div(divisor) {
            Some(quotient) => Some(Self(quotient)),
            None => None,
        }
    }

    /// The sum, at most [`MAX`](Self::MAX); as the operator.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, [`ZERO`](Self::ZERO) if `other` is longer; as the operator.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The product, at most [`MAX`](Self::MAX); as the operator.
    #[must_use]
    pub const fn saturating_mul(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }

    /// The difference, whichever is longer.
    #[must_use]
    pub const fn abs_diff(self, other: Self) -> Self {
        Self(self.0.abs_diff(other.0))
    }
}

// SAFETY: A number in `repr(transparent)`: it owns and points to nothing.
plain_messages! {
    unsafe Nanoseconds = TypeDescriptor::structure::<Self>(
        Declaration::new(Name::new("Nanoseconds")).with_docs("A span of time."),
        const { &[FieldDescriptor::of::<u64>(Name::new("0"), 0, "").with_unit(Name::new("ns"))] },
    );
}

// SAFETY: A number in `repr(transparent)`, for which zero is a value.
unsafe impl Zeroable for Nanoseconds {}

// SAFETY: A number in `repr(transparent)`: no padding, and any bits are a value.
unsafe impl Pod for Nanoseconds {}

/// A time that a number of nanoseconds cannot express: before the Unix epoch, or beyond 584 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange(Found);

/// What is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Span(Duration),
    Before(Duration),
    After(Duration),
}

impl OutOfRange {
    /// A point in time so long before the Unix epoch.
    pub(crate) const fn before_epoch(by: Duration) -> Self {
        Self(Found::Before(by))
    }

    /// A point in time so long after the Unix epoch.
    pub(crate) const fn after_epoch(by: Duration) -> Self {
        Self(Found::After(by))
    }
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = Nanoseconds::MAX;
        match self.0 {
            Found::Span(span) => write!(
                f,
                "{span:?} do not fit into Nanoseconds, at most {most}: shorten them, or use `saturating_from`"
            ),
            Found::Before(by) => {
                write!(f, "{by:?} before the Unix epoch is no Stamp: it begins at the epoch")
            }
            Found::After(by) => write!(f, "{by:?} after the Unix epoch is no Stamp: it ends at {most}"),
        }
    }
}

impl core::error::Error for OutOfRange {}

impl TryFrom<Duration> for Nanoseconds {
    type Error = OutOfRange;

    fn try_from(duration: Duration) -> Result<Self, OutOfRange> {
        u64::try_from(duration.as_nanos()).map(Self).map_err(|_| OutOfRange(Found::Span(duration)))
    }
}

impl From<Nanoseconds> for Duration {
    fn from(span: Nanoseconds) -> Self {
        Self::from_nanos(span.0)
    }
}

/// As the `Debug` of `Duration`: `1.5ms`; `{:.3}` sets the digits.
impl fmt::Display for Nanoseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Duration::from(*self), f)
    }
}

/// Saturates at [`MAX`](Nanoseconds::MAX).
impl Add for Nanoseconds {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

impl AddAssign for Nanoseconds {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Saturates at [`ZERO`](Nanoseconds::ZERO).
impl Sub for Nanoseconds {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
}

impl SubAssign for Nanoseconds {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

/// Saturates at [`MAX`](Nanoseconds::MAX).
impl Mul<u64> for Nanoseconds {
    type Output = Self;

    fn mul(self, factor: u64) -> Self {
        self.saturating_mul(factor)
    }
}

impl Mul<Nanoseconds> for u64 {
    type Output = Nanoseconds;

    fn mul(self, span: Nanoseconds) -> Nanoseconds {
        span * self
    }
}

impl MulAssign<u64> for Nanoseconds {
    fn mul_assign(&mut self, factor: u64) {
        *self = *self * factor;
    }
}

/// # Panics
///
/// If `divisor` is 0, as for any integer.
impl Div<u64> for Nanoseconds {
    type Output = Self;

    fn div(self, divisor: u64) -> Self {
        Self(self.0 / divisor)
    }
}

impl DivAssign<u64> for Nanoseconds {
    fn div_assign(&mut self, divisor: u64) {
        *self = *self / divisor;
    }
}

/// Saturates at [`MAX`](Nanoseconds::MAX).
impl Sum for Nanoseconds {
    fn sum<I: Iterator<Item = Self>>(spans: I) -> Self {
        spans.fold(Self::ZERO, Self::add)
    }
}

impl<'a> Sum<&'a Self> for Nanoseconds {
    fn sum<I: Iterator<Item = &'a Self>>(spans: I) -> Self {
        spans.copied().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use crate::message::Schema;

    const LONG: Duration = Duration::new(u64::MAX, 999_999_999);

    #[test]
    fn it_converts_to_a_duration_and_back() {
        let most = Duration::from_nanos(u64::MAX);
        assert_eq!(Nanoseconds::try_from(most), Ok(Nanoseconds::MAX));
        assert_eq!(Duration::from(Nanoseconds::MAX), most);
        let beyond = most + Duration::from_nanos(1);
        assert_eq!(
            Nanoseconds::try_from(beyond).unwrap_err().to_string(),
            "18446744073.709551616s do not fit into Nanoseconds, at most 18446744073.709551615s: shorten them, \
             or use `saturating_from`"
        );
        for (duration, expected) in [(beyond, u64::MAX), (LONG, u64::MAX), (most, u64::MAX)] {
            assert_eq!(Nanoseconds::saturating_from(duration).get(), expected);
        }
        assert_eq!(Nanoseconds::saturating_from(Duration::new(2, 5)), Nanoseconds::new(2_000_000_005));
    }

    #[test]
    fn it_is_made_of_larger_units() {
        assert_eq!(Nanoseconds::from_micros(3).get(), 3_000);
        assert_eq!(Nanoseconds::from_millis(3).get(), 3_000_000);
        assert_eq!(Nanoseconds::from_secs(3).get(), 3_000_000_000);
        for of in [Nanoseconds::from_micros, Nanoseconds::from_millis, Nanoseconds::from_secs] {
            assert_eq!(of(u64::MAX), Nanoseconds::MAX);
        }
        assert_eq!(Nanoseconds::from_millis(1_500).as_secs_f64(), 1.5);
        assert!(
            Nanoseconds::ZERO.is_zero() && Nanoseconds::default().is_zero() && !Nanoseconds::MAX.is_zero()
        );
    }

    #[test]
    fn operators_saturate_and_checked_methods_tell() {
        let (two, three) = (Nanoseconds::new(2), Nanoseconds::new(3));
        assert_eq!(
            (two + three, three - two, two - three),
            (Nanoseconds::new(5), Nanoseconds::new(1), Nanoseconds::ZERO)
        );
        assert_eq!(
            (two * 4, 4 * two, three / 2),
            (Nanoseconds::new(8), Nanoseconds::new(8), Nanoseconds::new(1))
        );
        assert_eq!((Nanoseconds::MAX + two, Nanoseconds::MAX * 2), (Nanoseconds::MAX, Nanoseconds::MAX));
        assert_eq!(
            (two.checked_add(three), Nanoseconds::MAX.checked_add(two)),
            (Some(Nanoseconds::new(5)), None)
        );
        assert_eq!((three.checked_sub(two), two.checked_sub(three)), (Some(Nanoseconds::new(1)), None));
        assert_eq!(
            (three.checked_mul(2), Nanoseconds::MAX.checked_mul(2)),
            (Some(Nanoseconds::new(6)), None)
        );
        assert_eq!((three.checked_div(2), three.checked_div(0)), (Some(Nanoseconds::new(1)), None));
        assert_eq!((two.abs_diff(three), three.abs_diff(two)), (Nanoseconds::new(1), Nanoseconds::new(1)));
        let mut span = two;
        span += three;
        span *= 4;
        span /= 2;
        span -= three;
        assert_eq!(span, Nanoseconds::new(7));
        assert_eq!([two, three].iter().sum::<Nanoseconds>(), Nanoseconds::new(5));
        assert_eq!([two, Nanoseconds::MAX, three].into_iter().sum::<Nanoseconds>(), Nanoseconds::MAX);
    }

    #[test]
    fn it_displays_as_a_duration() {
        assert_eq!(Nanoseconds::new(1_500_000).to_string(), "1.5ms");
        assert_eq!(format!("{:.1}|{:>6}", Nanoseconds::new(1_234), Nanoseconds::new(5)), "1.2µs|   5ns");
    }

    #[test]
    fn it_is_described_with_its_unit() {
        let schema = Schema::of::<Nanoseconds>();
        let [field] = schema.fields() else { panic!("{schema}") };
        assert_eq!(
            (schema.name(), field.name(), field.unit(), field.offset()),
            ("Nanoseconds", "0", "ns", 0)
        );
        const { assert!(Nanoseconds::ANY_BITS && Nanoseconds::PADDING_FREE) };
        assert_eq!((schema.size(), schema.align()), (8, align_of::<u64>() as u64));
        let mut bytes = [0; 8];
        // SAFETY: `bytes` has as many bytes as the type.
        unsafe { Nanoseconds::new(77).write_fields(bytes.as_mut_ptr()) };
        assert_eq!(bytes, 77u64.to_ne_bytes());
        assert_eq!(bytemuck::cast::<_, Nanoseconds>(bytes), Nanoseconds::new(77));
    }
}
