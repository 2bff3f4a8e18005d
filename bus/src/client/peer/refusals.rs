//! What a service says no to, and what becomes of who asked.

use std::time::Duration;

use super::frames::printable;
use super::questions::Asker;
use super::{Peer, Phase, Question, fail};
use crate::access::Verbs;
use crate::client::conversation_state::{ConversationShared, Status};
use crate::error::{Ended, Error};
use crate::message::{Fingerprint, Unconvertible};
use crate::server::system::is_reserved;
use crate::wire::{Connect, Decline, Declined, NameText, Prefix, Refusal};

impl Peer {
    /// The connect hook says no.
    pub(super) fn declined(&mut self, number: u64, declined: &Declined) {
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
        // Whoever waits for it, or had it, has nobody who would ask again.
        let again = open.shared.wait || open.shared.ended().is_some();
        if declined.decline == Decline::Busy && again {
            let (retry_after, busy) = (Duration::from_nanos(declined.retry_after), error());
            return self.postpone(number, retry_after, &busy);
        }
        refuse(&open.shared, &error);
    }

    pub(super) fn refused(&mut self, prefix: Prefix, refusal: Refusal, reason: &str) {
        let service = self.service.clone();
        let error = |conversation: &ConversationShared, needed, verb, what: String| match refusal {
            Refusal::NoSuchTopic => {
                Error::NoSuchTopic { service: service.clone(), topic: conversation.topic.clone() }
            }
            Refusal::NoSuchItem => conversation.no_such_item(&what),
            Refusal::NotSupported => {
                let supported = reason.to_owned();
                Error::NotSupported { service: service.clone(), verb, what, supported }
            }
            Refusal::Denied => {
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
                return answer.send(Err(error(&conversation, Verbs::READ, "find", item)));
            }
            Some(Question::Lane { conversation, askers, .. }) => {
                return askers.into_iter().for_each(|Asker { asked, answer }| {
                    let (_, verb, what) = asked.parts();
                    answer.send(Err(error(&conversation, asked.kind.needed(), verb, what)));
                });
            }
            Some(Question::Offers { conversation, answer, .. }) => {
                return answer.send(Err(error(&conversation, Verbs::EXECUTE, "list", "commands".to_owned())));
            }
            // Whoever asked gets no answer, where it does not belong to that.
            Some(Question::Topics { .. }) | None => {}
        }
        let Some(open) = self.conversations.get(&prefix.conversation) else { return };
        let conversation = &open.shared;
        match open.links.get(&prefix.reference) {
            Some(link) => {
                // Who may read is only denied what holds the publisher up.
                let reads = conversation.state.lock().session.is_some();
                let needed = if reads { Verbs::TRACK } else { Verbs::READ };
                link.refuse(error(conversation, needed, "advise on", link.target.to_string()));
            }
            // A link that was closed meanwhile, or the conversation itself.
            None if prefix.reference != 0 => {}
            None if conversation.listed && refusal == Refusal::NoSuchTopic && !open.waits => {
                let number = prefix.conversation;
                self.wait_for_topic(number);
            }
            None => {
                let needed = if is_reserved(&conversation.topic) { Verbs::OBSERVE } else { Verbs::CONNECT };
                refuse(conversation, &|| error(conversation, needed, "connect to", conversation.address()));
            }
        }
    }

    /// A conversation of a list knows now that its topic is not there, and waits for it.
    pub(super) fn wait_for_topic(&mut self, number: u64) {
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
}

/// What a question is about, for an error.
fn within(conversation: &ConversationShared, verb: &str, what: String) -> String {
    match verb {
        "find" | "advise on" => format!("{}/{what}", conversation.address()),
        _ => what,
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

/// Fails a conversation whose topic carries another type that is no other version of ours, or keeps it stale if it was live before, for the
/// reason returned.
pub(super) fn mismatch(
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
