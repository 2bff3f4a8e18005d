//! An exchange: clients send orders to a gateway, which matches them; some clients are killed; and the books must balance.
//!
//! ```text
//! cargo run --release --example exchange
//! cargo run --release --example exchange -- --seconds 2 --clients 4 --kills 6
//! cargo run --release --example exchange -- --flow orders.csv             what clients send, recorded
//! ```
//!
//! Clients execute `New` and `Cancel`, eight at a time. The gateway trades by price and then by time, and publishes trades and
//! the top of each book. A risk process watches the trades and pokes limits into the gateway, which so need not ask anyone
//! about an order. The parent kills clients and starts others; the gateway is told that a conversation has ended, and cancels
//! what that client had resting. In the end the parent reads the gateway's ledger, and fails if anything is bought that is not
//! sold, paid that is not received, acknowledged that is not booked, or resting for one who is dead. A process that ends without
//! its doing fails the run, and is named.
//!
//! ```text
//!   orders     the messages, and the names and numbers that all agree on
//!   gateway    the service        engine     what it accepts, from whom        book      matching
//!                                                                              ledger    who traded what
//!   risk       the limits
//!   client     a client           flow       what it sends, drawn or recorded
//!   market     the parent         audit      whether the books balance         summary   the result
//!                                 report     what the others tell it
//! ```

mod audit;
mod book;
mod client;
mod engine;
mod flow;
mod gateway;
mod ledger;
mod market;
mod orders;
mod report;
mod risk;
mod summary;
#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::support::Result;
use crate::support::program::{self, seconds};

/// Matches orders in one process that others send, kills some of those, and checks that the books balance.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    plan: Plan,
    #[command(subcommand)]
    role: Option<Role>,
}

/// The parent's options, which it hands to its children as they are.
#[derive(clap::Args)]
struct Plan {
    /// How long to trade, in seconds
    #[arg(long, default_value = "3", value_parser = seconds)]
    seconds: Duration,
    /// How many clients there are at a time
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    clients: u32,
    /// How many clients are killed
    #[arg(long, default_value_t = 6)]
    kills: u32,
    /// What is sent, and who is killed when
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A file of what each client sends, over and over: lines `new,SYMBOL,SIDE,PRICE,QUANTITY` and `cancel,N`
    #[arg(long)]
    flow: Option<PathBuf>,
}

/// What a child is to do.
#[derive(Subcommand)]
#[command(disable_help_subcommand = true)]
enum Role {
    #[command(hide = true)]
    Gateway,
    #[command(hide = true)]
    Risk,
    #[command(hide = true)]
    Client { number: u64, acknowledged: PathBuf },
}

fn main() -> ExitCode {
    let Arguments { plan, role } = Arguments::parse();
    let result = match role {
        None => market::run(&plan),
        Some(Role::Gateway) => gateway::serve(),
        Some(Role::Risk) => risk::watch(),
        Some(Role::Client { number, acknowledged }) => client::trade(&plan, number, &acknowledged),
    };
    program::end("exchange", result)
}
