use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: (u32, f64),
}

fn main() {}
