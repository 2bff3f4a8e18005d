use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    bid: f64,
    size: u32,
}

#[derive(Message)]
#[repr(C)]
#[message(deny_padding)]
struct Quotes {
    quotes: [Quote; 2],
    count: u64,
}

fn main() {}
