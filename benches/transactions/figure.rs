//! The figures.

use bus::Wait;

use crate::support;

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    RawRoundTrip,
    ExecuteSpin,
    PokeSpin,
    ComputeSpin,
    RawFutex,
    ExecuteSleep,
    /// By a task of a small executor.
    ExecuteAsync,
    /// By one client.
    InFlight(usize),
    /// In some processes, with one on its way each.
    Clients(usize),
    Connect,
}

/// So many on their way, and so many clients.
const MANY: [usize; 3] = [1, 8, 64];

impl Figure {
    /// All figures, references first.
    pub(crate) fn all() -> Vec<Figure> {
        let mut figures = vec![
            Figure::RawRoundTrip,
            Figure::ExecuteSpin,
            Figure::PokeSpin,
            Figure::ComputeSpin,
            Figure::RawFutex,
            Figure::ExecuteSleep,
            Figure::ExecuteAsync,
        ];
        figures.extend(MANY.map(Figure::InFlight));
        figures.extend(MANY.map(Figure::Clients));
        figures.push(Figure::Connect);
        figures
    }

    /// How both sides wait.
    pub(crate) fn wait(self) -> Wait {
        match self {
            Figure::ExecuteSpin | Figure::PokeSpin | Figure::ComputeSpin => Wait::Spin,
            Figure::ExecuteSleep | Figure::ExecuteAsync => Wait::Park,
            _ => Wait::SpinThenPark,
        }
    }

    /// Samples of one round, after a tenth as many and at least one that are not counted. Each is [`batch`](Self::batch) transactions.
    pub(crate) fn samples(self) -> usize {
        match self {
            Figure::RawRoundTrip | Figure::ExecuteSpin | Figure::PokeSpin | Figure::ComputeSpin => 20_000,
            Figure::RawFutex | Figure::ExecuteSleep | Figure::ExecuteAsync => 1_000,
            Figure::InFlight(_) => 100,
            Figure::Connect => 20,
            Figure::Clients(_) => 5,
        }
    }

    /// Transactions that are timed at once.
    pub(crate) fn batch(self) -> usize {
        match self {
            Figure::InFlight(_) => 64,
            // Long beside the words between the processes that begin and end it.
            Figure::Clients(_) => 1 << 14,
            _ => 1,
        }
    }
}

impl support::Figure for Figure {
    fn name(self) -> &'static str {
        match self {
            Figure::RawRoundTrip => "raw_round_trip",
            Figure::ExecuteSpin => "execute_spin",
            Figure::PokeSpin => "poke_spin",
            Figure::ComputeSpin => "compute_spin",
            Figure::RawFutex => "raw_futex",
            Figure::ExecuteSleep => "execute_sleep",
            Figure::ExecuteAsync => "execute_async",
            Figure::InFlight(_) => "in_flight",
            Figure::Clients(_) => "clients",
            Figure::Connect => "connect",
        }
    }

    fn reference(self) -> Option<Figure> {
        match self {
            Figure::ExecuteSpin | Figure::PokeSpin | Figure::ComputeSpin => Some(Figure::RawRoundTrip),
            Figure::ExecuteSleep => Some(Figure::RawFutex),
            Figure::ExecuteAsync => Some(Figure::ExecuteSleep),
            Figure::InFlight(many) if many > 1 => Some(Figure::InFlight(1)),
            Figure::Clients(many) if many > 1 => Some(Figure::Clients(1)),
            _ => None,
        }
    }

    fn payload_bytes(self) -> usize {
        match self {
            Figure::RawFutex => 8,
            _ => 64,
        }
    }

    fn links(self) -> usize {
        0
    }
}
