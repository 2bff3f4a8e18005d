//! Accounts for every value of a publisher: delivered, or counted as missed or suppressed, once.

use std::collections::BTreeMap;

use bus::{Link, Update};

use super::{Checked, LIMIT};

/// What a link has delivered, by item.
#[derive(Debug, Default)]
pub(crate) struct Account {
    items: BTreeMap<u64, Entry>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) delivered: u64,
    pub(crate) missed: u64,
    /// Number of the last value.
    pub(crate) last: u64,
}

impl Account {
    /// Enters an update, which must continue exactly where the one before it ended.
    #[track_caller]
    pub(crate) fn enter(&mut self, update: &Update<Checked>) {
        let (item, number) = update.value.check();
        assert_eq!(number, update.seq, "the number that was published with this value");
        let entry = self.items.entry(item).or_default();
        assert_eq!(
            update.seq,
            entry.last + update.missed + update.suppressed + 1,
            "item {item}: {entry:?}, {} missed, {} suppressed",
            update.missed,
            update.suppressed
        );
        entry.delivered += 1;
        entry.missed += update.missed;
        entry.last = update.seq;
    }

    /// Enters what comes, until the last value of each item is there.
    #[track_caller]
    pub(crate) fn enter_until(&mut self, link: &mut Link<bus::Hot<Checked>>, last: &[u64]) {
        while !last.iter().enumerate().all(|(item, &last)| self.of(item as u64).last == last) {
            self.enter(&link.recv_timeout(LIMIT).unwrap());
        }
    }

    /// What is known of an item.
    pub(crate) fn of(&self, item: u64) -> Entry {
        self.items.get(&item).copied().unwrap_or_default()
    }
}
