//! The memory that a service sends: what comes with it is checked, and mapped.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::refusals::mismatch;
use super::{Peer, Phase, Question, advise};
use crate::client::conversation_state::{ConversationShared, State, Status};
use crate::client::credit_memory::{Credit, CreditMemory};
use crate::client::lanes::ClientLane;
use crate::client::link_state::{Attachment, Target};
use crate::client::session::{Session, Unusable};
use crate::error::{Ended, Error, Result};
use crate::segment::{OpenError, SegmentView, pool};
use crate::sync::step;
use crate::wire::{Close, Granted, LaneMade, Lost, Prefix, Unadvise};

impl Peer {
    /// Takes a segment; when a session has all, the conversation is live.
    pub(super) fn segment(
        &mut self,
        pid: u32,
        number: u64,
        index: u32,
        of: u32,
        segment: &OwnedFd,
        bells: &OwnedFd,
    ) -> Result<(), Lost> {
        // It may have been closed on this side while the segment was on its way.
        let Some(open) = self.conversations.get(&number) else { return Ok(()) };
        let conversation = open.shared.clone();
        let before = {
            let state = conversation.state.lock();
            match state.status {
                Status::Failed(_) => return Ok(()),
                // Extents of another type than ours; a first segment is of a new life, and may be right again.
                Status::Ended(Ended::Changed(_)) if index > 0 && !self.building.contains_key(&number) => {
                    return Ok(());
                }
                _ => state.session.clone(),
            }
        };
        let view = SegmentView::open(segment, bells)?;
        if index == 0 {
            // The connection was lost, but this is the life of the service that we know: the memory is the same.
            let same = before.filter(|before| before.epoch == view.header.epoch && before.pid == pid);
            let session = match same
                .map_or_else(|| Session::new(pid, view, &conversation.expected).map(Arc::new), Ok)
            {
                Ok(session) => session,
                Err(Unusable::Broken(detail)) => return Err(Lost::Malformed(detail)),
                Err(Unusable::Type { there, why }) => {
                    if let Some(reason) = mismatch(&conversation, there, why) {
                        open.links.values().for_each(|link| link.end(&reason));
                    }
                    self.send(number, 0, &Close {});
                    return Ok(());
                }
            };
            self.building.insert(number, (session, of));
        } else {
            let session = self.building.get(&number).map(|(session, _)| session.clone()).or(before);
            let session =
                session.ok_or_else(|| Lost::Malformed("an extent without a first segment".to_owned()))?;
            if index as usize >= session.segment_count() {
                session.add_segment(index as usize, view).map_err(Lost::Malformed)?;
                // It may be the one that a link waits for.
                open.links.values().for_each(|link| link.vigil.nudge());
            }
        }
        if self.building.get(&number).is_some_and(|&(_, of)| index + 1 >= of)
            && let Some((session, _)) = self.building.remove(&number)
        {
            self.live(&conversation, session);
        }
        Ok(())
    }

    /// Makes a conversation live, and advises again on all its links.
    pub(super) fn live(&mut self, conversation: &Arc<ConversationShared>, session: Arc<Session>) {
        tracing::info!(
            service = self.service,
            topic = conversation.topic,
            pid = session.pid,
            "conversation live"
        );
        let epoch = session.epoch;
        let again = conversation.state.update(|state| {
            let again = state.session.is_some();
            let life = (session.pid, epoch);
            *state = State { session: Some(session), status: Status::Live, trouble: None, life };
            again
        });
        if let (Phase::Open { connection, .. }, Some(open)) =
            (&mut self.phase, self.conversations.get(&conversation.number))
        {
            for link in open.links.values().filter(|link| link.is_for(epoch)) {
                let from = link.unread_from(epoch);
                advise(connection, conversation.number, link, link.wait || again, from);
            }
        }
    }

    /// A conversation is open: with the service as a whole, or with a topic whose values are not for this program.
    pub(super) fn opened(&mut self, number: u64) -> Result<(), Lost> {
        // It may have been closed on this side while the frame was on its way.
        let Some(open) = self.conversations.get(&number) else { return Ok(()) };
        let Phase::Open { pid, .. } = self.phase else { return Ok(()) };
        let life = (pid, self.epoch);
        open.shared.state.update(|state| {
            *state = State { session: None, status: Status::Live, trouble: None, life };
        });
        open.links.values().for_each(|link| link.refuse(open.shared.unreadable("advise on", &link.target)));
        Ok(())
    }

    /// Maps a lane.
    pub(super) fn lane_made(
        &mut self,
        prefix: Prefix,
        pid: u32,
        made: &LaneMade,
        fds: [&OwnedFd; 2],
    ) -> Result<(), Lost> {
        let Some(question) = self.questions.remove(&prefix.reference) else { return Ok(()) };
        let &Question::Lane { room, .. } = &question else {
            return Err(Lost::Malformed("a lane where none was asked for".to_owned()));
        };
        let Phase::Open { connection, .. } = &self.phase else { return Ok(()) };
        let of = (self.epoch, pid, Arc::downgrade(&connection.socket()));
        let lane = match ClientLane::open(prefix.reference, (made, room), fds, of) {
            Ok(lane) => Arc::new(lane),
            Err(error) => {
                // Whoever asked learns of the end, and of its reason, with all others.
                self.questions.insert(prefix.reference, question);
                return Err(error.into());
            }
        };
        let Question::Lane { conversation, askers, .. } = question else { return Ok(()) };
        // It may have been closed on this side meanwhile; then nobody ends what is begun by it.
        if self.conversations.contains_key(&conversation.number) {
            conversation.lanes.add(lane.clone());
            askers.into_iter().for_each(|asker| asker.answer.send(Ok(lane.clone())));
        }
        Ok(())
    }

    /// Maps memory for the credit of tracked links.
    pub(super) fn credits(&mut self, index: u32, memory: &OwnedFd) -> Result<(), Lost> {
        if index as usize != self.credits.len() {
            let detail = format!("credit memory {index} after {}", self.credits.len());
            return Err(Lost::Malformed(detail));
        }
        let words = CreditMemory::open(memory)?;
        self.credits.push(words);
        step!(CreditsMapped);
        Ok(())
    }

    /// A tracked link's part of the credit memory.
    pub(super) fn credit(&self, granted: &Granted) -> Result<Credit, Lost> {
        let outside = || Lost::Malformed(format!("a link whose credit is outside its memory: {granted:?}"));
        let memory = |index: u32| self.credits.get(index as usize).ok_or_else(outside);
        let (floor, awaited) =
            memory(granted.credits)?.floor(granted.floor, granted.awaited).ok_or_else(outside)?;
        let holds = match granted.holds {
            0 => None,
            count => {
                let holds = memory(granted.hold_memory)?.holds(granted.first_hold, count);
                Some(holds.ok_or_else(outside)?)
            }
        };
        let Phase::Open { connection, .. } = &self.phase else { return Err(Lost::Ended) };
        Ok(Credit { floor, awaited, holds, socket: connection.socket() })
    }

    /// Takes pool memory.
    pub(super) fn pool(&mut self, number: u64, index: u32, memory: &OwnedFd) -> Result<(), Lost> {
        // It may have been closed on this side while the memory was on its way.
        let Some(open) = self.conversations.get(&number) else { return Ok(()) };
        let building = self.building.get(&number).map(|(session, _)| session.clone());
        let state = open.shared.state.lock();
        let live = || matches!(state.status, Status::Live).then(|| state.session.clone()).flatten();
        let Some(session) = building.or_else(live) else { return Ok(()) };
        drop(state);
        if (index as usize) < session.pool_count() {
            return Ok(());
        }
        let words = pool::open(memory)?;
        session.add_pool(index as usize, words).map_err(Lost::Malformed)?;
        // It may be the one that a link waits for.
        open.links.values().for_each(|link| link.vigil.nudge());
        step!(PoolMapped);
        Ok(())
    }

    pub(super) fn located(&mut self, prefix: Prefix, index: u32, credit: Option<Credit>) -> Result<(), Lost> {
        if let Some(Question::Find { answer, .. }) = self.questions.remove(&prefix.reference) {
            answer.send(Ok(()));
            return Ok(());
        }
        let Some(open) = self.conversations.get(&prefix.conversation) else { return Ok(()) };
        let session = open.shared.state.lock().session.clone();
        let (Some(link), Some(session)) = (open.links.get(&prefix.reference), session) else { return Ok(()) };
        if let Target::One(item) = &link.target
            && session.item(index).is_none_or(|(name, _)| *name != **item)
        {
            return Err(Lost::Malformed(format!("item `{item}` is said to have index {index}, and has not")));
        }
        let holds = credit.as_ref().and_then(|credit| credit.holds.as_ref()).map_or(0, |holds| holds.len());
        if link.is_tracked() != credit.is_some() || holds != link.samples as usize {
            return Err(Lost::Malformed("a link that is tracked otherwise than it was advised".to_owned()));
        }
        if holds > 0 && !session.pooled {
            return Err(Lost::Malformed("holds of values that lie in their slots".to_owned()));
        }
        if holds > 0 && session.conversion.is_some() {
            // What has to be converted is a copy. The service is not to keep anything for a link that reads nothing.
            let reason = "its publisher has another version of the message type, so its values have to be converted and cannot \
                 be held; advise with `hot`";
            link.refuse(Error::Refused {
                service: self.service.clone(),
                verb: "advise on",
                what: format!("{}/{}", open.shared.address(), link.target),
                code: 0,
                reason: reason.to_owned(),
            });
            self.send(prefix.conversation, prefix.reference, &Unadvise {});
            return Ok(());
        }
        link.attach(Attachment::Attached { session, index, credit });
        step!(Attached);
        if let Phase::Open { connection, .. } = &mut self.phase {
            self.doorbells.attend(connection, prefix.conversation, link);
        }
        Ok(())
    }
}

impl From<OpenError> for Lost {
    /// What a peer sent cannot be had: by its fault, or for want of something here.
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Broken(detail) => Lost::Malformed(detail),
            OpenError::Os(error) => Lost::Starved(error.to_string()),
        }
    }
}
