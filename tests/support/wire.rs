//! A client and a service by hand: frames and descriptors over a socket, with none of the library's code.
//!
//! Written from the description in the library's `wire` and `registry`, so that these tests notice when what is
//! on the wire changes, and can say what no honest program says.
//!
//! ```text
//! frame = [ "BUSf" | kind u32 | conversation u64 | reference u64 | body … ]      one SEQPACKET datagram
//! name  = [ length u16, little endian | bytes, 255 in all ]
//! ```

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::cmsg_space;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, sockopt,
};

use super::segment::Segment;
use super::{LIMIT, Place};

/// The kinds of frames.
pub(crate) mod kind {
    pub(crate) const HELLO: u32 = 1;
    pub(crate) const CONNECT: u32 = 2;
    pub(crate) const CLOSE: u32 = 3;
    pub(crate) const ADVISE: u32 = 4;
    pub(crate) const UNADVISE: u32 = 5;
    pub(crate) const FIND: u32 = 6;
    pub(crate) const NEXT_TOPIC: u32 = 7;
    pub(crate) const HANG_DOORBELL: u32 = 20;
    pub(crate) const ATTEND: u32 = 21;
    pub(crate) const UNATTEND: u32 = 22;
    pub(crate) const TAKE_DOWN_DOORBELL: u32 = 23;
    pub(crate) const FLOOR_RAISED: u32 = 24;
    pub(crate) const OPEN_LANE: u32 = 25;
    pub(crate) const REQUEST_POSTED: u32 = 26;
    pub(crate) const NEXT_OFFER: u32 = 27;
    pub(crate) const LEAVE: u32 = 28;
    pub(crate) const WELCOME: u32 = 101;
    pub(crate) const UNSUPPORTED: u32 = 102;
    pub(crate) const SEGMENT: u32 = 103;
    pub(crate) const LOCATED: u32 = 104;
    pub(crate) const REFUSED: u32 = 105;
    pub(crate) const GOODBYE: u32 = 106;
    pub(crate) const TOPIC_ENTRY: u32 = 107;
    pub(crate) const NO_MORE_TOPICS: u32 = 108;
    pub(crate) const CREDITS: u32 = 109;
    pub(crate) const GRANTED: u32 = 110;
    pub(crate) const REVOKED: u32 = 111;
    pub(crate) const POOL: u32 = 112;
    pub(crate) const DOORBELL_REFUSED: u32 = 113;
    pub(crate) const OPENED: u32 = 114;
    pub(crate) const LANE_MADE: u32 = 115;
    pub(crate) const ANSWERED: u32 = 116;
    pub(crate) const OFFER_ENTRY: u32 = 117;
    pub(crate) const NO_MORE_OFFERS: u32 = 118;
    pub(crate) const ENDED: u32 = 119;
    pub(crate) const DECLINED: u32 = 120;
}

/// Bytes before a frame's body.
pub(crate) const PREFIX: usize = 24;

/// A frame.
pub(crate) fn frame(kind: u32, conversation: u64, reference: u64, body: &[u8]) -> Vec<u8> {
    let mut frame = b"BUSf".to_vec();
    frame.extend(kind.to_ne_bytes());
    frame.extend(conversation.to_ne_bytes());
    frame.extend(reference.to_ne_bytes());
    frame.extend(body);
    frame
}

/// A name with flags behind it, as most bodies have it.
pub(crate) fn name(name: &str, flags: &[bool]) -> Vec<u8> {
    let mut body = vec![0; 257];
    body[..2].copy_from_slice(&(name.len() as u16).to_le_bytes());
    body[2..][..name.len()].copy_from_slice(name.as_bytes());
    body.extend(flags.iter().map(|&flag| u8::from(flag)));
    body
}

/// The body of an advise on an item, hot.
pub(crate) fn advise(item: &str, wait: bool, lossless: bool) -> Vec<u8> {
    advise_from(item, wait, lossless, 0)
}

/// The body of an advise on an item, hot, of a link that says that it has not read value `from` and those after it.
pub(crate) fn advise_from(item: &str, wait: bool, lossless: bool, from: u64) -> Vec<u8> {
    let mut body = words(&[5_000_000_000, from]);
    body.extend(name(item, &[false, wait, lossless]));
    body.extend([0; 4]);
    body
}

/// The body of an advise on an item, whose link may hold so many values.
pub(crate) fn advise_samples(item: &str, samples: u32) -> Vec<u8> {
    let mut body = advise(item, false, false);
    let at = body.len() - 4;
    body[at..].copy_from_slice(&samples.to_ne_bytes());
    body
}

/// The hello of a client that speaks these versions.
pub(crate) fn hello(oldest: u16, newest: u16) -> Vec<u8> {
    let mut body = oldest.to_ne_bytes().to_vec();
    body.extend(newest.to_ne_bytes());
    frame(kind::HELLO, 0, 0, &body)
}

/// A body of whole words.
pub(crate) fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// A datagram that came in.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) bytes: Vec<u8>,
    pub(crate) fds: Vec<OwnedFd>,
}

impl Incoming {
    /// The frame's kind; 0 where there is none.
    pub(crate) fn kind(&self) -> u32 {
        self.bytes.get(4..8).map_or(0, |bytes| u32::from_ne_bytes(bytes.try_into().unwrap()))
    }

    /// The number of the conversation that the frame is about.
    pub(crate) fn conversation(&self) -> u64 {
        u64::from_ne_bytes(self.bytes[8..16].try_into().unwrap())
    }

    /// The number of the link or question that the frame is about.
    pub(crate) fn reference(&self) -> u64 {
        u64::from_ne_bytes(self.bytes[16..24].try_into().unwrap())
    }

    pub(crate) fn body(&self) -> &[u8] {
        self.bytes.get(PREFIX..).unwrap_or_default()
    }
}

/// A connected socket.
#[derive(Debug)]
pub(crate) struct Client {
    socket: OwnedFd,
}

impl Client {
    pub(crate) fn new(socket: OwnedFd) -> Self {
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(LIMIT)).unwrap();
        Client { socket }
    }

    /// Connects to a service, and says nothing yet.
    pub(crate) fn silent(place: &Place, service: &str) -> Self {
        Client::at(&place.path().join(format!("{service}.sock")))
    }

    /// Connects to the socket at `path`.
    pub(crate) fn at(path: &Path) -> Self {
        let socket = unconnected();
        rustix::net::connect(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
        Client::new(socket)
    }

    /// Connects to a service, and is welcome.
    pub(crate) fn greeted(place: &Place, service: &str) -> Self {
        Client::silent(place, service).greet()
    }

    /// Says hello, and is welcome.
    pub(crate) fn greet(mut self) -> Self {
        self.send(&hello(1, 1), &[]).unwrap();
        assert_eq!(self.receive().expect("an answer to a hello").kind(), kind::WELCOME);
        self
    }

    /// Opens conversation 1, and takes the topic's first segment.
    pub(crate) fn connect(&mut self, topic: &str) -> Segment {
        self.send(&frame(kind::CONNECT, 1, 0, &name(topic, &[false])), &[]).unwrap();
        self.segment()
    }

    /// Takes a segment, which must be the next frame.
    pub(crate) fn segment(&mut self) -> Segment {
        let incoming = self.receive().expect("a segment");
        assert_eq!(incoming.kind(), kind::SEGMENT);
        let [segment, bells] = incoming.fds.try_into().expect("a segment comes with two descriptors");
        Segment { segment, bells }
    }

    /// Sends one datagram.
    pub(crate) fn send(&mut self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(8))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            assert!(control.push(SendAncillaryMessage::ScmRights(fds)));
        }
        rustix::net::sendmsg(&self.socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Sends one datagram, if there is room for it now.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        match rustix::net::send(&self.socket, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(_) => true,
            Err(rustix::io::Errno::AGAIN) => false,
            Err(error) => panic!("the connection is gone: {error}"),
        }
    }

    /// Waits for a datagram; `None` at the end of the connection.
    ///
    /// # Panics
    /// If neither comes.
    pub(crate) fn receive(&mut self) -> Option<Incoming> {
        let mut bytes = vec![0; 4096];
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(8))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let received =
            match rustix::net::recvmsg(&self.socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC) {
                Ok(received) => received,
                // The other end closed without having read all. What it said before is still there.
                Err(rustix::io::Errno::CONNRESET | rustix::io::Errno::PIPE) => return self.receive(),
                Err(error) => panic!("nothing came, and no end: {error}"),
            };
        let mut fds = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                fds.extend(rights);
            }
        }
        bytes.truncate(received.bytes);
        (received.bytes > 0).then_some(Incoming { bytes, fds })
    }

    /// Waits for the end of the connection; the reason of the goodbye before it, if one came.
    pub(crate) fn end(&mut self) -> Option<String> {
        let mut reason = None;
        while let Some(incoming) = self.receive() {
            if incoming.kind() == kind::GOODBYE {
                let text = &incoming.body()[1..];
                let len = usize::from(u16::from_le_bytes([text[0], text[1]]));
                reason = Some(String::from_utf8(text[2..][..len].to_vec()).unwrap());
            }
        }
        reason
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A listening socket at `path`.
pub(crate) fn listen(path: &Path) -> OwnedFd {
    let socket = unconnected();
    rustix::net::bind(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
    rustix::net::listen(&socket, 64).unwrap();
    socket
}

fn unconnected() -> OwnedFd {
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap()
}
