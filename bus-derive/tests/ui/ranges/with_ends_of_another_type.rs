use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    #[message(range = 0..=1)]
    bid: f64,
    #[message(range = 0..=300)]
    ask: u8,
}

fn main() {}
