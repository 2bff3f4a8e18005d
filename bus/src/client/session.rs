//! What one life of a service lent this process: a topic's segments, mapped and checked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::image;
use crate::message::{Conversion, Fingerprint, Message, Schema, Unconvertible};
use crate::payload::Payload;
use crate::segment::geometry::MAX_SCHEMA_BYTES;
use crate::segment::mapping::Words;
use crate::segment::pool::MAX_MEMORIES;
use crate::segment::{ItemMemory, SegmentView};

/// How long a request waits for pool memory that a slot names: it comes by the control plane, and an honest publisher sends
/// it soon.
const POOL_BOUND: Duration = Duration::from_secs(1);

/// A topic as one life of its service published it.
#[derive(Debug)]
pub(crate) struct Session {
    /// The process that owns the service.
    pub(crate) pid: u32,
    /// Which life of the service this is.
    pub(crate) epoch: u64,
    /// Values that each item keeps.
    pub(crate) depth: u64,
    /// Whether values carry the time of their publish.
    pub(crate) stamps: bool,
    /// The topic's journal, with the topic's bell.
    pub(crate) journal: ItemMemory,
    /// What the service offers on the topic, as it says.
    offers: Words,
    /// Word of an item slot's body at which the message starts.
    pub(crate) payload: usize,
    /// Words of a value, as its publisher has it.
    pub(crate) message_words: usize,
    /// Whether values lie in pool memory, and slots say where.
    pub(crate) pooled: bool,
    /// How its values become ours, where its publisher has another version of the type.
    pub(crate) conversion: Option<Arc<Conversion>>,
    growing: Mutex<Growing>,
    grown: Condvar,
    /// Number of segments, for readers that look for more without the lock.
    segments: AtomicUsize,
}

/// What extents and new items add to.
#[derive(Debug)]
struct Growing {
    segments: Vec<SegmentView>,
    /// Index of each item found in the directories so far.
    names: HashMap<Arc<str>, u32>,
    /// The names by index.
    indices: Vec<Arc<str>>,
    /// Pool memory, by its number.
    pools: Vec<Words>,
    /// Whether a request waited for pool memory in vain: then what is not here is not waited for again, so that a publisher
    /// that names what it never sends costs those who request that one wait.
    astray: bool,
}

/// What this process expects of a topic's message type.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) size: usize,
    pub(crate) align: usize,
    pub(crate) schema: fn() -> Schema,
    /// What a value of another version begins as; zeroes if `None`.
    pub(crate) template: Option<Arc<[u64]>>,
    /// Whether values of other versions can be made its own; not so those of slices.
    pub(crate) convertible: bool,
}

impl Expected {
    /// What a program expects whose type is `T`.
    pub(crate) fn of<T: Payload + ?Sized>() -> Self {
        Expected {
            fingerprint: T::Fixed::FINGERPRINT,
            size: size_of::<T::Fixed>(),
            align: align_of::<T::Fixed>(),
            schema: Schema::of::<T::Fixed>,
            template: image::template::<T::Fixed>(),
            convertible: T::ELEMENT == 0,
        }
    }
}

/// Why a segment was not taken.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// The topic carries another type, and no other version of ours; why, unless its schema cannot be read.
    Type { there: Fingerprint, why: Result<Box<Unconvertible>, String> },
    /// The segment is not what the protocol says.
    Broken(String),
}

impl Session {
    /// Begins a session with a topic's first segment.
    pub(crate) fn new(pid: u32, root: SegmentView, expected: &Expected) -> Result<Self, Unusable> {
        let header = root.header;
        if header.parameters.schema > MAX_SCHEMA_BYTES as u64 {
            let detail = format!("a schema of {} bytes, more than any type has", header.parameters.schema);
            return Err(Unusable::Broken(detail));
        }
        let other = if header.fingerprint == expected.fingerprint { None } else { Some(schema_of(&root)?) };
        // The fingerprint covers these, but a publisher may lie, and accesses rely on them.
        let (size, align) = (header.parameters.message_size, header.parameters.message_align);
        let layout = other
            .as_ref()
            .map_or((expected.size as u64, expected.align as u64), |other| (other.size(), other.align()));
        if (size, align) != layout {
            let detail = format!("messages of {size} bytes aligned to {align} under this type's fingerprint");
            return Err(Unusable::Broken(detail));
        }
        let conversion = match other {
            None => None,
            Some(there) => {
                let conversion = Conversion::new(&(expected.schema)(), &there, expected.template.clone());
                let conversion = conversion.and_then(|conversion| {
                    if expected.convertible {
                        return Ok(conversion);
                    }
                    let reasons = vec!["slices are not converted between versions".to_owned()];
                    Err(Unconvertible { difference: (expected.schema)().difference(&there), reasons })
                });
                let why = |why| Unusable::Type { there: header.fingerprint, why: Ok(Box::new(why)) };
                Some(Arc::new(conversion.map_err(why)?))
            }
        };
        if header.parameters.first_item != 0 {
            return Err(Unusable::Broken("a first segment that does not begin with item 0".to_owned()));
        }
        let journal =
            root.journal().ok_or_else(|| Unusable::Broken("a first segment without journal".to_owned()))?;
        let offers = root.offers();
        let payload = root.geometry.item.payload;
        let growing = Growing {
            segments: vec![root],
            names: HashMap::new(),
            indices: Vec::new(),
            pools: Vec::new(),
            astray: false,
        };
        Ok(Session {
            pid,
            epoch: header.epoch,
            depth: header.parameters.depth,
            stamps: header.stamps,
            journal,
            offers,
            payload,
            message_words: (header.parameters.message_size as usize).div_ceil(8),
            pooled: header.parameters.pooled != 0,
            conversion,
            growing: Mutex::new(growing),
            grown: Condvar::new(),
            segments: AtomicUsize::new(1),
        })
    }

    /// Adds an extent.
    ///
    /// # Errors
    /// What does not fit together.
    pub(crate) fn add_segment(&self, index: usize, segment: SegmentView) -> Result<(), String> {
        let mut growing = self.lock();
        // The segments before are full, so that their directories are final.
        growing.read_directories();
        let root = &growing.segments[0].header;
        let same = segment.header.fingerprint == root.fingerprint
            && segment.header.epoch == root.epoch
            && segment.header.parameters.message_size == root.parameters.message_size
            && segment.header.parameters.message_align == root.parameters.message_align
            && segment.header.parameters.depth == root.parameters.depth
            && segment.header.parameters.pooled == root.parameters.pooled;
        let continues = segment.header.parameters.first_item == growing.indices.len() as u64;
        if index != growing.segments.len() || !continues || !same {
            return Err(format!(
                "extent {index} does not continue the topic's {} segments",
                growing.segments.len()
            ));
        }
        growing.segments.push(segment);
        self.segments.store(growing.segments.len(), Ordering::Release);
        drop(growing);
        self.grown.notify_all();
        Ok(())
    }

    /// Adds pool memory.
    ///
    /// # Errors
    /// That it does not follow what is there.
    pub(crate) fn add_pool(&self, index: usize, words: Words) -> Result<(), String> {
        let mut growing = self.lock();
        if index != growing.pools.len() || index >= MAX_MEMORIES || !self.pooled {
            return Err(format!("pool memory {index} does not follow the topic's {}", growing.pools.len()));
        }
        growing.pools.push(words);
        growing.astray = false;
        drop(growing);
        self.grown.notify_all();
        Ok(())
    }

    /// What the service says that it offers on the topic now, in bits; see [`POKES`](crate::server::transactions::POKES).
    pub(crate) fn offers(&self) -> u64 {
        self.offers[0].load(Ordering::Relaxed)
    }

    /// Number of pool memories here.
    pub(crate) fn pool_count(&self) -> usize {
        self.lock().pools.len()
    }

    /// Pool memory, if it is here.
    pub(crate) fn pool(&self, index: usize) -> Option<Words> {
        self.lock().pools.get(index).cloned()
    }

    /// Waits until pool memory is here, at most `bound`.
    pub(crate) fn wait_for_pool(&self, index: usize, bound: Duration) {
        drop(self.await_pool(index, bound));
    }

    /// As [`wait_for_pool`](Self::wait_for_pool), for a request, which is answered once: not where that was in vain before;
    /// whether the memory is here.
    pub(crate) fn has_pool_soon(&self, index: usize) -> bool {
        if self.lock().astray {
            return false;
        }
        let mut growing = self.await_pool(index, POOL_BOUND);
        let is_here = index < growing.pools.len();
        growing.astray |= !is_here;
        is_here
    }

    fn await_pool(&self, index: usize, bound: Duration) -> MutexGuard<'_, Growing> {
        let deadline = Instant::now() + bound;
        let mut growing = self.lock();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if index < growing.pools.len() || left.is_zero() {
                return growing;
            }
            growing = self.grown.wait_timeout(growing, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The index of an item, if its name is in a directory here.
    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        let mut growing = self.lock();
        growing.read_directories();
        growing.names.get(name).copied()
    }

    /// As [`find`](Self::find), with the name, so that who keeps it need not copy it.
    pub(crate) fn find_named(&self, name: &str) -> Option<(u32, Arc<str>)> {
        let mut growing = self.lock();
        growing.read_directories();
        growing.names.get_key_value(name).map(|(name, &index)| (index, name.clone()))
    }

    /// Number of items here.
    pub(crate) fn item_count(&self) -> u32 {
        let mut growing = self.lock();
        growing.read_directories();
        growing.indices.len() as u32
    }

    /// The names of all items here, by index.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        let mut growing = self.lock();
        growing.read_directories();
        growing.indices.clone()
    }

    /// An item's name and memory; `None` if it is not here, or not yet.
    pub(crate) fn item(&self, index: u32) -> Option<(Arc<str>, ItemMemory)> {
        let mut growing = self.lock();
        if index as usize >= growing.indices.len() {
            growing.read_directories();
        }
        let name = growing.indices.get(index as usize)?.clone();
        let after =
            growing.segments.partition_point(|view| view.header.parameters.first_item <= u64::from(index));
        let segment = growing.segments.get(after.checked_sub(1)?)?;
        let within = usize::try_from(u64::from(index) - segment.header.parameters.first_item).ok()?;
        Some((name, segment.item(within)?))
    }

    /// Number of segments here.
    pub(crate) fn segment_count(&self) -> usize {
        self.segments.load(Ordering::Acquire)
    }

    /// Waits until the item is here, at most `bound`: its segment may be on its way.
    pub(crate) fn wait_for(&self, index: u32, bound: Duration) {
        let deadline = Instant::now() + bound;
        let mut growing = self.lock();
        loop {
            growing.read_directories();
            let left = deadline.saturating_duration_since(Instant::now());
            if (index as usize) < growing.indices.len() || left.is_zero() {
                return;
            }
            growing = self.grown.wait_timeout(growing, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Growing> {
        // Every step on `Growing` leaves it whole.
        self.growing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The schema of a topic's first segment.
fn schema_of(root: &SegmentView) -> Result<Schema, Unusable> {
    let there = root.header.fingerprint;
    let schema = Schema::decode(&root.schema())
        .map_err(|error| Unusable::Type { there, why: Err(error.to_string()) })?;
    if schema.fingerprint() != there {
        let detail =
            format!("a schema of fingerprint {} under the fingerprint {there}", schema.fingerprint());
        return Err(Unusable::Broken(detail));
    }
    Ok(schema)
}

impl Growing {
    /// Reads the names that the directories have gained. A name that cannot be read ends the reading there:
    /// its publisher is broken, and items are found by index in the order of the directories.
    fn read_directories(&mut self) {
        for (position, segment) in self.segments.iter().enumerate() {
            let first = segment.header.parameters.first_item as usize;
            // A segment is done when the next one begins.
            let end = self
                .segments
                .get(position + 1)
                .map_or(usize::MAX, |next| next.header.parameters.first_item as usize);
            let known = self.indices.len();
            if known < first || known >= end {
                continue;
            }
            let items = segment.directory.len().min(end - first);
            for within in known - first..items {
                let name: Arc<str> = match segment.directory.name(within) {
                    Ok(name) => name.into(),
                    Err(detail) => return tracing::warn!(%detail, "broken directory"),
                };
                self.names.insert(name.clone(), self.indices.len() as u32);
                self.indices.push(name);
            }
        }
    }
}
