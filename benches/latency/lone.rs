//! Figures that are not a matter of sending: beginning, and memory.

use std::path::Path;
use std::time::Instant;

use bus::{Bus, Message};

use crate::ours::open_bus;
use crate::support::{Failure, Recorder};

/// As `ours::Payload<8>`, which the other process publishes.
#[derive(Message, Clone, Copy)]
#[repr(C)]
struct Payload<const N: usize> {
    words: [u64; N],
}

/// Items of the topic whose memory is measured.
const ITEMS: usize = 10_000;

/// From `Bus::open` to a value that the other process published.
pub(crate) fn first_value(directory: &Path, samples: usize, recorder: &mut Recorder) -> Result<(), Failure> {
    for _ in 0..samples {
        let start = Instant::now();
        let bus = open_bus(directory)?;
        let conversation = bus.connect::<Payload<8>>("follower/alone").open()?;
        let value = conversation.request("x")?.value;
        recorder.record(start.elapsed(), 1);
        assert_eq!(value.words, [1; 8]);
    }
    Ok(())
}

/// Bytes that a topic of 10 000 items of 64 bytes makes resident, with the defaults, every item published once.
pub(crate) fn resident_memory() -> Result<u64, Failure> {
    let directory = tempfile::tempdir()?;
    let bus = Bus::builder().directory(directory.path()).open("memory")?;
    let service = bus.service("memory")?;
    let before = resident()?;
    let topic = service.topic::<Payload<8>>("items").capacity(ITEMS).open()?;
    for index in 0..ITEMS {
        topic.item(&format!("item {index}"))?.publish(&Payload { words: [index as u64; 8] })?;
    }
    Ok(resident()?.saturating_sub(before))
}

fn resident() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
}
