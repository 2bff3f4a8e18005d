use bus::Message;

#[derive(Message)]
#[message(crate = "my bus")]
#[repr(C)]
struct Quote {
    bid: f64,
}

fn main() {}
