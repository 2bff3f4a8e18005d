use bus::Message;

#[derive(Message)]
enum Side {
    Buy,
    Sell,
}

fn main() {}
