//! What the examples of several processes share that is no matter of the bus: how a run starts its processes and hears
//! of them, and how a program ends.
//!
//! ```text
//!   child     a process of the run, as its parent sees it
//!   lines     what the two tell each other, a line each
//!   program   the command line, and the end
//! ```

#![allow(dead_code, reason = "each example uses its part")]

pub(crate) mod child;
pub(crate) mod lines;
pub(crate) mod program;

pub(crate) type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;
