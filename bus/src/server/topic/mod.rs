//! A topic's writer, and its items.
//!
//! What a publish touches, in order: the item's next slot (the only lines that a spinning reader shares), the
//! item's head line, the journal's next slot and head line, the item's bell and the topic's bell. With
//! nobody asleep the bells are only read. Before that it compares two of its own words with the number, and with the
//! service's attention, to know whether anybody has to be waited for ([`room`]). No lock, no allocation, no
//! system call; the cost does not depend on the number of links.
//!
//! A topic has one writer, so a [`Topic`] is `Send` but not `Sync`, and an [`Item`] borrows its topic: the
//! compiler keeps all publishing of one topic on one thread at a time. To publish from several threads, use
//! several topics, or put the topic behind a mutex and hold it while publishing.
//!
//! Files: [`builder`] is how a topic is set up, [`item`] the handle by which it is published; [`publish`] is what that does,
//! [`room`] how it waits for those who lose nothing, [`task`] how it does so without a thread, and [`pooled`] where values are that links may hold; [`writer`] makes
//! the segments, and [`numbering`] has tests begin far on.

mod builder;
mod item;
mod numbering;
mod pooled;
mod publish;
mod room;
mod task;
mod writer;

pub use builder::TopicBuilder;
pub use item::Item;

use core::cell::{Cell, RefCell};
use core::marker::PhantomData;
use std::sync::Arc;

use elsa::FrozenVec;

use self::writer::Writer;
use crate::error::{Error, Result};
use crate::mark::Mark;
use crate::name;
use crate::payload::Payload;
use crate::segment::geometry::MAX_ITEMS;
use crate::segment::{ItemMemory, SegmentView};
use crate::server::eviction::{EvictedLink, Evictions};
use crate::server::flow::Flow;
use crate::server::pool::Pool;
use crate::server::tracked::Tracked;
use crate::update::ItemId;

/// An extent doubles the topic up to this many bytes; past them it adds an eighth.
const EXTENT_BYTES: usize = 4 << 20;

/// A typed group of items, and the one that may publish them.
///
/// One thread uses a topic at a time: it is `Send`, and not `Sync`. Give threads that publish at once a topic each, or have them
/// lock one.
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
    /// The entry up to which the journal can be written without a look at who follows.
    journal_limit: Cell<u64>,
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
    /// By which entry of the journal the value in each slot was published, where links to several items may be waited for;
    /// 0 for none.
    entries: Option<Box<[Cell<u64>]>>,
}

/// What changes when an item is added; publishing does not look at it.
#[derive(Debug)]
struct Growing {
    /// The segment that takes new items.
    last: SegmentView,
    /// Bytes of the segments before it.
    bytes: usize,
}

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

    /// The lossless links that were evicted since this was last asked, the first one first: their clients are told, by
    /// [`Error::Evicted`], and so is the log (`tracing`, as a warning). Of a program that does not ask, the newest 1024 are kept.
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
        Some(Item { topic: self, item, id, mark: Mark::GOOD })
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
        let depth = self.writer.depth as usize;
        let entries = self.writer.shared.lossless.map(|_| vec![Cell::new(0); depth].into_boxed_slice());
        self.items.push(Box::new(Written { memory, limit: Cell::new(0), entries }));
        self.writer.shared.add_item(name, ring);
        self.writer.service.appeared();
        Ok(self.present(index as u32))
    }
}

fn invalid(option: &'static str, found: impl ToString, expected: &str) -> Error {
    Error::InvalidOption { option, found: found.to_string(), expected: expected.to_owned() }
}
