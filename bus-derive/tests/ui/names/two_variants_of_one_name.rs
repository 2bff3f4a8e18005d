use bus::Message;

#[derive(Message)]
#[repr(u8)]
enum Side {
    Buy,
    #[message(rename = "Buy")]
    Sell,
}

fn main() {}
