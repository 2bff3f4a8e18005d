//! A camera: one process films frames of 1920×1080 pixels, three others view them, and nobody copies one.
//!
//! ```text
//! cargo run --release --example camera
//! cargo run --release --example camera -- --hz 0                 as fast as the camera can draw
//! cargo run --release --example camera -- --kept 16 --apart 100  viewers hold so much that the camera runs out
//! cargo run --release --example camera -- --out last.png
//! ```
//!
//! The camera draws each frame in memory that the topic lends, and publishing only says where it is. Viewers hold frames
//! where they were drawn. The *slow* one looks at each for a quarter of a second, the *keeper* keeps the last ten,
//! and the one with the *histogram* looks at every pixel, and sees whether each frame is whole. None of them waits for
//! another and the camera waits for none: what a viewer has no time for it passes over. In the end each accounts for
//! every frame, and the last one is written as a picture, from where it was drawn, after the camera has gone.
//!
//! To run out takes more frames than there is memory for, and none of them may be among the newest two, which have theirs
//! anyway. So a keeper of the last sixteen is not enough: what others hold is mostly among those. One that takes a
//! frame in each tenth of a second holds all memory in the end, and as soon as the slow one holds another frame
//! the camera has to drop its own, until one of them lets go.
//!
//! ```text
//!   frame     the message: what a frame is, how it is drawn and checked
//!   film      the camera's process            studio   starts the processes, and adds up
//!   view      a viewer's process              report   what they tell when they end
//!   picture   a frame as a PNG file           table    the result
//! ```

mod film;
mod frame;
mod picture;
mod report;
mod studio;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod view;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::support::Result;
use crate::support::program::{self, seconds};
use crate::view::Viewer;

/// Films frames of 1920×1080 pixels in one process and views them in three others, without a copy.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    plan: Plan,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What to do. The parent's options, which it hands to its children as they are.
#[derive(clap::Args)]
struct Plan {
    /// Frames a second; 0 is as fast as possible
    #[arg(long, default_value_t = 60)]
    hz: u64,
    /// How long to film, in seconds
    #[arg(long, default_value = "3", value_parser = seconds)]
    seconds: Duration,
    /// Where to write the last frame, as PNG; nowhere if not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Frames that the keeper keeps
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    kept: u16,
    /// Milliseconds between two frames that the keeper takes; 0 is every frame
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    apart: u64,
    /// Frames that there is memory for besides the newest two and the one being drawn: as many can viewers hold, all
    /// together; 8.3 MB each
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1100))]
    memory: u16,
}

/// What a child is to do.
#[derive(Subcommand)]
#[command(disable_help_subcommand = true)]
enum Role {
    #[command(hide = true)]
    Film,
    #[command(hide = true)]
    View { viewer: Viewer },
}

fn main() -> ExitCode {
    let Arguments { plan, role } = Arguments::parse();
    let result = match role {
        None => studio::run(&plan),
        Some(Role::Film) => film::film(&plan),
        Some(Role::View { viewer }) => view::view(&plan, viewer),
    };
    program::end("camera", result)
}
