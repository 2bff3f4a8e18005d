//! Beginning transactions: pokes, executes, and requests of what is computed.

use std::sync::Arc;
use std::time::Duration;

use super::advise::Wait;
use super::boxed::Boxed;
use super::control::Command as ControlCommand;
use super::conversation::{Conversation, DEFAULT_TIMEOUT};
use super::conversation_state::ConversationHandle;
use super::lanes::{ClientLane, NotBegun, room_for};
use super::pending::{Asked, Outcome, Pending, What};
use crate::command::{Command, call_of};
use crate::error::{Error, Result};
use crate::lane::requests::NO_ITEM;
use crate::lane::{Header, Kind};
use crate::message::{Fingerprint, Message};
use crate::name;
use crate::payload::Payload;
use crate::sync::AtomicU64;
use crate::sys::time;
use crate::tasks::{Answer, Answered};

/// When to try again where as many transactions as may be are not answered.
const RETRY_AFTER: Duration = Duration::from_millis(1);

/// How a handle waits for its transactions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) timeout: Duration,
    pub(crate) wait: Wait,
}

impl Default for Terms {
    fn default() -> Self {
        Terms { timeout: DEFAULT_TIMEOUT, wait: Wait::default() }
    }
}

/// A transaction that is to be begun.
#[derive(Clone, Copy)]
struct Ask<'a> {
    /// The item, by its index where that is known …
    item: u32,
    /// … in this life of the service, …
    life: u64,
    /// … and by its name. Empty for a command.
    name: &'a str,
    of: Fingerprint,
    /// Bytes of the payload.
    payload: usize,
    /// Bytes of the answer, as far as they are known.
    reply: usize,
}

impl Ask<'_> {
    /// The name that is sent: where there is no index.
    fn sent_name(&self) -> &str {
        if self.item == NO_ITEM { self.name } else { "" }
    }

    /// Words of the request and of its answer.
    fn words(&self) -> (usize, usize) {
        (self.payload.div_ceil(8) + self.sent_name().len().div_ceil(8), self.reply.div_ceil(8))
    }

    /// The same with the item by its name, where its index is of another life of the service than the lane: the service has
    /// ended since the index was looked up, and is back, and may have another item there.
    #[inline]
    fn by_name(&self, lane: &ClientLane) -> Option<Self> {
        (self.item != NO_ITEM && self.life != lane.epoch).then_some(Ask { item: NO_ITEM, ..*self })
    }

    /// Begins it, by a lane in which it fits.
    #[inline]
    fn begin<R: Outcome>(
        &self,
        lane: Arc<ClientLane>,
        asked: Asked,
        fill: impl FnOnce(&[AtomicU64]),
    ) -> Result<Pending<R>> {
        if lane.offers() & asked.kind.offer() == 0 {
            return Err(not_supported(&asked));
        }
        let deadline = time::after(asked.timeout);
        let header = |cell| Header {
            kind: asked.kind,
            cell,
            item: self.item,
            payload: self.payload as u32,
            name: self.sent_name().len() as u8,
            deadline,
            of: self.of,
        };
        match lane.begin(header, self.sent_name(), fill) {
            Ok(flight) => Ok(Pending::new(lane, flight, asked)),
            Err(not_begun) => Err(why(&asked, not_begun)),
        }
    }
}

#[cold]
fn not_supported(asked: &Asked) -> Error {
    let (service, verb, what) = asked.parts();
    Error::NotSupported { service, verb, what, supported: asked.kind.why_unsupported().to_owned() }
}

#[cold]
fn why(asked: &Asked, not_begun: NotBegun) -> Error {
    let (service, verb, what) = asked.parts();
    match not_begun {
        NotBegun::Full => Error::Busy { service, verb, what, retry_after: RETRY_AFTER },
        NotBegun::Ended(reason) => Error::Stale { service, reason },
    }
}

/// What carries nothing.
fn nothing(_: &[AtomicU64]) {}

impl ConversationHandle {
    fn asked(self: &Arc<Self>, kind: Kind, what: What, terms: Terms) -> Asked {
        Asked { conversation: self.clone(), kind, what, timeout: terms.timeout, wait: terms.wait }
    }

    /// Begins a transaction.
    #[inline]
    fn begin<R: Outcome>(
        &self,
        ask: &Ask<'_>,
        asked: Asked,
        fill: impl FnOnce(&[AtomicU64]),
    ) -> Result<Pending<R>> {
        let lane = self.lane(ask, &asked)?;
        match ask.by_name(&lane) {
            None => ask.begin(lane, asked, fill),
            Some(ask) => ask.begin(self.lane(&ask, &asked)?, asked, fill),
        }
    }

    /// As [`begin`](Self::begin), without blocking a thread where there is no lane yet.
    async fn begin_async<R: Outcome>(
        &self,
        ask: &Ask<'_>,
        asked: Asked,
        fill: impl FnOnce(&[AtomicU64]),
    ) -> Result<Pending<R>> {
        let lane = self.lane_async(ask, &asked).await?;
        let begun = match ask.by_name(&lane) {
            None => ask.begin(lane, asked, fill),
            Some(ask) => ask.begin(self.lane_async(&ask, &asked).await?, asked, fill),
        };
        Ok(begun?.begun())
    }

    /// The lane for a transaction.
    #[inline]
    fn lane(&self, ask: &Ask<'_>, asked: &Asked) -> Result<Arc<ClientLane>> {
        match self.shared.lanes.find(room_for(ask.words())) {
            Some(lane) => Ok(lane),
            None => self.open_lane(ask, asked),
        }
    }

    async fn lane_async(&self, ask: &Ask<'_>, asked: &Asked) -> Result<Arc<ClientLane>> {
        if let Some(lane) = self.shared.lanes.find(room_for(ask.words())) {
            return Ok(lane);
        }
        let answer = self.ask_for_lane(ask, asked)?.wait_async(self.bus.deadline(asked.timeout)).await;
        answer.unwrap_or_else(|| Err(self.no_lane(asked)))
    }

    #[cold]
    fn open_lane(&self, ask: &Ask<'_>, asked: &Asked) -> Result<Arc<ClientLane>> {
        let answer = self.ask_for_lane(ask, asked)?.wait(asked.timeout.min(Duration::from_secs(3600)));
        answer.unwrap_or_else(|| Err(self.no_lane(asked)))
    }

    fn ask_for_lane(&self, ask: &Ask<'_>, asked: &Asked) -> Result<Answered<Result<Arc<ClientLane>>>> {
        let shared = &self.shared;
        if let Some(reason) = shared.ended() {
            return Err(shared.stale(reason));
        }
        // Where the service let this program have the topic's memory, it says there what it offers, and need not be asked.
        let session = shared.state.lock().session.clone();
        if session.is_some_and(|session| session.offers() & asked.kind.offer() == 0) {
            return Err(not_supported(asked));
        }
        let words = ask.words();
        if words.0.max(words.1) > u32::MAX as usize / 16 {
            return Err(Error::InvalidOption {
                option: "value",
                found: format!("{} bytes", words.0.max(words.1).saturating_mul(8)),
                expected: format!("at most {} bytes in a transaction", u32::MAX / 2),
            });
        }
        let (answer, answered) = Answer::new();
        let (conversation, asked) = (shared.clone(), asked.clone());
        let (room, offer) = (room_for(words), asked.kind.offer());
        self.bus.command(ControlCommand::OpenLane { conversation, room, offer, asked, answer });
        Ok(answered)
    }

    #[cold]
    fn no_lane(&self, asked: &Asked) -> Error {
        let (_, verb, what) = asked.parts();
        let hint = "the service does not answer; is its process stopped?".to_owned();
        Error::Timeout { verb, what, after: asked.timeout, hint }
    }

    /// Begins a command, whose reply becomes an `R`: a [`Command::Reply`] or a box of one.
    #[inline]
    pub(super) fn begin_execute<C: Command, R: Outcome>(
        self: &Arc<Self>,
        command: &C,
        terms: Terms,
    ) -> Result<Pending<R>> {
        let asked = self.asked(Kind::Execute, What::Command(C::TYPE.name()), terms);
        self.begin(&Self::execution::<C>(), asked, |words| command.store(words))
    }

    pub(super) async fn execute_async<C: Command, R: Outcome>(
        self: &Arc<Self>,
        command: &C,
        terms: Terms,
    ) -> Result<R::Value> {
        let asked = self.asked(Kind::Execute, What::Command(C::TYPE.name()), terms);
        let ask = Self::execution::<C>();
        self.begin_async::<R>(&ask, asked, |words| command.store(words)).await?.await
    }

    fn execution<C: Command>() -> Ask<'static> {
        let (payload, reply) = (size_of::<C>(), size_of::<C::Reply>());
        Ask { item: NO_ITEM, life: 0, name: "", of: call_of::<C>(), payload, reply }
    }

    /// An item: by index and life of the service where it is known, and by name. Nothing is allocated where it is.
    fn item(&self, item: &str) -> Result<((u32, u64), Arc<str>)> {
        name::check("item", item)?;
        let state = self.shared.state.lock();
        let found =
            state.session.as_ref().and_then(|session| Some((session.epoch, session.find_named(item)?)));
        Ok(found.map_or_else(|| ((NO_ITEM, 0), item.into()), |(life, (index, name))| ((index, life), name)))
    }
}

impl<T: Payload + ?Sized> Conversation<T> {
    /// The same conversation, whose transactions wait for their answers at most so long. Default: 2 s. The first of its size may
    /// wait as long before, for the service to make memory for such.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.terms.timeout = timeout;
        self
    }

    /// The same conversation, which waits for the answers of its transactions in this way.
    pub fn with_wait(mut self, wait: Wait) -> Self {
        self.terms.wait = wait;
        self
    }

    /// Offers a value for an item; returns when the service has accepted it. What the service then does with it is its own:
    /// mostly it publishes it.
    ///
    /// A value may have 16 MiB, as may the answer of any other transaction. One that is large is in memory of its own while it is
    /// on its way, of which a service has 64 MiB for all transactions of one program.
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
    /// # let stopper = handlers.stopper();
    /// # let bus = bus.clone();
    /// # let client = std::thread::spawn(move || -> bus::Result<()> {
    /// let rooms = bus.connect::<f64>("thermostat/rooms").open()?;
    /// rooms.poke("kitchen", &21.5)?;
    /// assert_eq!(rooms.request("kitchen")?.value, 21.5);
    /// # stopper.stop();
    /// # Ok(())
    /// # });
    /// # handlers.run(&mut ())?;
    /// # client.join().unwrap()
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`] with the handler's code and reason, or for a value that there is no memory for; [`Error::Busy`],
    /// [`Error::NoSuchItem`], [`Error::Failed`]; [`Error::NotSupported`] for a topic that takes no pokes, and
    /// for one of another version of `T`, which can be read and not poked; [`Error::Timeout`]; [`Error::Died`] where the service
    /// ends before it answers, [`Error::Stale`] where it had before; [`Error::InvalidName`].
    pub fn poke(&self, item: &str, value: &T) -> Result<()> {
        self.start_poke(item, value)?.wait_from_now()
    }

    /// As [`poke`](Self::poke), without waiting for the answer. The first of its size waits until the service has made memory
    /// for such, which does not depend on its handlers; [`poke_async`](Self::poke_async) blocks no thread there either.
    ///
    /// # Errors
    /// As [`poke`](Self::poke), as far as the service need not be asked; the others come with the answer.
    pub fn begin_poke(&self, item: &str, value: &T) -> Result<Pending<()>> {
        Ok(self.start_poke(item, value)?.begun())
    }

    /// As [`poke`](Self::poke), without blocking a thread.
    ///
    /// # Errors
    /// As [`poke`](Self::poke).
    pub async fn poke_async(&self, item: &str, value: &T) -> Result<()> {
        let (place, name) = self.handle.item(item)?;
        let asked = self.handle.asked(Kind::Poke, What::Item(name), self.terms);
        let ask = Self::poking(place, item, value);
        self.handle.begin_async::<()>(&ask, asked, |words| value.store(words)).await?.await
    }

    fn start_poke(&self, item: &str, value: &T) -> Result<Pending<()>> {
        let (place, name) = self.handle.item(item)?;
        let asked = self.handle.asked(Kind::Poke, What::Item(name), self.terms);
        self.handle.begin(&Self::poking(place, item, value), asked, |words| value.store(words))
    }

    fn poking<'a>((item, life): (u32, u64), name: &'a str, value: &T) -> Ask<'a> {
        Ask { item, life, name, of: T::Fixed::FINGERPRINT, payload: value.bytes(), reply: 0 }
    }

    /// Has the service carry out a command; its reply.
    ///
    /// # Errors
    /// As [`Client::execute`](crate::Client::execute).
    pub fn execute<C: Command>(&self, command: &C) -> Result<C::Reply> {
        self.handle.begin_execute::<C, C::Reply>(command, self.terms)?.wait_from_now()
    }

    /// As [`execute`](Self::execute), without waiting for the reply; as [`begin_poke`](Self::begin_poke) of a value.
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

    /// As [`execute`](Self::execute), with the reply in a box: where it is too large for a stack.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
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

    /// Has the service compute an item's value in a format of this program's choice; see
    /// [`formats`](Self::formats).
    ///
    /// ```
    /// # fn main() -> Result<(), bus::Error> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
    /// # let service = bus.service("weather")?;
    /// # let topic = service.topic::<f64>("now").open()?;
    /// # service.ready()?;
    /// # let mut handlers = service.handlers()?;
    /// handlers.compute("now", |_, caller| Ok(bus::FixedStr::<64>::truncated(&format!("mild in {}", caller.item()))))?;
    /// handlers.compute("now", |_, _| Ok(17.5))?;
    /// # let stopper = handlers.stopper();
    /// # let client = std::thread::spawn(move || -> bus::Result<()> {
    ///
    /// let now = bus.connect::<f64>("weather/now").open()?;
    /// assert_eq!(now.formats()?.len(), 2);
    /// assert_eq!(now.request_as::<bus::FixedStr<64>>("Bern")?, *"mild in Bern");
    /// assert_eq!(now.request("Bern")?.value, 17.5); // it has no value of its own
    /// # stopper.stop();
    /// # Ok(())
    /// # });
    /// # handlers.run(&mut ())?;
    /// # client.join().unwrap()
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotSupported`] with the formats that there are; [`Error::NoSuchItem`] and otherwise as [`poke`](Self::poke).
    pub fn request_as<F: Message>(&self, item: &str) -> Result<F> {
        self.start_request::<F, F>(item, size_of::<F>())?.wait_from_now()
    }

    /// As [`request_as`](Self::request_as), without waiting for the answer; as [`begin_poke`](Self::begin_poke) of a value.
    ///
    /// # Errors
    /// As [`request_as`](Self::request_as), as far as the service need not be asked; the others come with the answer.
    pub fn begin_request_as<F: Message>(&self, item: &str) -> Result<Pending<F>> {
        Ok(self.start_request::<F, F>(item, size_of::<F>())?.begun())
    }

    /// As [`request_as`](Self::request_as), without blocking a thread.
    ///
    /// # Errors
    /// As [`request_as`](Self::request_as).
    pub async fn request_as_async<F: Message>(&self, item: &str) -> Result<F> {
        let (place, name) = self.handle.item(item)?;
        let asked = self.handle.asked(Kind::Request, What::Item(name), self.terms);
        let ask = Self::requesting::<F>(place, item, size_of::<F>());
        self.handle.begin_async::<F>(&ask, asked, nothing).await?.await
    }

    /// As [`request_as`](Self::request_as), into a box: for slices, of which `most` bytes are expected at most, and for
    /// messages that are too large for a stack.
    ///
    /// # Errors
    /// As [`request_as`](Self::request_as); [`Error::Failed`] where the value is longer.
    pub fn request_boxed_as<F: Payload + ?Sized>(&self, item: &str, most: usize) -> Result<Box<F>> {
        self.start_request::<F, Boxed<F>>(item, most.max(F::ELEMENTS_AT))?.wait_from_now()
    }

    /// As [`request_boxed_as`](Self::request_boxed_as), without waiting for the answer.
    ///
    /// # Errors
    /// As [`begin_request_as`](Self::begin_request_as).
    pub fn begin_request_boxed_as<F: Payload + ?Sized>(
        &self,
        item: &str,
        most: usize,
    ) -> Result<Pending<Boxed<F>>> {
        Ok(self.start_request::<F, Boxed<F>>(item, most.max(F::ELEMENTS_AT))?.begun())
    }

    /// As [`request_boxed_as`](Self::request_boxed_as), without blocking a thread.
    ///
    /// # Errors
    /// As [`request_boxed_as`](Self::request_boxed_as).
    pub async fn request_boxed_as_async<F: Payload + ?Sized>(
        &self,
        item: &str,
        most: usize,
    ) -> Result<Box<F>> {
        let (place, name) = self.handle.item(item)?;
        let asked = self.handle.asked(Kind::Request, What::Item(name), self.terms);
        let ask = Self::requesting::<F>(place, item, most.max(F::ELEMENTS_AT));
        self.handle.begin_async::<Boxed<F>>(&ask, asked, nothing).await?.await
    }

    fn start_request<F: Payload + ?Sized, R: Outcome>(&self, item: &str, reply: usize) -> Result<Pending<R>> {
        let (place, name) = self.handle.item(item)?;
        let asked = self.handle.asked(Kind::Request, What::Item(name), self.terms);
        self.handle.begin(&Self::requesting::<F>(place, item, reply), asked, nothing)
    }

    fn requesting<F: Payload + ?Sized>((item, life): (u32, u64), name: &str, reply: usize) -> Ask<'_> {
        Ask { item, life, name, of: F::Fixed::FINGERPRINT, payload: 0, reply }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::{Bus, Service, Serving};

    /// After how long something that has to happen is taken to hang.
    const LIMIT: Duration = Duration::from_secs(60);

    /// A life of a service with these items, which keeps the names of those that are poked.
    fn serve(bus: &Bus, items: [&str; 2]) -> (Service, Serving<Vec<String>>) {
        let service = bus.service("service").unwrap();
        let topic = service.topic::<u64>("topic").open().unwrap();
        for item in items {
            topic.item(item).unwrap();
        }
        let serving = service.serve(Vec::new(), |handlers| {
            handlers.poke("topic", |poked: &mut Vec<String>, _: &u64, caller| {
                poked.push(caller.item().to_owned());
                Ok(())
            })?;
            Ok(())
        });
        service.ready().unwrap();
        (service, serving.unwrap())
    }

    #[test]
    fn an_item_that_was_looked_up_in_another_life_is_the_one_of_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let bus = Bus::builder().directory(directory.path()).open("test").unwrap();
        let (service, serving) = serve(&bus, ["kitchen", "bath"]);
        let rooms = bus.connect::<u64>("service/topic").open().unwrap().with_timeout(LIMIT);
        let begin = std::time::Instant::now();
        // As a thread that is held up between the look and the poke.
        let (place, name) = rooms.handle.item("kitchen").unwrap();
        assert_eq!(place.0, 0);
        drop((service, serving));
        let (_service, serving) = serve(&bus, ["bath", "kitchen"]);
        while rooms.poke("bath", &1).is_err() {
            assert!(begin.elapsed() < LIMIT, "it is not connected to the next life");
            std::thread::yield_now();
        }
        let asked = || rooms.handle.asked(Kind::Poke, What::Item(name.clone()), rooms.terms);
        let ask = Conversation::<u64>::poking(place, "kitchen", &2);
        rooms.handle.begin::<()>(&ask, asked(), |words| 2_u64.store(words)).unwrap().wait_from_now().unwrap();
        assert_eq!(serving.stop().unwrap(), ["bath", "kitchen"]);
    }
}
