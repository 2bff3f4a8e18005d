//! Room for the next value: who has to be waited for, for how long, and who is not waited for any longer.

use std::time::{Duration, Instant};

use super::{Topic, Written};
use crate::error::{Error, Result};
use crate::name;
use crate::payload::Payload;
use crate::server::eviction::EvictedLink;
use crate::server::flow::{Blocked, Changed, Next, Patience, Room};
use crate::server::tracked::{self, Eviction};
use crate::spin::Waiting;
use crate::sync::{Ordering, step};
use crate::update::ItemId;

impl<T: Payload + ?Sized> Topic<T> {
    /// Makes sure that value `number` may be written. Before it waits it rings for values that are `unrung` yet: nobody
    /// reads on who was not told that there is something to read.
    #[inline(always)]
    pub(super) fn admit(
        &self,
        item: &Written,
        id: ItemId,
        number: u64,
        patience: Patience,
        unrung: &mut bool,
    ) -> Result<()> {
        let attention = self.writer.service.attention.load(Ordering::Relaxed);
        if attention != self.attention.get()
            || number > item.limit.get()
            || self.next_entry() > self.journal_limit.get()
        {
            return self.make_room(item, id, number, patience, unrung);
        }
        Ok(())
    }

    /// Learns what there is to learn, and waits until value `number` may be written.
    #[cold]
    #[inline(never)]
    fn make_room(
        &self,
        item: &Written,
        id: ItemId,
        number: u64,
        patience: Patience,
        unrung: &mut bool,
    ) -> Result<()> {
        let mut waiting_since = None;
        let mut waiting = Waiting::default();
        while let Some(blocked) = self.blocked(item, id, number)? {
            let now = Instant::now();
            let since = *waiting_since.get_or_insert(now);
            let left = patience.left(now);
            if left.is_zero() {
                if blocked.is_urgent() {
                    blocked.link.floor().urge();
                }
                self.flow.borrow_mut().give_up(&waiting);
                return Err(self.full(id, &blocked, now.saturating_duration_since(since)));
            }
            if core::mem::take(unrung) {
                self.ring(item, id);
            }
            self.flow.borrow_mut().wait(&blocked, &mut waiting, left);
        }
        Ok(())
    }

    /// The slowest of the links that are in the way of value `number`, if any is; those past their deadlines are evicted.
    pub(super) fn blocked(&self, item: &Written, id: ItemId, number: u64) -> Result<Option<Blocked>> {
        loop {
            self.attend()?;
            let next = Next {
                item: id.as_u32(),
                number,
                depth: item.memory.ring.depth(),
                entry: self.next_entry(),
                journal: self.journal.ring.depth(),
                entries: item.entries.as_deref().unwrap_or_default(),
            };
            let room = self.flow.borrow_mut().room(next);
            match room {
                Room::Until { number, entry } => {
                    item.limit.set(number);
                    self.journal_limit.set(entry);
                    return Ok(None);
                }
                Room::Blocked(blocked) => return Ok(Some(blocked)),
                Room::Overdue(links) => links.into_iter().for_each(|blocked| self.evict(blocked)),
            }
        }
    }

    /// Takes over what has changed in the service.
    pub(super) fn attend(&self) -> Result<()> {
        let service = &self.writer.service;
        let attention = service.attention.load(Ordering::Acquire);
        if attention == self.attention.get() {
            return Ok(());
        }
        let Some(links) = tracked::learn(&service.attention, || self.writer.shared.tracked()) else {
            return Err(Error::Closed("the service"));
        };
        match self.flow.borrow_mut().refresh(&links) {
            Changed::Items(indices) => {
                let items = indices.into_iter().filter_map(|index| self.items.get(index as usize));
                items.for_each(|item| item.limit.set(0));
            }
            Changed::All => (0..self.items.len()).for_each(|index| self.items[index].limit.set(0)),
        }
        self.journal_limit.set(0);
        *self.links.borrow_mut() = links;
        self.attention.set(attention);
        Ok(())
    }

    fn evict(&self, blocked: Blocked) {
        let Blocked { link, stalled, behind, .. } = blocked;
        let (service, topic) = (&self.writer.service, &self.writer.shared);
        let reason = format!(
            "the publisher waited {stalled:?} for this lossless link, which was {behind} values behind and read nothing"
        );
        tracing::warn!(
            service = service.name,
            topic = topic.name,
            item = link.item.map_or_else(|| name::ANY.to_owned(), |item| topic.item_name(item)),
            pid = link.pid,
            link = link.link,
            reason,
            "lossless link evicted"
        );
        self.evictions.borrow_mut().push(EvictedLink {
            item: link.item.map(ItemId::new),
            pid: link.pid,
            link: link.link,
            behind,
            stalled,
        });
        topic.evicted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        topic.left_unread.fetch_add(behind, std::sync::atomic::Ordering::Relaxed);
        link.evict();
        step!(EvictionMarked);
        service.attract();
        service.evict(Eviction { link, reason });
        step!(EvictionQueued);
    }

    fn full(&self, id: ItemId, blocked: &Blocked, waited: Duration) -> Error {
        Error::Full {
            service: self.writer.service.name.clone(),
            topic: self.writer.shared.name.clone(),
            item: self.writer.shared.item_name(id.as_u32()),
            pid: blocked.link.pid,
            link: blocked.link.link,
            behind: blocked.behind,
            waited,
        }
    }
}
