//! How long to look before sleeping, learned from how long it took before.
//!
//! Who waits may spin, which costs a processor for as long as it lasts, or sleep, which costs a fixed price: two system
//! calls, a wake-up by the other side, and the latency of it. Spinning for just that price and sleeping then is never
//! worse than twice the best that one could have done (Karlin, Li, Manasse, Owicki, "Empirical studies of competitive
//! spinning for a shared-memory multiprocessor", SOSP 1991, where learning from past waits does better still). So:
//!
//! - a wait that is *expected* to end before the price is paid, is spun for, up to twice what is expected and never
//!   longer than the price ([`PRICE`]);
//! - one that is expected to last longer is slept through from the beginning;
//! - now and then ([`PROBE`]) it is spun for all the same: a sleeper sees its waits longer than they are, by the latency
//!   of its wake-up, and would else never learn that what it waits for comes fast again.
//!
//! What is expected is a moving average over the waits, each counted as [`LONGEST`] at most, so that one night of silence
//! does not outweigh a day of traffic: after it, a few short waits bring the spinning back.
//!
//! There is no clock in a budget: durations are given, so that it can be tested. [`Waiting`] is what reads the clock. A wait is noted while it goes on ([`SpinBudget::waited`]) and learned from when the next one begins
//! ([`SpinBudget::begin`]), so that nothing is done between the arrival of a value and its delivery.

mod waiting;

pub(crate) use waiting::Waiting;

use core::time::Duration;

type Nanoseconds = u32;

/// What a sleep and its wake-up cost, both sides together, about.
const PRICE: Nanoseconds = 50_000;
/// What is expected before anything was learned: to spin for 20 µs.
const UNKNOWN: Nanoseconds = 10_000;
/// The shortest time that is spun for: shorter is not worth reading the clock for.
const SHORTEST: Nanoseconds = 4_000;
/// What a wait counts at most.
const LONGEST: Nanoseconds = 4 * PRICE;
/// The part of a new wait in the average is one in two to the power of this.
const SHARE: u32 = 3;
/// One of so many waits that are slept through is spun for all the same.
const PROBE: u32 = 16;

/// Whether and how long to spin: what one waiting place has learned.
#[derive(Debug, Clone)]
pub(crate) struct SpinBudget {
    /// How long a wait is expected to last.
    expected: Nanoseconds,
    /// How long the present wait had lasted when it was last looked at.
    lasted: Nanoseconds,
    /// How long the waits have lasted that were given up, and that the present one continues.
    before: Nanoseconds,
    /// Whether there is a wait to learn from.
    begun: bool,
    /// Waits in a row that were slept through.
    slept: u32,
}

impl SpinBudget {
    pub(crate) fn new() -> Self {
        SpinBudget { expected: UNKNOWN, lasted: 0, before: 0, begun: false, slept: 0 }
    }

    /// A wait begins, and the one before, if it was not given up, has ended: how long to spin; zero to sleep at once.
    pub(crate) fn begin(&mut self) -> Duration {
        if self.begun {
            self.learn(self.before.saturating_add(self.lasted));
            self.before = 0;
        }
        self.begun = true;
        self.lasted = 0;
        let budget = if self.expected <= PRICE {
            self.slept = 0;
            (2 * self.expected).clamp(SHORTEST, PRICE)
        } else if self.slept + 1 >= PROBE {
            self.slept = 0;
            PRICE
        } else {
            self.slept += 1;
            0
        };
        Duration::from_nanos(budget.into())
    }

    /// The present wait has lasted so long by now.
    pub(crate) fn waited(&mut self, so_far: Duration) {
        self.lasted = Nanoseconds::try_from(so_far.as_nanos()).unwrap_or(Nanoseconds::MAX);
    }

    /// The present wait was given up: what it waited for did not come. The next one continues it.
    pub(crate) fn give_up(&mut self) {
        self.before = self.before.saturating_add(self.lasted).min(LONGEST);
        self.begun = false;
    }

    fn learn(&mut self, wait: Nanoseconds) {
        let (old, new) = (i64::from(self.expected), i64::from(wait.min(LONGEST)));
        // Both are within 0..=LONGEST, and so is what lies between them.
        self.expected = (old + ((new - old) >> SHARE)) as Nanoseconds;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const PRICE_TIME: Duration = Duration::from_nanos(PRICE as u64);

    fn micros(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    /// Waits so often for so long; the last budget.
    fn wait(budget: &mut SpinBudget, times: u32, lasting: Duration) -> Duration {
        let mut last = Duration::ZERO;
        for _ in 0..times {
            last = budget.begin();
            budget.waited(lasting);
        }
        last
    }

    #[test]
    fn at_first_it_spins_as_if_values_came_fast() {
        assert_eq!(SpinBudget::new().begin(), micros(20));
    }

    #[test]
    fn short_waits_are_spun_for_and_no_longer_than_pays() {
        let mut budget = SpinBudget::new();
        assert_eq!(wait(&mut budget, 100, Duration::from_nanos(1)), Duration::from_nanos(SHORTEST.into()));
        let spin = wait(&mut budget, 100, micros(10));
        assert!((micros(18)..=micros(20)).contains(&spin), "{spin:?}");
        assert_eq!(wait(&mut budget, 100, micros(40)), PRICE_TIME);
    }

    #[test]
    fn long_waits_are_slept_through_but_for_a_probe() {
        let mut budget = SpinBudget::new();
        wait(&mut budget, 100, Duration::from_secs(1));
        let spun: Vec<_> = (0..4 * PROBE).map(|_| wait(&mut budget, 1, Duration::from_secs(1))).collect();
        assert_eq!(spun.iter().filter(|spin| !spin.is_zero()).count(), 4);
        assert!(spun.iter().all(|&spin| spin.is_zero() || spin == PRICE_TIME), "{spun:?}");
    }

    #[test]
    fn one_long_wait_among_short_ones_changes_little() {
        let mut budget = SpinBudget::new();
        wait(&mut budget, 100, micros(3));
        wait(&mut budget, 1, Duration::from_secs(3600));
        assert!(!budget.begin().is_zero());
    }

    #[test]
    fn a_few_short_waits_bring_the_spinning_back() {
        let mut budget = SpinBudget::new();
        wait(&mut budget, 1000, Duration::from_secs(1));
        wait(&mut budget, PROBE, micros(5));
        assert!(!wait(&mut budget, 1, micros(5)).is_zero());
    }

    #[test]
    fn a_wait_that_is_given_up_and_begun_again_is_one_wait() {
        let mut budget = SpinBudget::new();
        // Who polls with a tiny timeout does not make of a silent publisher a fast one.
        for _ in 0..10_000 {
            budget.begin();
            budget.waited(micros(5));
            budget.give_up();
        }
        assert_eq!(budget.expected, UNKNOWN, "nothing has come yet, so that there is nothing to learn");
        wait(&mut budget, 2, micros(5));
        assert_eq!(budget.expected, UNKNOWN + (LONGEST - UNKNOWN) / 8);
    }

    #[test]
    fn no_duration_is_too_long() {
        let mut budget = SpinBudget::new();
        wait(&mut budget, 1000, Duration::MAX);
        assert!(budget.expected <= LONGEST);
        wait(&mut budget, 1000, Duration::ZERO);
        assert_eq!(budget.expected, 0);
    }
}
