//! Unix SEQPACKET sockets, unix(7): datagrams in order over a connection, with descriptors and credentials.
//!
//! A SEQPACKET send is whole or not at all, so a frame is never half there, and the end of a connection is
//! known the moment the kernel closes the peer's descriptors. All sockets here are non-blocking.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::cmsg_space;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, sockopt,
};

/// The most descriptors one datagram carries.
pub(crate) const MAX_FDS: usize = 2;

/// Who is at the other end, by the kernel's word (SO_PEERCRED).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) pid: u32,
    pub(crate) uid: u32,
}

/// What a receive brought.
#[derive(Debug)]
pub(crate) enum Received {
    /// A datagram of so many bytes, with the descriptors that came along.
    Datagram(usize, Vec<OwnedFd>),
    /// Nothing now.
    Nothing,
    /// The peer is gone.
    End,
}

/// Binds a listening socket at `path`, which must not exist.
pub(crate) fn listen(path: &Path) -> io::Result<OwnedFd> {
    let socket = unconnected()?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::net::listen(&socket, 4096)?;
    Ok(socket)
}

/// Connects to the socket at `path`. `WouldBlock` if its queue of connections is full.
pub(crate) fn connect(path: &Path) -> io::Result<OwnedFd> {
    let socket = unconnected()?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

/// Takes the next connection; `None` if there is none now.
pub(crate) fn accept(listener: &OwnedFd) -> io::Result<Option<OwnedFd>> {
    match rustix::net::accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
        Ok(socket) => Ok(Some(socket)),
        Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Who connected, or who listens.
pub(crate) fn credentials(socket: impl AsFd) -> io::Result<Credentials> {
    let peer = sockopt::socket_peercred(socket)?;
    Ok(Credentials { pid: peer.pid.as_raw_nonzero().get() as u32, uid: peer.uid.as_raw() })
}

/// Sends one datagram; `false` if the peer's queue is full now.
pub(crate) fn send(socket: impl AsFd, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<bool> {
    assert!(fds.len() <= MAX_FDS);
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MAX_FDS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() {
        assert!(control.push(SendAncillaryMessage::ScmRights(fds)), "the space is for this many");
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    match rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(&socket, &[IoSlice::new(bytes)], &mut control, flags)
    }) {
        Ok(_) => Ok(true),
        // ETOOMANYREFS: too many descriptors on their way to peers that do not read; room comes back.
        Err(Errno::AGAIN | Errno::NOBUFS | Errno::TOOMANYREFS) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Receives one datagram into `buffer`. One that is too large, or brings more descriptors than
/// [`MAX_FDS`], is an error: no honest peer sends it.
pub(crate) fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<Received> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MAX_FDS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut receive = || {
        rustix::io::retry_on_intr(|| {
            let mut parts = [IoSliceMut::new(buffer)];
            let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
            rustix::net::recvmsg(&socket, &mut parts, &mut control, flags)
        })
    };
    let received = match receive() {
        // The peer closed without having read all that it was sent. The kernel says so once, before it hands
        // out what the peer itself had sent: its reasons, perhaps.
        Err(Errno::CONNRESET) => receive(),
        received => received,
    };
    let received = match received {
        Ok(received) => received,
        Err(Errno::AGAIN) => return Ok(Received::Nothing),
        Err(Errno::CONNRESET | Errno::PIPE) => return Ok(Received::End),
        Err(errno) => return Err(errno.into()),
    };
    // Descriptors are owned from here on, also where the datagram is refused.
    let mut fds = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a datagram larger than any frame"));
    }
    if received.bytes == 0 {
        return Ok(Received::End);
    }
    Ok(Received::Datagram(received.bytes, fds))
}

fn unconnected() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_arrive_from_a_peer_that_closed_without_having_read_all() {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (ours, theirs) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
        assert!(send(&ours, b"never read", &[]).unwrap());
        assert!(send(&theirs, b"goodbye", &[]).unwrap());
        drop(theirs);
        let mut buffer = [0; 16];
        assert!(matches!(receive(&ours, &mut buffer), Ok(Received::Datagram(7, _))));
        assert_eq!(&buffer[..7], b"goodbye");
        assert!(matches!(receive(&ours, &mut buffer), Ok(Received::End)));
    }
}
