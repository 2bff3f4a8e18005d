//! Reading the kernel's counters from /proc, as proc(5) and the kernel's Documentation/admin-guide/iostats.rst
//! describe them.
//!
//! Each file has one function that turns its text into items and their values, and answers `None` where the
//! text is not what it should be.

use std::fs;
use std::path::Path;

use rustix::time::{ClockId, clock_gettime};

use crate::Result;
use crate::counters::{Core, Disk, Interface, Load, Memory};

/// The unit of /proc/diskstats, whatever the disk's own is.
const SECTOR: u64 = 512;

/// Items of a topic, with their values.
pub(crate) type Items<T> = Vec<(String, T)>;

/// What there was to be read at one time.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) cpu: Items<Core>,
    pub(crate) memory: Items<Memory>,
    pub(crate) load: Items<Load>,
    pub(crate) disks: Items<Disk>,
    pub(crate) network: Items<Interface>,
}

impl Sample {
    /// Reads all counters now.
    pub(crate) fn take() -> Result<Self> {
        Ok(Sample {
            cpu: read("/proc/stat", cores)?,
            memory: read("/proc/meminfo", memory)?,
            load: read("/proc/loadavg", load)?,
            disks: read("/proc/diskstats", disks)?,
            network: read("/proc/net/dev", interfaces)?,
        })
    }
}

fn read<T>(path: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read {path}: {error}; vitals needs Linux, with /proc mounted"))?;
    parse(&text).ok_or_else(|| format!("{path} is not what proc(5) says, so vitals cannot read it").into())
}

/// `cpu0 18032 0 4297 626545 1166 0 66 77 0 0`, after a line `cpu` with the sums of all.
fn cores(stat: &str) -> Option<Items<Core>> {
    let lines = stat.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu "));
    let core = |line: &str| {
        let (name, counters) = line.split_once(' ')?;
        let [user, nice, system, idle, waiting, irq, softirq, stolen] = numbers(counters)?;
        let (user, system) = (user + nice, system + irq + softirq);
        Some((name.to_owned(), Core { user, system, idle, waiting, stolen }))
    };
    lines.map(core).collect()
}

/// `MemTotal:       24684092 kB`
fn memory(meminfo: &str) -> Option<Items<Memory>> {
    let bytes = |field: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        let [kilobytes] = numbers(line)?;
        Some(kilobytes * 1024)
    };
    let ram = Memory { total: bytes("MemTotal")?, available: bytes("MemAvailable")? };
    let swap = Memory { total: bytes("SwapTotal")?, available: bytes("SwapFree")? };
    Some(vec![("ram".to_owned(), ram), ("swap".to_owned(), swap)])
}

/// `1.72 0.76 0.33 1/85 17556`
fn load(loadavg: &str) -> Option<Items<Load>> {
    let mut words = loadavg.split_whitespace();
    let mut average = || words.next()?.parse().ok();
    let averages = [average()?, average()?, average()?];
    let (runnable, threads) = words.next()?.split_once('/')?;
    let load = Load { averages, runnable: runnable.parse().ok()?, threads: threads.parse().ok()? };
    Some(vec![("machine".to_owned(), load)])
}

/// ` 254  0 vda 51701 8667 14324930 108292 5997 21040 5034160 13633 0 15060 122757 6490 46 668624 822 154 8`
fn disks(diskstats: &str) -> Option<Items<Disk>> {
    let at = now();
    let mut disks = Vec::new();
    for line in diskstats.lines() {
        let mut words = line.split_whitespace().skip(2);
        // A few drivers have directories for their disks, of which /sys makes an exclamation mark. So do we:
        // a slash has its own meaning in the name of an item.
        let name = words.next()?.replace('/', "!");
        let [reads, _, sectors_read, _, writes, _, sectors_written, _, _, busy] = take(words)?;
        // Whole disks only, their partitions would count everything again; and no empty loop devices.
        if reads + writes > 0 && Path::new("/sys/block").join(&name).exists() {
            let (bytes_read, bytes_written) = (sectors_read * SECTOR, sectors_written * SECTOR);
            let disk = Disk { at, reads, bytes_read, writes, bytes_written, busy: busy * 1_000_000 };
            disks.push((name, disk));
        }
    }
    Some(disks)
}

/// `  eth0: 44505116 2698 0 0 0 0 0 0 238467 1940 0 0 0 0 0 0`, after two lines of headings.
fn interfaces(dev: &str) -> Option<Items<Interface>> {
    let at = now();
    let interface = |line: &str| {
        let (name, counters) = line.rsplit_once(':')?;
        let [bytes_in, packets_in, errors_in, drops_in, .., bytes_out, packets_out, errors_out, drops_out] =
            numbers::<12>(counters)?;
        let lost = errors_in + drops_in + errors_out + drops_out;
        let interface = Interface { at, bytes_in, packets_in, bytes_out, packets_out, lost };
        Some((name.trim().to_owned(), interface))
    };
    dev.lines().skip(2).map(interface).collect()
}

/// The first `N` words of a text, if they are numbers.
fn numbers<const N: usize>(text: &str) -> Option<[u64; N]> {
    take(text.split_whitespace())
}

/// The first `N` words, if they are numbers; what newer kernels have after them is not for us.
fn take<'t, const N: usize>(mut words: impl Iterator<Item = &'t str>) -> Option<[u64; N]> {
    let mut numbers = [0; N];
    for number in &mut numbers {
        *number = words.next()?.parse().ok()?;
    }
    Some(numbers)
}

/// Nanoseconds of the clock that nobody sets.
fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
