//! One lane, as the service has it.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use super::counterpart::Counterpart;
use super::token::Token;
use super::{Outcomes, Owed};
use crate::lane::replies::Told;
use crate::lane::{Header, Kind, Lane, LaneShape, Status};
use crate::segment::mapping::Words;
use crate::server::shared::ServiceShared;
use crate::server::system::event::TraceEvent;
use crate::server::system::trace::Trace;
use crate::sync::AtomicU64 as AtomicWord;
use crate::sys::memory::{self, Writable};
use crate::sys::socket;
use crate::wire::{self, Answered};

/// The bytes above which a lane has fewer slots than the service's queue says.
const FEWER_ABOVE: usize = 1 << 20;

/// A lane of one conversation.
#[derive(Debug)]
pub(crate) struct ServedLane {
    pub(crate) lane: Lane<Words>,
    pub(crate) counterpart: Arc<Counterpart>,
    /// The client's number for it.
    number: u64,
    /// The number of the request that is taken next; whoever dispatches keeps it here while it does not.
    pub(crate) next: AtomicU64,
    /// Which cells have a request that is not answered.
    taken: Box<[AtomicBool]>,
    closed: AtomicBool,
    service: Weak<ServiceShared>,
    /// The service's, at hand: with each answer, a look whether the service is there yet would cost more than the count.
    outcomes: Arc<Outcomes>,
    /// The service's, likewise.
    trace: Arc<Trace>,
    pid: u32,
    bytes: usize,
}

impl ServedLane {
    /// Makes a lane whose slots have so many words for requests and for answers; also its descriptor.
    ///
    /// # Errors
    /// That the client's process has as many bytes as it may, or the system's error.
    pub(crate) fn create(
        service: &Arc<ServiceShared>,
        counterpart: Arc<Counterpart>,
        number: u64,
        (request, reply): (u32, u32),
    ) -> io::Result<(Arc<Self>, Arc<OwnedFd>)> {
        let queue = service.transactions.queue.load(Ordering::Relaxed);
        let mut shape = LaneShape { depth: queue, request, reply };
        while shape.depth > 2 && shape.words() * 8 > FEWER_ABOVE {
            shape.depth /= 2;
        }
        let bytes = shape.words() * 8;
        let pid = counterpart.client.pid;
        service.ledger.enter_lane(pid, bytes)?;
        let made = (|| {
            let fd = memory::create("bus lane", bytes as u64)?;
            let words = Words::map_writable(&fd, bytes)?;
            memory::seal(&fd, Writable::ByAll)?;
            io::Result::Ok((words, fd))
        })();
        let (words, fd) = made.inspect_err(|_| service.ledger.strike_lane(pid, bytes))?;
        let lane = ServedLane {
            lane: Lane::new(words, shape).expect("as many words as its shape has were mapped"),
            counterpart,
            number,
            next: AtomicU64::new(1),
            taken: (0..shape.depth).map(|_| AtomicBool::new(false)).collect(),
            closed: AtomicBool::new(false),
            service: Arc::downgrade(service),
            outcomes: service.transactions.outcomes.clone(),
            trace: service.system.trace.clone(),
            pid,
            bytes,
        };
        Ok((Arc::new(lane), Arc::new(fd)))
    }

    /// Tells the client what is offered now.
    pub(crate) fn announce(&self, offers: u64) {
        self.lane.offers().store(offers, Ordering::Relaxed);
    }

    /// Takes request `number`, the next one, if it is there: what it says, the words that it carries, which are the client's to
    /// change at any time, and the right to answer it. Only whoever has the handlers' place does, so that nobody else begins one
    /// meanwhile. A client that breaks the protocol is accused, and nothing is taken from it any longer.
    #[inline]
    pub(super) fn take(self: &Arc<Self>, number: u64) -> Option<(Header, &[AtomicWord], Token)> {
        let (header, words) = match self.lane.take(number)? {
            Ok(taken) => taken,
            Err(bad) => {
                self.accuse(&bad.to_string());
                return None;
            }
        };
        if !self.begin(header.cell) {
            self.accuse("a request whose answer goes where another's does");
            return None;
        }
        self.next.store(number.wrapping_add(1), Ordering::Relaxed);
        let token = Token::new(self.clone(), (header.cell, number), header.kind, header.deadline);
        Some((header, words, token))
    }

    /// Begins a transaction whose answer goes to this cell; `false` where another one's does, which is not answered.
    fn begin(&self, cell: u32) -> bool {
        let taken = &self.taken[cell as usize];
        let is_free = !taken.load(Ordering::Relaxed);
        taken.store(true, Ordering::Relaxed);
        is_free
    }

    /// A transaction ended so.
    pub(super) fn count(&self, kind: Kind, status: Status) {
        self.outcomes.count(kind, status);
    }

    /// Has spies told of an event, where there are any.
    #[inline]
    pub(super) fn trace(&self, event: impl FnOnce() -> TraceEvent) {
        if self.trace.is_on()
            && let Some(service) = self.service.upgrade()
        {
            service.tell(event());
        }
    }

    /// A transaction is about to be answered: its cell is the client's again. Before the mark says so, since the next request
    /// may name it as soon as that does; the mark's release orders the two.
    pub(super) fn end(&self, cell: u32) {
        self.taken[cell as usize].store(false, Ordering::Relaxed);
    }

    /// Whether the request of this number, which is the next one, is there and may be taken now.
    #[inline(always)]
    pub(super) fn is_ready(&self, next: u64) -> bool {
        self.lane.has(next) && self.counterpart.gate.is_open() && !self.is_closed()
    }

    /// How many requests wait to be begun. A client can make this say anything up to the depth.
    pub(crate) fn pending(&self) -> usize {
        let next = self.next.load(Ordering::Relaxed);
        let depth = u64::from(self.lane.shape().depth);
        (0..depth).take_while(|ahead| self.lane.has(next.wrapping_add(*ahead))).count()
    }

    /// Bytes of its memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    /// Nothing is taken from it any longer.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Tells whoever waits for the answer in this cell, where that is no thread that sleeps on it.
    #[inline(always)]
    pub(super) fn tell(&self, told: Told, cell: u32) {
        match told {
            Told::Done => {}
            Told::ByFrame => self.send_frame(cell),
            Told::ByDoorbell(number) => self.ring(number, cell),
        }
    }

    /// Rings the client's doorbell of this number. Where it has none here, its control thread rings.
    #[cold]
    fn ring(&self, number: u64, cell: u32) {
        let doorbells = self.counterpart.doorbells.upgrade();
        if !doorbells.is_some_and(|doorbells| doorbells.ring(number)) {
            self.send_frame(cell);
        }
    }

    /// Has a task of the client's look for the answer in this cell.
    #[cold]
    fn send_frame(&self, cell: u32) {
        let Some(connection) = self.counterpart.socket.upgrade() else { return };
        let frame = wire::encode(self.counterpart.reference, self.number, &Answered { cell, reserved: 0 });
        // Where there is no room now the control thread sends it when there is.
        if !matches!(socket::send(&connection, &frame, &[]), Ok(socket::Sent::Yes))
            && let Some(service) = self.service.upgrade()
        {
            let (peer, conversation) = (self.counterpart.peer, self.counterpart.reference);
            service.transactions.owe(Owed { peer, conversation, lane: self.number, cell });
            service.waker.wake();
        }
    }

    /// The client has broken the protocol: the control thread ends its connection.
    #[cold]
    fn accuse(&self, of: &str) {
        self.close();
        if let Some(service) = self.service.upgrade() {
            service.transactions.accuse(self.counterpart.peer, of.to_owned());
            service.waker.wake();
        }
    }
}

impl Drop for ServedLane {
    fn drop(&mut self) {
        if let Some(service) = self.service.upgrade() {
            service.ledger.strike_lane(self.pid, self.bytes);
        }
    }
}
