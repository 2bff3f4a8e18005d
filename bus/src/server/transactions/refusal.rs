//! What a handler answers instead of yes.

use std::time::Duration;

use crate::error::Error;

/// Why a handler does not do what it is asked for. Its client gets it as an [`Error`](crate::Error).
///
/// A text makes a refusal of code 0, and an [`Error`] of the handler's own becomes a failure; so a handler can use `?`, and
/// `Err("the valve is stuck".into())`. Of other errors it makes a failure by
/// `.map_err(|error| Refusal::failed(error.to_string()))?`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No. The client gets [`Error::Refused`](crate::Error::Refused).
    Refused {
        /// A number that clients can tell reasons apart by.
        code: u32,
        /// The reason, of which 256 bytes are sent.
        reason: String,
    },
    /// Not now. The client gets [`Error::Busy`](crate::Error::Busy).
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// There is no such item. The client gets [`Error::NoSuchItem`](crate::Error::NoSuchItem); of a command, which is about no
    /// item, [`Error::Failed`](crate::Error::Failed).
    NoSuchItem,
    /// It was tried, and failed. The client gets [`Error::Failed`](crate::Error::Failed).
    Failed {
        /// What happened, of which 256 bytes are sent.
        detail: String,
    },
}

impl Refusal {
    /// A no, for a reason that clients know by this code.
    pub fn new(code: u32, reason: impl Into<String>) -> Self {
        Refusal::Refused { code, reason: reason.into() }
    }

    /// Not now; the client may try again after so long.
    pub fn busy(retry_after: Duration) -> Self {
        Refusal::Busy { retry_after }
    }

    /// It was tried, and failed.
    pub fn failed(detail: impl Into<String>) -> Self {
        Refusal::Failed { detail: detail.into() }
    }
}

impl From<&str> for Refusal {
    fn from(reason: &str) -> Self {
        Refusal::new(0, reason)
    }
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Refusal::new(0, reason)
    }
}

impl From<Error> for Refusal {
    /// What the handler asked of others is at fault; that others are busy is passed on.
    fn from(error: Error) -> Self {
        match error {
            Error::Busy { retry_after, .. } => Refusal::Busy { retry_after },
            error => Refusal::failed(error.to_string()),
        }
    }
}
