//! Samples: values that are read where the publisher wrote them.
//!
//! A [`Sample`] is a reference into the publisher's memory, with a hold ([`crate::credit::hold`]) that keeps the publisher
//! from writing there again. A link has as many holds as it was granted; clones of a sample share one. The last of them
//! to go clears it, on whichever thread that is. The link stays registered with the service until its last sample is
//! gone, and so does its connection: what is held is held until the kernel closes this end of it, at the latest at
//! this process's death.
//!
//! What a sample shows was validated once, when it was received, and does not change after that as long as its
//! publisher keeps to the protocol. That is weaker than what a copy promises: a hostile publisher can change memory
//! under a sample, and the language then promises nothing. Do not pin what such a publisher publishes; copy it.

use core::fmt;
use core::ops::Deref;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crossbeam::queue::ArrayQueue;

use super::attach::Registration;
use super::credit_memory::Credit;
use crate::copy;
use crate::credit::hold;
use crate::payload::Payload;
use crate::segment::mapping::Words;
use crate::segment::pool::Reference;
use crate::sync::{AtomicU64, Ordering, step};

/// What a link may hold, and does.
pub(crate) struct Pins {
    /// A word for each value that may be held.
    holds: Words,
    /// How many samples share each hold.
    shares: Box<[core::sync::atomic::AtomicUsize]>,
    /// The holds that hold nothing.
    free: ArrayQueue<u32>,
    _registration: Arc<Registration>,
    _socket: Arc<OwnedFd>,
}

impl fmt::Debug for Pins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pins({} of {} free)", self.free.len(), self.shares.len())
    }
}

impl Pins {
    /// The pins that a link's credit allows; `None` where it allows none.
    pub(crate) fn new(credit: &Credit, registration: Arc<Registration>) -> Option<Arc<Self>> {
        let holds = credit.holds.clone()?;
        let free = ArrayQueue::new(holds.len());
        for index in 0..holds.len() as u32 {
            // There is room for all that there are.
            let _ = free.push(index);
        }
        let shares = holds.iter().map(|_| Default::default()).collect();
        Some(Arc::new(Pins {
            holds,
            shares,
            free,
            _registration: registration,
            _socket: credit.socket.clone(),
        }))
    }

    /// How many values may be held at once.
    pub(crate) fn most(&self) -> usize {
        self.shares.len()
    }

    /// A hold that holds nothing.
    pub(crate) fn begin(self: &Arc<Self>) -> Option<Pin> {
        let index = self.free.pop()?;
        // Nobody else has it.
        self.shares[index as usize].store(1, Ordering::Relaxed);
        Some(Pin { pins: self.clone(), index })
    }
}

/// One hold of a link; lets go when the last clone is dropped.
pub(crate) struct Pin {
    pins: Arc<Pins>,
    index: u32,
}

impl Pin {
    /// Announces that the value at `reference` is to be held; see [`hold::announce`].
    #[inline]
    pub(crate) fn announce(&self, reference: Reference) {
        hold::announce(self.hold(), reference.0);
    }

    /// Takes back what was announced, where the value was not got.
    #[inline]
    pub(crate) fn withdraw(&self) {
        hold::unpin(self.hold());
    }

    /// Asks for the line that an announcement will be written to: a publisher that looked at it has left it shared, and
    /// the announcement's fence would wait for it.
    #[inline]
    pub(crate) fn prepare(&self) {
        copy::expect_store(self.hold());
    }

    #[inline]
    fn hold(&self) -> &AtomicU64 {
        &self.pins.holds[self.index as usize]
    }
}

impl Clone for Pin {
    fn clone(&self) -> Self {
        self.pins.shares[self.index as usize].fetch_add(1, Ordering::Relaxed);
        Pin { pins: self.pins.clone(), index: self.index }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        // As `Arc` does: what each clone did before it went is before what the last one does.
        if self.pins.shares[self.index as usize].fetch_sub(1, Ordering::Release) == 1 {
            step!(ShareDropped);
            core::sync::atomic::fence(Ordering::Acquire);
            hold::unpin(self.hold());
            // There is room for all that there are.
            let _ = self.pins.free.push(self.index);
            step!(HoldFreed);
        }
    }
}

/// A value, read where its publisher wrote it, without a copy. It stays as it is for as long as it is kept, whatever is
/// published meanwhile, and also after the link, the conversation or the service is gone.
///
/// A clone is the same value, and costs its link no second hold. What its safety rests on: the publisher keeps to the
/// protocol. See [`AdviseBuilder::samples`](crate::AdviseBuilder::samples).
pub struct Sample<T: ?Sized> {
    pin: Pin,
    value: *const T,
    _memory: Words,
}

// SAFETY: a sample is a shared reference to a `T`, which is `Sync` as every message is, with a pin, whose parts are
// atomics, a queue and reference counts.
unsafe impl<T: Payload + ?Sized> Send for Sample<T> {}
// SAFETY: as above; nothing of it can be changed through a shared reference.
unsafe impl<T: Payload + ?Sized> Sync for Sample<T> {}

impl<T: Payload + ?Sized> Sample<T> {
    /// The value at `value`.
    ///
    /// # Safety
    /// There is a valid `T`, in `memory`, which nobody writes while `pin` holds it.
    pub(crate) unsafe fn new(pin: Pin, value: *const T, memory: Words) -> Self {
        Sample { pin, value, _memory: memory }
    }
}

impl<T: ?Sized> Clone for Sample<T> {
    fn clone(&self) -> Self {
        Sample { pin: self.pin.clone(), value: self.value, _memory: self._memory.clone() }
    }
}

impl<T: ?Sized> Deref for Sample<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: there is a valid `T`, which stays until the pin is dropped, as `new` was promised.
        unsafe { &*self.value }
    }
}

impl<T: ?Sized> AsRef<T> for Sample<T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for Sample<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sample").field(&&**self).finish()
    }
}

impl<T: PartialEq + ?Sized> PartialEq for Sample<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}
