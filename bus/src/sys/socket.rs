//! Unix SEQPACKET sockets, unix(7): datagrams in order over a connection, with descriptors and credentials.
//!
//! A SEQPACKET send is whole or not at all, so a frame is never half there, and the end of a connection is
//! known the moment the kernel closes the peer's descriptors. All sockets here are non-blocking.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
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
    /// Its process; 0 where it has no number here, being outside of this process's pid namespace.
    pub(crate) pid: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
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
    /// A datagram came whose descriptors are lost: this process has no room for as many.
    Starved,
}

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is on its way.
    Yes,
    /// The peer's queue is full. The socket polls as writable when there is room.
    Full,
    /// The system lacks something, which polling does not tell the end of: to be tried again after a pause.
    Later,
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
    // Not by rustix, whose pid cannot be the 0 that the kernel says of a process in another pid namespace.
    let mut peer = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut len = size_of::<libc::ucred>() as libc::socklen_t;
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: the descriptor is open for the length of the call; `peer` is ours and valid for `len` bytes, of
    // which the kernel writes at most as many; `len` is ours too.
    let failed = unsafe {
        libc::getsockopt(socket, libc::SOL_SOCKET, libc::SO_PEERCRED, (&raw mut peer).cast(), &raw mut len)
    };
    if failed != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Credentials { pid: u32::try_from(peer.pid).unwrap_or(0), uid: peer.uid, gid: peer.gid })
}

/// The further groups of who connected, which are not in its [`Credentials`] (SO_PEERGROUPS). None where the kernel does not say.
pub(crate) fn groups(socket: impl AsFd) -> Vec<u32> {
    let socket = socket.as_fd().as_raw_fd();
    let mut groups: Vec<libc::gid_t> = vec![0; 32];
    // The groups of a connection do not change, so the second look has room for all of them.
    for _ in 0..2 {
        let mut len = (groups.len() * size_of::<libc::gid_t>()) as libc::socklen_t;
        // SAFETY: the descriptor is open for the length of the call; `groups` is ours and valid for `len` bytes, of which the
        // kernel writes at most as many, whole numbers; `len` is ours too.
        let failed = unsafe {
            let (level, option) = (libc::SOL_SOCKET, libc::SO_PEERGROUPS);
            libc::getsockopt(socket, level, option, groups.as_mut_ptr().cast(), &raw mut len)
        };
        let count = len as usize / size_of::<libc::gid_t>();
        if failed == 0 {
            groups.truncate(count);
            return groups;
        }
        if io::Error::last_os_error().raw_os_error() != Some(libc::ERANGE) {
            break;
        }
        groups.resize(count, 0);
    }
    Vec::new()
}

/// Sends one datagram, if there is room for it now.
pub(crate) fn send(socket: impl AsFd, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<Sent> {
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
        Ok(_) => Ok(Sent::Yes),
        Err(Errno::AGAIN) => Ok(Sent::Full),
        // ETOOMANYREFS: too many descriptors on their way to peers that do not read; room comes back.
        Err(Errno::NOBUFS | Errno::NOMEM | Errno::TOOMANYREFS) => Ok(Sent::Later),
        Err(errno) => Err(errno.into()),
    }
}

/// Receives one datagram into `buffer`. One that is too large, or brings more descriptors than
/// [`MAX_FDS`], is an error: no honest peer sends it.
pub(crate) fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<Received> {
    // With room for one more, too many are seen as such, and what is cut off nevertheless is our own lack.
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MAX_FDS + 1))];
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
    if received.flags.contains(ReturnFlags::TRUNC) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a datagram larger than any frame"));
    }
    if fds.len() > MAX_FDS {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a datagram with too many descriptors"));
    }
    if received.flags.contains(ReturnFlags::CTRUNC) {
        return Ok(Received::Starved);
    }
    if received.bytes == 0 {
        return Ok(Received::End);
    }
    Ok(Received::Datagram(received.bytes, fds))
}

/// A pair of connected stream sockets, of which the first sends to the second: a doorbell and its owner's end.
pub(crate) fn doorbell() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let pair = rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // Little room: one ring is as good as many. The kernel makes of it the least that it has.
    sockopt::set_socket_send_buffer_size(&pair.0, 1)?;
    Ok(pair)
}

/// Whether this is a socket as [`doorbell`] makes them.
pub(crate) fn is_unix_stream(socket: &OwnedFd) -> bool {
    sockopt::socket_domain(socket) == Ok(AddressFamily::UNIX)
        && sockopt::socket_type(socket) == Ok(SocketType::STREAM)
}

/// Sends one byte, if there is room for it now, whatever the flags of the socket say.
pub(crate) fn ring(doorbell: &OwnedFd) -> io::Result<()> {
    rustix::net::send(doorbell, &[1], SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?;
    Ok(())
}

/// Takes what rang, as far as it fits one call: a peer that never ceases to ring must not keep anybody here. Whether
/// the other end is still there.
pub(crate) fn empty(doorbell: &OwnedFd) -> bool {
    let mut rings = [0; 4096];
    match rustix::net::recv(doorbell, &mut rings, RecvFlags::DONTWAIT) {
        Ok((0, _)) => false,
        Ok(_) | Err(Errno::AGAIN | Errno::INTR) => true,
        Err(_) => false,
    }
}

fn unconnected() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (OwnedFd, OwnedFd) {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap()
    }

    #[test]
    fn a_peer_is_known_by_the_kernels_word() {
        let (ours, _theirs) = pair();
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        assert_eq!(credentials(&ours).unwrap(), Credentials { pid: std::process::id(), uid, gid });
        assert!(credentials(std::fs::File::open("/dev/null").unwrap()).is_err());
    }

    #[test]
    fn a_peers_further_groups_are_those_that_it_had_when_it_connected() {
        let (ours, _theirs) = pair();
        let mut expected: Vec<u32> =
            rustix::process::getgroups().unwrap().into_iter().map(|group| group.as_raw()).collect();
        let mut found = groups(&ours);
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected);
        assert_eq!(groups(std::fs::File::open("/dev/null").unwrap()), [0; 0]);
    }

    #[test]
    fn more_descriptors_than_any_frame_has_are_the_peers_fault() {
        for count in [MAX_FDS + 1, MAX_FDS + 2, 100] {
            let (ours, theirs) = pair();
            let fds = vec![ours.as_fd(); count];
            let mut space = vec![MaybeUninit::uninit(); cmsg_space!(ScmRights(100))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
            rustix::net::sendmsg(&theirs, &[IoSlice::new(b"x")], &mut control, SendFlags::empty()).unwrap();
            let error = receive(&ours, &mut [0; 16]).unwrap_err();
            assert!(error.to_string().contains("too many descriptors"), "{error}");
        }
    }

    #[test]
    fn last_words_arrive_from_a_peer_that_closed_without_having_read_all() {
        let (ours, theirs) = pair();
        assert_eq!(send(&ours, b"never read", &[]).unwrap(), Sent::Yes);
        assert_eq!(send(&theirs, b"goodbye", &[]).unwrap(), Sent::Yes);
        drop(theirs);
        let mut buffer = [0; 16];
        assert!(matches!(receive(&ours, &mut buffer), Ok(Received::Datagram(7, _))));
        assert_eq!(&buffer[..7], b"goodbye");
        assert!(matches!(receive(&ours, &mut buffer), Ok(Received::End)));
    }
}
