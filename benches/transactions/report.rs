//! The table and the JSON.

use serde_json::json;

use crate::figure::Figure;
use crate::memory::Memory;
use crate::support::{Recorder, Report, figure, report};

pub(crate) fn report(figures: &[Figure], recorders: &[Recorder], memory: Memory) -> Report {
    let medians: Vec<_> = recorders.iter().map(Recorder::medians).collect();
    let columns =
        &[("many", 6), ("p50 ns", 12), ("p99 ns", 12), ("p99.9 ns", 12), ("/ s", 12), ("÷ ref.", 8)];
    let mut report = Report::new(24, columns);
    for ((&figure, recorder), ratio) in figures.iter().zip(recorders).zip(figure::ratios(figures, &medians)) {
        let many = match figure {
            Figure::InFlight(many) | Figure::Clients(many) => many,
            _ => 1,
        };
        let times = recorder.percentiles();
        let mut cells = vec![many.to_string()];
        cells.extend(times.map(|time| format!("{time:.1}")));
        cells.extend([format!("{:.0}", 1e9 / times[0]), report::ratio(ratio)]);
        let [p50, p99, p999] = times;
        let fields = json!({
            "many": many,
            "p50_ns": p50,
            "p99_ns": p99,
            "p999_ns": p999,
            "per_second": 1e9 / p50,
            "ratio_to_reference": ratio,
        });
        report.add(figure, cells, fields);
    }
    for (name, bytes) in [("memory_of_conversation", memory.resident), ("memory_of_lane", memory.lane)] {
        report.add_named(name, 64, 0, vec![format!("{bytes:>19} bytes")], json!({ "bytes": bytes }));
    }
    report
}
