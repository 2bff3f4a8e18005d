//! What links deliver.

use crate::mark::{Mark, Quality};
use crate::stamp::Stamp;

/// An item's number within its topic, from 0.
///
/// Small, dense and `Copy`: the key for tables on the hot path. It belongs to one topic handle or one
/// conversation; a name can be had for it from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(u32);

impl ItemId {
    pub(crate) fn new(index: u32) -> Self {
        ItemId(index)
    }

    pub(crate) fn as_u32(self) -> u32 {
        self.0
    }

    /// The number, to index a table with.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A value that was published.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Update<T> {
    /// The value.
    pub value: T,
    /// Which item it is of; its name is at [`Conversation::name`](crate::Conversation::name).
    pub item: ItemId,
    /// Its number in the item, from 1, by one with each publish; from 1 again in a new life of the service.
    pub seq: u64,
    /// How many values of this item, between the one delivered before and this one, were not delivered:
    /// passed over by a `latest` link, lost by a `queue` link that fell behind. Zero from `request`.
    pub missed: u64,
    /// How many values of this item, between the one delivered before and this one, the link's own options held back: its
    /// filter, its deadband or its interval, see [`Options`](crate::Options). Each value is delivered, missed or
    /// suppressed, so that of each life `seq` of the last one delivered = the first number − 1 + delivered + `missed` +
    /// `suppressed`, in sums over all updates. Zero from `request`.
    pub suppressed: u64,
    /// Which life of the service published it: the same number for all of one life, and another for each.
    pub epoch: u64,
    /// When it was published, where the topic has stamps.
    pub stamp: Option<Stamp>,
    /// Whether the service was away, and is a new life of it, since the update before. What an unseen life
    /// in between published is not counted in `missed`.
    pub gap: bool,
    /// Whether the service is gone: this is the last value there was.
    pub stale: bool,
    /// What the publisher says of it.
    pub mark: Mark,
}

impl<T> Update<T> {
    /// What to think of it, all in all: whether it is the last value of a service that is gone, and else what its
    /// publisher says of it.
    pub fn quality(&self) -> Quality {
        match self.mark {
            _ if self.stale => Quality::Stale,
            Mark::GOOD => Quality::Good,
            mark => Quality::Marked(mark),
        }
    }

    /// Writes all but the value to `place`: what `other` has.
    ///
    /// # Safety
    /// `place` is valid for writes and aligned.
    #[inline(always)]
    pub(crate) unsafe fn write_around(place: *mut Self, other: Update<()>) {
        let Update { value: (), item, seq, missed, suppressed, epoch, stamp, gap, stale, mark } = other;
        // SAFETY: the fields of what `place` is valid for; none of them is read or dropped.
        unsafe {
            (&raw mut (*place).item).write(item);
            (&raw mut (*place).seq).write(seq);
            (&raw mut (*place).missed).write(missed);
            (&raw mut (*place).suppressed).write(suppressed);
            (&raw mut (*place).epoch).write(epoch);
            (&raw mut (*place).stamp).write(stamp);
            (&raw mut (*place).gap).write(gap);
            (&raw mut (*place).stale).write(stale);
            (&raw mut (*place).mark).write(mark);
        }
    }

    /// The value, and the rest.
    pub(crate) fn take_value(self) -> (T, Update<()>) {
        let Update { value, item, seq, missed, suppressed, epoch, stamp, gap, stale, mark } = self;
        (value, Update { value: (), item, seq, missed, suppressed, epoch, stamp, gap, stale, mark })
    }

    /// The same of another value.
    pub(crate) fn with<U>(self, value: U) -> Update<U> {
        let Update { item, seq, missed, suppressed, epoch, stamp, gap, stale, mark, .. } = self;
        Update { value, item, seq, missed, suppressed, epoch, stamp, gap, stale, mark }
    }
}

/// A notice that an item changed; its value can be requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notice {
    /// Which item changed.
    pub item: ItemId,
    /// The number of the newest value at that moment; see [`Update::seq`].
    pub seq: u64,
    /// How many changes, since the notice before, this one stands for besides its own.
    pub missed: u64,
    /// Which life of the service changed it; see [`Update::epoch`].
    pub epoch: u64,
    /// Whether the service was away since the notice before; see [`Update::gap`].
    pub gap: bool,
}
