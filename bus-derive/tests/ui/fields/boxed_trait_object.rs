use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: Box<dyn std::fmt::Debug + Send + Sync>,
}

fn main() {}
