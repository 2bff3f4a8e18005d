//! What a service's handles and its control thread share.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crossbeam::utils::CachePadded;

use crate::access::{Access, Verbs};
use crate::message::Fingerprint;
use crate::ring::Ring;
use crate::segment::SegmentFds;
use crate::segment::mapping::Words;
use crate::server::doorbells::TopicDoorbells;
use crate::server::events::Listeners;
use crate::server::hook::{Hook, Verdict};
use crate::server::ledger::Ledger;
use crate::server::service::ClientInfo;
use crate::server::system::{self, SystemShared};
use crate::server::tracked::{Eviction, Tracked};
use crate::server::transactions::Transactions;
use crate::sync::AtomicU64;
use crate::sys::socket::Credentials;
use crate::sys::wake::Waker;
use crate::tasks::{Tasks, Timers};

/// The bit of a service's attention that says that it is closed. It stays set.
pub(crate) const CLOSED: u64 = 1 << 63;

/// A service, as its handles and its control thread see it.
#[derive(Debug)]
pub(crate) struct ServiceShared {
    pub(crate) name: String,
    /// Which life of the service this is: a random number, in every segment header.
    pub(crate) epoch: u64,
    /// Whether other users may be on its bus.
    pub(crate) among_others: bool,
    /// Wakes the control thread.
    pub(crate) waker: Waker,
    /// Changes whenever publishers have something to learn: a link is tracked or no longer, or the service is closed.
    /// Looked at by every publish, so it is on a line of its own: what the control thread writes beside it costs a
    /// publisher nothing.
    pub(crate) attention: CachePadded<AtomicU64>,
    topics: Mutex<BTreeMap<String, Arc<TopicShared>>>,
    /// In place of a topic, for conversations with the service as a whole.
    pub(crate) whole: Arc<TopicShared>,
    clients: Mutex<BTreeMap<u64, ClientInfo>>,
    /// Links that publishers no longer wait for, until the control thread has told them.
    evictions: Mutex<Vec<Eviction>>,
    /// Tasks that wait until something can be published.
    pub(crate) publishers: Arc<Tasks>,
    /// Until when they do.
    pub(crate) timers: Arc<Timers>,
    /// Questions of clients that wait for a topic or an item to appear.
    waiting: AtomicUsize,
    /// Doorbells that clients have hung up.
    pub(crate) doorbells: AtomicUsize,
    /// What clients were lent.
    pub(crate) ledger: Ledger,
    /// What clients ask for, and who answers.
    pub(crate) transactions: Transactions,
    /// What the service says of itself.
    help: Mutex<Arc<str>>,
    /// What it tells by its system topic.
    pub(crate) system: SystemShared,
    /// Who may do what, where a topic has no list of its own.
    access: Mutex<Access>,
    /// What has a say in who may connect, where there is one.
    pub(crate) hook: OnceLock<Arc<Hook>>,
    /// What the control thread is to do.
    orders: Mutex<Vec<Order>>,
    /// Who is told of conversations.
    pub(crate) listeners: Listeners,
}

/// What the control thread is to do for another.
#[derive(Debug)]
pub(crate) enum Order {
    /// End a conversation, by its number in the service and its client's for it.
    Expel { peer: u64, number: u64, reference: u64, reason: String },
    /// Let a conversation in, or not.
    Judge(Verdict),
}

/// A topic, as its writer and the control thread see it.
#[derive(Debug)]
pub(crate) struct TopicShared {
    pub(crate) name: String,
    pub(crate) type_name: String,
    pub(crate) fingerprint: Fingerprint,
    segments: Mutex<Vec<Arc<SegmentFds>>>,
    /// The rings of the items, by index, where links may be tracked.
    rings: Mutex<Vec<Ring<Words>>>,
    /// The journal's ring, which is there before any client is.
    journal: OnceLock<Ring<Words>>,
    items: Mutex<Items>,
    /// The longest that a publisher waits for a lossless link; `None` where there are no such links.
    pub(crate) lossless: Option<Duration>,
    /// The most values that one link may hold; 0 where links hold none.
    pub(crate) samples: u32,
    tracked: Mutex<Enrolled>,
    /// Pool memory, in the order in which it was made.
    pools: Mutex<Vec<Arc<OwnedFd>>>,
    pub(crate) doorbells: TopicDoorbells,
    /// Who may do what with it, where it has a list of its own.
    access: Option<Access>,
    /// Lossless links that the publisher gave up, and values that those had not read.
    pub(crate) evicted: std::sync::atomic::AtomicU64,
    pub(crate) left_unread: std::sync::atomic::AtomicU64,
}

/// The names of a topic's items.
#[derive(Debug, Default)]
struct Items {
    names: Vec<Arc<str>>,
    indices: HashMap<Arc<str>, u32>,
}

/// The tracked links of a topic, by the order in which they came.
#[derive(Debug, Default)]
struct Enrolled {
    links: BTreeMap<u64, Arc<Tracked>>,
    /// How many have come.
    count: u64,
}

impl ServiceShared {
    pub(crate) fn new(name: String, epoch: u64, among_others: bool, waker: Waker) -> Self {
        ServiceShared {
            name,
            epoch,
            among_others,
            publishers: Arc::default(),
            timers: Timers::new(waker.clone()),
            waker,
            attention: CachePadded::new(AtomicU64::new(0)),
            topics: Mutex::default(),
            whole: Arc::new(TopicShared::new(String::new(), "", Fingerprint::from_bits(0), None, 0)),
            clients: Mutex::default(),
            evictions: Mutex::default(),
            waiting: AtomicUsize::new(0),
            doorbells: AtomicUsize::new(0),
            ledger: Ledger::default(),
            transactions: Transactions::default(),
            help: Mutex::new(Arc::from("")),
            access: Mutex::default(),
            hook: OnceLock::new(),
            orders: Mutex::default(),
            listeners: Listeners::default(),
            system: SystemShared::default(),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.attention.load(Ordering::Relaxed) & CLOSED != 0
    }

    pub(crate) fn close(&self) {
        self.attention.fetch_or(CLOSED, Ordering::Relaxed);
        self.publishers.wake_all();
        self.transactions.kick();
    }

    pub(crate) fn set_access(&self, access: Access) {
        *lock(&self.access) = access;
    }

    /// What a client may do with a topic, or with the service as a whole.
    pub(crate) fn granted(&self, client: &Credentials, groups: &[u32], topic: &TopicShared) -> Verbs {
        let of_service = lock(&self.access).granted(client, groups);
        if topic.name.is_empty() {
            return of_service.among(Verbs::CONNECT | Verbs::EXECUTE);
        }
        if system::is_reserved(&topic.name) {
            return if of_service.contains(Verbs::OBSERVE) {
                Verbs::CONNECT | Verbs::READ
            } else {
                Verbs::NONE
            };
        }
        match &topic.access {
            None => of_service,
            Some(access) => match access.granted(client, groups) {
                Verbs::NONE => Verbs::NONE,
                granted => granted.without(Verbs::EXECUTE) | of_service.among(Verbs::EXECUTE),
            },
        }
    }

    /// Whether a client may see what the service tells of itself.
    pub(crate) fn may_observe(&self, client: &Credentials, groups: &[u32]) -> bool {
        lock(&self.access).granted(client, groups).contains(Verbs::OBSERVE)
    }

    /// Whether a client may do anything at all.
    pub(crate) fn admits(&self, client: &Credentials, groups: &[u32]) -> bool {
        let granted = |access: &Access| !access.granted(client, groups).is_empty();
        granted(&lock(&self.access))
            || lock(&self.topics).values().any(|topic| topic.access.iter().any(granted))
    }

    /// Whether others than the service's own user may do something.
    pub(crate) fn is_for_others(&self) -> bool {
        lock(&self.access).is_for_others()
            || lock(&self.topics).values().any(|topic| topic.access.iter().any(Access::is_for_others))
    }

    /// Has the control thread do something.
    pub(crate) fn order(&self, order: Order) {
        lock(&self.orders).push(order);
        self.waker.wake();
    }

    pub(crate) fn take_orders(&self) -> Vec<Order> {
        core::mem::take(&mut lock(&self.orders))
    }

    pub(crate) fn help(&self) -> Arc<str> {
        lock(&self.help).clone()
    }

    pub(crate) fn set_help(&self, text: Arc<str>) {
        *lock(&self.help) = text;
        self.changed();
    }

    /// Has the system topic tell of a change, if anybody looks.
    pub(crate) fn changed(&self) {
        if self.system.touch() {
            self.waker.wake();
        }
    }

    /// Has publishers learn of something before they publish again, and wakes those that wait.
    pub(crate) fn attract(&self) {
        self.attention.fetch_add(1, Ordering::Release);
        self.publishers.wake_all();
    }

    /// Has the control thread tell a link's client that nobody waits for it any longer.
    pub(crate) fn evict(&self, eviction: Eviction) {
        lock(&self.evictions).push(eviction);
        self.waker.wake();
    }

    /// The links to be told of their eviction.
    pub(crate) fn take_evictions(&self) -> Vec<Eviction> {
        core::mem::take(&mut lock(&self.evictions))
    }

    /// Adds a topic, whose clients read in `board` what is offered; `false` if there is one of this name.
    pub(crate) fn add_topic(&self, topic: Arc<TopicShared>, board: Words) -> bool {
        let mut topics = lock(&self.topics);
        if topics.contains_key(&topic.name) {
            return false;
        }
        // Before any client can find the topic.
        self.transactions.add_board(&topic.name, board);
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
        if system::is_reserved(name) {
            self.system.topic(name)
        } else {
            lock(&self.topics).get(name).cloned()
        }
    }

    /// All topics, by name, but the system topic.
    pub(crate) fn topics(&self) -> Vec<Arc<TopicShared>> {
        lock(&self.topics).values().cloned().collect()
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
        self.changed();
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
    pub(crate) fn new(
        name: String,
        type_name: &str,
        fingerprint: Fingerprint,
        lossless: Option<Duration>,
        samples: u32,
    ) -> Self {
        TopicShared {
            name,
            type_name: type_name.to_owned(),
            fingerprint,
            segments: Mutex::default(),
            rings: Mutex::default(),
            journal: OnceLock::new(),
            items: Mutex::default(),
            lossless,
            samples,
            tracked: Mutex::default(),
            pools: Mutex::default(),
            doorbells: TopicDoorbells::default(),
            access: None,
            evicted: Default::default(),
            left_unread: Default::default(),
        }
    }

    /// The topic, with a list of its own of who may do what.
    pub(crate) fn with_access(self, access: Option<Access>) -> Self {
        TopicShared { access, ..self }
    }

    pub(crate) fn add_segment(&self, fds: Arc<SegmentFds>) {
        lock(&self.segments).push(fds);
    }

    /// The segment of this index, and how many there are.
    pub(crate) fn segment(&self, index: usize) -> (Option<Arc<SegmentFds>>, usize) {
        let segments = lock(&self.segments);
        (segments.get(index).cloned(), segments.len())
    }

    pub(crate) fn add_pool(&self, fd: Arc<OwnedFd>) {
        lock(&self.pools).push(fd);
    }

    /// The pool memory of this index.
    pub(crate) fn pool(&self, index: usize) -> Option<Arc<OwnedFd>> {
        lock(&self.pools).get(index).cloned()
    }

    /// Adds the topic's next item.
    pub(crate) fn add_item(&self, name: &str, ring: Ring<Words>) {
        if self.lossless.is_some() || self.samples > 0 {
            lock(&self.rings).push(ring);
        }
        let name = Arc::<str>::from(name);
        let mut items = lock(&self.items);
        let index = items.names.len() as u32;
        items.names.push(name.clone());
        items.indices.insert(name, index);
    }

    pub(crate) fn set_journal(&self, ring: Ring<Words>) {
        let _ = self.journal.set(ring);
    }

    /// The journal's ring.
    pub(crate) fn journal(&self) -> Option<Ring<Words>> {
        self.journal.get().cloned()
    }

    /// The ring of an item.
    pub(crate) fn ring(&self, index: u32) -> Option<Ring<Words>> {
        lock(&self.rings).get(index as usize).cloned()
    }

    pub(crate) fn item(&self, name: &str) -> Option<u32> {
        lock(&self.items).indices.get(name).copied()
    }

    /// The name of an item.
    pub(crate) fn item_name(&self, index: u32) -> String {
        lock(&self.items).names.get(index as usize).map_or_else(String::new, |name| name.as_ref().to_owned())
    }

    /// The name of an item, if there is one of this index.
    pub(crate) fn name_of(&self, index: u32) -> Option<Arc<str>> {
        lock(&self.items).names.get(index as usize).cloned()
    }

    /// The links that the topic's writer has to look at.
    pub(crate) fn tracked(&self) -> Vec<Arc<Tracked>> {
        lock(&self.tracked).links.values().cloned().collect()
    }

    /// Has the topic's writer look at a link, until it is [withdrawn](Self::withdraw) by the number that this returns.
    pub(crate) fn enrol(&self, link: Arc<Tracked>) -> u64 {
        let mut tracked = lock(&self.tracked);
        tracked.count += 1;
        let number = tracked.count;
        tracked.links.insert(number, link);
        number
    }

    pub(crate) fn withdraw(&self, number: u64) {
        lock(&self.tracked).links.remove(&number);
    }

    /// The names of the items from this index on.
    pub(crate) fn names_from(&self, index: usize) -> Vec<Arc<str>> {
        lock(&self.items).names.get(index..).map_or_else(Vec::new, <[_]>::to_vec)
    }

    pub(crate) fn item_count(&self) -> u64 {
        lock(&self.items).names.len() as u64
    }
}

/// Locks, also after a panic elsewhere: each of these maps is whole after every single step on it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
