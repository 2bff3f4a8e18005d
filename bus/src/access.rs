//! Who may do what: lists of users, groups and processes, and what each of them is granted.
//!
//! **One list for a service, and one for a topic where it has its own.** The service's list says who may use its commands, and
//! is the list of every topic that has none. A topic's own list stands in its place, as far as that topic goes; whoever is on
//! any of them may connect, and sees of the service what he was granted something of. What the service tells of itself, its system
//! topic and its trace, names all topics, items and clients, and so has a verb of its own in the service's list.
//!
//! **Who somebody is the kernel says**: the user, group and process that a socket was connected by (SO_PEERCRED, unix(7)), and
//! that process's further groups (SO_PEERGROUPS). What a conversation may do is worked out once, when it is opened, and is then
//! a bit test for each request. Reading is not asked for again at all: whoever may read is sent the memory, which nothing takes
//! back from a program that has it. So what may change by the minute belongs in a handler, which is told who asks each time.
//!
//! **A number that may be anybody's is nobody's.** Where the service runs in a user namespace (user_namespaces(7)), as in a container,
//! the kernel says of all users without a number there the same one, and likewise of groups. On a shared bus that is taken for no
//! user's and no group's: not for the service's own, and not for one on a list.
//!
//! **Root is the same user.** It may become any user, and stop and change any of its processes; to refuse it would promise what
//! nobody can keep, and would only be in the way of an administrator's tools.

use core::fmt;
use core::ops::BitOr;

use crate::sys::socket::Credentials;
use crate::sys::users::{self, Kind, UNKNOWN};

/// Things that may be done with a service or a topic: to be granted, and to be missed.
///
/// What is done to whom is the reason for the choice: [`READ`](Self::READ) costs a service nothing, [`TRACK`](Self::TRACK) can
/// hold its publisher up, and the others make its handlers work.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Verbs(u8);

impl Verbs {
    /// Nothing.
    pub const NONE: Verbs = Verbs(0);
    /// To open a conversation, and to see what there is: the topic in listings, the service's commands, the formats of
    /// computed items. Whoever may do anything else may do this.
    pub const CONNECT: Verbs = Verbs(1);
    /// To read values: requests of stored ones, and links. Both read memory that the client is sent once, and that nothing takes
    /// back.
    pub const READ: Verbs = Verbs(1 << 1);
    /// To have links that a publisher looks after, as far as the topic grants them: [lossless](crate::TopicBuilder::lossless)
    /// ones, for which it waits, and [samples](crate::TopicBuilder::samples), which keep memory from it. Needs, and grants,
    /// [`READ`](Self::READ).
    pub const TRACK: Verbs = Verbs(1 << 2);
    /// To offer values.
    pub const POKE: Verbs = Verbs(1 << 3);
    /// To have values computed.
    pub const COMPUTE: Verbs = Verbs(1 << 4);
    /// To have commands carried out. Of a service, and not of one topic of it: its list says.
    pub const EXECUTE: Verbs = Verbs(1 << 5);
    /// To read what the service tells of itself, by its [system topic](crate::System) and to [spies](crate::Spy): the names of all
    /// topics and items, also of those that are not for everybody, who its clients are, and what each of them asks for. Of a
    /// service, and not of one topic of it: its list says. Needs nothing else, and nothing else grants it.
    pub const OBSERVE: Verbs = Verbs(1 << 6);
    /// Everything.
    pub const ALL: Verbs = Verbs((1 << 7) - 1);

    /// Each verb by its name.
    const NAMES: [(Verbs, &'static str); 7] = [
        (Verbs::CONNECT, "CONNECT"),
        (Verbs::READ, "READ"),
        (Verbs::TRACK, "TRACK"),
        (Verbs::POKE, "POKE"),
        (Verbs::COMPUTE, "COMPUTE"),
        (Verbs::EXECUTE, "EXECUTE"),
        (Verbs::OBSERVE, "OBSERVE"),
    ];

    /// Whether all of `others` are among these.
    #[inline(always)]
    pub const fn contains(self, others: Verbs) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// These, as far as they are among `others`.
    pub(crate) const fn among(self, others: Verbs) -> Verbs {
        Verbs(self.0 & others.0)
    }

    /// These, but for `others`.
    pub(crate) const fn without(self, others: Verbs) -> Verbs {
        Verbs(self.0 & !others.0)
    }

    /// These, with what they are nothing without.
    const fn whole(self) -> Verbs {
        let reads = if self.0 & Verbs::TRACK.0 != 0 { Verbs::READ.0 } else { 0 };
        let connects = if self.0 != 0 { Verbs::CONNECT.0 } else { 0 };
        Verbs(self.0 | reads | connects)
    }
}

impl BitOr for Verbs {
    type Output = Verbs;

    fn bitor(self, others: Verbs) -> Verbs {
        Verbs(self.0 | others.0)
    }
}

impl fmt::Display for Verbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = Self::NAMES.iter().filter(|(verb, _)| self.contains(*verb)).map(|(_, name)| *name);
        f.write_str(names.next().unwrap_or("NONE"))?;
        names.try_for_each(|name| write!(f, " | {name}"))
    }
}

impl fmt::Debug for Verbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Somebody, by the kernel's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Who {
    /// Every user who can reach the bus.
    Anyone,
    /// A user, by the number that it has where the service runs.
    Uid(u32),
    /// The members of a group, by number likewise: those whose process has it as its group or among its further groups.
    Gid(u32),
    /// One process. Numbers of processes are used again, so this is for a process that is known to live, as a child is. One of
    /// another pid namespace has no number here.
    Pid(u32),
}

impl Who {
    fn is(self, client: &Credentials, groups: &[u32]) -> bool {
        match self {
            Who::Anyone => true,
            Who::Uid(uid) => uid != UNKNOWN && client.uid == uid,
            Who::Gid(gid) => gid != UNKNOWN && (client.gid == gid || groups.contains(&gid)),
            Who::Pid(pid) => pid != 0 && client.pid == pid,
        }
    }
}

/// Who may do what with a service, or with one topic of it. By default, everything and only its own user.
///
/// Everybody is granted all that the entries which fit him say together. There is no entry that takes away: begin with
/// [`nobody`](Self::nobody) for a list that says it all.
///
/// ```
/// # fn main() -> Result<(), bus::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let bus = bus::Bus::builder().directory(directory.path()).open("docs")?;
/// use bus::{Access, Verbs, Who};
///
/// let service = bus.service("thermostat")?;
/// // The operators' group may use the commands; all may read the rooms, and user 1001 may set them.
/// service.set_access(Access::same_user().allow(Who::Gid(2000), Verbs::EXECUTE))?;
/// let rooms = service
///     .topic::<f64>("rooms")
///     .access(Access::same_user().allow(Who::Anyone, Verbs::READ).allow(Who::Uid(1001), Verbs::POKE))
///     .open()?;
/// service.ready()?;
/// # Ok(())
/// # }
/// ```
///
/// Other users also have to reach the bus: see [`BusBuilder::shared`](crate::BusBuilder::shared).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    same_user: bool,
    entries: Vec<(Who, Verbs)>,
}

impl Default for Access {
    fn default() -> Self {
        Access::same_user()
    }
}

impl Access {
    /// The service's own user may do everything, and so may root, which can become any user.
    pub fn same_user() -> Self {
        Access { same_user: true, entries: Vec::new() }
    }

    /// Nobody may do anything, the service's own user and root included.
    pub fn nobody() -> Self {
        Access { same_user: false, entries: Vec::new() }
    }

    /// Grants more: `verbs`, with [`CONNECT`](Verbs::CONNECT), and [`READ`](Verbs::READ) to whoever may
    /// [`TRACK`](Verbs::TRACK).
    #[must_use = "this is another list"]
    pub fn allow(mut self, who: Who, verbs: Verbs) -> Self {
        self.entries.push((who, verbs.whole()));
        self
    }

    /// What somebody may do.
    pub(crate) fn granted(&self, client: &Credentials, groups: &[u32]) -> Verbs {
        let own = self.same_user && is_own(client.uid);
        let begin = if own { Verbs::ALL } else { Verbs::NONE };
        let fitting = self.entries.iter().filter(|(who, _)| who.is(client, groups));
        fitting.fold(begin, |granted, (_, verbs)| granted | *verbs)
    }

    /// Whether it may be that others than the service's own user and root are granted something.
    pub(crate) fn is_for_others(&self) -> bool {
        let others =
            |(who, verbs): &(Who, Verbs)| !verbs.is_empty() && !matches!(who, Who::Uid(uid) if is_own(*uid));
        self.entries.iter().any(others)
    }
}

/// Who somebody is, by those numbers that are surely his.
pub(crate) fn known(client: Credentials, groups: Vec<u32>) -> (Credentials, Vec<u32>) {
    let Credentials { pid, uid, gid } = client;
    let groups = groups.into_iter().filter(|&group| users::known(group, Kind::Group) != UNKNOWN);
    let (uid, gid) = (users::known(uid, Kind::User), users::known(gid, Kind::Group));
    (Credentials { pid, uid, gid }, groups.collect())
}

/// Whether this is this program's user, or root.
pub(crate) fn is_own(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

/// What a user who lacks `needed` is told: what the service's owner would have to change.
pub(crate) fn remedy(uid: u32, needed: Verbs) -> String {
    if uid == UNKNOWN {
        return format!(
            "it has no number in the user namespace that the service runs in, where it can be granted {needed} as \
             `Who::Anyone` only; have it mapped there (user_namespaces(7)), or run both in one namespace"
        );
    }
    let place = if needed == Verbs::EXECUTE || needed == Verbs::OBSERVE {
        "in the service's `set_access`"
    } else {
        "in the topic's `access`, or in the service's `set_access` where the topic has no list of its own"
    };
    format!("its owner can grant it with `.allow(Who::Uid({uid}), Verbs::{needed})` {place}")
}

/// What whoever does not trust a user is told.
pub(crate) fn how_to_trust(uid: u32) -> String {
    if users::known(uid, Kind::User) == uid {
        return format!(
            "and this program trusts its own user and root; if this is whom you want to talk to, open the bus with \
             `Bus::builder().trust({uid})`"
        );
    }
    "which here is anybody who has no number in this program's user namespace, and is not trusted on a shared bus; have that \
     user mapped (user_namespaces(7)), or run both in one namespace"
        .to_owned()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const CLIENT: Credentials = Credentials { pid: 17, uid: 1001, gid: 2001 };

    #[test]
    fn all_entries_that_fit_are_granted_together_and_no_others() {
        let list = Access::same_user()
            .allow(Who::Anyone, Verbs::CONNECT)
            .allow(Who::Uid(1001), Verbs::READ)
            .allow(Who::Uid(1002), Verbs::EXECUTE)
            .allow(Who::Gid(2001), Verbs::POKE)
            .allow(Who::Gid(3001), Verbs::COMPUTE)
            .allow(Who::Pid(17), Verbs::TRACK);
        let granted = list.granted(&CLIENT, &[]);
        assert_eq!(granted, Verbs::CONNECT | Verbs::READ | Verbs::POKE | Verbs::TRACK);
        assert!(list.granted(&CLIENT, &[5, 3001]).contains(Verbs::COMPUTE), "a further group");
        assert_eq!(list.granted(&Credentials { pid: 1, uid: 9, gid: 9 }, &[]), Verbs::CONNECT);
    }

    #[test]
    fn own_and_root_may_everything_unless_the_list_begins_with_nobody() {
        let own = Credentials { uid: rustix::process::geteuid().as_raw(), ..CLIENT };
        let root = Credentials { uid: 0, ..CLIENT };
        for client in [own, root] {
            assert_eq!(Access::same_user().granted(&client, &[]), Verbs::ALL);
            assert_eq!(Access::nobody().granted(&client, &[]), Verbs::NONE);
        }
        assert_eq!(Access::default().granted(&CLIENT, &[2, 3]), Verbs::NONE);
    }

    #[test]
    fn what_is_nothing_without_another_verb_brings_it_along() {
        let granted = |verbs| Access::nobody().allow(Who::Anyone, verbs).granted(&CLIENT, &[]);
        assert_eq!(granted(Verbs::TRACK), Verbs::CONNECT | Verbs::READ | Verbs::TRACK);
        assert_eq!(granted(Verbs::POKE), Verbs::CONNECT | Verbs::POKE);
        assert_eq!(granted(Verbs::NONE), Verbs::NONE);
    }

    #[test]
    fn a_process_without_a_number_is_nobody_by_number() {
        let list = Access::nobody().allow(Who::Pid(0), Verbs::ALL);
        assert_eq!(list.granted(&Credentials { pid: 0, ..CLIENT }, &[]), Verbs::NONE);
    }

    #[test]
    fn a_user_or_group_without_a_number_is_on_no_list_but_everybodys() {
        let unknown = Credentials { uid: UNKNOWN, gid: UNKNOWN, ..CLIENT };
        let all = Verbs::ALL;
        let list = Access::same_user().allow(Who::Uid(UNKNOWN), all).allow(Who::Gid(UNKNOWN), all);
        assert_eq!(list.granted(&unknown, &[UNKNOWN]), Verbs::NONE);
        assert_eq!(list.allow(Who::Anyone, Verbs::READ).granted(&unknown, &[]), Verbs::CONNECT | Verbs::READ);
        assert!(remedy(UNKNOWN, Verbs::READ).contains("user namespace"));
    }

    #[test]
    fn verbs_are_said_by_their_names() {
        assert_eq!((Verbs::READ | Verbs::POKE).to_string(), "READ | POKE");
        assert_eq!(Verbs::NONE.to_string(), "NONE");
        assert!(Verbs::NAMES.iter().fold(Verbs::NONE, |all, (verb, _)| all | *verb) == Verbs::ALL);
    }
}
