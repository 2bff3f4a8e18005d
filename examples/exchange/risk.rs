//! The risk process: watches trades, and decides how large an order may be.
//!
//! It is never asked. It pokes a symbol's limit into the gateway when what is usual has changed, and the gateway checks orders
//! against the last one that came: a limit costs an order a comparison, and a slow or dead risk process costs nothing more.

use bus::{Bus, Conversation, Ended, Error};

use crate::Result;
use crate::engine;
use crate::orders::{BUS, LIMITS, MOST_QUANTITY, SERVICE, SYMBOLS, TRADES, Trade};
use crate::report::Watched;
use crate::support::lines;

/// How many times the usual trade an order may be.
const TIMES: f64 = 10.0;
/// What is usual before anything has been traded, in shares; and the smallest limit.
const USUAL: f64 = 40.0;
const LEAST: f64 = 50.0;
/// How much a trade changes what is usual.
const WEIGHT: f64 = 0.002;
/// The relative change of a limit that is worth a poke.
const WORTH_A_POKE: f64 = 0.05;

pub(crate) fn watch() -> Result<()> {
    let bus = Bus::open(BUS)?;
    let trades = bus.connect::<Trade>(&format!("{SERVICE}/{TRADES}")).open()?;
    let limits = bus.connect::<u64>(&format!("{SERVICE}/{LIMITS}")).open()?;
    let mut link = trades.advise("*").queue_all().hot()?;
    let mut watched = Watched::default();
    let mut views = [(); SYMBOLS.len()].map(|()| View { usual: USUAL, limit: 0.0 });
    for (symbol, view) in SYMBOLS.into_iter().zip(&mut views) {
        watched.pokes += view.poke(&limits, symbol)?;
    }
    lines::ready()?;
    loop {
        match link.recv() {
            Ok(update) => {
                watched.trades += 1;
                watched.missed += update.missed;
                watched.shares += u64::from(update.value.quantity);
                let symbol = trades.name(update.item);
                let index = engine::find(&symbol).map_err(|_| format!("trades of an unknown `{symbol}`"))?;
                let view = &mut views[index];
                view.usual += (f64::from(update.value.quantity) - view.usual) * WEIGHT;
                match view.poke(&limits, &symbol) {
                    Ok(pokes) => watched.pokes += pokes,
                    // The gateway ends; the trades that it still published come all the same.
                    Err(Error::Stale { .. } | Error::Died { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            // All that the gateway still published has been delivered before this.
            Err(Error::Stale { reason: Ended::Closed, .. }) => return lines::send(&watched),
            Err(error) => return Err(error.into()),
        }
    }
}

/// What is thought of a symbol.
struct View {
    /// Shares in a trade, about.
    usual: f64,
    /// As last poked.
    limit: f64,
}

impl View {
    /// Pokes the limit where it has changed enough; how many pokes that were.
    fn poke(&mut self, limits: &Conversation<u64>, symbol: &str) -> bus::Result<u64> {
        let limit = (self.usual * TIMES).clamp(LEAST, f64::from(MOST_QUANTITY)).round();
        if (limit - self.limit).abs() <= self.limit * WORTH_A_POKE {
            return Ok(0);
        }
        limits.poke(symbol, &(limit as u64))?;
        self.limit = limit;
        Ok(1)
    }
}
