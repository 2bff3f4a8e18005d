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
use crate::rows::{Row, Samples};

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
    let mut totals = [0; 3];
    for panel in panels {
        for (total, count) in totals.iter_mut().zip(panel.counts()) {
            *total += count;
        }
    }
    totals
}

/// A link, and the rows that its updates make.
struct Rows<T: Row> {
    conversation: Conversation<T>,
    link: Link<Hot<T>>,
    items: BTreeMap<ItemId, (Arc<str>, Samples<T>)>,
    received: u64,
    lost: u64,
    /// How often the publisher was away.
    gaps: u32,
    /// Why it is away now.
    gone: Option<Ended>,
}

impl<T: Row> Rows<T> {
    fn open(bus: &Bus) -> bus::Result<Self> {
        let conversation = bus.connect(&format!("{SERVICE}/{}", T::TOPIC)).open()?;
        let link = conversation.advise("*").hot()?;
        let items = BTreeMap::new();
        Ok(Rows { conversation, link, items, received: 0, lost: 0, gaps: 0, gone: None })
    }

    fn take(&mut self, update: Update<T>) {
        self.received += 1;
        self.lost += update.missed;
        self.gaps += u32::from(update.gap);
        self.gone = None;
        match self.items.get_mut(&update.item) {
            Some((_, samples)) => samples.add(update.value),
            None => {
                let name = self.link.name(update.item);
                self.items.insert(update.item, (name, Samples::first(update.value)));
            }
        }
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
            let _ = write!(page, "{column:>13}");
        }
        match &self.gone {
            Some(reason) => drop(write!(page, "   STALE: {reason}")),
            None if self.gaps > 0 => drop(write!(page, "   gaps: {}", self.gaps)),
            None => {}
        }
        page.push('\n');
        for (name, samples) in self.items.values() {
            let _ = write!(page, "{name:<16}");
            for cell in T::cells(samples) {
                let _ = write!(page, "{cell:>13}");
            }
            page.push('\n');
        }
    }

    fn publisher(&self) -> u32 {
        self.conversation.pid()
    }

    fn counts(&self) -> [u64; 3] {
        [self.items.len() as u64, self.received, self.lost]
    }
}
