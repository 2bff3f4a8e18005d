//! Memory without a name: memfd_create(2), reserved and sealed.
//!
//! The order is: create, reserve, map (by the caller), seal. Reserving with fallocate(2) makes running out
//! of memory an error here and never a SIGBUS at a store later. Seals cannot be taken off, hold for every
//! process that has or gets the descriptor, and are checked by whoever receives one.
//!
//! **Holes.** A page that is not there is made at its first use, and if it cannot be, SIGBUS is the answer. What
//! its creator alone may write is sealed against holes for good, so a receiver only looks whether there are any
//! ([`check`]). What all may write, anyone may also punch holes into (fallocate(2), madvise(2)); that must not
//! turn later receivers away, so each of them fills the holes that it finds ([`reserve`]).

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FallocateFlags, MemfdFlags, OFlags, SealFlags, SeekFrom};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

/// Above this many bytes a reservation first asks how much memory there is: reserving what is not there
/// would not fail, it would drive the system out of memory first.
const ASK_FIRST: u64 = 16 << 20;

/// Bytes of zeros that are written at once.
const ZEROS_A_WRITE: u64 = 1 << 20;

/// Who may write the memory once it is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writable {
    /// Only mappings that exist already: the publisher's.
    ByCreator,
    /// Everybody who has the descriptor.
    ByAll,
}

impl Writable {
    fn seals(self) -> SealFlags {
        let size = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        match self {
            Writable::ByCreator => size | SealFlags::FUTURE_WRITE,
            Writable::ByAll => size,
        }
    }
}

/// Creates `bytes` of zeroed memory, reserved. `label` shows in /proc/PID/maps.
///
/// # Errors
/// `OutOfMemory`, with what was there, if the memory, a control group or the process's file size limit
/// does not allow it; the system's error otherwise.
pub(crate) fn create(label: &str, bytes: u64) -> io::Result<OwnedFd> {
    check_room(bytes)?;
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = match rustix::fs::memfd_create(label, flags | MemfdFlags::NOEXEC_SEAL) {
        // Before Linux 6.3 there is no such flag.
        Err(Errno::INVAL) => rustix::fs::memfd_create(label, flags)?,
        created => created?,
    };
    reserve(&fd, bytes)?;
    // Until it is written, a reserved page is as good as a hole to lseek(2), by which receivers look for holes.
    let zeros = vec![0; bytes.min(ZEROS_A_WRITE) as usize];
    let mut written = 0;
    while written < bytes {
        let piece = &zeros[..(bytes - written).min(ZEROS_A_WRITE) as usize];
        match rustix::io::pwrite(&fd, piece, written) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(some) => written += some as u64,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(fd)
}

/// Sees to it that every page of the first `bytes` is there: fills holes, and grows what is shorter.
///
/// # Errors
/// `OutOfMemory` where there is no room; the system's error otherwise.
pub(crate) fn reserve(fd: impl AsFd, bytes: u64) -> io::Result<()> {
    // Some kernels return early from a long reservation when a signal comes.
    loop {
        match rustix::fs::fallocate(&fd, FallocateFlags::empty(), 0, bytes) {
            Ok(()) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(errno @ (Errno::NOSPC | Errno::NOMEM | Errno::FBIG | Errno::DQUOT)) => {
                return Err(io::Error::new(io::ErrorKind::OutOfMemory, errno));
            }
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Seals the memory: its size is fixed, and from here on it is writable by `writable` only.
pub(crate) fn seal(fd: impl AsFd, writable: Writable) -> io::Result<()> {
    Ok(rustix::fs::fcntl_add_seals(fd, writable.seals())?)
}

/// What is wrong with memory that a peer sent, or its size in bytes. Memory that is [`Writable::ByAll`] may
/// have holes and has yet to be [`reserve`]d.
///
/// # Errors
/// A description if it is not sealed memory, or has holes that nobody fills: touching one could raise SIGBUS.
pub(crate) fn check(fd: impl AsFd, writable: Writable) -> Result<u64, String> {
    let seals =
        rustix::fs::fcntl_get_seals(&fd).map_err(|errno| format!("it is not sealable memory: {errno}"))?;
    if !seals.contains(writable.seals()) {
        return Err(format!("its seals are {seals:?}, expected at least {:?}", writable.seals()));
    }
    let inspected = |errno: Errno| format!("it cannot be inspected: {errno}");
    let mode = rustix::fs::fcntl_getfl(&fd).map_err(inspected)? & OFlags::RWMODE;
    if mode != OFlags::RDWR {
        return Err("its descriptor is not for reading and writing, as that of its creator is".to_owned());
    }
    let stat = rustix::fs::fstat(&fd).map_err(inspected)?;
    let bytes = u64::try_from(stat.st_size).map_err(|_| format!("its size is {}", stat.st_size))?;
    // An empty one has no place to look for a hole at.
    if writable == Writable::ByCreator && bytes > 0 {
        let reserved = u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512);
        if reserved < bytes {
            return Err(format!("{reserved} of its {bytes} bytes are reserved, expected all"));
        }
        // Blocks may also lie past the end, so their number alone proves nothing.
        let hole = rustix::fs::seek(&fd, SeekFrom::Hole(0));
        if hole != Ok(bytes) {
            return Err(format!("its {bytes} bytes are not all there: the first hole is at {hole:?}"));
        }
    }
    Ok(bytes)
}

fn check_room(bytes: u64) -> io::Result<()> {
    let refuse = |what: String| Err(io::Error::new(io::ErrorKind::OutOfMemory, what));
    // Past this limit fallocate(2) would not fail, it would raise SIGXFSZ.
    if let Some(limit) = getrlimit(Resource::Fsize).current
        && bytes > limit
    {
        return refuse(format!("the process's file size limit is {limit} bytes (ulimit -f)"));
    }
    if bytes > ASK_FIRST
        && let Some(available) = available()
        && bytes > available
    {
        return refuse(format!("{available} bytes are available"));
    }
    Ok(())
}

/// Bytes of memory that could be had now: the system's, or the tightest control group's (v2) if less.
fn available() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let mut available = kib(&meminfo, "MemAvailable:")? + kib(&meminfo, "SwapFree:").unwrap_or(0);
    if let Ok(groups) = fs::read_to_string("/proc/self/cgroup")
        && let Some(path) = groups.lines().find_map(|line| line.strip_prefix("0::"))
    {
        let mut group = std::path::PathBuf::from("/sys/fs/cgroup").join(path.trim_start_matches('/'));
        while group.starts_with("/sys/fs/cgroup") {
            let number = |file| fs::read_to_string(group.join(file)).ok()?.trim().parse::<u64>().ok();
            if let (Some(max), Some(current)) = (number("memory.max"), number("memory.current")) {
                available = available.min(max.saturating_sub(current));
            }
            group.pop();
        }
    }
    Some(available)
}

fn kib(meminfo: &str, key: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_memory_neither_changes_size_nor_is_written_through_the_descriptor() {
        let fd = create("test", 4096).unwrap();
        seal(&fd, Writable::ByCreator).unwrap();
        assert_eq!(check(&fd, Writable::ByCreator), Ok(4096));
        assert_eq!(rustix::fs::ftruncate(&fd, 0), Err(Errno::PERM));
        assert_eq!(rustix::fs::ftruncate(&fd, 8192), Err(Errno::PERM));
        assert_eq!(rustix::io::pwrite(&fd, b"x", 0), Err(Errno::PERM));
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        assert_eq!(rustix::fs::fallocate(&fd, hole, 0, 4096), Err(Errno::PERM));
    }

    #[test]
    fn memory_that_could_fault_later_is_refused() {
        let sparse = rustix::fs::memfd_create("test", MemfdFlags::ALLOW_SEALING).unwrap();
        rustix::fs::ftruncate(&sparse, 1 << 20).unwrap();
        assert!(check(&sparse, Writable::ByAll).unwrap_err().contains("seals"));
        seal(&sparse, Writable::ByAll).unwrap();
        assert!(check(&sparse, Writable::ByCreator).unwrap_err().contains("FUTURE_WRITE"));
        let null = fs::File::open("/dev/null").unwrap();
        assert!(check(&null, Writable::ByAll).unwrap_err().contains("not sealable"));
    }

    #[test]
    fn memory_that_its_creator_alone_may_write_has_no_holes() {
        let holed = |past_the_end: u64| {
            let fd = rustix::fs::memfd_create("test", MemfdFlags::ALLOW_SEALING).unwrap();
            rustix::fs::ftruncate(&fd, 1 << 20).unwrap();
            rustix::io::pwrite(&fd, b"not a hole", 0).unwrap();
            rustix::fs::fallocate(&fd, FallocateFlags::KEEP_SIZE, 1 << 20, past_the_end).unwrap();
            seal(&fd, Writable::ByCreator).unwrap();
            check(&fd, Writable::ByCreator).unwrap_err()
        };
        assert!(holed(4096).contains("reserved"));
        // As many blocks as an honest one has, but not where they belong.
        assert!(holed(1 << 20).contains("hole"));
        // Larger than what is written at once, and no whole number of pages.
        for bytes in [1, 4097, (2 << 20) + 64] {
            let whole = create("test", bytes).unwrap();
            seal(&whole, Writable::ByCreator).unwrap();
            assert_eq!(check(&whole, Writable::ByCreator), Ok(bytes));
        }
    }

    #[test]
    fn holes_in_memory_that_all_may_write_are_filled() {
        let fd = create("test", 1 << 20).unwrap();
        seal(&fd, Writable::ByAll).unwrap();
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        rustix::fs::fallocate(&fd, hole, 0, 1 << 20).unwrap();
        assert_eq!(check(&fd, Writable::ByAll), Ok(1 << 20));
        reserve(&fd, 1 << 20).unwrap();
        assert!(rustix::fs::fstat(&fd).unwrap().st_blocks * 512 >= 1 << 20);
        assert!(reserve(&fd, 2 << 20).is_err(), "it is sealed against growing");
    }

    #[test]
    fn more_than_there_is_is_an_error_not_an_attempt() {
        let error = create("test", 1 << 50).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
        assert!(error.to_string().contains("available"), "{error}");
    }
}
