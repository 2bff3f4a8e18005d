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
use crate::envelope::Envelope;
use crate::error::{Error, Result};
use crate::mark::Mark;
use crate::message::{Message, Schema};
use crate::name;
use crate::payload::{Payload, WithHeader};
use crate::segment::geometry::{MAX_ALIGN, MAX_ITEMS, MAX_SCHEMA_BYTES};
use crate::segment::{Geometry, ItemMemory, ItemShape, Parameters, SegmentView};
use crate::server::doorbells::{AtBell, Cause};
use crate::server::eviction::{EvictedLink, Evictions};
use crate::server::flow::{self, Flow, Patience, Room};
use crate::server::loan::Loan;
use crate::server::pool::{Holder, Piece, Pool};
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
/// The default number of values that links may hold of a topic of slices.
const DEFAULT_SAMPLES: usize = 8;
/// The most bytes of a value: what a slot's length has room for.
const MAX_VALUE_BYTES: usize = u32::MAX as usize;
/// The most values that a link may hold: their words are the client's to map.
const MAX_SAMPLES: usize = 1 << 16;
/// Words for names, for each item that a segment has room for: 48 bytes each on average.
const NAME_WORDS: usize = 6;

/// A topic that is being set up.
#[derive(Debug)]
#[must_use = "a topic is created by `open`"]
pub struct TopicBuilder<'s, T: ?Sized> {
    service: &'s Service,
    name: String,
    history: usize,
    journal: usize,
    capacity: Option<usize>,
    stamps: bool,
    lossless: Option<Duration>,
    samples: usize,
    /// The most bytes of a value.
    longest: usize,
    message: PhantomData<fn() -> T>,
}

impl<'s, T: Payload + ?Sized> TopicBuilder<'s, T> {
    pub(crate) fn new(service: &'s Service, name: &str) -> Self {
        TopicBuilder {
            service,
            name: name.to_owned(),
            history: DEFAULT_HISTORY,
            journal: DEFAULT_JOURNAL,
            capacity: None,
            stamps: false,
            lossless: None,
            samples: if T::ELEMENT > 0 { DEFAULT_SAMPLES } else { 0 },
            longest: MAX_VALUE_BYTES,
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
    /// Default: none; values then lie in their slots, which is faster for what is small. Slices are never in slots, and
    /// have 8 by default.
    ///
    /// A client that holds all it may can keep a publisher from publishing, so grant it where clients are to be trusted
    /// with that.
    pub fn samples(mut self, values: usize) -> Self {
        self.samples = values;
        self
    }

    /// For slices: the most elements that a value may have. Default: as many as fit 4 GiB. Memory follows the lengths in
    /// use, not this.
    pub fn longest(mut self, elements: usize) -> Self {
        self.longest =
            T::ELEMENT.saturating_mul(elements).saturating_add(T::ELEMENTS_AT).min(MAX_VALUE_BYTES);
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
        let (size, align) = (size_of::<T::Fixed>() as u64, align_of::<T::Fixed>() as u64);
        if align > MAX_ALIGN as u64 {
            return Err(Error::InvalidOption {
                option: "message type",
                found: format!("{size} bytes aligned to {align}"),
                expected: format!("a type aligned to at most {MAX_ALIGN}"),
            });
        }
        let schema = Schema::of::<T::Fixed>().encode();
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
        if self.samples > 0 && size_of::<T::Fixed>() > MAX_VALUE_BYTES {
            let found = format!("{} bytes", size_of::<T::Fixed>());
            let expected = format!("at most {MAX_VALUE_BYTES} where values may be held");
            return Err(Error::InvalidOption { option: "message type", found, expected });
        }
        let too_large = || too_large(format!("an item of topic `{}/{}`", service.name, self.name));
        let in_slots = ItemShape::new(size, align, depth).ok_or_else(too_large)?;
        let pooled = self.samples > 0 || T::ELEMENT > 0;
        let pool = pooled.then(|| {
            let (size, align) = (size_of::<T::Fixed>(), align_of::<T::Fixed>());
            RefCell::new(Pool::new(size, align, T::ELEMENT == 0))
        });
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
            T::Fixed::TYPE.name(),
            T::Fixed::FINGERPRINT,
            self.lossless,
            self.samples as u32,
        ));
        let writer = Writer {
            service: service.clone(),
            shared: shared.clone(),
            schema,
            depth,
            align,
            size,
            stamps: self.stamps,
            pooled: u64::from(pool.is_some()),
        };
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
            items: FrozenVec::new(),
            growing: RefCell::new(Growing { last: root, bytes: 0 }),
            attention: Cell::new(0),
            flow: RefCell::default(),
            pool,
            longest: self.longest,
            links: RefCell::default(),
            evictions: RefCell::default(),
            writer,
            message: PhantomData,
        })
    }
}

/// A typed group of items, and the one that may publish them.
///
/// Dropping a topic does not withdraw it: its last values stay readable until the service closes.
pub struct Topic<T: ?Sized> {
    writer: Writer,
    journal: ItemMemory,
    /// Word of a slot's body at which the message starts.
    payload: usize,
    items: FrozenVec<Box<Written>>,
    growing: RefCell<Growing>,
    /// The service's attention as it was when `flow` learned of the links that there are.
    attention: Cell<u64>,
    flow: RefCell<Flow>,
    /// Where the values are, if not in their slots.
    pool: Option<RefCell<Pool>>,
    /// The most bytes of a value.
    longest: usize,
    /// The tracked links, of which some may hold values.
    links: RefCell<Vec<Arc<Tracked>>>,
    evictions: RefCell<Evictions>,
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
    /// Whether values carry the time of their publish.
    stamps: bool,
    /// Whether the values lie in pool memory: 0 or 1.
    pooled: u64,
}

/// One item of a topic, to publish values of.
///
/// A light handle that borrows its topic. Where a borrow is in the way, as in a struct beside the topic,
/// keep its [`id`](Item::id) and come back with [`Topic::at`].
#[derive(Debug)]
pub struct Item<'t, T: ?Sized> {
    topic: &'t Topic<T>,
    item: &'t Written,
    id: ItemId,
}

impl<T: ?Sized> Clone for Item<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Item<'_, T> {}

impl<T: ?Sized> core::fmt::Debug for Topic<T> {
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

impl<T: Payload + ?Sized> Topic<T> {
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

    /// The lossless links that were evicted since this was last asked, the first one first: their clients are told, and
    /// so is the log (`tracing`, as a warning). Of a program that does not ask, the newest 1024 are kept.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("ledger")?;
    /// # service.ready()?;
    /// use std::time::Duration;
    ///
    /// let entries = service.topic::<u64>("entries").history(2).lossless(Duration::from_millis(10)).open()?;
    /// let book = entries.item("book")?;
    ///
    /// let ledger = bus.connect::<u64>("ledger/entries").open()?;
    /// let link = ledger.advise("book").lossless(Duration::from_secs(1)).hot()?;
    /// book.publish_batch(&[1, 2, 3])?; // the link reads nothing for ten milliseconds
    /// let evicted = entries.evictions();
    /// assert_eq!((evicted[0].pid, evicted[0].link), (std::process::id(), link.number()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn evictions(&self) -> Vec<EvictedLink> {
        self.evictions.borrow_mut().take()
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
        self.writer.shared.add_item(name, ring);
        self.writer.service.appeared();
        Ok(self.present(index as u32))
    }

    /// Allows the pool the history and a loan of each of so many items, and what may be held; and where all values have
    /// one size, makes the memory for that.
    fn grow_pool(&self, pool: &mut Pool, items: usize) -> Result<()> {
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
        let fd = pool.grow(&self.writer.label(), bytes, values).map_err(|source| Error::NoMemory {
            what: format!("{values} values of topic `{}/{}`", service.name, shared.name),
            bytes: pool.bytes_for(bytes, values).map_or(u64::MAX, |bytes| bytes as u64),
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
    fn publish(&self, item: &Written, id: ItemId, value: &T, mark: Mark, patience: Patience) -> Result<u64> {
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

    /// As [`publish`](Self::publish), where values lie in a pool.
    #[inline(never)]
    fn publish_pooled(
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
    fn publish_at(
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
    fn take(&self, pool: &RefCell<Pool>, bytes: usize) -> Result<Piece> {
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
            links.retain(|link| !link.is_gone());
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
                self.make_memory(&mut pool, bytes, values)?;
                Ok(pool.take(bytes).expect("memory was made for this"))
            }
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

    /// Begins an item's value number `number`, of `bytes` bytes: the words to store it in, or what says where it is.
    #[inline(always)]
    fn begin<'i>(&self, item: &'i Written, number: u64, bytes: usize, mark: Mark) -> &'i [AtomicU64] {
        let stamp = if self.writer.stamps { Stamp::now().nanoseconds() } else { 0 };
        let body = item.memory.ring.begin(number);
        Envelope::new(stamp, bytes, mark).store(body);
        step!(SlotHalf);
        &body[self.payload..]
    }

    /// Publishes an item's value number `number`, and enters it into the journal.
    #[inline(always)]
    fn finish(&self, item: &Written, id: ItemId, number: u64) {
        item.memory.ring.finish(number);
        let entry = self.journal.ring.watched().head.load(Ordering::Relaxed).wrapping_add(1);
        self.journal.ring.begin(entry)[0].store(journal_entry(id, number), Ordering::Relaxed);
        self.journal.ring.finish(entry);
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
                if stalled >= flow::urgent_after(&link) {
                    link.floor().urge();
                }
                return Err(self.full(id, &link, behind, waited));
            }
            if core::mem::take(unrung) {
                self.ring(item, id);
            }
            flow::wait_for(&link, floor, stalled, left.min(deadline - stalled));
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
        self.evictions.borrow_mut().push(EvictedLink {
            item: ItemId::new(link.item),
            pid: link.pid,
            link: link.link,
            behind,
            stalled,
        });
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

impl<T: Message> Topic<T> {
    /// Publishes values, and wakes who sleeps once for all that there was room for; how many there were.
    fn publish_batch(&self, item: &Written, id: ItemId, values: &[T], patience: Patience) -> Result<usize> {
        if let Some(pool) = &self.pool {
            return self.publish_batch_pooled(pool, item, id, values, patience);
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
            let room = usize::try_from(item.limit.get() - number + 1).unwrap_or(usize::MAX);
            let rest = &values[published..];
            let together = &rest[..rest.len().min(most).min(room)];
            self.write_together(item, id, number, together);
            published += together.len();
            unrung = true;
        }
        if unrung {
            self.ring(item, id);
        }
        Ok(published)
    }

    /// As [`publish_batch`](Self::publish_batch), where values lie in a pool: large ones, of which each is told of at once.
    fn publish_batch_pooled(
        &self,
        pool: &RefCell<Pool>,
        item: &Written,
        id: ItemId,
        values: &[T],
        patience: Patience,
    ) -> Result<usize> {
        for (published, value) in values.iter().enumerate() {
            match self.publish_pooled(pool, item, id, value, Mark::GOOD, patience) {
                Ok(_) => {}
                Err(error) if published == 0 => return Err(error),
                Err(_) => return Ok(published),
            }
        }
        Ok(values.len())
    }

    /// Publishes several values of an item, the first one as number `first`, and enters them into the journal.
    #[inline(always)]
    fn write_together(&self, item: &Written, id: ItemId, first: u64, values: &[T]) {
        let stamp = if self.writer.stamps { Stamp::now().nanoseconds() } else { 0 };
        item.memory.ring.write_together(first, values.len(), |index, body| {
            self.fill(stamp, &values[index], body);
        });
        let entry = self.journal.ring.watched().head.load(Ordering::Relaxed).wrapping_add(1);
        self.journal.ring.write_together(entry, values.len(), |index, body| {
            body[0].store(journal_entry(id, first.wrapping_add(index as u64)), Ordering::Relaxed);
        });
    }

    /// Stores the body of a slot.
    #[inline(always)]
    fn fill(&self, stamp: u64, value: &T, body: &[AtomicU64]) {
        Envelope::new(stamp, size_of::<T>(), Mark::GOOD).store(body);
        value.store(&body[self.payload..]);
    }
}

impl<'t, T: Payload + ?Sized> Item<'t, T> {
    /// Publishes a value to all links at once, and returns its sequence number, from 1.
    ///
    /// Where the topic grants [lossless](TopicBuilder::lossless) links, this waits until the slowest of them has room,
    /// or has stalled past its deadline and is ended. Otherwise it never waits.
    ///
    /// # Errors
    /// [`Error::Closed`] if the service is closed.
    #[inline]
    pub fn publish(&self, value: &T) -> Result<u64> {
        self.topic.publish(self.item, self.id, value, Mark::GOOD, Patience::Full)
    }

    /// Publishes a value with a mark, which says how far it can be relied on; readers find it in
    /// [`Update::mark`](crate::Update::mark). Costs what [`publish`](Self::publish) does, and waits as that does.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("boiler")?;
    /// # let topic = service.topic::<f64>("sensors").open()?;
    /// # service.ready()?;
    /// use bus::{Mark, Quality, Severity};
    ///
    /// const NO_ANSWER: Mark = Mark::uncertain(17);
    /// topic.item("pressure")?.publish_marked(&2.5, NO_ANSWER)?;
    ///
    /// let sensors = bus.connect::<f64>("boiler/sensors").open()?;
    /// let pressure = sensors.request("pressure")?;
    /// assert_eq!(pressure.mark.severity(), Severity::Uncertain);
    /// assert_eq!(pressure.quality(), Quality::Marked(NO_ANSWER));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    #[inline]
    pub fn publish_marked(&self, value: &T, mark: Mark) -> Result<u64> {
        self.topic.publish(self.item, self.id, value, mark, Patience::Full)
    }

    /// As [`publish`](Self::publish), but never waits.
    ///
    /// # Errors
    /// [`Error::Full`] where a lossless link has not read what this value would overwrite, with the slowest of them;
    /// nothing was published then. [`Error::Closed`] if the service is closed.
    #[inline]
    pub fn try_publish(&self, value: &T) -> Result<u64> {
        self.topic.publish(self.item, self.id, value, Mark::GOOD, Patience::None)
    }

    /// As [`publish`](Self::publish), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`try_publish`](Self::try_publish).
    pub fn publish_timeout(&self, value: &T, timeout: Duration) -> Result<u64> {
        let patience = Instant::now().checked_add(timeout).map_or(Patience::Full, Patience::Until);
        self.topic.publish(self.item, self.id, value, Mark::GOOD, patience)
    }

    /// Memory for a value of so many bytes.
    pub(crate) fn lend(&self, bytes: usize) -> Result<Loan<'t, T>> {
        let pool = self.topic.pool.as_ref().ok_or_else(|| {
            invalid("samples", 0, "at least 1 for a topic that lends memory; or publish a copy, by `publish`")
        })?;
        let piece = self.topic.take(pool, bytes)?;
        step!(LoanTaken);
        let start = pool.borrow().words(piece).as_ptr().cast_mut().cast();
        let value = T::of_bytes(start, bytes).expect("so many bytes are a value's");
        // SAFETY: that is where it is, and the pool has just given it out. It stays there as long as the topic, which
        // the loan borrows.
        Ok(unsafe { Loan::new(*self, piece, value, bytes) })
    }

    pub(crate) fn publish_at(
        &self,
        piece: Piece,
        bytes: usize,
        mark: Mark,
        patience: Patience,
    ) -> Result<u64> {
        let pool = self.topic.pool.as_ref().expect("a loan is of a topic with a pool");
        self.topic.publish_at(pool, self.item, self.id, (piece, bytes), mark, patience)
    }

    pub(crate) fn give_back(&self, piece: Piece) {
        let pool = self.topic.pool.as_ref().expect("a loan is of a topic with a pool");
        pool.borrow_mut().give_back(piece);
    }

    /// The item's id in its topic.
    pub fn id(&self) -> ItemId {
        self.id
    }
}

impl<'t, T: Message> Item<'t, T> {
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
        self.lend(size_of::<T>())
    }
}

impl<'t, E: Message> Item<'t, [E]> {
    /// Memory for a slice of `len` elements; otherwise as for [messages](Item::loan).
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("lidar")?;
    /// # service.ready()?;
    /// let clouds = service.topic::<[[f32; 3]]>("clouds").open()?;
    /// let front = clouds.item("front")?;
    /// let mut cloud = front.loan_slice(1000)?.in_place();
    /// cloud.get_mut().fill([1.0, 2.0, 3.0]);
    /// cloud.publish()?;
    ///
    /// let lidar = bus.connect::<[[f32; 3]]>("lidar/clouds").open()?;
    /// assert_eq!(lidar.advise("front").samples(1)?.recv()?.value.len(), 1000);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidOption`] beyond the topic's [`longest`](TopicBuilder::longest); [`Error::Exhausted`];
    /// [`Error::NoMemory`] where the pool has to grow and cannot; [`Error::Closed`] if the service is closed.
    pub fn loan_slice(&self, len: usize) -> Result<Loan<'t, [E]>> {
        self.lend(len.saturating_mul(size_of::<E>()))
    }
}

impl<'t, H: Message, E: Message> Item<'t, WithHeader<H, [E]>> {
    /// Memory for a header and `len` elements; otherwise as for [slices](Item::loan_slice).
    ///
    /// # Errors
    /// As for slices.
    pub fn loan_slice(&self, len: usize) -> Result<Loan<'t, WithHeader<H, [E]>>> {
        let elements = len.saturating_mul(size_of::<E>());
        self.lend(elements.saturating_add(<WithHeader<H, [E]>>::ELEMENTS_AT))
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
        let (epoch, stamps) = (self.service.epoch, self.stamps);
        let (view, fds) =
            SegmentView::create(&label, geometry, fingerprint, epoch, stamps, schema).map_err(|source| {
                match source.kind() {
                    io::ErrorKind::OutOfMemory => Error::NoMemory { what: what(), bytes, source },
                    _ => Error::Os { doing: format!("creating memory for {}", what()), source },
                }
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

/// What the journal says of a value.
#[inline(always)]
fn journal_entry(id: ItemId, number: u64) -> u64 {
    u64::from(id.as_u32()) << 32 | number & 0xffff_ffff
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
