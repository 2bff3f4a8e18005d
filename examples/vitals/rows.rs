//! What each message looks like in a table: its columns, and its cells made of the last two samples.
//!
//! A rate needs two samples, and shows as `-` until there are; so does one whose counter went back, as those
//! of an interface do that was taken down and set up again.

use std::time::Duration;

use crate::counters::{Core, Disk, Interface, Load, Memory, Vital};

/// A message that can be a row.
pub(crate) trait Row: Vital {
    /// The columns' headings.
    const COLUMNS: &'static [&'static str];

    /// This sample's cells, with the one before for the rates.
    fn cells(&self, before: Option<&Self>) -> Vec<String>;
}

impl Row for Core {
    const COLUMNS: &'static [&'static str] = &["busy", "user", "system", "waiting", "stolen"];

    fn cells(&self, before: Option<&Self>) -> Vec<String> {
        let all = |core: &Core| core.user + core.system + core.idle + core.waiting + core.stolen;
        let busy = |core: &Core| core.user + core.system + core.stolen;
        let ticks = grown(self, before, all);
        let share = |of: fn(&Core) -> u64| percent(grown(self, before, of), ticks);
        vec![
            percent(grown(self, before, busy), ticks),
            share(|core| core.user),
            share(|core| core.system),
            share(|core| core.waiting),
            share(|core| core.stolen),
        ]
    }
}

impl Row for Memory {
    const COLUMNS: &'static [&'static str] = &["used", "available", "total", "use"];

    fn cells(&self, _: Option<&Self>) -> Vec<String> {
        let used = self.total.saturating_sub(self.available);
        vec![
            bytes(used as f64),
            bytes(self.available as f64),
            bytes(self.total as f64),
            percent(Some(used), Some(self.total)),
        ]
    }
}

impl Row for Load {
    const COLUMNS: &'static [&'static str] = &["1 min", "5 min", "15 min", "runnable", "threads"];

    fn cells(&self, _: Option<&Self>) -> Vec<String> {
        let averages = self.averages.iter().map(|average| format!("{average:.2}"));
        averages.chain([self.runnable.to_string(), self.threads.to_string()]).collect()
    }
}

impl Row for Disk {
    const COLUMNS: &'static [&'static str] = &["reads/s", "read/s", "writes/s", "written/s", "busy"];

    fn cells(&self, before: Option<&Self>) -> Vec<String> {
        let elapsed = grown(self, before, |disk| disk.at);
        let rate = |of: fn(&Disk) -> u64| per_second(grown(self, before, of), elapsed);
        vec![
            number(rate(|disk| disk.reads)),
            rate(|disk| disk.bytes_read).map_or_else(unknown, bytes),
            number(rate(|disk| disk.writes)),
            rate(|disk| disk.bytes_written).map_or_else(unknown, bytes),
            percent(grown(self, before, |disk| disk.busy), elapsed),
        ]
    }
}

impl Row for Interface {
    const COLUMNS: &'static [&'static str] = &["packets in/s", "in/s", "out", "out/s", "lost/s"];

    fn cells(&self, before: Option<&Self>) -> Vec<String> {
        let elapsed = grown(self, before, |interface| interface.at);
        let rate = |of: fn(&Interface) -> u64| per_second(grown(self, before, of), elapsed);
        vec![
            number(rate(|interface| interface.packets_in)),
            rate(|interface| interface.bytes_in).map_or_else(unknown, bytes),
            number(rate(|interface| interface.packets_out)),
            rate(|interface| interface.bytes_out).map_or_else(unknown, bytes),
            number(rate(|interface| interface.lost)),
        ]
    }
}
