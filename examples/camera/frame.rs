//! The message: a frame, how it is drawn, and how a viewer checks that it has all of one frame and nothing of another.
//!
//! Every row is a piece of the same rainbow, which begins one pixel further in each row and each frame. So drawing a row
//! is one copy, as if from a sensor, checking it is one comparison, and a row of another frame is not where it should be.

use bus::{Message, Nanoseconds, Stamp};

/// The bus on which the processes meet; it lies in a directory of their own.
pub(crate) const BUS: &str = "studio";
/// The camera.
pub(crate) const SERVICE: &str = "camera";
/// Its topic.
pub(crate) const TOPIC: &str = "frames";
/// Its only lens.
pub(crate) const ITEM: &str = "front";

pub(crate) const WIDTH: usize = 1920;
pub(crate) const HEIGHT: usize = 1080;

/// Red, green, blue and how opaque.
pub(crate) type Pixel = [u8; 4];
pub(crate) type Row = [Pixel; WIDTH];

/// A frame, with what a driver would say about it. Any bytes are one and it has no padding, so it can be built in
/// place, and received without being looked through.
#[derive(Message)]
#[repr(C)]
pub(crate) struct Frame {
    /// From 1.
    pub(crate) number: u64,
    /// When the exposure began.
    pub(crate) taken: Stamp,
    pub(crate) exposure: Nanoseconds,
    pub(crate) rows: [Row; HEIGHT],
}

/// Bytes of a frame.
pub(crate) const BYTES: usize = size_of::<Frame>();

/// What the camera looks at.
pub(crate) struct Scene {
    /// The rainbow, twice, so that a row can begin anywhere in it.
    rainbow: Vec<Pixel>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Scene { rainbow: (0..2 * WIDTH).map(|x| hue(x % WIDTH)).collect() }
    }

    fn row(&self, frame: u64, y: usize) -> &[Pixel] {
        let start = (frame % WIDTH as u64) as usize + y;
        &self.rainbow[start % WIDTH..][..WIDTH]
    }

    /// Draws frame `number`, every byte of it.
    pub(crate) fn draw(&self, number: u64, frame: &mut Frame) {
        frame.number = number;
        frame.taken = Stamp::now();
        frame.exposure = Nanoseconds::from_micros(4_000);
        for (y, row) in frame.rows.iter_mut().enumerate() {
            row.copy_from_slice(self.row(number, y));
        }
    }

    /// Whether each pixel is of the frame that its header says.
    pub(crate) fn is_whole(&self, frame: &Frame) -> bool {
        frame.rows.iter().enumerate().all(|(y, row)| row == self.row(frame.number, y))
    }
}

/// A colour of the rainbow, which goes round once in the width.
fn hue(x: usize) -> Pixel {
    let channel = |shift: usize| {
        // A triangle: up to white in half the width, and down to black.
        let place = (x + shift * WIDTH / 3) % WIDTH;
        let height = place.min(WIDTH - place);
        (height * 255 / (WIDTH / 2)) as u8
    };
    [channel(0), channel(1), channel(2), 255]
}
