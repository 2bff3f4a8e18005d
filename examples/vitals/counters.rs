//! What goes over the bus: a message type for each topic.
//!
//! These are counters, as the kernel has kept them since the machine started, and not rates. From two
//! samples of a counter every watcher computes the rate over its own interval; a sample that it missed, or
//! an hour in which nobody published, blurs that rate but falsifies nothing.
//!
//! Both halves are one program here, and share these definitions. Two programs would each have their own,
//! and where they differ, connecting fails with an error that shows the difference field by field.

use bus::Message;

/// The service that has all the topics.
pub(crate) const SERVICE: &str = "vitals";

/// A message with the topic that carries it.
pub(crate) trait Vital: Message + Copy {
    /// The topic's name.
    const TOPIC: &'static str;
}

/// How a core has spent its time, in the kernel's ticks. An item for each core.
#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Core {
    /// In programs.
    pub(crate) user: u64,
    /// In the kernel, interrupts included.
    pub(crate) system: u64,
    /// Doing nothing.
    pub(crate) idle: u64,
    /// Doing nothing, but for want of a disk.
    pub(crate) waiting: u64,
    /// Running other machines, where this one is virtual.
    pub(crate) stolen: u64,
}

/// Memory, in bytes. Two items: `ram` and `swap`.
#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Memory {
    /// What there is.
    pub(crate) total: u64,
    /// What programs could still have.
    pub(crate) available: u64,
}

/// Demand for the processor. One item: `machine`.
#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Load {
    /// Runnable threads, averaged over 1, 5 and 15 minutes.
    pub(crate) averages: [f64; 3],
    /// Threads that run or could run right now.
    pub(crate) runnable: u32,
    /// Threads that there are.
    pub(crate) threads: u32,
}

/// What a disk has done. An item for each disk.
#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Disk {
    /// When this was read, in nanoseconds of the monotonic clock.
    pub(crate) at: u64,
    /// Reads done.
    pub(crate) reads: u64,
    /// Bytes read.
    pub(crate) bytes_read: u64,
    /// Writes done.
    pub(crate) writes: u64,
    /// Bytes written.
    pub(crate) bytes_written: u64,
    /// Nanoseconds in which it had something to do.
    pub(crate) busy: u64,
}

/// What a network interface has carried. An item for each interface.
#[derive(Message, Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Interface {
    /// When this was read, in nanoseconds of the monotonic clock.
    pub(crate) at: u64,
    /// Bytes received.
    pub(crate) bytes_in: u64,
    /// Packets received.
    pub(crate) packets_in: u64,
    /// Bytes sent.
    pub(crate) bytes_out: u64,
    /// Packets sent.
    pub(crate) packets_out: u64,
    /// Packets that were broken or dropped, either way.
    pub(crate) lost: u64,
}

impl Vital for Core {
    const TOPIC: &'static str = "cpu";
}

impl Vital for Memory {
    const TOPIC: &'static str = "memory";
}

impl Vital for Load {
    const TOPIC: &'static str = "load";
}

impl Vital for Disk {
    const TOPIC: &'static str = "disks";
}

impl Vital for Interface {
    const TOPIC: &'static str = "network";
}
