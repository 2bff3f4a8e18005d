//! What a client asks besides conversations and links.

use std::sync::Arc;

use crossbeam::channel::Sender;

use crate::client::conversation::ConversationShared;
use crate::discovery::TopicInfo;
use crate::error::{Error, Result};
use crate::name;
use crate::tasks::Answer;
use crate::wire::{Connection, Find, Lost, NameText, NextTopic};

/// More topics than any service has: an end to the questions that a hostile one could make us ask.
const MAX_TOPICS: usize = 1 << 16;

/// A question, with where its answer goes.
#[derive(Debug)]
pub(crate) enum Question {
    /// Whether an item exists.
    Find { conversation: Arc<ConversationShared>, item: String, answer: Answer<Result<()>> },
    /// All topics; they come one by one, in the order of their names.
    Topics { found: Vec<TopicInfo>, answer: Sender<Result<Vec<TopicInfo>>> },
}

impl Question {
    /// Asks it, or asks on.
    pub(super) fn ask(&self, connection: &mut Connection, reference: u64) {
        match self {
            Question::Find { conversation, item, .. } => {
                connection.send(conversation.number, reference, &Find { item: NameText::truncated(item) });
            }
            Question::Topics { found, .. } => {
                let after = found.last().map_or("", |last| &last.topic);
                connection.send(0, reference, &NextTopic { after: NameText::truncated(after) });
            }
        }
    }

    /// Answers it with an error.
    pub(super) fn fail(self, error: Error) {
        // Whoever asked may have given up.
        match self {
            Question::Find { answer, .. } => answer.send(Err(error)),
            Question::Topics { answer, .. } => drop(answer.send(Err(error))),
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
