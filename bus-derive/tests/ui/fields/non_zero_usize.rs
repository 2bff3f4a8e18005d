use bus::Message;
use std::num::NonZero;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: NonZero<usize>,
}

fn main() {}
