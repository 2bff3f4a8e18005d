use bus::Message;

#[derive(Message)]
#[repr(u8)]
enum Side {
    Buy,
    Sell,
}

impl Drop for Side {
    fn drop(&mut self) {}
}

fn main() {}
