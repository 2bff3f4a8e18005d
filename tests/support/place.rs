//! A bus in a directory of its own, of which nothing may remain.

use std::fs;
use std::path::{Path, PathBuf};

use bus::Bus;
use tempfile::TempDir;

use super::process::Process;

/// The name of the bus.
const NAME: &str = "test";

/// A directory with the bus of one test.
///
/// Made first and so dropped last: when services and processes are gone, the bus's directory must be empty once
/// somebody has looked. Every test that ends well has shown this too.
#[derive(Debug)]
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Place { directory: tempfile::tempdir().unwrap() }
    }

    /// The bus, opened once more.
    pub(crate) fn bus(&self) -> Bus {
        open(self.directory.path())
    }

    /// The directory with the services' files.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join(NAME)
    }

    /// The names of the files in the bus's directory.
    pub(crate) fn files(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path()) else { return Vec::new() };
        let mut files: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        files.sort();
        files
    }

    /// Starts a process in a role, on this bus.
    pub(crate) fn start(&self, role: &'static str) -> Process {
        Process::start(role, self.directory.path())
    }

    /// Starts a process in a role, on this bus, that kills itself at a step.
    pub(crate) fn start_doomed(&self, role: &'static str, kill_at: &str) -> Process {
        Process::start_doomed(role, self.directory.path(), kill_at)
    }

    /// Starts another program, on this bus.
    pub(crate) fn start_program(&self, program: &'static str) -> Process {
        Process::start_program(program, self.directory.path())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.bus().services().unwrap(), [], "services outlived their processes or handles");
            assert_eq!(self.files(), [""; 0], "the bus's directory is not empty");
        }
    }
}

/// Opens the bus in `directory`.
pub(crate) fn open(directory: &Path) -> Bus {
    Bus::builder().directory(directory).open(NAME).unwrap()
}
