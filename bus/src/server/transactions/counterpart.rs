//! A client's conversation, as the service sees it: who has it, and whether its transactions are taken now.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};

use crate::access::Verbs;
use crate::server::doorbells::HungDoorbells;
use crate::server::shared::{Order, ServiceShared, TopicShared};
use crate::sys::socket::Credentials;

/// In place of a number of steps: all requests are taken.
const RUNNING: i64 = -1;

/// What the service knows of a conversation.
#[derive(Debug)]
pub(crate) struct Counterpart {
    /// Its number in this service.
    pub(crate) number: u64,
    /// The client's connection, by number.
    pub(crate) peer: u64,
    pub(crate) client: Credentials,
    /// The client's number for it.
    pub(crate) reference: u64,
    pub(crate) topic: Arc<TopicShared>,
    /// The connection, which this does not keep open.
    pub(crate) socket: Weak<OwnedFd>,
    /// The doorbells that the client has hung up by it.
    pub(crate) doorbells: Weak<HungDoorbells>,
    pub(crate) gate: Gate,
    /// What the client may do, as long as the conversation lasts.
    pub(crate) granted: Verbs,
}

/// Whether requests may be taken.
#[derive(Debug)]
pub(crate) struct Gate {
    /// How many may be taken while the conversation is paused; [`RUNNING`] while it is not.
    steps: AtomicI64,
}

impl Default for Gate {
    fn default() -> Self {
        Gate { steps: AtomicI64::new(RUNNING) }
    }
}

impl Gate {
    /// Whether a request may be taken.
    #[inline(always)]
    pub(super) fn is_open(&self) -> bool {
        self.steps.load(Ordering::Relaxed) != 0
    }

    /// A request is about to be taken; whether it may.
    #[inline(always)]
    pub(super) fn pass(&self) -> bool {
        self.steps.load(Ordering::Relaxed) == RUNNING || self.pass_paused()
    }

    #[cold]
    fn pass_paused(&self) -> bool {
        let fewer = |steps: i64| match steps {
            RUNNING => Some(RUNNING),
            0 => None,
            steps => Some(steps - 1),
        };
        self.steps.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok()
    }

    pub(super) fn pause(&self) {
        self.steps.store(0, Ordering::Relaxed);
    }

    pub(super) fn step(&self) {
        let more = |steps: i64| (steps != RUNNING).then_some(steps.saturating_add(1));
        let _ = self.steps.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    pub(super) fn resume(&self) {
        self.steps.store(RUNNING, Ordering::Relaxed);
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.steps.load(Ordering::Relaxed) != RUNNING
    }
}

/// A client's conversation with a service, to hold its transactions back and let them go on.
///
/// Requests that are held back wait in the client's queue; when that is full, the client is told
/// [`Busy`](crate::Error::Busy). What was begun is not held back, nor are values, which clients read from memory.
///
/// ```
/// # fn main() -> Result<(), bus::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
/// # let service = bus.service("thermostat")?;
/// # let rooms = service.topic::<f64>("rooms").open()?;
/// # rooms.item("kitchen")?.publish(&20.0)?;
/// # service.ready()?;
/// # let mut handlers = service.handlers()?;
/// # handlers.accept_pokes(&rooms)?;
/// # let client = bus.connect::<f64>("thermostat/rooms").open()?;
/// let conversation = service.conversations().remove(0);
/// conversation.pause();
/// let poke = client.begin_poke("kitchen", &21.5)?;
/// assert_eq!(handlers.poll(&mut (), std::time::Duration::ZERO)?, 0);
/// assert_eq!(conversation.pending(), 1);
/// conversation.resume();
/// handlers.poll(&mut (), std::time::Duration::MAX)?;
/// poke.wait()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ServedConversation {
    pub(crate) service: Arc<ServiceShared>,
    pub(crate) counterpart: Arc<Counterpart>,
}

impl ServedConversation {
    /// Its number in the service, which no other has or has had.
    pub fn number(&self) -> u64 {
        self.counterpart.number
    }

    /// The client's process, by the kernel's word; 0 where it is in another pid namespace and has no number here.
    pub fn pid(&self) -> u32 {
        self.counterpart.client.pid
    }

    /// The client's user; `u32::MAX` where it has, on a shared bus, no number in this program's user namespace.
    pub fn uid(&self) -> u32 {
        self.counterpart.client.uid
    }

    /// What the client may do.
    pub fn granted(&self) -> Verbs {
        self.counterpart.granted
    }

    /// The topic; empty for a conversation with the service as a whole.
    pub fn topic(&self) -> &str {
        &self.counterpart.topic.name
    }

    /// How many of its requests wait to be begun.
    pub fn pending(&self) -> usize {
        let lanes = self.service.transactions.lanes();
        lanes
            .iter()
            .filter(|lane| Arc::ptr_eq(&lane.counterpart, &self.counterpart))
            .map(|lane| lane.pending())
            .sum()
    }

    /// Begins no request of it any longer.
    pub fn pause(&self) {
        self.counterpart.gate.pause();
    }

    /// Lets one request more be begun while it is paused.
    pub fn step(&self) {
        self.counterpart.gate.step();
        self.service.transactions.kick();
    }

    /// Goes on with its requests.
    pub fn resume(&self) {
        self.counterpart.gate.resume();
        self.service.transactions.kick();
    }

    /// Ends it, for a reason that its client is told, [`Evicted`](crate::Ended::Evicted): its links and transactions end with it,
    /// and the service does nothing more for it. Its client does not open it again by itself in this life of the service, but
    /// may ask for another; [`on_connect`](crate::Service::on_connect) has a say in that. Values that the client was given to
    /// read stay in its memory, and nothing keeps a program that does not play by the rules from looking there.
    ///
    /// Returns at once. Does nothing to a conversation that is over.
    pub fn close(&self, reason: &str) {
        let Counterpart { number, peer, reference, .. } = *self.counterpart;
        self.service.order(Order::Expel { peer, number, reference, reason: reason.to_owned() });
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.counterpart.gate.is_paused()
    }
}
