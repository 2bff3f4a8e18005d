//! What children and their parent tell each other, a line each: that a child is ready, that it is to begin, and in the
//! end what it counted. The end of a child's standard input tells it to end.
//!
//! The parent is this same program, so bare numbers in an agreed order are enough.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::Result;

/// Something that can be sent as a line of numbers.
pub(crate) trait Report<const N: usize> {
    fn to_numbers(&self) -> [u64; N];
    fn from_numbers(numbers: [u64; N]) -> Self;
}

/// Says that this child is ready for the start.
pub(crate) fn ready() -> Result<()> {
    Ok(writeln!(io::stdout(), "ready")?)
}

/// Waits to be told to begin; what it returns becomes true when it is time to end. That also ends a
/// [`thread::park_timeout`] of the thread that called this.
pub(crate) fn wait_for_start() -> Result<Arc<AtomicBool>> {
    io::stdin().read_line(&mut String::new())?;
    let end = Arc::new(AtomicBool::new(false));
    let (ended, child) = (end.clone(), thread::current());
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        ended.store(true, Ordering::Relaxed);
        child.unpark();
    });
    Ok(end)
}

/// Sends a report.
pub(crate) fn send<const N: usize>(report: &impl Report<N>) -> Result<()> {
    let numbers = report.to_numbers().map(|number| number.to_string());
    Ok(writeln!(io::stdout(), "{}", numbers.join(" "))?)
}

/// Reads a report from its line; `None` where the line is none.
pub(crate) fn parse<const N: usize, R: Report<N>>(line: &str) -> Option<R> {
    let numbers: Option<Vec<u64>> = line.split_whitespace().map(|number| number.parse().ok()).collect();
    numbers?.try_into().ok().map(R::from_numbers)
}
