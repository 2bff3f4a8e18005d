//! A spy: what happens in a service, as it happens.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;

use super::connect::ConnectBuilder;
use super::deliver::Hot;
use super::link::Link;
use crate::error::{Error, Result};
use crate::name;
use crate::namespace::BusCore;
use crate::server::system::event::TraceEvent;
use crate::server::system::{EVENTS, TRACE};
use crate::update::Update;

/// Sees the conversations, links, transactions and errors of a service as they happen, from when it is opened.
///
/// An iterator, and a stream, of events. It disturbs nobody, also when it is slow or stopped: what it cannot follow it
/// loses, and [`missed`](Update::missed) counts that; what the service could not tell comes as an event of its
/// own, [`Lost`](crate::TraceKind::Lost). While nobody spies, a service does nothing for it. A spy's own conversation is not told of.
///
/// ```
/// # fn main() -> Result<(), bus::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
/// # let service = bus.service("thermometer")?;
/// # let rooms = service.topic::<f64>("rooms").open()?;
/// # service.ready()?;
/// use bus::TraceKind;
///
/// let mut spy = bus.spy("thermometer").open()?;
/// let rooms = bus.connect::<f64>("thermometer/rooms").open()?;
/// let event = spy.recv()?.value;
/// assert_eq!(event.kind, TraceKind::ConversationOpened);
/// assert_eq!((event.topic.as_str(), event.pid), ("rooms", std::process::id()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Spy {
    link: Link<Hot<TraceEvent>>,
}

/// A spy that is being set up.
#[derive(Debug)]
#[must_use = "a spy begins by `open`"]
pub struct SpyBuilder<'b> {
    connect: ConnectBuilder<'b, TraceEvent>,
    /// Of the service, which is checked before it is part of an address.
    service: String,
}

impl<'b> SpyBuilder<'b> {
    pub(crate) fn new(bus: &'b Arc<BusCore>, service: &str) -> Self {
        let connect = ConnectBuilder::new(bus, &format!("{service}/{TRACE}"));
        SpyBuilder { connect, service: service.to_owned() }
    }

    /// Waits up to `timeout` for the service to appear, instead of failing at once where it is not there.
    pub fn wait(self, timeout: Duration) -> Self {
        SpyBuilder { connect: self.connect.wait(timeout), ..self }
    }

    /// How long a service that is there may take to answer, before the connect fails. Default: 2 s.
    pub fn timeout(self, timeout: Duration) -> Self {
        SpyBuilder { connect: self.connect.timeout(timeout), ..self }
    }

    /// Begins to spy: what happens after this is told.
    ///
    /// # Errors
    /// As [`SystemBuilder::open`](crate::SystemBuilder::open); [`Error::TypeMismatch`] where the service is of a version that tells of other
    /// events.
    pub fn open(self) -> Result<Spy> {
        name::check("service", &self.service)?;
        let conversation = self.connect.open()?;
        Ok(Spy { link: conversation.advise(EVENTS).prime(false).hot()? })
    }

    /// As [`open`](Self::open), without blocking a thread. Dropping the future gives it up.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_async(self) -> Result<Spy> {
        name::check("service", &self.service)?;
        let conversation = self.connect.open_async().await?;
        Ok(Spy { link: conversation.advise(EVENTS).prime(false).hot_async().await? })
    }
}

impl Spy {
    /// Waits for the next event.
    ///
    /// # Errors
    /// As [`Link::recv`]: [`Error::Stale`] once the service is gone, and when it is back the spy goes on.
    pub fn recv(&mut self) -> Result<Update<TraceEvent>> {
        self.link.recv().map(printable)
    }

    /// As [`recv`](Self::recv), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`Link::recv_timeout`].
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Update<TraceEvent>> {
        self.link.recv_timeout(timeout).map(printable)
    }

    /// The next event, if there is one.
    ///
    /// # Errors
    /// As [`Link::try_recv`].
    pub fn try_recv(&mut self) -> Result<Option<Update<TraceEvent>>> {
        Ok(self.link.try_recv()?.map(printable))
    }

    /// The link that it is, to wait for beside others. What is received from it is as it came; see
    /// [`TraceEvent`] for how to show it.
    pub fn link(&mut self) -> &mut Link<Hot<TraceEvent>> {
        &mut self.link
    }
}

/// Waits for the next event; never ends but for an error that the link would give again and again.
impl Iterator for Spy {
    type Item = Result<Update<TraceEvent>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.recv() {
            Err(Error::Closed(_)) => None,
            event => Some(event),
        }
    }
}

impl Stream for Spy {
    type Item = Result<Update<TraceEvent>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.link).poll_next(context).map(|event| event.map(|event| event.map(printable)))
    }
}

/// An event as it may be shown, also where the service is not what it says.
fn printable(update: Update<TraceEvent>) -> Update<TraceEvent> {
    let event = update.value.printable();
    Update { value: event, ..update }
}
