//! The doorbells that this process has at one service: made, associated with links, and made anew.
//!
//! Everything here happens on the control thread, for one connection: a doorbell is hung up when the first link of a
//! waiter is attached there, and goes with the connection, or with the waiter. When a connection is back, each
//! link that is attached again is associated again.
//!
//! A service has only so many doorbells for a client, and for all of them; and this process may have no descriptors for
//! one. Whoever waits is then *without*: it waits nevertheless, by the bound of its sleeps, which the log tells of once; and
//! every now and then ([`BETWEEN_TRIES`]) all its links here are associated anew, with another doorbell.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::link_state::{Attachment, LinkShared, Target};
use super::waiter::{HungDoorbell, Waiter};
use crate::bell::PARK_BOUND;
use crate::wire::{Attend, Connection, HangDoorbell, TakeDownDoorbell, Unattend, WHOLE_TOPIC};

/// How long to do without a doorbell that could not be had, before the next try.
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

/// The doorbells at one service.
#[derive(Debug, Default)]
pub(crate) struct ServiceDoorbells {
    /// By waiter.
    hung: HashMap<u64, HungDoorbell>,
    /// The waiter, by link, of those links that the service rings for.
    attended: HashMap<u64, u64>,
    /// Waiters that are without one.
    without: HashSet<u64>,
    /// When to try again for them; `None` where there are none.
    retry_at: Option<Instant>,
    /// Waiters of which the log has told that they were without.
    logged: HashSet<u64>,
}

impl ServiceDoorbells {
    /// Has the service ring for a link what its waiter wants: its doorbell, or none.
    pub(crate) fn attend(&mut self, connection: &mut Connection, conversation: u64, link: &LinkShared) {
        let waiter = link.vigil.waiter();
        let index = match &link.state.lock().attachment {
            Attachment::Attached { index, .. } => Some(*index),
            _ => None,
        };
        let (Some(waiter), Some(index)) = (waiter, index) else {
            return self.leave(connection, conversation, link.number);
        };
        let Some(doorbell) = self.doorbell(connection, &waiter) else {
            return self.leave(connection, conversation, link.number);
        };
        self.attended.insert(link.number, waiter.number);
        let item = match link.target {
            Target::One(_) => u64::from(index),
            Target::Many(_) => WHOLE_TOPIC,
        };
        connection.send(conversation, link.number, &Attend { doorbell, item });
    }

    /// Hangs a waiter's doorbell up, for answers. One that was refused a moment ago is not tried again: then answers are told by
    /// frame.
    pub(crate) fn hang(&mut self, connection: &mut Connection, waiter: &Arc<Waiter>) {
        if !self.without.contains(&waiter.number) {
            self.doorbell(connection, waiter);
        }
    }

    /// The number under which the service knows a waiter's doorbell, hung up if it is not yet.
    fn doorbell(&mut self, connection: &mut Connection, waiter: &Arc<Waiter>) -> Option<u64> {
        let number = waiter.number;
        if let Entry::Vacant(entry) = self.hung.entry(number) {
            match waiter.new_doorbell() {
                Ok((own, theirs)) => {
                    entry.insert(HungDoorbell { waiter: waiter.clone(), number: own });
                    connection.send_with(0, &HangDoorbell { number }, vec![Arc::new(theirs)]);
                }
                Err(error) => {
                    self.do_without(number, &error);
                    return None;
                }
            }
        }
        Some(number)
    }

    /// The service does not hang a doorbell up: it has too many.
    pub(crate) fn refused(&mut self, waiter: u64) {
        if self.hung.remove(&waiter).is_some() {
            self.attended.retain(|_, rung| *rung != waiter);
            self.do_without(waiter, &"the service has too many");
        }
    }

    fn do_without(&mut self, waiter: u64, why: &dyn core::fmt::Display) {
        self.without.insert(waiter);
        self.retry_at.get_or_insert_with(|| Instant::now() + BETWEEN_TRIES);
        if self.logged.insert(waiter) {
            tracing::warn!(%why, ?PARK_BOUND, "no doorbell for a wait set or tasks: looking at that interval instead");
        }
    }

    /// When to associate links anew; `None` if there is no need.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// The waiters whose links are to be associated anew now.
    pub(crate) fn take_due(&mut self) -> HashSet<u64> {
        if self.retry_at.is_none_or(|at| Instant::now() < at) {
            return HashSet::new();
        }
        self.retry_at = None;
        core::mem::take(&mut self.without)
    }

    /// Has the service ring for this link no longer.
    pub(crate) fn leave(&mut self, connection: &mut Connection, conversation: u64, link: u64) {
        if let Some(doorbell) = self.attended.remove(&link) {
            connection.send(conversation, link, &Unattend { doorbell });
        }
    }

    /// A waiter is gone. Its links were left before.
    pub(crate) fn forget(&mut self, connection: &mut Connection, waiter: u64) {
        self.without.remove(&waiter);
        self.logged.remove(&waiter);
        if self.hung.remove(&waiter).is_some() {
            connection.send(0, 0, &TakeDownDoorbell { number: waiter });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_what_does_not_hang_is_nothing() {
        let mut doorbells = ServiceDoorbells::default();
        doorbells.refused(1);
        assert!(
            doorbells.retry_at().is_none() && doorbells.without.is_empty() && doorbells.logged.is_empty()
        );
    }
}
