//! Conversations with all services that match a pattern: a living list.
//!
//! The control thread keeps it ([`list`](super::list)); here are its handles. What is done with all members at once is
//! [`advise`](Conversations::advise), whose [link](super::merged) has those of all, and
//! [`request_all`](Conversations::request_all).

use core::fmt;
use core::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::advise_all::AdviseAllBuilder;
use super::changes::Changes;
use super::control::Command;
use super::conversation::Conversation;
use super::conversation_state::ConversationHandle;
use super::joined::{block_on, join_all};
use super::link_state::{Target, Wanted};
use super::list::{Entry, ListShared, ListState, trouble};
use super::session::Expected;
use super::transact::Terms;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::name;
use crate::namespace::{Bus, BusCore};
use crate::payload::Payload;
use crate::registry::ServiceInfo;
use crate::tasks::Deadline;
use crate::update::{ItemId, Update};

/// The longest wait of a condition variable.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// A list's registration with the control thread; ends with the last handle that needs it.
#[derive(Debug)]
pub(crate) struct ListHandle {
    pub(crate) bus: Arc<BusCore>,
    pub(crate) shared: Arc<ListShared>,
}

impl Drop for ListHandle {
    fn drop(&mut self) {
        self.bus.command(Command::CloseList(self.shared.number));
    }
}

impl ListHandle {
    /// A handle of a member's conversation, which the list surely holds: its state is locked.
    pub(crate) fn conversation(&self, entry: &Entry) -> Arc<ConversationHandle> {
        Arc::new(ConversationHandle::new(self.bus.clone(), entry.conversation.clone()))
    }

    /// What the list is of, in full.
    pub(crate) fn address(&self) -> String {
        format!("{}/{}", self.shared.pattern, self.shared.topic)
    }
}

/// Conversations with one topic of all services whose names match a pattern: a living list, see [`Bus::connect_all`].
///
/// A service is a *member* while it is live and has the topic, with this message type or another version of it. Those that
/// vanish leave, those that appear join, by themselves; no service is a member twice. One that returns is a new member, with
/// another [instance](ServiceInfo::instance). Those that match and are no members are told of, each with the
/// reason, by [`troubles`](Self::troubles): they have no such topic, and join when they have; or another message
/// type, or they said no, and are asked again in their next life; or they do not answer.
///
/// Cheap to clone, and usable from all threads. The list is kept while there is a clone, or a link of it.
pub struct Conversations<T: ?Sized> {
    list: Arc<ListHandle>,
    message: PhantomData<fn() -> T>,
}

impl<T: ?Sized> Clone for Conversations<T> {
    fn clone(&self) -> Self {
        Conversations { list: self.list.clone(), message: PhantomData }
    }
}

impl<T: ?Sized> fmt::Debug for Conversations<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = self.list.shared.state.lock().members().count();
        write!(f, "Conversations({}, {members} members)", self.list.address())
    }
}

/// Why a service that matches is no member of a list; see [`Conversations::troubles`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Trouble {
    /// The service.
    pub service: Arc<ServiceInfo>,
    /// Why: [`Error::NoSuchTopic`] and [`Error::Timeout`] while it may still join in this life of the service: it has not
    /// answered, allows this user nothing yet, or its connect hook is busy, of which the error tells;
    /// [`Error::TypeMismatch`], [`Error::Refused`], [`Error::Version`] or [`Error::Protocol`] where it may in the next;
    /// [`Error::Stale`] where it was a member and its connection is lost.
    pub error: Arc<Error>,
}

impl Bus {
    /// Holds conversations with a topic of every service whose name matches a pattern: a name, a beginning as in `"md-*"`,
    /// or `"*"`. `T` must be the topic's message type. What a list of them does, see [`Conversations`].
    ///
    /// Asks nobody itself, and returns at once: members join as they answer, each for itself, so that one that is
    /// stopped delays no other. To wait for all that are there now, [`settle`](Conversations::settle).
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let mut services = Vec::new();
    /// # for (name, price) in [("md-nyse", 1.5), ("md-xetra", 2.5)] {
    /// #     let service = bus.service(name)?;
    /// #     service.topic::<f64>("prices").open()?.item("ACME")?.publish(&price)?;
    /// #     service.ready()?;
    /// #     services.push(service);
    /// # }
    /// use std::time::Duration;
    ///
    /// let prices = bus.connect_all::<f64>("md-*", "prices")?;
    /// prices.wait_for(2, Duration::from_secs(2))?;
    ///
    /// let mut link = prices.advise("ACME").hot()?;
    /// for _ in 0..2 {
    ///     let quote = link.recv()?;
    ///     println!("{}: {}", quote.member.name, quote.update.value);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidName`]; [`Error::Os`] where the control thread cannot be started.
    pub fn connect_all<T: Payload + ?Sized>(&self, services: &str, topic: &str) -> Result<Conversations<T>> {
        name::check_pattern("service", services)?;
        name::check("topic", topic)?;
        let bus = self.core.clone();
        bus.start()?;
        let shared = Arc::new(ListShared::new(bus.number(), services, topic, Expected::of::<T>()));
        bus.command(Command::OpenList(shared.clone()));
        Ok(Conversations { list: Arc::new(ListHandle { bus, shared }), message: PhantomData })
    }
}

impl<T: Payload + ?Sized> Conversations<T> {
    /// The pattern for services.
    pub fn pattern(&self) -> &str {
        &self.list.shared.pattern
    }

    /// The topic's name.
    pub fn topic(&self) -> &str {
        &self.list.shared.topic
    }

    /// How many members there are now.
    pub fn len(&self) -> usize {
        self.list.shared.state.lock().members().count()
    }

    /// Whether there is no member now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The services that are members now, by name.
    pub fn services(&self) -> Vec<Arc<ServiceInfo>> {
        self.list.shared.state.lock().members().map(|entry| entry.info.clone()).collect()
    }

    /// The conversations with the members that there are now, by the service's name. Each is a conversation like any other,
    /// and outlives its place in the list.
    pub fn members(&self) -> Vec<Conversation<T>> {
        self.members_in(&self.list.shared.state.lock()).into_iter().map(|(_, member)| member).collect()
    }

    fn members_in(&self, state: &ListState) -> Vec<(Arc<ServiceInfo>, Conversation<T>)> {
        let conversation = |entry: &Entry| {
            let handle = self.list.conversation(entry);
            (entry.info.clone(), Conversation { handle, terms: Terms::default(), message: PhantomData })
        };
        state.members().map(conversation).collect()
    }

    /// The services that match and are no members now, by name, each with the reason.
    pub fn troubles(&self) -> Vec<Trouble> {
        let list = &self.list.shared;
        let state = list.state.lock();
        let trouble =
            |entry: &Entry| Some(Trouble { service: entry.info.clone(), error: trouble(list, entry)? });
        state.entries.values().filter_map(trouble).collect()
    }

    /// Waits until there are at least `count` members, at most `timeout`.
    ///
    /// # Errors
    /// [`Error::Timeout`], which says how many there are and names those that match and are none; [`Error::Closed`].
    pub fn wait_for(&self, count: usize, timeout: Duration) -> Result<()> {
        self.wait_until(timeout, |state| state.members().count() >= count)
            .unwrap_or_else(|| Err(self.timed_out("wait for", &format!("{count} members"), timeout)))
    }

    /// As [`wait_for`](Self::wait_for), without blocking a thread, however long. For a timeout, use the one of your
    /// runtime.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn wait_for_async(&self, count: usize) -> Result<()> {
        let mut never = self.list.bus.deadline_at(None);
        let done = |state: &ListState| state.members().count() >= count;
        self.wait_until_async(&mut never, done).await.unwrap_or(Ok(()))
    }

    /// Waits until every service that matches is a member, or it is known why not, at most `timeout`.
    ///
    /// # Errors
    /// [`Error::Timeout`] where some have not answered, which names them: they are stopped, most likely. The others are
    /// members, or their [troubles](Self::troubles) are known, all the same. [`Error::Closed`].
    pub fn settle(&self, timeout: Duration) -> Result<()> {
        self.wait_until(timeout, ListState::is_settled)
            .unwrap_or_else(|| Err(self.timed_out("wait for", "all answers", timeout)))
    }

    /// As [`settle`](Self::settle), without blocking a thread.
    ///
    /// # Errors
    /// As [`settle`](Self::settle).
    pub async fn settle_async(&self, timeout: Duration) -> Result<()> {
        let mut deadline = self.list.bus.deadline(timeout);
        self.wait_until_async(&mut deadline, ListState::is_settled)
            .await
            .unwrap_or_else(|| Err(self.timed_out("wait for", "all answers", timeout)))
    }

    /// Whether it is `done`, or the list closed; `None` where neither came in time.
    fn wait_until(&self, timeout: Duration, done: impl Fn(&ListState) -> bool) -> Option<Result<()>> {
        let deadline = Instant::now().checked_add(timeout);
        let state = &self.list.shared.state;
        loop {
            let seen = state.version();
            if let Some(result) = stand(&state.lock(), &done) {
                return Some(result);
            }
            let left = deadline.map_or(LONGEST_WAIT, |at| at.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return None;
            }
            state.wait(seen, left.min(LONGEST_WAIT));
        }
    }

    async fn wait_until_async(
        &self,
        deadline: &mut Deadline,
        done: impl Fn(&ListState) -> bool,
    ) -> Option<Result<()>> {
        let state = &self.list.shared.state;
        loop {
            let seen = state.version();
            if let Some(result) = stand(&state.lock(), &done) {
                return Some(result);
            }
            if !state.change(seen, deadline).await {
                return None;
            }
        }
    }

    #[cold]
    fn timed_out(&self, verb: &'static str, what: &str, after: Duration) -> Error {
        let members = self.len();
        let unread = self.list.shared.state.lock().unread.clone();
        let troubles: Vec<String> = self
            .troubles()
            .iter()
            .map(|trouble| format!("`{}`: {}", trouble.service.name, trouble.error))
            .collect();
        let hint = match (unread, &*troubles) {
            (Some(unread), _) => format!("there are {members} members, and no others can be found: {unread}"),
            (None, []) => format!("there are {members} members, and no other services that match"),
            (None, troubles) => {
                format!("there are {members} members; others are none: {}", troubles.join("; "))
            }
        };
        Error::Timeout { verb, what: format!("{what} of {}", self.list.address()), after, hint }
    }

    /// Tells of members as they join and leave: first of those that there are, then of each change.
    ///
    /// # Errors
    /// [`Error::Os`] where the process has no descriptors left.
    pub fn changes(&self) -> Result<Changes> {
        Changes::new(self.list.clone())
    }

    /// The name behind an [`ItemId`] of any member, or of a link of this list.
    pub fn name(&self, item: ItemId) -> Arc<str> {
        self.list.shared.names.name(item).unwrap_or_else(|| "".into())
    }

    /// Begins a link to the item of this name of all members, to all their items for `"*"`, or to those whose names begin so
    /// for a pattern like `"AA*"`; finish with [`hot`](AdviseAllBuilder::hot) or [`warm`](AdviseAllBuilder::warm).
    ///
    /// An item that a member does not have is waited for.
    pub fn advise(&self, item: &str) -> AdviseAllBuilder<'_, T> {
        AdviseAllBuilder::new(&self.list, Target::of(item))
    }

    /// Begins a link to several items of all members, each by its name.
    pub fn advise_items<N: Into<String>>(
        &self,
        items: impl IntoIterator<Item = N>,
    ) -> AdviseAllBuilder<'_, T> {
        let items = items.into_iter().map(Into::into).collect();
        AdviseAllBuilder::new(&self.list, Target::Many(Wanted::These(items)))
    }
}

impl<T: Message> Conversations<T> {
    /// Requests the present value of an item of all members: of each its value, or the error, by the service's name.
    ///
    /// Values that are in memory are read from there. Where members have to be asked, whether they have the item, or for
    /// a value that they compute, all of them are asked at once; those that do not answer have
    /// [`Error::Timeout`], and hold nobody else up.
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("md-nyse")?;
    /// # service.topic::<f64>("prices").open()?.item("ACME")?.publish(&1.5)?;
    /// # service.ready()?;
    /// # let prices = bus.connect_all::<f64>("md-*", "prices")?;
    /// # prices.wait_for(1, std::time::Duration::from_secs(2))?;
    /// for (service, value) in prices.request_all("ACME")? {
    ///     match value {
    ///         Ok(update) => println!("{}: {}", service.name, update.value),
    ///         Err(error) => println!("{}: {error}", service.name),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidName`] for what is no name of an item.
    #[expect(clippy::type_complexity, reason = "a list of members, each with its result")]
    pub fn request_all(&self, item: &str) -> Result<Vec<(Arc<ServiceInfo>, Result<Update<T>>)>> {
        block_on(self.request_all_async(item))
    }

    /// As [`request_all`](Self::request_all), without blocking a thread.
    ///
    /// # Errors
    /// As [`request_all`](Self::request_all).
    pub async fn request_all_async(&self, item: &str) -> Result<Vec<(Arc<ServiceInfo>, Result<Update<T>>)>> {
        name::check("item", item)?;
        let members = self.members_in(&self.list.shared.state.lock());
        let request = |(info, member): (Arc<ServiceInfo>, Conversation<T>)| async move {
            let value = member.request_async(item).await;
            (info, value)
        };
        Ok(join_all(members.into_iter().map(request)).await)
    }
}

/// Whether it is `done`, and else whether nobody keeps the list any longer.
fn stand(state: &ListState, done: &impl Fn(&ListState) -> bool) -> Option<Result<()>> {
    if done(state) { Some(Ok(())) } else { state.closed.then_some(Err(Error::Closed("the bus"))) }
}

/// The conversations with the members that there are now.
impl<T: Payload + ?Sized> IntoIterator for &Conversations<T> {
    type Item = Conversation<T>;
    type IntoIter = std::vec::IntoIter<Conversation<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.members().into_iter()
    }
}
