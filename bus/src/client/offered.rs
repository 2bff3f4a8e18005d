//! What a service can be asked for now, as it says: its commands, and the formats in which a topic's items are computed.
//!
//! It says so by its socket, from the library's own thread, so that a service whose handlers are busy answers too.

use super::control::Command as ControlCommand;
use super::conversation::{Conversation, DEFAULT_TIMEOUT};
use super::conversation_state::ConversationHandle;
use super::service::Client;
use crate::command::Command;
use crate::error::{Error, Result};
use crate::lane::Kind;
use crate::message::{Fingerprint, Message};
use crate::payload::Payload;
use crate::server::transactions::CommandInfo;
use crate::tasks::{Answer, Answered};
use crate::wire::OfferEntry;

/// A format in which a topic's items are computed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FormatInfo {
    /// Its message type's name.
    pub name: String,
    /// The type's fingerprint.
    pub fingerprint: Fingerprint,
}

impl Client {
    /// The commands that the service carries out now, by name.
    ///
    /// # Errors
    /// [`Error::Stale`] where the service is gone; [`Error::Timeout`] where it is stopped.
    pub fn commands(&self) -> Result<Vec<CommandInfo>> {
        self.handle.offers(false).map(commands)
    }

    /// As [`commands`](Self::commands), without blocking a thread.
    ///
    /// # Errors
    /// As [`commands`](Self::commands).
    pub async fn commands_async(&self) -> Result<Vec<CommandInfo>> {
        self.handle.offers_async(false).await.map(commands)
    }

    /// Makes sure that the service carries out `C` now, without executing one.
    ///
    /// # Errors
    /// [`Error::NotSupported`] with the commands that there are, or with what is another about the service's own command of
    /// this name; as [`commands`](Self::commands).
    pub fn require<C: Command>(&self) -> Result<()> {
        is_among::<C>(&self.commands()?, self.service())
    }

    /// As [`require`](Self::require), without blocking a thread.
    ///
    /// # Errors
    /// As [`require`](Self::require).
    pub async fn require_async<C: Command>(&self) -> Result<()> {
        is_among::<C>(&self.commands_async().await?, self.service())
    }
}

impl<T: Payload + ?Sized> Conversation<T> {
    /// The formats in which the service computes items of this topic, the richest first.
    ///
    /// # Errors
    /// [`Error::Stale`] where the service is gone; [`Error::Timeout`] where it is stopped.
    pub fn formats(&self) -> Result<Vec<FormatInfo>> {
        self.handle.offers(true).map(formats)
    }

    /// As [`formats`](Self::formats), without blocking a thread.
    ///
    /// # Errors
    /// As [`formats`](Self::formats).
    pub async fn formats_async(&self) -> Result<Vec<FormatInfo>> {
        self.handle.offers_async(true).await.map(formats)
    }
}

fn commands(entries: Vec<OfferEntry>) -> Vec<CommandInfo> {
    let info = |entry: OfferEntry| CommandInfo {
        name: entry.name.to_string(),
        fingerprint: Fingerprint::from_words(entry.fingerprint),
        reply: entry.reply.to_string(),
        reply_fingerprint: Fingerprint::from_words(entry.reply_fingerprint),
    };
    entries.into_iter().map(info).collect()
}

fn formats(entries: Vec<OfferEntry>) -> Vec<FormatInfo> {
    let info = |entry: OfferEntry| FormatInfo {
        name: entry.name.to_string(),
        fingerprint: Fingerprint::from_words(entry.fingerprint),
    };
    entries.into_iter().map(info).collect()
}

/// Whether `C` is among the commands of a service; otherwise why not.
fn is_among<C: Command>(commands: &[CommandInfo], service: &str) -> Result<()> {
    let reply = <C::Reply as Message>::TYPE.name();
    let is_command = |command: &CommandInfo| command.fingerprint == C::FINGERPRINT;
    let is_reply = |command: &CommandInfo| command.reply_fingerprint == <C::Reply as Message>::FINGERPRINT;
    if commands.iter().any(|command| is_command(command) && is_reply(command)) {
        return Ok(());
    }
    let name = C::TYPE.name();
    let supported = match commands.iter().find(|command| command.name == name) {
        Some(own) if is_command(own) && own.reply == reply => {
            format!("its own `{name}` is answered with another `{reply}` than this program's")
        }
        Some(own) if is_command(own) => {
            format!("its own `{name}` is answered with `{}`, and this program's with `{reply}`", own.reply)
        }
        Some(_) => format!("its own `{name}` has other fields than this program's"),
        None if commands.is_empty() => Kind::Execute.why_unsupported().to_owned(),
        None => {
            let names: Vec<_> = commands.iter().map(|command| format!("`{}`", command.name)).collect();
            format!("its commands are {}", names.join(", "))
        }
    };
    Err(Error::NotSupported {
        service: service.to_owned(),
        verb: "execute",
        what: name.to_owned(),
        supported,
    })
}

impl ConversationHandle {
    fn offers(&self, formats: bool) -> Result<Vec<OfferEntry>> {
        let answer = self.ask_for_offers(formats)?.wait(DEFAULT_TIMEOUT);
        answer.unwrap_or_else(|| Err(self.no_offers(formats)))
    }

    async fn offers_async(&self, formats: bool) -> Result<Vec<OfferEntry>> {
        let answer = self.ask_for_offers(formats)?.wait_async(self.bus.deadline(DEFAULT_TIMEOUT)).await;
        answer.unwrap_or_else(|| Err(self.no_offers(formats)))
    }

    fn ask_for_offers(&self, formats: bool) -> Result<Answered<Result<Vec<OfferEntry>>>> {
        let shared = &self.shared;
        if let Some(reason) = shared.ended() {
            return Err(shared.stale(reason));
        }
        let (answer, answered) = Answer::new();
        self.bus.command(ControlCommand::Offers { conversation: shared.clone(), formats, answer });
        Ok(answered)
    }

    #[cold]
    fn no_offers(&self, formats: bool) -> Error {
        Error::Timeout {
            verb: "list",
            what: if formats { self.shared.address() } else { self.shared.service.clone() },
            after: DEFAULT_TIMEOUT,
            hint: "the service does not answer; is its process stopped?".to_owned(),
        }
    }
}
