use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    bid: f64,
}

impl Quote {
    const BID: u8 = 1;
}

fn main() {}
