//! One field of a message, by itself.
//!
//! A program that wants one number of a large message need not copy the message. The derive gives a struct a
//! constant for each field, `Quote::BID`, that knows where the field is and what type it has, so that reading
//! or writing it alone is as safe as reading or writing the whole.

use core::fmt;
use core::marker::PhantomData;
use core::ptr;

use super::{Invalid, Message};

/// Of a type that cannot be replaced by one that outlives it or that it outlives, since a field leads to a `&mut T`.
type Invariant<T> = fn(T) -> T;

/// Whether bytes are valid.
type Check = fn(&[u8]) -> Result<(), Invalid>;

/// A field of type `T` in messages of type `S`, as the derive makes one for each field of a struct.
///
/// ```
/// use bus::Message;
///
/// #[derive(Message, Clone, Copy)]
/// #[repr(C)]
/// struct Position {
///     x: f64,
///     y: f64,
/// }
///
/// #[derive(Message, Clone, Copy)]
/// #[repr(C)]
/// struct Pose {
///     frame: u32,
///     position: Position,
/// }
///
/// const Y: bus::Field<Pose, f64> = Pose::POSITION.then(Position::Y);
/// assert_eq!((Pose::POSITION.offset(), Y.offset()), (8, 16));
///
/// let mut pose = Pose { frame: 7, position: Position { x: 1.0, y: 2.0 } };
/// *Y.of_mut(&mut pose) = 3.0;
/// assert_eq!(*Y.of(&pose), 3.0);
/// ```
///
/// In the bytes of a message, such as a recorder keeps, [`read`](Self::read) checks that one field and
/// [`write`](Self::write) changes it.
pub struct Field<S, T> {
    name: &'static str,
    offset: usize,
    check: Option<Check>,
    types: PhantomData<(Invariant<S>, Invariant<T>)>,
}

impl<S, T> Field<S, T> {
    /// The field that lies `offset` bytes from the beginning of an `S`, and whose bytes are valid if `check` says so, or
    /// without one, its type.
    ///
    /// # Safety
    ///
    /// Every `S` has a `T` there, aligned, whose bytes are no other field's; and `check` returns `Ok` only for bytes
    /// that are a valid `T`.
    pub const unsafe fn new(name: &'static str, offset: usize, check: Option<Check>) -> Self {
        Self { name, offset, check, types: PhantomData }
    }

    /// The name, as peers compare it; of a field in a field, the inner one's.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The distance in bytes from the beginning of the message.
    pub const fn offset(self) -> usize {
        self.offset
    }

    /// A field of this field. What it is checked for is what the inner one is.
    #[must_use]
    pub const fn then<U>(self, inner: Field<T, U>) -> Field<S, U> {
        let Field { name, offset, check, .. } = inner;
        Field { name, offset: self.offset + offset, check, types: PhantomData }
    }

    /// The field of a message.
    pub const fn of(self, message: &S) -> &T {
        // SAFETY: By the promise of `new` a `T` lies there, inside of `message`, which is borrowed as long.
        unsafe { &*ptr::from_ref(message).byte_add(self.offset).cast::<T>() }
    }

    /// The field of a message, to be changed.
    pub const fn of_mut(self, message: &mut S) -> &mut T {
        // SAFETY: As above, and `message` is borrowed mutably.
        unsafe { &mut *ptr::from_mut(message).byte_add(self.offset).cast::<T>() }
    }
}

impl<S: Message, T: Message> Field<S, T> {
    /// Whether these are the bytes of a valid field: of its type, and within its own range and invariant.
    ///
    /// # Errors
    ///
    /// What is wrong, with the field's name before the path.
    #[inline(always)]
    pub(crate) fn check(self, bytes: &[u8]) -> Result<(), Invalid> {
        self.check.unwrap_or(T::validate)(bytes).map_err(|invalid| invalid.within(self.name))
    }

    /// The field of a message that is there as bytes. Only the field's own bytes are looked at: its type, its range and
    /// its invariant are checked, and not those of what is around it.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if they are no valid field.
    ///
    /// # Panics
    ///
    /// If there are fewer bytes than an `S` has.
    pub fn read(self, bytes: &[u8]) -> Result<T, Invalid> {
        let bytes = &bytes[..size_of::<S>()][self.offset..][..size_of::<T>()];
        self.check(bytes)?;
        // SAFETY: As many bytes as a `T` has, and `check` says that they are one. A message owns nothing, so
        // that making one of bytes duplicates nothing.
        Ok(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
    }

    /// Changes the field of a message that is there as bytes; padding inside of the field becomes zero.
    ///
    /// # Panics
    ///
    /// If there are fewer bytes than an `S` has.
    pub fn write(self, bytes: &mut [u8], value: &T) {
        let bytes = &mut bytes[..size_of::<S>()][self.offset..][..size_of::<T>()];
        bytes.fill(0);
        // SAFETY: `bytes` are as many as a `T` has, and are borrowed apart from `value`.
        unsafe { value.write_fields(bytes.as_mut_ptr()) };
    }
}

impl<S, T> Clone for Field<S, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, T> Copy for Field<S, T> {}

impl<S, T> fmt::Debug for Field<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({} at {})", self.name, self.offset)
    }
}
