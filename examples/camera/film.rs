//! The camera's process: waits for a line on standard input, and films until standard input ends.
//!
//! A real camera would have its driver fill the lent memory. Where no memory is left, because viewers hold all of it, the
//! frame is lost and counted, and the next is tried when it is due: a camera does not wait.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use bus::{Bus, Error};
use hdrhistogram::Histogram;

use crate::frame::{BUS, Frame, ITEM, SERVICE, Scene, TOPIC};
use crate::report::Filmed;
use crate::support::lines;
use crate::{Plan, Result};

/// How long to wait when there was no memory, where no rate says when the next frame is due.
const BREATH: Duration = Duration::from_millis(1);

/// The longest time that is told from longer ones, in nanoseconds.
const LONGEST: u64 = 60_000_000_000;

pub(crate) fn film(plan: &Plan) -> Result<()> {
    let service = Bus::open(BUS)?.service(SERVICE)?;
    let topic = service
        .topic::<Frame>(TOPIC)
        .history(2)
        .samples(plan.memory.into())
        .capacity(1)
        .stamps(true)
        .open()?;
    let front = topic.item(ITEM).map_err(|error| match error {
        Error::NoMemory { .. } => format!("{error}: that is `--memory` here").into(),
        error => Box::<dyn std::error::Error>::from(error),
    })?;
    let scene = Scene::new();
    service.ready()?;
    lines::ready()?;

    let end = lines::wait_for_start()?;
    let start = Instant::now();
    let (mut frames, mut due, mut refused) = (0, 0, 0);
    let mut drawing = Histogram::<u64>::new_with_bounds(1, LONGEST, 3)?;
    let mut publishing = drawing.clone();
    while !end.load(Ordering::Relaxed) {
        if let Some(early) = ahead(due, plan.hz, start.elapsed()) {
            // The end of standard input ends this sleep too.
            thread::park_timeout(early);
            continue;
        }
        due += 1;
        let asked = Instant::now();
        let mut frame = match front.loan() {
            Ok(loan) => loan.in_place(),
            Err(Error::Exhausted { .. }) => {
                refused += 1;
                if plan.hz == 0 {
                    thread::park_timeout(BREATH);
                }
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let lent = Instant::now();
        scene.draw(frames + 1, frame.get_mut());
        let drawn = Instant::now();
        frames = frame.publish()?;
        publishing.saturating_record((lent - asked + drawn.elapsed()).as_nanos() as u64);
        drawing.saturating_record((drawn - lent).as_nanos() as u64);
    }
    let elapsed = start.elapsed();
    // Viewers get the last frame, and then are told that it is the last.
    service.close();
    lines::send(&Filmed {
        elapsed: elapsed.as_nanos() as u64,
        frames,
        refused,
        drawing: drawing.value_at_quantile(0.5),
        publishing: publishing.value_at_quantile(0.5),
    })
}

/// How long it is until frame `due` is due; `None` if it is due now, as it always is at a rate of 0.
fn ahead(due: u64, hz: u64, elapsed: Duration) -> Option<Duration> {
    if hz == 0 {
        return None;
    }
    let due = u128::from(due) * 1_000_000_000 / u128::from(hz);
    let early = due.checked_sub(elapsed.as_nanos()).filter(|&early| early > 0)?;
    Some(Duration::from_nanos(u64::try_from(early).unwrap_or(u64::MAX)))
}
