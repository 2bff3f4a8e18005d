//! What children tell their parent in the end: what they counted, and, of a client, what it was told of its orders.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use clap::ValueEnum;

use crate::Result;
use crate::orders::{New, Side, Symbol};
use crate::support::lines::Report;

/// What the risk process counted.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// Trades that it saw and missed; shares in those that it saw.
    pub(crate) trades: u64,
    pub(crate) missed: u64,
    pub(crate) shares: u64,
    pub(crate) pokes: u64,
}

impl Report<4> for Watched {
    fn to_numbers(&self) -> [u64; 4] {
        [self.trades, self.missed, self.shares, self.pokes]
    }

    fn from_numbers([trades, missed, shares, pokes]: [u64; 4]) -> Self {
        Watched { trades, missed, shares, pokes }
    }
}

/// What a client counted.
#[derive(Debug, Default)]
pub(crate) struct Traded {
    /// Commands that were carried out, and that were refused.
    pub(crate) done: u64,
    pub(crate) refused: u64,
    /// Quantiles of the time from an order to its answer, in nanoseconds.
    pub(crate) p50: u64,
    pub(crate) p99: u64,
}

impl Report<4> for Traded {
    fn to_numbers(&self) -> [u64; 4] {
        [self.done, self.refused, self.p50, self.p99]
    }

    fn from_numbers([done, refused, p50, p99]: [u64; 4]) -> Self {
        Traded { done, refused, p50, p99 }
    }
}

/// An order that was acknowledged to a client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acknowledged {
    pub(crate) order: u64,
    pub(crate) new: New,
    /// What was filled when it was acknowledged.
    pub(crate) filled: u64,
    /// What was left when it was cancelled, where that was acknowledged too.
    pub(crate) cancelled: u64,
}

/// Writes what was acknowledged, a line each.
pub(crate) fn write(path: &Path, orders: &[Acknowledged]) -> Result<()> {
    let mut text = String::new();
    for Acknowledged { order, new, filled, cancelled } in orders {
        let New { symbol, price, quantity, side, .. } = new;
        let side = *side as u8;
        writeln!(text, "{order} {symbol} {side} {price} {quantity} {filled} {cancelled}")?;
    }
    Ok(fs::write(path, text)?)
}

/// Reads it back.
pub(crate) fn read(path: &Path) -> Result<Vec<Acknowledged>> {
    let text = fs::read_to_string(path)?;
    let read = |line: &str| parse(line).ok_or_else(|| format!("{}: nonsense: {line}", path.display()).into());
    text.lines().map(read).collect()
}

fn parse(line: &str) -> Option<Acknowledged> {
    let words: Vec<&str> = line.split(' ').collect();
    let [order, symbol, side, price, quantity, filled, cancelled] = words.try_into().ok()?;
    let side = *Side::value_variants().get(side.parse::<usize>().ok()?)?;
    let (symbol, price) = (Symbol::try_from(symbol).ok()?, price.parse().ok()?);
    let new = New { symbol, price, quantity: quantity.parse().ok()?, side, reserved: [0; 7] };
    let (filled, cancelled) = (filled.parse().ok()?, cancelled.parse().ok()?);
    Some(Acknowledged { order: order.parse().ok()?, new, filled, cancelled })
}
