//! A service: a named server on a bus.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::access::Access;
use crate::error::{Error, Result};
use crate::name;
use crate::namespace::BusCore;
use crate::payload::Payload;
use crate::registry::Claim;
use crate::server::control::Control;
use crate::server::events::ConversationEvents;
use crate::server::hook::{ConnectRequest, UserHook};
use crate::server::shared::ServiceShared;
use crate::server::topic::TopicBuilder;
use crate::server::transactions::counterpart::ServedConversation;
use crate::server::transactions::handlers::Handlers;
use crate::server::transactions::refusal::Refusal;
use crate::server::transactions::serving::Serving;
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

struct Running {
    claim: Option<Claim>,
    thread: Option<JoinHandle<()>>,
    /// The connect hook, until its thread has it.
    hook: Option<UserHook>,
    /// That thread.
    hook_thread: Option<JoinHandle<()>>,
}

impl core::fmt::Debug for Running {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Running({:?}, ready: {})", self.claim, self.thread.is_some())
    }
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
        let instance = random()?;
        let claim = bus.registry.claim(name, instance)?;
        let waker = Waker::new().map_err(Error::os("creating an eventfd"))?;
        let shared = Arc::new(ServiceShared::new(name.to_owned(), instance, bus.registry.is_shared(), waker));
        tracing::debug!(service = name, bus = bus.name, "claimed");
        let running = Running { claim: Some(claim), thread: None, hook: None, hook_thread: None };
        Ok(Service { bus, shared, running: Mutex::new(running) })
    }

    /// The service's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Which life of the service this is: another number each time that the name is claimed, as
    /// [`ServiceInfo::instance`](crate::ServiceInfo::instance) tells.
    pub fn instance(&self) -> u64 {
        self.shared.epoch
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
        if running.claim.is_none() {
            return Err(Error::Closed("the service"));
        }
        if let Some(hook) = running.hook.take() {
            let asked = self.shared.hook.get_or_init(Arc::default);
            let started = asked.start(hook, &self.shared);
            running.hook_thread = Some(started.map_err(Error::os("starting the connect hook's thread"))?);
        }
        if self.shared.hook.get().is_some() && running.hook_thread.is_none() {
            // It could not be started, and has not been heard: nobody is let in without it.
            return Err(Error::Closed("the service's connect hook"));
        }
        let claim = running.claim.as_ref().ok_or(Error::Closed("the service"))?;
        let listener = claim.announce(&self.bus.registry, self.shared.is_for_others())?;
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

    /// Who may use the service: its commands, and those of its topics that have no [list of their
    /// own](TopicBuilder::access). Default: its own user, and root, everything. Has to be said before the service is ready,
    /// since what a conversation may do is settled when it is opened.
    ///
    /// What the service [tells of itself](crate::System), and what a [spy](crate::Spy) sees, names all topics and items, of those too
    /// that have a list of their own, and who is connected; for that this list grants [`OBSERVE`](crate::Verbs::OBSERVE).
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a service that is ready.
    pub fn set_access(&self, access: Access) -> Result<()> {
        let _running = self.not_ready("access")?;
        self.shared.set_access(access);
        Ok(())
    }

    /// Has a hook asked about each conversation before it is opened: about those whom the lists allow it. What it refuses its
    /// client is told, with the reason: [`Error::Refused`], [`Error::Busy`] or [`Error::Failed`], and
    /// [`Error::NoSuchTopic`] for [`Refusal::NoSuchItem`]. A client that comes back after its connection was lost is asked
    /// about again. Where the hook is busy, conversations that wait for the service, that had been open, or that are of a
    /// [list](crate::Bus::connect_all), ask again by themselves when it says.
    ///
    /// The hook runs on a thread of its own, one question at a time, so a slow one delays those who connect, and nobody else. One
    /// that panics refuses. Closing the service does not wait for a hook that runs; it is not called afterwards. It
    /// cannot connect to its own service, which would wait for it.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// let service = bus.service("thermometer")?;
    /// service.on_connect(|client| {
    ///     if client.topic == "attic" { Err("the attic is closed in winter".into()) } else { Ok(()) }
    /// })?;
    /// # service.topic::<f64>("attic").open()?;
    /// service.ready()?;
    /// let error = bus.connect::<f64>("thermometer/attic").open().unwrap_err();
    /// assert!(error.to_string().contains("closed in winter"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a service that is ready, or has a hook.
    pub fn on_connect(
        &self,
        hook: impl FnMut(&ConnectRequest) -> Result<(), Refusal> + Send + 'static,
    ) -> Result<()> {
        let mut running = self.not_ready("on_connect")?;
        if running.hook.is_some() {
            return Err(Error::InvalidOption {
                option: "on_connect",
                found: "said twice".to_owned(),
                expected: "one hook".to_owned(),
            });
        }
        running.hook = Some(Box::new(hook));
        Ok(())
    }

    /// What a service is like has to be said before it is ready.
    fn not_ready(&self, option: &'static str) -> Result<MutexGuard<'_, Running>> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.thread.is_some() {
            let (found, expected) = ("said of a service that is ready", "said before that");
            return Err(Error::InvalidOption {
                option,
                found: found.to_owned(),
                expected: expected.to_owned(),
            });
        }
        Ok(running)
    }

    /// Lets other users connect, where a list has come that allows them something.
    pub(crate) fn let_others_reach_it(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(claim), Some(_)) = (&running.claim, &running.thread)
            && self.shared.is_for_others()
        {
            claim.open_to_others(&self.bus.registry);
        }
    }

    /// Tells of conversations that clients open and end from now on, with the reasons. What is not taken is kept, the newest
    /// 1024 events, for each who listens.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("thermometer")?;
    /// # service.topic::<f64>("rooms").open()?;
    /// # service.ready()?;
    /// use bus::{ConversationEvent, Ended};
    ///
    /// let events = service.conversation_events();
    /// let rooms = bus.connect::<f64>("thermometer/rooms").open()?;
    /// let ConversationEvent::Opened(conversation) = events.recv()? else { panic!() };
    /// assert_eq!((conversation.topic.as_str(), conversation.pid), ("rooms", std::process::id()));
    ///
    /// rooms.close();
    /// let ConversationEvent::Ended { reason, .. } = events.recv()? else { panic!() };
    /// assert_eq!(reason, Ended::Closed);
    /// # Ok(())
    /// # }
    /// ```
    pub fn conversation_events(&self) -> ConversationEvents {
        self.shared.listeners.listen()
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

    /// As [`handlers`](Self::handlers), on a thread of their own, which begins now: `set_up` is called there, and then requests are
    /// answered until the [`Serving`] is stopped or dropped, or the service is closed. Returns when `set_up` has.
    ///
    /// Handlers own what they use, or have it in the `state`, which comes back when the thread is [stopped](Serving::stop). A
    /// [`Topic`](crate::Topic) has one thread that publishes: hand it over with either. The service itself may be dropped at any
    /// time, in a handler too.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// #[derive(bus::Message)]
    /// #[message(reply = u64)]
    /// #[repr(C)]
    /// struct Count {
    ///     by: u64,
    /// }
    ///
    /// let service = bus.service("counter")?;
    /// let rooms = service.topic::<f64>("rooms").open()?;
    /// rooms.item("kitchen")?;
    /// service.ready()?;
    /// let serving = service.serve(0, |handlers| {
    ///     handlers.accept_pokes(rooms)?;
    ///     handlers.execute(|sum: &mut u64, count: &Count, _| {
    ///         *sum += count.by;
    ///         Ok(*sum)
    ///     })?;
    ///     Ok(())
    /// })?;
    ///
    /// let counter = bus.client("counter").open()?;
    /// assert_eq!(counter.execute(&Count { by: 2 })?, 2);
    /// assert_eq!(counter.execute(&Count { by: 5 })?, 7);
    /// bus.connect::<f64>("counter/rooms").open()?.poke("kitchen", &21.5)?;
    /// assert_eq!(serving.stop()?, 7);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What `set_up` returns, when its thread has ended; [`Error::Failed`] where it panics; as [`handlers`](Self::handlers);
    /// [`Error::Os`] where no thread can be started.
    pub fn serve<S: Send + 'static>(
        &self,
        state: S,
        set_up: impl FnOnce(&mut Handlers<'static, S>) -> Result<()> + Send + 'static,
    ) -> Result<Serving<S>> {
        Serving::start(self.shared.clone(), state, set_up)
    }

    /// Begins no request of any conversation any longer, nor of those that clients open from now on, until they are
    /// [resumed](Self::resume), all or [one](ServedConversation::resume). See [`ServedConversation`] for what waits meanwhile.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("thermostat")?;
    /// # let rooms = service.topic::<f64>("rooms").open()?;
    /// # rooms.item("kitchen")?.publish(&20.0)?;
    /// # service.ready()?;
    /// # let mut handlers = service.handlers()?;
    /// # handlers.accept_pokes(&rooms)?;
    /// # use std::time::Duration;
    /// service.pause();
    /// let client = bus.connect::<f64>("thermostat/rooms").open()?;
    /// let poke = client.begin_poke("kitchen", &21.5)?;
    /// assert_eq!(handlers.poll(&mut (), Duration::ZERO)?, 0);
    /// assert_eq!(service.pending(), 1);
    /// service.resume();
    /// handlers.poll(&mut (), Duration::MAX)?;
    /// poke.wait()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn pause(&self) {
        self.shared.transactions.pause();
    }

    /// Goes on with the requests of all conversations, those included that were paused alone.
    pub fn resume(&self) {
        self.shared.transactions.resume();
    }

    /// Lets one request more be begun of each conversation that is paused.
    pub fn step(&self) {
        self.shared.transactions.step();
    }

    /// Whether new conversations begin paused.
    pub fn is_paused(&self) -> bool {
        self.shared.transactions.is_paused()
    }

    /// How many requests of all conversations wait to be begun.
    pub fn pending(&self) -> usize {
        self.shared.transactions.pending()
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
        if let (Some(hook), Some(thread)) = (self.shared.hook.get(), running.hook_thread.take()) {
            if hook.close() {
                // It catches the panics of the hook, and has none of its own.
                let _ = thread.join();
            } else {
                tracing::warn!(service = self.shared.name, "closed while its connect hook runs");
            }
        }
        self.shared.listeners.close();
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
