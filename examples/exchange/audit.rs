//! The audit: whether the books balance.
//!
//! The gateway says what it has of each order and each account; the clients that are left say what was acknowledged to them;
//! risk says what it saw traded. Each is checked against the others, and the first thing that does not fit is the error.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::orders::{Counts, Position, Record, SYMBOLS, Side, Top};
use crate::report::{Acknowledged, Watched};

/// All that is said at the end of a run.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    pub(crate) counts: Counts,
    pub(crate) records: Vec<Record>,
    pub(crate) positions: Vec<Position>,
    /// As published, by symbol.
    pub(crate) tops: Vec<Top>,
    /// Of each client that is left.
    pub(crate) acknowledged: Vec<Vec<Acknowledged>>,
    pub(crate) watched: Watched,
}

/// What was found of a symbol, in shares.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Volume {
    pub(crate) traded: u64,
    pub(crate) cancelled: u64,
    pub(crate) resting: u64,
}

impl Audit {
    /// Checks it; the volumes, by symbol.
    ///
    /// # Errors
    /// What does not balance.
    pub(crate) fn check(&self) -> Result<BTreeMap<&'static str, Volume>, String> {
        self.check_orders()?;
        self.check_clients()?;
        let volumes = self.check_symbols()?;
        self.check_tops()?;
        self.check_trades(volumes.values().map(|volume| volume.traded).sum())?;
        Ok(volumes)
    }

    /// Each order is there once, and all of it is accounted for.
    fn check_orders(&self) -> Result<(), String> {
        let accepted = self.counts.accepted;
        if accepted != self.records.len() as u64 {
            return Err(format!("{accepted} orders were accepted, and the audit has {}", self.records.len()));
        }
        let mut seen = HashSet::new();
        for record in &self.records {
            let Record { order, quantity, filled, cancelled, resting, .. } = *record;
            if !seen.insert(order) {
                return Err(format!("order {order} is in the audit twice"));
            }
            if u64::from(quantity) != u64::from(filled) + u64::from(cancelled) + u64::from(resting) {
                return Err(format!(
                    "order {order}: of {quantity}, {filled} are filled, {cancelled} cancelled and {resting} rest"
                ));
            }
        }
        Ok(())
    }

    /// What was acknowledged is there, as it was acknowledged; a client that is left has no order that it does not know of,
    /// and one that has gone none that rests.
    fn check_clients(&self) -> Result<(), String> {
        let records: HashMap<u64, &Record> =
            self.records.iter().map(|record| (record.order, record)).collect();
        let (mut known, mut accounts) = (HashSet::new(), HashMap::new());
        for (client, orders) in self.acknowledged.iter().enumerate() {
            for acknowledged in orders {
                let order = acknowledged.order;
                if !known.insert(order) {
                    return Err(format!("order {order} was acknowledged twice"));
                }
                let record = records
                    .get(&order)
                    .ok_or(format!("order {order} was acknowledged, and is not in the audit"))?;
                if !is_of(record, acknowledged) {
                    return Err(format!("{acknowledged:?} was acknowledged, and the audit has {record:?}"));
                }
                if *accounts.entry(record.account).or_insert(client) != client {
                    return Err(format!("order {order} is booked for another client than sent it"));
                }
            }
        }
        for Record { order, account, resting, .. } in &self.records {
            let is_here = accounts.contains_key(account);
            if is_here && !known.contains(order) {
                return Err(format!("order {order} was accepted, and its client does not know of it"));
            }
            if !is_here && *resting > 0 {
                return Err(format!("order {order} rests, and its client has gone"));
            }
        }
        Ok(())
    }

    /// What is bought is sold, and for the same cash.
    fn check_symbols(&self) -> Result<BTreeMap<&'static str, Volume>, String> {
        let mut volumes = BTreeMap::new();
        for symbol in SYMBOLS {
            let (mut bought, mut sold, mut cash, mut filled) = (0, 0, 0, 0);
            for position in self.positions.iter().filter(|position| position.symbol == *symbol) {
                bought += position.bought;
                sold += position.sold;
                cash += position.cash;
            }
            if bought != sold {
                return Err(format!("of {symbol}, {bought} shares were bought, and {sold} sold"));
            }
            if cash != 0 {
                return Err(format!("in {symbol}, {cash} ticks were made from nothing"));
            }
            let mut volume = Volume { traded: bought, ..Volume::default() };
            for record in self.records.iter().filter(|record| record.symbol == *symbol) {
                filled += u64::from(record.filled);
                volume.cancelled += u64::from(record.cancelled);
                volume.resting += u64::from(record.resting);
            }
            let traded = bought + sold;
            if filled != traded {
                return Err(format!("of {symbol}, orders have {filled} shares, and accounts {traded}"));
            }
            volumes.insert(symbol, volume);
        }
        Ok(volumes)
    }

    /// The top of each book that was published last is what the orders that rest make.
    fn check_tops(&self) -> Result<(), String> {
        for (symbol, published) in SYMBOLS.into_iter().zip(&self.tops) {
            let [(bid, bid_quantity), (ask, ask_quantity)] = [Side::Buy, Side::Sell].map(|side| {
                let rests =
                    |record: &&Record| record.symbol == *symbol && record.side == side && record.resting > 0;
                let prices = self.records.iter().filter(rests).map(|record| record.price);
                let best = if side == Side::Buy { prices.max() } else { prices.min() }.unwrap_or(0);
                let level = self.records.iter().filter(rests).filter(|record| record.price == best);
                (best, level.map(|record| u64::from(record.resting)).sum())
            });
            let top = Top { bid, bid_quantity, ask, ask_quantity };
            if top != *published {
                return Err(format!(
                    "{symbol} was published with {published:?}, and its orders make {top:?}"
                ));
            }
        }
        Ok(())
    }

    /// Risk saw each trade, or knows how many it missed.
    fn check_trades(&self, traded: u64) -> Result<(), String> {
        let (Watched { trades, missed, shares, .. }, all) = (&self.watched, self.counts.trades);
        if trades + missed != all {
            return Err(format!("there were {all} trades; risk saw {trades}, and missed {missed}"));
        }
        if *missed == 0 && *shares != traded {
            return Err(format!("{traded} shares were traded, and risk saw {shares}"));
        }
        Ok(())
    }
}

/// Whether the audit's order is the one that was acknowledged. It may have been filled further since.
fn is_of(record: &Record, acknowledged: &Acknowledged) -> bool {
    let new = &acknowledged.new;
    record.symbol == new.symbol
        && (record.side, record.price, record.quantity) == (new.side, new.price, new.quantity)
        && u64::from(record.filled) >= acknowledged.filled
        && u64::from(record.cancelled) == acknowledged.cancelled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;
    use crate::flow::{Flow, Step};
    use crate::orders::{Accepted, Trade};

    type Change = fn(&mut Audit);

    /// An audit of two accounts that traded; the second has gone.
    fn play(seed: u64) -> Audit {
        let (mut engine, mut flow) = (Engine::default(), Flow::drawn(seed));
        let (mut audit, mut acknowledged) = (Audit::default(), Vec::new());
        SYMBOLS.iter().for_each(|symbol| engine.limit(symbol, 1000).unwrap());
        let mut trade = |traded: Trade| {
            audit.watched.trades += 1;
            audit.watched.shares += u64::from(traded.quantity);
        };
        for sent in 0..2000 {
            match flow.next(sent) {
                Step::New(new) => {
                    let accepted = engine.submit(sent % 2, &new, &mut trade);
                    if let (Ok(Accepted { order, filled }), 0) = (accepted, sent % 2) {
                        acknowledged.push(Acknowledged { order, new, filled, cancelled: 0 });
                    }
                }
                Step::Cancel(nth) => {
                    let known = acknowledged.iter_mut().find(|known| known.order == nth + 1);
                    if let (Some(known), Ok((_, cancelled))) = (known, engine.cancel(0, nth + 1)) {
                        known.cancelled = cancelled.left;
                    }
                }
            }
        }
        engine.depart(1);
        engine.close();
        audit.counts = engine.counts();
        audit.records = engine.audit().unwrap().records().to_vec();
        audit.positions = engine.audit().unwrap().positions().copied().collect();
        audit.tops = (0..SYMBOLS.len()).map(|symbol| engine.top(symbol)).collect();
        audit.acknowledged.push(acknowledged);
        audit
    }

    #[test]
    fn the_books_of_any_flow_balance() {
        for seed in 0..20 {
            let volumes = play(seed).check().unwrap();
            assert!(volumes.values().all(|volume| volume.traded > 0 && volume.resting > 0), "{volumes:?}");
        }
    }

    #[test]
    fn what_does_not_balance_is_found() {
        let changes: [(Change, &str); 11] = [
            (|audit| audit.positions[0].bought += 1, "shares were bought"),
            (|audit| audit.positions[0].cash += 1, "made from nothing"),
            (|audit| audit.records[0].filled += 1, "order 1: of"),
            (|audit| audit.records.clear(), "orders were accepted"),
            (|audit| audit.records[0].order = 2, "is in the audit twice"),
            (|audit| audit.records[0].order = 0, "is not in the audit"),
            (|audit| audit.acknowledged[0][0].new.price += 1, "and the audit has"),
            (|audit| audit.acknowledged[0].truncate(1), "does not know of it"),
            (|audit| audit.acknowledged.clear(), "its client has gone"),
            (|audit| audit.tops[0].bid_quantity += 1, "its orders make"),
            (|audit| audit.watched.trades -= 1, "risk saw"),
        ];
        for (change, expected) in changes {
            let mut audit = play(1);
            change(&mut audit);
            let wrong = audit.check().unwrap_err();
            assert!(wrong.contains(expected), "{expected}: {wrong}");
        }
    }
}
