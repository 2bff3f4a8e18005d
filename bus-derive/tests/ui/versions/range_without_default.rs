use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    bid: f64,
    #[message(since = 2, range = 1..)]
    lot: u32,
    #[message(since = 2, range = -1.5..=2.0, default = -2)]
    skew: f64,
}

fn main() {}
