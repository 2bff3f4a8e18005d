//! A conversation with a service as a whole, and not with one topic of it: for its commands.

use std::sync::Arc;
use std::time::Duration;

use super::advise::Wait;
use super::boxed::Boxed;
use super::connect::ConnectBuilder;
use super::conversation::Conversation;
use super::conversation_state::ConversationHandle;
use super::pending::Pending;
use super::transact::Terms;
use crate::command::{Ack, Command};
#[cfg(doc)]
use crate::error::Error;
use crate::error::{Ended, Result};
use crate::namespace::BusCore;

/// A conversation with a service as a whole: for its commands, whatever topics it has.
///
/// Cheap to clone, and usable from all threads. It outlives the service, and goes on with the next life of it.
///
/// ```
/// # fn main() -> Result<(), bus::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
/// # let service = bus.service("adder")?;
/// # service.ready()?;
/// #[derive(bus::Message)]
/// #[message(reply = u64)]
/// #[repr(C)]
/// struct Add(u64, u64);
///
/// # let mut handlers = service.handlers()?;
/// # handlers.execute(|_, add: &Add, _| Ok(add.0 + add.1))?;
/// # let stopper = handlers.stopper();
/// # let client = std::thread::spawn(move || -> bus::Result<()> {
/// let adder = bus.client("adder").open()?;
/// assert_eq!(adder.execute(&Add(1, 2))?, 3);
/// assert_eq!(adder.commands()?[0].name, "Add");
/// # stopper.stop();
/// # Ok(())
/// # });
/// # handlers.run(&mut ())?;
/// # client.join().unwrap()
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    pub(super) handle: Arc<ConversationHandle>,
    terms: Terms,
}

/// A conversation with a service that is being set up.
#[derive(Debug)]
#[must_use = "a client begins by `open`"]
pub struct ClientBuilder<'b> {
    connect: ConnectBuilder<'b, Ack>,
}

impl<'b> ClientBuilder<'b> {
    pub(crate) fn new(bus: &'b Arc<BusCore>, service: &str) -> Self {
        ClientBuilder { connect: ConnectBuilder::to_service(bus, service) }
    }

    /// Waits up to `timeout` for the service to appear, instead of failing at once where it is not there.
    pub fn wait(self, timeout: Duration) -> Self {
        ClientBuilder { connect: self.connect.wait(timeout) }
    }

    /// How long a service that is there may take to answer, before the connect fails. Default: 2 s.
    pub fn timeout(self, timeout: Duration) -> Self {
        ClientBuilder { connect: self.connect.timeout(timeout) }
    }

    /// Connects.
    ///
    /// # Errors
    /// [`Error::InvalidName`], [`Error::NoSuchService`]; [`Error::Timeout`] where the service is stopped or does not
    /// appear in time; [`Error::Denied`] where it allows this user nothing, [`Error::Untrusted`] where its user is not trusted;
    /// [`Error::Refused`], [`Error::Busy`] and [`Error::Failed`] by its [connect hook](crate::Service::on_connect);
    /// [`Error::Version`], [`Error::Protocol`], [`Error::Os`].
    pub fn open(self) -> Result<Client> {
        Ok(Client::of(self.connect.open()?))
    }

    /// As [`open`](Self::open), without blocking a thread. Dropping the future gives the connect up.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_async(self) -> Result<Client> {
        Ok(Client::of(self.connect.open_async().await?))
    }
}

impl Client {
    fn of(Conversation { handle, terms, .. }: Conversation<Ack>) -> Self {
        Client { handle, terms }
    }

    /// The service's name.
    pub fn service(&self) -> &str {
        &self.handle.shared.service
    }

    /// Ends the conversation, for all clones of it: transactions that are not answered say that it is
    /// [`Closed`](Ended::Closed). The service learns that its client has closed it. Dropping the last handle ends it too.
    pub fn close(self) {
        self.handle.close();
    }

    /// Why the service is gone; `None` while it is live.
    pub fn ended(&self) -> Option<Ended> {
        self.handle.shared.ended()
    }

    /// The process that owns, or last owned, the service.
    pub fn pid(&self) -> u32 {
        self.handle.shared.state.lock().life.0
    }

    /// Which life of the service this is with, or was last: another number for each, as
    /// [`ServiceInfo::instance`](crate::ServiceInfo::instance) tells.
    pub fn instance(&self) -> u64 {
        self.handle.shared.state.lock().life.1
    }

    /// The same client, whose transactions wait for their answers at most so long. Default: 2 s. The first of its size may
    /// wait as long before, for the service to make memory for such.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.terms.timeout = timeout;
        self
    }

    /// The same client, which waits for answers in this way.
    pub fn with_wait(mut self, wait: Wait) -> Self {
        self.terms.wait = wait;
        self
    }

    /// Has the service carry out a command; its reply.
    ///
    /// # Errors
    /// [`Error::Refused`] with the handler's code and reason, or for a message of more than 16 MiB, which there is no memory for;
    /// [`Error::Busy`], [`Error::Failed`]; [`Error::NotSupported`] with the commands that there are; [`Error::Timeout`]; [`Error::Died`] where the
    /// service ends before it answers, [`Error::Stale`] where it had before.
    #[inline]
    pub fn execute<C: Command>(&self, command: &C) -> Result<C::Reply> {
        self.handle.begin_execute::<C, C::Reply>(command, self.terms)?.wait_from_now()
    }

    /// As [`execute`](Self::execute), without waiting for the reply. Any number can be on their way, up to what the
    /// service allows a conversation. The first of its size waits until the service has made memory for such, which does not
    /// depend on its handlers; [`execute_async`](Self::execute_async) blocks no thread there either.
    ///
    /// # Errors
    /// As [`execute`](Self::execute), as far as the service need not be asked; the others come with the reply.
    pub fn begin_execute<C: Command>(&self, command: &C) -> Result<Pending<C::Reply>> {
        Ok(self.handle.begin_execute(command, self.terms)?.begun())
    }

    /// As [`execute`](Self::execute), without blocking a thread.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn execute_async<C: Command>(&self, command: &C) -> Result<C::Reply> {
        self.handle.execute_async::<C, C::Reply>(command, self.terms).await
    }

    /// As [`execute`](Self::execute), with the reply in a box: where it is too large for a stack. A thread has 2 MiB of that by
    /// default, and a reply passes through it more than once.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("scanner")?;
    /// # service.ready()?;
    /// type Page = [u8; 8 << 20];
    ///
    /// #[derive(bus::Message)]
    /// #[message(reply = Page)]
    /// #[repr(C)]
    /// struct Scan {}
    ///
    /// # let mut handlers = service.handlers()?;
    /// handlers.execute_boxed(|_, _: &Scan, _| Ok(vec![255; size_of::<Page>()].try_into().unwrap()))?;
    /// # let stopper = handlers.stopper();
    /// # let client = std::thread::spawn(move || -> bus::Result<()> {
    ///
    /// let scanner = bus.client("scanner").open()?;
    /// let page: Box<Page> = scanner.execute_boxed(&Scan {})?;
    /// assert!(page.iter().all(|&pixel| pixel == 255));
    /// # stopper.stop();
    /// # Ok(())
    /// # });
    /// # handlers.run(&mut ())?;
    /// # client.join().unwrap()
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    #[inline]
    pub fn execute_boxed<C: Command>(&self, command: &C) -> Result<Box<C::Reply>> {
        self.handle.begin_execute::<C, Boxed<C::Reply>>(command, self.terms)?.wait_from_now()
    }

    /// As [`execute_boxed`](Self::execute_boxed), without waiting for the reply.
    ///
    /// # Errors
    /// As [`begin_execute`](Self::begin_execute).
    pub fn begin_execute_boxed<C: Command>(&self, command: &C) -> Result<Pending<Boxed<C::Reply>>> {
        Ok(self.handle.begin_execute(command, self.terms)?.begun())
    }

    /// As [`execute_boxed`](Self::execute_boxed), without blocking a thread.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn execute_boxed_async<C: Command>(&self, command: &C) -> Result<Box<C::Reply>> {
        self.handle.execute_async::<C, Boxed<C::Reply>>(command, self.terms).await
    }
}
