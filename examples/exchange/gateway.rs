//! The gateway's process: takes orders, and publishes what comes of them.
//!
//! One thread does all of it, so an order is checked, matched, booked and published before the next one is looked at. It asks
//! nobody: limits come as pokes, and are there when an order is. That a client has gone is looked for between two rounds of
//! requests; what it had asked for, and nobody has read until then, is refused.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bus::{Ack, Bus, ConversationEvent, ConversationEvents, Error, Handlers, Refusal, Service, Topic};

use crate::Result;
use crate::engine::{self, Engine};
use crate::ledger::Ledger;
use crate::orders::{
    AUDIT, Accepted, BUS, COUNTS, Cancel, Close, Counts, LIMITS, NOT_CLOSED, New, PAGE, Position, Record,
    SERVICE, SYMBOLS, TOPS, TRADES, Top, Trade,
};
use crate::support::lines;

/// How long a quiet gateway does not look for clients that have gone.
const NAP: Duration = Duration::from_millis(5);

/// The exchange, and where it is published.
struct Desk {
    engine: Engine,
    trades: Topic<Trade>,
    tops: Topic<Top>,
    /// As last published.
    shown: [Top; SYMBOLS.len()],
    /// What could not be published. What was done stays done, and its client is told so; but the gateway ends.
    trouble: Option<Error>,
}

pub(crate) fn serve() -> Result<()> {
    let service = Bus::open(BUS)?.service(SERVICE)?;
    service.set_help("Trades. Execute New, Cancel; poke limits in shares; trades and tops are topics.");
    let trades = service.topic(TRADES).capacity(SYMBOLS.len()).history(4096).journal(16_384).open()?;
    let tops = service.topic(TOPS).capacity(SYMBOLS.len()).open()?;
    let limits = service.topic::<u64>(LIMITS).capacity(SYMBOLS.len()).open()?;
    let audit = service.topic::<Counts>(AUDIT).capacity(1).open()?;
    let mut desk = Desk { engine: Engine::default(), trades, tops, shown: Default::default(), trouble: None };
    for symbol in SYMBOLS {
        desk.trades.item(symbol)?;
        desk.tops.item(symbol)?.publish(&Top::default())?;
        limits.item(symbol)?.publish(&0)?;
    }
    let counts = audit.item(COUNTS)?;
    let mut counted = Counts::default();
    counts.publish(&counted)?;

    let mut handlers = service.handlers()?;
    answer(&mut handlers, &limits)?;
    let mut departures = Departures { events: service.conversation_events(), missed: 0 };
    service.ready()?;
    lines::ready()?;

    let end = lines::wait_for_start()?;
    while !end.load(Ordering::Relaxed) {
        handlers.poll(&mut desk, NAP)?;
        departures.look(&service, &mut desk)?;
        if let Some(error) = desk.trouble.take() {
            return Err(error.into());
        }
        let now = desk.engine.counts();
        if now != counted {
            counted = now;
            counts.publish(&counted)?;
        }
    }
    drop(handlers);
    // Who watches gets what is still on its way, and then is told that this is all.
    service.close();
    Ok(())
}

/// What the gateway answers.
fn answer<'h>(handlers: &mut Handlers<'h, Desk>, limits: &'h Topic<u64>) -> Result<()> {
    handlers.execute(|desk, new: &New, caller| desk.submit(caller.conversation(), new))?;
    handlers.execute(|desk, cancel: &Cancel, caller| {
        let (symbol, cancelled) = desk.engine.cancel(caller.conversation(), cancel.order)?;
        desk.show(symbol);
        Ok(cancelled)
    })?;
    handlers.execute(|desk, _: &Close, _| {
        desk.engine.close();
        Ok(Ack {})
    })?;
    handlers.poke(LIMITS, |desk, &quantity: &u64, caller| {
        desk.engine.limit(caller.item(), quantity)?;
        limits.item(caller.item())?.publish(&quantity)?;
        Ok(())
    })?;
    handlers.compute_boxed::<[Record]>(AUDIT, |desk, caller| {
        desk.page(caller.item(), |ledger, skip| {
            ledger.records().iter().skip(skip).take(PAGE).copied().collect()
        })
    })?;
    handlers.compute_boxed::<[Position]>(AUDIT, |desk, caller| {
        desk.page(caller.item(), |ledger, skip| ledger.positions().skip(skip).take(PAGE).copied().collect())
    })?;
    Ok(())
}

impl Desk {
    fn submit(&mut self, account: u64, new: &New) -> Result<Accepted, Refusal> {
        let (trades, trouble) = (&self.trades, &mut self.trouble);
        let accepted = self.engine.submit(account, new, |trade| {
            let published = trades.item(&new.symbol).and_then(|item| item.publish(&trade));
            note(trouble, published);
        })?;
        self.show(engine::find(&new.symbol)?);
        Ok(accepted)
    }

    /// Publishes the top of a book where it has changed.
    fn show(&mut self, symbol: usize) {
        let top = self.engine.top(symbol);
        if top != self.shown[symbol] {
            let published = self.tops.item(SYMBOLS[symbol]).and_then(|item| item.publish(&top));
            note(&mut self.trouble, published);
            self.shown[symbol] = top;
        }
    }

    /// A page of the audit.
    fn page<T: ?Sized>(
        &self,
        item: &str,
        page: impl Fn(&Ledger, usize) -> Box<T>,
    ) -> Result<Box<T>, Refusal> {
        let number: usize = item.parse().map_err(|_| Refusal::NoSuchItem)?;
        let ledger = self.engine.audit();
        let ledger = ledger.ok_or_else(|| Refusal::new(NOT_CLOSED, "the exchange is not closed yet"))?;
        Ok(page(ledger, number.saturating_mul(PAGE)))
    }
}

/// Keeps the first error.
fn note(trouble: &mut Option<Error>, published: bus::Result<u64>) {
    if let Err(error) = published {
        trouble.get_or_insert(error);
    }
}

/// Clients that go.
struct Departures {
    events: ConversationEvents,
    /// Events that were lost so far.
    missed: u64,
}

impl Departures {
    /// Cancels what the clients that have gone had resting. A client's conversation is the one without a topic.
    fn look(&mut self, service: &Service, desk: &mut Desk) -> Result<()> {
        let gone = desk.engine.counts().gone;
        while let Some(event) = self.events.try_recv()? {
            match event {
                ConversationEvent::Ended { conversation, .. } if conversation.topic.is_empty() => {
                    desk.engine.depart(conversation.number);
                }
                _ => {}
            }
        }
        let missed = self.events.missed();
        if missed != self.missed {
            // More happened than is remembered: whoever has orders and no conversation has gone.
            self.missed = missed;
            let here: HashSet<u64> = service.conversations().iter().map(|there| there.number()).collect();
            for account in desk.engine.resting_accounts().difference(&here) {
                desk.engine.depart(*account);
            }
        }
        if desk.engine.counts().gone != gone {
            (0..SYMBOLS.len()).for_each(|symbol| desk.show(symbol));
        }
        Ok(())
    }
}
