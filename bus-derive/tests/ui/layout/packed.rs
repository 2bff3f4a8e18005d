use bus::Message;

#[derive(Message)]
#[repr(C, packed)]
struct Quote {
    bid: f64,
    size: u32,
}

fn main() {}
