//! What the expansion of `#[derive(Message)]` calls, so that the expansion itself stays short.
//!
//! Public because expansions live in other crates; not part of the interface.

use core::fmt::Display;

pub use bytemuck;

pub use super::padding::without_padding;
use super::{Invalid, Message};

/// Writes all of `value` in one piece.
///
/// # Safety
///
/// `out` must be valid for writes of `size_of::<T>()` bytes that do not overlap `value`, and `T` must have no
/// padding: what the padding of `value` holds would become readable.
#[inline]
pub unsafe fn write_whole<T: Message>(value: &T, out: *mut u8) {
    debug_assert!(T::PADDING_FREE, "a type with padding is written field by field");
    let source: *const T = value;
    // SAFETY: `source` comes from a reference and the caller vouches for `out`; bytes need no alignment.
    unsafe { core::ptr::copy_nonoverlapping(source.cast::<u8>(), out, size_of::<T>()) }
}

/// Writes the field of a struct that lies at `offset` in it to its place behind `out`.
///
/// # Safety
///
/// `out` must be valid for writes of the whole struct, which must not overlap `field`.
#[inline]
pub unsafe fn write_field<T: Message>(field: &T, out: *mut u8, offset: usize) {
    // SAFETY: The field lies inside the struct, for all of which the caller vouches.
    let at = unsafe { out.add(offset) };
    // SAFETY: What lies at `at` is the field's own part of the struct, and so valid for writes of its size.
    unsafe { field.write_fields(at) }
}

/// As [`write_field`], of a field that must be a `T` and not only lead to one, as a reference to it might.
///
/// # Safety
///
/// As for [`write_field`], and `field` is valid for reads.
#[inline]
pub unsafe fn write_primitive<T: Message>(field: *const T, out: *mut u8, offset: usize) {
    // SAFETY: The caller vouches for both.
    unsafe { write_field(&*field, out, offset) }
}

/// Checks the field of type `T` that lies at `offset` in `bytes`.
///
/// # Errors
///
/// What the field's type says, with `name` put before its path.
#[inline]
pub fn validate_field<T: Message>(bytes: &[u8], offset: usize, name: &str) -> Result<(), Invalid> {
    if T::ANY_BITS {
        return Ok(());
    }
    T::validate(&bytes[offset..][..size_of::<T>()]).map_err(|invalid| invalid.within(name))
}

/// The first `N` bytes, for `from_ne_bytes`.
///
/// # Panics
///
/// If there are fewer.
#[inline]
pub fn head<const N: usize>(bytes: &[u8]) -> [u8; N] {
    *bytes.first_chunk().expect("as many bytes to validate as the type has")
}

/// Checks that each number of the field of type `T` at `offset`, which is an `N` or an array of it, is from `low`
/// to `high`.
///
/// # Errors
///
/// The first that is not, with `path` before it.
#[inline]
pub fn check_range<T: Message, N: Number>(
    bytes: &[u8],
    offset: usize,
    low: N,
    high: N,
    path: &str,
) -> Result<(), Invalid> {
    let numbers = bytes[offset..][..size_of::<T>()].chunks_exact(size_of::<N>());
    for (index, number) in numbers.enumerate() {
        let number = N::from_bytes(number);
        if !(low..=high).contains(&number) {
            return Err(out_of_range(number, low, high, size_of::<T>() > size_of::<N>(), index).within(path));
        }
    }
    Ok(())
}

#[cold]
fn out_of_range<N: Number>(found: N, low: N, high: N, in_array: bool, index: usize) -> Invalid {
    let expected = match (low == N::LEAST, high == N::MOST) {
        (true, _) => format!("at most {high}"),
        (_, true) => format!("at least {low}"),
        _ => format!("{low} to {high}"),
    };
    let invalid = Invalid::new(expected, found);
    if in_array { invalid.within_index(index) } else { invalid }
}

/// A number that a range can be given for.
pub trait Number: Copy + PartialOrd + Display {
    /// The least value; where a range without beginning begins.
    const LEAST: Self;
    /// The greatest value; where a range without end ends.
    const MOST: Self;
    /// The number of as many bytes as it has.
    fn from_bytes(bytes: &[u8]) -> Self;
}

macro_rules! numbers {
    ($($number:ident $least:ident $most:ident),*) => {$(
        impl Number for $number {
            const LEAST: Self = $number::$least;
            const MOST: Self = $number::$most;

            #[inline]
            fn from_bytes(bytes: &[u8]) -> Self {
                Self::from_ne_bytes(head(bytes))
            }
        }
    )*};
}

numbers! {
    u8 MIN MAX, u16 MIN MAX, u32 MIN MAX, u64 MIN MAX, i8 MIN MAX, i16 MIN MAX, i32 MIN MAX, i64 MIN MAX,
    f32 NEG_INFINITY INFINITY, f64 NEG_INFINITY INFINITY
}

/// What the function behind `invariant` may return.
#[diagnostic::on_unimplemented(
    message = "an invariant returns `bool` or `Result<(), E>`, and this one returns `{Self}`",
    label = "this function returns `{Self}`",
    note = "write it as `fn check(value: &Type) -> bool`, \
            or as `fn check(value: &Type) -> Result<(), E>` with an `E: Display` that says what is wrong"
)]
pub trait Verdict {
    /// Why the value is refused, if it is.
    fn refusal(self) -> Option<String>;
}

impl Verdict for bool {
    fn refusal(self) -> Option<String> {
        (!self).then(|| "one that it does not accept".to_owned())
    }
}

impl<E: Display> Verdict for Result<(), E> {
    fn refusal(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}

/// Asks `function`, which the user calls `name`, about the value that `bytes` are.
///
/// # Errors
///
/// If it refuses the value.
///
/// # Safety
///
/// `bytes` are a `T`, by all that its parts say.
#[inline]
pub unsafe fn check_invariant<T: Message, V: Verdict>(
    bytes: &[u8],
    function: impl FnOnce(&T) -> V,
    name: &str,
) -> Result<(), Invalid> {
    assert!(bytes.len() >= size_of::<T>(), "as many bytes to validate as the type has");
    // SAFETY: The bytes are a `T`, and there are enough. A message owns nothing, so that another made of its
    // bytes needs no drop and frees nothing.
    let value: T = unsafe { bytes.as_ptr().cast::<T>().read_unaligned() };
    match function(&value).refusal() {
        None => Ok(()),
        Some(why) => Err(Invalid::new(format_args!("a value that `{name}` accepts"), why)),
    }
}

/// As [`check_invariant`], of the field of type `T` that lies at `offset`.
///
/// # Errors
///
/// If it refuses the value, with `path` before it.
///
/// # Safety
///
/// The bytes of the field are a `T`.
#[inline]
pub unsafe fn check_field_invariant<T: Message, V: Verdict>(
    bytes: &[u8],
    offset: usize,
    function: impl FnOnce(&T) -> V,
    name: &str,
    path: &str,
) -> Result<(), Invalid> {
    let field = &bytes[offset..][..size_of::<T>()];
    // SAFETY: says the caller.
    unsafe { check_invariant(field, function, name) }.map_err(|invalid| invalid.within(path))
}

/// What a field has in messages that lack it, where no `default` was given.
#[inline]
pub fn default_of_absent<T: AbsentDefault>() -> T {
    T::default()
}

/// A type that has a value for fields that a message lacks: one with a `Default`.
#[diagnostic::on_unimplemented(
    message = "messages of earlier versions lack this field, and `{Self}` has no default to show instead",
    label = "a field with `since` needs a default",
    note = "add `default = …` beside `since`, or hold the value as `Maybe<{Self}>`, \
            which shows absent fields as `Maybe::None`"
)]
pub trait AbsentDefault: Default {}

impl<T: Default> AbsentDefault for T {}

/// At compile time: that `T` may be `NoUninit`.
///
/// # Panics
///
/// If `T` has padding.
pub const fn assert_no_uninit<T: Message>() {
    assert!(T::PADDING_FREE, "this type has padding, and so is not `NoUninit`: see `deny_padding`");
}

/// At compile time: that `T` may be `Zeroable` and `AnyBitPattern`.
///
/// # Panics
///
/// If not all bit patterns are values of `T`.
pub const fn assert_any_bits<T: Message>() {
    assert!(T::ANY_BITS, "not every bit pattern is a value of this type: use `CheckedBitPattern`");
}

/// At compile time: that the enum `T` is as large as its `parts`, of which each has a size and an alignment, and that its
/// tags differ.
///
/// # Panics
///
/// If not: then the definition that was derived from is not that of `T`.
pub const fn assert_enum<T>(parts: &[(usize, usize)], tags: &[i128]) {
    let (mut size, mut index) = (0, 0);
    while index < parts.len() {
        let (part, align) = parts[index];
        assert!(
            align <= align_of::<T>(),
            "a variant is aligned to more than its enum: was the enum changed?"
        );
        size = if part > size { part } else { size };
        index += 1;
    }
    assert!(
        size.next_multiple_of(align_of::<T>()) == size_of::<T>(),
        "the enum is not as large as its variants"
    );
    let mut index = 1;
    while index < tags.len() {
        // Only neighbours: to compare all with all would be slow, and tags that count up differ.
        assert!(tags[index] != tags[index - 1], "two variants have one tag");
        index += 1;
    }
}
