use bus::Message;

#[derive(Message)]
#[repr(C)]
#[message(unsafe_any_bits)]
struct Quote {
    bid: f64,
}

fn main() {}
