//! The right to answer one request, once.

use core::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lane::ServedLane;
use super::refusal::Refusal;
use crate::lane::{Detail, Kind, MAX_TEXT, Status};
use crate::payload::Payload;
use crate::server::shared::ServiceShared;
use crate::server::system::event::{TraceEvent, TraceKind};
use crate::sync::{AtomicU64, Ordering};
use crate::sys::futex::SharedFutex;
use crate::sys::time;

/// The right to answer, whatever the answer's type. Who loses it answers that too.
#[derive(Debug)]
pub(super) struct Token {
    lane: Arc<ServedLane>,
    cell: u32,
    number: u64,
    kind: Kind,
    deadline: u64,
    /// Where somebody spied when it was begun.
    traced: Option<Box<Traced>>,
    answered: bool,
}

/// What is kept of a transaction that spies were told of.
#[derive(Debug)]
struct Traced {
    /// The event that told that it was begun.
    number: u64,
    at: Instant,
    name: Box<str>,
}

impl Token {
    pub(super) fn new(lane: Arc<ServedLane>, (cell, number): (u32, u64), kind: Kind, deadline: u64) -> Self {
        Token { lane, cell, number, kind, deadline, traced: None, answered: false }
    }

    /// Answers with a value, or says that there is no room for it.
    #[inline]
    pub(super) fn answer<R: Payload + ?Sized>(mut self, value: &R) {
        let (bytes, room) = (value.bytes(), self.lane.lane.cell(self.cell).room());
        if bytes <= room {
            self.give(Status::Done, 0, "", bytes, |words| value.store(words));
        } else {
            self.give(Status::TooLong, bytes as u64, "", 0, |_| {});
        }
    }

    /// Answers with a text, of which as much is sent as there is room for in any cell.
    #[cold]
    pub(super) fn tell(mut self, status: Status, detail: Detail, text: &str) {
        let text = &text[..text.floor_char_boundary(MAX_TEXT)];
        self.give(status, detail, text, text.len(), |words| store_text(words, text));
    }

    #[cold]
    pub(super) fn refuse(self, refusal: Refusal) {
        match refusal {
            Refusal::Refused { code, reason } => self.tell(Status::Refused, code.into(), &reason),
            Refusal::Busy { retry_after } => {
                let after = u64::try_from(retry_after.as_nanos()).unwrap_or(u64::MAX);
                self.tell(Status::Busy, after, "");
            }
            Refusal::NoSuchItem => self.tell(Status::NoSuchItem, 0, ""),
            Refusal::Failed { detail } => self.tell(Status::Failed, 0, &detail),
        }
    }

    /// Answers; `text` is what the answer says in words, for spies.
    #[inline]
    fn give(
        &mut self,
        status: Status,
        detail: Detail,
        text: &str,
        bytes: usize,
        fill: impl FnOnce(&[AtomicU64]),
    ) {
        self.answered = true;
        self.lane.count(self.kind, status);
        self.lane.trace(|| self.answered_event(status, detail, text));
        self.lane.end(self.cell);
        let cell = self.lane.lane.cell(self.cell);
        let told = cell.answer(self.number, status, detail, bytes, fill, &SharedFutex);
        self.lane.tell(told, self.cell);
    }

    /// Has spies told that it is begun, for an item or by a command of this name.
    #[cold]
    pub(super) fn tell_begun(&mut self, service: &ServiceShared, name: &str) {
        let at = Instant::now();
        let event = TraceEvent { transaction: 0, ..self.event(TraceKind::TransactionBegun).named(name) };
        self.traced = Some(Box::new(Traced { number: service.tell(event), at, name: name.into() }));
    }

    #[cold]
    fn answered_event(&self, status: Status, detail: Detail, text: &str) -> TraceEvent {
        let mut event = self.event(TraceKind::TransactionAnswered);
        event = match status {
            Status::Refused => TraceEvent { code: detail as u32, ..event.because(text) },
            Status::Busy => event.because(&format!("again after {:?}", Duration::from_nanos(detail))),
            Status::TooLong => event.because(&format!("the answer has {detail} bytes")),
            _ => event.because(text),
        };
        event.outcome = status.into();
        if let Some(traced) = &self.traced {
            event = event.named(&traced.name);
            event.transaction = traced.number;
            event.duration = u64::try_from(traced.at.elapsed().as_nanos()).unwrap_or(u64::MAX);
        }
        event
    }

    fn event(&self, kind: TraceKind) -> TraceEvent {
        let counterpart = &self.lane.counterpart;
        let event =
            TraceEvent::new(kind, counterpart.client.pid).of(counterpart.number, &counterpart.topic.name);
        TraceEvent { verb: self.kind.into(), ..event }
    }

    pub(super) fn is_expired(&self) -> bool {
        time::is_past(self.deadline)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        let why = if std::thread::panicking() {
            "its handler panicked"
        } else {
            "its handler dropped the reply without an answer"
        };
        self.give(Status::Failed, 0, why, why.len(), |words| store_text(words, why));
    }
}

fn store_text(words: &[AtomicU64], text: &str) {
    for (word, bytes) in words.iter().zip(text.as_bytes().chunks(8)) {
        let mut last = [0; 8];
        last[..bytes.len()].copy_from_slice(bytes);
        word.store(u64::from_ne_bytes(last), Ordering::Relaxed);
    }
}

/// The right to answer one request with an `R`, once, at any time and from any thread.
///
/// Dropped without an answer, it answers [`Failed`](crate::Error::Failed): no client waits for what nobody will say.
///
/// ```
/// # fn main() -> Result<(), bus::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
/// # let service = bus.service("press")?;
/// # service.ready()?;
/// #[derive(bus::Message)]
/// #[message(reply = u64)]
/// #[repr(C)]
/// struct Print {
///     copies: u64,
/// }
///
/// let mut handlers = service.handlers()?;
/// handlers.execute_later(|_, print: &Print, _, reply| {
///     let copies = print.copies;
///     std::thread::spawn(move || reply.answer(&copies)); // when it is printed
/// })?;
/// # let press = bus.client("press").open()?;
/// let printed = press.begin_execute(&Print { copies: 3 })?;
/// handlers.poll(&mut (), std::time::Duration::MAX)?;
/// assert_eq!(printed.wait()?, 3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "who drops it answers that it failed"]
pub struct Reply<R: ?Sized> {
    token: Token,
    answer: PhantomData<fn(&R)>,
}

impl<R: Payload + ?Sized> Reply<R> {
    pub(super) fn new(token: Token) -> Self {
        Reply { token, answer: PhantomData }
    }

    /// Answers.
    pub fn answer(self, answer: &R) {
        self.token.answer(answer);
    }

    /// Says no, or not now.
    pub fn refuse(self, refusal: impl Into<Refusal>) {
        self.token.refuse(refusal.into());
    }

    /// Answers with what a handler returned in a box.
    pub fn send_boxed(self, outcome: Result<Box<R>, Refusal>) {
        match outcome {
            Ok(answer) => self.answer(&answer),
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// Whether nobody waits for the answer any longer: the client has closed the conversation or died, or its deadline has
    /// passed. That it has let go of its [`Pending`](crate::Pending) is not told.
    pub fn is_abandoned(&self) -> bool {
        self.token.lane.is_closed() || self.token.is_expired()
    }
}

impl<R: Payload> Reply<R> {
    /// Answers with what a handler returned.
    pub fn send(self, outcome: Result<R, Refusal>) {
        match outcome {
            Ok(answer) => self.answer(&answer),
            Err(refusal) => self.refuse(refusal),
        }
    }
}
