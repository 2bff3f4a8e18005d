use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: [[String; 2]; 3],
}

fn main() {}
