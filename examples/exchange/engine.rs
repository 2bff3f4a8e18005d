//! The exchange itself, without a bus: what it accepts, from whom, and what comes of it.

use std::collections::HashSet;

use bus::Refusal;

use crate::book::{Book, Incoming};
use crate::ledger::Ledger;
use crate::orders::{
    Accepted, BAD_ORDER, CLOSED, Cancelled, Counts, GONE, MOST_PRICE, MOST_QUANTITY, NOT_RESTING, New,
    OVER_LIMIT, SYMBOLS, Top, Trade, UNKNOWN_SYMBOL,
};

#[derive(Default)]
pub(crate) struct Engine {
    books: [Book; SYMBOLS.len()],
    /// The largest quantity of an order; none is accepted before it is set.
    limits: [u64; SYMBOLS.len()],
    ledger: Ledger,
    /// Accounts whose clients have gone. What they had asked for may be read after that.
    gone: HashSet<u64>,
    counts: Counts,
    is_closed: bool,
}

impl Engine {
    /// Takes an order; each trade is told.
    pub(crate) fn submit(
        &mut self,
        account: u64,
        new: &New,
        trade: impl FnMut(Trade),
    ) -> Result<Accepted, Refusal> {
        let outcome = self.accept(account, new, trade);
        self.counts.refused += u64::from(outcome.is_err());
        outcome
    }

    fn accept(&mut self, account: u64, new: &New, mut trade: impl FnMut(Trade)) -> Result<Accepted, Refusal> {
        self.check_open(account)?;
        let symbol = find(&new.symbol)?;
        let New { price, quantity, side, .. } = *new;
        if !(1..=MOST_PRICE).contains(&price) || !(1..=MOST_QUANTITY).contains(&quantity) {
            let why = format!(
                "{quantity} at {price}; expected 1 to {MOST_QUANTITY} shares at 1 to {MOST_PRICE} ticks"
            );
            return Err(Refusal::new(BAD_ORDER, why));
        }
        let limit = self.limits[symbol];
        if u64::from(quantity) > limit {
            let why = format!("{quantity} of {} in one order; the limit is {limit} now", SYMBOLS[symbol]);
            return Err(Refusal::new(OVER_LIMIT, why));
        }
        let order = self.ledger.enter(account, new);
        let incoming = Incoming { order, account, side, price, quantity };
        let filled = self.books[symbol].submit(&incoming, |traded| {
            self.ledger.book(symbol, &traded);
            self.counts.trades += 1;
            trade(traded);
        });
        self.counts.accepted += 1;
        Ok(Accepted { order, filled: filled.into() })
    }

    /// Takes what is left of an account's order out of its book; with the index of the symbol.
    pub(crate) fn cancel(&mut self, account: u64, order: u64) -> Result<(usize, Cancelled), Refusal> {
        let outcome = self.take_out(account, order);
        match outcome {
            Ok(_) => self.counts.cancelled += 1,
            Err(_) => self.counts.refused += 1,
        }
        outcome
    }

    fn take_out(&mut self, account: u64, order: u64) -> Result<(usize, Cancelled), Refusal> {
        self.check_open(account)?;
        let record = self.ledger.find(order).filter(|record| record.account == account);
        let record = record.ok_or_else(|| not_resting(order))?;
        let symbol = find(&record.symbol)?;
        let left = self.books[symbol].cancel(record.side, record.price, order);
        let left = left.ok_or_else(|| not_resting(order))?;
        self.ledger.cancel(order, left);
        Ok((symbol, Cancelled { left: left.into() }))
    }

    /// A client has gone: its orders go too, and nothing that it still asked for is done.
    pub(crate) fn depart(&mut self, account: u64) {
        if self.is_closed || !self.gone.insert(account) {
            return;
        }
        self.counts.gone += 1;
        for book in &mut self.books {
            book.sweep(account, |order, left| {
                self.ledger.cancel(order, left);
                self.counts.swept += 1;
            });
        }
    }

    /// Accounts with orders in the books.
    pub(crate) fn resting_accounts(&self) -> HashSet<u64> {
        self.books.iter().flat_map(Book::accounts).collect()
    }

    /// Nothing changes any more; what rests is entered in the ledger.
    pub(crate) fn close(&mut self) {
        if !self.is_closed {
            self.is_closed = true;
            for (order, left) in self.books.iter().flat_map(Book::resting) {
                self.ledger.rest(order, left);
            }
        }
    }

    /// Sets the largest quantity of an order of a symbol.
    pub(crate) fn limit(&mut self, symbol: &str, quantity: u64) -> Result<(), Refusal> {
        self.limits[find(symbol)?] = quantity;
        Ok(())
    }

    pub(crate) fn top(&self, symbol: usize) -> Top {
        self.books[symbol].top()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// The ledger, once the exchange is closed.
    pub(crate) fn audit(&self) -> Option<&Ledger> {
        self.is_closed.then_some(&self.ledger)
    }

    fn check_open(&self, account: u64) -> Result<(), Refusal> {
        match () {
            () if self.is_closed => Err(Refusal::new(CLOSED, "the exchange is closed")),
            () if self.gone.contains(&account) => Err(Refusal::new(GONE, "its client has gone")),
            () => Ok(()),
        }
    }
}

/// The index of a symbol.
pub(crate) fn find(symbol: &str) -> Result<usize, Refusal> {
    let index = SYMBOLS.iter().position(|&known| known == symbol);
    index.ok_or_else(|| Refusal::new(UNKNOWN_SYMBOL, format!("nothing is traded as `{symbol}`")))
}

#[cold]
fn not_resting(order: u64) -> Refusal {
    Refusal::new(NOT_RESTING, format!("nothing rests of an order {order} of this client's"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::{Side, Symbol};

    fn open() -> Engine {
        let mut engine = Engine::default();
        SYMBOLS.iter().for_each(|symbol| engine.limit(symbol, 100).unwrap());
        engine
    }

    fn new(symbol: &str, side: Side, price: u32, quantity: u32) -> New {
        New { symbol: Symbol::truncated(symbol), price, quantity, side, reserved: [0; 7] }
    }

    fn submit(engine: &mut Engine, account: u64, new: New) -> Result<Accepted, u32> {
        engine.submit(account, &new, |_| ()).map_err(code)
    }

    fn code(refusal: Refusal) -> u32 {
        let Refusal::Refused { code, .. } = refusal else { panic!("{refusal:?}") };
        code
    }

    #[test]
    fn an_order_is_refused_for_what_is_wrong_with_it() {
        let mut engine = open();
        for (new, expected) in [
            (new("EDAM", Side::Buy, 10, 10), UNKNOWN_SYMBOL),
            (new("ACME", Side::Buy, 0, 10), BAD_ORDER),
            (new("ACME", Side::Buy, MOST_PRICE + 1, 10), BAD_ORDER),
            (new("ACME", Side::Buy, 10, 0), BAD_ORDER),
            (new("ACME", Side::Buy, 10, MOST_QUANTITY + 1), BAD_ORDER),
            (new("ACME", Side::Buy, 10, 101), OVER_LIMIT),
        ] {
            assert_eq!(submit(&mut engine, 1, new), Err(expected), "{new:?}");
        }
        let first = submit(&mut Engine::default(), 1, new("ACME", Side::Buy, 10, 1));
        assert_eq!(first, Err(OVER_LIMIT), "no limit is set yet");
        assert_eq!(engine.counts(), Counts { refused: 6, ..Counts::default() });
    }

    #[test]
    fn only_its_client_cancels_an_order_and_only_once() {
        let mut engine = open();
        let order = submit(&mut engine, 1, new("BOLT", Side::Sell, 10, 10)).unwrap().order;
        submit(&mut engine, 2, new("BOLT", Side::Buy, 10, 4)).unwrap();
        assert_eq!(engine.cancel(2, order).map_err(code), Err(NOT_RESTING));
        assert_eq!(engine.cancel(1, order).map_err(code), Ok((1, Cancelled { left: 6 })));
        assert_eq!(engine.cancel(1, order).map_err(code), Err(NOT_RESTING));
        assert_eq!(engine.cancel(1, 0).map_err(code), Err(NOT_RESTING));
    }

    #[test]
    fn the_orders_of_a_client_that_has_gone_go_too_also_late_ones() {
        let mut engine = open();
        submit(&mut engine, 1, new("CORK", Side::Sell, 10, 10)).unwrap();
        engine.depart(1);
        assert_eq!(submit(&mut engine, 1, new("CORK", Side::Sell, 10, 10)), Err(GONE));
        let filled = submit(&mut engine, 2, new("CORK", Side::Buy, 10, 10)).unwrap().filled;
        assert_eq!((filled, engine.counts().swept), (0, 1));
    }

    #[test]
    fn nothing_changes_after_the_close() {
        let mut engine = open();
        submit(&mut engine, 1, new("DUNE", Side::Sell, 10, 10)).unwrap();
        assert!(engine.audit().is_none());
        engine.close();
        engine.depart(1);
        assert_eq!(submit(&mut engine, 2, new("DUNE", Side::Buy, 10, 10)), Err(CLOSED));
        assert_eq!(engine.cancel(1, 1).map_err(code), Err(CLOSED));
        assert_eq!(engine.audit().unwrap().records()[0].resting, 10);
    }
}
