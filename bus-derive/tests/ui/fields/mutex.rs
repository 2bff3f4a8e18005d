use bus::Message;
use std::sync::Mutex;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: Mutex<u32>,
}

fn main() {}
