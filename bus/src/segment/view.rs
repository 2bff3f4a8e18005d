//! A segment with its bells, as its writer made it or as a reader checked it.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::directory::Directory;
use super::geometry::Geometry;
use super::header::Header;
use super::mapping::Words;
use super::text;
use crate::bell::Bell;
use crate::message::Fingerprint;
use crate::ring::Ring;
use crate::sys::memory::{self, Writable};

/// The descriptors of a segment and of its bells, to hand out.
#[derive(Debug)]
pub(crate) struct SegmentFds {
    pub(crate) segment: Arc<OwnedFd>,
    pub(crate) bells: Arc<OwnedFd>,
}

/// Why a segment that a peer sent cannot be used.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// The peer's memory is not what it has to be.
    Broken(String),
    /// This process has no room for it: no memory, or no mappings left.
    Os(io::Error),
}

/// One item's memory: its ring, and the bell that goes with it.
#[derive(Debug, Clone)]
pub(crate) struct ItemMemory {
    pub(crate) ring: Ring<Words>,
    bell: Words,
}

impl ItemMemory {
    /// The bell's flags.
    #[inline(always)]
    pub(crate) fn bell(&self) -> Bell<'_> {
        Bell { by_futex: &self.bell[0], by_doorbell: &self.bell[1] }
    }
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
        stamps: bool,
        schema: &[u8],
    ) -> io::Result<(Self, Arc<SegmentFds>)> {
        let segment = memory::create(label, geometry.bytes as u64)?;
        let bells = memory::create(label, geometry.bell_bytes() as u64)?;
        let words = Words::map_writable(&segment, geometry.bytes)?;
        let bell_words = Words::map_writable(&bells, geometry.bell_bytes())?;
        memory::seal(&segment, Writable::ByCreator)?;
        memory::seal(&bells, Writable::ByAll)?;
        text::store(schema, &words[geometry.schema.clone()]);
        let header = Header { fingerprint, epoch, stamps, parameters: geometry.parameters };
        header.write(&words);
        let directory = Directory::new(&words, &geometry);
        let view = SegmentView { header, geometry, directory, words, bells: bell_words };
        Ok((view, Arc::new(SegmentFds { segment: Arc::new(segment), bells: Arc::new(bells) })))
    }

    /// Maps what a peer sent, after checking all that later accesses rely on.
    ///
    /// # Errors
    /// What is wrong with it, or why this process cannot have it.
    pub(crate) fn open(segment: &OwnedFd, bells: &OwnedFd) -> Result<Self, OpenError> {
        let broken = |detail: String| Err(OpenError::Broken(detail));
        let at = |what: &'static str| move |detail: String| OpenError::Broken(format!("{what}: {detail}"));
        let bytes = memory::check(segment, Writable::ByCreator).map_err(at("segment"))?;
        let Ok(bytes) = usize::try_from(bytes) else {
            return broken("segment: larger than the address space".to_owned());
        };
        if bytes == 0 {
            return broken("segment: it is empty".to_owned());
        }
        let words = Words::map_read_only(segment, bytes).map_err(OpenError::Os)?;
        let header = Header::read(&words).map_err(at("segment header"))?;
        let geometry = Geometry::new(header.parameters)
            .filter(|geometry| geometry.bytes == bytes)
            .ok_or_else(|| format!("{:?} do not fit {bytes} bytes", header.parameters))
            .map_err(at("segment header"))?;
        let bell_bytes = memory::check(bells, Writable::ByAll).map_err(at("bells"))?;
        if bell_bytes != geometry.bell_bytes() as u64 {
            return broken(format!(
                "bells: they have {bell_bytes} bytes, expected {}",
                geometry.bell_bytes()
            ));
        }
        // Another client may have punched holes into them, which is no fault of the service's.
        memory::reserve(bells, bell_bytes).map_err(OpenError::Os)?;
        let bells = Words::map_writable(bells, geometry.bell_bytes()).map_err(OpenError::Os)?;
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

    /// The word that says what the service offers on the topic; it means something in a first segment only.
    pub(crate) fn offers(&self) -> Words {
        self.words.part(self.geometry.offers())
    }

    /// The bytes of the schema.
    pub(crate) fn schema(&self) -> Vec<u8> {
        text::load(&self.words[self.geometry.schema.clone()], self.geometry.parameters.schema as usize)
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::FallocateFlags;

    use super::super::geometry::Parameters;
    use super::*;

    fn create() -> Arc<SegmentFds> {
        let parameters = Parameters {
            message_size: 8,
            message_align: 8,
            depth: 2,
            journal: 2,
            schema: 0,
            first_item: 0,
            // More bells than are mapped with all their pages at once.
            items: 20_000,
            name_words: 100,
            pooled: 0,
        };
        let geometry = Geometry::new(parameters).unwrap();
        let (_, fds) =
            SegmentView::create("test", geometry, Fingerprint::from_words([1, 2]), 3, false, &[]).unwrap();
        fds
    }

    #[test]
    fn a_client_that_punches_holes_into_the_bells_turns_no_other_away() {
        let fds = create();
        let bytes = rustix::fs::fstat(&fds.bells).unwrap().st_size;
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        rustix::fs::fallocate(&fds.bells, hole, 0, bytes as u64).unwrap();
        SegmentView::open(&fds.segment, &fds.bells).unwrap();
        assert!(rustix::fs::fstat(&fds.bells).unwrap().st_blocks * 512 >= bytes);
    }

    #[test]
    fn a_peers_fault_is_told_from_a_lack_of_this_process() {
        let fds = create();
        let bells_twice = SegmentView::open(&fds.bells, &fds.bells);
        assert!(matches!(bells_twice, Err(OpenError::Broken(_))), "{bells_twice:?}");
        // So is a descriptor that this process may not write through.
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&fds.bells));
        let read_only = OwnedFd::from(std::fs::File::open(path).unwrap());
        let unwritable = SegmentView::open(&fds.segment, &read_only);
        assert!(matches!(unwritable, Err(OpenError::Broken(_))), "{unwritable:?}");
    }
}
