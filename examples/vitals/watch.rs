//! The watching half: five links, each to all items of a topic, and a table of what comes.
//!
//! A screen has a frame rate, so this half looks at its links at each frame, and draws if anything has come;
//! a look at a silent link is a few loads, and no system call. A program that is to act on a value at once
//! would sleep in [`Link::recv`](bus::Link::recv) instead, as `hello_watch` and `quotes` do.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bus::{Bus, Error};

use crate::Result;
use crate::counters::SERVICE;
use crate::panel::{self, Panels};
use crate::screen::Screen;
use crate::stop::Stop;

/// The time between two looks.
const FRAME: Duration = Duration::from_millis(100);

/// The time between two attempts to connect.
const RETRY: Duration = Duration::from_millis(20);

/// How long to try before saying so.
const SILENCE: Duration = Duration::from_millis(500);

/// How long a watch that has an end waits for a publisher to appear.
const PATIENCE: Duration = Duration::from_secs(5);

/// Watches for a time, or until it is time to stop. Asks `check` at each look, and ends with its error.
pub(crate) fn watch(
    bus: &Bus,
    time: Option<Duration>,
    stop: &Stop,
    mut check: impl FnMut() -> Result<()>,
) -> Result<()> {
    let patience = deadline(time.and(Some(PATIENCE)));
    let Some(mut panels) = connect(bus, patience, stop, &mut check)? else { return Ok(()) };
    let mut screen = Screen::new()?;
    let end = deadline(time);
    loop {
        let mut changed = false;
        for panel in &mut panels {
            changed |= panel.look()?;
        }
        if changed {
            screen.show(&table(bus, &panels))?;
        }
        let left = end.map_or(FRAME, |end| end.saturating_duration_since(Instant::now()));
        if left.is_zero() || stop.within(left.min(FRAME)) {
            break;
        }
        check()?;
    }
    let [items, received, lost] = panel::totals(&panels);
    let summary = format!("{items} items, {received} updates received, {lost} lost");
    Ok(screen.finish(&table(bus, &panels), &summary)?)
}

/// Opens the links as soon as there is a publisher; `None` where it was time to stop before.
fn connect(
    bus: &Bus,
    patience: Option<Instant>,
    stop: &Stop,
    check: &mut impl FnMut() -> Result<()>,
) -> Result<Option<Panels>> {
    let place = format!("on bus `{}` ({})", bus.name(), bus.directory().display());
    let started = Instant::now();
    let mut told = false;
    loop {
        match panel::open_all(bus) {
            Ok(panels) => return Ok(Some(panels)),
            // Not there yet, or gone again between two of the links.
            Err(Error::NoSuchService { .. } | Error::Stale { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        check()?;
        if patience.is_some_and(|patience| Instant::now() >= patience) {
            return Err(format!("nobody publishes `{SERVICE}` {place}; start `vitals publish`").into());
        }
        if !told && started.elapsed() >= SILENCE {
            eprintln!("waiting for somebody to publish `{SERVICE}` {place}; Ctrl-C ends it");
            told = true;
        }
        if stop.within(RETRY) {
            return Ok(None);
        }
    }
}

/// Everything on one page.
fn table(bus: &Bus, panels: &Panels) -> String {
    let [items, received, lost] = panel::totals(panels);
    let mut page = String::new();
    let _ = writeln!(
        page,
        "{SERVICE} of process {}, bus `{}`: {items} items, {received} updates, {lost} lost",
        panels[0].publisher(),
        bus.name(),
    );
    for panel in panels {
        page.push('\n');
        panel.draw(&mut page);
    }
    page
}

fn deadline(time: Option<Duration>) -> Option<Instant> {
    time.and_then(|time| Instant::now().checked_add(time))
}
