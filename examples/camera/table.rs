//! The result, for people.

use std::fmt::Write as _;

use crate::Plan;
use crate::frame::{BYTES, HEIGHT, WIDTH};
use crate::report::{Filmed, Viewed};
use crate::view::Viewer;

pub(crate) fn render(plan: &Plan, filmed: &Filmed, viewed: &[(Viewer, Viewed)]) -> String {
    // Writing to a string cannot fail.
    let mut text = String::new();
    let seconds = filmed.elapsed as f64 / 1e9;
    let gigabytes = |frames: u64| frames as f64 * BYTES as f64 / 1e9 / seconds;
    let _ = write!(
        text,
        "{WIDTH}×{HEIGHT} RGBA, {:.2} MB a frame: {} frames in {seconds:.2} s, {:.1} frames/s, {:.2} GB/s",
        BYTES as f64 / 1e6,
        filmed.frames,
        filmed.frames as f64 / seconds,
        gigabytes(filmed.frames),
    );
    let _ = match plan.hz {
        0 => writeln!(text, ", as fast as possible"),
        hz => writeln!(text, " ({hz} frames/s asked for)"),
    };
    let _ = writeln!(
        text,
        "A frame took {} to draw, and {} to be lent and published, at the median. Refused for want of memory: {}",
        time(filmed.drawing),
        time(filmed.publishing),
        filmed.refused,
    );
    let _ = writeln!(
        text,
        "\n{:<10}{:>8}{:>13}{:>6}{:>8}{:>13}",
        "viewer", "seen", "passed over", "held", "GB/s", "age, median"
    );
    for (viewer, counts) in viewed {
        let age = if counts.seen > 0 { time(counts.age) } else { "-".to_owned() };
        let _ = writeln!(
            text,
            "{:<10}{:>8}{:>13}{:>6}{:>8.2}{age:>13}",
            format!("{viewer:?}").to_lowercase(),
            counts.seen,
            counts.passed_over,
            counts.held,
            gigabytes(counts.seen),
        );
    }
    for (_, counts) in
        viewed.iter().filter(|(viewer, counts)| *viewer == Viewer::Histogram && counts.seen > 0)
    {
        let _ = writeln!(text, "\nMean luminance of the last frame: {} of 255", counts.brightness);
    }
    text
}

/// Nanoseconds, in the unit that suits them.
fn time(nanoseconds: u64) -> String {
    match nanoseconds as f64 {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.1} µs", ns / 1e3),
        ns if ns < 1e9 => format!("{:.1} ms", ns / 1e6),
        ns => format!("{:.1} s", ns / 1e9),
    }
}
