//! Requests that nobody is there for: there are no handlers any longer.
//!
//! A client begins nothing that is not offered. But it may have posted a request before the handlers were dropped, which have not
//! begun it; or it has looked before, and posts after. Both are answered that nobody does it, by whoever drops the handlers, and by
//! the control thread.
//!
//! ```text
//! client:  offers has it ?  Relaxed          handlers are dropped:  offers = 0       Relaxed
//!          mark = n         Release                                 fence            SeqCst  (2)
//!          fence            SeqCst  (1)                             mark == n ?      Relaxed    there: refused
//!          offers == 0 ?    Relaxed    a frame
//!          otherwise done
//! ```
//!
//! (1) with (2) is Dekker's pattern: either the service sees the request, or the client sees that nothing is offered. Then its frame
//! ends a turn of the control thread, which looks for requests as long as there are no handlers. It costs a client a second
//! look at a line that it has, and the word is its own lane's, so that no other client can keep the frame from being sent. (1) is
//! the fence of the inbox's ring.
//!
//! Handlers and those who refuse have the same place, one at a time: what says whether it is taken is locked while requests are
//! refused, so that handlers which are made meanwhile begin with the request after those.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Transactions;
use super::lane::ServedLane;
use crate::lane::Status;
use crate::sync::Site;

impl Transactions {
    /// Whether there are handlers.
    pub(crate) fn is_handled(&self) -> bool {
        *self.handled.lock()
    }

    /// Takes the place of the handlers; `false` where there are some.
    pub(super) fn engage(&self) -> bool {
        !core::mem::replace(&mut *self.handled.lock(), true)
    }

    /// There are no handlers any longer. Where the service is closed its clients learn that, and not that it does nothing.
    pub(super) fn dismiss(&self, is_closed: bool) {
        let mut handled = self.handled.lock();
        self.withdraw_all();
        self.relieve();
        Site::WithdrawFence.fence(Ordering::SeqCst);
        if !is_closed {
            self.refuse_all();
        }
        *handled = false;
    }

    /// Refuses what was posted since there are no handlers, if there are none. At each turn of the control thread.
    pub(crate) fn refuse_unattended(&self) {
        let handled = self.handled.lock();
        if !*handled {
            self.refuse_all();
        }
    }

    /// As many requests as there can be. Of a client that asks on and on the rest is for the next turn.
    fn refuse_all(&self) {
        for lane in self.lanes() {
            let depth = lane.lane.shape().depth;
            (0..depth).take_while(|_| refuse_next(&lane)).for_each(drop);
        }
    }
}

/// Refuses the next request of a lane, paused or not; whether there was one.
fn refuse_next(lane: &Arc<ServedLane>) -> bool {
    if lane.is_closed() {
        return false;
    }
    let Some((header, _, token)) = lane.take(lane.next.load(Ordering::Relaxed)) else { return false };
    match token.is_expired() {
        true => token.tell(Status::Expired, 0, ""),
        false => token.tell(Status::NotSupported, 0, header.kind.why_unsupported()),
    }
    true
}
