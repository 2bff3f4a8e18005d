//! A client's process: sends orders, several at a time, and keeps what it is told of them.
//!
//! It may be killed at any point of this. What it was told matters only to the end of the run, when those that are left say
//! what was acknowledged to them, and the audit must have just that.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bus::{Bus, Client, Error, Pending};
use hdrhistogram::Histogram;

use crate::flow::{Flow, Step};
use crate::orders::{Accepted, BUS, CLOSED, Cancel, Cancelled, New, SERVICE};
use crate::report::{self, Acknowledged, Traded};
use crate::support::lines;
use crate::{Plan, Result};

/// Commands in flight.
const DEPTH: usize = 8;
/// How long an answer may take before something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest latency that is told from longer ones, in nanoseconds.
const LONGEST: u64 = 60_000_000_000;

/// Trades as the `number`th client of the run, and writes what was acknowledged.
pub(crate) fn trade(plan: &Plan, number: u64, acknowledged: &Path) -> Result<()> {
    let flow = match &plan.flow {
        Some(path) => Flow::recorded(path)?,
        None => Flow::drawn(plan.seed.wrapping_add(number)),
    };
    let mut trader = Trader {
        gateway: Bus::open(BUS)?.client(SERVICE).open()?.with_timeout(PATIENCE),
        sent: 0,
        flights: VecDeque::new(),
        answered: Vec::new(),
        acknowledged: Vec::new(),
        latency: Histogram::new_with_bounds(1, LONGEST, 3)?,
        refused: 0,
        is_closed: false,
    };
    lines::ready()?;
    let end = lines::wait_for_start()?;
    trader.play(flow, &end)?;
    report::write(acknowledged, &trader.acknowledged)?;
    let [p50, p99] = [0.5, 0.99].map(|quantile| trader.latency.value_at_quantile(quantile));
    lines::send(&Traded { done: trader.latency.len(), refused: trader.refused, p50, p99 })
}

struct Trader {
    gateway: Client,
    /// Orders that were sent.
    sent: u64,
    /// Commands that are not answered, the oldest first.
    flights: VecDeque<Flight>,
    /// What became of orders, as far as they are answered: where in `acknowledged` they are, or that they were refused.
    answered: Vec<Option<usize>>,
    acknowledged: Vec<Acknowledged>,
    latency: Histogram<u64>,
    refused: u64,
    is_closed: bool,
}

struct Flight {
    begun: Instant,
    command: Command,
}

enum Command {
    New(New, Pending<Accepted>),
    /// With where the order is in `acknowledged`.
    Cancel(usize, Pending<Cancelled>),
}

impl Trader {
    fn play(&mut self, mut flow: Flow, end: &AtomicBool) -> Result<()> {
        while !self.is_closed && !end.load(Ordering::Relaxed) {
            match flow.next(self.sent) {
                Step::New(new) => {
                    let begun = Instant::now();
                    let pending = self.gateway.begin_execute(&new)?;
                    self.sent += 1;
                    self.flights.push_back(Flight { begun, command: Command::New(new, pending) });
                }
                Step::Cancel(nth) => {
                    // Only once it is answered is there a number to cancel it by.
                    while nth as usize >= self.answered.len() {
                        self.land()?;
                    }
                    if let Some(index) = self.answered[nth as usize] {
                        let order = self.acknowledged[index].order;
                        let begun = Instant::now();
                        let pending = self.gateway.begin_execute(&Cancel { order })?;
                        self.flights.push_back(Flight { begun, command: Command::Cancel(index, pending) });
                    }
                }
            }
            if self.flights.len() == DEPTH {
                self.land()?;
            }
        }
        // What is in flight is done whether or not anybody waits for it, and must be known to us.
        while !self.flights.is_empty() {
            self.land()?;
        }
        Ok(())
    }

    /// Waits for the oldest answer. The service answers in order.
    fn land(&mut self) -> Result<()> {
        let Some(Flight { begun, command }) = self.flights.pop_front() else {
            return Err("a cancel of an order that was never sent".into());
        };
        let refusal = match command {
            Command::New(new, pending) => match pending.wait() {
                Ok(Accepted { order, filled }) => {
                    self.answered.push(Some(self.acknowledged.len()));
                    self.acknowledged.push(Acknowledged { order, new, filled, cancelled: 0 });
                    None
                }
                Err(error) => {
                    self.answered.push(None);
                    Some(error)
                }
            },
            Command::Cancel(index, pending) => match pending.wait() {
                Ok(Cancelled { left }) => {
                    self.acknowledged[index].cancelled += left;
                    None
                }
                Err(error) => Some(error),
            },
        };
        match refusal {
            None => self.latency.saturating_record(begun.elapsed().as_nanos() as u64),
            Some(Error::Refused { code, .. }) => {
                self.refused += 1;
                self.is_closed |= code == CLOSED;
            }
            Some(error) => return Err(error.into()),
        }
        Ok(())
    }
}
