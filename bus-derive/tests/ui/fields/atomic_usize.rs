use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Reading {
    id: u32,
    value: std::sync::atomic::AtomicUsize,
}

fn main() {}
