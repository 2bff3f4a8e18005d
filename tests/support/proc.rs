//! What the kernel says of a process, proc(5).

use std::fs;
use std::time::Duration;

/// How many descriptors this process has open.
pub(crate) fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// How many mappings of the bus's memory this process has.
pub(crate) fn mappings() -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains("/memfd:bus")).count()
}

/// How many descriptors this process has open that are not of the bus's memory.
pub(crate) fn descriptors_but_memory() -> usize {
    let entries = fs::read_dir("/proc/self/fd").unwrap();
    let targets = entries.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    targets.filter(|target| !target.to_string_lossy().starts_with("/memfd:bus")).count()
}

/// How many mappings of credit memory this process has.
pub(crate) fn credit_mappings() -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains("/memfd:bus credits")).count()
}

/// How many mappings of lanes, by which transactions go, this process has.
pub(crate) fn lane_mappings() -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains("/memfd:bus lane")).count()
}

/// The number of the calling thread, for [`sleeps_on_futex`] elsewhere.
pub(crate) fn thread() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

/// How many threads this process has.
pub(crate) fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

/// The processor time that the calling thread has had.
pub(crate) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Whether thread `thread` of process `pid` is asleep inside futex(2).
pub(crate) fn sleeps_on_futex(pid: u32, thread: i32) -> bool {
    is_inside(pid, thread, &[libc::SYS_futex])
}

/// Whether thread `thread` of process `pid` is asleep inside epoll_wait(2), or poll(2).
pub(crate) fn sleeps_in_poll(pid: u32, thread: i32) -> bool {
    is_inside(pid, thread, &[libc::SYS_epoll_pwait, libc::SYS_epoll_pwait2, libc::SYS_ppoll])
}

fn is_inside(pid: u32, thread: i32, calls: &[libc::c_long]) -> bool {
    let task = format!("/proc/{pid}/task/{thread}");
    let call = fs::read_to_string(format!("{task}/syscall")).unwrap_or_default();
    calls.iter().any(|inside| call.split(' ').next() == Some(&inside.to_string()))
}
