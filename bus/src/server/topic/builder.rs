//! Setting a topic up: its options, and what they may be.

use core::cell::{Cell, RefCell};
use core::fmt;
use core::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use elsa::FrozenVec;

use super::writer::{Writer, too_large};
use super::{Growing, Topic, invalid};
use crate::access::Access;
use crate::error::{Error, Result};
use crate::message::{Message, Schema};
use crate::name;
use crate::payload::Payload;
use crate::segment::ItemShape;
use crate::segment::geometry::{MAX_ALIGN, MAX_SCHEMA_BYTES};
use crate::server::pool::Pool;
use crate::server::service::Service;
use crate::server::shared::{ServiceShared, TopicShared};
use crate::server::system;

/// The default number of values kept for each item.
const DEFAULT_HISTORY: usize = 16;
/// The default number of publishes whose order across items is kept.
const DEFAULT_JOURNAL: usize = 1024;
/// A first segment without a given capacity has room for as many items as fit this many bytes.
const FIRST_BYTES: usize = 64 << 10;
/// The default number of values that links may hold of a topic of slices.
const DEFAULT_SAMPLES: usize = 8;
/// The most bytes of a value: what a slot's length has room for.
const MAX_VALUE_BYTES: usize = u32::MAX as usize;
/// The most values that a link may hold: their words are the client's to map.
const MAX_SAMPLES: usize = 1 << 16;

/// A topic that is being set up.
#[must_use = "a topic is created by `open`"]
pub struct TopicBuilder<'s, T: ?Sized> {
    service: &'s Arc<ServiceShared>,
    /// Whose it is; `None` for the library's own, which the service's list does not have.
    owner: Option<&'s Service>,
    name: String,
    history: usize,
    journal: usize,
    capacity: Option<usize>,
    stamps: bool,
    lossless: Option<Duration>,
    samples: usize,
    /// The most bytes of a value.
    longest: usize,
    access: Option<Access>,
    message: PhantomData<fn() -> T>,
}

/// Whatever its messages are, which need not be `Debug`.
impl<T: ?Sized> fmt::Debug for TopicBuilder<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<'s, T: Payload + ?Sized> TopicBuilder<'s, T> {
    pub(crate) fn new(service: &'s Service, name: &str) -> Self {
        Self::begin(&service.shared, Some(service), name)
    }

    /// The library's own topic of this name.
    pub(crate) fn reserved(service: &'s Arc<ServiceShared>, name: &str) -> Self {
        Self::begin(service, None, name)
    }

    fn begin(service: &'s Arc<ServiceShared>, owner: Option<&'s Service>, name: &str) -> Self {
        TopicBuilder {
            service,
            owner,
            name: name.to_owned(),
            history: DEFAULT_HISTORY,
            journal: DEFAULT_JOURNAL,
            capacity: None,
            stamps: false,
            lossless: None,
            samples: if T::ELEMENT > 0 { DEFAULT_SAMPLES } else { 0 },
            longest: MAX_VALUE_BYTES,
            access: None,
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

    /// For how many items to reserve memory at once. Not a limit: a topic grows when there are more. Where links may
    /// [hold values](Self::samples) it is the items' slots that are reserved; memory for the values themselves is made as
    /// items are added, or, for slices, as values need it.
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
    /// history behind, [`publish`](crate::Item::publish) waits for it, at most so long while it reads nothing at all; then the
    /// link is ended, with a reason on both sides. Default: no such links, and a publish never waits.
    ///
    /// A client that reads just enough can slow a publisher of such a topic down to one value in `patience`, so grant it
    /// where clients are to be trusted with that.
    pub fn lossless(mut self, patience: Duration) -> Self {
        self.lossless = Some(patience);
        self
    }

    /// Keeps values where links may hold them ([`samples`](crate::AdviseBuilder::samples)) and where they can be built in
    /// place ([`Item::loan`](crate::Item::loan)): both without a copy, for messages from some kilobytes up. There is memory for `values`
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

    /// Who may do what with the topic, in place of what the [service's list](Service::set_access) says of reading, poking and
    /// computed values; of commands that list has the last word. Whoever is granted something may connect to the service.
    /// Default: the service's list, which is for its own user by default.
    pub fn access(mut self, access: Access) -> Self {
        self.access = Some(access);
        self
    }

    /// Creates the topic.
    ///
    /// # Errors
    /// [`Error::InvalidName`], [`Error::InvalidOption`], [`Error::TopicExists`]; [`Error::NoMemory`] where
    /// its first segment cannot be reserved, and then nothing is left behind.
    pub fn open(self) -> Result<Topic<T>> {
        let service = self.service;
        name::check("topic", &self.name)?;
        if self.owner.is_some() && system::is_reserved(&self.name) {
            return Err(Error::InvalidName {
                what: "topic",
                name: self.name,
                reason: "`system`, and what begins with `system.`, is where the service tells of itself",
            });
        }
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
        let type_name = T::Fixed::TYPE.name();
        let (lossless, samples) = (self.lossless, self.samples as u32);
        let shared = TopicShared::new(self.name, type_name, T::Fixed::FINGERPRINT, lossless, samples);
        let shared = Arc::new(shared.with_access(self.access));
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
        writer.shared.set_journal(journal.ring.clone());
        let added = match self.owner {
            Some(_) => service.add_topic(shared, root.offers()),
            None => {
                service.transactions.add_board(&shared.name, root.offers());
                service.system.set_topic(shared)
            }
        };
        if !added {
            let (service, topic) = (service.name.clone(), writer.shared.name.clone());
            return Err(Error::TopicExists { service, topic });
        }
        if let Some(owner) = self.owner {
            owner.let_others_reach_it();
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
            journal_limit: Cell::new(0),
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

/// The power of two that an option stands for; what is more than there are powers becomes the largest, for which
/// there is no memory either.
fn power_of_two(option: &'static str, found: usize) -> Result<u64> {
    if found < 2 {
        return Err(invalid(option, found, "at least 2"));
    }
    Ok(found.checked_next_power_of_two().map_or(1 << 63, |rounded| rounded as u64))
}
