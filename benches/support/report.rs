//! The table and the JSON: the columns that all benchmarks have, and those that each adds.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Failure, Figure};

/// A heading, and the width of what is below it.
pub(crate) type Column = (&'static str, usize);

/// Columns of every table.
const PAYLOAD: Column = ("payload B", 9);
const LINKS: Column = ("links", 6);

/// The result of a run.
pub(crate) struct Report {
    /// The width of the figures' names.
    names: usize,
    columns: &'static [Column],
    /// Cells, and fields.
    rows: Vec<(Vec<String>, Value)>,
}

impl Report {
    /// Without rows yet; `columns` are those of this benchmark, after the ones that all have.
    pub(crate) fn new(names: usize, columns: &'static [Column]) -> Self {
        Report { names, columns, rows: Vec::new() }
    }

    /// Adds a row: what is below this benchmark's columns, and its fields in the JSON, an object.
    pub(crate) fn add(&mut self, figure: impl Figure, cells: Vec<String>, fields: Value) {
        self.add_named(figure.name(), figure.payload_bytes(), figure.links(), cells, fields);
    }

    /// As [`add`](Self::add), for what is no figure that takes turns with others.
    pub(crate) fn add_named(
        &mut self,
        name: &str,
        payload_bytes: usize,
        links: usize,
        cells: Vec<String>,
        mut fields: Value,
    ) {
        fields["figure"] = json!(name);
        fields["payload_bytes"] = json!(payload_bytes);
        fields["links"] = json!(links);
        let common = [name.to_owned(), payload_bytes.to_string(), links.to_string()];
        self.rows.push((common.into_iter().chain(cells).collect(), fields));
    }

    /// Prints the table, and writes the JSON if it is wanted.
    pub(crate) fn finish(
        &self,
        rounds: usize,
        cores: [usize; 2],
        json: Option<&Path>,
    ) -> Result<(), Failure> {
        println!("{rounds} rounds, two processes on cores {} and {}", cores[0], cores[1]);
        let columns: Vec<Column> = [PAYLOAD, LINKS].iter().chain(self.columns).copied().collect();
        let headings: Vec<&str> = columns.iter().map(|&(heading, _)| heading).collect();
        self.print_line("figure", &headings, &columns);
        for (cells, _) in &self.rows {
            let Some((name, cells)) = cells.split_first() else { continue };
            self.print_line(name, &cells.iter().map(String::as_str).collect::<Vec<_>>(), &columns);
        }
        let Some(path) = json else { return Ok(()) };
        let rows: Vec<&Value> = self.rows.iter().map(|(_, fields)| fields).collect();
        fs::write(path, serde_json::to_string_pretty(&rows)? + "\n")
            .map_err(|error| format!("writing {}: {error}", path.display()).into())
    }

    fn print_line(&self, name: &str, cells: &[&str], columns: &[Column]) {
        print!("{name:<0$}", self.names);
        for (cell, (_, width)) in cells.iter().zip(columns) {
            print!(" {cell:>width$}");
        }
        println!();
    }
}

/// A ratio as it is shown: nothing where there is none.
pub(crate) fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or_else(String::new, |ratio| format!("{ratio:.3}"))
}
