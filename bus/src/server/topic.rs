//! A topic's writer, and its items.
//!
//! What a publish touches, in order: the item's next slot (the only lines that a spinning reader shares), the
//! item's head line, the journal's next slot and head line, the item's bell and the topic's bell. With
//! nobody asleep the bells are only read. Before that it compares two of its own words with the number, and with the
//! service's attention, to know whether anybody has to be waited for ([`flow`]). No lock, no allocation, no
//! system call; the cost does not depend on the number of links.
//!
//! A topic has one writer, so a [`Topic`] is `Send` but not `Sync`, and an [`Item`] borrows its topic: the
//! compiler keeps all publishing of one topic on one thread at a time. To publish from several threads, use
//! several topics, or put the topic behind a mutex and hold it while publishing.

use core::cell::{Cell, RefCell};
use core::marker::PhantomData;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use elsa::FrozenVec;

use crate::bell;
use crate::credit::hold;
use crate::error::{Error, Result};
use crate::image;
use crate::message::{Message, Schema};
use crate::name;
use crate::segment::geometry::{MAX_ALIGN, MAX_ITEMS, MAX_SCHEMA_BYTES};
use crate::segment::pool::Reference;
use crate::segment::{Geometry, ItemMemory, ItemShape, Parameters, SegmentView};
use crate::server::doorbells::{AtBell, Cause};
use crate::server::flow::{self, Flow, Patience, Room};
use crate::server::loan::Loan;
use crate::server::pool::{Holder, Pool};
use crate::server::service::Service;
use crate::server::shared::{ServiceShared, TopicShared};
use crate::server::tracked::{Eviction, Tracked};
use crate::stamp::Stamp;
use crate::sync::{AtomicU64, Ordering, step};
use crate::sys::futex::SharedFutex;
use crate::update::ItemId;

/// The default number of values kept for each item.
const DEFAULT_HISTORY: usize = 16;
/// The default number of publishes whose order across items is kept.
const DEFAULT_JOURNAL: usize = 1024;
/// A first segment without a given capacity has room for as many items as fit this many bytes.
const FIRST_BYTES: usize = 64 << 10;
/// An extent doubles the topic up to this many bytes; past them it adds an eighth.
const EXTENT_BYTES: usize = 4 << 20;
/// The most values that a link may hold: their words are the client's to map.
const MAX_SAMPLES: usize = 1 << 16;
/// Words for names, for each item that a segment has room for: 48 bytes each on average.
const NAME_WORDS: usize = 6;

/// A topic that is being set up.
#[derive(Debug)]
#[must_use = "a topic is created by `open`"]
pub struct TopicBuilder<'s, T> {
    service: &'s Service,
    name: String,
    history: usize,
    journal: usize,
    capacity: Option<usize>,
    stamps: bool,
    lossless: Option<Duration>,
    samples: usize,
    message: PhantomData<fn() -> T>,
}

impl<'s, T: Message> TopicBuilder<'s, T> {
    pub(crate) fn new(service: &'s Service, name: &str) -> Self {
        TopicBuilder {
            service,
            name: name.to_owned(),
            history: DEFAULT_HISTORY,
            journal: DEFAULT_JOURNAL,
            capacity: None,
            stamps: false,
            lossless: None,
            samples: 0,
            message: PhantomData,
        }
    }

    /// How many values each item keeps, the present one included: how far behind a link may fall before it
    /// loses one. At least 2; rounded up to a power of two. Default: 16.
    pub fn history(mut self, values: usize) -> Self {
        self.history = values;
        self
    }

    /// How many publishes, over all items, keep their order for links to several items. A link that falls
    /// further behind goes on with what the items still hold, item by item. At least 2; rounded up to a
    /// power of two. Default: 1024.
    pub fn journal(mut self, publishes: usize) -> Self {
        self.journal = publishes;
        self
    }

    /// For how many items to reserve memory at once. Not a limit: a topic grows when there are more.
    pub fn capacity(mut self, items: usize) -> Self {
        self.capacity = Some(items);
        self
    }

    /// Whether each value carries the time of its publish. Default: no, since reading the clock costs as
    /// much as publishing a small message.
    pub fn stamps(mut self, stamps: bool) -> Self {
        self.stamps = stamps;
        self
    }

    /// Grants links that lose nothing ([`lossless`](crate::AdviseBuilder::lossless)): where one of them falls a whole
    /// history behind, [`publish`](Item::publish) waits for it, at most so long while it reads nothing at all; then the
    /// link is ended, with a reason on both sides. Default: no such links, and a publish never waits.
    ///
    /// A client that reads just enough can slow a publisher of such a topic down to one history in `patience`, so grant
    /// it where clients are to be trusted with that.
    pub fn lossless(mut self, patience: Duration) -> Self {
        self.lossless = Some(patience);
        self
    }

    /// Keeps values where links may hold them ([`samples`](crate::AdviseBuilder::samples)) and where they can be built in
    /// place ([`Item::loan`]): both without a copy, for messages from some kilobytes up. There is memory for `values`
    /// more than the histories of all items and one loan of each; one link may hold at most so many, and all of them
    /// together can: while they hold more, a publish fails with [`Error::Exhausted`], which names the greatest holder.
    /// Default: none; values then lie in their slots, which is faster for what is small.
    ///
    /// A client that holds all it may can keep a publisher from publishing, so grant it where clients are to be trusted
    /// with that.
    pub fn samples(mut self, values: usize) -> Self {
        self.samples = values;
        self
    }

    /// Creates the topic.
    ///
    /// # Errors
    /// [`Error::InvalidName`], [`Error::InvalidOption`], [`Error::TopicExists`]; [`Error::NoMemory`] where
    /// its first segment cannot be reserved, and then nothing is left behind.
    pub fn open(self) -> Result<Topic<T>> {
        let service = &self.service.shared;
        name::check("topic", &self.name)?;
        if service.has_topic(&self.name) {
            return Err(Error::TopicExists { service: service.name.clone(), topic: self.name });
        }
        let depth = power_of_two("history", self.history)?;
        let journal = power_of_two("journal", self.journal)?;
        let (size, align) = (size_of::<T>() as u64, align_of::<T>() as u64);
        if align > MAX_ALIGN as u64 {
            return Err(Error::InvalidOption {
                option: "message type",
                found: format!("{size} bytes aligned to {align}"),
                expected: format!("a type aligned to at most {MAX_ALIGN}"),
            });
        }
        let schema = Schema::of::<T>().encode();
        if schema.len() > MAX_SCHEMA_BYTES {
            return Err(Error::InvalidOption {
                option: "message type",
                found: format!("described by {} bytes", schema.len()),
                expected: format!(
                    "a type with a description of at most {MAX_SCHEMA_BYTES}: fewer or shorter docs"
                ),
            });
        }
        if self.samples > MAX_SAMPLES {
            return Err(invalid("samples", self.samples, &format!("at most {MAX_SAMPLES}")));
        }
        let too_large = || too_large(format!("an item of topic `{}/{}`", service.name, self.name));
        let in_slots = ItemShape::new(size, align, depth).ok_or_else(too_large)?;
        let pool = (self.samples > 0).then(|| RefCell::new(Pool::new(size_of::<T>(), align_of::<T>())));
        let shape = match pool {
            None => in_slots,
            Some(_) => ItemShape::new(8, 8, depth).ok_or_else(too_large)?,
        };
        let items = match self.capacity {
            Some(0) => return Err(invalid("capacity", 0, "at least 1")),
            Some(items) => items,
            None => (FIRST_BYTES / 8 / shape.words()).max(1),
        };
        let shared = Arc::new(TopicShared::new(
            self.name,
            T::TYPE.name(),
            T::FINGERPRINT,
            self.lossless,
            self.samples as u32,
        ));
        let pooled = u64::from(pool.is_some());
        let writer =
            Writer { service: service.clone(), shared: shared.clone(), schema, depth, align, size, pooled };
        let root = writer.segment(journal, 0, items as u64)?;
        let journal = root.journal().expect("a first segment has the journal that it was created with");
        if !service.add_topic(shared) {
            let (service, topic) = (service.name.clone(), writer.shared.name.clone());
            return Err(Error::TopicExists { service, topic });
        }
        tracing::debug!(
            service = service.name,
            topic = writer.shared.name,
            bytes = root.geometry.bytes,
            "topic opened"
        );
        Ok(Topic {
            journal,
            payload: shape.payload,
            stamps: self.stamps,
            items: FrozenVec::new(),
            growing: RefCell::new(Growing { last: root, bytes: 0 }),
            attention: Cell::new(0),
            flow: RefCell::default(),
            pool,
            links: RefCell::default(),
            writer,
            message: PhantomData,
        })
    }
}

/// A typed group of items, and the one that may publish them.
///
/// Dropping a topic does not withdraw it: its last values stay readable until the service closes.
pub struct Topic<T> {
    writer: Writer,
    journal: ItemMemory,
    /// Word of a slot's body at which the message starts.
    payload: usize,
    stamps: bool,
    items: FrozenVec<Box<Written>>,
    growing: RefCell<Growing>,
    /// The service's attention as it was when `flow` learned of the links that there are.
    attention: Cell<u64>,
    flow: RefCell<Flow>,
    /// Where the values are, if not in their slots.
    pool: Option<RefCell<Pool>>,
    /// The tracked links, of which some may hold values.
    links: RefCell<Vec<Arc<Tracked>>>,
    message: PhantomData<fn(&T)>,
}

/// An item, as its writer sees it.
#[derive(Debug)]
struct Written {
    memory: ItemMemory,
    /// The number up to which values can be written without a look at who follows.
    limit: Cell<u64>,
}

/// What changes when an item is added; publishing does not look at it.
#[derive(Debug)]
struct Growing {
    /// The segment that takes new items.
    last: SegmentView,
    /// Bytes of the segments before it.
    bytes: usize,
}

/// What it takes to create segments of a topic.
#[derive(Debug)]
struct Writer {
    service: Arc<ServiceShared>,
    shared: Arc<TopicShared>,
    schema: Vec<u8>,
    depth: u64,
    size: u64,
    align: u64,
    /// Whether the values lie in pool memory: 0 or 1.
    pooled: u64,
}

/// One item of a topic, to publish values of.
///
/// A light handle that borrows its topic. Where a borrow is in the way, as in a struct beside the topic,
/// keep its [`id`](Item::id) and come back with [`Topic::at`].
#[derive(Debug)]
pub struct Item<'t, T> {
    topic: &'t Topic<T>,
    item: &'t Written,
    id: ItemId,
}

impl<T> Clone for Item<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Item<'_, T> {}

impl<T> core::fmt::Debug for Topic<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "Topic({}/{}, {} items)",
            self.writer.service.name,
            self.writer.shared.name,
            self.items.len()
        )
    }
}

impl<T: Message> Topic<T> {
    /// The topic's name.
    pub fn name(&self) -> &str {
        &self.writer.shared.name
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no item yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item of this name, added if it is not there.
    ///
    /// # Errors
    /// [`Error::InvalidName`]; [`Error::NoMemory`] where the topic has to grow and cannot, and then it is as
    /// it was; [`Error::InvalidOption`] past 2³² items.
    pub fn item(&self, name: &str) -> Result<Item<'_, T>> {
        match self.writer.shared.item(name) {
            Some(index) => Ok(self.present(index)),
            None => self.add_item(name::check("item", name)?),
        }
    }

    fn present(&self, index: u32) -> Item<'_, T> {
        self.at(ItemId::new(index)).expect("an item is added before its name is")
    }

    /// The item of this id, which [`Item::id`] gave; `None` where the topic has not that many items.
    ///
    /// An id is its item's place in its topic, and nothing else: an id of another topic names another item here,
    /// or none.
    #[inline]
    pub fn at(&self, id: ItemId) -> Option<Item<'_, T>> {
        let item = self.items.get(id.index())?;
        Some(Item { topic: self, item, id })
    }

    fn add_item(&self, name: &str) -> Result<Item<'_, T>> {
        let mut growing = self.growing.borrow_mut();
        let index = self.items.len() as u64;
        if index >= MAX_ITEMS {
            return Err(invalid("number of items", index + 1, "at most 2^32"));
        }
        if let Some(pool) = &self.pool {
            self.grow_pool(&mut pool.borrow_mut(), index as usize + 1)?;
        }
        if !growing.last.directory.push(name) {
            let bytes = growing.bytes + growing.last.geometry.bytes;
            let item_bytes = growing.last.geometry.item.words() * 8;
            let room = bytes.min(EXTENT_BYTES.max(bytes / 8)) / item_bytes;
            let extent = self.writer.segment(0, index, room.max(1) as u64)?;
            growing.bytes = bytes;
            growing.last = extent;
            assert!(growing.last.directory.push(name), "a new segment has room for its first name");
            self.writer.service.waker.wake();
        }
        let within = index - growing.last.geometry.parameters.first_item;
        let memory = growing.last.item(within as usize).expect("a name was pushed, so there is room");
        if let Some(pool) = &self.pool {
            pool.borrow_mut().add_ring(self.writer.depth as usize);
        }
        let ring = memory.ring.clone();
        self.items.push(Box::new(Written { memory, limit: Cell::new(0) }));
        self.writer.shared.add_item(name, index as u32, ring);
        self.writer.service.appeared();
        Ok(self.present(index as u32))
    }

    /// Makes sure that the pool has memory for the history and a loan of each of so many items, and for what may be held.
    fn grow_pool(&self, pool: &mut Pool, items: usize) -> Result<()> {
        let Writer { service, shared, depth, .. } = &self.writer;
        let per_item = *depth as usize + 1;
        let needed = items.saturating_mul(per_item).saturating_add(shared.samples as usize);
        if pool.has(needed) {
            return Ok(());
        }
        // By an eighth at least, so that a topic of many items does not have a memory for each.
        let values = (needed - pool.total()).max(pool.total() / 8);
        let fd = pool.grow(&self.writer.label(), values).map_err(|source| Error::NoMemory {
            what: format!("{values} values of topic `{}/{}`", service.name, shared.name),
            bytes: pool.bytes_for(values).map_or(u64::MAX, |bytes| bytes as u64),
            source,
        })?;
        step!(PoolGrown);
        shared.add_pool(fd);
        step!(PoolAdded);
        service.waker.wake();
        Ok(())
    }

    /// Publishes a value, with room for it or after waiting for it.
    #[inline(always)]
    fn publish(&self, item: &Written, id: ItemId, value: &T, patience: Patience) -> Result<u64> {
        if let Some(pool) = &self.pool {
            return self.publish_pooled(pool, item, id, value, patience);
        }
        let number = self.next_number(item);
        self.admit(item, id, number, patience, &mut false)?;
        self.write(item, id, number, value);
        self.ring(item, id);
        item.memory.ring.prepare(number.wrapping_add(1), const { ItemShape::body_words::<T>() });
        Ok(number)
    }

    /// As [`publish`](Self::publish), where values lie in a pool.
    #[inline(never)]
    fn publish_pooled(
        &self,
        pool: &RefCell<Pool>,
        item: &Written,
        id: ItemId,
        value: &T,
        patience: Patience,
    ) -> Result<u64> {
        let reference = self.take(pool)?;
        step!(LoanTaken);
        image::store(value, pool.borrow().words(reference));
        step!(DraftWritten);
        self.publish_at(pool, item, id, reference, patience)
            .inspect_err(|_| pool.borrow_mut().give_back(reference))
    }

    /// Publishes the value at `reference`, which is the item's from then on.
    fn publish_at(
        &self,
        pool: &RefCell<Pool>,
        item: &Written,
        id: ItemId,
        reference: Reference,
        patience: Patience,
    ) -> Result<u64> {
        let number = self.next_number(item);
        self.admit(item, id, number, patience, &mut false)?;
        self.enter(item, id, number, size_of::<T>(), |body| {
            body[self.payload].store(reference.0, Ordering::Relaxed);
            step!(ReferenceStored);
        });
        pool.borrow_mut().put(id.index(), number, reference);
        step!(Retired);
        self.ring(item, id);
        Ok(number)
    }

    /// Memory for a value of the pool.
    #[inline]
    fn take(&self, pool: &RefCell<Pool>) -> Result<Reference> {
        if let Some(reference) = pool.borrow_mut().take() {
            return Ok(reference);
        }
        self.reclaim(pool)
    }

    #[cold]
    fn reclaim(&self, pool: &RefCell<Pool>) -> Result<Reference> {
        hold::look();
        // After that: a link that is not known yet now finds that what it would hold is gone from its slot.
        self.attend()?;
        let (mut pool, mut links) = (pool.borrow_mut(), self.links.borrow_mut());
        pool.reclaim(&links);
        step!(Reclaimed);
        if let Some(reference) = pool.take() {
            return Ok(reference);
        }
        // A client that died holds nothing, also before the control thread has come to hear of it.
        links.retain(|link| !link.is_gone());
        pool.reclaim(&links);
        pool.take().ok_or_else(|| {
            let Holder { pid, link, held } = pool.greatest_holder(&links);
            let (service, topic) = (self.writer.service.name.clone(), self.writer.shared.name.clone());
            Error::Exhausted { service, topic, pid, link, held }
        })
    }

    /// Publishes values, and wakes who sleeps once for all that there was room for; how many there were.
    fn publish_batch(&self, item: &Written, id: ItemId, values: &[T], patience: Patience) -> Result<usize> {
        let mut unrung = false;
        let mut published = 0;
        let admitted = values.iter().try_for_each(|value| {
            if let Some(pool) = &self.pool {
                self.publish_pooled(pool, item, id, value, patience)?;
            } else {
                let number = self.next_number(item);
                self.admit(item, id, number, patience, &mut unrung)?;
                self.write(item, id, number, value);
                unrung = true;
            }
            published += 1;
            Ok(())
        });
        if unrung {
            self.ring(item, id);
        }
        match admitted {
            Err(error) if published == 0 => Err(error),
            _ => Ok(published),
        }
    }

    /// The number of the item's next value. The heads are this writer's own words, which nobody else can write.
    #[inline(always)]
    fn next_number(&self, item: &Written) -> u64 {
        item.memory.ring.watched().head.load(Ordering::Relaxed).wrapping_add(1)
    }

    /// Makes sure that value `number` may be written. Before it waits it rings for values that are `unrung` yet: nobody
    /// reads on who was not told that there is something to read.
    #[inline(always)]
    fn admit(
        &self,
        item: &Written,
        id: ItemId,
        number: u64,
        patience: Patience,
        unrung: &mut bool,
    ) -> Result<()> {
        let attention = self.writer.service.attention.load(Ordering::Relaxed);
        if attention != self.attention.get() || number > item.limit.get() {
            return self.make_room(item, id, number, patience, unrung);
        }
        Ok(())
    }

    /// Stores the value into its slot, and the entry into the journal.
    #[inline(always)]
    fn write(&self, item: &Written, id: ItemId, number: u64, value: &T) {
        self.enter(item, id, number, size_of::<T>(), |body| image::store(value, &body[self.payload..]));
    }

    /// Makes a slot's value number `number`, of `bytes` bytes, with what `fill` stores, and enters it into the journal.
    #[inline(always)]
    fn enter(&self, item: &Written, id: ItemId, number: u64, bytes: usize, fill: impl FnOnce(&[AtomicU64])) {
        let stamp = if self.stamps { Stamp::now().nanoseconds() } else { 0 };
        item.memory.ring.write(number, |body| {
            body[0].store(stamp, Ordering::Relaxed);
            body[1].store(bytes as u64, Ordering::Relaxed);
            step!(SlotHalf);
            fill(body);
        });
        let entry = self.journal.ring.watched().head.load(Ordering::Relaxed).wrapping_add(1);
        self.journal.ring.write(entry, |body| {
            body[0].store(u64::from(id.as_u32()) << 32 | number & 0xffff_ffff, Ordering::Relaxed);
        });
    }

    /// Wakes those who sleep.
    #[inline(always)]
    fn ring(&self, item: &Written, id: ItemId) {
        bell::published();
        let at = |cause| AtBell { topic: &self.writer.shared, cause };
        let (by_item, by_topic) = (at(Cause::Item(id.as_u32())), at(Cause::Topic));
        bell::ring(item.memory.bell(), item.memory.ring.watched(), &SharedFutex, by_item);
        bell::ring(self.journal.bell(), self.journal.ring.watched(), &SharedFutex, by_topic);
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
        loop {
            self.attend()?;
            let room = self.flow.borrow_mut().room(id.as_u32(), number, item.memory.ring.depth());
            let (link, floor, since) = match room {
                Room::Until(limit) => {
                    item.limit.set(limit);
                    return Ok(());
                }
                Room::Blocked { link, floor, since } => (link, floor, since),
            };
            let now = Instant::now();
            let stalled = now.saturating_duration_since(since);
            let behind = number - floor;
            let deadline = link.deadline.unwrap_or(Duration::ZERO);
            if stalled >= deadline {
                self.evict(link, behind, stalled);
                continue;
            }
            let waited = now.saturating_duration_since(*waiting_since.get_or_insert(now));
            let left = match patience {
                Patience::None => Duration::ZERO,
                Patience::Until(end) => end.saturating_duration_since(now),
                Patience::Full => Duration::MAX,
            };
            if left.is_zero() {
                return Err(self.full(id, &link, behind, waited));
            }
            if core::mem::take(unrung) {
                self.ring(item, id);
            }
            flow::wait_for(&link, floor, left.min(deadline - stalled));
        }
    }

    /// Takes over what has changed in the service.
    fn attend(&self) -> Result<()> {
        let service = &self.writer.service;
        let attention = service.attention.load(Ordering::Acquire);
        if attention == self.attention.get() {
            return Ok(());
        }
        if service.is_closed() {
            return Err(Error::Closed("the service"));
        }
        let links = self.writer.shared.tracked();
        for index in self.flow.borrow_mut().refresh(&links) {
            if let Some(item) = self.items.get(index as usize) {
                item.limit.set(0);
            }
        }
        *self.links.borrow_mut() = links;
        self.attention.set(attention);
        Ok(())
    }

    fn evict(&self, link: Arc<Tracked>, behind: u64, stalled: Duration) {
        let (service, topic) = (&self.writer.service, &self.writer.shared);
        let reason = format!(
            "the publisher waited {stalled:?} for this lossless link, which was {behind} values behind and read nothing"
        );
        tracing::warn!(
            service = service.name,
            topic = topic.name,
            item = topic.item_name(link.item),
            pid = link.pid,
            link = link.link,
            reason,
            "lossless link evicted"
        );
        link.evict();
        step!(EvictionMarked);
        service.attention.fetch_add(1, Ordering::Relaxed);
        service.evict(Eviction { link, reason });
        step!(EvictionQueued);
    }

    fn full(&self, id: ItemId, link: &Tracked, behind: u64, waited: Duration) -> Error {
        Error::Full {
            service: self.writer.service.name.clone(),
            topic: self.writer.shared.name.clone(),
            item: self.writer.shared.item_name(id.as_u32()),
            pid: link.pid,
            link: link.link,
            behind,
            waited,
        }
    }
}

impl<'t, T: Message> Item<'t, T> {
    /// Publishes a value to all links at once, and returns its sequence number, from 1.
    ///
    /// Where the topic grants [lossless](TopicBuilder::lossless) links, this waits until the slowest of them has room,
    /// or has stalled past its deadline and is ended. Otherwise it never waits.
    ///
    /// # Errors
    /// [`Error::Closed`] if the service is closed.
    #[inline]
    pub fn publish(&self, value: &T) -> Result<u64> {
        self.topic.publish(self.item, self.id, value, Patience::Full)
    }

    /// As [`publish`](Self::publish), but never waits.
    ///
    /// # Errors
    /// [`Error::Full`] where a lossless link has not read what this value would overwrite, with the slowest of them;
    /// nothing was published then. [`Error::Closed`] if the service is closed.
    #[inline]
    pub fn try_publish(&self, value: &T) -> Result<u64> {
        self.topic.publish(self.item, self.id, value, Patience::None)
    }

    /// As [`publish`](Self::publish), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`try_publish`](Self::try_publish).
    pub fn publish_timeout(&self, value: &T, timeout: Duration) -> Result<u64> {
        let patience = Instant::now().checked_add(timeout).map_or(Patience::Full, Patience::Until);
        self.topic.publish(self.item, self.id, value, patience)
    }

    /// Publishes several values in order, and wakes who sleeps once for all of them: the cheapest way to publish much.
    /// Waits for lossless links as [`publish`](Self::publish) does.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("market")?;
    /// # service.ready()?;
    /// let ticks = service.topic::<u64>("ticks").open()?;
    /// let counter = ticks.item("counter")?;
    /// counter.publish_batch(&[1, 2, 3])?;
    /// assert_eq!(counter.publish(&4)?, 4);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Closed`] if the service is closed, also in between.
    pub fn publish_batch(&self, values: &[T]) -> Result<()> {
        let mut rest = values;
        while !rest.is_empty() {
            rest = &rest[self.topic.publish_batch(self.item, self.id, rest, Patience::Full)?..];
        }
        Ok(())
    }

    /// As [`publish_batch`](Self::publish_batch), but publishes only what there is room for now, and returns how many
    /// values that were: the first ones.
    ///
    /// # Errors
    /// As [`try_publish`](Self::try_publish), where there is not even room for one.
    pub fn try_publish_batch(&self, values: &[T]) -> Result<usize> {
        self.topic.publish_batch(self.item, self.id, values, Patience::None)
    }

    /// Memory to build the next value in, which publishing then moves and does not copy; for topics that keep
    /// [`samples`](TopicBuilder::samples). Dropping it publishes nothing.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("camera")?;
    /// # service.ready()?;
    /// let frames = service.topic::<[u8; 1 << 20]>("frames").history(2).samples(4).open()?;
    /// let front = frames.item("front")?;
    ///
    /// let mut frame = front.loan()?.in_place();
    /// frame.get_mut().fill(0x7f);
    /// frame.publish()?;
    ///
    /// let camera = bus.connect::<[u8; 1 << 20]>("camera/frames").open()?;
    /// let mut link = camera.advise("front").samples(2)?;
    /// let sample = link.recv()?.value; // no copy, as long as one likes
    /// assert_eq!(sample[12345], 0x7f);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidOption`] where the topic keeps its values in slots; [`Error::Exhausted`] where links hold, or this
    /// program has on loan, all memory that there is; [`Error::Closed`] if the service is closed.
    pub fn loan(&self) -> Result<Loan<'t, T>> {
        let pool = self.topic.pool.as_ref().ok_or_else(|| {
            invalid("samples", 0, "at least 1 for a topic that lends memory; or publish a copy, by `publish`")
        })?;
        let reference = self.topic.take(pool)?;
        step!(LoanTaken);
        let value = pool.borrow().words(reference).as_ptr().cast_mut().cast();
        // SAFETY: that is where it is, and the pool has just given it out. Mapped memory moves no more than the pool's
        // list of it matters to it, and the loan borrows the topic.
        Ok(unsafe { Loan::new(*self, reference, value) })
    }

    pub(crate) fn publish_at(&self, reference: Reference, patience: Patience) -> Result<u64> {
        let pool = self.topic.pool.as_ref().expect("a loan is of a topic with a pool");
        self.topic.publish_at(pool, self.item, self.id, reference, patience)
    }

    pub(crate) fn give_back(&self, reference: Reference) {
        let pool = self.topic.pool.as_ref().expect("a loan is of a topic with a pool");
        pool.borrow_mut().give_back(reference);
    }

    /// The item's id in its topic.
    pub fn id(&self) -> ItemId {
        self.id
    }
}

impl Writer {
    /// Creates a segment and puts it where clients are given it.
    fn segment(&self, journal: u64, first_item: u64, items: u64) -> Result<SegmentView> {
        let schema: &[u8] = if journal > 0 { &self.schema } else { &[] };
        let what = || format!("{items} items of topic `{}/{}`", self.service.name, self.shared.name);
        let too_large = || too_large(what());
        // The first name must fit, however long.
        let name_words = items.checked_mul(NAME_WORDS as u64).ok_or_else(too_large)?;
        let geometry = Geometry::new(Parameters {
            message_size: self.size,
            message_align: self.align,
            depth: self.depth,
            journal,
            schema: schema.len() as u64,
            first_item,
            items,
            name_words: name_words.max(name::MAX_BYTES.div_ceil(8) as u64),
            pooled: self.pooled,
        })
        .ok_or_else(too_large)?;
        let bytes = (geometry.bytes + geometry.bell_bytes()) as u64;
        let label = self.label();
        let fingerprint = self.shared.fingerprint;
        let (view, fds) = SegmentView::create(&label, geometry, fingerprint, self.service.epoch, schema)
            .map_err(|source| match source.kind() {
                io::ErrorKind::OutOfMemory => Error::NoMemory { what: what(), bytes, source },
                _ => Error::Os { doing: format!("creating memory for {}", what()), source },
            })?;
        self.shared.add_segment(fds);
        Ok(view)
    }

    /// What the topic's memory is called in /proc/PID/maps.
    fn label(&self) -> String {
        let label = format!("bus {}/{}", self.service.name, self.shared.name);
        // The kernel takes at most 249 bytes for the label.
        label.chars().filter(|c| !c.is_control()).take(60).collect()
    }
}

/// The power of two that an option stands for; what is more than there are powers becomes the largest, for which
/// there is no memory either.
fn power_of_two(option: &'static str, found: usize) -> Result<u64> {
    if found < 2 {
        return Err(invalid(option, found, "at least 2"));
    }
    Ok(found.checked_next_power_of_two().map_or(1 << 63, |rounded| rounded as u64))
}

/// No memory, for reasons of arithmetic alone.
fn too_large(what: String) -> Error {
    let source = io::Error::new(io::ErrorKind::OutOfMemory, "more than any machine has");
    Error::NoMemory { what, bytes: u64::MAX, source }
}

fn invalid(option: &'static str, found: impl ToString, expected: &str) -> Error {
    Error::InvalidOption { option, found: found.to_string(), expected: expected.to_owned() }
}
