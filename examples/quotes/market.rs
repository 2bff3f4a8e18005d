//! The run as a whole: starts the processes, ends them, and adds up what they counted.
//!
//! The order makes the counts exact. Watchers start when every item has its opening quote, and nothing more
//! is published until all of them are linked; and they end only when they were delivered the last value that
//! was published before the close. So nobody's count begins late or ends early.

use std::io::{self, Write};
use std::sync::mpsc;

use clap::ValueEnum;

use crate::quote::Scope;
use crate::report::{Published, Watched};
use crate::support::child::Child;
use crate::{Plan, Result, table};

/// Runs a market for as long as planned, or until Ctrl-C, and prints the result.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    let (stop, stopped) = mpsc::channel();
    ctrlc::set_handler(move || stop.send(()).unwrap_or_default())
        .map_err(|error| format!("cannot handle Ctrl-C: {error}"))?;
    let directory = tempfile::Builder::new()
        .prefix("quotes-")
        .tempdir()
        .map_err(|error| format!("cannot make a directory for a private bus: {error}; is $TMPDIR right?"))?;

    let mut publisher = Child::start("quotes", directory.path(), &["publish"])?;
    let mut watchers = Vec::new();
    for &scope in &plan.watchers {
        let name = scope.to_possible_value().ok_or("a scope without a name")?;
        let child = Child::start("quotes", directory.path(), &["watch", name.get_name()])?;
        watchers.push((scope, child));
    }
    publisher.begin()?;
    let _ = stopped.recv_timeout(plan.seconds);
    publisher.end();

    let published: Published = publisher.report()?;
    let mut watched: Vec<(Scope, Watched)> = Vec::new();
    for (scope, watcher) in watchers {
        watched.push((scope, watcher.report()?));
    }
    io::stdout().write_all(table::render(plan, &published, &watched).as_bytes())?;
    add_up(&published, &watched)
}

/// Checks that each watcher accounts for every value.
fn add_up(published: &Published, watched: &[(Scope, Watched)]) -> Result<()> {
    for (scope, counts) in watched {
        let (found, expected) = (counts.delivered + counts.missed, published.of(*scope));
        if found != expected {
            return Err(format!(
                "a watcher of {scope:?} counts {} delivered + {} missed = {found} values, but {expected} were \
                 published; this is an error of the bus, please report it",
                counts.delivered, counts.missed
            )
            .into());
        }
    }
    writeln!(io::stdout(), "\nAt every watcher: delivered + missed = published, exactly.")?;
    Ok(())
}
