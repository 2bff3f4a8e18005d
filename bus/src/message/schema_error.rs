//! Why bytes are not a schema.

/// Bytes that do not decode to a [`Schema`](super::Schema). They come from a peer: one that is broken,
/// hostile, or built with another version of this library.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The bytes end early.
    #[error("the schema ends at byte {at}, where {what} should follow: the sender cut it short")]
    Truncated {
        /// Where the bytes end.
        at: usize,
        /// What was expected there.
        what: &'static str,
    },
    /// The format is one that this library does not read.
    #[error(
        "the schema has format {found}, and this library reads format {known}: \
        update the older of the two programs"
    )]
    Format {
        /// The format of the bytes.
        found: u8,
        /// The format that can be read.
        known: u8,
    },
    /// The bytes contradict themselves or exceed a limit.
    #[error("the schema is malformed before byte {at}: {why}; its sender is broken or hostile")]
    Malformed {
        /// Where the contradiction became plain.
        at: usize,
        /// What is wrong.
        why: String,
    },
    /// Bytes follow the end.
    #[error("the schema ends at byte {at}, but {excess} more bytes follow: it was not sent alone")]
    TrailingBytes {
        /// Where the schema ends.
        at: usize,
        /// How many bytes follow.
        excess: usize,
    },
}
