//! The ledger: a record of each order, and what each account has traded. It is kept beside the books, not made from them, so
//! that an audit of one by the other says something.

use std::collections::BTreeMap;

use crate::orders::{New, Position, Record, SYMBOLS, Side, Symbol, Trade};

#[derive(Default)]
pub(crate) struct Ledger {
    /// By number, from 1.
    records: Vec<Record>,
    /// By account and symbol.
    positions: BTreeMap<(u64, usize), Position>,
}

impl Ledger {
    /// Enters an order; its number.
    pub(crate) fn enter(&mut self, account: u64, new: &New) -> u64 {
        let order = self.records.len() as u64 + 1;
        let New { symbol, price, quantity, side, .. } = *new;
        let (filled, cancelled, resting, reserved) = (0, 0, 0, [0; 3]);
        self.records.push(Record {
            order,
            account,
            symbol,
            price,
            quantity,
            filled,
            cancelled,
            resting,
            side,
            reserved,
        });
        order
    }

    pub(crate) fn find(&self, order: u64) -> Option<&Record> {
        self.records.get(order.checked_sub(1)? as usize)
    }

    fn record(&mut self, order: u64) -> &mut Record {
        &mut self.records[order as usize - 1]
    }

    /// Books a trade, with both of its orders.
    pub(crate) fn book(&mut self, symbol: usize, trade: &Trade) {
        for order in [trade.maker, trade.taker] {
            let record = self.record(order);
            record.filled += trade.quantity;
            let (account, side) = (record.account, record.side);
            let position = self.positions.entry((account, symbol)).or_insert_with(|| {
                let symbol = Symbol::truncated(SYMBOLS[symbol]);
                Position { account, symbol, bought: 0, sold: 0, cash: 0 }
            });
            let cash = i64::from(trade.price) * i64::from(trade.quantity);
            match side {
                Side::Buy => {
                    position.bought += u64::from(trade.quantity);
                    position.cash -= cash;
                }
                Side::Sell => {
                    position.sold += u64::from(trade.quantity);
                    position.cash += cash;
                }
            }
        }
    }

    pub(crate) fn cancel(&mut self, order: u64, left: u32) {
        self.record(order).cancelled += left;
    }

    /// Enters what a book has of an order, at the close.
    pub(crate) fn rest(&mut self, order: u64, left: u32) {
        self.record(order).resting += left;
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    pub(crate) fn positions(&self) -> impl Iterator<Item = &Position> {
        self.positions.values()
    }
}
