//! A transaction that is not answered yet.

use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::advise::Wait;
use super::boxed::{Boxed, Draw};
use super::conversation_state::ConversationHandle;
use super::lanes::ClientLane;
use super::wait_set::seat::Seated;
use crate::bell::PARK_BOUND;
use crate::copy;
use crate::error::{Error, Result};
use crate::image::Image;
use crate::lane::replies::Look;
use crate::lane::{Detail, Kind, MAX_TEXT, Status};
use crate::message::Message;
use crate::payload::Payload;
use crate::printable::printable;
use crate::server::transactions::is_within;
use crate::spin::Waiting;
use crate::sync::AtomicU64;
use crate::sys::futex::SharedFutex;
use crate::sys::processors;
use crate::tasks::Deadline;

/// Looks at the cell between two looks at the clock.
const LOOKS: usize = 64;

/// What the answer to a transaction becomes: a message itself, `()` for a mere yes, [`Boxed`] for what is too large for a
/// stack.
///
/// It is implemented for these, and cannot be for others.
pub trait Outcome: sealed::Sealed {
    /// What [`Pending::wait`] returns.
    type Value;
    #[doc(hidden)]
    fn decode(words: &[AtomicU64], bytes: usize) -> core::result::Result<Self::Value, String>;
}

mod sealed {
    pub trait Sealed {}
    impl<R: super::Message> Sealed for R {}
    impl Sealed for () {}
    impl<R: super::Payload + ?Sized> Sealed for super::Boxed<R> {}
}

impl<R: Message> Outcome for R {
    type Value = R;

    #[inline]
    fn decode(words: &[AtomicU64], bytes: usize) -> core::result::Result<R, String> {
        if bytes != size_of::<R>() {
            return Err(other_size(bytes));
        }
        let mut image = Image::new();
        image.load(words);
        // SAFETY: the image was just loaded.
        unsafe { image.decode() }.map_err(|invalid| invalid.to_string())
    }
}

impl Outcome for () {
    type Value = ();

    #[inline]
    fn decode(_: &[AtomicU64], bytes: usize) -> core::result::Result<(), String> {
        if bytes == 0 { Ok(()) } else { Err(other_size(bytes)) }
    }
}

impl<R: Payload + ?Sized> Outcome for Boxed<R> {
    type Value = Box<R>;

    fn decode(words: &[AtomicU64], bytes: usize) -> core::result::Result<Box<R>, String> {
        let mut draw = Draw::<R>::new();
        draw.load_words(words, bytes);
        let value = draw.into_box().map_err(|invalid| invalid.to_string())?;
        value.ok_or_else(|| other_size(bytes))
    }
}

#[cold]
fn other_size(bytes: usize) -> String {
    format!("it has {bytes} bytes, which no value of its type has")
}

/// What a transaction is, for its errors.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(super) conversation: Arc<ConversationHandle>,
    pub(super) kind: Kind,
    /// The item, or the command's type.
    pub(super) what: What,
    /// For how long an answer is waited for.
    pub(super) timeout: Duration,
    pub(super) wait: Wait,
}

/// What a transaction is about.
#[derive(Debug, Clone)]
pub(crate) enum What {
    Command(&'static str),
    Item(Arc<str>),
}

impl What {
    /// What a service supports instead, which it says as a list of names, or in words.
    #[cold]
    fn instead(&self, told: String) -> String {
        match self {
            _ if !told.starts_with('`') => told,
            What::Command(name) if told.contains(&format!("`{name}`")) => format!(
                "its own `{name}` has other fields than this program's, or another reply; `client.require` says which"
            ),
            What::Command(_) => format!("its commands are {told}"),
            What::Item(_) => {
                format!("items of the topic are computed as {told}, as the service defines that")
            }
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Command(name) => f.write_str(name),
            What::Item(name) => f.write_str(name),
        }
    }
}

impl Asked {
    /// The service, the verb and the object, for an error.
    pub(crate) fn parts(&self) -> (String, &'static str, String) {
        let shared = &self.conversation.shared;
        let what = match &self.what {
            What::Command(name) => (*name).to_owned(),
            What::Item(item) => format!("{}/{item}", shared.address()),
        };
        (shared.service.clone(), self.kind.verb(), what)
    }

    /// The error that an answer stands for.
    #[cold]
    fn error(&self, status: Status, detail: Detail, text: String) -> Error {
        let (service, verb, what) = self.parts();
        match status {
            Status::Refused => {
                let code = u32::try_from(detail).unwrap_or(u32::MAX);
                Error::Refused { service, verb, what, code, reason: text }
            }
            Status::Busy => Error::Busy { service, verb, what, retry_after: Duration::from_nanos(detail) },
            Status::NotSupported => {
                Error::NotSupported { service, verb, what, supported: self.what.instead(text) }
            }
            Status::OtherType => {
                let supported =
                    format!("values of its own `{text}`, which is another type than this program's");
                Error::NotSupported { service, verb, what, supported }
            }
            Status::NoSuchItem => match &self.what {
                What::Item(item) => self.conversation.shared.no_such_item(item),
                What::Command(_) => {
                    Error::Failed { service, verb, what, detail: "there is no such item".to_owned() }
                }
            },
            Status::Expired => self.late(),
            Status::Denied => {
                let needed = self.kind.needed();
                let uid = rustix::process::geteuid().as_raw();
                Error::Denied { service, verb, what, uid, needed, reason: text }
            }
            Status::Invalid => Error::Protocol {
                peer: "this program".to_owned(),
                detail: format!("service `{service}` says of what was sent with {verb} `{what}`: {text}"),
            },
            Status::TooLong => {
                let detail = format!(
                    "its answer has {detail} bytes, which is more than was expected; ask for it by \
                     `request_boxed_as`, with as many"
                );
                Error::Failed { service, verb, what, detail }
            }
            Status::Failed | Status::Done => Error::Failed { service, verb, what, detail: text },
        }
    }

    #[cold]
    fn broken(&self, detail: &str) -> Error {
        let (service, verb, what) = self.parts();
        Error::Protocol {
            peer: format!("service `{service}`"),
            detail: format!("its answer to {verb} `{what}` is none: {detail}"),
        }
    }

    /// That no answer came in time.
    #[cold]
    fn late(&self) -> Error {
        let (_, verb, what) = self.parts();
        let hint = "its handlers are busy, or nobody runs them, or it is stopped; what was begun is done all the same";
        Error::Timeout { verb, what, after: self.timeout, hint: hint.to_owned() }
    }
}

/// A transaction that is not answered yet: to look at, to wait for, or to await.
///
/// A [`WaitSet`](crate::WaitSet) waits for it among other things, until [`try_wait`](Pending::try_wait) has given the outcome out. It is
/// waited for in one place at a time: where a thread or a task waits for it, it leaves the set.
///
/// Dropping it abandons the transaction: what the service does is done, and nobody learns of it. Each has one outcome: the
/// answer; what the service says instead; [`Error::Timeout`]; or [`Error::Died`] where the service ends first.
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
/// let adder = bus.client("adder").open()?;
/// let mut first = adder.begin_execute(&Add(1, 2))?;
/// let second = adder.begin_execute(&Add(3, 4))?;
/// assert_eq!(first.try_wait()?, None);
/// # handlers.poll(&mut (), std::time::Duration::MAX)?;
/// assert_eq!(second.wait()?, 7);
/// assert_eq!(first.wait()?, 3);
/// # Ok(())
/// # }
/// ```
#[must_use = "a transaction that is dropped is abandoned: nobody learns how it ends"]
pub struct Pending<R: Outcome> {
    /// `None` once the outcome was given out.
    pub(super) flight: Option<Flight>,
    pub(super) asked: Asked,
    /// When it is too late; `None` for never.
    pub(super) until: Option<Instant>,
    /// In a wait set.
    pub(super) seat: Seated,
    /// For tasks.
    deadline: Option<Deadline>,
    outcome: PhantomData<fn() -> R>,
}

/// Where the answer comes.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) lane: Arc<ClientLane>,
    pub(super) cell: u32,
    pub(super) number: u64,
}

impl Flight {
    #[inline(always)]
    fn is_over(&self) -> bool {
        self.lane.cell(self.cell).is_over(self.number)
    }

    /// Whether there is an outcome, by whatever the service may have written.
    #[inline(always)]
    fn is_settled(&self) -> bool {
        self.is_over() || self.lane.has_ended()
    }
}

impl<R: Outcome> fmt::Debug for Pending<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pending({} {})", self.asked.kind.verb(), self.asked.what)
    }
}

impl<R: Outcome> Unpin for Pending<R> {}

impl<R: Outcome> Pending<R> {
    #[inline]
    pub(super) fn new(lane: Arc<ClientLane>, (cell, number): (u32, u64), asked: Asked) -> Self {
        let flight = Some(Flight { lane, cell, number });
        let seat = Seated::default();
        Pending { flight, asked, until: None, seat, deadline: None, outcome: PhantomData }
    }

    /// As [`new`](Self::new), for one that is not waited for at once.
    pub(super) fn begun(mut self) -> Self {
        self.until = Instant::now().checked_add(self.asked.timeout);
        self
    }

    /// Whether there is an outcome, so that nothing here would wait.
    pub fn is_ready(&self) -> bool {
        self.flight.as_ref().is_none_or(Flight::is_settled) || self.is_late()
    }

    /// The outcome, if there is one; `None` if there is none yet.
    ///
    /// # Errors
    /// Those of the transaction; [`Error::Closed`] where the outcome was given out already.
    pub fn try_wait(&mut self) -> Result<Option<R::Value>> {
        match self.take()? {
            None if self.is_late() => {
                self.abandon();
                Err(self.asked.late())
            }
            outcome => Ok(outcome),
        }
    }

    /// Waits for the outcome, up to the deadline that the transaction was begun with.
    ///
    /// # Errors
    /// Those of the transaction; [`Error::Timeout`]; [`Error::WouldDeadlock`] in a handler of the service itself, whatever
    /// it asks of it.
    #[inline]
    pub fn wait(mut self) -> Result<R::Value> {
        loop {
            if let Some(outcome) = self.take()? {
                return Ok(outcome);
            }
            let left =
                self.until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            // Asked here too: a service that gives answers and takes them away delays nobody longer than that.
            if left.is_zero() || !self.await_answer(left)? {
                return Err(self.asked.late());
            }
        }
    }

    /// Waits for the outcome for `timeout` at most; `None` where there is none yet.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<Option<R::Value>> {
        let left = self.until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
        if !self.is_ready() {
            self.await_answer(left.min(timeout))?;
        }
        self.try_wait()
    }

    /// As [`wait`](Self::wait) of a transaction that was begun just now, so that the clock need not have been read.
    #[inline]
    pub(super) fn wait_from_now(mut self) -> Result<R::Value> {
        if self.await_answer(self.asked.timeout)? {
            match self.take()? {
                Some(outcome) => return Ok(outcome),
                // It was there, and is not any longer: the service is none to be waited for without a bound.
                None => return self.begun().wait(),
            }
        }
        Err(self.asked.late())
    }

    fn is_late(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    fn abandon(&mut self) {
        // Before the cell may be another transaction's.
        self.seat.leave();
        if let Some(Flight { lane, cell, .. }) = self.flight.take() {
            lane.abandon(cell);
        }
    }

    /// Waits until there is an outcome, so long at most; whether there is.
    #[inline]
    fn await_answer(&mut self, limit: Duration) -> Result<bool> {
        let Some(flight) = &self.flight else { return Ok(true) };
        let looks = if self.asked.wait == Wait::Park { 1 } else { LOOKS };
        for _ in 0..looks {
            if flight.is_over() {
                return Ok(true);
            }
            core::hint::spin_loop();
        }
        self.await_longer(limit)
    }

    #[inline(never)]
    fn await_longer(&mut self, limit: Duration) -> Result<bool> {
        let Some(Flight { lane, cell, number }) = &self.flight else { return Ok(true) };
        if self.seat.leave() {
            // The word that says who waits is one.
            lane.dismiss_waiter(*cell);
        }
        if is_within(lane.epoch) {
            let (service, verb, what) = self.asked.parts();
            return Err(Error::WouldDeadlock { service, verb, what });
        }
        let until = Instant::now().checked_add(limit);
        let wait = match self.asked.wait {
            Wait::SpinThenPark if processors::shared_with(lane.pid) => Wait::Park,
            wait => wait,
        };
        let mut budget = lane.budget.lock().clone();
        let mut waiting = Waiting::default();
        let came = loop {
            let looks = if wait == Wait::Park { 1 } else { LOOKS };
            let is_over = || {
                core::hint::spin_loop();
                lane.cell(*cell).is_over(*number)
            };
            if (0..looks).any(|_| is_over()) || lane.has_ended() {
                break true;
            }
            let spins = match wait {
                Wait::Spin => true,
                Wait::SpinThenPark => waiting.spins(&mut budget),
                _ => false,
            };
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break false;
            }
            if !spins {
                lane.cell(*cell).sleep(*number, &SharedFutex, left.min(PARK_BOUND));
                waiting.woke(&mut budget);
            }
        };
        if !came {
            waiting.give_up(&mut budget);
        }
        *lane.budget.lock() = budget;
        Ok(came)
    }

    /// The outcome, if there is one.
    #[inline]
    fn take(&mut self) -> Result<Option<R::Value>> {
        let Some(Flight { lane, cell, number }) = &self.flight else {
            return Err(Error::Closed("the transaction, whose outcome was given out,"));
        };
        let outcome = match lane.look(*cell, *number) {
            Look::NotYet => return Ok(None),
            Look::Answered { status: Status::Done, bytes, words, .. } => {
                R::decode(words, bytes).map_err(|detail| self.asked.broken(&detail))
            }
            Look::Answered { status, detail, bytes, words } => {
                Err(self.asked.error(status, detail, text(words, bytes)))
            }
            Look::Ended => {
                let (service, verb, what) = self.asked.parts();
                Err(Error::Died { service, verb, what, reason: lane.reason() })
            }
            Look::Broken => Err(self.asked.broken("its length or its kind cannot be")),
        };
        // Before the cell may be another transaction's.
        self.seat.leave();
        lane.finish(*cell);
        self.flight = None;
        outcome.map(Some)
    }
}

/// A service's text, fit for an error message: without control characters.
fn text(words: &[AtomicU64], bytes: usize) -> String {
    let mut text = vec![0; bytes.min(words.len() * 8).min(MAX_TEXT)];
    copy::load_bytes(words, 0, &mut text);
    let text = String::from_utf8_lossy(&text);
    text.chars().map(printable).collect()
}

impl<R: Outcome> Future for Pending<R> {
    type Output = Result<R::Value>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(outcome) = self.take().transpose() {
            return Poll::Ready(outcome);
        }
        self.seat.leave();
        if let Some(Flight { lane, cell, .. }) = &self.flight {
            lane.leave_waker(*cell, context.waker());
        }
        // It may have come before the waker was there.
        if let Some(outcome) = self.take().transpose() {
            return Poll::Ready(outcome);
        }
        let Pending { asked, until, deadline, .. } = &mut *self;
        let deadline = deadline.get_or_insert_with(|| asked.conversation.bus.deadline_at(*until));
        if Pin::new(deadline).poll(context).is_pending() {
            return Poll::Pending;
        }
        self.abandon();
        Poll::Ready(Err(self.asked.late()))
    }
}

impl<R: Outcome> Drop for Pending<R> {
    fn drop(&mut self) {
        self.abandon();
    }
}
