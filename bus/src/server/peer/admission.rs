//! How conversations of one client begin and end: who is let in, and who is shown out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::conversation::{Conversation, OpenLanes};
use super::links::LinkKind;
use super::{AwaitedTopic, MAX_CONVERSATIONS, MAX_WAITING, Peer};
use crate::access::Verbs;
use crate::error::Ended;
use crate::server::hook::{ConnectRequest, Verdict};
use crate::server::shared::TopicShared;
use crate::server::system::event::{TraceEvent, TraceKind};
use crate::server::system::{self, Looking};
use crate::server::tracked::Enrolment;
use crate::server::transactions::counterpart::{Counterpart, Gate};
use crate::server::transactions::refusal::Refusal as HookRefusal;
use crate::sys::socket::Credentials;
use crate::wire::{self, Connect, Decline, Declined, Opened, Prefix, ReasonText, Refusal, Refused};

impl Peer {
    pub(super) fn connect(&mut self, prefix: Prefix, connect: &Connect) {
        let conversation = prefix.conversation;
        let (open, asking) = (self.conversations.len() + self.expelled.len(), self.asking.len());
        if open + asking + self.connecting.len() >= MAX_CONVERSATIONS {
            return self.refuse_conversation(prefix, connect, Refusal::TooMany, "too many conversations");
        }
        if connect.topic.is_empty() {
            return self.admit(conversation, self.service.whole.clone());
        }
        let of_system = [system::NAME, system::TRACE].contains(&&*connect.topic);
        // Before anything is made or told for it.
        if of_system && !self.service.may_observe(&self.client, &self.groups) {
            return self.turn_down(conversation, &connect.topic);
        }
        if !of_system && let Some(topic) = self.service.topic(&connect.topic) {
            return self.admit(conversation, topic);
        }
        if !connect.wait && !of_system {
            return self.refuse_conversation(prefix, connect, Refusal::NoSuchTopic, "there is no such topic");
        }
        if self.waiting.count >= MAX_WAITING {
            let reason = "too many unanswered questions";
            return self.refuse_conversation(prefix, connect, Refusal::TooMany, reason);
        }
        if of_system {
            return self.await_texts(conversation, &connect.topic, None);
        }
        self.waiting.begin();
        match self.service.topic(&connect.topic) {
            Some(topic) => {
                self.waiting.end(1);
                self.admit(conversation, topic);
            }
            None => {
                let awaited = AwaitedTopic { name: (*connect.topic).into(), granted: None };
                self.connecting.insert(conversation, awaited);
            }
        }
    }

    /// Has a conversation with what the service tells of itself answered when that is as of now, in the next turn; `granted` is what
    /// it may do, where it has been let in.
    fn await_texts(&mut self, conversation: u64, topic: &str, granted: Option<Verbs>) {
        self.waiting.begin();
        self.connecting.insert(conversation, AwaitedTopic { name: topic.into(), granted });
        self.service.system.ask(topic);
        self.service.waker.wake();
    }

    /// Denies a conversation with a topic.
    fn turn_down(&mut self, conversation: u64, topic: &str) {
        self.tell_refused(topic, 0, "no access list lets it");
        let needed = if system::is_reserved(topic) { Verbs::OBSERVE } else { Verbs::CONNECT };
        self.deny(Prefix::of(conversation, 0), needed);
    }

    pub(super) fn refuse_conversation(
        &mut self,
        prefix: Prefix,
        connect: &Connect,
        refusal: Refusal,
        reason: &str,
    ) {
        self.tell_refused(&connect.topic, 0, reason);
        self.refuse(prefix, refusal, reason);
    }

    /// Tells spies of a conversation that does not come to be.
    pub(crate) fn tell_refused(&self, topic: &str, code: u32, reason: &str) {
        let refused = || TraceEvent::new(TraceKind::ConversationRefused, self.pid).of(0, topic);
        self.service.trace(|| TraceEvent { code, ..refused().because(reason) });
    }

    /// Tells those that wait for a topic that it will not come.
    pub(crate) fn turn_away(&mut self, topic: &str, reason: &str) {
        let waiting = self.connecting.iter().filter(|(_, awaited)| *awaited.name == *topic);
        let conversations: Vec<u64> = waiting.map(|(&conversation, _)| conversation).collect();
        for conversation in conversations {
            self.connecting.remove(&conversation);
            self.waiting.end(1);
            self.tell_refused(topic, 0, reason);
            let refused = Refused { refusal: Refusal::TooMany, reason: ReasonText::truncated(reason) };
            self.connection.send(conversation, 0, &refused);
        }
    }

    /// Opens a conversation with a topic that is there, if its client may, and the hook has nothing against it.
    pub(super) fn admit(&mut self, conversation: u64, topic: Arc<TopicShared>) {
        let granted = self.service.granted(&self.client, &self.groups, &topic);
        if granted.is_empty() {
            return self.turn_down(conversation, &topic.name);
        }
        let Some(hook) = self.service.hook.get() else {
            return self.accept(conversation, topic, granted);
        };
        let Credentials { pid, uid, gid } = self.client;
        let request =
            ConnectRequest { pid, uid, gid, groups: self.groups.clone(), topic: topic.name.clone() };
        let ticket = hook.ask(self.id, conversation, request);
        self.asking.insert(conversation, (ticket, topic, granted));
    }

    /// A conversation that is not open yet is no longer wanted.
    pub(super) fn give_up(&mut self, conversation: u64) {
        if self.connecting.remove(&conversation).is_some() {
            self.waiting.end(1);
        }
        if let Some((ticket, ..)) = self.asking.remove(&conversation)
            && let Some(hook) = self.service.hook.get()
        {
            hook.withdraw(self.id, ticket);
        }
    }

    /// Does as the hook says.
    pub(crate) fn judge(&mut self, verdict: Verdict) {
        let Verdict { conversation, ticket, outcome, .. } = verdict;
        if self.asking.get(&conversation).is_none_or(|(asked, ..)| *asked != ticket) {
            return;
        }
        let Some((_, topic, granted)) = self.asking.remove(&conversation) else { return };
        let (decline, code, retry_after, reason) = match outcome {
            // However long the hook took, what is told is as of now.
            Ok(()) if system::is_reserved(&topic.name) => {
                return self.await_texts(conversation, &topic.name, Some(granted));
            }
            Ok(()) => return self.accept(conversation, topic, granted),
            Err(HookRefusal::NoSuchItem) => {
                self.tell_refused(&topic.name, 0, "the connect hook says that there is no such topic");
                let prefix = Prefix::of(conversation, 0);
                return self.refuse(prefix, Refusal::NoSuchTopic, "there is no such topic");
            }
            Err(HookRefusal::Refused { code, reason }) => (Decline::Refused, code, 0, reason),
            Err(HookRefusal::Busy { retry_after }) => {
                let after = u64::try_from(retry_after.as_nanos()).unwrap_or(u64::MAX);
                (Decline::Busy, 0, after, String::new())
            }
            Err(HookRefusal::Failed { detail }) => (Decline::Failed, 0, 0, detail),
        };
        let told = match decline {
            Decline::Busy => format!("the connect hook: again after {:?}", Duration::from_nanos(retry_after)),
            _ => format!("the connect hook: {reason}"),
        };
        self.tell_refused(&topic.name, code, &told);
        tracing::debug!(pid = self.pid, topic = topic.name, reason, "declined by the hook");
        let reason = ReasonText::truncated(&reason);
        let declined = Declined { retry_after, code, decline, reserved: [0; 4], reason };
        self.connection.send(conversation, 0, &declined);
    }

    pub(super) fn accept(&mut self, conversation: u64, topic: Arc<TopicShared>, granted: Verbs) {
        tracing::debug!(pid = self.pid, topic = topic.name, "conversation opened");
        let service = self.service.clone();
        let counterpart = service.transactions.add_counterpart(|number| Counterpart {
            number,
            peer: self.id,
            client: self.client,
            reference: conversation,
            topic: topic.clone(),
            socket: Arc::downgrade(&self.connection.socket()),
            doorbells: Arc::downgrade(self.doorbells.hung()),
            gate: Gate::default(),
            granted,
        });
        service.listeners.opened(&counterpart);
        let has_memory = !topic.name.is_empty() && granted.contains(Verbs::READ);
        let looking = Looking::at(&self.service, &topic.name);
        self.service.system.touch();
        if topic.name != system::TRACE {
            let number = counterpart.number;
            let opened = || TraceEvent::new(TraceKind::ConversationOpened, self.pid).of(number, &topic.name);
            self.service.trace(opened);
        }
        let open = Conversation {
            transactions: OpenLanes { service, counterpart, lanes: HashMap::new() },
            // Before any link of it is looked up.
            items_seen: topic.item_count(),
            topic,
            segments_sent: 0,
            pools_sent: 0,
            links: HashMap::new(),
            subjects: HashMap::new(),
            locating: HashMap::new(),
            _looking: looking,
        };
        self.conversations.insert(conversation, open);
        if has_memory {
            self.send_segments(conversation);
        } else {
            self.connection.send(conversation, 0, &Opened {});
        }
    }

    /// Ends a conversation, if it still is the one of this number.
    pub(crate) fn expel(&mut self, number: u64, conversation: u64, reason: &str) {
        let is_it = |open: &Conversation| open.transactions.counterpart.number == number;
        if !self.conversations.get(&conversation).is_some_and(is_it) {
            return;
        }
        tracing::info!(pid = self.pid, conversation, reason, "conversation evicted");
        self.end(conversation, &Ended::Evicted(reason.to_owned()));
        self.connection.send(conversation, 0, &wire::Ended { reason: ReasonText::truncated(reason) });
    }

    /// Ends a conversation, but for what its links hold: that stays until its client closes them.
    pub(super) fn end(&mut self, conversation: u64, reason: &Ended) {
        let Some(gone) = self.conversations.remove(&conversation) else { return };
        self.service.system.touch();
        gone.tell_closed(self.pid, &reason.to_string());
        self.doorbells.close(conversation);
        self.waiting.end(gone.locating.len());
        self.links -= gone.links.len();
        let kept = |(number, link)| match link {
            LinkKind::Tracked { place, holds, link, enrolment } => {
                let enrolment = enrolment.filter(|_| holds.is_some()).map(Enrolment::hold_only);
                Some((number, LinkKind::Tracked { place, holds, link, enrolment }))
            }
            _ => None,
        };
        let kept: HashMap<u64, LinkKind> = gone.links.into_iter().filter_map(kept).collect();
        if !kept.is_empty() {
            self.links += kept.len();
            self.expelled.insert(conversation, kept);
        }
        gone.transactions.end(reason);
    }
}
