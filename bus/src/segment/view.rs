//! A segment with its bells, as its writer made it or as a reader checked it.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::directory::Directory;
use super::geometry::Geometry;
use super::header::Header;
use super::mapping::Words;
use super::text;
use crate::message::Fingerprint;
use crate::ring::Ring;
use crate::sys::memory::{self, Writable};

/// The descriptors of a segment and of its bells, to hand out.
#[derive(Debug)]
pub(crate) struct SegmentFds {
    pub(crate) segment: OwnedFd,
    pub(crate) bells: OwnedFd,
}

/// One item's memory: its ring, and the bell that goes with it.
#[derive(Debug, Clone)]
pub(crate) struct ItemMemory {
    pub(crate) ring: Ring<Words>,
    pub(crate) bell: Words,
}

/// A mapped segment with its bells.
#[derive(Debug)]
pub(crate) struct SegmentView {
    pub(crate) header: Header,
    pub(crate) geometry: Geometry,
    pub(crate) directory: Directory,
    words: Words,
    bells: Words,
}

impl SegmentView {
    /// Creates a segment with its bells: reserved, mapped, described, and then sealed.
    ///
    /// # Errors
    /// `OutOfMemory` where there is no room; the system's error otherwise.
    pub(crate) fn create(
        label: &str,
        geometry: Geometry,
        fingerprint: Fingerprint,
        epoch: u64,
        schema: &[u8],
    ) -> io::Result<(Self, Arc<SegmentFds>)> {
        let segment = memory::create(label, geometry.bytes as u64)?;
        let bells = memory::create(label, geometry.bell_bytes() as u64)?;
        let words = Words::map_writable(&segment, geometry.bytes)?;
        let bell_words = Words::map_writable(&bells, geometry.bell_bytes())?;
        memory::seal(&segment, Writable::ByCreator)?;
        memory::seal(&bells, Writable::ByAll)?;
        text::store(schema, &words[geometry.schema.clone()]);
        let header = Header { fingerprint, epoch, parameters: geometry.parameters };
        header.write(&words);
        let directory = Directory::new(&words, &geometry);
        let view = SegmentView { header, geometry, directory, words, bells: bell_words };
        Ok((view, Arc::new(SegmentFds { segment, bells })))
    }

    /// Maps what a peer sent, after checking all that later accesses rely on.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn open(segment: &OwnedFd, bells: &OwnedFd) -> Result<Self, String> {
        let at = |what: &'static str| move |detail: String| format!("{what}: {detail}");
        let mapped = |what: &'static str| move |error: io::Error| format!("{what} cannot be mapped: {error}");
        let bytes = memory::check(segment, Writable::ByCreator).map_err(at("segment"))?;
        let bytes =
            usize::try_from(bytes).map_err(|_| "segment: larger than the address space".to_owned())?;
        if bytes == 0 {
            return Err("segment: it is empty".to_owned());
        }
        let words = Words::map_read_only(segment, bytes).map_err(mapped("segment"))?;
        let header = Header::read(&words).map_err(at("segment header"))?;
        let geometry = Geometry::new(header.parameters)
            .filter(|geometry| geometry.bytes == bytes)
            .ok_or_else(|| format!("segment header: {:?} do not fit {bytes} bytes", header.parameters))?;
        let bell_bytes = memory::check(bells, Writable::ByAll).map_err(at("bells"))?;
        if bell_bytes != geometry.bell_bytes() as u64 {
            return Err(format!("bells: they have {bell_bytes} bytes, expected {}", geometry.bell_bytes()));
        }
        let bells = Words::map_writable(bells, geometry.bell_bytes()).map_err(mapped("bells"))?;
        let directory = Directory::new(&words, &geometry);
        Ok(SegmentView { header, geometry, directory, words, bells })
    }

    /// The memory of this segment's `index`th item; `None` if the segment has no room for so many.
    pub(crate) fn item(&self, index: usize) -> Option<ItemMemory> {
        ((index as u64) < self.geometry.parameters.items).then(|| ItemMemory {
            ring: Ring::new(self.words.part(self.geometry.item(index)), self.geometry.item.ring),
            bell: self.bells.part(Geometry::item_bell(index)),
        })
    }

    /// The journal with the topic's bell; `None` in an extent.
    pub(crate) fn journal(&self) -> Option<ItemMemory> {
        let (shape, range) = self.geometry.journal.clone()?;
        Some(ItemMemory {
            ring: Ring::new(self.words.part(range), shape),
            bell: self.bells.part(Geometry::topic_bell()),
        })
    }

    /// The bytes of the schema.
    pub(crate) fn schema(&self) -> Vec<u8> {
        text::load(&self.words[self.geometry.schema.clone()], self.geometry.parameters.schema as usize)
    }
}
