use bus::Message;

#[derive(Message)]
#[repr(i128)]
enum Side {
    Buy,
    Sell,
}

fn main() {}
