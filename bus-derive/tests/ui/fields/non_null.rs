use bus::Message;
use std::ptr::NonNull;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: NonNull<u8>,
}

fn main() {}
