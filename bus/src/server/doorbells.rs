//! Doorbells: how a publisher wakes a descriptor.
//!
//! A client that waits for many things at once hands the service one end of a socket pair, a *doorbell*, and says
//! for which items, or for which whole topics, it is to be rung. Whoever publishes one of them and finds the flag of
//! [`crate::bell`] set sends one byte to each. The flag may have been set for one of the doorbells only: for the
//! others that is a needless wake-up.
//!
//! Two sides meet in [`TopicDoorbells`], behind a mutex that a publisher takes only when it has found the flag:
//!
//! ```text
//!   control thread ──► ClientDoorbells ──► Doorbell (a socket) ◄── TopicDoorbells ◄── publisher
//!                      one for each client                          one for each topic
//! ```
//!
//! **A publisher never waits for a client.** Not an eventfd, which a client could make blocking and fill up: that
//! flag belongs to the description, which both have. A send is told by each call not to wait. A full queue is as
//! good as a ring, since it is readable. And a publisher only borrows sockets: their last owner, who closes them,
//! is always the control thread, so that nothing that closing may set off happens in a publish.
//!
//! **A doorbell is rung once when it comes to an item**, since its owner may have set the flag before, and a publish
//! cleared it that did not know whom to ring for. After that ring the owner looks and sets the flag again.
//!
//! **What a client can make the service hold is bounded**: doorbells for each client and for all, and items that
//! they are to be rung for. Whoever is refused one is told, and is woken by the bound of its sleeps alone until it has sent
//! one again, when there are fewer. What a client sends
//! is checked to be a Unix stream socket.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::{Resource, getrlimit};

use crate::bell::Doorbells;
use crate::server::shared::{ServiceShared, TopicShared};
use crate::sync::Mutex;
use crate::sys::socket;

/// Doorbells of one client. A program needs one for each thread that waits for many things.
const MAX_DOORBELLS: usize = 64;
/// Links of one client that have a doorbell. As many as it may have links.
const MAX_ATTENDED: usize = 1 << 20;

/// What a doorbell is rung for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    /// This item was published.
    Item(u32),
    /// Any item of the topic was.
    Topic,
}

/// One end of a client's socket pair, and a place in the counts.
#[derive(Debug)]
pub(crate) struct Doorbell {
    socket: OwnedFd,
    of_client: Arc<AtomicUsize>,
    service: Arc<ServiceShared>,
}

impl Doorbell {
    fn ring(&self) {
        // Full: it is readable already. Gone: the control thread will learn of that, or its owner does not care.
        let _ = socket::ring(&self.socket);
    }
}

impl Drop for Doorbell {
    fn drop(&mut self) {
        self.of_client.fetch_sub(1, Ordering::Relaxed);
        self.service.doorbells.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The doorbells of one topic.
#[derive(Debug, Default)]
pub(crate) struct TopicDoorbells(Mutex<HashMap<Cause, Vec<Hung>>>);

/// A doorbell, and for how many links of its owner it is rung.
#[derive(Debug)]
struct Hung {
    doorbell: Arc<Doorbell>,
    links: usize,
}

impl TopicDoorbells {
    fn add(&self, cause: Cause, doorbell: &Arc<Doorbell>) {
        let mut hung = self.0.lock();
        let hung = hung.entry(cause).or_default();
        match hung.iter_mut().find(|hung| Arc::ptr_eq(&hung.doorbell, doorbell)) {
            Some(hung) => hung.links += 1,
            None => hung.push(Hung { doorbell: doorbell.clone(), links: 1 }),
        }
    }

    fn remove(&self, cause: Cause, doorbell: &Arc<Doorbell>) {
        let mut topic = self.0.lock();
        let Some(hung) = topic.get_mut(&cause) else { return };
        if let Some(index) = hung.iter().position(|hung| Arc::ptr_eq(&hung.doorbell, doorbell)) {
            hung[index].links -= 1;
            if hung[index].links == 0 {
                // Not the last owner: that is the caller, or the client's table.
                hung.swap_remove(index);
            }
        }
        if hung.is_empty() {
            topic.remove(&cause);
        }
    }
}

/// The doorbells at one bell, as a publisher has them: nothing is looked at before they are to be rung.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AtBell<'t> {
    pub(crate) topic: &'t Arc<TopicShared>,
    pub(crate) cause: Cause,
}

impl Doorbells for AtBell<'_> {
    fn ring(self) {
        let hung = self.topic.doorbells.0.lock();
        hung.get(&self.cause).into_iter().flatten().for_each(|hung| hung.doorbell.ring());
    }
}

/// The doorbells that one client has hung up, by number: for who answers its transactions, from whatever thread.
#[derive(Debug, Default)]
pub(crate) struct HungDoorbells(Mutex<HashMap<u64, Arc<Doorbell>>>);

impl HungDoorbells {
    fn get(&self, number: u64) -> Option<Arc<Doorbell>> {
        self.0.lock().get(&number).cloned()
    }

    /// Rings the one of this number; whether it hangs.
    pub(crate) fn ring(&self, number: u64) -> bool {
        self.get(number).map(|doorbell| doorbell.ring()).is_some()
    }
}

/// The doorbells of one client, as the control thread keeps them.
#[derive(Debug)]
pub(crate) struct ClientDoorbells {
    service: Arc<ServiceShared>,
    hung: Arc<HungDoorbells>,
    /// By conversation and link.
    attended: HashMap<u64, HashMap<u64, Attended>>,
    /// Number of those.
    links: usize,
    /// Doorbells that are open, those included that only links have still.
    open: Arc<AtomicUsize>,
}

/// What a link's doorbell is rung for; until dropped.
#[derive(Debug)]
struct Attended {
    topic: Arc<TopicShared>,
    cause: Cause,
    doorbell: Arc<Doorbell>,
}

impl Drop for Attended {
    fn drop(&mut self) {
        self.topic.doorbells.remove(self.cause, &self.doorbell);
    }
}

/// Why a doorbell is not hung up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotHung {
    /// It is none, or its number is taken: no honest client's.
    Malformed(&'static str),
    /// There are too many.
    TooMany,
}

impl ClientDoorbells {
    pub(crate) fn new(service: Arc<ServiceShared>) -> Self {
        let (hung, attended) = (Arc::default(), HashMap::new());
        ClientDoorbells { service, hung, attended, links: 0, open: Arc::default() }
    }

    /// Those that hang.
    pub(crate) fn hung(&self) -> &Arc<HungDoorbells> {
        &self.hung
    }

    /// Hangs up what a client sent.
    pub(crate) fn hang(&mut self, number: u64, socket: OwnedFd) -> Result<(), NotHung> {
        if self.hung.get(number).is_some() {
            return Err(NotHung::Malformed("a doorbell of this number hangs"));
        }
        if !socket::is_unix_stream(&socket) {
            return Err(NotHung::Malformed("a doorbell that is no Unix stream socket"));
        }
        // Connections may take half of the descriptors; the rest is for segments and for the program.
        let most = getrlimit(Resource::Nofile).current.map_or(u64::MAX, |limit| limit / 4);
        let (ours, all) = (self.open.load(Ordering::Relaxed), self.service.doorbells.load(Ordering::Relaxed));
        if ours >= MAX_DOORBELLS || all as u64 >= most {
            return Err(NotHung::TooMany);
        }
        self.open.fetch_add(1, Ordering::Relaxed);
        self.service.doorbells.fetch_add(1, Ordering::Relaxed);
        let (of_client, service) = (self.open.clone(), self.service.clone());
        self.hung.0.lock().insert(number, Arc::new(Doorbell { socket, of_client, service }));
        Ok(())
    }

    /// Takes a doorbell down. Links that it is still rung for keep it.
    pub(crate) fn take_down(&mut self, number: u64) {
        let doorbell = self.hung.0.lock().remove(&number);
        drop(doorbell);
    }

    /// Has a doorbell rung for a link from now on, instead of the one before. Not one that was refused.
    pub(crate) fn attend(
        &mut self,
        (conversation, link): (u64, u64),
        topic: &Arc<TopicShared>,
        cause: Cause,
        number: u64,
    ) {
        self.leave(conversation, link);
        let Some(doorbell) = self.hung.get(number) else { return };
        if self.links >= MAX_ATTENDED {
            return;
        }
        topic.doorbells.add(cause, &doorbell);
        doorbell.ring();
        let attended = Attended { topic: topic.clone(), cause, doorbell };
        self.attended.entry(conversation).or_default().insert(link, attended);
        self.links += 1;
    }

    /// Rings for this link no longer.
    pub(crate) fn leave(&mut self, conversation: u64, link: u64) {
        if let Some(links) = self.attended.get_mut(&conversation) {
            self.links -= usize::from(links.remove(&link).is_some());
        }
    }

    /// Rings for no link of this conversation any longer.
    pub(crate) fn close(&mut self, conversation: u64) {
        self.links -= self.attended.remove(&conversation).map_or(0, |links| links.len());
    }
}
