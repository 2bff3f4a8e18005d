//! What does not fit into a container of fixed capacity.
//!
//! One error for a whole that is too long, one for an element that finds no room and is given back.

use core::fmt;

/// Which container refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Str,
    Bytes,
    Vec,
    Map,
}

impl Container {
    /// The container's type as an error names it: `FixedVec<_, 4>`.
    pub(super) fn of(self, capacity: usize) -> impl fmt::Display {
        fmt::from_fn(move |f| match self {
            Self::Str => write!(f, "FixedStr<{capacity}>"),
            Self::Bytes => write!(f, "FixedBytes<{capacity}>"),
            Self::Vec => write!(f, "FixedVec<_, {capacity}>"),
            Self::Map => write!(f, "FixedMap<_, _, {capacity}>"),
        })
    }
}

/// A whole is longer than the container that it was meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooLong {
    /// How long the whole would have been: bytes of a text and of bytes, elements of a list.
    pub len: usize,
    /// How much of that there is room for.
    pub capacity: usize,
    container: Container,
}

impl TooLong {
    #[cold]
    pub(super) const fn new(container: Container, len: usize, capacity: usize) -> Self {
        Self { len, capacity, container }
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { len, capacity, container } = self;
        let (what, it) = match container {
            Container::Str => (format_args!("a text of {len} bytes does"), "it"),
            Container::Bytes => (format_args!("{len} bytes do"), "them"),
            Container::Vec => (format_args!("{len} elements do"), "them"),
            Container::Map => (format_args!("{len} entries do"), "them"),
        };
        write!(f, "{what} not fit into {}: shorten {it}, or raise the capacity", container.of(*capacity))
    }
}

impl core::error::Error for TooLong {}

/// A container is full; what it has no room for is given back.
///
/// ```
/// use bus::message::FixedVec;
///
/// let mut levels: FixedVec<u32, 2> = [7, 8].into();
/// let error = levels.push(9).unwrap_err();
/// assert_eq!(error.value, 9);
/// assert_eq!(
///     error.to_string(),
///     "FixedVec<_, 2> is full with 2 elements: remove one, or raise the capacity",
/// );
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Full<T> {
    /// What was not taken: an element, or the key and the value of an entry.
    pub value: T,
    /// How many the container holds, which is all that it has room for.
    pub capacity: usize,
    container: Container,
}

impl<T> Full<T> {
    #[cold]
    pub(super) const fn new(container: Container, value: T, capacity: usize) -> Self {
        Self { value, capacity, container }
    }
}

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { capacity, container, .. } = self;
        let elements = match container {
            Container::Map => "entries",
            Container::Vec => "elements",
            Container::Str | Container::Bytes => "bytes",
        };
        let full = container.of(*capacity);
        write!(f, "{full} is full with {capacity} {elements}: remove one, or raise the capacity")
    }
}

/// Without the value, so that an error of any `T` can be returned as `Box<dyn Error>`.
impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { capacity, container, .. } = self;
        let mut fields = f.debug_struct("Full");
        fields.field("capacity", capacity).field("container", container).finish_non_exhaustive()
    }
}

impl<T> core::error::Error for Full<T> {}
