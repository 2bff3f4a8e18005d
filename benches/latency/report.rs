//! The table and the JSON.

use serde_json::json;

use crate::figure::Figure;
use crate::support::{Recorder, Report, figure, report};

/// `memory` is that of a topic, in bytes.
pub(crate) fn report(figures: &[Figure], recorders: &[Recorder], memory: u64) -> Report {
    let medians: Vec<_> = recorders.iter().map(Recorder::medians).collect();
    let mut report = Report::new(24, &[("p50 ns", 12), ("p99 ns", 12), ("p99.9 ns", 12), ("÷ ref.", 8)]);
    let fields = |[p50, p99, p999]: [Option<f64>; 3], ratio: Option<f64>| {
        // The key is older than references that are not raw.
        json!({ "p50_ns": p50, "p99_ns": p99, "p999_ns": p999, "ratio_to_raw": ratio })
    };
    for ((&figure, recorder), ratio) in figures.iter().zip(recorders).zip(figure::ratios(figures, &medians)) {
        let times = recorder.percentiles();
        let mut cells = times.map(|time| format!("{time:.1}")).to_vec();
        cells.push(report::ratio(ratio));
        report.add(figure, cells, fields(times.map(Some), ratio));
    }
    let mut fields = fields([None; 3], None);
    fields["bytes"] = json!(memory);
    report.add_named("resident_memory", 64, 0, vec![format!("{memory:>12} bytes")], fields);
    report
}
