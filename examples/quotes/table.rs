//! The result, for people.

use std::fmt::Write as _;
use std::thread;

use crate::quote::{Quote, Scope};
use crate::report::{Published, Watched};
use crate::{Plan, Strategy};

pub(crate) fn render(plan: &Plan, published: &Published, watched: &[(Scope, Watched)]) -> String {
    // Writing to a string cannot fail.
    let mut text = String::new();
    let seconds = published.elapsed as f64 / 1e9;
    let _ = write!(
        text,
        "{} items of {} bytes, {} updates in {seconds:.2} s: {:.0} updates/s",
        plan.items,
        size_of::<Quote>(),
        published.updates,
        published.updates as f64 / seconds,
    );
    let _ = match plan.rate {
        0 => writeln!(text, ", as fast as possible"),
        rate => writeln!(text, " ({rate} asked for)"),
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let processes = plan.watchers.len() + 1;
    if processes > cores && matches!(plan.strategy, Strategy::Spin) {
        let _ = writeln!(
            text,
            "{processes} processes that never sleep share {cores} cores: latencies are those of taking turns"
        );
    }
    let _ = writeln!(
        text,
        "\n{:<8}{:>8}{:>12}{:>12}{:>12}{:>9}{:>10}{:>10}{:>10}{:>10}{:>8}",
        "watcher", "items", "published", "delivered", "missed", "loss", "p50", "p99", "p99.9", "max", "core"
    );
    for (scope, counts) in watched {
        let of_all = published.of(*scope);
        let _ = write!(
            text,
            "{:<8}{:>8}{of_all:>12}{:>12}{:>12}{:>8.3}%",
            format!("{scope:?}").to_lowercase(),
            scope.count(plan.items),
            counts.delivered,
            counts.missed,
            counts.missed as f64 / of_all as f64 * 100.0,
        );
        for latency in [counts.p50, counts.p99, counts.p999, counts.max] {
            let latency = if counts.timed > 0 { time(latency) } else { "-".to_owned() };
            let _ = write!(text, "{latency:>10}");
        }
        let _ = writeln!(text, "{:>7.1}%", counts.processor as f64 / counts.elapsed as f64 * 100.0);
    }
    text
}

/// Nanoseconds, in the unit that suits them.
fn time(nanoseconds: u64) -> String {
    match nanoseconds as f64 {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.1} µs", ns / 1e3),
        ns if ns < 1e9 => format!("{:.1} ms", ns / 1e6),
        ns => format!("{:.1} s", ns / 1e9),
    }
}
