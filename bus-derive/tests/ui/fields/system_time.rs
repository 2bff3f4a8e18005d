use bus::Message;
use std::time::SystemTime;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: SystemTime,
}

fn main() {}
