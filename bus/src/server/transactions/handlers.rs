//! Where a program says what it answers to whom.

use core::borrow::Borrow;
use core::fmt;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::caller::Caller;
use super::dispatch::Intake;
use super::refusal::Refusal;
use super::scratch::Scratch;
use super::token::{Reply, Token};
use super::{COMPUTES, CommandInfo, POKES};
use crate::client::advise::Wait;
use crate::client::wait_set::seat::{Seat, Seated};
use crate::command::{Ack, Command, call_of};
use crate::error::{Error, Result};
use crate::lane::inbox::Inbox;
use crate::lane::{MAX_DEPTH, Status};
use crate::message::{Fingerprint, Message};
use crate::payload::Payload;
use crate::segment::mapping::Words;
use crate::server::shared::ServiceShared;
use crate::server::system;
use crate::server::topic::Topic;

/// What a service does when it is asked: its handlers for pokes, executes and computed requests, and the loop that calls
/// them.
///
/// Handlers run on the thread that calls [`run`](Handlers::run), [`poll`](Handlers::poll) or, as part of a task,
/// [`run_async`](Handlers::run_async); one at a time, so that they need no lock. That is the thread that made them, since what
/// they borrow may be of one thread, as a [`Topic`](crate::Topic) is: `Handlers` are not `Send`. All get the program's state, of type
/// `S`, and may borrow what lives as long as the handlers. What a handler returns is the answer. One that cannot
/// answer at once takes a [`Reply`] along, by the methods that end in `_later`, and answers from whatever thread it
/// likes. A handler that panics answers [`Failed`](Error::Failed), and the service lives.
///
/// A [`WaitSet`](crate::WaitSet) waits for requests beside whatever else a thread waits for; [`poll`](Handlers::poll) with no
/// timeout then answers them. [`Service::serve`](crate::Service::serve) has a thread of its own do it all.
///
/// Dropping them ends what the service does when it is asked: what waits to be begun is answered
/// [`NotSupported`](Error::NotSupported), in paused conversations too, and so is what is asked from then on, until there are other
/// handlers. Where the service is closed before, its clients are told that instead.
///
/// Make a service [ready](crate::Service::ready) when it has its handlers: until then nobody finds it, and nobody is told that it
/// does not do what it is about to do.
///
/// A handler may do all that a program can: publish, the very item that it was poked included, connect, request,
/// advise, and begin transactions. What it cannot do is to *wait* for a transaction with its own service, since
/// whoever would answer is waiting: that is [`WouldDeadlock`](Error::WouldDeadlock), at once.
///
/// ```
/// # fn main() -> Result<(), bus::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
/// use bus::{Message, Refusal};
///
/// #[derive(Message, Debug, PartialEq)]
/// #[repr(C)]
/// struct Opened {
///     percent: u64,
/// }
///
/// #[derive(Message)]
/// #[message(reply = Opened)]
/// #[repr(C)]
/// struct Open {
///     percent: u64,
/// }
///
/// let service = bus.service("valve")?;
/// let limits = service.topic::<u64>("limits").open()?;
/// limits.item("percent")?.publish(&80)?;
///
/// # let stopper = std::sync::Mutex::new(None);
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         let mut most = 80;
///         let mut handlers = service.handlers()?;
/// #       *stopper.lock().unwrap() = Some(handlers.stopper());
///         handlers.poke("limits", |most: &mut u64, percent: &u64, _| {
///             *most = *percent;
///             Ok(())
///         })?;
///         handlers.execute(|most, open: &Open, caller| {
///             if open.percent > *most {
///                 return Err(Refusal::new(1, format!("process {} wants too much", caller.pid())));
///             }
///             Ok(Opened { percent: open.percent })
///         })?;
///         service.ready()?; // when it can answer
///         handlers.run(&mut most)
///     });
///
///     let valve = bus.client("valve").wait(std::time::Duration::MAX).open()?;
///     assert_eq!(valve.execute(&Open { percent: 70 })?, Opened { percent: 70 });
///     let error = valve.execute(&Open { percent: 90 }).unwrap_err();
///     assert!(matches!(error, bus::Error::Refused { code: 1, .. }));
/// #   stopper.lock().unwrap().as_ref().unwrap().stop();
///     Ok(())
/// })
/// # }
/// ```
pub struct Handlers<'h, S = ()> {
    pub(super) shared: Arc<ServiceShared>,
    pub(super) table: Table<'h, S>,
    pub(super) intake: Intake,
    pub(super) scratch: Scratch,
    pub(super) strategy: Wait,
    pub(super) stop: Arc<AtomicBool>,
    /// In a wait set.
    seat: Seated,
}

/// All handlers, by what they are for.
pub(super) struct Table<'h, S> {
    pub(super) topics: BTreeMap<String, OfTopic<'h, S>>,
    /// By the types of command and reply.
    pub(super) commands: BTreeMap<Fingerprint, Run<'h, S>>,
}

/// The handlers of one topic.
pub(super) struct OfTopic<'h, S> {
    pub(super) poke: Option<Handler<'h, S>>,
    /// In the order in which they were given, the richest first.
    pub(super) formats: Vec<Handler<'h, S>>,
}

/// A handler, with the type that it takes or makes.
pub(super) struct Handler<'h, S> {
    pub(super) of: Fingerprint,
    pub(super) type_name: String,
    pub(super) run: Run<'h, S>,
}

type Run<'h, S> = Box<dyn FnMut(&mut S, Arrival<'_>, Token) + 'h>;

/// A request, as a handler gets it.
pub(super) struct Arrival<'r> {
    pub(super) scratch: &'r mut Scratch,
    /// Bytes of the payload.
    pub(super) payload: usize,
    pub(super) caller: Caller<'r>,
}

/// Ends a [`run`](Handlers::run) or a [`poll`](Handlers::poll) of a service's handlers, from any thread.
#[derive(Debug, Clone)]
pub struct Stopper {
    stop: Arc<AtomicBool>,
    shared: Arc<ServiceShared>,
}

impl Stopper {
    /// Ends the present run after the request that is being handled, or the next run at once; one run, and what was not begun
    /// waits. So it does a poll, which ends at once where it waits; one that was about to return what it has answered is
    /// followed by one that answers nothing.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.shared.transactions.kick();
    }
}

impl<S> fmt::Debug for Handlers<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (topics, commands) = (self.table.topics.len(), self.table.commands.len());
        write!(f, "Handlers({}, {topics} topics, {commands} commands)", self.shared.name)
    }
}

impl<'h, S> Handlers<'h, S> {
    pub(crate) fn new(shared: Arc<ServiceShared>) -> Result<Self> {
        let inbox = shared.transactions.inbox().map_err(Error::os("creating the service's inbox"))?;
        if !shared.transactions.engage() {
            return Err(Error::AlreadyHandled { service: shared.name.clone() });
        }
        shared.changed();
        Ok(Handlers {
            intake: Intake::new(inbox.words),
            shared,
            table: Table { topics: BTreeMap::new(), commands: BTreeMap::new() },
            scratch: Scratch::default(),
            strategy: Wait::default(),
            stop: Arc::default(),
            seat: Seated::default(),
        })
    }

    /// How to wait for requests. Default: to spin for some microseconds, as long as that pays, and then to sleep.
    pub fn wait(&mut self, strategy: Wait) -> &mut Self {
        self.strategy = strategy;
        self
    }

    /// How many transactions of one conversation may be unanswered; more are [`Busy`](Error::Busy). Rounded up to a power
    /// of two; large ones, of more than 16 KiB or so, are counted apart and may be less, two at least, so that a mebibyte holds
    /// them. It is for conversations that begin transactions after this. Default: 64.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for less than 2 and more than 4096.
    pub fn queue(&mut self, transactions: u32) -> Result<&mut Self> {
        if !(2..=MAX_DEPTH).contains(&transactions) {
            return Err(Error::InvalidOption {
                option: "queue",
                found: transactions.to_string(),
                expected: format!("2 to {MAX_DEPTH}"),
            });
        }
        self.shared.transactions.queue.store(transactions.next_power_of_two(), Ordering::Relaxed);
        Ok(self)
    }

    /// What ends a [`run`](Self::run) from elsewhere.
    pub fn stopper(&self) -> Stopper {
        Stopper { stop: self.stop.clone(), shared: self.shared.clone() }
    }

    /// Answers pokes of a topic's items, in place of the handler before. The topic has to be open.
    ///
    /// What is poked is of the topic's type as this program defines it: from a client that has another version of the type it is
    /// [`NotSupported`](Error::NotSupported), though that may read the values.
    ///
    /// The handler is given the value, and decides; to make it the item's value, it publishes it.
    /// [`accept_pokes`](Self::accept_pokes) does just that.
    ///
    /// # Errors
    /// [`Error::NoSuchTopic`]; [`Error::InvalidOption`] where the topic has another type.
    pub fn poke<T: Payload + ?Sized>(
        &mut self,
        topic: &str,
        mut handler: impl FnMut(&mut S, &T, &Caller<'_>) -> Result<(), Refusal> + 'h,
    ) -> Result<&mut Self> {
        self.poke_later(topic, move |state, value: &T, caller, reply: Reply<Ack>| {
            reply.send(handler(state, value, caller).map(|()| Ack {}));
        })
    }

    /// As [`poke`](Self::poke), with a [`Reply`] to answer by at any time.
    ///
    /// # Errors
    /// As [`poke`](Self::poke).
    pub fn poke_later<T: Payload + ?Sized>(
        &mut self,
        topic: &str,
        mut handler: impl FnMut(&mut S, &T, &Caller<'_>, Reply<Ack>) + 'h,
    ) -> Result<&mut Self> {
        let there = self.topic(topic)?;
        let of = T::Fixed::FINGERPRINT;
        if there.fingerprint != of {
            return Err(Error::InvalidOption {
                option: "poke",
                found: format!("a handler of `{}`", type_name::<T>()),
                expected: format!("one of `{}`, which topic `{topic}` has", there.type_name),
            });
        }
        let run: Run<'h, S> = Box::new(move |state, arrival, token| {
            let Arrival { scratch, payload, caller } = arrival;
            match scratch.value::<T>(payload) {
                Ok(value) => handler(state, value, &caller, Reply::new(token)),
                Err(invalid) => invalid_payload(token, invalid),
            }
        });
        let handler = Handler { of, type_name: type_name::<T>(), run };
        self.of_topic(topic).poke = Some(handler);
        self.shared.transactions.offer(topic, POKES);
        self.shared.changed();
        Ok(self)
    }

    /// Publishes what is poked, for a topic whose items are its clients' to set: to those items that there are. Where a
    /// lossless link has no room for it, the client is told [`Busy`](Error::Busy).
    ///
    /// # Errors
    /// [`Error::NoSuchTopic`] for a topic of another service.
    pub fn accept_pokes<T: Payload + ?Sized>(
        &mut self,
        topic: impl Borrow<Topic<T>> + 'h,
    ) -> Result<&mut Self> {
        let name = topic.borrow().name().to_owned();
        self.poke(&name, move |_, value: &T, caller| super::accept::publish(topic.borrow(), value, caller))
    }

    /// Computes the values of a topic's items when they are requested: of those that have no value of their own, where
    /// `T` is the topic's type; or in another format. Several may be given, the richest first, of which clients choose.
    ///
    /// The item is what [`Caller::item`] says, and need not be one that the topic has.
    ///
    /// # Errors
    /// [`Error::NoSuchTopic`].
    pub fn compute<T: Message>(
        &mut self,
        topic: &str,
        mut handler: impl FnMut(&mut S, &Caller<'_>) -> Result<T, Refusal> + 'h,
    ) -> Result<&mut Self> {
        self.compute_later(topic, move |state, caller, reply: Reply<T>| reply.send(handler(state, caller)))
    }

    /// As [`compute`](Self::compute), with the value in a box: for slices, and for what is too large for a stack.
    ///
    /// # Errors
    /// As [`compute`](Self::compute).
    pub fn compute_boxed<T: Payload + ?Sized>(
        &mut self,
        topic: &str,
        mut handler: impl FnMut(&mut S, &Caller<'_>) -> Result<Box<T>, Refusal> + 'h,
    ) -> Result<&mut Self> {
        self.compute_later(topic, move |state, caller, reply: Reply<T>| {
            reply.send_boxed(handler(state, caller));
        })
    }

    /// As [`compute`](Self::compute), with a [`Reply`] to answer by at any time.
    ///
    /// # Errors
    /// As [`compute`](Self::compute).
    pub fn compute_later<T: Payload + ?Sized>(
        &mut self,
        topic: &str,
        mut handler: impl FnMut(&mut S, &Caller<'_>, Reply<T>) + 'h,
    ) -> Result<&mut Self> {
        self.topic(topic)?;
        let of = T::Fixed::FINGERPRINT;
        let run: Run<'h, S> =
            Box::new(move |state, arrival, token| handler(state, &arrival.caller, Reply::new(token)));
        let handler = Handler { of, type_name: type_name::<T>(), run };
        let formats = &mut self.of_topic(topic).formats;
        match formats.iter_mut().find(|format| format.of == of) {
            Some(before) => *before = handler,
            None => formats.push(handler),
        }
        let formats = formats.iter().map(|format| (format.type_name.clone(), format.of)).collect();
        self.shared.transactions.describe::<T::Fixed>();
        self.shared.transactions.offer_formats(topic, formats);
        self.shared.transactions.offer(topic, COMPUTES);
        self.shared.changed();
        Ok(self)
    }

    /// Carries out commands of type `C`, in place of the handler before.
    ///
    /// # Errors
    /// None yet.
    pub fn execute<C: Command>(
        &mut self,
        mut handler: impl FnMut(&mut S, &C, &Caller<'_>) -> Result<C::Reply, Refusal> + 'h,
    ) -> Result<&mut Self> {
        self.execute_later(move |state, command: &C, caller, reply| {
            reply.send(handler(state, command, caller));
        })
    }

    /// As [`execute`](Self::execute), with the reply in a box: where it is too large for a stack.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub fn execute_boxed<C: Command>(
        &mut self,
        mut handler: impl FnMut(&mut S, &C, &Caller<'_>) -> Result<Box<C::Reply>, Refusal> + 'h,
    ) -> Result<&mut Self> {
        self.execute_later(move |state, command: &C, caller, reply| {
            reply.send_boxed(handler(state, command, caller));
        })
    }

    /// As [`execute`](Self::execute), with a [`Reply`] to answer by at any time.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub fn execute_later<C: Command>(
        &mut self,
        mut handler: impl FnMut(&mut S, &C, &Caller<'_>, Reply<C::Reply>) + 'h,
    ) -> Result<&mut Self> {
        let run: Run<'h, S> = Box::new(move |state, arrival, token| {
            let Arrival { scratch, payload, caller } = arrival;
            match scratch.value::<C>(payload) {
                Ok(command) => handler(state, command, &caller, Reply::new(token)),
                Err(invalid) => invalid_payload(token, invalid),
            }
        });
        self.table.commands.insert(call_of::<C>(), run);
        self.shared.transactions.describe::<C>();
        self.shared.transactions.describe::<C::Reply>();
        self.shared.transactions.add_command(CommandInfo {
            name: type_name::<C>(),
            fingerprint: C::FINGERPRINT,
            reply: type_name::<C::Reply>(),
            reply_fingerprint: <C::Reply as Message>::FINGERPRINT,
        });
        self.shared.changed();
        Ok(self)
    }

    /// Takes a new seat in a wait set; with what the set looks at.
    pub(crate) fn sit(&mut self) -> (Arc<Seat>, Arc<ServiceShared>, Inbox<Words>) {
        (self.seat.anew(), self.shared.clone(), self.intake.inbox().clone())
    }

    /// Whether the service is closed, so that nothing is asked of it any longer.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    fn topic(&self, name: &str) -> Result<Arc<crate::server::shared::TopicShared>> {
        // What the service tells of itself takes nothing.
        let topic = if system::is_reserved(name) { None } else { self.shared.topic(name) };
        topic.ok_or_else(|| Error::NoSuchTopic { service: self.shared.name.clone(), topic: name.to_owned() })
    }

    fn of_topic(&mut self, name: &str) -> &mut OfTopic<'h, S> {
        let none = || OfTopic { poke: None, formats: Vec::new() };
        self.table.topics.entry(name.to_owned()).or_insert_with(none)
    }
}

impl<S> Drop for Handlers<'_, S> {
    fn drop(&mut self) {
        self.seat.leave();
        self.shared.transactions.dismiss(self.shared.is_closed());
        self.shared.changed();
    }
}

/// A type's name, as users know it.
pub(super) fn type_name<T: Payload + ?Sized>() -> String {
    T::Fixed::TYPE.name().to_owned()
}

#[cold]
fn invalid_payload(token: Token, invalid: Option<crate::message::Invalid>) {
    let text = invalid.map_or_else(
        || "it has another number of bytes than its type".to_owned(),
        |invalid| invalid.to_string(),
    );
    token.tell(Status::Invalid, 0, &text);
}
