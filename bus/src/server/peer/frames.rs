//! What a client sends to its service.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::conversation::{Conversation, OpenLanes};
use super::{Peer, unexpected};
use crate::access::Verbs;
use crate::error::Ended;
use crate::lane::Kind;
use crate::server::doorbells::{Cause, NotHung};
use crate::server::shared::TopicShared;
use crate::server::system::event::TraceKind;
use crate::server::transactions::lane::ServedLane;
use crate::sync::step;
use crate::wire::{
    DoorbellRefused, FromClient, LaneMade, Located, Lost, NEWEST_VERSION, NameText, NextOffer, NoMoreOffers,
    NoMoreTopics, OLDEST_VERSION, OfferEntry, OpenLane, Prefix, Refusal, TopicEntry, Unsupported,
    WHOLE_TOPIC, Welcome,
};

impl Peer {
    pub(super) fn handle(
        &mut self,
        prefix: Prefix,
        frame: FromClient,
        doorbell: Option<OwnedFd>,
    ) -> Result<(), Lost> {
        let Prefix { conversation, reference, .. } = prefix;
        if self.hello_deadline.is_some() != matches!(frame, FromClient::Hello(_)) {
            return Err(unexpected("a connection starts with one hello"));
        }
        match frame {
            FromClient::Hello(hello) => {
                self.hello_deadline = None;
                let version = NEWEST_VERSION.min(hello.newest);
                if version < OLDEST_VERSION.max(hello.oldest) {
                    let ours = Unsupported { oldest: OLDEST_VERSION, newest: NEWEST_VERSION };
                    self.tell_refused("", 0, "it speaks no version of the protocol that the service speaks");
                    self.send(prefix, &ours);
                    return Err(Lost::Ended);
                }
                self.send(prefix, &Welcome { epoch: self.service.epoch, version, reserved: [0; 3] });
            }
            FromClient::Connect(connect) => {
                if self.conversations.contains_key(&conversation)
                    || self.connecting.contains_key(&conversation)
                    || self.asking.contains_key(&conversation)
                    || self.expelled.contains_key(&conversation)
                {
                    return Err(unexpected("a conversation of this number is open"));
                }
                self.connect(prefix, &connect);
            }
            FromClient::Close(_) => {
                self.give_up(conversation);
                if let Some(gone) = self.conversations.remove(&conversation) {
                    self.service.system.touch();
                    gone.tell_closed(self.pid, "its client closed it");
                    self.doorbells.close(conversation);
                    self.waiting.end(gone.locating.len());
                    self.links -= gone.links.len();
                    gone.transactions.end(&Ended::Closed);
                    gone.links.into_values().for_each(|link| self.untrack(link));
                }
                if let Some(links) = self.expelled.remove(&conversation) {
                    self.links -= links.len();
                    links.into_values().for_each(|link| self.untrack(link));
                }
            }
            FromClient::Leave(_) => {
                self.give_up(conversation);
                self.end(conversation, &Ended::Closed);
            }
            FromClient::Advise(advise) => {
                let known = |open: &Conversation| open.links.contains_key(&reference);
                if self.conversations.get(&conversation).is_some_and(known) {
                    return Err(unexpected("a link of this number is open"));
                }
                self.advise(prefix, &advise);
            }
            FromClient::Unadvise(_) => {
                if let Some(open) = self.conversations.get_mut(&conversation)
                    && let Some(link) = open.links.remove(&reference)
                {
                    self.service.system.touch();
                    open.tell_link(TraceKind::LinkClosed, self.pid, reference, "");
                    open.subjects.remove(&reference);
                    self.links -= 1;
                    self.waiting.end(usize::from(open.locating.remove(&reference).is_some()));
                    self.untrack(link);
                } else if let Some(links) = self.expelled.get_mut(&conversation)
                    && let Some(link) = links.remove(&reference)
                {
                    self.links -= 1;
                    self.untrack(link);
                }
            }
            FromClient::Find(find) => {
                if let Some(open) = self.conversations.get(&conversation) {
                    match open.topic.item(&find.item) {
                        _ if !open.may(Verbs::READ) => {
                            open.tell_not_found(self.pid, &find.item, "it may not read");
                            self.deny(prefix, Verbs::READ);
                        }
                        Some(index) => self.locate(prefix, index),
                        None => {
                            open.tell_not_found(self.pid, &find.item, "there is no such item");
                            self.refuse(prefix, Refusal::NoSuchItem, "there is no such item");
                        }
                    }
                }
            }
            FromClient::NextTopic(next) => match self.visible_topic_after(&next.after) {
                Some(topic) => self.send(
                    prefix,
                    &TopicEntry {
                        fingerprint: topic.fingerprint.to_words(),
                        items: topic.item_count(),
                        name: NameText::truncated(&topic.name),
                        type_name: NameText::truncated(&topic.type_name),
                        reserved: [0; 6],
                    },
                ),
                None => self.send(prefix, &NoMoreTopics {}),
            },
            FromClient::HangDoorbell(hang) => {
                if let Some(doorbell) = doorbell {
                    match self.doorbells.hang(hang.number, doorbell) {
                        Ok(()) => {}
                        Err(NotHung::Malformed(what)) => return Err(unexpected(what)),
                        Err(NotHung::TooMany) => {
                            tracing::warn!(pid = self.pid, "no doorbell for a client: too many of them");
                            self.send(prefix, &DoorbellRefused { number: hang.number });
                        }
                    }
                }
            }
            FromClient::Attend(attend) => {
                // The conversation may have ended on this side while the frame was on its way.
                if let Some(open) = self.conversations.get(&conversation)
                    && open.may(Verbs::READ)
                {
                    let cause = match u32::try_from(attend.item) {
                        Ok(item) if u64::from(item) < open.topic.item_count() => Cause::Item(item),
                        _ if attend.item == WHOLE_TOPIC => Cause::Topic,
                        _ => return Err(unexpected("a doorbell for an item that is not there")),
                    };
                    let topic = open.topic.clone();
                    self.doorbells.attend((conversation, reference), &topic, cause, attend.doorbell);
                }
            }
            FromClient::Unattend(_) => self.doorbells.leave(conversation, reference),
            FromClient::TakeDownDoorbell(down) => self.doorbells.take_down(down.number),
            FromClient::FloorRaised(_) => self.service.publishers.wake_all(),
            FromClient::OpenLane(open) => self.open_lane(prefix, open)?,
            FromClient::RequestPosted(_) => self.service.transactions.posted(),
            FromClient::NextOffer(next) => self.tell_offer(prefix, next),
        }
        Ok(())
    }

    /// The first topic after this name of those that the client may see.
    pub(super) fn visible_topic_after(&self, name: &str) -> Option<Arc<TopicShared>> {
        let mut topic = self.service.topic_after(name)?;
        while self.service.granted(&self.client, &self.groups, &topic).is_empty() {
            topic = self.service.topic_after(&topic.name)?;
        }
        Some(topic)
    }

    /// Makes a lane for a conversation's transactions.
    pub(super) fn open_lane(&mut self, prefix: Prefix, wanted: OpenLane) -> Result<(), Lost> {
        // The conversation may have ended on this side while the frame was on its way.
        let Some(open) = self.conversations.get(&prefix.conversation) else { return Ok(()) };
        let OpenLanes { counterpart, lanes, .. } = &open.transactions;
        if lanes.contains_key(&prefix.reference) {
            return Err(unexpected("a lane of this number is open"));
        }
        let kind = Kind::of_offer(wanted.offer).ok_or_else(|| unexpected("a lane for what there is not"))?;
        let tell = |why: &str| open.tell_transactions_refused(self.pid, kind, why);
        if !open.may(kind.needed()) {
            tell("no access list lets it");
            self.deny(prefix, kind.needed());
            return Ok(());
        }
        let offers = self.service.transactions.offers(&open.topic.name);
        if offers & wanted.offer == 0 {
            tell(kind.why_unsupported());
            self.refuse(prefix, Refusal::NotSupported, kind.why_unsupported());
            return Ok(());
        }
        let words = (wanted.request.div_ceil(8), wanted.reply.div_ceil(8));
        let counterpart = counterpart.clone();
        let made = ServedLane::create(&self.service, counterpart, prefix.reference, words)
            .and_then(|(lane, fd)| Ok((lane, fd, self.service.transactions.inbox()?)));
        let (lane, fd, inbox) = match made {
            Ok(made) => made,
            Err(error) => {
                let reason = format!("there is no memory for the transaction: {error}");
                tell(&reason);
                self.refuse(prefix, Refusal::TooMany, &reason);
                return Ok(());
            }
        };
        step!(LaneMade);
        let shape = lane.lane.shape();
        if let Some(open) = self.conversations.get_mut(&prefix.conversation) {
            open.transactions.lanes.insert(prefix.reference, lane.clone());
        }
        // Before the client can post anything.
        self.service.transactions.add_lane(lane);
        let made = LaneMade { depth: shape.depth, request: shape.request, reply: shape.reply, reserved: 0 };
        self.connection.send_answer(prefix.conversation, prefix.reference, &made, vec![fd, inbox.fd]);
        step!(LaneSent);
        Ok(())
    }

    /// Says what is offered.
    pub(super) fn tell_offer(&mut self, prefix: Prefix, next: NextOffer) {
        // The conversation may have ended on this side while the frame was on its way.
        let Some(open) = self.conversations.get(&prefix.conversation) else {
            return self.send(prefix, &NoMoreOffers {});
        };
        if !next.formats && !open.may(Verbs::EXECUTE) {
            return self.deny(prefix, Verbs::EXECUTE);
        }
        let transactions = &self.service.transactions;
        let index = next.index as usize;
        let entry = if next.formats {
            transactions.format(&open.topic.name, index).map(|(name, fingerprint)| OfferEntry {
                fingerprint: fingerprint.to_words(),
                reply_fingerprint: [0; 2],
                name: NameText::truncated(&name),
                reply: NameText::new(),
            })
        } else {
            transactions.command(index).map(|command| OfferEntry {
                fingerprint: command.fingerprint.to_words(),
                reply_fingerprint: command.reply_fingerprint.to_words(),
                name: NameText::truncated(&command.name),
                reply: NameText::truncated(&command.reply),
            })
        };
        match entry {
            Some(entry) => self.send(prefix, &entry),
            None => self.send(prefix, &NoMoreOffers {}),
        }
    }

    /// Answers a question for an item.
    pub(super) fn locate(&mut self, prefix: Prefix, index: u32) {
        // The item may be in a segment that was created a moment ago.
        self.send_segments(prefix.conversation);
        self.send(prefix, &Located { index });
    }
}
