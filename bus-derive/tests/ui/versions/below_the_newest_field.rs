use bus::Message;

#[derive(Message)]
#[repr(C)]
#[message(version = 2)]
struct Quote {
    bid: f64,
    #[message(since = 3)]
    ask: f64,
}

fn main() {}
