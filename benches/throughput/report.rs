//! The table and the JSON.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::figure::Figure;
use crate::support::{Failure, median};

/// One row.
pub(crate) struct Row {
    figure: Figure,
    /// Nanoseconds a message: the median of the rounds.
    time: f64,
    /// The same of the fastest round, which nothing else on the machine disturbed.
    best: f64,
    /// Median of the rounds' ratios.
    ratio: Option<f64>,
}

pub(crate) fn results(figures: &[Figure], times: &[Vec<f64>]) -> Vec<Row> {
    let ratio = |figure: Figure, ours: &[f64]| {
        let reference = figures.iter().position(|&known| Some(known) == figure.reference())?;
        median(ours.iter().zip(&times[reference]).map(|(ours, reference)| ours / reference).collect())
    };
    figures
        .iter()
        .zip(times)
        .map(|(&figure, times)| Row {
            figure,
            time: median(times.clone()).unwrap_or(f64::NAN),
            best: times.iter().copied().fold(f64::INFINITY, f64::min),
            ratio: ratio(figure, times),
        })
        .collect()
}

pub(crate) fn print(rows: &[Row], rounds: usize, cores: [usize; 2]) {
    println!("{rounds} rounds, two processes on cores {} and {}", cores[0], cores[1]);
    println!(
        "{:<18} {:>9} {:>6} {:>8} {:>14} {:>10} {:>14} {:>8} {:>8}",
        "figure",
        "payload B",
        "links",
        "history",
        "ns / message",
        "best ns",
        "messages / s",
        "GB/s",
        "÷ ref."
    );
    for Row { figure, time, best, ratio } in rows {
        let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.3}"));
        println!(
            "{:<18} {:>9} {:>6} {:>8} {time:>14.1} {best:>10.1} {:>14.0} {:>8.2} {ratio:>8}",
            figure.name(),
            figure.payload_bytes(),
            figure.links(),
            figure.history(),
            1e9 / time,
            figure.payload_bytes() as f64 / time,
        );
    }
}

pub(crate) fn write_json(rows: &[Row], path: &Path) -> Result<(), Failure> {
    let rows: Vec<_> = rows
        .iter()
        .map(|Row { figure, time, best, ratio }| {
            json!({
                "figure": figure.name(),
                "payload_bytes": figure.payload_bytes(),
                "links": figure.links(),
                "history": figure.history(),
                "ns_per_message": time,
                "best_ns_per_message": best,
                "messages_per_second": 1e9 / time,
                "ratio_to_reference": ratio,
            })
        })
        .collect();
    fs::write(path, serde_json::to_string_pretty(&rows)? + "\n")
        .map_err(|error| format!("writing {}: {error}", path.display()).into())
}
