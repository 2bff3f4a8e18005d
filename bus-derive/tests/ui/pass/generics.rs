//! Bounds, where clauses and defaults are kept; parameters become messages; associated types too.
#![allow(dead_code)]

use bus::Message;

trait Sensor: Copy {
    type Value;
    const CHANNELS: usize;
}

impl Sensor for u32 {
    type Value = f64;
    const CHANNELS: usize = 2;
}

#[derive(Message)]
#[repr(C)]
struct Window<T: Copy = f32, const N: usize = 4>
where
    T: PartialOrd,
{
    values: [T; N],
    latest: Reading<u32>,
}

#[derive(Message)]
#[repr(C)]
struct Reading<S: Sensor> {
    sensor: S,
    value: S::Value,
}

#[derive(Message)]
#[repr(transparent)]
struct Only<T>(T);

#[derive(Message)]
#[repr(u8)]
enum Level<const DEFAULT: char> {
    Low,
    High,
}

#[derive(Message)]
#[repr(C)]
struct Flags<const STRICT: bool, const OFFSET: i8>(Level<'x'>);

/// Expressions in the places of constants, and types of other parameters.
#[derive(Message)]
#[repr(C)]
struct Matrix<T, const ROWS: usize = { 1 + 1 }, const COLUMNS: usize = ROWS> {
    rows: [[T; COLUMNS]; ROWS],
    fixed: [u8; { const HALF: usize = 4; 2 * HALF }],
    inner: Only<Only<[T; ROWS]>>,
    flags: Flags<{ 1 < 2 }, { -3 + 1 }>,
}

#[derive(Message)]
#[repr(u8)]
enum Command<S: Sensor = u32, const N: usize = 2>
where
    S: Copy + PartialEq,
    S::Value: Copy,
    [S::Value; N]: Sized,
{
    Nothing,
    Read(S, S::Value),
    Fill { values: [<S as Sensor>::Value; N], only: Only<S> },
}

#[derive(Message)]
#[repr(C, u8)]
enum WithPayload<S, const N: usize>
where
    S: Sensor,
    <S as Sensor>::Value: Copy + PartialOrd,
{
    Nothing,
    Read(S, S::Value),
    Fill { values: [<S as Sensor>::Value; N] },
}

/// An enum may leave a parameter to one variant, and none of them to constants.
#[derive(Message)]
#[repr(C, u8)]
enum Sparse<A, B, const UNUSED: u8> {
    First(A),
    Second([B; 1]),
    Third,
}

#[derive(Message, Clone, Copy)]
#[message(unsafe_any_bits)]
#[repr(C)]
union Overlay<T: Copy, const N: usize>
where
    T: PartialEq,
{
    bytes: [u8; N],
    value: T,
}

#[derive(Message)]
#[message(invariant = Checked::check, version = 3)]
#[repr(C)]
struct Checked<T: Default + PartialOrd, const MOST: u16> {
    #[message(range = 1..=MOST)]
    count: u16,
    #[message(invariant = not_default)]
    value: T,
    #[message(since = 2)]
    late: T,
    #[message(since = 3, default = MOST)]
    last: u16,
}

impl<T: Default + PartialOrd, const MOST: u16> Checked<T, MOST> {
    fn check(&self) -> bool {
        self.value >= self.late
    }
}

fn not_default<T: Default + PartialOrd>(value: &T) -> bool {
    *value != T::default()
}

fn message<T: Message>() {}

fn main() {
    message::<Window>();
    message::<Window<u8, 9>>();
    message::<Only<Only<[bool; 3]>>>();
    message::<Level<'a'>>();
    message::<Flags<true, -3>>();
    message::<Matrix<u16>>();
    assert_eq!(<Matrix<u16, 2, 3>>::INNER.offset(), 20);
    assert_eq!(<Command>::TYPE.size(), 32);
    assert_eq!(<Command>::validate(&[3; 32]).unwrap_err().found(), "3");
    assert_eq!(<WithPayload<u32, 2>>::TYPE.size(), 24);
    assert_eq!(<Sparse<bool, u8, 7>>::validate(&[0, 2]).unwrap_err().path(), "First.0");
    assert!(<Overlay<u32, 4>>::ANY_BITS);
    assert!(<Checked<u16, 4>>::validate(&[1, 0, 2, 0, 1, 0, 0, 0]).is_ok() == cfg!(target_endian = "little"));
    assert_eq!(<Checked<u16, 4>>::validate(&[5, 5, 2, 0, 1, 0, 0, 0]).unwrap_err().path(), "count");
    assert_ne!(<Level<'a'>>::FINGERPRINT, <Level<'b'>>::FINGERPRINT);
    assert_ne!(<Flags<true, 0>>::FINGERPRINT, <Flags<false, 0>>::FINGERPRINT);
    assert_ne!(<Flags<true, 3>>::FINGERPRINT, <Flags<true, -3>>::FINGERPRINT);
    assert_ne!(<Sparse<u8, u8, 1>>::FINGERPRINT, <Sparse<u8, u8, 2>>::FINGERPRINT);
}
