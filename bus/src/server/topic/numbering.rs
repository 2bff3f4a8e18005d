//! Numbers that are far on: what a topic does after years, without the years.
//!
//! Numbers have 64 bits, and the journal says the lower half of each. So a topic passes its first wrap after 2³² updates of one item,
//! which no test can wait for. For tests alone, a topic can begin there.

use super::Topic;
use crate::payload::Payload;
use crate::sync::Ordering;

impl<T: Payload + ?Sized> Topic<T> {
    /// Has the next values of all items that are there, and the journal's next entry, get this number: as if there had been as
    /// many before. Only before the first is published, and before the service is ready; otherwise, and for 0, it does nothing.
    #[doc(hidden)]
    pub fn number_from(&self, next: u64) {
        let items = (0..self.items.len()).map(|index| &self.items[index].memory);
        let heads = items.chain([&self.journal]).map(|memory| memory.ring.watched().head);
        let heads: Vec<_> = heads.collect();
        if next > 0 && heads.iter().all(|head| head.load(Ordering::Relaxed) == 0) {
            heads.iter().for_each(|head| head.store(next - 1, Ordering::Relaxed));
        }
    }
}
