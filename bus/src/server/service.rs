//! A service: a named server on a bus.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::error::{Error, Result};
use crate::name;
use crate::namespace::BusCore;
use crate::payload::Payload;
use crate::registry::Claim;
use crate::server::control::Control;
use crate::server::shared::ServiceShared;
use crate::server::topic::TopicBuilder;
use crate::server::transactions::counterpart::ServedConversation;
use crate::server::transactions::handlers::Handlers;
use crate::sys::wake::Waker;

/// A named server on a bus, owned by this process until it is dropped or closed.
///
/// A new service is invisible. Create its topics and items, publish first values, and then make it
/// [`ready`](Service::ready): what a client finds is never half-built. Topics and items can be added at any
/// time after that too.
///
/// ```
/// # fn main() -> Result<(), bus::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
/// let service = bus.service("thermometer")?;
/// let rooms = service.topic::<f64>("rooms").open()?;
/// rooms.item("kitchen")?.publish(&21.5)?;
/// service.ready()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Service {
    pub(crate) bus: Arc<BusCore>,
    pub(crate) shared: Arc<ServiceShared>,
    running: Mutex<Running>,
}

#[derive(Debug)]
struct Running {
    claim: Option<Claim>,
    thread: Option<JoinHandle<()>>,
}

/// A client that is connected to a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ClientInfo {
    /// The client's process, by the kernel's word; 0 where it is in another pid namespace and has no number here.
    pub pid: u32,
    /// Its open conversations.
    pub conversations: usize,
    /// Its open links.
    pub links: usize,
}

impl Service {
    pub(crate) fn claim(bus: Arc<BusCore>, name: &str) -> Result<Self> {
        name::check("service", name)?;
        let claim = bus.registry.claim(name)?;
        let waker = Waker::new().map_err(Error::os("creating an eventfd"))?;
        let shared = Arc::new(ServiceShared::new(name.to_owned(), random()?, waker));
        tracing::debug!(service = name, bus = bus.name, "claimed");
        Ok(Service { bus, shared, running: Mutex::new(Running { claim: Some(claim), thread: None }) })
    }

    /// The service's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Begins a topic whose items hold `T`; finish with [`open`](TopicBuilder::open).
    pub fn topic<T: Payload + ?Sized>(&self, name: &str) -> TopicBuilder<'_, T> {
        TopicBuilder::new(self, name)
    }

    /// Makes the service visible and starts to answer clients, on a thread of the library's own: user code,
    /// however busy, never delays a connect. Does nothing if the service is ready already.
    ///
    /// # Errors
    /// [`Error::Os`] where the socket cannot be created or the thread not started; [`Error::Closed`] after
    /// [`close`](Service::close).
    pub fn ready(&self) -> Result<()> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.thread.is_some() {
            return Ok(());
        }
        let claim = running.claim.as_ref().ok_or(Error::Closed("the service"))?;
        let listener = claim.announce(&self.bus.registry)?;
        let control = Control::new(self.shared.clone(), listener);
        let thread = std::thread::Builder::new()
            .name(format!("bus {}", self.shared.name))
            .spawn(move || control.run());
        match thread {
            Ok(thread) => running.thread = Some(thread),
            Err(error) => {
                // Nobody would answer, and the listener is gone with the thread that was to have it.
                claim.hide(&self.bus.registry);
                return Err(Error::os("starting the service's control thread")(error));
            }
        }
        tracing::info!(service = self.name(), bus = self.bus.name, "ready");
        Ok(())
    }

    /// Says what the service is for, what its topics hold and what it can be asked, for who reads its `Help`. Replaces what
    /// was said before.
    pub fn set_help(&self, text: impl Into<Arc<str>>) {
        self.shared.set_help(text.into());
    }

    /// What [`set_help`](Self::set_help) said last; empty before.
    pub fn help(&self) -> Arc<str> {
        self.shared.help()
    }

    /// Says how the service does, for who reads its `Status`: one line, for people. Replaces what was said before.
    pub fn set_status(&self, text: impl Into<Arc<str>>) {
        self.shared.system.set_status(text.into());
        self.shared.changed();
    }

    /// The connected clients, with what they have open.
    pub fn clients(&self) -> Vec<ClientInfo> {
        self.shared.clients().values().cloned().collect()
    }

    /// What the service does when it is asked: begins with no handlers. What is not handled clients are told at once, that it is
    /// not [supported](Error::NotSupported).
    ///
    /// # Errors
    /// [`Error::AlreadyHandled`] while there are others; [`Error::Os`] where there is no memory for the inbox.
    pub fn handlers<'h, S>(&self) -> Result<Handlers<'h, S>> {
        Handlers::new(self.shared.clone())
    }

    /// The conversations that clients have with the service now.
    pub fn conversations(&self) -> Vec<ServedConversation> {
        let served = |counterpart| ServedConversation { service: self.shared.clone(), counterpart };
        self.shared.transactions.counterparts().into_iter().map(served).collect()
    }

    /// Closes the service: clients are told, the name is free again when this returns. Dropping does the
    /// same.
    pub fn close(self) {}
}

impl Drop for Service {
    fn drop(&mut self) {
        let running = self.running.get_mut().unwrap_or_else(PoisonError::into_inner);
        if running.thread.is_none() && self.shared.has_topics() {
            tracing::warn!(
                service = self.shared.name,
                "closed with topics, and no client ever saw it: not `ready`"
            );
        }
        self.shared.close();
        // Invisible first, so that no client connects to what is about to go.
        let claim = running.claim.take();
        if let Some(claim) = &claim {
            claim.hide(&self.bus.registry);
        }
        self.shared.waker.wake();
        if let Some(thread) = running.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(service = self.shared.name, "the control thread panicked");
        }
        if let Some(claim) = claim {
            claim.release(&self.bus.registry);
        }
        tracing::info!(service = self.shared.name, "closed");
    }
}

/// A random number that tells one life of a service from another.
fn random() -> Result<u64> {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(Error::os("reading random bytes"))?;
    Ok(u64::from_ne_bytes(bytes))
}
