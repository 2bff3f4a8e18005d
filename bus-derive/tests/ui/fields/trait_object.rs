use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: dyn std::fmt::Debug + Send + Sync,
}

fn main() {}
