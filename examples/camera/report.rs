//! What children tell their parent in the end: what they counted.

use crate::support::lines::Report;

/// What the camera counted.
#[derive(Debug)]
pub(crate) struct Filmed {
    /// Nanoseconds from the start to the end.
    pub(crate) elapsed: u64,
    /// Frames published in that time.
    pub(crate) frames: u64,
    /// Frames that there was no memory for.
    pub(crate) refused: u64,
    /// Nanoseconds that a frame took to draw, at the median.
    pub(crate) drawing: u64,
    /// Nanoseconds that its memory took to be lent and published, at the median.
    pub(crate) publishing: u64,
}

/// What a viewer counted.
#[derive(Debug)]
pub(crate) struct Viewed {
    /// Frames received.
    pub(crate) seen: u64,
    /// Frames passed over, by the link's own count.
    pub(crate) passed_over: u64,
    /// Frames that were not what their headers said: there should be none.
    pub(crate) torn: u64,
    /// The most frames held at once.
    pub(crate) held: u64,
    /// Nanoseconds from publish to receive, at the median.
    pub(crate) age: u64,
    /// The mean luminance of the last frame, of at most 255; 0 where nobody counted.
    pub(crate) brightness: u64,
}

impl Report<5> for Filmed {
    fn to_numbers(&self) -> [u64; 5] {
        [self.elapsed, self.frames, self.refused, self.drawing, self.publishing]
    }

    fn from_numbers([elapsed, frames, refused, drawing, publishing]: [u64; 5]) -> Self {
        Filmed { elapsed, frames, refused, drawing, publishing }
    }
}

impl Report<6> for Viewed {
    fn to_numbers(&self) -> [u64; 6] {
        [self.seen, self.passed_over, self.torn, self.held, self.age, self.brightness]
    }

    fn from_numbers([seen, passed_over, torn, held, age, brightness]: [u64; 6]) -> Self {
        Viewed { seen, passed_over, torn, held, age, brightness }
    }
}
