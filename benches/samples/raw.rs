//! The reference: a payload in plain shared memory, for each direction, behind one sequence word. It goes always to the
//! same place, or to several in turn as a topic's does, whose values stay a while. And two words more, by which the
//! processes take turns at other figures.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use memmap2::MmapRaw;

use crate::payload::{self, LARGE, Source};
use crate::support::{Failure, Recorder};

/// A page before each payload for its sequence word, at its start, and the word for turns, in its middle.
const HEAD: usize = 4096;
const TURN: usize = HEAD / 2;
/// Bytes from one direction's memory to the other's.
const DIRECTION: usize = HEAD + PLACES * LARGE;
/// Places of a topic with two values of history, one sample, and one loan.
pub(crate) const PLACES: usize = 4;

/// Plain shared memory.
pub(crate) struct Raw {
    memory: MmapRaw,
    sequence: u64,
    turn: u64,
    source: Source,
}

/// One direction's memory.
#[derive(Clone, Copy)]
struct Direction {
    start: *mut u8,
}

impl Raw {
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::options().create_new(true).read(true).write(true).open(path)?;
        file.set_len(2 * DIRECTION as u64)?;
        Self::map(&file)
    }

    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        Self::map(&File::options().read(true).write(true).open(path)?)
    }

    fn map(file: &File) -> Result<Self, Failure> {
        Ok(Raw { memory: MmapRaw::map_raw(file)?, sequence: 0, turn: 0, source: Source::new() })
    }

    fn directions(&self) -> (Direction, Direction) {
        let start = self.memory.as_mut_ptr();
        // SAFETY: the mapping has two directions' worth of bytes.
        (Direction { start }, Direction { start: unsafe { start.add(DIRECTION) } })
    }

    pub(crate) fn lead(&mut self, places: usize, samples: usize, recorder: &mut Recorder) {
        let (there, back) = self.directions();
        for _ in 0..samples {
            self.sequence += 1;
            let start = Instant::now();
            there.send(self.sequence, places, &mut self.source);
            back.receive(self.sequence, places);
            recorder.record(start.elapsed() / 2, 1);
        }
    }

    pub(crate) fn follow(&mut self, places: usize, samples: usize) {
        let (there, back) = self.directions();
        for _ in 0..samples {
            self.sequence += 1;
            there.receive(self.sequence, places);
            back.send(self.sequence, places, &mut self.source);
        }
    }

    /// Gives the second process its turn, and waits until that is over.
    pub(crate) fn give_turn(&mut self) {
        let (there, back) = self.directions();
        self.turn += 1;
        there.word(TURN).store(self.turn, Ordering::Release);
        back.await_word(TURN, self.turn);
    }

    /// Waits for a turn, and takes it.
    pub(crate) fn take_turn<R>(&mut self, play: impl FnOnce() -> R) -> R {
        let (there, back) = self.directions();
        self.turn += 1;
        there.await_word(TURN, self.turn);
        let played = play();
        back.word(TURN).store(self.turn, Ordering::Release);
        played
    }
}

impl Direction {
    /// One of the two words of the head.
    fn word(&self, at: usize) -> &AtomicU64 {
        // SAFETY: both places are mapped, aligned, and only ever accessed as atomics of this size.
        unsafe { &*self.start.add(at).cast::<AtomicU64>() }
    }

    fn await_word(self, at: usize, sequence: u64) {
        while self.word(at).load(Ordering::Acquire) != sequence {}
    }

    /// Where a payload goes that has so many places.
    fn payload(self, sequence: u64, places: usize) -> *mut u64 {
        let place = sequence as usize % places.min(PLACES);
        // SAFETY: a direction has a head, which is a page so that this is aligned, and so many places after it.
        unsafe { self.start.add(HEAD + place * LARGE).cast() }
    }

    /// Copies a payload in, and says so.
    fn send(self, sequence: u64, places: usize, source: &mut Source) {
        let words = source.words(sequence);
        // SAFETY: every place has room for a payload, and the two sides take turns: nobody reads before the
        // sequence word says so.
        unsafe { std::ptr::copy_nonoverlapping(words.as_ptr(), self.payload(sequence, places), words.len()) };
        self.word(0).store(sequence, Ordering::Release);
    }

    /// Waits for a payload, and reads every word of it where it is.
    fn receive(self, sequence: u64, places: usize) {
        self.await_word(0, sequence);
        // SAFETY: as in `send`: nobody writes before we answer.
        payload::check(
            unsafe { std::slice::from_raw_parts(self.payload(sequence, places), LARGE / 8) },
            sequence,
        );
    }
}
