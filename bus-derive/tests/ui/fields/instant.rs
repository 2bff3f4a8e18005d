use bus::Message;
use std::time::Instant;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: Instant,
}

fn main() {}
