//! Clients in processes of their own.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use bus::Client;

use crate::ours::{Echo, PATIENCE, open_bus};
use crate::support::{Failure, Partner, Recorder, cores, keep_off};

/// Processes, where there are as many clients.
const PROCESSES: usize = 8;

/// The processes, as the one that measures has them.
pub(crate) struct Crew {
    members: Vec<Partner>,
}

impl Crew {
    /// Starts them all, to run where the calling thread may and the service does not.
    pub(crate) fn start(meeting: &Path) -> Result<Self, Failure> {
        let members: Result<_, _> = (0..PROCESSES).map(|_| Partner::start_as("--crew", meeting)).collect();
        Ok(Crew { members: members? })
    }

    /// Has so many clients ask at once, each on a thread and by a connection of its own, `batch` times in all for each sample.
    pub(crate) fn ask(
        &mut self,
        many: usize,
        batch: usize,
        samples: usize,
        recorder: &mut Recorder,
    ) -> Result<(), Failure> {
        let processes = many.min(PROCESSES);
        let command = format!("{} {}", many / processes, batch / many);
        for _ in 0..samples {
            let start = Instant::now();
            self.have_all(processes, &command)?;
            recorder.record(start.elapsed(), batch as u32);
        }
        Ok(())
    }

    /// Ends all connections, so that they cost what is measured next nothing.
    pub(crate) fn disperse(&mut self) -> Result<(), Failure> {
        self.have_all(self.members.len(), "0 0")
    }

    fn have_all(&mut self, processes: usize, command: &str) -> Result<(), Failure> {
        let members = &mut self.members[..processes];
        members.iter_mut().try_for_each(|member| member.tell(command))?;
        members.iter_mut().try_for_each(Partner::hear)
    }
}

/// One of these processes: it is told how many clients it has and how often each asks, and says when they have.
pub(crate) fn follow(meeting: &Path) -> Result<(), Failure> {
    keep_off(cores()?[1])?;
    let mut clients: Vec<Client> = Vec::new();
    for command in std::io::stdin().lines() {
        let command = command?;
        let (many, each) = command.split_once(' ').ok_or("a command is two numbers")?;
        let (many, each): (usize, u64) = (many.parse()?, each.parse()?);
        clients.truncate(many);
        while clients.len() < many {
            clients.push(open_bus(meeting)?.client("echo").wait(PATIENCE).open()?.with_timeout(PATIENCE));
        }
        std::thread::scope(|scope| -> Result<(), Failure> {
            let asking: Vec<_> =
                clients.iter().map(|client| scope.spawn(move || ask(client, each))).collect();
            for thread in asking {
                thread.join().map_err(|_| "a client panicked")??;
            }
            Ok(())
        })?;
        println!("done");
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn ask(client: &Client, times: u64) -> Result<(), bus::Error> {
    for value in 0..times {
        client.execute(&Echo::new(value))?.check(value);
    }
    Ok(())
}
