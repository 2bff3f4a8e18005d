use bus::Message;

#[derive(Message)]
#[message]
#[repr(C)]
struct Quote {
    bid: f64,
}

fn main() {}
