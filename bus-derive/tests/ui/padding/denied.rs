use bus::Message;

#[derive(Message)]
#[repr(C)]
#[message(deny_padding)]
struct Quote {
    open: bool,
    bid: f64,
    size: u32,
}

fn main() {}
