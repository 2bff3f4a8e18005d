//! Handlers on a thread of their own.
//!
//! Handlers are one thread's: they may hold what is not `Send`, and need no lock. So they are made on the thread that
//! calls them, by a closure that is sent there; what comes back is whether that succeeded, and at the end the state.
//!
//! **Ends.** The thread ends when it is told to, when the service is closed, and where something panics that is no handler.
//! Closing a service never waits for this thread, and this thread holds nothing of the service that closing waits
//! for; so a service can be dropped before it, after it, and in one of its own handlers. The one thread that cannot wait
//! for this one is this one: a [`Serving`] that is dropped in a handler of its own says that it ends, and lets go.

use core::fmt;
use std::any::Any;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam::channel;

use super::handlers::{Handlers, Stopper};
use crate::error::{Error, Result};
use crate::server::shared::ServiceShared;

/// What is done in vain where the thread cannot be waited for, or panics.
const SERVE: &str = "serve";
const WHAT: &str = "its clients";

/// Handlers that run on a thread of their own, until this is [stopped](Serving::stop) or dropped, or the service is closed.
///
/// See [`Service::serve`](crate::Service::serve).
#[must_use = "dropped, it ends"]
pub struct Serving<S> {
    /// `None` once it was waited for.
    thread: Option<JoinHandle<S>>,
    stopper: Stopper,
    shared: Arc<ServiceShared>,
}

impl<S> fmt::Debug for Serving<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_running() { "running" } else { "over" };
        write!(f, "Serving({}, {state})", self.shared.name)
    }
}

impl<S: Send + 'static> Serving<S> {
    pub(crate) fn start(
        shared: Arc<ServiceShared>,
        mut state: S,
        set_up: impl FnOnce(&mut Handlers<'static, S>) -> Result<()> + Send + 'static,
    ) -> Result<Self> {
        let (ready, began) = channel::bounded(1);
        let of_thread = shared.clone();
        let run = move || {
            let made = Handlers::new(of_thread).and_then(|mut handlers| {
                set_up(&mut handlers)?;
                Ok(handlers)
            });
            match made {
                Ok(mut handlers) => {
                    // Whoever started this waits for it.
                    let _ = ready.send(Ok(handlers.stopper()));
                    handlers.serve(&mut state);
                }
                // The handlers are gone by now, so that others can be made by who is told.
                Err(error) => drop(ready.send(Err(error))),
            }
            state
        };
        let name = format!("serve {}", shared.name);
        let thread = thread::Builder::new()
            .name(name)
            .spawn(run)
            .map_err(Error::os("starting a thread for the service's handlers"))?;
        match began.recv() {
            Ok(Ok(stopper)) => Ok(Serving { thread: Some(thread), stopper, shared }),
            Ok(Err(error)) => {
                let _ = thread.join();
                Err(error)
            }
            // It ended without a word.
            Err(_) => match thread.join() {
                Err(panic) => Err(panicked(&shared, panic)),
                Ok(_) => {
                    unreachable!("a thread that has not panicked has said whether its handlers were made")
                }
            },
        }
    }
}

impl<S> Serving<S> {
    /// Ends the thread, after the request that is being handled, and gives the state back: also where it has ended before,
    /// since the service was closed.
    ///
    /// It waits as long as a handler takes. To end it without waiting there is [`stopper`](Self::stopper).
    ///
    /// # Errors
    /// [`Error::Failed`] where something panicked on the thread that was no handler, such as what a handler owns when it is
    /// dropped; [`Error::WouldDeadlock`] in one of its own handlers: it ends, and the state with it.
    pub fn stop(mut self) -> Result<S> {
        self.stopper.stop();
        let Some(thread) = self.thread.take() else {
            return Err(Error::Closed("the thread of the handlers"));
        };
        if is_this(&thread) {
            let (service, what) = (self.shared.name.clone(), "its own handlers".to_owned());
            return Err(Error::WouldDeadlock { service, verb: "stop", what });
        }
        thread.join().map_err(|panic| panicked(&self.shared, panic))
    }

    /// What ends it from elsewhere, without waiting: from another thread, or from one of its own handlers. The state is still
    /// to be had by [`stop`](Self::stop).
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Whether requests are still answered: `false` once the service was closed, or a [`Stopper`] has ended it.
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl<S> Drop for Serving<S> {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.stopper.stop();
        if !is_this(&thread)
            && let Err(panic) = thread.join()
        {
            let error = panicked(&self.shared, panic);
            tracing::error!(service = self.shared.name, %error, "the thread of its handlers");
        }
    }
}

/// Whether that is the calling thread.
fn is_this<S>(thread: &JoinHandle<S>) -> bool {
    thread.thread().id() == thread::current().id()
}

#[cold]
fn panicked(shared: &ServiceShared, panic: Box<dyn Any + Send>) -> Error {
    let detail = format!("their thread panicked: {}", text_of(&*panic));
    Error::Failed { service: shared.name.clone(), verb: SERVE, what: WHAT.to_owned(), detail }
}

/// What a panic said.
pub(super) fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("something")
}
