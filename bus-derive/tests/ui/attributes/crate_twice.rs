use bus::Message;

#[derive(Message)]
#[message(crate = "bus", crate = "bus")]
#[repr(C)]
struct Quote {
    bid: f64,
}

fn main() {}
