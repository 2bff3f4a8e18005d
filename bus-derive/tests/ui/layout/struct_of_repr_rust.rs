use bus::Message;

#[derive(Message)]
#[repr(Rust)]
struct Quote {
    bid: f64,
}

fn main() {}
