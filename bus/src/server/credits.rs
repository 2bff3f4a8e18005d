//! The credit memory that a service lends one client: a few words for each tracked link.
//!
//! It is made page by page, as links come. A place goes back when the client has closed its link, and not when the
//! service has: until then the client may still write there, and another link of its own would be what it disturbs.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::segment::mapping::Words;
use crate::sys::memory::{self, Writable};

/// Bytes of one credit memory.
pub(crate) const CREDIT_BYTES: usize = 4096;
/// Links that one credit memory has places for; the first so many words are floors, and as many say who is awaited.
const PLACES: usize = CREDIT_BYTES / 16;

/// All credit memory of one client.
#[derive(Debug, Default)]
pub(crate) struct Credits {
    memories: Vec<Memory>,
    free: Vec<Place>,
}

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
    /// A place that no link has. Where that is in memory which the client has not yet: its descriptor.
    ///
    /// # Errors
    /// The system's, where there is no memory.
    pub(crate) fn take(&mut self) -> io::Result<(Place, Option<Arc<OwnedFd>>)> {
        let mut new = None;
        if self.free.is_empty() {
            let fd = memory::create("bus credits", CREDIT_BYTES as u64)?;
            let words = Words::map_writable(&fd, CREDIT_BYTES)?;
            memory::seal(&fd, Writable::ByAll)?;
            let fd = Arc::new(fd);
            let memory = self.memories.len() as u32;
            self.memories.push(Memory { words });
            self.free.extend((0..PLACES as u32).rev().map(|index| Place { memory, index }));
            new = Some(fd);
        }
        let place = self.free.pop().expect("there is a free place, or memory was made");
        Ok((place, new))
    }

    /// Gives a place back.
    pub(crate) fn give_back(&mut self, place: Place) {
        self.free.push(place);
    }

    /// A word of a place.
    pub(crate) fn word(&self, place: Place, word: u32) -> Words {
        self.memories[place.memory as usize].words.part(word as usize..word as usize + 1)
    }
}
