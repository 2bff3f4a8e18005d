use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    #[message(range = 9..=1)]
    bid: u8,
}

fn main() {}
