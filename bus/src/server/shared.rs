//! What a service's handles and its control thread share.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam::utils::CachePadded;

use crate::message::Fingerprint;
use crate::segment::SegmentFds;
use crate::server::doorbells::TopicDoorbells;
use crate::server::service::ClientInfo;
use crate::sys::wake::Waker;

/// A service, as its handles and its control thread see it.
#[derive(Debug)]
pub(crate) struct ServiceShared {
    pub(crate) name: String,
    /// Which life of the service this is: a random number, in every segment header.
    pub(crate) epoch: u64,
    /// Wakes the control thread.
    pub(crate) waker: Waker,
    /// Set once, when the service closes. Looked at by every publish, so it is on a line of its own: what the control
    /// thread writes beside it costs a publisher nothing.
    pub(crate) closed: CachePadded<AtomicBool>,
    topics: Mutex<BTreeMap<String, Arc<TopicShared>>>,
    clients: Mutex<BTreeMap<u64, ClientInfo>>,
    /// Questions of clients that wait for a topic or an item to appear.
    waiting: AtomicUsize,
    /// Doorbells that clients have hung up.
    pub(crate) doorbells: AtomicUsize,
}

/// A topic, as its writer and the control thread see it.
#[derive(Debug)]
pub(crate) struct TopicShared {
    pub(crate) name: String,
    pub(crate) type_name: String,
    pub(crate) fingerprint: Fingerprint,
    segments: Mutex<Vec<Arc<SegmentFds>>>,
    items: Mutex<HashMap<String, u32>>,
    pub(crate) doorbells: TopicDoorbells,
}

impl ServiceShared {
    pub(crate) fn new(name: String, epoch: u64, waker: Waker) -> Self {
        ServiceShared {
            name,
            epoch,
            waker,
            closed: CachePadded::new(AtomicBool::new(false)),
            topics: Mutex::default(),
            clients: Mutex::default(),
            waiting: AtomicUsize::new(0),
            doorbells: AtomicUsize::new(0),
        }
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Adds a topic; `false` if there is one of this name.
    pub(crate) fn add_topic(&self, topic: Arc<TopicShared>) -> bool {
        let mut topics = lock(&self.topics);
        if topics.contains_key(&topic.name) {
            return false;
        }
        topics.insert(topic.name.clone(), topic);
        drop(topics);
        self.appeared();
        true
    }

    /// Whether there is any topic.
    pub(crate) fn has_topics(&self) -> bool {
        !lock(&self.topics).is_empty()
    }

    pub(crate) fn has_topic(&self, name: &str) -> bool {
        lock(&self.topics).contains_key(name)
    }

    pub(crate) fn topic(&self, name: &str) -> Option<Arc<TopicShared>> {
        lock(&self.topics).get(name).cloned()
    }

    /// The first topic whose name is after `name`.
    pub(crate) fn topic_after(&self, name: &str) -> Option<Arc<TopicShared>> {
        use core::ops::Bound;
        let topics = lock(&self.topics);
        let after = (Bound::Excluded(name), Bound::Unbounded);
        topics.range::<str, _>(after).next().map(|(_, topic)| topic.clone())
    }

    /// Tells the control thread of something new, if a client waits for something.
    pub(crate) fn appeared(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.waker.wake();
        }
    }

    /// Counts questions that began (positive) or ceased (negative) to wait.
    pub(crate) fn waits(&self, change: isize) {
        self.waiting.fetch_add(change as usize, Ordering::SeqCst);
    }

    pub(crate) fn clients(&self) -> MutexGuard<'_, BTreeMap<u64, ClientInfo>> {
        lock(&self.clients)
    }
}

impl TopicShared {
    pub(crate) fn new(name: String, type_name: &str, fingerprint: Fingerprint) -> Self {
        TopicShared {
            name,
            type_name: type_name.to_owned(),
            fingerprint,
            segments: Mutex::default(),
            items: Mutex::default(),
            doorbells: TopicDoorbells::default(),
        }
    }

    pub(crate) fn add_segment(&self, fds: Arc<SegmentFds>) {
        lock(&self.segments).push(fds);
    }

    /// The segment of this index, and how many there are.
    pub(crate) fn segment(&self, index: usize) -> (Option<Arc<SegmentFds>>, usize) {
        let segments = lock(&self.segments);
        (segments.get(index).cloned(), segments.len())
    }

    pub(crate) fn add_item(&self, name: &str, index: u32) {
        lock(&self.items).insert(name.to_owned(), index);
    }

    pub(crate) fn item(&self, name: &str) -> Option<u32> {
        lock(&self.items).get(name).copied()
    }

    pub(crate) fn item_count(&self) -> u64 {
        lock(&self.items).len() as u64
    }
}

/// Locks, also after a panic elsewhere: each of these maps is whole after every single step on it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
