//! What it costs to check a received message, beside what it costs to copy it.

use std::hint::black_box;
use std::time::Instant;

use bus::{FixedStr, Message};
use serde_json::{Value, json};

use crate::report::median;

/// Messages are of this size in bytes, whatever they hold.
const SIZE: usize = 64;
/// Messages of one kind, which fit into the first cache together.
const MESSAGES: usize = 256;
/// Times that all of them are checked in one round.
const REPEATS: usize = 40;

#[derive(Message, Clone, Copy)]
#[repr(C)]
struct Numbers {
    values: [f64; 7],
    count: u32,
    sequence: u32,
}

/// No code is run for a type that accepts all bits: the bus asks this constant first.
const _: () = assert!(Numbers::ANY_BITS);

#[derive(Message, Clone, Copy)]
#[repr(u8)]
enum Side {
    Buy,
    Sell,
    Hold,
}

#[derive(Message, Clone, Copy)]
#[repr(C)]
struct Flags {
    values: [f64; 7],
    first: bool,
    second: bool,
    third: bool,
    fourth: bool,
    side: Side,
    sides: [Side; 3],
}

#[derive(Message, Clone, Copy)]
#[repr(C)]
struct Text {
    name: FixedStr<32>,
    bytes: [u8; 30],
}

#[derive(Message, Clone, Copy)]
#[repr(u8)]
enum Command {
    Halt,
    Move { to: [f64; 7] },
    Turn { by: f64, fast: bool, side: Side },
    Wait(u32, [bool; 4]),
}

#[derive(Message, Clone, Copy)]
#[repr(C)]
struct Ranges {
    #[message(range = -90.0..=90.0)]
    latitude: f64,
    #[message(range = -180.0..=180.0)]
    longitude: f64,
    #[message(range = 0.0..)]
    speeds: [f32; 4],
    #[message(range = 1..=1000)]
    counts: [u32; 4],
    #[message(range = ..=359)]
    degrees: [u16; 8],
}

#[derive(Message, Clone, Copy)]
#[message(invariant = Checked::rises)]
#[repr(C)]
struct Checked {
    low: [f64; 4],
    high: [f64; 4],
}

impl Checked {
    fn rises(&self) -> bool {
        self.low.iter().zip(&self.high).all(|(low, high)| low <= high)
    }
}

/// A kind of message: its bytes, and how they are checked.
struct Kind {
    name: &'static str,
    any_bits: bool,
    bytes: Vec<u8>,
    check: fn(&[u8]),
}

impl Kind {
    fn new<T: Message>(name: &'static str, make: impl Fn(usize) -> T) -> Self {
        const { assert!(size_of::<T>() == SIZE) };
        let mut bytes = vec![0; MESSAGES * SIZE];
        for (index, place) in bytes.chunks_exact_mut(SIZE).enumerate() {
            // SAFETY: The place has as many bytes as a `T`.
            unsafe { make(index).write_fields(place.as_mut_ptr()) };
        }
        Self { name, any_bits: T::ANY_BITS, bytes, check: check_all::<T> }
    }
}

fn check_all<T: Message>(bytes: &[u8]) {
    for message in bytes.chunks_exact(SIZE) {
        let verdict = T::validate(black_box(message));
        assert!(black_box(verdict).is_ok());
    }
}

fn copy_all(bytes: &[u8]) {
    for message in bytes.chunks_exact(SIZE) {
        let message: &[u8; SIZE] = black_box(message).try_into().expect("a chunk of that size");
        black_box(*message);
    }
}

fn kinds() -> [Kind; 6] {
    let side = |index| [Side::Buy, Side::Sell, Side::Hold][index % 3];
    [
        Kind::new("any bits", |index| Numbers { values: [index as f64; 7], count: 1, sequence: 2 }),
        Kind::new("bool, enum", |index| Flags {
            values: [0.5; 7],
            first: index % 2 == 0,
            second: true,
            third: false,
            fourth: index % 3 == 0,
            side: side(index),
            sides: [side(index + 1); 3],
        }),
        Kind::new("FixedStr<32>", |index| Text {
            name: FixedStr::truncated(&format!("a text of 32 bytes: {index:012}")),
            bytes: [7; 30],
        }),
        Kind::new("data enum", |index| match index % 4 {
            0 => Command::Halt,
            1 => Command::Move { to: [index as f64; 7] },
            2 => Command::Turn { by: 0.5, fast: index % 8 == 2, side: side(index) },
            _ => Command::Wait(9, [true, false, true, false]),
        }),
        Kind::new("ranges", |index| Ranges {
            latitude: index as f64 / 4.0,
            longitude: -(index as f64) / 2.0,
            speeds: [index as f32; 4],
            counts: [1 + index as u32; 4],
            degrees: [index as u16; 8],
        }),
        Kind::new("invariant", |index| Checked { low: [0.0; 4], high: [index as f64; 4] }),
    ]
}

/// Nanoseconds that one message takes.
fn time(work: fn(&[u8]), bytes: &[u8]) -> f64 {
    let start = Instant::now();
    for _ in 0..REPEATS {
        work(black_box(bytes));
    }
    start.elapsed().as_nanos() as f64 / (REPEATS * MESSAGES) as f64
}

/// The figures of all kinds, which are also printed.
pub(crate) fn measure(rounds: usize) -> Vec<Value> {
    let kinds = kinds();
    let mut times = vec![Vec::new(); kinds.len()];
    for round in 0..rounds + rounds / 10 {
        for (kind, times) in kinds.iter().zip(&mut times) {
            let pair = (time(kind.check, &kind.bytes), time(copy_all, &kind.bytes));
            // The first rounds warm up.
            if round >= rounds / 10 {
                times.push(pair);
            }
        }
    }
    println!("\n{rounds} rounds, messages of {SIZE} bytes that the cache holds");
    println!("{:<14} {:>9} {:>14} {:>10} {:>8}", "fields", "any bits", "validate ns", "copy ns", "÷ copy");
    let rows = kinds.iter().zip(&times);
    rows.map(|(kind, times)| {
        // The bus does not call `validate` of such a type.
        let called = if kind.any_bits { 0.0 } else { 1.0 };
        let validate = called * median(times.iter().map(|(validate, _)| *validate));
        let copy = median(times.iter().map(|(_, copy)| *copy));
        let ratio = called * median(times.iter().map(|(validate, copy)| validate / copy));
        println!("{:<14} {:>9} {validate:>14.2} {copy:>10.2} {ratio:>8.3}", kind.name, kind.any_bits);
        json!({
            "figure": "validate",
            "fields": kind.name,
            "any_bits": kind.any_bits,
            "payload_bytes": SIZE,
            "p50_ns": validate,
            "copy_p50_ns": copy,
            "ratio_to_copy": ratio,
        })
    })
    .collect()
}
