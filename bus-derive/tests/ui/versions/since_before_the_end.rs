use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    bid: f64,
    #[message(since = 3)]
    ask: f64,
    #[message(since = 2)]
    low: f64,
    high: f64,
}

fn main() {}
