//! `FixedVec` behaves like a `Vec`, leaves zeroes behind, and survives bytes that are none.

use core::marker::PhantomData;
use core::num::NonZero;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::Message;
use crate::message::test_support::{Random, read, written};
use crate::message::{FixedStr, Kind, Schema};

/// A message with padding and with bytes that are no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Message)]
#[message(crate = "crate")]
#[repr(C)]
struct Padded {
    number: u32,
    flag: bool,
}

/// A message that cannot be copied or cloned.
#[derive(Debug, PartialEq, Message)]
#[message(crate = "crate")]
#[repr(C)]
struct Single(u16);

#[derive(Clone, Copy, Debug, PartialEq, Message)]
#[message(crate = "crate")]
#[repr(C, align(32))]
struct Aligned(u8);

const fn padded(number: u32) -> Padded {
    Padded { number, flag: number % 2 == 1 }
}

#[test]
fn elements_go_in_and_come_out() {
    let mut list = FixedVec::<Single, 3>::new();
    assert!(list.is_empty() && list.pop().is_none() && list == FixedVec::default());
    list.push(Single(1)).unwrap();
    list.insert(0, Single(2)).unwrap();
    assert_eq!((list.len(), list.capacity(), list.remaining_capacity(), list.is_full()), (2, 3, 1, false));
    list.insert(2, Single(3)).unwrap();
    assert_eq!(list, [Single(2), Single(1), Single(3)]);
    assert_eq!((list.is_full(), list.remaining_capacity()), (true, 0));
    for element in &mut list {
        element.0 *= 10;
    }
    list.as_mut_slice()[0].0 += 1;
    list[1].0 += 1;
    assert_eq!(list.iter().map(|element| element.0).collect::<Vec<_>>(), [21, 11, 30]);
    assert_eq!(list.remove(0), Single(21));
    assert_eq!(list.swap_remove(0), Single(11));
    assert_eq!((list.pop(), list.pop()), (Some(Single(30)), None));
}

#[test]
fn what_does_not_fit_is_given_back() {
    let mut list = FixedVec::<Single, 2>::from([Single(1), Single(2)]);
    let full = list.push(Single(3)).unwrap_err();
    assert_eq!(full.to_string(), "FixedVec<_, 2> is full with 2 elements: remove one, or raise the capacity");
    assert_eq!(format!("{full:?}"), "Full { capacity: 2, container: Vec, .. }");
    assert_eq!(list.insert(0, full.value).unwrap_err().value, Single(3));
    assert_eq!(list, [Single(1), Single(2)]);
    assert!(FixedVec::<u8, 0>::new().push(1).is_err());

    let mut list = FixedVec::<u8, 4>::from([1, 2]);
    let too_long = |len| Err(TooLong::new(Container::Vec, len, 4));
    assert_eq!(list.extend_from_slice(&[3, 4, 5]), too_long(5));
    assert_eq!(list.resize(6, 0), too_long(6));
    assert_eq!(list, [1, 2]);
    assert_eq!(FixedVec::<u8, 4>::try_from(&[0; 7][..]).map(drop), too_long(7).map(drop));
    assert_eq!(
        list.resize(5, 0).unwrap_err().to_string(),
        "5 elements do not fit into FixedVec<_, 4>: shorten them, or raise the capacity"
    );

    let mut endless = 10..;
    assert_eq!(list.try_extend(&mut endless).unwrap_err().value, 12);
    assert_eq!(
        (list.as_slice(), endless.next()),
        (&[1, 2, 10, 11][..], Some(13)),
        "no further ones are taken"
    );
    assert_eq!(FixedVec::<u8, 4>::try_from_iter(0..9).unwrap_err().value, 4);
    assert_eq!(FixedVec::<u8, 4>::try_from_iter(0..4), Ok([0, 1, 2, 3].into()));
}

#[test]
fn indices_beyond_the_end_panic_as_those_of_a_vec() {
    let mut list = FixedVec::<u8, 4>::from([1, 2]);
    assert!(catch_unwind(AssertUnwindSafe(|| list.insert(3, 0))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| list.remove(2))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| list.swap_remove(2))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| list[2])).is_err());
    assert_eq!(list, [1, 2]);
}

#[test]
fn a_predicate_that_panics_loses_no_element() {
    let mut list = FixedVec::<u8, 4>::from([1, 2, 3, 4]);
    let result =
        catch_unwind(AssertUnwindSafe(|| list.retain(|element| *element == 2 || *element != 1 && panic!())));
    assert!(result.is_err());
    list.sort_unstable();
    assert_eq!(list, [1, 2, 3, 4]);
}

#[test]
fn nothing_of_what_is_removed_stays_behind() {
    let full = || FixedVec::<u32, 4>::from([!0, !1, !2, !3]);
    let tail_is_zero =
        |list: &FixedVec<u32, 4>| written(list)[8 + 4 * list.len()..].iter().all(|byte| *byte == 0);
    let removals: [fn(&mut FixedVec<u32, 4>); 9] = [
        |list| _ = list.pop(),
        |list| _ = list.remove(1),
        |list| _ = list.swap_remove(0),
        |list| list.truncate(1),
        |list| list.clear(),
        |list| list.retain(|element| *element == !1),
        |list| list.retain_mut(|element| *element == !3),
        |list| list.resize(3, 0).unwrap(),
        |list| *list = Clone::clone(list),
    ];
    for (index, removal) in removals.iter().enumerate() {
        let mut list = full();
        removal(&mut list);
        assert!(index == 8 || list.len() < 4);
        assert!(tail_is_zero(&list), "{index}: {:?}", written(&list));
    }
    assert!(tail_is_zero(&FixedVec::try_from_iter([1, 2]).unwrap()));
}

#[test]
#[expect(clippy::op_ref, reason = "comparing references is what is tested")]
fn it_compares_and_hashes_as_a_slice() {
    let (list, array) = (FixedVec::<u8, 4>::from([1, 2]), [1u8, 2]);
    assert!(list == array && list == &array && list == array[..] && list == &array[..] && list == vec![1, 2]);
    assert!(array == list && &array == list && array[..] == list && &array[..] == list && vec![1, 2] == list);
    for other in [&[1][..], &[1, 3], &[]] {
        assert_eq!((list == *other, *other == list), (false, false));
        assert_ne!(list, FixedVec::try_from(other).unwrap());
    }
    assert!(list < FixedVec::from([1, 2, 0]) && FixedVec::from([2]) > list);
    assert_eq!(list.cmp(&list.clone()), Ordering::Equal);
    assert_eq!(FixedVec::<f32, 1>::from([f32::NAN]).partial_cmp(&FixedVec::from([1.0])), None);
    let mut ages = HashMap::new();
    ages.insert(list, 3);
    assert_eq!(ages.get(&array[..]), Some(&3));
    assert_eq!(format!("{list:?}"), "[1, 2]");
    let mut list = list;
    assert_eq!((AsRef::<[u8]>::as_ref(&list).len(), AsMut::<[u8]>::as_mut(&mut list).len()), (2, 2));
    assert_eq!(BorrowMut::<[u8]>::borrow_mut(&mut list), [1, 2]);
}

#[test]
fn it_is_iterated_by_value_from_both_ends() {
    let list = FixedVec::<Single, 5>::from([Single(1), Single(2), Single(3), Single(4)]);
    let mut elements = list.into_iter();
    assert_eq!((elements.next(), elements.next_back()), (Some(Single(1)), Some(Single(4))));
    assert_eq!((elements.len(), elements.as_slice()), (2, &[Single(2), Single(3)][..]));
    assert_eq!(format!("{elements:?}"), "IntoIter([Single(2), Single(3)])");
    assert_eq!((elements.next(), elements.next_back()), (Some(Single(2)), Some(Single(3))));
    assert_eq!((elements.next(), elements.next_back(), elements.next()), (None, None, None));
    let mut elements = FixedVec::<u8, 3>::from([1, 2, 3]).into_iter();
    elements.next();
    assert!(elements.clone().eq([2, 3]) && elements.eq([2, 3]));
}

/// Elements are cloned by their own `Clone`.
#[test]
fn clones_are_clones_of_the_elements() {
    #[derive(Debug, PartialEq, Message)]
    #[message(crate = "crate")]
    #[repr(C)]
    struct Generation(u8);

    impl Clone for Generation {
        fn clone(&self) -> Self {
            Self(self.0 + 1)
        }
    }

    let list = FixedVec::<Generation, 4>::from([Generation(0), Generation(5)]);
    assert_eq!(list.clone(), [Generation(1), Generation(6)]);
    let mut list = list;
    list.resize(3, Generation(7)).unwrap();
    assert_eq!(list, [Generation(0), Generation(5), Generation(8)]);
}

#[test]
fn it_is_described_as_a_list() {
    type List = FixedVec<u32, 3>;
    assert!(matches!(List::TYPE.kind(), Kind::List { capacity: 3, element } if element.name() == "u32"));
    let schema = Schema::of::<List>();
    assert_eq!((schema.name(), schema.size(), schema.align()), ("FixedVec", 20, 4));
    const { assert!(List::PADDING_FREE && !List::ANY_BITS) };
    const { assert!(!FixedVec::<Padded, 3>::PADDING_FREE) };
    assert_ne!(List::FINGERPRINT, FixedVec::<u32, 4>::FINGERPRINT);
    assert_ne!(List::FINGERPRINT, FixedVec::<i32, 3>::FINGERPRINT);
    assert_eq!((size_of::<FixedVec<u8, 5>>(), align_of::<FixedVec<u8, 5>>()), (13, 1));
    assert_eq!(Schema::decode(&schema.encode()), Ok(schema));
}

#[test]
fn it_is_written_as_it_is_described() {
    let list = FixedVec::<u16, 3>::from([0x0102, 0x0304]);
    let mut expected = vec![2, 0, 0, 0, 0, 0, 0, 0];
    expected.extend([0x0102u16, 0x0304, 0].iter().flat_map(|element| element.to_ne_bytes()));
    assert_eq!(written(&list), expected);

    // With padding, only what is counted is written, and nothing to padding.
    let list = FixedVec::<Padded, 2>::from([padded(7)]);
    let mut bytes = [0xee; 24];
    // SAFETY: there are as many bytes as the type has.
    unsafe { list.write_fields(bytes.as_mut_ptr()) };
    assert_eq!(bytes[..8], [1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes[8..12], 7u32.to_ne_bytes());
    assert_eq!(bytes[12..], [1, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee]);
    assert_eq!(FixedVec::<Padded, 2>::validate(&written(&list)), Ok(()));
    // SAFETY: It was validated.
    assert_eq!(unsafe { read::<FixedVec<Padded, 2>>(&written(&list)) }, list);
}

#[test]
fn strict_alignment_puts_a_gap_before_the_elements() {
    type List = FixedVec<Aligned, 2>;
    assert_eq!((size_of::<List>(), align_of::<List>(), elements_at::<Aligned, 2>()), (96, 32, 32));
    const { assert!(!List::PADDING_FREE && !FixedVec::<Aligned, 0>::PADDING_FREE) };
    let list = List::from([Aligned(3), Aligned(4)]);
    let bytes = written(&list);
    assert_eq!((bytes[0], bytes[32], bytes[64]), (2, 3, 4));
    assert_eq!(List::validate(&bytes), Ok(()));
    // SAFETY: It was validated.
    assert_eq!(unsafe { read::<List>(&bytes) }, list);
    assert_eq!(Schema::decode(&Schema::of::<List>().encode()), Ok(Schema::of::<List>()));
}

#[test]
fn elements_without_bytes_cost_nothing() {
    type List = FixedVec<PhantomData<u8>, { usize::MAX }>;
    let mut list = List::new();
    list.push(PhantomData).unwrap();
    assert_eq!((list.len(), size_of::<List>(), list.pop()), (1, 8, Some(PhantomData)));
    assert_eq!(List::validate(&[0xff; 8]), Ok(()));
    // SAFETY: It was validated; a length is all it has.
    let list = unsafe { read::<List>(&[0xff; 8]) };
    assert_eq!((list.len(), list.is_full()), (usize::MAX, true));
}

/// A peer can claim very many elements that need no bytes: the check does not depend on how many.
#[test]
fn elements_without_bytes_are_checked_once() {
    use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    static CHECKS: AtomicUsize = AtomicUsize::new(0);

    struct Checked;

    // SAFETY: It has no bytes that could be wrong; whether it is valid, `validate` says.
    unsafe impl Message for Checked {
        const TYPE: &'static TypeDescriptor = &TypeDescriptor::structure::<Self>(
            crate::message::Declaration::new(Name::new("Checked")).with_invariant(),
            &[],
        );

        unsafe fn write_fields(&self, _: *mut u8) {}

        fn validate(_: &[u8]) -> Result<(), Invalid> {
            assert_eq!(CHECKS.fetch_add(1, Relaxed), 0, "one check tells about all");
            Ok(())
        }
    }

    type List = FixedVec<Checked, { usize::MAX }>;
    assert_eq!(List::validate(&[0; 8]), Ok(()));
    assert_eq!(CHECKS.load(Relaxed), 0);
    assert_eq!(List::validate(&[0xff; 8]), Ok(()));
    assert_eq!(CHECKS.load(Relaxed), 1);
}

#[test]
fn what_is_wrong_is_named() {
    type List = FixedVec<NonZero<u16>, 3>;
    let refusal = |bytes: &[u8]| List::validate(bytes).map_err(|invalid| invalid.to_string());
    let list = List::try_from_iter([NonZero::new(5).unwrap(), NonZero::new(6).unwrap()]).unwrap();
    let mut bytes = written(&list);
    assert_eq!(refusal(&bytes), Ok(()));
    // What is not counted is not looked at, and what is counted is.
    bytes[0] = 3;
    assert_eq!(refusal(&bytes), Err("`[2]`: found 0, expected a value other than 0".into()));
    bytes[0] = 4;
    let too_long = "found 4, expected a length of at most 3 (`FixedVec<_, 3>`)";
    assert_eq!(refusal(&bytes), Err(too_long.into()));
    bytes[..8].fill(0xff);
    let too_long = "found 18446744073709551615, expected a length of at most 3 (`FixedVec<_, 3>`)";
    assert_eq!(refusal(&bytes), Err(too_long.into()));

    let mut bytes = written(&FixedVec::<Padded, 2>::from([padded(1), padded(2)]));
    bytes[8 + 8 + 4] = 9;
    let error = FixedVec::<Padded, 2>::validate(&bytes).unwrap_err().within("flags");
    assert_eq!(error.to_string(), "`flags[1].flag`: found 9, expected 0 or 1 (`bool`)");
}

/// Every value of every byte, one at a time: of elements that accept any, and of such that do not.
#[test]
fn each_one_byte_corruption_is_a_value_or_refused() {
    fn access<T: Message + Clone + Ord + fmt::Debug, const N: usize>(mut list: FixedVec<T, N>, spare: T) {
        let counted = list.iter().count();
        assert!(counted <= N && counted == list.len());
        let _ = (format!("{list:?}"), list.clone().into_iter().rev().count(), list.cmp(&list.clone()));
        list.sort();
        list.truncate(N - 1);
        list.push(spare.clone()).unwrap();
        list.retain(|element| *element != spare);
        list.resize(N, spare.clone()).unwrap();
        assert!(list.push(spare).is_err());
        list.clear();
        assert_eq!(list.len(), 0);
    }

    fn each<T: Message + Clone + Ord + fmt::Debug, const N: usize>(good: &FixedVec<T, N>) -> (usize, usize) {
        let good_bytes = written(good);
        let spare = good[0].clone();
        let (mut accepted, mut refused) = (0, 0);
        for at in 0..good_bytes.len() {
            // Under an interpreter, some values of each byte.
            for byte in (0..=u8::MAX).step_by(if cfg!(miri) { 51 } else { 1 }) {
                let mut bytes = good_bytes.clone();
                bytes[at] = byte;
                let verdict = FixedVec::<T, N>::validate(&bytes);
                if let Err(invalid) = &verdict {
                    assert!(!invalid.expected().is_empty() && !invalid.found().is_empty());
                    assert_eq!(invalid.path().is_empty(), at < 8, "{invalid}");
                }
                if T::ANY_BITS || verdict.is_ok() {
                    // SAFETY: It was validated, or its elements accept any bits.
                    access(unsafe { read::<FixedVec<T, N>>(&bytes) }, spare.clone());
                }
                accepted += usize::from(verdict.is_ok());
                refused += usize::from(verdict.is_err());
            }
        }
        (accepted, refused)
    }

    let numbers = each(&FixedVec::<u16, 3>::from([7, 8]));
    let padded = each(&FixedVec::<Padded, 3>::from([padded(1), padded(2)]));
    let texts =
        each(&FixedVec::<FixedStr<4>, 3>::from([FixedStr::truncated("ab"), FixedStr::truncated("ö")]));
    if !cfg!(miri) {
        // Four lengths, zero in each of the other bytes, and any element.
        assert_eq!(numbers, (4 + 7 + 6 * 256, 252 + 7 * 255));
        assert!(padded.0 > 1000 && padded.1 > 252 + 7 * 255 + 2 * 253, "{padded:?}");
        assert!(texts.0 > 1000 && texts.1 > 252 + 7 * 255 + 2 * 250, "{texts:?}");
    }
}

/// Random operations do to it what they do to a `Vec`.
#[test]
fn it_does_what_a_vec_does() {
    const N: usize = 9;
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    let (mut list, mut model) = (FixedVec::<Padded, N>::new(), Vec::new());
    for step in 0..if cfg!(miri) { 300 } else { 50_000 } {
        let element = padded(random.below(1000) as u32);
        let at = random.below(model.len() + 1);
        let room = model.len() < N;
        match random.below(13) {
            0 | 1 => match list.push(element) {
                Ok(()) => model.push(element),
                Err(full) => assert!(!room && full.value == element),
            },
            2 | 3 => match list.insert(at, element) {
                Ok(()) => model.insert(at, element),
                Err(full) => assert!(!room && full.value == element),
            },
            4 => assert_eq!(list.pop(), model.pop()),
            5 if at < model.len() => assert_eq!(list.remove(at), model.remove(at)),
            6 if at < model.len() => assert_eq!(list.swap_remove(at), model.swap_remove(at)),
            7 if at.is_multiple_of(4) => {
                list.truncate(at);
                model.truncate(at);
            }
            8 => {
                let more = vec![element; random.below(4)];
                match list.extend_from_slice(&more) {
                    Ok(()) => model.extend_from_slice(&more),
                    Err(_) => assert!(model.len() + more.len() > N),
                }
            }
            9 => {
                list.retain(|kept| kept.number % 5 != 0);
                model.retain(|kept| kept.number % 5 != 0);
            }
            10 => match list.resize(at + 2, element) {
                Ok(()) => model.resize(at + 2, element),
                Err(_) => assert!(at + 2 > N),
            },
            11 => {
                let more = (0..random.below(3)).map(|_| element);
                match list.try_extend(more.clone()) {
                    Ok(()) => model.extend(more),
                    Err(_) => {
                        assert!(model.len() + more.len() > N);
                        model.resize(N, element);
                    }
                }
            }
            12 if at == 0 => {
                list.clear();
                model.clear();
            }
            _ => {
                list.sort_unstable();
                model.sort_unstable();
            }
        }
        assert_eq!(list, model, "after step {step}");
        assert_eq!(
            (list.len(), list.is_full(), list.is_empty()),
            (model.len(), model.len() == N, model.is_empty())
        );
        assert_eq!(FixedVec::<Padded, N>::validate(&written(&list)), Ok(()));
    }
}
