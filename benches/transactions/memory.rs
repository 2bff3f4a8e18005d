//! What a conversation costs in memory.

use std::fs;

use crate::ours::Echo;
use crate::support::Failure;

/// Conversations that are measured together.
const CONVERSATIONS: usize = 1000;

/// Bytes of one conversation.
pub(crate) struct Memory {
    /// Resident on both sides together, without transactions.
    pub(crate) resident: u64,
    /// Shared memory for its transactions.
    pub(crate) lane: u64,
}

/// Of a service and its client in this process.
pub(crate) fn of_conversation() -> Result<Memory, Failure> {
    let directory = tempfile::tempdir()?;
    let bus = crate::ours::open_bus(directory.path())?;
    let service = bus.service("memory")?;
    let mut handlers = service.handlers::<()>()?;
    handlers.execute(|_, _: &Echo, _| Err("only its memory counts".into()))?;
    service.ready()?;
    let open = || bus.client("memory").open();
    let _first = open()?;
    let before = resident()?;
    let clients = (0..CONVERSATIONS).map(|_| open()).collect::<Result<Vec<_>, _>>()?;
    let resident = resident()?.saturating_sub(before) / CONVERSATIONS as u64;
    // Abandoned, and answered to nobody: the lane is there.
    clients.iter().try_for_each(|client| client.begin_execute(&Echo::new(0)).map(drop))?;
    // Both sides have it mapped, here in one process.
    let lane = mapped("/memfd:bus lane")? / 2 / CONVERSATIONS as u64;
    Ok(Memory { resident, lane })
}

fn resident() -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
}

/// Bytes of all mappings whose name begins so.
fn mapped(name: &str) -> Result<u64, Failure> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    let mut bytes = 0;
    for line in maps.lines().filter(|line| line.contains(name)) {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let (start, end) = range.ok_or("a line of /proc/self/maps without a range")?;
        bytes += u64::from_str_radix(end, 16)? - u64::from_str_radix(start, 16)?;
    }
    Ok(bytes)
}
