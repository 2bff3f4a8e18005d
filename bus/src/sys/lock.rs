//! Locks on a file that end with their owner: open file description locks, fcntl(2) F_OFD_SETLK.
//!
//! The kernel drops them when the last descriptor of the open file goes, whatever ended the process. They
//! are used instead of flock(2) because they can be *asked about* without being taken: a process that lists
//! services must not, by probing, make an owner that starts at that moment believe the name is taken.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// What a lock on a service's lock file means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Byte {
    /// Held by the owner of the service for life.
    Owner = 0,
    /// Held for a moment by whoever changes the service's files.
    Files = 1,
}

fn description(byte: Byte) -> libc::flock {
    // SAFETY: `flock` is a plain C struct of integers, for which zero is a valid value.
    let mut lock: libc::flock = unsafe { core::mem::zeroed() };
    lock.l_type = libc::F_WRLCK as _;
    lock.l_whence = libc::SEEK_SET as _;
    lock.l_start = byte as _;
    lock.l_len = 1;
    lock
}

/// Takes the lock if it is free; `false` if another open file holds it. The file must be writable.
pub(crate) fn try_lock(file: &File, byte: Byte) -> io::Result<bool> {
    let lock = description(byte);
    // SAFETY: the descriptor is open for the length of the call and `lock` is a valid `flock`.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &lock) } {
        0 => Ok(true),
        _ => match io::Error::last_os_error() {
            error if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
            error => Err(error),
        },
    }
}

/// Lets the lock go.
pub(crate) fn unlock(file: &File, byte: Byte) -> io::Result<()> {
    let mut lock = description(byte);
    lock.l_type = libc::F_UNLCK as _;
    // SAFETY: as in `try_lock`.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &lock) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether another open file holds the lock; takes nothing.
pub(crate) fn is_held(file: &File, byte: Byte) -> io::Result<bool> {
    let mut lock = description(byte);
    // SAFETY: as in `try_lock`; the kernel writes its answer into `lock`, which is ours.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &mut lock) } {
        0 => Ok(i32::from(lock.l_type) != libc::F_UNLCK),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_seen_without_being_taken_and_ends_with_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let owner = File::create(&path).unwrap();
        let probe = File::open(&path).unwrap();
        assert!(!is_held(&probe, Byte::Owner).unwrap());
        assert!(try_lock(&owner, Byte::Owner).unwrap());
        assert!(is_held(&probe, Byte::Owner).unwrap());
        assert!(!is_held(&probe, Byte::Files).unwrap());
        let rival = File::options().write(true).open(&path).unwrap();
        assert!(!try_lock(&rival, Byte::Owner).unwrap());
        drop(owner);
        assert!(!is_held(&probe, Byte::Owner).unwrap());
        assert!(try_lock(&rival, Byte::Owner).unwrap());
        unlock(&rival, Byte::Owner).unwrap();
        assert!(!is_held(&probe, Byte::Owner).unwrap());
    }
}
