//! Each form that a member of an interface can have, and interfaces beside each other, between two processes.
//!
//! `interface` has the usual forms. Here are those that answer later, slices, references among several arguments,
//! several interfaces of one service, and the client that waits for its service.

mod support;

use std::sync::mpsc;

use bus::{Ack, Caller, Error, FixedStr, Message, Refusal, Reply};
use support::{LIMIT, Place, Test, proc, roles, until};

roles!(studio, late_studio);

/// Answers when it can.
#[bus::interface]
trait Mixer {
    /// How loud.
    #[poke]
    fn volume(&mut self, reply: Reply<Ack>, value: &u64);

    /// What is played.
    #[poke]
    fn samples(&mut self, value: &[f64], part: &Caller<'_>) -> Result<(), Refusal>;

    /// What is played, with the answer later.
    #[poke]
    fn queue(&mut self, value: &[u32], reply: Reply<Ack>);

    /// The sum of all that was played.
    #[compute]
    fn sum(&self, reply: Reply<f64>);

    /// All that was played.
    #[compute]
    fn played(&mut self, caller: &Caller<'_>, reply: Reply<[f64]>);

    /// What was played last.
    #[compute]
    fn last(&self, caller: &Caller<'_>) -> Result<Box<[f64]>, Refusal>;

    /// Gives a channel its name.
    #[execute]
    fn label(&mut self, channel: u64, name: &FixedStr<16>, caller: &Caller<'_>, old: &bool) -> FixedStr<32>;

    /// Answers later, with nothing.
    #[execute]
    fn flush(&self, hard: bool, reply: Reply<Ack>);
}

/// A message need not be `Debug`, nor `Clone`, to be in a topic.
#[derive(Message)]
#[repr(C)]
struct Cut {
    at: u64,
}

/// Another interface of the same service.
#[bus::interface]
trait Recorder {
    /// How much was recorded.
    #[topic]
    const RECORDED: Topic<u64>;

    /// Where the tape was cut.
    #[topic]
    const CUTS: Topic<Cut>;

    /// Begins; of this name there is another command in `Mixer`.
    #[execute]
    fn flush(&mut self, minutes: u64) -> Result<u64, Refusal>;
}

#[derive(Default)]
struct Studio {
    played: Vec<f64>,
    minutes: u64,
}

impl Mixer for Studio {
    fn volume(&mut self, reply: Reply<Ack>, value: &u64) {
        let value = *value;
        std::thread::spawn(move || match value {
            ..=10 => reply.answer(&Ack {}),
            _ => reply.refuse(Refusal::new(11, "it goes to ten")),
        });
    }

    fn samples(&mut self, value: &[f64], part: &Caller<'_>) -> Result<(), Refusal> {
        if part.item() != "main" {
            return Err(Refusal::NoSuchItem);
        }
        self.played.extend(value);
        Ok(())
    }

    fn queue(&mut self, value: &[u32], reply: Reply<Ack>) {
        self.played.extend(value.iter().map(|value| f64::from(*value)));
        reply.answer(&Ack {});
    }

    fn sum(&self, reply: Reply<f64>) {
        let sum = self.played.iter().sum();
        std::thread::spawn(move || reply.answer(&sum));
    }

    fn played(&mut self, caller: &Caller<'_>, reply: Reply<[f64]>) {
        assert_eq!(caller.item(), "main");
        reply.answer(&self.played);
    }

    fn last(&self, caller: &Caller<'_>) -> Result<Box<[f64]>, Refusal> {
        let count: usize = caller.item().parse().map_err(|_| Refusal::NoSuchItem)?;
        let played = &self.played;
        Ok(played[played.len().saturating_sub(count)..].into())
    }

    fn label(&mut self, channel: u64, name: &FixedStr<16>, caller: &Caller<'_>, old: &bool) -> FixedStr<32> {
        assert_ne!(caller.pid(), 0);
        FixedStr::truncated(&format!("{channel} {name} {old}"))
    }

    fn flush(&self, hard: bool, reply: Reply<Ack>) {
        if hard {
            reply.answer(&Ack {});
        }
        // Otherwise the right to answer is lost, which the client hears of.
    }
}

impl Recorder for Studio {
    fn flush(&mut self, minutes: u64) -> Result<u64, Refusal> {
        self.minutes += minutes;
        Ok(self.minutes)
    }
}

/// A service of both interfaces, begun by whoever says so.
fn begin(test: &mut Test) {
    let bus = test.bus();
    let service = bus.service("studio").unwrap();
    service.set_help("A studio.\n");
    let _topics = MixerTopics::open(&service).unwrap();
    let mut more = RecorderTopics::builder(&service);
    more.recorded = more.recorded.stamps(true);
    more.cuts = more.cuts.history(2).samples(1);
    let more = more.open().unwrap();
    more.recorded.item("main").unwrap().publish(&3).unwrap();
    more.cuts.item("main").unwrap().publish(&Cut { at: 2 }).unwrap();
    let _serving = service
        .serve(Studio::default(), |handlers| {
            MixerTopics::handle(handlers)?;
            RecorderTopics::handle(handlers)
        })
        .unwrap();
    service.ready().unwrap();
    test.say(service.help().replace('\n', "|"));
    test.hear();
}

fn studio(test: &mut Test) {
    begin(test);
}

/// Begins when it is told.
fn late_studio(test: &mut Test) {
    test.hear();
    begin(test);
}

fn open(place: &Place) -> MixerClient {
    MixerClient::connect(&place.bus(), "studio").open().unwrap().with_timeout(LIMIT)
}

#[test]
fn what_is_answered_later_is_answered() {
    let place = Place::new();
    let mut studio = place.start("studio");
    studio.hear();
    let client = open(&place);
    client.volume().poke("main", &10).unwrap();
    assert!(matches!(client.volume().poke("main", &11), Err(Error::Refused { code: 11, .. })));
    client.queue().poke("main", &[1, 2, 3]).unwrap();
    assert_eq!(client.sum().request("main").unwrap().value, 6.0);
    client.flush(true).unwrap();
    assert!(matches!(client.flush(false), Err(Error::Failed { .. })));
}

#[test]
fn slices_are_poked_and_computed() {
    let place = Place::new();
    let mut studio = place.start("studio");
    studio.hear();
    let client = open(&place);
    client.samples().poke("main", &[0.5, 1.5]).unwrap();
    client.samples().begin_poke("main", &[]).unwrap().wait().unwrap();
    client.samples().poke("main", &[4.0]).unwrap();
    assert!(matches!(client.samples().poke("other", &[1.0]), Err(Error::NoSuchItem { .. })));
    assert_eq!(*client.played().request_boxed_as::<[f64]>("main", 1024).unwrap(), [0.5, 1.5, 4.0]);
    assert_eq!(*client.last().request_boxed_as::<[f64]>("2", 1024).unwrap(), [1.5, 4.0]);
    assert!(matches!(client.last().request_boxed_as::<[f64]>("all", 1024), Err(Error::NoSuchItem { .. })));
}

#[test]
fn references_stand_among_several_arguments() {
    let place = Place::new();
    let mut studio = place.start("studio");
    studio.hear();
    let client = open(&place);
    let name = FixedStr::truncated("bass");
    assert_eq!(client.label(3, &name, &true).unwrap(), *"3 bass true");
    assert_eq!(client.begin_label(4, &name, &false).unwrap().wait().unwrap(), *"4 bass false");
    assert_eq!(smol::block_on(client.label_async(5, &name, &true)).unwrap(), *"5 bass true");
}

#[test]
fn a_service_has_two_interfaces_whose_topics_have_options() {
    let place = Place::new();
    let mut studio = place.start("studio");
    let help = studio.hear().replace('|', "\n");
    assert_eq!(help, format!("A studio.\n\n{}\n{}", MixerTopics::HELP, RecorderTopics::HELP));
    let (mixer, bus) = (open(&place), place.bus());
    let recorder = RecorderClient::connect(&bus, "studio").open().unwrap().with_timeout(LIMIT);
    mixer.check().unwrap();
    recorder.check().unwrap();
    // Commands of one name are told apart by the interface, and the state is one.
    assert_eq!(recorder.flush(2).unwrap(), 2);
    mixer.flush(true).unwrap();
    assert_eq!(recorder.flush(3).unwrap(), 5);
    let recorded = recorder.recorded().request("main").unwrap();
    assert_eq!(recorder.cuts().request("main").unwrap().value.at, 2);
    // The options of each topic are its own.
    assert_eq!((recorded.value, recorded.stamp.is_some()), (3, true));
    assert_eq!(recorder.cuts().request("main").unwrap().stamp, None);
    assert_eq!(recorder.cuts().advise("main").samples(1).unwrap().recv().unwrap().value.at, 2);
    assert!(matches!(recorder.recorded().advise("main").samples(1), Err(Error::Refused { .. })));
}

#[test]
fn a_client_waits_for_its_service() {
    let place = Place::new();
    let mut studio = place.start("late_studio");
    let bus = place.bus();
    let connect = || MixerClient::connect(&bus, "studio").timeout(LIMIT);
    assert!(matches!(connect().open(), Err(Error::NoSuchService { .. })));
    assert!(matches!(smol::block_on(connect().open_async()), Err(Error::NoSuchService { .. })));
    let (tell, told) = mpsc::channel();
    let begins = || tell.send(proc::thread()).unwrap();
    std::thread::scope(|scope| {
        let waits = [
            scope.spawn(|| {
                begins();
                connect().wait(LIMIT).open()
            }),
            scope.spawn(|| {
                begins();
                smol::block_on(connect().wait(LIMIT).open_async())
            }),
        ];
        // The service begins when both wait, or have given up, which they must not.
        for _ in &waits {
            let thread = told.recv().unwrap();
            let sleeps = || {
                let pid = std::process::id();
                proc::sleeps_on_futex(pid, thread) || proc::sleeps_in_poll(pid, thread)
            };
            until("a client waits", || sleeps() || waits.iter().any(|waits| waits.is_finished()));
        }
        assert!(waits.iter().all(|waits| !waits.is_finished()), "a client gave up");
        studio.say("begin");
        studio.hear();
        for client in waits.map(|waits| waits.join().unwrap().unwrap()) {
            client.volume().poke("main", &1).unwrap();
        }
    });
    smol::block_on(connect().open_async()).unwrap().check().unwrap();
}
