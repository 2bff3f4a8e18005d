//! The topic, and when its texts are made.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::counters::Source;
use super::event::TraceEvent;
use super::table::Table;
use super::trace::QUEUE;
use super::{EVENTS, NAME, TRACE, counters, texts};
use crate::error::Result;
use crate::server::peer::Peer;
use crate::server::shared::ServiceShared;
use crate::server::topic::{Topic, TopicBuilder};

/// At most so often are texts made because something changes: who adds ten thousand items has their names written some
/// hundred times, and not ten thousand.
const INTERVAL: Duration = Duration::from_millis(10);
/// So often is told what changes without a word: counts, and what waits.
const PERIOD: Duration = Duration::from_millis(250);
/// So many times as long as texts took to be made none are: many clients with many links, who come and go, keep the control thread
/// for a twentieth of its time, and not for all of it.
const REST: u32 = 20;
/// Values kept of each text. A reader that is so slow that it finds none whole takes the next.
const HISTORY: usize = 4;
/// Publishes whose order is kept.
const JOURNAL: usize = 64;
/// Events kept for spies that are slow.
const EVENTS_KEPT: usize = 2 * QUEUE;

/// The control thread's part: the one writer of the topic.
#[derive(Debug)]
pub(crate) struct SystemWriter {
    service: Arc<ServiceShared>,
    /// The topic, once somebody has asked for it.
    made: Option<Made>,
    /// The topic of what happens, once somebody has spied.
    trace: Option<Topic<TraceEvent>>,
}

#[derive(Debug)]
struct Made {
    topic: Topic<[u8]>,
    /// What was published last, by item; but the lists, which say by their length whether they are as they were.
    published: BTreeMap<&'static str, String>,
    sources: BTreeMap<String, Source>,
    /// Items of whose texts rows were left out, the last time.
    cut: Vec<&'static str>,
    /// Before this a change is not told.
    next: Instant,
    /// When to tell of what changes without a word.
    next_period: Instant,
}

impl SystemWriter {
    pub(crate) fn new(service: Arc<ServiceShared>) -> Self {
        SystemWriter { service, made: None, trace: None }
    }

    /// Has everything told as of now, if a client has asked since; those who wait for the topic can be answered after that,
    /// or are told here that it will not come.
    pub(crate) fn answer(&mut self, peers: &mut BTreeMap<u64, Peer>) {
        if self.service.system.take_asked_trace() {
            self.answer_spies(peers);
        }
        if !self.service.system.take_asked() {
            return;
        }
        match self.made() {
            Ok(()) => self.tell_all(peers),
            Err(error) => {
                tracing::warn!(service = self.service.name, %error, "cannot make the system topic");
                let reason = error.to_string();
                peers.values_mut().for_each(|peer| peer.turn_away(NAME, &reason));
            }
        }
    }

    /// Makes the topic of what happens, and forgets what was left of what happened before.
    fn answer_spies(&mut self, peers: &mut BTreeMap<u64, Peer>) {
        if self.trace.is_none() {
            let builder = TopicBuilder::<TraceEvent>::reserved(&self.service, TRACE);
            let topic = builder.history(EVENTS_KEPT).journal(JOURNAL).capacity(1).open();
            match topic.and_then(|topic| topic.item(EVENTS).map(drop).map(|()| topic)) {
                Ok(topic) => self.trace = Some(topic),
                Err(error) => {
                    tracing::warn!(service = self.service.name, %error, "nobody can spy");
                    let reason = error.to_string();
                    peers.values_mut().for_each(|peer| peer.turn_away(TRACE, &reason));
                }
            }
        }
        if !self.service.system.trace.is_on() {
            self.service.system.trace.drain(|_| {});
        }
    }

    /// Publishes what has happened.
    pub(crate) fn tell_spies(&mut self) {
        let Some(topic) = self.trace.as_ref().filter(|_| self.service.system.trace.is_on()) else { return };
        let Ok(events) = topic.item(EVENTS) else { return };
        let more = self.service.system.trace.drain(|event| {
            // Fails only when the service is closed.
            let _ = events.try_publish(event);
        });
        if more {
            self.service.waker.wake();
        }
    }

    fn made(&mut self) -> Result<()> {
        if self.made.is_none() {
            let builder = TopicBuilder::<[u8]>::reserved(&self.service, NAME);
            // Nobody can hold a text, and so nobody keep another from being published.
            let topic = builder.history(HISTORY).journal(JOURNAL).samples(0).open()?;
            let now = Instant::now();
            self.made = Some(Made {
                topic,
                published: BTreeMap::new(),
                sources: BTreeMap::new(),
                cut: Vec::new(),
                next: now,
                next_period: now,
            });
        }
        Ok(())
    }

    /// When there is something to tell; `None` where nobody looks.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let made = self.made.as_ref().filter(|_| self.service.system.is_looked_at())?;
        let soon = self.service.system.has_changed().then_some(made.next);
        Some(soon.map_or(made.next_period, |soon| soon.min(made.next_period)))
    }

    /// Tells what there is to tell now.
    pub(crate) fn refresh(&mut self, peers: &BTreeMap<u64, Peer>) {
        let Some(made) = self.made.as_mut().filter(|_| self.service.system.is_looked_at()) else { return };
        let now = Instant::now();
        if self.service.system.has_changed() && now >= made.next {
            self.tell_all(peers);
        } else if now >= made.next_period {
            made.tell_counts(&self.service, peers);
            made.next_period = after(PERIOD, now);
        }
    }

    fn tell_all(&mut self, peers: &BTreeMap<u64, Peer>) {
        let Some(made) = &mut self.made else { return };
        let (service, begun) = (&self.service, Instant::now());
        service.system.begin();
        made.learn(service);
        made.cut.clear();
        made.put("SysItems", texts::items());
        made.put("Topics", texts::topics(service, &made.sources));
        made.put("Formats", texts::formats(service, &made.sources));
        made.put_text("Help", &service.help());
        made.put("Links", texts::links(peers));
        made.tell_counts(service, peers);
        made.next = after(INTERVAL, begun);
        made.next_period = after(PERIOD, begun);
    }
}

/// When to make texts again after some that were begun then: not before so long.
fn after(interval: Duration, begun: Instant) -> Instant {
    let now = Instant::now();
    now + interval.max((now - begun).saturating_mul(REST))
}

impl Made {
    /// Learns of new topics and items, and tells of the latter.
    fn learn(&mut self, service: &ServiceShared) {
        for topic in service.topics() {
            if !self.sources.contains_key(&topic.name) {
                let source = Source::new(topic.clone(), self.sources.len());
                self.sources.insert(topic.name.clone(), source);
            }
        }
        for source in self.sources.values_mut() {
            source.learn();
            if source.has_news() {
                let published = publish(&self.topic, &source.list_name, &source.list.text);
                source.told(published);
            }
        }
    }

    fn tell_counts(&mut self, service: &ServiceShared, peers: &BTreeMap<u64, Peer>) {
        self.put("Conversations", texts::conversations(peers));
        let counters = counters::text(service, &mut self.sources);
        self.put("Counters", counters);
        let lists = self.sources.values().filter(|source| source.list.cut);
        let cut: Vec<&str> = self.cut.iter().copied().chain(lists.map(|list| &*list.list_name)).collect();
        let status = texts::status(service, peers, &cut.join(", "));
        self.put("Status", status);
    }

    fn put(&mut self, item: &'static str, table: Table) {
        self.cut.retain(|&cut| cut != item);
        if table.cut {
            self.cut.push(item);
        }
        self.put_text(item, &table.text);
    }

    /// Publishes a text that is not what it was.
    fn put_text(&mut self, item: &'static str, text: &str) {
        let whole = text.len();
        let text = &text[..text.floor_char_boundary(super::MOST_BYTES)];
        if text.len() < whole {
            self.cut.push(item);
        }
        if self.published.get(item).is_none_or(|published| published != text)
            && publish(&self.topic, item, text)
        {
            self.published.insert(item, text.to_owned());
        }
    }
}

/// Publishes a text; whether there was memory for it. If not, it is tried again when texts are made the next time.
fn publish(topic: &Topic<[u8]>, item: &str, text: &str) -> bool {
    let published = topic.item(item).and_then(|item| item.try_publish(text.as_bytes()));
    published.inspect_err(|error| tracing::warn!(item, %error, "the system topic is not as of now")).is_ok()
}
