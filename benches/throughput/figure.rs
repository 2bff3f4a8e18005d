//! The figures.

use crate::support;

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    RawRing,
    RawRingBatched,
    Lossless,
    LosslessBatched,
    /// To one link that is not waited for.
    PublishUntracked {
        history: usize,
    },
    /// To so many lossless ones.
    Publish {
        links: usize,
        history: usize,
    },
    MemcpyRead,
}

/// Publishing is measured with so many links.
const LINKS: [usize; 4] = [0, 1, 8, 64];
/// And with histories of so many values: the second is the default of a topic.
const HISTORIES: [usize; 2] = [1024, 16];
/// Slots of the rings, the references' and ours.
pub(crate) const SLOTS: usize = 1024;
/// Messages of a batch.
pub(crate) const BATCH: usize = 64;
/// Bytes of a large message.
pub(crate) const LARGE: usize = 1 << 20;

impl Figure {
    /// All figures, references first.
    pub(crate) fn all() -> Vec<Figure> {
        let mut figures =
            vec![Figure::RawRing, Figure::Lossless, Figure::RawRingBatched, Figure::LosslessBatched];
        for history in HISTORIES {
            figures.push(Figure::PublishUntracked { history });
            figures.extend(LINKS.map(|links| Figure::Publish { links, history }));
        }
        figures.push(Figure::MemcpyRead);
        figures
    }

    /// Values that a ring holds.
    pub(crate) fn history(self) -> usize {
        match self {
            Figure::Publish { history, .. } | Figure::PublishUntracked { history } => history,
            Figure::MemcpyRead => crate::large::BUFFERS,
            _ => SLOTS,
        }
    }

    /// Messages of one round.
    pub(crate) fn messages(self) -> u64 {
        match self {
            Figure::Publish { .. } | Figure::PublishUntracked { .. } => 32_000,
            Figure::MemcpyRead => 30,
            _ => 64 * 4_000,
        }
    }
}

impl support::Figure for Figure {
    fn name(self) -> &'static str {
        match self {
            Figure::RawRing => "raw_ring",
            Figure::RawRingBatched => "raw_ring_batched",
            Figure::Lossless => "lossless",
            Figure::LosslessBatched => "lossless_batched",
            Figure::PublishUntracked { .. } => "publish_untracked",
            Figure::Publish { .. } => "publish",
            Figure::MemcpyRead => "memcpy_read",
        }
    }

    fn reference(self) -> Option<Figure> {
        match self {
            Figure::Lossless => Some(Figure::RawRing),
            Figure::LosslessBatched => Some(Figure::RawRingBatched),
            Figure::Publish { links, history } if links > 0 => Some(Figure::PublishUntracked { history }),
            _ => None,
        }
    }

    fn payload_bytes(self) -> usize {
        match self {
            Figure::MemcpyRead => LARGE,
            _ => 64,
        }
    }

    fn links(self) -> usize {
        match self {
            Figure::Publish { links, .. } => links,
            Figure::Lossless | Figure::LosslessBatched | Figure::PublishUntracked { .. } => 1,
            _ => 0,
        }
    }
}
