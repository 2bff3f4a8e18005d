//! The names of a segment's items: append-only, counted with release.
//!
//! An entry is one word, `offset of the name in words << 16 | bytes of the name`; the names' bytes lie in
//! whole words behind the entries. A reader takes nothing on trust: an entry that points outside, or whose
//! bytes are no name, is reported and ends the reading.

use super::geometry::Geometry;
use super::mapping::Words;
use super::text::{self, words_for};
use crate::name;
use crate::sync::{Ordering, Site};

/// A view of the directory of one segment.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    count: Words,
    entries: Words,
    names: Words,
}

impl Directory {
    pub(crate) fn new(segment: &Words, geometry: &Geometry) -> Self {
        Directory {
            count: segment.part(geometry.count..geometry.count + 1),
            entries: segment.part(geometry.directory.clone()),
            names: segment.part(geometry.names.clone()),
        }
    }

    /// Number of items, at most what the segment has room for. Their names can be read after this.
    pub(crate) fn len(&self) -> usize {
        let count = self.count[0].load(Ordering::Relaxed);
        Site::HeadFence.fence(Ordering::Acquire);
        usize::try_from(count).unwrap_or(usize::MAX).min(self.entries.len())
    }

    /// Appends a name, whose item must be ready to be read; `false` where there is no room left. Only the
    /// writer may call this.
    pub(crate) fn push(&self, name: &str) -> bool {
        let index = self.len();
        let start = match index.checked_sub(1) {
            None => 0,
            Some(last) => {
                let (offset, bytes) = self.entry(last);
                offset + words_for(bytes)
            }
        };
        let Some(words) = self.names.get(start..start + words_for(name.len())) else { return false };
        let Some(entry) = self.entries.get(index) else { return false };
        text::store(name.as_bytes(), words);
        entry.store((start as u64) << 16 | name.len() as u64, Ordering::Relaxed);
        Site::HeadStore.store(&self.count[0], index as u64 + 1, Ordering::Release);
        true
    }

    /// The name of item `index < len()`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn name(&self, index: usize) -> Result<String, String> {
        let (offset, len) = self.entry(index);
        let words = offset.checked_add(words_for(len)).and_then(|end| self.names.get(offset..end));
        let words = words.ok_or_else(|| format!("the name of item {index} is outside its segment"))?;
        let text = String::from_utf8(text::load(words, len))
            .map_err(|_| format!("the name of item {index} is not UTF-8"))?;
        name::check("item", &text).map_err(|error| error.to_string())?;
        Ok(text)
    }

    fn entry(&self, index: usize) -> (usize, usize) {
        let entry = self.entries[index].load(Ordering::Relaxed);
        ((entry >> 16) as usize, (entry & 0xffff) as usize)
    }
}
