//! The control thread of a service: accepts, answers, and notices who is gone.
//!
//! One loop over poll(2). Every step on behalf of a client is bounded and none blocks, so a client that
//! floods, stalls or sends rubbish costs the others at most its turn.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::server::peer::Peer;
use crate::server::shared::ServiceShared;
use crate::sys::socket;
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
    /// Until when new connections are left alone.
    accept_pause: Option<Instant>,
}

impl Control {
    pub(crate) fn new(service: Arc<ServiceShared>, listener: OwnedFd) -> Self {
        Control { service, listener, peers: BTreeMap::new(), next_peer: 0, accept_pause: None }
    }

    /// Runs until the service is closed.
    pub(crate) fn run(mut self) {
        while !self.service.is_closed() {
            self.turn();
        }
        for (id, mut peer) in core::mem::take(&mut self.peers) {
            peer.say_goodbye(Farewell::Closed, "the service was closed");
            self.forget(id, peer);
        }
    }

    fn turn(&mut self) {
        let ready = self.wait();
        if ready.contains(&Source::Waker) {
            self.service.waker.clear();
        }
        if ready.contains(&Source::Listener) {
            self.accept();
        }
        for (&id, peer) in &mut self.peers {
            if let Err(lost) = peer.serve(ready.contains(&Source::Peer(id))) {
                peer.lost = Some(lost);
            }
            self.service.clients().insert(id, peer.info());
        }
        let lost: Vec<u64> =
            self.peers.iter().filter_map(|(&id, peer)| peer.lost.is_some().then_some(id)).collect();
        for id in lost {
            if let Some(peer) = self.peers.remove(&id) {
                self.forget(id, peer);
            }
        }
    }

    /// Waits for something to do; what is ready.
    fn wait(&mut self) -> Vec<Source> {
        let now = Instant::now();
        self.accept_pause = self.accept_pause.filter(|&until| until > now);
        let mut sources = vec![Source::Waker];
        let mut fds = vec![PollFd::from_borrowed_fd(self.service.waker.as_fd(), PollFlags::IN)];
        if self.accept_pause.is_none() {
            sources.push(Source::Listener);
            fds.push(PollFd::new(&self.listener, PollFlags::IN));
        }
        for (&id, peer) in &self.peers {
            sources.push(Source::Peer(id));
            let wanted = if peer.is_blocked() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            fds.push(PollFd::from_borrowed_fd(peer.connection.as_fd(), wanted));
        }
        let deadlines = self.peers.values().filter_map(|peer| peer.deadline()).chain(self.accept_pause);
        let timeout = deadlines.min().map(|deadline| {
            let left = deadline.saturating_duration_since(now);
            // Rounded up, so that the deadline has passed when poll returns.
            Timespec { tv_sec: left.as_secs() as i64 + 1, tv_nsec: 0 }
        });
        if poll(&mut fds, timeout.as_ref()).is_err() {
            // Interrupted, or out of kernel memory: nothing is ready, and the next turn asks again.
            return Vec::new();
        }
        let ready = fds.iter().map(|fd| !fd.revents().is_empty());
        sources.iter().zip(ready).filter_map(|(source, ready)| ready.then_some(*source)).collect()
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
        let id = self.next_peer;
        let mut peer = Peer::new(self.service.clone(), socket, credentials.pid);
        if credentials.uid != rustix::process::geteuid().as_raw() {
            tracing::warn!(service = self.service.name, ?credentials, "refused a client of another user");
            peer.say_goodbye(Farewell::Evicted, "only programs of the service's own user may connect");
            return;
        }
        self.next_peer += 1;
        tracing::debug!(service = self.service.name, pid = credentials.pid, "client connected");
        self.service.clients().insert(id, peer.info());
        self.peers.insert(id, peer);
    }

    fn forget(&mut self, id: u64, peer: Peer) {
        self.service.clients().remove(&id);
        match &peer.lost {
            Some(Lost::Malformed(detail)) => {
                tracing::warn!(service = self.service.name, pid = peer.pid, %detail, "client evicted");
            }
            Some(Lost::Ended | Lost::Starved(_)) | None => {
                tracing::debug!(service = self.service.name, pid = peer.pid, "client disconnected");
            }
        }
    }
}

/// What a poll waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Waker,
    Listener,
    Peer(u64),
}
