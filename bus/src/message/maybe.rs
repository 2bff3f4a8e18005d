//! A value or none, with a layout.
//!
//! `Option<T>` hides its "none" wherever the compiler finds room, which is why it cannot be in a message. A
//! [`Maybe<T>`] is an enum with a tag of one byte, as anyone would write it; between programs it is what
//! `Option` is inside of one.

use bus_derive::Message;

#[cfg(all(test, not(loom)))]
use super::Message;

/// An optional value in a message: an `Option` with a defined layout, a byte and then the value.
///
/// It converts from and to `Option`, whose methods are there by [`as_option`](Self::as_option) and
/// [`into_option`](Self::into_option). In a field with `since`, it is `None` where a message lacks the field.
///
/// ```
/// use bus::{Maybe, Message};
///
/// #[derive(Message, Clone, Copy)]
/// #[repr(C)]
/// struct Reading {
///     celsius: f64,
///     humidity: Maybe<f32>,
/// }
///
/// let reading = Reading { celsius: 21.5, humidity: Some(0.4).into() };
/// assert_eq!(reading.humidity.as_option().map(|humidity| humidity * 100.0), Some(40.0));
/// assert!(Maybe::<f32>::default().is_none());
/// ```
#[derive(Message, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[message(no_docs)]
pub enum Maybe<T> {
    /// No value.
    #[default]
    None = 0,
    /// A value.
    Some(T) = 1,
}

impl<T> Maybe<T> {
    /// The value as an option of a reference.
    pub const fn as_option(&self) -> Option<&T> {
        match self {
            Self::None => None,
            Self::Some(value) => Some(value),
        }
    }

    /// The value as an option of a mutable reference.
    pub const fn as_option_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::None => None,
            Self::Some(value) => Some(value),
        }
    }

    /// The value as an option.
    pub fn into_option(self) -> Option<T> {
        self.into()
    }

    /// Whether there is a value.
    pub const fn is_some(&self) -> bool {
        matches!(self, Self::Some(_))
    }

    /// Whether there is none.
    pub const fn is_none(&self) -> bool {
        !self.is_some()
    }

    /// Takes the value out, leaving none.
    pub const fn take(&mut self) -> Self {
        core::mem::replace(self, Self::None)
    }

    /// Puts a value in, and returns the one before.
    pub const fn replace(&mut self, value: T) -> Self {
        core::mem::replace(self, Self::Some(value))
    }

    /// The value changed by `change`, if there is one.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Maybe<U> {
        self.into_option().map(change).into()
    }

    /// The value, or `default`.
    pub fn unwrap_or(self, default: T) -> T {
        self.into_option().unwrap_or(default)
    }

    /// The value, or the default of its type.
    pub fn unwrap_or_default(self) -> T
    where
        T: Default,
    {
        self.into_option().unwrap_or_default()
    }

    /// The value, if there is one, as an iterator.
    pub fn iter(&self) -> core::option::IntoIter<&T> {
        self.as_option().into_iter()
    }
}

impl<T> From<Option<T>> for Maybe<T> {
    fn from(option: Option<T>) -> Self {
        match option {
            None => Self::None,
            Some(value) => Self::Some(value),
        }
    }
}

impl<T> From<Maybe<T>> for Option<T> {
    fn from(maybe: Maybe<T>) -> Self {
        match maybe {
            Maybe::None => None,
            Maybe::Some(value) => Some(value),
        }
    }
}

impl<T> From<T> for Maybe<T> {
    fn from(value: T) -> Self {
        Self::Some(value)
    }
}

impl<T> IntoIterator for Maybe<T> {
    type Item = T;
    type IntoIter = core::option::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_option().into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Maybe<T> {
    type Item = &'a T;
    type IntoIter = core::option::IntoIter<&'a T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: PartialEq> PartialEq<Option<T>> for Maybe<T> {
    fn eq(&self, other: &Option<T>) -> bool {
        self.as_option() == other.as_ref()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_byte_and_the_value() {
        assert_eq!((size_of::<Maybe<u8>>(), size_of::<Maybe<u64>>()), (2, 16));
        assert!(Maybe::<u8>::validate(&[1, 9]).is_ok() && Maybe::<u8>::validate(&[0, 9]).is_ok());
        let error = Maybe::<bool>::validate(&[1, 9]).unwrap_err();
        assert_eq!(error.to_string(), "`Some.0`: found 9, expected 0 or 1 (`bool`)");
        let error = Maybe::<u8>::validate(&[2, 0]).unwrap_err();
        assert_eq!(error.to_string(), "found 2, expected one of 0, 1 (enum `Maybe`)");
    }

    #[test]
    fn it_does_what_an_option_does() {
        let mut maybe = Maybe::from(5);
        assert_eq!(maybe, Some(5));
        assert_eq!(maybe.map(|value| value + 1), Maybe::Some(6));
        *maybe.as_option_mut().unwrap() = 7;
        assert_eq!(maybe.replace(8), Some(7));
        assert_eq!(maybe.iter().chain(&Maybe::None).copied().collect::<Vec<_>>(), [8]);
        assert_eq!(maybe.take().into_option(), Some(8));
        assert!(maybe.is_none() && !maybe.is_some());
        assert_eq!((maybe.unwrap_or(3), maybe.unwrap_or_default()), (3, 0));
        assert_eq!(Maybe::<u8>::from(None), Maybe::None);
        assert_eq!(maybe.into_iter().next(), None);
        assert!(Maybe::None < Maybe::Some(0));
    }
}
