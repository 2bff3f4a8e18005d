//! Where a link stands in a session, and how it moves on.
//!
//! A link to one item follows that item's ring; a link to several follows the topic's journal
//! ([`many_items`](super::many_items)). Both move in order, delivering every value that is still there, or to
//! the latest, and both count exactly what they did not deliver.

use core::time::Duration;

use super::credit_memory::{Account, Credit};
use super::many_items::ManyItems;
use super::vigil::Due;
use crate::ring::{Copied, Cursor, Miss, Taken};
use crate::segment::ItemMemory;
use crate::sync::AtomicU64;
use crate::update::ItemId;

/// Which values a link delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Every value that is still in the ring, in order.
    Queue,
    /// Always the newest.
    Latest,
    /// Every value: the publisher waits.
    Lossless,
}

/// Where a link begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// With the present value.
    Present,
    /// With the next value published.
    Next,
    /// With the first value of this life of the service, as far as it is still there.
    First,
}

impl Start {
    /// The cursor of an item whose latest value has the number `head`.
    pub(crate) fn cursor(self, head: u64) -> Cursor {
        Cursor::at(match self {
            Start::Present => head.max(1),
            Start::Next => head.wrapping_add(1),
            Start::First => 1,
        })
    }
}

/// A value that a look brought, with the item it is of.
pub(crate) type Look<R> = Option<(ItemId, Taken<R>)>;

/// A link's place in a session.
#[derive(Debug)]
pub(crate) enum Reader {
    One(OneItem),
    Many(Box<ManyItems>),
}

/// A place in one item's ring.
#[derive(Debug)]
pub(crate) struct OneItem {
    id: ItemId,
    memory: ItemMemory,
    cursor: Cursor,
    delivery: Delivery,
    /// What the publisher is told, if it is to lose nothing.
    account: Option<Account>,
}

impl OneItem {
    pub(crate) fn new(
        id: ItemId,
        memory: ItemMemory,
        delivery: Delivery,
        start: Start,
        credit: Option<Credit>,
    ) -> Self {
        let cursor = start.cursor(memory.ring.latest());
        let account = credit.map(|credit| Account::begin(credit, cursor.wanted(), memory.ring.depth()));
        OneItem { id, memory, cursor, delivery, account }
    }

    #[inline(always)]
    fn look<R: Copied>(&mut self, copy: impl FnMut(&[AtomicU64]) -> R) -> Look<R> {
        let taken = match self.delivery {
            Delivery::Queue => self.cursor.next(&self.memory.ring, copy),
            Delivery::Latest => self.cursor.newest(&self.memory.ring, copy),
            Delivery::Lossless => self.look_lossless(copy),
        };
        taken.map(|taken| (self.id, taken))
    }

    /// As a queue, and the publisher is told how far the reader is.
    #[inline(always)]
    fn look_lossless<R: Copied>(&mut self, copy: impl FnMut(&[AtomicU64]) -> R) -> Option<Taken<R>> {
        let taken = self.cursor.next(&self.memory.ring, copy);
        self.keep_account(taken.is_none());
        taken
    }

    #[inline(always)]
    fn keep_account(&mut self, idle: bool) {
        if let Some(account) = &mut self.account {
            account.keep(self.cursor.wanted(), idle);
        }
    }

    /// Whether the next value is not there yet.
    #[inline]
    fn is_idle(&mut self) -> bool {
        let idle = self.memory.ring.state(self.cursor.wanted()) == Err(Miss::NotYet);
        if idle && self.delivery == Delivery::Lossless {
            self.keep_account(true);
        }
        idle
    }
}

impl Reader {
    /// The next value, copied with `copy`, if there is one now.
    #[inline(always)]
    pub(crate) fn look<R: Copied>(&mut self, copy: impl FnMut(&[AtomicU64]) -> R) -> Look<R> {
        match self {
            Reader::One(one) => one.look(copy),
            Reader::Many(many) => many.look(copy),
        }
    }

    /// Asks for lines that are going to be read soon, where there is something up to `last` ([`end`](Self::end)).
    #[inline(always)]
    pub(crate) fn expect_up_to(&self, last: u64) {
        if let Reader::One(one) = self {
            one.memory.ring.expect_after(one.cursor.wanted(), last);
        }
    }

    /// Delivers so from now on.
    pub(crate) fn deliver(&mut self, delivery: Delivery) {
        match self {
            Reader::One(one) => one.delivery = delivery,
            Reader::Many(many) => many.deliver(delivery),
        }
    }

    /// Has at most `most` values of each item to deliver; called before each look.
    pub(crate) fn keep(&mut self, most: Option<u64>) {
        match (self, most) {
            (Reader::One(_), None) => {}
            (Reader::One(one), Some(most)) => one.cursor.keep(most, &one.memory.ring),
            (Reader::Many(many), most) => many.keep(most),
        }
    }

    /// The number up to which there is something to read now, for [`is_past`](Self::is_past).
    pub(crate) fn end(&self) -> u64 {
        self.awaited().0.ring.latest()
    }

    /// Whether a look would surely bring nothing. It stands for that look, so a lossless link tells its publisher how far it is.
    #[inline]
    pub(crate) fn is_idle(&mut self) -> bool {
        match self {
            Reader::One(one) => one.is_idle(),
            Reader::Many(_) => false,
        }
    }

    /// What this reader sleeps on, and the number it waits for there.
    #[inline]
    pub(crate) fn awaited(&self) -> (&ItemMemory, u64) {
        match self {
            Reader::One(one) => (&one.memory, one.cursor.wanted()),
            Reader::Many(many) => many.awaited(),
        }
    }

    /// Nothing more will be read.
    pub(crate) fn release(&mut self) {
        let account = match self {
            Reader::One(one) => &mut one.account,
            Reader::Many(many) => many.account_mut(),
        };
        account.iter_mut().for_each(Account::release);
    }

    /// Whether the value that is wanted next is there, or a later one, or there may be one that a sweep has still to visit.
    pub(crate) fn has_more(&self) -> bool {
        let (memory, wanted) = self.awaited();
        let is_busy = match self {
            Reader::One(_) => false,
            Reader::Many(many) => many.is_busy(),
        };
        is_busy || memory.ring.state(wanted) != Err(Miss::NotYet)
    }

    /// Whether there are items that a sweep has still to visit, which nothing announces.
    pub(crate) fn is_sweeping(&self) -> bool {
        match self {
            Reader::One(_) => false,
            Reader::Many(many) => many.is_sweeping(),
        }
    }

    /// If this reader waits for an item whose segment is on its way: waits for that, at most `bound`.
    pub(crate) fn wait_for_segment(&mut self, bound: Duration) -> bool {
        match self {
            Reader::One(_) => false,
            Reader::Many(many) => many.wait_for_segment(bound),
        }
    }

    /// When to look whatever is published, after a look that brought nothing.
    pub(crate) fn due(&self) -> Due {
        match self {
            Reader::One(_) => Due::Never,
            Reader::Many(many) => match many.missing_segment() {
                Some(at) => Due::At(at),
                None if many.is_busy() => Due::Now,
                None => Due::Never,
            },
        }
    }

    /// The session has ended, and nothing more will be added to it: up to which number to read on, for
    /// [`is_past`](Self::is_past).
    pub(crate) fn conclude(&mut self) -> u64 {
        if let Reader::Many(many) = self {
            many.expect_segments(false);
        }
        self.end()
    }

    /// Whether everything up to `last` was read.
    pub(crate) fn is_past(&self, last: u64) -> bool {
        let past = (self.awaited().1.wrapping_sub(last) as i64) > 0;
        match self {
            Reader::One(_) => past,
            Reader::Many(many) => past && !many.is_busy(),
        }
    }

    /// Where the place is past `last`: how many sweeps have begun. What there was at `last` comes in none that begins
    /// from here on.
    pub(crate) fn sweeps_past(&self, last: u64) -> Option<u64> {
        let past = (self.awaited().1.wrapping_sub(last) as i64) > 0;
        past.then(|| match self {
            Reader::One(_) => 0,
            Reader::Many(many) => many.sweeps(),
        })
    }

    /// The session goes on after all, with another credit where the link is tracked.
    pub(crate) fn resume(mut self, credit: Option<Credit>) -> Self {
        match &mut self {
            Reader::Many(many) => {
                many.expect_segments(true);
                many.tell_by(credit);
            }
            Reader::One(one) => {
                let (wanted, depth) = (one.cursor.wanted(), one.memory.ring.depth());
                one.account = credit.map(|credit| Account::begin(credit, wanted, depth));
            }
        }
        self
    }
}
