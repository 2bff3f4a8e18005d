use bus::Message;

#[derive(Message)]
#[repr(u8)]
enum Side {
    Buy,
    #[message(crate = "bus")]
    Sell,
}

fn main() {}
