//! The figures.

use crate::support;

use crate::payload::{LARGE, SMALL};
use crate::raw::PLACES;

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    Untouched(usize),
    RawCopyRead(usize),
    CopyRead,
    Publish(usize),
}

impl Figure {
    /// All figures, references first.
    pub(crate) fn all() -> Vec<Figure> {
        vec![
            Figure::Untouched(SMALL),
            Figure::Untouched(LARGE),
            Figure::RawCopyRead(1),
            Figure::RawCopyRead(PLACES),
            Figure::CopyRead,
            Figure::Publish(0),
            Figure::Publish(1),
            Figure::Publish(8),
            Figure::Publish(64),
        ]
    }

    /// Samples of one round, after a tenth as many that are not counted.
    pub(crate) fn samples(self) -> usize {
        match self {
            Figure::Untouched(_) => 20_000,
            Figure::RawCopyRead(_) | Figure::CopyRead => 400,
            Figure::Publish(0..8) => 500,
            Figure::Publish(_) => 100,
        }
    }
}

impl support::Figure for Figure {
    fn name(self) -> &'static str {
        match self {
            Figure::Untouched(_) => "untouched",
            Figure::RawCopyRead(1) => "raw_copy_read",
            Figure::RawCopyRead(_) => "raw_in_turn",
            Figure::CopyRead => "copy_read",
            Figure::Publish(_) => "publish",
        }
    }

    fn reference(self) -> Option<Figure> {
        match self {
            Figure::Untouched(LARGE) => Some(Figure::Untouched(SMALL)),
            Figure::CopyRead | Figure::RawCopyRead(2..) => Some(Figure::RawCopyRead(1)),
            Figure::Publish(1..) => Some(Figure::Publish(0)),
            _ => None,
        }
    }

    fn payload_bytes(self) -> usize {
        match self {
            Figure::Untouched(bytes) => bytes,
            Figure::RawCopyRead(_) | Figure::CopyRead => LARGE,
            Figure::Publish(_) => SMALL,
        }
    }

    fn links(self) -> usize {
        match self {
            Figure::Publish(links) => links,
            Figure::Untouched(_) | Figure::CopyRead => 1,
            Figure::RawCopyRead(_) => 0,
        }
    }
}
