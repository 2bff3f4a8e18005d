//! How events come from where they happen to the control thread, which publishes them.
//!
//! Whatever thread something happens on looks at one word, relaxed, and does nothing where nobody spies. Where somebody does
//! it makes the event, pushes it into a bounded queue of many producers, and wakes the control thread unless that was woken and
//! has not come yet. It never waits: where the queue is full the event is lost and counted, and the control thread tells how many
//! were when it has made room.
//!
//! Who sees the flag late tells of a moment later, and who sees it cleared late leaves an event in the queue, for the next spy;
//! the control thread therefore empties it before it answers one.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crossbeam::queue::ArrayQueue;

use super::event::{TraceEvent, TraceKind};
use crate::server::shared::ServiceShared;
use crate::stamp::Stamp;

/// How many events may wait for the control thread.
pub(super) const QUEUE: usize = 1024;

/// The events that wait to be published.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// How many conversations with the topic there are.
    pub(super) spies: AtomicUsize,
    /// Made for the first spy.
    queue: OnceLock<ArrayQueue<TraceEvent>>,
    /// The number of the last event.
    number: AtomicU64,
    /// Events that there was no room for, and that were not told of.
    lost: AtomicU64,
    /// Whether the control thread was woken for the queue, and has not looked since.
    woken: AtomicBool,
}

impl Trace {
    /// Whether anybody spies.
    #[inline(always)]
    pub(crate) fn is_on(&self) -> bool {
        self.spies.load(Ordering::Relaxed) != 0
    }

    /// Numbers an event and puts it in the queue; its number, and whether the control thread has to be woken.
    fn push(&self, mut event: TraceEvent) -> (u64, bool) {
        let number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
        (event.number, event.at) = (number, Stamp::now().nanoseconds());
        if self.queue().push(event).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        (number, !self.woken.swap(true, Ordering::AcqRel))
    }

    /// Whether an event would be lost.
    fn is_full(&self) -> bool {
        self.queue.get().is_some_and(ArrayQueue::is_full)
    }

    /// Counts an event that there is no room for, in place of making it; whether the control thread has to be woken.
    fn lose(&self) -> bool {
        self.number.fetch_add(1, Ordering::Relaxed);
        self.lost.fetch_add(1, Ordering::Relaxed);
        !self.woken.swap(true, Ordering::AcqRel)
    }

    fn queue(&self) -> &ArrayQueue<TraceEvent> {
        self.queue.get_or_init(|| ArrayQueue::new(QUEUE))
    }

    /// Hands over what waits, but not more than the queue has room for, so that who produces without end does not keep the
    /// control thread; and then how many were lost. Whether there may be more.
    pub(super) fn drain(&self, mut take: impl FnMut(&TraceEvent)) -> bool {
        // What is pushed after this wakes again.
        self.woken.swap(false, Ordering::AcqRel);
        let Some(queue) = self.queue.get() else { return false };
        for _ in 0..QUEUE {
            match queue.pop() {
                Some(event) => take(&event),
                None => break,
            }
        }
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let mut event = TraceEvent::new(TraceKind::Lost, 0);
            event.number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
            (event.at, event.lost) = (Stamp::now().nanoseconds(), lost);
            take(&event);
        }
        !queue.is_empty()
    }
}

impl ServiceShared {
    /// Whether anybody spies.
    pub(crate) fn is_spied_on(&self) -> bool {
        self.system.trace.is_on()
    }

    /// Tells of an event, where anybody spies.
    #[inline(always)]
    pub(crate) fn trace(&self, event: impl FnOnce() -> TraceEvent) {
        if self.system.trace.is_on() {
            self.tell_or_lose(event);
        }
    }

    /// Tells of an event, which is not made where it would be lost: what a million links of a conversation that ends have in
    /// common costs a million counts.
    #[cold]
    pub(crate) fn tell_or_lose(&self, event: impl FnOnce() -> TraceEvent) {
        if !self.system.trace.is_full() {
            self.tell(event());
        } else if self.system.trace.lose() {
            self.waker.wake();
        }
    }

    /// Tells of an event; its number.
    #[cold]
    pub(crate) fn tell(&self, event: TraceEvent) -> u64 {
        let (number, wake) = self.system.trace.push(event);
        if wake {
            self.waker.wake();
        }
        number
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn drained(trace: &Trace) -> Vec<(u64, TraceKind, u64)> {
        let mut events = Vec::new();
        trace.drain(|event| events.push((event.number, event.kind, event.lost)));
        events
    }

    #[test]
    fn a_storm_is_cut_off_and_what_was_lost_is_counted() {
        let trace = Trace::default();
        let event = || TraceEvent::new(TraceKind::LinkOpened, 1);
        let woken = (0..QUEUE + 5).filter(|_| trace.push(event()).1).count();
        assert_eq!(woken, 1, "once for all of them");
        let events = drained(&trace);
        assert_eq!(events.len(), QUEUE + 1);
        assert_eq!(events[QUEUE - 1], (QUEUE as u64, TraceKind::LinkOpened, 0));
        assert_eq!(events[QUEUE], (QUEUE as u64 + 6, TraceKind::Lost, 5));
        // From then on all is as before.
        assert!(trace.push(event()).1);
        assert_eq!(drained(&trace), [(QUEUE as u64 + 7, TraceKind::LinkOpened, 0)]);
        assert_eq!(drained(&trace), []);
    }

    #[test]
    fn all_that_threads_push_at_once_is_told_or_counted() {
        let trace = Trace::default();
        let (threads, each) = (4, 5000_u64);
        let mut events = Vec::new();
        std::thread::scope(|scope| {
            let pushing: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        (0..each).for_each(|_| _ = trace.push(TraceEvent::new(TraceKind::LinkOpened, 1)));
                    })
                })
                .collect();
            while pushing.iter().any(|thread| !thread.is_finished()) {
                events.extend(drained(&trace));
            }
        });
        while trace.drain(|event| events.push((event.number, event.kind, event.lost))) {}
        events.extend(drained(&trace));
        let lost: u64 = events.iter().map(|(.., lost)| lost).sum();
        let told = events.iter().filter(|(_, kind, _)| *kind == TraceKind::LinkOpened).count();
        assert_eq!(told as u64 + lost, threads * each);
    }
}
