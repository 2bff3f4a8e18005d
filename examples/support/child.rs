//! One of the processes that a run consists of, as their parent sees it.
//!
//! A child is this same program with the same options and a role. Its standard output says when it is ready
//! and what it counted; its standard error is ours, so that its errors are seen. That who publishes ends
//! with its standard input, and the others with who publishes, means that no process remains however this
//! one ends.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, ChildStdin, ChildStdout, Command, Stdio};

use super::Result;
use super::lines::{self, Report};

pub(crate) struct Child {
    /// What it is called in errors: the program, and its role.
    name: String,
    process: process::Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Child {
    /// Starts a child of the example `program` whose buses are in `directory`, and waits until it is ready.
    pub(crate) fn start(program: &str, directory: &Path, role: &[&str]) -> Result<Self> {
        let start = || {
            Command::new(env::current_exe()?)
                .args(env::args_os().skip(1))
                .args(role)
                .env("BUS_DIR", directory)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                // A process group of its own: Ctrl-C is for the parent, which ends the run in order.
                .process_group(0)
                .spawn()
        };
        let name = format!("{program} {}", role.join(" "));
        let mut process = start().map_err(|error| format!("cannot start the process `{name}`: {error}"))?;
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let output = BufReader::new(output.ok_or("a child without standard output")?);
        let mut child = Child { name, process, input, output };
        child.line()?;
        Ok(child)
    }

    /// Tells it to begin.
    pub(crate) fn begin(&mut self) -> Result<()> {
        match &mut self.input {
            Some(input) => Ok(writeln!(input, "begin")?),
            None => Ok(()),
        }
    }

    /// Tells it to end.
    pub(crate) fn end(&mut self) {
        self.input = None;
    }

    /// Tells it to end, and waits until it has, of a child that reports nothing.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.end();
        match self.process.wait()? {
            status if status.success() => Ok(()),
            status => Err(format!("the process `{}` failed ({status})", self.name).into()),
        }
    }

    /// Waits for its report, and for its end.
    pub(crate) fn report<const N: usize, R: Report<N>>(mut self) -> Result<R> {
        let line = self.line()?;
        let status = self.process.wait()?;
        if !status.success() {
            return Err(format!("the process `{}` failed after its report ({status})", self.name).into());
        }
        lines::parse(&line)
            .ok_or_else(|| format!("the process `{}` reported nonsense: {line}", self.name).into())
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            let status = self.process.wait()?;
            return Err(format!("the process `{}` ended too early ({status})", self.name).into());
        }
        Ok(line)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // A child that has not ended yet belongs to a run that failed. Both fail where it has.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
