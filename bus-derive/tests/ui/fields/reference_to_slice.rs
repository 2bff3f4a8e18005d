use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: &'static [u8],
}

fn main() {}
