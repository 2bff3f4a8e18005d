//! One end of a connection: frames out, as far as the other end has room, and datagrams in.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::frame::{self, Body, MAX_FRAME};
use crate::sys::socket::{self, Received, Sent};

/// How long to wait where the system is out of something: its buffers, or descriptors on their way.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// A connected socket, with the frames that the other end had no room for yet.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Arc<OwnedFd>,
    unsent: VecDeque<(Vec<u8>, Vec<Arc<OwnedFd>>)>,
    /// Whether nothing can be sent any longer. What the other end sent before can still be received, and it
    /// may say why.
    broken: bool,
    /// Until when sending is not tried, the system having been out of something.
    retry_at: Option<Instant>,
}

/// A datagram that came in.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) bytes: Vec<u8>,
    pub(crate) fds: Vec<OwnedFd>,
}

/// Why a connection cannot be used any longer.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The other end closed it, or died.
    Ended,
    /// The other end broke the protocol.
    Malformed(String),
    /// This end has no descriptors or mappings left, as described.
    Starved(String),
}

impl Connection {
    pub(crate) fn new(socket: OwnedFd) -> Self {
        Connection { socket: Arc::new(socket), unsent: VecDeque::new(), broken: false, retry_at: None }
    }

    /// Sends a frame, now or when there is room.
    pub(crate) fn send(&mut self, conversation: u64, reference: u64, body: &impl Body) {
        self.push(frame::encode(conversation, reference, body), Vec::new());
    }

    /// Sends a frame with the descriptors that belong to it.
    pub(crate) fn send_with(&mut self, conversation: u64, body: &impl Body, fds: Vec<Arc<OwnedFd>>) {
        self.push(frame::encode(conversation, 0, body), fds);
    }

    /// Sends a last frame if there is room now.
    pub(crate) fn send_last(&mut self, body: &impl Body) {
        self.flush();
        if self.unsent.is_empty() {
            let _ = socket::send(&self.socket, &frame::encode(0, 0, body), &[]);
        }
    }

    /// Sends the answer to a question with the descriptors that belong to it.
    pub(crate) fn send_answer(
        &mut self,
        conversation: u64,
        reference: u64,
        body: &impl Body,
        fds: Vec<Arc<OwnedFd>>,
    ) {
        self.push(frame::encode(conversation, reference, body), fds);
    }

    fn push(&mut self, frame: Vec<u8>, fds: Vec<Arc<OwnedFd>>) {
        self.unsent.push_back((frame, fds));
        self.flush();
    }

    /// Sends what waits, as far as there is room. That the connection is broken is for
    /// [`receive`](Self::receive) to say, after what the other end said last.
    pub(crate) fn flush(&mut self) {
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        self.retry_at = None;
        while let Some((frame, fds)) = self.unsent.front() {
            if self.broken {
                self.unsent.clear();
                break;
            }
            let fds: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
            match socket::send(&self.socket, frame, &fds) {
                Ok(Sent::Yes) => drop(self.unsent.pop_front()),
                Ok(Sent::Full) => return,
                Ok(Sent::Later) => {
                    self.retry_at = Some(Instant::now() + RETRY_PAUSE);
                    return;
                }
                Err(_) => self.broken = true,
            }
        }
    }

    /// The socket, which stays open as long as anybody has it.
    pub(crate) fn socket(&self) -> Arc<OwnedFd> {
        self.socket.clone()
    }

    /// Frames that wait for room.
    pub(crate) fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// When to flush again although the socket may poll as writable all the while: it is not its peer that has
    /// no room. Nothing is sent before.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// The next datagram, if there is one now.
    pub(crate) fn receive(&mut self) -> Result<Option<Incoming>, Lost> {
        let mut buffer = [0; MAX_FRAME];
        match socket::receive(&self.socket, &mut buffer) {
            Ok(Received::Datagram(len, fds)) => Ok(Some(Incoming { bytes: buffer[..len].to_vec(), fds })),
            Ok(Received::Nothing) => Ok(None),
            Ok(Received::End) => Err(Lost::Ended),
            Ok(Received::Starved) => {
                Err(Lost::Starved("no descriptors are left; raise `ulimit -n`".to_owned()))
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(Lost::Malformed(error.to_string()))
            }
            Err(_) => Err(Lost::Ended),
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
