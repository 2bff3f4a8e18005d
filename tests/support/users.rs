//! Other users, and a bus that several share.
//!
//! A process of root's can become any user, whether or not the system knows a name for it. A test that does not run as root
//! says so, and that it is skipped.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bus::{Bus, BusBuilder};
use rustix::process::Signal;
use tempfile::TempDir;

use super::process::Process;

/// The name of the bus.
const NAME: &str = "shared";

/// A second user, whose group has the same number, and a third.
pub(crate) const SECOND: u32 = 12345;
pub(crate) const THIRD: u32 = 12346;

/// Whether this process may become another user; says so if not.
pub(crate) fn can_become_others(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("SKIPPED: `{test}` needs root, to become other users");
    }
    root
}

/// Becomes a user for good, with the group of the same number and these further groups. All threads do.
pub(crate) fn become_user(uid: u32, groups: &[u32]) {
    // SAFETY: `groups` is valid for as many numbers as it has; the others take numbers.
    let failed = unsafe {
        libc::setgroups(groups.len(), groups.as_ptr()) != 0
            || libc::setresgid(uid, uid, uid) != 0
            || libc::setresuid(uid, uid, uid) != 0
    };
    assert!(!failed, "{}", std::io::Error::last_os_error());
    // The kernel forgets this when the user changes.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
}

/// A directory with a bus that several users share. Nothing may remain of it.
#[derive(Debug)]
pub(crate) struct SharedPlace {
    directory: TempDir,
}

impl SharedPlace {
    /// One whose bus is of this mode, and this process's user's.
    pub(crate) fn new(mode: u32) -> Self {
        let place = Self::without_bus();
        builder(place.directory.path()).shared(mode).open(NAME).unwrap();
        place
    }

    /// One where there is no bus yet.
    pub(crate) fn without_bus() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        SharedPlace { directory }
    }

    /// The bus, opened by this process, which trusts root, itself and these.
    pub(crate) fn bus(&self, mode: u32) -> Bus {
        builder(self.directory.path()).shared(mode).open(NAME).unwrap()
    }

    /// What the bus's directory is in.
    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    /// The directory with the services' files.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join(NAME)
    }

    /// The names of the files in it.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// Starts a process in a role, which becomes a user.
    pub(crate) fn start(&self, role: &'static str, uid: u32, groups: &[u32]) -> Process {
        let mut process = Process::start(role, self.directory.path());
        let groups: Vec<String> = groups.iter().map(u32::to_string).collect();
        process.say(format!("{uid} {}", groups.join(" ")));
        process.await_line("ready");
        process
    }
}

impl Drop for SharedPlace {
    fn drop(&mut self) {
        if !std::thread::panicking() && self.path().exists() {
            assert_eq!(self.files(), [""; 0], "the bus's directory is not empty");
        }
    }
}

/// A bus in this directory.
pub(crate) fn builder(directory: &Path) -> BusBuilder {
    Bus::builder().directory(directory)
}

/// In a role that [`SharedPlace::start`] started: becomes the user that it is to be.
pub(crate) fn obey(test: &mut super::Test) {
    let line = test.hear();
    let mut numbers = line.split(' ').filter_map(|number| number.parse::<u32>().ok());
    let uid = numbers.next().unwrap();
    become_user(uid, &numbers.collect::<Vec<_>>());
    test.say("ready");
}

/// In a role: opens the shared bus, trusting these users besides root and its own.
pub(crate) fn open(test: &super::Test, trusted: &[u32]) -> bus::Result<Bus> {
    // Root is trusted without being named; to say it makes this a bus of another user's.
    let begun = builder(test.directory()).trust(0);
    trusted.iter().fold(begun, |builder, uid| builder.trust(*uid)).open(NAME)
}
