//! What all processes agree on: names, limits, and messages.
//!
//! Prices are whole ticks and quantities whole shares, so that nothing is rounded and the books balance exactly.

use bus::{Ack, FixedStr, Message};
use clap::ValueEnum;

/// The bus on which the processes meet; it lies in a directory of their own.
pub(crate) const BUS: &str = "exchange";
/// The gateway.
pub(crate) const SERVICE: &str = "gateway";
/// Topics of one item for each symbol: [`Trade`]s, the [`Top`] of the book, and the largest quantity of an order.
pub(crate) const TRADES: &str = "trades";
pub(crate) const TOPS: &str = "tops";
pub(crate) const LIMITS: &str = "limits";
/// The topic with the item [`COUNTS`]. Once the exchange is closed, its items `0`, `1`, … are pages of the audit, computed
/// in two formats: `[Record]` and `[Position]`. The first page that is empty is the end.
pub(crate) const AUDIT: &str = "audit";
pub(crate) const COUNTS: &str = "counts";

pub(crate) const SYMBOLS: [&str; 4] = ["ACME", "BOLT", "CORK", "DUNE"];

/// Ticks and shares of one order at most: so that the cash of nine hundred million fills still fits an `i64`.
pub(crate) const MOST_PRICE: u32 = 1_000_000;
pub(crate) const MOST_QUANTITY: u32 = 10_000;
/// Records or positions on a page of the audit.
pub(crate) const PAGE: usize = 4096;

/// Codes of refusals.
pub(crate) const UNKNOWN_SYMBOL: u32 = 1;
/// The price or the quantity is none that an order can have.
pub(crate) const BAD_ORDER: u32 = 2;
pub(crate) const OVER_LIMIT: u32 = 3;
/// There is no such order of this client's, or nothing of it is left.
pub(crate) const NOT_RESTING: u32 = 4;
/// The exchange is closed.
pub(crate) const CLOSED: u32 = 5;
/// It is not closed yet, so that there is no audit.
pub(crate) const NOT_CLOSED: u32 = 6;
/// What a client that has gone had still asked for.
pub(crate) const GONE: u32 = 7;

pub(crate) type Symbol = FixedStr<6>;

#[derive(Message, Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[repr(u8)]
pub(crate) enum Side {
    Buy,
    Sell,
}

/// A limit order: it trades at its price or a better one, and what is left rests.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[message(reply = Accepted)]
#[repr(C)]
pub(crate) struct New {
    pub(crate) symbol: Symbol,
    pub(crate) price: u32,
    pub(crate) quantity: u32,
    pub(crate) side: Side,
    pub(crate) reserved: [u8; 7],
}

#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Accepted {
    /// Its number, by which it can be cancelled. Orders of lower numbers came earlier.
    pub(crate) order: u64,
    /// How much of it traded at once.
    pub(crate) filled: u64,
}

/// Takes what is left of an order out of the book.
#[derive(Message, Debug, Clone, Copy)]
#[message(reply = Cancelled)]
#[repr(C)]
pub(crate) struct Cancel {
    pub(crate) order: u64,
}

#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Cancelled {
    /// How much was left.
    pub(crate) left: u64,
}

/// Closes the exchange: from now on nothing changes, and the audit can be read.
#[derive(Message, Debug, Clone, Copy)]
#[message(reply = Ack)]
#[repr(C)]
pub(crate) struct Close {}

/// Two orders met.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Trade {
    /// The order that rested, and made the price; and the one that came.
    pub(crate) maker: u64,
    pub(crate) taker: u64,
    pub(crate) price: u32,
    pub(crate) quantity: u32,
}

/// The best prices of a book, with all that there is at them; zeros where a side is empty.
#[derive(Message, Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Top {
    pub(crate) bid_quantity: u64,
    pub(crate) ask_quantity: u64,
    pub(crate) bid: u32,
    pub(crate) ask: u32,
}

/// What the gateway did so far.
#[derive(Message, Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Counts {
    /// Orders that were accepted, and commands that were refused.
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) trades: u64,
    /// Orders cancelled by their clients, and because their clients had gone.
    pub(crate) cancelled: u64,
    pub(crate) swept: u64,
    /// Clients that have gone.
    pub(crate) gone: u64,
}

/// An order in the audit.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Record {
    pub(crate) order: u64,
    /// Whose it is: the number of a conversation.
    pub(crate) account: u64,
    pub(crate) symbol: Symbol,
    pub(crate) price: u32,
    pub(crate) quantity: u32,
    pub(crate) filled: u32,
    pub(crate) cancelled: u32,
    /// What the book has of it.
    pub(crate) resting: u32,
    pub(crate) side: Side,
    pub(crate) reserved: [u8; 3],
}

/// What an account has traded of a symbol.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Position {
    pub(crate) account: u64,
    pub(crate) symbol: Symbol,
    pub(crate) bought: u64,
    pub(crate) sold: u64,
    /// Ticks × shares received, less those paid.
    pub(crate) cash: i64,
}
