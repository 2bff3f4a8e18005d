//! The one door to atomics: what is shipped is what the model checker runs.
//!
//! All code that shares memory between processes takes its atomics from here. In a normal build they are
//! `core`'s; under `--cfg loom` they are loom's, and the very same ring and bell code runs in the model.
//!
//! Orderings that carry an argument have a name, a [`Site`]. In a normal build a site is nothing: the
//! ordering is a constant. In a model build a test may *weaken* one site ([`weaken`]) and watch the model
//! fail, which shows that the ordering is needed and that the model would notice its loss.
//!
//! Memory that another process maps read-only is only ever loaded with `Relaxed` (all that the language
//! guarantees on read-only pages), so acquiring is done by fences.

mod mutex;
#[cfg(kill_points)]
pub(crate) mod steps;

#[cfg(tsan)]
mod tsan;

pub(crate) use self::mutex::Mutex;

#[cfg(not(any(loom, tsan)))]
pub(crate) use core::sync::atomic::AtomicU64;
pub(crate) use core::sync::atomic::Ordering;
#[cfg(loom)]
pub(crate) use loom::sync::atomic::AtomicU64;
#[cfg(tsan)]
pub(crate) use tsan::AtomicU64;

/// Names a step that other processes can see, and where a test may kill this one: see `steps`. Nothing, in a normal build.
macro_rules! step {
    ($step:ident) => {
        #[cfg(kill_points)]
        $crate::sync::steps::pass($crate::sync::steps::Step::$step);
    };
}
pub(crate) use step;

/// An ordering that an argument in this crate rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Site {
    /// Writer: the busy mark is visible before any new word of the body.
    SlotBusyFence,
    /// Writer: the body is visible before the ready mark.
    SlotReadyStore,
    /// Reader: the body is read after the ready mark.
    SlotReadyFence,
    /// Reader: the mark is read again after the body.
    SlotRecheckFence,
    /// Writer: a value is visible in its slot before the head counts it.
    HeadStore,
    /// Reader: a slot is read after the head that counts it.
    HeadFence,
    /// Publisher: the head is visible before the bell is looked at.
    BellRingFence,
    /// Sleeper: the bell is set before the head is looked at.
    BellSleepFence,
    /// Publisher: the bell is cleared before the wake is counted.
    BellWakeStore,
    /// Sleeper: the bell is set after the count of wakes was read.
    BellSeenFence,
    /// Sleeper by doorbell: the bell is set before the head is looked at.
    BellAskFence,
    /// Sleeper: it is announced before it looks whether its publisher is gone.
    ParkFence,
    /// Control thread: that the publisher is gone is said before it looks who sleeps.
    UnparkFence,
    /// Control thread: what a link has to look for is there before the nudge counts it.
    NudgeFence,
    /// Link: it looks after it has taken the count of nudges.
    NudgeTakenFence,
    /// Reader: its copy is finished before its floor lets the slot go.
    FloorStore,
    /// Publisher: a slot is overwritten after the floor that lets it go.
    FloorFence,
    /// Reader: the floor is raised before it looks whether it is awaited.
    FloorRaiseFence,
    /// Publisher: the floor is awaited before it is looked at once more.
    FloorAwaitFence,
    /// Reader: a hold is visible before it looks whether the value is still there.
    PinFence,
    /// Publisher: a slot is taken for another value before the holds of the old one are looked at.
    PinLookFence,
    /// Reader: all reading is over before the hold is let go.
    UnpinStore,
    /// Publisher: memory is written after the look that found no hold of it.
    UnpinFence,
    /// Control thread: that a link is tracked is said before its first value is chosen.
    EnrolFence,
    /// Client: a request is visible before its mark.
    RequestStore,
    /// Service: a request is read after its mark.
    RequestFence,
    /// Service: an answer is visible before its mark.
    ReplyStore,
    /// Client: an answer is read after its mark.
    ReplyFence,
    /// Service: an answer is visible before it looks who waits for it.
    ReplyRingFence,
    /// Client: that it waits is visible before it looks for the answer once more.
    ReplySleepFence,
    /// Client: a request is visible before it looks whether the service sleeps.
    InboxRingFence,
    /// Service: that it sleeps is visible before it looks for requests once more.
    InboxSleepFence,
    /// Client: the flag is taken before the wake is counted.
    InboxWakeAdd,
    /// Service: the flag is set after the count of wakes was read.
    InboxSeenFence,
    /// Service: that nothing is offered any longer is visible before it looks for the last requests.
    WithdrawFence,
}

impl Site {
    /// A fence of `order` at this site; nothing where a model has weakened the site.
    #[inline(always)]
    pub(crate) fn fence(self, order: Ordering) {
        #[cfg(loom)]
        if weakened(self) {
            return;
        }
        fence(order);
    }

    /// A store of `order` at this site; `Relaxed` where a model has weakened the site.
    #[inline(always)]
    pub(crate) fn store(self, word: &AtomicU64, value: u64, order: Ordering) {
        #[cfg(loom)]
        if weakened(self) {
            return word.store(value, Ordering::Relaxed);
        }
        word.store(value, order);
    }

    /// A swap of `order` at this site; `Relaxed` where a model has weakened the site.
    #[inline(always)]
    pub(crate) fn swap(self, word: &AtomicU64, value: u64, order: Ordering) -> u64 {
        #[cfg(loom)]
        let order = if weakened(self) { Ordering::Relaxed } else { order };
        word.swap(value, order)
    }

    /// An addition of `order` at this site; `Relaxed` where a model has weakened the site.
    #[inline(always)]
    pub(crate) fn add(self, word: &AtomicU64, count: u64, order: Ordering) {
        #[cfg(loom)]
        let order = if weakened(self) { Ordering::Relaxed } else { order };
        word.fetch_add(count, order);
    }

    /// A store of `order` at this site where the word is `current`, and else nothing; whether it was.
    #[inline(always)]
    pub(crate) fn replace(self, word: &AtomicU64, current: u64, value: u64, order: Ordering) -> bool {
        #[cfg(loom)]
        let order = if weakened(self) { Ordering::Relaxed } else { order };
        word.compare_exchange(current, value, order, Ordering::Relaxed).is_ok()
    }
}

#[cfg(loom)]
use loom::sync::atomic::fence;

/// A memory fence. On x86-64 a sequentially consistent one is a locked no-op on the stack, which orders
/// ordinary memory just as `mfence` does and costs about half (the Linux kernel's `smp_mb` and the JVM
/// do the same); every other fence is the compiler's.
#[cfg(not(loom))]
#[inline(always)]
fn fence(order: Ordering) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if order == Ordering::SeqCst {
        // SAFETY: or-ing zero into the word at the top of the stack changes no memory, the block neither
        // moves the stack pointer nor touches the red zone below it, and without `nomem` the compiler
        // moves no memory access across it.
        unsafe { core::arch::asm!("lock or dword ptr [rsp], 0", options(nostack)) };
        return;
    }
    core::sync::atomic::fence(order);
}

#[cfg(loom)]
std::thread_local! {
    static WEAKENED: core::cell::Cell<&'static [Site]> = const { core::cell::Cell::new(&[]) };
}

#[cfg(loom)]
fn weakened(site: Site) -> bool {
    WEAKENED.get().contains(&site)
}

/// Runs `model` with `sites` weakened. Loom runs all threads of a model on the calling thread, so a
/// thread-local reaches them all and models in other test threads stay whole.
#[cfg(loom)]
pub(crate) fn weaken<R>(sites: &'static [Site], model: impl FnOnce() -> R) -> R {
    struct Restore;
    impl Drop for Restore {
        fn drop(&mut self) {
            WEAKENED.set(&[]);
        }
    }
    WEAKENED.set(sites);
    let _restore = Restore;
    model()
}
