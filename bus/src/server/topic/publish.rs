//! Publishing: a value into its slot, the entry into the journal, and the bells.

use super::{Topic, Written};
use crate::bell;
use crate::envelope::Envelope;
use crate::error::Result;
use crate::mark::Mark;
use crate::message::Message;
use crate::payload::Payload;
use crate::segment::ItemShape;
use crate::server::doorbells::{AtBell, Cause};
use crate::server::flow::Patience;
use crate::stamp::Stamp;
use crate::sync::{AtomicU64, Ordering, step};
use crate::sys::futex::SharedFutex;
use crate::update::ItemId;

impl<T: Payload + ?Sized> Topic<T> {
    /// Publishes a value, with room for it or after waiting for it.
    #[inline(always)]
    pub(super) fn publish(
        &self,
        item: &Written,
        id: ItemId,
        value: &T,
        mark: Mark,
        patience: Patience,
    ) -> Result<u64> {
        if let Some(pool) = &self.pool {
            return self.publish_pooled(pool, item, id, value, mark, patience);
        }
        let number = self.next_number(item);
        self.admit(item, id, number, patience, &mut false)?;
        value.store(self.begin(item, number, value.bytes(), mark));
        self.finish(item, id, number);
        self.ring(item, id);
        item.memory.ring.prepare(number.wrapping_add(1), const { ItemShape::body_words::<T::Fixed>() });
        Ok(number)
    }

    /// The number of the item's next value. The heads are this writer's own words, which nobody else can write.
    #[inline(always)]
    pub(super) fn next_number(&self, item: &Written) -> u64 {
        item.memory.ring.watched().head.load(Ordering::Relaxed).wrapping_add(1)
    }

    /// Begins an item's value number `number`, of `bytes` bytes: the words to store it in, or what says where it is.
    #[inline(always)]
    pub(super) fn begin<'i>(
        &self,
        item: &'i Written,
        number: u64,
        bytes: usize,
        mark: Mark,
    ) -> &'i [AtomicU64] {
        let stamp = if self.writer.stamps { Stamp::now().nanoseconds() } else { 0 };
        let body = item.memory.ring.begin(number);
        Envelope::new(stamp, bytes, mark).store(body);
        step!(SlotHalf);
        &body[self.payload..]
    }

    /// The number of the journal's next entry.
    #[inline(always)]
    pub(super) fn next_entry(&self) -> u64 {
        self.journal.ring.watched().head.load(Ordering::Relaxed).wrapping_add(1)
    }

    /// Publishes an item's value number `number`, and enters it into the journal.
    #[inline(always)]
    pub(super) fn finish(&self, item: &Written, id: ItemId, number: u64) {
        item.memory.ring.finish(number);
        let entry = self.next_entry();
        item.note_entry(number, entry);
        self.journal.ring.begin(entry)[0].store(journal_entry(id, number), Ordering::Relaxed);
        self.journal.ring.finish(entry);
    }

    /// Wakes those who sleep.
    #[inline(always)]
    pub(super) fn ring(&self, item: &Written, id: ItemId) {
        bell::published();
        let at = |cause| AtBell { topic: &self.writer.shared, cause };
        let (by_item, by_topic) = (at(Cause::Item(id.as_u32())), at(Cause::Topic));
        bell::ring(item.memory.bell(), item.memory.ring.watched(), &SharedFutex, by_item);
        bell::ring(self.journal.bell(), self.journal.ring.watched(), &SharedFutex, by_topic);
    }
}

impl<T: Message> Topic<T> {
    /// Publishes values, and wakes who sleeps once for all that there was room for; how many there were.
    pub(super) fn publish_batch(
        &self,
        item: &Written,
        id: ItemId,
        values: &[T],
        mark: Mark,
        patience: Patience,
    ) -> Result<usize> {
        if let Some(pool) = &self.pool {
            return self.publish_batch_pooled(pool, item, id, values, mark, patience);
        }
        let most = item.memory.ring.most_together().min(self.journal.ring.most_together());
        let mut unrung = false;
        let mut published = 0;
        while published < values.len() {
            let number = self.next_number(item);
            if unrung {
                // Before the next look at who follows; see `tracked`.
                bell::published();
            }
            if let Err(error) = self.admit(item, id, number, patience, &mut unrung) {
                if published == 0 {
                    return Err(error);
                }
                break;
            }
            let room = (item.limit.get() - number).min(self.journal_limit.get() - self.next_entry()) + 1;
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            let rest = &values[published..];
            let together = &rest[..rest.len().min(most).min(room)];
            self.write_together(item, id, number, together, mark);
            published += together.len();
            unrung = true;
        }
        if unrung {
            self.ring(item, id);
        }
        Ok(published)
    }

    /// Publishes several values of an item, the first one as number `first`, and enters them into the journal.
    #[inline(always)]
    fn write_together(&self, item: &Written, id: ItemId, first: u64, values: &[T], mark: Mark) {
        let stamp = if self.writer.stamps { Stamp::now().nanoseconds() } else { 0 };
        item.memory.ring.write_together(first, values.len(), |index, body| {
            Envelope::new(stamp, size_of::<T>(), mark).store(body);
            values[index].store(&body[self.payload..]);
        });
        let entry = self.next_entry();
        for more in 0..values.len() as u64 {
            item.note_entry(first.wrapping_add(more), entry.wrapping_add(more));
        }
        self.journal.ring.write_together(entry, values.len(), |index, body| {
            body[0].store(journal_entry(id, first.wrapping_add(index as u64)), Ordering::Relaxed);
        });
    }
}

impl Written {
    /// Notes by which entry of the journal a value was published.
    #[inline(always)]
    fn note_entry(&self, number: u64, entry: u64) {
        if let Some(entries) = &self.entries {
            entries[number as usize & (entries.len() - 1)].set(entry);
        }
    }
}

/// What the journal says of a value.
#[inline(always)]
fn journal_entry(id: ItemId, number: u64) -> u64 {
    u64::from(id.as_u32()) << 32 | number & 0xffff_ffff
}
