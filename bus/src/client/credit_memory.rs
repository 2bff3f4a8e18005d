//! Memory that a service lends for the credit of tracked links ([`crate::credit`]), as its client uses it.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};

use crate::credit::{Floor, RELEASED};
use crate::segment::OpenError;
use crate::segment::mapping::Words;
use crate::sys::futex::SharedFutex;
use crate::sys::memory::{self, Writable};
use crate::sys::socket;
use crate::wire::{self, FloorRaised};

/// The largest credit memory that is taken: more than a service makes at once.
const MAX_BYTES: u64 = 1 << 20;

/// One credit memory, mapped.
#[derive(Debug)]
pub(crate) struct CreditMemory {
    words: Words,
}

/// What a tracked link has to tell its publisher by.
#[derive(Debug, Clone)]
pub(crate) struct Credit {
    pub(crate) floor: Words,
    pub(crate) awaited: Words,
    /// What it may hold, if it may.
    pub(crate) holds: Option<Words>,
    /// The connection: what is held is held until this end of it is closed.
    pub(crate) socket: Arc<OwnedFd>,
}

impl CreditMemory {
    /// Maps what a service sent, after checking it.
    ///
    /// # Errors
    /// What is wrong with it, or why this process cannot have it.
    pub(crate) fn open(fd: &OwnedFd) -> Result<Self, OpenError> {
        let broken = |detail: String| OpenError::Broken(format!("credit memory: {detail}"));
        let bytes = memory::check(fd, Writable::ByAll).map_err(broken)?;
        if bytes == 0 || bytes > MAX_BYTES || !bytes.is_multiple_of(8) {
            return Err(broken(format!(
                "it has {bytes} bytes, expected whole words and at most {MAX_BYTES} bytes"
            )));
        }
        memory::reserve(fd, bytes).map_err(OpenError::Os)?;
        let words = Words::map_writable(fd, bytes as usize).map_err(OpenError::Os)?;
        Ok(CreditMemory { words })
    }

    /// A link's floor and whether it is awaited, if these places are there.
    pub(crate) fn floor(&self, floor: u32, awaited: u32) -> Option<(Words, Words)> {
        Some((self.part(floor, 1)?, self.part(awaited, 1)?))
    }

    /// The words for what a link holds, if they are there.
    pub(crate) fn holds(&self, first: u32, count: u32) -> Option<Words> {
        self.part(first, count)
    }

    fn part(&self, start: u32, count: u32) -> Option<Words> {
        let (start, end) = (start as usize, start as usize + count as usize);
        (end <= self.words.len()).then(|| self.words.part(start..end))
    }
}

impl Credit {
    /// The connection is lost, and the publisher need not wait for the link by it any longer, also where it cannot know yet:
    /// what the link holds keeps this end of the connection open. The number that the link had said it wants next; `None`
    /// where it had said that it wants nothing.
    pub(crate) fn release(&self) -> Option<u64> {
        let floor = Floor { floor: &self.floor[0], awaited: &self.awaited[0] };
        let said = floor.release(&SharedFutex, || wake_tasks(&self.socket));
        (said < RELEASED).then_some(said)
    }
}

/// Tells the service, past all that waits to be sent, that its tasks may find a floor raised.
fn wake_tasks(socket: &OwnedFd) {
    // Where there is no room for the frame the service has enough to read, and its task looks again after a while. Where
    // the connection is gone nobody waits.
    let _ = socket::send(socket, &wire::encode(0, 0, &FloorRaised {}), &[]);
}

/// How far a lossless link's reader has told its publisher that it is.
///
/// It tells of every eighth of a history, and whenever there is nothing more to read: a publisher that waits gets room
/// for several values at once, and a reader that keeps up seldom writes to a line that the publisher looks at. One that
/// takes long for an eighth is asked to tell of each value, in a word that it looks at with each: its publisher writes
/// there only while it waits.
#[derive(Debug)]
pub(crate) struct Account {
    floor: Words,
    awaited: Words,
    /// The connection, which this does not keep open.
    socket: Weak<OwnedFd>,
    told: u64,
    step: u64,
}

impl Account {
    /// The account of a reader of a ring of `depth` slots, which has told nothing yet.
    pub(crate) fn new(credit: Credit, depth: u64) -> Self {
        let Credit { floor, awaited, socket, .. } = credit;
        let socket = Arc::downgrade(&socket);
        let mut account = Account { floor, awaited, socket, told: 0, step: (depth / 8).max(1) };
        account.told = account.floor().said();
        account
    }

    /// The same, of a reader that begins at value `wanted`.
    pub(crate) fn begin(credit: Credit, wanted: u64, depth: u64) -> Self {
        let mut account = Account::new(credit, depth);
        if account.told < RELEASED {
            account.tell(wanted);
        }
        account
    }

    #[inline(always)]
    fn floor(&self) -> Floor<'_> {
        Floor { floor: &self.floor[0], awaited: &self.awaited[0] }
    }

    /// After a look: `wanted` is the next value, and `idle` whether there was none.
    #[inline(always)]
    pub(crate) fn keep(&mut self, wanted: u64, idle: bool) {
        let ahead = wanted.wrapping_sub(self.told);
        if ahead >= self.step || (ahead > 0 && (idle || self.floor().is_urgent())) {
            self.tell(wanted);
        }
    }

    /// Nothing more will be read: the publisher need not wait, also while what the link holds keeps it registered.
    pub(crate) fn release(&mut self) {
        self.floor().release(&SharedFutex, || self.wake_tasks());
    }

    #[inline(never)]
    fn tell(&mut self, wanted: u64) {
        // Where the connection is lost, this is of no interest any longer.
        if self.floor().raise(self.told, wanted, &SharedFutex, || self.wake_tasks()) {
            self.told = wanted;
        }
    }

    #[cold]
    fn wake_tasks(&self) {
        if let Some(socket) = self.socket.upgrade() {
            wake_tasks(&socket);
        }
    }
}
