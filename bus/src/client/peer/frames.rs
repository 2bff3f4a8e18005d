//! What a service sends to its clients.

use std::os::fd::OwnedFd;

use super::{Over, Peer, Phase, Question, connect, fail};
use crate::discovery::TopicInfo;
use crate::error::{Ended, Error, Result};
use crate::message::Fingerprint;
use crate::sync::step;
use crate::wire::{
    self, Farewell, FromService, Lost, Malformed, NEWEST_VERSION, OLDEST_VERSION, Prefix, Unsupported,
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

    fn another_topic(&mut self, reference: u64, topic: TopicInfo) -> Result<(), Lost> {
        let Some(question) = self.questions.get_mut(&reference) else { return Ok(()) };
        question.add(topic)?;
        if let Phase::Open { connection, .. } = &mut self.phase {
            question.ask(connection, reference);
        }
        Ok(())
    }
}

/// A peer's text, fit for an error message: without control characters.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(crate::printable::printable).collect()
}
