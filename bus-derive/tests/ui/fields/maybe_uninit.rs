use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: std::mem::MaybeUninit<u32>,
}

fn main() {}
