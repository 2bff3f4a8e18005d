//! The figures.

use crate::support;

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    RawRoundTrip,
    Execute(Looks),
    Publish(Looks),
}

/// Who looks meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looks {
    Nobody,
    /// A link to the counters.
    Looker,
    Spy,
}

impl Figure {
    /// All figures, references first.
    pub(crate) const ALL: [Figure; 7] = [
        Figure::RawRoundTrip,
        Figure::Execute(Looks::Nobody),
        Figure::Execute(Looks::Looker),
        Figure::Execute(Looks::Spy),
        Figure::Publish(Looks::Nobody),
        Figure::Publish(Looks::Looker),
        Figure::Publish(Looks::Spy),
    ];

    /// Samples of one round, after a tenth as many that are not counted.
    pub(crate) fn samples(self) -> usize {
        match self {
            // Each is some microseconds then.
            Figure::Execute(Looks::Spy) => 5_000,
            _ => 20_000,
        }
    }
}

impl support::Figure for Figure {
    fn name(self) -> &'static str {
        match self {
            Figure::RawRoundTrip => "raw_round_trip",
            Figure::Execute(Looks::Nobody) => "execute",
            Figure::Execute(Looks::Looker) => "execute_looked_at",
            Figure::Execute(Looks::Spy) => "execute_spied",
            Figure::Publish(Looks::Nobody) => "publish",
            Figure::Publish(Looks::Looker) => "publish_looked_at",
            Figure::Publish(Looks::Spy) => "publish_spied",
        }
    }

    fn reference(self) -> Option<Figure> {
        match self {
            Figure::Execute(Looks::Nobody) => Some(Figure::RawRoundTrip),
            Figure::Execute(_) => Some(Figure::Execute(Looks::Nobody)),
            Figure::Publish(Looks::Looker | Looks::Spy) => Some(Figure::Publish(Looks::Nobody)),
            Figure::RawRoundTrip | Figure::Publish(Looks::Nobody) => None,
        }
    }

    fn payload_bytes(self) -> usize {
        64
    }

    fn links(self) -> usize {
        0
    }
}
