//! A watcher's process: follows its items to the market's close, and keeps count.

use bus::{Bus, Ended, Error};
use hdrhistogram::Histogram;

use crate::quote::{BUS, Quote, SERVICE, Scope, TOPIC, now, processor_time, symbol};
use crate::report::Watched;
use crate::support::lines;
use crate::{Delivery, Plan, Result};

/// The longest latency that is told from longer ones, in nanoseconds.
const LONGEST: u64 = 60_000_000_000;

pub(crate) fn watch(plan: &Plan, scope: Scope) -> Result<()> {
    let market = Bus::open(BUS)?.connect::<Quote>(&format!("{SERVICE}/{TOPIC}")).open()?;
    let advise = match scope {
        Scope::One => market.advise(&symbol(0)),
        Scope::Several => market.advise_items((0..scope.count(plan.items)).map(symbol)),
        Scope::All => market.advise("*"),
    };
    let advise = match plan.delivery {
        Delivery::Queue => advise.queue_all(),
        Delivery::Latest => advise.latest(),
    };
    let mut link = advise.strategy(plan.strategy.into()).hot()?;
    lines::ready()?;

    let mut latency = Histogram::<u64>::new_with_bounds(1, LONGEST, 3)?;
    let (mut delivered, mut missed) = (0, 0);
    let (start, start_processor) = (now(), processor_time());
    loop {
        match link.recv() {
            Ok(update) => {
                delivered += 1;
                missed += update.missed;
                if update.value.sent > 0 {
                    latency.saturating_record(now().saturating_sub(update.value.sent));
                }
            }
            // All that the market still published has been delivered before this.
            Err(Error::Stale { reason: Ended::Closed, .. }) => break,
            Err(error) => return Err(error.into()),
        }
    }
    let processor = processor_time() - start_processor;
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|quantile| latency.value_at_quantile(quantile));
    lines::send(&Watched {
        delivered,
        missed,
        timed: latency.len(),
        p50,
        p99,
        p999,
        max: latency.max(),
        elapsed: now() - start,
        processor,
    })
}
