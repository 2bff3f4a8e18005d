//! Transactions as a service sees them: pokes, executes and computed requests of its clients, and who answers them.
//!
//! ```text
//!   client ── request ──► lane ──► Handlers::run, on a thread of the program's ──► the user's handler
//!   client ◄── answer ─── lane ◄── Reply, from whatever thread has it
//! ```
//!
//! The control thread makes lanes and takes them away; it never looks at a request, and handlers never delay a connect.
//! What the two share is [`Transactions`]: which lanes there are, what handlers there are for, and the inbox.
//!
//! Files: [`lane`] is one lane with what the service knows of its client, [`counterpart`] that client's conversation, which can
//! be paused; [`handlers`] is where a program says what it answers, [`dispatch`] how requests come there, and [`serving`] a thread
//! for that; [`attendance`] is how a wait set learns of requests; [`unattended`] is what becomes of those that nobody is there
//! for; [`token`] is what an answer is given by, and [`refusal`] what it may be instead of one; [`caller`] is what a handler is told
//! of who asks; [`scratch`] is private memory for what came.

mod accept;
mod attendance;
pub(crate) mod caller;
pub(crate) mod counterpart;
mod dispatch;
pub(crate) mod handlers;
pub(crate) mod lane;
pub(crate) mod refusal;
mod scratch;
pub(crate) mod serving;
pub(crate) mod token;
mod unattended;

pub(crate) use self::dispatch::is_within;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use self::attendance::Attendant;
use self::counterpart::Counterpart;
use self::lane::ServedLane;
use crate::access::Verbs;
use crate::command::call_of_types;
use crate::lane::inbox::{INBOX_WORDS, Inbox};
use crate::lane::{Kind, Status};
use crate::message::{Fingerprint, Message, Schema};
use crate::segment::mapping::Words;
use crate::sync::Mutex;
use crate::sys::futex::SharedFutex;
use crate::sys::memory::{self, Writable};
use crate::tasks::Tasks;

/// The default number of transactions of one lane that are not answered.
const DEFAULT_QUEUE: u32 = 64;

/// A bit of what a service offers on a topic: its pokes are handled.
pub(crate) const POKES: u64 = 1;
/// Items of its topic are computed.
pub(crate) const COMPUTES: u64 = 2;
/// The service has commands.
pub(crate) const EXECUTES: u64 = 4;

impl Kind {
    /// What a service must offer for it.
    pub(crate) fn offer(self) -> u64 {
        match self {
            Kind::Poke => POKES,
            Kind::Execute => EXECUTES,
            Kind::Request => COMPUTES,
        }
    }

    /// What this is the offer of.
    pub(crate) fn of_offer(offer: u64) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.offer() == offer)
    }

    /// What a client must be granted for it.
    pub(crate) fn needed(self) -> Verbs {
        match self {
            Kind::Poke => Verbs::POKE,
            Kind::Execute => Verbs::EXECUTE,
            Kind::Request => Verbs::COMPUTE,
        }
    }
}

/// A command that a service carries out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommandInfo {
    /// Its message type's name.
    pub name: String,
    /// The type's fingerprint.
    pub fingerprint: Fingerprint,
    /// The type of its reply.
    pub reply: String,
    /// That type's fingerprint.
    pub reply_fingerprint: Fingerprint,
}

/// What the control thread, handlers and handles share of a service's transactions.
#[derive(Debug)]
pub(crate) struct Transactions {
    inbox: Mutex<Option<OpenInbox>>,
    lanes: Mutex<Vec<Arc<ServedLane>>>,
    /// Where the memory of each topic says what is offered, by its name.
    boards: Mutex<BTreeMap<String, Words>>,
    /// Changes with `lanes`, and with what there are handlers for.
    pub(crate) version: AtomicU64,
    counterparts: Mutex<Counterparts>,
    next_counterpart: AtomicU64,
    /// Commands that there are handlers for, by name.
    commands: Mutex<BTreeMap<String, CommandInfo>>,
    /// What topics offer, by name.
    topics: Mutex<BTreeMap<String, OfTopic>>,
    /// Descriptions of the types of commands, replies and computed items, by fingerprint, for the system topic.
    schemas: Mutex<BTreeMap<[u64; 2], Arc<[u8]>>>,
    /// What the control thread has to do for handlers: tasks of clients to be told, each once …
    owed: Mutex<BTreeSet<Owed>>,
    /// … and connections to be ended, with the reason.
    accused: Mutex<Vec<(u64, String)>>,
    /// How many transactions of a new lane may be unanswered.
    pub(crate) queue: AtomicU32,
    /// Whether there are [`handlers::Handlers`]. Who has it locked takes requests in their place.
    handled: Mutex<bool>,
    /// Tasks that wait for requests …
    pub(crate) tasks: Arc<Tasks>,
    /// … or the wait set that does.
    attendant: Mutex<Option<Attendant>>,
    /// How often something else than a request has changed.
    kicks: AtomicU64,
    /// Of all lanes, which share them.
    pub(crate) outcomes: Arc<Outcomes>,
}

/// A cell with an answer that a task of its client waits for, which is to be told. There are no more of these than cells: who
/// asks on and on and reads nothing has the service keep no more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owed {
    /// The client's connection, by number.
    pub(crate) peer: u64,
    /// The client's numbers for the conversation …
    pub(crate) conversation: u64,
    /// … and the lane.
    pub(crate) lane: u64,
    pub(crate) cell: u32,
}

/// The conversations, by number.
#[derive(Debug, Default)]
struct Counterparts {
    open: BTreeMap<u64, Arc<Counterpart>>,
    /// Whether new ones begin paused.
    paused: bool,
}

/// What a topic offers.
#[derive(Debug, Default)]
struct OfTopic {
    offers: u64,
    /// Type names and types that its items are computed in, the richest first.
    formats: Vec<(String, Fingerprint)>,
}

/// The inbox and its descriptor.
#[derive(Debug, Clone)]
pub(crate) struct OpenInbox {
    pub(crate) words: Inbox<Words>,
    pub(crate) fd: Arc<OwnedFd>,
}

impl Default for Transactions {
    fn default() -> Self {
        Transactions {
            inbox: Mutex::default(),
            lanes: Mutex::default(),
            boards: Mutex::default(),
            version: AtomicU64::new(0),
            counterparts: Mutex::default(),
            next_counterpart: AtomicU64::new(1),
            commands: Mutex::default(),
            topics: Mutex::default(),
            schemas: Mutex::default(),
            owed: Mutex::default(),
            accused: Mutex::default(),
            queue: AtomicU32::new(DEFAULT_QUEUE),
            handled: Mutex::default(),
            tasks: Arc::default(),
            attendant: Mutex::default(),
            kicks: AtomicU64::new(0),
            outcomes: Default::default(),
        }
    }
}

impl Transactions {
    /// The inbox, made when it is first asked for.
    pub(crate) fn inbox(&self) -> io::Result<OpenInbox> {
        let mut inbox = self.inbox.lock();
        if let Some(inbox) = &*inbox {
            return Ok(inbox.clone());
        }
        let fd = memory::create("bus inbox", INBOX_WORDS as u64 * 8)?;
        let words = Words::map_writable(&fd, INBOX_WORDS * 8)?;
        memory::seal(&fd, Writable::ByAll)?;
        let words = Inbox::new(words).expect("as many words as it has were mapped");
        Ok(inbox.insert(OpenInbox { words, fd: Arc::new(fd) }).clone())
    }

    /// Has whoever waits for requests look again: something else than a request has changed.
    pub(crate) fn kick(&self) {
        if let Some(inbox) = &*self.inbox.lock() {
            inbox.words.ring(&SharedFutex);
        }
        // Foreign code, which runs with no lock held; also where none has asked for it: one may be about to, after it has
        // looked for this.
        self.tasks.wake_all();
        self.hail_attendant();
    }

    pub(crate) fn add_lane(&self, lane: Arc<ServedLane>) {
        let mut lanes = self.lanes.lock();
        self.announce_to(&lane);
        lanes.push(lane.clone());
        drop(lanes);
        self.version.fetch_add(1, Ordering::Release);
        self.attend_lane(&lane);
    }

    pub(crate) fn remove_lane(&self, lane: &Arc<ServedLane>) {
        lane.close();
        self.lanes.lock().retain(|other| !Arc::ptr_eq(other, lane));
        self.version.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn lanes(&self) -> Vec<Arc<ServedLane>> {
        self.lanes.lock().clone()
    }

    /// Has a conversation known by a number, until it is [removed](Self::remove_counterpart).
    pub(crate) fn add_counterpart(&self, make: impl FnOnce(u64) -> Counterpart) -> Arc<Counterpart> {
        let number = self.next_counterpart.fetch_add(1, Ordering::Relaxed);
        let counterpart = Arc::new(make(number));
        let mut counterparts = self.counterparts.lock();
        // Under the lock: whoever pauses all either finds it, or is found to have.
        if counterparts.paused {
            counterpart.gate.pause();
        }
        counterparts.open.insert(number, counterpart.clone());
        counterpart
    }

    pub(crate) fn remove_counterpart(&self, number: u64) {
        self.counterparts.lock().open.remove(&number);
    }

    pub(crate) fn counterparts(&self) -> Vec<Arc<Counterpart>> {
        self.counterparts.lock().open.values().cloned().collect()
    }

    /// Pauses all conversations, and those to come.
    pub(crate) fn pause(&self) {
        let mut counterparts = self.counterparts.lock();
        counterparts.paused = true;
        counterparts.open.values().for_each(|counterpart| counterpart.gate.pause());
    }

    pub(crate) fn resume(&self) {
        let mut counterparts = self.counterparts.lock();
        counterparts.paused = false;
        counterparts.open.values().for_each(|counterpart| counterpart.gate.resume());
        drop(counterparts);
        self.kick();
    }

    /// Lets one request more be taken of each that is paused.
    pub(crate) fn step(&self) {
        self.counterparts().iter().for_each(|counterpart| counterpart.gate.step());
        self.kick();
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.counterparts.lock().paused
    }

    /// How many requests wait to be taken.
    pub(crate) fn pending(&self) -> usize {
        self.lanes().iter().map(|lane| lane.pending()).sum()
    }

    /// What is offered to conversations with this topic.
    pub(crate) fn offers(&self, topic: &str) -> u64 {
        let executes = if self.commands.lock().is_empty() { 0 } else { EXECUTES };
        executes | self.topics.lock().get(topic).map_or(0, |topic| topic.offers)
    }

    /// Has a topic's memory say what is offered, from now on. Clients that were given it look there before they ask for a lane; a
    /// lane says it too, for those that were not, and for conversations with the service as a whole.
    pub(crate) fn add_board(&self, topic: &str, board: Words) {
        // As where a lane is added.
        let _lanes = self.lanes.lock();
        board[0].store(self.offers(topic), Ordering::Relaxed);
        self.boards.lock().insert(topic.to_owned(), board);
    }

    /// Tells a lane's client what is offered. With `lanes` locked, so that what is told last is what is so, also where a lane is
    /// made and a handler is added at the same time.
    fn announce_to(&self, lane: &ServedLane) {
        lane.announce(self.offers(&lane.counterpart.topic.name));
    }

    /// What a topic offers has changed, or what the service does.
    fn announce(&self) {
        let lanes = self.lanes.lock();
        lanes.iter().for_each(|lane| self.announce_to(lane));
        for (topic, board) in self.boards.lock().iter() {
            board[0].store(self.offers(topic), Ordering::Relaxed);
        }
        drop(lanes);
        self.version.fetch_add(1, Ordering::Release);
    }

    fn offer(&self, topic: &str, offer: u64) {
        self.topics.lock().entry(topic.to_owned()).or_default().offers |= offer;
        self.announce();
    }

    fn offer_formats(&self, topic: &str, formats: Vec<(String, Fingerprint)>) {
        self.topics.lock().entry(topic.to_owned()).or_default().formats = formats;
    }

    /// The format of this place among those of a topic.
    pub(crate) fn format(&self, topic: &str, index: usize) -> Option<(String, Fingerprint)> {
        self.topics.lock().get(topic)?.formats.get(index).cloned()
    }

    /// Keeps the description of a type that is used.
    fn describe<T: Message>(&self) {
        let schema = || Schema::of::<T>().encode().into();
        self.schemas.lock().entry(T::FINGERPRINT.to_words()).or_insert_with(schema);
    }

    /// The description of a type of this fingerprint, if it is used by commands or for computed items.
    pub(crate) fn schema(&self, of: Fingerprint) -> Option<Arc<[u8]>> {
        self.schemas.lock().get(&of.to_words()).cloned()
    }

    /// Has the control thread tell a client's task of its answer.
    fn owe(&self, owed: Owed) {
        self.owed.lock().insert(owed);
    }

    /// Has the control thread end a connection.
    fn accuse(&self, peer: u64, of: String) {
        self.accused.lock().push((peer, of));
    }

    pub(crate) fn take_owed(&self) -> BTreeSet<Owed> {
        core::mem::take(&mut self.owed.lock())
    }

    pub(crate) fn take_accused(&self) -> Vec<(u64, String)> {
        core::mem::take(&mut self.accused.lock())
    }

    fn add_command(&self, command: CommandInfo) {
        self.commands.lock().insert(command.name.clone(), command);
        self.announce();
    }

    /// Nothing is handled any longer.
    fn withdraw_all(&self) {
        self.commands.lock().clear();
        self.topics.lock().clear();
        self.schemas.lock().clear();
        self.announce();
    }

    /// The command of this place among all.
    pub(crate) fn command(&self, index: usize) -> Option<CommandInfo> {
        self.commands.lock().values().nth(index).cloned()
    }

    /// The name of the command that a request is known to be for by this; empty where there is none.
    #[cold]
    fn command_name(&self, of: Fingerprint) -> String {
        let commands = self.commands.lock();
        let is_it =
            |command: &CommandInfo| call_of_types(command.fingerprint, command.reply_fingerprint) == of;
        let found = commands.values().find(|command| is_it(command));
        found.map_or_else(String::new, |command| command.name.clone())
    }

    /// The names of all commands, for who asks for another.
    fn command_names(&self) -> String {
        let commands = self.commands.lock();
        commands.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    }
}

/// How many transactions ended how, by [`Kind`] and [`Status`].
#[derive(Debug, Default)]
pub(crate) struct Outcomes([[AtomicU64; Status::ALL.len()]; Kind::ALL.len()]);

impl Outcomes {
    fn count(&self, kind: Kind, status: Status) {
        self.0[kind as usize - 1][status as usize - 1].fetch_add(1, Ordering::Relaxed);
    }

    /// How many transactions of this kind ended in this way.
    pub(crate) fn counted(&self, kind: Kind, status: Status) -> u64 {
        self.0[kind as usize - 1][status as usize - 1].load(Ordering::Relaxed)
    }
}
