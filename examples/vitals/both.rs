//! Both halves at once: this process watches, a child of it publishes.
//!
//! They meet on a bus in a temporary directory, so that nobody else's publisher is in the way, and several
//! can run at once. The child is this same program. It ends when the pipe to its standard input does: by
//! our closing it, or by the kernel's, should we be killed. So it is never left behind.

use std::env;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bus::Bus;

use crate::Result;
use crate::stop::Stop;
use crate::watch::watch;

/// The private bus's name.
const BUS: &str = "private";

/// Runs both halves for a time.
pub(crate) fn run(time: Duration, interval: Duration, stop: &Stop) -> Result<()> {
    let directory = tempfile::Builder::new()
        .prefix("vitals-")
        .tempdir()
        .map_err(|error| format!("cannot make a directory for a private bus: {error}; is $TMPDIR right?"))?;
    let mut publisher = Publisher::start(directory.path(), interval)?;
    let bus = Bus::builder().directory(directory.path()).open(BUS)?;
    watch(&bus, Some(time), stop, || publisher.check())
    // Here the publisher is ended, then the directory removed: the reverse of how they came.
}

/// How long the child may take to end.
const GRACE: Duration = Duration::from_secs(2);

/// The publishing half, in a child process.
struct Publisher(Child);

impl Publisher {
    fn start(directory: &Path, interval: Duration) -> Result<Self> {
        let start = || {
            Command::new(env::current_exe()?)
                .args(["publish", "--until-end-of-input", "--bus", BUS])
                .args(["--interval", &interval.as_secs_f64().to_string()])
                .env("BUS_DIR", directory)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                // A process group of its own: Ctrl-C is for us, we end the child when we are done.
                .process_group(0)
                .spawn()
        };
        start().map(Publisher).map_err(|error| format!("cannot start the publisher: {error}").into())
    }

    /// Finds out whether it runs, as it should.
    fn check(&mut self) -> Result<()> {
        match self.0.try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("the publisher has ended ({status}), and should not have").into()),
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let deadline = Instant::now() + GRACE;
        while matches!(self.0.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        // Only one that is stopped, or stuck, is there to be killed. Both fail if there is none.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
