//! The living list of conversations with all services that match a pattern, as the control thread keeps it.
//!
//! ```text
//!   bus's directory ──► services that match ──► an entry for each, with a conversation
//!                                                 │ live          a member
//!   Conversations ◄── ListShared ◄────────────────┤ no such topic  waits for it
//!   MergedLink                                    │ another type   until the service's next life
//!                                                 └ gone           pruned
//! ```
//!
//! An entry is one life of one service, and has a conversation of its own: a service that returns gets another, so that
//! nothing of the dead is kept but by those who still read it. Only where the connection is lost and the life is the same, the
//! conversation goes on. An entry goes when both say so: the conversation is not live, and the directory does not have this
//! life any longer. So whoever has a link by it is told of its end before it goes.
//!
//! The service is first asked for its topic without waiting, and again, with waiting, when it says that there is none: then
//! the reason is known, and the topic is told of when it comes.
//!
//! What may go wrong: the directory still has a service an instant after its connection ended, since an exiting process
//! closes one thing after the other. That is looked into again, as [`Watch`](crate::Watch) does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::conversation_state::{ConversationShared, State, Status};
use super::names::Names;
use super::parking::Versioned;
use super::peer::Peer;
use super::session::Expected;
use crate::error::{Ended, Error};
use crate::name;
use crate::registry::ServiceInfo;
use crate::sync::Mutex;
use crate::sys::wake::Waker;

/// A list, as its handles and the control thread see it.
#[derive(Debug)]
pub(crate) struct ListShared {
    pub(crate) number: u64,
    /// Which services.
    pub(crate) pattern: String,
    pub(crate) topic: String,
    pub(crate) expected: Expected,
    /// One table for all members, so that an item's id is the same with each.
    pub(crate) names: Arc<Names>,
    pub(crate) state: Versioned<ListState>,
    /// What those are woken by who wait by descriptor, by number.
    hails: Mutex<BTreeMap<u64, Waker>>,
}

/// How a list stands.
#[derive(Debug, Default)]
pub(crate) struct ListState {
    /// By the service's name.
    pub(crate) entries: BTreeMap<String, Entry>,
    /// How often a topic began to be there, or to be looked for, since the list began.
    pub(crate) begun: u64,
    /// Whether the directory was read.
    pub(crate) looked: bool,
    /// Why it could not be read the last time.
    pub(crate) unread: Option<String>,
    /// Whether nobody keeps it any longer.
    pub(crate) closed: bool,
}

/// A service that matches.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) info: Arc<ServiceInfo>,
    pub(crate) conversation: Arc<ConversationShared>,
    pub(crate) standing: Standing,
    /// Of [`ListState::begun`]: from when on it may have had the topic.
    pub(crate) born: u64,
    /// When it was first asked.
    pub(crate) since: Instant,
    /// Whether the directory has it, in this life.
    listed: bool,
    /// Whether its conversation is live with another life already.
    outlived: bool,
    /// Whether it is known why it has not answered.
    troubled: bool,
    /// Version of the conversation's state that `standing` is of.
    seen: u64,
}

/// How a service stands to the list.
#[derive(Debug, Clone)]
pub(crate) enum Standing {
    /// It has not answered.
    Asked,
    /// It has no such topic.
    WithoutTopic,
    Member,
    /// It was a member, and its connection is lost.
    Ended(Ended),
    /// It cannot be a member in this life.
    Failed(Arc<Error>),
}

impl ListShared {
    pub(crate) fn new(number: u64, pattern: &str, topic: &str, expected: Expected) -> Self {
        ListShared {
            number,
            pattern: pattern.to_owned(),
            topic: topic.to_owned(),
            expected,
            names: Arc::default(),
            state: Versioned::new(ListState::default()),
            hails: Mutex::default(),
        }
    }

    /// Has `waker` woken at each change, under a number by which that ends.
    pub(crate) fn hail(&self, number: u64, waker: Waker) {
        self.hails.lock().insert(number, waker);
    }

    /// Has it woken no longer.
    pub(crate) fn cease(&self, number: u64) {
        self.hails.lock().remove(&number);
    }

    /// Tells everybody that the state has changed.
    fn tell(&self) {
        self.state.update(|_| ());
        self.hails.lock().values().for_each(Waker::wake);
    }
}

impl ListState {
    /// The services that are members, by name.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().filter(|entry| matches!(entry.standing, Standing::Member))
    }

    /// Whether every service that matches has said whether it is a member.
    pub(crate) fn is_settled(&self) -> bool {
        let is_open = |entry: &Entry| matches!(entry.standing, Standing::Asked) && !entry.troubled;
        self.looked && !self.entries.values().any(is_open)
    }
}

impl Entry {
    fn new(info: ServiceInfo, conversation: Arc<ConversationShared>, born: u64) -> Self {
        let seen = conversation.state.version();
        let (standing, since) = (Standing::Asked, Instant::now());
        Entry {
            info: Arc::new(info),
            conversation,
            standing,
            born,
            since,
            listed: true,
            outlived: false,
            troubled: false,
            seen,
        }
    }

    /// Takes over how the conversation stands; whether that has changed.
    fn follow(&mut self, begun: &mut u64) -> bool {
        let version = self.conversation.state.version();
        if version == self.seen {
            return false;
        }
        self.seen = version;
        let mut state = self.conversation.state.lock();
        let State { status, trouble, life: (pid, instance), .. } = &mut *state;
        let troubled = trouble.is_some();
        let standing = match status {
            Status::Live => {
                // A process of another pid namespace may have no number here.
                let pid = if *pid == 0 { self.info.pid } else { *pid };
                let info = ServiceInfo { name: self.info.name.clone(), pid, instance: *instance };
                if !self.info.is_same_life(&info) {
                    // Nobody has a link to what was never a member.
                    self.outlived = matches!(self.standing, Standing::Member | Standing::Ended(_));
                }
                // The directory may not know all of it.
                if *self.info != info {
                    self.info = Arc::new(info);
                }
                Standing::Member
            }
            Status::Ended(reason) => Standing::Ended(reason.clone()),
            Status::Failed(error) => match error.take() {
                Some(error) => Standing::Failed(Arc::new(error)),
                None => return false,
            },
            Status::WithoutTopic { .. } => Standing::WithoutTopic,
            Status::Absent | Status::Unanswered { .. } => Standing::Asked,
        };
        drop(state);
        if let Standing::WithoutTopic | Standing::Failed(_) = standing {
            // What comes of it now was not there when anybody asked before.
            *begun += 1;
            self.born = *begun;
        }
        let same = core::mem::discriminant(&standing) == core::mem::discriminant(&self.standing)
            && troubled == self.troubled;
        (self.standing, self.troubled) = (standing, troubled);
        !same || self.outlived
    }

    /// Whether both its connection and the directory say that this life is over.
    fn is_over(&self) -> bool {
        !self.listed && !matches!(self.standing, Standing::Member)
    }
}

/// A list, as the control thread has it.
#[derive(Debug)]
pub(crate) struct List(pub(crate) Arc<ListShared>);

impl List {
    /// Whether the directory has not been read for it.
    pub(crate) fn is_new(&self) -> bool {
        !self.0.state.lock().looked
    }

    /// Begins a conversation with a service that matches.
    fn begin(
        &self,
        info: ServiceInfo,
        begun: &mut u64,
        peers: &mut BTreeMap<String, Peer>,
        number: &mut dyn FnMut() -> u64,
    ) -> Entry {
        let ListShared { topic, expected, names, .. } = &*self.0;
        let address = (&*info.name, &**topic);
        let conversation =
            ConversationShared::new(number(), address, (true, true), expected.clone(), names.clone());
        conversation.hold();
        let conversation = Arc::new(conversation);
        let peer = peers.entry(info.name.clone()).or_insert_with(|| Peer::new(info.name.clone()));
        peer.open(conversation.clone());
        *begun += 1;
        Entry::new(info, conversation, *begun)
    }

    /// The directory could not be read.
    pub(crate) fn fail(&self, error: &Error) {
        self.0.state.lock().unread = Some(error.to_string());
        self.0.tell();
    }

    /// Compares the services that there are, by name, with those of the list, and begins conversations with new ones. Whether
    /// the change of the directory is explained: something has come or gone.
    pub(crate) fn compare(
        &self,
        services: &[ServiceInfo],
        peers: &mut BTreeMap<String, Peer>,
        number: &mut dyn FnMut() -> u64,
    ) -> bool {
        let mut guard = self.0.state.lock();
        let ListState { entries, begun, looked, unread, .. } = &mut *guard;
        *unread = None;
        let mut changed = !core::mem::replace(looked, true);
        entries.values_mut().for_each(|entry| entry.listed = false);
        for info in services.iter().filter(|info| name::matches(&self.0.pattern, &info.name)) {
            let Some(entry) = entries.get_mut(&info.name) else {
                let entry = self.begin(info.clone(), begun, peers, number);
                entries.insert(info.name.clone(), entry);
                changed = true;
                continue;
            };
            entry.listed = entry.info.is_same_life(info);
            match entry.standing {
                _ if entry.listed => {}
                // It was never more than asked, and the next life is asked by the same conversation.
                Standing::Asked | Standing::WithoutTopic => {
                    *begun += 1;
                    (entry.info, entry.born, entry.listed) = (Arc::new(info.clone()), *begun, true);
                    changed = true;
                }
                // That it is over is told by its connection.
                Standing::Member => {}
                Standing::Ended(_) | Standing::Failed(_) => {
                    let next = self.begin(info.clone(), begun, peers, number);
                    close(&core::mem::replace(entry, next), peers);
                    changed = true;
                }
            }
        }
        entries.retain(|_, entry| {
            let over = entry.is_over();
            if over {
                close(entry, peers);
            }
            changed |= over;
            !over
        });
        // Where a connection has ended and the directory does not say why, it may in a moment.
        let unexplained = entries.values().any(|entry| matches!(entry.standing, Standing::Ended(_)));
        drop(guard);
        if changed {
            self.0.tell();
        }
        changed && !unexplained
    }

    /// Takes over how the conversations stand. Whether the directory has to be read, since one of them has ended.
    pub(crate) fn follow(&self, peers: &mut BTreeMap<String, Peer>, number: &mut dyn FnMut() -> u64) -> bool {
        let mut state = self.0.state.lock();
        let ListState { entries, begun, .. } = &mut *state;
        let (mut changed, mut ended) = (false, false);
        for entry in entries.values_mut() {
            let news = entry.follow(begun);
            (changed, ended) =
                (changed | news, ended | (news && matches!(entry.standing, Standing::Ended(_))));
            if entry.outlived {
                let info = ServiceInfo::clone(&entry.info);
                let next = self.begin(info, begun, peers, number);
                close(&core::mem::replace(entry, next), peers);
            }
        }
        drop(state);
        if changed {
            self.0.tell();
        }
        ended
    }

    /// Ends the list.
    pub(crate) fn close(&self, peers: &mut BTreeMap<String, Peer>) {
        let entries = core::mem::take(&mut self.0.state.lock().entries);
        entries.values().for_each(|entry| close(entry, peers));
    }

    /// Nobody will look after it any longer.
    pub(crate) fn abandon(&self) {
        self.0.state.lock().closed = true;
        self.0.tell();
    }
}

/// Lets go of an entry's conversation.
fn close(entry: &Entry, peers: &mut BTreeMap<String, Peer>) {
    if entry.conversation.let_go()
        && let Some(peer) = peers.get_mut(&entry.info.name)
    {
        peer.close(entry.conversation.number);
    }
}

/// Why a service that is there is no member.
pub(crate) fn trouble(list: &ListShared, entry: &Entry) -> Option<Arc<Error>> {
    let service = || entry.info.name.clone();
    Some(match &entry.standing {
        Standing::Member => return None,
        Standing::WithoutTopic => {
            Arc::new(Error::NoSuchTopic { service: service(), topic: list.topic.clone() })
        }
        Standing::Failed(error) => error.clone(),
        Standing::Ended(reason) => Arc::new(Error::Stale { service: service(), reason: reason.clone() }),
        Standing::Asked => {
            let after = entry.since.elapsed();
            let hint = match entry.conversation.trouble() {
                Some(trouble) => format!("the service cannot be talked to: {trouble}"),
                None => {
                    format!("process {} serves it but has not answered yet; is it stopped?", entry.info.pid)
                }
            };
            let what = format!("{}/{}", entry.info.name, list.topic);
            Arc::new(Error::Timeout { verb: "connect", what, after, hint })
        }
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn info(instance: u64) -> ServiceInfo {
        ServiceInfo { name: "service".to_owned(), pid: 1, instance }
    }

    struct World {
        list: List,
        peers: BTreeMap<String, Peer>,
        next: u64,
    }

    impl World {
        fn new() -> Self {
            let list = List(Arc::new(ListShared::new(0, "*", "topic", Expected::of::<u64>())));
            World { list, peers: BTreeMap::new(), next: 1 }
        }

        fn compare(&mut self, services: &[ServiceInfo]) -> bool {
            let next = &mut self.next;
            let mut number = || {
                *next += 1;
                *next
            };
            self.list.compare(services, &mut self.peers, &mut number)
        }

        fn follow(&mut self) -> bool {
            let next = &mut self.next;
            let mut number = || {
                *next += 1;
                *next
            };
            self.list.follow(&mut self.peers, &mut number)
        }

        /// What the conversation's connection tells.
        fn tell(&self, status: Status, instance: u64) {
            self.tell_of(status, (1, instance));
        }

        fn tell_of(&self, status: Status, life: (u32, u64)) {
            let state = self.list.0.state.lock();
            let conversation = &state.entries["service"].conversation;
            conversation.state.update(|state| (state.status, state.life) = (status, life));
        }

        /// The number of the conversation, its instance, and how it stands.
        fn stands(&self) -> (u64, u64, Standing) {
            let state = self.list.0.state.lock();
            let entry = &state.entries["service"];
            (entry.conversation.number, entry.info.instance, entry.standing.clone())
        }
    }

    #[test]
    fn each_life_that_was_a_member_has_a_conversation_of_its_own_whoever_tells_of_the_next_one() {
        let mut world = World::new();
        assert!(world.compare(&[info(7)]));
        world.tell(Status::Live, 7);
        assert!(!world.follow());
        let (first, instance, standing) = world.stands();
        assert!(instance == 7 && matches!(standing, Standing::Member));
        // The connection: it is live with the next life before the directory is read.
        world.tell(Status::Ended(Ended::Died), 7);
        world.tell(Status::Live, 8);
        world.follow();
        let (second, instance, standing) = world.stands();
        assert!(second != first && instance == 8 && matches!(standing, Standing::Asked), "{standing:?}");
        // The directory: it has the next life before the connection ends, and after.
        world.tell(Status::Live, 8);
        world.follow();
        world.compare(&[info(9)]);
        assert_eq!(world.stands().0, second, "its links are yet to be told");
        world.tell(Status::Ended(Ended::Died), 8);
        assert!(world.follow());
        assert!(world.compare(&[info(9)]));
        let (third, instance, _) = world.stands();
        assert!(third != second && instance == 9);
        assert_eq!(world.peers.len(), 1);
    }

    /// The directory has the number that the process has where it runs, and the connection the one that it has here.
    #[test]
    fn a_service_in_another_pid_namespace_is_the_same_life_by_either_number() {
        let mut world = World::new();
        let listed = [ServiceInfo { pid: 4711, ..info(7) }];
        world.compare(&listed);
        for kernels in [1, 0] {
            world.tell_of(Status::Live, (kernels, 7));
            world.follow();
            let first = world.stands().0;
            world.tell_of(Status::Ended(Ended::Died), (kernels, 7));
            world.follow();
            assert!(!world.compare(&listed), "it is lost for now");
            world.tell_of(Status::Live, (kernels, 7));
            world.follow();
            world.compare(&listed);
            assert_eq!(world.stands().0, first, "one life has one conversation");
        }
        assert_eq!(
            world.list.0.state.lock().entries["service"].info.pid,
            1,
            "where the kernel has no number, the one before"
        );
    }

    #[test]
    fn one_that_was_never_a_member_keeps_its_conversation_and_one_that_failed_gets_another() {
        let mut world = World::new();
        world.compare(&[info(7)]);
        let first = world.stands().0;
        world.compare(&[info(8)]);
        assert!(world.stands().0 == first && world.stands().1 == 8);
        world.tell(Status::Live, 9);
        world.follow();
        assert!(world.stands().0 == first && world.stands().1 == 9, "it returned before it answered");
        let mut world = World::new();
        world.compare(&[info(7)]);
        let first = world.stands().0;
        world.tell(Status::Failed(Some(Error::Closed("it"))), 0);
        assert!(!world.follow());
        world.compare(&[info(7)]);
        let (number, _, standing) = world.stands();
        assert!(number == first && matches!(standing, Standing::Failed(_)), "not again in this life");
        world.compare(&[info(8)]);
        assert_ne!(world.stands().0, first);
    }

    #[test]
    fn an_end_that_the_directory_does_not_explain_is_looked_into_again() {
        let mut world = World::new();
        world.compare(&[info(7)]);
        world.tell(Status::Live, 7);
        world.follow();
        world.tell(Status::Ended(Ended::Died), 7);
        assert!(world.follow(), "the directory has to be read");
        // Also where something else comes at that moment.
        let other = ServiceInfo { name: "other".to_owned(), ..info(1) };
        assert!(!world.compare(&[other, info(7)]), "the lock goes an instant later");
        assert_eq!(world.list.0.state.lock().members().count(), 0);
        assert!(!world.follow());
        assert!(world.compare(&[]));
        assert!(world.list.0.state.lock().entries.is_empty());
    }
}
