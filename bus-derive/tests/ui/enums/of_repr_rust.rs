use bus::Message;

#[derive(Message)]
#[repr(Rust)]
enum Side {
    Buy,
    Sell,
}

fn main() {}
