use bus::Message;

#[derive(Message)]
#[repr(align(8))]
struct Quote {
    bid: f64,
}

fn main() {}
