use bus::Message;
use std::collections::HashMap;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: HashMap<u32, f64>,
}

fn main() {}
