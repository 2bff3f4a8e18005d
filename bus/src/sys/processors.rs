//! On which processors programs may run: sysconf(3), sched_getaffinity(2).
//!
//! While one spins on the only processor that the other may run on, the other does nothing that one could see.

use std::sync::OnceLock;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity};

/// Whether the machine has one processor.
pub(crate) fn only_one() -> bool {
    static ONE: OnceLock<bool> = OnceLock::new();
    // SAFETY: `sysconf` only returns a number.
    *ONE.get_or_init(|| unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) } == 1)
}

/// Whether the calling thread and process `pid` may run on one and the same processor only.
///
/// Of the process that is what its first thread may; who is confined by a container or by `taskset` is so with all
/// threads. Where the kernel does not say (a process of another container, or one that is gone), no. Whoever may also run
/// elsewhere is moved there by the kernel when its processor is busy, so that only this case is hopeless.
pub(crate) fn shared_with(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    only_one() || pid.is_some_and(|pid| sole(None).is_some_and(|ours| sole(Some(pid)) == Some(ours)))
}

/// The one processor that a thread may run on, the calling one if none is named; `None` if there are several.
fn sole(thread: Option<Pid>) -> Option<usize> {
    let allowed = sched_getaffinity(thread).ok().filter(|allowed| allowed.count() == 1)?;
    (0..CpuSet::MAX_CPU).find(|&processor| allowed.is_set(processor))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn two_threads_on_one_processor_share_it() {
        let before = sched_getaffinity(None).unwrap();
        let mut one = CpuSet::new();
        one.set((0..CpuSet::MAX_CPU).find(|&processor| before.is_set(processor)).unwrap());
        // A thread has a number as a process has, which is that of its first thread.
        let pid = rustix::thread::gettid().as_raw_nonzero().get() as u32;
        rustix::thread::sched_setaffinity(None, &one).unwrap();
        assert!(shared_with(pid));
        assert!(std::thread::spawn(move || shared_with(pid)).join().unwrap(), "a thread inherits it");
        rustix::thread::sched_setaffinity(None, &before).unwrap();
        assert_eq!(shared_with(pid), before.count() == 1 || only_one());
        assert_eq!(shared_with(0), only_one(), "where the process is not known");
    }
}
