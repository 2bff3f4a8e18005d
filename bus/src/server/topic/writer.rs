//! What it takes to make a topic's memory.

use std::io;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::name;
use crate::segment::{Geometry, Parameters, SegmentView};
use crate::server::shared::{ServiceShared, TopicShared};

/// Words for names, for each item that a segment has room for: 48 bytes each on average.
const NAME_WORDS: usize = 6;
/// The options that the size of a segment follows from, in the words of an error.
const LOWER: &str = "`history` or `capacity`";

/// What it takes to create segments of a topic.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) service: Arc<ServiceShared>,
    pub(super) shared: Arc<TopicShared>,
    pub(super) schema: Vec<u8>,
    pub(super) depth: u64,
    pub(super) size: u64,
    pub(super) align: u64,
    /// Whether values carry the time of their publish.
    pub(super) stamps: bool,
    /// Whether the values lie in pool memory: 0 or 1.
    pub(super) pooled: u64,
}

impl Writer {
    /// Creates a segment and puts it where clients are given it.
    pub(super) fn segment(&self, journal: u64, first_item: u64, items: u64) -> Result<SegmentView> {
        let schema: &[u8] = if journal > 0 { &self.schema } else { &[] };
        let what = || format!("{items} items of topic `{}/{}`", self.service.name, self.shared.name);
        let too_large = || too_large(what());
        // The first name must fit, however long.
        let name_words = items.checked_mul(NAME_WORDS as u64).ok_or_else(too_large)?;
        let geometry = Geometry::new(Parameters {
            message_size: self.size,
            message_align: self.align,
            depth: self.depth,
            journal,
            schema: schema.len() as u64,
            first_item,
            items,
            name_words: name_words.max(name::MAX_BYTES.div_ceil(8) as u64),
            pooled: self.pooled,
        })
        .ok_or_else(too_large)?;
        let bytes = (geometry.bytes + geometry.bell_bytes()) as u64;
        let label = self.label();
        let fingerprint = self.shared.fingerprint;
        let (epoch, stamps) = (self.service.epoch, self.stamps);
        let (view, fds) =
            SegmentView::create(&label, geometry, fingerprint, epoch, stamps, schema).map_err(|source| {
                match source.kind() {
                    io::ErrorKind::OutOfMemory => {
                        Error::NoMemory { what: what(), bytes, source, lower: LOWER }
                    }
                    _ => Error::Os { doing: format!("creating memory for {}", what()), source },
                }
            })?;
        self.shared.add_segment(fds);
        Ok(view)
    }

    /// What the topic's memory is called in /proc/PID/maps.
    pub(super) fn label(&self) -> String {
        let label = format!("bus {}/{}", self.service.name, self.shared.name);
        // The kernel takes at most 249 bytes for the label.
        label.chars().filter(|c| !c.is_control()).take(60).collect()
    }
}

/// No memory, for reasons of arithmetic alone.
pub(super) fn too_large(what: String) -> Error {
    let source = io::Error::new(io::ErrorKind::OutOfMemory, "more than any machine has");
    Error::NoMemory { what, bytes: u64::MAX, source, lower: LOWER }
}
