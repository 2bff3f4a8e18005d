use bus::Message;

#[derive(Message)]
#[message(crate = 7)]
#[repr(C)]
struct Quote {
    bid: f64,
}

fn main() {}
