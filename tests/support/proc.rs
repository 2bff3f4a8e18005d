//! What the kernel says of a process, proc(5).

use std::fs;

/// How many descriptors this process has open.
pub(crate) fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// How many mappings of the bus's memory this process has.
pub(crate) fn mappings() -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains("/memfd:bus")).count()
}

/// The number of the calling thread, for [`sleeps_on_futex`] elsewhere.
pub(crate) fn thread() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

/// Whether thread `thread` of process `pid` is asleep inside futex(2).
pub(crate) fn sleeps_on_futex(pid: u32, thread: i32) -> bool {
    let task = format!("/proc/{pid}/task/{thread}");
    let call = fs::read_to_string(format!("{task}/syscall")).unwrap_or_default();
    call.split(' ').next() == Some(&libc::SYS_futex.to_string())
}
