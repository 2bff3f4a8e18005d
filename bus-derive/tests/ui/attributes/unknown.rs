use bus::Message;

#[derive(Message)]
#[message(since = 2)]
#[repr(C)]
struct Quote {
    bid: f64,
}

fn main() {}
