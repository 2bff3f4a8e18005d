use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    #[message(range = ..)]
    bid: u8,
}

fn main() {}
