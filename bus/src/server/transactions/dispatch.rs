//! How requests come to their handlers: the loop that looks for them, and what is checked before a handler is called.
//!
//! A round looks at the next slot of each lane, and takes a few requests of those that have some, so that a client
//! which asks for much delays another by as many requests at most. With nothing there it spins or sleeps, as it was
//! told, by the service's [inbox](crate::lane::inbox). The cost of a round is a look at one line for each lane.

use core::cell::RefCell;
use core::future::poll_fn;
use core::pin::Pin;
use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::Transactions;
use super::caller::Caller;
use super::handlers::{Arrival, Handlers, Table};
use super::lane::ServedLane;
use super::scratch::Scratch;
use super::serving::text_of;
use super::token::Token;
use crate::access::{self};
use crate::bell::PARK_BOUND;
use crate::client::advise::Wait;
use crate::error::{Error, Result};
use crate::lane::inbox::Inbox;
use crate::lane::requests::{MAX_NAME, NO_ITEM};
use crate::lane::{Header, Kind, Status};
use crate::name;
use crate::segment::mapping::Words;
use crate::server::shared::ServiceShared;
use crate::server::system::event::{TraceEvent, TraceKind};
use crate::spin::{SpinBudget, Waiting};
use crate::sync::step;
use crate::sys::futex::SharedFutex;
use crate::sys::processors;
use crate::tasks::{Deadline, Tasks};
use crate::update::ItemId;

/// Requests of one lane that are handled before it is another's turn.
const REQUESTS_A_TURN: usize = 16;
/// Looks at all lanes between two looks at the clock.
const LOOKS: usize = 64;
/// Rounds in one poll of a task, before other tasks get their turn.
const ROUNDS_A_POLL: usize = 16;

thread_local! {
    /// The services whose handlers this thread is in, by epoch.
    static WITHIN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Whether this thread is in a handler of the service with this epoch, so that nobody else answers for it.
pub(crate) fn is_within(epoch: u64) -> bool {
    WITHIN.with_borrow(|within| within.contains(&epoch))
}

/// This thread is in a handler, until this is dropped.
struct Within;

impl Within {
    fn enter(epoch: u64) -> Self {
        WITHIN.with_borrow_mut(|within| within.push(epoch));
        Within
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        WITHIN.with_borrow_mut(|within| {
            within.pop();
        });
    }
}

/// The lanes that requests come by.
#[derive(Debug)]
pub(super) struct Intake {
    inbox: Inbox<Words>,
    lanes: Vec<Source>,
    /// The version that `lanes` is of.
    seen: u64,
    /// The lane whose turn is first in the next round.
    first: usize,
    budget: SpinBudget,
}

/// A lane, and where its next request will be.
#[derive(Debug)]
struct Source {
    lane: Arc<ServedLane>,
    next: u64,
}

impl Source {
    #[inline(always)]
    fn is_ready(&self) -> bool {
        self.lane.is_ready(self.next)
    }
}

impl Intake {
    pub(super) fn new(inbox: Inbox<Words>) -> Self {
        Intake { inbox, lanes: Vec::new(), seen: u64::MAX, first: 0, budget: SpinBudget::new() }
    }

    pub(super) fn inbox(&self) -> &Inbox<Words> {
        &self.inbox
    }

    /// Learns which lanes there are, where that has changed.
    #[inline(always)]
    fn refresh(&mut self, transactions: &Transactions) {
        let version = transactions.version.load(Ordering::Acquire);
        if version != self.seen {
            self.learn(transactions, version);
        }
    }

    #[cold]
    fn learn(&mut self, transactions: &Transactions, version: u64) {
        self.seen = version;
        let source = |lane: Arc<ServedLane>| Source { next: lane.next.load(Ordering::Relaxed), lane };
        self.lanes = transactions.lanes().into_iter().map(source).collect();
    }

    #[inline(always)]
    fn is_ready(&mut self, transactions: &Transactions) -> bool {
        self.refresh(transactions);
        self.lanes.iter().any(Source::is_ready)
    }
}

impl<S> Handlers<'_, S> {
    /// Answers requests until [`stop`](super::handlers::Stopper::stop) is called, or the service is closed.
    ///
    /// # Errors
    /// None yet.
    pub fn run(&mut self, state: &mut S) -> Result<()> {
        self.serve(state);
        Ok(())
    }

    pub(super) fn serve(&mut self, state: &mut S) {
        while !self.is_over() {
            if self.round(state) == 0 {
                self.await_request(None);
            }
        }
        self.stop.store(false, Ordering::Release);
    }

    /// Answers what was asked for, after waiting up to `timeout` for the first request; how many there were. One that is
    /// [stopped](super::handlers::Stopper::stop) answers none, once.
    ///
    /// # Errors
    /// None yet.
    pub fn poll(&mut self, state: &mut S, timeout: Duration) -> Result<usize> {
        let until = Instant::now().checked_add(timeout);
        loop {
            let handled = self.round(state);
            if handled > 0 {
                return Ok(handled);
            }
            if self.is_over() {
                // As of a run: the next one waits again.
                self.stop.store(false, Ordering::Release);
                return Ok(0);
            }
            if !self.await_request(Some(until)) {
                return Ok(0);
            }
        }
    }

    /// As [`run`](Self::run), as part of a task, of whatever runtime: it never blocks a thread, but in what handlers do.
    ///
    /// As handlers are of one thread, so is the future: spawn it where tasks stay on their thread, as in a `LocalSet` or a
    /// `LocalExecutor`, or block on it.
    ///
    /// # Errors
    /// None yet.
    pub async fn run_async(&mut self, state: &mut S) -> Result<()> {
        let mut place = Tasks::registration_of(self.shared.transactions.tasks.clone());
        let look_again = |shared: &ServiceShared| Deadline::after(shared.timers.clone(), PARK_BOUND);
        let mut bound = look_again(&self.shared);
        poll_fn(|context| {
            for _ in 0..ROUNDS_A_POLL {
                place.wait(context);
                if self.is_over() {
                    self.stop.store(false, Ordering::Release);
                    return Poll::Ready(Ok(()));
                }
                if self.round(state) > 0 {
                    continue;
                }
                self.intake.inbox.ask_for_frame();
                if self.intake.is_ready(&self.shared.transactions) || self.is_over() {
                    continue;
                }
                // Whoever takes the flag away and sends nothing delays this by the bound.
                if Pin::new(&mut bound).poll(context).is_pending() {
                    return Poll::Pending;
                }
                bound = look_again(&self.shared);
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Acquire) || self.shared.is_closed()
    }

    /// Waits for a request; whether there may be one, or the end of it all. `None` for ever, and `Some(None)` for longer
    /// than there is time.
    fn await_request(&mut self, until: Option<Option<Instant>>) -> bool {
        let until = until.flatten();
        let strategy = match self.strategy {
            Wait::SpinThenPark if processors::only_one() => Wait::Park,
            strategy => strategy,
        };
        let mut waiting = Waiting::default();
        loop {
            for _ in 0..LOOKS {
                if self.intake.is_ready(&self.shared.transactions) {
                    return true;
                }
                if strategy == Wait::Park {
                    break;
                }
                core::hint::spin_loop();
            }
            if self.is_over() {
                return true;
            }
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                waiting.give_up(&mut self.intake.budget);
                return false;
            }
            let spins = match strategy {
                Wait::Spin => true,
                Wait::SpinThenPark => waiting.spins(&mut self.intake.budget),
                _ => false,
            };
            if !spins {
                let Intake { inbox, lanes, seen, .. } = &mut self.intake;
                let (transactions, shared, stop) = (&self.shared.transactions, &self.shared, &self.stop);
                let is_there = || {
                    lanes.iter().any(Source::is_ready)
                        || transactions.version.load(Ordering::Acquire) != *seen
                        || shared.is_closed()
                        || stop.load(Ordering::Acquire)
                };
                inbox.sleep(is_there, &SharedFutex, left.min(PARK_BOUND));
                waiting.woke(&mut self.intake.budget);
            }
        }
    }

    /// Handles what there is, a few requests of each lane at most; how many there were.
    #[inline]
    fn round(&mut self, state: &mut S) -> usize {
        let Handlers { shared, table, intake, scratch, stop, .. } = self;
        intake.refresh(&shared.transactions);
        let count = intake.lanes.len();
        let mut handled = 0;
        for index in 0..count {
            let index = (intake.first + index) % count;
            for _ in 0..REQUESTS_A_TURN {
                let source = &mut intake.lanes[index];
                // A handler may have said that it was the last.
                if stop.load(Ordering::Relaxed) {
                    return handled;
                }
                if !source.is_ready() || !source.lane.counterpart.gate.pass() {
                    break;
                }
                handled += 1;
                take(shared, table, scratch, source, state);
            }
        }
        intake.first = intake.first.wrapping_add(1) % count.max(1);
        handled
    }
}

/// Takes the next request of a lane, which is there, and has it answered.
#[inline]
fn take<S>(
    shared: &Arc<ServiceShared>,
    table: &mut Table<'_, S>,
    scratch: &mut Scratch,
    source: &mut Source,
    state: &mut S,
) {
    let Source { lane, next } = source;
    let Some((header, words, mut token)) = lane.take(*next) else { return };
    *next = next.wrapping_add(1);
    scratch.fill(words);
    step!(RequestTaken);
    let topic = &lane.counterpart.topic;
    let name_at = (header.payload as usize).next_multiple_of(8);
    let (mut bytes, named);
    let (item, id) = match (header.kind, header.item) {
        (Kind::Execute, _) => ("", None),
        (_, NO_ITEM) => {
            // On the stack, since the handler gets the scratch.
            bytes = [0; MAX_NAME];
            let bytes = &mut bytes[..usize::from(header.name)];
            bytes.copy_from_slice(scratch.bytes(name_at..name_at + bytes.len()));
            let Ok(name) = core::str::from_utf8(bytes) else {
                return token.tell(Status::Invalid, 0, "the item's name is not UTF-8");
            };
            // Handlers may rely on it: a name is part of a path or of a log before long.
            if let Err(Error::InvalidName { reason, .. }) = name::check("item", name) {
                return token.tell(Status::Invalid, 0, &format!("the item's name: {reason}"));
            }
            (name, topic.item(name).map(ItemId::new))
        }
        (_, index) => {
            let Some(name) = topic.name_of(index) else { return token.tell(Status::NoSuchItem, 0, "") };
            named = name;
            (&*named, Some(ItemId::new(index)))
        }
    };
    if shared.system.trace.is_on() {
        let command = shared.transactions.command_name(header.of);
        token.tell_begun(shared, if header.kind == Kind::Execute { &command } else { item });
    }
    // After spies were told what it is that comes too late.
    if token.is_expired() {
        return token.tell(Status::Expired, 0, "");
    }
    let caller = Caller { lane, item, id, deadline: header.deadline };
    let _within = Within::enter(shared.epoch);
    let handled = catch_unwind(AssertUnwindSafe(|| {
        call(
            shared,
            table,
            state,
            Arrival { scratch, payload: header.payload as usize, caller },
            header,
            token,
        );
    }));
    step!(RequestHandled);
    if let Err(panic) = handled {
        complain(shared, lane, header.kind, panic);
    }
}

/// Calls the handler that a request is for.
#[inline]
fn call<S>(
    shared: &ServiceShared,
    table: &mut Table<'_, S>,
    state: &mut S,
    arrival: Arrival<'_>,
    header: Header,
    token: Token,
) {
    let needed = header.kind.needed();
    let counterpart = &arrival.caller.lane.counterpart;
    if !counterpart.granted.contains(needed) {
        return token.tell(Status::Denied, 0, &access::remedy(counterpart.client.uid, needed));
    }
    let topic = arrival.caller.topic();
    match header.kind {
        Kind::Execute => match table.commands.get_mut(&header.of) {
            Some(run) => run(state, arrival, token),
            None => token.tell(Status::NotSupported, 0, &shared.transactions.command_names()),
        },
        Kind::Poke => match table.topics.get_mut(topic).and_then(|topic| topic.poke.as_mut()) {
            Some(handler) if handler.of == header.of => (handler.run)(state, arrival, token),
            Some(handler) => token.tell(Status::OtherType, 0, &handler.type_name),
            None => token.tell(Status::NotSupported, 0, header.kind.why_unsupported()),
        },
        Kind::Request => {
            let Some(formats) = table.topics.get_mut(topic).map(|topic| &mut topic.formats) else {
                return token.tell(Status::NotSupported, 0, header.kind.why_unsupported());
            };
            match formats.iter_mut().find(|format| format.of == header.of) {
                Some(format) => (format.run)(state, arrival, token),
                None => {
                    let names: Vec<_> =
                        formats.iter().map(|format| format!("`{}`", format.type_name)).collect();
                    token.tell(Status::NotSupported, 0, &names.join(", "));
                }
            }
        }
    }
}

#[cold]
fn complain(shared: &ServiceShared, lane: &ServedLane, kind: Kind, panic: Box<dyn Any + Send>) {
    let text = text_of(&*panic);
    let pid = lane.counterpart.client.pid;
    shared.trace(|| {
        let counterpart = &lane.counterpart;
        let event = TraceEvent::new(TraceKind::HandlerPanicked, pid);
        let event = event.of(counterpart.number, &counterpart.topic.name).because(text);
        TraceEvent { verb: kind.into(), ..event }
    });
    tracing::error!(service = shared.name, pid, ?kind, panic = text, "a handler panicked");
}
