//! Looking at a message as its bytes, from outside of the bus.

use core::mem::MaybeUninit;

use bus::Message;
use bus::message::{Kind, TypeDescriptor};

/// What a byte of memory holds before anything is written to it.
pub(crate) const UNTOUCHED: u8 = 0xee;

/// What the padding of the values of [`with_junk`] holds, and each other byte that is not set.
pub(crate) const JUNK: u8 = 0x01;

/// A value whose every byte, padding included, is `JUNK` before `set` changes some of it.
///
/// A byte of 1 is valid in integers, floats, `bool`, `NonZero` and enums that have a variant 1; a `char` of
/// four such bytes is not, and must be set.
pub(crate) fn with_junk<T: Message>(set: impl FnOnce(*mut T)) -> Box<T> {
    let mut place = Box::new(MaybeUninit::<T>::uninit());
    // SAFETY: The box has room for a `T`.
    unsafe { place.as_mut_ptr().cast::<u8>().write_bytes(JUNK, size_of::<T>()) };
    set(place.as_mut_ptr());
    T::validate(&memory(&place)).expect("the test makes a valid value");
    // SAFETY: All bytes are initialised, and have just been validated.
    unsafe { place.assume_init() }
}

/// The bytes that a peer would see of `value` in memory that held `before`.
pub(crate) fn written<T: Message>(value: &T, before: u8) -> Vec<u8> {
    let mut bytes = vec![before; size_of::<T>()];
    // SAFETY: The vector has as many bytes as a `T`, and nothing else refers to them.
    unsafe { value.write_fields(bytes.as_mut_ptr()) };
    bytes
}

/// Per byte of a `T`, whether it belongs to a value and is not padding; from the description alone.
pub(crate) fn occupied<T: Message>() -> Vec<bool> {
    let mut occupied = vec![false; size_of::<T>()];
    occupy(T::TYPE, &mut occupied);
    occupied
}

fn occupy(of: &TypeDescriptor, bytes: &mut [bool]) {
    match of.kind() {
        Kind::Array { element, len } => {
            for index in 0..*len {
                occupy(element, &mut bytes[index * element.size()..][..element.size()]);
            }
        }
        Kind::Struct { fields } => {
            for field in *fields {
                occupy(field.descriptor(), &mut bytes[field.offset()..][..field.descriptor().size()]);
            }
        }
        _ => bytes.fill(true),
    }
}

/// All bytes of a place that has been filled.
fn memory<T>(place: &MaybeUninit<T>) -> Vec<u8> {
    // SAFETY: `with_junk` initialised every byte, and wrote no value of a type with padding over them in one
    // piece.
    unsafe { core::slice::from_raw_parts(place.as_ptr().cast::<u8>(), size_of::<T>()) }.to_vec()
}
