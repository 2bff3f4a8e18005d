//! What is counted. All counts are of the service's life so far, whoever looks and since when; none falls, but those of what
//! there is now. Publishing counts nothing for this: a topic's journal numbers its entries, and wake-ups are counted beside
//! the heads.
//!
//! What readers lose is theirs to count, and not known here.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::LIST;
use super::table::{Hex, Table};
use crate::lane::{Kind, Status};
use crate::name;
use crate::segment::SegmentView;
use crate::server::shared::{ServiceShared, TopicShared};

/// Of a topic with more items than this the wake-ups of single items are not counted together: that is a look at a line of
/// each, some times a second.
const MOST_ITEMS: u64 = 1 << 16;

/// A topic that is told of, with what is known of it.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) topic: Arc<TopicShared>,
    /// The item that lists its items.
    pub(super) list_name: String,
    pub(super) list: Table,
    /// How many items it had when that was made.
    pub(super) listed: usize,
    /// Whether the list says more than what was published.
    unsaid: bool,
    /// The schema of its messages.
    pub(super) schema: Hex,
    /// Its segments, mapped a second time, as far as there was memory for that.
    segments: Vec<SegmentView>,
    /// Bytes of so many segments and of so many pool memories.
    bytes: u64,
    sized: (usize, usize),
}

impl Source {
    pub(super) fn new(topic: Arc<TopicShared>, number: usize) -> Self {
        let mut list_name = format!("{LIST}{}", topic.name);
        if list_name.len() > name::MAX_BYTES {
            // Another word, which no topic's own list begins with.
            list_name = format!("TopicItemListOf.{number}");
        }
        let (list, schema, segments) = (Table::new(&[&"item"]), Hex(Arc::default()), Vec::new());
        Source { topic, list_name, list, listed: 0, unsaid: true, schema, segments, bytes: 0, sized: (0, 0) }
    }

    /// Learns of new items and memory.
    pub(super) fn learn(&mut self) {
        let names = self.topic.names_from(self.listed);
        names.iter().for_each(|name| self.list.row(&[name]));
        self.listed += names.len();
        self.unsaid |= !names.is_empty();
        while let (Some(fds), _) = self.topic.segment(self.segments.len()) {
            let Ok(view) = SegmentView::open(&fds.segment, &fds.bells) else { break };
            if self.segments.is_empty() {
                self.schema = Hex(view.schema().into());
            }
            self.segments.push(view);
        }
    }

    pub(super) fn has_news(&self) -> bool {
        self.unsaid
    }

    /// The list was published, or could not be.
    pub(super) fn told(&mut self, published: bool) {
        self.unsaid = !published;
    }

    /// Bytes of its memory.
    fn bytes(&mut self) -> u64 {
        let size = |fd: &dyn AsFd| rustix::fs::fstat(fd.as_fd()).map_or(0, |stat| stat.st_size as u64);
        while let (Some(fds), _) = self.topic.segment(self.sized.0) {
            self.bytes += size(&fds.segment) + size(&fds.bells);
            self.sized.0 += 1;
        }
        while let Some(fd) = self.topic.pool(self.sized.1) {
            self.bytes += size(&fd);
            self.sized.1 += 1;
        }
        self.bytes
    }

    /// Wake-ups of who waits for single items; `None` where that is too much to look at.
    fn item_wakes(&self) -> Option<u64> {
        let items = self.topic.item_count();
        (items <= MOST_ITEMS).then(|| {
            let of_segment = |segment: &SegmentView| {
                let parameters = &segment.geometry.parameters;
                let there = items.saturating_sub(parameters.first_item).min(parameters.items);
                let memories = (0..there as usize).filter_map(|index| segment.item(index));
                memories.map(|item| item.ring.watched().wakes.load(Ordering::Relaxed)).sum::<u64>()
            };
            self.segments.iter().map(of_segment).sum()
        })
    }
}

/// `Counters`: a row for each.
pub(super) fn text(service: &ServiceShared, sources: &mut BTreeMap<String, Source>) -> Table {
    let mut table = Table::new(&[&"counter", &"of", &"value"]);
    let (mut memory, no) = (0, "");
    for source in sources.values_mut() {
        let topic = source.topic.clone();
        let of = &topic.name;
        if let Some(journal) = topic.journal() {
            table.row(&[&"published", of, &journal.latest()]);
            table.row(&[&"topic_wakes", of, &journal.watched().wakes.load(Ordering::Relaxed)]);
        }
        if let Some(wakes) = source.item_wakes() {
            table.row(&[&"item_wakes", of, &wakes]);
        }
        table.row(&[&"evicted_links", of, &topic.evicted.load(Ordering::Relaxed)]);
        table.row(&[&"evicted_unread", of, &topic.left_unread.load(Ordering::Relaxed)]);
        let bytes = source.bytes();
        memory += bytes;
        table.row(&[&"bytes", of, &bytes]);
    }
    for kind in Kind::ALL {
        for status in Status::ALL {
            let of = format!("{} {}", kind.verb(), outcome(status));
            table.row(&[&"transactions", &of, &service.transactions.outcomes.counted(kind, status)]);
        }
    }
    table.row(&[&"connections", &"accepted", &service.system.accepted.load(Ordering::Relaxed)]);
    table.row(&[&"connections", &"refused", &service.system.refused.load(Ordering::Relaxed)]);
    let lanes: u64 = service.transactions.lanes().iter().map(|lane| lane.bytes()).sum();
    table.row(&[&"topic_bytes", &no, &memory]);
    table.row(&[&"lane_bytes", &no, &lanes]);
    table.row(&[&"credit_bytes", &no, &service.ledger.lent_bytes()]);
    table
}

fn outcome(status: Status) -> &'static str {
    match status {
        Status::Done => "done",
        Status::Refused => "refused",
        Status::Busy => "busy",
        Status::NotSupported => "not_supported",
        Status::Failed => "failed",
        Status::Expired => "expired",
        Status::OtherType => "other_type",
        Status::NoSuchItem => "no_such_item",
        Status::Denied => "denied",
        Status::Invalid => "invalid",
        Status::TooLong => "too_long",
    }
}
