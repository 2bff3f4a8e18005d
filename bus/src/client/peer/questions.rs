//! What a client asks besides conversations and links.

use std::sync::Arc;

use crate::client::conversation_state::ConversationShared;
use crate::client::lanes::ClientLane;
use crate::client::pending::Asked;
use crate::discovery::TopicInfo;
use crate::error::{Error, Result};
use crate::name;
use crate::tasks::Answer;
use crate::wire::{Connection, Find, Lost, NameText, NextOffer, NextTopic, OfferEntry, OpenLane};

/// More commands, or formats, than any service has, likewise.
const MAX_OFFERS: usize = 1 << 16;
/// More topics than any service has: an end to the questions that a hostile one could make us ask.
const MAX_TOPICS: usize = 1 << 16;

/// A question, with where its answer goes.
#[derive(Debug)]
pub(crate) enum Question {
    /// Whether an item exists.
    Find { conversation: Arc<ConversationShared>, item: String, answer: Answer<Result<()>> },
    /// A lane, for all who want such a one: it is asked for once, however many they are, and however often they ask while the
    /// service is stopped.
    Lane { conversation: Arc<ConversationShared>, room: (u32, u32), offer: u64, askers: Vec<Asker> },
    /// All commands, or all formats of the conversation's topic; they come one by one.
    Offers {
        conversation: Arc<ConversationShared>,
        formats: bool,
        found: Vec<OfferEntry>,
        answer: Answer<Result<Vec<OfferEntry>>>,
    },
    /// All topics; they come one by one, in the order of their names.
    Topics { found: Vec<TopicInfo>, answer: Answer<Result<Vec<TopicInfo>>> },
}

/// Who wants a lane: what for, and where the answer goes.
#[derive(Debug)]
pub(crate) struct Asker {
    pub(crate) asked: Asked,
    pub(crate) answer: Answer<Result<Arc<ClientLane>>>,
}

impl Question {
    /// Where it is for the lane that `other` is for, has that answer both; otherwise gives `other` back.
    pub(super) fn join(&mut self, other: Question) -> Option<Question> {
        match (self, other) {
            (
                Question::Lane { conversation, room, offer, askers },
                Question::Lane { conversation: of, room: same, offer: likewise, askers: more },
            ) if conversation.number == of.number && *room == same && *offer == likewise => {
                // Those that have given up make room first.
                askers.retain(|asker| !asker.answer.is_abandoned());
                askers.extend(more);
                None
            }
            (_, other) => Some(other),
        }
    }

    /// Asks it, or asks on.
    pub(super) fn ask(&self, connection: &mut Connection, reference: u64) {
        match self {
            Question::Find { conversation, item, .. } => {
                connection.send(conversation.number, reference, &Find { item: NameText::truncated(item) });
            }
            Question::Lane { conversation, room: (request, reply), offer, .. } => {
                let open = OpenLane { request: *request, reply: *reply, offer: *offer };
                connection.send(conversation.number, reference, &open);
            }
            Question::Offers { conversation, formats, found, .. } => {
                let next = NextOffer { index: found.len() as u32, formats: *formats, reserved: [0; 3] };
                connection.send(conversation.number, reference, &next);
            }
            Question::Topics { found, .. } => {
                let after = found.last().map_or("", |last| &last.topic);
                connection.send(0, reference, &NextTopic { after: NameText::truncated(after) });
            }
        }
    }

    /// Whose question it is, if it is not about the service as such.
    pub(super) fn conversation(&self) -> Option<&Arc<ConversationShared>> {
        match self {
            Question::Find { conversation, .. }
            | Question::Lane { conversation, .. }
            | Question::Offers { conversation, .. } => Some(conversation),
            Question::Topics { .. } => None,
        }
    }

    /// Whether nobody wants the answer any longer, and nothing else comes of it.
    pub(super) fn is_abandoned(&self) -> bool {
        matches!(self, Question::Topics { answer, .. } if answer.is_abandoned())
    }

    /// Answers it with an error.
    pub(super) fn fail(self, why: impl Fn() -> Error) {
        // Whoever asked may have given up.
        match self {
            Question::Find { answer, .. } => answer.send(Err(why())),
            Question::Lane { askers, .. } => askers.into_iter().for_each(|of| of.answer.send(Err(why()))),
            Question::Offers { answer, .. } => answer.send(Err(why())),
            Question::Topics { answer, .. } => answer.send(Err(why())),
        }
    }

    /// Adds a command, or a format, that the service named.
    pub(super) fn add_offer(&mut self, entry: OfferEntry) -> Result<(), Lost> {
        match self {
            Question::Offers { found, .. } if found.len() < MAX_OFFERS => {
                found.push(entry);
                Ok(())
            }
            Question::Offers { .. } => Err(Lost::Malformed(format!("more than {MAX_OFFERS} commands"))),
            _ => Err(Lost::Malformed("a command where none was asked for".to_owned())),
        }
    }

    /// Adds a topic that the service named.
    pub(super) fn add(&mut self, topic: TopicInfo) -> Result<(), Lost> {
        let Question::Topics { found, .. } = self else {
            return Err(Lost::Malformed("a topic where none was asked for".to_owned()));
        };
        let in_order = found.last().is_none_or(|last| last.topic < topic.topic);
        if name::check("topic", &topic.topic).is_err() || !in_order || found.len() >= MAX_TOPICS {
            let detail = format!("topic {:?} after {} others", topic.topic, found.len());
            return Err(Lost::Malformed(detail));
        }
        found.push(topic);
        Ok(())
    }
}
