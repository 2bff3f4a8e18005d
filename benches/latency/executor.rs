//! The least that an executor can be: a thread that polls a future, and is parked until its waker unparks it. So what
//! `one_way_async` costs is the bus's share, and not that of a runtime.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Wakes the thread that waits for a future.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs futures on the thread that made it.
pub(crate) struct Executor(Waker);

impl Executor {
    pub(crate) fn new() -> Self {
        Executor(Waker::from(Arc::new(Unpark(thread::current()))))
    }

    pub(crate) fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut context = Context::from_waker(&self.0);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            thread::park();
        }
    }
}
