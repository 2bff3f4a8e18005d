//! The run as a whole: starts the processes, ends them, and adds up what they counted.
//!
//! The order makes the counts exact. Nothing is filmed until all viewers are linked, and they end only when they were
//! delivered the last frame. So nobody's count begins late or ends early.

use std::io::{self, Write};
use std::sync::mpsc;

use clap::ValueEnum;

use crate::report::{Filmed, Viewed};
use crate::support::child::Child;
use crate::view::Viewer;
use crate::{Plan, Result, table};

/// Films for as long as planned, or until Ctrl-C, and prints the result.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    let (stop, stopped) = mpsc::channel();
    ctrlc::set_handler(move || stop.send(()).unwrap_or_default())
        .map_err(|error| format!("cannot handle Ctrl-C: {error}"))?;
    let directory = tempfile::Builder::new()
        .prefix("camera-")
        .tempdir()
        .map_err(|error| format!("cannot make a directory for a private bus: {error}; is $TMPDIR right?"))?;

    let mut camera = Child::start("camera", directory.path(), &["film"])?;
    let mut viewers = Vec::new();
    for &viewer in Viewer::value_variants() {
        let name = viewer.to_possible_value().ok_or("a viewer without a name")?;
        let child = Child::start("camera", directory.path(), &["view", name.get_name()])?;
        viewers.push((viewer, child));
    }
    camera.begin()?;
    let _ = stopped.recv_timeout(plan.seconds);
    camera.end();

    let filmed: Filmed = camera.report()?;
    let mut viewed: Vec<(Viewer, Viewed)> = Vec::new();
    for (viewer, child) in viewers {
        viewed.push((viewer, child.report()?));
    }
    io::stdout().write_all(table::render(plan, &filmed, &viewed).as_bytes())?;
    add_up(plan, &filmed, &viewed)
}

/// Checks that each viewer accounts for every frame, and that each frame was whole.
fn add_up(plan: &Plan, filmed: &Filmed, viewed: &[(Viewer, Viewed)]) -> Result<()> {
    for (viewer, counts) in viewed {
        let (found, expected) = (counts.seen + counts.passed_over, filmed.frames);
        if found != expected || counts.torn > 0 {
            return Err(format!(
                "the viewer {viewer:?} counts {} seen + {} passed over = {found} frames of {expected}, {} of them not \
                 whole; this is an error of the bus, please report it",
                counts.seen, counts.passed_over, counts.torn
            )
            .into());
        }
    }
    let mut out = io::stdout();
    writeln!(
        out,
        "\nAt every viewer: seen + passed over = published, exactly. Every frame that was checked was whole."
    )?;
    match &plan.out {
        Some(path) if filmed.frames > 0 => writeln!(out, "The last frame is in {}.", path.display())?,
        _ => {}
    }
    Ok(())
}
