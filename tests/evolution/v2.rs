//! A program with version 2 of the messages; see `tests/evolution.rs`.

mod peer;

use bus::{FixedVec, Message};

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Level {
    price: f64,
    count: u32,
    #[message(since = 2, default = 77)]
    venue: u16,
    #[message(since = 2, default = true)]
    firm: bool,
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Quote {
    bid: Level,
    asks: [Level; 2],
    trades: FixedVec<Level, 3>,
    size: u32,
    #[message(since = 2, default = 100)]
    lot: u64,
    #[message(since = 2, default = Level { price: 0.5, count: 0, venue: 1, firm: false })]
    best: Level,
}

#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Trade {
    price: f64,
    size: u32,
}

/// Changes that are no evolution.
mod unmarked {
    #[derive(bus::Message)]
    #[repr(C)]
    pub(crate) struct Trade {
        price: f64,
        size: u32,
        venue: u16,
    }
}

mod inserted {
    #[derive(bus::Message)]
    #[repr(C)]
    #[message(version = 2)]
    pub(crate) struct Trade {
        price: f64,
        venue: u16,
        size: u32,
    }
}

mod retyped {
    #[derive(bus::Message)]
    #[repr(C)]
    pub(crate) struct Trade {
        price: f32,
        size: u32,
        #[message(since = 2)]
        venue: u16,
    }
}

impl peer::Sample for Quote {
    fn sample(number: u32) -> Self {
        let level = |count| Level { price: f64::from(number), count, venue: 20, firm: false };
        let trades = FixedVec::from([level(4)]);
        Quote { bid: level(1), asks: [level(2), level(3)], trades, size: number, lot: 30, best: level(4) }
    }

    fn number(&self) -> Option<u32> {
        let Quote { bid, asks: [first, second], trades, size, .. } = *self;
        let &[trade] = trades.as_slice() else { return None };
        let levels = [bid, first, second, trade];
        let whole = levels.map(|level| (level.price, level.count))
            == [1, 2, 3, 4].map(|count| (f64::from(size), count));
        let new = levels.map(|level| (level.venue, level.firm));
        // Either all are of a sample, or all are the default.
        (whole && (new == [(20, false); 4] || new == [(77, true); 4])).then_some(size)
    }
}

fn main() {
    peer::play::<Quote, Trade>(|service| {
        service.topic::<unmarked::Trade>("unmarked").open().unwrap();
        service.topic::<inserted::Trade>("inserted").open().unwrap();
        service.topic::<retyped::Trade>("retyped").open().unwrap();
    });
}
