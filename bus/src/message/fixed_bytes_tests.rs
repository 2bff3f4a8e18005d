//! `FixedBytes` behaves like the bytes that it holds, leaves zeroes behind, and survives lengths that are none.

use std::collections::HashMap;
use std::io::Write;

use super::*;
use crate::message::{Kind, Schema};

/// A `FixedBytes` as a peer may have left it.
fn corrupt<const N: usize>(len: u16, bytes: [u8; N]) -> FixedBytes<N> {
    FixedBytes { len: len.to_le_bytes(), bytes }
}

fn too_long(len: usize) -> TooLong {
    TooLong::new(Container::Bytes, len, 4)
}

#[test]
fn bytes_go_in_and_come_out() {
    let mut bytes = FixedBytes::<4>::new();
    assert!(bytes.is_empty() && !bytes.is_full() && bytes == FixedBytes::default());
    bytes.push(1).unwrap();
    bytes.extend_from_slice(&[2, 3]).unwrap();
    assert_eq!((bytes.len(), bytes.capacity(), bytes.remaining_capacity()), (3, 4, 1));
    bytes[0] = 9;
    bytes.as_mut_slice()[1] = 8;
    for byte in &mut bytes {
        *byte += 1;
    }
    assert_eq!(bytes, [10, 9, 4]);
    assert_eq!(bytes.iter().chain(&bytes).count(), 6);
    assert_eq!(bytes.into_iter().collect::<Vec<u8>>(), [10, 9, 4]);
    assert_eq!(format!("{bytes:?}"), "[10, 9, 4]");
    assert_eq!((AsRef::<[u8]>::as_ref(&bytes).len(), bytes.as_mut().len()), (3, 3));
    assert_eq!(BorrowMut::<[u8]>::borrow_mut(&mut bytes), [10, 9, 4]);
    assert_eq!((bytes.pop(), bytes.pop(), bytes.pop(), bytes.pop()), (Some(4), Some(9), Some(10), None));
}

#[test]
fn what_does_not_fit_is_an_error_and_changes_nothing() {
    assert_eq!(FixedBytes::<4>::try_from(&b"12345"[..]), Err(too_long(5)));
    let mut bytes = FixedBytes::<4>::try_from(&b"123"[..]).unwrap();
    assert_eq!(bytes.extend_from_slice(b"45"), Err(too_long(5)));
    assert_eq!(bytes, b"123");
    assert_eq!((bytes.push(b'4'), bytes.push(b'5')), (Ok(()), Err(too_long(5))));
    assert_eq!(bytes.resize(5, 0), Err(too_long(5)));
    assert!(bytes.is_full() && bytes == *b"1234");
    assert_eq!(
        too_long(5).to_string(),
        "5 bytes do not fit into FixedBytes<4>: shorten them, or raise the capacity"
    );
    assert_eq!(FixedBytes::<2>::truncated(b"123"), b"12");
    assert_eq!(FixedBytes::<4>::truncated(b"123"), b"123");
}

#[test]
fn nothing_of_a_longer_content_stays_behind() {
    let mut bytes = FixedBytes::<8>::from(b"password");
    bytes.truncate(9);
    assert_eq!(bytes, b"password");
    bytes.truncate(5);
    assert_eq!((bytes.pop(), bytes.bytes), (Some(b'w'), *b"pass\0\0\0\0"));
    bytes.resize(6, b'!').unwrap();
    assert_eq!(bytes.bytes, *b"pass!!\0\0");
    bytes.resize(2, b'!').unwrap();
    assert_eq!((bytes.len(), bytes.bytes), (2, *b"pa\0\0\0\0\0\0"));
    bytes.clear();
    assert_eq!((bytes.len(), bytes.bytes), (0, [0; 8]));
}

#[test]
#[expect(clippy::op_ref, reason = "comparing references is what is tested")]
fn it_compares_and_hashes_as_a_slice() {
    let (bytes, array) = (FixedBytes::<4>::from([1, 2]), [1u8, 2]);
    assert!(
        bytes == array && bytes == &array && bytes == array[..] && bytes == &array[..] && bytes == vec![1, 2]
    );
    assert!(
        array == bytes && &array == bytes && array[..] == bytes && &array[..] == bytes && vec![1, 2] == bytes
    );
    for other in [&[1][..], &[1, 3], &[]] {
        assert_eq!((bytes == *other, *other == bytes), (false, false));
    }
    assert!(bytes < FixedBytes::from([1, 2, 0]) && FixedBytes::from([2]) > bytes);
    assert_eq!(corrupt(1, *b"axx"), corrupt(1, *b"ayy"), "the tail does not matter");
    let mut ages = HashMap::new();
    ages.insert(bytes, 3);
    assert_eq!(ages.get(&array[..]), Some(&3));
}

#[test]
fn it_can_be_written_to() {
    let mut bytes = FixedBytes::<4>::new();
    write!(bytes, "a{}", 1).unwrap();
    let error = bytes.write_all(b"bcd").unwrap_err();
    assert_eq!((error.kind(), bytes.len()), (io::ErrorKind::WriteZero, 2), "all or nothing");
    assert_eq!(error.to_string(), too_long(5).to_string());
    assert_eq!((bytes.write(b"bcd").unwrap(), bytes.write(b"d").unwrap()), (2, 0));
    bytes.flush().unwrap();
    assert_eq!(bytes, b"a1bc");
}

#[test]
fn it_is_described_as_bytes() {
    assert!(matches!(FixedBytes::<7>::TYPE.kind(), Kind::Bytes { capacity: 7 }));
    let schema = Schema::of::<FixedBytes<7>>();
    assert_eq!((schema.name(), schema.size(), schema.align()), ("FixedBytes", 9, 1));
    const { assert!(FixedBytes::<7>::PADDING_FREE && !FixedBytes::<7>::ANY_BITS) };
    let mut written = [0xee; 6];
    // SAFETY: `written` has as many bytes as the type.
    unsafe { FixedBytes::<4>::from(b"ab").write_fields(written.as_mut_ptr()) };
    assert_eq!(written, *b"\x02\0ab\0\0");
    assert_eq!(written, bytemuck::bytes_of(&FixedBytes::<4>::from(b"ab")));
    assert_eq!(<FixedBytes<4> as Zeroable>::zeroed(), FixedBytes::new());
}

/// Every value of every byte, one at a time.
#[test]
fn each_one_byte_corruption_is_a_value_or_refused() {
    let good = FixedBytes::<4>::from(b"abc");
    let (mut accepted, mut refused) = (0, 0);
    for at in 0..size_of_val(&good) {
        for byte in 0..=u8::MAX {
            let mut bytes = [0; 6];
            bytes.copy_from_slice(bytemuck::bytes_of(&good));
            bytes[at] = byte;
            let len = u16::from_le_bytes([bytes[0], bytes[1]]);
            let mut value = corrupt(len, *bytes[2..].first_chunk::<4>().unwrap());
            let bits: FixedBits<4> = bytemuck::cast(bytes);
            assert_eq!(value.as_slice(), &bytes[2..][..usize::from(len.min(4))]);
            match FixedBytes::<4>::validate(&bytes) {
                Ok(()) => {
                    assert_eq!(bytemuck::checked::try_cast::<_, FixedBytes<4>>(bits), Ok(value));
                    accepted += 1;
                }
                Err(invalid) => {
                    assert_eq!(
                        invalid.to_string(),
                        format!("found {len}, expected a length of at most 4 (`FixedBytes<4>`)")
                    );
                    assert!(bytemuck::checked::try_cast::<_, FixedBytes<4>>(bits).is_err());
                    assert!(value.push(1).is_err());
                    refused += 1;
                }
            }
            value.pop();
            value.clear();
            value.extend_from_slice(b"wxyz").unwrap();
            assert_eq!(value, b"wxyz");
        }
    }
    assert_eq!((accepted, refused), (4 * 256 + 5 + 1, 251 + 255));
    assert_eq!(corrupt(9, []), []);
}
