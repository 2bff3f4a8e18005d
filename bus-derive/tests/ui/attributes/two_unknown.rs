use bus::Message;

#[derive(Message)]
#[message(frequency = 2, colour(3), crate = "bus")]
#[repr(C)]
struct Quote {
    bid: f64,
}

fn main() {}
