//! Which lossless links a topic's publisher no longer waits for, for the program that publishes.
//!
//! An eviction happens in the middle of a publish, which goes on; its caller may want to know of it and has nothing to
//! be told by. So each is kept until it is [asked for](crate::Topic::evictions), but not more than [`MOST`]: clients
//! decide how many there are, and a program may never ask.

use std::collections::VecDeque;
use std::time::Duration;

use crate::update::ItemId;

/// How many evictions are kept for a program that does not ask.
const MOST: usize = 1024;

/// A lossless link that its publisher no longer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EvictedLink {
    /// The item that it was to; `None` for several.
    pub item: Option<ItemId>,
    /// The process that has the link.
    pub pid: u32,
    /// The link, as [`Link::number`](crate::Link::number) says there.
    pub link: u64,
    /// How many values it had not read.
    pub behind: u64,
    /// How long the publisher had wanted room of it.
    pub stalled: Duration,
}

/// Those that were not asked for yet.
#[derive(Debug, Default)]
pub(crate) struct Evictions(VecDeque<EvictedLink>);

impl Evictions {
    pub(crate) fn push(&mut self, link: EvictedLink) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(link);
    }

    /// All of them, the first one first.
    pub(crate) fn take(&mut self) -> Vec<EvictedLink> {
        self.0.drain(..).collect()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept() {
        let mut evictions = Evictions::default();
        for link in 0..MOST as u64 + 3 {
            let (item, stalled) = (Some(ItemId::new(0)), Duration::ZERO);
            evictions.push(EvictedLink { item, pid: 1, link, behind: 16, stalled });
        }
        let kept: Vec<u64> = evictions.take().iter().map(|eviction| eviction.link).collect();
        assert_eq!(kept, (3..MOST as u64 + 3).collect::<Vec<_>>());
        assert_eq!(evictions.take(), []);
    }
}
