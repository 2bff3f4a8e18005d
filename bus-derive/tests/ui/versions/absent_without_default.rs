use bus::Message;

#[derive(Message)]
#[repr(u8)]
enum Side {
    Buy,
    Sell,
}

#[derive(Message)]
#[repr(C)]
struct Quote {
    bid: f64,
    #[message(since = 2)]
    side: Side,
}

fn main() {}
