//! The message, which items there are, and the clock that all processes share.

use bus::Message;
use clap::ValueEnum;
use rustix::time::{ClockId, clock_gettime};

/// The bus on which the processes meet; it lies in a directory of their own.
pub(crate) const BUS: &str = "quotes";
/// The publisher.
pub(crate) const SERVICE: &str = "market";
/// Its topic.
pub(crate) const TOPIC: &str = "quotes";

/// What one can buy and sell an item for. With at most 40 bytes, a message and its slot's header share one
/// cache line: an update is then a single line that moves from core to core.
#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Quote {
    /// When it was published, by [`now`]; 0 for the opening quotes, from before anyone watched.
    pub(crate) sent: u64,
    /// The best offer to buy.
    pub(crate) bid: f64,
    /// The best offer to sell.
    pub(crate) ask: f64,
    /// How many are wanted at that price.
    pub(crate) bid_size: u32,
    /// How many are offered at that price.
    pub(crate) ask_size: u32,
}

/// Which items a watcher watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    /// The liveliest item
    One,
    /// The eight liveliest items
    Several,
    /// The whole topic
    All,
}

impl Scope {
    /// How many items that is, of so many.
    pub(crate) fn count(self, items: u32) -> u32 {
        match self {
            Scope::One => 1,
            Scope::Several => items.min(8),
            Scope::All => items,
        }
    }
}

/// The name of an item. The lower its number, the livelier it is.
pub(crate) fn symbol(number: u32) -> String {
    format!("Q{number:05}")
}

/// Nanoseconds of the monotonic clock, which is the same in all processes.
#[inline]
pub(crate) fn now() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

/// Nanoseconds of processor time that this process has used.
pub(crate) fn processor_time() -> u64 {
    nanoseconds(ClockId::ProcessCPUTime)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
