//! The table and the JSON.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::figure::{Figure, Recorder};
use crate::support::{Failure, median};

/// One row.
pub(crate) struct Row {
    figure: &'static str,
    payload_bytes: usize,
    links: usize,
    /// p50, p99, p99.9 in nanoseconds.
    times: Option<[f64; 3]>,
    /// Median of the rounds' ratios.
    ratio_to_raw: Option<f64>,
    bytes: Option<u64>,
}

pub(crate) fn results(figures: &[Figure], recorders: &[Recorder], memory: u64) -> Vec<Row> {
    let ratio = |figure: Figure, recorder: &Recorder| {
        let reference = figures.iter().position(|&known| Some(known) == figure.reference())?;
        let references = recorders[reference].medians();
        let ratios = recorder.medians().into_iter().zip(references).map(|(ours, raw)| ours / raw);
        median(ratios.collect())
    };
    let mut rows: Vec<Row> = figures
        .iter()
        .zip(recorders)
        .map(|(&figure, recorder)| Row {
            figure: figure.name(),
            payload_bytes: figure.payload_bytes(),
            links: figure.links(),
            times: Some([0.5, 0.99, 0.999].map(|quantile| recorder.quantile(quantile))),
            ratio_to_raw: ratio(figure, recorder),
            bytes: None,
        })
        .collect();
    rows.push(Row {
        figure: "resident_memory",
        payload_bytes: 64,
        links: 0,
        times: None,
        ratio_to_raw: None,
        bytes: Some(memory),
    });
    rows
}

pub(crate) fn print(rows: &[Row], rounds: usize, cores: [usize; 2]) {
    println!("{rounds} rounds, two processes on cores {} and {}", cores[0], cores[1]);
    println!(
        "{:<24} {:>9} {:>6} {:>12} {:>12} {:>12} {:>8}",
        "figure", "payload B", "links", "p50 ns", "p99 ns", "p99.9 ns", "÷ raw"
    );
    for row in rows {
        let ratio = row.ratio_to_raw.map_or_else(String::new, |ratio| format!("{ratio:.3}"));
        print!("{:<24} {:>9} {:>6}", row.figure, row.payload_bytes, row.links);
        match (row.times, row.bytes) {
            (Some([p50, p99, p999]), _) => println!(" {p50:>12.1} {p99:>12.1} {p999:>12.1} {ratio:>8}"),
            (None, Some(bytes)) => println!(" {bytes:>12} bytes"),
            (None, None) => println!(),
        }
    }
}

pub(crate) fn write_json(rows: &[Row], path: &Path) -> Result<(), Failure> {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let time = |index: usize| row.times.map(|times| times[index]);
            let mut object = json!({
                "figure": row.figure,
                "payload_bytes": row.payload_bytes,
                "links": row.links,
                "p50_ns": time(0),
                "p99_ns": time(1),
                "p999_ns": time(2),
                "ratio_to_raw": row.ratio_to_raw,
            });
            if let Some(bytes) = row.bytes {
                object["bytes"] = json!(bytes);
            }
            object
        })
        .collect();
    fs::write(path, serde_json::to_string_pretty(&rows)? + "\n")
        .map_err(|error| format!("writing {}: {error}", path.display()).into())
}
