//! A lane by hand: how requests are posted, and answers given, in words of 64 bits.
//!
//! Written from the description in the library's `lane`:
//!
//! ```text
//! lane    = [ 16 words, the first of them: offers | request slots | reply cells | a word for each cell: who waits ]
//! slot    = [ mark | kind u8, name bytes u8, cell in the high half | payload bytes, item in the high half
//!             | deadline | type, 2 words | payload … | name … ]           in lines of 8 words
//! cell    = [ mark | status, bytes in the high half | detail | answer … ]   in lines of 8 words, 32 words for the answer at least
//! inbox   = 64 words: 0 somebody sleeps on a futex | 1 … and wants a frame | 16 wakes
//! ```

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bus::{Command, Message};
use rustix::fs::{SealFlags, fcntl_add_seals};
use rustix::mm::ProtFlags;

use super::forged::{BELL_SEALS, memory};
use super::segment::{Mapping, futex_half};
use super::wire::{Client, frame, kind, name, words};
use super::{LIMIT, Place};

/// What a lane may be for.
pub(crate) const POKES: u64 = 1;
pub(crate) const COMPUTES: u64 = 2;
pub(crate) const EXECUTES: u64 = 4;

/// Kinds of requests.
pub(crate) const POKE: u8 = 1;
pub(crate) const EXECUTE: u8 = 2;
pub(crate) const REQUEST: u8 = 3;

/// How a transaction ended.
pub(crate) const DONE: u32 = 1;
pub(crate) const NOT_SUPPORTED: u32 = 4;
pub(crate) const EXPIRED: u32 = 6;
pub(crate) const OTHER_TYPE: u32 = 7;
pub(crate) const NO_SUCH_ITEM: u32 = 8;
pub(crate) const INVALID: u32 = 10;
pub(crate) const TOO_LONG: u32 = 11;

/// In place of an item's index.
pub(crate) const NAMED: u32 = u32::MAX;

/// The shape of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) depth: u32,
    /// Words that a request carries at most, and an answer.
    pub(crate) request: u32,
    pub(crate) reply: u32,
}

impl Shape {
    fn slot_stride(self) -> usize {
        (6 + self.request as usize).next_multiple_of(8)
    }

    fn cell_stride(self) -> usize {
        (3 + (self.reply as usize).max(32)).next_multiple_of(8)
    }

    /// The first word of the slot of request `number`.
    pub(crate) fn slot(self, number: u64) -> usize {
        16 + (number % u64::from(self.depth)) as usize * self.slot_stride()
    }

    /// The first word of a cell.
    pub(crate) fn cell(self, index: u32) -> usize {
        16 + self.depth as usize * self.slot_stride() + index as usize * self.cell_stride()
    }

    /// The word that says who waits for a cell.
    pub(crate) fn wait(self, index: u32) -> usize {
        self.cell(self.depth) + index as usize
    }

    pub(crate) fn words(self) -> usize {
        self.wait(self.depth).next_multiple_of(8)
    }
}

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) kind: u8,
    pub(crate) cell: u32,
    pub(crate) item: u32,
    pub(crate) payload: Vec<u8>,
    /// As it is said to be; what is there may be less.
    pub(crate) payload_bytes: u32,
    pub(crate) name: Vec<u8>,
    pub(crate) deadline: u64,
    pub(crate) of: [u64; 2],
}

impl Request {
    /// A command whose answer goes to cell 0, as an honest client has it.
    pub(crate) fn execute<C: Command>(payload: &[u8]) -> Self {
        // By what a call is known: the types of the command and of its reply.
        let bits = |words: [u64; 2]| u128::from(words[0]) | u128::from(words[1]) << 64;
        let (command, reply) = (C::FINGERPRINT.to_words(), <C::Reply as Message>::FINGERPRINT.to_words());
        let of = bits(command) ^ bits(reply).rotate_left(61);
        Request::new(EXECUTE, [of as u64, (of >> 64) as u64], payload)
    }

    /// A poke of an item by name.
    pub(crate) fn poke<T: Message>(item: &[u8], payload: &[u8]) -> Self {
        Request { name: item.to_vec(), ..Request::new(POKE, T::FINGERPRINT.to_words(), payload) }
    }

    fn new(kind: u8, of: [u64; 2], payload: &[u8]) -> Self {
        let payload = payload.to_vec();
        let payload_bytes = payload.len() as u32;
        Request {
            kind,
            cell: 0,
            item: NAMED,
            payload,
            payload_bytes,
            name: Vec::new(),
            deadline: u64::MAX,
            of,
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u32,
    pub(crate) detail: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        core::str::from_utf8(&self.bytes).unwrap()
    }
}

/// A lane and the service's inbox.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) shape: Shape,
    pub(crate) memory: [OwnedFd; 2],
    words: Mapping,
    inbox: Mapping,
}

impl Lane {
    /// A lane of this shape and an inbox as an honest service makes them.
    pub(crate) fn made(shape: Shape) -> Self {
        Lane::sealed(shape, [shape.words() * 8, 512], BELL_SEALS)
    }

    /// The same, of so many bytes each, and with these seals.
    pub(crate) fn sealed(shape: Shape, bytes: [usize; 2], seals: SealFlags) -> Self {
        let made = bytes.map(|bytes| memory(bytes.max(8), true));
        let [words, inbox] = [&made[0], &made[1]].map(map);
        made.iter().for_each(|memory| fcntl_add_seals(memory, seals).unwrap());
        Lane { shape, memory: made, words, inbox }
    }

    /// Asks for one in conversation 1, of so many bytes, and takes it.
    pub(crate) fn open(client: &mut Client, number: u64, bytes: (u32, u32), offer: u64) -> Self {
        client.send(&open_lane(1, number, bytes, offer), &[]).unwrap();
        let made = client.receive().expect("a lane");
        assert_eq!((made.kind(), made.conversation(), made.reference()), (kind::LANE_MADE, 1, number));
        let word = |at: usize| u32::from_ne_bytes(made.body()[at..at + 4].try_into().unwrap());
        let shape = Shape { depth: word(0), request: word(4), reply: word(8) };
        let memory: [OwnedFd; 2] = made.fds.try_into().expect("a lane comes with two descriptors");
        let [words, inbox] = [&memory[0], &memory[1]].map(map);
        assert!(words.words().len() >= shape.words(), "{shape:?}");
        Lane { shape, memory, words, inbox }
    }

    pub(crate) fn word(&self, index: usize) -> &AtomicU64 {
        &self.words.words()[index]
    }

    pub(crate) fn words(&self) -> &[AtomicU64] {
        self.words.words()
    }

    pub(crate) fn inbox(&self) -> &[AtomicU64] {
        self.inbox.words()
    }

    /// Posts request `number`, and wakes the service.
    pub(crate) fn post(&self, number: u64, request: &Request) {
        let slot = self.shape.slot(number);
        let what = u64::from(request.kind) | (request.name.len() as u64) << 8 | u64::from(request.cell) << 32;
        let size = u64::from(request.payload_bytes) | u64::from(request.item) << 32;
        let header = [what, size, request.deadline, request.of[0], request.of[1]];
        for (index, word) in header.into_iter().enumerate() {
            self.word(slot + 1 + index).store(word, Ordering::SeqCst);
        }
        let payload = request.payload.chunks(8).chain(request.name.chunks(8));
        for (index, bytes) in payload.enumerate() {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            self.word(slot + 6 + index).store(u64::from_ne_bytes(word), Ordering::SeqCst);
        }
        self.word(slot).store(number, Ordering::SeqCst);
        self.ring();
    }

    /// Wakes the service where it sleeps.
    pub(crate) fn ring(&self) {
        if self.inbox()[0].swap(0, Ordering::SeqCst) != 0 {
            self.inbox()[16].fetch_add(1, Ordering::SeqCst);
            let address = futex_half(&self.inbox()[16]);
            // SAFETY: the address is one of a mapping that lives, and FUTEX_WAKE touches no memory.
            unsafe { libc::syscall(libc::SYS_futex, address.as_ptr(), libc::FUTEX_WAKE, i32::MAX) };
        }
    }

    /// The answer to request `number` in a cell, if it is there.
    pub(crate) fn answer(&self, cell: u32, number: u64) -> Option<Answer> {
        let at = self.shape.cell(cell);
        if self.word(at).load(Ordering::SeqCst) != number {
            return None;
        }
        let [word, detail] = [1, 2].map(|index| self.word(at + index).load(Ordering::SeqCst));
        let mut bytes: Vec<u8> = (0..(word >> 32).div_ceil(8) as usize)
            .flat_map(|index| self.word(at + 3 + index).load(Ordering::SeqCst).to_ne_bytes())
            .collect();
        bytes.truncate((word >> 32) as usize);
        Some(Answer { status: word as u32, detail, bytes })
    }

    /// Waits for the answer to request `number` in a cell.
    #[track_caller]
    pub(crate) fn await_answer(&self, cell: u32, number: u64) -> Answer {
        let begin = Instant::now();
        loop {
            if let Some(answer) = self.answer(cell, number) {
                return answer;
            }
            assert!(begin.elapsed() < LIMIT, "request {number} is not answered");
            std::thread::yield_now();
        }
    }

    /// Posts request `number`, and waits for its answer.
    #[track_caller]
    pub(crate) fn ask(&self, number: u64, request: &Request) -> Answer {
        self.post(number, request);
        self.await_answer(request.cell, number)
    }

    /// Gives an answer, as a service does: its status and its bytes as they are said to be, and what is there.
    pub(crate) fn give(&self, cell: u32, number: u64, (status, bytes): (u32, u32), answer: &[u64]) {
        let at = self.shape.cell(cell);
        self.word(at + 1).store(u64::from(status) | u64::from(bytes) << 32, Ordering::SeqCst);
        for (index, &word) in answer.iter().enumerate() {
            self.word(at + 3 + index).store(word, Ordering::SeqCst);
        }
        self.word(at).store(number, Ordering::SeqCst);
        let address = futex_half(self.word(at));
        // SAFETY: the address is one of a mapping that lives, and FUTEX_WAKE touches no memory.
        unsafe { libc::syscall(libc::SYS_futex, address.as_ptr(), libc::FUTEX_WAKE, i32::MAX) };
    }

    /// Request `number` as it is posted: its cell, once it is there.
    #[track_caller]
    pub(crate) fn await_request(&self, number: u64) -> u32 {
        let slot = self.shape.slot(number);
        super::until("it is asked", || self.word(slot).load(Ordering::SeqCst) == number);
        (self.word(slot + 1).load(Ordering::SeqCst) >> 32) as u32
    }
}

fn map(memory: &OwnedFd) -> Mapping {
    Mapping::new(memory, ProtFlags::READ | ProtFlags::WRITE)
}

/// The frame that asks for a lane.
pub(crate) fn open_lane(conversation: u64, number: u64, (request, reply): (u32, u32), offer: u64) -> Vec<u8> {
    frame(
        kind::OPEN_LANE,
        conversation,
        number,
        &words(&[u64::from(request) | u64::from(reply) << 32, offer]),
    )
}

/// The frame that asks for the command, or the format, of this place.
pub(crate) fn next_offer(conversation: u64, reference: u64, index: u32, formats: bool) -> Vec<u8> {
    let mut body = index.to_ne_bytes().to_vec();
    body.extend([u8::from(formats), 0, 0, 0]);
    frame(kind::NEXT_OFFER, conversation, reference, &body)
}

/// Hands a lane out as a service does, whatever shape it is said to have.
pub(crate) fn send_lane(client: &mut Client, conversation: u64, reference: u64, said: Shape, lane: &Lane) {
    let body = words(&[u64::from(said.depth) | u64::from(said.request) << 32, u64::from(said.reply)]);
    let [memory, inbox] = &lane.memory;
    let frame = frame(kind::LANE_MADE, conversation, reference, &body);
    client.send(&frame, &[memory.as_fd(), inbox.as_fd()]).unwrap();
}

/// A client by hand in conversation 1 with a service as a whole.
pub(crate) fn converse(place: &Place, service: &str) -> Client {
    let mut client = Client::greeted(place, service);
    client.send(&frame(kind::CONNECT, 1, 0, &name("", &[false])), &[]).unwrap();
    assert_eq!(client.receive().expect("an answer").kind(), kind::OPENED);
    client
}
