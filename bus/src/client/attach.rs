//! How a link comes to be attached to a life of its service, and leaves it.
//!
//! The control thread writes what became of an advise into [`LinkShared`]; the link takes that over when it looks the
//! next time ([`Link::adopt`]), and begins to read where it is to begin.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::advise::Wait;
use super::control::Command;
use super::conversation_state::ConversationHandle;
use super::credit_memory::Credit;
use super::deliver::Deliver;
use super::link::Link;
use super::link_state::{Attachment, LinkShared, Target};
use super::many_items::ManyItems;
use super::reader::{OneItem, Reader, Start};
use super::sample::Pins;
use super::session::Session;
use super::values::Values;
use crate::error::{Ended, Error, Result};
use crate::sys::processors;

impl<D: Deliver> Link<D> {
    /// Takes over what the control thread changed.
    pub(super) fn adopt(&mut self) -> Result<()> {
        let shared = self.shared.clone();
        let mut state = shared.state.lock();
        if let Some(reason) = state.untold.take() {
            // What the attachment is now comes with the next look.
            self.ended = Some(reason.clone());
            if let (Some(session), Some(reader)) = (self.session.take(), self.reader.take()) {
                self.before = Some((session, reader));
            }
            self.shared.parker.move_to(None);
            return Err(self.conversation.shared.stale(reason));
        }
        self.seen = shared.state.version();
        match &mut state.attachment {
            Attachment::Asked | Attachment::Ended(_) => Ok(()),
            Attachment::Attached { session, index, credit } => {
                let (session, index, credit) = (session.clone(), *index, credit.clone());
                drop(state);
                self.read_from(session, index, credit);
                Ok(())
            }
            Attachment::Revoked(reason) => {
                let (what, link, reason) = (self.address(), self.shared.number, core::mem::take(reason));
                drop(state);
                self.finish();
                Err(Error::Evicted { what, link, reason })
            }
            Attachment::Refused(error, reason) => {
                self.ended = Some(Ended::Refused(reason.clone()));
                // Told once; then there is nothing until the service's next life.
                error.take().map_or(Ok(()), Err)
            }
        }
    }

    pub(super) fn read_from(&mut self, session: Arc<Session>, index: u32, credit: Option<Credit>) {
        self.spare = None;
        self.pins = credit
            .as_ref()
            .zip(self.registration.clone())
            .and_then(|(credit, registration)| Pins::new(credit, registration));
        let now = self.session.take().zip(self.reader.take());
        let reader = match now.or_else(|| self.before.take()) {
            // The same life of the service as before: the connection was lost, the values were not.
            Some((before, reader)) if Arc::ptr_eq(&before, &session) => Some(reader.resume(credit)),
            _ => {
                let reader = self.reader_of(&session, index, credit);
                // A new life is followed from its beginning, so that nothing of it goes uncounted.
                self.gap = core::mem::replace(&mut self.follows, true);
                self.start = Start::First;
                if let Some(gate) = &mut self.gate {
                    gate.new_life();
                }
                reader
            }
        };
        self.shared.parker.move_to(reader.as_ref().map(|reader| reader.awaited().0.clone()));
        self.payload = session.payload;
        self.epoch = session.epoch;
        self.values = Some(Values::new(session.clone()));
        self.conversion = session.conversion.clone();
        self.shares_processor = self.wait == Wait::SpinThenPark && processors::shared_with(session.pid);
        self.reader = reader;
        self.session = Some(session);
        self.ended = None;
        self.choose_way();
        self.direct_reader();
    }

    /// A reader that begins in `session` where this link is to begin.
    fn reader_of(&self, session: &Arc<Session>, index: u32, credit: Option<Credit>) -> Option<Reader> {
        let names = &self.conversation.shared.names;
        match &self.shared.target {
            Target::One(item) => {
                let (_, memory) = session.item(index)?;
                let id = names.id(item);
                Some(Reader::One(OneItem::new(id, memory, self.delivery, self.start, credit)))
            }
            Target::Many(wanted) => {
                let session = session.clone();
                let mut many = ManyItems::new(session, names.clone(), wanted, self.delivery, self.start);
                many.tell_by(credit);
                Some(Reader::Many(Box::new(many)))
            }
        }
    }

    /// As [`attach`](Self::attach), without a thread.
    pub(crate) async fn attach_async(&mut self, limit: Duration) -> Result<()> {
        let mut deadline = self.conversation.bus.deadline(limit);
        while self.reader.is_none() {
            let shared = self.shared.clone();
            if !shared.state.change(self.seen, &mut deadline).await {
                return Err(self.timed_out("advise", limit));
            }
            self.adopt()?;
        }
        Ok(())
    }

    /// Waits for the service's answer to the advise.
    pub(crate) fn attach(&mut self, limit: Duration) -> Result<()> {
        let deadline = Instant::now().checked_add(limit);
        while self.reader.is_none() {
            let seen = self.seen;
            if self.shared.state.version() != seen {
                self.adopt()?;
                continue;
            }
            let left =
                deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Err(self.timed_out("advise", limit));
            }
            self.shared.state.wait(seen, left.min(Duration::from_secs(3600)));
        }
        Ok(())
    }

    /// Lets go of the service and of all that it lent, but for samples that are kept.
    pub(super) fn detach(&mut self) {
        (self.spare, self.pins, self.registration, self.values) = (None, None, None, None);
        self.shared.parker.move_to(None);
        self.shared.attach(Attachment::Asked);
        self.reader.iter_mut().for_each(Reader::release);
        (self.reader, self.before, self.session) = (None, None, None);
    }
}

/// A link, as the service knows it; it ends when the link is gone, and all that is held of it.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(super) conversation: Arc<ConversationHandle>,
    pub(super) shared: Arc<LinkShared>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let conversation = self.conversation.shared.clone();
        self.conversation.bus.command(Command::Unadvise { conversation, link: self.shared.number });
    }
}
