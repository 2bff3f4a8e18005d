//! A program with version 1 of the messages; see `tests/evolution.rs`.

mod peer;

use bus::{FixedVec, Message};

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Level {
    price: f64,
    count: u32,
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Quote {
    bid: Level,
    asks: [Level; 2],
    trades: FixedVec<Level, 3>,
    size: u32,
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Trade {
    price: f64,
    size: u32,
}

impl peer::Sample for Quote {
    fn sample(number: u32) -> Self {
        let level = |count| Level { price: f64::from(number), count };
        let trades = FixedVec::from([level(4)]);
        Quote { bid: level(1), asks: [level(2), level(3)], trades, size: number }
    }

    fn number(&self) -> Option<u32> {
        let Quote { bid, asks: [first, second], trades, size, .. } = *self;
        let &[trade] = trades.as_slice() else { return None };
        let whole = [bid, first, second, trade].map(|level| (level.price, level.count))
            == [1, 2, 3, 4].map(|count| (f64::from(size), count));
        whole.then_some(size)
    }
}

fn main() {
    peer::play::<Quote, Trade>(|_| {});
}
