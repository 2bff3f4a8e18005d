//! Setting up conversations.

use core::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::control::Command;
use super::conversation::{Conversation, DEFAULT_TIMEOUT};
use super::conversation_state::{ConversationHandle, ConversationShared, State, Status};
use super::session::Expected;
use super::transact::Terms;
use crate::error::{Error, Result};
use crate::name;
use crate::namespace::BusCore;
use crate::payload::Payload;

/// A connect that is being set up.
#[derive(Debug)]
#[must_use = "a conversation begins by `open`"]
pub struct ConnectBuilder<'b, T: ?Sized> {
    bus: &'b Arc<BusCore>,
    address: String,
    /// Whether the address is that of a service, and not of a topic.
    whole: bool,
    wait: Option<Duration>,
    timeout: Duration,
    message: PhantomData<fn() -> T>,
}

impl<'b, T: Payload + ?Sized> ConnectBuilder<'b, T> {
    pub(crate) fn new(bus: &'b Arc<BusCore>, address: &str) -> Self {
        ConnectBuilder {
            bus,
            address: address.to_owned(),
            whole: false,
            wait: None,
            timeout: DEFAULT_TIMEOUT,
            message: PhantomData,
        }
    }

    /// A conversation with a service as a whole.
    pub(super) fn to_service(bus: &'b Arc<BusCore>, service: &str) -> Self {
        ConnectBuilder { whole: true, ..Self::new(bus, service) }
    }

    /// Waits up to `timeout` for the service and the topic to appear, instead of failing at once where they
    /// are not there.
    pub fn wait(mut self, timeout: Duration) -> Self {
        self.wait = Some(timeout);
        self
    }

    /// How long a service that is there may take to answer, before the connect fails. Default: 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Connects.
    ///
    /// # Errors
    /// [`Error::InvalidName`], [`Error::NoSuchService`], [`Error::NoSuchTopic`]; [`Error::TypeMismatch`] with
    /// both types field by field; [`Error::Timeout`] where the service is stopped or does not appear in time;
    /// [`Error::Denied`] where it allows this user nothing of it, [`Error::Untrusted`] where its user is not trusted;
    /// [`Error::Refused`], [`Error::Busy`] and [`Error::Failed`] by its [connect hook](crate::Service::on_connect);
    /// [`Error::Version`], [`Error::Protocol`], [`Error::Os`].
    pub fn open(self) -> Result<Conversation<T>> {
        let (handle, limit) = self.begin()?;
        handle.wait_until_live(limit)?;
        Ok(Conversation { handle, terms: Terms::default(), message: PhantomData })
    }

    /// As [`open`](Self::open), without blocking a thread. Dropping the future gives the connect up.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_async(self) -> Result<Conversation<T>> {
        let (handle, limit) = self.begin()?;
        handle.wait_until_live_async(limit).await?;
        Ok(Conversation { handle, terms: Terms::default(), message: PhantomData })
    }

    /// Has the control thread connect; also how long to wait for that.
    fn begin(self) -> Result<(Arc<ConversationHandle>, Duration)> {
        let (service, topic) = if self.whole {
            (name::check("service", &self.address)?, "")
        } else {
            name::service_and_topic(&self.address)?
        };
        let limit = self.wait.unwrap_or(self.timeout);
        let (number, waits) = (self.bus.number(), (self.wait.is_some(), false));
        let shared =
            ConversationShared::new(number, (service, topic), waits, Expected::of::<T>(), Arc::default());
        let shared = Arc::new(shared);
        self.bus.start()?;
        let handle = Arc::new(ConversationHandle::new(self.bus.clone(), shared.clone()));
        self.bus.command(Command::Open(shared));
        Ok((handle, limit))
    }
}

impl ConversationHandle {
    fn wait_until_live(&self, limit: Duration) -> Result<()> {
        let deadline = Instant::now().checked_add(limit);
        loop {
            let seen = self.shared.state.version();
            let left =
                deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
            let Some(hint) = self.look()? else { return Ok(()) };
            if left.is_zero() {
                return Err(self.no_answer(limit, hint));
            }
            self.shared.state.wait(seen, left.min(Duration::from_secs(3600)));
        }
    }

    async fn wait_until_live_async(&self, limit: Duration) -> Result<()> {
        let mut deadline = self.bus.deadline(limit);
        loop {
            let seen = self.shared.state.version();
            let Some(hint) = self.look()? else { return Ok(()) };
            if !self.shared.state.change(seen, &mut deadline).await {
                return Err(self.no_answer(limit, hint));
            }
        }
    }

    /// Whether the connect is done, and otherwise what it waits for.
    fn look(&self) -> Result<Option<String>> {
        let mut state = self.shared.state.lock();
        let State { status, trouble, .. } = &mut *state;
        Ok(Some(match (status, trouble) {
            (Status::Live | Status::Ended(_), _) => return Ok(None),
            (Status::Failed(error), _) => {
                return Err(error.take().unwrap_or(Error::Closed("the conversation")));
            }
            (_, Some(trouble)) => format!("the service cannot be talked to: {trouble}"),
            (Status::Absent, None) => format!(
                "no such service appeared on bus `{}` ({})",
                self.bus.name,
                self.bus.registry.path().display()
            ),
            (Status::Unanswered { pid }, None) => format!(
                "process {pid} serves it but does not answer, has no such topic yet, or its connect hook has not decided; is it stopped?"
            ),
            (Status::WithoutTopic { pid }, None) => {
                format!("process {pid} serves it and has no such topic yet")
            }
        }))
    }

    fn no_answer(&self, after: Duration, hint: String) -> Error {
        Error::Timeout { verb: "connect", what: self.shared.address(), after, hint }
    }
}
