use bus::Message;

#[derive(Message)]
#[repr(u8)]
enum Side {
    #[message(since = 2, name = "b")]
    Buy,
    Sell,
}

fn main() {}
