//! A thermostat: a service that heats rooms and takes orders, and a client with a small text interface.
//!
//! ```text
//! cargo run --example thermostat                        commands from the terminal; `help` lists them
//! cargo run --example thermostat -- --script            a session by itself, which fails where anything goes wrong
//! echo 'set kitchen 23' | cargo run --example thermostat
//! cargo run --example thermostat -- serve               only the service, on the user's bus, until Ctrl-C …
//! cargo run --example thermostat -- talk                … and a client of it, in another terminal
//! ```
//!
//! Without a subcommand the client runs here and starts the service as a process of its own, on a bus that nobody else has;
//! where standard input has nothing to read, it plays the script.
//!
//! ```text
//!   rooms      the interface, and the names and numbers that both halves agree on
//!   service    the service: what it publishes, and what it answers
//!   house      the rooms that it heats, simulated
//!   client     the client: commands, and what changes meanwhile
//!   line       what a line of text asks for        script    a session without a user
//! ```

mod client;
mod house;
mod line;
mod rooms;
mod script;
mod service;
#[path = "../support/mod.rs"]
mod support;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bus::Bus;
use clap::{Parser, Subcommand};

use crate::support::child::Child;
use crate::support::program::{self, seconds};
use crate::support::{Result, lines};

/// How long a minute of the house takes where somebody watches, and, in seconds, where nobody does.
const WATCHED: Duration = Duration::from_millis(500);
const UNWATCHED: &str = "0.02";
/// The bus on which both halves meet.
const BUS: &str = "home";

/// Heats rooms in one process, and takes a user's orders in another.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    plan: Plan,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(clap::Args)]
struct Plan {
    /// Play a session by itself, whatever standard input has
    #[arg(long)]
    script: bool,
    /// What the weather and the people in the house do
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long a minute of the house takes, in seconds [default: 0.5 where somebody watches, else 0.02]
    #[arg(long, value_parser = seconds)]
    minute: Option<Duration>,
}

#[derive(Subcommand)]
#[command(disable_help_subcommand = true)]
enum Role {
    /// Only the service, until Ctrl-C
    Serve,
    /// Only the client
    Talk,
    #[command(hide = true)]
    ServeParent,
}

fn main() -> ExitCode {
    let Arguments { plan, role } = Arguments::parse();
    let result = match role {
        None => both(&plan),
        Some(Role::Serve) => serve(&plan),
        Some(Role::Talk) => {
            Bus::open(BUS).map_err(Into::into).and_then(|bus| client::talk(&bus, plan.script))
        }
        Some(Role::ServeParent) => serve_parent(&plan),
    };
    program::end("thermostat", result)
}

fn both(plan: &Plan) -> Result<()> {
    let directory = tempfile::Builder::new().prefix("thermostat-").tempdir()?;
    let role: &[&str] = match plan.minute {
        None if plan.script || !io::stdin().is_terminal() => &["--minute", UNWATCHED, "serve-parent"],
        _ => &["serve-parent"],
    };
    let mut service = Child::start("thermostat", directory.path(), role)?;
    service.begin()?;
    client::talk(&Bus::builder().directory(directory.path()).open(BUS)?, plan.script)?;
    service.finish()
}

fn serve(plan: &Plan) -> Result<()> {
    let end = Arc::new(AtomicBool::new(false));
    let ended = end.clone();
    ctrlc::set_handler(move || ended.store(true, Ordering::Relaxed))?;
    service::serve(&Bus::open(BUS)?, plan, || Ok(end))
}

/// As a child, until standard input ends.
fn serve_parent(plan: &Plan) -> Result<()> {
    service::serve(&Bus::open(BUS)?, plan, || {
        lines::ready()?;
        lines::wait_for_start()
    })
}
