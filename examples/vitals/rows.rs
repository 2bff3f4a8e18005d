//! What each message looks like in a table: its columns, and its cells, made of the last two samples.
//!
//! A rate needs two samples, and is `-` until there are. It is also `-` where a counter went back, as those
//! of a network interface do that was removed and set up again.

use crate::counters::{Core, Disk, Interface, Load, Memory, Vital};

/// A message that can be a row.
pub(crate) trait Row: Vital {
    /// The columns' headings.
    const COLUMNS: &'static [&'static str];

    /// The cells, one for each column.
    fn cells(samples: &Samples<Self>) -> Vec<String>;
}

/// The last two values of an item.
pub(crate) struct Samples<T> {
    now: T,
    before: Option<T>,
}

impl<T: Copy> Samples<T> {
    pub(crate) fn first(now: T) -> Self {
        Samples { now, before: None }
    }

    pub(crate) fn add(&mut self, now: T) {
        self.before = Some(std::mem::replace(&mut self.now, now));
    }

    /// By how much a counter has grown.
    fn growth(&self, counter: impl Fn(&T) -> u64) -> Option<u64> {
        counter(&self.now).checked_sub(counter(self.before.as_ref()?))
    }
}

impl Row for Core {
    const COLUMNS: &'static [&'static str] = &["busy", "user", "system", "waiting", "stolen"];

    fn cells(samples: &Samples<Self>) -> Vec<String> {
        let busy = |core: &Core| core.user + core.system;
        let all = samples.growth(|core| busy(core) + core.idle + core.waiting + core.stolen);
        vec![
            percent(samples.growth(busy), all),
            percent(samples.growth(|core| core.user), all),
            percent(samples.growth(|core| core.system), all),
            percent(samples.growth(|core| core.waiting), all),
            percent(samples.growth(|core| core.stolen), all),
        ]
    }
}

impl Row for Memory {
    const COLUMNS: &'static [&'static str] = &["in use", "used", "available", "total"];

    fn cells(samples: &Samples<Self>) -> Vec<String> {
        let Memory { total, available } = samples.now;
        let used = total.saturating_sub(available);
        let cells = [used, available, total].map(|bytes| size(bytes as f64));
        [percent(Some(used), Some(total))].into_iter().chain(cells).collect()
    }
}

impl Row for Load {
    const COLUMNS: &'static [&'static str] = &["1 min", "5 min", "15 min", "runnable", "threads"];

    fn cells(samples: &Samples<Self>) -> Vec<String> {
        let Load { averages, runnable, threads } = samples.now;
        let averages = averages.iter().map(|average| format!("{average:.2}"));
        averages.chain([runnable.to_string(), threads.to_string()]).collect()
    }
}

impl Row for Disk {
    const COLUMNS: &'static [&'static str] = &["busy", "read", "written", "reads", "writes"];

    fn cells(samples: &Samples<Self>) -> Vec<String> {
        let time = samples.growth(|disk| disk.at);
        vec![
            percent(samples.growth(|disk| disk.busy), time),
            bytes_per_second(samples.growth(|disk| disk.bytes_read), time),
            bytes_per_second(samples.growth(|disk| disk.bytes_written), time),
            times_per_second(samples.growth(|disk| disk.reads), time),
            times_per_second(samples.growth(|disk| disk.writes), time),
        ]
    }
}

impl Row for Interface {
    const COLUMNS: &'static [&'static str] = &["in", "out", "packets in", "packets out", "lost"];

    fn cells(samples: &Samples<Self>) -> Vec<String> {
        let time = samples.growth(|interface| interface.at);
        vec![
            bytes_per_second(samples.growth(|interface| interface.bytes_in), time),
            bytes_per_second(samples.growth(|interface| interface.bytes_out), time),
            times_per_second(samples.growth(|interface| interface.packets_in), time),
            times_per_second(samples.growth(|interface| interface.packets_out), time),
            times_per_second(samples.growth(|interface| interface.lost), time),
        ]
    }
}

/// A part of a whole; both unknown where there is only one sample.
fn percent(part: Option<u64>, whole: Option<u64>) -> String {
    quotient(part, whole).map_or_else(unknown, |quotient| format!("{:.1}%", quotient * 100.0))
}

/// A growth in bytes, over a time in nanoseconds.
fn bytes_per_second(growth: Option<u64>, time: Option<u64>) -> String {
    quotient(growth, time).map_or_else(unknown, |quotient| size(quotient * 1e9) + "/s")
}

/// A growth, over a time in nanoseconds.
fn times_per_second(growth: Option<u64>, time: Option<u64>) -> String {
    quotient(growth, time).map_or_else(unknown, |quotient| format!("{:.1}/s", quotient * 1e9))
}

/// A number of bytes, in the unit that suits it.
fn size(bytes: f64) -> String {
    let mut size = bytes;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if size < 1000.0 {
            return if unit == "B" { format!("{size:.0} {unit}") } else { format!("{size:.1} {unit}") };
        }
        size /= 1024.0;
    }
    format!("{size:.1} TiB")
}

fn quotient(part: Option<u64>, whole: Option<u64>) -> Option<f64> {
    let whole = whole.filter(|&whole| whole > 0)?;
    Some(part? as f64 / whole as f64)
}

fn unknown() -> String {
    "-".to_owned()
}
