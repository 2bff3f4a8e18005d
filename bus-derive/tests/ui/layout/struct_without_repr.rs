use bus::Message;

#[derive(Message)]
struct Quote {
    bid: f64,
    size: u32,
}

fn main() {}
