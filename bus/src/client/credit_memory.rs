//! Memory that a service lends for the credit of tracked links ([`crate::credit`]), as its client uses it.

use std::os::fd::OwnedFd;

use crate::credit::Floor;
use crate::segment::OpenError;
use crate::segment::mapping::Words;
use crate::sys::futex::SharedFutex;
use crate::sys::memory::{self, Writable};

/// The largest credit memory that is taken: more than a service makes at once.
const MAX_BYTES: u64 = 1 << 20;

/// One credit memory, mapped.
#[derive(Debug)]
pub(crate) struct CreditMemory {
    words: Words,
}

/// The words of one tracked link.
#[derive(Debug, Clone)]
pub(crate) struct Credit {
    floor: Words,
    awaited: Words,
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

    /// The link whose words are at these places; `None` where there are no such places.
    pub(crate) fn credit(&self, floor: u32, awaited: u32) -> Option<Credit> {
        let word = |place: u32| {
            let place = place as usize;
            (place < self.words.len()).then(|| self.words.part(place..place + 1))
        };
        Some(Credit { floor: word(floor)?, awaited: word(awaited)? })
    }
}

impl Credit {
    #[inline(always)]
    fn floor(&self) -> Floor<'_> {
        Floor { floor: &self.floor[0], awaited: &self.awaited[0] }
    }

    /// Says that everything below `to` was read.
    pub(crate) fn raise(&self, to: u64) {
        self.floor().raise(to, &SharedFutex);
    }
}

/// How far a lossless link's reader has told its publisher that it is.
///
/// It tells of every eighth of a history, and whenever there is nothing more to read: a publisher that waits gets room
/// for several values at once, and a reader that keeps up seldom writes to a line that the publisher looks at. One that
/// takes long for an eighth is asked to tell of each value, in a word that it looks at with each: its publisher writes
/// there only while it waits.
#[derive(Debug)]
pub(crate) struct Account {
    credit: Credit,
    told: u64,
    step: u64,
}

impl Account {
    /// The account of a reader that begins at value `wanted` of a ring of `depth` slots.
    pub(crate) fn new(credit: Credit, wanted: u64, depth: u64) -> Self {
        credit.raise(wanted);
        Account { credit, told: wanted, step: (depth / 8).max(1) }
    }

    /// After a look: `wanted` is the next value, and `idle` whether there was none.
    #[inline(always)]
    pub(crate) fn keep(&mut self, wanted: u64, idle: bool) {
        let ahead = wanted.wrapping_sub(self.told);
        if ahead >= self.step || (ahead > 0 && (idle || self.credit.floor().is_urgent())) {
            self.tell(wanted);
        }
    }

    #[inline(never)]
    fn tell(&mut self, wanted: u64) {
        self.told = wanted;
        self.credit.raise(wanted);
    }
}
