use bus::Message;

#[derive(Message)]
#[repr(u8)]
enum Side {
    Buy = 1,
    Sell = 1,
}

fn main() {}
