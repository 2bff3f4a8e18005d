use bus::Message;

#[derive(Message)]
#[repr(C)]
struct Quote {
    bid: f64,
    #[message(since = 0)]
    ask: f64,
    #[message(since = "2")]
    low: f64,
    #[message(since)]
    high: f64,
}

fn main() {}
