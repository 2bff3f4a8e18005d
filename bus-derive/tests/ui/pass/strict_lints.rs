//! Whatever lints a crate turns on, the derive does not trip over them.
#![deny(warnings, missing_docs, unreachable_pub, missing_debug_implementations, missing_copy_implementations)]
#![deny(
    unused,
    unused_qualifications,
    unsafe_op_in_unsafe_fn,
    single_use_lifetimes,
    trivial_casts,
    trivial_bounds
)]
#![deny(trivial_numeric_casts, unnameable_types, unused_results, unused_lifetimes, variant_size_differences)]
#![deny(
    explicit_outlives_requirements,
    redundant_lifetimes,
    let_underscore_drop,
    private_interfaces,
    private_bounds
)]
#![deny(nonstandard_style, future_incompatible, keyword_idents, missing_abi, non_local_definitions)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery, clippy::undocumented_unsafe_blocks)]
#![deny(clippy::multiple_unsafe_ops_per_block, clippy::as_conversions, clippy::indexing_slicing)]
#![allow(
    variant_size_differences,
    missing_copy_implementations,
    reason = "of the types here, not of the expansion"
)]
#![forbid(unsafe_code)]

use bus::Message;

/// A type that is private, in a field of one that is not.
#[derive(Debug, Message)]
#[repr(C)]
struct Position {
    x: f64,
    y: f64,
}

/// Deprecated parts must be described too.
#[derive(Debug, Message)]
#[repr(C)]
pub struct Pose {
    position: Position,
    #[deprecated]
    frame: u32,
    mode: Mode,
    nothing: Nothing,
    /// Anyone may read it.
    pub count: u64,
    /// So may each module.
    pub(crate) size: u64,
}

/// A mode.
#[derive(Debug, Message)]
#[repr(i64)]
pub enum Mode {
    /// The past.
    #[deprecated]
    Old,
    /// The present.
    New,
}

/// No fields at all.
#[derive(Debug, Message)]
#[repr(C)]
pub struct Nothing;

/// One whose fields hold nothing.
#[derive(Debug, Message)]
#[repr(C)]
pub struct Nothings(pub Nothing, pub [u64; 0]);

/// A choice.
#[derive(Debug, Message)]
#[repr(u8)]
pub enum Command<T> {
    /// Nothing.
    Halt,
    /// Something.
    #[deprecated]
    Move {
        /// Where.
        to: T,
        /// How.
        #[deprecated]
        fast: bool,
    },
    /// Around.
    Turn(#[message(range = 0..=359, unit = "deg")] u16),
}

/// A choice with a payload.
#[derive(Debug, Message)]
#[repr(C, u16)]
pub enum Either<L, R> {
    /// This.
    Left(L),
    /// That.
    Right {
        /// What.
        value: R,
    },
}

/// A choice without type parameters.
#[derive(Debug, Message)]
#[repr(C, i32)]
pub enum Plain<const N: usize> {
    /// This.
    Left([u8; N]),
    /// That.
    Right(f64, #[message(range = -1.5..)] f64),
}

/// A promise.
#[derive(Clone, Copy, Message)]
#[message(unsafe_any_bits)]
#[repr(C)]
union Word {
    whole: u32,
    halves: [u16; 2],
}

/// Every attribute.
#[derive(Debug, Clone, Copy, Message)]
#[message(name = "Sample", version = 4, invariant = Reading::check)]
#[message(deny_padding, bytemuck(NoUninit, CheckedBitPattern))]
#[repr(C)]
pub struct Reading {
    /// Speed.
    #[message(unit = "m/s", range = -10.0..=10.0)]
    pub speed: f32,
    /// Counts.
    #[message(range = 1.., rename = "counted", invariant = rises)]
    pub counts: [u16; 6],
    /// Gain.
    #[message(since = 2, default = 2.5)]
    pub gain: f64,
    /// The last one.
    #[message(since = 4)]
    pub last: u64,
}

/// The other traits.
#[derive(Debug, Clone, Copy, Message)]
#[message(no_tokens, bytemuck(NoUninit, Zeroable, AnyBitPattern))]
#[repr(transparent)]
pub struct Price(pub i64);

impl Reading {
    fn check(&self) -> Result<(), &'static str> {
        if self.gain > 0.0 { Ok(()) } else { Err("no gain") }
    }
}

const fn rises(counts: &[u16; 6]) -> bool {
    let [first, .., last] = counts;
    *first <= *last
}

macro_rules! all_values {
    ($($variant:ident)*) => {
        /// Every byte is one.
        #[derive(Debug, Clone, Copy, Message)]
        #[repr(u8)]
        pub enum Flags {
            $(
                /// One.
                $variant,
            )*
        }
    };
}

all_values! {
A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF
C0 C1 C2 C3 C4 C5 C6 C7 C8 C9 CA CB CC CD CE CF D0 D1 D2 D3 D4 D5 D6 D7 D8 D9 DA DB DC DD DE DF
E0 E1 E2 E3 E4 E5 E6 E7 E8 E9 EA EB EC ED EE EF F0 F1 F2 F3 F4 F5 F6 F7 F8 F9 FA FB FC FD FE FF
G0 G1 G2 G3 G4 G5 G6 G7 G8 G9 GA GB GC GD GE GF H0 H1 H2 H3 H4 H5 H6 H7 H8 H9 HA HB HC HD HE HF
I0 I1 I2 I3 I4 I5 I6 I7 I8 I9 IA IB IC ID IE IF J0 J1 J2 J3 J4 J5 J6 J7 J8 J9 JA JB JC JD JE JF
K0 K1 K2 K3 K4 K5 K6 K7 K8 K9 KA KB KC KD KE KF L0 L1 L2 L3 L4 L5 L6 L7 L8 L9 LA LB LC LD LE LF
M0 M1 M2 M3 M4 M5 M6 M7 M8 M9 MA MB MC MD ME MF N0 N1 N2 N3 N4 N5 N6 N7 N8 N9 NA NB NC ND NE NF
O0 O1 O2 O3 O4 O5 O6 O7 O8 O9 OA OB OC OD OE OF P0 P1 P2 P3 P4 P5 P6 P7 P8 P9 PA PB PC PD PE PF
}

fn main() {
    let position = Position { x: 0.0, y: 0.0 };
    let _ = (position.x, position.y, Mode::New, Nothing, Pose::FINGERPRINT);
    let _ = (
        Reading::SPEED,
        Pose::COUNT,
        Pose::SIZE,
        Word::TYPE.size(),
        Word { whole: 1 },
        Word { halves: [1, 2] },
    );
    let _ = |command: &Command<u8>| matches!(command, Command::Halt | Command::Turn(_));
    assert!(Flags::validate(&[255]).is_ok() && Price::ANY_BITS);
    assert!(Reading::validate(&[0; 32]).is_err());
}
