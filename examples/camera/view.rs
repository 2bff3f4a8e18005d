//! A viewer's process: holds frames where they were drawn until the camera is gone, and keeps count.

use std::collections::VecDeque;
use std::path::Path;
use std::thread;
use std::time::Duration;

use bus::{Bus, Ended, Error, Sample, Stamp};
use clap::ValueEnum;
use hdrhistogram::Histogram;

use crate::frame::{BUS, Frame, ITEM, SERVICE, Scene, TOPIC};
use crate::report::Viewed;
use crate::support::lines;
use crate::{Plan, Result, picture};

/// How long the slow viewer looks at a frame.
const SLOW: Duration = Duration::from_millis(250);

/// The longest age that is told from longer ones, in nanoseconds.
const OLDEST: u64 = 60_000_000_000;

/// What a viewer does with frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Viewer {
    /// Looks at each for a quarter of a second
    Slow,
    /// Keeps the last ten
    Keeper,
    /// Counts how bright each pixel is
    Histogram,
}

impl Viewer {
    /// The most frames that it holds at once.
    fn most_held(self, plan: &Plan) -> usize {
        match self {
            Viewer::Slow => 1,
            Viewer::Keeper => usize::from(plan.kept),
            // The one that it looks at, and the last one, for its picture.
            Viewer::Histogram => 2,
        }
    }

    /// How long it is at least from one frame that it is given to the next.
    fn interval(self, plan: &Plan) -> Duration {
        match self {
            Viewer::Keeper => Duration::from_millis(plan.apart),
            Viewer::Slow | Viewer::Histogram => Duration::ZERO,
        }
    }
}

/// Frames that a viewer has not let go of.
struct Held {
    frames: VecDeque<Sample<Frame>>,
    /// How many there were at most.
    most: usize,
}

impl Held {
    fn keep(&mut self, frame: Sample<Frame>) {
        self.frames.push_back(frame);
        self.most = self.most.max(self.frames.len());
    }

    /// Lets go of the oldest, until only so many are left.
    fn keep_only(&mut self, count: usize) {
        self.frames.drain(..self.frames.len().saturating_sub(count));
    }
}

pub(crate) fn view(plan: &Plan, viewer: Viewer) -> Result<()> {
    let camera = Bus::open(BUS)?.connect::<Frame>(&format!("{SERVICE}/{TOPIC}")).open()?;
    let advise = camera.advise(ITEM).latest().interval(viewer.interval(plan));
    let mut link = advise.samples(viewer.most_held(plan)).map_err(|error| match error {
        Error::Refused { .. } => format!("{error}: that is `--kept` and `--memory` here").into(),
        error => Box::<dyn std::error::Error>::from(error),
    })?;
    lines::ready()?;

    let scene = Scene::new();
    let mut held = Held { frames: VecDeque::new(), most: 0 };
    let mut ages = Histogram::<u64>::new_with_bounds(1, OLDEST, 3)?;
    let (mut seen, mut passed_over, mut torn, mut brightness) = (0, 0, 0, 0.0);
    loop {
        let update = match link.recv() {
            Ok(update) => update,
            // There is another frame, and one of those that are held has to make room for it.
            Err(Error::HoldsAll { .. }) => {
                held.keep_only(held.frames.len().saturating_sub(1));
                continue;
            }
            // The last frame has been delivered before this.
            Err(Error::Stale { reason: Ended::Closed, .. }) => break,
            Err(error) => return Err(error.into()),
        };
        let stamp = update.stamp.unwrap_or(update.value.taken);
        ages.saturating_record(Stamp::now().saturating_duration_since(stamp).get());
        seen += 1;
        passed_over += update.missed + update.suppressed;
        torn += u64::from(update.value.number != update.seq);
        match viewer {
            Viewer::Slow => {
                held.keep(update.value);
                thread::sleep(SLOW);
                held.keep_only(0);
            }
            Viewer::Keeper => held.keep(update.value),
            Viewer::Histogram => {
                torn += u64::from(!scene.is_whole(&update.value));
                brightness = mean(&luminances(&update.value));
                held.keep(update.value);
                held.keep_only(1);
            }
        }
    }
    // The camera is gone, its frames are not: what is held is as it was, however many were drawn since.
    torn += held.frames.iter().filter(|frame| !scene.is_whole(frame)).count() as u64;
    if let (Viewer::Histogram, Some(frame), Some(path)) = (viewer, held.frames.back(), &plan.out) {
        write(frame, path)?;
    }
    lines::send(&Viewed {
        seen,
        passed_over,
        torn,
        held: held.most as u64,
        age: ages.value_at_quantile(0.5),
        brightness: brightness as u64,
    })
}

fn write(frame: &Frame, path: &Path) -> Result<()> {
    picture::write(frame, path)
        .map_err(|error| format!("cannot write the picture {}: {error}", path.display()).into())
}

/// How many pixels of a frame are how bright.
fn luminances(frame: &Frame) -> [u32; 256] {
    let mut counts = [0; 256];
    for &[red, green, blue, _] in frame.rows.as_flattened() {
        // Recommendation ITU-R BT.709, section 3.2, in parts of 256.
        let luminance = (54 * u32::from(red) + 183 * u32::from(green) + 19 * u32::from(blue)) >> 8;
        counts[luminance as usize] += 1;
    }
    counts
}

fn mean(counts: &[u32; 256]) -> f64 {
    let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
    counts.iter().zip(0..).map(|(&count, luminance)| f64::from(count) * f64::from(luminance)).sum::<f64>()
        / total
}
