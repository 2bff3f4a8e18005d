use bus::Message;
use std::time::Duration;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: Duration,
}

fn main() {}
