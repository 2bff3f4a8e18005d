//! Another process, kept in step over a pipe, and the cores of both.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::Failure;

/// Another process, which is this program started again.
pub(crate) struct Partner {
    child: Child,
    commands: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Partner {
    /// Starts the second process.
    pub(crate) fn start(meeting: &Path) -> Result<Self, Failure> {
        Self::start_as("--follow", meeting)
    }

    /// Starts it with `role meeting`.
    pub(crate) fn start_as(role: &str, meeting: &Path) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(role)
            .arg(meeting)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().ok_or("the other process has no output")?).lines();
        Ok(Partner { child, commands, answers })
    }

    /// Tells it something, and waits for its answer.
    pub(crate) fn ask(&mut self, command: &str) -> Result<(), Failure> {
        self.tell(command)?;
        self.hear()
    }

    /// Tells it something.
    pub(crate) fn tell(&mut self, command: &str) -> Result<(), Failure> {
        Ok(writeln!(self.commands.as_mut().ok_or("the other process has no input")?, "{command}")?)
    }

    /// Waits for its answer.
    pub(crate) fn hear(&mut self) -> Result<(), Failure> {
        self.answers.next().ok_or("the other process is gone")??;
        Ok(())
    }
}

impl Drop for Partner {
    fn drop(&mut self) {
        // The end of its input ends it.
        self.commands = None;
        let _ = self.child.wait();
    }
}

/// The second process's side: takes the index of each figure, plays it with `figure`, which is given a function that says
/// that it is ready, and says when the first process has had enough of it.
pub(crate) fn follow(
    mut figure: impl FnMut(usize, &mut dyn FnMut() -> Result<(), Failure>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let say = |text: &str| -> Result<(), Failure> {
        println!("{text}");
        Ok(std::io::stdout().flush()?)
    };
    let mut commands = std::io::stdin().lines();
    while let Some(command) = commands.next() {
        figure(command?.parse()?, &mut || say("ready"))?;
        commands.next().ok_or("the first process is gone")??;
        say("done")?;
    }
    Ok(())
}

/// The cores for the two processes: two where there are two.
pub(crate) fn cores() -> Result<[usize; 2], Failure> {
    let allowed = sched_getaffinity(None)?;
    let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
    let first = cores.next().ok_or("no core may be used")?;
    Ok([first, cores.next().unwrap_or(first)])
}

/// Has the calling thread, and those that it starts, run on any core but this one, where there is another.
pub(crate) fn keep_off(core: usize) -> Result<(), Failure> {
    let mut allowed = sched_getaffinity(None)?;
    allowed.unset(core);
    if allowed.count() > 0 {
        sched_setaffinity(None, &allowed)?;
    }
    Ok(())
}

/// Has the calling thread, and those that it starts, run on one core.
pub(crate) fn pin(core: usize) -> Result<(), Failure> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}
