//! Other processes, in roles.
//!
//! A process of a test is the test's own program, started again to run one function: its role. [`roles!`] lists
//! the functions that can be played and makes of them one more test, which does nothing unless the environment
//! says that this process was started for a role.
//!
//! The two talk in lines over a socket pair that is the child's standard input, so neither's output matters,
//! and either learns at once of the other's end. A role ends when the test hears enough, drops it (SIGKILL), or
//! dies itself (`PR_SET_PDEATHSIG`): none is left behind.

use core::fmt::{Debug, Display};
use core::str::FromStr;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, io, process};

use bus::Bus;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::LIMIT;
use super::place::{Place, open};

const ROLE: &str = "BUS_TEST_ROLE";
const DIRECTORY: &str = "BUS_TEST_DIRECTORY";
const PARENT: &str = "BUS_TEST_PARENT";

/// A function that a process of its own runs.
pub(crate) type Role = fn(&mut Test);

/// Lists the roles that other processes play in this file's tests.
macro_rules! roles {
    ($($role:ident),+ $(,)?) => {
        /// Where the other processes of these tests begin; nothing of its own.
        #[test]
        fn roles() {
            $crate::support::process::play(&[$((stringify!($role), $role as $crate::support::process::Role)),+]);
        }
    };
}
pub(crate) use roles;

/// Plays the role that this process was started for, if it was.
pub(crate) fn play(roles: &[(&str, Role)]) {
    let Ok(name) = env::var(ROLE) else { return };
    let (_, role) = roles.iter().find(|(role, _)| *role == name).expect("the role is listed in `roles!`");
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
    // It may have died before.
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().to_string());
    if parent != env::var(PARENT).ok() {
        process::exit(1);
    }
    let line = UnixStream::from(io::stdin().as_fd().try_clone_to_owned().unwrap());
    let directory = env::var(DIRECTORY).expect("the test names a directory");
    role(&mut Test { line: Line::new(line), directory });
}

/// The test, as a process in a role sees it.
#[derive(Debug)]
pub(crate) struct Test {
    line: Line,
    directory: String,
}

impl Test {
    /// The bus of the test.
    pub(crate) fn bus(&self) -> Bus {
        open(Path::new(&self.directory))
    }

    /// The directory of the test.
    pub(crate) fn directory(&self) -> &Path {
        Path::new(&self.directory)
    }

    /// Tells the test.
    pub(crate) fn say(&mut self, line: impl Display) {
        if self.line.say(line).is_err() {
            process::exit(1);
        }
    }

    /// Waits for a line of the test. Where there are no more, the role ends here, as if it returned.
    pub(crate) fn hear(&mut self) -> String {
        match self.line.hear() {
            Ok(Some(line)) => line,
            Ok(None) | Err(_) => process::exit(0),
        }
    }

    /// Waits for a number from the test.
    pub(crate) fn hear_number<N: FromStr<Err: Debug>>(&mut self) -> N {
        self.hear().parse().unwrap()
    }

    /// Waits until the test says just this.
    #[track_caller]
    pub(crate) fn await_line(&mut self, expected: &str) {
        assert_eq!(self.hear(), expected);
    }
}

/// A process that plays a role; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    role: &'static str,
    child: Child,
    line: Line,
    ended: bool,
}

impl Process {
    /// Starts one. It lives at most as long as the thread that calls this.
    pub(crate) fn start(role: &'static str, directory: &Path) -> Self {
        Self::start_command(role, in_role(role), directory)
    }

    /// Starts one that kills itself at a step, where the library was built for that.
    pub(crate) fn start_doomed(role: &'static str, directory: &Path, kill_at: &str) -> Self {
        let mut command = in_role(role);
        command.env("BUS_KILL_AT", kill_at);
        Self::start_command(role, command, directory)
    }

    /// Starts one in a user namespace of its own, in which this process's user is the only one that has a number: 0.
    pub(crate) fn start_in_user_namespace(role: &'static str, directory: &Path) -> Self {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let files = [
            (c"/proc/self/setgroups", "deny".to_owned()),
            (c"/proc/self/uid_map", format!("0 {uid} 1")),
            (c"/proc/self/gid_map", format!("0 {gid} 1")),
        ];
        let enter = move || {
            // SAFETY: takes a number; there is one thread after fork(2).
            if unsafe { libc::unshare(libc::CLONE_NEWUSER) } != 0 {
                return Err(io::Error::last_os_error());
            }
            for (file, text) in &files {
                let file = rustix::fs::open(*file, OFlags::WRONLY, Mode::empty())?;
                rustix::io::write(&file, text.as_bytes())?;
            }
            Ok(())
        };
        let mut command = in_role(role);
        // SAFETY: between fork(2) and execve(2) it makes system calls only.
        unsafe { command.pre_exec(enter) };
        Self::start_command(role, command, directory)
    }

    /// Starts another program, which talks as a role does. It has to end when it hears no more.
    pub(crate) fn start_program(program: &'static str, directory: &Path) -> Self {
        Self::start_command(program, Command::new(program), directory)
    }

    fn start_command(role: &'static str, mut command: Command, directory: &Path) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(LIMIT)).unwrap();
        let child = command
            .env(DIRECTORY, directory)
            .env(PARENT, process::id().to_string())
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()
            .expect("a test program can be started");
        Process { role, child, line: Line::new(ours), ended: false }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn raw_pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32).expect("a child has a process id")
    }

    /// Tells the process.
    #[track_caller]
    pub(crate) fn say(&mut self, line: impl Display) {
        if let Err(error) = self.line.say(line) {
            panic!("{} cannot be told: {error}", self.describe());
        }
    }

    /// Waits for a line of the process.
    #[track_caller]
    pub(crate) fn hear(&mut self) -> String {
        match self.line.hear() {
            Ok(Some(line)) => line,
            Ok(None) => {
                let status = self.child.wait().unwrap();
                self.ended = true;
                panic!("{} ended before it said what the test waits for: {status}", self.describe());
            }
            Err(error) => panic!("{} said nothing for {LIMIT:?}: {error}", self.describe()),
        }
    }

    /// Waits for a number from the process.
    #[track_caller]
    pub(crate) fn hear_number<N: FromStr>(&mut self) -> N {
        let line = self.hear();
        line.parse().unwrap_or_else(|_| panic!("{} said {line:?}, expected a number", self.describe()))
    }

    /// Waits until the process says just this.
    #[track_caller]
    pub(crate) fn await_line(&mut self, expected: &str) {
        assert_eq!(self.hear(), expected, "from {}", self.describe());
    }

    /// Waits for a line of the process, or its end.
    #[track_caller]
    pub(crate) fn hear_or_end(&mut self) -> Option<String> {
        match self.line.hear() {
            Ok(line) => line,
            Err(error) => panic!("{} said nothing for {LIMIT:?}: {error}", self.describe()),
        }
    }

    /// Tells the process, which may be gone.
    pub(crate) fn say_if_there(&mut self, line: impl Display) {
        let _ = self.line.say(line);
    }

    /// Waits until the process has been killed by SIGKILL, at most `bound`; whether it has. It may also have come to
    /// a good end.
    #[track_caller]
    pub(crate) fn is_killed_within(&mut self, bound: Duration) -> bool {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.ended = true;
                if status.success() {
                    return false;
                }
                assert_eq!(status.signal(), Some(libc::SIGKILL), "{} ended by itself", self.describe());
                return true;
            }
            if start.elapsed() >= bound {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Tells the process, and waits for its answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, line: impl Display) -> String {
        self.say(line);
        self.hear()
    }

    /// SIGKILL, and waits until it is gone with all that the kernel kept for it.
    pub(crate) fn kill(&mut self) {
        if !self.ended {
            self.ended = true;
            let _ = self.child.kill();
            self.child.wait().unwrap();
        }
    }

    /// SIGSTOP, and waits until every thread of it stands.
    pub(crate) fn stop(&self) {
        kill_process(self.raw_pid(), Signal::STOP).unwrap();
        let stopped = waitid(WaitId::Pid(self.raw_pid()), WaitIdOptions::STOPPED).unwrap();
        assert!(stopped.is_some_and(|status| status.stopped()), "{} does not stop", self.describe());
    }

    /// SIGCONT.
    pub(crate) fn resume(&self) {
        kill_process(self.raw_pid(), Signal::CONT).unwrap();
    }

    /// Lets the process come to its end, which must be a good one.
    #[track_caller]
    pub(crate) fn finish(mut self) {
        let status = self.end();
        assert!(status.success(), "{} ended with {status}", self.describe());
    }

    /// Says no more, and waits for the end of the process.
    #[track_caller]
    pub(crate) fn end(&mut self) -> ExitStatus {
        self.line.close();
        match self.line.hear() {
            Ok(None) => {}
            Ok(Some(line)) => panic!("{} said {line:?}, expected nothing more", self.describe()),
            Err(error) => panic!("{} does not end: {error}", self.describe()),
        }
        self.ended = true;
        self.child.wait().unwrap()
    }

    fn describe(&self) -> String {
        format!("process {} in the role `{}`", self.child.id(), self.role)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// This program again, in a role.
fn in_role(role: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "roles", "--nocapture", "--quiet"]).env(ROLE, role);
    command
}

/// One end of the line between a test and a process.
#[derive(Debug)]
struct Line(BufReader<UnixStream>);

impl Line {
    fn new(stream: UnixStream) -> Self {
        Line(BufReader::new(stream))
    }

    fn say(&mut self, line: impl Display) -> io::Result<()> {
        let line = format!("{line}\n");
        self.0.get_mut().write_all(line.as_bytes())
    }

    /// The next line; `None` at the end.
    fn hear(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(line.trim_end_matches('\n').to_owned())),
            // Killed before it read all that was said to it.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn close(&self) {
        let _ = self.0.get_ref().shutdown(std::net::Shutdown::Write);
    }
}

/// Starts a role, and waits until it says that it is ready.
pub(crate) fn start_ready(place: &Place, role: &'static str) -> Process {
    let mut process = place.start(role);
    process.await_line("ready");
    process
}

/// Has a process do something, and waits until it says that it has.
#[track_caller]
pub(crate) fn tell(process: &mut Process, line: &str) {
    assert_eq!(process.ask(line), "done");
}
