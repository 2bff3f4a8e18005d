use bus::Message;

#[derive(Message)]
#[repr(usize)]
enum Side {
    Buy,
    Sell,
}

fn main() {}
