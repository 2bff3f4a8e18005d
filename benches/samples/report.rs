//! The table and the JSON.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::figure::{Figure, Recorder};
use crate::support::{Failure, median};

/// One row.
pub(crate) struct Row {
    figure: Figure,
    /// p50, p99, p99.9 in nanoseconds.
    times: [f64; 3],
    /// Median of the rounds' ratios.
    ratio: Option<f64>,
}

pub(crate) fn results(figures: &[Figure], recorders: &[Recorder]) -> Vec<Row> {
    let ratio = |figure: Figure, recorder: &Recorder| {
        let reference = figures.iter().position(|&known| Some(known) == figure.reference())?;
        let references = recorders[reference].medians();
        median(recorder.medians().into_iter().zip(references).map(|(this, that)| this / that).collect())
    };
    let row = |(&figure, recorder): (&Figure, &Recorder)| Row {
        figure,
        times: [0.5, 0.99, 0.999].map(|quantile| recorder.quantile(quantile)),
        ratio: ratio(figure, recorder),
    };
    figures.iter().zip(recorders).map(row).collect()
}

pub(crate) fn print(rows: &[Row], rounds: usize, cores: [usize; 2]) {
    println!("{rounds} rounds, two processes on cores {} and {}", cores[0], cores[1]);
    println!(
        "{:<14} {:>9} {:>6} {:>12} {:>12} {:>12} {:>12}",
        "figure", "payload B", "links", "p50 ns", "p99 ns", "p99.9 ns", "÷ reference"
    );
    for Row { figure, times: [p50, p99, p999], ratio } in rows {
        let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.3}"));
        println!(
            "{:<14} {:>9} {:>6} {p50:>12.1} {p99:>12.1} {p999:>12.1} {ratio:>12}",
            figure.name(),
            figure.payload_bytes(),
            figure.links(),
        );
    }
}

pub(crate) fn write_json(rows: &[Row], path: &Path) -> Result<(), Failure> {
    let rows: Vec<_> = rows
        .iter()
        .map(|Row { figure, times: [p50, p99, p999], ratio }| {
            json!({
                "figure": figure.name(),
                "payload_bytes": figure.payload_bytes(),
                "links": figure.links(),
                "p50_ns": p50,
                "p99_ns": p99,
                "p999_ns": p999,
                "ratio_to_reference": ratio,
            })
        })
        .collect();
    fs::write(path, serde_json::to_string_pretty(&rows)? + "\n")
        .map_err(|error| format!("writing {}: {error}", path.display()).into())
}
