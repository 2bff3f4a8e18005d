//! The credit memory that a service lends one client: a few words for each tracked link.
//!
//! It is made as links come, each memory as large as all before it, so that they are few: each is a mapping here and there.
//! How much of it one process may have, by however many connections, the [ledger](super::ledger) says.
//!
//! A place goes back when the client has closed its link, and not when the service has: until then the client may still
//! write there, and another link of its own would be what it disturbs. And it is lent again only when no publisher has
//! the former link any longer, since a publisher writes there too: one that is in the middle of a look at a link which is
//! gone would disturb the next one.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};

use crate::copy::LINE_WORDS;
use crate::segment::mapping::Words;
use crate::server::ledger::Lent;
use crate::server::shared::ServiceShared;
use crate::server::tracked::Tracked;
use crate::sync::Ordering;
use crate::sys::memory::{self, Writable};

/// Bytes of the smallest credit memory.
const LEAST_BYTES: usize = 4096;
/// Bytes of the largest one, unless one link needs more: what a client maps without asking ([`crate::client`]).
const LARGEST_BYTES: usize = 1 << 20;
/// How many places that went back are looked at for one that no publisher has any longer, before there are new ones.
const TRIES: usize = 8;

/// All credit memory of one connection.
#[derive(Debug)]
pub(crate) struct Credits {
    service: Arc<ServiceShared>,
    pid: u32,
    lent: Lent,
    memories: Vec<Words>,
    /// Places that no link has had.
    fresh: Vec<Place>,
    /// Places that went back, with the links that had them.
    free: VecDeque<(Place, Weak<Tracked>)>,
    /// What is left of the memory that holds were last taken from.
    rest: Holds,
    free_holds: Vec<Holds>,
}

/// Where the words are that say what a link holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Holds {
    /// Which credit memory.
    pub(crate) memory: u32,
    /// The first of its words.
    pub(crate) start: u32,
    /// How many there are: at least as many as were asked for.
    count: u32,
}

/// Memory that the client has not yet: its number and its descriptor.
pub(crate) type NewMemory = Option<(u32, Arc<OwnedFd>)>;

/// Where a tracked link's words are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Which credit memory.
    pub(crate) memory: u32,
    /// The word that is the floor. Floors are side by side.
    pub(crate) floor: u32,
    /// The word that says whether the publisher waits.
    pub(crate) awaited: u32,
}

impl Credits {
    /// Those of a new connection of process `pid`.
    pub(crate) fn new(service: Arc<ServiceShared>, pid: u32) -> Self {
        Credits {
            service,
            pid,
            lent: Lent::default(),
            memories: Vec::new(),
            fresh: Vec::new(),
            free: VecDeque::new(),
            rest: Holds::default(),
            free_holds: Vec::new(),
        }
    }

    /// A place that no link has.
    ///
    /// # Errors
    /// That the process has as many as it may; the system's, where there is no memory.
    pub(crate) fn take(&mut self) -> io::Result<(Place, NewMemory)> {
        self.service.ledger.enter_link(self.pid)?;
        let place = match self.freed().or_else(|| self.fresh.pop()) {
            Some(place) => Ok((place, None)),
            None => self.make_places(),
        };
        match &place {
            Ok((place, _)) => {
                self.lent.links += 1;
                // Whoever had it before may have been awaited to the last.
                self.word(*place, place.awaited)[0].store(0, Ordering::Relaxed);
            }
            Err(_) => self.service.ledger.strike(self.pid, Lent { links: 1, ..Lent::default() }),
        }
        place
    }

    /// A place that went back, and that no publisher may write to.
    fn freed(&mut self) -> Option<Place> {
        for _ in 0..self.free.len().min(TRIES) {
            let (place, link) = self.free.pop_front()?;
            // None comes back: this is the only way to it.
            if link.strong_count() == 0 {
                // After the last store of whoever had it last.
                core::sync::atomic::fence(Ordering::Acquire);
                return Some(place);
            }
            self.free.push_back((place, link));
        }
        None
    }

    fn make_places(&mut self) -> io::Result<(Place, NewMemory)> {
        let (memory, bytes, fd) = self.create(0)?;
        let places = (bytes / 16) as u32;
        let made = (0..places).rev().map(|index| Place { memory, floor: index, awaited: places + index });
        self.fresh.extend(made);
        let place = self.fresh.pop().expect("memory has places");
        Ok((place, Some((memory, fd))))
    }

    /// Words for so many holds, at least one.
    ///
    /// # Errors
    /// That the process has as many as it may; the system's, where there is no memory.
    pub(crate) fn take_holds(&mut self, count: u32) -> io::Result<(Holds, NewMemory)> {
        // Whole lines, so that one link's are not written beside another's; and of few sizes, so that what went back fits
        // what is asked for.
        let count = count.max(LINE_WORDS as u32).next_power_of_two();
        if let Some(position) = self.free_holds.iter().position(|free| free.count == count) {
            return Ok((self.free_holds.swap_remove(position), None));
        }
        let mut new = None;
        let mut from = self.rest;
        if from.count < count {
            let (memory, bytes, fd) = self.create(count as usize * 8)?;
            new = Some((memory, fd));
            from = Holds { memory, start: 0, count: (bytes / 8) as u32 };
        }
        let rest = Holds { start: from.start + count, count: from.count - count, ..from };
        if new.is_none() || rest.count > self.rest.count {
            self.rest = rest;
        }
        Ok((Holds { count, ..from }, new))
    }

    /// Makes memory of at least so many bytes: its number, its size and its descriptor.
    fn create(&mut self, least: usize) -> io::Result<(u32, usize, Arc<OwnedFd>)> {
        let least = least.max(LEAST_BYTES);
        // As much as there is; but less rather than nothing, where little is left. Whole pages.
        let left = self.service.ledger.left(self.pid) / LEAST_BYTES * LEAST_BYTES;
        let bytes = self.lent.bytes.min(LARGEST_BYTES).min(left).max(least);
        self.service.ledger.enter_memory(self.pid, bytes)?;
        let memory = self.memories.len() as u32;
        match make(bytes) {
            Ok((words, fd)) => {
                self.memories.push(words);
                self.lent.bytes += bytes;
                self.lent.memories += 1;
                Ok((memory, bytes, fd))
            }
            Err(error) => {
                self.service.ledger.strike(self.pid, Lent { bytes, memories: 1, ..Lent::default() });
                Err(error)
            }
        }
    }

    /// Gives a place back, which `link` had.
    pub(crate) fn give_back(&mut self, place: Place, link: Weak<Tracked>) {
        self.free.push_back((place, link));
        self.lent.links -= 1;
        self.service.ledger.strike(self.pid, Lent { links: 1, ..Lent::default() });
    }

    /// Gives words for holds back.
    pub(crate) fn give_back_holds(&mut self, holds: Holds) {
        for word in &*self.words(holds, holds.count) {
            word.store(0, Ordering::Relaxed);
        }
        self.free_holds.push(holds);
    }

    /// A word of a place.
    pub(crate) fn word(&self, place: Place, word: u32) -> Words {
        self.memories[place.memory as usize].part(word as usize..word as usize + 1)
    }

    /// The first `count` words of some holds: as many as a link was granted, and none of the others of its lines, whatever
    /// its client writes there.
    pub(crate) fn words(&self, holds: Holds, count: u32) -> Words {
        let start = holds.start as usize;
        self.memories[holds.memory as usize].part(start..start + count.min(holds.count) as usize)
    }
}

impl Drop for Credits {
    fn drop(&mut self) {
        self.service.ledger.strike(self.pid, self.lent);
    }
}

/// Credit memory of so many bytes.
fn make(bytes: usize) -> io::Result<(Words, Arc<OwnedFd>)> {
    let fd = memory::create("bus credits", bytes as u64)?;
    let words = Words::map_writable(&fd, bytes)?;
    memory::seal(&fd, Writable::ByAll)?;
    Ok((words, Arc::new(fd)))
}
