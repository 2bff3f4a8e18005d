use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    #[message(range = 5)]
    bid: u8,
    #[message(range(0, 5))]
    ask: u8,
}

fn main() {}
