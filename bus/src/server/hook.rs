//! The connect hook: a program's own word on who may open a conversation.
//!
//! It is user code, so it may be slow, never return, or panic. It runs on a thread of its own, which is there only where
//! there is a hook; the control thread hands it questions and goes on, and is handed verdicts. So a hook delays those whose
//! turn it is, and nothing else: not the conversations that are open, nor their pokes and links.
//!
//! ```text
//!   client ── Connect ──► control thread ── question ──► hook's thread ──► the user's hook
//!   client ◄─ memory, or Declined ── control thread ◄── verdict ────┘
//! ```
//!
//! **Clients take turns.** Each has a queue of its own, so that one which asks for a thousand conversations delays another's
//! by one call. A question whose client is gone is never asked.
//!
//! **A verdict is about one question**, by its ticket: a client that closes what it asked for and asks for another topic by the
//! same number is not let in by the answer to the first.
//!
//! **Closing never waits for a hook that runs.** One that waits for questions is joined; one that is in the user's code is
//! left to itself, and its thread ends when that returns.

use core::fmt;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;

use crate::server::shared::{Order, ServiceShared};
use crate::server::transactions::refusal::Refusal;

/// Who wants to open a conversation, and with what: what a [connect hook](crate::Service::on_connect) is asked about. All of it
/// is the kernel's word, but for the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectRequest {
    /// The client's process; 0 where it is in another pid namespace and has no number here.
    pub pid: u32,
    /// Its user; `u32::MAX` where it has, on a shared bus, no number in this program's user namespace.
    pub uid: u32,
    /// Its group, likewise.
    pub gid: u32,
    /// Its further groups, those that have numbers here.
    pub groups: Arc<[u32]>,
    /// The topic, which there is; empty for the service as a whole.
    pub topic: String,
}

/// A hook, as programs give it.
pub(crate) type UserHook = Box<dyn FnMut(&ConnectRequest) -> Result<(), Refusal> + Send>;

/// What the hook said.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) peer: u64,
    /// The client's number for the conversation.
    pub(crate) conversation: u64,
    pub(crate) ticket: u64,
    pub(crate) outcome: Result<(), Refusal>,
}

/// What the hook is to be asked.
#[derive(Debug)]
struct Question {
    conversation: u64,
    ticket: u64,
    request: ConnectRequest,
}

/// The hook of a service: what it is asked, and its thread.
#[derive(Default)]
pub(crate) struct Hook {
    desk: Mutex<Desk>,
    changed: Condvar,
}

/// What waits for the hook.
#[derive(Default)]
struct Desk {
    /// By connection.
    questions: BTreeMap<u64, VecDeque<Question>>,
    /// Whose turn was last.
    last: u64,
    tickets: u64,
    /// Whether the thread is in the user's code.
    running: bool,
    closed: bool,
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let desk = self.desk();
        write!(f, "Hook({} clients wait, running: {})", desk.questions.len(), desk.running)
    }
}

impl Desk {
    /// The next question, of the client whose turn it is.
    fn next(&mut self) -> Option<(u64, Question)> {
        let after = self.questions.range(self.last.saturating_add(1)..).next();
        let peer = *after.or_else(|| self.questions.iter().next())?.0;
        self.last = peer;
        let queue = self.questions.get_mut(&peer)?;
        let question = queue.pop_front();
        if queue.is_empty() {
            self.questions.remove(&peer);
        }
        question.map(|question| (peer, question))
    }
}

impl Hook {
    /// Starts the thread that asks `hook`.
    pub(crate) fn start(
        self: &Arc<Self>,
        mut hook: UserHook,
        service: &Arc<ServiceShared>,
    ) -> io::Result<JoinHandle<()>> {
        let (this, name, service) = (self.clone(), service.name.clone(), Arc::downgrade(service));
        std::thread::Builder::new()
            .name(format!("bus hook {name}"))
            .spawn(move || this.run(&mut hook, &service))
    }

    fn run(&self, hook: &mut UserHook, service: &Weak<ServiceShared>) {
        while let Some((peer, question)) = self.wait() {
            let Question { conversation, ticket, request } = question;
            let outcome = catch_unwind(AssertUnwindSafe(|| hook(&request))).unwrap_or_else(|_| {
                tracing::error!(pid = request.pid, topic = request.topic, "the connect hook panicked");
                Err(Refusal::failed("its connect hook panicked"))
            });
            let Some(service) = service.upgrade() else { return };
            service.order(Order::Judge(Verdict { peer, conversation, ticket, outcome }));
        }
    }

    /// Waits for the next question; `None` at the end. Until the next call of this the thread is in the user's code.
    fn wait(&self) -> Option<(u64, Question)> {
        let mut desk = self.desk();
        desk.running = false;
        loop {
            if desk.closed {
                return None;
            }
            if let Some(next) = desk.next() {
                desk.running = true;
                return Some(next);
            }
            desk = self.changed.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Has the hook asked; the question's ticket.
    pub(crate) fn ask(&self, peer: u64, conversation: u64, request: ConnectRequest) -> u64 {
        let mut desk = self.desk();
        desk.tickets += 1;
        let ticket = desk.tickets;
        desk.questions.entry(peer).or_default().push_back(Question { conversation, ticket, request });
        drop(desk);
        self.changed.notify_one();
        ticket
    }

    /// Nobody waits for the verdict on this any longer.
    pub(crate) fn withdraw(&self, peer: u64, ticket: u64) {
        let mut desk = self.desk();
        if let Some(queue) = desk.questions.get_mut(&peer) {
            queue.retain(|question| question.ticket != ticket);
            if queue.is_empty() {
                desk.questions.remove(&peer);
            }
        }
    }

    /// A client is gone.
    pub(crate) fn forget(&self, peer: u64) {
        self.desk().questions.remove(&peer);
    }

    /// Asks nothing more; whether the thread is about to end, and not in the user's code.
    pub(crate) fn close(&self) -> bool {
        let mut desk = self.desk();
        desk.closed = true;
        desk.questions.clear();
        self.changed.notify_one();
        !desk.running
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn request(pid: u32) -> ConnectRequest {
        ConnectRequest { pid, uid: 0, gid: 0, groups: Arc::from([]), topic: String::new() }
    }

    #[test]
    fn clients_take_turns_and_what_was_withdrawn_is_not_asked() {
        let hook = Hook::default();
        let first: Vec<u64> = (0..3).map(|conversation| hook.ask(7, conversation, request(7))).collect();
        hook.ask(9, 0, request(9));
        hook.ask(8, 0, request(8));
        hook.withdraw(7, first[1]);
        hook.forget(9);
        let mut asked = Vec::new();
        while let Some((peer, question)) = hook.desk().next() {
            asked.push((peer, question.conversation));
        }
        assert_eq!(asked, [(7, 0), (8, 0), (7, 2)]);
        assert!(hook.close());
        assert!(hook.wait().is_none());
    }
}
