//! A service that tells of itself what no honest one says: whoever reads it is told that, and nothing that it wrote comes to a
//! terminal as more than text.

mod support;

use core::fmt::{Debug, Display};
use core::mem::offset_of;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;

use bus::{Error, Payload, Spy, System, TraceEvent, TraceKind};
use rustix::fs::fcntl_add_seals;
use rustix::mm::ProtFlags;
use support::forged::{Forged, Live, SEALS, Service, located_frame, memory, send_segment};
use support::segment::Mapping;
use support::wire::{Client, frame, kind};
use support::{LIMIT, Place, Random};

/// The texts of the system topic, and what each begins with.
const TEXTS: [(&str, &str); 8] = [
    ("SysItems", "item\n"),
    ("Topics", "topic\ttype\tfingerprint\titems\tpokes\tcomputes\tlossless\tsamples\tlist\n"),
    ("Formats", "topic\tuse\ttype\tfingerprint\treply\treply_fingerprint\tschema\treply_schema\n"),
    ("Status", "state\ttext\tpid\tepoch\tsince\thandlers\tconnections\tconversations\tlinks\tspies\tcut\n"),
    ("Links", "conversation\tlink\ttopic\titem\tkind\twaiting\tpid\n"),
    ("Conversations", "conversation\tpid\tuid\tgid\ttopic\tlinks\tlanes\twaiting\tpaused\n"),
    ("Counters", "counter\tof\tvalue\n"),
    ("TopicItemList.valves", "item\n"),
];

/// A row of each that an honest service may write, in the same order.
const ROWS: [&str; 8] = [
    "Help\n",
    "valves\tu32\tff\t1\t1\t0\t1\t0\tTopicItemList.valves\n",
    "valves\tholds\tu32\tff\t\t0\t\t\n",
    "ready\tall well\t1\t2\t3\t1\t4\t5\t6\t0\t\n",
    "1\t2\tvalves\tnorth\tplain\t0\t4711\n",
    "1\t4711\t0\t0\tvalves\t1\t0\t0\t0\n",
    "published\tvalves\t7\n",
    "north\n",
];

/// The item for people, beside these.
const HELP: usize = TEXTS.len();

/// More than any text may have.
const POOL_BYTES: usize = 17 << 20;

/// The system topic of a service by hand, and a client of the library that reads it.
struct Liar {
    system: System,
    live: Live,
    pool: Mapping,
    /// The number of the last value.
    number: u64,
    _client: Client,
    _memory: OwnedFd,
    _service: Service,
}

impl Liar {
    fn new(place: &Place) -> Self {
        let service = Service::new(place, "liar");
        let mut items = TEXTS.map(|(item, _)| item).to_vec();
        items.push("Help");
        let (segment, live) = Forged::pooled::<<[u8] as Payload>::Fixed>(&items).make();
        let memory = memory(POOL_BYTES, true);
        let pool = Mapping::new(&memory, ProtFlags::READ | ProtFlags::WRITE);
        // Memory that was never written to is taken for a hole.
        pool.words().iter().for_each(|word| word.store(0, Ordering::Relaxed));
        fcntl_add_seals(&memory, SEALS).unwrap();
        let bus = place.bus();
        let (system, client) = std::thread::scope(|scope| {
            let client = scope.spawn(|| {
                let (mut client, conversation) = service.converse();
                send_segment(&mut client, conversation, 0, 1, &segment);
                let index = frame(kind::POOL, conversation, 0, &0_u32.to_ne_bytes());
                client.send(&index, &[memory.as_fd()]).unwrap();
                client
            });
            let system = bus.system("liar").timeout(LIMIT).open().unwrap();
            (system, client.join().unwrap())
        });
        let mut liar =
            Liar { system, live, pool, number: 0, _client: client, _memory: memory, _service: service };
        // Memory that is on its way is waited for only by links.
        support::until("the memory is there", || {
            liar.write(HELP, b"");
            liar.system.help().is_ok()
        });
        liar
    }

    /// Has an item be this text.
    fn write(&mut self, item: usize, text: &[u8]) {
        for (word, bytes) in self.pool.words().iter().zip(text.chunks(8)) {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_ne_bytes(padded), Ordering::Relaxed);
        }
        self.write_sized(item, text.len());
    }

    /// Has an item be so many bytes of what is there.
    fn write_sized(&mut self, item: usize, bytes: usize) {
        self.number += 1;
        self.live.publish_sized(item, self.number, bytes, &[0]);
    }

    /// Reads the item by the way that there is for it.
    fn read(&self, item: usize) -> Result<Vec<Box<dyn Debug>>, Error> {
        fn boxed<V: Debug + 'static>(values: impl IntoIterator<Item = V>) -> Vec<Box<dyn Debug>> {
            values.into_iter().map(|value| Box::new(value) as Box<dyn Debug>).collect()
        }
        let system = &self.system;
        Ok(match item {
            0 => return Ok(Vec::new()),
            1 => boxed(system.topics()?),
            2 => boxed(system.formats()?),
            3 => boxed([system.status()?]),
            4 => boxed(system.links()?),
            5 => boxed(system.conversations()?),
            6 => boxed(system.counters()?),
            7 => {
                let items = system.items("valves")?;
                items.iter().for_each(|item| assert_fit(item));
                boxed(items)
            }
            _ => {
                let help = system.help()?;
                assert_fit(&help.replace(['\n', '\t'], " "));
                boxed([help])
            }
        })
    }

    /// That the item as it is now is refused, in words with these.
    #[track_caller]
    fn refuses(&self, item: usize, why: &str) {
        let error = self.read(item).unwrap_err();
        assert!(matches!(&error, Error::Protocol { .. }), "{error}");
        assert!(error.to_string().contains(why), "{why:?} is missing in {error}");
        assert_fit(&error);
    }
}

/// That a terminal shows this, and does nothing else.
#[track_caller]
fn assert_fit(text: &(impl Display + ?Sized)) {
    let text = text.to_string();
    assert!(!text.contains(char::is_control), "{text:?}");
    assert!(text.len() < 1000, "{} bytes", text.len());
}

#[test]
fn tables_that_are_none_are_refused() {
    let place = Place::new();
    let mut liar = Liar::new(&place);
    for (item, ((_, columns), row)) in TEXTS.into_iter().zip(ROWS).enumerate().skip(1) {
        let honest = format!("{columns}{row}");
        liar.write(item, honest.as_bytes());
        assert_eq!(liar.read(item).unwrap().len(), 1, "{honest}");

        for (lie, why) in [
            (String::new(), "names its columns"),
            (honest[..honest.len() - 1].to_owned(), "no end"),
            (honest[..columns.len() - 1].to_owned(), "names its columns"),
            (format!("{columns}{}\t{row}", "x"), "fields, expected"),
            (format!("{columns}{row}{}", "\t".repeat(100) + "\n"), "fields, expected"),
            (format!("{}{columns}", "\t".repeat(100)), "more than 64 columns"),
            (format!("what\n{row}").replace('\t', " "), "there is no column"),
            (honest.replace('\n', "\r\n"), "control character, '\\r'"),
            (format!("{columns}\x1b]0;owned\x07{row}"), "control character, '\\u{1b}'"),
            (format!("{columns}\u{9b}2J{row}"), "control character, '\\u{9b}'"),
            (format!("\x1b[31m{honest}"), "control character, '\\u{1b}'"),
        ] {
            liar.write(item, lie.as_bytes());
            liar.refuses(item, why);
        }
        let mut latin = honest.clone().into_bytes();
        latin[columns.len()] = 0xff;
        liar.write(item, &latin);
        liar.refuses(item, "not UTF-8");
    }
}

#[test]
fn fields_that_are_not_what_they_have_to_be_are_refused_and_shown_as_text() {
    let place = Place::new();
    let mut liar = Liar::new(&place);
    let long = "9".repeat(100_000);
    for (item, row, field, lie) in [
        (1, ROWS[1], "1\t1\t0", "18446744073709551616\t1\t0"),
        (1, ROWS[1], "1\t1\t0", &format!("{long}\t1\t0")),
        (1, ROWS[1], "\tff\t", "\t-1\t"),
        (1, ROWS[1], "\tff\t", "\t\u{202e}\u{feff}\t"),
        (2, ROWS[2], "holds", "owns"),
        (2, ROWS[2], "0\t\t\n", "0\t\tfff\n"),
        (2, ROWS[2], "0\t\t\n", "0\tffffffffffffffff\t\n"),
        (2, ROWS[2], "0\t\t\n", &format!("0\t{}\t\n", "00".repeat(1 << 20))),
        (2, ROWS[2], "0\t\t\n", &format!("0\t{}\t\n", "ff".repeat(1 << 20))),
        (3, ROWS[3], "ready", "asleep"),
        (3, ROWS[3], "\t1\t4", "\t2\t4"),
        (3, ROWS[3], "\t1\t2", "\t4294967296\t2"),
        (4, ROWS[4], "\t0\t", "\tno\t"),
        (5, ROWS[5], "4711", "1e3"),
        (6, ROWS[6], "\t7\n", "\t\n"),
        (6, ROWS[6], "\t7\n", "\t7 \n"),
    ] {
        assert!(row.contains(field));
        liar.write(item, format!("{}{}", TEXTS[item].1, row.replacen(field, lie, 1)).as_bytes());
        let error = liar.read(item).unwrap_err();
        assert!(matches!(&error, Error::Protocol { .. }), "{error}");
        assert_fit(&error);
    }
    // One row of status, no more and no less.
    for rows in [0, 2] {
        liar.write(3, format!("{}{}", TEXTS[3].1, ROWS[3].repeat(rows)).as_bytes());
        liar.refuses(3, "has not one row");
    }
}

#[test]
fn texts_that_are_too_long_are_refused_before_they_are_copied() {
    let place = Place::new();
    let mut liar = Liar::new(&place);
    for item in 1..=HELP {
        // The memory has as many, and more than a text has.
        for bytes in [(16 << 20) + 1, POOL_BYTES] {
            liar.write_sized(item, bytes);
            liar.refuses(item, &format!("a value of it has {bytes} bytes, expected at most 16777216"));
        }
        liar.write_sized(item, u32::MAX as usize);
        liar.refuses(item, "expected at most");
    }
    // As many as there may be, in as many rows.
    liar.write(7, &[b"item\n".as_slice(), &b"x\n".repeat(1 << 20)].concat());
    assert_eq!(liar.read(7).unwrap().len(), 1 << 20);
    liar.write(7, &[b"item\n".as_slice(), &b"x\n".repeat((1 << 20) + 1)].concat());
    liar.refuses(7, "more than 1048576 rows");
}

#[test]
fn help_is_lines_of_text_whatever_the_service_wrote() {
    let place = Place::new();
    let mut liar = Liar::new(&place);
    liar.write(HELP, "Valves.\r\n\tBy name.\x1b[2J\u{9b}\u{7f}\0\rend".as_bytes());
    assert_eq!(
        liar.system.help().unwrap(),
        "Valves.\n\tBy name.\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}\u{fffd}end"
    );
    liar.write(HELP, b"Valves\xff");
    liar.refuses(HELP, "not UTF-8");
}

#[test]
fn rubbish_is_never_more_than_an_error() {
    let mut random = Random::seeded();
    let place = Place::new();
    let mut liar = Liar::new(&place);
    for _ in 0..2000 {
        let item = 1 + random.below(HELP);
        let mut text = match item {
            HELP => b"Valves, by name.\nAll of them.\n".to_vec(),
            _ => format!("{}{}", TEXTS[item].1, ROWS[item].repeat(1 + random.below(3))).into_bytes(),
        };
        for _ in 0..1 + random.below(4) {
            let at = random.below(text.len());
            match random.below(5) {
                0 => text[at] = random.next() as u8,
                1 => text.insert(at, *b"\t\n\x1b\r0-\xc3\xff".get(random.below(8)).unwrap()),
                2 => text.truncate(at + 1),
                3 => text[at] ^= 1 << random.below(8),
                _ => drop(text.remove(at).to_ne_bytes()),
            }
            if text.is_empty() {
                break;
            }
        }
        liar.write(item, &text);
        match liar.read(item) {
            Ok(values) => values.iter().for_each(|value| assert_fit(&format!("{value:?}"))),
            Err(Error::Protocol { detail, .. }) => assert_fit(&detail),
            Err(other) => panic!("{other}"),
        }
    }
}

/// The image of an event: its bytes, in words.
struct Event(Vec<u8>);

impl Event {
    fn new(kind: u8) -> Self {
        let mut bytes = vec![0; size_of::<TraceEvent>()];
        bytes[offset_of!(TraceEvent, kind)] = kind;
        Event(bytes)
    }

    fn with(mut self, at: usize, bytes: &[u8]) -> Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    fn words(&self) -> Vec<u64> {
        self.0.chunks(8).map(|word| u64::from_ne_bytes(word.try_into().unwrap())).collect()
    }
}

fn text(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_le_bytes()[..], bytes].concat()
}

#[test]
fn events_that_are_none_are_errors_and_what_they_say_is_fit_to_be_shown() {
    let place = Place::new();
    let service = Service::new(&place, "liar");
    let (segment, live) = Forged::topic::<TraceEvent>(&["events"]).make();
    let bus = place.bus();
    let (mut spy, _client): (Spy, Client) = std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            let (mut client, conversation) = service.converse();
            send_segment(&mut client, conversation, 0, 1, &segment);
            let advise = client.receive().expect("an advise");
            assert_eq!(advise.kind(), kind::ADVISE);
            client.send(&located_frame(conversation, advise.reference(), 0), &[]).unwrap();
            client
        });
        let spy = bus.spy("liar").timeout(LIMIT).open().unwrap();
        (spy, client.join().unwrap())
    });
    let (topic, name, detail) =
        (offset_of!(TraceEvent, topic), offset_of!(TraceEvent, name), offset_of!(TraceEvent, detail));
    let escapes = text("\x1b]0;owned\x07\u{9b}2J\r\n".as_bytes());
    let mut number = 0;
    let mut publish = |event: &Event| {
        number += 1;
        live.publish(0, number, &event.words());
        number
    };
    for lie in [
        Event::new(0),
        Event::new(255),
        Event::new(2).with(offset_of!(TraceEvent, verb), &[4]),
        Event::new(2).with(offset_of!(TraceEvent, outcome), &[200]),
        Event::new(2).with(topic, &u16::MAX.to_le_bytes()),
        Event::new(2).with(name, &256_u16.to_le_bytes()),
        Event::new(2).with(detail, &text(b"\xff\xfe")),
    ] {
        publish(&lie);
        let error = spy.recv_timeout(LIMIT).unwrap_err();
        assert!(matches!(&error, Error::InvalidValue { .. }), "{error}");
        assert_fit(&error);
    }
    // Of every kind, with all that can be said.
    let kinds = 1..=14;
    for kind in kinds.clone() {
        let full = Event::new(kind)
            .with(0, &[0xff; offset_of!(TraceEvent, pid) + 8])
            .with(offset_of!(TraceEvent, verb), &[kind % 4])
            .with(offset_of!(TraceEvent, outcome), &[kind % 12])
            .with(topic, &escapes)
            .with(name, &escapes)
            .with(detail, &escapes);
        publish(&full);
        let event = spy.recv_timeout(LIMIT).unwrap().value;
        assert_eq!((event.kind as u8, event.number), (kind, u64::MAX));
        assert_eq!(event.detail.as_str(), "\u{fffd}]0;owned\u{fffd}\u{fffd}2J\u{fffd}\u{fffd}");
        assert_fit(&event);
        assert_fit(&format!("{event:?}"));
    }
    assert!(*kinds.end() == TraceKind::TransactionsRefused as u8, "a kind that was not tried");
}
