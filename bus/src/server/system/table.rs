//! Rows of fields, as a text.

use core::fmt::{self, Display, Write};
use std::sync::Arc;

/// The most bytes of a text; rows beyond are left out, and `Status` says of which items. Readers take no more than this.
pub(crate) const MOST_BYTES: usize = 16 << 20;

/// The most rows, likewise: what a reader makes of one has a hundred bytes or so, where the text has two.
pub(crate) const MOST_ROWS: usize = 1 << 20;

/// A text of rows.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) text: String,
    /// Rows, without the columns' names.
    rows: usize,
    /// Whether rows were left out.
    pub(super) cut: bool,
}

impl Table {
    /// A table with these columns and no rows.
    pub(super) fn new(columns: &[&dyn Display]) -> Self {
        let mut table = Table { text: String::new(), rows: 0, cut: false };
        table.line(columns);
        table
    }

    /// Adds a row, unless there is no room for it, or was none for one before.
    pub(super) fn row(&mut self, fields: &[&dyn Display]) {
        if self.cut {
            return;
        }
        let start = self.text.len();
        self.line(fields);
        self.rows += 1;
        if self.text.len() > MOST_BYTES || self.rows > MOST_ROWS {
            self.text.truncate(start);
            self.cut = true;
        }
    }

    fn line(&mut self, fields: &[&dyn Display]) {
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                self.text.push('\t');
            }
            write!(Field(&mut self.text), "{field}").expect("a text takes all that there is room for");
        }
        self.text.push('\n');
    }
}

/// A text to which control characters come as spaces.
struct Field<'t>(&'t mut String);

impl Write for Field<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
        Ok(())
    }
}

/// Bytes, as a field.
#[derive(Debug)]
pub(super) struct Hex(pub(super) Arc<[u8]>);

impl Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Yes or no, as a field.
pub(super) fn flag(yes: bool) -> u8 {
    u8::from(yes)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_field_or_a_row_becomes_a_space() {
        let mut table = Table::new(&[&"name", &"text"]);
        table.row(&[&"a", &"two\nlines\tof \u{85}text"]);
        assert_eq!(table.text, "name\ttext\na\ttwo lines of  text\n");
    }

    #[test]
    fn what_there_is_no_room_for_is_left_out_with_all_that_follows() {
        let mut table = Table::new(&[&"text"]);
        let long = "x".repeat(MOST_BYTES / 2);
        table.row(&[&long]);
        table.row(&[&long]);
        table.row(&[&"short"]);
        assert!(table.cut);
        assert_eq!(table.text.len(), "text\n".len() + long.len() + 1);
    }

    #[test]
    fn there_are_no_more_rows_than_readers_take() {
        let mut table = Table::new(&[&"item"]);
        (0..MOST_ROWS).for_each(|_| table.row(&[&"x"]));
        assert!(!table.cut);
        table.row(&[&"x"]);
        assert!(table.cut);
        assert_eq!(table.text.lines().count(), 1 + MOST_ROWS);
    }
}
