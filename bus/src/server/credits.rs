//! The credit memory that a service lends one client: a few words for each tracked link.
//!
//! It is made page by page, as links come. A place goes back when the client has closed its link, and not when the
//! service has: until then the client may still write there, and another link of its own would be what it disturbs.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::copy::LINE_WORDS;
use crate::segment::mapping::Words;
use crate::sync::Ordering;
use crate::sys::memory::{self, Writable};

/// Bytes of one credit memory.
pub(crate) const CREDIT_BYTES: usize = 4096;
/// Links that one credit memory has places for; the first so many words are floors, and as many say who is awaited.
const PLACES: usize = CREDIT_BYTES / 16;

/// The most credit memory of one client: far more than a program needs; what it protects is the service's memory.
const MAX_BYTES: usize = 64 << 20;

/// All credit memory of one client.
#[derive(Debug, Default)]
pub(crate) struct Credits {
    memories: Vec<Memory>,
    /// Bytes of all of them.
    bytes: usize,
    free: Vec<Place>,
    /// What is left of the memory that holds were last taken from.
    rest: Option<Holds>,
    free_holds: Vec<Holds>,
}

/// Where the words are that say what a link holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holds {
    /// Which credit memory.
    pub(crate) memory: u32,
    /// The first of its words.
    pub(crate) start: u32,
    pub(crate) count: u32,
}

/// Memory that the client has not yet: its number and its descriptor.
pub(crate) type NewMemory = Option<(u32, Arc<OwnedFd>)>;

#[derive(Debug)]
struct Memory {
    words: Words,
}

/// Where a tracked link's words are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Which credit memory.
    pub(crate) memory: u32,
    index: u32,
}

impl Place {
    /// The word that is the floor.
    pub(crate) fn floor(self) -> u32 {
        self.index
    }

    /// The word that says whether the publisher waits.
    pub(crate) fn awaited(self) -> u32 {
        self.index + PLACES as u32
    }
}

impl Credits {
    /// A place that no link has.
    ///
    /// # Errors
    /// The system's, where there is no memory.
    pub(crate) fn take(&mut self) -> io::Result<(Place, NewMemory)> {
        let mut new = None;
        if self.free.is_empty() {
            let (memory, fd) = self.create(CREDIT_BYTES)?;
            self.free.extend((0..PLACES as u32).rev().map(|index| Place { memory, index }));
            new = Some((memory, fd));
        }
        let place = self.free.pop().expect("there is a free place, or memory was made");
        Ok((place, new))
    }

    /// Words for so many holds, at least one.
    ///
    /// # Errors
    /// The system's, where there is no memory.
    pub(crate) fn take_holds(&mut self, count: u32) -> io::Result<(Holds, NewMemory)> {
        // Whole lines, so that one link's are not written beside another's.
        let count = count.next_multiple_of(LINE_WORDS as u32);
        if let Some(position) = self.free_holds.iter().position(|free| free.count == count) {
            return Ok((self.free_holds.swap_remove(position), None));
        }
        let mut new = None;
        let rest = match self.rest.filter(|rest| rest.count >= count) {
            Some(rest) => rest,
            None => {
                let bytes = CREDIT_BYTES.max(count as usize * 8);
                let (memory, fd) = self.create(bytes)?;
                new = Some((memory, fd));
                Holds { memory, start: 0, count: (bytes / 8) as u32 }
            }
        };
        self.rest = Some(Holds { start: rest.start + count, count: rest.count - count, ..rest });
        Ok((Holds { count, ..rest }, new))
    }

    fn create(&mut self, bytes: usize) -> io::Result<(u32, Arc<OwnedFd>)> {
        if self.bytes + bytes > MAX_BYTES {
            let why =
                format!("tracked links of one program have at most {} MiB for their words", MAX_BYTES >> 20);
            return Err(io::Error::new(io::ErrorKind::OutOfMemory, why));
        }
        let fd = memory::create("bus credits", bytes as u64)?;
        let words = Words::map_writable(&fd, bytes)?;
        memory::seal(&fd, Writable::ByAll)?;
        let memory = self.memories.len() as u32;
        self.memories.push(Memory { words });
        self.bytes += bytes;
        Ok((memory, Arc::new(fd)))
    }

    /// Gives a place back.
    pub(crate) fn give_back(&mut self, place: Place) {
        self.free.push(place);
    }

    /// Gives words for holds back.
    pub(crate) fn give_back_holds(&mut self, holds: Holds) {
        for word in &*self.words(holds) {
            word.store(0, Ordering::Relaxed);
        }
        self.free_holds.push(holds);
    }

    /// A word of a place.
    pub(crate) fn word(&self, place: Place, word: u32) -> Words {
        self.memories[place.memory as usize].words.part(word as usize..word as usize + 1)
    }

    /// The words of some holds.
    pub(crate) fn words(&self, holds: Holds) -> Words {
        let start = holds.start as usize;
        self.memories[holds.memory as usize].words.part(start..start + holds.count as usize)
    }
}
