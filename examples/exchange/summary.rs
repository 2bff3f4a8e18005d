//! The result, for people.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use crate::audit::{Audit, Volume};
use crate::orders::SYMBOLS;
use crate::report::Traded;

pub(crate) fn print(
    elapsed: Duration,
    audit: &Audit,
    volumes: &BTreeMap<&str, Volume>,
    traded: &[Traded],
) -> io::Result<()> {
    let mut output = io::stdout().lock();
    let (counts, watched) = (&audit.counts, &audit.watched);
    let rate = |count: u64| count as f64 / elapsed.as_secs_f64();
    writeln!(output, "shares    traded  cancelled    resting        bid        ask")?;
    for (symbol, top) in SYMBOLS.into_iter().zip(&audit.tops) {
        let Volume { traded, cancelled, resting } = &volumes[symbol];
        let (bid, ask) = (top.bid, top.ask);
        writeln!(output, "{symbol:<6}{traded:>10} {cancelled:>10} {resting:>10} {bid:>10} {ask:>10}")?;
    }
    writeln!(output)?;
    writeln!(output, "orders    {:>10}   {:.0}/s", counts.accepted, rate(counts.accepted))?;
    writeln!(output, "trades    {:>10}   {:.0}/s", counts.trades, rate(counts.trades))?;
    writeln!(output, "refused   {:>10}", counts.refused)?;
    writeln!(output, "cancelled {:>10}   by clients", counts.cancelled)?;
    writeln!(output, "          {:>10}   since {} clients were killed", counts.swept, counts.gone)?;
    writeln!(
        output,
        "risk      {:>10}   limits poked; saw {} trades, missed {}",
        watched.pokes, watched.trades, watched.missed
    )?;
    if let Some(Traded { done, p50, p99, .. }) = traded.iter().max_by_key(|client| client.done) {
        let [p50, p99] = [*p50, *p99].map(|nanoseconds| nanoseconds as f64 / 1000.0);
        writeln!(
            output,
            "execute   {done:>10}   of one client, eight at a time: p50 {p50:.1} µs, p99 {p99:.1} µs"
        )?;
    }
    writeln!(output, "the books balance: {} orders, {} clients left", audit.records.len(), traded.len())
}
