//! The publisher's process: opens the market, waits for a line on standard input, and publishes until
//! standard input ends.
//!
//! Which item is next is drawn beforehand, so that the loop measures the bus and not the dice. Items are not
//! alike: as in a real market a few are lively and most are quiet. Item number n is drawn about 1/n as often
//! as the first (Zipf's law), by taking powers of a random exponent.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use bus::{Bus, Error, Item};

use crate::quote::{BUS, Quote, SERVICE, Scope, TOPIC, now, symbol};
use crate::report::Published;
use crate::support::lines;
use crate::{Plan, Result};

/// How many draws there are before they repeat; a power of two.
const DRAWS: usize = 1 << 18;

pub(crate) fn publish(plan: &Plan) -> Result<()> {
    let service = Bus::open(BUS)?.service(SERVICE)?;
    let topic = service
        .topic(TOPIC)
        .capacity(plan.items as usize)
        .history(plan.history)
        .journal(plan.journal)
        .open()
        .map_err(|error| match error {
            Error::NoMemory { .. } => format!("{error}: that is `--history` and `--items` here").into(),
            error => Box::<dyn std::error::Error>::from(error),
        })?;
    let mut listings = Vec::with_capacity(plan.items as usize);
    for number in 0..plan.items {
        let mut listing = Listing::new(topic.item(&symbol(number))?);
        listing.publish(0)?;
        listings.push(listing);
    }
    // Every item has a value: now the market can open.
    service.ready()?;
    let draws = draw(listings.len());
    lines::ready()?;

    let end = lines::wait_for_start()?;
    let start = now();
    let mut updates = 0;
    while !end.load(Ordering::Relaxed) {
        let now = now();
        if let Some(early) = ahead(updates, plan.rate, now - start) {
            // The end of standard input ends this sleep too.
            thread::park_timeout(early);
            continue;
        }
        listings[draws[updates as usize % DRAWS] as usize].publish(now)?;
        updates += 1;
    }
    let elapsed = now() - start;
    // Watchers get what is still on its way, and then are told that this is all.
    service.close();

    let published = |scope: Scope| {
        let watched = &listings[..scope.count(plan.items) as usize];
        watched.iter().map(|listing| listing.published).sum()
    };
    lines::send(&Published {
        elapsed,
        updates,
        one: published(Scope::One),
        several: published(Scope::Several),
        all: published(Scope::All),
    })
}

/// An item with its present quote.
struct Listing<'t> {
    item: Item<'t, Quote>,
    quote: Quote,
    /// Number of the last publish.
    published: u64,
}

impl<'t> Listing<'t> {
    fn new(item: Item<'t, Quote>) -> Self {
        let quote = Quote { sent: 0, bid: 99.99, ask: 100.01, bid_size: 100, ask_size: 100 };
        Listing { item, quote, published: 0 }
    }

    /// Moves the price by a cent, up or down, and publishes it.
    #[inline]
    fn publish(&mut self, now: u64) -> bus::Result<()> {
        let cent = if now & 1 == 0 { 0.01 } else { -0.01 };
        self.quote.sent = now;
        self.quote.bid += cent;
        self.quote.ask += cent;
        self.published = self.item.publish(&self.quote)?;
        Ok(())
    }
}

/// How long it is until the next update is due; `None` if it is due now. After `elapsed` nanoseconds there
/// should have been `rate` updates for each second, or any number if `rate` is 0.
#[inline]
fn ahead(updates: u64, rate: u64, elapsed: u64) -> Option<Duration> {
    if rate == 0 {
        return None;
    }
    let due = u128::from(updates) * 1_000_000_000 / u128::from(rate);
    let early = due.checked_sub(u128::from(elapsed)).filter(|&early| early > 0)?;
    Some(Duration::from_nanos(u64::try_from(early).unwrap_or(u64::MAX)))
}

/// The numbers of the items to publish, in turn.
fn draw(items: usize) -> Vec<u32> {
    // Marsaglia, "Xorshift RNGs", 2003: the same draws in each run.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut exponent = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..DRAWS).map(|_| (items as f64 + 1.0).powf(exponent()) as u32 - 1).collect()
}
