//! A conversation's lanes, as its client has them: what is in flight, and which cells are free.
//!
//! A lane has room for requests and answers of some size: small ones, which most are, or up to a power of two. A transaction takes
//! the lane of its size; where there is none, the service is asked for one. So a conversation that has no transactions has
//! no lane, and one that pokes large values now and then keeps a large lane beside a small one. Small transactions do not take
//! a large lane that happens to be there: such a lane has room for a few only, and they would be busy by turns.

use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock, Weak};
use std::task::Waker;

use super::wait_set::seat::Seat;
use super::waiter::Waiter;
use crate::error::Ended;
use crate::lane::inbox::{INBOX_WORDS, Inbox};
use crate::lane::replies::Look;
use crate::lane::{Cell, Header, Lane, LaneShape};
use crate::segment::OpenError;
use crate::segment::mapping::Words;
use crate::server::ledger::MOST_LANE_BYTES;
use crate::spin::SpinBudget;
use crate::sync::{AtomicU64, Mutex, Ordering, step};
use crate::sys::futex::SharedFutex;
use crate::sys::memory::{self, Writable};
use crate::sys::socket;
use crate::tasks::wake;
use crate::wire::{self, LaneMade, RequestPosted};

/// What a small lane has room for, in bytes, so that most transactions share one.
const SMALL: (usize, usize) = (208, 256);
/// The most words of a lane: as many as a service has for one program at all.
const MAX_WORDS: usize = MOST_LANE_BYTES / 8;

/// The lanes of one conversation.
#[derive(Debug, Default)]
pub(crate) struct Lanes(Mutex<Vec<Arc<ClientLane>>>);

impl Lanes {
    /// The lane that was asked for with this [room](room_for).
    #[inline]
    pub(crate) fn find(&self, room: (u32, u32)) -> Option<Arc<ClientLane>> {
        self.0.lock().iter().find(|lane| lane.room == room).cloned()
    }

    pub(crate) fn add(&self, lane: Arc<ClientLane>) {
        self.0.lock().push(lane);
    }

    /// The connection is lost: none of their transactions will be answered.
    pub(crate) fn end(&self, reason: &Ended) {
        let lanes = core::mem::take(&mut *self.0.lock());
        lanes.into_iter().for_each(|lane| lane.end(reason));
    }

    /// An answer came that a task waits for.
    pub(crate) fn wake(&self, lane: u64, cell: u32) {
        let lane = self.0.lock().iter().find(|other| other.number == lane).cloned();
        let waker = lane.and_then(|lane| lane.answered(cell));
        waker.into_iter().for_each(wake);
    }
}

/// Bytes that the lane has to have room for by which so many words go, those of a request and of its answer: a small lane's, or a
/// power of two.
#[inline]
pub(crate) fn room_for((request, reply): (usize, usize)) -> (u32, u32) {
    let round = |words: usize, small: usize| {
        let bytes = words.saturating_mul(8);
        let rounded = if bytes <= small { small } else { bytes.checked_next_power_of_two().unwrap_or(bytes) };
        u32::try_from(rounded).unwrap_or(u32::MAX)
    };
    (round(request, SMALL.0), round(reply, SMALL.1))
}

/// A lane.
#[derive(Debug)]
pub(crate) struct ClientLane {
    lane: Lane<Words>,
    inbox: Inbox<Words>,
    number: u64,
    /// The room that it was asked to have.
    room: (u32, u32),
    /// Which life of the service it is of.
    pub(crate) epoch: u64,
    /// The process of the service.
    pub(crate) pid: u32,
    /// The connection, which this does not keep open.
    socket: Weak<OwnedFd>,
    book: Mutex<Book>,
    /// Why there will be no further answers.
    ended: OnceLock<Ended>,
    /// How long to spin for an answer.
    pub(super) budget: Mutex<SpinBudget>,
    /// The number of the waiter that had a doorbell hung up last.
    waiter: AtomicU64,
}

/// What is in flight.
#[derive(Debug)]
struct Book {
    /// The number of the next request.
    next: u64,
    free: Vec<u32>,
    /// By cell: the number of the request that is to be answered there; 0 for none.
    in_flight: Box<[u64]>,
    /// By cell: the task that waits for the answer.
    wakers: Box<[Option<Waker>]>,
    /// Cells of transactions that nobody waits for, and that may not be answered yet.
    abandoned: Vec<u32>,
}

impl Book {
    fn take_waker(&mut self, cell: u32) -> Option<Waker> {
        self.wakers.get_mut(cell as usize)?.take()
    }
}

/// Why a transaction was not begun.
#[derive(Debug)]
pub(super) enum NotBegun {
    /// As many as there may be are not answered.
    Full,
    Ended(Ended),
}

impl ClientLane {
    /// Maps what a service sent, after checking it: also that it has room for as many bytes as it was asked for.
    ///
    /// # Errors
    /// What is wrong with it, or why this process cannot have it.
    pub(crate) fn open(
        number: u64,
        (made, room): (&LaneMade, (u32, u32)),
        [lane, inbox]: [&OwnedFd; 2],
        (epoch, pid, socket): (u64, u32, Weak<OwnedFd>),
    ) -> Result<Self, OpenError> {
        let broken = |detail: String| OpenError::Broken(format!("a lane: {detail}"));
        let shape = LaneShape { depth: made.depth, request: made.request, reply: made.reply };
        if !shape.is_valid() || shape.words() > MAX_WORDS {
            return Err(broken(format!("it cannot have this shape: {shape:?}")));
        }
        let (request, reply) = (room.0.div_ceil(8), room.1.div_ceil(8));
        if shape.request < request || shape.reply < reply {
            return Err(broken(format!(
                "it has not the room that it was asked for: {shape:?}, expected {room:?} bytes"
            )));
        }
        let map = |fd: &OwnedFd, words: usize| {
            let bytes = memory::check(fd, Writable::ByAll).map_err(broken)?;
            if bytes < words as u64 * 8 {
                return Err(broken(format!("it has {bytes} bytes, expected at least {}", words * 8)));
            }
            memory::reserve(fd, words as u64 * 8).map_err(OpenError::Os)?;
            Words::map_writable(fd, words * 8).map_err(OpenError::Os)
        };
        let none = || broken("it has not the size that was mapped".to_owned());
        let lane = Lane::new(map(lane, shape.words())?, shape).ok_or_else(none)?;
        let inbox = Inbox::new(map(inbox, INBOX_WORDS)?).ok_or_else(none)?;
        step!(LaneMapped);
        let depth = shape.depth;
        let book = Book {
            next: 1,
            free: (0..depth).rev().collect(),
            in_flight: (0..depth).map(|_| 0).collect(),
            wakers: (0..depth).map(|_| None).collect(),
            abandoned: Vec::new(),
        };
        Ok(ClientLane {
            lane,
            inbox,
            number,
            room,
            epoch,
            pid,
            socket,
            book: Mutex::new(book),
            ended: OnceLock::new(),
            budget: Mutex::new(SpinBudget::new()),
            waiter: AtomicU64::new(0),
        })
    }

    /// What the service offers now.
    pub(super) fn offers(&self) -> u64 {
        self.lane.offers().load(Ordering::Relaxed)
    }

    /// Posts a request, whose header is made for the cell that its answer goes to, and wakes the service if it sleeps; the
    /// cell and the number.
    #[inline]
    pub(super) fn begin(
        &self,
        header: impl FnOnce(u32) -> Header,
        name: &str,
        fill: impl FnOnce(&[AtomicU64]),
    ) -> Result<(u32, u64), NotBegun> {
        let (cell, number) = {
            let mut book = self.book.lock();
            // Under the lock: what is begun before the end is ended by it, and nothing is after.
            if let Some(reason) = self.ended.get() {
                return Err(NotBegun::Ended(reason.clone()));
            }
            let cell = match book.free.pop() {
                Some(cell) => cell,
                None => self.reclaim(&mut book).ok_or(NotBegun::Full)?,
            };
            let number = book.next;
            book.next += 1;
            book.in_flight[cell as usize] = number;
            self.lane.post(number, header(cell), name, fill);
            (cell, number)
        };
        let is_asked_for = self.inbox.ring(&SharedFutex);
        // After the fence of the ring: where the service does nothing any longer it has to be told that this is there, or has seen
        // it when it looked ([`crate::server::transactions`]).
        if is_asked_for || self.offers() == 0 {
            self.send_frame();
        }
        Ok((cell, number))
    }

    /// A cell whose transaction was abandoned, and has been answered since.
    #[cold]
    fn reclaim(&self, book: &mut Book) -> Option<u32> {
        let mut index = 0;
        while let Some(&cell) = book.abandoned.get(index) {
            let number = book.in_flight[cell as usize];
            // A whole look, and not only one at the mark: what the service did before it answered comes before the next request
            // in this cell.
            if !matches!(self.lane.cell(cell).look(number), Look::NotYet) {
                book.abandoned.swap_remove(index);
                book.in_flight[cell as usize] = 0;
                book.free.push(cell);
            } else {
                index += 1;
            }
        }
        book.free.pop()
    }

    /// Tells the service, past all that waits to be sent, that there is a request.
    #[cold]
    fn send_frame(&self) {
        // Where there is no room for the frame the service has enough to read: its control thread looks then, and its task after a
        // while. Where the connection is gone nobody waits.
        if let Some(socket) = self.socket.upgrade() {
            let _ = socket::send(&socket, &wire::encode(0, 0, &RequestPosted {}), &[]);
        }
    }

    #[inline(always)]
    pub(super) fn cell(&self, cell: u32) -> Cell<'_> {
        self.lane.cell(cell)
    }

    /// Looks for an answer.
    #[inline(always)]
    pub(super) fn look(&self, cell: u32, number: u64) -> Look<'_> {
        match self.lane.cell(cell).look(number) {
            Look::NotYet if self.has_ended() => self.last_look(cell, number),
            look => look,
        }
    }

    /// Whether there will be no further answers.
    #[inline(always)]
    pub(super) fn has_ended(&self) -> bool {
        self.ended.get().is_some()
    }

    /// What has become of a transaction of a lane that has ended. Its mark says that, unless the service has written something else
    /// there since, which it may as long as its process lives.
    #[cold]
    fn last_look(&self, cell: u32, number: u64) -> Look<'_> {
        // Whoever ends them all has set the marks before this can be locked.
        drop(self.book.lock());
        match self.lane.cell(cell).look(number) {
            Look::NotYet => Look::Ended,
            look => look,
        }
    }

    /// The task that waits for what was answered in this cell. A frame that comes late may be about the transaction before:
    /// then it waits on.
    fn answered(&self, cell: u32) -> Option<Waker> {
        let mut book = self.book.lock();
        let number = *book.in_flight.get(cell as usize)?;
        if self.lane.cell(cell).is_over(number) { book.take_waker(cell) } else { None }
    }

    /// Why there will be no answer; a service that says so by itself breaks the protocol.
    pub(super) fn reason(&self) -> Ended {
        // Whoever ends them all has said why before this can be locked.
        drop(self.book.lock());
        let lied = || Ended::Misbehaved("it ended a transaction that is this program's to end".to_owned());
        self.ended.get().cloned().unwrap_or_else(lied)
    }

    /// A transaction has its outcome: its cell is free.
    #[inline]
    pub(super) fn finish(&self, cell: u32) {
        let mut book = self.book.lock();
        // Under the lock, by which a set asks.
        self.lane.cell(cell).cease();
        book.in_flight[cell as usize] = 0;
        book.free.push(cell);
        let waker = book.take_waker(cell);
        drop(book);
        drop(waker);
    }

    /// Nobody waits for a transaction any longer: its cell is free when it is answered.
    #[cold]
    pub(super) fn abandon(&self, cell: u32) {
        let mut book = self.book.lock();
        self.lane.cell(cell).cease();
        book.abandoned.push(cell);
        let waker = book.take_waker(cell);
        drop(book);
        drop(waker);
    }

    /// Has a task woken when this cell is answered. The answer must be looked for after this.
    pub(super) fn leave_waker(&self, cell: u32, waker: &Waker) {
        // Foreign code, which runs with no lock held.
        let waker = waker.clone();
        let before = self.book.lock().wakers[cell as usize].replace(waker);
        drop(before);
        self.lane.cell(cell).ask_for_frame();
    }

    /// Has a set woken when this request is answered, unless it waits for it no longer: then the cell may be another's. The
    /// answer must be looked for after this.
    pub(super) fn leave_waiter(&self, (cell, number): (u32, u64), seat: &Seat, waiter: &Arc<Waiter>) {
        let mut book = self.book.lock();
        if seat.is_left() || book.in_flight[cell as usize] != number {
            return;
        }
        let before = book.wakers[cell as usize].replace(Waker::from(waiter.clone()));
        self.lane.cell(cell).ask_for_doorbell(waiter.number);
        drop(book);
        drop(before);
    }

    /// No set waits for what is answered in this cell any longer.
    #[cold]
    pub(super) fn dismiss_waiter(&self, cell: u32) {
        let mut book = self.book.lock();
        self.lane.cell(cell).cease();
        let waker = book.take_waker(cell);
        drop(book);
        drop(waker);
    }

    /// Whether the waiter of this number is another than the one that waited for this lane before, which may have no doorbell
    /// at the service.
    pub(super) fn is_waited_for_anew(&self, waiter: u64) -> bool {
        self.waiter.swap(waiter, Ordering::Relaxed) != waiter
    }

    /// There will be no further answers.
    fn end(&self, reason: &Ended) {
        let wakers = {
            let mut book = self.book.lock();
            let _ = self.ended.set(reason.clone());
            for (cell, &number) in book.in_flight.iter().enumerate().filter(|(_, number)| **number != 0) {
                self.lane.cell(cell as u32).end(number, &SharedFutex);
            }
            // Their places stay: a task may be about to leave another one, and will find the end when it then looks.
            book.wakers.iter_mut().filter_map(Option::take).collect::<Vec<_>>()
        };
        wakers.into_iter().for_each(wake);
    }
}
