use bus::Message;
use std::sync::atomic::AtomicU32;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: AtomicU32,
}

fn main() {}
