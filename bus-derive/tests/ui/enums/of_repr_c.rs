use bus::Message;

#[derive(Message)]
#[repr(C)]
enum Side {
    Buy,
    Sell,
}

fn main() {}
