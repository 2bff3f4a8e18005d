//! Tasks that wait for something that a control thread says or does: a changed state, an answer, a point in time.
//!
//! A future that waits keeps a [`Registration`]; dropping it, at whatever point, takes its waker away again. Wakers
//! belong to an executor that this library does not know: they are called and dropped with no lock held, and one that
//! panics harms nobody else.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crossbeam::channel::{self, Receiver, Sender, TryRecvError};

use crate::sync::Mutex;
use crate::sys::wake;

/// Wakes a task, whatever its executor makes of that.
pub(crate) fn wake(waker: Waker) {
    if catch_unwind(AssertUnwindSafe(|| waker.wake())).is_err() {
        tracing::error!("the waker of a task panicked");
    }
}

/// Tasks that wait for the same thing.
#[derive(Debug, Default)]
pub(crate) struct Tasks(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    wakers: BTreeMap<u64, Waker>,
}

/// A task's place among those that wait; given up when dropped.
#[derive(Debug)]
pub(crate) struct Registration<D: Deref<Target = Tasks>> {
    tasks: D,
    number: Option<u64>,
}

impl Tasks {
    /// A place for a future, which it takes when it first has to wait.
    pub(crate) fn registration(&self) -> Registration<&Self> {
        Registration { tasks: self, number: None }
    }

    /// As [`registration`](Self::registration), for a future that borrows nothing.
    pub(crate) fn registration_of(tasks: Arc<Self>) -> Registration<Arc<Self>> {
        Registration { tasks, number: None }
    }

    /// Wakes all who wait.
    pub(crate) fn wake_all(&self) {
        let wakers = core::mem::take(&mut self.0.lock().wakers);
        wakers.into_values().for_each(wake);
    }
}

impl<D: Deref<Target = Tasks>> Registration<D> {
    /// Has this task woken next time. What is waited for must be looked at after this.
    pub(crate) fn wait(&mut self, context: &Context<'_>) {
        let waker = context.waker().clone();
        let mut waiting = self.tasks.0.lock();
        let number = *self.number.get_or_insert_with(|| {
            waiting.next += 1;
            waiting.next
        });
        let before = waiting.wakers.insert(number, waker);
        drop(waiting);
        drop(before);
    }
}

impl<D: Deref<Target = Tasks>> Drop for Registration<D> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let waker = self.tasks.0.lock().wakers.remove(&number);
            drop(waker);
        }
    }
}

/// Where an answer goes that somebody waits for, with a thread or without one.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    /// Taken when it is answered.
    sender: Option<Sender<T>>,
    tasks: Arc<Tasks>,
}

/// Where an answer comes.
#[derive(Debug)]
pub(crate) struct Answered<T> {
    receiver: Receiver<T>,
    tasks: Arc<Tasks>,
}

impl<T> Answer<T> {
    /// A place for one answer.
    pub(crate) fn new() -> (Self, Answered<T>) {
        let (sender, receiver) = channel::bounded(1);
        let tasks = Arc::<Tasks>::default();
        (Answer { sender: Some(sender), tasks: tasks.clone() }, Answered { receiver, tasks })
    }

    /// Whether whoever asked has given up.
    pub(crate) fn is_abandoned(&self) -> bool {
        Arc::strong_count(&self.tasks) == 1
    }

    /// Answers. Whoever asked may have given up.
    pub(crate) fn send(mut self, answer: T) {
        if let Some(sender) = self.sender.take() {
            let _ = sender.send(answer);
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        // Answered or not: there will be no other.
        drop(self.sender.take());
        self.tasks.wake_all();
    }
}

impl<T> Answered<T> {
    /// The answer, if it comes within `limit`.
    pub(crate) fn wait(&self, limit: Duration) -> Option<T> {
        self.receiver.recv_timeout(limit).ok()
    }

    /// As [`wait`](Self::wait), without a thread and until `deadline`.
    pub(crate) async fn wait_async(&self, mut deadline: Deadline) -> Option<T> {
        let mut place = self.tasks.registration();
        poll_fn(|context| {
            place.wait(context);
            match self.receiver.try_recv() {
                Ok(answer) => Poll::Ready(Some(answer)),
                Err(TryRecvError::Disconnected) => Poll::Ready(None),
                Err(TryRecvError::Empty) => Pin::new(&mut deadline).poll(context).map(|()| None),
            }
        })
        .await
    }
}

/// Points in time that tasks wait for, and that a control thread tells them of.
#[derive(Debug)]
pub(crate) struct Timers {
    times: Mutex<Times>,
    /// Interrupts that thread.
    thread: wake::Waker,
}

#[derive(Debug, Default)]
struct Times {
    next: u64,
    wakers: BTreeMap<(Instant, u64), Waker>,
}

impl Timers {
    /// Those of the thread that this wakes.
    pub(crate) fn new(thread: wake::Waker) -> Arc<Self> {
        Arc::new(Timers { times: Mutex::default(), thread })
    }

    /// The earliest.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.times.lock().wakers.first_key_value().map(|(&(at, _), _)| at)
    }

    /// Wakes all whose time has come.
    pub(crate) fn wake_due(&self) {
        let now = Instant::now();
        loop {
            let mut times = self.times.lock();
            match times.wakers.first_entry() {
                Some(entry) if entry.key().0 <= now => {
                    let waker = entry.remove();
                    drop(times);
                    wake(waker);
                }
                _ => return,
            }
        }
    }
}

/// A future that is ready at a point in time, of which a control thread tells.
#[derive(Debug)]
pub(crate) struct Deadline {
    timers: Arc<Timers>,
    /// `None` for never.
    at: Option<Instant>,
    /// Where it stands among the timers.
    key: Option<(Instant, u64)>,
}

impl Deadline {
    pub(crate) fn at(timers: Arc<Timers>, at: Option<Instant>) -> Self {
        Deadline { timers, at, key: None }
    }

    pub(crate) fn after(timers: Arc<Timers>, delay: Duration) -> Self {
        Self::at(timers, Instant::now().checked_add(delay))
    }

    fn withdraw(&mut self) {
        if let Some(key) = self.key.take() {
            let waker = self.timers.times.lock().wakers.remove(&key);
            drop(waker);
        }
    }
}

impl Future for Deadline {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        if Instant::now() >= at {
            self.withdraw();
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        let mut times = self.timers.times.lock();
        let key = self.key.unwrap_or((at, times.next));
        let first = times.wakers.first_key_value().is_none_or(|(&first, _)| key < first);
        let before = times.wakers.insert(key, waker);
        times.next += 1;
        drop(times);
        drop(before);
        self.key = Some(key);
        if first {
            // It may sleep for longer.
            self.timers.thread.wake();
        }
        Poll::Pending
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.withdraw();
    }
}
