//! A frame as a PNG file, read row by row from where it was drawn.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::Result;
use crate::frame::{Frame, HEIGHT, WIDTH};

pub(crate) fn write(frame: &Frame, path: &Path) -> Result<()> {
    let file = BufWriter::new(File::create(path)?);
    let mut encoder = png::Encoder::new(file, WIDTH as u32, HEIGHT as u32);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    let mut stream = writer.stream_writer()?;
    for row in &frame.rows {
        stream.write_all(row.as_flattened())?;
    }
    stream.finish()?;
    writer.finish()?;
    Ok(())
}
