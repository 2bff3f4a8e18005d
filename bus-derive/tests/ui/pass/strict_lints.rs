//! Whatever lints a crate turns on, the derive does not trip over them.
#![deny(warnings, missing_docs, unreachable_pub, missing_debug_implementations, trivial_bounds)]
#![deny(unused_qualifications, unsafe_op_in_unsafe_fn, single_use_lifetimes, trivial_casts)]
#![deny(trivial_numeric_casts, clippy::all, clippy::pedantic)]
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

fn main() {
    let position = Position { x: 0.0, y: 0.0 };
    let _ = (position.x, position.y, Mode::New, Nothing, Pose::FINGERPRINT);
}
