//! The references: the least that two processes can do, in plain shared memory. All times are of round trips.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use memmap2::MmapRaw;
use rustix::thread::futex;

use super::Failure;

/// The largest payload.
pub(crate) const LARGEST: usize = 64 << 10;

/// Bytes from one direction's memory to the other's: apart by more than any prefetch.
const DIRECTION: usize = 2 * LARGEST;

/// Plain shared memory: a sequence word and a payload for each direction.
pub(crate) struct Raw {
    memory: MmapRaw,
    sequence: u64,
    payload: Vec<u64>,
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
        Ok(Raw { memory: MmapRaw::map_raw(file)?, sequence: 0, payload: vec![0; LARGEST / 8] })
    }

    fn directions(&self) -> (Direction, Direction) {
        let start = self.memory.as_mut_ptr();
        // SAFETY: the mapping has two directions' worth of bytes.
        (Direction { start }, Direction { start: unsafe { start.add(DIRECTION) } })
    }

    pub(crate) fn lead_line(&mut self, samples: usize, mut record: impl FnMut(Duration)) {
        let (there, back) = self.directions();
        for _ in 0..samples {
            self.sequence += 1;
            let start = Instant::now();
            there.word().store(self.sequence, Ordering::Release);
            back.await_word(self.sequence);
            record(start.elapsed());
        }
    }

    pub(crate) fn follow_line(&mut self, samples: usize) {
        let (there, back) = self.directions();
        for _ in 0..samples {
            self.sequence += 1;
            there.await_word(self.sequence);
            back.word().store(self.sequence, Ordering::Release);
        }
    }

    pub(crate) fn lead_payload(&mut self, size: usize, samples: usize, mut record: impl FnMut(Duration)) {
        let (there, back) = self.directions();
        for _ in 0..samples {
            self.sequence += 1;
            let start = Instant::now();
            there.send(self.sequence, size, &mut self.payload);
            back.receive(self.sequence, size, &mut self.payload);
            record(start.elapsed());
        }
    }

    pub(crate) fn follow_payload(&mut self, size: usize, samples: usize) {
        let (there, back) = self.directions();
        for _ in 0..samples {
            self.sequence += 1;
            there.receive(self.sequence, size, &mut self.payload);
            back.send(self.sequence, size, &mut self.payload);
        }
    }

    pub(crate) fn lead_futex(&mut self, samples: usize, mut record: impl FnMut(Duration)) {
        let (there, back) = self.directions();
        for _ in 0..samples {
            self.sequence += 1;
            let start = Instant::now();
            there.wake(self.sequence as u32);
            back.sleep(self.sequence as u32);
            record(start.elapsed());
        }
    }

    pub(crate) fn follow_futex(&mut self, samples: usize) {
        let (there, back) = self.directions();
        for _ in 0..samples {
            self.sequence += 1;
            there.sleep(self.sequence as u32);
            back.wake(self.sequence as u32);
        }
    }
}

impl Direction {
    /// The sequence word, at the start of a line; the payload follows it.
    fn word(&self) -> &AtomicU64 {
        // SAFETY: the start of a direction is mapped and aligned to a page, and this word is only ever
        // accessed as an atomic of this size.
        unsafe { &*self.start.cast::<AtomicU64>() }
    }

    fn await_word(self, sequence: u64) {
        while self.word().load(Ordering::Acquire) != sequence {}
    }

    fn payload(self) -> *mut u8 {
        // SAFETY: a direction is larger than a word.
        unsafe { self.start.add(8) }
    }

    /// Writes every word of a payload, copies it in, and says so.
    fn send(self, sequence: u64, size: usize, payload: &mut [u64]) {
        payload[..size / 8].fill(sequence);
        // SAFETY: a direction has room for the largest payload, and the two sides take turns: nobody reads
        // before the sequence word says so.
        unsafe { std::ptr::copy_nonoverlapping(payload.as_ptr().cast(), self.payload(), size) };
        self.word().store(sequence, Ordering::Release);
    }

    /// Waits for a payload, copies it out, and reads every word of it.
    fn receive(self, sequence: u64, size: usize, payload: &mut [u64]) {
        self.await_word(sequence);
        // SAFETY: as in `send`: nobody writes before we answer.
        unsafe { std::ptr::copy_nonoverlapping(self.payload(), payload.as_mut_ptr().cast(), size) };
        check(&payload[..size / 8], sequence);
    }

    /// The futex word: behind the largest payload, on a line of its own.
    fn futex(&self) -> &AtomicU32 {
        // SAFETY: inside the direction, aligned, and only ever accessed as an atomic of this size.
        unsafe { &*self.start.add(LARGEST + 4096).cast::<AtomicU32>() }
    }

    fn wake(self, sequence: u32) {
        self.futex().store(sequence, Ordering::Release);
        let _ = futex::wake(self.futex(), futex::Flags::empty(), 1);
    }

    fn sleep(self, sequence: u32) {
        loop {
            let seen = self.futex().load(Ordering::Acquire);
            if seen == sequence {
                return;
            }
            let _ = futex::wait(self.futex(), futex::Flags::empty(), seen, None);
        }
    }
}

/// Reads every word of a payload that arrived.
pub(crate) fn check(words: &[u64], value: u64) {
    assert!(words.iter().all(|&word| word == value), "a payload arrived torn");
}
