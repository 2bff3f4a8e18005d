//! The control thread of a bus's clients: keeps its conversations connected.
//!
//! One loop over poll(2): the connections to services, a watch on the bus's directory while a service is
//! looked for, and commands of the handles. Nothing in it blocks on any one service.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam::channel::Receiver;
use rustix::event::{PollFd, PollFlags, poll};

use super::conversation_state::ConversationShared;
use super::lanes::ClientLane;
use super::link_state::LinkShared;
use super::list::{List, ListShared};
use super::peer::{Asker, Peer, Question};
use super::pending::Asked;
use super::reactor::Reactor;
use super::waiter::Waiter;
use crate::discovery::TopicInfo;
use crate::error::Result;
use crate::namespace::BusPlace;
use crate::sys::time::timespec;
use crate::sys::wake::Waker;
use crate::sys::watch::DirectoryWatch;
use crate::tasks::{Answer, Timers};
use crate::watch::Again;
use crate::wire::OfferEntry;

/// How soon to wake a sleeper again.
const SOON: Duration = Duration::from_millis(1);
/// How often to look for services where the directory cannot be watched.
const WITHOUT_WATCH: Duration = Duration::from_millis(50);

/// What handles ask of the control thread.
#[derive(Debug)]
pub(crate) enum Command {
    Open(Arc<ConversationShared>),
    Close(Arc<ConversationShared>),
    /// Ends a conversation that has handles still.
    Leave(Arc<ConversationShared>),
    Advise {
        conversation: Arc<ConversationShared>,
        link: Arc<LinkShared>,
    },
    Unadvise {
        conversation: Arc<ConversationShared>,
        link: u64,
    },
    /// Who waits for this link by descriptor is another, or nobody.
    Attend {
        conversation: Arc<ConversationShared>,
        link: Arc<LinkShared>,
    },
    /// This waiter waits for answers in this conversation.
    Hang {
        conversation: Arc<ConversationShared>,
        waiter: Arc<Waiter>,
    },
    /// This waiter is gone.
    Forget {
        waiter: u64,
    },
    Find {
        conversation: Arc<ConversationShared>,
        item: String,
        answer: Answer<Result<()>>,
    },
    OpenLane {
        conversation: Arc<ConversationShared>,
        /// Bytes of requests and of answers that it is to have room for.
        room: (u32, u32),
        offer: u64,
        asked: Asked,
        answer: Answer<Result<Arc<ClientLane>>>,
    },
    /// Commands, or formats, that the service offers.
    Offers {
        conversation: Arc<ConversationShared>,
        formats: bool,
        answer: Answer<Result<Vec<OfferEntry>>>,
    },
    /// A list of conversations is to be kept.
    OpenList(Arc<ListShared>),
    /// The list of this number is to be kept no longer.
    CloseList(u64),
    Topics {
        service: String,
        answer: Answer<Result<Vec<TopicInfo>>>,
    },
}

/// What the control thread shares with the bus that it belongs to.
#[derive(Debug)]
pub(crate) struct ControlShared {
    pub(crate) waker: Waker,
    pub(crate) closed: AtomicBool,
    /// The next number for a conversation or a link.
    next_number: AtomicU64,
    /// Points in time that tasks wait for.
    pub(crate) timers: Arc<Timers>,
    /// What tasks wait by, once one has waited.
    pub(crate) reactor: OnceLock<Arc<Reactor>>,
}

impl ControlShared {
    pub(crate) fn new(waker: Waker) -> Self {
        let (timers, reactor) = (Timers::new(waker.clone()), OnceLock::new());
        let (closed, next_number) = (AtomicBool::new(false), AtomicU64::new(1));
        ControlShared { waker, closed, next_number, timers, reactor }
    }

    /// A number that no conversation or link of this bus has had.
    pub(crate) fn number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    /// Wakes the tasks whose time has come, or what they wait for; when to look after those that wait for links.
    fn serve_tasks(&self) -> Option<Instant> {
        self.timers.wake_due();
        let bound = self.reactor.get().and_then(|reactor| reactor.serve());
        bound.map(|bound| Instant::now() + bound)
    }
}

/// The state of the control thread.
#[derive(Debug)]
pub(crate) struct Control {
    place: Arc<BusPlace>,
    shared: Arc<ControlShared>,
    commands: Receiver<Command>,
    peers: BTreeMap<String, Peer>,
    lists: Vec<List>,
    /// When to read the directory again for the lists.
    again: Again,
    watch: Option<DirectoryWatch>,
    next_question: u64,
    /// When to look after tasks that wait for links, whatever rings.
    tasks_due: Option<Instant>,
    agenda: Agenda,
}

/// When this thread has something to do of its own, whatever wakes it before on behalf of tasks.
///
/// A point in time, and kept from turn to turn: a service may ring for a task without pause, and a delay that each turn
/// counts anew would never be over.
#[derive(Debug, Default)]
struct Agenda(Option<Instant>);

impl Agenda {
    /// Not later than then.
    fn note(&mut self, at: Option<Instant>) {
        self.0 = self.0.into_iter().chain(at).min();
    }

    /// Whether there is something to do.
    fn is_due(&self, now: Instant) -> bool {
        self.0.is_some_and(|at| at <= now)
    }

    /// All of it is done, and is noted anew where it is to be done again.
    fn clear(&mut self) {
        self.0 = None;
    }
}

impl Control {
    pub(crate) fn new(place: Arc<BusPlace>, shared: Arc<ControlShared>, commands: Receiver<Command>) -> Self {
        // Questions share the references of links, which count up from 1; these count down.
        let (peers, next_question) = (BTreeMap::new(), u64::MAX);
        let agenda = Agenda::default();
        let (lists, again) = (Vec::new(), Again::default());
        let (watch, tasks_due) = (None, None);
        Control { place, shared, commands, peers, lists, again, watch, next_question, tasks_due, agenda }
    }

    /// Runs until the bus is closed.
    pub(crate) fn run(mut self) {
        while !self.shared.closed.load(Ordering::SeqCst) {
            let again = self.peers.values_mut().fold(false, |again, peer| peer.wake_sleepers() | again);
            let for_tasks = self.wait(again);
            self.tasks_due = self.shared.serve_tasks();
            if for_tasks {
                continue;
            }
            self.agenda.clear();
            self.shared.waker.clear();
            while let Ok(command) = self.commands.try_recv() {
                self.obey(command);
            }
            self.peers.values_mut().for_each(Peer::serve);
            self.look_for_services();
            self.peers.retain(|_, peer| !peer.is_idle());
        }
        // What was closed just before is closed, and has not died.
        while let Ok(command) = self.commands.try_recv() {
            if let Command::Close(_) | Command::Unadvise { .. } = command {
                self.obey(command);
            }
        }
    }

    /// Connects to services that are not connected, and watches for those that are not there.
    fn look_for_services(&mut self) {
        if !self.lists.is_empty() && self.watch.is_none() {
            // Before the directory is read, so that no change is missed.
            self.begin_to_watch();
        }
        let changed = self.watch.as_ref().is_none_or(|watch| watch.clear());
        self.keep_lists(changed);
        self.peers.values_mut().for_each(|peer| peer.connect(&self.place));
        if !self.lists.is_empty() {
            return;
        }
        if !self.is_service_missing() {
            self.watch = None;
        } else if self.watch.is_none() {
            self.begin_to_watch();
            // A service may have come before the watch did.
            self.peers.values_mut().for_each(|peer| peer.connect(&self.place));
        }
    }

    fn is_service_missing(&self) -> bool {
        self.peers.values().any(Peer::is_absent)
    }

    fn begin_to_watch(&mut self) {
        match DirectoryWatch::new(self.place.registry.path()) {
            Ok(watch) => self.watch = Some(watch),
            Err(error) => tracing::warn!(%error, "cannot watch the bus directory; looking often instead"),
        }
    }

    /// Has the lists follow what their conversations tell, and the directory where that has `changed`.
    fn keep_lists(&mut self, changed: bool) {
        let Control { lists, peers, shared, .. } = self;
        let mut number = || shared.number();
        let ended = lists.iter().fold(false, |ended, list| list.follow(peers, &mut number) | ended);
        let new = self.again.at().is_none() && lists.iter().any(List::is_new);
        if lists.is_empty() || !self.again.is_due(changed || ended || new, Instant::now()) {
            return;
        }
        let services = match self.place.registry.services() {
            Ok(services) => services,
            // It is read again soon, as after any look that explained nothing.
            Err(error) => {
                tracing::warn!(%error, "cannot read the bus directory for a list");
                return lists.iter().for_each(|list| list.fail(&error));
            }
        };
        let explained =
            lists.iter().fold(false, |any, list| list.compare(&services, peers, &mut number) | any);
        if explained {
            self.again.explained();
        }
    }

    /// Waits for something to do; whether that is for the tasks, and nothing else.
    fn wait(&mut self, soon: bool) -> bool {
        let now = Instant::now();
        let unwatched = self.watch.is_none() && (self.is_service_missing() || !self.lists.is_empty());
        self.agenda.note(self.peers.values().filter_map(Peer::retry_at).min());
        self.agenda.note(soon.then_some(now + SOON));
        self.agenda.note(unwatched.then_some(now + WITHOUT_WATCH));
        self.agenda.note(self.again.at());
        let reactor = self.shared.reactor.get();
        let mut fds: Vec<_> =
            reactor.map(|tasks| PollFd::from_borrowed_fd(tasks.as_fd(), PollFlags::IN)).into_iter().collect();
        let tasks = fds.len();
        fds.push(PollFd::from_borrowed_fd(self.shared.waker.as_fd(), PollFlags::IN));
        fds.extend(self.watch.as_ref().map(|watch| PollFd::from_borrowed_fd(watch.as_fd(), PollFlags::IN)));
        fds.extend(self.peers.values().filter_map(Peer::socket).map(|(socket, blocked)| {
            let wanted = if blocked { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            PollFd::from_borrowed_fd(socket, wanted)
        }));
        let of_tasks = self.shared.timers.next().into_iter().chain(self.tasks_due).min();
        let until = self.agenda.0.into_iter().chain(of_tasks).min();
        let timeout = until.map(|until| timespec(until.saturating_duration_since(now)));
        // Interrupted or not: each turn looks at everything.
        let _ = poll(&mut fds, timeout.as_ref());
        let others = fds.iter().skip(tasks).any(|fd| !fd.revents().is_empty());
        (tasks > 0 || of_tasks.is_some()) && !others && !self.agenda.is_due(Instant::now())
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Open(conversation) => {
                let service = conversation.service.clone();
                let peer = self.peers.entry(service.clone()).or_insert_with(|| Peer::new(service));
                peer.open(conversation);
            }
            Command::Close(conversation) => {
                if let Some(peer) = self.peers.get_mut(&conversation.service) {
                    peer.close(conversation.number);
                }
            }
            Command::Leave(conversation) => {
                if let Some(peer) = self.peers.get_mut(&conversation.service) {
                    peer.leave(conversation.number);
                }
            }
            Command::Advise { conversation, link } => {
                if let Some(peer) = self.peers.get_mut(&conversation.service) {
                    peer.advise(conversation.number, link);
                }
            }
            Command::Unadvise { conversation, link } => {
                if let Some(peer) = self.peers.get_mut(&conversation.service) {
                    peer.unadvise(conversation.number, link);
                }
            }
            Command::Attend { conversation, link } => {
                if let Some(peer) = self.peers.get_mut(&conversation.service) {
                    peer.attend(conversation.number, &link);
                }
            }
            Command::Hang { conversation, waiter } => {
                if let Some(peer) = self.peers.get_mut(&conversation.service) {
                    peer.hang(&waiter);
                }
            }
            Command::Forget { waiter } => self.peers.values_mut().for_each(|peer| peer.forget(waiter)),
            Command::Find { conversation, item, answer } => {
                let service = conversation.service.clone();
                self.ask(service, Question::Find { conversation, item, answer });
            }
            Command::OpenLane { conversation, room, offer, asked, answer } => {
                let service = conversation.service.clone();
                let askers = vec![Asker { asked, answer }];
                self.ask(service, Question::Lane { conversation, room, offer, askers });
            }
            Command::Offers { conversation, formats, answer } => {
                let service = conversation.service.clone();
                self.ask(service, Question::Offers { conversation, formats, found: Vec::new(), answer });
            }
            Command::OpenList(list) => self.lists.push(List(list)),
            Command::CloseList(number) => {
                let Control { lists, peers, .. } = self;
                let closed = lists.iter().position(|list| list.0.number == number);
                if let Some(index) = closed {
                    lists.swap_remove(index).close(peers);
                }
                if lists.is_empty() {
                    self.again.explained();
                }
            }
            Command::Topics { service, answer } => {
                self.ask(service, Question::Topics { found: Vec::new(), answer });
            }
        }
    }

    fn ask(&mut self, service: String, question: Question) {
        let reference = self.next_question;
        self.next_question -= 1;
        self.peers.entry(service.clone()).or_insert_with(|| Peer::new(service)).ask(reference, question);
    }
}

impl Drop for Control {
    /// Also where this thread panics: nobody may wait for ever for what it would have said.
    fn drop(&mut self) {
        self.peers.values_mut().for_each(Peer::abandon);
        self.lists.iter().for_each(List::abandon);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_done_is_due_however_often_it_is_noted_anew() {
        let (begin, step) = (Instant::now(), Duration::from_micros(10));
        let mut agenda = Agenda::default();
        let mut now = begin;
        while !agenda.is_due(now) {
            assert!(now <= begin + SOON, "put off with each turn");
            agenda.note(Some(now + SOON));
            agenda.note(Some(now + WITHOUT_WATCH));
            agenda.note(None);
            now += step;
        }
        agenda.clear();
        assert!(!agenda.is_due(now + WITHOUT_WATCH));
    }
}
