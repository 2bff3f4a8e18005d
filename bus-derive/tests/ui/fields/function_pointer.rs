use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: fn(u32) -> u32,
}

fn main() {}
