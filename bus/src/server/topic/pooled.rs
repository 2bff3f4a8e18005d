//! Publishing values that do not lie in their slots, but in the topic's pool, where links may hold them.

use core::cell::RefCell;
use std::io;

use super::writer::Writer;
use super::{Topic, Written};
use crate::credit::hold;
use crate::error::{Error, Result};
use crate::mark::Mark;
use crate::message::Message;
use crate::payload::Payload;
use crate::server::flow::Patience;
use crate::server::pool::{Holder, Piece, Pool};
use crate::server::tracked;
use crate::sync::{Ordering, step};
use crate::update::ItemId;

impl<T: Payload + ?Sized> Topic<T> {
    /// Allows the pool the history and a loan of each of so many items, and what may be held; and where all values have
    /// one size, makes the memory for that.
    pub(super) fn grow_pool(&self, pool: &mut Pool, items: usize) -> Result<()> {
        let per_item = self.writer.depth as usize + 1;
        let needed = items.saturating_mul(per_item).saturating_add(self.writer.shared.samples as usize);
        if pool.most() >= needed {
            return Ok(());
        }
        // By an eighth at least, so that a topic of many items does not have a memory for each.
        let values = needed.max(pool.most() + pool.most() / 8);
        if T::ELEMENT == 0 {
            self.make_memory(pool, size_of::<T::Fixed>(), values - pool.most())?;
        }
        pool.allow(values);
        Ok(())
    }

    /// Makes memory for so many values of so many bytes.
    fn make_memory(&self, pool: &mut Pool, bytes: usize, values: usize) -> Result<()> {
        let Writer { service, shared, .. } = &self.writer;
        let fd = pool.grow(&self.writer.label(), bytes, values).map_err(|source| {
            let more = if values == 1 { "another value".to_owned() } else { format!("{values} more values") };
            let what = format!("{more} of topic `{}/{}`", service.name, shared.name);
            match source.kind() {
                io::ErrorKind::OutOfMemory => Error::NoMemory {
                    what,
                    bytes: pool.bytes_for(bytes, values).map_or(u64::MAX, |bytes| bytes as u64),
                    source,
                    lower: if T::ELEMENT == 0 {
                        "`history` or `samples`"
                    } else {
                        "`longest`, `history` or `samples`"
                    },
                },
                _ => Error::Os { doing: format!("creating memory for {what}"), source },
            }
        })?;
        step!(PoolGrown);
        shared.add_pool(fd);
        step!(PoolAdded);
        service.waker.wake();
        Ok(())
    }

    /// As [`publish`](Self::publish), where values lie in a pool.
    #[inline(never)]
    pub(super) fn publish_pooled(
        &self,
        pool: &RefCell<Pool>,
        item: &Written,
        id: ItemId,
        value: &T,
        mark: Mark,
        patience: Patience,
    ) -> Result<u64> {
        let bytes = value.bytes();
        let piece = self.take(pool, bytes)?;
        step!(LoanTaken);
        // SAFETY: the piece was taken for as many bytes, and nobody else reads or writes it.
        unsafe { value.write_out(pool.borrow().words(piece).as_ptr().cast_mut().cast()) };
        step!(DraftWritten);
        self.publish_at(pool, item, id, (piece, bytes), mark, patience)
            .inspect_err(|_| pool.borrow_mut().give_back(piece))
    }

    /// Publishes the value in `piece`, which is the item's from then on.
    pub(super) fn publish_at(
        &self,
        pool: &RefCell<Pool>,
        item: &Written,
        id: ItemId,
        (piece, bytes): (Piece, usize),
        mark: Mark,
        patience: Patience,
    ) -> Result<u64> {
        let number = self.next_number(item);
        self.admit(item, id, number, patience, &mut false)?;
        self.begin(item, number, bytes, mark)[0].store(piece.reference.0, Ordering::Relaxed);
        step!(ReferenceStored);
        self.finish(item, id, number);
        pool.borrow_mut().put(id.index(), number, piece);
        step!(Retired);
        self.ring(item, id);
        item.memory.ring.claim_after(number);
        Ok(number)
    }

    /// Memory for a value of so many bytes.
    #[inline]
    pub(super) fn take(&self, pool: &RefCell<Pool>, bytes: usize) -> Result<Piece> {
        if bytes > self.longest {
            return Err(self.too_long(bytes));
        }
        if let Some(piece) = pool.borrow_mut().take(bytes) {
            return Ok(piece);
        }
        self.reclaim(pool, bytes)
    }

    #[cold]
    fn too_long(&self, bytes: usize) -> Error {
        Error::InvalidOption {
            option: "length of a value",
            found: format!("{bytes} bytes"),
            expected: format!("at most {} bytes, as the topic's `longest` says", self.longest),
        }
    }

    #[cold]
    fn reclaim(&self, pool: &RefCell<Pool>, bytes: usize) -> Result<Piece> {
        hold::look();
        // After that: a link that is not known yet now finds that what it would hold is gone from its slot.
        self.attend()?;
        let (mut pool, mut links) = (pool.borrow_mut(), self.links.borrow_mut());
        pool.reclaim(&links);
        step!(Reclaimed);
        if pool.growth(bytes) == 0 {
            // A client that died holds nothing, also before the control thread has come to hear of it.
            tracked::forget_gone(&mut links);
            pool.reclaim(&links);
        }
        if let Some(piece) = pool.take(bytes) {
            return Ok(piece);
        }
        match pool.growth(bytes) {
            0 => {
                let Holder { pid, link, held } = pool.greatest_holder(&links);
                let (service, topic) = (self.writer.service.name.clone(), self.writer.shared.name.clone());
                Err(Error::Exhausted { service, topic, pid, link, held })
            }
            values => {
                // More than is needed now, so that memories are few; where there is no room for as much, just that.
                self.make_memory(&mut pool, bytes, values)
                    .or_else(|_| self.make_memory(&mut pool, bytes, 1))?;
                Ok(pool.take(bytes).expect("memory was made for this"))
            }
        }
    }
}

impl<T: Message> Topic<T> {
    /// As [`publish_batch`](Self::publish_batch), where values lie in a pool: large ones, of which each is told of at once.
    pub(super) fn publish_batch_pooled(
        &self,
        pool: &RefCell<Pool>,
        item: &Written,
        id: ItemId,
        values: &[T],
        mark: Mark,
        patience: Patience,
    ) -> Result<usize> {
        for (published, value) in values.iter().enumerate() {
            match self.publish_pooled(pool, item, id, value, mark, patience) {
                Ok(_) => {}
                Err(error) if published == 0 => return Err(error),
                Err(_) => return Ok(published),
            }
        }
        Ok(values.len())
    }
}
