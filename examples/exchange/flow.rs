//! What clients send: drawn from a seed, or recorded in a file.
//!
//! A recording has a line for each command, and is played again when it is over:
//!
//! ```text
//! # new,SYMBOL,SIDE,PRICE,QUANTITY     or  cancel,N: the Nth order of the file, from 1
//! new,ACME,buy,10010,25
//! new,ACME,sell,10020,40
//! cancel,2
//! ```

use std::fs;
use std::path::Path;

use clap::ValueEnum;

use crate::Result;
use crate::orders::{New, SYMBOLS, Side, Symbol};

/// The price around which orders are drawn, and how far from it, in ticks.
const MIDDLE: u32 = 10_000;
const SPREAD: u64 = 12;
/// One of so many orders is far too large.
const SLIPS: u64 = 500;
/// Orders of which one is drawn to be cancelled: not the last few, which may not be answered, and none much older.
const RECENT: u64 = 64;

/// What a client does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    New(New),
    /// Cancels an order: how many had been sent before it.
    Cancel(u64),
}

pub(crate) enum Flow {
    Drawn { random: u64 },
    Recorded { steps: Vec<Step>, next: usize, begun_at: u64 },
}

impl Flow {
    pub(crate) fn drawn(seed: u64) -> Self {
        Flow::Drawn { random: seed }
    }

    pub(crate) fn recorded(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let steps = parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Flow::Recorded { steps, next: 0, begun_at: 0 })
    }

    /// What is next, of a client that has sent so many orders.
    pub(crate) fn next(&mut self, sent: u64) -> Step {
        match self {
            Flow::Drawn { random } => draw_step(random, sent),
            Flow::Recorded { steps, next, begun_at } => {
                if *next == steps.len() {
                    (*next, *begun_at) = (0, sent);
                }
                let step = steps[*next];
                *next += 1;
                match step {
                    Step::New(_) => step,
                    Step::Cancel(nth) => Step::Cancel(*begun_at + nth),
                }
            }
        }
    }
}

fn draw_step(random: &mut u64, sent: u64) -> Step {
    if sent >= 2 * RECENT && draw(random, 4) == 0 {
        return Step::Cancel(sent - 2 * RECENT + draw(random, RECENT));
    }
    let symbol = SYMBOLS[draw(random, SYMBOLS.len() as u64) as usize];
    let side = Side::value_variants()[draw(random, 2) as usize];
    // Buyers want to pay less than sellers want to get, but some are in a hurry.
    let away = draw(random, SPREAD) as u32;
    let price = match side {
        Side::Buy => MIDDLE + SPREAD as u32 / 4 - away,
        Side::Sell => MIDDLE - SPREAD as u32 / 4 + away,
    };
    let slip = if draw(random, SLIPS) == 0 { 100 } else { 1 };
    let quantity = (1 + draw(random, 100) as u32) * slip;
    Step::New(New { symbol: Symbol::truncated(symbol), price, quantity, side, reserved: [0; 7] })
}

/// A number below `below`, by SplitMix64 (Steele, Lea and Flood 2014).
pub(crate) fn draw(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % below
}

/// Reads a recording. What the gateway would refuse is left to it.
fn parse(text: &str) -> Result<Vec<Step>, String> {
    let (mut steps, mut orders) = (Vec::new(), 0_u64);
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |why: &str| format!("line {number}: {why}: `{line}`");
        let words: Vec<&str> = line.split(',').map(str::trim).collect();
        match words[..] {
            [first, ..] if first.starts_with('#') => {}
            ["new", symbol, side, price, quantity] => {
                let number = |word: &str| word.parse().map_err(|_| wrong("expected whole ticks and shares"));
                steps.push(Step::New(New {
                    symbol: Symbol::try_from(symbol).map_err(|_| wrong("the symbol is too long"))?,
                    price: number(price)?,
                    quantity: number(quantity)?,
                    side: Side::from_str(side, true).map_err(|_| wrong("expected `buy` or `sell`"))?,
                    reserved: [0; 7],
                }));
                orders += 1;
            }
            ["cancel", nth] => match nth.parse() {
                Ok(nth) if (1..=orders).contains(&nth) => steps.push(Step::Cancel(nth - 1)),
                _ => return Err(wrong("expected the number of an order that comes before, from 1")),
            },
            _ => return Err(wrong("expected `new,SYMBOL,SIDE,PRICE,QUANTITY` or `cancel,N`")),
        }
    }
    if orders == 0 { Err("there is no order in it".to_owned()) } else { Ok(steps) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDING: &str = "# two orders\nnew,ACME,buy,10010,25\n\n new, BOLT, Sell, 3, 4\ncancel,2\n";

    #[test]
    fn a_seed_is_a_flow() {
        let steps = |seed| {
            let mut flow = Flow::drawn(seed);
            (0..1000).map(|sent| flow.next(sent)).collect::<Vec<_>>()
        };
        assert_eq!(steps(7), steps(7));
        assert_ne!(steps(7), steps(8));
    }

    #[test]
    fn a_recording_is_played_again_and_its_cancels_are_of_the_same_pass() {
        let steps = parse(RECORDING).unwrap();
        assert!(matches!(steps[1], Step::New(New { side: Side::Sell, price: 3, quantity: 4, .. })));
        let mut flow = Flow::Recorded { steps, next: 0, begun_at: 0 };
        let cancels = [0, 1, 2, 2, 3, 4].map(|sent| match flow.next(sent) {
            Step::New(_) => None,
            Step::Cancel(order) => Some(order),
        });
        assert_eq!(cancels, [None, None, Some(1), None, None, Some(3)]);
    }

    #[test]
    fn what_is_wrong_with_a_recording_is_said() {
        for (text, expected) in [
            ("", "there is no order in it"),
            (
                "new,ACME,buy,1",
                "line 1: expected `new,SYMBOL,SIDE,PRICE,QUANTITY` or `cancel,N`: `new,ACME,buy,1`",
            ),
            ("#\nnew,ACME,buy,1.5,1", "line 2: expected whole ticks and shares: `new,ACME,buy,1.5,1`"),
            ("new,ACME,hold,1,1", "line 1: expected `buy` or `sell`: `new,ACME,hold,1,1`"),
            ("new,ACMEACME,buy,1,1", "line 1: the symbol is too long: `new,ACMEACME,buy,1,1`"),
            ("cancel,1", "line 1: expected the number of an order that comes before, from 1: `cancel,1`"),
        ] {
            assert_eq!(parse(text), Err(expected.to_owned()));
        }
    }
}
