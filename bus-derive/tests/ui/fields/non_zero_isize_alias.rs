use bus::Message;
use std::num::NonZeroIsize;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: NonZeroIsize,
}

fn main() {}
