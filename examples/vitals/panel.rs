//! One topic on the screen: a link to all its items, and the last two values of each.
//!
//! This is where a watcher meets what can happen to it. Updates come in the order of publishing, each with
//! the number that it missed. When the publisher goes, closed or killed, the link says so once, in the place
//! of an update: the rows stay and are marked as stale. When it returns, the link has found it again by
//! itself, and the first update says that there was a gap.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use bus::{Bus, Conversation, Ended, Error, Hot, ItemId, Link, Update};

use crate::counters::{Core, Disk, Interface, Load, Memory, SERVICE};
use crate::rows::Row;

/// The topics, in the order in which they are shown.
pub(crate) type Panels = [Box<dyn Panel>; 5];

/// Links to all topics.
pub(crate) fn open_all(bus: &Bus) -> bus::Result<Panels> {
    // Any that is there means that all are: a service is visible only when its topics are open.
    Ok([
        Box::new(Rows::<Load>::open(bus)?),
        Box::new(Rows::<Memory>::open(bus)?),
        Box::new(Rows::<Disk>::open(bus)?),
        Box::new(Rows::<Interface>::open(bus)?),
        Box::new(Rows::<Core>::open(bus)?),
    ])
}

/// A topic on the screen, whatever its type.
pub(crate) trait Panel {
    /// Takes what has come; whether that was anything.
    fn look(&mut self) -> bus::Result<bool>;
    /// Draws the rows.
    fn draw(&self, page: &mut String);
    /// The process that publishes, or last did.
    fn publisher(&self) -> u32;
    /// Counts of items, of updates received, and of updates lost.
    fn counts(&self) -> [u64; 3];
}

/// Sums of what the panels count.
pub(crate) fn totals(panels: &Panels) -> [u64; 3] {
    panels.iter().map(|panel| panel.counts()).fold([0; 3], |sum, counts| {
        let [items, received, lost] = counts;
        [sum[0] + items, sum[1] + received, sum[2] + lost]
    })
}

/// A link, and the rows that its updates make.
struct Rows<T> {
    conversation: Conversation<T>,
    link: Link<Hot<T>>,
    samples: BTreeMap<ItemId, Samples<T>>,
    received: u64,
    lost: u64,
    /// How often the publisher was away.
    gaps: u32,
    /// Why it is away now.
    gone: Option<Ended>,
}

/// What is known of an item.
struct Samples<T> {
    name: Arc<str>,
    now: T,
    before: Option<T>,
}

impl<T: Row> Rows<T> {
    fn open(bus: &Bus) -> bus::Result<Self> {
        let conversation = bus.connect(&format!("{SERVICE}/{}", T::TOPIC)).open()?;
        let link = conversation.advise("*").hot()?;
        let samples = BTreeMap::new();
        Ok(Rows { conversation, link, samples, received: 0, lost: 0, gaps: 0, gone: None })
    }

    fn take(&mut self, update: Update<T>) {
        self.received += 1;
        self.lost += update.missed;
        self.gaps += u32::from(update.gap);
        self.gone = None;
        let before = self.samples.remove(&update.item);
        let (name, before) = match before {
            Some(samples) => (samples.name, Some(samples.now)),
            None => (self.link.name(update.item), None),
        };
        self.samples.insert(update.item, Samples { name, now: update.value, before });
    }
}

impl<T: Row> Panel for Rows<T> {
    fn look(&mut self) -> bus::Result<bool> {
        let mut changed = false;
        loop {
            match self.link.try_recv() {
                Ok(Some(update)) => self.take(update),
                Ok(None) => return Ok(changed),
                Err(Error::Stale { reason, .. }) => self.gone = Some(reason),
                Err(error) => return Err(error),
            }
            changed = true;
        }
    }

    fn draw(&self, page: &mut String) {
        // Writing to a string cannot fail.
        let _ = write!(page, "{:<16}", T::TOPIC);
        for column in T::COLUMNS {
            let _ = write!(page, "{column:>12}");
        }
        if let Some(reason) = &self.gone {
            let _ = write!(page, "   STALE: {reason}");
        } else if self.gaps > 0 {
            let _ = write!(page, "   was away: {}", self.gaps);
        }
        page.push('\n');
        for Samples { name, now, before } in self.samples.values() {
            let _ = write!(page, "{name:<16}");
            for cell in now.cells(before.as_ref()) {
                let _ = write!(page, "{cell:>12}");
            }
            page.push('\n');
        }
    }

    fn publisher(&self) -> u32 {
        self.conversation.pid()
    }

    fn counts(&self) -> [u64; 3] {
        [self.samples.len() as u64, self.received, self.lost]
    }
}
