//! One wait, of a receive or of a publish: how long it has lasted, and whether it still spins.
//!
//! The clock is read between rounds of looks only, and never where a value is there at once or comes within the first
//! round. What a wait teaches is noted while it goes on, so that nothing is between a value and its delivery.

use std::time::Instant;

use super::SpinBudget;

/// A wait, from the first look in vain to the value.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// When the clock was first read.
    began: Option<Instant>,
    /// Until when to spin; `None` once that is over.
    spin_until: Option<Instant>,
}

impl Waiting {
    /// After a round of looks in vain: whether to look again at once.
    pub(crate) fn spins(&mut self, budget: &mut SpinBudget) -> bool {
        let now = Instant::now();
        match self.began {
            Some(began) => budget.waited(now.saturating_duration_since(began)),
            None => {
                self.began = Some(now);
                self.spin_until = now.checked_add(budget.begin());
            }
        }
        let spins = self.spin_until.is_some_and(|until| now < until);
        if !spins {
            self.spin_until = None;
        }
        spins
    }

    /// After a sleep.
    pub(crate) fn woke(&self, budget: &mut SpinBudget) {
        if let Some(began) = self.began {
            budget.waited(began.elapsed());
        }
    }

    /// Where nothing came in time.
    pub(crate) fn give_up(&self, budget: &mut SpinBudget) {
        if self.began.is_some() {
            self.woke(budget);
            budget.give_up();
        }
    }
}
