//! Every shape that a message can have: where its parts lie, what is written of it, what is accepted.
//!
//! The compiler is the reference: each value is written by `write_fields` over zeroes, and must come back as the
//! same value from those bytes; and the bytes that are fields must be where the compiler put them.

#![allow(dead_code, reason = "the types are described and not used")]

use std::fmt::Debug;

use bus::Message;
use bus::message::{Invalid, Kind, Schema};

/// What `write_fields` makes of a value, in zeroed memory.
fn written<T: Message>(value: &T) -> Vec<u8> {
    let mut bytes = vec![0; size_of::<T>()];
    // SAFETY: `bytes` has room for a `T`.
    unsafe { value.write_fields(bytes.as_mut_ptr()) };
    bytes
}

/// The value that valid bytes are.
fn read<T: Message>(bytes: &[u8]) -> Result<T, Invalid> {
    assert_eq!(bytes.len(), size_of::<T>());
    T::validate(bytes)?;
    // SAFETY: `validate` says that they are a `T`.
    Ok(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}

/// Writes and reads a value; and a copy of it that the compiler made has the same bytes where fields are.
fn round_trip<T: Message + PartialEq + Debug + Copy>(value: T) {
    let bytes = written(&value);
    assert_eq!(read::<T>(&bytes).as_ref(), Ok(&value));
    // The same over ones: what `write_fields` leaves alone is padding, which may have any bits.
    let mut ones = vec![0xff; size_of::<T>()];
    // SAFETY: as above.
    unsafe { value.write_fields(ones.as_mut_ptr()) };
    assert_eq!(read::<T>(&ones).as_ref(), Ok(&value));
    if T::PADDING_FREE {
        assert_eq!(bytes, ones);
    } else {
        assert_ne!(bytes, ones, "a type with padding has some");
    }
    let schema = Schema::of::<T>();
    assert_eq!(schema.fingerprint(), T::FINGERPRINT);
    assert_eq!(Schema::decode(&schema.encode()), Ok(schema));
}

macro_rules! data_enums {
    ($($module:ident [$($repr:tt)*])*) => {$(
        mod $module {
            use bus::Message;

            #[derive(Message, Clone, Copy, PartialEq, Debug)]
            #[repr($($repr)*)]
            pub(super) enum Command {
                Halt,
                Move { x: f64, fast: bool },
                Turn(u16, [u8; 3]) = 7,
                Wait(core::num::NonZero<u32>),
                Empty {},
                Big([u64; 3], u8),
            }
        }

        #[test]
        fn $module() {
            use $module::Command;
            let all = [
                Command::Halt,
                Command::Move { x: 1.5, fast: true },
                Command::Turn(0x0102, [3, 4, 5]),
                Command::Wait(core::num::NonZero::<u32>::MAX),
                Command::Empty {},
                Command::Big([u64::MAX, 1, 2], 9),
            ];
            all.into_iter().for_each(round_trip);
            let Kind::Enum { variants, .. } = Command::TYPE.kind() else { panic!("an enum") };
            assert_eq!(variants.iter().map(|variant| variant.value()).collect::<Vec<_>>(), [0, 1, 7, 8, 9, 10]);
            assert!(!Command::PADDING_FREE && !Command::ANY_BITS);
            // The compiler's own fields lie where the description says.
            let value = Command::Turn(0x0102, [3, 4, 5]);
            let Command::Turn(number, bytes) = &value else { panic!("Turn") };
            let start = (&raw const value).addr();
            let fields = variants[2].fields();
            assert_eq!((number as *const u16).addr() - start, fields[0].offset());
            assert_eq!((bytes as *const [u8; 3]).addr() - start, fields[1].offset());
            // What is no value says so, with its path.
            let mut bytes = written(&Command::Move { x: 0.0, fast: false });
            bytes[variants[1].fields()[1].offset()] = 2;
            assert_eq!(read::<Command>(&bytes).unwrap_err().path(), "Move.fast");
            let bytes = vec![0xee; size_of::<Command>()];
            assert!(read::<Command>(&bytes).unwrap_err().expected().contains("0, 1, 7, 8, 9, 10"));
        }
    )*};
}

data_enums! {
    tag_u8 [u8]
    tag_u16 [u16]
    tag_u32 [u32]
    tag_u64 [u64]
    tag_i8 [i8]
    tag_i64 [i64]
    c_u8 [C, u8]
    c_u16 [u16, C]
    c_u32 [C, u32]
    c_u64 [C, u64]
    aligned [u8, align(32)]
    c_aligned [C, u16, align(16)]
}

#[derive(Message, Clone, Copy, PartialEq, Debug)]
#[repr(u8)]
enum Tree<T, const N: usize>
where
    T: Copy,
{
    Leaf(T),
    Row { items: [T; N], used: u8 },
    Inner(Option2<T>),
}

#[derive(Message, Clone, Copy, PartialEq, Debug)]
#[repr(C, u16)]
enum Option2<T> {
    Nothing,
    Just(T),
}

#[test]
fn generic_enums() {
    round_trip(Tree::<u32, 2>::Leaf(5));
    round_trip(Tree::<u32, 2>::Row { items: [1, 2], used: 1 });
    round_trip(Tree::<bool, 0>::Inner(Option2::Just(true)));
    round_trip(Tree::<bool, 3>::Inner(Option2::Nothing));
    assert_ne!(Tree::<u32, 2>::FINGERPRINT, Tree::<u32, 3>::FINGERPRINT);
}

#[test]
fn an_enum_without_holes_is_padding_free() {
    #[derive(Message, Clone, Copy, PartialEq, Debug)]
    #[repr(u32)]
    enum Even {
        A(u32),
        B(f32),
        C([u16; 2]),
    }
    const { assert!(Even::PADDING_FREE) };
    round_trip(Even::A(1));
    round_trip(Even::B(1.0));
    round_trip(Even::C([1, 2]));
}

#[test]
fn several_reprs_in_several_attributes() {
    #[derive(Message, Clone, Copy, PartialEq, Debug)]
    #[repr(C)]
    #[repr(align(64))]
    struct Line {
        value: u32,
    }
    #[derive(Message, Clone, Copy, PartialEq, Debug)]
    #[repr(align(4))]
    #[repr(u8)]
    enum Wide {
        One = 1,
        Two,
    }
    round_trip(Line { value: 3 });
    round_trip(Wide::Two);
    assert_eq!((size_of::<Line>(), size_of::<Wide>()), (64, 4));
}

#[derive(Message, Clone, Copy)]
#[repr(C)]
#[message(unsafe_any_bits)]
union Word {
    whole: u32,
    parts: [u16; 2],
    float: f32,
}

#[test]
fn a_union_by_promise() {
    let bytes = written(&Word { whole: 0x0102_0304 });
    assert_eq!(bytes, 0x0102_0304_u32.to_ne_bytes());
    let word: Word = read(&bytes).unwrap();
    // SAFETY: all fields accept all bits.
    assert_eq!(unsafe { word.parts.map(u32::from) }.iter().sum::<u32>(), 0x0102 + 0x0304);
    const { assert!(Word::ANY_BITS && Word::PADDING_FREE) };
    let schema = Schema::of::<Word>();
    assert_eq!(Schema::decode(&schema.encode()), Ok(schema));
}

fn even(number: &u32) -> bool {
    number.is_multiple_of(2)
}

#[derive(Message, Clone, Copy, PartialEq, Debug)]
#[repr(C)]
#[message(name = "Sample", version = 4, invariant = Reading::in_order)]
struct Reading {
    #[message(unit = "m/s", range = -10.0..=10.0)]
    speed: f32,
    #[message(range = 1..)]
    counts: [u16; 2],
    #[message(rename = "even", invariant = even)]
    number: u32,
    #[message(since = 2, default = 2.5)]
    gain: f64,
    #[message(since = 4)]
    flag: bool,
}

impl Reading {
    fn in_order(&self) -> Result<(), String> {
        if self.counts[0] <= self.counts[1] { Ok(()) } else { Err(format!("{:?} falls", self.counts)) }
    }
}

const READING: Reading = Reading { speed: 1.0, counts: [1, 2], number: 4, gain: 0.0, flag: true };

#[test]
fn attributes_are_described() {
    round_trip(READING);
    let schema = Schema::of::<Reading>();
    assert_eq!((schema.name(), schema.root().version()), ("Sample", 4));
    let fields = schema.fields();
    assert_eq!(
        fields.iter().map(|field| field.name()).collect::<Vec<_>>(),
        ["speed", "counts", "even", "gain", "flag"]
    );
    assert_eq!(fields.iter().map(|field| field.since()).collect::<Vec<_>>(), [1, 1, 1, 2, 4]);
    assert_eq!(fields[0].unit(), "m/s");
    assert_eq!(fields[0].bounds(), Some(bus::message::Bounds::Float { low: -10.0, high: 10.0 }));
    assert_eq!(fields[1].bounds(), Some(bus::message::Bounds::Integer { low: 1, high: 65535 }));
}

#[test]
fn ranges_and_invariants_are_checked() {
    let error = |reading: Reading| read::<Reading>(&written(&reading)).unwrap_err().to_string();
    assert_eq!(error(Reading { speed: 10.5, ..READING }), "`speed`: found 10.5, expected -10 to 10");
    assert_eq!(error(Reading { speed: f32::NAN, ..READING }), "`speed`: found NaN, expected -10 to 10");
    assert_eq!(error(Reading { counts: [1, 0], ..READING }), "`counts[1]`: found 0, expected at least 1");
    assert_eq!(
        error(Reading { number: 5, ..READING }),
        "`even`: found one that it does not accept, expected a value that `even` accepts"
    );
    assert_eq!(
        error(Reading { counts: [2, 1], ..READING }),
        "found [2, 1] falls, expected a value that `Reading::in_order` accepts"
    );
    const { assert!(!Reading::ANY_BITS) };
}

#[test]
fn a_range_alone_makes_numbers_checked() {
    #[derive(Message)]
    #[repr(transparent)]
    struct Percent(#[message(range = ..=100)] u8);
    const { assert!(!Percent::ANY_BITS) };
    assert!(Percent::validate(&[100]).is_ok());
    assert_eq!(Percent::validate(&[101]).unwrap_err().to_string(), "`0`: found 101, expected at most 100");
}

#[derive(Message, Clone, Copy, PartialEq, Debug)]
#[repr(C)]
struct Outer {
    first: u8,
    readings: [Reading; 2],
}

#[test]
fn fields_that_are_absent_have_their_defaults() {
    let mut bytes = written(&Outer { first: 9, readings: [READING; 2] });
    // SAFETY: `bytes` has room for an `Outer`.
    unsafe { Outer::write_absent(bytes.as_mut_ptr()) };
    let absent = Reading { gain: 2.5, flag: false, ..READING };
    assert_eq!(read(&bytes), Ok(Outer { first: 9, readings: [absent; 2] }));
}

#[test]
fn a_field_by_itself() {
    let mut reading = READING;
    *Reading::GAIN.of_mut(&mut reading) = 7.0;
    assert_eq!(*Reading::GAIN.of(&reading), 7.0);
    assert_eq!(Reading::NUMBER.name(), "even");
    let second = Outer::READINGS.of(&Outer { first: 0, readings: [READING; 2] })[1];
    assert_eq!(second, READING);
    let mut bytes = written(&reading);
    Reading::COUNTS.write(&mut bytes, &[8, 9]);
    assert_eq!(Reading::COUNTS.read(&bytes), Ok([8, 9]));
    bytes[Reading::FLAG.offset()] = 2;
    assert_eq!(Reading::FLAG.read(&bytes).unwrap_err().path(), "flag");
    assert_eq!(Reading::COUNTS.read(&bytes), Ok([8, 9]), "the other field does not matter");
    struct Pair(u8, u8);
    #[derive(Message)]
    #[repr(C)]
    struct Tuple(u8, u16);
    assert_eq!(Tuple::FIELD_1.offset(), 2);
}

#[test]
fn a_field_by_itself_is_held_to_its_own_range_and_invariant() {
    let bytes = written(&Reading { speed: 11.0, counts: [1, 0], number: 3, ..READING });
    let error = Reading::SPEED.read(&bytes).unwrap_err().to_string();
    assert_eq!(error, "`speed`: found 11, expected -10 to 10");
    assert_eq!(Reading::COUNTS.read(&bytes).unwrap_err().path(), "counts[1]");
    assert_eq!(Reading::NUMBER.read(&bytes).unwrap_err().path(), "even");
    assert_eq!(Reading::GAIN.read(&bytes), Ok(0.0));
}

/// What the definition uses has names that the expansion might have taken for its own.
#[test]
fn names_of_the_users_that_begin_with_underscores() {
    const __DISCRIMINANT_1: u8 = 4;
    #[derive(Message, Clone, Copy, PartialEq, Debug)]
    #[repr(u8)]
    enum Flags {
        A([bool; __DISCRIMINANT_1 as usize]) = 0,
        B = 1,
    }
    assert_eq!(read(&written(&Flags::A([true; 4]))), Ok(Flags::A([true; 4])));
    assert_eq!(Flags::validate(&[0, 1, 1, 7, 7]).unwrap_err().path(), "A.0[2]");
    const __DISCRIMINANT_0: u8 = 6;
    #[derive(Message, Clone, Copy, PartialEq, Debug)]
    #[repr(u8)]
    enum Tags {
        A(bool) = 1,
        B(u8) = __DISCRIMINANT_0 + 1,
        C(bool) = 2,
    }
    round_trip(Tags::B(9));
    assert!(Tags::validate(&[2, 7]).is_err() && Tags::validate(&[7, 7]).is_ok());
}

#[test]
fn the_traits_of_bytemuck() {
    #[derive(Message, Clone, Copy)]
    #[repr(C)]
    #[message(bytemuck(NoUninit, Zeroable, AnyBitPattern))]
    struct Plain {
        a: u32,
        b: f32,
    }
    #[derive(Message, Clone, Copy, PartialEq, Debug)]
    #[repr(C, align(8))]
    #[message(bytemuck(CheckedBitPattern))]
    struct Checked {
        flag: bool,
    }
    let plain: Plain = bytemuck::pod_read_unaligned(bytemuck::bytes_of(&Plain { a: 7, b: 0.0 }));
    assert_eq!(plain.a, 7);
    assert_eq!(
        bytemuck::checked::try_pod_read_unaligned(&[1, 0, 0, 0, 0, 0, 0, 0]),
        Ok(Checked { flag: true })
    );
    assert!(bytemuck::checked::try_pod_read_unaligned::<Checked>(&[2, 0, 0, 0, 0, 0, 0, 0]).is_err());
}

#[test]
fn an_option_of_what_is_not_zero_needs_no_room() {
    #[derive(Message, Clone, Copy, PartialEq, Debug)]
    #[repr(C)]
    struct Link {
        next: Option<core::num::NonZero<u32>>,
        weight: Option<core::num::NonZeroI8>,
        rest: [u8; 3],
    }
    const { assert!(Link::ANY_BITS && Link::PADDING_FREE) };
    round_trip(Link { next: None, weight: core::num::NonZero::new(-1), rest: [0; 3] });
}

#[test]
fn self_inside_of_a_variant() {
    trait Width {
        const WIDTH: usize;
    }
    impl Width for Sized2 {
        const WIDTH: usize = 3;
    }
    #[derive(Message, Clone, Copy, PartialEq, Debug)]
    #[repr(u8)]
    enum Sized2 {
        Bytes([u8; <Self as Width>::WIDTH]),
    }
    round_trip(Sized2::Bytes([1, 2, 3]));
}

#[test]
fn a_message_without_padding_may_be_asked_for() {
    #[derive(Message, Clone, Copy, PartialEq, Debug)]
    #[repr(C)]
    #[message(deny_padding)]
    struct Tight {
        bid: f64,
        size: u32,
        reserved: [u8; 4],
    }
    round_trip(Tight { bid: 1.0, size: 2, reserved: [0; 4] });
}
