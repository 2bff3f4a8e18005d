//! A market: one process publishes quotes of many items, others watch one item, several, or all of them.
//!
//! ```text
//! cargo run --release --example quotes
//! cargo run --release --example quotes -- --rate 0                      as fast as possible
//! cargo run --release --example quotes -- --strategy spin --watchers one
//! cargo run --release --example quotes -- --rate 0 --watchers all,all --history 64 --journal 65536
//! ```
//!
//! It prints how fast the publisher really was, and for each watcher what was delivered, what it missed,
//! and how long values were on their way: from just before the publish in one process to just after the
//! receive in the other. In the end every value is accounted for, delivered or missed, at each watcher.
//!
//! ```text
//!   quote      the message, its items, and the clock
//!   publish    the publisher's process          market    starts the processes, and adds up
//!   watch      a watcher's process              report    what they tell when they end
//!                                               table     the result
//! ```

mod market;
mod publish;
mod quote;
mod report;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use bus::Wait;
use clap::{Parser, Subcommand, ValueEnum};

use crate::quote::Scope;
use crate::support::Result;
use crate::support::program::{self, seconds};

/// Publishes quotes of many items in one process, watches them in others, and measures rate, loss and
/// latency.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    plan: Plan,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What to measure. The parent's options, which it hands to its children as they are.
#[derive(clap::Args)]
struct Plan {
    /// Items in the topic
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    items: u32,
    /// Updates a second, over all items; 0 is as fast as possible
    #[arg(long, default_value_t = 100_000)]
    rate: u64,
    /// How long to publish, in seconds
    #[arg(long, default_value = "3", value_parser = seconds)]
    seconds: Duration,
    /// A watching process for each word
    #[arg(
        long,
        value_enum,
        value_name = "SCOPE,…",
        value_delimiter = ',',
        default_value = "one,several,all"
    )]
    watchers: Vec<Scope>,
    /// How watchers wait for the next value
    #[arg(long, value_enum, default_value_t = Strategy::SpinThenPark)]
    strategy: Strategy,
    /// What watchers get that fall behind
    #[arg(long, value_enum, default_value_t = Delivery::Queue)]
    delivery: Delivery,
    /// Values kept of each item: how far a watcher may fall behind in one item before it misses some
    #[arg(long, default_value_t = 64)]
    history: usize,
    /// Publishes of which the order across items is kept
    #[arg(long, default_value_t = 16_384)]
    journal: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Strategy {
    /// Look all the time: lowest latency, costs a core
    Spin,
    /// Look for some microseconds, then sleep
    SpinThenPark,
    /// Sleep at once: costs least
    Park,
}

#[derive(Clone, Copy, ValueEnum)]
enum Delivery {
    /// Every value that is still there
    Queue,
    /// Always the newest
    Latest,
}

/// What a child is to do.
#[derive(Subcommand)]
#[command(disable_help_subcommand = true)]
enum Role {
    #[command(hide = true)]
    Publish,
    #[command(hide = true)]
    Watch { scope: Scope },
}

fn main() -> ExitCode {
    let Arguments { plan, role } = Arguments::parse();
    let result = match role {
        None => market::run(&plan),
        Some(Role::Publish) => publish::publish(&plan),
        Some(Role::Watch { scope }) => watch::watch(&plan, scope),
    };
    program::end("quotes", result)
}

impl From<Strategy> for Wait {
    fn from(strategy: Strategy) -> Wait {
        match strategy {
            Strategy::Spin => Wait::Spin,
            Strategy::SpinThenPark => Wait::SpinThenPark,
            Strategy::Park => Wait::Park,
        }
    }
}
