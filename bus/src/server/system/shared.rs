//! What others tell the writer of the system topic.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::trace::Trace;
use super::{NAME, TRACE};
use crate::server::shared::{ServiceShared, TopicShared, lock};
use crate::stamp::Stamp;

/// The system topic, as the rest of the service sees it.
#[derive(Debug)]
pub(crate) struct SystemShared {
    /// A client has connected to the topic, and waits for it.
    asked: AtomicBool,
    /// Likewise for the topic of what happens.
    asked_trace: AtomicBool,
    /// What happens.
    pub(crate) trace: Arc<Trace>,
    trace_topic: OnceLock<Arc<TopicShared>>,
    /// Something has changed since the texts were made. Set only while somebody looks.
    changed: AtomicBool,
    /// How many conversations with the topic there are.
    looking: AtomicUsize,
    /// The topic, once it is made.
    topic: OnceLock<Arc<TopicShared>>,
    /// When the service began.
    pub(super) since: Stamp,
    /// What the program says of how it does.
    status: Mutex<Arc<str>>,
    /// Connections that were taken, and that were not.
    pub(super) accepted: AtomicU64,
    pub(super) refused: AtomicU64,
}

impl Default for SystemShared {
    fn default() -> Self {
        SystemShared {
            asked: AtomicBool::new(false),
            asked_trace: AtomicBool::new(false),
            trace: Arc::default(),
            trace_topic: OnceLock::new(),
            changed: AtomicBool::new(false),
            looking: AtomicUsize::new(0),
            topic: OnceLock::new(),
            since: Stamp::now(),
            status: Mutex::new(Arc::from("")),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }
}

impl SystemShared {
    /// Has the texts made, for who waits for the topic; the control thread must be woken after that.
    pub(crate) fn ask(&self, topic: &str) {
        let asked = if topic == TRACE { &self.asked_trace } else { &self.asked };
        asked.store(true, Ordering::Relaxed);
    }

    pub(super) fn take_asked_trace(&self) -> bool {
        self.asked_trace.swap(false, Ordering::Relaxed)
    }

    pub(super) fn take_asked(&self) -> bool {
        self.asked.swap(false, Ordering::Relaxed)
    }

    /// Whether somebody looks.
    pub(crate) fn is_looked_at(&self) -> bool {
        self.looking.load(Ordering::SeqCst) > 0
    }

    /// Something has changed: whether the control thread has to be told, which it has not where nobody looks, or where it was
    /// told before and has not begun.
    pub(crate) fn touch(&self) -> bool {
        self.is_looked_at() && !self.changed.swap(true, Ordering::SeqCst)
    }

    pub(super) fn has_changed(&self) -> bool {
        self.changed.load(Ordering::SeqCst)
    }

    /// Before the texts are made: what changes after this counts anew.
    pub(super) fn begin(&self) {
        self.changed.store(false, Ordering::SeqCst);
    }

    /// The topic of this name, which is reserved, once it is made.
    pub(crate) fn topic(&self, name: &str) -> Option<Arc<TopicShared>> {
        match name {
            NAME => self.topic.get().cloned(),
            TRACE => self.trace_topic.get().cloned(),
            _ => None,
        }
    }

    /// Has the topic found; `false` where there is one.
    pub(crate) fn set_topic(&self, topic: Arc<TopicShared>) -> bool {
        let place = if topic.name == TRACE { &self.trace_topic } else { &self.topic };
        place.set(topic).is_ok()
    }

    pub(crate) fn status(&self) -> Arc<str> {
        lock(&self.status).clone()
    }

    pub(crate) fn set_status(&self, text: Arc<str>) {
        *lock(&self.status) = text;
    }

    /// A connection was taken, or was not.
    pub(crate) fn count_connection(&self, accepted: bool) {
        let count = if accepted { &self.accepted } else { &self.refused };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// A conversation with one of these topics, until it is dropped.
#[derive(Debug)]
pub(crate) struct Looking {
    service: Arc<ServiceShared>,
    /// Whether it is a spy's.
    spies: bool,
}

impl Looking {
    /// Where a topic is one of these.
    pub(crate) fn at(service: &Arc<ServiceShared>, topic: &str) -> Option<Self> {
        if topic != NAME && topic != TRACE {
            return None;
        }
        let looking = Looking { service: service.clone(), spies: topic == TRACE };
        looking.count().fetch_add(1, Ordering::SeqCst);
        Some(looking)
    }

    fn count(&self) -> &AtomicUsize {
        let system = &self.service.system;
        if self.spies { &system.trace.spies } else { &system.looking }
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.count().fetch_sub(1, Ordering::SeqCst);
    }
}
