use bus::Message;
use std::sync::Arc;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: Arc<u32>,
}

fn main() {}
