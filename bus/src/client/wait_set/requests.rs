//! A service's handlers in a set: they are ready while there are requests that may be taken.
//!
//! A set looks at the next slot of each lane, as the handlers do, and asks the clients to send a frame before it sleeps; how
//! that wakes it is told in [`crate::server::transactions`].

use std::sync::Arc;

use super::member::{Kind, Waitable, sealed};
use super::seat::Seat;
use crate::client::vigil::News;
use crate::client::waiter::Waiter;
use crate::error::Result;
use crate::lane::inbox::Inbox;
use crate::segment::mapping::Words;
use crate::server::shared::ServiceShared;
use crate::server::transactions::handlers::Handlers;

/// What is asked of a service, as a set sees it.
#[derive(Debug)]
pub(super) struct Requests {
    pub(super) seat: Arc<Seat>,
    service: Arc<ServiceShared>,
    inbox: Inbox<Words>,
}

impl<S> Waitable for Handlers<'_, S> {}

impl<S> sealed::Join for Handlers<'_, S> {
    fn join(&mut self, door: sealed::Door<'_>) -> Result<sealed::Joined> {
        let (seat, service, inbox) = self.sit();
        service.transactions.attend(door.0);
        Ok(sealed::Joined(Kind::Requests(Requests { seat, service, inbox })))
    }
}

impl Requests {
    /// What there is to look at.
    pub(super) fn news(&self) -> Option<News> {
        let is_ready = self.is_over() || self.service.transactions.has_request();
        is_ready.then(|| {
            let seen = self.service.transactions.seen();
            News::of_requests(seen.version, seen.kicks, seen.posted)
        })
    }

    /// Whether there will be no more of them, so that this is the last that is told.
    pub(super) fn is_over(&self) -> bool {
        self.service.is_closed()
    }

    /// Asks the next client that posts a request to tell. Then comes a look at the [`news`](Self::news).
    pub(super) fn ask(&self) {
        self.inbox.ask_for_frame();
    }

    /// The set waits for it no longer.
    pub(super) fn leave(&self, waiter: &Arc<Waiter>) {
        if !self.seat.is_left() {
            self.seat.leave();
            self.service.transactions.leave(waiter);
        }
    }
}
