//! `FixedStr` behaves like the text that it holds, and survives bytes that are none.

use core::fmt::Write;
use std::collections::HashMap;

use super::*;

/// A `FixedStr` as a peer may have left it.
fn corrupt<const N: usize>(len: u16, bytes: [u8; N]) -> FixedStr<N> {
    FixedStr { len: len.to_le_bytes(), bytes }
}

fn too_long(len: usize) -> TooLong {
    TooLong::new(Container::Str, len, 4)
}

#[test]
fn text_goes_in_and_comes_out() {
    let text: FixedStr<8> = "größe".try_into().unwrap();
    assert_eq!(text.as_str(), "größe");
    assert_eq!((text.len(), text.capacity(), text.is_empty()), (7, 8, false));
    assert_eq!(text, "größe");
    assert_eq!(&*text, "größe");
    assert_eq!(format!("{text:>7}|{text:?}"), "  größe|\"größe\"");
    assert_eq!("größe".parse(), Ok(text));
    assert!(FixedStr::<8>::default().is_empty());
}

#[test]
fn text_that_does_not_fit_is_an_error_and_changes_nothing() {
    assert_eq!(FixedStr::<4>::try_from("größe"), Err(too_long(7)));
    let mut text = FixedStr::<4>::try_from("abc").unwrap();
    assert_eq!(text.push('ö'), Err(too_long(5)));
    assert_eq!(text, "abc");
    assert_eq!(text.push('d'), Ok(()));
    assert_eq!(text, "abcd");
    assert!(write!(text, "e").is_err());
    assert_eq!(
        too_long(5).to_string(),
        "a text of 5 bytes does not fit into FixedStr<4>: shorten it, or raise the capacity"
    );
}

#[test]
fn truncation_cuts_between_characters() {
    assert_eq!(FixedStr::<3>::truncated("größe"), "gr");
    assert_eq!(FixedStr::<4>::truncated("größe"), "grö");
    assert_eq!(FixedStr::<0>::truncated("größe"), "");
    assert_eq!(FixedStr::<9>::truncated("größe"), "größe");
}

#[test]
fn nothing_of_a_longer_text_stays_behind() {
    let mut text = FixedStr::<8>::try_from("password").unwrap();
    text.clear();
    text.push_str("ab").unwrap();
    assert_eq!(text.bytes, *b"ab\0\0\0\0\0\0");
    let mut text = corrupt(2, *b"ab\xff\xff");
    text.push('c').unwrap();
    assert_eq!(text.bytes, *b"abc\0");
}

#[test]
fn it_is_the_key_that_its_text_is() {
    let mut ages = HashMap::new();
    ages.insert(FixedStr::<8>::truncated("ann"), 3);
    assert_eq!(ages.get("ann"), Some(&3));
    assert!(FixedStr::<8>::truncated("ann") < FixedStr::<8>::truncated("bob"));
    // Equality is of the text; the tail does not matter.
    assert_eq!(corrupt(1, *b"axx"), corrupt(1, *b"ayy"));
}

#[test]
fn corrupt_bytes_are_clamped_on_access() {
    assert_eq!(corrupt(u16::MAX, *b"abc"), "abc");
    assert_eq!(corrupt(3, *b"a\xffc"), "a");
    assert_eq!(corrupt(2, *b"a\xc3\xb6"), "a");
    assert_eq!(corrupt(9, []), "");
    let mut text = corrupt(u16::MAX, *b"a\xffc");
    text.push('b').unwrap();
    assert_eq!(text, "ab");
}

#[test]
fn corrupt_bytes_are_refused_on_receipt() {
    let refusal = |bytes: &[u8]| FixedStr::<4>::validate(bytes).map_err(|invalid| invalid.to_string());
    assert_eq!(refusal(b"\x03\0abc\0"), Ok(()));
    assert_eq!(refusal(b"\x04\0abcd"), Ok(()));
    assert_eq!(refusal(b"\x05\0abcd"), Err("found 5, expected a length of at most 4 (`FixedStr<4>`)".into()));
    assert_eq!(
        refusal(b"\0\x01abcd"),
        Err("found 256, expected a length of at most 4 (`FixedStr<4>`)".into())
    );
    assert_eq!(
        refusal(b"\x03\0ab\xc3\0"),
        Err("found the byte 0xc3 at 2, expected UTF-8 (`FixedStr<4>`)".into())
    );
}

#[test]
fn text_is_shortened_between_characters_and_leaves_zeroes() {
    let mut text = FixedStr::<8>::try_from("größe").unwrap();
    assert_eq!(text.pop(), Some('e'));
    assert_eq!(text.pop(), Some('ß'));
    assert_eq!(text.pop(), Some('ö'));
    assert_eq!((text.as_str(), text.bytes), ("gr", *b"gr\0\0\0\0\0\0"));
    text.truncate(3);
    assert_eq!(text, "gr");
    text.truncate(1);
    assert_eq!((text.as_str(), text.bytes), ("g", *b"g\0\0\0\0\0\0\0"));
    assert_eq!((text.pop(), text.pop()), (Some('g'), None));
}

#[test]
#[should_panic(expected = "not at 3")]
fn text_is_not_cut_inside_of_a_character() {
    FixedStr::<8>::truncated("größe").truncate(3);
}

#[test]
fn it_compares_with_text_from_either_side() {
    let text = FixedStr::<4>::truncated("ab");
    assert!("ab" == text && *"ab" == text && "a" != text && *"a" != text);
    let owned = ["ab", "a"].map(String::from);
    assert!(text == owned[0] && text != owned[1]);
    assert_eq!(AsRef::<[u8]>::as_ref(&text), b"ab");
}

/// Every change of one byte leaves a text, or is an error that says what is wrong; either can be accessed.
#[test]
fn each_one_byte_corruption_is_text_or_refused() {
    let good = FixedStr::<6>::truncated("aößb");
    let (mut accepted, mut refused) = (0, 0);
    for at in 0..size_of::<FixedStr<6>>() {
        for byte in 0..=u8::MAX {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(bytemuck::bytes_of(&good));
            bytes[at] = byte;
            let bits: FixedBits<6> = bytemuck::cast(bytes);
            let text = FixedStr::<6> { len: [bytes[0], bytes[1]], bytes: *bytes[2..].first_chunk().unwrap() };
            let len = usize::from(u16::from_le_bytes(text.len));
            match FixedStr::<6>::validate(&bytes) {
                Ok(()) => {
                    assert_eq!(text.as_bytes(), &bytes[2..][..len]);
                    assert_eq!(bytemuck::checked::try_cast::<_, FixedStr<6>>(bits), Ok(text));
                    accepted += 1;
                }
                Err(invalid) => {
                    assert!(!invalid.expected().is_empty() && !invalid.found().is_empty());
                    assert!(bytemuck::checked::try_cast::<_, FixedStr<6>>(bits).is_err());
                    assert!(len > 6 || text.len() < len, "{invalid}");
                    refused += 1;
                }
            }
        }
    }
    assert!(accepted > 100 && refused > 100, "{accepted} and {refused}");
}
