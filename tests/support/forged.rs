//! A service by hand: its socket, and segments that say what the test wants them to say.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use bus::message::Schema;
use bus::{Bus, Conversation, Hot, Link, Message, Result};
use rustix::fs::{
    FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate, memfd_create,
};
use rustix::mm::ProtFlags;
use rustix::net::{SocketFlags, sockopt};

use super::lane::{COMPUTES, EXECUTES, POKES};
use super::segment::{Layout, Mapping, Parameters, Segment};
use super::wire::{Client, frame, kind, listen};
use super::{LIMIT, Place};

/// The seals of an honest segment, and of honest bells.
pub(crate) const SEALS: SealFlags =
    SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::SEAL).union(SealFlags::FUTURE_WRITE);
pub(crate) const BELL_SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::SEAL);

/// What an honest header begins and ends with.
const MAGIC: u64 = u64::from_ne_bytes(*b"bus segm");
const VERSION: u64 = 1 | 0x0102_0304 << 32;
const READY: u64 = u64::from_ne_bytes(*b"is ready");

/// A service that is listed and can be connected to, and of which the test plays the part.
#[derive(Debug)]
pub(crate) struct Service {
    name: String,
    listener: OwnedFd,
    /// Locked, as an owner's is; ends with the service.
    _lock: File,
    files: [PathBuf; 2],
}

impl Service {
    pub(crate) fn new(place: &Place, name: &str) -> Self {
        drop(place.bus());
        let files = ["lock", "sock"].map(|kind| place.path().join(format!("{name}.{kind}")));
        let mut lock = File::create(&files[0]).unwrap();
        write!(lock, "{}\n{name}\n{:016x}\n", std::process::id(), 1).unwrap();
        // SAFETY: `flock` is a C struct of integers, for which zero is a valid value.
        let mut owner: libc::flock = unsafe { core::mem::zeroed() };
        owner.l_type = libc::F_WRLCK as _;
        owner.l_len = 1;
        // SAFETY: the descriptor is open and `owner` is a valid `flock`.
        let locked = unsafe { libc::fcntl(lock.as_raw_fd(), libc::F_OFD_SETLK, &owner) };
        assert_eq!(locked, 0, "{}", std::io::Error::last_os_error());
        let listener = listen(&files[1]);
        sockopt::set_socket_timeout(&listener, sockopt::Timeout::Recv, Some(LIMIT)).unwrap();
        Service { name: name.to_owned(), listener, _lock: lock, files }
    }

    /// Waits for a client; takes its hello, and says nothing yet.
    pub(crate) fn accept(&self) -> Client {
        let socket = rustix::net::accept_with(&self.listener, SocketFlags::CLOEXEC).unwrap();
        let mut client = Client::new(socket);
        assert_eq!(client.receive().expect("a hello").kind(), kind::HELLO);
        client
    }

    /// Waits for a client, welcomes it, and takes its connect; the number of its conversation.
    pub(crate) fn converse(&self) -> (Client, u64) {
        loop {
            let mut client = self.accept();
            // A client that was still looking for an earlier service of this name may want nothing any longer.
            if client.send(&welcome(), &[]).is_ok()
                && let Some(connect) = client.receive()
            {
                assert_eq!(connect.kind(), kind::CONNECT);
                let conversation = connect.conversation();
                return (client, conversation);
            }
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.files.iter().for_each(|file| drop(fs::remove_file(file)));
    }
}

/// The answer to a hello.
pub(crate) fn welcome() -> Vec<u8> {
    let mut body = 7u64.to_ne_bytes().to_vec();
    body.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    frame(kind::WELCOME, 0, 0, &body)
}

/// The frame that hands out segment `index` of `of`.
pub(crate) fn segment_frame(conversation: u64, index: u32, of: u32) -> Vec<u8> {
    let mut body = index.to_ne_bytes().to_vec();
    body.extend(of.to_ne_bytes());
    frame(kind::SEGMENT, conversation, 0, &body)
}

/// The frame that says where an item is.
pub(crate) fn located_frame(conversation: u64, link: u64, index: u32) -> Vec<u8> {
    frame(kind::LOCATED, conversation, link, &index.to_ne_bytes())
}

/// The frame that hands out credit memory `index`.
pub(crate) fn credits_frame(index: u32) -> Vec<u8> {
    frame(kind::CREDITS, 0, 0, &index.to_ne_bytes())
}

/// The frame that says where an item is, and in which credit memory and at which words of it the link's credit is: its
/// floor, and whether that is awaited.
pub(crate) fn granted_frame(conversation: u64, link: u64, index: u32, credit: [u32; 3]) -> Vec<u8> {
    let mut body = 5_000_000_000_u64.to_ne_bytes().to_vec();
    // It holds nothing, so the words for that are nowhere; and padding.
    let words = [index, credit[0], credit[1], credit[2], 0, 0, 0, 0];
    body.extend(words.into_iter().flat_map(u32::to_ne_bytes));
    frame(kind::GRANTED, conversation, link, &body)
}

/// Credit memory as an honest service makes it.
pub(crate) fn credits_memory() -> (OwnedFd, Mapping) {
    let memory = memory(4096, true);
    let mapping = Mapping::new(&memory, ProtFlags::READ | ProtFlags::WRITE);
    fcntl_add_seals(&memory, BELL_SEALS).unwrap();
    (memory, mapping)
}

/// A segment to be, honest until it is changed.
#[derive(Debug, Clone)]
pub(crate) struct Forged {
    pub(crate) parameters: Parameters,
    pub(crate) layout: Layout,
    pub(crate) words: Vec<u64>,
    pub(crate) seals: SealFlags,
    pub(crate) bell_seals: SealFlags,
    pub(crate) bell_bytes: usize,
    /// Whether its memory is reserved.
    pub(crate) reserved: bool,
}

impl Forged {
    /// A topic of `T`, with room for a few items more than these.
    pub(crate) fn topic<T: Message>(items: &[&str]) -> Self {
        Forged::topic_of::<T>(items, 0)
    }

    /// The same, of a topic whose values lie in pool memory.
    pub(crate) fn pooled<T: Message>(items: &[&str]) -> Self {
        Forged::topic_of::<T>(items, 1)
    }

    fn topic_of<T: Message>(items: &[&str], pooled: usize) -> Self {
        let schema = Schema::of::<T>().encode();
        let parameters = Parameters {
            message_size: size_of::<T>(),
            message_align: align_of::<T>(),
            depth: 4,
            journal: 8,
            schema: schema.len(),
            first_item: 0,
            items: items.len() + 4,
            name_words: 64,
            pooled,
        };
        let mut forged = Forged::new(parameters, T::FINGERPRINT.to_words(), items);
        let at = forged.layout.schema;
        forged.put(at, &schema);
        forged
    }

    /// Further items of a topic.
    pub(crate) fn extent(&self, first_item: usize, items: &[&str]) -> Self {
        let parameters = Parameters { journal: 0, schema: 0, first_item, ..self.parameters };
        Forged::new(parameters, [self.words[2], self.words[3]], items)
    }

    fn new(parameters: Parameters, fingerprint: [u64; 2], items: &[&str]) -> Self {
        let layout = parameters.layout();
        let mut forged = Forged {
            parameters,
            layout,
            words: vec![0; layout.words],
            seals: SEALS,
            bell_seals: BELL_SEALS,
            bell_bytes: parameters.bell_bytes(),
            reserved: true,
        };
        let Parameters {
            message_size,
            message_align,
            depth,
            journal,
            schema,
            first_item,
            items: room,
            name_words,
            pooled,
        } = parameters;
        let numbers =
            [message_size, message_align, depth, journal, schema, first_item, room, name_words, pooled];
        let header = [MAGIC, VERSION, fingerprint[0], fingerprint[1], 7];
        forged.words[..5].copy_from_slice(&header);
        for (word, number) in forged.words[5..].iter_mut().zip(numbers) {
            *word = number as u64;
        }
        forged.words[15] = READY;
        for (index, item) in items.iter().enumerate() {
            // Four words each.
            forged.words[layout.directory + index] = (index as u64 * 4) << 16 | item.len() as u64;
            forged.put(layout.names + index * 4, item.as_bytes());
        }
        forged.words[layout.count] = items.len() as u64;
        // Whatever a client may ask for.
        forged.words[layout.count + 1] = POKES | COMPUTES | EXECUTES;
        forged
    }

    /// Puts bytes at a word.
    pub(crate) fn put(&mut self, word: usize, bytes: &[u8]) {
        for (word, bytes) in self.words[word..].iter_mut().zip(bytes.chunks(8)) {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            *word = u64::from_ne_bytes(padded);
        }
    }

    /// Makes the memory, and a mapping to change it by when it is sealed.
    pub(crate) fn make(&self) -> (Segment, Live) {
        let bytes = self.words.len() * 8;
        let segment = memory(bytes, self.reserved);
        let bells = memory(self.bell_bytes, true);
        let mapping = (bytes > 0).then(|| Mapping::new(&segment, ProtFlags::READ | ProtFlags::WRITE));
        for (word, &value) in mapping.iter().flat_map(|mapping| mapping.words()).zip(&self.words) {
            // An untouched page of a sparse file stays a hole.
            if value != 0 || self.reserved {
                word.store(value, Ordering::Relaxed);
            }
        }
        fcntl_add_seals(&segment, self.seals).unwrap();
        fcntl_add_seals(&bells, self.bell_seals).unwrap();
        (
            Segment { segment, bells },
            Live {
                layout: self.layout,
                depth: self.parameters.depth,
                message_size: self.parameters.message_size,
                mapping,
            },
        )
    }
}

/// A forged segment's memory, as its publisher has it.
#[derive(Debug)]
pub(crate) struct Live {
    layout: Layout,
    depth: usize,
    message_size: usize,
    mapping: Option<Mapping>,
}

impl Live {
    /// Stores a word.
    pub(crate) fn store(&self, word: usize, value: u64) {
        self.mapping.as_ref().expect("a segment with bytes").words()[word].store(value, Ordering::SeqCst);
    }

    /// Publishes value `number` of an item, as an honest publisher does.
    pub(crate) fn publish(&self, item: usize, number: u64, message: &[u64]) {
        self.publish_sized(item, number, self.message_size, message);
    }

    /// Publishes value `number` of an item, and says that it has so many bytes.
    pub(crate) fn publish_sized(&self, item: usize, number: u64, bytes: usize, message: &[u64]) {
        let head = self.layout.items + item * self.layout.item_words;
        let slot = head + 16 + (number as usize % self.depth) * self.layout.stride;
        for (index, &word) in message.iter().enumerate() {
            self.store(slot + self.layout.payload + index, word);
        }
        self.store(slot + 2, bytes as u64);
        self.store(slot, number << 2 | 2);
        self.store(head, number);
    }

    /// Enters publish `number` of the topic in the journal: that item `item` has value `value` now.
    pub(crate) fn enter(&self, number: u64, item: u64, value: u64) {
        let slot = self.layout.journal + 16 + (number as usize % 8) * 2;
        self.store(slot + 1, item << 32 | value & 0xffff_ffff);
        self.store(slot, number << 2 | 2);
        self.store(self.layout.journal, number);
    }

    /// The first word of an item: its head.
    pub(crate) fn head(&self, item: usize) -> usize {
        self.layout.items + item * self.layout.item_words
    }
}

/// Memory that can be sealed.
pub(crate) fn memory(bytes: usize, reserved: bool) -> OwnedFd {
    let memory = memfd_create("forged", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
    match (bytes, reserved) {
        (0, _) => {}
        (_, true) => fallocate(&memory, FallocateFlags::empty(), 0, bytes as u64).unwrap(),
        (_, false) => ftruncate(&memory, bytes as u64).unwrap(),
    }
    memory
}

/// Hands a segment out as the service would.
pub(crate) fn send_segment(client: &mut Client, conversation: u64, index: u32, of: u32, segment: &Segment) {
    let frame = segment_frame(conversation, index, of);
    client.send(&frame, &[segment.segment.as_fd(), segment.bells.as_fd()]).unwrap();
}

/// A client of the library in a conversation with a service by hand, which has handed out its topic and can now
/// do with it what it likes.
#[derive(Debug)]
pub(crate) struct Affair<T> {
    pub(crate) topic: Conversation<T>,
    pub(crate) client: Client,
    /// The number of the conversation on the wire.
    pub(crate) conversation: u64,
    pub(crate) forged: Forged,
    pub(crate) live: Live,
    _service: Service,
}

impl<T: Message> Affair<T> {
    /// Lets a client connect to the service's topic.
    pub(crate) fn begin(bus: Bus, service: Service, forged: Forged) -> Self {
        let (segment, live) = forged.make();
        let address = format!("{}/topic", service.name);
        let (topic, (client, conversation)) = std::thread::scope(|scope| {
            let service = scope.spawn(|| {
                let (mut client, conversation) = service.converse();
                send_segment(&mut client, conversation, 0, 1, &segment);
                (client, conversation)
            });
            let topic = bus.connect::<T>(&address).timeout(LIMIT).open().unwrap();
            (topic, service.join().unwrap())
        });
        Affair { topic, client, conversation, forged, live, _service: service }
    }

    /// Lets the client advise on an item, or on `*`, and says that it has this index.
    pub(crate) fn advise(&mut self, item: &str, index: u32) -> Result<Link<Hot<T>>> {
        std::thread::scope(|scope| {
            let topic = &self.topic;
            let link = scope.spawn(move || topic.advise(item).wait(LIMIT).hot());
            let advise = loop {
                let frame = self.client.receive().expect("an advise");
                if frame.kind() == kind::ADVISE {
                    break frame;
                }
            };
            self.client.send(&located_frame(self.conversation, advise.reference(), index), &[]).unwrap();
            link.join().unwrap()
        })
    }
}
