use bus::Message;
use std::cell::Cell;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: Cell<u32>,
}

fn main() {}
