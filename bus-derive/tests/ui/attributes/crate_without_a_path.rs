use bus::Message;

#[derive(Message)]
#[message(crate)]
#[repr(C)]
struct Quote {
    bid: f64,
}

fn main() {}
