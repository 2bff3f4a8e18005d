//! A client cannot change what others read, nor its size, by any means that the kernel has.
//!
//! The descriptor that a client is given is of the very memory that every other client reads. So this test is a
//! client that speaks the protocol by hand, takes that descriptor, and tries everything: writing, growing, shrinking,
//! punching holes, mapping it writable, making a mapping writable, opening it anew, taking the seals off. All of it
//! fails, also for a client with all privileges, and a store through the mapping that it may have ends the client
//! and nobody else. The bells, which are there to be written by everybody, cannot change their size either.

mod support;

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::fs::{FallocateFlags, SealFlags, fallocate, fcntl_add_seals, fcntl_get_seals, fstat, ftruncate};
use rustix::io::{Errno, pwrite};
use rustix::mm::{MapFlags, MprotectFlags, MremapFlags, ProtFlags, mmap, mprotect, mremap, munmap};
use support::wire::Client;
use support::{LIMIT, Place, Publisher, Setup, Test, connect, publisher, roles};

roles!(publisher, vandal);

const SETUP: Setup = Setup { history: 4, journal: 8, items: 2 };

/// Tries to change the size of sealed memory in every way.
#[track_caller]
fn try_to_resize(fd: BorrowedFd<'_>) {
    let before = fstat(fd).unwrap();
    let size = before.st_size as u64;
    for length in [0, 1, size - 1, size + 1, size + 4096, size * 2] {
        assert_eq!(ftruncate(fd, length), Err(Errno::PERM), "to {length} of {size}");
    }
    assert_eq!(fallocate(fd, FallocateFlags::empty(), 0, size + 4096), Err(Errno::PERM));
    assert_eq!(fallocate(fd, FallocateFlags::empty(), size, 4096), Err(Errno::PERM));
    for seals in [SealFlags::SEAL, SealFlags::WRITE, SealFlags::GROW, SealFlags::FUTURE_WRITE] {
        assert_eq!(fcntl_add_seals(fd, seals), Err(Errno::PERM), "{seals:?}");
    }
    let after = fstat(fd).unwrap();
    assert_eq!((after.st_size, after.st_blocks), (before.st_size, before.st_blocks));
}

/// Tries to write to the topic's memory in every way.
#[track_caller]
fn try_to_write(fd: BorrowedFd<'_>) {
    let size = fstat(fd).unwrap().st_size as usize;
    for offset in [0, 64, size as u64 - 8] {
        assert_eq!(pwrite(fd, &[0xff; 8], offset), Err(Errno::PERM));
    }
    // At the end a write would grow it too.
    assert_eq!(pwrite(fd, &[0xff; 8], size as u64), Err(Errno::PERM));
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    assert_eq!(fallocate(fd, hole, 0, 4096), Err(Errno::PERM));
    assert!(fallocate(fd, FallocateFlags::ZERO_RANGE, 0, 4096).is_err());
    assert!(fallocate(fd, FallocateFlags::COLLAPSE_RANGE, 0, 4096).is_err());
    let source = File::open("/proc/self/exe").unwrap();
    assert!(rustix::fs::sendfile(fd, &source, None, 4096).is_err());
    for access in [ProtFlags::WRITE, ProtFlags::READ | ProtFlags::WRITE] {
        assert_eq!(map(fd, access, MapFlags::SHARED).err(), Some(Errno::PERM));
        assert_eq!(map(fd, access, MapFlags::SHARED_VALIDATE).err(), Some(Errno::PERM));
    }
    let read_only = map(fd, ProtFlags::READ, MapFlags::SHARED).unwrap();
    // SAFETY: making a mapping of ours writable, if the kernel let us, would not make it invalid.
    let result = unsafe { mprotect(read_only, size, MprotectFlags::READ | MprotectFlags::WRITE) };
    assert_eq!(result, Err(Errno::ACCESS));
    // SAFETY: the mapping is ours, nothing refers to it, and what follows uses only what this returns.
    let moved = unsafe { mremap(read_only, size, size, MremapFlags::MAYMOVE) }.unwrap();
    // SAFETY: as above.
    let result = unsafe { mprotect(moved, size, MprotectFlags::READ | MprotectFlags::WRITE) };
    assert_eq!(result, Err(Errno::ACCESS));
    // A debugger's way into a process's own memory, which disregards how it is mapped.
    let memory = File::options().write(true).open("/proc/self/mem").unwrap();
    assert!(std::os::unix::fs::FileExt::write_at(&memory, &[0xff; 8], moved.addr() as u64).is_err());
    // SAFETY: the mapping is ours and nothing refers to it.
    unsafe { munmap(moved, size) }.unwrap();
}

fn map(fd: impl AsFd, access: ProtFlags, flags: MapFlags) -> Result<*mut core::ffi::c_void, Errno> {
    let size = fstat(&fd).unwrap().st_size as usize;
    // SAFETY: a new mapping at an address that the kernel chooses touches no other memory.
    unsafe { mmap(core::ptr::null_mut(), size, access, flags, fd, 0) }
}

#[test]
fn a_client_cannot_change_the_memory_that_others_read() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    publisher.publish(0, 3);
    let mut link = connect(&place.bus()).advise("*").hot().unwrap();
    assert_eq!(link.recv_timeout(LIMIT).unwrap().value.check(), (0, 3));

    let topic = Client::greeted(&place, "service").connect("topic");
    let read_only = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL | SealFlags::FUTURE_WRITE;
    assert_eq!(fcntl_get_seals(&topic.segment).unwrap() & read_only, read_only);
    try_to_write(topic.segment.as_fd());
    try_to_resize(topic.segment.as_fd());
    // Opened anew through /proc, and so with a mode of its own.
    let path = format!("/proc/self/fd/{}", topic.segment.as_raw_fd());
    let mut anew = File::options().read(true).write(true).open(&path).unwrap();
    assert_eq!(anew.write(b"x").unwrap_err().raw_os_error(), Some(libc::EPERM));
    try_to_write(anew.as_fd());
    try_to_resize(anew.as_fd());
    let truncated = File::options().write(true).truncate(true).open(&path);
    assert_eq!(truncated.unwrap_err().raw_os_error(), Some(libc::EPERM));

    publisher.publish(0, 1);
    let next = link.recv_timeout(LIMIT).unwrap();
    assert_eq!((next.value.check(), next.missed), ((0, 4), 0), "and the topic is as it was");
}

#[test]
fn bells_can_be_rung_by_all_and_resized_by_none() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let mut link = connect(&place.bus()).advise("*").hot().unwrap();
    let topic = Client::greeted(&place, "service").connect("topic");
    try_to_resize(topic.bells.as_fd());
    // Rubbish in every word of them costs others nothing but time.
    let size = fstat(&topic.bells).unwrap().st_size as usize;
    for byte in [0xff, 0x00] {
        pwrite(&topic.bells, &vec![byte; size], 0).unwrap();
        publisher.publish(1, 1);
        link.recv_timeout(LIMIT).unwrap().value.check();
    }
    let view = topic.view();
    view.topic_bell().store(1, std::sync::atomic::Ordering::Relaxed);
    publisher.publish(1, 1);
    assert_eq!(link.recv_timeout(LIMIT).unwrap().value.check(), (1, 3));
}

/// Maps a topic as a client does, and stores to it.
fn vandal(test: &mut Test) {
    let path = test.hear();
    let topic = Client::at(std::path::Path::new(&path)).greet().connect("topic");
    let start = map(&topic.segment, ProtFlags::READ, MapFlags::SHARED).unwrap();
    test.say("mapped");
    test.await_line("store");
    // SAFETY: none. This is what a client must not do; the kernel ends the process before anything is stored.
    unsafe { start.cast::<u64>().write_volatile(0) };
    test.say("stored");
}

#[test]
fn a_store_to_the_mapping_ends_only_the_process_that_makes_it() {
    let place = Place::new();
    let mut publisher = Publisher::start(&place, SETUP);
    let mut link = connect(&place.bus()).advise("*").hot().unwrap();
    let mut vandal = place.start("vandal");
    vandal.say(place.path().join("service.sock").display());
    vandal.await_line("mapped");
    vandal.say("store");
    let status = vandal.end();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGSEGV));
    publisher.publish(0, 1);
    assert_eq!(link.recv_timeout(LIMIT).unwrap().value.check(), (0, 1));
}
