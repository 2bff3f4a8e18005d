//! Medians, and the JSON.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::Failure;

/// The middle value; of an even number, the upper of the two.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

pub(crate) fn write_json(figures: &[Value], path: &Path) -> Result<(), Failure> {
    fs::write(path, serde_json::to_string_pretty(figures)? + "\n")
        .map_err(|error| format!("writing {}: {error}", path.display()).into())
}
