//! A service that is asked, in a process of its own: what it can be asked, and what it does.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Duration;

use bus::{Ack, Client, Message, Refusal, Reply};

use super::{Place, Process, Test, proc};

/// How many words the largest command has: 1 MiB.
const LARGE_WORDS: usize = 1 << 17;

/// Adds two numbers.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[message(reply = Sum)]
#[repr(C)]
pub(crate) struct Add(pub(crate) u64, pub(crate) u64);

/// What they are together.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Sum(pub(crate) u64);

/// Is done, and counted; answered with the number.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[message(reply = u64)]
#[repr(C)]
pub(crate) struct Note(pub(crate) u64);

/// Is done, counted, and answered when the test says so.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[message(reply = u64)]
#[repr(C)]
pub(crate) struct Keep(pub(crate) u64);

/// Fails in one of the ways that there are.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[message(reply = Ack)]
#[repr(C)]
pub(crate) struct Fail(pub(crate) Way);

/// How to fail.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Way {
    Refuse,
    Busy,
    Fail,
    Panic,
    Drop,
}

/// Whether it is on: a value that not all bytes are.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[message(reply = Ack)]
#[repr(C)]
pub(crate) struct Switch {
    pub(crate) is_on: bool,
}

/// Comes back as it is, each word with one added.
#[derive(Message, Clone)]
#[message(reply = Large)]
#[repr(C)]
pub(crate) struct Large {
    pub(crate) words: [u64; LARGE_WORDS],
}

/// What no service of these tests knows.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[message(reply = Ack)]
#[repr(C)]
pub(crate) struct Unknown {}

/// A dial, as the service knows it …
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Dial {
    pub(crate) percent: u64,
}

/// … and as programs of another time do.
pub(crate) mod newer {
    #[derive(bus::Message, Debug, Clone, Copy, PartialEq, Eq)]
    #[repr(C)]
    pub(crate) struct Dial {
        pub(crate) percent: u64,
        #[message(since = 2, default = 7)]
        pub(crate) speed: u64,
    }
}

/// What pokes of `limits` are answered, by value; others are published.
pub(crate) const REFUSED: u64 = 101;
pub(crate) const BUSY: u64 = 102;
pub(crate) const NO_ITEM: u64 = 103;
pub(crate) const FAILED: u64 = 104;
pub(crate) const PANICS: u64 = 105;
pub(crate) const DROPPED: u64 = 106;
/// Answered with yes when the test says so.
pub(crate) const LATER: u64 = 107;

/// After what those who are told that it is busy may try again.
pub(crate) const RETRY_AFTER: Duration = Duration::from_millis(1234);

/// What is answered later.
#[derive(Debug, Default)]
struct Kept {
    notes: Vec<u64>,
    replies: HashMap<u64, Reply<u64>>,
    pokes: Vec<Reply<Ack>>,
}

/// Serves as it is asked, and answers what it keeps as it is told.
pub(crate) fn desk(test: &mut Test) {
    let queue: u32 = test.hear_number();
    let bus = test.bus();
    let service = bus.service("desk").unwrap();
    let limits = service.topic::<u64>("limits").history(4).open().unwrap();
    limits.item("speed").unwrap().publish(&10).unwrap();
    limits.item("pressure").unwrap();
    let open = service.topic::<u64>("open").history(4).open().unwrap();
    for item in ["a", "b"] {
        open.item(item).unwrap();
    }
    let fixed = service.topic::<u64>("fixed").open().unwrap();
    fixed.item("a").unwrap().publish(&1).unwrap();
    let dials = service.topic::<Dial>("dials").open().unwrap();
    dials.item("a").unwrap();
    // What it has without clients, and the socket at which they will find it.
    let own = proc::descriptors_but_memory() + 1;
    let kept = Mutex::new(Kept::default());
    std::thread::scope(|scope| {
        let (kept, service) = (&kept, &service);
        let (sender, stopper) = mpsc::channel();
        let serve = move || {
            let mut handlers = service.handlers().unwrap();
            handlers.queue(queue).unwrap();
            handlers
                .poke_later("limits", |_: &mut (), value: &u64, caller, reply| match *value {
                    REFUSED => reply.refuse(Refusal::new(42, format!("{} cannot be {value}", caller.item()))),
                    BUSY => reply.refuse(Refusal::busy(RETRY_AFTER)),
                    NO_ITEM => reply.refuse(Refusal::NoSuchItem),
                    FAILED => reply.refuse(Refusal::failed("it is stuck")),
                    PANICS => panic_quietly(),
                    DROPPED => drop(reply),
                    LATER => kept.lock().unwrap().pokes.push(reply),
                    _ => {
                        let item = caller.item_id().and_then(|id| limits.at(id));
                        reply.send(item.ok_or(Refusal::NoSuchItem).map(|item| {
                            item.publish(value).unwrap();
                            Ack {}
                        }));
                    }
                })
                .unwrap();
            handlers.accept_pokes(&open).unwrap().accept_pokes(&dials).unwrap();
            handlers.execute(|_, add: &Add, _| Ok(Sum(add.0.wrapping_add(add.1)))).unwrap();
            handlers
                .execute(|_, note: &Note, _| {
                    kept.lock().unwrap().notes.push(note.0);
                    Ok(note.0)
                })
                .unwrap();
            handlers
                .execute_later(|_, keep: &Keep, _, reply| {
                    let mut kept = kept.lock().unwrap();
                    kept.notes.push(keep.0);
                    kept.replies.insert(keep.0, reply);
                })
                .unwrap();
            handlers
                .execute_later(|_, fail: &Fail, caller, reply| match fail.0 {
                    Way::Refuse => {
                        reply.refuse(Refusal::new(42, format!("process {} may not", caller.pid())))
                    }
                    Way::Busy => reply.refuse(Refusal::busy(RETRY_AFTER)),
                    Way::Fail => reply.refuse(Refusal::failed("it is stuck")),
                    Way::Panic => panic_quietly(),
                    Way::Drop => drop(reply),
                })
                .unwrap();
            handlers.execute(|_, _: &Switch, _| Ok(Ack {})).unwrap();
            handlers
                .execute_later(|_, large: &Large, _, reply| {
                    let mut answer = Box::new(large.clone());
                    answer.words.iter_mut().for_each(|word| *word += 1);
                    reply.answer(&answer);
                })
                .unwrap();
            sender.send(handlers.stopper()).unwrap();
            handlers.run(&mut ()).unwrap();
        };
        // Large messages pass over the stack.
        std::thread::Builder::new().stack_size(32 << 20).spawn_scoped(scope, serve).unwrap();
        let stopper = stopper.recv().unwrap();
        service.ready().unwrap();
        test.say("ready");
        loop {
            let line = test.hear();
            let words: Vec<&str> = line.split(' ').collect();
            let number = words.get(1).map(|word| word.parse().unwrap());
            let mut kept = kept.lock().unwrap();
            match (words[0], number) {
                ("answer", Some(number)) => kept.replies.remove(&number).unwrap().answer(&number),
                ("refuse", Some(number)) => kept.replies.remove(&number).unwrap().refuse("no"),
                ("drop", Some(number)) => drop(kept.replies.remove(&number).unwrap()),
                ("accept", None) => {
                    kept.pokes.drain(..).for_each(|reply| reply.answer(&Ack {}));
                }
                ("kept", None) => {
                    let (replies, pokes) = (kept.replies.len(), kept.pokes.len());
                    test.say(replies + pokes);
                    continue;
                }
                ("abandoned", Some(number)) => {
                    test.say(kept.replies[&number].is_abandoned());
                    continue;
                }
                ("notes", None) => {
                    let notes: Vec<String> = kept.notes.iter().map(u64::to_string).collect();
                    test.say(notes.join(" "));
                    continue;
                }
                ("forget", None) => *kept = Kept::default(),
                ("left", None) => {
                    let descriptors = proc::descriptors_but_memory() as isize - own as isize;
                    let (clients, conversations) = (service.clients().len(), service.conversations().len());
                    test.say(format!("{clients} {conversations} {descriptors} {}", proc::lane_mappings()));
                    continue;
                }
                ("end", None) => {
                    drop(kept);
                    stopper.stop();
                    return;
                }
                _ => panic!("a desk does not understand {line:?}"),
            }
            test.say("done");
        }
    });
}

/// Panics, without the message to standard error that would be taken for one of the test's.
fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("as the test wants it"));
}

/// A desk, as a test has it.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) process: Process,
}

impl Desk {
    /// Starts one, with so many transactions of a conversation in flight at most. The test lists `desk` in its `roles!`.
    pub(crate) fn start(place: &Place, queue: u32) -> Self {
        let mut desk = Desk { process: place.start("desk") };
        desk.process.say(queue);
        desk.process.await_line("ready");
        desk
    }

    /// Tells it.
    #[track_caller]
    pub(crate) fn tell(&mut self, line: &str) {
        assert_eq!(self.process.ask(line), "done");
    }

    /// The notes and what was kept, as they came.
    pub(crate) fn notes(&mut self) -> Vec<u64> {
        let line = self.process.ask("notes");
        line.split(' ').filter(|word| !word.is_empty()).map(|word| word.parse().unwrap()).collect()
    }

    /// Waits until it keeps so many.
    #[track_caller]
    pub(crate) fn await_kept(&mut self, count: usize) {
        super::until("they have come", || self.process.ask("kept") == count.to_string());
    }

    /// Waits until nothing of any client is left.
    #[track_caller]
    pub(crate) fn await_nothing_left(&mut self) {
        super::until("nothing of clients is left", || self.process.ask("left") == "0 0 0 0");
    }
}

/// A client of the desk.
pub(crate) fn client(place: &Place) -> Client {
    place.bus().client("desk").open().unwrap().with_timeout(super::LIMIT)
}
