//! The table and the JSON.

use serde_json::json;

use crate::figure::Figure;
use crate::support::{Figure as _, Report, figure, median, report};

/// `times` are those of each round, for each figure: nanoseconds a message.
pub(crate) fn report(figures: &[Figure], times: &[Vec<f64>]) -> Report {
    let columns = &[
        ("history", 8),
        ("ns / message", 14),
        ("best ns", 10),
        ("messages / s", 14),
        ("GB/s", 8),
        ("÷ ref.", 8),
    ];
    let mut report = Report::new(18, columns);
    for ((&figure, times), ratio) in figures.iter().zip(times).zip(figure::ratios(figures, times)) {
        let time = median(times.clone()).unwrap_or(f64::NAN);
        // Of the fastest round, which nothing else on the machine disturbed.
        let best = times.iter().copied().fold(f64::INFINITY, f64::min);
        let cells = vec![
            figure.history().to_string(),
            format!("{time:.1}"),
            format!("{best:.1}"),
            format!("{:.0}", 1e9 / time),
            format!("{:.2}", figure.payload_bytes() as f64 / time),
            report::ratio(ratio),
        ];
        let fields = json!({
            "history": figure.history(),
            "ns_per_message": time,
            "best_ns_per_message": best,
            "messages_per_second": 1e9 / time,
            "ratio_to_reference": ratio,
        });
        report.add(figure, cells, fields);
    }
    report
}
