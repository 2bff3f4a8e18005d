//! Why received bytes are not a value.
//!
//! The error is made where the bad byte is found, deep inside a message, and every type on the way out puts
//! its own field before the path. All of this happens on the cold path: a valid message allocates nothing.

use core::fmt;

use super::Message;
use super::descriptor::Kind;

/// How many variants an error lists before it stops.
const LISTED_VARIANTS: usize = 8;

/// Bytes that are not a valid value: where, what was found, and what was expected.
///
/// ```
/// use bus::message::{Invalid, Message};
///
/// let error = <[bool; 3]>::validate(&[0, 1, 9]).unwrap_err();
/// assert_eq!(error.path(), "[2]");
/// assert_eq!(error.within("armed").to_string(), "`armed[2]`: found 9, expected 0 or 1 (`bool`)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Invalid(Box<Report>);

/// What [`Invalid`] says. Boxed, so that the result of a check is one register wherever checks are inlined.
#[derive(Clone, PartialEq, Eq)]
struct Report {
    path: String,
    expected: String,
    found: String,
}

impl Invalid {
    /// An error at the value itself; the types around it add the path.
    #[cold]
    pub fn new(expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        Self(Box::new(Report {
            path: String::new(),
            expected: expected.to_string(),
            found: found.to_string(),
        }))
    }

    /// An error of the enum `T`: no variant has the value `found`.
    #[cold]
    pub fn variant<T: Message>(found: i128) -> Self {
        let name = T::TYPE.name();
        let Kind::Enum { variants, .. } = T::TYPE.kind() else {
            return Self::new(format_args!("a value of `{name}`"), found);
        };
        let mut values: Vec<String> =
            variants.iter().take(LISTED_VARIANTS).map(|variant| variant.value().to_string()).collect();
        if variants.len() > LISTED_VARIANTS {
            values.push(format!("… ({} in all)", variants.len()));
        }
        let quantity = if variants.len() == 1 { "" } else { "one of " };
        Self::new(format_args!("{quantity}{} (enum `{name}`)", values.join(", ")), found)
    }

    /// The same error, seen from the struct that has the bad value in its field `name`.
    #[cold]
    #[must_use]
    pub fn within(mut self, name: &str) -> Self {
        if name.is_empty() {
            return self;
        }
        let path = &mut self.0.path;
        let separator = if path.is_empty() || path.starts_with('[') { "" } else { "." };
        path.insert_str(0, separator);
        path.insert_str(0, name);
        self
    }

    /// The same error, seen from the array that has the bad value at `index`.
    #[cold]
    #[must_use]
    pub fn within_index(self, index: usize) -> Self {
        self.within(&format!("[{index}]"))
    }

    /// The way from the message to the bad value, such as `pose.flags[2].armed`; empty if it is the message
    /// itself.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// What would have been valid.
    pub fn expected(&self) -> &str {
        &self.0.expected
    }

    /// What was there.
    pub fn found(&self) -> &str {
        &self.0.found
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.path.is_empty() {
            write!(f, "`{}`: ", self.0.path)?;
        }
        write!(f, "found {}, expected {}", self.0.found, self.0.expected)
    }
}

impl fmt::Debug for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { path, expected, found } = &*self.0;
        let mut fields = f.debug_struct("Invalid");
        fields.field("path", path).field("expected", expected).field("found", found).finish()
    }
}

impl core::error::Error for Invalid {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_the_expression_that_leads_to_the_value() {
        let error = Invalid::new("0 or 1", 7).within("armed").within_index(2).within("flags").within("pose");
        assert_eq!(error.path(), "pose.flags[2].armed");
        assert_eq!(error.to_string(), "`pose.flags[2].armed`: found 7, expected 0 or 1");
        assert_eq!(Invalid::new("x", 0).within_index(1).within_index(0).path(), "[0][1]");
        assert_eq!(Invalid::new("x", 0).to_string(), "found 0, expected x");
    }
}
