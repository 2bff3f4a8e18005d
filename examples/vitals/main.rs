//! This machine's vital signs, live: each core, the memory, the load, each disk and each network interface.
//!
//! ```text
//! cargo run --release --example vitals             both halves for five seconds, on a bus of their own
//! cargo run --release --example vitals publish     the publishing half, until Ctrl-C
//! cargo run --release --example vitals watch       the watching half, in as many terminals as you like
//! ```
//!
//! One process reads /proc and publishes what it finds; each core, disk or interface is an item of a topic.
//! Any number of others watch. Kill the publisher and start it again under a watcher's eyes: the watcher
//! says that what it shows is stale, and goes on when the publisher is back.
//!
//! ```text
//!   counters   the messages: what both halves agree on
//!   proc       reading /proc                  rows     what a message looks like in a table
//!   publish    the publishing half            panel    one topic on the screen: a link and its rows
//!                                             screen   where tables are drawn
//!                                             watch    the watching half
//!   both       the two together               stop     Ctrl-C
//! ```

mod both;
mod counters;
mod panel;
mod proc;
mod publish;
mod rows;
mod screen;
mod stop;
#[path = "../support/mod.rs"]
mod support;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use bus::Bus;
use clap::{Args, Parser, Subcommand};

use crate::stop::Stop;
use crate::support::Result;
use crate::support::program::{self, seconds};

/// Shows this machine's live counters: one process publishes them on a bus, another watches.
///
/// Without a subcommand, starts both on a private bus, for --seconds.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    half: Option<Half>,
    /// How long to run, in seconds
    #[arg(long, default_value = "5", value_parser = seconds)]
    seconds: Duration,
    #[command(flatten)]
    pace: Pace,
}

#[derive(Subcommand)]
enum Half {
    /// Publish this machine's counters, until Ctrl-C
    Publish {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        pace: Pace,
        /// End also when standard input does; so a child ends with its parent, however that ends
        #[arg(long, hide = true)]
        until_end_of_input: bool,
    },
    /// Show what a publisher publishes, until Ctrl-C
    Watch {
        #[command(flatten)]
        place: Place,
        /// How long to watch, in seconds [default: until Ctrl-C]
        #[arg(long, value_parser = seconds)]
        seconds: Option<Duration>,
    },
}

#[derive(Args)]
struct Place {
    /// The bus to meet on; its directory is $BUS_DIR, or the user's own
    #[arg(long, value_name = "NAME", default_value = "main")]
    bus: String,
}

#[derive(Args)]
struct Pace {
    /// Seconds from one reading of the counters to the next
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    interval: Duration,
}

fn main() -> ExitCode {
    program::end("vitals", run(Arguments::parse()))
}

fn run(arguments: Arguments) -> Result<()> {
    let stop = Stop::on_signals()?;
    match arguments.half {
        None => both::run(arguments.seconds, arguments.pace.interval, &stop),
        Some(Half::Publish { place, pace, until_end_of_input }) => {
            if until_end_of_input {
                stop.also_at_end_of_input();
            }
            publish::publish(&Bus::open(&place.bus)?, pace.interval, &stop)
        }
        Some(Half::Watch { place, seconds }) => {
            watch::watch(&Bus::open(&place.bus)?, seconds, &stop, || Ok(()))
        }
    }
}
