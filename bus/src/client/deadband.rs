//! Deadbands: changes too small to be told of.
//!
//! A value is compared with the last one that was *delivered*, not with the one published before it: otherwise a slow
//! drift, each step of which is small, would never be told of. For links to several items each item has its own.
//! Distances are taken in the number's own type, so that neighbours among large integers are told apart.
//!
//! Some changes are no matter of size and always pass: the first value of an item and of a life of the service, a
//! change of the publisher's mark, and a change to, from or between values that are not finite.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::mark::Mark;
use crate::message::{Message, Nanoseconds};
use crate::stamp::Stamp;
use crate::update::ItemId;

/// How large a change has to be for a link to deliver it, against the last value that it delivered; see
/// [`Options::deadband`](crate::Options::deadband).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Deadband {
    /// Larger than this, in the unit of the value. Not negative.
    Absolute(f64),
    /// Larger than so many hundredths of the last value delivered; any change passes where that is zero. Not negative.
    Percent(f64),
}

impl Deadband {
    /// # Errors
    /// [`Error::InvalidOption`] where it is no width.
    pub(crate) fn check(self) -> Result<()> {
        let (Deadband::Absolute(width) | Deadband::Percent(width)) = self;
        if width.is_finite() && width >= 0.0 {
            return Ok(());
        }
        Err(Error::InvalidOption {
            option: "deadband",
            found: format!("{self:?}"),
            expected: "a finite width of at least 0".to_owned(),
        })
    }

    /// Whether the change is one not to be told of.
    fn holds<N: Number>(self, last: N, new: N) -> bool {
        let distance = new.distance(last);
        let width = match self {
            Deadband::Absolute(width) => width,
            Deadband::Percent(percent) => percent / 100.0 * last.magnitude(),
        };
        // Nothing is within a width that is infinite or no number, but the very same value.
        distance == 0.0 || (width.is_finite() && distance <= width)
    }
}

mod sealed {
    pub trait Sealed {}
}

/// The numbers that a [`Deadband`] can be on: those of the language, [`Nanoseconds`] and [`Stamp`].
#[diagnostic::on_unimplemented(
    message = "a deadband is on a number, and `{Self}` is none",
    note = "name a field that is one: `.deadband_of(Quote::BID, Deadband::Absolute(0.5))`"
)]
pub trait Number: Message + Copy + sealed::Sealed {
    /// How far it is from another: 0 only where there is no difference, no number where one of them is none.
    #[doc(hidden)]
    fn distance(self, other: Self) -> f64;

    /// How far it is from zero.
    #[doc(hidden)]
    fn magnitude(self) -> f64;
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl sealed::Sealed for $integer {}

        impl Number for $integer {
            fn distance(self, other: Self) -> f64 {
                self.abs_diff(other) as f64
            }

            fn magnitude(self) -> f64 {
                self.abs_diff(0) as f64
            }
        }
    )*};
}

integers!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128);

macro_rules! through {
    ($(#[$attribute:meta])* $number:ty: $to_other:expr) => {
        $(#[$attribute])*
        impl sealed::Sealed for $number {}

        $(#[$attribute])*
        impl Number for $number {
            fn distance(self, other: Self) -> f64 {
                let to_other = $to_other;
                to_other(self).distance(to_other(other))
            }

            fn magnitude(self) -> f64 {
                let to_other = $to_other;
                to_other(self).magnitude()
            }
        }
    };
}

through!(f32: |number: f32| f64::from(number));
through!(Nanoseconds: |span: Nanoseconds| span.get());
through!(Stamp: |stamp: Stamp| stamp.nanoseconds());
through!(#[cfg(feature = "half")] half::f16: |number: half::f16| number.to_f64());
through!(#[cfg(feature = "half")] half::bf16: |number: half::bf16| number.to_f64());

impl sealed::Sealed for f64 {}

impl Number for f64 {
    fn distance(self, other: Self) -> f64 {
        let same = self == other || (self.is_nan() && other.is_nan());
        if same { 0.0 } else { (self - other).abs() }
    }

    fn magnitude(self) -> f64 {
        self.abs()
    }
}

/// A deadband on some number of a message, with the last of each item.
pub(crate) trait Band<T: ?Sized>: Send + Sync {
    /// How wide it is.
    fn width(&self) -> Deadband;

    /// Whether this value of the item is not to be told of.
    fn holds(&self, item: ItemId, value: &T, mark: Mark) -> bool;

    /// This value was delivered.
    fn delivered(&mut self, item: ItemId, value: &T, mark: Mark);

    /// What comes is to be compared with nothing before it.
    fn forget(&mut self);
}

/// The deadband of this width on what `read` finds in a message.
pub(crate) fn band<T, N, R>(width: Deadband, read: R) -> Box<dyn Band<T>>
where
    T: ?Sized + 'static,
    N: Number,
    R: Fn(&T) -> N + Send + Sync + 'static,
{
    Box::new(Lasts { width, read, last: BTreeMap::new() })
}

struct Lasts<N, R> {
    width: Deadband,
    read: R,
    last: BTreeMap<ItemId, (N, Mark)>,
}

impl<T: ?Sized, N: Number, R: Fn(&T) -> N + Send + Sync> Band<T> for Lasts<N, R> {
    fn width(&self) -> Deadband {
        self.width
    }

    fn holds(&self, item: ItemId, value: &T, mark: Mark) -> bool {
        let last = self.last.get(&item).copied();
        last.is_some_and(|(last, last_mark)| mark == last_mark && self.width.holds(last, (self.read)(value)))
    }

    fn delivered(&mut self, item: ItemId, value: &T, mark: Mark) {
        self.last.insert(item, ((self.read)(value), mark));
    }

    fn forget(&mut self) {
        self.last.clear();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_one_holds_changes_up_to_its_width() {
        let half = Deadband::Absolute(0.5);
        assert!(half.holds(1.0, 1.5) && half.holds(1.0, 0.5) && half.holds(1.0_f32, 1.25));
        assert!(!half.holds(1.0, 1.51) && !half.holds(1.0, -1.0));
        assert!(Deadband::Absolute(3.0).holds(10_u8, 7) && !Deadband::Absolute(3.0).holds(10_u8, 6));
        assert!(Deadband::Absolute(0.0).holds(7, 7) && !Deadband::Absolute(0.0).holds(7, 8));
    }

    #[test]
    fn a_relative_one_is_as_wide_as_the_last_value_is_large() {
        let tenth = Deadband::Percent(10.0);
        assert!(tenth.holds(100, 110) && tenth.holds(-100, -90) && !tenth.holds(100, 111));
        assert!(tenth.holds(0.0, 0.0) && !tenth.holds(0.0, 1e-300), "from zero any change is large");
    }

    #[test]
    fn large_integers_are_compared_as_they_are() {
        let large = u64::MAX - 1;
        assert_eq!(large as f64, u64::MAX as f64, "as floating point numbers they are one");
        assert!(!Deadband::Absolute(0.0).holds(large, u64::MAX));
        assert!(!Deadband::Absolute(0.5).holds(Stamp::from_nanoseconds(large), Stamp::MAX));
        assert!(Deadband::Absolute(1.0).holds(Nanoseconds::new(large), Nanoseconds::MAX));
        assert!(!Deadband::Absolute(1e30).holds(i128::MIN, i128::MAX));
    }

    #[test]
    fn what_is_not_finite_passes_unless_it_is_the_same() {
        for band in [Deadband::Absolute(1e300), Deadband::Percent(1e300), Deadband::Percent(0.0)] {
            for same in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                assert!(band.holds(same, same), "{band:?} {same}");
            }
            for (last, new) in [(1.0, f64::NAN), (f64::NAN, 1.0), (f64::INFINITY, 1.0), (1.0, f64::INFINITY)]
            {
                assert!(!band.holds(last, new), "{band:?} {last} {new}");
            }
            assert!(!band.holds(f64::INFINITY, f64::NEG_INFINITY));
        }
    }

    #[test]
    fn each_item_has_its_own_and_a_change_of_the_mark_passes() {
        let mut band = band(Deadband::Absolute(1.0), |value: &f64| *value);
        let [one, two] = [0, 7].map(ItemId::new);
        assert!(!band.holds(one, &5.0, Mark::GOOD), "there is no last value");
        band.delivered(one, &5.0, Mark::GOOD);
        assert!(band.holds(one, &5.5, Mark::GOOD) && !band.holds(two, &5.5, Mark::GOOD));
        assert!(!band.holds(one, &5.0, Mark::bad(0)));
        band.delivered(two, &9.0, Mark::bad(1));
        assert!(band.holds(two, &9.5, Mark::bad(1)) && !band.holds(two, &9.5, Mark::bad(2)));
        band.forget();
        assert!(!band.holds(one, &5.0, Mark::GOOD));
    }

    #[test]
    fn what_is_no_width_is_refused() {
        for width in [-1.0, f64::NAN, f64::INFINITY] {
            for band in [Deadband::Absolute(width), Deadband::Percent(width)] {
                let error = band.check().unwrap_err().to_string();
                assert!(error.starts_with(&format!("deadband is {band:?}, expected")), "{error}");
            }
        }
        Deadband::Absolute(0.0).check().unwrap();
    }
}
