//! What clients were lent for tracked links, by process: so that no process has more than its share.
//!
//! A program may open as many connections as it likes, so what is lent by one connection says little. The kernel says which
//! process has a connection, and a process is what is held to a bound: of tracked links, since a publisher goes through all
//! of its topic's when one is new or gone; and of bytes, since it looks at all words for holds when it has no memory left, and
//! since each memory is a mapping of this process's. What a process is lent counts until its memory is not mapped here
//! for it any longer, also while a connection [lingers](super::peer::Lingering).
//!
//! Processes of other pid namespaces have no number here and count as one, 0.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most tracked links of one process.
pub(crate) const MOST_LINKS: usize = 1 << 12;
/// The most bytes of credit memory of one process: for the words of 2^17 values that may be held, and as much again.
pub(crate) const MOST_BYTES: usize = 2 << 20;
/// The most bytes of lanes of one process: a few transactions of some megabytes, or some thousand conversations with
/// small ones.
pub(crate) const MOST_LANE_BYTES: usize = 64 << 20;
/// The most lanes of one process, so that small ones do not make up for it by their number.
const MOST_LANES: usize = 1 << 12;
/// The most lanes of all processes together: as many mappings as there may be credit memories.
const MOST_LANES_OF_ALL: usize = 1 << 14;
/// What the kernel gives memory by, at least.
const PAGE: usize = 4096;
/// The most credit memories of all processes together: a quarter of the mappings that Linux allows a process by default.
const MOST_MEMORIES: usize = 1 << 14;

/// The accounts of all processes.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Accounts>);

#[derive(Debug, Default)]
struct Accounts {
    processes: HashMap<u32, Lent>,
    /// Of all processes.
    memories: usize,
    /// Of all processes.
    lanes: usize,
}

/// What one process was lent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lent {
    pub(crate) links: usize,
    pub(crate) bytes: usize,
    pub(crate) memories: usize,
    pub(crate) lanes: usize,
    /// Bytes of lanes, in whole pages.
    pub(crate) lane_bytes: usize,
}

impl Ledger {
    /// Enters a tracked link of process `pid`.
    ///
    /// # Errors
    /// That it has as many as it may.
    pub(crate) fn enter_link(&self, pid: u32) -> io::Result<()> {
        let mut accounts = self.lock();
        let lent = accounts.processes.entry(pid).or_default();
        if lent.links >= MOST_LINKS {
            return Err(refused(format!(
                "the program has {MOST_LINKS} lossless links and links for samples, which is the most"
            )));
        }
        lent.links += 1;
        Ok(())
    }

    /// Enters a memory of so many bytes for process `pid`.
    ///
    /// # Errors
    /// That it has, or all have, as much as there may be.
    pub(crate) fn enter_memory(&self, pid: u32, bytes: usize) -> io::Result<()> {
        let mut accounts = self.lock();
        if accounts.memories >= MOST_MEMORIES {
            return Err(refused(format!(
                "all programs together have {MOST_MEMORIES} memories for their links"
            )));
        }
        let lent = accounts.processes.entry(pid).or_default();
        if bytes > MOST_BYTES - lent.bytes {
            return Err(refused(format!(
                "the program has {} bytes for what its lossless links and its samples say, of at most {MOST_BYTES}",
                lent.bytes
            )));
        }
        lent.bytes += bytes;
        lent.memories += 1;
        accounts.memories += 1;
        Ok(())
    }

    /// Enters a lane of so many bytes for process `pid`.
    ///
    /// # Errors
    /// That it has as much as it may.
    pub(crate) fn enter_lane(&self, pid: u32, bytes: usize) -> io::Result<()> {
        let mut accounts = self.lock();
        if accounts.lanes >= MOST_LANES_OF_ALL {
            return Err(refused(format!(
                "all programs together have {MOST_LANES_OF_ALL} lanes for transactions"
            )));
        }
        let lent = accounts.processes.entry(pid).or_default();
        if lent.lanes >= MOST_LANES {
            return Err(refused(format!(
                "the program has {MOST_LANES} lanes for transactions, which is the most"
            )));
        }
        let pages = bytes.next_multiple_of(PAGE);
        if pages > MOST_LANE_BYTES - lent.lane_bytes {
            return Err(refused(format!(
                "{bytes} bytes for transactions, where the program has {} of at most {MOST_LANE_BYTES}",
                lent.lane_bytes
            )));
        }
        lent.lanes += 1;
        lent.lane_bytes += pages;
        accounts.lanes += 1;
        Ok(())
    }

    /// Strikes out a lane of so many bytes, which process `pid` has given back.
    pub(crate) fn strike_lane(&self, pid: u32, bytes: usize) {
        let lane_bytes = bytes.next_multiple_of(PAGE);
        self.strike(pid, Lent { lanes: 1, lane_bytes, ..Lent::default() });
    }

    /// How many bytes process `pid` may have yet.
    pub(crate) fn left(&self, pid: u32) -> usize {
        MOST_BYTES - self.lock().processes.get(&pid).map_or(0, |lent| lent.bytes)
    }

    /// Bytes of credit memory of all processes.
    pub(crate) fn lent_bytes(&self) -> usize {
        self.lock().processes.values().map(|lent| lent.bytes).sum()
    }

    /// Strikes out what process `pid` has given back, all of which was entered.
    pub(crate) fn strike(&self, pid: u32, back: Lent) {
        let mut accounts = self.lock();
        accounts.memories -= back.memories;
        accounts.lanes -= back.lanes;
        if let Some(lent) = accounts.processes.get_mut(&pid) {
            lent.links -= back.links;
            lent.bytes -= back.bytes;
            lent.memories -= back.memories;
            lent.lanes -= back.lanes;
            lent.lane_bytes -= back.lane_bytes;
            if *lent == Lent::default() {
                accounts.processes.remove(&pid);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Accounts> {
        // Each step leaves it whole, also where another thread has panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::QuotaExceeded, why)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_its_share_and_takes_nobody_elses() {
        let ledger = Ledger::default();
        (0..MOST_LINKS).for_each(|_| ledger.enter_link(7).unwrap());
        assert!(ledger.enter_link(7).unwrap_err().to_string().contains("4096 lossless links"));
        ledger.enter_link(8).unwrap();
        ledger.enter_memory(7, MOST_BYTES - 4096).unwrap();
        assert!(ledger.enter_memory(7, 8192).is_err());
        assert_eq!((ledger.left(7), ledger.left(8)), (4096, MOST_BYTES));
        ledger.strike(7, Lent { links: 1, bytes: MOST_BYTES - 4096, memories: 1, ..Lent::default() });
        ledger.enter_link(7).unwrap();
        ledger.enter_memory(7, MOST_BYTES).unwrap();
        ledger.enter_lane(7, MOST_LANE_BYTES).unwrap();
        assert!(ledger.enter_lane(7, 1).unwrap_err().to_string().contains("transactions"));
        ledger.enter_lane(8, 1).unwrap();
        ledger.strike_lane(8, 1);
        ledger.strike_lane(7, MOST_LANE_BYTES);
        (0..MOST_LANES).for_each(|_| ledger.enter_lane(7, 960).unwrap());
        assert!(ledger.enter_lane(7, 1).unwrap_err().to_string().contains("4096 lanes"));
        (0..MOST_LANES).for_each(|_| ledger.strike_lane(7, 960));
        ledger.strike(7, Lent { links: MOST_LINKS, bytes: MOST_BYTES, memories: 1, ..Lent::default() });
        ledger.strike(8, Lent { links: 1, ..Lent::default() });
        assert!(
            ledger.lock().processes.is_empty() && ledger.lock().memories == 0 && ledger.lock().lanes == 0
        );
    }

    #[test]
    fn all_together_leave_the_service_mappings_of_its_own() {
        let ledger = Ledger::default();
        (0..MOST_MEMORIES as u32).for_each(|pid| ledger.enter_memory(pid, 4096).unwrap());
        assert!(ledger.enter_memory(u32::MAX, 4096).is_err());
        ledger.strike(3, Lent { bytes: 4096, memories: 1, ..Lent::default() });
        ledger.enter_memory(u32::MAX, 4096).unwrap();
        (0..MOST_LANES_OF_ALL as u32).for_each(|pid| ledger.enter_lane(pid, 1).unwrap());
        assert!(ledger.enter_lane(u32::MAX, 1).is_err());
        ledger.strike_lane(3, 1);
        ledger.enter_lane(u32::MAX, 1).unwrap();
    }
}
