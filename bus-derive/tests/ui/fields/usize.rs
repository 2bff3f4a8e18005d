use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: usize,
}

fn main() {}
