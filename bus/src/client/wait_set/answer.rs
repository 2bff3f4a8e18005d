//! Transactions in a set: one is ready when it has an outcome.
//!
//! Its cell says by which doorbell whoever answers is to ring ([`crate::lane::replies`]): the one that the set has at the service,
//! hung up with the first transaction there. So a wake-up is one hop, from whoever answers to the thread that waits. Where the
//! service has no such doorbell, since it has too many, it sends a frame as it does for tasks, and the control thread hails.
//! That is also how the end of a service is told.
//!
//! A set asks once for each transaction: the word stays until the cell is another transaction's.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::member::{Kind, Waitable, sealed};
use super::seat::Seat;
use crate::bell::PARK_BOUND;
use crate::client::control::Command;
use crate::client::lanes::ClientLane;
use crate::client::pending::{Outcome, Pending};
use crate::client::vigil::News;
use crate::client::waiter::Waiter;
use crate::error::{Error, Result};
use crate::namespace::BusCore;

/// A transaction, as a set sees it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) seat: Arc<Seat>,
    lane: Arc<ClientLane>,
    cell: u32,
    number: u64,
    /// When it is too late.
    until: Option<Instant>,
    waiter: Arc<Waiter>,
    asked: bool,
    pub(super) bus: Weak<BusCore>,
}

impl<R: Outcome> Waitable for Pending<R> {}

impl<R: Outcome> sealed::Join for Pending<R> {
    fn join(&mut self, door: sealed::Door<'_>) -> Result<sealed::Joined> {
        let waiter = door.0.clone();
        let seat = self.seat.anew();
        let Some(flight) = &self.flight else {
            return Err(Error::Closed("the transaction, whose outcome was given out,"));
        };
        let (lane, cell, number) = (flight.lane.clone(), flight.cell, flight.number);
        let conversation = &self.asked.conversation;
        if lane.is_waited_for_anew(waiter.number) {
            let (conversation, waiter) = (conversation.shared.clone(), waiter.clone());
            self.asked.conversation.bus.command(Command::Hang { conversation, waiter });
        }
        let bus = Arc::downgrade(&conversation.bus);
        let answer = Answer { seat, lane, cell, number, until: self.until, waiter, asked: false, bus };
        Ok(sealed::Joined(Kind::Answer(answer)))
    }
}

impl Answer {
    /// Whether there is an outcome.
    pub(super) fn news(&self, now: Instant) -> Option<News> {
        let is_over = self.lane.cell(self.cell).is_over(self.number) || self.lane.has_ended();
        (is_over || self.until.is_some_and(|until| until <= now)).then(News::once)
    }

    /// Has the set woken by the outcome. Then comes a look at the [`news`](Self::news).
    pub(super) fn ask(&mut self) {
        if !self.asked {
            self.asked = true;
            self.lane.leave_waiter((self.cell, self.number), &self.seat, &self.waiter);
        }
    }

    /// How long nobody has to look, unless something rings.
    pub(super) fn left(&self, now: Instant) -> Duration {
        self.until.map_or(PARK_BOUND, |until| until.saturating_duration_since(now).min(PARK_BOUND))
    }
}
