//! Rows of fields, as a text.

use core::fmt::{self, Display, Write};

/// The most bytes of a text; rows beyond are left out, and `Status` says of which items. Readers take no more than this.
pub(crate) const MOST_BYTES: usize = 16 << 20;

/// A text of rows.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) text: String,
    /// Whether rows were left out.
    pub(super) cut: bool,
}

impl Table {
    /// A table with these columns and no rows.
    pub(super) fn new(columns: &[&dyn Display]) -> Self {
        let mut table = Table { text: String::new(), cut: false };
        table.row(columns);
        table
    }

    /// Adds a row, unless there is no room for it, or was none for one before.
    pub(super) fn row(&mut self, fields: &[&dyn Display]) {
        if self.cut {
            return;
        }
        let start = self.text.len();
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                self.text.push('\t');
            }
            write!(Field(&mut self.text), "{field}").expect("a text takes all that there is room for");
        }
        self.text.push('\n');
        if self.text.len() > MOST_BYTES {
            self.text.truncate(start);
            self.cut = true;
        }
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
}
