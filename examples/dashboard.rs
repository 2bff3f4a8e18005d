//! A dashboard: one thread that waits for everything at once.
//!
//! ```text
//! cargo run --release --example dashboard                  five pages; Enter or Ctrl-C ends it before
//! cargo run --release --example dashboard -- --pages 60
//! ```
//!
//! Workers are processes of their own, each with a service by its name; a new one is started with each of the first pages,
//! and ends when its work is done. The dashboard knows none of them beforehand. It sleeps in one wait set, and is woken when
//! services come and go, when a worker publishes, when a page is due, by a line on standard input, and by Ctrl-C. A worker's
//! link outlives it: it says why the worker has gone, and would go on by itself with a new one of that name.

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use bus::{Bus, Error, Hot, Interest, Link, Message, ServiceEvent, WaitSet};
use clap::{Parser, Subcommand};

use crate::support::child::Child;
use crate::support::{Result, lines, program};

/// The bus on which they meet; it lies in a directory of their own.
const BUS: &str = "workshop";
/// The workers, each with its number of steps: the first two are done before the last page.
const WORKERS: [(&str, u64); 3] = [("anvil", 80), ("bellows", 40), ("chisel", 10_000)];
/// How long a step takes.
const STEP: Duration = Duration::from_millis(10);
/// The time from one page to the next.
const PAGE: Duration = Duration::from_millis(400);

/// How far a worker is.
#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
struct Progress {
    done: u64,
    of: u64,
}

/// Shows the progress of workers that come and go.
#[derive(Parser)]
struct Arguments {
    /// Pages to show
    #[arg(long, default_value_t = 5)]
    pages: u32,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
#[command(disable_help_subcommand = true)]
enum Role {
    #[command(hide = true)]
    Work { name: String, steps: u64 },
}

/// What the dashboard waits for.
#[derive(Clone)]
enum Ready {
    Services,
    Worker(String),
    Page,
    Input,
    Interrupt,
}

/// A worker that was seen.
struct Row {
    link: Link<Hot<Progress>>,
    last: Option<Progress>,
    updates: u64,
    /// Why it has gone.
    gone: Option<String>,
}

fn main() -> ExitCode {
    let Arguments { pages, role } = Arguments::parse();
    let result = match role {
        None => show(pages),
        Some(Role::Work { name, steps }) => work(&name, steps),
    };
    program::end("dashboard", result)
}

fn show(pages: u32) -> Result<()> {
    let directory = tempfile::Builder::new().prefix("dashboard-").tempdir()?;
    let bus = Bus::builder().directory(directory.path()).open(BUS)?;

    let mut set = WaitSet::new()?;
    let mut services = bus.watch()?;
    set.add(&mut services, Ready::Services)?;
    set.every(PAGE, Ready::Page)?;
    let interrupt = set.event(Ready::Interrupt);
    ctrlc::set_handler(move || interrupt.raise())?;
    // There is nothing to wait for where standard input is a file.
    let input = set.add_descriptor(io::stdin(), Interest::Readable, Ready::Input).ok();

    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let (mut to_come, mut workers, mut shown) = (WORKERS.iter(), Vec::new(), 0);
    while shown < pages {
        for ready in set.wait()? {
            match ready {
                Ready::Services => {
                    while let Some(event) = services.try_recv()? {
                        if let ServiceEvent::Appeared(info) = event
                            && !rows.contains_key(&info.name)
                            && let Some(mut row) = Row::of(&bus, &info.name)?
                        {
                            set.add(&mut row.link, Ready::Worker(info.name.clone()))?;
                            rows.insert(info.name, row);
                        }
                    }
                }
                Ready::Worker(name) => rows.get_mut(&name).map_or(Ok(()), Row::read)?,
                Ready::Page => {
                    shown += 1;
                    print(shown, &rows)?;
                    if let Some(&(name, steps)) = to_come.next() {
                        let role = ["work", name, &steps.to_string()];
                        let mut worker = Child::start("dashboard", directory.path(), &role)?;
                        worker.begin()?;
                        workers.push(worker);
                    }
                }
                // A line, or the end, which would be ready for ever.
                Ready::Input => match io::stdin().read_line(&mut String::new())? {
                    0 => drop(input.map(|input| set.remove(input))),
                    _ => shown = pages,
                },
                Ready::Interrupt => shown = pages,
            }
        }
    }
    workers.into_iter().try_for_each(Child::finish)
}

impl Row {
    /// `None` where the worker has gone already.
    fn of(bus: &Bus, name: &str) -> Result<Option<Row>> {
        let open = || bus.connect(&format!("{name}/progress")).open()?.advise("steps").hot();
        match open() {
            Ok(link) => Ok(Some(Row { link, last: None, updates: 0, gone: None })),
            Err(Error::NoSuchService { .. } | Error::Stale { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes all that there is, so that the link is not ready again at once.
    fn read(&mut self) -> Result<()> {
        loop {
            match self.link.try_recv() {
                Ok(Some(update)) => {
                    (self.last, self.gone) = (Some(update.value), None);
                    self.updates += 1;
                }
                Ok(None) => return Ok(()),
                Err(Error::Stale { reason, .. }) => self.gone = Some(reason.to_string()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn print(page: u32, rows: &BTreeMap<String, Row>) -> io::Result<()> {
    let mut text = format!("\npage {page}, {} workers seen\n", rows.len());
    for (name, Row { last, updates, gone, .. }) in rows {
        let progress = last.map_or_else(String::new, |Progress { done, of }| format!("{done} of {of}"));
        let state = gone.as_deref().unwrap_or("at work");
        text += &format!("{name:<10}{progress:>16}{updates:>8} updates   {state}\n");
    }
    io::stdout().write_all(text.as_bytes())
}

/// A worker's process: takes its steps, or ends with the dashboard.
fn work(name: &str, steps: u64) -> Result<()> {
    let service = Bus::open(BUS)?.service(name)?;
    let progress = service.topic("progress").capacity(1).open()?;
    let item = progress.item("steps")?;
    item.publish(&Progress { done: 0, of: steps })?;
    service.ready()?;
    lines::ready()?;
    let end = lines::wait_for_start()?;
    for done in 1..=steps {
        thread::park_timeout(STEP);
        if end.load(Ordering::Relaxed) {
            break;
        }
        item.publish(&Progress { done, of: steps })?;
    }
    service.close();
    Ok(())
}
