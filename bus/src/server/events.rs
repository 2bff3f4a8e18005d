//! Conversations that clients open and end, for a program that wants to be told.
//!
//! The control thread tells as it goes, and never waits for who listens: each listener has a queue that keeps the newest
//! [`MOST`] events, and counts those that it lost. While nobody listens, telling is a look at one number.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::error::{Ended, Error, Result};
use crate::server::transactions::counterpart::Counterpart;

/// How many events are kept for a program that does not ask.
const MOST: usize = 1024;

/// A conversation that a client has, or had, with a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConversationInfo {
    /// Its number in the service; see [`ServedConversation::number`](crate::ServedConversation::number).
    pub number: u64,
    /// The client's process, by the kernel's word; 0 where it is in another pid namespace and has no number here.
    pub pid: u32,
    /// The client's user; `u32::MAX` where it has, on a shared bus, no number in this program's user namespace.
    pub uid: u32,
    /// The topic; empty for a conversation with the service as a whole.
    pub topic: String,
}

/// A conversation began or ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConversationEvent {
    /// It is open: the client is allowed to, and the hook had nothing against it.
    Opened(ConversationInfo),
    /// It is over.
    Ended {
        /// Which one.
        conversation: ConversationInfo,
        /// Why: [`Closed`](Ended::Closed) by its client, or with the service; its client [`Died`](Ended::Died), or ended without
        /// a word; this service [`Evicted`](Ended::Evicted) it; its client [`Misbehaved`](Ended::Misbehaved).
        reason: Ended,
    },
}

/// Those who want to be told.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    count: AtomicUsize,
    queues: Mutex<Vec<Weak<Queue>>>,
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct QueueState {
    events: VecDeque<ConversationEvent>,
    missed: u64,
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut QueueState)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

impl Listeners {
    /// Begins to tell another.
    pub(crate) fn listen(&self) -> ConversationEvents {
        let queue = Arc::<Queue>::default();
        let mut queues = self.queues();
        queues.push(Arc::downgrade(&queue));
        self.count.store(queues.len(), Ordering::Relaxed);
        ConversationEvents { queue }
    }

    pub(crate) fn opened(&self, counterpart: &Counterpart) {
        self.tell(|| ConversationEvent::Opened(info(counterpart)));
    }

    pub(crate) fn ended(&self, counterpart: &Counterpart, reason: &Ended) {
        self.tell(|| ConversationEvent::Ended { conversation: info(counterpart), reason: reason.clone() });
    }

    fn tell(&self, event: impl Fn() -> ConversationEvent) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut queues = self.queues();
        queues.retain(|queue| {
            let queue = queue.upgrade();
            if let Some(queue) = &queue {
                queue.change(|state| {
                    if state.events.len() == MOST {
                        state.events.pop_front();
                        state.missed += 1;
                    }
                    state.events.push_back(event());
                });
            }
            queue.is_some()
        });
        self.count.store(queues.len(), Ordering::Relaxed);
    }

    /// Nothing more will be told.
    pub(crate) fn close(&self) {
        for queue in self.queues().drain(..).filter_map(|queue| queue.upgrade()) {
            queue.change(|state| state.closed = true);
        }
    }

    fn queues(&self) -> MutexGuard<'_, Vec<Weak<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn info(counterpart: &Counterpart) -> ConversationInfo {
    ConversationInfo {
        number: counterpart.number,
        pid: counterpart.client.pid,
        uid: counterpart.client.uid,
        topic: counterpart.topic.name.clone(),
    }
}

/// Conversations that begin and end, in order; see [`Service::conversation_events`](crate::Service::conversation_events). In a
/// `for` it is a series of [`recv`](Self::recv)s that ends with the service.
#[derive(Debug)]
pub struct ConversationEvents {
    queue: Arc<Queue>,
}

impl ConversationEvents {
    /// The next event, if there is one now.
    ///
    /// # Errors
    /// [`Error::Closed`] after the last event of a service that is closed.
    pub fn try_recv(&self) -> Result<Option<ConversationEvent>> {
        self.next_of(&mut self.queue.lock())
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv).
    pub fn recv(&self) -> Result<ConversationEvent> {
        let mut state = self.queue.lock();
        loop {
            if let Some(event) = self.next_of(&mut state)? {
                return Ok(event);
            }
            state = self.queue.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for the next event, `timeout` at most; `None` where none comes.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv).
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Option<ConversationEvent>> {
        let until = Instant::now().checked_add(timeout);
        let mut state = self.queue.lock();
        loop {
            let event = self.next_of(&mut state)?;
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if event.is_some() || left.is_zero() {
                return Ok(event);
            }
            let bound = left.min(Duration::from_secs(3600));
            state = self.queue.changed.wait_timeout(state, bound).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How many events were lost so far, since nobody took them: the newest 1024 are kept.
    pub fn missed(&self) -> u64 {
        self.queue.lock().missed
    }

    fn next_of(&self, state: &mut QueueState) -> Result<Option<ConversationEvent>> {
        match state.events.pop_front() {
            None if state.closed => Err(Error::Closed("the service")),
            event => Ok(event),
        }
    }
}

impl Iterator for ConversationEvents {
    type Item = ConversationEvent;

    fn next(&mut self) -> Option<ConversationEvent> {
        self.recv().ok()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn event(number: u64) -> ConversationEvent {
        ConversationEvent::Opened(ConversationInfo { number, pid: 1, uid: 2, topic: String::new() })
    }

    #[test]
    fn the_newest_are_kept_and_the_others_counted() {
        let listeners = Listeners::default();
        let mut events = listeners.listen();
        let most = MOST as u64;
        (0..most + 3).for_each(|number| listeners.tell(|| event(number)));
        assert_eq!(events.missed(), 3);
        for number in 3..most + 3 {
            assert_eq!(events.try_recv().unwrap(), Some(event(number)));
        }
        assert_eq!(events.recv_timeout(Duration::ZERO).unwrap(), None);
        listeners.tell(|| event(0));
        listeners.close();
        assert_eq!(events.next(), Some(event(0)), "what was told before the end comes first");
        assert_eq!(events.next(), None);
    }

    #[test]
    fn nothing_is_made_for_those_who_have_gone() {
        let listeners = Listeners::default();
        drop(listeners.listen());
        listeners.tell(|| panic!("made for nobody"));
        assert_eq!(listeners.count.load(Ordering::Relaxed), 0);
    }
}
