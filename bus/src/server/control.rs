//! The control thread of a service: accepts, answers, and notices who is gone.
//!
//! One loop over poll(2). Every step on behalf of a client is bounded and none blocks, so a client that
//! floods, stalls or sends rubbish costs the others at most its turn. A turn serves the clients that have
//! something to say or whose time has come, and all of them only where something is new in the service.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Resource, getrlimit};

use crate::access::{self, Verbs};
use crate::error::Ended;
use crate::server::peer::{Lingering, Peer};
use crate::server::shared::{Order, ServiceShared};
use crate::server::system::event::{TraceEvent, TraceKind};
use crate::server::system::writer::SystemWriter;
use crate::sync::step;
use crate::sys::socket;
use crate::sys::time::timespec;
use crate::wire::{Farewell, Lost};

/// How long to leave new connections alone when the process has no descriptors left for them.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The most connections that are accepted before those that are open get their turn.
const ACCEPT_BATCH: usize = 64;

/// The state of the control thread.
#[derive(Debug)]
pub(crate) struct Control {
    service: Arc<ServiceShared>,
    listener: OwnedFd,
    peers: BTreeMap<u64, Peer>,
    next_peer: u64,
    /// Connections that are over, but whose clients may go on reading what they hold.
    lingering: Vec<Lingering>,
    /// Until when new connections are left alone.
    accept_pause: Option<Instant>,
    system: SystemWriter,
}

impl Control {
    pub(crate) fn new(service: Arc<ServiceShared>, listener: OwnedFd) -> Self {
        Control {
            system: SystemWriter::new(service.clone()),
            service,
            listener,
            peers: BTreeMap::new(),
            next_peer: 0,
            lingering: Vec::new(),
            accept_pause: None,
        }
    }

    /// Runs until the service is closed.
    pub(crate) fn run(mut self) {
        while !self.service.is_closed() {
            self.turn();
        }
        for (id, mut peer) in core::mem::take(&mut self.peers) {
            peer.say_goodbye(Farewell::Closed, "the service was closed");
            self.forget(id, peer, None, &Ended::Closed);
        }
    }

    fn turn(&mut self) {
        let ready = self.wait();
        self.service.timers.wake_due();
        if ready.waker {
            // Before anything is looked at: what is new after this wakes again.
            self.service.waker.clear();
            for eviction in self.service.take_evictions() {
                if let Some(peer) = self.peers.get_mut(&eviction.link.peer) {
                    peer.revoke(&eviction);
                }
            }
            for owed in self.service.transactions.take_owed() {
                if let Some(peer) = self.peers.get_mut(&owed.peer) {
                    peer.owe(owed);
                }
            }
            for (id, of) in self.service.transactions.take_accused() {
                if let Some(mut peer) = self.peers.remove(&id) {
                    peer.say_goodbye(Farewell::Evicted, &of);
                    self.forget(id, peer, Some(Lost::Malformed(of.clone())), &Ended::Misbehaved(of));
                }
            }
            for order in self.service.take_orders() {
                self.obey(order);
            }
            // Before those that wait for it are answered.
            self.system.answer(&mut self.peers);
            self.peers.values_mut().for_each(Peer::look_for_news);
        }
        let mut gone = ready.gone.into_iter();
        self.lingering.retain(|_| !gone.next().unwrap_or(false));
        for id in ready.peers {
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            let served = peer.serve();
            self.service.clients().insert(id, peer.info());
            if let Err(lost) = served
                && let Some(peer) = self.peers.remove(&id)
            {
                let reason = match &lost {
                    Lost::Ended => Ended::Died,
                    Lost::Malformed(detail) => Ended::Misbehaved(detail.clone()),
                    Lost::Starved(detail) => Ended::Exhausted(detail.clone()),
                };
                self.forget(id, peer, Some(lost), &reason);
            }
        }
        if ready.listener {
            self.accept();
        }
        self.service.transactions.refuse_unattended();
        self.system.refresh(&self.peers);
        self.system.tell_spies();
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Expel { peer, number, reference, reason } => {
                if let Some(peer) = self.peers.get_mut(&peer) {
                    peer.expel(number, reference, &reason);
                }
            }
            Order::Judge(verdict) => {
                if let Some(peer) = self.peers.get_mut(&verdict.peer) {
                    peer.judge(verdict);
                }
            }
        }
    }

    /// Waits for something to do; what is ready.
    fn wait(&mut self) -> Ready {
        let now = Instant::now();
        self.accept_pause = self.accept_pause.filter(|&until| until > now);
        // Without events that are asked for, only an error of the listener would be reported.
        let accepting = if self.accept_pause.is_none() { PollFlags::IN } else { PollFlags::empty() };
        let mut fds = Vec::with_capacity(2 + self.peers.len());
        fds.push(PollFd::from_borrowed_fd(self.service.waker.as_fd(), PollFlags::IN));
        fds.push(PollFd::from_borrowed_fd(self.listener.as_fd(), accepting));
        // That the other end is closed is always said.
        let lingering = self.lingering.iter().map(|over| PollFd::new(&over.socket, PollFlags::empty()));
        fds.extend(lingering);
        for peer in self.peers.values() {
            fds.push(PollFd::from_borrowed_fd(peer.connection.as_fd(), peer.awaited()));
        }
        let of_tasks = self.service.timers.next();
        let deadlines =
            self.peers.values().filter_map(Peer::deadline).chain(self.accept_pause).chain(of_tasks);
        let deadlines = deadlines.chain(self.system.deadline());
        let timeout = deadlines.min().map(|deadline| timeout(deadline.saturating_duration_since(now)));
        if poll(&mut fds, timeout.as_ref()).is_err() {
            // Interrupted, or out of kernel memory: nothing is ready, and the next turn asks again.
            return Ready::default();
        }
        let now = Instant::now();
        let mut said = fds.iter().map(|fd| !fd.revents().is_empty());
        let waker = said.next().unwrap_or(false);
        let listener = said.next().unwrap_or(false) && self.accept_pause.is_none();
        let gone = said.by_ref().take(self.lingering.len()).collect();
        let due = |((&id, peer), said): ((&u64, &Peer), bool)| {
            let late = peer.deadline().is_some_and(|deadline| deadline <= now);
            (waker || said || late).then_some(id)
        };
        Ready { waker, listener, gone, peers: self.peers.iter().zip(said).filter_map(due).collect() }
    }

    fn accept(&mut self) {
        for _ in 0..ACCEPT_BATCH {
            match socket::accept(&self.listener) {
                Ok(None) => return,
                Ok(Some(socket)) => self.welcome(socket),
                Err(error) => {
                    tracing::warn!(service = self.service.name, %error, "cannot accept connections now");
                    self.accept_pause = Some(Instant::now() + ACCEPT_PAUSE);
                    return;
                }
            }
        }
    }

    fn welcome(&mut self, socket: OwnedFd) {
        let credentials = match socket::credentials(&socket) {
            Ok(credentials) => credentials,
            Err(error) => {
                return tracing::warn!(service = self.service.name, %error, "a client without credentials");
            }
        };
        let groups = socket::groups(&socket);
        // Where a bus is one user's own, the kernel lets nobody else come here.
        let (credentials, groups) = if self.service.among_others {
            access::known(credentials, groups)
        } else {
            (credentials, groups)
        };
        let admitted = self.service.admits(&credentials, &groups);
        let mut peer = Peer::new(self.service.clone(), socket, (credentials, groups), self.next_peer);
        if !admitted {
            self.service.system.count_connection(false);
            tracing::warn!(service = self.service.name, ?credentials, "refused a client: no list has it");
            peer.tell_refused("", 0, "no access list lets it connect");
            peer.say_goodbye(Farewell::Denied, &access::remedy(credentials.uid, Verbs::CONNECT));
            return;
        }
        // What is left is for the segments, and for the rest of the program.
        let most = getrlimit(Resource::Nofile).current.map_or(u64::MAX, |limit| limit / 2);
        if (self.peers.len() + self.lingering.len()) as u64 >= most {
            tracing::warn!(service = self.service.name, most, "refused a client: too many connections");
            self.service.system.count_connection(false);
            peer.tell_refused("", 0, "too many connections");
            peer.say_goodbye(Farewell::Evicted, "too many connections");
            return;
        }
        let id = self.next_peer;
        self.next_peer += 1;
        self.service.system.count_connection(true);
        tracing::debug!(service = self.service.name, pid = credentials.pid, "client connected");
        self.service.clients().insert(id, peer.info());
        self.peers.insert(id, peer);
    }

    fn forget(&mut self, id: u64, peer: Peer, lost: Option<Lost>, reason: &Ended) {
        self.service.clients().remove(&id);
        let over = peer.give_all_up();
        let pid = peer.pid;
        peer.tell_ended(match &lost {
            Some(Lost::Malformed(detail) | Lost::Starved(detail)) => detail,
            Some(Lost::Ended) => "its client has ended the connection, or has died",
            None => "the service was closed",
        });
        // The end of its connection is told, also where a publisher has it open until it learns of this.
        let _ = rustix::net::shutdown(peer.connection.as_fd(), rustix::net::Shutdown::Write);
        step!(HungUp);
        self.lingering.extend(peer.linger());
        over.iter().for_each(|conversation| self.service.listeners.ended(conversation, reason));
        self.service.system.touch();
        if let Some(Lost::Malformed(detail)) = &lost {
            self.service.trace(|| TraceEvent::new(TraceKind::Malformed, pid).because(detail));
        }
        match lost {
            Some(Lost::Malformed(detail)) => {
                tracing::warn!(service = self.service.name, pid, %detail, "client evicted");
            }
            Some(Lost::Starved(detail)) => {
                tracing::warn!(service = self.service.name, pid, %detail, "client disconnected");
            }
            Some(Lost::Ended) | None => {
                tracing::debug!(service = self.service.name, pid, "client disconnected");
            }
        }
    }
}

/// What there is to do.
#[derive(Debug, Default)]
struct Ready {
    /// Something is new in the service, or it closes.
    waker: bool,
    /// Connections can be accepted.
    listener: bool,
    /// Which of the lingering connections are closed on the other end.
    gone: Vec<bool>,
    /// Clients to be served.
    peers: Vec<u64>,
}

/// So long, rounded up to a millisecond, so that the deadline has passed when poll returns.
fn timeout(left: Duration) -> Timespec {
    timespec(left.saturating_add(Duration::from_millis(1)))
}
