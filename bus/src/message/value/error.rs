//! Why a value does not fit a schema, and why a path leads nowhere.

use core::fmt;

use crate::message::Invalid;

/// How many names an error lists before it stops.
const LISTED: usize = 16;

/// How many names are compared with a wrong one, and how many characters of them.
const COMPARED: usize = 256;
const COMPARED_CHARACTERS: usize = 40;

/// A [`Value`](super::Value) that is none of the type that it should be written as: where, what was found,
/// and what was expected.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(Invalid);

impl ValueError {
    /// The way to the part that does not fit, such as `pose.flags[2].armed`; empty if it is the whole.
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// What would have fit.
    pub fn expected(&self) -> &str {
        self.0.expected()
    }

    /// What there was.
    pub fn found(&self) -> &str {
        self.0.found()
    }
}

impl fmt::Debug for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ValueError").field(&self.0).finish()
    }
}

/// Both say the same of a place; what differs is whose fault it is.
impl From<Invalid> for ValueError {
    fn from(invalid: Invalid) -> Self {
        Self(invalid)
    }
}

/// A path that leads to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` leads nowhere at `{part}`: {why}")]
#[non_exhaustive]
pub struct PathError {
    /// The whole path.
    pub path: String,
    /// The part of it that failed, such as `positon` or `[7]`.
    pub part: String,
    /// What is there instead.
    pub why: String,
    /// The name that was perhaps meant.
    pub nearest: Option<String>,
}

/// Why a part of a message could not be read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartError {
    /// The path leads to nothing.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The new value does not fit there.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The bytes are no message of this type.
    #[error("the message is not valid: {0}")]
    Invalid(#[from] Invalid),
}

/// The names as a list, cut if they are many.
pub(super) fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = names.len();
    let mut listed = names.take(LISTED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if count > LISTED {
        listed.push_str(&format!(", … ({count} in all)"));
    }
    listed
}

/// The one of `names` that is most like `wrong`, if it is much like it. Bounded: the names are a peer's.
pub(super) fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = wrong.chars().take(COMPARED_CHARACTERS).count().div_ceil(3);
    names
        .take(COMPARED)
        .map(|name| (distance(wrong, name), name))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `: did you mean ‹nearest›?`, or nothing.
pub(super) fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// How many characters must be inserted, removed or replaced to make `a` of `b` (Levenshtein), case aside.
fn distance(a: &str, b: &str) -> usize {
    let characters =
        |text: &str| -> Vec<char> { text.to_lowercase().chars().take(COMPARED_CHARACTERS).collect() };
    let (a, b) = (characters(a), characters(b));
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_one_that_could_have_been_meant() {
        assert_eq!(nearest("positon", ["orientation", "position"].into_iter()), Some("position"));
        assert_eq!(nearest("Bid", ["ask", "bid"].into_iter()), Some("bid"));
        assert_eq!(nearest("x", ["frame"].into_iter()), None);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!((distance("ab", "a"), distance("bc", "abc"), distance("", "ab")), (1, 1, 2));
    }

    #[test]
    fn many_names_are_cut() {
        assert_eq!(listed(["a", "b"].into_iter()), "`a`, `b`");
        assert!(listed(["a"; 20].into_iter()).ends_with(", … (20 in all)"));
    }
}
