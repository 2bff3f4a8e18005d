//! Tells that something in a directory changed: inotify(7).
//!
//! Only *that* it changed: whoever watches reads the directory anew, so an overflowing queue or two changes
//! seen as one lose nothing. A lock file's last close is a change too, which is how the death of an owner
//! is noticed.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

/// A descriptor that becomes readable when a directory changes.
#[derive(Debug)]
pub(crate) struct DirectoryWatch(OwnedFd);

impl DirectoryWatch {
    /// Watches `directory` for files that come, go or are closed after writing.
    pub(crate) fn new(directory: &Path) -> io::Result<Self> {
        let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let changes = WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::ONLYDIR;
        inotify::add_watch(&fd, directory, changes)?;
        Ok(DirectoryWatch(fd))
    }

    /// Takes all changes so far; whether there were any.
    pub(crate) fn clear(&self) -> bool {
        let mut events = [0u8; 4096];
        let mut changed = false;
        while matches!(rustix::io::read(&self.0, &mut events), Ok(read) if read > 0) {
            changed = true;
        }
        changed
    }
}

impl AsFd for DirectoryWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
