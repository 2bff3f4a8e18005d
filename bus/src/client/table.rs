//! Rows of fields, out of a text that a peer wrote: nothing of it is believed, and all of it is bounded.

use core::str::FromStr;

use crate::server::system::{MOST_BYTES, MOST_ROWS};

/// The most columns of a table; ours have eleven.
const MOST_COLUMNS: usize = 64;

/// A table that was read.
#[derive(Debug)]
pub(super) struct Table<'t> {
    columns: Vec<&'t str>,
    rows: &'t str,
}

/// One row of it.
#[derive(Debug)]
pub(super) struct Row<'r, 't> {
    columns: &'r [&'t str],
    fields: Vec<&'t str>,
    /// The row's number, from 1.
    number: usize,
}

impl<'t> Table<'t> {
    /// Reads what names the columns.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(text: &'t [u8]) -> Result<Self, String> {
        let text = text_of(text)?;
        // What a tool shows of it must not be able to rewrite the terminal that shows it.
        let control = |&c: &char| c.is_control() && c != '\n' && c != '\t';
        if let Some(control) = text.chars().find(control) {
            return Err(format!("a table has a control character, {control:?}"));
        }
        let (first, rows) = text.split_once('\n').ok_or("a table has no line that names its columns")?;
        let columns: Vec<&str> = first.split('\t').take(MOST_COLUMNS + 1).collect();
        if columns.len() > MOST_COLUMNS {
            return Err(format!("a table has more than {MOST_COLUMNS} columns"));
        }
        if !rows.is_empty() && !rows.ends_with('\n') {
            return Err("the last row of a table has no end".to_owned());
        }
        Ok(Table { columns, rows })
    }

    /// Makes something of every row.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub(super) fn read<R>(
        &self,
        mut read: impl FnMut(&Row<'_, 't>) -> Result<R, String>,
    ) -> Result<Vec<R>, String> {
        let mut all = Vec::new();
        for (index, line) in self.rows.split_terminator('\n').enumerate() {
            let number = index + 1;
            if number > MOST_ROWS {
                return Err(format!("a table has more than {MOST_ROWS} rows"));
            }
            let fields: Vec<&str> = line.split('\t').take(MOST_COLUMNS + 1).collect();
            if fields.len() != self.columns.len() {
                let (found, expected) = (fields.len(), self.columns.len());
                return Err(format!("row {number} has {found} fields, expected {expected}"));
            }
            all.push(read(&Row { columns: &self.columns, fields, number })?);
        }
        Ok(all)
    }
}

impl<'t> Row<'_, 't> {
    /// The field in the column of this name.
    ///
    /// # Errors
    /// That there is no such column.
    pub(super) fn text(&self, column: &str) -> Result<&'t str, String> {
        let index = self.columns.iter().position(|name| *name == column);
        index.map(|index| self.fields[index]).ok_or_else(|| format!("there is no column `{column}`"))
    }

    /// As [`text`](Self::text), of something that is written as a text.
    ///
    /// # Errors
    /// As [`text`](Self::text), and that it is none.
    pub(super) fn parse<V: FromStr>(&self, column: &str) -> Result<V, String> {
        let text = self.text(column)?;
        text.parse().map_err(|_| self.wrong(column, text))
    }

    /// Yes or no.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub(super) fn flag(&self, column: &str) -> Result<bool, String> {
        match self.text(column)? {
            "0" => Ok(false),
            "1" => Ok(true),
            other => Err(self.wrong(column, other)),
        }
    }

    /// A number of 128 bits in hexadecimal; 0 where there is none.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub(super) fn bits(&self, column: &str) -> Result<u128, String> {
        match self.text(column)? {
            "" => Ok(0),
            text => u128::from_str_radix(text, 16).map_err(|_| self.wrong(column, text)),
        }
    }

    /// Bytes in hexadecimal.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub(super) fn bytes(&self, column: &str) -> Result<Vec<u8>, String> {
        let text = self.text(column)?;
        let digit = |digit: u8| char::from(digit).to_digit(16).map(|digit| digit as u8);
        let pair = |pair: &[u8]| match *pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        };
        text.as_bytes().chunks(2).map(pair).collect::<Option<_>>().ok_or_else(|| self.wrong(column, text))
    }

    /// That a field is not what it has to be. What it is instead is cut short.
    pub(super) fn wrong(&self, column: &str, found: &str) -> String {
        let found: String = found.chars().take(40).collect();
        format!("row {} says {found:?} in column `{column}`", self.number)
    }
}

/// A text.
///
/// # Errors
/// What is wrong with it.
pub(super) fn text_of(text: &[u8]) -> Result<&str, String> {
    if text.len() > MOST_BYTES {
        return Err(format!("a text has {} bytes, expected at most {MOST_BYTES}", text.len()));
    }
    core::str::from_utf8(text).map_err(|error| format!("a text is not UTF-8: {error}"))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn pairs(text: &[u8]) -> Result<Vec<(String, u32)>, String> {
        Table::new(text)?.read(|row| Ok((row.text("name")?.to_owned(), row.parse("count")?)))
    }

    #[test]
    fn columns_are_found_by_name_and_others_are_passed_over() {
        assert_eq!(
            pairs(b"new\tcount\tname\nx\t7\ta\n\t0\t\n").unwrap(),
            [("a".into(), 7), (String::new(), 0)]
        );
        assert_eq!(pairs(b"name\tcount\n").unwrap(), []);
    }

    #[test]
    fn hostile_texts_are_errors() {
        let many_columns = "\t".repeat(MOST_COLUMNS) + "\n";
        let many_rows = "name\tcount\n".to_owned() + &"\t1\n".repeat(MOST_ROWS + 1);
        for (text, reason) in [
            (&b""[..], "names its columns"),
            (b"name\tcount", "names its columns"),
            (b"name\tcount\na\t1", "no end"),
            (b"name\tcount\na\n", "1 fields"),
            (b"name\tcount\n\n", "1 fields"),
            (b"name\tcount\na\t1\tb\n", "3 fields"),
            (b"name\tcount\na\t-1\n", "column `count`"),
            (b"name\tcount\na\t4294967296\n", "column `count`"),
            (b"name\nb\n", "no column `count`"),
            (b"name\tcount\n\xff\t1\n", "not UTF-8"),
            (b"name\tcount\n\x1b[2J\t1\n", "control character, '\\u{1b}'"),
            ("name\tcount\n\u{9b}2J\t1\n".as_bytes(), "control character, '\\u{9b}'"),
            (b"name\tcount\r\n", "control character, '\\r'"),
            (many_columns.as_bytes(), "columns"),
            (many_rows.as_bytes(), "rows"),
            (&vec![b'\n'; MOST_BYTES + 1], "at most"),
        ] {
            let error = pairs(text).unwrap_err();
            assert!(error.contains(reason) && error.len() < 200, "{error}, expected {reason}");
        }
    }

    #[test]
    fn flags_and_hexadecimal_are_strict() {
        let row = |text: &str| format!("flag\tbits\tbytes\n{text}\n");
        let read = |text: &str| {
            Table::new(row(text).as_bytes()).and_then(|table| {
                table.read(|row| Ok((row.flag("flag")?, row.bits("bits")?, row.bytes("bytes")?)))
            })
        };
        assert_eq!(read("1\tff\t0aff").unwrap(), [(true, 255, vec![10, 255])]);
        for bad in ["2\t0\t", "yes\t0\t", "1\tx\t", "1\t0\t0", "1\t0\t0g", "1\t0\té"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
