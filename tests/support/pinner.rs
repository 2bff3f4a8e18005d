//! A client by hand that holds values: it writes what it likes where its holds are.
//!
//! ```text
//! granted    deadline u64, then u32: item, credit memory, floor, awaited, memory of the holds, the first, how many
//! reference  pool memory << 40 | line of 64 bytes;  a hold is a reference + 1
//! ```

use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::ProtFlags;

use super::Place;
use super::segment::{Mapping, View};
use super::wire::{Client, advise_samples, frame, kind};

#[derive(Debug)]
pub(crate) struct Pinner {
    pub(crate) client: Client,
    pub(crate) view: View,
    pools: Vec<Mapping>,
    credits: Vec<Mapping>,
    /// Which credit memory, and which words of it.
    holds: (usize, core::ops::Range<usize>),
}

impl Pinner {
    /// Connects to a topic and advises on its item "0".
    pub(crate) fn new(place: &Place, service: &str, topic: &str, samples: u32) -> Self {
        let mut client = Client::greeted(place, service);
        let view = client.connect(topic).view();
        let mut pinner = Pinner { client, view, pools: Vec::new(), credits: Vec::new(), holds: (0, 0..0) };
        pinner.client.send(&frame(kind::ADVISE, 1, 1, &advise_samples("0", samples)), &[]).unwrap();
        loop {
            let incoming = pinner.client.receive().expect("an answer to an advise");
            match (incoming.kind(), &incoming.fds[..]) {
                (kind::POOL, [fd]) => pinner.pools.push(Mapping::new(fd, ProtFlags::READ)),
                (kind::CREDITS, [fd]) => {
                    pinner.credits.push(Mapping::new(fd, ProtFlags::READ | ProtFlags::WRITE));
                }
                (kind::GRANTED, []) => {
                    let number = |index: usize| {
                        let bytes = &incoming.body()[8 + index * 4..][..4];
                        u32::from_ne_bytes(bytes.try_into().unwrap()) as usize
                    };
                    pinner.holds = (number(4), number(5)..number(5) + number(6));
                    return pinner;
                }
                (kind, fds) => panic!("a frame of kind {kind} with {} descriptors", fds.len()),
            }
        }
    }

    /// Its holds.
    pub(crate) fn holds(&self) -> &[AtomicU64] {
        let (memory, words) = &self.holds;
        &self.credits[*memory].words()[words.clone()]
    }

    /// All words of the lines that its holds are in.
    pub(crate) fn line(&self) -> &[AtomicU64] {
        let (memory, words) = &self.holds;
        &self.credits[*memory].words()[words.start..words.end.next_multiple_of(8)]
    }

    /// Where value `number` of item 0 is.
    pub(crate) fn reference(&self, number: u64) -> u64 {
        let (parameters, layout) = (self.view.parameters(), self.view.parameters().layout());
        let slot = layout.items + 16 + (number as usize % parameters.depth) * layout.stride;
        assert_eq!(self.view.word(slot).load(Ordering::SeqCst), number << 2 | 2, "it is not there");
        self.view.word(slot + layout.payload).load(Ordering::SeqCst)
    }

    /// Holds what is at `reference`.
    pub(crate) fn hold(&self, index: usize, reference: u64) {
        self.holds()[index].store(reference + 1, Ordering::SeqCst);
    }

    /// The words at `reference`.
    pub(crate) fn words(&self, reference: u64, count: usize) -> Vec<u64> {
        let memory = self.pools[(reference >> 40) as usize].words();
        let start = (reference & ((1 << 40) - 1)) as usize * 8;
        memory[start..start + count].iter().map(|word| word.load(Ordering::SeqCst)).collect()
    }
}
