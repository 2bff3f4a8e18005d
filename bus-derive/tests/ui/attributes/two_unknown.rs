use bus::Message;

#[derive(Message)]
#[message(since = 2, version(3), crate = "bus")]
#[repr(C)]
struct Quote {
    bid: f64,
}

fn main() {}
