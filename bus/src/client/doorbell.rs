//! The doorbells that this process has at one service: made, associated with links, and made anew.
//!
//! Everything here happens on the control thread, for one connection: a doorbell is hung up when the first link of a
//! waiter is attached there, and goes with the connection, or with the waiter. When a connection is back, each
//! link that is attached again is associated again. A process without descriptors for a doorbell waits nevertheless:
//! by the bound of its sleeps.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::link_state::{Attachment, LinkShared, Target};
use super::waiter::{HungDoorbell, Waiter};
use crate::wire::{Attend, Connection, HangDoorbell, TakeDownDoorbell, Unattend, WHOLE_TOPIC};

/// The doorbells at one service.
#[derive(Debug, Default)]
pub(crate) struct ServiceDoorbells {
    /// By waiter.
    hung: HashMap<u64, HungDoorbell>,
    /// The waiter, by link, of those links that the service rings for.
    attended: HashMap<u64, u64>,
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

    /// The number under which the service knows a waiter's doorbell, hung up if it is not yet.
    fn doorbell(&mut self, connection: &mut Connection, waiter: &Arc<Waiter>) -> Option<u64> {
        let number = waiter.number;
        if let Entry::Vacant(entry) = self.hung.entry(number) {
            let made = waiter.new_doorbell();
            let (own, theirs) = made
                .inspect_err(|error| tracing::warn!(%error, "no doorbell: looking now and then instead"))
                .ok()?;
            entry.insert(HungDoorbell { waiter: waiter.clone(), number: own });
            connection.send_with(0, &HangDoorbell { number }, vec![Arc::new(theirs)]);
        }
        Some(number)
    }

    /// Has the service ring for this link no longer.
    pub(crate) fn leave(&mut self, connection: &mut Connection, conversation: u64, link: u64) {
        if let Some(doorbell) = self.attended.remove(&link) {
            connection.send(conversation, link, &Unattend { doorbell });
        }
    }

    /// A waiter is gone. Its links were left before.
    pub(crate) fn forget(&mut self, connection: &mut Connection, waiter: u64) {
        if self.hung.remove(&waiter).is_some() {
            connection.send(0, 0, &TakeDownDoorbell { number: waiter });
        }
    }
}
