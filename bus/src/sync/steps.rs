//! Steps at which a process may die, for the test that kills one at each of them (`tests/kill_points.rs`).
//!
//! What another process can see changes by single stores, and a process may be killed before and after each. Where such a
//! store is made stands a [`step!`](super::step) with its name. In a normal build that is nothing at all: the macro's only line is
//! configured away, and this file is not compiled. With `--cfg kill_points` a process whose environment says
//! `BUS_KILL_AT=<step>:<n>` sends itself SIGKILL when it passes that step for the `n`th time. [`ALL`] is made of the same list as
//! [`Step`], so that no step can be named and not be tested.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

/// The environment variable that says where to die.
const VARIABLE: &str = "BUS_KILL_AT";

macro_rules! steps {
    ($($(#[$doc:meta])* $party:ident $step:ident),+ $(,)?) => {
        /// A step that others can see.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Step {
            $($(#[$doc])* $step,)+
        }

        /// Every step by name, and who passes it: `Publisher` or `Client`.
        pub const ALL: &[(&str, &str)] = &[$((stringify!($step), stringify!($party))),+];
    };
}

steps! {
    /// A slot is marked as being written.
    Publisher SlotBusy,
    /// The stamp and the length are there, the message is not.
    Publisher SlotHalf,
    /// The body is there, the mark is not.
    Publisher SlotFilled,
    /// A value is in its slot, and not counted.
    Publisher SlotReady,
    /// The head counts it. For an item that is before its journal, for the journal after.
    Publisher HeadStored,
    /// Nobody was woken yet.
    Publisher Published,
    /// Somebody sleeps, and the flag is still set.
    Publisher BellSeen,
    /// The flag of the futex is cleared.
    Publisher BellCleared,
    /// The wake is counted.
    Publisher WakeCounted,
    /// The futex was woken.
    Publisher Woken,
    /// The flag of the doorbells is cleared.
    Publisher DoorbellCleared,
    /// The doorbells are rung.
    Publisher DoorbellRung,
    /// Memory is taken for a value.
    Publisher LoanTaken,
    /// A value is in it.
    Publisher DraftWritten,
    /// A slot says where it is.
    Publisher ReferenceStored,
    /// What the slot had before is not the item's any longer.
    Publisher Retired,
    /// Nothing is free, and the holds will be looked at.
    Publisher HoldsLooked,
    /// What nobody holds is free.
    Publisher Reclaimed,
    /// Readers are told that they are awaited.
    Publisher FloorAwaited,
    /// The publisher has slept on a floor.
    Publisher FloorSlept,
    /// A link is no longer waited for.
    Publisher EvictionMarked,
    /// The control thread is told so.
    Publisher EvictionQueued,
    /// The link's client is told so.
    Publisher EvictionSent,
    /// A pool has more memory, of which no client knows.
    Publisher PoolGrown,
    /// Clients can be told of it.
    Publisher PoolAdded,
    /// A client was sent it.
    Publisher PoolSent,
    /// A client was sent a segment.
    Publisher SegmentSent,
    /// A link has credit, of which its client was not told.
    Publisher CreditsTaken,
    /// The client was sent the memory.
    Publisher CreditsSent,
    /// The floor of a link that begins is at the head.
    Publisher EnrolFloored,
    /// The topic has the link.
    Publisher EnrolEntered,
    /// Its writer can know.
    Publisher EnrolAttended,
    /// The floor is final.
    Publisher Enrolled,
    /// The link's client knows.
    Publisher GrantedSent,
    /// A link is gone from its topic.
    Publisher Withdrawn,
    /// Its floor is released.
    Publisher Released,
    /// A client that is gone was told the end of its connection.
    Publisher HungUp,
    /// There is memory for a lane, of which its client was not told.
    Publisher LaneMade,
    /// The client was sent it.
    Publisher LaneSent,
    /// A request is taken, and not begun.
    Publisher RequestTaken,
    /// Its handler is done, and has answered, or taken the right to along.
    Publisher RequestHandled,
    /// The cell says how it ended, the answer is not there.
    Publisher ReplyHalf,
    /// The answer is there, the mark is not.
    Publisher ReplyFilled,
    /// It is answered, and it was not looked who waits.
    Publisher ReplyPosted,
    /// Who sleeps was woken.
    Publisher ReplyRung,

    /// A hold is stored, the fence is not passed.
    Client HoldStored,
    /// It is visible, and it is not known whether it is in time.
    Client HoldFenced,
    /// It was in time.
    Client Pinned,
    /// There is one sample less of a value.
    Client ShareDropped,
    /// The hold is cleared.
    Client Unpinned,
    /// It can be used again.
    Client HoldFreed,
    /// A floor is raised, and the publisher may sleep on it.
    Client FloorRaised,
    /// It sleeps, and is not woken.
    Client FloorAwaitedSeen,
    /// It is woken.
    Client FloorWoken,
    /// The flag of those who sleep is set.
    Client SleepAsked,
    /// The head is looked at again.
    Client SleepFenced,
    /// The sleep is over.
    Client Slept,
    /// The flag of those who wait for a doorbell is set.
    Client DoorbellAsked,
    /// Credit memory is mapped.
    Client CreditsMapped,
    /// A link's credit is known to the control thread alone.
    Client GrantTaken,
    /// The link has it.
    Client Attached,
    /// Pool memory is mapped.
    Client PoolMapped,
    /// The service was told that a link ends.
    Client UnadviseSent,
    /// A lane is mapped.
    Client LaneMapped,
    /// A slot says what the request is, its payload is not there.
    Client RequestHalf,
    /// The payload is there, the mark is not.
    Client RequestFilled,
    /// The request is there.
    Client RequestPosted,
    /// It was not looked yet whether the service sleeps.
    Client RequestFenced,
    /// The flag of the service that sleeps is taken away.
    Client InboxCleared,
    /// The wake is counted.
    Client InboxCounted,
    /// The service was woken.
    Client InboxRung,
    /// It is said that somebody sleeps until the answer comes.
    Client ReplyAwaited,
}

/// Where this process is to die.
struct Doom {
    step: String,
    left: AtomicU64,
}

/// A step is passed.
pub(crate) fn pass(step: Step) {
    static DOOM: OnceLock<Option<Doom>> = OnceLock::new();
    let doom = DOOM.get_or_init(|| {
        let at = std::env::var(VARIABLE).ok()?;
        let (step, passings) = at.split_once(':').unwrap_or((&at, "1"));
        Some(Doom { step: step.to_owned(), left: AtomicU64::new(passings.parse().unwrap_or(1)) })
    });
    let Some(doom) = doom else { return };
    if ALL[step as usize].0 == doom.step && doom.left.fetch_sub(1, Ordering::Relaxed) == 1 {
        let _ = kill_process(getpid(), Signal::KILL);
        // Not one store more.
        loop {
            core::hint::spin_loop();
        }
    }
}
