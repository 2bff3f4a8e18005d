use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    #[message(range = 0..10)]
    bid: u8,
    #[message(range = ..10)]
    ask: u8,
}

fn main() {}
