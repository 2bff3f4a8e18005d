//! The book of one symbol: orders that rest, and the matching of those that come, by price and then by time.
//!
//! Each side is a map in the order in which its orders trade: by how good their price is for the other side, and at one
//! price by their numbers, which are given out in the order of arrival. So the best order is the first, and to cancel any
//! takes one removal. A client may trade with itself: the exchange does not prevent it.

use std::collections::BTreeMap;

use crate::orders::{Side, Top, Trade};

#[derive(Default)]
pub(crate) struct Book {
    buys: BTreeMap<Place, Resting>,
    sells: BTreeMap<Place, Resting>,
}

/// An order's place in its side; the least trades first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// The price; negative for buys, of which the highest is the best.
    rank: i64,
    order: u64,
}

struct Resting {
    account: u64,
    left: u32,
}

/// An order, as far as a book is concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming {
    pub(crate) order: u64,
    pub(crate) account: u64,
    pub(crate) side: Side,
    pub(crate) price: u32,
    pub(crate) quantity: u32,
}

impl Place {
    fn new(side: Side, price: u32, order: u64) -> Self {
        let rank = match side {
            Side::Buy => -i64::from(price),
            Side::Sell => i64::from(price),
        };
        Place { rank, order }
    }

    fn price(self) -> u32 {
        self.rank.unsigned_abs() as u32
    }
}

impl Book {
    /// Matches an order, of a number above all before; each trade is told. What is left rests. Returns how much traded.
    pub(crate) fn submit(&mut self, incoming: &Incoming, mut trade: impl FnMut(Trade)) -> u32 {
        let Incoming { order, account, side, price, quantity } = *incoming;
        let (own, other) = match side {
            Side::Buy => (&mut self.buys, &mut self.sells),
            Side::Sell => (&mut self.sells, &mut self.buys),
        };
        let mut left = quantity;
        while left > 0
            && let Some(mut best) = other.first_entry()
        {
            let place = *best.key();
            let crosses = match side {
                Side::Buy => place.price() <= price,
                Side::Sell => place.price() >= price,
            };
            if !crosses {
                break;
            }
            let maker = best.get_mut();
            let quantity = maker.left.min(left);
            maker.left -= quantity;
            left -= quantity;
            if maker.left == 0 {
                best.remove();
            }
            trade(Trade { maker: place.order, taker: order, price: place.price(), quantity });
        }
        if left > 0 {
            own.insert(Place::new(side, price, order), Resting { account, left });
        }
        quantity - left
    }

    /// Takes an order out; what was left of it, `None` where it does not rest.
    pub(crate) fn cancel(&mut self, side: Side, price: u32, order: u64) -> Option<u32> {
        let own = match side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        };
        own.remove(&Place::new(side, price, order)).map(|resting| resting.left)
    }

    /// Takes all orders of an account out; each is told with what was left of it.
    pub(crate) fn sweep(&mut self, account: u64, mut swept: impl FnMut(u64, u32)) {
        for side in [&mut self.buys, &mut self.sells] {
            side.retain(|place, resting| {
                let stays = resting.account != account;
                if !stays {
                    swept(place.order, resting.left);
                }
                stays
            });
        }
    }

    /// All that rests: orders, and what is left of each.
    pub(crate) fn resting(&self) -> impl Iterator<Item = (u64, u32)> {
        self.buys.iter().chain(&self.sells).map(|(place, resting)| (place.order, resting.left))
    }

    /// Whose orders rest; an account for each order.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = u64> {
        self.buys.values().chain(self.sells.values()).map(|resting| resting.account)
    }

    /// The best prices, with all that there is at them.
    pub(crate) fn top(&self) -> Top {
        let (bid, bid_quantity) = best(&self.buys);
        let (ask, ask_quantity) = best(&self.sells);
        Top { bid_quantity, ask_quantity, bid, ask }
    }
}

fn best(side: &BTreeMap<Place, Resting>) -> (u32, u64) {
    let Some((first, _)) = side.first_key_value() else { return (0, 0) };
    let level = side.iter().take_while(|(place, _)| place.rank == first.rank);
    (first.price(), level.map(|(_, resting)| u64::from(resting.left)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Side::{Buy, Sell};

    /// Submits orders 1, 2, … of accounts of the same numbers; the trades, as (maker, taker, price, quantity).
    fn play(orders: &[(Side, u32, u32)]) -> (Book, Vec<(u64, u64, u32, u32)>) {
        let (mut book, mut trades) = (Book::default(), Vec::new());
        for (order, &(side, price, quantity)) in (1..).zip(orders) {
            let incoming = Incoming { order, account: order, side, price, quantity };
            let before = trades.len();
            let filled = book.submit(&incoming, |trade| {
                trades.push((trade.maker, trade.taker, trade.price, trade.quantity));
            });
            assert_eq!(filled, trades[before..].iter().map(|trade| trade.3).sum::<u32>());
        }
        (book, trades)
    }

    #[test]
    fn the_best_price_trades_first_and_at_one_price_the_earliest() {
        let (_, trades) = play(&[(Sell, 102, 5), (Sell, 101, 5), (Sell, 101, 5), (Buy, 102, 12)]);
        assert_eq!(trades, [(2, 4, 101, 5), (3, 4, 101, 5), (1, 4, 102, 2)]);
        let (_, trades) = play(&[(Buy, 98, 5), (Buy, 99, 5), (Buy, 99, 5), (Sell, 98, 12)]);
        assert_eq!(trades, [(2, 4, 99, 5), (3, 4, 99, 5), (1, 4, 98, 2)]);
    }

    #[test]
    fn what_is_left_rests_and_keeps_its_place() {
        let (book, trades) = play(&[(Buy, 99, 10), (Buy, 99, 10), (Sell, 99, 4), (Sell, 99, 8)]);
        assert_eq!(trades, [(1, 3, 99, 4), (1, 4, 99, 6), (2, 4, 99, 2)]);
        assert_eq!(book.resting().collect::<Vec<_>>(), [(2, 8)]);
    }

    #[test]
    fn prices_that_do_not_cross_rest() {
        let (book, trades) = play(&[(Buy, 99, 1), (Sell, 100, 2), (Buy, 99, 3), (Sell, 101, 4)]);
        assert_eq!(trades, []);
        assert_eq!(book.top(), Top { bid: 99, bid_quantity: 4, ask: 100, ask_quantity: 2 });
    }

    #[test]
    fn what_is_cancelled_or_swept_does_not_trade() {
        let (mut book, _) = play(&[(Buy, 99, 1), (Buy, 99, 2), (Sell, 101, 4)]);
        assert_eq!([book.cancel(Buy, 99, 1), book.cancel(Buy, 99, 1)], [Some(1), None]);
        assert_eq!(book.cancel(Sell, 99, 2), None, "it is no sell");
        let mut swept = Vec::new();
        book.sweep(2, |order, left| swept.push((order, left)));
        assert_eq!(swept, [(2, 2)]);
        assert_eq!(book.resting().collect::<Vec<_>>(), [(3, 4)]);
        assert_eq!(book.top(), Top { ask: 101, ask_quantity: 4, ..Top::default() });
    }
}
