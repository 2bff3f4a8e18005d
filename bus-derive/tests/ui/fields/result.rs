use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: Result<u32, u8>,
}

fn main() {}
