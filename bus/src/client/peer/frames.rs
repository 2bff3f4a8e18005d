//! What a service sends to its clients.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use super::{Over, Peer, Phase, Question, advise, connect, fail};
use crate::access::{self, Verbs};
use crate::client::conversation::{ConversationShared, State, Status};
use crate::client::credit_memory::{Credit, CreditMemory};
use crate::client::lanes::ClientLane;
use crate::client::link_state::{Attachment, Target};
use crate::client::session::{Session, Unusable};
use crate::discovery::TopicInfo;
use crate::error::{Ended, Error, Result};
use crate::message::{Fingerprint, Unconvertible};
use crate::segment::{OpenError, SegmentView, pool};
use crate::server::system::is_reserved;
use crate::sync::step;
use crate::wire::{
    self, Close, Connect, Decline, Declined, Farewell, FromService, Granted, LaneMade, Lost, Malformed,
    NEWEST_VERSION, NameText, OLDEST_VERSION, Prefix, Refusal, Unadvise, Unsupported,
};

/// Frames of one service that are handled before it is another's turn.
const FRAMES_A_TURN: usize = 256;

impl Peer {
    pub(super) fn receive(&mut self) -> Result<(), Lost> {
        for _ in 0..FRAMES_A_TURN {
            let (Phase::Greeting { connection, .. } | Phase::Open { connection, .. }) = &mut self.phase
            else {
                break;
            };
            connection.flush();
            let Some(incoming) = connection.receive()? else { break };
            let malformed = |malformed: Malformed| Lost::Malformed(malformed.to_string());
            let (prefix, frame) = FromService::decode(&incoming.bytes).map_err(malformed)?;
            wire::check_descriptors(&frame, &incoming.fds).map_err(malformed)?;
            self.handle(prefix, frame, &incoming.fds)?;
        }
        Ok(())
    }

    fn handle(&mut self, prefix: Prefix, frame: FromService, fds: &[OwnedFd]) -> Result<(), Lost> {
        match (&self.phase, frame, fds) {
            (_, FromService::Goodbye(goodbye), _) => {
                self.farewell = Some(match goodbye.farewell {
                    Farewell::Closed => Ended::Closed,
                    Farewell::Evicted => Ended::Evicted(printable(&goodbye.reason)),
                    Farewell::Denied => Ended::Denied(printable(&goodbye.reason)),
                });
                Err(Lost::Ended)
            }
            (Phase::Greeting { .. }, FromService::Welcome(welcome), _) => {
                self.epoch = welcome.epoch;
                self.welcomed();
                Ok(())
            }
            (Phase::Greeting { .. }, FromService::Unsupported(theirs), _) => {
                self.unsupported(theirs);
                Err(Lost::Ended)
            }
            (&Phase::Open { pid, .. }, FromService::Segment(segment), [memory, bells]) => {
                self.segment(pid, prefix.conversation, segment.index, segment.of, memory, bells)
            }
            (Phase::Open { .. }, FromService::Pool(pool), [memory]) => {
                self.pool(prefix.conversation, pool.index, memory)
            }
            (Phase::Open { .. }, FromService::Credits(credits), [memory]) => {
                self.credits(credits.index, memory)
            }
            (Phase::Open { .. }, FromService::Located(located), _) => {
                self.located(prefix, located.index, None)
            }
            (Phase::Open { .. }, FromService::Granted(granted), _) => {
                let credit = self.credit(&granted)?;
                step!(GrantTaken);
                self.located(prefix, granted.index, Some(credit))
            }
            (Phase::Open { .. }, FromService::Revoked(revoked), _) => {
                let open = self.conversations.get_mut(&prefix.conversation);
                // It may have been closed on this side while the frame was on its way.
                if let Some(link) = open.and_then(|open| open.links.remove(&prefix.reference)) {
                    link.revoke(printable(&revoked.reason));
                    self.sleepers.push(link);
                }
                Ok(())
            }
            (Phase::Open { .. }, FromService::Refused(refused), _) => {
                self.refused(prefix, refused.refusal, &printable(&refused.reason));
                Ok(())
            }
            (Phase::Open { .. }, FromService::Declined(declined), _) => {
                self.declined(prefix.conversation, &declined);
                Ok(())
            }
            (Phase::Open { .. }, FromService::Ended(ended), _) => {
                let reason = Ended::Evicted(printable(&ended.reason));
                self.end(prefix.conversation, Over::InThisLife(self.epoch), &reason);
                Ok(())
            }
            (Phase::Open { .. }, FromService::DoorbellRefused(refused), _) => {
                self.doorbells.refused(refused.number);
                Ok(())
            }
            (Phase::Open { .. }, FromService::Opened(_), _) => self.opened(prefix.conversation),
            (&Phase::Open { pid, .. }, FromService::LaneMade(made), [lane, inbox]) => {
                self.lane_made(prefix, pid, &made, [lane, inbox])
            }
            (Phase::Open { .. }, FromService::Answered(answered), _) => {
                if let Some(open) = self.conversations.get(&prefix.conversation) {
                    open.shared.lanes.wake(prefix.reference, answered.cell);
                }
                Ok(())
            }
            (Phase::Open { .. }, FromService::OfferEntry(entry), _) => {
                let Some(question) = self.questions.get_mut(&prefix.reference) else { return Ok(()) };
                question.add_offer(entry)?;
                if let Phase::Open { connection, .. } = &mut self.phase {
                    question.ask(connection, prefix.reference);
                }
                Ok(())
            }
            (Phase::Open { .. }, FromService::NoMoreOffers(_), _) => {
                if let Some(Question::Offers { found, answer, .. }) = self.questions.remove(&prefix.reference)
                {
                    answer.send(Ok(found));
                }
                Ok(())
            }
            (Phase::Open { .. }, FromService::TopicEntry(entry), _) => {
                let topic = TopicInfo {
                    service: self.service.clone(),
                    topic: entry.name.to_string(),
                    type_name: printable(&entry.type_name),
                    fingerprint: Fingerprint::from_words(entry.fingerprint),
                    items: entry.items,
                };
                self.another_topic(prefix.reference, topic)
            }
            (Phase::Open { .. }, FromService::NoMoreTopics(_), _) => {
                if let Some(Question::Topics { found, answer }) = self.questions.remove(&prefix.reference) {
                    answer.send(Ok(found));
                }
                Ok(())
            }
            (_, frame, _) => Err(Lost::Malformed(format!("a frame that does not belong here: {frame:?}"))),
        }
    }

    /// Opens every conversation and asks every question on the new connection.
    fn welcomed(&mut self) {
        self.phase = match core::mem::replace(&mut self.phase, Phase::Absent) {
            Phase::Greeting { connection, pid } => Phase::Open { connection, pid },
            other => other,
        };
        if let Phase::Open { connection, pid } = &mut self.phase {
            tracing::debug!(service = self.service, pid, "connected");
            let epoch = self.epoch;
            let wanted = self.conversations.values().filter(|open| !open.is_over(epoch));
            wanted.for_each(|open| connect(connection, &open.shared));
            self.questions.iter().for_each(|(&reference, question)| question.ask(connection, reference));
        }
    }

    fn unsupported(&mut self, theirs: Unsupported) {
        let service = self.service.clone();
        let why = || Error::Version {
            service: service.clone(),
            ours_min: OLDEST_VERSION,
            ours_max: NEWEST_VERSION,
            theirs_min: theirs.oldest,
            theirs_max: theirs.newest,
        };
        // Waiting does not help: fail those that wait too.
        self.conversations.values().for_each(|open| fail(&open.shared, &why));
        self.fail_all(Some(why().to_string()), why);
    }

    /// Takes a segment; when a session has all, the conversation is live.
    fn segment(
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
    fn live(&mut self, conversation: &Arc<ConversationShared>, session: Arc<Session>) {
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
    fn opened(&mut self, number: u64) -> Result<(), Lost> {
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

    /// The connect hook says no.
    fn declined(&mut self, number: u64, declined: &Declined) {
        // It may have been closed on this side while the frame was on its way.
        let Some(open) = self.conversations.get(&number) else { return };
        let reason = printable(&declined.reason);
        let error = || {
            let (service, what, verb) = (self.service.clone(), open.shared.address(), "connect to");
            match declined.decline {
                Decline::Refused => {
                    Error::Refused { service, verb, what, code: declined.code, reason: reason.clone() }
                }
                Decline::Busy => {
                    let retry_after = Duration::from_nanos(declined.retry_after);
                    Error::Busy { service, verb, what, retry_after }
                }
                Decline::Failed => Error::Failed { service, verb, what, detail: reason.clone() },
            }
        };
        refuse(&open.shared, &error);
    }

    /// Maps a lane.
    fn lane_made(
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
        let Question::Lane { conversation, answer, .. } = question else { return Ok(()) };
        // It may have been closed on this side meanwhile; then nobody ends what is begun by it.
        if self.conversations.contains_key(&conversation.number) {
            conversation.lanes.add(lane.clone());
            answer.send(Ok(lane));
        }
        Ok(())
    }

    /// Maps memory for the credit of tracked links.
    fn credits(&mut self, index: u32, memory: &OwnedFd) -> Result<(), Lost> {
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
    fn credit(&self, granted: &Granted) -> Result<Credit, Lost> {
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
    fn pool(&mut self, number: u64, index: u32, memory: &OwnedFd) -> Result<(), Lost> {
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

    fn located(&mut self, prefix: Prefix, index: u32, credit: Option<Credit>) -> Result<(), Lost> {
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

    fn refused(&mut self, prefix: Prefix, refusal: Refusal, reason: &str) {
        let service = self.service.clone();
        let error = |conversation: &ConversationShared, verb, what: String| match refusal {
            Refusal::NoSuchTopic => {
                Error::NoSuchTopic { service: service.clone(), topic: conversation.topic.clone() }
            }
            Refusal::NoSuchItem => conversation.no_such_item(&what),
            Refusal::NotSupported => {
                let supported = reason.to_owned();
                Error::NotSupported { service: service.clone(), verb, what, supported }
            }
            Refusal::Denied => {
                let needed = needed(conversation, verb);
                let what = within(conversation, verb, what);
                let uid = rustix::process::geteuid().as_raw();
                Error::Denied { service: service.clone(), verb, what, uid, needed, reason: reason.to_owned() }
            }
            Refusal::TooMany | Refusal::NotGranted => {
                let what = within(conversation, verb, what);
                Error::Refused { service: service.clone(), verb, what, code: 0, reason: reason.to_owned() }
            }
        };
        match self.questions.remove(&prefix.reference) {
            Some(Question::Find { conversation, item, answer }) => {
                return answer.send(Err(error(&conversation, "find", item)));
            }
            Some(Question::Lane { conversation, asked, answer, .. }) => {
                let (_, verb, what) = asked.parts();
                return answer.send(Err(error(&conversation, verb, what)));
            }
            // Whoever asked gets no answer, where none of these belongs to it.
            Some(Question::Offers { .. } | Question::Topics { .. }) | None => {}
        }
        let Some(open) = self.conversations.get(&prefix.conversation) else { return };
        let conversation = &open.shared;
        match open.links.get(&prefix.reference) {
            Some(link) => link.refuse(error(conversation, "advise on", link.target.to_string())),
            // A link that was closed meanwhile, or the conversation itself.
            None if prefix.reference != 0 => {}
            None if conversation.listed && refusal == Refusal::NoSuchTopic && !open.waits => {
                let number = prefix.conversation;
                self.wait_for_topic(number);
            }
            None => refuse(conversation, &|| error(conversation, "connect to", conversation.address())),
        }
    }

    /// A conversation of a list knows now that its topic is not there, and waits for it.
    fn wait_for_topic(&mut self, number: u64) {
        let (Some(open), Phase::Open { connection, pid }) =
            (self.conversations.get_mut(&number), &mut self.phase)
        else {
            return;
        };
        let pid = *pid;
        open.waits = true;
        open.shared.state.update(|state| {
            // One that was live before stays at what it was told then.
            if let Status::Absent | Status::Unanswered { .. } = state.status {
                state.status = Status::WithoutTopic { pid };
            }
        });
        let topic = NameText::truncated(&open.shared.topic);
        connection.send(number, 0, &Connect { topic, wait: true });
    }

    fn another_topic(&mut self, reference: u64, topic: TopicInfo) -> Result<(), Lost> {
        let Some(question) = self.questions.get_mut(&reference) else { return Ok(()) };
        question.add(topic)?;
        if let Phase::Open { connection, .. } = &mut self.phase {
            question.ask(connection, reference);
        }
        Ok(())
    }
}

/// What a question is about, for an error.
fn within(conversation: &ConversationShared, verb: &str, what: String) -> String {
    match verb {
        "find" | "advise on" => format!("{}/{what}", conversation.address()),
        _ => what,
    }
}

/// What is needed for what was denied.
fn needed(conversation: &ConversationShared, verb: &str) -> Verbs {
    match verb {
        "connect to" if is_reserved(&conversation.topic) => Verbs::OBSERVE,
        "connect to" => Verbs::CONNECT,
        "poke" | "execute" | "request" => access::needed_to(verb),
        // Who may read is only denied what holds the publisher up.
        "advise on" if conversation.state.lock().session.is_some() => Verbs::TRACK,
        _ => Verbs::READ,
    }
}

/// Fails a conversation that was never live, and says of one that was that the service came back without it.
fn refuse(conversation: &ConversationShared, why: &dyn Fn() -> Error) {
    fail(conversation, why);
    let is_back =
        |status: &Status| matches!(status, Status::Ended(reason) if !matches!(reason, Ended::Refused(_)));
    if is_back(&conversation.state.lock().status) {
        let reason = Ended::Refused(why().to_string());
        conversation.state.update(|state| state.status = Status::Ended(reason));
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

/// A peer's text, fit for an error message: without control characters.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

/// Fails a conversation whose topic carries another type that is no other version of ours, or keeps it stale if it was live before, for the
/// reason returned.
fn mismatch(
    conversation: &ConversationShared,
    there: Fingerprint,
    why: Result<Box<Unconvertible>, String>,
) -> Option<Ended> {
    let error = match why {
        Ok(why) => Error::TypeMismatch {
            service: conversation.service.clone(),
            topic: conversation.topic.clone(),
            here: conversation.expected.fingerprint,
            there,
            difference: Box::new(why.difference),
            reasons: why.reasons.into(),
        },
        Err(detail) => Error::Protocol {
            peer: format!("service `{}`", conversation.service),
            detail: format!("the schema of topic `{}` cannot be read: {detail}", conversation.topic),
        },
    };
    tracing::warn!(service = conversation.service, topic = conversation.topic, "type mismatch");
    conversation.state.update(|state| {
        let reason = state.session.is_some().then(|| Ended::Changed(error.to_string()));
        state.status = reason.clone().map_or_else(|| Status::Failed(Some(error)), Status::Ended);
        reason
    })
}
