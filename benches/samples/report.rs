//! The table and the JSON.

use serde_json::json;

use crate::figure::Figure;
use crate::support::{Recorder, Report, figure, report};

pub(crate) fn report(figures: &[Figure], recorders: &[Recorder]) -> Report {
    let medians: Vec<_> = recorders.iter().map(Recorder::medians).collect();
    let mut report =
        Report::new(14, &[("p50 ns", 12), ("p99 ns", 12), ("p99.9 ns", 12), ("÷ reference", 12)]);
    for ((&figure, recorder), ratio) in figures.iter().zip(recorders).zip(figure::ratios(figures, &medians)) {
        let times = recorder.percentiles();
        let mut cells = times.map(|time| format!("{time:.1}")).to_vec();
        cells.push(report::ratio(ratio));
        let [p50, p99, p999] = times;
        let fields = json!({ "p50_ns": p50, "p99_ns": p99, "p999_ns": p999, "ratio_to_reference": ratio });
        report.add(figure, cells, fields);
    }
    report
}
