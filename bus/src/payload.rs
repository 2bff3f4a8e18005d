//! What a topic carries: messages, slices of them, or slices with a header.
//!
//! A message has one size. The others have a fixed part, which is empty for a plain slice, and then as many elements as
//! each value has; they always lie in pool memory, which follows the lengths in use. Their fixed part with no elements is a
//! message type of its own, private to this file: it gives them their fingerprint, schema and layout.

use core::mem::offset_of;
use core::ptr;

use crate::copy;
use crate::image;
use crate::message::{Declaration, FieldDescriptor, Invalid, Message, Name, TypeDescriptor};
use crate::sync::AtomicU64;

/// What a topic carries: a [`Message`], a slice `[E]` of messages, or [`WithHeader<H, [E]>`](WithHeader).
///
/// It is implemented for these, and cannot be for others.
///
/// # Safety
/// That of [`Message`], for each part.
#[diagnostic::on_unimplemented(
    message = "a topic cannot carry `{Self}`: it cannot be placed in shared memory",
    label = "neither a `Message` nor a slice of messages",
    note = "for your own type, add `#[derive(Message)]` and `#[repr(C)]` (enums: `#[repr(u8)]`) to its definition",
    note = "for a type of another crate, hold its parts: fixed-width numbers, `bool`, `char`, arrays, `FixedStr<N>` for \
            text; for several values, `[T]`"
)]
pub unsafe trait Payload: sealed::Sealed + Send + Sync + 'static {
    /// The type without elements, which has its fingerprint and schema.
    #[doc(hidden)]
    type Fixed: Message;
    /// Bytes of an element; 0 where there are none.
    #[doc(hidden)]
    const ELEMENT: usize;
    /// Bytes before the first element, or of all where there are none.
    #[doc(hidden)]
    const ELEMENTS_AT: usize;
    /// Whether every bit pattern is a value.
    #[doc(hidden)]
    const ANY_BITS: bool;
    /// Whether no byte is padding.
    #[doc(hidden)]
    const PADDING_FREE: bool;

    /// Bytes of this value.
    #[doc(hidden)]
    fn bytes(&self) -> usize;

    /// Writes the value, padding as zeroes.
    ///
    /// # Safety
    /// `out` is valid for writes of as many bytes as the value has.
    #[doc(hidden)]
    unsafe fn write_out(&self, out: *mut u8);

    /// Writes the value into a slot, which has room for it.
    #[doc(hidden)]
    fn store(&self, words: &[AtomicU64]) {
        let mut image = vec![0_u64; self.bytes().div_ceil(8)];
        // SAFETY: the image has as many bytes, and is ours.
        unsafe { self.write_out(image.as_mut_ptr().cast()) };
        // SAFETY: all words of the image are initialised.
        unsafe { copy::store(image.as_ptr(), &words[..image.len()]) };
    }

    /// Whether these bytes are a value.
    #[doc(hidden)]
    fn check(bytes: &[u8]) -> Result<(), Invalid>;

    /// The value of so many bytes that starts there; `None` where no value has so many.
    #[doc(hidden)]
    fn of_bytes(start: *mut u8, bytes: usize) -> Option<*mut Self>;
}

mod sealed {
    pub trait Sealed {}
    impl<T: super::Message> Sealed for T {}
    impl<E: super::Message> Sealed for [E] {}
    impl<H: super::Message, E: super::Message> Sealed for super::WithHeader<H, [E]> {}
}

// SAFETY: it is a message.
unsafe impl<T: Message> Payload for T {
    type Fixed = T;
    const ELEMENT: usize = 0;
    const ELEMENTS_AT: usize = size_of::<T>();
    const ANY_BITS: bool = T::ANY_BITS;
    const PADDING_FREE: bool = T::PADDING_FREE;

    #[inline(always)]
    fn bytes(&self) -> usize {
        size_of::<T>()
    }

    #[inline]
    unsafe fn write_out(&self, out: *mut u8) {
        if !T::PADDING_FREE {
            // SAFETY: there is room for a `T`, says the caller.
            unsafe { out.write_bytes(0, size_of::<T>()) };
        }
        // SAFETY: as above.
        unsafe { self.write_fields(out) };
    }

    #[inline(always)]
    fn store(&self, words: &[AtomicU64]) {
        image::store(self, words);
    }

    fn check(bytes: &[u8]) -> Result<(), Invalid> {
        T::validate(bytes)
    }

    #[inline]
    fn of_bytes(start: *mut u8, bytes: usize) -> Option<*mut T> {
        (bytes == size_of::<T>()).then(|| start.cast())
    }
}

/// Elements after a header, in one value: `Topic<WithHeader<Header, [Point]>>` carries a header and as many points as
/// each value has. One with an array becomes one with a slice by itself, as arrays do.
///
/// ```
/// # fn main() -> Result<(), bus::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
/// # let service = bus.service("lidar")?;
/// # service.ready()?;
/// use bus::WithHeader;
///
/// let scans = service.topic::<WithHeader<u64, [f32]>>("scans").open()?;
/// scans.item("front")?.publish(&WithHeader { header: 7, data: [1.5, 2.5, 3.5] })?;
///
/// let lidar = bus.connect::<WithHeader<u64, [f32]>>("lidar/scans").open()?;
/// // Held where it is …
/// let scan = lidar.advise("front").samples(1)?.recv()?.value;
/// assert_eq!((scan.header, &scan.data), (7, &[1.5, 2.5, 3.5][..]));
/// // … or copied into a box.
/// let scan: Box<WithHeader<u64, [f32]>> = lidar.request_boxed("front")?.value;
/// assert_eq!(scan.data.len(), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct WithHeader<H, S: ?Sized> {
    /// What comes first.
    pub header: H,
    /// The elements.
    pub data: S,
}

/// A slice without elements, by which slices are described.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Slice<E> {
    elements: [E; 0],
}

/// A header without elements, by which slices with a header are described.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Headed<H, E> {
    header: H,
    elements: [E; 0],
}

// SAFETY: it has no bytes but those of its fields, which are messages.
unsafe impl<E: Message> Message for Slice<E> {
    const TYPE: &'static TypeDescriptor = &TypeDescriptor::structure::<Self>(
        Declaration::new(Name::new("Slice")),
        const { &[FieldDescriptor::of::<[E; 0]>(Name::new("elements"), 0, "As many as each value has.")] },
    );

    unsafe fn write_fields(&self, _: *mut u8) {}

    fn validate(_: &[u8]) -> Result<(), Invalid> {
        Ok(())
    }
}

// SAFETY: in `repr(C)` it has the bytes of its fields, which are messages, and padding between them, which is left alone.
unsafe impl<H: Message, E: Message> Message for Headed<H, E> {
    const TYPE: &'static TypeDescriptor = &TypeDescriptor::structure::<Self>(
        Declaration::new(Name::new("WithHeader")),
        const {
            &[
                FieldDescriptor::of::<H>(Name::new("header"), 0, ""),
                FieldDescriptor::of::<[E; 0]>(
                    Name::new("data"),
                    offset_of!(Self, elements),
                    "As many as each value has.",
                ),
            ]
        },
    );

    unsafe fn write_fields(&self, out: *mut u8) {
        // SAFETY: the header comes first, and there is room for it, says the caller.
        unsafe { self.header.write_fields(out) };
    }

    fn validate(bytes: &[u8]) -> Result<(), Invalid> {
        H::validate(&bytes[..size_of::<H>()]).map_err(|invalid| invalid.within("header"))
    }
}

/// How many elements there are in so many bytes of them; `None` where that is no number.
fn elements<E>(bytes: usize) -> Option<usize> {
    const { assert!(size_of::<E>() > 0, "elements of a slice have bytes") };
    bytes.is_multiple_of(size_of::<E>()).then(|| bytes / size_of::<E>())
}

/// Writes elements one after the other, padding as zeroes.
///
/// # Safety
/// `out` is valid for writes of as many bytes as the elements have.
unsafe fn write_elements<E: Message>(elements: &[E], out: *mut u8) {
    if E::PADDING_FREE {
        // SAFETY: without padding all bytes are initialised; `out` has room for them, and is other memory.
        return unsafe { ptr::copy_nonoverlapping(elements.as_ptr().cast(), out, size_of_val(elements)) };
    }
    for (index, element) in elements.iter().enumerate() {
        // SAFETY: there is room for all elements, of which this is one.
        unsafe { element.write_out(out.add(index * size_of::<E>())) };
    }
}

fn check_elements<E: Message>(bytes: &[u8]) -> Result<(), Invalid> {
    if E::ANY_BITS {
        return Ok(());
    }
    let mut elements = bytes.chunks_exact(size_of::<E>()).enumerate();
    elements.try_for_each(|(index, bytes)| E::validate(bytes).map_err(|invalid| invalid.within_index(index)))
}

// SAFETY: it consists of messages.
unsafe impl<E: Message> Payload for [E] {
    type Fixed = Slice<E>;
    const ELEMENT: usize = size_of::<E>();
    const ELEMENTS_AT: usize = 0;
    const ANY_BITS: bool = E::ANY_BITS;
    const PADDING_FREE: bool = E::PADDING_FREE;

    fn bytes(&self) -> usize {
        size_of_val(self)
    }

    unsafe fn write_out(&self, out: *mut u8) {
        // SAFETY: says the caller.
        unsafe { write_elements(self, out) };
    }

    fn check(bytes: &[u8]) -> Result<(), Invalid> {
        check_elements::<E>(bytes)
    }

    fn of_bytes(start: *mut u8, bytes: usize) -> Option<*mut [E]> {
        Some(ptr::slice_from_raw_parts_mut(start.cast(), elements::<E>(bytes)?))
    }
}

// SAFETY: it consists of messages.
unsafe impl<H: Message, E: Message> Payload for WithHeader<H, [E]> {
    type Fixed = Headed<H, E>;
    const ELEMENT: usize = size_of::<E>();
    const ELEMENTS_AT: usize = offset_of!(Headed<H, E>, elements);
    const ANY_BITS: bool = H::ANY_BITS && E::ANY_BITS;
    const PADDING_FREE: bool = H::PADDING_FREE && E::PADDING_FREE && Self::ELEMENTS_AT == size_of::<H>();

    fn bytes(&self) -> usize {
        Self::ELEMENTS_AT + size_of_val(&self.data)
    }

    unsafe fn write_out(&self, out: *mut u8) {
        // SAFETY: the header and what is between it and the elements come first, and there is room for them.
        unsafe { out.write_bytes(0, Self::ELEMENTS_AT) };
        // SAFETY: as above.
        unsafe { self.header.write_fields(out) };
        // SAFETY: the elements come then, and there is room for them.
        unsafe { write_elements(&self.data, out.add(Self::ELEMENTS_AT)) };
    }

    fn check(bytes: &[u8]) -> Result<(), Invalid> {
        H::validate(&bytes[..size_of::<H>()]).map_err(|invalid| invalid.within("header"))?;
        check_elements::<E>(&bytes[Self::ELEMENTS_AT..]).map_err(|invalid| invalid.within("data"))
    }

    fn of_bytes(start: *mut u8, bytes: usize) -> Option<*mut Self> {
        let elements = elements::<E>(bytes.checked_sub(Self::ELEMENTS_AT)?)?;
        // The number of elements is the number of elements of what they are the end of.
        Some(ptr::slice_from_raw_parts_mut(start.cast::<E>(), elements) as *mut Self)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[derive(crate::Message, Clone, Copy, Debug, PartialEq)]
    #[message(crate = "crate")]
    #[repr(C)]
    struct Gappy {
        flag: bool,
        number: u32,
    }

    fn image<T: Payload + ?Sized>(value: &T) -> Vec<u8> {
        let mut words = vec![u64::MAX; value.bytes().div_ceil(8) + 1];
        // SAFETY: there is room for the value.
        unsafe { value.write_out(words.as_mut_ptr().cast()) };
        bytemuck::cast_slice(&words)[..value.bytes()].to_vec()
    }

    #[test]
    fn a_slice_is_its_elements_with_padding_zeroed() {
        let value = [Gappy { flag: true, number: 7 }, Gappy { flag: false, number: 9 }];
        assert_eq!(image(&value[..]), [1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0]);
        assert_eq!(<[Gappy]>::check(&image(&value[..])), Ok(()));
        let mut bad = image(&value[..]);
        bad[8] = 2;
        assert!(<[Gappy]>::check(&bad).unwrap_err().to_string().contains("[1].flag"));
        assert!(image::<[u8]>(&[]).is_empty());
    }

    #[test]
    fn elements_follow_a_header_where_their_alignment_says() {
        let value: &WithHeader<u8, [u32]> = &WithHeader { header: 3, data: [5, 6] };
        let mut bytes = image(value);
        assert_eq!(bytes, [3, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0]);
        let mut words = [0_u64; 2];
        bytemuck::cast_slice_mut(&mut words)[..12].copy_from_slice(&bytes);
        let back = <WithHeader<u8, [u32]>>::of_bytes(words.as_mut_ptr().cast(), 12).unwrap();
        // SAFETY: a whole value lies there.
        assert_eq!(unsafe { &*back }, value);
        let odd = [13, 3].map(|bytes| <WithHeader<u8, [u32]>>::of_bytes(words.as_mut_ptr().cast(), bytes));
        assert_eq!(odd, [None, None], "no number of elements");
        const { assert!(!<WithHeader<u8, [u32]> as Payload>::PADDING_FREE) };
        const { assert!(<WithHeader<u32, [u32]> as Payload>::PADDING_FREE) };
        bytes[0] = 4;
        let flagged: &WithHeader<bool, [bool]> = &WithHeader { header: true, data: [true] };
        let mut bad = image(flagged);
        bad[1] = 7;
        assert!(<WithHeader<bool, [bool]>>::check(&bad).unwrap_err().to_string().contains("data[0]"));
    }

    #[test]
    fn each_kind_is_a_type_of_its_own() {
        fn fingerprint<T: Payload + ?Sized>() -> crate::message::Fingerprint {
            T::Fixed::FINGERPRINT
        }
        let all = [
            fingerprint::<u32>(),
            fingerprint::<[u32]>(),
            fingerprint::<[i32]>(),
            fingerprint::<[u32; 0]>(),
            fingerprint::<WithHeader<u32, [u32]>>(),
            fingerprint::<WithHeader<i32, [u32]>>(),
            fingerprint::<WithHeader<u32, [i32]>>(),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{index}");
        }
    }
}
